"""Which of the objects that keyframes show is the product: the one that is the same in most of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.segmenters.carry import ObjectMotion, soft_iou

_TAKEN_UP = 0.3
"""Probability from which neighbouring pixels make up one component."""

_TOUCHING_SHARE = 0.1
"""A component belongs to the object when it shares more than this with it, as a share of the smaller of both."""

_CLEAR = 0.8
"""Agreement with which a map shows the anchor's object beyond doubt."""


@dataclass(frozen=True, slots=True)
class Identity:
    """One and the same object in several keyframes.

    Attributes:
        maps: keyframe → (H, W) float32 in [0, 1], cleaned of everything else.
        clear: whether all keyframes show it beyond doubt.
    """

    maps: dict[int, NDArray[np.float32]]
    clear: bool


def find_identity(
    salient: dict[int, NDArray[np.float32]], motion: ObjectMotion, margin: float, min_agreement: float
) -> Identity:
    """The keyframe maps that show one and the same object, cleaned of everything else.

    Keyframes are tried as the anchor that says what the object is. The one that finds itself again in the others best
    wins, so neither a keyframe that has jumped to something else nor one with something else in it does; where all
    clearly agree with an anchor, no other is tried. What of the anchor most keyframes around it do not show is then
    taken away.

    Args:
        salient: keyframe → (H, W) float32 in [0, 1], each with a pixel above 0.5.
        motion: carries maps between frames.
        margin: how far beyond the carried object a map may claim pixels, as a share of √area.
        min_agreement: soft IoU from which a map and what flow carries there are the same object.
    """
    if not salient:
        return Identity({}, False)
    tracks: dict[int, _Track] = {}
    for key in sorted(salient):
        tracks[key] = _followed(salient, key, motion, margin, min_agreement)
        if tracks[key].clear(len(salient)):
            break
    anchor = max(tracks, key=lambda key: (sum(tracks[key].agreement.values()), -key))
    track = tracks[anchor]
    near = _near(sorted(track.maps), anchor)
    if near and _components(salient[anchor]) > 1:
        shown = [motion.carry(track.maps[key], key, anchor).image > 0.5 for key in near]
        cleaned = _supported(salient[anchor], np.mean(shown, axis=0))
        if not np.array_equal(cleaned, salient[anchor]):
            track = _followed({**salient, anchor: cleaned}, anchor, motion, margin, min_agreement)
    return Identity(track.maps, track.clear(len(salient)))


@dataclass(frozen=True, slots=True)
class _Track:
    """An object followed through the keyframes: its maps, and how well each agreed with what was expected there."""

    maps: dict[int, NDArray[np.float32]]
    agreement: dict[int, float]

    def clear(self, keyframes: int) -> bool:
        """Whether every keyframe shows the object beyond doubt."""
        return len(self.maps) == keyframes and min(self.agreement.values(), default=1.0) >= _CLEAR


def _followed(
    salient: dict[int, NDArray[np.float32]], anchor: int, motion: ObjectMotion, margin: float, min_agreement: float
) -> _Track:
    """Follow the anchor's object to both ends: in each keyframe only what lies where flow carries it belongs to it."""
    track = _Track({anchor: salient[anchor]}, {})
    before = sorted((key for key in salient if key < anchor), reverse=True)
    after = sorted(key for key in salient if key > anchor)
    for keys in (before, after):
        last = anchor
        for key in keys:
            expected = motion.carry(track.maps[last], last, key).image
            answer = keep_expected(salient[key], expected, margin)
            agreement = soft_iou(answer, expected)
            if agreement >= min_agreement:
                track.maps[key] = answer
                track.agreement[key] = agreement
                last = key
    return track


def _near(keys: Sequence[int], key: int) -> list[int]:
    position = keys.index(key)
    return [*keys[max(position - 2, 0) : position], *keys[position + 1 : position + 3]]


def _components(answer: NDArray[np.float32]) -> int:
    count, _ = cv2.connectedComponents((answer > _TAKEN_UP).astype(np.uint8), connectivity=8)
    return int(count) - 1


def _supported(answer: NDArray[np.float32], support: NDArray[np.floating]) -> NDArray[np.float32]:
    """Keep the components that neighbouring keyframes mostly show too, and always the one they show most of."""
    count, labels = cv2.connectedComponents((answer > _TAKEN_UP).astype(np.uint8), connectivity=8)
    area = np.bincount(labels.ravel(), minlength=count)
    shown = np.bincount(labels.ravel(), weights=support.ravel(), minlength=count)
    best = 1 + int(np.argmax(shown[1:]))
    kept = [label for label in range(1, count) if label == best or shown[label] >= 0.5 * area[label]]
    return np.where(np.isin(labels, kept), answer, np.float32(0.0))


def keep_expected(answer: NDArray[np.float32], expected: NDArray[np.float32], margin: float) -> NDArray[np.float32]:
    """Keep of an answer what is connected to the expected object and not far outside it.

    How far an answer may reach beyond a part of the object depends on the size of that part.
    """
    core = (expected > 0.5).astype(np.uint8)
    near = np.zeros(core.shape, np.bool_)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(core, connectivity=8)
    for label in range(1, count):
        reach = margin * math.sqrt(float(stats[label, cv2.CC_STAT_AREA])) + 2.0
        distance = cv2.distanceTransform((labels != label).astype(np.uint8), cv2.DIST_L2, 5)
        near |= distance <= reach
    return np.where(near, keep_touching(answer, expected, _TOUCHING_SHARE), np.float32(0.0))


def keep_touching(
    answer: NDArray[np.float32], expected: NDArray[np.float32], least_share: float = 0.0
) -> NDArray[np.float32]:
    """Keep the components of an answer that share some pixels with the expected object.

    Args:
        least_share: more than this share of the smaller of both must be shared.
    """
    core = expected > 0.5
    count, labels = cv2.connectedComponents((answer > _TAKEN_UP).astype(np.uint8), connectivity=8)
    area = np.bincount(labels.ravel(), minlength=count)
    shared = np.bincount(labels.ravel(), weights=core.ravel(), minlength=count)
    least = least_share * np.minimum(area, core.sum())
    kept = [label for label in range(1, count) if shared[label] > least[label]]
    return np.where(np.isin(labels, kept), answer, np.float32(0.0))
