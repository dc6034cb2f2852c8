"""Adverts are drawn from their seed: several shots, one of them long enough for a clip, no set twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvtt_data.render.advert import AdvertOptions, draw_advert, draw_takes
from pvtt_data.render.cutting import Timeline
from pvtt_data.render.products.library import build_product, draw_spec
from pvtt_data.render.scene import dice_for

OPTIONS = AdvertOptions(96, 160, 1.0, ("paper", "podium", "gloss"))
PRODUCT = build_product(draw_spec(5, ("soap",)))


@given(st.integers(0, 10**6), st.sampled_from([24, 25, 30]), st.floats(0.3, 6.0))
def test_an_advert_has_two_to_four_shots_and_one_that_a_clip_can_be_cut_out_of(
    seed: int, fps: int, clip_s: float
) -> None:
    takes = draw_takes(dice_for(seed, "advert"), fps, clip_s)
    assert 2 <= len(takes) <= 4
    timeline = Timeline(tuple(take.frames for take in takes), tuple(take.dissolve for take in takes))
    alone = [last - first for first, last in timeline.spans]
    assert min(alone) >= 2
    for frames, take in zip(alone, takes, strict=True):
        assert take.zoom == 1 or frames < fps * clip_s or frames == 2, "close views are short"
    assert any(take.zoom == 1 and frames >= fps * clip_s for frames, take in zip(alone, takes, strict=True))
    assert takes[0].dissolve == 0


def test_there_are_dissolves_and_close_views_among_many_adverts_but_not_everywhere() -> None:
    takes = [take for seed in range(60) for take in draw_takes(dice_for(seed, "advert"), 24, 3.0)[1:]]
    assert 0.1 < sum(take.dissolve > 0 for take in takes) / len(takes) < 0.4
    assert 0.1 < sum(take.zoom > 1 for take in takes) / len(takes) < 0.45


@pytest.mark.parametrize("seed", [1, 2])
def test_every_shot_has_a_set_of_its_own_and_the_whole_follows_from_the_seed(seed: int) -> None:
    advert, again = (draw_advert(seed, PRODUCT, OPTIONS) for _ in range(2))
    assert len(advert.scenes) == len(advert.products) == len(advert.takes)
    assert [scene.frames for scene in advert.scenes] == [take.frames for take in advert.takes]
    assert {scene.fps for scene in advert.scenes} == {advert.fps}
    assert {(scene.lens.width_px, scene.lens.height_px) for scene in advert.scenes} == {(96, 160)}
    styles = [scene.stage_set.style for scene in advert.scenes]
    assert len(set(styles)) == min(len(styles), 3)
    assert (again.takes, again.crf) == (advert.takes, advert.crf)
    assert [(x.seed, x.move, x.motion, x.look) for x in again.scenes] == [
        (x.seed, x.move, x.motion, x.look) for x in advert.scenes
    ]


def test_a_close_view_is_the_same_camera_through_a_longer_lens() -> None:
    close = [
        (scene.lens.fov_y_deg, take.zoom)
        for seed in (1, 4)
        for advert in [draw_advert(seed, PRODUCT, OPTIONS)]
        for scene, take in zip(advert.scenes, advert.takes, strict=True)
        if take.zoom > 1
    ]
    assert len(close) == 2
    assert all(fov < 30 / zoom * 1.05 for fov, zoom in close)
