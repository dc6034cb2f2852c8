"""Flow matching by DiffSynth's scheduler: noise levels as tables on the device, how they are drawn, the loss, sampling.

Levels and timesteps stay float32: cast to bfloat16, as DiffSynth's own loss does, 294 distinct timesteps are left of
1000, and the model is told another noise level than it is shown.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from pvtt_data.stage import StageConfig

Velocity = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Velocity of (latents, timestep, context)."""

LEVELS = 1000


class FlowConfig(StageConfig):
    """At which noise levels the model learns, and how much each counts."""

    sampling: Literal["uniform", "logit-normal", "mode"] = "uniform"
    """Of levels before the shift: all alike; a normal through a sigmoid; or more of the middle, or of the ends, by
    `mode_scale` (both of Esser et al. 2024, "Scaling Rectified Flow Transformers", section 3.1)."""
    shift: float = Field(default=5.0, gt=0, le=100)
    """How far levels are moved towards noise: s·σ / (1 + (s − 1)·σ). 5 is what DiffSynth trains Wan with."""
    location: float = Field(default=0.0, ge=-10, le=10)
    """Of the normal of logit-normal: above 0 is more noise."""
    spread: float = Field(default=1.0, gt=0, le=10)
    """Of the normal of logit-normal."""
    mode_scale: float = Field(default=1.29, ge=-1, le=1.75)
    """Of mode: above 0 the middle is drawn more often, below 0 the ends."""
    first: float = Field(default=0.0, ge=0, lt=1)
    """Where the part of the table begins that is drawn from; 0 is pure noise."""
    last: float = Field(default=1.0, gt=0, le=1)
    """Where it ends. The two experts of Wan2.2 learn 0 to 0.358 and 0.358 to 1."""
    weighting: Literal["none", "scheduler"] = "none"
    """None: all levels count the same. Scheduler: DiffSynth's bell, which is 0 at pure noise, from where sampling
    starts."""

    @model_validator(mode="after")
    def _is_a_range(self) -> FlowConfig:
        if round(self.first * LEVELS) >= round(self.last * LEVELS):
            raise ValueError(f"first ({self.first}) must be below last ({self.last}) by a thousandth or more")
        return self

    @property
    def is_partial(self) -> bool:
        """Whether some levels are never drawn: adapters for one of several experts."""
        return round(self.first * LEVELS) > 0 or round(self.last * LEVELS) < LEVELS


class Flow:
    """Noise levels of DiffSynth's `FlowMatchScheduler("Wan")`.

    Args:
        device: where the tables lie.
        config: settings.

    Attributes:
        sigmas: ``(1000,)`` float32, falling from 1.
        timesteps: ``(1000,)`` float32, 1000 times that.
        counts: ``(1000,)`` float32, how much each level counts, mean 1.
    """

    def __init__(self, device: torch.device, config: FlowConfig | None = None) -> None:
        from diffsynth.diffusion.flow_match import FlowMatchScheduler

        self.config = config or FlowConfig()
        scheduler = FlowMatchScheduler("Wan")
        scheduler.set_timesteps(LEVELS, training=True, shift=self.config.shift)
        self.sigmas: Tensor = scheduler.sigmas.to(device)
        self.timesteps: Tensor = scheduler.timesteps.to(device)
        bell: Tensor = scheduler.linear_timesteps_weights.to(device)
        self.counts: Tensor = bell if self.config.weighting == "scheduler" else torch.ones_like(self.sigmas)
        self._first, self._last = round(self.config.first * LEVELS), round(self.config.last * LEVELS)

    def levels(self, count: int, dice: Sequence[torch.Generator] = ()) -> Tensor:
        """Places in the tables, ``(count,)`` int64.

        Args:
            dice: one for each sample, on the device of the tables; without, the process's own are thrown.
        """
        if self.config.sampling == "uniform":
            return _each(dice, lambda **one: torch.randint(self._first, self._last, **one), count, self.sigmas.device)
        if self.config.sampling == "logit-normal":
            normal = _each(dice, torch.randn, count, self.sigmas.device)
            level = torch.sigmoid(self.config.location + self.config.spread * normal)
        else:
            u = _each(dice, torch.rand, count, self.sigmas.device)
            level = 1 - u - self.config.mode_scale * (torch.cos(math.pi / 2 * u).square() - 1 + u)
        place = self._first + (self._last - self._first) * (1 - level)
        return place.floor().long().clamp_(self._first, self._last - 1)

    def middles(self, count: int) -> list[int]:
        """Places in the tables: the middles of equal parts of what is drawn from, from noise to data."""
        length = self._last - self._first
        return [self._first + int((number + 0.5) * length / count) for number in range(count)]

    def noise(self, clean: Tensor, dice: Sequence[torch.Generator] = ()) -> Tensor:
        """Normal noise like ``clean`` ``(B, ...)``; `dice` as in `levels`."""
        if not dice:
            return torch.randn_like(clean)
        size, kind = clean.shape[1:], {"device": clean.device, "dtype": clean.dtype}
        return torch.stack([torch.randn(size, generator=one, **kind) for one in dice])

    def noisy(self, clean: Tensor, noise: Tensor, levels: Tensor) -> Tensor:
        """Latents between data and noise: (1 − σ)·clean + σ·noise, ``(B, C, F, h, w)``."""
        sigma = self.sigmas[levels].view(-1, 1, 1, 1, 1)
        return (1 - sigma) * clean + sigma * noise

    def errors(self, velocity: Tensor, clean: Tensor, noise: Tensor, weights: Tensor, levels: Tensor) -> Tensor:
        """Weighted mean squared error of each sample's velocity, ``(B,)`` float32.

        Args:
            velocity: what the model said.
            clean: latents ``(B, C, F, h, w)`` float32, references first.
            weights: ``(B, 1, F, h, w)``, of the error at each place; 0 for references. Only their ratios matter; where
                all are 0, so is the error.
        """
        wrong = velocity.float() - (noise - clean)
        whole = weights.mean(dim=(1, 2, 3, 4)).clamp_min(torch.finfo(torch.float32).tiny)
        return (wrong.square() * weights).mean(dim=(1, 2, 3, 4)) / whole * self.counts[levels]

    def loss(self, velocity: Velocity, clean: Tensor, context: Tensor, weights: Tensor) -> Tensor:
        """Mean error at a random noise level for each sample, by the process's own dice.

        Args:
            clean: latents ``(B, C, F, h, w)``, references first.
            context: the VACE context.
            weights: ``(B, 1, F, h, w)``, of the error at each place.
        """
        levels = self.levels(clean.shape[0])
        noise = self.noise(clean)
        said = velocity(self.noisy(clean, noise, levels), self.timesteps[levels], context)
        return self.errors(said, clean, noise, weights, levels).mean()

    @torch.no_grad()
    def sample(self, velocity: Velocity, noise: Tensor, context: Tensor, steps: int) -> Tensor:
        """Latents from noise ``(B, C, F, h, w)`` by Euler's steps."""
        from diffsynth.diffusion.flow_match import FlowMatchScheduler

        scheduler = FlowMatchScheduler("Wan")
        scheduler.set_timesteps(steps, shift=self.config.shift)
        latents = noise
        for timestep in scheduler.timesteps:
            moment = timestep.to(noise.device).expand(noise.shape[0])
            latents = scheduler.step(velocity(latents, moment, context), timestep, latents)
        return latents


def _each(dice: Sequence[torch.Generator], draw: Callable[..., Tensor], count: int, device: torch.device) -> Tensor:
    if not dice:
        return draw(size=(count,), device=device)
    return torch.cat([draw(size=(1,), device=device, generator=one) for one in dice])


def lesson_dice(
    seed: int, step: int, keys: Sequence[str], places: Sequence[int], device: torch.device
) -> list[torch.Generator]:
    """Dice for samples of a step: what they show follows from seed, step, key, and the sample's place among all that
    make the step. So it matters neither which process works on a sample, nor whether a run was stopped.
    """
    dice = []
    for key, place in zip(keys, places, strict=True):
        number = int.from_bytes(hashlib.sha256(f"{seed}:{step}:{place}:{key}".encode()).digest()[:7], "big")
        dice.append(torch.Generator(device).manual_seed(number))
    return dice
