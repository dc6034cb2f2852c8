"""What stops a run, or is counted: numbers that are none, memory that is not enough, disks that are full."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from pydantic import Field

from pvtt_data.errors import BuildError, DiskFullError, disk_full
from pvtt_data.stage import StageConfig

_SHOWN_KEYS = 8


class GuardConfig(StageConfig):
    """What a run puts up with."""

    skip_not_finite: int = Field(default=0, ge=0)
    """Steps of a run that may be left out because loss or gradient was NaN or infinite; one more stops it."""


class TrainingError(BuildError):
    """Training cannot go on; the last checkpoint is good."""


class NotFiniteError(TrainingError):
    """A loss or a gradient was no number."""


class OutOfMemoryError(TrainingError):
    """The device's memory was not enough."""


@dataclass(slots=True)
class FiniteGuard:
    """Looks at the losses and the gradient of each step before the weights are changed.

    Attributes:
        allowed: steps that may be left out.
        skipped: the steps that were, with the keys of their samples.
    """

    allowed: int
    skipped: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)

    def passes(self, step: int, losses: Sequence[tuple[str, float]], norm: float) -> bool:
        """Whether a step may change the weights; if not, it is counted.

        Args:
            step: counted from 1.
            losses: keys of the samples, and the loss of each.
            norm: of the gradient.

        Raises:
            NotFiniteError: it may not, and no more may be left out.
        """
        bad = {key: loss for key, loss in losses if not math.isfinite(loss)}
        if not bad and math.isfinite(norm):
            return True
        keys = tuple(bad or dict(losses))
        self.skipped.append((step, keys))
        if len(self.skipped) <= self.allowed:
            return False
        told = f"the loss of {_some(keys)} is {bad[keys[0]]}" if bad else f"the gradient of {_some(keys)} is {norm}"
        before = f" ({self.allowed} such steps were left out before)" if self.allowed else ""
        raise NotFiniteError(
            f"step {step}: {told}{before}; no weight was changed by it. Look at the sample with `pvtt-data inspect`, "
            "lower optimiser.rate, or let such steps be left out with --set guards.skip_not_finite=10"
        )


def _some(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - _SHOWN_KEYS} more" if len(keys) > _SHOWN_KEYS else ""
    return f"sample{'s' if len(keys) > 1 else ''} {', '.join(keys[:_SHOWN_KEYS])}{more}"


@contextlib.contextmanager
def memory_told(what: str, advice: Sequence[str]) -> Iterator[None]:
    """Let an error of memory say what was worked on and what takes less.

    Args:
        what: was worked on, in words.
        advice: lines: what was estimated, what may be changed.

    Raises:
        OutOfMemoryError: memory was not enough.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_of_memory(error):
            raise
        first = (str(error).splitlines() or ["out of memory"])[0]
        raise OutOfMemoryError(f"{what}: {first}" + "".join(f"\n  {line}" for line in advice)) from error


def is_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory was not enough, by torch, by a library of CUDA, or by Python."""
    import torch

    words = str(error).lower()
    return (
        isinstance(error, torch.OutOfMemoryError | MemoryError) or "out of memory" in words or "alloc_failed" in words
    )


@contextlib.contextmanager
def room_told(kept: Callable[[], str]) -> Iterator[None]:
    """Let an error of a full disk say what is left and good.

    Args:
        kept: says it, in words; asked when it has come to that.

    Raises:
        DiskFullError: there was no room.
    """
    try:
        yield
    except OSError as error:
        full = no_room(error, kept())
        if full is None:
            raise
        raise full from error


def no_room(error: BaseException, kept: str) -> DiskFullError | None:
    """What to tell of an error, if it comes from a full disk; else None.

    Args:
        kept: what is left and good, in words.
    """
    words = disk_full(error)
    if words is None and any(f"os error {number}" in str(error) for number in (28, 122)):
        words = str(error)  # safetensors writes in Rust, whose errors carry no number
    if words is None:
        return None
    return DiskFullError(f"{words}; {kept}. Free some room and give the same command again: it goes on from there")
