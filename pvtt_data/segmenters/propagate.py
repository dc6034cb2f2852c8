"""A video mask from a few pictures: find the product in keyframes, look closer, carry it through all frames.

A salient-object network is slow and knows nothing of time. So it sees only some frames, and as many as the clip needs:

1. *Find*: whole frames, spaced widely. Optical flow carries each answer to the other keyframes. The object found
   again in most of them is the product; an answer that has jumped to something else finds itself nowhere. Where the
   answers do not clearly agree, frames between them are asked too.
2. *Complete*: what stands out in a whole frame may be half of the product, such as a jar without its lid. Where two
   cut-outs of different width agree on something larger, that is the product.
3. *Refine*: a cut-out around the product, so that the network sees the product large and the rest of the scene hardly,
   at the same keyframes first. An answer that is not what was expected is put to the vote with a wider cut-out. Where
   flow carries the answers of two neighbours onto the frames between them and they disagree, the frame in the middle
   is asked, and so on. Answers that disagree with the identity are left out.
4. *Carry*: the keyframes on both sides of a frame are brought onto it by flow, weighted by nearness in time and by
   forward–backward consistency; the result is fitted to the picture's edges.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pvtt_data.errors import InputError
from pvtt_data.flow import clip_flow
from pvtt_data.segmenters.base import Progress, Segmentation
from pvtt_data.segmenters.carry import Between, ObjectMotion, soft_iou
from pvtt_data.segmenters.complete import completed
from pvtt_data.segmenters.edges import finished_mask
from pvtt_data.segmenters.identity import Identity, find_identity, keep_expected
from pvtt_data.segmenters.picture_runs import CountedRuns, SegmentImage
from pvtt_data.segmenters.propagation_config import PropagationConfig


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
    runs = CountedRuns(segment_image, on_progress)
    motion = ObjectMotion(clip_flow(frames))
    find_at, found = _found(frames, runs, motion, config)
    identity = completed(frames, runs, found, motion, config)
    return carry_through(frames, runs, motion, find_at, identity, config)


def carry_through(
    frames: NDArray[np.uint8],
    runs: CountedRuns,
    motion: ObjectMotion,
    keys: Sequence[int],
    identity: Mapping[int, NDArray[np.float32]],
    config: PropagationConfig,
    settled: Container[int] = (),
) -> Segmentation:
    """Look closer at the product in keyframes and carry it through all frames: steps 3 and 4.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        runs: of the picture model.
        motion: carries maps.
        keys: keyframes to look at, in the order of time, the first and the last frame among them.
        identity: keyframe → (H, W) float32 in [0, 1], the product in those that show it.
        config: spacing and thresholds.
        settled: keyframes of ``identity`` whose map is taken as it is.

    Raises:
        InputError: ``track-lost``, it goes missing for too long.
    """
    count, height, width = frames.shape[:3]
    refined = _Refined(frames, runs, motion, identity, config, settled)
    refined.ask_all(keys)
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
    frames: NDArray[np.uint8], runs: CountedRuns, motion: ObjectMotion, config: PropagationConfig
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
        runs: CountedRuns,
        motion: ObjectMotion,
        identity: Mapping[int, NDArray[np.float32]],
        config: PropagationConfig,
        settled: Container[int],
    ) -> None:
        self._frames = frames
        self._runs = runs
        self._identity = identity
        self._config = config
        self._settled = settled
        self._before = Between(identity, motion)
        self._answers: dict[int, NDArray[np.float32]] = {}
        self._between = Between(self._answers, motion)
        self._asked: set[int] = set()
        self._agreements: list[float] = []

    def ask_all(self, keys: Sequence[int]) -> None:
        """Look at these frames, and between them until neighbours agree or are as near as is needed."""
        self._runs.expect(sum(key not in self._settled for key in keys))
        for key in keys:
            self._ask(key, self._before.at(key)[0])
        doubtful = list(pairwise(keys))
        while doubtful:
            first, second = doubtful.pop(0)
            if self._near_enough(second - first, self._agreement(first, second)):
                continue
            middle = (first + second) // 2
            around = self._between if None not in self._between.around(middle) else self._before
            self._runs.expect(1)
            self._ask(middle, around.at(middle)[0])
            doubtful += [(first, middle), (middle, second)]

    def _near_enough(self, apart: int, agreement: float) -> bool:
        """Whether nothing between two keyframes need be asked; the nearer they are, the less they must agree."""
        config = self._config
        if apart <= config.refine_finest:
            return True
        return agreement >= (config.min_near_consensus if apart <= config.refine_every else config.min_consensus)

    def _agreement(self, first: int, second: int) -> float:
        both = first in self._answers and second in self._answers
        return self._between.agreement(first, second) if both else 0.0

    def _ask(self, t: int, expected: NDArray[np.float32]) -> None:
        self._asked.add(t)
        if t in self._settled:
            self._answers[t] = self._identity[t]
            return
        answer = self._runs.cut_out(self._frames[t], expected, self._config.crop_margin)
        if answer is None:
            answer = self._identity.get(t)
        if answer is None:
            return
        if soft_iou(keep_expected(answer, expected, self._config.refine_margin), expected) < self._config.min_consensus:
            answer = self._outvoted(t, answer, expected)
        answer = keep_expected(answer, expected, self._config.refine_margin)
        agreement = soft_iou(answer, expected)
        self._agreements.append(agreement)
        if agreement >= self._config.min_agreement:
            self._answers[t] = answer
        elif t in self._identity:
            self._answers[t] = self._identity[t]

    def _outvoted(self, t: int, answer: NDArray[np.float32], expected: NDArray[np.float32]) -> NDArray[np.float32]:
        """The median of an answer, of that on a wider cut-out and of what was expected: any one of them may be off."""
        self._runs.expect(1)
        wider = self._runs.cut_out(self._frames[t], expected, self._config.wide_margin)
        return answer if wider is None else np.asarray(np.median([answer, wider, expected], axis=0), np.float32)

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


def _largest_gap(asked: Sequence[int], accepted: Container[int], count: int) -> int:
    """Most frames between neighbouring accepted keyframes with a refused one between them, or without one at an end."""
    known = [t for t in asked if t in accepted]
    if not known:
        return count
    refused = [t for t in asked if t not in accepted]
    around = [b - a for a, b in pairwise(known) if any(a < t < b for t in refused)]
    return max([known[0], count - 1 - known[-1], *around])
