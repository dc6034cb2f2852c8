"""What the first process tells of a run: numbers, log and screen. The others tell nothing."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any

import torch

from pvtt_data.experiment_log.machine import peak_memory_bytes
from pvtt_data.progress import RunLog
from pvtt_train.distributed import World
from pvtt_train.lesson import Lesson
from pvtt_train.metrics import Metrics
from pvtt_train.run_folder import LOG, RunFolder
from pvtt_train.screen import Screen
from pvtt_train.step import Done


class Teller:
    """Tells of the steps from the one on that a start goes on from.

    Args:
        run: the folder; what was told in it of later steps is forgotten.
        world: the processes.
        screen: what a person sees.
        step: steps that are done.
        steps: in all.
        board: tell TensorBoard, too.

    Attributes:
        metrics: of the first process; None in the others.
    """

    def __init__(
        self, run: RunFolder, world: World, screen: Screen, step: int, steps: int, *, board: bool = True
    ) -> None:
        self.metrics = Metrics(run, step, board=board) if world.is_first else None
        self._log = RunLog(run.path / LOG) if world.is_first else None
        self._screen, self._device, self._begun, self._steps = screen, world.device, step, steps

    def __enter__(self) -> Teller:
        self.note("goes-on" if self._begun else "begins", step=self._begun, steps=self._steps)
        self._screen.begin(self._begun, self._steps)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._screen.end()
        if self.metrics is not None:
            self.metrics.close()
        if self._log is not None:
            if error is not None:
                self.note("failed", error=f"{type(error).__name__}: {error}")
            self._log.close()

    def note(self, event: str, **fields: Any) -> None:
        """A line in the log."""
        if self._log is not None:
            self._log.write(event, **fields)

    @contextlib.contextmanager
    def validation(self, number: int) -> Iterator[dict[str, float]]:
        """Note a validation after so many steps: the scores put into the dictionary, seconds, and its own peak of
        memory. What is told of steps afterwards is the peak of those.
        """
        scores: dict[str, float] = {}
        begun = time.perf_counter()
        _forget_peak(self._device)
        yield scores
        seconds, memory = round(time.perf_counter() - begun, 1), _peak_bytes(self._device)
        self.note("validated", step=number, seconds=seconds, memory_bytes=memory, **scores)
        _forget_peak(self._device)

    def step(
        self,
        number: int,
        done: Done,
        batches: Sequence[Lesson],
        *,
        rate: float,
        epochs: float,
        took_s: float,
        waited_s: float,
    ) -> None:
        """A step is done, counted from 1.

        Args:
            number: of the step.
            done: what became of it.
            batches: that this process learnt from.
            rate: learning rate.
            epochs: how often the samples have been dealt.
            took_s: the step, loader included.
            waited_s: for the loader.
        """
        keys = [key for batch in batches for key in batch.keys]
        if not done.taken:
            self.note("step-left-out", step=number, keys=keys, loss=done.loss, norm=done.norm)
            self._screen.note(
                f"step {number} was left out: loss {done.loss}, gradient {done.norm} of {', '.join(keys)}"
            )
        if self.metrics is None:
            return
        memory = _peak_bytes(self._device)
        numbers = {
            "loss": done.loss,
            "norm": done.norm,
            "taken": done.taken,
            "rate": rate,
            "epochs": round(epochs, 4),
            "keys": keys,
            "contents": [content for batch in batches for content in batch.contents],
            "step_s": round(took_s, 4),
            "wait_s": round(waited_s, 4),
            "memory_bytes": memory,
        }
        self.metrics.tell(number, numbers)
        self._screen.step(number, done.loss, took_s, waited_s, memory)


def _peak_bytes(device: torch.device) -> int:
    """The most memory that was held on the device since it was last forgotten; on a processor, by the process, ever."""
    return int(torch.cuda.max_memory_allocated(device)) if device.type == "cuda" else peak_memory_bytes()


def _forget_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
