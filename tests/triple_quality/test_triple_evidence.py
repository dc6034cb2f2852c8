"""The single questions of triple QC: leaks, background, timing, outlines, shadows."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_triples import drawn_triple
from moving_scenes import Scene, cutout, scene

from pvtt_data.triple_quality.background import background_numbers
from pvtt_data.triple_quality.leaks import best_overlay, leak_numbers
from pvtt_data.triple_quality.looks import look_numbers
from pvtt_data.triple_quality.outlines import outline_numbers
from pvtt_data.triple_quality.residue import found_elsewhere
from pvtt_data.triple_quality.shadows import contact_shadow, shadow_numbers
from pvtt_data.triple_quality.timing import timing_numbers


@pytest.fixture(scope="module")
def made() -> Scene:
    return scene(count=9)


def copy_of(made: Scene, frame: int, scale: float = 1.0, turn_deg: float = 0.0, lost: int = 0) -> np.ndarray:
    """A reference cut out of a frame, resized, turned, and with columns missing."""
    rows, columns = np.nonzero(made.masks[frame])
    box = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    cut = np.dstack([made.frames[frame][box], made.masks[frame][box].astype(np.uint8) * 255])[:, lost:]
    side = int(1.6 * scale * max(cut.shape[:2]))
    matrix = cv2.getRotationMatrix2D((cut.shape[1] / 2, cut.shape[0] / 2), turn_deg, scale)
    matrix[:, 2] += side / 2 - np.array([cut.shape[1] / 2, cut.shape[0] / 2])
    return np.asarray(cv2.warpAffine(cut, matrix, (side, side)))


@pytest.mark.parametrize(("scale", "turn_deg", "lost"), [(1.0, 0.0, 0), (1.7, 0.0, 0), (1.0, 8.0, 0), (1.2, 4.0, 6)])
def test_a_copy_is_found_though_it_is_resized_turned_and_cut(
    made: Scene, scale: float, turn_deg: float, lost: int
) -> None:
    assert best_overlay([copy_of(made, 4, scale, turn_deg, lost)], made.frames, made.masks) > 0.85


def test_another_product_is_no_copy(made: Scene) -> None:
    assert best_overlay([cutout("round", seed=31)], made.frames, made.masks) < 0.6
    numbers = leak_numbers([cutout("round", seed=31)], made.frames, made.masks)
    assert numbers["reference_leak_bits"] > 6 and numbers["reference_leak_inliers"] == 0
    assert leak_numbers([], made.frames, made.masks) == {
        "reference_leak_bits": 64.0,
        "reference_leak_inliers": 0.0,
        "reference_leak_match": 0.0,
    }


def test_key_points_of_a_copy_lie_on_one_homography(made: Scene) -> None:
    assert leak_numbers([copy_of(made, 4, 1.5, 6.0)], made.frames, made.masks)["reference_leak_inliers"] > 0.4


def test_a_small_lasting_change_of_the_background_is_seen_though_the_frame_hardly_changes() -> None:
    media = drawn_triple()
    target = media.target.copy()
    target[:, 2:10, 110:118] = 255 - target[:, 2:10, 110:118]
    before = background_numbers(media.source, media.target, media.effect_mask)
    after = background_numbers(media.source, target, media.effect_mask)
    assert before["background_tile_db"] == before["background_frame_db"] == 100.0
    assert after["background_tile_db"] < 25 < after["background_psnr_db"]


def test_a_bad_frame_is_seen_by_the_worst_frame_and_not_by_what_lasts() -> None:
    media = drawn_triple()
    target = media.target.copy()
    target[4] = np.clip(target[4].astype(int) + 30, 0, 255)
    numbers = background_numbers(media.source, target, media.effect_mask)
    assert numbers["background_frame_db"] < 20 and numbers["background_tile_db"] == 100.0


def timing(order: list[int], moving: Scene) -> dict[str, float]:
    """Source and target of one moving background, the target's frames in another order."""
    nothing = np.zeros_like(moving.masks)
    return timing_numbers(moving.frames, moving.masks, moving.frames[order], moving.masks, nothing)


def test_videos_in_step_are_perfect_and_lost_or_frozen_frames_are_not(made: Scene) -> None:
    right = timing(list(range(9)), made)
    assert right["change_ratio_min"] == right["product_change_ratio_min"] == 1.0 and right["lag_gain_db"] <= 0
    frozen = timing([0, 1, 2, 3, 3, 5, 6, 7, 8], made)
    assert frozen["change_ratio_min"] < 0.3 and frozen["product_change_ratio_min"] < 0.3
    lost = timing([0, 1, 2, 4, 5, 6, 7, 8, 8], made)
    assert lost["lag_gain_db"] > 10


def test_without_background_timing_says_nothing_of_it(made: Scene) -> None:
    everything = np.ones_like(made.masks)
    numbers = timing_numbers(made.frames, made.masks, made.frames[::-1], made.masks, everything)
    assert numbers["change_ratio_min"] == 1.0 and numbers["lag_gain_db"] == 0.0


def test_a_mask_beside_its_product_covers_what_did_not_change() -> None:
    media = drawn_triple()
    right = outline_numbers(media.source, media.source_mask, media.target, media.target_mask, media.effect_mask)
    moved = np.roll(media.target_mask, 14, axis=2)
    wrong = outline_numbers(media.source, media.source_mask, media.target, moved, media.effect_mask)
    assert right["mask_outside_effect"] == 0 and right["target_unchanged"] < 0.1
    assert wrong["mask_outside_effect"] > 0.2 and wrong["target_unchanged"] > 0.4
    assert wrong["target_edge_support_median"] < right["target_edge_support_median"]
    assert wrong["source_edge_support_median"] == right["source_edge_support_median"]


def test_a_product_is_found_where_it_is_and_nowhere_else(made: Scene) -> None:
    assert found_elsewhere(made.frames, made.masks, made.frames) > 0.99
    assert found_elsewhere(made.frames, made.masks, made.backgrounds) < 0.5
    moved = np.roll(made.frames, 12, axis=2)
    assert found_elsewhere(made.frames, made.masks, moved) > 0.9
    assert found_elsewhere(made.frames, np.zeros_like(made.masks), made.frames) == 0


def standing(shadow: bool) -> tuple[np.ndarray, np.ndarray]:
    """A box on plain ground, with or without a shadow at its foot."""
    frames = np.full((5, 120, 120, 3), 180, np.uint8)
    masks = np.zeros((5, 120, 120), np.bool_)
    masks[:, 30:80, 40:80] = True
    if shadow:
        soft = np.zeros((120, 120), np.float32)
        cv2.ellipse(soft, (60, 82), (26, 7), 0, 0, 360, 0.5, -1)
        soft = cv2.GaussianBlur(soft, (0, 0), 2)
        frames = np.rint(frames * (1 - soft[None, ..., None])).astype(np.uint8)
    frames[masks] = (90, 40, 40)
    return frames, masks


def test_a_shadow_at_the_foot_has_depth_and_a_missing_one_is_lacking() -> None:
    (with_shadow, mask), (without, _) = standing(True), standing(False)
    assert contact_shadow(with_shadow, mask) > 0.2 and contact_shadow(without, mask) < 0.05
    same = shadow_numbers(with_shadow, mask, with_shadow, mask)
    lacking = shadow_numbers(with_shadow, mask, without, mask)
    assert same["shadow_lack"] == 0 and lacking["shadow_lack"] > 0.8
    assert same["shadow_lighter"] == 0 < 0.1 < lacking["shadow_lighter"]
    neither = shadow_numbers(without, mask, without, mask)
    assert neither["shadow_lack"] < 0.3


class Lightness:
    """An embedder for which only the lightness of a crop's middle matters."""

    name, weights_sha256 = "lightness@1", "0" * 64

    def embed(self, crops: np.ndarray) -> np.ndarray:
        angle = crops[:, 48, 48, 0].astype(np.float64) / 255 * np.pi / 2
        return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def flat(level: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames, masks and a reference of a plain product."""
    frames, masks = np.full((9, 64, 64, 3), 200, np.uint8), np.zeros((9, 64, 64), np.bool_)
    masks[:, 16:48, 16:48] = True
    frames[masks] = level
    reference = np.full((40, 40, 4), 255, np.uint8)
    reference[..., :3] = level
    reference[:4] = 0
    return frames, masks, reference


def test_looks_compare_b_with_its_references_and_with_a() -> None:
    a, masks, _ = flat(0)
    b, _, right = flat(255)
    wrong = flat(0)[2]
    numbers = look_numbers(a, masks, b, masks, [right], Lightness())
    assert numbers["reference_likeness"] == pytest.approx(1, abs=1e-3) and numbers["reference_margin"] > 0.9
    assert numbers["ab_likeness"] < 0.05
    odd = look_numbers(a, masks, b, masks, [right, wrong], Lightness())
    assert odd["reference_likeness"] > 0.9 and odd["reference_likeness_min"] < 0.05
    assert odd["reference_margin_min"] < -0.9 < 0.9 < numbers["reference_margin_min"]
    assert set(look_numbers(a, masks, b, masks, [], Lightness())) == {"ab_likeness"}


def test_products_too_small_to_be_cropped_have_no_looks() -> None:
    a, masks, reference = flat(0)
    tiny = np.zeros_like(masks)
    tiny[:, 20:23, 20:23] = True
    assert look_numbers(a, tiny, a, masks, [reference], Lightness()) == {}
