"""Leather: pictures that repeat without a seam, normals of length one, grains that differ."""

from __future__ import annotations

import numpy as np
import pytest

from pvtt_data.render.material import Material, Texture
from pvtt_data.render.products.leather import GRAINS, Grain, in_tiles, leather
from pvtt_data.render.products.plates import soft_box


def _pictures(material: Material) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    assert isinstance(material.colour, Texture) and isinstance(material.roughness, Texture)
    assert material.normal_map is not None
    assert material.colour.srgb and not material.roughness.srgb and not material.normal_map.srgb
    return material.colour.pixels, material.roughness.pixels, material.normal_map.pixels


@pytest.mark.parametrize("grain", GRAINS)
def test_the_grain_tiles(grain: Grain) -> None:
    for picture in _pictures(leather(grain, "#8a4b25")):
        values = picture.astype(float)
        for turned in (values, values.swapaxes(0, 1)):
            steps = np.abs(np.diff(turned, axis=0)).mean(axis=(1, 2))
            across = np.abs(turned[0] - turned[-1]).mean()
            assert across < 1.25 * steps.max() + 1, "a step larger than any within"


@pytest.mark.parametrize("grain", GRAINS)
def test_normals_point_out_of_the_surface(grain: Grain) -> None:
    normals = _pictures(leather(grain, "#333333"))[2] / 127.5 - 1
    assert np.allclose(np.linalg.norm(normals, axis=-1), 1, atol=0.02)
    assert normals[..., 2].min() > 0.1
    assert np.abs(normals[..., :2].mean(axis=(0, 1))).max() < 0.05
    assert normals[..., 0].std() > 0.02


def test_leather_has_the_colour_that_was_asked_for() -> None:
    mean = _pictures(leather("smooth", "#8a4b25"))[0].mean(axis=(0, 1))
    assert np.abs(mean - [0x8A, 0x4B, 0x25]).max() < 25


def test_grains_differ_and_are_always_the_same() -> None:
    reliefs = [_pictures(leather(grain, "#555555"))[2] for grain in GRAINS]
    for row, one in enumerate(reliefs):
        for other in reliefs[row + 1 :]:
            assert np.abs(one.astype(int) - other).mean() > 2
    again = _pictures(leather("pebbled", "#555555"))[2]
    assert np.array_equal(again, reliefs[GRAINS.index("pebbled")])


def test_gloss_makes_leather_smoother() -> None:
    dull, shiny = (_pictures(leather("smooth", "#555555", gloss))[1].mean() for gloss in (0.0, 1.0))
    assert shiny < dull - 20


def test_uv_in_tiles_depends_on_the_size_in_millimetres() -> None:
    box = soft_box(100, 20, 80, 5)
    laid = in_tiles(box, 240, 80, "quilted")
    assert np.allclose(laid.uv, box.uv * [240 / 76, 80 / 76])
