"""Surfaces tile without seams, keep their colours, and are reproducible."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from pvtt_data.render.material import Material, Texture, display_rgb
from pvtt_data.render.sets.textures import fabric, noise, organic, stone, wall, wood

Make = Callable[[np.random.Generator], Material]
MAKES: dict[str, Make] = {
    "wood": lambda rng: wood.wood(rng, "oak", 4),
    "marble": lambda rng: stone.marble(rng, "carrara"),
    "concrete": lambda rng: stone.concrete(rng, "#a8a49e"),
    "terrazzo": lambda rng: stone.terrazzo(rng, "#e4dfd6", ("#b4694a", "#8c8379")),
    "linen": lambda rng: fabric.weave(rng, "#d8cbb5", uneven=0.2),
    "twill": lambda rng: fabric.weave(rng, "#405a7a", twill=True),
    "plaster": lambda rng: wall.plaster(rng, "#e0cdb8"),
    "tiles": lambda rng: wall.tiles(rng, "#86ad8c", "#e6ebe2", "running"),
    "peel": lambda rng: organic.peel(rng, "#e8a020", "#c8301f", 0.5),
}


def colours(material: Material) -> np.ndarray:
    """The picture of a material, as floats."""
    assert isinstance(material.colour, Texture)
    return material.colour.pixels.astype(float)


@cache
def made(name: str) -> np.ndarray:
    """The picture of a surface, made once for all tests that only look at it."""
    return colours(MAKES[name](np.random.default_rng(5)))


@pytest.mark.parametrize("name", sorted(MAKES))
def test_surfaces_tile_without_a_seam(name: str) -> None:
    picture = made(name)
    for axis in (0, 1):
        steps = np.abs(np.diff(picture, axis=axis)).mean(axis=(1 - axis, 2))
        seam = np.abs(np.take(picture, 0, axis) - np.take(picture, -1, axis)).mean()
        assert seam <= steps.max() * 1.05 + 1.0


@pytest.mark.parametrize("name", sorted(MAKES))
def test_the_same_numbers_make_the_same_surface(name: str) -> None:
    first, again, other = made(name), *(colours(MAKES[name](np.random.default_rng(seed))) for seed in (5, 6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(("name", "colour"), [("concrete", "#a8a49e"), ("plaster", "#e0cdb8")])
def test_a_surface_keeps_its_colour(name: str, colour: str) -> None:
    mean = colours(MAKES[name](np.random.default_rng(1))).mean(axis=(0, 1)) / 255
    assert np.abs(mean - display_rgb(colour)).max() < 0.04


def test_wood_grain_runs_along_the_boards() -> None:
    picture = colours(wood.wood(np.random.default_rng(2), "oak", 1)).mean(axis=2)
    assert np.abs(np.diff(picture, axis=0)).mean() > 1.5 * np.abs(np.diff(picture, axis=1)).mean()


@pytest.mark.parametrize("bond", sorted(wall.BONDS))
def test_tiles_have_as_many_joints_as_their_bond_says(bond: str) -> None:
    material = wall.tiles(np.random.default_rng(2), "#204080", "#ffffff", bond, uneven=0.0)
    grout = colours(material)[..., 0].mean(axis=1) > 170
    rows = int(np.sum(grout & ~np.roll(grout, 1)))
    assert rows == wall.BONDS[bond].rows


def test_normals_of_a_slope_lean_away_from_the_rise() -> None:
    along = np.arange(64, dtype=np.float32)
    rising = np.broadcast_to(along[None, :], (64, 64)).astype(np.float32)
    right = noise.normal_map(rising).pixels[8, 8]
    assert right[0] < 60 and abs(int(right[1]) - 128) <= 1
    down = noise.normal_map(np.ascontiguousarray(rising.T)).pixels[8, 8]
    assert down[1] > 200 and abs(int(down[0]) - 128) <= 1


def test_noise_has_the_stated_spread_and_is_smooth_across_its_edges() -> None:
    field = noise.clouds(np.random.default_rng(0), (128, 256), (3, 5))
    assert field.shape == (128, 256)
    assert float(field.std()) == pytest.approx(1.0, abs=1e-3)
    inner = np.abs(np.diff(field, axis=1)).max()
    assert np.abs(field[:, 0] - field[:, -1]).max() <= inner * 1.5


def test_reading_noise_at_whole_shifts_only_moves_it() -> None:
    field = noise.smooth(np.random.default_rng(0), (32, 48), (4, 4))
    still = np.zeros((32, 48), np.float32)
    assert np.allclose(noise.warped(field, still + 5, still - 7), np.roll(field, (-5, 7), (0, 1)), atol=1e-6)
