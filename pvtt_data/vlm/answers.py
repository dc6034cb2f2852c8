"""What models answered, kept: the truth is `answers/<task>.jsonl` in the work directory, one answer a line.

A line is written and synced as soon as its answer is there; a torn last line, left by a kill, is passed over. The same
rows as Parquet (`<task>.parquet`, with the schema of `Answer`) lie beside it for DuckDB and pandas.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import pyarrow.parquet as pq

from pvtt_data.errors import PreflightError
from pvtt_data.files import whole_file
from pvtt_data.records import Answer, canonical_json, content_id, from_plain, sort_records, to_arrow

MAX_TEXT_CHARS = 4000
"""What is kept of an answer's text."""


def answer_id(task: str, prompt: str, model: str, inputs: Sequence[str]) -> str:
    """What an answer is kept under: the same question about the same bytes to the same model.

    Args:
        task: "judge" or "caption".
        prompt: name, version and digest of the prompt.
        model: see `Answerer.name`.
        inputs: SHA-256 of all bytes that are shown, and the texts that are quoted.
    """
    return content_id("answer", task, prompt, model, list(inputs))


class AnswerBook:
    """The answers to one task.

    Args:
        work: the work directory.
        task: "judge" or "caption".
    """

    def __init__(self, work: Path, task: str) -> None:
        self.task = task
        self.path = work / "answers" / f"{task}.jsonl"
        self.table = work / "answers" / f"{task}.parquet"

    def read(self) -> dict[str, Answer]:
        """Answers by id; of several with the same id the latest.

        Raises:
            PreflightError: a whole line cannot be read.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return {}
        lines = data.split(b"\n")
        found: dict[str, Answer] = {}
        for number, line in enumerate(lines):
            if not line.strip() or number == len(lines) - 1:  # what follows the last line's end is torn
                continue
            try:
                answer = from_plain(Answer, json.loads(line))
            except (ValueError, TypeError, AttributeError) as error:
                raise PreflightError(
                    f"{self.path}:{number + 1} is no answer ({error}); delete the line, and ask again"
                ) from error
            found[answer.answer_id] = answer
        return found

    def add(self, answer: Answer) -> None:
        """Keep one answer; it is on the disk when this returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        line = canonical_json(answer).encode() + b"\n"
        with self.path.open("a+b") as file:
            _drop_torn_line(file)
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def write_table(self) -> Path:
        """Write all answers as Parquet."""
        with whole_file(self.table) as file:
            pq.write_table(to_arrow(Answer, sort_records(self.read().values())), file, compression="zstd")
        return self.table


def _drop_torn_line(file: BinaryIO) -> None:
    """Cut off what a kill left of a line, so that the next one does not become part of it."""
    place = end = file.seek(0, os.SEEK_END)
    while place:
        place -= 1
        file.seek(place)
        if file.read(1) == b"\n":
            place += 1
            break
    if place != end:
        file.truncate(place)


def made_answer(
    task: str,
    prompt: str,
    model: str,
    subject_id: str,
    inputs: Sequence[str],
    text: str,
    values: Mapping[str, str] | None,
) -> Answer:
    """The record of an answer; ``values`` is None if the text could not be understood."""
    # Half a surrogate pair cannot be stored; a model's text may hold anything.
    plain = text.encode("utf-8", "backslashreplace").decode()[:MAX_TEXT_CHARS]
    return Answer(
        answer_id=answer_id(task, prompt, model, inputs),
        task=task,
        subject_id=subject_id,
        prompt=prompt,
        model=model,
        understood=values is not None,
        values=dict(sorted((values or {}).items())),
        text=plain,
    )
