"""Latents from noise, and the error of the velocity at fixed noise; by DiffSynth's scheduler."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from pvtt_train.flow import Flow
from pvtt_train.validation.cases import PreparedCase

Forward = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""Velocity of (latents, timestep, text, VACE context); see `pvtt_train.wan.architecture.WanVace.forward`."""


def starting_noise(shape: Sequence[int], references: int, seed: int) -> Tensor:
    """Noise ``(1, C, R + T', h, w)`` float32 on the processor, as DiffSynth's pipeline draws it from a seed: the last
    R frames that were drawn are put first.
    """
    noise = torch.randn(tuple(shape), generator=torch.Generator().manual_seed(seed))
    return torch.cat((noise[:, :, -references:], noise[:, :, :-references]), dim=2) if references else noise


@torch.no_grad()
def sample(
    forward: Forward,
    case: PreparedCase,
    *,
    steps: int,
    shift: float,
    cfg: float,
    seed: int,
    device: torch.device,
    dtype: torch.dtype,
) -> Tensor:
    """Latents of the video, without references, ``(1, C, T', h, w)`` float32 on the device, by Euler's steps.

    Latents are kept in float32; DiffSynth's pipeline rounds them to the model's precision after each step.

    Args:
        forward: velocity.
        case: what is asked.
        steps, shift: of the scheduler.
        cfg: weight of the prompt against the negative one; 1 for none.
        seed: of the noise.
        device, dtype: of the model.
    """
    from diffsynth.diffusion.flow_match import FlowMatchScheduler

    scheduler = FlowMatchScheduler("Wan")
    scheduler.set_timesteps(steps, shift=shift)
    latents = starting_noise(case.clean.shape, case.references, seed).to(device)
    context, text, negative = (value.to(device, dtype) for value in (case.context, case.text, case.negative))
    for timestep in scheduler.timesteps:
        moment = timestep.to(device).expand(1)
        given = latents.to(dtype)
        velocity = forward(given, moment, text, context).float()
        if cfg != 1:
            plain = forward(given, moment, negative, context).float()
            velocity = plain + cfg * (velocity - plain)
        latents = scheduler.step(velocity, timestep, latents)
    return latents[:, :, case.references :]


@torch.no_grad()
def level_errors(
    forward: Forward,
    case: PreparedCase,
    *,
    flow: Flow,
    levels: int,
    seed: int,
    device: torch.device,
    dtype: torch.dtype,
) -> list[tuple[float, float]]:
    """(noise level, weighted mean squared error of the velocity) at fixed levels and fixed noise.

    Levels are the middles of equal parts of what training draws from, from noise to data. The error is the one that is
    trained: weights count, also those of the levels, references do not.

    Args:
        forward: velocity.
        case: what is asked, and the answer.
        flow: the training's, on the device.
        levels: how many.
        seed: of the noise.
        device, dtype: of the model.
    """
    clean, weights = case.clean.to(device), case.weights.to(device)
    context, text = case.context.to(device, dtype), case.text.to(device, dtype)
    found = []
    for number, place in enumerate(flow.middles(levels)):
        level = torch.tensor([place], device=device)
        noise = starting_noise(clean.shape, case.references, seed + 1 + number).to(device)
        noisy = flow.noisy(clean, noise, level).to(dtype)
        velocity = forward(noisy, flow.timesteps[level], text, context)
        found.append((float(flow.sigmas[place]), float(flow.errors(velocity, clean, noise, weights, level))))
    return found
