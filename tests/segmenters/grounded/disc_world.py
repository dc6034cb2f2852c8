"""A tracker and a detector that know the truth, and can be told where to fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pvtt_data.segmenters.grounded.detection import Box, Detection, box_of
from pvtt_data.segmenters.grounded.lanes import Lane, Run

Masks = NDArray[np.bool_]


def disc_clip(
    count: int = 24, size: tuple[int, int] = (60, 80), radius: float = 9.0
) -> tuple[NDArray[np.uint8], Masks]:
    """A red disc that crosses a grey picture, and a green one that stands still: frames, and masks of the red one."""
    height, width = size
    y, x = np.mgrid[:height, :width]
    frames, masks = [], []
    for t in range(count):
        middle = 14 + (width - 28) * t / max(count - 1, 1)
        red = (x - middle) ** 2 + (y - height / 2) ** 2 <= radius**2
        frame = np.full((height, width, 3), 120, np.uint8)
        frame[green_disc(size)] = (20, 200, 40)
        frame[red] = (220, 30, 30)
        frames.append(frame)
        masks.append(red)
    return np.stack(frames), np.stack(masks)


def green_disc(size: tuple[int, int] = (60, 80)) -> Masks:
    """Where the still green disc is, (H, W) bool."""
    y, x = np.mgrid[: size[0], : size[1]]
    return np.asarray((x - 12) ** 2 + (y - 10) ** 2 <= 36, np.bool_)


def box(mask: Masks) -> Box:
    """The box around a mask that is not empty."""
    found = box_of(mask)
    assert found is not None
    return found


@dataclass(frozen=True)
class FakeClip:
    """Frames, as the fake tracker sees them."""

    frames: NDArray[np.uint8]

    @property
    def count(self) -> int:
        return len(self.frames)

    @property
    def size(self) -> tuple[int, int]:
        return self.frames.shape[1], self.frames.shape[2]


@dataclass
class FakeTracker:
    """Follows whatever has the colour that most of its prompt covers.

    Attributes:
        slips_at: a lane that passes from one of these frames (as its pixels tell: see ``marks``) to the next one goes
            on with the green disc.
        sure: the quality that it claims of frames where it has slipped.
    """

    slips_when: NDArray[np.uint8] | None = None
    sure: float = 0.9
    lanes: list[tuple[int, ...]] = field(default_factory=list)
    widest_embed: int = 0
    name: str = "fake"

    def embed(self, frames: NDArray[np.uint8]) -> FakeClip:
        self.widest_embed = max(self.widest_embed, len(frames))
        return FakeClip(frames)

    def run(self, lanes: Sequence[Lane]) -> list[Run]:
        return [self._run(lane) for lane in lanes]

    def _run(self, lane: Lane) -> Run:
        clip = lane.clip
        assert isinstance(clip, FakeClip)
        self.lanes.append(tuple(lane.order))
        where = np.zeros(clip.size, np.bool_)
        if lane.prompt.mask is not None:
            where = lane.prompt.mask
        elif lane.prompt.box is not None:
            left, top, right, bottom = (round(v) for v in lane.prompt.box)
            where[top:bottom, left:right] = True
        first = clip.frames[lane.order[0]]
        red, green = first[..., 0] > 180, first[..., 1] > 180
        channel = 1 if (where & green).sum() > (where & red).sum() else 0
        logits, quality, presence = [], [], []
        slipped = False
        for step, t in enumerate(lane.order):
            if step and self.slips_when is not None and np.array_equal(clip.frames[t], self.slips_when):
                channel, slipped = 1, True
            seen = clip.frames[t][..., channel] > 180
            for x, y in lane.prompt.outside if step == 0 else ():
                seen = seen & ~_near(clip.size, x, y)
            logits.append(np.where(seen, 8.0, -8.0).astype(np.float16))
            quality.append(self.sure if slipped else 0.95)
            presence.append(1.0 if seen.any() else 0.0)
        return Run(np.stack(logits), np.array(quality, np.float32), np.array(presence, np.float32), clip.size)


def _near(size: tuple[int, int], x: float, y: float) -> Masks:
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.asarray((columns - x) ** 2 + (rows - y) ** 2 <= 25, np.bool_)


@dataclass
class FakeDetector:
    """Finds red and green discs by colour.

    Attributes:
        blind: it sees nothing in frames that are equal to one of these.
        red_score, green_score: of the boxes that it finds.
    """

    blind: Sequence[NDArray[np.uint8]] = ()
    red_score: float = 0.6
    green_score: float = 0.0
    asked: list[tuple[str, ...]] = field(default_factory=list)
    name: str = "fake"

    def detect(
        self, pictures: Sequence[NDArray[np.uint8]], phrases: Sequence[str], min_score: float
    ) -> list[list[Detection]]:
        self.asked.append(tuple(phrases))
        return [self._detect(picture, phrases[0], min_score) for picture in pictures]

    def _detect(self, picture: NDArray[np.uint8], phrase: str, min_score: float) -> list[Detection]:
        if any(np.array_equal(picture, one) for one in self.blind):
            return []
        found = []
        for channel, score in ((0, self.red_score), (1, self.green_score)):
            around = box_of(np.asarray(picture[..., channel] > 180, np.bool_))
            if around is not None and score >= min_score:
                found.append(Detection(around, score, phrase))
        return sorted(found, key=lambda d: -d.score)
