"""A shot pair is equal but for what the products do, and comes out the same each time."""

from __future__ import annotations

import gc

import cv2
import numpy as np
import pytest
from toy_scenes import DEPTH, ball, box, everything, product, silhouette, toy_scene

from pvtt_data.render.camera import Lens
from pvtt_data.render.denoise import Denoiser
from pvtt_data.render.look import develop
from pvtt_data.render.motion import ProductMotion
from pvtt_data.render.presets import Preset
from pvtt_data.render.scene import Scene
from pvtt_data.render.shoot import Moment, Shoot

pytestmark = pytest.mark.usefixtures("render_variant")
LENS = Lens(96, 160, fov_y_deg=30.0, aperture=0.01, shutter=0.5)
SHAPE = (LENS.height_px, LENS.width_px)
PRESET = Preset(8, 32, 32, 8, DEPTH, "fast")
CAST = (product(box(), name="box"), product(ball(), name="ball"))


def scene() -> Scene:
    """A box or ball that turns while the camera goes around it."""
    return toy_scene(lens=LENS, azimuth_deg=(-6.0, 6.0), motion=ProductMotion("turntable", (-20.0, 20.0)))


def shot(frames: tuple[int, ...]) -> list[Moment]:
    gc.collect()
    return list(Shoot(scene(), CAST, PRESET, Denoiser("fast")).moments(frames))


@pytest.fixture(scope="module")
def moments(render_variant: object) -> list[Moment]:
    """Two frames of the clip."""
    return shot((1, 3))


def bytes_of(moment: Moment) -> list[bytes]:
    return [moment.bare.tobytes()] + [
        array.tobytes() for shown in moment.shown for array in (shown.picture, shown.mask, shown.effect)
    ]


def test_pictures_have_the_size_of_the_lens_and_show_something(moments: list[Moment]) -> None:
    for moment in moments:
        for picture in (moment.bare, *(shown.picture for shown in moment.shown)):
            assert picture.shape == (*SHAPE, 3) and picture.dtype == np.uint8
            assert 60 < picture.mean() < 200 and picture.std() > 15


def test_outside_the_effect_all_pictures_are_equal_to_the_last_bit(moments: list[Moment]) -> None:
    for moment in moments:
        a, b = moment.shown
        outside = ~moment.effect
        assert 0.05 < outside.mean() < 0.95
        assert (a.picture[outside] == b.picture[outside]).all()
        for shown in moment.shown:
            assert (shown.picture[~shown.effect] == moment.bare[~shown.effect]).all()
            assert (shown.picture[shown.mask] != moment.bare[shown.mask]).any(axis=-1).mean() > 0.9


def test_masks_lie_inside_their_effect_and_are_the_products_outlines(moments: list[Moment]) -> None:
    for moment, frame in zip(moments, (1, 3), strict=True):
        for actor, shown in enumerate(moment.shown):
            assert not (shown.mask & ~shown.effect).any()
            pose = scene().product_pose(frame + 0.25, 0.8)
            exposure = scene().exposure(frame, actor, 0.8).part(0.5, 0.5)
            assert exposure.product[0].yaw_deg == pytest.approx(pose.yaw_deg)
            outline = silhouette(CAST[actor].parts[0].mesh, LENS, exposure) >= 0.5
            assert (outline ^ shown.mask).sum() < 0.03 * outline.sum()


def test_without_its_shadow_a_product_stands_on_the_bare_set(moments: list[Moment]) -> None:
    for moment in moments:
        for shown in moment.shown:
            alone = shown.shadowless(moment.bare)
            assert (alone[shown.cover == 1] == shown.picture[shown.cover == 1]).all()
            assert (alone[shown.cover == 0] == moment.bare[shown.cover == 0]).all()
            edge = (shown.cover > 0) & (shown.cover < 1)
            low, high = np.minimum(shown.picture, moment.bare), np.maximum(shown.picture, moment.bare)
            assert edge.any() and ((alone >= low) & (alone <= high))[edge].all()
            shadow = (shown.cover == 0) & (moment.bare.astype(int) - shown.picture > 12).all(axis=-1)
            assert shadow.sum() > 20, "there is a shadow that can go"


def test_only_the_product_that_plays_is_seen(moments: list[Moment]) -> None:
    for moment in moments:
        red, blue = (shown.picture[shown.mask].mean(axis=0) for shown in moment.shown)
        assert red[0] > 2 * red[2] and blue[2] > 1.5 * blue[0]
        corners = moment.shown[0].mask & ~cv2.dilate(moment.shown[1].mask.astype(np.uint8), np.ones((5, 5))).astype(
            bool
        )
        there = moment.shown[1].picture[corners].astype(int)
        assert corners.sum() > 20 and (there[:, 0] < there[:, 2] + 60).all(), "no red box beside the ball"


def test_a_second_shoot_gives_the_same_bytes_and_a_preview_frame_is_the_video_s(moments: list[Moment]) -> None:
    alone = shot((3,))[0]
    assert bytes_of(alone) == bytes_of(moments[1])
    assert bytes_of(alone) != bytes_of(moments[0])


def test_helping_threads_change_no_byte(moments: list[Moment]) -> None:
    gc.collect()
    helped = Shoot(scene(), CAST, PRESET, Denoiser("fast"), helpers=2).moments((1, 3))
    assert [bytes_of(moment) for moment in helped] == [bytes_of(moment) for moment in moments]


@pytest.mark.slow
def test_what_changes_outside_the_effect_could_not_be_seen(moments: list[Moment]) -> None:
    """Checked with paths that the effect was not found by."""
    gc.collect()
    shoot = Shoot(scene(), CAST, PRESET, Denoiser("fast"))

    def seen(actor: int | None) -> np.ndarray:
        light = shoot.stage.trace(LENS, shoot.exposure(1, actor), everything(LENS), 256, 987_654).light
        return 255 * develop(cv2.blur(light.reshape(*SHAPE, 3), (5, 5)), scene().look)

    bare = seen(None)
    shown = moments[0].shown[0]
    change = np.abs(seen(0) - bare).max(axis=-1)
    near = cv2.dilate(shown.mask.astype(np.uint8), np.ones((9, 9))).astype(bool)
    assert np.percentile(change[~(shown.effect | near)], 99.9) <= 8
    shadow = (change > 8) & ~near
    assert shadow.sum() > 50 and shown.effect[shadow].mean() > 0.98, "the shadow belongs to the effect"
