"""The text of a log, from what was added to it so far."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from pvtt_data.experiment_log.entries import (
    Entry,
    Experiment,
    Input,
    Iteration,
    Output,
    Picture,
    Related,
    Remark,
    Setting,
    Status,
    Step,
    Table,
    Value,
)
from pvtt_data.experiment_log.machine import Commit
from pvtt_data.experiment_log.markdown import cell, code, fenced, image, line, link, table, text
from pvtt_data.experiment_log.privacy import REDACTED, Privacy, is_secret
from pvtt_data.experiment_log.words import Words
from pvtt_data.words import bytes_text, duration_text

LARGEST_FOR_GIT_BYTES = 100_000_000

_DASH = "–"
_MARK = "<!-- {} -->"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Failure:
    """What ended a run: one line, and the end of the traceback."""

    message: str
    traceback: str


@dataclass(slots=True)
class Contents:
    """All that a log tells.

    Attributes:
        pictures: place among the entries → the file of its picture, or why there is none.
        written: when this was last written.
        peak_memory_bytes: the most main memory so far.
        continues: name of the log before this one, which a person edited while the run went on.
    """

    experiment: Experiment
    words: Words
    privacy: Privacy
    started: datetime
    written: datetime
    seconds: float
    device: str
    environment: str
    commit: Commit | None
    status: Status = "running"
    failure: Failure | None = None
    entries: list[Entry] = field(default_factory=list)
    pictures: dict[int, Path | str] = field(default_factory=dict)
    peak_memory_bytes: int = 0
    peak_gpu_memory_bytes: int | None = None
    continues: str = ""

    def of(self, kind: type[T]) -> list[tuple[int, T]]:
        """Entries of a kind, with their places."""
        return [(place, entry) for place, entry in enumerate(self.entries) if isinstance(entry, kind)]


def before_yours(log: Contents, folder: Path) -> str:
    """All that stands above the part that is left to a person.

    Args:
        folder: where the log lies; links are relative to it.
    """
    words, experiment, clean = log.words, log.experiment, log.privacy.clean
    sections = [
        f"# {line(clean(experiment.title) or f'{experiment.model}: {experiment.task}')}",
        _facts(log),
        *([line(words.continues.format(name=log.continues))] if log.continues else []),
        f"## {words.background}",
        text(clean(experiment.background)) or words.nothing,
        f"## {words.configuration}",
        _configuration(log),
        f"## {words.inputs}",
        *(_inputs(log, folder) or [words.nothing]),
        f"## {words.processing}",
        _processing(log),
        f"## {words.results}",
        *(_results(log, folder) or [words.nothing]),
        f"## {words.iterations}",
        _iterations(log) or words.nothing,
        f"## {words.output_files}",
        _outputs(log) or words.nothing,
        f"## {words.details}",
        *_details(log),
        _MARK.format(words.yours),
    ]
    return "\n\n".join(sections) + "\n"


def yours(words: Words) -> str:
    """What stands in a person's part before they write."""
    note = f"*{words.yours_note}*"
    return f"\n## {words.findings}\n\n{note}\n\n## {words.conclusion}\n\n{note}\n\n"


def after_yours(log: Contents, folder: Path) -> str:
    """All that stands below the part that is left to a person."""
    related = [_related(entry, log.privacy, folder) for _, entry in log.of(Related)]
    return (
        "\n\n".join(
            [_MARK.format(log.words.yours_end), f"## {log.words.related}", "\n".join(related) or log.words.nothing]
        )
        + "\n"
    )


def _facts(log: Contents) -> str:
    words, experiment = log.words, log.experiment
    ended = "" if log.status == "running" else f" {_DASH} {log.written:%Y-%m-%d %H:%M:%S}"
    told: dict[str, Value] = {
        words.date: f"{log.started:%Y-%m-%d %H:%M:%S %z}".strip() + ended,
        words.status: _status(log),
        words.subject: experiment.subject or None,
        words.test_case: experiment.test_case or None,
    }
    return _pairs(told, log)


def _status(log: Contents) -> str:
    words = log.words
    if log.status == "running":
        return words.running.format(time=f"{log.written:%Y-%m-%d %H:%M:%S}")
    told = {"finished": words.finished, "failed": words.failed, "interrupted": words.interrupted}[log.status]
    return f"{told}: {log.failure.message}" if log.failure and log.status == "failed" else told


def _configuration(log: Contents) -> str:
    words = log.words
    told: dict[str, Value] = {
        words.model: log.experiment.model,
        words.task: log.experiment.task,
        words.device: log.device,
        words.environment: log.environment,
        words.commit: _commit(log.commit, words),
    }
    return _pairs(told | dict(log.experiment.environment), log)


def _commit(commit: Commit | None, words: Words) -> str:
    if commit is None:
        return words.no_commit
    return (
        words.uncommitted.format(commit=commit.sha, count=commit.changed_files) if commit.changed_files else commit.sha
    )


def _inputs(log: Contents, folder: Path) -> list[str]:
    words, inputs = log.words, log.of(Input)
    if not inputs:
        return []
    rows = [
        [cell(log.privacy.clean(entry.name)), cell(log.privacy.clean(entry.description)), _path(entry.path, log)]
        for _, entry in inputs
    ]
    shown = [_picture(place, entry.name, log, folder) for place, entry in inputs if place in log.pictures]
    return [table((words.name, words.description, words.path), rows), *shown]


def _processing(log: Contents) -> str:
    words = log.words
    steps = [entry for _, entry in log.of(Step)]
    frames = [step.frames for step in steps if step.frames is not None]
    whole = Step(words.total, log.seconds, None, log.peak_memory_bytes, log.peak_gpu_memory_bytes)
    columns: list[tuple[str, Callable[[Step], str]]] = [(words.time, lambda step: duration_text(step.seconds))]
    if frames:
        columns += [(words.frames, lambda step: _or_dash(step.frames, str)), (words.fps, _frames_per_second)]
    columns.append((words.memory, lambda step: _or_dash(step.memory_bytes, bytes_text)))
    if any(step.gpu_memory_bytes is not None for step in (*steps, whole)):
        columns.append((words.gpu_memory, lambda step: _or_dash(step.gpu_memory_bytes, bytes_text)))
    rows = [
        [cell(log.privacy.clean(step.name)), *(told(step) for _, told in columns)]
        for step in (*steps, whole)
    ]  # fmt: skip
    return table((words.step, *(name for name, _ in columns)), rows, [False] + [True] * len(columns))


def _or_dash(value: T | None, told: Callable[[T], str]) -> str:
    return _DASH if value is None else told(value)


def _frames_per_second(step: Step) -> str:
    if step.frames is None or step.seconds <= 0:
        return _DASH
    rate = step.frames / step.seconds
    return f"{rate:.0f}" if rate >= 100 else f"{rate:.3g}"


def _results(log: Contents, folder: Path) -> list[str]:
    blocks = []
    for place, entry in enumerate(log.entries):
        if isinstance(entry, Remark):
            blocks.append(text(log.privacy.clean(entry.text)))
        elif isinstance(entry, Picture):
            blocks.append(_picture(place, entry.description, log, folder))
        elif isinstance(entry, Table):
            blocks += [f"### {line(log.privacy.clean(entry.title))}", _table(entry, log)]
            blocks += [text(log.privacy.clean(entry.note))] if entry.note else []
    return blocks


def _table(entry: Table, log: Contents) -> str:
    right = [_is_numeric([row[place] for row in entry.rows]) for place in range(len(entry.columns))]
    columns = [cell(log.privacy.clean(name)) for name in entry.columns]
    return table(columns, [[_value(value, log) for value in row] for row in entry.rows], right)


def _is_numeric(values: Sequence[Value]) -> bool:
    given = [value for value in values if value is not None]
    return bool(given) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in given)


def _picture(place: int, caption: str, log: Contents, folder: Path) -> str:
    words = line(log.privacy.clean(caption))
    saved = log.pictures[place]
    if isinstance(saved, str):
        return f"{words} ({line(log.privacy.clean(saved))})"
    return f"{image(log.privacy.clean(caption), _relative(saved, folder))}\n\n*{words}*"


def _iterations(log: Contents) -> str:
    words = log.words
    rows = [
        [str(number), *(cell(log.privacy.clean(part)) for part in (entry.tried, entry.outcome, entry.why_it_failed))]
        for number, (_, entry) in enumerate(log.of(Iteration), 1)
    ]
    return table(("", words.tried, words.outcome, words.why_it_failed), rows, [True]) if rows else ""


def _outputs(log: Contents) -> str:
    words = log.words
    rows = [
        [
            _path(entry.path, log),
            cell(_size(entry.path, words)),
            code(log.privacy.without_secrets(entry.remote)) if entry.remote else _DASH,
            cell(log.privacy.clean(entry.description)),
        ]
        for _, entry in log.of(Output)
    ]
    return table((words.local, words.size, words.remote, words.description), rows) if rows else ""


def _size(path: Path, words: Words) -> str:
    try:
        size_bytes = path.stat().st_size
    except OSError:
        return words.missing
    if path.is_dir():
        return _DASH
    told = bytes_text(size_bytes)
    return words.too_large.format(size=told) if size_bytes > LARGEST_FOR_GIT_BYTES else told


def _details(log: Contents) -> list[str]:
    words, experiment = log.words, log.experiment
    settings = dict(experiment.settings) | {entry.name: entry.value for _, entry in log.of(Setting)}
    blocks = [f"### {words.command}", fenced(log.privacy.command(experiment.command), "sh")]
    if settings:
        blocks += [f"### {words.settings}", _pairs(settings, log)]
    if log.status == "interrupted":
        blocks.append(words.interrupted_note)
    if log.failure:
        blocks += [f"### {words.failure}", text(log.privacy.clean(log.failure.message))]
        blocks.append(fenced(log.privacy.clean(log.failure.traceback), "text"))
    return blocks


def _pairs(told: Mapping[str, Value], log: Contents) -> str:
    rows = [
        [cell(log.privacy.clean(name)), REDACTED if is_secret(name) and value else _value(value, log)]
        for name, value in told.items()
    ]
    return table((log.words.item, log.words.value), rows)


def _value(value: Value, log: Contents) -> str:
    if value is None:
        return _DASH
    if isinstance(value, bool):
        return log.words.yes if value else log.words.no
    if isinstance(value, float):
        whole = math.isfinite(value) and (value == round(value) or abs(value) >= 1e4) and abs(value) < 1e15
        return f"{value:.0f}" if whole else f"{value:.4g}"
    return _path(value, log) if isinstance(value, Path) else cell(log.privacy.clean(str(value)))


def _path(path: Path | None, log: Contents) -> str:
    return _DASH if path is None else code(log.privacy.path(path))


def _related(entry: Related, privacy: Privacy, folder: Path) -> str:
    after = f": {line(privacy.clean(entry.description))}" if entry.description else ""
    if isinstance(entry.target, str):
        target = privacy.without_secrets(entry.target)
        is_address = target.startswith(("https://", "http://"))
        return f"- {link(target, target) if is_address else line(target)}{after}"
    told = privacy.path(entry.target)
    if told.startswith(("~", "…")):
        return f"- {code(told)}{after}"
    return f"- {link(told, _relative(entry.target, folder))}{after}"


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
