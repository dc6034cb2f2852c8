"""Looks: what pairing compares instead of pixels."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest

from pvtt_data import looks
from pvtt_data.embedders.base import unit_length
from pvtt_data.embedders.colour_shape import ColourShape
from pvtt_data.looks import embeddings, likeness, overlaps, packed_embedding, standing, view_distance, views_of
from pvtt_data.records import Look, View, from_plain, to_plain


def view_of_cutout(rgba: np.ndarray) -> View:
    return looks.view_of_cutout(rgba, ColourShape())


def drawn(colour: tuple[int, int, int], half: tuple[int, int] = (30, 60), mark: int = 0) -> np.ndarray:
    """A cut-out of a box with a dark mark on it."""
    rgba = np.zeros((200, 200, 4), np.uint8)
    low, high = (100 - half[0], 180 - 2 * half[1]), (100 + half[0], 180)
    cv2.rectangle(rgba, low, high, (*colour, 255), -1)
    cv2.circle(rgba, (100, 180 - half[1] + mark), 14, (10, 10, 10, 255), -1)
    return rgba


RED, BLUE = (200, 40, 30), (30, 60, 200)


def test_equal_products_are_alike_and_others_are_not() -> None:
    red, darker, blue = (embeddings([view_of_cutout(drawn(c))]) for c in (RED, (185, 36, 28), BLUE))
    assert np.linalg.norm(red) == pytest.approx(1, abs=1e-3)
    assert likeness(red, red) == pytest.approx(1, abs=1e-3)
    assert likeness(red, darker) > 0.9 > 0.8 > likeness(red, blue)
    assert likeness(red, np.concatenate([blue, red])) == pytest.approx(1, abs=1e-3)
    assert likeness(red, np.zeros((0, red.shape[1]), np.float32)) == 0


def test_stored_vectors_have_the_cosines_of_the_vectors() -> None:
    vectors = unit_length(np.random.default_rng(3).normal(size=(30, 2842)) ** 3)
    stored = embeddings(
        [dataclasses.replace(view_of_cutout(drawn(RED)), embedding=packed_embedding(v)) for v in vectors]
    )
    assert np.abs(stored @ stored.T - vectors @ vectors.T).max() < 0.01


def test_frames_and_cutouts_of_one_thing_look_the_same() -> None:
    rgba = drawn(RED)
    (seen,) = views_of([rgba[..., :3]], [rgba[..., 3] > 0], ColourShape())
    shown = view_of_cutout(rgba)
    assert likeness(embeddings([seen]), embeddings([shown])) > 0.99
    assert view_distance(seen, shown) < 1e-3


def test_a_view_is_near_itself_at_any_size_and_far_from_other_outlines_and_marks() -> None:
    here = view_of_cutout(drawn(RED))
    large = view_of_cutout(cv2.resize(drawn(RED), (400, 400), interpolation=cv2.INTER_NEAREST))
    assert view_distance(here, here) == pytest.approx(0, abs=1e-3)
    assert view_distance(here, large) < 0.05
    assert view_distance(here, view_of_cutout(drawn(RED, half=(55, 60)))) > 0.3
    assert view_distance(here, view_of_cutout(drawn(RED, mark=30))) > 0.3
    assert view_distance(here, large) == view_distance(large, here)


def test_outlines_stand_on_one_ground_at_one_extent() -> None:
    wide, high = (standing(view_of_cutout(drawn(RED, half))) for half in ((60, 15), (15, 60)))
    assert wide[-1].any() and high[-1].any()
    assert int(wide.sum()) == pytest.approx(int(high.sum()), rel=0.15)
    bare, alike = overlaps(np.stack([wide, high]), high)
    assert bare[1] == 0 and alike[1] == 1
    assert bare[0] > 0.4 and alike[0] < 0.5


def test_a_product_at_the_side_of_its_picture_is_known_to_be_cut() -> None:
    rgba = drawn(RED)
    assert view_of_cutout(rgba).cut_sides == 0
    assert view_of_cutout(rgba[:170, 80:]).cut_sides == 2


def test_nothing_has_no_look() -> None:
    with pytest.raises(ValueError, match="needs a product"):
        views_of([np.zeros((10, 10, 3), np.uint8)], [np.zeros((10, 10), np.bool_)], ColourShape())
    with pytest.raises(ValueError, match="needs a product"):
        view_of_cutout(np.zeros((10, 10, 4), np.uint8))


def test_looks_survive_being_stored() -> None:
    look = Look("0" * 16, (view_of_cutout(drawn(RED)),))
    assert from_plain(Look, to_plain(look)) == look
