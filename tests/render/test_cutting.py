"""Shots are joined frame by frame, and what is said of cuts and dissolves is where they are."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pvtt_data.render.cutting import Timeline, join, visibility
from pvtt_data.render.filming import Footage

shots = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 4)), min_size=1, max_size=5)


def timeline_of(shots: list[tuple[int, int]]) -> Timeline:
    """(frames alone, dissolve from the shot before) of each shot."""
    dissolves = [0, *(dissolve for _, dissolve in shots[1:])]
    after = [*dissolves[1:], 0]
    frames = [alone + before + behind for (alone, _), before, behind in zip(shots, dissolves, after, strict=True)]
    return Timeline(tuple(frames), tuple(dissolves))


@given(shots)
def test_frames_alone_and_dissolves_tile_the_video(shots: list[tuple[int, int]]) -> None:
    timeline = timeline_of(shots)
    assert [last - first for first, last in timeline.spans] == [alone for alone, _ in shots]
    covered = sorted([*timeline.spans, *timeline.dissolve_spans])
    assert [frame for first, last in covered for frame in range(first, last)] == list(range(timeline.frame_count))
    hard = [first for (first, _), slow in zip(timeline.spans, timeline.dissolves, strict=True) if not slow]
    assert timeline.cuts == hard[1:]


@given(shots)
def test_every_shot_is_shown_whole_and_mixed_only_in_dissolves(shots: list[tuple[int, int]]) -> None:
    timeline = timeline_of(shots)
    levels = [20 * (number + 1) for number in range(len(shots))]
    made = [
        Footage(np.full((frames, 2, 2, 3), level, np.uint8), np.full((frames, 2, 2), float(number % 2), np.float32))
        for number, (frames, level) in enumerate(zip(timeline.frames, levels, strict=True))
    ]
    video = join(timeline, made)
    assert len(video.frames) == len(video.masks) == timeline.frame_count
    for number, ((first, last), level) in enumerate(zip(timeline.spans, levels, strict=True)):
        assert (video.frames[first:last] == level).all()
        assert (video.masks[first:last] == bool(number % 2)).all()
    for first, last in timeline.dissolve_spans:
        steps = np.diff([video.frames[frame, 0, 0, 0].astype(int) for frame in range(first - 1, last + 1)])
        assert (steps > 0).all() and steps.sum() == 20 and steps.max() - steps.min() <= 1


def test_a_product_that_touches_the_edge_once_is_not_whole() -> None:
    masks = np.zeros((6, 10, 10), bool)
    masks[:, 2:4, 2:7] = True
    masks[4, 3, 2:] = True
    first, second = visibility(masks, [(0, 3), (3, 6)])
    assert (first.whole, first.least_area, first.most_area) == (True, 0.1, 0.1)
    assert (second.whole, second.least_area, second.most_area) == (False, 0.1, 0.13)
