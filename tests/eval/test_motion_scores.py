"""Motion is found whatever constant size, place and look B has; nothing that rests or moves otherwise looks like it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_products import FRAMES, Picture, scene
from pvtt_eval.motion import FollowedMotion, followed_motion

TARGET, MASK = scene("carton")
GROUND = scene(None)[0]


def followed(video: Picture) -> FollowedMotion:
    return followed_motion(video, TARGET, MASK)


def warped(video: Picture, scale: float, shift: tuple[float, float]) -> Picture:
    """Every frame alike, about the middle of the clip's masks."""
    rows, columns = np.nonzero(MASK.any(axis=0))
    move = cv2.getRotationMatrix2D((float(columns.mean()), float(rows.mean())), 0, scale)
    move[:, 2] += shift
    size = (video.shape[2], video.shape[1])
    return np.stack([cv2.warpAffine(f, move, size, borderMode=cv2.BORDER_REPLICATE) for f in video])


def blurred(video: Picture, sigma: float) -> Picture:
    return np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in video])


def pasted(order: list[int], ground: Picture | None = None) -> Picture:
    """B as it is at other moments, on each frame's own background."""
    behind = GROUND if ground is None else ground
    return np.stack([np.where(MASK[k][..., None], TARGET[k], behind[t]) for t, k in enumerate(order)])


def test_the_truth_has_no_error() -> None:
    found = followed(TARGET)
    assert found.error_frames < 0.2 and found.agreement > 0.95
    assert list(np.round(found.moments)) == list(range(FRAMES))
    assert found.scale == pytest.approx(1) and found.shift_px == (0, 0) and found.gain == pytest.approx(1, abs=0.1)
    assert found.chance == pytest.approx(80 / 27) and found.still == pytest.approx(20 / 9)


@pytest.mark.parametrize(
    "rough",
    [
        warped(TARGET, 0.8, (0, 0)),
        warped(TARGET, 1.2, (0, 0)),
        warped(TARGET, 1.0, (4, -3)),
        blurred(TARGET, 2),
        blurred(TARGET, 4),
        (TARGET[..., ::-1] * 0.6 + 40).astype(np.uint8),
        blurred(warped((TARGET[..., [1, 2, 0]] * 0.8).astype(np.uint8), 0.8, (3, 3)), 3),
    ],
    ids=["smaller", "larger", "beside", "soft", "softer", "recoloured", "all at once"],
)
def test_a_constant_wrong_look_is_no_error_of_motion(rough: Picture) -> None:
    found = followed(rough)
    assert found.error_frames < 0.4 * found.still and found.agreement > 0.5


def test_size_and_place_are_told() -> None:
    smaller, beside = followed(warped(TARGET, 0.8, (0, 0))), followed(warped(TARGET, 1.0, (4, -3)))
    assert smaller.scale == pytest.approx(0.8, abs=0.05)
    assert beside.scale == pytest.approx(1) and beside.shift_px == pytest.approx((4, -3), abs=1)


@pytest.mark.parametrize("moment", [0, 4, 8])
def test_no_fit_makes_a_still_result_follow(moment: int) -> None:
    still = np.repeat(TARGET[moment : moment + 1], FRAMES, axis=0)
    found = followed(still)
    assert found.error_frames == pytest.approx(found.still) and found.agreement == 0 and found.gain == np.inf
    grainy = np.clip(still + np.random.default_rng(moment).normal(0, 8, still.shape), 0, 255).astype(np.uint8)
    for rough in (grainy, warped(still, 0.8, (3, 3)), blurred(still, 3)):
        assert followed(rough).error_frames > 0.99 * found.still


def test_a_moving_background_is_no_motion_of_the_product() -> None:
    # The camera pans behind a product that stays; the truth's product moves before the same pan.
    dice = np.random.default_rng(5)
    height, width = TARGET.shape[1:3]
    wide = cv2.GaussianBlur(dice.uniform(0, 255, (height, width + 40, 3)).astype(np.float32), (0, 0), 3)
    pan = np.stack([wide[:, 3 * t : 3 * t + width] for t in range(FRAMES)]).astype(np.uint8)
    truth, still = pasted(list(range(FRAMES)), pan), pasted([4] * FRAMES, pan)
    moves, stays = (followed_motion(video, truth, MASK) for video in (truth, still))
    assert moves.error_frames < 0.4 < 0.8 * stays.still < stays.error_frames


def test_a_box_filled_with_the_products_colour_does_not_follow() -> None:
    filled = GROUND.copy()
    filled[:, MASK.any(axis=0)] = TARGET[MASK].mean(axis=0).astype(np.uint8)
    assert followed(filled).error_frames > 0.85 * followed(filled).still


def test_late_reversed_and_random_motion_is_found() -> None:
    late = followed(np.concatenate([TARGET[:1], TARGET[:-1]]))
    assert late.error_frames == pytest.approx(8 / 9, abs=0.3)
    back = followed(TARGET[::-1])
    assert back.error_frames > 3.5 and back.agreement < -0.2
    dice = np.random.default_rng(0)
    blind = [followed(pasted(list(dice.integers(0, FRAMES, FRAMES)))) for _ in range(20)]
    assert np.mean([found.error_frames for found in blind]) == pytest.approx(blind[0].chance, abs=0.5)
    assert abs(np.mean([found.agreement for found in blind])) < 0.15


def test_a_motion_too_faint_to_be_b_s_is_not_enlarged_to_it() -> None:
    mean = TARGET.astype(np.float64).mean(axis=0)
    faint = np.round(mean + 0.05 * (TARGET - mean)).astype(np.uint8)
    assert followed(faint).gain > 10 and followed(faint).error_frames == pytest.approx(20 / 9)


def test_frames_without_the_product_are_left_out() -> None:
    gone = MASK.copy()
    gone[[0, 5]] = False
    found = followed_motion(TARGET, np.where(gone[..., None], TARGET, GROUND), gone)
    assert list(np.flatnonzero(np.isnan(found.moments))) == [0, 5] and found.error_frames < 0.3
    gone[2:] = False
    with pytest.raises(ValueError, match="three frames"):
        followed_motion(TARGET, TARGET, gone)
    with pytest.raises(ValueError, match="do not fit"):
        followed_motion(TARGET[:3], TARGET, MASK)
