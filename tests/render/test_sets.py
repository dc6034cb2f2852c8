"""Sets look complete from every allowed camera, leave the product its place, and are reproducible."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest

from pvtt_data.render.material import Texture
from pvtt_data.render.sets.library import STYLES, WEIGHTS, build_set, draw_style
from pvtt_data.render.sets.lighting import Lights, exposure_at, lamp
from pvtt_data.render.sets.props import fruit, plants, wares
from pvtt_data.render.sets.props.prop import BACK, LEFT, Arrangement, Builder, Zone
from pvtt_data.render.sets.views import Views, spread
from pvtt_data.render.stage_set import Environment, StageSet

Floats = npt.NDArray[np.float64]

SEEDS = (1, 2)
BACKDROP_SPAN = 12.0
"""Parts wider than this are floors and backdrops."""


@cache
def made(style: str, seed: int) -> StageSet:
    """A set, built once for all tests."""
    return build_set(style, seed)


def cameras(stage: StageSet, count: int) -> list[tuple[Floats, Floats]]:
    """Random allowed cameras: origin and axes (right, up, forward); the first ones at the limits of the ranges."""
    views = Views(stage.azimuth_deg, stage.elevation_deg, stage.max_distance, stage.stand_z)
    rng = np.random.default_rng(7)
    drawn = []
    for index in range(count):
        azimuth, elevation = rng.uniform(*stage.azimuth_deg), rng.uniform(*stage.elevation_deg)
        distance = rng.uniform(2.0, stage.max_distance)
        if index < 4:
            azimuth, elevation = stage.azimuth_deg[index % 2], stage.elevation_deg[index // 2]
            distance = stage.max_distance
        drawn.append(views.camera(azimuth, elevation, distance, rng.uniform(0.1, 0.8), rng.uniform(-0.2, 0.2)))
    return drawn


def rays(axes: Floats, width: int, height: int, columns: int, rows: int) -> Floats:
    """Directions ``(N, 3)`` over a picture of 40 degrees vertical field of view, its corners included."""
    high = np.tan(np.radians(20.0))
    x, y = np.meshgrid(np.linspace(-1, 1, columns) * high * width / height, np.linspace(-1, 1, rows) * high)
    return np.stack([x.ravel(), y.ravel(), np.ones(x.size)], -1) @ axes


def hits(stage: StageSet, origin: Floats, ways: Floats) -> npt.NDArray[np.bool_]:
    """Which rays meet a floor or backdrop (Moeller and Trumbore 1997)."""
    found = np.zeros(len(ways), bool)
    for part in stage.parts:
        if np.ptp(part.mesh.vertices, axis=0).max() < BACKDROP_SPAN:
            continue
        a, b, c = (part.mesh.vertices[part.mesh.faces[:, i]] for i in range(3))
        left, right, away = b - a, c - a, origin - a
        sideways = np.cross(away, left)
        for index, way in enumerate(ways):
            across = np.cross(way, right)
            scale = np.einsum("ij,ij->i", left, across)
            with np.errstate(divide="ignore", invalid="ignore"):
                u = np.einsum("ij,ij->i", away, across) / scale
                v = (sideways @ way) / scale
                depth = np.einsum("ij,ij->i", right, sideways) / scale
                met = (u >= -1e-9) & (v >= -1e-9) & (u + v <= 1 + 1e-9) & (depth > 1e-6)
            found[index] |= bool(met.any())
    return found


@pytest.mark.parametrize(("style", "seed"), [*((style, SEEDS[0]) for style in sorted(STYLES)), ("lifestyle", 2)])
def test_no_camera_sees_past_the_backdrop(style: str, seed: int) -> None:
    stage = made(style, seed)
    if stage.open_sky:
        assert stage.environment.radiance.shape[1] >= 1024, "a visible environment must be a real picture"
        return
    for index, (origin, axes) in enumerate(cameras(stage, 7)):
        width, height = ((832, 480), (480, 848))[index % 2 if index >= 4 else 0]
        found = hits(stage, origin, rays(axes, width, height, 4, 4))
        assert found.all(), f"camera at {origin.round(2)} sees nothing in {(~found).sum()} of {len(found)} directions"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("style", sorted(STYLES))
def test_no_camera_sees_a_lamp(style: str, seed: int) -> None:
    stage = made(style, seed)
    high = np.tan(np.radians(20.0))
    for origin, axes in cameras(stage, 60):
        for box in stage.lamps:
            x, y, depth = axes @ (spread(box.position, box.aim, box.size, 9) - origin).T
            seen = (depth > 0) & (np.abs(x) < high * 832 / 480 * depth) & (np.abs(y) < high * depth)
            assert not seen.any()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("style", sorted(STYLES))
def test_the_product_has_its_place_to_itself(style: str, seed: int) -> None:
    stage = made(style, seed)
    for part in stage.parts:
        x, y, z = part.mesh.vertices.T
        within = np.hypot(x, y) < stage.room - 0.01
        assert not np.any(within & (z > stage.stand_z + 0.005) & (z < stage.stand_z + 1.6))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("style", sorted(STYLES))
def test_nothing_stands_before_the_product(style: str, seed: int) -> None:
    stage = made(style, seed)
    for origin, axes in cameras(stage, 12):
        middle = axes @ (np.array([0, 0, stage.stand_z + 0.5]) - origin)
        for part in stage.parts:
            x, y, depth = axes @ (part.mesh.vertices - origin).T
            nearer = (depth > 0.2) & (depth < middle[2] - stage.room)
            with np.errstate(divide="ignore", invalid="ignore"):
                right, up = x / depth * middle[2] - middle[0], y / depth * middle[2] - middle[1]
            assert not np.any(nearer & (np.abs(right) < 0.3) & (np.abs(up) < 0.35))


@pytest.mark.parametrize("style", sorted(STYLES))
def test_the_product_stands_on_something(style: str) -> None:
    stage = made(style, SEEDS[0])
    below = [np.abs(p.mesh.vertices[:, 2] - stage.stand_z).min() for p in stage.parts]
    assert min(below) < 0.01


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("style", sorted(STYLES))
def test_sets_are_light_enough_to_render(style: str, seed: int) -> None:
    stage = made(style, seed)
    assert stage.style == style
    assert 1 <= len(stage.parts) <= 25
    assert sum(len(part.mesh.faces) for part in stage.parts) < 150_000
    assert 2 <= len(stage.lamps) <= 4
    assert all(min(box.size) >= 0.7 for box in stage.lamps)
    for part in stage.parts:
        assert np.isfinite(part.mesh.vertices).all() and np.isfinite(part.mesh.normals).all()
        assert part.mesh.faces.max() < len(part.mesh.vertices)
        colour = part.material.colour
        if isinstance(colour, Texture):
            assert max(colour.pixels.shape[:2]) <= 1024
        if isinstance(part.material.roughness, float):
            assert part.material.roughness >= 0.12


@pytest.mark.parametrize("style", sorted(STYLES))
def test_the_product_is_well_exposed(style: str) -> None:
    for seed in SEEDS:
        stage = made(style, seed)
        views = Views(stage.azimuth_deg, stage.elevation_deg, stage.max_distance, stage.stand_z)
        card = exposure_at(Lights(stage.lamps, stage.environment), views) * stage.exposure
        assert 0.4 < card < 1.0


@pytest.mark.parametrize("style", ["paper", "podium", "shelf"])
def test_the_same_seed_makes_the_same_set_and_another_one_another(style: str) -> None:
    first, again, other = made(style, 1), build_set(style, 1), made(style, 2)
    assert len(first.parts) == len(again.parts)
    for one, two in zip(first.parts, again.parts, strict=True):
        assert np.array_equal(one.mesh.vertices, two.mesh.vertices)
        if isinstance(one.material.colour, Texture):
            assert isinstance(two.material.colour, Texture)
            assert np.array_equal(one.material.colour.pixels, two.material.colour.pixels)
        else:
            assert one.material.colour == two.material.colour
    assert first.lamps == again.lamps
    assert np.array_equal(first.environment.radiance, again.environment.radiance)
    assert first.lamps != other.lamps


def test_every_style_can_be_drawn() -> None:
    assert set(WEIGHTS) == set(STYLES)
    assert sum(WEIGHTS.values()) == pytest.approx(1.0)
    rng = np.random.default_rng(0)
    assert {draw_style(rng) for _ in range(300)} == set(STYLES)


def test_an_unknown_style_is_refused() -> None:
    with pytest.raises(KeyError):
        build_set("moon", 0)


def test_a_lamp_lights_a_white_card_as_strongly_as_asked() -> None:
    views = Views()
    box = lamp(views, 0.0, 40.0, (0.2, 0.2), 1.0)
    dark = Environment(np.zeros((2, 4, 3), np.float32))
    towards = np.array(box.position) - np.array(box.aim)
    towards /= np.linalg.norm(towards)
    faces = ((0.0, -1.0, 0.0), (-0.7, -0.7, 0.14), (0.7, -0.7, 0.14), (0.0, -0.5, 0.866))
    mean_cosine = float(np.mean([max(float(np.array(face) @ towards), 0) for face in faces]))
    assert exposure_at(Lights((box,), dark), views) == pytest.approx(mean_cosine, rel=0.06)


def test_a_lamp_that_is_in_view_everywhere_is_refused() -> None:
    with pytest.raises(ValueError, match="in view"):
        lamp(Views(), 180.0, 4.0, (0.4, 0.4), 1.0, behind=-30.0)


def test_props_stand_apart_and_out_of_the_way() -> None:
    around = Arrangement(np.random.default_rng(0), 0.55)
    things = [make(np.random.default_rng(4)) for make in (plants.potted, wares.books, fruit.orange, fruit.pear)]
    placed = [around.put(thing, zone) for thing, zone in zip(things, (BACK, BACK, LEFT, LEFT), strict=True)]
    assert any(placed)
    assert not around.put(things[2], Zone((-0.1, 0.1), (-1.5, -0.8))), "that would stand before the product"
    assert not around.fits(0.2, 0.2, 0.1), "that is where the product stands"


@pytest.mark.parametrize(
    "make",
    [
        *(fruit.orange, fruit.lemon, fruit.apple, fruit.pear, fruit.berries, fruit.nuts),
        *(plants.potted, plants.lying_twig, plants.twigs_in_vase, plants.flowers),
        *(wares.bowl, wares.cup, wares.empty_vase, wares.candle, wares.books, wares.row_of_books),
        *(wares.folded_cloth, wares.stones, wares.bottle),
    ],
)
def test_props_rest_on_the_table(make: Builder) -> None:
    for seed in (0, 1):
        thing = make(np.random.default_rng(seed))
        low = min(float(part.mesh.vertices[:, 2].min()) for part in thing.parts)
        assert -0.02 < low < 0.06
        assert 0.05 < thing.radius < 0.8
