"""Holes are filled with whole pieces: grain stays grain, edges go on, seams do not show."""

from __future__ import annotations

import cv2
import numpy as np
from moving_scenes import texture

from pvtt_data.clone_fill import clone_fill


def _hole(height: int, width: int, top: int, left: int, size: tuple[int, int]) -> np.ndarray:
    hole = np.zeros((height, width), np.bool_)
    hole[top : top + size[0], left : left + size[1]] = True
    return hole


def _detail(picture: np.ndarray, where: np.ndarray) -> float:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float((grey - cv2.GaussianBlur(grey, (0, 0), 3.0))[where].std())


def test_grain_is_as_strong_as_around() -> None:
    picture = texture(220, 320, 3, (150, 110, 80), 40.0)
    hole = _hole(220, 320, 70, 120, (80, 70))
    spoilt = picture.copy()
    spoilt[hole] = (0, 255, 0)
    filled = clone_fill(spoilt, hole, np.ones_like(hole), seed=0)
    inner = cv2.erode(hole.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
    assert 0.8 < _detail(filled, inner) / _detail(picture, ~hole) < 1.2
    assert np.abs(filled[hole].mean(axis=0) - picture[~hole].mean(axis=0)).max() < 15
    far = ~cv2.dilate(hole.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
    assert np.array_equal(filled[far], spoilt[far])


def test_the_edge_of_a_table_goes_on_behind_a_bottle() -> None:
    picture = np.full((240, 400, 3), (120, 125, 130), np.uint8)
    picture[150:] = (220, 210, 200)
    hole = _hole(240, 400, 50, 180, (150, 50))
    spoilt = picture.copy()
    spoilt[hole] = (0, 0, 255)
    filled = clone_fill(spoilt, hole, np.ones_like(hole), seed=0)
    assert np.abs(filled.astype(int) - picture)[hole].mean() < 3


def test_light_that_changes_across_the_scene_leaves_no_seam() -> None:
    slope = np.linspace(-50, 50, 360, dtype=np.float32)[None, :, None]
    picture = np.clip(texture(200, 360, 5, (130, 120, 110), 20.0) + slope, 0, 255).astype(np.uint8)
    hole = _hole(200, 360, 70, 150, (60, 60))
    filled = clone_fill(picture, hole, np.ones_like(hole), seed=0)
    for columns in (slice(150, 165), slice(195, 210)):
        expected = picture[70:130, columns].mean()
        assert abs(filled[70:130, columns].mean() - expected) < 12


def test_the_same_gives_the_same_and_unusable_pixels_are_not_copied() -> None:
    picture = texture(160, 240, 8, (100, 140, 90), 30.0)
    picture[:, :60] = (255, 0, 0)
    hole = _hole(160, 240, 60, 120, (40, 40))
    usable = np.ones_like(hole)
    usable[:, :62] = False
    first = clone_fill(picture, hole, usable, seed=1)
    assert np.array_equal(first, clone_fill(picture, hole, usable, seed=1))
    assert first[hole][:, 0].max() < 230


def test_a_hole_as_large_as_the_picture_is_filled_somehow() -> None:
    picture = np.full((60, 60, 3), 90, np.uint8)
    hole = np.ones((60, 60), np.bool_)
    hole[:2] = False
    assert clone_fill(picture, hole, ~hole, seed=0).shape == picture.shape
    nothing = clone_fill(picture, np.zeros_like(hole), ~hole, seed=0)
    assert np.array_equal(nothing, picture)
