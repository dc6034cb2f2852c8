"""What a person sees while a build runs, and the structured log beside it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from pvtt_data.stage import StageResult, count_reasons


class Reporter(Protocol):
    """Told what a build does."""

    def started(self, stage: str, items: int, cached: int) -> None: ...

    def advanced(self, stage: str) -> None: ...

    def finished(self, result: StageResult) -> None: ...

    def note(self, text: str) -> None: ...


class SilentReporter:
    """Tells nobody."""

    def started(self, stage: str, items: int, cached: int) -> None:
        """Nothing to say."""

    def advanced(self, stage: str) -> None:
        """Nothing to say."""

    def finished(self, result: StageResult) -> None:
        """Nothing to say."""

    def note(self, text: str) -> None:
        """Nothing to say."""


class TerminalReporter:
    """A progress bar for the stage at work, and one line for each finished one."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<18}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None
        self._begun = 0.0
        self._done = 0

    def __enter__(self) -> TerminalReporter:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def started(self, stage: str, items: int, cached: int) -> None:
        """Show a bar for the rows that have to be computed."""
        self._end_task()
        self._begun, self._done = time.monotonic(), 0
        self._task = self._progress.add_task(stage, total=items - cached, rate="")

    def advanced(self, stage: str) -> None:
        """One more row is done."""
        if self._task is not None:
            self._done += 1
            rate = self._done / max(1e-9, time.monotonic() - self._begun)
            self._progress.update(self._task, advance=1, rate=f"{rate:.2f}/s" if rate < 10 else f"{rate:.0f}/s")

    def finished(self, result: StageResult) -> None:
        """One line: what came in, what came out, what was dropped and why."""
        self._end_task()
        self.console.print(stage_line(result), highlight=False, markup=False)
        for name, trace in result.faults[:3]:
            self.console.print(f"  fault in {name}:\n{trace}", highlight=False, markup=False, style="red")

    def note(self, text: str) -> None:
        """A line for the person."""
        self.console.print(f"  {text}", highlight=False, markup=False)

    def _end_task(self) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None


def stage_line(result: StageResult) -> str:
    """A finished stage in one line."""
    parts = [f"{result.stage:<18} {result.items:>5} in  {len(result.rows):>5} out"]
    if result.cached:
        parts.append(f"{result.cached} cached")
    if result.rejections:
        reasons = ", ".join(f"{count} {reason}" for reason, count in count_reasons(result.rejections).items())
        parts.append(f"{len(result.rejections)} dropped ({reasons})")
    if result.faults:
        parts.append(f"{len(result.faults)} FAULTS")
    if not result.table:
        parts.append(f"{result.seconds:.1f} s")
    return "  ".join(parts)


class RunLog:
    """One JSON object a line, with the time: what happened in a run, for machines.

    Args:
        path: of the file. It is gone on with; a last line that was torn by a kill is dropped.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        _mend_end(path)
        self._file: TextIO = path.open("a", encoding="utf-8", errors="backslashreplace")

    def write(self, event: str, **fields: Any) -> None:
        """Append one event."""
        entry = {"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "event": event, **fields}
        self._file.write(json.dumps(entry, ensure_ascii=False, default=str) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _mend_end(path: Path) -> None:
    """Drop a last line that is not whole, end one that lacks only its end: what comes next has a line of its own."""
    if not path.is_file():
        return
    with path.open("r+b") as file:
        content = file.read()
        begun = content.rfind(b"\n") + 1
        if begun == len(content):
            return
        try:
            json.loads(content[begun:])
        except ValueError:
            file.truncate(begun)
        else:
            file.write(b"\n")
