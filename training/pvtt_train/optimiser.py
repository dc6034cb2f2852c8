"""How gradients become weights: AdamW, clipping, schedule, average."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pvtt_data.stage import StageConfig
from pvtt_train.ema import EmaConfig
from pvtt_train.schedule import ScheduleConfig


class OptimiserConfig(StageConfig):
    """AdamW with float32 moments on float32 adapters."""

    rate: float = Field(default=1e-4, gt=0, le=1)
    """Highest learning rate."""
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (0.9, 0.99)
    """Of the moments."""
    epsilon: float = Field(default=1e-8, gt=0)
    """Of AdamW."""
    weight_decay: float = Field(default=0.01, ge=0)
    """Of AdamW."""
    clip: float = Field(default=1.0, gt=0)
    """Largest norm of the gradient; longer ones are shortened to it."""
    schedule: ScheduleConfig = ScheduleConfig()
    ema: EmaConfig = EmaConfig()
