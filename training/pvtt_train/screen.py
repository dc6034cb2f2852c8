"""What a person sees while a run goes on."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

_LINE_EVERY_S = 30.0
_SMOOTH = 0.9


class Screen:
    """A bar on a terminal; elsewhere a line every half a minute.

    Args:
        console: where to; None to say nothing.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(quiet=True)
        self._bar = Progress(
            TextColumn("train"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[numbers]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self._loss: float | None = None
        self._told = time.monotonic()

    def begin(self, done: int, steps: int) -> None:
        """The loop begins after some steps."""
        self._task = self._bar.add_task("train", total=steps, completed=done, numbers="")
        self._steps = steps
        self._bar.start()

    def end(self) -> None:
        """The loop has ended."""
        self._bar.stop()

    def step(self, step: int, loss: float, step_s: float, wait_s: float, memory_bytes: int) -> None:
        """A step is done; the loss that is shown is a running mean."""
        if loss == loss:  # a step that was left out may have none
            self._loss = loss if self._loss is None else _SMOOTH * self._loss + (1 - _SMOOTH) * loss
        shown = "—" if self._loss is None else f"{self._loss:.4f}"
        words = f"loss {shown}  {step_s:.2f} s/step  wait {wait_s:.2f} s  {memory_bytes / 1e9:.1f} GB"
        self._bar.update(self._task, completed=step, numbers=words)
        now = time.monotonic()
        if not self.console.is_terminal and (now - self._told >= _LINE_EVERY_S or step == self._steps):
            self._told = now
            self.note(f"step {step}/{self._steps}  {words}")

    def note(self, text: str) -> None:
        """A line for the person."""
        self.console.print(text, highlight=False, markup=False)
