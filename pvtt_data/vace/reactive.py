"""What the model sees inside the mask: the reactive stream's content.

Swapped pairs show A's own pixels, so that the model learns to replace them, or less and less of A: blurred, edges,
depth, nothing. Pairs whose target is the source itself may only show what does not give the answer away.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Literal, get_args

import torch
from torch.nn import functional

from pvtt_data.errors import InputError

Content = Literal["source", "grey", "blurred", "edges", "depth", "noise", "black"]
CONTENTS: tuple[Content, ...] = get_args(Content)
Contents = Mapping[Content, float]

_SWAPPED: Contents = MappingProxyType({"source": 0.45, "grey": 0.3, "blurred": 0.15, "edges": 0.1})
_UNSHOWN: Contents = MappingProxyType({"grey": 0.5, "noise": 0.5})
NOOP_CONTENTS: Contents = MappingProxyType({"source": 1.0})
"""Of pairs whose kind is ``noop``: B stays B."""
CONTENTS_BY_ENGINE: Mapping[str, Contents] = MappingProxyType(
    {
        "render": _SWAPPED,
        "composite": _SWAPPED,
        "generate": _SWAPPED,
        "crosspair": _UNSHOWN,
        "panzoom": _UNSHOWN,
    }
)
"""How often training draws each content. Depth needs a depth map, and black is for an old experiment: never drawn."""
UNSHOWN_ENGINES = ("crosspair", "panzoom")
"""Engines whose samples never show what is inside the mask: the source of a crosspair is the answer, and the A of a
panzoom is a still that moves as no product does."""
RECONSTRUCTED_CONTENTS: Contents = _UNSHOWN
"""Of pairs whose kind is ``reconstruct``, whatever the engine: the source is the answer."""

BLUR_SIGMA = 1 / 30
"""Of the short side of the frame: 16 pixels at 480. Lettering is gone, colour and motion are left."""
_LUMA = (0.299, 0.587, 0.114)
_EDGE_GAIN = 4.0
_SOBEL = (-1 / 8, 0.0, 1 / 8, -1 / 4, 0.0, 1 / 4, -1 / 8, 0.0, 1 / 8)
"""Over 8: the slope per pixel."""


def reactive_content(
    content: Content, video: torch.Tensor, *, depth: torch.Tensor | None = None, seed: int = 0
) -> torch.Tensor:
    """The content of whole frames; `pvtt_data.vace.context.split` keeps what is inside the mask.

    - ``source``: the video itself.
    - ``grey``: exactly 0, the middle of the range (127 in bytes would be −0.004).
    - ``blurred``: a Gaussian of `BLUR_SIGMA` times the short side over each frame; edges repeat.
    - ``edges``: the Sobel gradient of the luma, white on black, on a fixed scale: white from a slope of a quarter of
      the range per pixel.
    - ``depth``: the depth map as grey, near is white.
    - ``noise``: uniform in [−1, 1), from ``seed`` alone: the same on every device.
    - ``black``: −1 everywhere, so that the mask shows as a silhouette; only to repeat the old "zeroed" experiment.

    Args:
        content: one of the above.
        video: ``(…, 3, T, H, W)`` float in [−1, 1], on any device.
        depth: ``(…, 1, T, H, W)`` float in [0, 1], 1 is near; for ``depth`` only.
        seed: for ``noise``.

    Returns:
        ``(…, 3, T, H, W)`` float32 in [−1, 1] on the video's device. ``video`` is left as it is; it is the
        result for ``source``.

    Raises:
        InputError: ``reactive-content``, unknown; ``no-depth``, depth without a map of the video's shape.
    """
    video = video.float()
    match content:
        case "source":
            return video
        case "grey":
            return torch.zeros_like(video)
        case "black":
            return torch.full_like(video, -1.0)
        case "blurred":
            return _framewise(_blurred, video)
        case "edges":
            return _framewise(_edges, video)
        case "noise":
            return _noise(video.shape, seed).to(video.device)
        case "depth":
            wanted = (*video.shape[:-4], 1, *video.shape[-3:])
            if depth is None or tuple(depth.shape) != wanted:
                found = "none" if depth is None else str(tuple(depth.shape))
                raise InputError("no-depth", f"reactive content 'depth' needs a depth map {wanted}, got {found}")
            return (depth.float() * 2 - 1).clamp(-1, 1).to(video.device).expand(video.shape).clone()
    raise InputError("reactive-content", f"{content!r} is none of {', '.join(CONTENTS)}")


def _framewise(work: Callable[[torch.Tensor], torch.Tensor], video: torch.Tensor) -> torch.Tensor:
    """Apply a function of pictures ``(N, 3, H, W)`` to each frame."""
    frames = video.movedim(-3, -4)
    done = work(frames.reshape(-1, 3, *video.shape[-2:]))
    return done.reshape(frames.shape).movedim(-4, -3).contiguous()


def _blurred(pictures: torch.Tensor) -> torch.Tensor:
    count, channels, height, width = pictures.shape
    sigma = BLUR_SIGMA * min(height, width)
    reach = max(1, math.ceil(3 * sigma))
    places = torch.arange(-reach, reach + 1, dtype=torch.float32, device=pictures.device)
    kernel = torch.exp(-(places**2) / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    planes = pictures.reshape(count * channels, 1, height, width)
    planes = functional.conv2d(
        functional.pad(planes, (reach, reach, 0, 0), mode="replicate"), kernel.reshape(1, 1, 1, -1)
    )
    planes = functional.conv2d(
        functional.pad(planes, (0, 0, reach, reach), mode="replicate"), kernel.reshape(1, 1, -1, 1)
    )
    return planes.reshape(pictures.shape).clamp(-1, 1)


def _edges(pictures: torch.Tensor) -> torch.Tensor:
    luma = ((pictures + 1) / 2 * _on(pictures.device, _LUMA).reshape(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    across = _on(pictures.device, _SOBEL).reshape(3, 3)
    kernels = torch.stack([across, across.T]).unsqueeze(1)
    slopes = functional.conv2d(functional.pad(luma, (1, 1, 1, 1), mode="replicate"), kernels)
    strength = (slopes.square().sum(dim=1, keepdim=True).sqrt() * _EDGE_GAIN).clamp(max=1)
    return (strength * 2 - 1).expand(pictures.shape)


@lru_cache
def _on(device: torch.device, values: tuple[float, ...]) -> torch.Tensor:
    """A constant on a device; copied there once, since a captured CUDA graph may not copy from the processor."""
    return torch.tensor(values, device=device)


def _noise(shape: torch.Size, seed: int) -> torch.Tensor:
    digest = hashlib.sha256(f"{seed}:noise".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
    return torch.rand(shape, generator=generator) * 2 - 1
