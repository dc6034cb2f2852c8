"""What a segmentation backend is: one product in, one mask per frame out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Progress = Callable[[int, int], None]
"""Called with (model runs done, model runs planned) while a video is worked on."""


@dataclass(frozen=True, slots=True)
class Segmentation:
    """The mask of one product in every frame of a clip.

    Attributes:
        masks: (T, H, W) bool.
        confidence: (T,) float32 in [0, 1], how well independent evidence for the frame's mask agrees.
        numbers: figures behind the result, for the record of the track.
    """

    masks: NDArray[np.bool_]
    confidence: NDArray[np.float32]
    numbers: Mapping[str, float]


class Segmenter(Protocol):
    """Finds the product in pictures and videos.

    Attributes:
        name: stable slug, part of every mask's provenance.
        version: changes when the same input may give another mask.
        weights: file role → SHA-256 in hex.
        takes_prompt: whether `prompt` says what to look for. A backend that takes none refuses one with ValueError
            rather than look for something else.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def weights(self) -> Mapping[str, str]: ...

    @property
    def takes_prompt(self) -> bool: ...

    def segment_image(self, image: NDArray[np.uint8], prompt: str | None = None) -> NDArray[np.float32]:
        """Probability that a pixel belongs to the product.

        Args:
            image: (H, W, 3) uint8 RGB.
            prompt: what to look for, in words.

        Returns:
            (H, W) float32 in [0, 1].

        Raises:
            InputError: ``no-product``, nothing stands out.
        """
        ...

    def segment_video(
        self,
        frames: NDArray[np.uint8],
        prompt: str | None = None,
        on_progress: Progress | None = None,
    ) -> Segmentation:
        """Masks of one and the same product in all frames of one shot.

        Args:
            frames: (T, H, W, 3) uint8 RGB.
            prompt: what to look for, in words.
            on_progress: told about every run of the model.

        Raises:
            InputError: ``no-product``, nothing stands out; ``track-lost``, it cannot be followed through all frames.
        """
        ...
