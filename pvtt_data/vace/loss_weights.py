"""How much each latent position of the target counts in the loss."""

from __future__ import annotations

import torch
from pydantic import Field, model_validator
from torch.nn import functional

from pvtt_data.stage import StageConfig
from pvtt_data.vace.latents import SPATIAL, TEMPORAL, latent_count, latent_grid


class LossWeights(StageConfig):
    """Three numbers; only their ratios matter."""

    inside: float = Field(default=2.0, ge=0, allow_inf_nan=False)
    """Where the model works."""
    effect: float = Field(default=1.5, ge=0, allow_inf_nan=False)
    """Outside the mask, where the target may differ from the source: shadows, reflections."""
    elsewhere: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    """What is to stay."""

    @model_validator(mode="after")
    def _something_counts(self) -> LossWeights:
        if self.inside + self.effect + self.elsewhere == 0:
            raise ValueError("at least one weight must be above 0")
        return self


def loss_weights(mask: torch.Tensor, effect: torch.Tensor, weights: LossWeights, references: int) -> torch.Tensor:
    """The weight of each latent position.

    A position is *inside* if any of its 8×8 pixels is in the mask in any frame of its window, else *effect* if any is
    in the effect mask, else *elsewhere*. Each sample's weights are scaled so that their mean over the video's positions
    is 1: the loss is the plain mean of weight · error² over those, and its size depends neither on the mask's area nor
    on the number of references. Where all positions happen to weigh 0, they stay 0.

    Args:
        mask: ``(…, 1, T, H, W)`` bool or float, 0 or 1; the widened one that the model is given.
        effect: the same shape.
        weights: the three numbers.
        references: how many reference frames precede the video; they weigh 0.

    Returns:
        ``(…, 1, R + T', H/8, W/8)`` float32.

    Raises:
        InputError: ``frames-not-4n+1``; ``size-not-8n``.
    """
    return weigh(touched(mask), touched(effect), weights, references)


def weigh(inside: torch.Tensor, near: torch.Tensor, weights: LossWeights, references: int) -> torch.Tensor:
    """`loss_weights` of masks that were brought to latent positions before.

    Args:
        inside, near: ``(…, 1, T', H/8, W/8)`` bool, of `touched`: the mask and the effect mask.
        weights, references: as `loss_weights`.
    """
    raw = torch.where(inside, weights.inside, torch.where(near, weights.effect, weights.elsewhere)).float()
    mean = raw.mean(dim=(-4, -3, -2, -1), keepdim=True)
    scaled = torch.where(mean > 0, raw / mean, raw)
    return functional.pad(scaled, (0, 0, 0, 0, references, 0))


def touched(mask: torch.Tensor) -> torch.Tensor:
    """Whether any pixel of a position, in any frame of its window, is in a mask.

    Args:
        mask: ``(…, 1, T, H, W)`` bool or float, 0 or 1.

    Returns:
        ``(…, 1, T', H/8, W/8)`` bool.

    Raises:
        InputError: ``frames-not-4n+1``; ``size-not-8n``.
    """
    *leading, _, frames, height, width = mask.shape
    latents = latent_count(frames)
    rows, columns = latent_grid(height, width)
    cells = mask.reshape(-1, frames, rows, SPATIAL, columns, SPATIAL).bool().any(5).any(3)
    first, later = cells[:, :1], cells[:, 1:]
    windows = later.reshape(len(cells), latents - 1, TEMPORAL, *cells.shape[2:]).any(2)
    return torch.cat([first, windows], dim=1).reshape(*leading, 1, latents, *cells.shape[2:])
