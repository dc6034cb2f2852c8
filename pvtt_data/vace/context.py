"""The tensor that the VACE blocks take, equal to what DiffSynth's `WanVideoUnit_VACE` makes of the same inputs.

Polarity: mask 1 is where the model works, 0 is what it keeps. The *inactive* stream is the video with the mask cut
out, the *reactive* stream is what is shown inside the mask; both are 0 (grey) elsewhere. A latent position's 64 mask
channels are the 8×8 pixels that it stands for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from pvtt_data.errors import InputError
from pvtt_data.vace.latents import SPATIAL, latent_count, latent_grid


class Codec(Protocol):
    """Encodes videos, such as Wan's VAE."""

    def encode(self, video: torch.Tensor) -> torch.Tensor:
        """Latents ``(B, C, T', H/8, W/8)`` of videos ``(B, 3, T, H, W)`` float32 in [−1, 1], T = 4n+1, T' = n+1."""
        ...


def to_unit(frames: NDArray[np.uint8] | torch.Tensor) -> torch.Tensor:
    """``(…, T, H, W, 3)`` uint8 to ``(…, 3, T, H, W)`` float32 in [−1, 1], by DiffSynth's formula x · (2/255) − 1."""
    pixels = torch.from_numpy(np.ascontiguousarray(frames)) if isinstance(frames, np.ndarray) else frames
    # The bytes are put in order, not the floats: four times less to move.
    return pixels.movedim(-1, -4).contiguous().float().mul_(2 / 255).sub_(1)


def from_unit(video: torch.Tensor) -> torch.Tensor:
    """``(…, 3, T, H, W)`` float in [−1, 1] to ``(…, T, H, W, 3)`` uint8, rounded: undoes `to_unit` exactly.

    DiffSynth cuts off where this rounds, which can lose 1 of 255.
    """
    return ((video.float() + 1) * (255 / 2)).round().clamp(0, 255).to(torch.uint8).movedim(-4, -1).contiguous()


def split(
    video: torch.Tensor, mask: torch.Tensor, content: torch.Tensor | None = None, *, check: bool = True
) -> tuple[torch.Tensor, torch.Tensor]:
    """The inactive and the reactive stream.

    Args:
        video: ``(…, 3, T, H, W)`` float32 in [−1, 1].
        mask: ``(…, 1, T, H, W)`` float32, 0 or 1; widened (see `pvtt_data.vace.latents.widen`).
        content: what is shown inside the mask, as ``video``; the video itself if None.
        check: look whether the mask is binary, for which the processor waits for a GPU; False where a loop made it so.

    Returns:
        ``video · (1 − mask)`` and ``content · mask``, each ``(…, 3, T, H, W)`` float32.

    Raises:
        InputError: ``mask-not-binary``; ``mask-shape``.
    """
    if mask.shape[-3:] != video.shape[-3:] or mask.shape[-4] != 1:
        raise InputError(
            "mask-shape", f"a video {tuple(video.shape)} needs a mask (…, 1, T, H, W), not {tuple(mask.shape)}"
        )
    if check and not bool(((mask == 0) | (mask == 1)).all()):
        raise InputError("mask-not-binary", "a mask must be 0 or 1 everywhere; make it so before it gets here")
    shown = video if content is None else content
    inside = mask.bool()
    # Not by multiplication: that leaves −0.0, the sign of the pixels that are cut out.
    return video.masked_fill(inside, 0.0), shown.masked_fill(~inside, 0.0)


def pack_mask(mask: torch.Tensor) -> torch.Tensor:
    """The mask in the latents' shape: 8×8 pixels become 64 channels, frames are sampled by ``nearest-exact``.

    Args:
        mask: ``(B, 1, T, H, W)`` float32.

    Returns:
        ``(B, 64, T', H/8, W/8)`` float32; channel 8·p + q is row p, column q of a position's pixels.

    Raises:
        InputError: ``frames-not-4n+1``; ``size-not-8n``.
    """
    batch, _, frames, height, width = mask.shape
    latents = latent_count(frames)
    rows, columns = latent_grid(height, width)
    cells = mask.reshape(batch, frames, rows, SPATIAL, columns, SPATIAL)
    packed = cells.permute(0, 3, 5, 1, 2, 4).reshape(batch, SPATIAL * SPATIAL, frames, rows, columns)
    return functional.interpolate(packed, size=(latents, rows, columns), mode="nearest-exact")


def vace_context(
    inactive: torch.Tensor,
    reactive: torch.Tensor,
    mask: torch.Tensor,
    references: Sequence[torch.Tensor],
    codec: Codec,
) -> torch.Tensor:
    """Encode the streams and put them together.

    Args:
        inactive, reactive: ``(B, 3, T, H, W)`` float32 in [−1, 1], of `split`.
        mask: ``(B, 1, T, H, W)`` float32, 0 or 1, the one that they were split with.
        references: R pictures of each sample, ``(B, 3, 1, H, W)`` float32 in [−1, 1]; may be none.
        codec: encodes each stream and each reference by itself.

    Returns:
        ``(B, 2C + 64, R + T', H/8, W/8)`` in the codec's type and on its device.

    Raises:
        InputError: as `pack_mask`.
    """
    return assemble(
        codec.encode(inactive),
        codec.encode(reactive),
        pack_mask(mask),
        [codec.encode(reference) for reference in references],
    )


def assemble(
    inactive: torch.Tensor, reactive: torch.Tensor, packed_mask: torch.Tensor, references: Sequence[torch.Tensor]
) -> torch.Tensor:
    """`vace_context` from what is encoded already.

    Reference frames come first; their reactive half and their mask are 0.

    Args:
        inactive, reactive: ``(B, C, T', h, w)`` latents.
        packed_mask: ``(B, 64, T', h, w)``, of `pack_mask`.
        references: R latents ``(B, C, 1, h, w)``.

    Returns:
        ``(B, 2C + 64, R + T', h, w)`` in the latents' type and on their device.
    """
    mask = packed_mask.to(inactive)
    video = torch.cat([inactive, reactive, mask], dim=1)
    pictures = [
        torch.cat([latent, torch.zeros_like(latent), torch.zeros_like(mask[:, :, :1])], dim=1) for latent in references
    ]
    return torch.cat([*pictures, video], dim=2)
