"""Do the masks lie on the products? The picture is asked, and the other video."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.flow import working_size
from pvtt_data.mask_evidence import outline_evidence
from pvtt_data.masks import resized

Frames = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]

_SAME_LEVELS = 6
_LEAST_SHARE = 0.04
_FRAMES = 9
_EVIDENCE = ("edge_support_median", "edge_support_min", "separation_median", "separation_min")


def outline_numbers(
    source: Frames, source_mask: Masks, target: Frames, target_mask: Masks, effect_mask: Masks
) -> dict[str, float]:
    """Evidence for and against both masks.

    Returns:
        ``mask_outside_effect``: largest share, over frames and both masks, of a mask that lies outside the effect mask.
        ``source_unchanged``, ``target_unchanged``: of the part of a product's mask that lies more than 2 px outside the
        other product's, the share in which source and target are the same (largest channel difference of at most 6
        levels); largest over the frames in which that part is 4 % of the mask at least, else 0. A product is not the
        same as the background, so a mask with much of it slid off.
        ``source_edge_support_median``, ``…_min``, ``source_separation_median``, ``…_min`` and those of the target: see
        `pvtt_data.mask_evidence.outline_evidence`; up to nine frames at the working size of `pvtt_data.flow`.
    """
    numbers = {"mask_outside_effect": 0.0, "source_unchanged": 0.0, "target_unchanged": 0.0}
    kernel = np.ones((5, 5), np.uint8)
    for t in range(len(source)):
        largest = cv2.absdiff(source[t], target[t]).max(axis=2)
        grown = [cv2.dilate(mask[t].astype(np.uint8), kernel) > 0 for mask in (source_mask, target_mask)]
        for name, own, other in (
            ("source", source_mask[t], grown[1]),
            ("target", target_mask[t], grown[0]),
        ):
            area = int(own.sum())
            if not area:
                continue
            outside = float((own & ~effect_mask[t]).sum()) / area
            numbers["mask_outside_effect"] = max(numbers["mask_outside_effect"], outside)
            alone = own & ~other
            if alone.sum() >= max(16, _LEAST_SHARE * area):
                same = float((largest[alone] <= _SAME_LEVELS).mean())
                numbers[f"{name}_unchanged"] = max(numbers[f"{name}_unchanged"], same)
    for name, frames, masks in (("source", source, source_mask), ("target", target, target_mask)):
        numbers |= {f"{name}_{key}": value for key, value in _evidence(frames, masks).items()}
    return numbers


def _evidence(frames: Frames, masks: Masks) -> dict[str, float]:
    chosen = sorted({round(share * (len(frames) - 1)) for share in np.linspace(0, 1, _FRAMES)})
    frames, masks = frames[chosen], masks[chosen]
    height, width = working_size(*masks.shape[1:])
    small = [cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in frames]
    found = outline_evidence(small, np.stack([resized(mask, height, width) for mask in masks]))
    return {name: found[name] for name in _EVIDENCE}
