"""Carry a map of an object from one frame of a clip to others with the object's own motion."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.flow import ClipFlow, Flow, compose, inside_frame, resize_flow, round_trip_error, squared_length, warp

_LEAST_TRUST = 1e-3
"""Weight of evidence that flow does not confirm, so that the best of bad evidence still counts."""

_DEPARTURE_PX = 1.0
_DEPARTURE_SHARE = 0.1
"""A pixel's own flow may depart this far from its part's motion: in pixels, and as a share of that motion."""

_MOST_PARTS = 4
_MOST_POINTS = 2000
_FEWEST_POINTS = 16
_FITTING_STEPS = 8
_RIDGE = 1e-3
"""Pull of the affine fit towards a translation, as a share of the spread of a square part's points."""


def soft_iou(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Σ min / Σ max of two maps in [0, 1]; the IoU when both are binary, 0 when both are empty."""
    union = float(np.maximum(first, second).sum(dtype=np.float64))
    return float(np.minimum(first, second).sum(dtype=np.float64)) / union if union > 0.0 else 0.0


@dataclass(frozen=True, slots=True)
class Carried:
    """A keyframe's map brought onto another frame.

    Attributes:
        image: (H, W) float32 in [0, 1].
        trust: (H, W) float32 in [0, 1], consistency of the flow along the way.
        support: share of the object's pixels whose flow was consistent and fitted the object's motion, in the worst
            step on the way; about 0 when the object was not there.
    """

    image: NDArray[np.float32]
    trust: NDArray[np.float32]
    support: float


class ObjectMotion:
    """Carries maps from frame to frame with the motion of the object that they show.

    A pixel just outside a moving object has a flow of its own, often a wrong one, because what was there is now
    hidden; fetched along that flow the object drags the background with it. So each connected part of the object is
    given the affine motion that most of its pixels share, and a pixel's own flow counts where it comes from inside the
    object, is consistent, and does not depart far from that motion.
    """

    def __init__(self, flow: ClipFlow) -> None:
        self._flow = flow
        self._forward_trust = [_trust(f, b) for f, b in zip(flow.forward, flow.backward, strict=True)]
        self._backward_trust = [_trust(b, f) for f, b in zip(flow.forward, flow.backward, strict=True)]

    def carry(self, image: NDArray[np.float32], key: int, to: Sequence[int]) -> dict[int, Carried]:
        """The map of frame ``key`` on each of the frames ``to``."""
        carried = {}
        for side in ([t for t in to if t < key], [t for t in to if t >= key]):
            if side:
                walk = self.walk(image, key, min(side) if min(side) < key else max(side))
                carried.update({t: walk[t]() for t in side})
        return carried

    def walk(self, image: NDArray[np.float32], key: int, stop: int) -> dict[int, Callable[[], Carried]]:
        """The map of frame ``key`` on each frame after it up to ``stop``, in either direction, made when called."""
        height, width = self._flow.size
        carried = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.float32)
        start = carried
        field = np.zeros((height, width, 2), np.float32)
        trust = np.ones((height, width), np.float32)
        support = 1.0
        fetched: dict[int, Callable[[], Carried]] = {key: lambda: Carried(image, np.ones_like(image), 1.0)}
        direction = 1 if stop > key else -1
        for t in range(key + direction, stop + direction, direction):
            step, step_trust, own = self._object_step(carried, t, t - direction)
            field = compose(step, field)
            trust = step_trust * warp(trust, step)
            carried = warp(start, field, outside=0.0)
            support = min(support, float(own[carried > 0.5].mean()) if (carried > 0.5).any() else 0.0)
            fetched[t] = partial(_fetched, image, field, trust, support)
        return fetched

    def _object_step(
        self, carried: NDArray[np.float32], here: int, before: int
    ) -> tuple[Flow, NDArray[np.float32], NDArray[np.float32]]:
        """One step of the object's motion.

        Args:
            carried: (h, w) float32, the object's map on frame ``before``.
            here: the frame to bring it to.
            before: its neighbour.

        Returns:
            Flow from ``here`` to ``before``, the trust in it, and how far each pixel's own flow went into it.
        """
        if before < here:
            there, back = self._flow.backward[before], self._flow.forward[before]
            trust, back_trust = self._backward_trust[before], self._forward_trust[before]
        else:
            there, back = self._flow.forward[here], self._flow.backward[here]
            trust, back_trust = self._forward_trust[here], self._backward_trust[here]
        shared = _shared_motion(carried, back, back_trust)
        departure = squared_length(there - shared)
        typical = _DEPARTURE_PX**2 + _DEPARTURE_SHARE**2 * squared_length(shared)
        own = trust * warp(carried, there, outside=0.0) / (1.0 + (departure / typical) ** 2)
        step = shared + own[..., None] * (there - shared)
        step_trust = np.asarray(np.maximum(trust, 1.0 - own), np.float32)
        return np.asarray(step, np.float32), step_trust, np.asarray(own, np.float32)


class Between:
    """Maps of keyframes, brought onto the frames between them, asked for in the order of time."""

    def __init__(self, maps: Mapping[int, NDArray[np.float32]], motion: ObjectMotion) -> None:
        self._maps = maps
        self._motion = motion
        self._walks: dict[tuple[int, int], dict[int, Callable[[], Carried]]] = {}

    def at(self, t: int) -> tuple[NDArray[np.float32], float]:
        """The map of frame ``t`` and the confidence in it.

        Confidence is the soft IoU of what the keyframes before and after say, but no more than the `Carried.support`
        of the better one; where there is only one, its support.
        """
        before = max((key for key in self._maps if key <= t), default=None)
        after = min((key for key in self._maps if key > t), default=None)
        if before is None or after is None:
            only = self._alone(t)
            return only.image, only.support
        first, second = self._carried(before, t, after), self._carried(after, t, before)
        confidence = min(soft_iou(first.image, second.image), max(first.support, second.support))
        share = (t - before) / (after - before)
        first_weight = (first.trust + _LEAST_TRUST) * np.float32(1.0 - share)
        second_weight = (second.trust + _LEAST_TRUST) * np.float32(share)
        mixed = first.image * first_weight + second.image * second_weight
        return np.asarray(mixed / (first_weight + second_weight), np.float32), confidence

    def _alone(self, t: int) -> Carried:
        key = min(self._maps, key=lambda other: (abs(other - t), other))
        return self._motion.carry(self._maps[key], key, [t])[t]

    def _carried(self, key: int, t: int, stop: int) -> Carried:
        if (key, stop) not in self._walks:
            self._walks = {ends: walk for ends, walk in self._walks.items() if ends == (stop, key)}
            self._walks[key, stop] = self._motion.walk(self._maps[key], key, stop)
        return self._walks[key, stop][t]()


def _trust(there: Flow, back: Flow) -> NDArray[np.float32]:
    """(h, w) float32 in [0, 1]: 1 for a perfect round trip, 0.5 on the limit of consistency, 0 outside the picture."""
    error = round_trip_error(there, back)
    return np.asarray(inside_frame(there) / (1.0 + error * error), np.float32)


def _shared_motion(carried: NDArray[np.float32], leaving: Flow, trust: NDArray[np.float32]) -> Flow:
    """Where each pixel of the next frame came from if the object's parts moved affinely, (h, w, 2) float32 px.

    Args:
        carried: (h, w) float32, the object's map on this frame.
        leaving: flow from this frame to the next.
        trust: (h, w) float32, consistency of that flow.
    """
    height, width = carried.shape
    count, labels, stats, _ = cv2.connectedComponentsWithStats((carried > 0.5).astype(np.uint8), connectivity=8)
    order = sorted(range(1, count), key=lambda label: (-int(stats[label, cv2.CC_STAT_AREA]), label))[:_MOST_PARTS]
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    nearest = np.full((height, width), np.inf, np.float32)
    shared = np.zeros((height, width, 2), np.float32)
    for label in order:
        part = labels == label
        onward = _affine(part, leaving, trust)
        if onward is None:
            continue
        back = cv2.invertAffineTransform(onward).astype(np.float32)
        field = np.empty((height, width, 2), np.float32)
        field[..., 0] = (back[0, 0] - 1) * x + back[0, 1] * y + back[0, 2]
        field[..., 1] = back[1, 0] * x + (back[1, 1] - 1) * y + back[1, 2]
        if len(order) == 1:
            return field
        moved = cv2.warpAffine(part.astype(np.uint8), onward, (width, height), flags=cv2.INTER_NEAREST)
        distance = cv2.distanceTransform(1 - moved, cv2.DIST_L2, 3)
        closer = distance < nearest
        shared[closer] = field[closer]
        nearest[closer] = distance[closer]
    return shared


def _affine(part: NDArray[np.bool_], field: Flow, trust: NDArray[np.float32]) -> NDArray[np.float64] | None:
    """(2, 3) affine motion that most pixels of a part share, or None for a part of a few pixels.

    Iteratively reweighted least squares with Cauchy weights (Holland and Welsch, "Robust regression using iteratively
    reweighted least-squares", 1977), from the median translation.
    """
    rows, columns = np.nonzero(part)
    if len(rows) < _FEWEST_POINTS:
        return None
    stride = max(1, len(rows) // _MOST_POINTS)
    rows, columns = rows[::stride], columns[::stride]
    moves = field[rows, columns].astype(np.float64)
    centre = np.array([columns.mean(), rows.mean()])
    points = np.column_stack([columns - centre[0], rows - centre[1], np.ones(len(rows))])
    ridge = np.diag([_RIDGE * len(rows) * part.sum() / 12.0] * 2 + [0.0]) + np.eye(3) * 1e-9
    solution = np.zeros((3, 2))
    solution[2] = np.median(moves, axis=0)
    for _ in range(_FITTING_STEPS):
        residual = np.sum((moves - points @ solution) ** 2, axis=1)
        weight = (trust[rows, columns] + _LEAST_TRUST) / (1.0 + residual / _DEPARTURE_PX**2)
        weighted = points * weight[:, None]
        solution = np.linalg.solve(weighted.T @ points + ridge * weight.mean(), weighted.T @ moves)
    linear = np.eye(2) + solution[:2].T
    return np.column_stack([linear, centre + solution[2] - linear @ centre])


def _fetched(image: NDArray[np.float32], field: Flow, trust: NDArray[np.float32], support: float) -> Carried:
    height, width = image.shape
    larger_trust = np.asarray(cv2.resize(trust, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    return Carried(warp(image, resize_flow(field, height, width), outside=0.0), larger_trust, support)
