"""Depth and flow are those of the scene: a frame warped by its flow is the next one."""

from __future__ import annotations

import dataclasses
import gc

import cv2
import numpy as np
import pytest
from toy_scenes import DEPTH, box, checkers, everything, matt, product, room, toy_scene, void

from pvtt_data.render import meshes
from pvtt_data.render.camera import Lens
from pvtt_data.render.denoise import Denoiser
from pvtt_data.render.flow import Geometry, geometry
from pvtt_data.render.look import develop
from pvtt_data.render.material import Part
from pvtt_data.render.motion import ProductMotion
from pvtt_data.render.scene import Scene
from pvtt_data.render.stage_set import Environment, Occluder, StageSet
from pvtt_data.render.tracer import Stage, open_stage

pytestmark = pytest.mark.usefixtures("render_variant")
LENS = Lens(96, 160, fov_y_deg=30.0, aperture=0.0, shutter=0.0)
SHAPE = (LENS.height_px, LENS.width_px)
PRINTED = product(Part(box().mesh, matt(checkers(6))))
HEIGHT = 0.8


@pytest.fixture(autouse=True)
def _one_stage_at_a_time() -> None:
    gc.collect()


def evenly_lit() -> StageSet:
    """The checkered room without a lamp: what turns keeps its shading."""
    return dataclasses.replace(room(), lamps=(), environment=Environment(np.full((1, 1, 3), 0.7, np.float32)))


def picture(scene: Scene, stage: Stage, frame: int, actor: int | None) -> np.ndarray:
    """Display values (H, W, 3), 0 to 1, without noise."""
    exposure = scene.exposure(frame, actor, HEIGHT)
    layers = stage.trace(LENS, exposure, everything(LENS), 96, 11)
    light, albedo, normal = (layer.reshape(*SHAPE, 3) for layer in (layers.light, layers.albedo, layers.normal))
    return develop(Denoiser("high")(light, albedo, normal), scene.look)


def psnr_of_warp(now: np.ndarray, then: np.ndarray, found: Geometry, where: np.ndarray) -> float:
    """Decibels between a frame and the next one, brought back by the flow."""
    rows, columns = np.mgrid[0 : SHAPE[0], 0 : SHAPE[1]].astype(np.float32)
    back = cv2.remap(then, columns + found.flow[..., 0], rows + found.flow[..., 1], cv2.INTER_CUBIC)
    return float(-10 * np.log10(np.mean((back - now)[where] ** 2)))


def test_a_still_room_warped_by_the_flow_is_the_next_frame() -> None:
    scene = toy_scene(lens=LENS, azimuth_deg=(0.0, 12.0), frames=5)
    stage = open_stage(scene.stage_set, [], DEPTH)
    found = geometry(scene, stage, 1)
    now, then = (picture(scene, stage, frame, None) for frame in (1, 2))
    assert found.visible.mean() > 0.85
    assert np.linalg.norm(found.flow, axis=-1)[found.visible].mean() > 1.5, "there is something to undo"
    assert psnr_of_warp(now, then, found, found.visible) >= 35
    unmoved = dataclasses.replace(found, flow=np.zeros_like(found.flow))
    assert psnr_of_warp(now, then, unmoved, found.visible) < 30


def test_a_turning_product_warped_by_the_flow_is_the_next_frame() -> None:
    motion = ProductMotion("turntable", (-30.0, 10.0))
    scene = toy_scene(lens=LENS, azimuth_deg=(0.0, -8.0), motion=motion, frames=5, stage_set=evenly_lit())
    stage = open_stage(scene.stage_set, [PRINTED.parts], DEPTH)
    found = geometry(scene, stage, 1, 0, HEIGHT)
    now, then = (picture(scene, stage, frame, 0) for frame in (1, 2))
    covered = stage.coverage(LENS, scene.exposure(1, 0, HEIGHT), everything(LENS), 16, 1).reshape(SHAPE) == 1
    inside = cv2.erode((covered & found.visible).astype(np.uint8), np.ones((3, 3))).astype(bool)
    assert inside.sum() > 0.7 * covered.sum()
    assert psnr_of_warp(now, then, found, inside) >= 35
    as_if_still = geometry(scene, stage, 1, None)
    assert psnr_of_warp(now, then, as_if_still, inside) < psnr_of_warp(now, then, found, inside) - 6


def test_depth_is_the_distance_along_the_view_of_a_wall_that_faces_it() -> None:
    wall = StageSet("wall", (Part(meshes.wall(40, 40, 3), matt("#888888")),), (), void().environment)
    scene = toy_scene(lens=LENS, stage_set=wall)
    scene = dataclasses.replace(scene, move=dataclasses.replace(scene.move, elevation_deg=(0.0, 0.0), aim_z=(20, 20)))
    found = geometry(scene, open_stage(wall, [], DEPTH), 0)
    assert found.depth == pytest.approx(7.0, abs=1e-3)
    assert np.abs(found.flow).max() < 1e-3 and found.visible.all()


def test_a_camera_that_goes_sideways_moves_near_things_more_than_far_ones() -> None:
    scene = toy_scene(lens=LENS, frames=5)
    move = dataclasses.replace(scene.move, elevation_deg=(0.0, 0.0), aim_x=(-0.2, 0.2), aim_z=(0.4, 0.4))
    scene = dataclasses.replace(scene, move=move)
    stage = open_stage(scene.stage_set, [PRINTED.parts], DEPTH)
    found = geometry(scene, stage, 1, 0, HEIGHT)
    step = -0.1 * LENS.height_px / 2 / LENS.tan_half_fov / found.depth
    assert found.flow[..., 0] == pytest.approx(step, abs=0.02)
    assert np.abs(found.flow[..., 1]).max() < 0.02
    near, far = found.depth[80, 48], found.depth[20, 48]
    assert near == pytest.approx(4 - 0.15, abs=0.02) and far == pytest.approx(7, abs=0.01)


def test_what_is_hidden_in_the_next_frame_is_not_visible_there() -> None:
    scene = toy_scene(lens=LENS, motion=ProductMotion("slide", (0.0, 0.0), 1.2, -1.0), frames=5)
    stage = open_stage(scene.stage_set, [PRINTED.parts], DEPTH)
    frame = 1
    covered = [
        stage.coverage(LENS, scene.exposure(f, 0, HEIGHT), everything(LENS), 16, 1).reshape(SHAPE)
        for f in (frame, frame + 1)
    ]
    found = geometry(scene, stage, frame, 0, HEIGHT)
    hidden = (covered[0] == 0) & (covered[1] == 1)
    kept = (covered[0] == 0) & (covered[1] == 0)
    assert hidden.sum() > 100 and not found.visible[hidden].any()
    assert found.visible[kept].mean() > 0.97


def test_the_sky_is_endlessly_far_and_does_not_flow() -> None:
    scene = toy_scene(lens=LENS, azimuth_deg=(0.0, 10.0), stage_set=void())
    found = geometry(scene, open_stage(void(), [PRINTED.parts], DEPTH), 0, 0, HEIGHT)
    sky = np.isinf(found.depth)
    assert 0.3 < sky.mean() < 0.95
    assert (found.flow[sky] == 0).all() and not found.visible[sky].any()
    assert np.isfinite(found.flow).all()


def test_what_passes_in_front_flows_with_its_own_way() -> None:
    cloth = Part(meshes.sheet(np.array([[[-1, -1, 0], [1, -1, 0]], [[-1, 1, 0], [1, 1, 0]]], float)), matt("#406040"))
    passing = Occluder((cloth,), 0.5, (-1.2, 0.0), (0.8, 0.0))
    stage_set = dataclasses.replace(room(), occluders=(passing,))
    scene = toy_scene(lens=LENS, stage_set=stage_set, frames=5)
    found = geometry(scene, open_stage(stage_set, [], DEPTH), 1)
    # A quarter of the way from -1.2 to 0.8, in half heights of the picture.
    assert found.flow[80, 20] == pytest.approx([0.5 * LENS.height_px / 2, 0.0], abs=0.05)
    assert np.abs(found.flow[80, 90]).max() < 0.05
