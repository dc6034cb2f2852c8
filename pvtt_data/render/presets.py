"""Presets: how many paths a pixel, how far, and how the noise is taken out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from pvtt_data.render.denoise import Quality
from pvtt_data.render.tracer import Depth

PresetName = Literal["draft", "standard", "high"]


@dataclass(frozen=True, slots=True)
class Preset:
    """What a picture costs.

    Attributes:
        samples: paths a pixel of a frame.
        edge_samples: camera rays a pixel where a mask is decided.
        probe_samples: paths a pixel of the small pictures that tell where the product has an effect.
        reference_samples: paths a pixel of a reference picture.
        depth: how far light is followed.
        denoise: quality of the denoiser.
    """

    samples: int
    edge_samples: int
    probe_samples: int
    reference_samples: int
    depth: Depth
    denoise: Quality


PRESETS: Mapping[PresetName, Preset] = MappingProxyType(
    {
        "draft": Preset(2, 16, 8, 24, Depth(12, 3), "fast"),
        "standard": Preset(64, 32, 32, 96, Depth(12, 3), "high"),
        "high": Preset(256, 64, 64, 256, Depth(16, 4), "high"),
    }
)
