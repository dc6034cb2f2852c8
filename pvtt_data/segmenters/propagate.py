"""A video mask from a few pictures: find the product in keyframes, look closer, carry it through all frames.

A salient-object network is slow and knows nothing of time. So it sees only some frames, and twice:

1. *Find*: whole frames, spaced widely. Optical flow carries each answer to the next keyframes. Those that agree with
   their neighbours make up the product's identity; an answer that has jumped to another object agrees with nobody.
2. *Refine*: a cut-out around the product in more frames, so that the network sees the product large and the rest of
   the scene hardly. Answers that disagree with the identity are left out.
3. *Carry*: the keyframes on both sides of a frame are brought onto it by flow, weighted by nearness in time and by
   forward–backward consistency; the result is fitted to the picture's edges.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.errors import InputError
from pvtt_data.flow import (
    ClipFlow,
    Flow,
    clip_flow,
    compose,
    inside_frame,
    resize_flow,
    round_trip_error,
    squared_length,
    warp,
)
from pvtt_data.masks import fill_small_holes, keep_large_components
from pvtt_data.segmenters.base import Progress, Segmentation

SegmentImage = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""(H, W, 3) uint8 RGB → (H, W) float32 in [0, 1]; raises InputError where nothing stands out."""


@dataclass(frozen=True, slots=True)
class PropagationConfig:
    """How a video is covered with model runs and when a track counts as lost.

    Attributes:
        find_every: largest distance in frames between whole-frame keyframes.
        refine_every: largest distance in frames between cut-out keyframes.
        crop_margin: margin around the product in a cut-out, as a share of its longer side.
        min_agreement: soft IoU from which an answer and what flow carries there are the same object.
        max_gap: largest number of frames without an accepted keyframe, in multiples of ``refine_every``.
        min_accepted_share: smallest share of keyframes that must show the product.
        max_area_share: a product larger than this share of the frame is no product but the whole picture.
        find_margin: how far beyond the carried object a whole-frame answer may claim pixels, as a share of √area.
        refine_margin: the same for the answer on a cut-out.
        neighbour_weight: weight of a neighbouring keyframe against a keyframe's own answer.
        edge_radius_px: radius of the guided filter for frames with a short side of 480 px.
        edge_epsilon: regularisation of the guided filter, in squared luma of [0, 1].
    """

    find_every: int = 16
    refine_every: int = 8
    crop_margin: float = 0.25
    min_agreement: float = 0.5
    max_gap: float = 2.0
    min_accepted_share: float = 0.6
    max_area_share: float = 0.9
    find_margin: float = 0.1
    refine_margin: float = 0.2
    neighbour_weight: float = 0.25
    edge_radius_px: int = 3
    edge_epsilon: float = 1e-4


@dataclass(frozen=True, slots=True)
class _Carried:
    """A keyframe's map brought onto another frame.

    Attributes:
        image: (H, W) float32 in [0, 1].
        trust: (H, W) float32 in [0, 1], consistency of the flow along the way.
    """

    image: NDArray[np.float32]
    trust: NDArray[np.float32]


class _Motion:
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

    def carry(self, image: NDArray[np.float32], key: int, to: Sequence[int]) -> dict[int, _Carried]:
        """The map of frame ``key`` on each of the frames ``to``."""
        carried = {}
        for side in ([t for t in to if t < key], [t for t in to if t >= key]):
            if side:
                walk = self.walk(image, key, min(side) if min(side) < key else max(side))
                carried.update({t: walk[t]() for t in side})
        return carried

    def walk(
        self, image: NDArray[np.float32], key: int, stop: int
    ) -> dict[int, Callable[[], _Carried]]:
        """The map of frame ``key`` on each frame after it up to ``stop``, in either direction, made when called."""
        height, width = self._flow.size
        carried = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.float32)
        start = carried
        field = np.zeros((height, width, 2), np.float32)
        trust = np.ones((height, width), np.float32)
        fetched: dict[int, Callable[[], _Carried]] = {key: lambda: _Carried(image, np.ones_like(image))}
        direction = 1 if stop > key else -1
        for t in range(key + direction, stop + direction, direction):
            step, step_trust = self._object_step(carried, t, t - direction)
            field = compose(step, field)
            trust = step_trust * warp(trust, step)
            carried = warp(start, field, outside=0.0)
            fetched[t] = partial(_fetched, image, field, trust)
        return fetched

    def _object_step(
        self, carried: NDArray[np.float32], here: int, before: int
    ) -> tuple[Flow, NDArray[np.float32]]:
        """Flow and trust from frame ``here`` to its neighbour ``before``, where ``carried`` is the object's map."""
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
        return np.ascontiguousarray(step, np.float32), np.ascontiguousarray(np.maximum(trust, 1.0 - own), np.float32)


def segment_by_keyframes(
    frames: NDArray[np.uint8],
    segment_image: SegmentImage,
    config: PropagationConfig,
    on_progress: Progress | None = None,
) -> Segmentation:
    """Masks of the product that keyframes agree on, in every frame of one shot.

    Args:
        frames: (T, H, W, 3) uint8 RGB, T ≥ 1, no cut inside.
        segment_image: the picture model; an `InputError` from it says that a frame shows no product.
        config: spacing and thresholds.
        on_progress: told about every run of the model.

    Raises:
        InputError: ``no-product``, nothing stands out in most keyframes or all of the picture does; ``track-lost``,
            the keyframes show no common object, or it goes missing for too long.
    """
    count, height, width = frames.shape[:3]
    refine_at = keyframe_indices(count, config.refine_every)
    find_at = _thinned(refine_at, max(1, config.find_every // config.refine_every))
    runs = _CountedRuns(segment_image, len(find_at) + len(refine_at), on_progress)
    motion = _Motion(clip_flow(frames))

    found = {t: runs.whole_frame(frames[t], config.max_area_share) for t in find_at}
    salient = {t: answer for t, answer in found.items() if answer is not None}
    if len(salient) < config.min_accepted_share * len(find_at):
        numbers = {"keyframes_with_product": float(len(salient)), "keyframes": float(len(find_at))}
        raise InputError("no-product", "most keyframes show nothing that stands out", numbers)
    identity = _identity(salient, motion, config)

    answers: dict[int, NDArray[np.float32]] = {}
    agreements: list[float] = []
    between = _Between(identity, motion)
    for t in refine_at:
        expected, _ = between.at(t)
        answer = runs.cut_out(frames[t], expected, config.crop_margin)
        if answer is None:
            answer = identity.get(t)
        if answer is None:
            continue
        answer = _gated(answer, expected, config.refine_margin)
        agreement = soft_iou(answer, expected)
        agreements.append(agreement)
        if agreement >= config.min_agreement:
            answers[t] = answer
        elif t in identity:
            answers[t] = identity[t]
    numbers = {
        "keyframes": float(len(refine_at)),
        "keyframes_accepted": float(len(answers)),
        "keyframe_agreement_median": float(np.median(agreements)) if agreements else 0.0,
        "keyframe_agreement_min": float(min(agreements)) if agreements else 0.0,
        "keyframe_gap_max": float(_largest_gap(sorted(answers), count)),
    }
    if (
        numbers["keyframes_accepted"] < config.min_accepted_share * len(refine_at)
        or numbers["keyframe_gap_max"] > config.max_gap * config.refine_every
    ):
        raise InputError("track-lost", "the product goes missing from too many keyframes", numbers)

    steady = _steadied(answers, motion, config.neighbour_weight)
    masks = np.zeros((count, height, width), np.bool_)
    confidence = np.zeros(count, np.float32)
    between = _Between(steady, motion)
    for t in range(count):
        probability, confidence[t] = between.at(t)
        masks[t] = _finished(frames[t], probability, config)
        if not masks[t].any():
            numbers["frame"] = float(t)
            raise InputError("track-lost", f"nothing of the product is left in frame {t}", numbers)
    numbers["confidence_median"] = float(np.median(confidence))
    numbers["confidence_min"] = float(confidence.min())
    numbers["model_runs"] = float(runs.done)
    return Segmentation(masks, confidence, numbers)


def keyframe_indices(count: int, every: int) -> list[int]:
    """Evenly spaced frame numbers with the first and the last, at most ``every`` apart."""
    if count < 1 or every < 1:
        raise ValueError(f"no keyframes for {count} frames, one every {every}")
    steps = math.ceil((count - 1) / every)
    return sorted({round(index * (count - 1) / max(steps, 1)) for index in range(steps + 1)})


def soft_iou(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Σ min / Σ max of two maps in [0, 1]; the IoU when both are binary, 0 when both are empty."""
    union = float(np.maximum(first, second).sum(dtype=np.float64))
    return float(np.minimum(first, second).sum(dtype=np.float64)) / union if union > 0.0 else 0.0


def guided_filter(
    guide: NDArray[np.float32], image: NDArray[np.float32], radius_px: int, epsilon: float
) -> NDArray[np.float32]:
    """Make the edges of an image follow those of a guide (He, Sun and Tang, "Guided Image Filtering", ECCV 2010).

    Args:
        guide: (H, W) float32 in [0, 1].
        image: (H, W) float32.
        radius_px: half the window's side.
        epsilon: guide variance below which a window counts as flat.
    """
    size = (2 * radius_px + 1, 2 * radius_px + 1)
    guide_mean = cv2.blur(guide, size)
    image_mean = cv2.blur(image, size)
    variance = cv2.blur(guide * guide, size) - guide_mean * guide_mean
    covariance = cv2.blur(guide * image, size) - guide_mean * image_mean
    slope = covariance / (variance + epsilon)
    offset = image_mean - slope * guide_mean
    return np.asarray(cv2.blur(slope, size) * guide + cv2.blur(offset, size), np.float32)


class _CountedRuns:
    """Runs of the picture model, counted for whoever watches."""

    def __init__(self, segment_image: SegmentImage, planned: int, on_progress: Progress | None) -> None:
        self._segment_image = segment_image
        self._planned = planned
        self._on_progress = on_progress
        self.done = 0

    def whole_frame(self, frame: NDArray[np.uint8], max_area_share: float) -> NDArray[np.float32] | None:
        """The answer on a frame, or None when nothing or everything stands out."""
        answer = self._run(frame)
        if answer is None or float((answer > 0.5).mean()) > max_area_share or not (answer > 0.5).any():
            return None
        return answer

    def cut_out(
        self, frame: NDArray[np.uint8], expected: NDArray[np.float32], margin: float
    ) -> NDArray[np.float32] | None:
        """The answer on the surroundings of the expected product, put back into a map of the whole frame."""
        box = _surroundings(expected > 0.5, margin)
        answer = None if box is None else self._run(np.ascontiguousarray(frame[box]))
        if answer is None or box is None:
            return None
        whole = np.zeros(expected.shape, np.float32)
        whole[box] = answer
        return whole

    def _run(self, picture: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        try:
            return self._segment_image(picture)
        except InputError:
            return None
        finally:
            self.done += 1
            if self._on_progress is not None:
                self._on_progress(self.done, self._planned)


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
        field = np.dstack([(back[i, 0] * x + back[i, 1] * y + back[i, 2]) - (x, y)[i] for i in (0, 1)])
        if len(order) == 1:
            return np.asarray(field, np.float32)
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


def _fetched(image: NDArray[np.float32], field: Flow, trust: NDArray[np.float32]) -> _Carried:
    height, width = image.shape
    larger_trust = cv2.resize(trust, (width, height), interpolation=cv2.INTER_LINEAR)
    return _Carried(
        warp(image, resize_flow(field, height, width), outside=0.0), np.asarray(larger_trust, np.float32)
    )


def _thinned(indices: Sequence[int], stride: int) -> list[int]:
    """About every ``stride``-th of the indices, evenly, with the first and the last."""
    return [indices[position] for position in keyframe_indices(len(indices), stride)]


def _surroundings(mask: NDArray[np.bool_], margin: float) -> tuple[slice, slice] | None:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    extra = round(margin * max(bottom - top, right - left))
    return slice(max(top - extra, 0), bottom + extra), slice(max(left - extra, 0), right + extra)


def _largest_gap(accepted: Sequence[int], count: int) -> int:
    """Most frames between neighbouring accepted keyframes, or between one and the clip's end."""
    if not accepted:
        return count
    return max([accepted[0], count - 1 - accepted[-1], *(b - a for a, b in pairwise(accepted))])


class _Between:
    """Maps of keyframes, brought onto the frames between them, asked for in the order of time."""

    def __init__(self, maps: Mapping[int, NDArray[np.float32]], motion: _Motion) -> None:
        self._maps = maps
        self._motion = motion
        self._walks: dict[tuple[int, int], dict[int, Callable[[], _Carried]]] = {}

    def at(self, t: int) -> tuple[NDArray[np.float32], float]:
        """The map of frame ``t``, and how well the keyframes around it agree (one alone: how far it is trusted)."""
        before = max((key for key in self._maps if key <= t), default=None)
        after = min((key for key in self._maps if key > t), default=None)
        if before is None or after is None:
            only = self._alone(t)
            return only.image, _mean_trust(only)
        first, second = self._carried(before, t, after), self._carried(after, t, before)
        agreement = soft_iou(first.image, second.image)
        share = (t - before) / (after - before)
        first_weight = (first.trust + _LEAST_TRUST) * np.float32(1.0 - share)
        second_weight = (second.trust + _LEAST_TRUST) * np.float32(share)
        mixed = first.image * first_weight + second.image * second_weight
        return mixed / (first_weight + second_weight), agreement

    def _alone(self, t: int) -> _Carried:
        key = min(self._maps, key=lambda other: (abs(other - t), other))
        return self._motion.carry(self._maps[key], key, [t])[t]

    def _carried(self, key: int, t: int, stop: int) -> _Carried:
        if (key, stop) not in self._walks:
            self._walks = {ends: walk for ends, walk in self._walks.items() if ends == (stop, key)}
            self._walks[key, stop] = self._motion.walk(self._maps[key], key, stop)
        return self._walks[key, stop][t]()


def _mean_trust(carried: _Carried) -> float:
    return float((carried.image * carried.trust).sum() / max(float(carried.image.sum()), 1e-6))


def _identity(
    salient: dict[int, NDArray[np.float32]], motion: _Motion, config: PropagationConfig
) -> dict[int, NDArray[np.float32]]:
    """The keyframe maps that show one and the same object, cleaned of everything else.

    Every keyframe is tried as the anchor that says what the object is. The one that finds itself again in the others
    best wins, so neither a keyframe that has jumped to something else nor one with something else in it does. What of
    the anchor most keyframes around it do not show is then taken away.
    """
    tracks = {key: _followed(salient, key, motion, config) for key in sorted(salient)}
    anchor = max(tracks, key=lambda key: (sum(tracks[key].agreement.values()), -key))
    near = _near(sorted(tracks[anchor].maps), anchor)
    if not near:
        return tracks[anchor].maps
    maps = tracks[anchor].maps
    shown = [motion.carry(maps[key], key, [anchor])[anchor].image > 0.5 for key in near]
    cleaned = _supported(salient[anchor], np.mean(shown, axis=0))
    if np.array_equal(cleaned, salient[anchor]):
        return tracks[anchor].maps
    return _followed({**salient, anchor: cleaned}, anchor, motion, config).maps


@dataclass(frozen=True, slots=True)
class _Track:
    """An object followed through the keyframes: its maps, and how well each agreed with what was expected there."""

    maps: dict[int, NDArray[np.float32]]
    agreement: dict[int, float]


def _followed(
    salient: dict[int, NDArray[np.float32]], anchor: int, motion: _Motion, config: PropagationConfig
) -> _Track:
    """Follow the anchor's object to both ends: in each keyframe only what lies where flow carries it belongs to it."""
    track = _Track({anchor: salient[anchor]}, {})
    before = sorted((key for key in salient if key < anchor), reverse=True)
    after = sorted(key for key in salient if key > anchor)
    for keys in (before, after):
        last = anchor
        for key in keys:
            expected = motion.carry(track.maps[last], last, [key])[key].image
            answer = _gated(salient[key], expected, config.find_margin)
            agreement = soft_iou(answer, expected)
            if agreement >= config.min_agreement:
                track.maps[key] = answer
                track.agreement[key] = agreement
                last = key
    return track


def _near(keys: Sequence[int], key: int) -> list[int]:
    position = keys.index(key)
    return [*keys[max(position - 2, 0) : position], *keys[position + 1 : position + 3]]


def _supported(answer: NDArray[np.float32], support: NDArray[np.floating]) -> NDArray[np.float32]:
    """Keep the components that neighbouring keyframes mostly show too, and always the one they show most of."""
    count, labels = cv2.connectedComponents((answer > _TAKEN_UP).astype(np.uint8), connectivity=8)
    area = np.bincount(labels.ravel(), minlength=count)
    shown = np.bincount(labels.ravel(), weights=support.ravel(), minlength=count)
    best = 1 + int(np.argmax(shown[1:]))
    kept = [label for label in range(1, count) if label == best or shown[label] >= 0.5 * area[label]]
    return np.where(np.isin(labels, kept), answer, np.float32(0.0))


def _gated(
    answer: NDArray[np.float32], expected: NDArray[np.float32], margin: float
) -> NDArray[np.float32]:
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
    count, labels = cv2.connectedComponents((answer > _TAKEN_UP).astype(np.uint8), connectivity=8)
    area = np.bincount(labels.ravel(), minlength=count)
    shared = np.bincount(labels.ravel(), weights=core.ravel(), minlength=count)
    least = _TOUCHING_SHARE * np.minimum(area, core.sum())
    kept = [label for label in range(1, count) if shared[label] > least[label]]
    return np.where(np.isin(labels, kept) & near, answer, np.float32(0.0))


def _steadied(
    answers: dict[int, NDArray[np.float32]], motion: _Motion, neighbour_weight: float
) -> dict[int, NDArray[np.float32]]:
    """Each keyframe averaged with its neighbours in time, so that one bad answer does not show."""
    keys = sorted(answers)
    total = {key: answers[key].copy() for key in keys}
    weight = {key: np.ones_like(answers[key]) for key in keys}
    for position, key in enumerate(keys):
        for other, carried in motion.carry(answers[key], key, _adjacent(keys, position)).items():
            total[other] += neighbour_weight * carried.trust * carried.image
            weight[other] += neighbour_weight * carried.trust
    return {key: total[key] / weight[key] for key in keys}


def _adjacent(keys: Sequence[int], position: int) -> list[int]:
    return [keys[near] for near in (position - 1, position + 1) if 0 <= near < len(keys)]


def _finished(
    frame: NDArray[np.uint8], probability: NDArray[np.float32], config: PropagationConfig
) -> NDArray[np.bool_]:
    """The probability fitted to the picture's edges and made a mask without specks and pinholes."""
    guide = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255.0
    radius = max(1, round(config.edge_radius_px * min(probability.shape) / 480))
    mask = guided_filter(guide, probability, radius, config.edge_epsilon) > 0.5
    return fill_small_holes(keep_large_components(mask, _SMALLEST_COMPONENT), _LARGEST_PINHOLE)


_LEAST_TRUST = 1e-3
_DEPARTURE_PX = 1.0
_DEPARTURE_SHARE = 0.1
_MOST_PARTS = 4
_MOST_POINTS = 2000
_FEWEST_POINTS = 16
_FITTING_STEPS = 8
_RIDGE = 1e-3
_TAKEN_UP = 0.3
_TOUCHING_SHARE = 0.1
_SMALLEST_COMPONENT = 0.05
_LARGEST_PINHOLE = 0.005
