"""What `pvtt-data judge` and `pvtt-data caption` have in common: count, say where questions go, ask, say what came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pvtt_data.errors import PreflightError
from pvtt_data.records import Answer
from pvtt_data.vlm.answerer import Answerer, answerer_for
from pvtt_data.vlm.answers import AnswerBook
from pvtt_data.vlm.asking import Question, Reader, ask_all, unasked
from pvtt_data.vlm.config import ModelConfig
from pvtt_data.vlm.endpoint import Endpoint
from pvtt_data.workspace import Workspace

R = TypeVar("R")

dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be asked of whom, and ask nothing.")
at_most_option = click.option("--limit", type=click.IntRange(min=1), help="Ask at most so many questions now.")


def read_rows(workspace: Workspace, name: str, record: type[R]) -> list[R]:
    """Rows of the latest build.

    Raises:
        PreflightError: the table was written by another version of pvtt.
    """
    try:
        return workspace.read_table(name, record)
    except TypeError as error:
        raise PreflightError(
            f"{workspace.tables / name}.parquet is of another version of pvtt: build once more"
        ) from error


def run_questions(
    what: str,
    questions: Sequence[Question],
    parts: int,
    config: ModelConfig,
    workspace: Workspace,
    read: Reader,
    *,
    dry_run: bool,
    limit: int | None,
) -> None:
    """Ask what was not asked yet and tell a person about it.

    Args:
        what: what questions are about, in the plural.
        parts: single questions in each.

    Raises:
        AskingError: the model answers nobody.
    """
    console = Console(soft_wrap=True)
    model = answerer_for(config)
    book = AnswerBook(workspace.root, questions[0].task) if questions else None
    known = book.read() if book is not None else {}
    left = unasked(questions, model.name, known)[:limit]
    answered = len(questions) - len(unasked(questions, model.name, known))
    for line in _intention(what, questions, answered, left, parts, model):
        console.print(line, highlight=False, markup=False)
    if dry_run or not left or book is None:
        return
    values: Counter[str] = Counter()
    columns: tuple[Any, ...] = (TextColumn("asking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("asking", total=len(left))

        def count(answer: Answer) -> None:
            values.update(f"{name}: {value}" for name, value in answer.values.items() if len(value) <= 12)
            bar.advance(task)

        asked = ask_all(left, model, book, read, count)
    console.print(
        f"answers: {asked.understood} understood, {asked.malformed} not of the form asked for", highlight=False
    )
    for value, number in sorted(values.items()):
        console.print(f"  {number:>5}  {value}", highlight=False, markup=False)
    for subject, why in asked.unanswered.items():
        console.print(f"not answered, may be asked again: {subject}: {why}", highlight=False, markup=False)
    console.print(f"kept in {book.path}; the next build reads them", highlight=False, markup=False)


def _intention(
    what: str, questions: Sequence[Question], answered: int, left: Sequence[Question], parts: int, model: Answerer
) -> list[str]:
    pictures = sum(question.picture_count for question in left)
    lines = [f"{len(questions)} {what} in the latest build, {answered} of them answered by {model.name}"]
    if left:
        asked = f"{len(left)} requests ({len(left) * parts} questions) with {pictures} pictures"
        lines.append(f"to ask: {asked}, to {model.place}")
        if isinstance(model, Endpoint) and not model.holds_key:
            lines.append(f"no key: the environment variable {model.config.key_variable} is not set")
    else:
        lines.append("nothing is left to ask")
    return lines
