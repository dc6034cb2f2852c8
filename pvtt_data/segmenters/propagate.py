"""A video mask from a few pictures: find the product in keyframes, look closer, carry it through all frames.

A salient-object network is slow and knows nothing of time. So it sees only some frames, and twice:

1. *Find*: whole frames, spaced widely. Optical flow carries each answer to the other keyframes. The object found
   again in most of them is the product; an answer that has jumped to something else finds itself nowhere.
2. *Refine*: a cut-out around the product in more frames, so that the network sees the product large and the rest of
   the scene hardly. Answers that disagree with the identity are left out.
3. *Carry*: the keyframes on both sides of a frame are brought onto it by flow, weighted by nearness in time and by
   forward–backward consistency; the result is fitted to the picture's edges.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pvtt_data.errors import InputError
from pvtt_data.flow import clip_flow
from pvtt_data.segmenters.base import Progress, Segmentation
from pvtt_data.segmenters.carry import Between, ObjectMotion, soft_iou
from pvtt_data.segmenters.edges import finished_mask
from pvtt_data.segmenters.identity import find_identity, keep_expected

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
        min_accepted_share: smallest share of the whole frames that must show anything, of those that must show the same
            object, and of the cut-outs that must show it again.
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
    motion = ObjectMotion(clip_flow(frames))

    found = {t: runs.whole_frame(frames[t], config.max_area_share) for t in find_at}
    salient = {t: answer for t, answer in found.items() if answer is not None}
    if len(salient) < config.min_accepted_share * len(find_at):
        numbers = {"keyframes_with_product": float(len(salient)), "keyframes": float(len(find_at))}
        raise InputError("no-product", "most keyframes show nothing that stands out", numbers)
    identity = find_identity(salient, motion, config.find_margin, config.min_agreement)
    if len(identity) < config.min_accepted_share * len(salient):
        numbers = {"keyframes_with_product": float(len(salient)), "keyframes_agreeing": float(len(identity))}
        raise InputError("track-lost", "the keyframes show no object that is the same in most of them", numbers)

    answers: dict[int, NDArray[np.float32]] = {}
    agreements: list[float] = []
    between = Between(identity, motion)
    for t in refine_at:
        expected, _ = between.at(t)
        answer = runs.cut_out(frames[t], expected, config.crop_margin)
        if answer is None:
            answer = identity.get(t)
        if answer is None:
            continue
        answer = keep_expected(answer, expected, config.refine_margin)
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
    between = Between(steady, motion)
    for t in range(count):
        probability, confidence[t] = between.at(t)
        masks[t] = finished_mask(frames[t], probability, config.edge_radius_px, config.edge_epsilon)
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


def _steadied(
    answers: dict[int, NDArray[np.float32]], motion: ObjectMotion, neighbour_weight: float
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
