"""Copies are found however they were cropped, shifted, sped up or covered; look-alikes are told from them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_footage import covered, joined, scene

from pvtt_data import same_footage
from pvtt_data.footage import Footage
from pvtt_data.records import Stretch
from pvtt_data.same_footage import compare, mirrored

SUBTITLES = (slice(54, 61), slice(6, 58))

COPIES: dict[str, Footage] = {
    "brighter": Footage(scene(1).time_ms, np.minimum(scene(1).pictures, 235) + np.uint8(20)),
    "cropped at one corner": scene(1, crop=(0.1, 1.0, 0.0, 0.9)),
    "cropped all around": scene(1, crop=(0.05, 0.95, 0.05, 0.95)),
    "cropped between the views": scene(1, crop=(0.03, 0.96, 0.02, 1.0)),
    "later": scene(1, start_s=0.7),
    "between the pictures": scene(1, start_s=0.125),
    "faster": scene(1, duration_s=5.5, speed=1.05),
    "slower": scene(1, speed=0.95),
    "a part": scene(1, start_s=1.3, duration_s=3.5),
    "in the middle of another": joined(
        scene(2, duration_s=4), scene(1, start_s=1, duration_s=3), scene(3, duration_s=2)
    ),
}


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_agrees_as_a_whole(how: str) -> None:
    best = compare(scene(1), COPIES[how])[0]
    assert best.agreeing > 0.95
    assert best.moving >= 4
    assert best.moving_alike > 0.9


@pytest.mark.parametrize(
    ("copy", "least"),
    [
        (covered(scene(1), *SUBTITLES), 0.6),
        (covered(covered(scene(1), *SUBTITLES), slice(2, 14), slice(44, 62)), 0.5),
        (covered(scene(1, crop=(0.0, 0.92, 0.04, 1.0), start_s=0.5), *SUBTITLES), 0.6),
    ],
)
def test_a_covered_copy_agrees_but_where_it_is_covered(copy: Footage, least: float) -> None:
    best = compare(scene(1), copy)[0]
    assert least < best.agreeing < 0.95
    assert best.moving_alike > 0.9


def test_times_say_where_the_stretch_lies() -> None:
    best = compare(scene(1), joined(scene(2, duration_s=4), scene(1, start_s=1.5, duration_s=3)))[0]
    assert best.one_start_ms == pytest.approx(1500, abs=130)
    assert best.one_end_ms == pytest.approx(4500, abs=300)
    assert best.other_start_ms == pytest.approx(4000, abs=130)
    assert best.other_end_ms == pytest.approx(7000, abs=300)


def test_reordered_shots_are_found_one_by_one() -> None:
    parts = [scene(seed, duration_s=4) for seed in (1, 2, 3)]
    found = compare(joined(*parts), joined(*parts[::-1]))
    starts = sorted((round(s.one_start_ms, -3), round(s.other_start_ms, -3)) for s in found)
    assert starts == [(0, 8000), (4000, 4000), (8000, 0)]


def test_other_footage_is_not_the_same() -> None:
    for seed in (2, 3, 4):
        assert all(s.agreeing < 0.5 for s in compare(scene(1), scene(seed)))


def moment(seed: int) -> Footage:
    """7 s of a room that is the same all along, and something walks through it."""
    still = np.repeat(scene(1, duration_s=0.25).pictures, 28, axis=0)
    path = np.cumsum(np.random.default_rng(seed).integers(-5, 6, 28)) + 26
    for picture, x in zip(still, path, strict=True):
        left = int(np.clip(x, 0, 52))
        picture[20:50, left : left + 12] //= 2
    return Footage(250 * np.arange(28, dtype=np.int64), still)


def test_another_moment_of_a_locked_off_scene_does_not_move_alike() -> None:
    found = compare(moment(1), moment(2))
    assert found
    assert all(s.moving_alike < 0.8 for s in found if s.moving >= 4)


def test_a_shared_title_makes_no_copies_of_what_follows() -> None:
    """The cut from the title to the scene is no motion that the two have in common."""
    title = scene(5, duration_s=1)
    found = compare(joined(title, moment(1)), joined(title, moment(2)))
    assert found
    assert all(s.moving_alike < 0.8 for s in found if s.pictures > 10)


def test_a_loop_is_found_in_itself_and_what_does_not_repeat_is_not() -> None:
    part = scene(1, duration_s=3)
    found = compare(joined(part, part), joined(part, part))
    assert abs(found[0].one_start_ms - found[0].other_start_ms) == pytest.approx(3000, abs=130)
    assert found[0].agreeing > 0.95
    assert all(s.agreeing < 0.5 for s in compare(joined(part, scene(2)), joined(part, scene(2))))


@pytest.mark.parametrize("pictures", [0, 1, 9])
def test_short_footage_shares_nothing(pictures: int) -> None:
    whole = scene(1)
    short = Footage(whole.time_ms[:pictures], whole.pictures[:pictures])
    assert compare(short, whole) == compare(whole, short) == []


def test_black_footage_shares_nothing() -> None:
    black = Footage(scene(1).time_ms, np.zeros_like(scene(1).pictures))
    assert compare(black, black) == []


@st.composite
def any_footage(draw: st.DrawFn) -> Footage:
    """A few scenes after each other, some covered, on times that are not even."""
    share = st.sampled_from([0.0, 0.04, 0.1])
    parts = []
    for _ in range(draw(st.integers(1, 2))):
        crop = (draw(share), 1 - draw(share), draw(share), 1 - draw(share))
        part = scene(
            draw(st.integers(1, 2)),
            draw(st.sampled_from([0.0, 0.4, 2.0])),
            draw(st.sampled_from([2.5, 4.0])),
            1.0,
            crop,
        )
        parts.append(covered(part, *SUBTITLES) if draw(st.booleans()) else part)
    footage = joined(*parts)
    jitter = np.array(draw(st.lists(st.integers(0, 90), min_size=len(footage), max_size=len(footage))))
    return Footage(footage.time_ms + jitter, footage.pictures)


@given(any_footage(), any_footage())
@settings(max_examples=25, deadline=None)
def test_who_is_compared_with_whom_does_not_matter(one: Footage, other: Footage) -> None:
    there, back = compare(one, other), compare(other, one)
    if np.array_equal(one.time_ms, other.time_ms) and np.array_equal(one.pictures, other.pictures):
        # Which of two times in the same footage is called "one" has no meaning.
        assert there == back
    else:
        assert there == [mirrored(stretch) for stretch in back]


@given(any_footage(), any_footage())
@settings(max_examples=10, deadline=None)
def test_numbers_do_not_depend_on_the_order_of_summation(one: Footage, other: Footage) -> None:
    usual = compare(one, other)

    def in_integers(a: npt.NDArray[np.int8], b: npt.NDArray[np.int8]) -> npt.NDArray[np.float32]:
        return (a[:, ::-1].astype(np.int64) @ b[:, ::-1].astype(np.int64).T).astype(np.float32)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(same_footage, "products", in_integers)
        patch.setattr(same_footage, "_ROWS_AT_ONCE", 7)
        assert compare(one, other) == usual


def test_mirroring_twice_changes_nothing() -> None:
    facts: dict[str, Any] = {
        "pictures": 12,
        "alike": 0.9,
        "blocks": 60,
        "agreeing": 0.8,
        "moving": 9,
        "moving_alike": 1.0,
    }
    stretch = Stretch(0, 3000, 500, 3500, **facts)
    assert mirrored(stretch) == Stretch(500, 3500, 0, 3000, **facts)
    assert mirrored(mirrored(stretch)) == stretch
