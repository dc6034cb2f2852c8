"""Make a whole of the half that stood out: a lid of another colour than its jar, the dark side of a carton."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pvtt_data.segmenters.carry import ObjectMotion, soft_iou
from pvtt_data.segmenters.identity import keep_expected, keep_touching
from pvtt_data.segmenters.picture_runs import CountedRuns
from pvtt_data.segmenters.propagation_config import PropagationConfig

_COVERED = 0.7
"""Share of what was found that the larger thing must hold; else it is another thing."""


def completed(
    frames: NDArray[np.uint8],
    runs: CountedRuns,
    found: dict[int, NDArray[np.float32]],
    motion: ObjectMotion,
    config: PropagationConfig,
) -> dict[int, NDArray[np.float32]]:
    """The maps of the product, larger where the keyframes show that it is.

    One cut-out of the keyframe in the middle is asked. Where it shows what was found, that is all. Else a second one,
    twice as wide, must show the same larger thing, and so must the other keyframes.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        runs: of the picture model.
        found: keyframe → (H, W) float32 in [0, 1].
        motion: carries maps between keyframes.
        config: margins and thresholds.
    """
    keys = sorted(found)
    middle = keys[len(keys) // 2]
    whole = _larger(frames[middle], runs, found[middle], config)
    if whole is None:
        return found
    larger = {middle: whole}
    runs.expect(len(keys) - 1)
    for key in keys:
        if key == middle:
            continue
        expected = motion.carry(whole, middle, key).image
        answer = runs.cut_out(frames[key], expected, config.wide_margin)
        if answer is None:
            continue
        kept = keep_expected(answer, expected, config.find_margin)
        if soft_iou(kept, expected) >= config.min_agreement:
            larger[key] = kept
    return larger if len(larger) >= config.min_accepted_share * len(keys) else found


def _larger(
    frame: NDArray[np.uint8], runs: CountedRuns, found: NDArray[np.float32], config: PropagationConfig
) -> NDArray[np.float32] | None:
    """The larger thing that two cut-outs agree on, None where there is none."""
    runs.expect(1)
    first = runs.cut_out(frame, found, config.wide_margin)
    if first is None:
        return None
    first = keep_touching(first, found)
    if soft_iou(first, found) >= config.min_completed:
        return None
    runs.expect(1)
    second = runs.cut_out(frame, np.maximum(first, found), 2 * config.wide_margin)
    if second is None:
        return None
    second = keep_touching(second, found)
    both = np.asarray((first + second) / 2, np.float32)
    core, area = found > 0.5, float((both > 0.5).sum())
    grown = area > core.sum() and area <= config.max_area_share * both.size
    holds = float(((both > 0.5) & core).sum()) >= _COVERED * float(core.sum())
    return both if grown and holds and soft_iou(first, second) >= config.min_completed else None
