"""Flow matching by DiffSynth's scheduler: its noise levels as tables on the device, loss, and sampling.

All noise levels weigh the same: the scheduler's own weights are zero at pure noise, from where sampling starts, which
only a model that has learnt it before can afford.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Velocity = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Velocity of (latents, timestep, context)."""


class Flow:
    """Noise levels of DiffSynth's `FlowMatchScheduler("Wan")`.

    Args:
        device: where the tables lie.
        shift: how far levels are moved towards noise.
    """

    def __init__(self, device: torch.device, shift: float = 3.0) -> None:
        from diffsynth.diffusion.flow_match import FlowMatchScheduler

        scheduler = FlowMatchScheduler("Wan")
        scheduler.set_timesteps(1000, training=True, shift=shift)
        self.shift = shift
        self.sigmas: Tensor = scheduler.sigmas.to(device)
        self.timesteps: Tensor = scheduler.timesteps.to(device)

    def loss(self, velocity: Velocity, clean: Tensor, context: Tensor, weights: Tensor) -> Tensor:
        """Weighted squared error of the velocity at a random noise level for each sample.

        Args:
            clean: latents ``(B, C, F, h, w)``, references first.
            context: the VACE context.
            weights: ``(B, 1, F, h, w)``, of the error at each place.
        """
        level = torch.randint(0, len(self.sigmas), (clean.shape[0],), device=clean.device)
        sigma = self.sigmas[level].view(-1, 1, 1, 1, 1)
        noise = torch.randn_like(clean)
        noisy = (1 - sigma) * clean + sigma * noise
        wrong = velocity(noisy, self.timesteps[level], context) - (noise - clean)
        errors = (wrong.square() * weights).mean(dim=(1, 2, 3, 4)) / weights.mean(dim=(1, 2, 3, 4))
        return errors.mean()

    @torch.no_grad()
    def sample(self, velocity: Velocity, noise: Tensor, context: Tensor, steps: int) -> Tensor:
        """Latents from noise ``(B, C, F, h, w)`` by Euler's steps."""
        from diffsynth.diffusion.flow_match import FlowMatchScheduler

        scheduler = FlowMatchScheduler("Wan")
        scheduler.set_timesteps(steps, shift=self.shift)
        latents = noise
        for timestep in scheduler.timesteps:
            moment = timestep.to(noise.device).expand(noise.shape[0])
            latents = scheduler.step(velocity(latents, moment, context), timestep, latents)
        return latents
