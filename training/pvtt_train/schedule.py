"""Learning rates: warm-up, and then constant or half a cosine."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from pvtt_data.stage import StageConfig


class ScheduleConfig(StageConfig):
    """How the learning rate changes."""

    kind: Literal["constant", "cosine"] = "constant"
    """After the warm-up. A cosine falls over all of `run.steps`: another number of steps is another schedule. A
    constant rate does not know that number: a run that goes on to more steps has the rates of one that began so."""
    warmup: int = Field(default=50, ge=0)
    """Steps until the full rate, in equal parts from the first; before a cosine, a tenth of all steps at most."""
    floor: float = Field(default=0.02, ge=0, le=1)
    """Share of the rate at which a cosine ends."""

    def rate_at(self, rate: float, step: int, steps: int) -> float:
        """Learning rate of a step.

        Args:
            rate: the full one.
            step: counted from 0.
            steps: in all.
        """
        warm = self.warmup if self.kind == "constant" else min(self.warmup, steps // 10)
        warmed = rate * min(1.0, (step + 1) / max(1, warm))
        if self.kind == "constant":
            return warmed
        return warmed * (self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * step / steps)))

    def remark(self, steps: int) -> str:
        """What a person should know before a run of so many steps; empty if nothing."""
        if self.kind == "cosine" or self.warmup <= steps:
            return ""
        return (
            f"optimiser.schedule.warmup is {self.warmup} steps, run.steps {steps}: the full rate is not reached; for a "
            f"short run, --set optimiser.schedule.warmup={steps // 10}"
        )
