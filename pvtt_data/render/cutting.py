"""From shots to one video: hard cuts and dissolves, and where they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pvtt_data.render.filming import Footage

Span = tuple[int, int]
"""First frame, and the frame after the last."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """How shots follow each other.

    Attributes:
        frames: how many each shot has, those in dissolves counted in.
        dissolves: over how many frames each shot comes out of the one before; 0 is a hard cut, and the first has 0.
    """

    frames: tuple[int, ...]
    dissolves: tuple[int, ...]

    @property
    def starts(self) -> list[int]:
        """First frame of every shot, dissolves counted in."""
        starts = [0]
        for frames, dissolve in zip(self.frames[:-1], self.dissolves[1:], strict=True):
            starts.append(starts[-1] + frames - dissolve)
        return starts

    @property
    def frame_count(self) -> int:
        """How many frames the video has."""
        return self.starts[-1] + self.frames[-1]

    @property
    def cuts(self) -> list[int]:
        """First frames of the shots that follow a hard cut."""
        pairs = zip(self.starts[1:], self.dissolves[1:], strict=True)
        return [start for start, dissolve in pairs if not dissolve]

    @property
    def dissolve_spans(self) -> list[Span]:
        """Frames of every dissolve."""
        pairs = zip(self.starts, self.dissolves, strict=True)
        return [(start, start + dissolve) for start, dissolve in pairs if dissolve]

    @property
    def spans(self) -> list[Span]:
        """Of every shot the frames that show it alone."""
        alone = [start + dissolve for start, dissolve in zip(self.starts, self.dissolves, strict=True)]
        return list(zip(alone, [*self.starts[1:], self.frame_count], strict=True))


def join(timeline: Timeline, shots: Sequence[Footage]) -> Footage:
    """One video of all shots.

    In a dissolve both are mixed: the k-th of its n frames shows (k + 1) / (n + 1) of the later shot's display value,
    and of its coverage.
    """
    _, *size, _ = shots[0].frames.shape
    frames = np.zeros((timeline.frame_count, *size, 3), np.uint8)
    coverage = np.zeros((timeline.frame_count, *size), np.float32)
    for start, dissolve, shot in zip(timeline.starts, timeline.dissolves, shots, strict=True):
        for index in range(dissolve):
            share, place = np.float32((index + 1) / (dissolve + 1)), start + index
            mixed = (1 - share) * frames[place] + share * shot.frames[index]
            frames[place] = (mixed + 0.5).astype(np.uint8)
            coverage[place] = (1 - share) * coverage[place] + share * shot.coverage[index]
        alone = slice(start + dissolve, start + len(shot.frames))
        frames[alone], coverage[alone] = shot.frames[dissolve:], shot.coverage[dissolve:]
    return Footage(frames, coverage)


@dataclass(frozen=True, slots=True)
class Visibility:
    """How the product is seen in a shot.

    Attributes:
        whole: it never touches the picture's edge.
        least_area, most_area: smallest and largest share of the picture that it covers.
    """

    whole: bool
    least_area: float
    most_area: float


def visibility(masks: npt.NDArray[np.bool_], spans: Sequence[Span]) -> list[Visibility]:
    """How the product is seen in each span of frames of ``(T, H, W)`` masks."""
    area: npt.NDArray[np.float64] = np.mean(masks, axis=(1, 2))
    edges = (masks[:, 0], masks[:, -1], masks[:, :, 0], masks[:, :, -1])
    on_edge = np.logical_or.reduce([edge.any(axis=1) for edge in edges])
    return [
        Visibility(not bool(on_edge[first:last].any()), float(area[first:last].min()), float(area[first:last].max()))
        for first, last in spans
    ]
