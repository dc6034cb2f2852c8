"""A product cut out of a clip keeps turning where it is pasted, and nothing of its own camera comes along."""

from __future__ import annotations

import numpy as np
import pytest
from moving_scenes import scene

from pvtt_data.engines.composite import CompositeEngine, CompositeRequest
from pvtt_data.engines.moving import retimed, steady_cutout
from pvtt_data.errors import InputError


def _numbered(count: int) -> np.ndarray:
    """``(count, 60, 50, 4) uint8``: a box whose red says which frame it is."""
    frames = np.zeros((count, 60, 50, 4), np.uint8)
    frames[:, 3:57, 3:47, 3] = 255
    frames[..., 0] = 10 * np.arange(count)[:, None, None]
    return frames


def test_the_cameras_motion_is_taken_off() -> None:
    made = scene(count=9, step=(3.0, -2.0), zoom=1.02, turn=0.0)
    cut = steady_cutout(made.frames, made.masks)
    solid = cut[..., 3] > 127
    centres = np.array([[np.mean(axis) for axis in np.nonzero(mask)] for mask in solid])
    assert np.ptp(centres, axis=0).max() < 2.0, "it stays where it is"
    assert solid.sum(axis=(1, 2)).std() < 0.03 * solid[4].sum(), "and as large as it is"
    assert not solid[:, 0].any()
    assert not solid[:, :, 0].any()
    inner = np.logical_and.reduce(solid)
    change = np.abs(cut[0, ..., :3].astype(int) - cut[-1, ..., :3])[inner]
    assert change.mean() < 12


def test_a_product_cut_by_its_own_frame_is_refused() -> None:
    made = scene(count=9)
    masks = made.masks.copy()
    masks[3, :, 0] = True
    with pytest.raises(InputError) as caught:
        steady_cutout(made.frames, masks)
    assert caught.value.reason == "cutout-cropped"


def test_retiming_neither_jumps_nor_freezes() -> None:
    for seed in range(5):
        shown = retimed(_numbered(8), 30, np.random.default_rng(seed))[:, 30, 25, 0].astype(int) // 10
        assert len(shown) == 30
        assert np.abs(np.diff(shown)).max() <= 2
        assert len(set(shown)) == 8
    assert len(retimed(_numbered(1), 5, np.random.default_rng(0))) == 5


def test_a_moving_cutout_changes_while_it_is_pasted() -> None:
    made = scene()
    result = CompositeEngine().make(CompositeRequest(made.frames, made.masks, _numbered(6), seed=2))
    assert result.numbers["cutout_frames"] == len(made.frames)
    reds = [np.median(frame[mask][:, 0]) for frame, mask in zip(result.source, result.source_mask, strict=True)]
    assert np.ptp(reds) > 15
    again = CompositeEngine().make(CompositeRequest(made.frames, made.masks, _numbered(6), seed=2))
    assert np.array_equal(result.source, again.source)


def test_a_still_cutout_says_so() -> None:
    made = scene()
    result = CompositeEngine().make(CompositeRequest(made.frames, made.masks, _numbered(1)[0], seed=2))
    assert result.numbers["cutout_frames"] == 1


def test_the_exposure_of_its_own_clip_is_taken_off() -> None:
    made = scene(count=11, zoom=1.0, turn=0.0)
    levels = np.linspace(0.7, 1.1, 11)
    frames = np.clip(np.rint(made.frames * levels[:, None, None, None] ** (1 / 2.2)), 0, 255).astype(np.uint8)
    cut = steady_cutout(frames, made.masks)
    inner = np.logical_and.reduce(cut[..., 3] > 200)
    brightness = np.array([frame[inner].mean() for frame in cut[..., :3]])
    assert np.ptp(brightness[2:-2]) < 0.04 * brightness.mean()
