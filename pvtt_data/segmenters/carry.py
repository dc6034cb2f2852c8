"""Carry a map of an object from one frame of a clip to others with the object's own motion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.flow import ClipFlow, Flow, inside_frame, round_trip_error, squared_length, warp

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

_SURELY_OUTSIDE = 0.02
"""Probability below which a pixel is none of the object's."""

_REACH_PX = 8
"""Working pixels around the object that are looked at too: its soft edge, and pixels with a motion of their own."""


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


@dataclass(frozen=True, slots=True)
class _Box:
    """A rectangle of the working grid: rows top … bottom and columns left … right, the ends not included."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def shape(self) -> tuple[int, int]:
        return self.bottom - self.top, self.right - self.left

    def offset_in(self, other: _Box) -> tuple[int, int]:
        return self.top - other.top, self.left - other.left

    def grown(self, reach: int, size: tuple[int, int]) -> _Box:
        """With a margin, cut at the frame's border; at least one pixel."""
        height, width = size
        top, left = min(max(self.top - reach, 0), height - 1), min(max(self.left - reach, 0), width - 1)
        bottom, right = max(min(self.bottom + reach, height), top + 1), max(min(self.right + reach, width), left + 1)
        return _Box(top, left, bottom, right)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the object is on a frame of its walk, all of the working grid's box.

    Attributes:
        box: what of the frame is known; the object is inside.
        carried: (h, w) float32, the walk's own map on this frame.
        field: (h, w, 2) float32 px, from this frame to the keyframe.
        trust: (h, w) float32 in [0, 1].
        support: see `Carried`.
    """

    box: _Box
    carried: NDArray[np.float32]
    field: Flow
    trust: NDArray[np.float32]
    support: float


@dataclass(frozen=True, slots=True)
class Walk:
    """The way of an object from a keyframe to another frame; brings maps of that keyframe onto the frames between.

    Attributes:
        key: the keyframe.
        size: (h, w) of the working grid.
        places: frame → where the object is, for all frames on the way, ``key`` too.
    """

    key: int
    size: tuple[int, int]
    places: Mapping[int, _Place]

    def bring(self, image: NDArray[np.float32], t: int) -> Carried:
        """A (H, W) map of the keyframe, brought onto frame ``t``; 0 away from the object."""
        if t == self.key:
            return Carried(image, np.ones_like(image), 1.0)
        place = self.places[t]
        height, width = image.shape
        rows_per, columns_per = height / self.size[0], width / self.size[1]
        top, bottom = int(place.box.top * rows_per), min(height, round(place.box.bottom * rows_per))
        left, right = int(place.box.left * columns_per), min(width, round(place.box.right * columns_per))
        y = (np.arange(top, bottom, dtype=np.float32) + 0.5) / np.float32(rows_per) - np.float32(place.box.top + 0.5)
        x = (np.arange(left, right, dtype=np.float32) + 0.5) / np.float32(columns_per) - np.float32(
            place.box.left + 0.5
        )
        known = np.dstack([place.field, place.trust])
        columns, rows = np.meshgrid(x, y)
        larger = cv2.remap(known, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        field = larger[..., :2] * np.array([columns_per, rows_per], np.float32)
        whole, trust = np.zeros_like(image), np.ones_like(image)
        whole[top:bottom, left:right] = warp(image, field, outside=0.0, offset_px=(top, left))
        trust[top:bottom, left:right] = larger[..., 2]
        return Carried(whole, trust, place.support)

    def agreement(self, other: Walk, t: int) -> float:
        """Soft IoU of what this walk and another one say about frame ``t``."""
        mine, theirs = np.zeros(self.size, np.float32), np.zeros(self.size, np.float32)
        mine[self.places[t].box.slices] = self.places[t].carried
        theirs[other.places[t].box.slices] = other.places[t].carried
        return soft_iou(mine, theirs)


class ObjectMotion:
    """Carries maps from frame to frame with the motion of the object that they show.

    A pixel just outside a moving object has a flow of its own, often a wrong one, because what was there is now
    hidden; fetched along that flow the object drags the background with it. So each connected part of the object is
    given the affine motion that most of its pixels share, and a pixel's own flow counts where it comes from inside the
    object, is consistent, and does not depart far from that motion. Only the object's surroundings are computed.
    """

    def __init__(self, flow: ClipFlow) -> None:
        self._flow = flow
        self._forward_trust = [_trust(f, b) for f, b in zip(flow.forward, flow.backward, strict=True)]
        self._backward_trust = [_trust(b, f) for f, b in zip(flow.forward, flow.backward, strict=True)]

    def carry(self, image: NDArray[np.float32], key: int, to: int) -> Carried:
        """The map of frame ``key`` on frame ``to``."""
        return self.walk(image, key, to).bring(image, to)

    def walk(self, image: NDArray[np.float32], key: int, stop: int) -> Walk:
        """Follow the object that a (H, W) map of frame ``key`` shows up to frame ``stop``, in either direction."""
        height, width = self._flow.size
        start = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.float32)
        box = _surroundings(start, _Box(0, 0, height, width), self._flow.size)
        nowhere = np.zeros((*box.shape, 2), np.float32)
        place = _Place(box, start[box.slices], nowhere, np.ones(box.shape, np.float32), 1.0)
        places = {key: place}
        direction = 1 if stop > key else -1
        for t in range(key + direction, stop + direction, direction):
            place = self._step(start, place, t, t - direction)
            places[t] = place
        return Walk(key, self._flow.size, places)

    def _step(self, start: NDArray[np.float32], last: _Place, here: int, before: int) -> _Place:
        """The object's place on frame ``here``, from its place on the neighbouring frame ``before``."""
        if before < here:
            there, back = self._flow.backward[before], self._flow.forward[before]
            trust, back_trust = self._backward_trust[before], self._forward_trust[before]
        else:
            there, back = self._flow.forward[here], self._flow.backward[here]
            trust, back_trust = self._forward_trust[here], self._backward_trust[here]
        parts = _moving_parts(last.carried > 0.5, back[last.box.slices], back_trust[last.box.slices])
        box = _moved(last, parts, self._flow.size)
        there, trust = there[box.slices], trust[box.slices]
        offset = box.offset_in(last.box)
        shared = _shared_motion(parts, box.shape, offset)
        departure = squared_length(there - shared)
        typical = _DEPARTURE_PX**2 + _DEPARTURE_SHARE**2 * squared_length(shared)
        origin = warp(last.carried, there, outside=0.0, offset_px=offset)
        own = np.asarray(trust * origin / (1.0 + (departure / typical) ** 2), np.float32)
        step = np.asarray(shared + own[..., None] * (there - shared), np.float32)
        field = step + warp(last.field, step, offset_px=offset)
        along = np.maximum(trust, 1.0 - own) * warp(last.trust, step, offset_px=offset)
        carried = warp(start, field, outside=0.0, offset_px=(box.top, box.left))
        inside = carried > 0.5
        support = min(last.support, float(own[inside].mean())) if inside.any() else 0.0
        return _Place(box, carried, np.asarray(field, np.float32), np.asarray(along, np.float32), support)


class Between:
    """Maps of keyframes, brought onto the frames between them.

    Args:
        maps: keyframe → (H, W) float32 in [0, 1]. Maps may be added later; those that are there must not change.
        motion: carries them.
    """

    def __init__(self, maps: Mapping[int, NDArray[np.float32]], motion: ObjectMotion) -> None:
        self._maps = maps
        self._motion = motion
        self._walks: dict[tuple[int, int], Walk] = {}

    def of(self, maps: Mapping[int, NDArray[np.float32]]) -> Between:
        """Other maps of the same keyframes and the same object, brought along the ways that are known already."""
        other = Between(maps, self._motion)
        other._walks = self._walks
        return other

    def at(self, t: int) -> tuple[NDArray[np.float32], float]:
        """The map of frame ``t`` and the confidence in it.

        Confidence is the soft IoU of what the keyframes before and after say, but no more than the `Carried.support`
        of the better one; where there is only one, its support.
        """
        before, after = self.around(t)
        if before is None or after is None:
            only = self.brought(min(self._maps, key=lambda key: (abs(key - t), key)), t)
            return only.image, only.support
        first, second = self.brought(before, t, after), self.brought(after, t, before)
        confidence = min(soft_iou(first.image, second.image), max(first.support, second.support))
        share = (t - before) / (after - before)
        first_weight = (first.trust + _LEAST_TRUST) * np.float32(1.0 - share)
        second_weight = (second.trust + _LEAST_TRUST) * np.float32(share)
        mixed = first.image * first_weight + second.image * second_weight
        return np.asarray(mixed / (first_weight + second_weight), np.float32), confidence

    def around(self, t: int) -> tuple[int | None, int | None]:
        """The keyframe at or before frame ``t`` and the one after it."""
        before = max((key for key in self._maps if key <= t), default=None)
        return before, min((key for key in self._maps if key > t), default=None)

    def agreement(self, first: int, second: int) -> float:
        """Smallest soft IoU of what two keyframes say about a frame between them; 1 when there is none."""
        there, back = self._walk(first, second), self._walk(second, first)
        return min((there.agreement(back, t) for t in range(first + 1, second)), default=1.0)

    def brought(self, key: int, t: int, stop: int | None = None) -> Carried:
        """The map of one keyframe on frame ``t``; ``stop`` is how far the way is going to be needed."""
        return self._walk(key, t if stop is None else stop).bring(self._maps[key], t)

    def _walk(self, key: int, stop: int) -> Walk:
        """The way from a keyframe: a longer one in the same direction serves as well."""
        ends = (key, 1 if stop > key else -1)
        if ends not in self._walks or stop not in self._walks[ends].places:
            self._walks[ends] = self._motion.walk(self._maps[key], key, stop)
        return self._walks[ends]


def _trust(there: Flow, back: Flow) -> NDArray[np.float32]:
    """(h, w) float32 in [0, 1]: 1 for a perfect round trip, 0.5 on the limit of consistency, 0 outside the picture."""
    error = round_trip_error(there, back)
    return np.asarray(inside_frame(there) / (1.0 + error * error), np.float32)


def _surroundings(carried: NDArray[np.float32], box: _Box, size: tuple[int, int]) -> _Box:
    """The box around an object in a box, with its margin; the whole box when nothing of it is left."""
    seen = carried > _SURELY_OUTSIDE
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if not len(rows):
        return box
    tight = _Box(
        box.top + int(rows[0]), box.left + int(columns[0]), box.top + int(rows[-1]) + 1, box.left + int(columns[-1]) + 1
    )
    return tight.grown(_REACH_PX, size)


@dataclass(frozen=True, slots=True)
class _Part:
    """A connected part of an object: (h, w) bool in the box, and its (2, 3) affine motion to the next frame."""

    mask: NDArray[np.bool_]
    onward: NDArray[np.float64]


def _moving_parts(inside: NDArray[np.bool_], leaving: Flow, trust: NDArray[np.float32]) -> list[_Part]:
    """The largest parts of an object with the motion that most of their pixels share.

    Args:
        inside: (h, w) bool, the object on this frame.
        leaving: flow from this frame to the next.
        trust: (h, w) float32, consistency of that flow.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8), connectivity=8)
    order = sorted(range(1, count), key=lambda label: (-int(stats[label, cv2.CC_STAT_AREA]), label))[:_MOST_PARTS]
    parts = []
    for label in order:
        mask = labels == label
        onward = _affine(mask, leaving, trust)
        if onward is not None:
            parts.append(_Part(mask, onward))
    return parts


def _moved(last: _Place, parts: Sequence[_Part], size: tuple[int, int]) -> _Box:
    """The box in which the object is on the next frame: its surroundings, moved along with each part."""
    near = _surroundings(last.carried, last.box, size)
    if not parts:
        return near
    top, left = near.offset_in(last.box)
    bottom, right = top + near.shape[0], left + near.shape[1]
    corners = np.array([[left, top, 1], [right, top, 1], [left, bottom, 1], [right, bottom, 1]], np.float64)
    moved = np.concatenate([corners @ part.onward.T for part in parts])
    low, high = np.floor(moved.min(axis=0)), np.ceil(moved.max(axis=0))
    x0, y0, x1, y1 = (int(value) for value in (low[0], low[1], high[0], high[1]))
    box = _Box(last.box.top + y0, last.box.left + x0, last.box.top + y1, last.box.left + x1)
    return box.grown(0, size)


def _shared_motion(parts: Sequence[_Part], shape: tuple[int, int], offset: tuple[int, int]) -> Flow:
    """Where each pixel of the next frame came from if the object's parts moved affinely, (h, w, 2) float32 px.

    Args:
        parts: parts of the object, in the box of this frame.
        shape: height and width of the next frame's box.
        offset: where that box lies in the box of this frame, (y, x).
    """
    height, width = shape
    top, left = offset
    x = np.arange(left, left + width, dtype=np.float32)
    y = np.arange(top, top + height, dtype=np.float32)[:, None]
    shared = np.zeros((height, width, 2), np.float32)
    if not parts:
        return shared
    back = np.stack([cv2.invertAffineTransform(part.onward) for part in parts]).astype(np.float32)
    back[:, (0, 1), (0, 1)] -= 1
    owner: NDArray[np.uint8] | int = 0 if len(parts) == 1 else _nearest_part(parts, shape, offset)
    for axis in (0, 1):
        by_x, by_y, constant = (back[:, axis, column][owner] for column in range(3))
        shared[..., axis] = by_x * x + by_y * y + constant
    return shared


def _nearest_part(parts: Sequence[_Part], shape: tuple[int, int], offset: tuple[int, int]) -> NDArray[np.uint8]:
    """(h, w) uint8: which part of the object is nearest to each pixel of the next frame; the earlier one of equals."""
    height, width = shape
    top, left = offset
    nearest = np.full(shape, np.inf, np.float32)
    owner = np.zeros(shape, np.uint8)
    for number, part in enumerate(parts):
        into = part.onward - np.array([[0, 0, left], [0, 0, top]])
        moved = cv2.warpAffine(part.mask.astype(np.uint8), into, (width, height), flags=cv2.INTER_NEAREST)
        distance = cv2.distanceTransform(1 - moved, cv2.DIST_L2, 3)
        closer = distance < nearest
        np.copyto(owner, np.uint8(number), where=closer)
        np.minimum(nearest, distance, out=nearest)
    return owner


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
        gap = moves - points @ solution
        residual = gap[:, 0] * gap[:, 0] + gap[:, 1] * gap[:, 1]
        weight = (trust[rows, columns] + _LEAST_TRUST) / (1.0 + residual / _DEPARTURE_PX**2)
        weighted = points * weight[:, None]
        solution = np.linalg.solve(weighted.T @ points + ridge * weight.mean(), weighted.T @ moves)
    linear = np.eye(2) + solution[:2].T
    return np.column_stack([linear, centre + solution[2] - linear @ centre])
