"""The quality numbers of a triple tell sound ones from faulty ones."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from moving_scenes import Scene, cutout, scene

from pvtt_data.engines.base import SwapResult
from pvtt_data.engines.composite import CompositeEngine, CompositeRequest
from pvtt_data.triple_quality import triple_quality
from pvtt_data.triple_quality.colours import colour_histogram
from pvtt_data.triple_quality.paths import path_concordance
from pvtt_data.triple_quality.residue import residue


@pytest.fixture(scope="module")
def made() -> Scene:
    return scene(count=9)


@pytest.fixture(scope="module")
def pair(made: Scene) -> SwapResult:
    request = CompositeRequest(made.frames, made.masks, cutout("bottle"), seed=2, placement="free")
    return CompositeEngine().make(request)


def _numbers(pair: SwapResult, **changes: object) -> dict[str, float]:
    parts: dict[str, object] = {
        "source": pair.source,
        "source_mask": pair.source_mask,
        "target": pair.target,
        "target_mask": pair.target_mask,
        "effect_mask": pair.effect_mask,
        "references": [],
    }
    parts.update(changes)
    return triple_quality(**parts)  # type: ignore[arg-type]


def test_a_sound_pair_has_sound_numbers(pair: SwapResult) -> None:
    numbers = _numbers(pair)
    assert numbers["background_psnr_db"] == 100.0
    assert numbers["centroid_agreement"] > 0.9
    assert numbers["scale_agreement"] > 0.9
    assert numbers["ab_similarity"] < 0.3
    assert numbers["residue"] < 0.1
    assert 0.3 < numbers["area_ratio"] < 2.0
    assert numbers["changed_share"] > 0.5
    assert (numbers["reference_similarity"], numbers["reference_leak_bits"]) == (1.0, 64.0)
    assert all(np.isfinite(value) for value in numbers.values())


def test_a_change_outside_the_effect_mask_is_measured(pair: SwapResult) -> None:
    shifted = pair.source.copy()
    shifted[~pair.effect_mask] = np.where(shifted[~pair.effect_mask] < 250, shifted[~pair.effect_mask] + 5, 245)
    assert _numbers(pair, source=shifted)["background_psnr_db"] == pytest.approx(20 * np.log10(255 / 5), abs=0.6)


def test_b_left_beside_a_is_residue(pair: SwapResult) -> None:
    left = pair.source.copy()
    beside = pair.target_mask & ~pair.source_mask
    left[beside] = pair.target[beside]
    assert residue(left, pair.source_mask, pair.target, pair.target_mask) > 0.9
    assert _numbers(pair, source=left)["residue"] > 0.9


def test_brightened_b_is_still_residue(pair: SwapResult) -> None:
    left = pair.source.copy()
    beside = pair.target_mask & ~pair.source_mask
    left[beside] = np.clip(pair.target[beside] * 0.85 + 30, 0, 255).astype(np.uint8)
    assert residue(left, pair.source_mask, pair.target, pair.target_mask) > 0.7


def test_a_that_stands_still_disagrees_with_a_moving_b(made: Scene) -> None:
    still = np.repeat(made.masks[:1], len(made.masks), axis=0)
    place, _ = path_concordance(still, made.masks)
    assert place < 0.5
    backwards, size = path_concordance(made.masks[::-1], made.masks)
    assert backwards < 0 and size < 0.5
    assert path_concordance(made.masks, made.masks) == (1.0, 1.0)


def test_products_at_rest_agree_unless_they_jitter() -> None:
    still = scene(count=9, step=(0.0, 0.0), zoom=1.0, turn=0.0).masks
    moved = np.stack([np.roll(mask, index % 2, axis=1) for index, mask in enumerate(still)])
    assert path_concordance(still, still) == (1.0, 1.0)
    assert path_concordance(moved, still)[0] > 0.85
    far = np.stack([np.roll(mask, 6 * (index % 2), axis=1) for index, mask in enumerate(still)])
    assert path_concordance(far, still)[0] < 0.5


def test_growing_against_shrinking_disagrees() -> None:
    grows = scene(count=9, step=(0.0, 0.0), zoom=1.05, turn=0.0).masks
    shrinks = grows[::-1]
    assert path_concordance(grows, shrinks)[1] < 0
    half_as_fast = scene(count=9, step=(0.0, 0.0), zoom=1.025, turn=0.0).masks
    assert 0 < path_concordance(grows, half_as_fast)[1] < 0.9


def test_a_target_frame_as_reference_is_a_leak(pair: SwapResult, made: Scene) -> None:
    frame = made.frames[4]
    rows, columns = np.nonzero(made.masks[4])
    crop = np.where(made.masks[4][..., None], frame, 255).astype(np.uint8)
    crop = crop[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    other = np.full((80, 60, 3), 255, np.uint8)
    other[10:70, 10:50] = cutout("bottle", seed=31)[12:72, 12:52, :3]
    assert _numbers(pair, references=[frame])["reference_leak_bits"] <= 2
    assert _numbers(pair, references=[other, crop])["reference_leak_bits"] <= 6
    assert _numbers(pair, references=[other])["reference_leak_bits"] > 10


def test_the_reference_of_another_product_is_unlike_b(pair: SwapResult) -> None:
    own = np.full((90, 80, 3), 255, np.uint8)
    own[10:74, 10:58] = cutout("round", seed=4, tint=(60, 150, 70))[20:84, 18:66, :3]
    foreign = cutout("round", seed=4, tint=(60, 90, 200))
    right = _numbers(pair, references=[own])["reference_similarity"]
    wrong = _numbers(pair, references=[foreign])["reference_similarity"]
    assert right > wrong + 0.2
    assert _numbers(pair, references=[own, foreign])["reference_similarity"] == right


def test_a_histogram_sums_to_one_and_ignores_the_hue_of_grey() -> None:
    mask = np.ones((1, 8, 8), np.bool_)
    reddish, bluish = np.full((1, 8, 8, 3), 120, np.uint8), np.full((1, 8, 8, 3), 120, np.uint8)
    reddish[..., 0] += 2
    bluish[..., 2] += 2
    first, second = colour_histogram(reddish, mask), colour_histogram(bluish, mask)
    assert first.sum() == pytest.approx(1.0, abs=1e-5)
    assert np.allclose(first, second)
    assert not colour_histogram(reddish, ~mask).any()


def test_arrays_that_do_not_belong_together_are_refused(pair: SwapResult) -> None:
    with pytest.raises(ValueError, match="belong"):
        _numbers(pair, source=pair.source[:-1])
    with pytest.raises(ValueError, match="bool"):
        _numbers(pair, effect_mask=pair.effect_mask.astype(np.uint8))
    with pytest.raises(ValueError, match="shows both"):
        _numbers(pair, source_mask=np.zeros_like(pair.source_mask))


def leaning(turns: tuple[float, ...], drift_px: float = 0.0) -> np.ndarray:
    """Masks of a club that leans about its middle by so many degrees, the whole of it going right by ``drift_px``."""
    masks = []
    for number, turn in enumerate(turns):
        mask = np.zeros((160, 160), np.uint8)
        middle = (80 + drift_px * number / (len(turns) - 1), 80.0)
        cv2.ellipse(mask, (middle, (34, 90), turn), 1, -1)
        masks.append(mask > 0)
    return np.stack(masks)


def test_a_product_that_turns_by_itself_keeps_its_middle_or_its_foot() -> None:
    still, turning = leaning((0.0,) * 9), leaning((0, 15, 30, 40, 30, 10, -15, -30, -40))
    assert path_concordance(turning, still)[0] < 0.5, "its foot goes to and fro"
    assert path_concordance(turning, still, turning=True)[0] > 0.9
    assert path_concordance(turning[::-1], still)[0] == pytest.approx(path_concordance(turning, still)[0])
    away = leaning((0, 15, 30, 40, 30, 10, -15, -30, -40), drift_px=25)
    assert path_concordance(away, still, turning=True)[0] < 0.5, "it goes another way"


def test_only_a_moving_a_is_asked_for_its_middle(pair: SwapResult) -> None:
    lean = leaning((0, 15, 30, 40, 30, 10, -15, -30, -40))[:, : pair.source.shape[1], : pair.source.shape[2]]
    source_mask = np.zeros_like(pair.source_mask)
    source_mask[:, : lean.shape[1], : lean.shape[2]] = lean
    target_mask = np.zeros_like(source_mask)
    target_mask[:, : lean.shape[1], : lean.shape[2]] = lean[:1]
    plain, moving = (
        _numbers(pair, source_mask=source_mask, target_mask=target_mask, moving_a=moving) for moving in (False, True)
    )
    assert plain["centroid_agreement"] < 0.6 < 0.9 < moving["centroid_agreement"]
    assert {name for name in plain if plain[name] != moving[name]} == {"centroid_agreement"}
