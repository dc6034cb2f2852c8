"""Masks for training and evaluation: they hold A, do not flicker, and evaluation knows nothing of B."""

from __future__ import annotations

import inspect
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydantic import ValidationError

from pvtt_data.errors import InputError
from pvtt_data.vace.mask_policies import (
    DEPLOYABLE,
    Deployable,
    MaskSettings,
    PolicyWeights,
    binary,
    contained_share,
    deployable,
    evaluation_mask,
    oracle,
    policy_order,
    steady,
    training_mask,
)

policies = st.sampled_from(DEPLOYABLE)
seeds = st.integers(0, 2**63)
masks_strategy = hnp.arrays(
    np.bool_,
    st.tuples(st.integers(1, 14), st.integers(1, 40), st.integers(1, 40)),
    elements=st.booleans(),
    fill=st.just(False),
)


def disc(frames: int = 17, *, x: float = 40, y: float = 30, radius: float = 12, speed: float = 0.0) -> np.ndarray:
    """A disc that moves to the right, ``(frames, 64, 112)`` bool."""
    t, rows, columns = np.mgrid[0:frames, 0:64, 0:112]
    return (columns - x - speed * t) ** 2 + (rows - y) ** 2 <= radius**2


def runs(masks: np.ndarray) -> list[int]:
    """Lengths of all stretches of equal values over time, but the first and last of each pixel."""
    lengths = []
    for series in masks.reshape(len(masks), -1).T:
        changes = np.flatnonzero(series[1:] != series[:-1])
        lengths += np.diff(changes).tolist()
    return lengths


@settings(max_examples=60, deadline=None)
@given(masks_strategy, policies, seeds, st.floats(0, 1))
def test_every_policy_holds_a(mask_a: np.ndarray, policy: Deployable, seed: int, growth: float) -> None:
    for mask in (deployable(policy, mask_a, seed, growth=growth), evaluation_mask(policy, mask_a)):
        assert mask.dtype == np.bool_
        assert mask.shape == mask_a.shape
        assert (mask >= mask_a).all()


@settings(max_examples=40, deadline=None)
@given(masks_strategy, masks_strategy, seeds)
def test_the_oracle_holds_both(mask_a: np.ndarray, mask_b: np.ndarray, seed: int) -> None:
    shape = tuple(map(min, mask_a.shape, mask_b.shape))
    a, b = (mask[: shape[0], : shape[1], : shape[2]] for mask in (mask_a, mask_b))
    assert (oracle(a, b, seed) >= (a | b)).all()


@pytest.mark.parametrize("policy", DEPLOYABLE)
def test_an_empty_mask_stays_empty(policy: Deployable) -> None:
    nothing = np.zeros((9, 64, 64), np.bool_)
    assert not deployable(policy, nothing, 3, growth=0.5).any()
    assert not evaluation_mask(policy, nothing).any()


@pytest.mark.parametrize("policy", DEPLOYABLE)
def test_frames_long_before_a_comes_have_no_mask(policy: Deployable) -> None:
    mask_a = disc(33)
    mask_a[:20] = False
    mask = evaluation_mask(policy, mask_a)
    assert not mask[:16].any()
    assert mask[20:].any(axis=(1, 2)).all()


@pytest.mark.parametrize("policy", DEPLOYABLE)
def test_growth_only_adds(policy: Deployable) -> None:
    mask_a = disc(speed=2)
    small, large = deployable(policy, mask_a, 5), deployable(policy, mask_a, 5, growth=0.4)
    assert (large >= small).all()
    assert large.sum() > small.sum()


@settings(max_examples=100, deadline=None)
@given(hnp.arrays(np.bool_, st.tuples(st.integers(1, 30), st.just(1), st.just(2))), st.integers(0, 3))
def test_steady_masks_do_not_flicker(masks: np.ndarray, frames: int) -> None:
    result = steady(masks, frames)
    assert (result >= masks).all()
    assert all(length >= 2 * frames + 1 for length in runs(result))


@pytest.mark.parametrize("policy", DEPLOYABLE)
def test_a_dropped_frame_of_the_mask_leaves_no_trace(policy: Deployable) -> None:
    whole, holed = disc(33), disc(33)
    holed[16] = False
    assert (evaluation_mask(policy, holed) == evaluation_mask(policy, whole)).all()


@pytest.mark.parametrize("policy", DEPLOYABLE)
def test_what_flashes_up_in_one_frame_stays_a_while(policy: Deployable) -> None:
    mask_a = disc(33)
    mask_a[16, 50:60, 90:100] = True
    flash = evaluation_mask(policy, mask_a)[:, 55, 95]
    assert flash[14:19].all()
    assert not flash[:8].any()


def test_a_box_moves_smoothly() -> None:
    rng = np.random.default_rng(0)
    t, rows, columns = np.mgrid[0:49, 0:96, 0:160]
    shake = rng.integers(-6, 7, 49)[t]
    mask_a = (abs(columns - 40 - t - shake) < 15) & (abs(rows - 48) < 20)
    left = evaluation_mask("bbox", mask_a).any(axis=1).argmax(axis=1)
    raw = mask_a.any(axis=1).argmax(axis=1)
    assert np.abs(np.diff(raw)).max() >= 8
    assert np.abs(np.diff(left)).max() <= 3


def test_boxes_are_boxes_and_blocks_are_blocks() -> None:
    mask_a = disc(speed=1.5)
    for policy in ("bbox", "bbox_margin"):
        for frame in evaluation_mask(policy, mask_a):
            rows, columns = np.flatnonzero(frame.any(axis=1)), np.flatnonzero(frame.any(axis=0))
            assert frame[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    blocks = evaluation_mask("blocks", mask_a)
    cells = blocks[:, :64, :96].reshape(17, 2, 32, 3, 32)
    assert (cells.all(axis=(2, 4)) == cells.any(axis=(2, 4))).all()


def test_the_hull_is_the_smallest_convex_one() -> None:
    ell = np.zeros((9, 64, 64), np.bool_)
    ell[:, 10:50, 10:20] = True
    ell[:, 40:50, 10:50] = True
    hull = evaluation_mask("hull", ell)
    assert hull[0, 35, 25]
    assert not hull[0, 15, 45]
    assert (evaluation_mask("hull", hull) == hull).all()


@given(policies, seeds)
@settings(max_examples=20, deadline=None)
def test_equal_seeds_give_equal_masks(policy: Deployable, seed: int) -> None:
    mask_a = disc()
    assert (deployable(policy, mask_a, seed) == deployable(policy, mask_a, seed)).all()


def test_margins_are_drawn_once_a_clip_and_differ_between_clips() -> None:
    mask_a, plain = disc(), MaskSettings(whole_clip_share=0)
    clips = [deployable("bbox_margin", mask_a, seed, plain) for seed in range(6)]
    assert all((clip == clip[:1]).all() for clip in clips)
    assert len({clip.tobytes() for clip in clips}) == 6


def test_evaluation_knows_nothing_of_b() -> None:
    """By signature: there is no argument through which B could come."""
    assert list(inspect.signature(evaluation_mask).parameters) == ["policy", "mask_a", "settings"]


def test_evaluation_refuses_the_oracle() -> None:
    with pytest.raises(InputError, match="works without B"):
        evaluation_mask("oracle", disc())  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(seeds, st.floats(5, 20), st.floats(-15, 15))
def test_a_training_mask_holds_a_and_b(seed: int, radius: float, shift: float) -> None:
    mask_a, mask_b = disc(), disc(x=40 + shift, radius=radius)
    made = training_mask(mask_a, mask_b, policy_order(PolicyWeights(), seed), seed)
    assert (made.mask >= mask_a).all()
    assert contained_share(mask_b, made.mask) >= MaskSettings().contained


def test_b_decides_only_which_step_is_enough() -> None:
    """Two products that the same step holds get the same mask, to the bit."""
    mask_a, order = disc(), ("bbox_margin",)
    small, smaller = disc(radius=8), disc(x=44, radius=6)
    one, other = training_mask(mask_a, small, order, 7), training_mask(mask_a, smaller, order, 7)
    assert one.growth == other.growth == 0
    assert (one.mask == other.mask).all()
    assert (one.mask == deployable("bbox_margin", mask_a, 7)).all()


def test_a_mask_grows_by_steps_until_it_holds_b() -> None:
    mask_a = disc()
    made = training_mask(mask_a, disc(radius=17), ("bbox",), 7)
    assert made.policy == made.drawn == "bbox"
    assert made.growth > 0


def test_where_no_mask_of_a_holds_b_the_oracle_does_and_says_so() -> None:
    far = disc(x=100, radius=8)
    made = training_mask(disc(x=20, radius=8), far, ("hull", "oracle", "bbox"), 7)
    assert (made.policy, made.drawn) == ("oracle", "hull")
    assert (made.mask >= far).all()


def test_policies_are_drawn_by_weight() -> None:
    counts = Counter(policy_order(PolicyWeights(), seed)[0] for seed in range(2000))
    assert abs(counts["oracle"] / 2000 - 0.1) < 0.025
    assert abs(counts["bbox_margin"] / 2000 - 0.25) < 0.035
    only = PolicyWeights(bbox=1, bbox_margin=0, hull=0, grown=0, blocks=0, oracle=0)
    assert policy_order(only, 3) == ("bbox",)


def test_more_than_a_fifth_of_oracle_is_refused() -> None:
    PolicyWeights(bbox=0.8, bbox_margin=0, hull=0, grown=0, blocks=0, oracle=0.2)
    with pytest.raises(ValidationError, match="80 %"):
        PolicyWeights(oracle=0.3)


def test_binary_is_true_above_one_half() -> None:
    assert binary(np.asarray([0, 127, 128, 255], np.uint8)).tolist() == [False, False, True, True]
    assert binary(np.asarray([0.0, 0.5, 0.51, 1.0], np.float32)).tolist() == [False, False, True, True]
    assert binary(np.asarray([True, False])).tolist() == [True, False]
    with pytest.raises(InputError, match="bool, uint8 or float"):
        binary(np.asarray([1], np.int64))  # type: ignore[arg-type]
