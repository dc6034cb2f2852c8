"""Scores against the known target: motion that is followed, lost, or cannot be told."""

from __future__ import annotations

import math

import numpy as np
import pytest
from drawn_cases import drawn_case
from drawn_products import FRAMES, scene
from pvtt_eval.truth import inside_psnr, motion_error_by_fit, path_agreement, silhouette_iou


def test_the_truth_itself_has_no_error() -> None:
    case = drawn_case()
    assert inside_psnr(case.target, case.target, case.target_mask) == 100
    assert silhouette_iou(case.target_mask, case.target_mask) == 1
    assert silhouette_iou(case.source_mask, case.target_mask) < 0.9
    fit = motion_error_by_fit(case.target, case.target, case.target_mask)
    assert fit.testable and fit.error_frames < 0.3 and list(np.round(fit.moments)) == list(range(FRAMES))


def test_b_follows_the_path_of_a_and_a_still_object_does_not() -> None:
    case = drawn_case("bottle", "tin")
    followed = path_agreement(case.source_mask, case.target_mask)
    assert followed.centroid_correlation > 0.99 and followed.steady_error < 0.05 and followed.frames == FRAMES
    still = np.repeat(case.target_mask[4:5], FRAMES, axis=0)
    stays = path_agreement(case.source_mask, still)
    assert stays.centroid_correlation == pytest.approx(0, abs=1e-9) and stays.steady_error > 3 * followed.steady_error
    assert path_agreement(case.source_mask, case.target_mask[::-1]).centroid_correlation < -0.99


def test_a_path_at_rest_has_no_correlation() -> None:
    case = drawn_case(turns=False, slides=False)
    found = path_agreement(case.source_mask, case.target_mask)
    assert math.isnan(found.centroid_correlation) and math.isnan(found.scale_correlation)
    assert found.steady_error == pytest.approx(0, abs=1e-9)
    with pytest.raises(ValueError, match="two frames"):
        path_agreement(case.source_mask, np.zeros_like(case.source_mask))


def test_late_still_and_reversed_motion_is_found() -> None:
    target, mask = scene("carton")
    late = np.concatenate([target[:1], target[:-1]])
    fit = motion_error_by_fit(late, target, mask, refine=False)
    assert fit.error_frames == pytest.approx(8 / 9)
    still = motion_error_by_fit(np.repeat(target[4:5], FRAMES, axis=0), target, mask, refine=False)
    assert still.error_frames == pytest.approx(still.still) == pytest.approx(20 / 9)
    assert motion_error_by_fit(target[::-1], target, mask, refine=False).error_frames == pytest.approx(40 / 9)


def test_chance_is_what_blind_moments_give() -> None:
    dice = np.random.default_rng(0)
    target, mask = scene("carton")
    errors = [
        motion_error_by_fit(target[dice.integers(0, FRAMES, FRAMES)], target, mask, refine=False) for _ in range(60)
    ]
    assert np.mean([fit.error_frames for fit in errors]) == pytest.approx(errors[0].chance, abs=0.25)
    assert errors[0].chance == pytest.approx(80 / 27)


def test_blur_and_wrong_colours_leave_the_moment_to_be_found() -> None:
    import cv2

    target, mask = scene("carton")
    rough = np.stack([cv2.GaussianBlur(frame, (0, 0), 3) for frame in target])
    rough = (rough * 0.8 + 30).astype(np.uint8)
    assert motion_error_by_fit(rough, target, mask).error_frames < 0.6


def test_half_moments_are_met_by_the_parabola() -> None:
    # A soft blob that moves evenly: its half steps lie between the frames.
    columns = np.arange(64)
    blob = lambda x: np.exp(-((columns - x) ** 2) / 72.0) * 200  # noqa: E731
    video = lambda shift: np.stack(  # noqa: E731
        [np.repeat(np.tile(blob(20 + 3 * (t + shift)), (16, 1))[..., None], 3, -1) for t in range(9)]
    ).astype(np.uint8)
    fit = motion_error_by_fit(video(0.4), video(0.0), np.ones((9, 16, 64), np.bool_))
    assert fit.moments[1:-2] == pytest.approx(np.arange(1, 7) + 0.4, abs=0.05)


def test_a_video_at_rest_tells_nothing_of_motion() -> None:
    target, mask = scene("carton", turns=False, slides=False)
    fit = motion_error_by_fit(target, target, mask)
    assert not fit.testable and fit.contrast == 1 and fit.error_frames == 0


def test_grain_is_no_motion() -> None:
    target, mask = scene("carton", turns=False, slides=False)
    grainy = np.clip(target + np.random.default_rng(3).normal(0, 4, target.shape), 0, 255).astype(np.uint8)
    fit = motion_error_by_fit(grainy, grainy, mask)
    assert not fit.testable and fit.contrast == pytest.approx(1, abs=0.05)
    moving, moving_mask = scene("carton")
    assert motion_error_by_fit(moving, moving, moving_mask).testable
