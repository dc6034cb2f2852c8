"""Nominations bring copies together, whatever else is in the feed."""

from __future__ import annotations

import numpy as np
import pytest
from made_footage import covered, joined, scene

from pvtt_data.footage import Footage, Sketch, sketch_of
from pvtt_data.stages import nominate as nominate_module
from pvtt_data.stages.nominate import nominate

COPIES = {
    "cropped": scene(1, crop=(0.1, 1.0, 0.0, 0.9)),
    "covered": covered(scene(1), slice(54, 61), slice(6, 58)),
    "faster": scene(1, duration_s=5.5, speed=1.05),
    "a part": joined(scene(9, duration_s=4), scene(1, start_s=1.3, duration_s=2.5)),
}


def sketches(**footage: Footage) -> dict[str, Sketch]:
    return {name: sketch_of(of) for name, of in footage.items()}


OTHERS = sketches(**{f"other {seed}": scene(seed) for seed in range(2, 8)})


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_is_nominated_and_other_footage_is_not(how: str) -> None:
    assert nominate(sketches(original=scene(1), copy=COPIES[how]) | OTHERS) == [("copy", "original")]


def test_names_and_order_of_the_feed_do_not_matter() -> None:
    feed = sketches(z=scene(1), a=COPIES["cropped"], m=COPIES["covered"]) | OTHERS
    found = nominate(feed)
    assert ("a", "z") in found and ("m", "z") in found
    assert nominate(dict(reversed(feed.items()))) == found


def test_other_sources_change_nothing_about_a_pair() -> None:
    feed = sketches(one=scene(1), other=COPIES["a part"], more=COPIES["faster"]) | OTHERS
    whole = nominate(feed)
    for gone in feed:
        less = nominate({name: sketch for name, sketch in feed.items() if name != gone})
        assert less == [pair for pair in whole if gone not in pair]


def test_how_much_is_multiplied_at_once_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = sketches(one=scene(1), other=COPIES["a part"], more=COPIES["faster"]) | OTHERS
    whole = nominate(feed)
    monkeypatch.setattr(nominate_module, "_QUERY_ROWS", 10)
    monkeypatch.setattr(nominate_module, "_TARGET_ROWS", 7)
    assert nominate(feed) == whole


def test_nothing_and_black_footage_are_no_trouble() -> None:
    black = Footage(scene(1).time_ms, np.zeros_like(scene(1).pictures))
    empty = Footage(np.zeros(0, np.int64), np.zeros((0, 64, 64), np.uint8))
    assert nominate({}) == []
    assert nominate(sketches(black=black)) == []
    assert nominate(sketches(black=black, empty=empty, dark=black)) == []
