"""Removing a product from a clip shows the background behind it and does not flicker."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from moving_scenes import SIZE, scene, texture

from pvtt_data.errors import InputError
from pvtt_data.inpaint import (
    fill_frame,
    fill_smoothly,
    make_plate,
    stands_still,
    surroundings,
    track_background,
)
from pvtt_data.patch_fill import membrane, patch_fill


def _holes(masks: np.ndarray) -> np.ndarray:
    return np.stack([cv2.dilate(mask.astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool) for mask in masks])


def test_background_that_other_frames_show_comes_back() -> None:
    """The product crosses the scene; at other times every part of the background is in sight."""
    made = scene(count=25, step=(7.0, 0.0), zoom=1.0, turn=0.0, with_the_ground=False)
    holes = _holes(made.masks)
    background = track_background(made.frames, holes, 12)
    assert background is not None
    plate = make_plate(made.frames, holes, background, seed=0)
    assert plate.synthesised_share() < 0.05
    for index in (0, 8, 12, 24):
        filled = fill_frame(made.frames[index], holes[index], plate, index)
        error = np.abs(filled.astype(int) - made.backgrounds[index])[holes[index]]
        before = np.abs(made.frames[index].astype(int) - made.backgrounds[index])[made.masks[index]]
        assert error.mean() < 8.0 < 0.2 * before.mean()


def test_a_frame_changes_only_near_its_hole() -> None:
    made = scene()
    holes = _holes(made.masks)
    background = track_background(made.frames, holes, 5)
    assert background is not None
    plate = make_plate(made.frames, holes, background, seed=0)
    far = ~cv2.dilate(holes[2].astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)
    for filled in (fill_frame(made.frames[2], holes[2], plate, 2), fill_smoothly(made.frames[2], holes[2])):
        assert np.array_equal(filled[far], made.frames[2][far])
        assert not np.array_equal(filled[holes[2]], made.frames[2][holes[2]])


def test_made_up_background_moves_with_the_scene_and_does_not_flicker() -> None:
    made = scene(count=13, zoom=1.01, turn=0.0)
    holes = _holes(made.masks)
    background = track_background(made.frames, holes, 6)
    assert background is not None
    plate = make_plate(made.frames, holes, background, seed=0)
    assert plate.synthesised_share() > 0.5
    height, width = SIZE
    filled = [fill_frame(made.frames[i], holes[i], plate, i) for i in range(13)]
    for index in (0, 5, 11):
        move = made.background_moves[index + 1] @ np.linalg.inv(made.background_moves[index])
        expected = cv2.warpPerspective(filled[index], move, (width, height))
        inside = cv2.erode((holes[index + 1] & holes[index]).astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
        assert np.abs(expected.astype(int) - filled[index + 1])[inside].mean() < 6.0


def test_a_background_without_texture_cannot_be_tracked_but_is_filled() -> None:
    frames = np.full((6, *SIZE, 3), (180, 170, 160), np.uint8)
    holes = np.zeros((6, *SIZE), np.bool_)
    holes[:, 50:110, 90:150] = True
    frames[holes] = (20, 40, 200)
    assert track_background(frames, holes, 3) is None
    filled = fill_smoothly(frames[0], holes[0])
    assert np.abs(filled.astype(int) - [180, 170, 160]).max() <= 3


def test_too_much_background_is_refused() -> None:
    made = scene(count=6)
    holes = _holes(made.masks)
    background = track_background(made.frames, holes, 3)
    assert background is not None
    background.transforms[0, 0, 2] += 8 * SIZE[1]
    background.transforms[1, 1, 2] += 8 * SIZE[0]
    with pytest.raises(InputError) as caught:
        make_plate(made.frames, holes, background, seed=0)
    assert caught.value.reason == "background-too-wide"


def test_surroundings_leave_out_the_region() -> None:
    made = scene(count=5)
    around = surroundings(made.masks)
    assert not (around & made.masks).any()
    assert around.any(axis=(1, 2)).all()


def test_patches_continue_stripes_where_a_membrane_blurs_them() -> None:
    stripes = np.where(np.arange(96)[None, :] // 4 % 2 == 0, 40, 210).astype(np.uint8)
    picture = np.repeat(np.repeat(stripes, 80, axis=0)[:, :, None], 3, axis=2)
    hole = np.zeros((80, 96), np.bool_)
    hole[24:56, 34:62] = True
    broken = picture.copy()
    broken[hole] = 0
    filled = patch_fill(broken, hole, ~hole, seed=4)
    assert np.abs(filled.astype(int) - picture)[hole].mean() < 12.0
    smooth = membrane(broken.astype(np.float32), ~hole)
    assert np.abs(smooth - picture)[hole].mean() > 40.0


def test_patch_fill_keeps_known_pixels_and_repeats_itself() -> None:
    picture = texture(70, 90, 3, (120, 140, 90))
    hole = np.zeros((70, 90), np.bool_)
    hole[20:50, 30:64] = True
    first = patch_fill(picture, hole, ~hole, seed=1)
    assert np.array_equal(first, patch_fill(picture, hole, ~hole, seed=1))
    assert np.array_equal(first[~hole], picture[~hole])
    assert first[hole].std() > 0.5 * picture[~hole].std()


def test_a_membrane_continues_a_ramp() -> None:
    ramp = np.tile(np.linspace(0, 200, 64, dtype=np.float32), (40, 1))
    known = np.ones((40, 64), np.bool_)
    known[10:30, 20:44] = False
    filled = membrane(np.where(known, ramp, 999).astype(np.float32), known)
    assert np.array_equal(filled[known], ramp[known])
    assert np.abs(filled - ramp).max() < 30.0


def test_nothing_known_gives_nothing() -> None:
    picture = texture(20, 20, 1, (100, 100, 100))
    everything = np.ones((20, 20), np.bool_)
    assert not patch_fill(picture, everything, everything, seed=0).any()


def test_a_still_camera_is_told_from_a_slow_one() -> None:
    height, width = SIZE
    still = scene(count=9, step=(0.0, 0.0), zoom=1.0, turn=0.0)
    holes = _holes(still.masks)
    assert stands_still(still.frames, holes, 4)
    passing = still.frames.copy()
    for index in range(9):  # something that goes through the scene
        passing[index, 20:50, 20 * index : 20 * index + 30] = (250, 10, 10)
    assert stands_still(passing, holes, 4)
    slow = scene(count=9, step=(0.6, 0.0), zoom=1.0, turn=0.0)
    assert not stands_still(slow.frames, _holes(slow.masks), 4)
    plain = np.full((9, height, width, 3), 120, np.uint8)
    assert not stands_still(plain, holes, 4), "nothing to tell it by"


def test_a_network_fills_the_plate_and_only_what_no_frame_shows() -> None:
    class Blue:
        name = "blue"

        def fill_plate(self, picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
            return np.full_like(picture, (10, 20, 250))

    made = scene(count=25, step=(7.0, 0.0), zoom=1.0, turn=0.0, with_the_ground=False)
    holes = _holes(made.masks)
    background = track_background(made.frames, holes, 12)
    assert background is not None
    plain, blue = (make_plate(made.frames, holes, background, 0, filler) for filler in (None, Blue()))
    assert np.array_equal(plain.seen, blue.seen)
    open_ = blue.needed & ~blue.seen
    assert (blue.picture[open_] == (10, 20, 250)).all()
    assert np.array_equal(blue.picture[blue.seen & blue.needed], plain.picture[blue.seen & blue.needed])
