"""What a video tracker is: lanes in, masks out.

A *lane* is one run over some frames of a clip in a given order, begun by one prompt on its first frame. Everything that
Grounded SAM 2 does is made of lanes: forwards and backwards from a keyframe, again from a doubtful keyframe, back again
to check, on from one window into the next, and once more in a cut-out. Lanes do not depend on each other, so a tracker
may run those of several clips as one batch.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.segmenters.grounded.detection import Box

_SURELY = 30.0
"""A logit beyond which probabilities are 0 or 1 to the last bits."""

Point = tuple[float, float]
"""(x, y) in pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Prompt:
    """What is asked for on the first frame of a lane: a box, perhaps with points, or a mask.

    Attributes:
        box: around the product.
        inside: points on it.
        outside: points that are not on it, such as in the hole of a bracelet.
        mask: (H, W) bool, taken as it is.
    """

    box: Box | None = None
    inside: tuple[Point, ...] = ()
    outside: tuple[Point, ...] = ()
    mask: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        if (self.mask is None) == (self.box is None and not self.inside):
            raise ValueError("a prompt is a mask, or else a box or points on the product")
        if self.mask is not None and (self.inside or self.outside):
            raise ValueError("points do not go with a mask")


class EmbeddedClip(Protocol):
    """A clip's frames as a tracker sees them."""

    @property
    def count(self) -> int:
        """How many frames there are."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the frames in pixels."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """One run.

    Attributes:
        clip: whose frames.
        order: numbers of the frames, each after or before its neighbour by one, the prompted one first.
        prompt: of the first frame.
    """

    clip: EmbeddedClip
    order: Sequence[int]
    prompt: Prompt


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What a lane came to, in the lane's order.

    Attributes:
        logits: (S, h, w) float16 at the tracker's own resolution; positive is product.
        quality: (S,) float32 in [0, 1], the tracker's estimate of each mask's IoU.
        presence: (S,) float32 in [0, 1], the tracker's estimate that the product is in the frame.
        size: (height, width) of the frames.
    """

    logits: NDArray[np.float16]
    quality: NDArray[np.float32]
    presence: NDArray[np.float32]
    size: tuple[int, int]

    def mask(self, step: int) -> NDArray[np.bool_]:
        """(H, W) bool of one step, at the size of the frames; empty where the tracker says that nothing is there."""
        return np.asarray(self._whole(step) > 0.0, np.bool_)

    def probability(self, step: int) -> NDArray[np.float32]:
        """(H, W) float32 in [0, 1] of one step, at the size of the frames; about 0 where nothing is there."""
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(self._whole(step), -_SURELY, _SURELY))), np.float32)

    def _whole(self, step: int) -> NDArray[np.float32]:
        """(H, W) logits, surely negative where the tracker says that nothing is there."""
        height, width = self.size
        if self.presence[step] <= 0.5:
            return np.full((height, width), -_SURELY, np.float32)
        small = self.logits[step].astype(np.float32)
        return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


class VideoTracker(Protocol):
    """Follows things through clips.

    Attributes:
        name: stable slug.
    """

    @property
    def name(self) -> str: ...

    def embed(self, frames: NDArray[np.uint8]) -> EmbeddedClip:
        """Features of (T, H, W, 3) uint8 RGB frames; they live as long as the object that is returned."""
        ...

    def run(self, lanes: Sequence[Lane]) -> list[Run]:
        """Run lanes, possibly of several clips; what a lane comes to does not depend on the others but for rounding."""
        ...


Result = TypeVar("Result")
Course = Generator[Sequence[Lane], Sequence[Run], Result]
"""Work on one clip that asks for lanes as it goes and is sent what they came to."""


def run_together(tracker: VideoTracker, courses: Mapping[str, Course[Result]]) -> dict[str, Result | Exception]:
    """Work on several clips at a time, so that their lanes share batches.

    Args:
        tracker: runs the lanes.
        courses: name → work.

    Returns:
        name → what its work returned, or the exception that ended it; one failed clip does not end the others.
    """
    done: dict[str, Result | Exception] = {}
    asked: dict[str, Sequence[Lane]] = {}

    def advance(name: str, runs: Sequence[Run] | None) -> None:
        try:
            asked[name] = next(courses[name]) if runs is None else courses[name].send(runs)
        except StopIteration as end:
            done[name] = end.value
        except Exception as error:
            done[name] = error

    for name in courses:
        advance(name, None)
    while asked:
        names = list(asked)
        runs = iter(tracker.run([lane for name in names for lane in asked[name]]))
        for name in names:
            lanes = asked.pop(name)
            advance(name, [next(runs) for _ in lanes])
    return done
