"""Learning rates: warm-up, and then constant or half a cosine."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from pvtt_data.stage import StageConfig


class ScheduleConfig(StageConfig):
    """How the learning rate changes."""

    kind: Literal["constant", "cosine"] = "constant"
    """After the warm-up. A cosine falls over all of `run.steps`: another number of steps is another schedule."""
    warmup: int = Field(default=50, ge=0)
    """Steps until the full rate, in equal parts from the first; a tenth of all steps at most."""
    floor: float = Field(default=0.02, ge=0, le=1)
    """Share of the rate at which a cosine ends."""

    def rate_at(self, rate: float, step: int, steps: int) -> float:
        """Learning rate of a step.

        Args:
            rate: the full one.
            step: counted from 0.
            steps: in all.
        """
        warm = max(1, min(self.warmup, steps // 10))
        warmed = rate * min(1.0, (step + 1) / warm)
        if self.kind == "constant":
            return warmed
        return warmed * (self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * step / steps)))
