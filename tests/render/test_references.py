"""Pictures of a product come from elsewhere than the clip, cut out cleanly."""

from __future__ import annotations

import dataclasses
import gc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_scenes import DEPTH, ball, box, matt, product, void

from pvtt_data.errors import InputError
from pvtt_data.render import meshes
from pvtt_data.render.denoise import Denoiser
from pvtt_data.render.material import Material, Part
from pvtt_data.render.presets import Preset
from pvtt_data.render.references import (
    LEAST_ANGLE_DEG,
    Cutout,
    Direction,
    angle_deg,
    choose_directions,
    directions_of,
    photograph,
    reference_dice,
    white_studio,
)

PRESET = Preset(8, 32, 8, 24, DEPTH, "high")


def test_directions_point_to_where_a_shop_would_say() -> None:
    assert Direction(0, 0).vector() == pytest.approx([0, -1, 0])
    assert Direction(90, 0).vector() == pytest.approx([1, 0, 0])
    assert Direction(30, 90).vector() == pytest.approx([0, 0, 1])
    assert angle_deg(Direction(10, 0), Direction(35, 0)) == pytest.approx(25)
    assert angle_deg(Direction(180, 0), Direction(-180, 0)) == pytest.approx(0, abs=1e-4)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10_000),
    st.floats(-180, 180),
    st.floats(0, 120),
    st.tuples(st.floats(0, 35), st.floats(0, 35)),
    st.integers(3, 8),
)
def test_no_reference_comes_near_the_clip_s_views_or_another_reference(
    seed: int, start: float, turn: float, heights: tuple[float, float], count: int
) -> None:
    share = np.linspace(0, 1, 13)
    seen = [Direction(start + turn * s, heights[0] + (heights[1] - heights[0]) * s) for s in share]
    chosen = choose_directions(reference_dice(seed), seen, count)
    assert len(chosen) == count
    assert min(angle_deg(one, view) for one in chosen for view in seen) >= LEAST_ANGLE_DEG - 1e-6
    assert min(angle_deg(chosen[i], chosen[j]) for i in range(count) for j in range(i)) >= 13.9
    assert chosen == choose_directions(reference_dice(seed), seen, count)
    assert all(0 <= one.elevation_deg <= 50 for one in chosen)


def test_the_front_half_is_preferred_where_the_clip_leaves_it_free() -> None:
    chosen = choose_directions(reference_dice(1), [Direction(170, 10)], 4)
    assert all(abs(one.azimuth_deg) <= 75 for one in chosen)


def test_a_clip_s_directions_are_thinned_but_keep_the_last() -> None:
    rows = np.stack([np.arange(10.0), np.zeros(10)], -1)
    assert [one.azimuth_deg for one in directions_of(rows)] == [0, 4, 8, 9]


VIEWS = (Direction(0, 8), Direction(90, 8), Direction(-40, 35))


@pytest.fixture(scope="module")
def cutouts(render_variant: object) -> list[Cutout]:
    """A red box with a green front and a blue right side, from the front, from the right and from above left."""
    red = Part(meshes.block(0.5, 0.5, 0.8), matt((0.6, 0.05, 0.05)))
    green = Part(meshes.block(0.4, 0.02, 0.7).moved(y=-0.26, z=0.05), matt((0.05, 0.5, 0.05)))
    blue = Part(meshes.block(0.02, 0.4, 0.7).moved(x=0.26, z=0.05), matt((0.05, 0.05, 0.6)))
    gc.collect()
    studio = white_studio(reference_dice(4))
    made = photograph(product(red, green, blue), VIEWS, studio, PRESET, Denoiser("high"), 7, size_px=144)
    again = photograph(product(red, green, blue), VIEWS[:1], studio, PRESET, Denoiser("high"), 7, size_px=144)
    assert (again[0] == made[0]).all(), "the same picture each time"
    return made


def test_a_cutout_fills_its_picture_but_for_a_margin(cutouts: list[Cutout]) -> None:
    for cutout in cutouts:
        assert cutout.dtype == np.uint8 and cutout.shape[2] == 4 and max(cutout.shape[:2]) > 90
        seen = cutout[..., 3] > 0
        rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
        margins = (rows[0], columns[0], seen.shape[0] - 1 - rows[-1], seen.shape[1] - 1 - columns[-1])
        side = max(rows[-1] - rows[0], columns[-1] - columns[0])
        assert all(0 < margin <= 0.04 * side + 1 for margin in margins), "the product does not touch the border"
        assert max(margins) == pytest.approx(0.04 * side, abs=1)


def test_alpha_is_straight_and_no_white_of_the_studio_is_left_in_the_edges(cutouts: list[Cutout]) -> None:
    for cutout in cutouts:
        colour, alpha = cutout[..., :3].astype(float), cutout[..., 3]
        solid, edge = alpha == 255, (alpha > 0) & (alpha < 255)
        assert solid.mean() > 0.3 and edge.sum() > 30
        pale = colour.min(axis=-1) / colour.max(axis=-1).clip(1)
        assert np.percentile(pale[edge], 95) <= np.percentile(pale[solid], 99) + 0.03
        assert colour[edge].mean() == pytest.approx(colour[solid].mean(), rel=0.3), "not darkened by its alpha"


def test_front_and_right_are_where_they_belong(cutouts: list[Cutout]) -> None:
    def middle(cutout: Cutout) -> np.ndarray:
        height, width = cutout.shape[:2]
        return cutout[2 * height // 5 : 3 * height // 5, 2 * width // 5 : 3 * width // 5, :3].mean(axis=(0, 1))

    assert middle(cutouts[0]).argmax() == 1, "green in front"
    assert middle(cutouts[1]).argmax() == 2, "blue on its right"
    left = cutouts[2][cutouts[2].shape[0] // 2 :, :, :3][cutouts[2][cutouts[2].shape[0] // 2 :, :, 3] == 255]
    assert not (left.argmax(axis=1) == 2).mean() > 0.05, "from the left no blue is seen"


AROUND = (Direction(0, 6), Direction(70, 30), Direction(180, 10), Direction(-120, 45))


@pytest.mark.usefixtures("render_variant")
def test_nothing_on_a_set_hides_the_product() -> None:
    gc.collect()
    seen = product(box("#a02020"), Part(meshes.ball(0.2).moved(z=0.5, x=0.3), matt("#2020a0")))
    walls = [Part(meshes.wall(2.2, 1.3, 0.9).moved(yaw_deg=turn), matt("#20a020")) for turn in (0, 90, 180, 270)]
    board = Part(meshes.block(2.0, 2.0, 0.05).moved(z=1.05), matt("#20a020"))
    cupboard = dataclasses.replace(void(), parts=(*walls, board))

    def pictures(*, hidden: bool) -> list[Cutout]:
        return photograph(seen, AROUND, cupboard if hidden else void(), PRESET, Denoiser("high"), 3, size_px=96)

    for cutout, free in zip(pictures(hidden=True), pictures(hidden=False), strict=True):
        assert (cutout[..., 3] == free[..., 3]).all(), "the whole product is there"
        solid = cutout[..., 3] == 255
        green = cutout[solid][:, 1].astype(int) - cutout[solid][:, [0, 2]].max(axis=1)
        assert green.max() < 30, "and no part of a wall"
        assert cutout[solid][:, :3].mean() < 0.7 * free[solid][:, :3].mean(), "it is as dark as in a cupboard"


@pytest.mark.usefixtures("render_variant")
def test_a_product_that_cannot_be_seen_is_an_error_of_the_input() -> None:
    glimpse = product(Part(ball().mesh, Material("#ffffff", opacity=0.0)))
    with pytest.raises(InputError, match="nothing of the product"):
        photograph(glimpse, AROUND[:1], void(), PRESET, Denoiser("high"), 3, size_px=32)
