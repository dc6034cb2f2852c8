"""Masks agree with what a latent frame stands for, whatever frame its mask is sampled from."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pvtt_data.errors import InputError
from pvtt_data.vace.latents import latent_count, latent_windows, sampled_frames, widen


def masks_of(latents: int) -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(np.bool_, (4 * latents - 3, 2, 3), elements=st.booleans(), fill=st.just(False))


some_masks = st.integers(1, 8).flatmap(masks_of)


def test_forty_nine_frames_are_the_documented_ones() -> None:
    assert latent_count(49) == 13
    assert sampled_frames(49) == [1, 5, 9, 13, 16, 20, 24, 28, 32, 35, 39, 43, 47]
    assert [(w.start, w.stop - 1) for w in latent_windows(49)][:4] == [(0, 0), (1, 4), (5, 8), (9, 12)]


@pytest.mark.parametrize("latents", [*range(1, 60), 201])
def test_sampled_frames_are_those_of_torch(latents: int) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    frames = 4 * latents - 3
    numbers = torch.arange(frames, dtype=torch.float32).reshape(1, 1, frames, 1, 1)
    picked = torch.nn.functional.interpolate(numbers, size=(latents, 1, 1), mode="nearest-exact")
    assert sampled_frames(frames) == picked.flatten().int().tolist()


@given(st.integers(1, 300))
def test_windows_hold_every_frame_once(latents: int) -> None:
    frames = 4 * latents - 3
    assert [frame for window in latent_windows(frames) for frame in window] == list(range(frames))


@given(st.integers(1, 300))
def test_a_sampled_frame_lies_in_its_window_or_begins_the_next_one(latents: int) -> None:
    windows = latent_windows(4 * latents - 3)
    for number, frame in enumerate(sampled_frames(4 * latents - 3)):
        assert frame in windows[number] or frame == windows[number + 1].start


@pytest.mark.parametrize("frames", [0, 2, 4, 48, 50])
def test_other_counts_are_refused_with_the_next_good_ones(frames: int) -> None:
    with pytest.raises(InputError, match="4n\\+1") as caught:
        latent_count(frames)
    assert caught.value.reason == "frames-not-4n+1"


@given(some_masks)
def test_each_latents_mask_covers_every_frame_of_its_window(masks: np.ndarray) -> None:
    wide = widen(masks)
    assert (wide >= masks).all()
    for window, frame in zip(latent_windows(len(masks)), sampled_frames(len(masks)), strict=True):
        for t in window:
            assert (wide[frame] >= wide[t]).all(), "pixels are cut out where the model is told to keep them"
            assert (wide[t] == wide[window.start]).all(), "the cut flickers within a latent's window"


@given(some_masks)
def test_widening_again_changes_nothing(masks: np.ndarray) -> None:
    once = widen(masks)
    assert (widen(once) == once).all()


@given(st.integers(1, 8).flatmap(lambda n: st.tuples(masks_of(n), masks_of(n))))
def test_widening_commutes_with_unions(pair: tuple[np.ndarray, np.ndarray]) -> None:
    one, other = pair
    assert (widen(one | other) == (widen(one) | widen(other))).all()


@given(some_masks)
def test_no_smaller_mask_would_do(masks: np.ndarray) -> None:
    """The least fixed point of both rules, found by adding to the mask only what a rule demands."""
    least = masks.copy()
    while True:
        before = least.copy()
        for window, frame in zip(latent_windows(len(masks)), sampled_frames(len(masks)), strict=True):
            union = least[list(window)].any(axis=0)
            least[list(window)] = union
            least[frame] |= union
        if (before == least).all():
            break
    assert (widen(masks) == least).all()


def test_masks_and_references_are_made_without_torch() -> None:
    code = "import sys, pvtt_data.vace.mask_policies, pvtt_data.vace.references; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_frame_late_in_the_clip_reaches_its_window_alone() -> None:
    masks = np.zeros((49, 1, 1), np.bool_)
    masks[30] = True
    assert np.flatnonzero(widen(masks)).tolist() == [29, 30, 31, 32]


def test_a_frame_early_in_the_clip_stays_until_sampling_catches_up() -> None:
    masks = np.zeros((49, 1, 1), np.bool_)
    masks[0] = True
    assert np.flatnonzero(widen(masks)).tolist() == list(range(17))
