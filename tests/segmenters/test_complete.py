"""Halves that stood out become wholes where cut-outs agree on it, and nothing else grows."""

from __future__ import annotations

import numpy as np
import pytest

from pvtt_data.flow import clip_flow
from pvtt_data.segmenters.carry import ObjectMotion
from pvtt_data.segmenters.complete import completed
from pvtt_data.segmenters.picture_runs import CountedRuns
from pvtt_data.segmenters.propagation_config import PropagationConfig

CONFIG = PropagationConfig()


def jar_clip(count: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A jar of a red body and a blue lid that stands on textured grey: frames, the body's mask, the whole's."""
    grey = 100 + np.random.default_rng(0).integers(0, 40, (120, 160, 1))
    frame = np.repeat(grey, 3, axis=2).astype(np.uint8)
    body, lid = np.zeros((120, 160), bool), np.zeros((120, 160), bool)
    body[50:90, 60:100] = True
    lid[35:50, 62:98] = True
    frame[body], frame[lid] = (210, 30, 30), (30, 30, 210)
    return np.repeat(frame[None], count, axis=0), body, body | lid


class Model:
    """Finds red and, in pictures that are small enough, blue as well; counts its runs."""

    def __init__(self, blue_below_px: int) -> None:
        self.blue_below_px = blue_below_px
        self.runs = 0

    def __call__(self, image: np.ndarray) -> np.ndarray:
        self.runs += 1
        seen = image[..., 0] > 180
        if max(image.shape[:2]) < self.blue_below_px:
            seen = seen | (image[..., 2] > 180)
        return seen.astype(np.float32)


def grown(model: Model, found: np.ndarray, keys=(0, 2, 4)) -> dict[int, np.ndarray]:
    frames, _, _ = jar_clip()
    motion = ObjectMotion(clip_flow(frames))
    return completed(frames, CountedRuns(model, None), {k: found.astype(np.float32) for k in keys}, motion, CONFIG)


def test_a_body_without_its_lid_gets_it_where_both_cut_outs_show_it() -> None:
    _, body, whole = jar_clip()
    maps = grown(Model(blue_below_px=1000), body)
    assert sorted(maps) == [0, 2, 4]
    assert all(np.array_equal(answer > 0.5, whole) for answer in maps.values())


def test_what_only_one_cut_out_shows_is_not_believed() -> None:
    _, body, _ = jar_clip()
    model = Model(blue_below_px=90)
    assert all(np.array_equal(answer > 0.5, body) for answer in grown(model, body).values())
    assert model.runs == 2


def test_what_is_whole_costs_one_look() -> None:
    _, _, whole = jar_clip()
    model = Model(blue_below_px=1000)
    assert all(np.array_equal(answer > 0.5, whole) for answer in grown(model, whole).values())
    assert model.runs == 1


@pytest.mark.parametrize("place", [(0, 20), (100, 120)])
def test_another_thing_is_not_grown_into(place: tuple[int, int]) -> None:
    other = np.zeros((120, 160), bool)
    other[place[0] : place[1], 0:20] = True
    assert all(np.array_equal(answer > 0.5, other) for answer in grown(Model(1000), other).values())
