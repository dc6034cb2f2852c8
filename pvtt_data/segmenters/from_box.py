"""A video mask from a box in one frame: what stands out inside it, followed from there both ways.

A salient-object network answers what stands out in the picture that it is shown. So it is shown the box with a little
around it, and what of its answer lies outside the box is dropped. What it finds depends on how much it sees around: the
whole bottle or only its cap. A person draws a box around the whole product, so of several looks the one whose answer
fits the box best is taken. From there the product is carried by optical flow from keyframe to keyframe, outwards, and
looked for where it is expected; what stands out more, elsewhere, is never asked for. The rest is as without a box:
closer looks and carrying between them (`pvtt_data.segmenters.propagate`). In the frame of the box no mask reaches
beyond it.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.errors import InputError
from pvtt_data.flow import clip_flow
from pvtt_data.masks import boundary, keep_large_components
from pvtt_data.segmenters.base import Progress, Segmentation
from pvtt_data.segmenters.box_prompt import BoxPrompt
from pvtt_data.segmenters.carry import ObjectMotion, soft_iou
from pvtt_data.segmenters.identity import keep_expected
from pvtt_data.segmenters.picture_runs import CountedRuns, SegmentImage, surroundings
from pvtt_data.segmenters.propagate import carry_through, keyframe_indices
from pvtt_data.segmenters.propagation_config import PropagationConfig

_LOOKS = ((0.1, False), (0.25, False), (0.5, False), (0.5, True))
"""Looks at a box, the first ones first: margin around it as a share of its longer side, and whether what is around it
is painted over."""
_FITS = 0.6
"""How well an answer must fit the box for no further look to be needed: see `_fit`."""
_FILLS_LITTLE = 0.2
"""Share of the box that the box around an answer must fill at least; less is no product but a speck."""
_PAINTED_OVER = 0.12
"""Distance from the box at which its surroundings have become one colour, as a share of its longer side."""
_SPECK = 0.05
"""Parts of an answer smaller than this share of the largest one do not count for what it fills."""
_SUPPORTED = 0.3
"""Share of the product's pixels that flow must carry consistently to be believed where the network sees another
thing."""
_ALIKE = 0.5
"""How alike the product's colours before and after must be then: flow carries a thing that is gone just as well."""

_Map = NDArray[np.float32]


def segment_from_box(
    frames: NDArray[np.uint8],
    segment_image: SegmentImage,
    box: BoxPrompt,
    config: PropagationConfig,
    on_progress: Progress | None = None,
) -> Segmentation:
    """Masks of what a box holds, in every frame of one shot.

    Args:
        frames: (T, H, W, 3) uint8 RGB, no cut inside.
        segment_image: the picture model; an `InputError` from it says that a picture shows no product.
        box: around the whole product in one frame.
        config: spacing and thresholds.
        on_progress: told about every run of the model.

    Returns:
        Its numbers have, besides those of `segment_by_keyframes`, ``prompt_box_iou`` (IoU of the box and the box around
        the mask in its frame) and ``keyframes_carried`` (keyframes in which the network did not see the product again,
        so that flow alone says where it is; the confidence around them is what both agree on).

    Raises:
        InputError: ``bad-box``, the clip has no such frame or the box holds nothing; ``no-product``, nothing stands out
            inside it; ``track-lost``, it cannot be followed through all frames.
    """
    count, height, width = frames.shape[:3]
    edges = box.within(count, height, width)
    inside = np.zeros((height, width), np.bool_)
    inside[math.floor(edges[1]) : math.ceil(edges[3]), math.floor(edges[0]) : math.ceil(edges[2])] = True
    runs = CountedRuns(segment_image, on_progress)
    found = _in_box(frames[box.frame], inside, runs)
    motion = ObjectMotion(clip_flow(frames))
    keys = sorted({box.frame, *keyframe_indices(count, max(1, config.find_every // 2))})
    identity, agreement = _followed(frames, found, box.frame, keys, runs, motion, config)
    whole = carry_through(frames, runs, motion, keys, identity, config, settled={box.frame})
    whole.masks[box.frame] &= inside
    if not whole.masks[box.frame].any():
        raise InputError("track-lost", "what the box holds is not what is there before and after", whole.numbers)
    numbers = {
        **whole.numbers,
        "prompt_box_iou": _fill(whole.masks[box.frame], inside),
        "keyframes_carried": float(len(agreement)),
    }
    confidence = whole.confidence
    for key, agreed in agreement.items():
        # From this keyframe half the way to its neighbours.
        near = [t for t in range(count) if min(keys, key=lambda k: (abs(k - t), k)) == key]
        confidence[near] = np.minimum(confidence[near], np.float32(agreed))
    numbers |= {"confidence_median": float(np.median(confidence)), "confidence_min": float(confidence.min())}
    return Segmentation(whole.masks, confidence, numbers)


def _in_box(frame: NDArray[np.uint8], inside: NDArray[np.bool_], runs: CountedRuns) -> _Map:
    """What stands out inside a box and fits it best.

    Raises:
        InputError: ``no-product``, nothing does.
    """
    best, best_fit = np.zeros(inside.shape, np.float32), 0.0
    for margin, painted in _LOOKS:
        runs.expect(1)
        where = surroundings(inside, margin)
        assert where is not None, "a box is not empty"
        answer = runs.part(_painted_over(frame, inside) if painted else frame, where)
        if answer is None:
            continue
        answer = np.where(inside, answer, np.float32(0.0))
        fit = _fit(answer > 0.5, inside)
        if fit > best_fit:
            best, best_fit = answer, fit
        if fit >= _FITS:
            break
    fill = _fill(best > 0.5, inside)
    if fill < _FILLS_LITTLE:
        numbers = {"prompt_box_iou": fill, "prompt_box_iou_min": _FILLS_LITTLE}
        raise InputError("no-product", "nothing in the box stands out from what is around it", numbers)
    return best


def _fit(mask: NDArray[np.bool_], inside: NDArray[np.bool_]) -> float:
    """In [0, 1]: how much of a box a mask fills, less where it runs along the box's edges, cut off by them.

    A product reaches the edges of its box at a few points. Background that was taken for it goes on beyond them.
    """
    edge = boundary(inside)
    along = float((mask & edge).sum()) / max(int(edge.sum()), 1)
    return _fill(mask, inside) * (1.0 - along)


def _fill(mask: NDArray[np.bool_], inside: NDArray[np.bool_]) -> float:
    """IoU of a box and the box around what a mask has in it, specks apart."""
    shown = keep_large_components(mask & inside, _SPECK)
    around = surroundings(shown, 0.0)
    return 0.0 if around is None else float(shown[around].size) / float(inside.sum())


def _painted_over(frame: NDArray[np.uint8], inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The picture with what is around a box fading into its mean colour, so that only the box can stand out."""
    rows, columns = (int(inside.any(axis=axis).sum()) for axis in (1, 0))
    reach = max(_PAINTED_OVER * max(rows, columns), 1.0)
    distance = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, 5)
    ring = (distance > 0.0) & (distance <= 2.0 * reach)
    if not ring.any():
        return frame
    colour = frame[ring].mean(axis=0)
    gone = np.clip(distance / np.float32(reach), 0.0, 1.0)[..., None]
    return np.asarray(np.round(frame * (1.0 - gone) + colour * gone), np.uint8)


def _followed(
    frames: NDArray[np.uint8],
    found: _Map,
    start: int,
    keys: list[int],
    runs: CountedRuns,
    motion: ObjectMotion,
    config: PropagationConfig,
) -> tuple[dict[int, _Map], dict[int, float]]:
    """The product in each keyframe, from the box's frame outwards; and those in which flow alone says where it is.

    Returns:
        keyframe → map, without those where neither the network nor flow can tell; keyframe that was only carried →
        soft IoU of both.
    """
    maps, doubted = {start: found}, {}
    runs.expect(len(keys) - 1)
    for way in ([key for key in reversed(keys) if key < start], [key for key in keys if key > start]):
        last = start
        for key in way:
            carried = motion.carry(maps[last], last, key)
            answer = runs.cut_out(frames[key], carried.image, config.crop_margin)
            kept = None if answer is None else keep_expected(answer, carried.image, config.refine_margin)
            agreement = 0.0 if kept is None else soft_iou(kept, carried.image)
            if kept is not None and agreement >= config.min_agreement:
                maps[key], last = kept, key
            elif carried.support >= _SUPPORTED and _alike(frames, (last, maps[last]), (key, carried.image)) >= _ALIKE:
                maps[key], last = carried.image, key
                doubted[key] = agreement
    return maps, doubted


def _alike(frames: NDArray[np.uint8], one: tuple[int, _Map], other: tuple[int, _Map]) -> float:
    """In [0, 1]: overlap of the colours of what maps show in their frames, as coarse histograms; 0 for an empty map."""
    first, second = (_colours(frames[t], image > 0.5) for t, image in (one, other))
    return float(np.minimum(first, second).sum())


def _colours(frame: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    lab = cv2.cvtColor(frame, cv2.COLOR_RGB2LAB)
    bins = cv2.calcHist([lab], [0, 1, 2], mask.astype(np.uint8), [6, 12, 12], [0, 256] * 3)
    for axis in range(bins.ndim):  # a colour near the border of a bin counts in the next one too
        bins = np.apply_along_axis(np.convolve, axis, bins, [0.25, 0.5, 0.25], "same")
    return np.asarray(bins / max(float(bins.sum()), 1.0), np.float32)
