"""What an open-vocabulary detector is: phrases and pictures in, scored boxes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]
"""(left, top, right, bottom) in pixels, right and bottom exclusive."""


@dataclass(frozen=True, slots=True)
class Detection:
    """One box that a phrase fits.

    Attributes:
        box: in pixels of the picture, inside it, with positive area.
        score: in [0, 1]; comparable between boxes of one detector only.
        phrase: which of the phrases that were asked for fits best.
    """

    box: Box
    score: float
    phrase: str


class Detector(Protocol):
    """Finds what phrases name.

    Attributes:
        name: stable slug.
    """

    @property
    def name(self) -> str: ...

    def detect(
        self, pictures: Sequence[NDArray[np.uint8]], phrases: Sequence[str], min_score: float
    ) -> list[list[Detection]]:
        """Boxes of each picture, the best first, before any suppression of overlaps.

        Args:
            pictures: each (H, W, 3) uint8 RGB, all of one size.
            phrases: lower case, without full stops.
            min_score: boxes below are left out.
        """
        ...


def area(box: Box) -> float:
    """In square pixels."""
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def box_iou(one: Box, other: Box) -> float:
    """Intersection over union of two boxes, 0 where both are empty."""
    shared = (max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3]))
    common = area(shared)
    union = area(one) + area(other) - common
    return common / union if union > 0.0 else 0.0


def box_of(mask: NDArray[np.bool_]) -> Box | None:
    """The box around a (H, W) bool mask, None for an empty one."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def suppress_overlaps(found: Sequence[Detection], most_iou: float) -> list[Detection]:
    """Greedy non-maximum suppression: best first, each overlapping no better one by more than ``most_iou``.

    A box that holds several better ones nearly whole (a tray around two earrings) is no rival of theirs by IoU; it
    stays, and the choice over time decides.
    """
    kept: list[Detection] = []
    for detection in sorted(found, key=lambda d: (-d.score, d.box)):
        if all(box_iou(detection.box, other.box) <= most_iou for other in kept):
            kept.append(detection)
    return kept


def detections_of(
    boxes: NDArray[np.float64], scores: NDArray[np.float64], phrases: Sequence[str], size: tuple[int, int], least: float
) -> list[Detection]:
    """Detections from arrays of one picture, the best first.

    Args:
        boxes: (N, 4) float64 pixels, may reach over the picture's edge.
        scores: (N, P) float64 in [0, 1], one column a phrase.
        phrases: P names.
        size: (height, width) of the picture.
        least: smallest score that counts.
    """
    height, width = size
    limit = np.array([width, height, width, height], np.float64)
    inside = np.clip(boxes, 0.0, limit)
    best = scores.argmax(axis=1)
    found = [
        Detection((float(b[0]), float(b[1]), float(b[2]), float(b[3])), float(scores[n, best[n]]), phrases[best[n]])
        for n, b in enumerate(inside)
        if scores[n, best[n]] >= least and b[2] - b[0] >= 1.0 and b[3] - b[1] >= 1.0
    ]
    return sorted(found, key=lambda d: (-d.score, d.box))
