"""Dominance: A is −1, the truth is high, blends are in order, and what cannot be told is not told."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from drawn_cases import drawn_case
from drawn_products import LOOKS
from pvtt_eval.case import RenderedCase
from pvtt_eval.dominance import Dominance, dominance, normalised, pixel_dominance, shape_leak
from scipy.stats import spearmanr

from pvtt_data.embedders.colour_shape import ColourShape
from pvtt_data.embedders.crops import crop_references, crop_video
from pvtt_data.embedders.likeness import Gate
from pvtt_data.masks import Mask

PAIRS = [(a, b) for a in LOOKS for b in LOOKS if a != b]


class Told:
    """An embedder whose vectors are what the test says: level 0 to 255 of a crop's middle is an angle of 0 to 90°."""

    name, weights_sha256 = "told@1", "0" * 64

    def embed(self, crops: np.ndarray) -> np.ndarray:
        angle = crops[:, 48, 48, 0].astype(np.float64) / 255 * np.pi / 2
        return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def even(level: int, frames: int = 9) -> tuple[np.ndarray, Mask]:
    video, masks = np.full((frames, 40, 40, 3), level, np.uint8), np.zeros((frames, 40, 40), np.bool_)
    masks[:, 10:30, 10:30] = True
    return video, masks


def told(a: int, b: int, y: int, gate: Gate | None = None) -> Dominance:
    cutout = np.full((40, 40, 4), b, np.uint8)
    cutout[..., 3] = 255
    return dominance(
        crop_video(*even(y)),
        crop_video(*even(a)),
        crop_references([cutout, cutout]),
        Told(),
        fps=8,
        height_px=40,
        width_px=40,
        frames=9,
        gate=gate,
    )


def scored(case: RenderedCase, video: np.ndarray, masks: Mask, gate: Gate | None = None) -> Dominance:
    return dominance(
        crop_video(video, masks),
        crop_video(case.source, case.source_mask),
        crop_references(case.references),
        ColourShape(),
        fps=case.fps,
        height_px=video.shape[1],
        width_px=video.shape[2],
        frames=len(video),
        heldout=crop_references(case.heldout),
        truth=crop_video(case.target, case.target_mask),
        gate=gate,
    )


def test_the_formulas_are_those_written_down() -> None:
    # A at 0°, B at 90°, y at 30°: cosines are s(y,A) = √3/2, s(y,B) = 1/2, s(A,B) = 0, s(A′,A) = s(B′,B) = 1.
    found = told(0, 255, 85)
    assert found.testable and found.views_b == "left-out"
    assert found.ref_gain == pytest.approx(0.5, abs=1e-3)
    assert found.src_leak == pytest.approx(math.sqrt(3) / 2, abs=1e-3)
    assert found.rsd == pytest.approx(0.5 - math.sqrt(3) / 2, abs=1e-3)
    # w = (−1, 1): ⟨y − μA, w⟩ = 1 − √3/2 + 1/2, ‖w‖² = 2.
    axis = 2 * (1.5 - math.sqrt(3) / 2) / 2 - 1
    assert found.axis == pytest.approx(axis, abs=1e-3)
    point = np.array([1, 0]) + (axis + 1) / 2 * np.array([-1, 1])
    aside = np.linalg.norm(np.array([math.sqrt(3) / 2, 0.5]) - point) / math.sqrt(2)
    assert found.off_axis == pytest.approx(aside, abs=1e-3)
    assert found.axis_length == pytest.approx(math.sqrt(2), abs=1e-6)


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_a_itself_is_minus_one_and_the_truth_is_near_one(a: str, b: str) -> None:
    case = drawn_case(a, b)
    source, target = scored(case, case.source, case.source_mask), scored(case, case.target, case.target_mask)
    assert source.testable and source.rsd == pytest.approx(-1, abs=1e-6)
    assert source.axis == pytest.approx(-1, abs=1e-6)
    assert target.rsd > 0.7 and target.axis > 0.5 and target.off_axis < 0.7
    assert abs(target.reference_to_scene) < 0.2
    assert target.rsd == pytest.approx(target.ref_gain - target.src_leak)


@pytest.mark.parametrize(("a", "b"), PAIRS[::2])
def test_blends_of_a_and_b_are_in_order(a: str, b: str) -> None:
    case = drawn_case(a, b)
    shares = np.linspace(0, 1, 7)
    both = case.source_mask | case.target_mask
    blends = [((1 - k) * case.source.astype(float) + k * case.target).round().astype(np.uint8) for k in shares]
    masks = [case.source_mask, *[both] * 5, case.target_mask]
    found = [scored(case, video, mask) for video, mask in zip(blends, masks, strict=True)]
    pixels = [
        pixel_dominance(video, case.source, case.target, case.source_mask, case.target_mask).rsd_px for video in blends
    ]
    assert spearmanr(shares, [one.rsd for one in found]).statistic >= 0.9
    assert spearmanr(shares, [one.axis for one in found]).statistic >= 0.9
    assert spearmanr(shares, pixels).statistic == pytest.approx(1)


def test_a_pair_of_the_same_product_is_untestable() -> None:
    case = drawn_case("tin", "tin")
    found = scored(case, case.source, case.source_mask)
    assert not found.testable and "denominator-b" in found.untestable and math.isnan(found.rsd)


def test_the_gate_refuses_pairs_that_are_as_alike_as_one_product_is_to_itself() -> None:
    case = drawn_case("bottle", "carton")
    open_gate = Gate(ColourShape().name, ColourShape().weights_sha256, 0.95, 20, 20, 0.05, 0.0)
    shut = dataclasses.replace(open_gate, most_alike=0.1)
    assert scored(case, case.target, case.target_mask, open_gate).testable
    refused = scored(case, case.target, case.target_mask, shut)
    assert refused.untestable == ("alike",) and math.isnan(refused.rsd) and not math.isnan(refused.ref_gain)
    with pytest.raises(ValueError, match="measured on"):
        told(0, 255, 10, open_gate)


def test_missing_crops_and_single_views_are_named() -> None:
    case = drawn_case()
    nothing = np.zeros_like(case.source_mask)
    assert scored(case, case.source, nothing).untestable == ("no-result",)
    one = dominance(
        crop_video(case.target, case.target_mask),
        crop_video(case.source[:1], case.source_mask[:1]),
        crop_references(case.references[:1]),
        ColourShape(),
        fps=8,
        height_px=96,
        width_px=128,
        frames=9,
    )
    assert one.untestable == ("single-view-a", "single-view-b") and one.views_b == "none"


def test_other_views_of_a_are_half_a_clip_away_when_it_is_short_and_a_second_when_it_is_long() -> None:
    assert told(0, 255, 85).apart_frames == 4
    long = dominance(
        crop_video(*even(9, 33)), crop_video(*even(9, 33)), crop_references([]), Told(), fps=8, height_px=40,
        width_px=40, frames=33,
    )  # fmt: skip
    assert long.apart_frames == 8 and long.untestable == ("no-reference",)


def test_the_identity_of_a_number_names_embedder_size_and_frames() -> None:
    assert str(told(0, 255, 85).metric) == "rsd@1 told@1:000000000000 9x40x40"


def test_the_outline_of_a_leaks_when_b_is_poured_into_it() -> None:
    case = drawn_case("tin", "bottle")
    outlines = list(crop_references(case.references).silhouettes)
    poured = shape_leak(case.source_mask, case.source_mask, outlines)
    true = shape_leak(case.target_mask, case.source_mask, outlines)
    assert poured.with_source == 1 and poured.leak > 0.1 and true.leak < -0.02
    moved = np.roll(case.source_mask, 5, axis=2)
    assert shape_leak(moved, case.source_mask, outlines).with_source > 0.98
    with pytest.raises(ValueError, match="no silhouette"):
        shape_leak(case.source_mask, case.source_mask, [])


def test_pixels_tell_which_truth_is_nearer() -> None:
    case = drawn_case()
    truths = case.source, case.target, case.source_mask, case.target_mask
    assert pixel_dominance(case.source, *truths).rsd_px == -1 and pixel_dominance(case.target, *truths).rsd_px == 1
    middle = ((case.source.astype(int) + case.target) // 2).astype(np.uint8)
    assert pixel_dominance(middle, *truths).rsd_px == pytest.approx(0, abs=0.02)
    same = pixel_dominance(case.source, case.source, case.source, case.source_mask, case.source_mask)
    assert math.isnan(same.rsd_px)


def test_a_score_is_told_as_a_share_of_the_codecs_own() -> None:
    assert normalised(0.4, 0.8) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="nothing to be measured"):
        normalised(0.4, float("nan"))
