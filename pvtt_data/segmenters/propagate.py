"""A video mask from a few pictures: find the product in keyframes, look closer, carry it through all frames.

A salient-object network is slow and knows nothing of time. So it sees only some frames, and as many as the clip needs:

1. *Find*: whole frames, spaced widely. Optical flow carries each answer to the other keyframes. The object found
   again in most of them is the product; an answer that has jumped to something else finds itself nowhere. Where the
   answers do not clearly agree, frames between them are asked too.
2. *Refine*: a cut-out around the product, so that the network sees the product large and the rest of the scene hardly,
   at the same keyframes first. Where flow carries the answers of two neighbours onto the frames between them and they
   disagree, the frame in the middle is asked, and so on. Answers that disagree with the identity are left out.
3. *Carry*: the keyframes on both sides of a frame are brought onto it by flow, weighted by nearness in time and by
   forward–backward consistency; the result is fitted to the picture's edges.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pvtt_data.errors import InputError
from pvtt_data.flow import clip_flow
from pvtt_data.segmenters.base import Progress, Segmentation
from pvtt_data.segmenters.carry import Between, ObjectMotion, soft_iou
from pvtt_data.segmenters.edges import finished_mask
from pvtt_data.segmenters.identity import Identity, find_identity, keep_expected

SegmentImage = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""(H, W, 3) uint8 RGB → (H, W) float32 in [0, 1]; raises InputError where nothing stands out."""


@dataclass(frozen=True, slots=True)
class PropagationConfig:
    """How a video is covered with model runs and when a track counts as lost.

    Attributes:
        find_every: largest distance in frames between whole-frame keyframes; half of it where these do not agree.
        refine_every: distance in frames from which neighbouring cut-out keyframes need not agree on what is between.
        min_consensus: smallest soft IoU of what neighbouring keyframes say about the frames between them, below which
            a frame between them is asked too.
        crop_margin: margin around the product in a cut-out, as a share of its longer side.
        min_agreement: soft IoU from which an answer and what flow carries there are the same object.
        max_gap: largest number of frames between accepted keyframes around a refused one, or without one at the ends
            of the clip, in multiples of ``refine_every``.
        min_accepted_share: smallest share of the whole frames that must show anything, of those that must show the same
            object, and of the cut-outs that must show it again.
        max_area_share: a product larger than this share of the frame is no product but the whole picture.
        find_margin: how far beyond the carried object a whole-frame answer may claim pixels, as a share of √area.
        refine_margin: the same for the answer on a cut-out.
        neighbour_weight: weight of a neighbouring keyframe against a keyframe's own answer.
        edge_radius_px: radius of the guided filter for frames with a short side of 480 px.
        edge_epsilon: regularisation of the guided filter, in squared luma of [0, 1].
    """

    find_every: int = 24
    refine_every: int = 8
    min_consensus: float = 0.95
    crop_margin: float = 0.25
    min_agreement: float = 0.5
    max_gap: float = 2.0
    min_accepted_share: float = 0.6
    max_area_share: float = 0.9
    find_margin: float = 0.1
    refine_margin: float = 0.2
    neighbour_weight: float = 0.5
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
    runs = _CountedRuns(segment_image, on_progress)
    motion = ObjectMotion(clip_flow(frames))
    find_at, identity = _found(frames, runs, motion, config)
    refined = _Refined(frames, runs, motion, identity, config)
    refined.ask_all(find_at)
    numbers = refined.numbers()
    if (
        numbers["keyframes_accepted"] < config.min_accepted_share * numbers["keyframes"]
        or numbers["keyframe_gap_max"] > config.max_gap * config.refine_every
    ):
        raise InputError("track-lost", "the product goes missing from too many keyframes", numbers)

    between = refined.steadied()
    masks = np.zeros((count, height, width), np.bool_)
    confidence = np.zeros(count, np.float32)
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


def _found(
    frames: NDArray[np.uint8], runs: _CountedRuns, motion: ObjectMotion, config: PropagationConfig
) -> tuple[list[int], dict[int, NDArray[np.float32]]]:
    """The whole frames that were asked, and the map of the product in those that show it."""
    asked: dict[int, NDArray[np.float32] | None] = {}
    salient: dict[int, NDArray[np.float32]] = {}
    identity = Identity({}, False)
    for every in (config.find_every, max(1, config.find_every // 2)):
        new = [t for t in keyframe_indices(len(frames), every) if t not in asked]
        runs.expect(len(new))
        asked |= {t: runs.whole_frame(frames[t], config.max_area_share) for t in new}
        salient = {t: answer for t, answer in sorted(asked.items()) if answer is not None}
        identity = find_identity(salient, motion, config.find_margin, config.min_agreement)
        if identity.clear and len(salient) == len(asked):
            break
    if len(salient) < config.min_accepted_share * len(asked):
        numbers = {"keyframes_with_product": float(len(salient)), "keyframes": float(len(asked))}
        raise InputError("no-product", "most keyframes show nothing that stands out", numbers)
    if len(identity.maps) < config.min_accepted_share * len(salient):
        numbers = {"keyframes_with_product": float(len(salient)), "keyframes_agreeing": float(len(identity.maps))}
        raise InputError("track-lost", "the keyframes show no object that is the same in most of them", numbers)
    return sorted(asked), identity.maps


class _Refined:
    """Closer looks at the product: at the keyframes that are asked for, and between those that disagree."""

    def __init__(
        self,
        frames: NDArray[np.uint8],
        runs: _CountedRuns,
        motion: ObjectMotion,
        identity: dict[int, NDArray[np.float32]],
        config: PropagationConfig,
    ) -> None:
        self._frames = frames
        self._runs = runs
        self._identity = identity
        self._config = config
        self._before = Between(identity, motion)
        self._answers: dict[int, NDArray[np.float32]] = {}
        self._between = Between(self._answers, motion)
        self._asked: set[int] = set()
        self._agreements: list[float] = []

    def ask_all(self, keys: Sequence[int]) -> None:
        """Look at these frames, and between them until neighbours agree or are as near as is needed."""
        self._runs.expect(len(keys))
        for key in keys:
            self._ask(key, self._before.at(key)[0])
        doubtful = list(pairwise(keys))
        while doubtful:
            first, second = doubtful.pop(0)
            if second - first <= self._config.refine_every or self._agree(first, second):
                continue
            middle = (first + second) // 2
            around = self._between if None not in self._between.around(middle) else self._before
            self._runs.expect(1)
            self._ask(middle, around.at(middle)[0])
            doubtful += [(first, middle), (middle, second)]

    def _agree(self, first: int, second: int) -> bool:
        both = first in self._answers and second in self._answers
        return both and self._between.agreement(first, second) >= self._config.min_consensus

    def _ask(self, t: int, expected: NDArray[np.float32]) -> None:
        self._asked.add(t)
        answer = self._runs.cut_out(self._frames[t], expected, self._config.crop_margin)
        if answer is None:
            answer = self._identity.get(t)
        if answer is None:
            return
        answer = keep_expected(answer, expected, self._config.refine_margin)
        agreement = soft_iou(answer, expected)
        self._agreements.append(agreement)
        if agreement >= self._config.min_agreement:
            self._answers[t] = answer
        elif t in self._identity:
            self._answers[t] = self._identity[t]

    def numbers(self) -> dict[str, float]:
        """How many frames were looked at and how well the answers agreed with what was expected."""
        agreements = self._agreements or [0.0]
        return {
            "keyframes": float(len(self._asked)),
            "keyframes_accepted": float(len(self._answers)),
            "keyframe_agreement_median": float(np.median(agreements)),
            "keyframe_agreement_min": float(min(agreements)),
            "keyframe_gap_max": float(_largest_gap(sorted(self._asked), self._answers, len(self._frames))),
        }

    def steadied(self) -> Between:
        """Each keyframe averaged with its neighbours in time, so that one bad answer does not show."""
        keys = sorted(self._answers)
        total = {key: self._answers[key].copy() for key in keys}
        weight = {key: np.ones_like(self._answers[key]) for key in keys}
        for first, second in pairwise(keys):
            for key, other in ((first, second), (second, first)):
                carried = self._between.brought(key, other)
                total[other] += self._config.neighbour_weight * carried.trust * carried.image
                weight[other] += self._config.neighbour_weight * carried.trust
        return self._between.of({key: total[key] / weight[key] for key in keys})


def keyframe_indices(count: int, every: int) -> list[int]:
    """Evenly spaced frame numbers with the first and the last, at most ``every`` apart."""
    if count < 1 or every < 1:
        raise ValueError(f"no keyframes for {count} frames, one every {every}")
    steps = math.ceil((count - 1) / every)
    return sorted({round(index * (count - 1) / max(steps, 1)) for index in range(steps + 1)})


class _CountedRuns:
    """Runs of the picture model, counted for whoever watches."""

    def __init__(self, segment_image: SegmentImage, on_progress: Progress | None) -> None:
        self._segment_image = segment_image
        self._planned = 0
        self._on_progress = on_progress
        self.done = 0

    def expect(self, runs: int) -> None:
        """So many more runs are to come."""
        self._planned += runs

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


def _surroundings(mask: NDArray[np.bool_], margin: float) -> tuple[slice, slice] | None:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    extra = round(margin * max(bottom - top, right - left))
    return slice(max(top - extra, 0), bottom + extra), slice(max(left - extra, 0), right + extra)


def _largest_gap(asked: Sequence[int], accepted: Container[int], count: int) -> int:
    """Most frames between neighbouring accepted keyframes with a refused one between them, or without one at an end."""
    known = [t for t in asked if t in accepted]
    if not known:
        return count
    refused = [t for t in asked if t not in accepted]
    around = [b - a for a, b in pairwise(known) if any(a < t < b for t in refused)]
    return max([known[0], count - 1 - known[-1], *around])
