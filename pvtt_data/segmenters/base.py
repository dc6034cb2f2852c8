"""What a segmentation backend is: one product in, one mask per frame out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pvtt_data.errors import InputError
from pvtt_data.segmenters.box_prompt import BoxPrompt

Progress = Callable[[int, int], None]
"""Called with (model runs done, model runs planned) while a video is worked on."""


@dataclass(frozen=True, slots=True)
class Target:
    """What to look for.

    Attributes:
        phrases: names of the product, the best one first, lower case and without full stops ("gold bracelet"); none
            where a box alone says where it is.
        instances: most things that make up the product: 2 for a pair of earrings.
        area_share: (smallest, largest) usual share of a frame that one product covers; outside, boxes count less.
        holed: whether background shows through the product, as through a bracelet.
        worn_on: parts of a body that it may be worn on ("wrist"); they are no part of the product.
    """

    phrases: tuple[str, ...]
    instances: int = 1
    area_share: tuple[float, float] = (0.003, 0.5)
    holed: bool = False
    worn_on: tuple[str, ...] = ()

    @classmethod
    def of_prompt(cls, prompt: str) -> Target:
        """From words in the detector's own notation: "teapot." or "teapot. kettle."

        Raises:
            ValueError: no words.
        """
        phrases = tuple(dict.fromkeys(p for part in prompt.lower().split(".") if (p := " ".join(part.split()))))
        if not phrases:
            raise ValueError(f"{prompt!r} names nothing to look for")
        return cls(phrases)


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


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One clip to work on.

    Attributes:
        frames: (T, H, W, 3) uint8 RGB, one shot.
        target: what to look for; None for a backend that cannot be told.
        box: where it is in one of the frames, as a person drew it; it outweighs whatever a model finds elsewhere.
    """

    frames: NDArray[np.uint8]
    target: Target | None = None
    box: BoxPrompt | None = None


class Segmenter(Protocol):
    """Finds the product in pictures and videos.

    Attributes:
        name: stable slug, part of every mask's provenance.
        version: changes when the same input may give another mask.
        weights: file role → SHA-256 in hex.
        takes_target: whether it can be told what to look for. A backend that cannot refuses a target with ValueError
            rather than look for something else, and one that must be told refuses to guess. A box is taken by all.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def weights(self) -> Mapping[str, str]: ...

    @property
    def takes_target(self) -> bool: ...

    def segment_image(self, image: NDArray[np.uint8], target: Target | None = None) -> NDArray[np.float32]:
        """Probability that a pixel belongs to the product.

        Args:
            image: (H, W, 3) uint8 RGB.
            target: what to look for.

        Returns:
            (H, W) float32 in [0, 1].

        Raises:
            InputError: ``no-product``, nothing stands out.
        """
        ...

    def segment_video(
        self,
        frames: NDArray[np.uint8],
        target: Target | None = None,
        on_progress: Progress | None = None,
        box: BoxPrompt | None = None,
    ) -> Segmentation:
        """Masks of one and the same product in all frames of one shot.

        Args:
            frames: (T, H, W, 3) uint8 RGB.
            target: what to look for.
            on_progress: told about every run of the model.
            box: where it is in one frame: from there it is followed both ways.

        Raises:
            InputError: ``no-product``, nothing stands out; ``track-lost``, it cannot be followed through all frames;
                ``bad-box``, the clip has no such frame or the box holds nothing.
        """
        ...

    def segment_videos(
        self, jobs: Sequence[Job], on_progress: Progress | None = None
    ) -> list[Segmentation | InputError]:
        """Several clips, as `segment_video` does each; one that cannot be segmented spoils no other."""
        ...


def one_by_one(segmenter: Segmenter, jobs: Sequence[Job]) -> list[Segmentation | InputError]:
    """`Segmenter.segment_videos` of a backend that gains nothing by several clips."""
    outcomes: list[Segmentation | InputError] = []
    for job in jobs:
        try:
            outcomes.append(segmenter.segment_video(job.frames, job.target, box=job.box))
        except InputError as error:
            outcomes.append(error)
    return outcomes
