"""Following a thing: both ways, in windows, again where it is in doubt, and back again to check."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from disc_world import FakeTracker, box, disc_clip
from hypothesis import given
from hypothesis import strategies as st

from pvtt_data.errors import InputError
from pvtt_data.segmenters.grounded.follow import Sighting, Track, follow, windows_of
from pvtt_data.segmenters.grounded.lanes import Prompt, run_together
from pvtt_data.segmenters.grounded.settings import FollowSettings


def followed(tracker, frames, sighting, settings=None, entry=None) -> Track:
    done = run_together(tracker, {"clip": follow(tracker, frames, sighting, settings or FollowSettings(), entry)})
    if isinstance(done["clip"], Exception):
        raise done["clip"]
    return done["clip"]


def sighted(masks, keys, best=None) -> Sighting:
    return Sighting({t: box(masks[t]) for t in keys}, {t: 1.0 if t == best else 0.5 for t in keys})


@given(st.integers(1, 400), st.integers(2, 60), st.data())
def test_windows_cover_every_frame_and_share_at_least_the_overlap(count: int, window: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(1, window - 1))
    windows = windows_of(count, window, overlap)
    assert sorted({t for part in windows for t in part}) == list(range(count))
    assert all(len(part) == min(window, count) for part in windows)
    for one, other in pairwise(windows):
        assert one.start < other.start
        assert one.stop - other.start >= overlap


def test_windows_that_would_not_move_on_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot share"):
        windows_of(100, 8, 8)


def test_a_thing_is_followed_to_both_ends_from_the_middle() -> None:
    frames, masks = disc_clip()
    track = followed(FakeTracker(), frames, sighted(masks, [0, 12, 23], best=12))
    assert np.array_equal(track.masks, masks)
    assert track.reprompts == 0
    assert track.agreement.min() == 1.0
    assert min(track.box_ious.values()) == 1.0


@pytest.mark.parametrize("best", [0, 11, 50, 60])
def test_a_long_clip_is_followed_in_windows_that_agree(best: int) -> None:
    frames, masks = disc_clip(61)
    tracker = FakeTracker()
    settings = FollowSettings(window=16, overlap=4)
    track = followed(tracker, frames, sighted(masks, [0, 11, 20, 40, 50, 60], best), settings)
    assert tracker.widest_embed == 16
    assert np.array_equal(track.masks, masks)
    assert track.window_agreement == 1.0
    assert set(track.box_ious) == {0, 11, 20, 40, 50, 60}


class ForgetfulTracker(FakeTracker):
    """Goes astray in the first window only."""

    def embed(self, frames):
        clip = super().embed(frames)
        self.windows = getattr(self, "windows", 0) + 1
        if self.windows > 1:
            self.slips_when = None
        return clip


def test_windows_that_disagree_are_noticed() -> None:
    frames, masks = disc_clip(40)
    settings = FollowSettings(window=16, overlap=4, max_reprompts=0, check=False)
    steady = followed(FakeTracker(), frames, sighted(masks, [5], best=5), settings)
    assert steady.window_agreement == 1.0
    # The first window ends astray at 14 and 15; the second one begins at 12 and stays with the disc.
    track = followed(ForgetfulTracker(slips_when=frames[14], sure=0.95), frames, sighted(masks, [5], best=5), settings)
    assert track.window_agreement < 0.5
    assert np.array_equal(track.masks[16:], masks[16:])


def test_a_doubtful_keyframe_is_prompted_again_up_to_its_sound_neighbours() -> None:
    frames, masks = disc_clip()
    tracker = FakeTracker(slips_when=frames[8], sure=0.3)
    track = followed(tracker, frames, sighted(masks, [0, 12, 23], best=0), FollowSettings(check=False))
    # From frame 12 on it is right again, and so is the keyframe at the end: once was enough.
    assert track.reprompts == 1
    assert all(np.array_equal(track.masks[t], masks[t]) for t in range(24) if t != 8)
    untold = followed(tracker, frames, sighted(masks, [0, 12, 23], best=0), FollowSettings(max_reprompts=0))
    assert not np.array_equal(untold.masks[12], masks[12])
    assert untold.box_ious[12] < 0.5


def test_a_slip_that_the_tracker_does_not_notice_is_found_by_coming_back() -> None:
    frames, masks = disc_clip()
    tracker = FakeTracker(slips_when=frames[8], sure=0.95)
    settings = FollowSettings(max_reprompts=0)
    track = followed(tracker, frames, sighted(masks, [0], best=0), settings)
    assert track.quality.min() > 0.9
    # Forwards it left the red disc at frame 8; back again it stays on the green one.
    assert track.agreement[1:8].max() == 0.0
    unchecked = followed(tracker, frames, sighted(masks, [0], best=0), FollowSettings(max_reprompts=0, check=False))
    assert unchecked.agreement.min() == 1.0


def test_a_mask_may_begin_in_place_of_a_box() -> None:
    frames, masks = disc_clip()
    sighting = Sighting({5: (0.0, 0.0, 80.0, 60.0)}, {5: 1.0})
    track = followed(FakeTracker(), frames, sighting, FollowSettings(max_reprompts=0), Prompt(mask=masks[5]))
    assert np.array_equal(track.masks, masks)


def test_a_thing_out_of_sight_between_two_windows_is_lost() -> None:
    frames, masks = disc_clip(40)
    frames[16:] = 120
    with pytest.raises(InputError) as lost:
        followed(FakeTracker(), frames, sighted(masks, [0], best=0), FollowSettings(window=8, overlap=2))
    assert lost.value.reason == "track-lost"


def test_one_clip_that_fails_does_not_end_the_others() -> None:
    frames, masks = disc_clip(40)
    gone = frames.copy()
    gone[16:] = 120
    tracker, settings = FakeTracker(), FollowSettings(window=8, overlap=2)
    sighting = sighted(masks, [0], best=0)
    done = run_together(
        tracker,
        {
            "lost": follow(tracker, gone, sighting, settings),
            "kept": follow(tracker, frames, sighting, settings),
        },
    )
    assert isinstance(done["lost"], InputError)
    assert isinstance(done["kept"], Track)
    assert np.array_equal(done["kept"].masks, masks)
