"""Scenes: both products are wholly in view from the first frame to the last, on a set that suits them."""

from __future__ import annotations

import dataclasses
from collections import Counter
from functools import cache

import numpy as np
import pytest

import pvtt_data.render.scene as scene_module
from pvtt_data.render.motion import MOTIONS
from pvtt_data.render.product import Product
from pvtt_data.render.products.library import build_product, draw_spec
from pvtt_data.render.scene import Scene, SceneOptions, draw_scene, headed, viewing_directions
from pvtt_data.render.sets.library import STYLES

PORTRAIT = SceneOptions(480, 848, 25, 16.0)
LANDSCAPE = SceneOptions(832, 480, 25, 16.0)
CASES = [
    pytest.param(seed, dataclasses.replace(PORTRAIT if seed % 2 else LANDSCAPE, styles=(style,)), id=style)
    for seed, style in enumerate(STYLES)
]
"""Every style once; seeds on the quickly built ones are varied further below."""
QUICK = ("paper",)
CLIP = range(0, PORTRAIT.frames, 3)


@cache
def products(seed: int) -> tuple[Product, Product]:
    return build_product(draw_spec(2 * seed)), build_product(draw_spec(2 * seed + 1))


@cache
def drawn(seed: int, options: SceneOptions) -> Scene:
    return draw_scene(seed, options, *products(seed))


def dressed(seed: int, options: SceneOptions) -> list[tuple[np.ndarray, float]]:
    """Vertices (N, 3) of A and of B about their own feet, with their heights."""
    scene = drawn(seed, options)
    made = []
    for product, size, heading in zip(products(seed), scene.sizes, scene.headings_deg, strict=True):
        parts = headed(product, size, heading).parts
        vertices = np.concatenate([part.mesh.vertices for part in parts])
        made.append((vertices, float(vertices[:, 2].max())))
    return made


def placed(scene: Scene, vertices: np.ndarray, height: float, frame: float) -> np.ndarray:
    pose = scene.product_pose(frame, height)
    pivot = np.array([0.0, 0.0, pose.pivot_z])
    return (vertices - pivot) @ pose.rotation().T + pivot + pose.shift


def check_view(scene: Scene, vertices: np.ndarray, height: float) -> None:
    """Fail where a product leaves the frame, sinks into the ground or is a speck."""
    lens, largest = scene.lens, 0.0
    frame_px = np.array([lens.width_px, lens.height_px])
    for frame in CLIP:
        told = f"{scene.motion.kind}, {scene.move.kind}, frame {frame}"
        spot = placed(scene, vertices, height, frame)
        place, depth = lens.project(scene.exposure(frame).opens, spot)
        assert depth.min() > 0.3, told
        assert place.min() >= 0 and (place.max(axis=0) <= frame_px).all(), f"{told}: out of view"
        largest = max(largest, *(np.ptp(place, axis=0) / frame_px))
        lowest = float(spot[:, 2].min()) - scene.stage_set.stand_z
        assert lowest > -0.01, f"{told}: in the ground by {-lowest:.3f}"
        assert scene.motion.floats or lowest < 0.01, f"{told}: above the ground"
    assert largest > 0.1, "the product is what the clip shows, not a speck"


@pytest.mark.parametrize(("seed", "options"), CASES)
def test_both_products_are_wholly_in_view_and_on_the_ground_in_every_frame(seed: int, options: SceneOptions) -> None:
    for vertices, height in dressed(seed, options):
        check_view(drawn(seed, options), vertices, height)


@pytest.mark.parametrize("kind", MOTIONS)
def test_wide_and_tall_products_stay_in_view_and_above_the_ground_however_they_move(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scene_module, "_MOTIONS", {kind: 1.0})
    wide, tall = extremes()
    for seed in range(3):
        options = dataclasses.replace(PORTRAIT if seed % 2 else LANDSCAPE, styles=QUICK)
        scene = draw_scene(seed, options, wide, tall)
        assert scene.motion.kind == kind
        for product, size, heading in zip((wide, tall), scene.sizes, scene.headings_deg, strict=True):
            vertices = np.concatenate([part.mesh.vertices for part in headed(product, size, heading).parts])
            check_view(scene, vertices, float(vertices[:, 2].max()))


@cache
def extremes() -> tuple[Product, Product]:
    """A product that is far wider than tall, and one that is far taller than wide."""
    return build_product(draw_spec(0, ["tin"])), build_product(draw_spec(2, ["wine"]))


@pytest.mark.parametrize(("seed", "options"), CASES)
def test_products_at_rest_stand_within_the_set_s_room(seed: int, options: SceneOptions) -> None:
    scene = drawn(seed, options)
    for vertices, _ in dressed(seed, options):
        assert np.hypot(vertices[:, 0], vertices[:, 1]).max() <= scene.stage_set.room + 1e-9


@pytest.mark.parametrize(("seed", "options"), CASES)
def test_the_camera_stays_where_the_set_looks_complete(seed: int, options: SceneOptions) -> None:
    scene = drawn(seed, options)
    stage_set, move = scene.stage_set, scene.move
    assert stage_set.azimuth_deg[0] - 1e-9 <= min(move.azimuth_deg)
    assert max(move.azimuth_deg) <= stage_set.azimuth_deg[1] + 1e-9
    assert stage_set.elevation_deg[0] - 1e-9 <= min(move.elevation_deg)
    assert max(move.elevation_deg) <= stage_set.elevation_deg[1] + 1e-9
    assert max(move.distance) <= stage_set.max_distance + 1e-6
    for frame in CLIP:
        view = scene.exposure(frame).opens
        away = view.origin - [0.0, 0.0, stage_set.stand_z]
        assert np.hypot(away[0], away[1]) > stage_set.room, "the camera is not among the products"
        assert away[2] > 0


@pytest.mark.parametrize(("seed", "options"), CASES[:3])
def test_sizes_keep_within_the_bounds_of_their_ratio(seed: int, options: SceneOptions) -> None:
    for bounds in ((0.7, 1.4), (0.5, 0.6)):
        changed = dataclasses.replace(options, styles=QUICK, min_ratio=bounds[0], max_ratio=bounds[1])
        a, b = drawn(seed, changed).sizes
        assert bounds[0] - 1e-9 <= a / b <= bounds[1] + 1e-9
        assert max(a, b) < 1.2
    first, last = headed(products(seed)[0], a, 0.0).bounds()
    assert (last - first).max() == pytest.approx(a)


def test_a_seed_draws_the_same_scene_each_time_and_others_draw_others() -> None:
    one, again, other = (
        draw_scene(seed, dataclasses.replace(PORTRAIT, styles=("podium",)), *products(1)) for seed in (1, 1, 2)
    )
    plain = [
        dataclasses.replace(scene, stage_set=None)  # type: ignore[arg-type]
        for scene in (one, again, other)
    ]
    facts = [dataclasses.astuple(scene) for scene in plain]
    assert facts[0] == facts[1] != facts[2]
    assert one.stage_set.style == again.stage_set.style
    for part, same in zip(one.stage_set.parts, again.stage_set.parts, strict=True):
        assert (part.mesh.vertices == same.mesh.vertices).all()
    for frame in (0, 10.5):
        assert (one.exposure(int(frame)).opens.origin == again.exposure(int(frame)).opens.origin).all()


def test_only_the_styles_that_are_asked_for_are_drawn() -> None:
    options = dataclasses.replace(PORTRAIT, styles=("paper", "drape"))
    styles = {draw_scene(seed, options, *products(1)).stage_set.style for seed in range(4)}
    assert styles == {"paper", "drape"}


def test_shares_of_occluders_and_earlier_generations_are_kept_at_their_ends() -> None:
    for share in (0.0, 1.0):
        options = dataclasses.replace(PORTRAIT, styles=QUICK, occluder_share=share, earlier_generation_share=share)
        scenes = [draw_scene(seed, options, *products(1)) for seed in range(2)]
        assert Counter(bool(scene.stage_set.occluders) for scene in scenes) == {share > 0: 2}
        assert Counter(scene.look.crf is not None for scene in scenes) == {share > 0: 2}
        for scene in scenes if share else ():
            assert len(scene.occluder_poses(0)) == 1
            assert scene.occluder_poses(0) != scene.occluder_poses(scene.frames - 1)


def test_the_shutter_opens_at_the_frame_and_closes_before_the_next() -> None:
    scene = drawn(1, dataclasses.replace(PORTRAIT, styles=QUICK))
    exposure = scene.exposure(3, actor=1, height=0.6)
    assert exposure.actor == 1 and 0 < scene.lens.shutter < 1
    assert exposure.product == (scene.product_pose(3, 0.6), scene.product_pose(3 + scene.lens.shutter, 0.6))
    assert scene.exposure(3).actor is None
    assert scene.progress(0) == 0 and scene.progress(scene.frames - 1) == 1


def test_viewing_directions_follow_camera_and_product() -> None:
    scene = drawn(1, dataclasses.replace(PORTRAIT, styles=QUICK))
    still = dataclasses.replace(
        scene,
        motion=dataclasses.replace(scene.motion, kind="turntable", yaw_deg=(-20.0, 40.0)),
        move=dataclasses.replace(
            scene.move, kind="static", azimuth_deg=(15.0, 15.0), elevation_deg=(0.0, 0.0), aim_x=(0.0, 0.0),
            aim_z=(0.3, 0.3), shake=0.0,
        ),
    )  # fmt: skip
    rows = viewing_directions(still, heading_deg=10.0)
    assert rows.shape == (scene.frames, 2)
    assert rows[0] == pytest.approx([15 + 20 - 10, 0])
    assert rows[-1] == pytest.approx([15 - 40 - 10, 0])
