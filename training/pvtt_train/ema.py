"""An average of the weights over the last steps, which is steadier than the weights themselves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import torch
from pydantic import Field
from torch import Tensor, nn

from pvtt_data.stage import StageConfig


class EmaConfig(StageConfig):
    """The average of the adapters' weights."""

    keep: float = Field(default=0.999, ge=0, lt=1)
    """Share of it that stays at each step; 0 for no average."""
    warm: bool = True
    """Keep less in the beginning, (1 + step) / (10 + step), so that a short run's average has left its start."""


class Ema:
    """The average of parameters, beside them.

    Args:
        parameters: that are averaged.
        config: settings.

    Attributes:
        average: one tensor for each parameter, float32 whatever they are: in bfloat16 what a step adds is lost in
            rounding. Empty for no average.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], config: EmaConfig) -> None:
        self.parameters, self.config = parameters, config
        self.average: list[Tensor] = [_exact(value).clone() for value in parameters] if config.keep else []

    def update(self, step: int) -> None:
        """Take in the weights after a step, counted from 0."""
        if not self.average:
            return
        keep = min(self.config.keep, (1 + step) / (10 + step)) if self.config.warm else self.config.keep
        torch._foreach_lerp_(self.average, [_exact(value) for value in self.parameters], 1 - keep)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the parameters hold their average for the time being; without one, they stay."""
        kept = [value.detach().clone() for value in self.parameters] if self.average else []
        self.put()
        try:
            yield
        finally:
            _copy(self.parameters, kept)

    def put(self) -> None:
        """Let the parameters hold their average, if one is kept."""
        _copy(self.parameters, self.average)


def _exact(value: Tensor) -> Tensor:
    return value.detach().float()


@torch.no_grad()
def _copy(parameters: Sequence[nn.Parameter], values: Sequence[Tensor]) -> None:
    for parameter, value in zip(parameters, values, strict=False):
        parameter.copy_(value)
