"""The nearer look: when it pays, where it looks, and that it mends what the first look missed."""

from __future__ import annotations

import numpy as np
from disc_world import FakeTracker, box, disc_clip

from pvtt_data.segmenters.grounded.close_look import cutout_around, is_worth_it, look_closer
from pvtt_data.segmenters.grounded.follow import Sighting, Track
from pvtt_data.segmenters.grounded.lanes import run_together
from pvtt_data.segmenters.grounded.settings import FollowSettings


def small_disc(count: int = 20):
    frames, masks = disc_clip(count, (240, 320))
    return frames, masks


def test_small_thin_and_holed_things_are_worth_a_nearer_look() -> None:
    _, masks = small_disc()
    assert is_worth_it(masks, holed=False)
    large = np.zeros((3, 100, 100), bool)
    large[:, 20:80, 20:80] = True
    assert not is_worth_it(large, holed=False)
    assert is_worth_it(large, holed=True)
    chain = np.zeros((3, 100, 100), bool)
    chain[:, 10:90, 48:53] = True
    chain[:, 10:15, 10:90] = True
    assert is_worth_it(chain, holed=False)
    assert not is_worth_it(np.zeros((3, 100, 100), bool), holed=False)


def test_the_cutout_keeps_its_size_follows_the_thing_and_stays_in_the_frame() -> None:
    frames, masks = small_disc()
    cutout = cutout_around(masks)
    assert cutout is not None
    assert cutout.of(frames).shape == (20, cutout.side_px, cutout.side_px, 3)
    assert (cutout.corners >= 0).all()
    assert (cutout.corners + cutout.side_px <= [320, 240]).all()
    for t in range(20):
        left, top, right, bottom = box(masks[t])
        inside = cutout.box(t, (left, top, right, bottom))
        assert (inside[2] - inside[0], inside[3] - inside[1]) == (right - left, bottom - top), "all of it is inside"


def test_what_fills_the_frame_gets_no_cutout() -> None:
    masks = np.zeros((3, 100, 100), bool)
    masks[:, 10:90, 10:90] = True
    assert cutout_around(masks) is None
    assert cutout_around(np.zeros((3, 100, 100), bool)) is None


def test_a_nearer_look_mends_coarse_masks_and_does_not_believe_another_thing() -> None:
    frames, masks = small_disc()
    coarse = masks.copy()
    for t in range(20):
        left = int(box(masks[t])[0])
        coarse[t, :, left : left + 4] = False
    coarse[7] = np.roll(masks[7], 40, axis=0)
    ones = np.ones(20, np.float32)
    track = Track(coarse, ones * 0.8, ones.copy(), ones.copy(), {})
    sighting = Sighting({t: box(masks[t]) for t in (0, 10, 19)}, {0: 0.9, 10: 0.8, 19: 0.7})
    course = look_closer(FakeTracker(), frames, track, sighting, FollowSettings())
    numbers = run_together(FakeTracker(), {"clip": course})["clip"]
    assert isinstance(numbers, dict)
    right = [t for t in range(20) if t != 7]
    assert all(np.array_equal(track.masks[t], masks[t]) for t in right)
    assert numbers["close_look_share"] == 19 / 20
    assert numbers["close_look_iou_min"] == 0.0
