"""The composite engine swaps the product and nothing else."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from moving_scenes import SIZE, cutout, scene, texture

from pvtt_data.engines.base import SwapResult
from pvtt_data.engines.composite import CompositeConfig, CompositeEngine, CompositeRequest
from pvtt_data.engines.cutout import prepare_cutout
from pvtt_data.errors import InputError
from pvtt_data.triple_quality import triple_quality

BLUE = (60, 90, 200)


def _swap(**changes: object) -> SwapResult:
    made = scene()
    options: dict[str, object] = {"product": cutout("bottle"), "seed": 3}
    options.update(changes)
    return CompositeEngine().make(CompositeRequest(frames=made.frames, masks=made.masks, **options))  # type: ignore[arg-type]


def _assert_sound(result: SwapResult) -> None:
    assert np.array_equal(result.source[~result.effect_mask], result.target[~result.effect_mask])
    assert not ((result.source_mask | result.target_mask) & ~result.effect_mask).any()
    assert result.source.dtype == np.uint8
    assert all(np.isfinite(value) for value in result.numbers.values())
    assert list(result.flags) == sorted(set(result.flags))


@pytest.mark.parametrize("placement", ["cover", "free"])
def test_source_shows_a_and_equals_the_target_elsewhere(placement: str) -> None:
    made = scene()
    result = _swap(placement=placement)
    _assert_sound(result)
    assert np.array_equal(result.target, made.frames)
    assert np.array_equal(result.target_mask, made.masks)
    assert result.effect_mask.mean() < 0.4
    shown = np.median(result.source[result.source_mask], axis=0)
    assert shown[2] > shown[0] + 60, "A is blue"
    green = np.median(made.frames[made.masks], axis=0)
    left = result.target_mask & ~result.source_mask
    assert np.abs(np.median(result.source[left], axis=0) - green).max() > 30, "B is gone where A is not"


def test_a_covers_or_leaves_b_as_asked() -> None:
    covering, free = _swap(placement="cover", product=cutout("round")), _swap(placement="free")
    assert covering.numbers["outside_share"] <= 0.02
    assert free.numbers["outside_share"] >= 0.06
    assert (free.target_mask & ~free.source_mask).any(axis=(1, 2)).all()


def test_a_share_of_the_pairs_is_free() -> None:
    drawn = [_swap(seed=seed, product=cutout("round")).numbers["placement_free"] for seed in range(5)]
    assert 0.0 < np.mean(drawn) < 1.0


def test_a_stands_where_b_stood_and_moves_with_it() -> None:
    result = _swap()
    for own, other in zip(result.source_mask, result.target_mask, strict=True):
        assert abs(np.flatnonzero(own.any(axis=1))[-1] - np.flatnonzero(other.any(axis=1))[-1]) <= 4
    made = scene()
    numbers = triple_quality(
        result.source, result.source_mask, made.frames, made.masks, result.effect_mask, [made.frames[0]]
    )
    assert numbers["background_psnr_db"] == 100.0
    assert numbers["centroid_agreement"] > 0.9
    assert numbers["scale_agreement"] > 0.9
    assert numbers["residue"] < 0.2


def test_the_same_seed_gives_the_same_bytes_and_another_does_not() -> None:
    first, second, other = _swap(seed=5), _swap(seed=5), _swap(seed=6)
    assert first.source.tobytes() == second.source.tobytes()
    assert first.numbers == second.numbers
    assert first.source.tobytes() != other.source.tobytes()


def test_a_noop_keeps_b_and_is_flagged() -> None:
    result = _swap(product=None, kind="noop")
    _assert_sound(result)
    assert result.flags == ("noop",)
    assert np.array_equal(result.source_mask, result.target_mask)
    difference = np.abs(result.source.astype(int) - result.target)[result.target_mask]
    assert 0 < difference.mean() < 12


def test_a_distractor_is_in_both_and_outside_the_swap() -> None:
    made = scene(with_the_ground=True, zoom=1.0, turn=0.0, step=(1.0, 0.0))
    red = cutout("round", tint=(230, 20, 20), size=80)
    request = CompositeRequest(made.frames, made.masks, cutout("bottle"), seed=1, placement="cover", distractor=red)
    result = CompositeEngine().make(request)
    _assert_sound(result)
    assert "distractor" in result.flags
    changed = (result.target != made.frames).any(axis=3)
    pasted = changed & (result.target[..., 0] > 170) & (result.target[..., 1] < 90)
    assert pasted.any(axis=(1, 2)).all()
    assert not (changed & made.masks).any()
    assert np.array_equal(result.source[pasted & ~result.effect_mask], result.target[pasted & ~result.effect_mask])
    assert (pasted & ~result.effect_mask).sum() > 0.9 * pasted.sum()


def test_what_is_in_front_stays_in_front() -> None:
    made = scene()
    hand = np.zeros_like(made.masks)
    hand[:, 70:84, 60:150] = True
    result = _swap(occluders=hand)
    core = np.stack([cv2.erode(mask.astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool) for mask in hand])
    assert np.array_equal(result.source[core], result.target[core])
    assert not (result.source_mask & core).any()


def test_the_request_is_not_written_to() -> None:
    made = scene()
    frames, masks = made.frames.copy(), made.masks.copy()
    CompositeEngine().make(CompositeRequest(made.frames, made.masks, cutout("bottle"), seed=0))
    assert np.array_equal(frames, made.frames)
    assert np.array_equal(masks, made.masks)


def _reason(frames: np.ndarray, masks: np.ndarray, product: np.ndarray | None = None) -> str:
    product = cutout("round") if product is None else product
    with pytest.raises(InputError) as caught:
        CompositeEngine().make(CompositeRequest(frames, masks, product, seed=0))
    assert caught.value.message
    return caught.value.reason


def test_the_gate_names_what_is_wrong() -> None:
    made = scene()
    cut = made.frames.copy()
    cut[6:] = texture(*SIZE, 50, (60, 30, 200))
    assert _reason(cut, made.masks) == "cut-inside"
    assert _reason(np.full_like(made.frames, 7), made.masks) == "blank-frames"
    assert _reason(made.frames[:4], made.masks[:4]) == "too-few-frames"
    missing = made.masks.copy()
    missing[2] = False
    assert _reason(made.frames, missing) == "mask-missing"
    tiny = np.zeros_like(made.masks)
    tiny[:, 80:86, 100:106] = True
    assert _reason(made.frames, tiny) == "mask-too-small"
    assert _reason(made.frames, np.ones_like(made.masks)) == "mask-too-large"


def test_bad_cutouts_are_named() -> None:
    made = scene()
    empty = np.zeros((90, 90, 4), np.uint8)
    assert _reason(made.frames, made.masks, empty) == "cutout-empty"
    assert _reason(made.frames, made.masks, np.full((90, 90, 4), 255, np.uint8)) == "cutout-has-background"
    assert _reason(made.frames, made.masks, cutout("round", size=30)) == "cutout-too-small"


def test_an_untrackable_product_is_refused() -> None:
    made = scene()
    frames, masks = made.frames.copy(), made.masks.copy()
    rng = np.random.default_rng(0)
    for index, mask in enumerate(masks):
        frames[index][mask] = rng.integers(0, 255, (int(mask.sum()), 3))
        masks[index] = np.roll(mask, int(rng.integers(-20, 20)), axis=1)
    assert _reason(frames, masks).startswith("untrackable-")


def test_wrong_arrays_are_a_mistake_of_the_caller() -> None:
    made = scene()
    with pytest.raises(ValueError, match="bool"):
        CompositeEngine().make(CompositeRequest(made.frames, made.masks.astype(np.uint8), cutout("round"), seed=0))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="belong"):
        CompositeEngine().make(CompositeRequest(made.frames, made.masks[:-1], cutout("round"), seed=0))


def test_halo_colours_of_a_cutout_are_replaced() -> None:
    rgba = cutout("round", tint=(200, 40, 40))
    edge = (rgba[:, :, 3] > 0) & (rgba[:, :, 3] < 240)
    rgba[edge, :3] = (0, 255, 0)
    rgba[rgba[:, :, 3] == 0, :3] = (0, 255, 0)
    made = prepare_cutout(rgba)
    seen = made.colour[made.alpha > 0.05].astype(int)
    assert (seen[:, 1] > seen[:, 0]).mean() < 0.01


def test_large_cutouts_are_shrunk_without_aliasing() -> None:
    board = np.indices((400, 280)).sum(axis=0) % 2 * 255
    rgba = np.dstack([board] * 3 + [np.full_like(board, 255)]).astype(np.uint8)
    rgba[:20, :, 3] = 0
    made = scene()
    config = CompositeConfig(colour_strength=0.0)
    result = CompositeEngine(config).make(CompositeRequest(made.frames, made.masks, rgba, seed=0))
    inner = np.stack(
        [cv2.erode(m.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool) for m in result.source_mask]
    )
    assert result.source[inner].std() < 12, "a fine chequerboard becomes grey, not moire"
