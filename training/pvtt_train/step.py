"""One step: loss and gradient of all its batches, clipping, and the change of the weights."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pvtt_train.distributed import World
from pvtt_train.ema import Ema
from pvtt_train.flow import Flow, lesson_dice
from pvtt_train.guards import FiniteGuard
from pvtt_train.lesson import Lesson
from pvtt_train.optimiser import OptimiserConfig
from pvtt_train.speed.graph import Gradients

Forward = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""Velocity of (latents, timestep, text, VACE context); see `pvtt_train.wan.architecture.WanVace.forward`."""


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a step.

    Attributes:
        loss: mean over the samples of all processes.
        norm: of the gradient, before it was clipped.
        taken: whether the weights were changed; if not, loss or gradient was no number.
    """

    loss: float
    norm: float
    taken: bool


class Step:
    """Changes adapters by one step at a time.

    Noise and noise levels follow from seed, step, sample and its place in the step, dropout from seed, step and
    process: nothing depends on what was drawn before, nor, but for dropout and the last bits of sums, on the number of
    processes.

    Args:
        forward: the model.
        parameters: the adapters.
        flow: noise levels, on the device of the adapters.
        config: of the optimiser.
        steps: of the whole run, for the schedule.
        samples: of one step, over all processes and batches.
        seed: of noise, noise levels and dropout.
        dtype: precision that the model takes.
        world: the processes.
        guard: looks at each step.
        captured: replay forward and backward as one CUDA graph; of a batch of several, only the mean loss is known.
    """

    def __init__(
        self,
        forward: Forward,
        parameters: Sequence[nn.Parameter],
        flow: Flow,
        config: OptimiserConfig,
        *,
        steps: int,
        samples: int,
        seed: int,
        dtype: torch.dtype,
        world: World,
        guard: FiniteGuard,
        captured: bool = False,
    ) -> None:
        self.forward, self.parameters, self.flow, self.config = forward, list(parameters), flow, config
        self.steps, self.samples, self.seed, self.dtype = steps, samples, seed, dtype
        self.world, self.guard = world, guard
        self._graph = Gradients(self._scalar, self.parameters, captured=True) if captured else None
        self.ema = Ema(self.parameters, config.ema)
        options: dict[str, Any] = {"fused": True} if world.device.type == "cuda" else {}
        self.optimiser = torch.optim.AdamW(
            self.parameters,
            lr=self.rate_at(0),
            betas=config.betas,
            eps=config.epsilon,
            weight_decay=config.weight_decay,
            **options,
        )

    @property
    def left_out(self) -> list[tuple[int, tuple[str, ...]]]:
        """Steps that changed nothing, and the keys of their samples."""
        return self.guard.skipped

    def rate_at(self, number: int) -> float:
        """Learning rate of a step, counted from 0."""
        return self.config.schedule.rate_at(self.config.rate, number, self.steps)

    def __call__(self, lessons: Sequence[Lesson], number: int) -> Done:
        """Learn from some batches.

        Args:
            lessons: on the device; together, this process's share of `samples`.
            number: of the step, counted from 0.

        Raises:
            NotFiniteError: loss or gradient is no number, and that is not allowed; no weight is changed.
        """
        torch.manual_seed(_seed(self.seed, number, self.world.rank))
        self.optimiser.zero_grad(set_to_none=True)
        found = []
        for turn, lesson in enumerate(lessons):
            # Of all batches that make a step, every so manyth is this process's.
            first = (turn * self.world.size + self.world.rank) * len(lesson.keys)
            places = range(first, first + len(lesson.keys))
            found.append(self._learn(lesson, lesson_dice(self.seed, number, lesson.keys, places, self.world.device)))
        errors = torch.cat(found)
        total = errors.sum() / self.samples
        self.world.add_up([total])
        self.world.add_up_gradients(self.parameters)
        norm = float(nn.utils.clip_grad_norm_(self.parameters, self.config.clip))
        loss = float(total)
        keys = [key for lesson in lessons for key in lesson.keys]
        if not self._may_change(number, loss, norm, list(zip(keys, errors.tolist(), strict=True))):
            self.optimiser.zero_grad(set_to_none=True)
            return Done(loss, norm, taken=False)
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate_at(number)
        self.optimiser.step()
        self.ema.update(number)
        return Done(loss, norm, taken=True)

    def _learn(self, lesson: Lesson, dice: Sequence[torch.Generator]) -> Tensor:
        """Add a batch to the gradient; the error of each sample, ``(B,)`` float32.

        Args:
            dice: one for each sample, for noise level and noise.
        """
        levels, clean = self.flow.levels(len(lesson.keys), dice), lesson.clean.float()
        text, context = lesson.text.to(self.dtype), lesson.context.to(self.dtype)
        given = (levels, clean, self.flow.noise(clean, dice), lesson.weights, text, context)
        if self._graph is not None:
            return (self._graph(*given) * self.samples / len(lesson.keys)).expand(len(lesson.keys))
        errors = self._errors(*given)
        (errors.sum() / self.samples).backward()
        return errors.detach()

    def _errors(
        self, levels: Tensor, clean: Tensor, noise: Tensor, weights: Tensor, text: Tensor, context: Tensor
    ) -> Tensor:
        noisy = self.flow.noisy(clean, noise, levels).to(self.dtype)
        velocity = self.forward(noisy, self.flow.timesteps[levels], text, context)
        return self.flow.errors(velocity, clean, noise, weights, levels)

    def _scalar(self, *given: Tensor) -> Tensor:
        return self._errors(*given).sum() / self.samples

    def _may_change(self, number: int, loss: float, norm: float, losses: list[tuple[str, float]]) -> bool:
        """The same answer in all processes, since loss and gradient are sums over them."""
        everyone = losses
        if not (math.isfinite(loss) and math.isfinite(norm)):
            everyone = [each for others in self.world.gather(losses) for each in others]
        return self.guard.passes(number + 1, everyone, norm)


def _seed(seed: int, step: int, rank: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:{step}:process {rank}".encode()).digest()[:7], "big")
