"""Scene facts: said only where numbers say so."""

from __future__ import annotations

import dataclasses

import pytest
from record_samples import clip, source, track

from pvtt_data.captions.scene import clip_facts

SHOP = source("mug")
CLIP = clip("clip", SHOP)


def said(area: float | None = 0.1, **numbers: float) -> dict[str, str]:
    """The first words for each fact."""
    shown = dataclasses.replace(CLIP, numbers={**CLIP.numbers, **numbers})
    masked = dataclasses.replace(track(CLIP), numbers={} if area is None else {"area_share_median": area})
    return {name: words[0] for name, words in clip_facts(shown, masked).facts}


@pytest.mark.parametrize(
    ("area", "numbers", "facts"),
    [
        (0.1, {}, {}),
        (None, {}, {}),
        (0.3, {}, {"scale": "close-up"}),
        (0.015, {}, {"scale": "small in the frame"}),
        (0.1, {"luma": 45.0}, {"light": "dark picture"}),
        (0.1, {"luma": 200.0}, {"light": "bright picture"}),
        (0.1, {"motion_px_per_s": 1.0}, {"camera": "static camera"}),
        (0.3, {"luma": 200.0}, {"scale": "close-up", "light": "bright picture"}),
    ],
)  # fmt: skip
def test_only_what_was_measured_is_said(area: float | None, numbers: dict[str, float], facts: dict[str, str]) -> None:
    assert said(area, **numbers) == facts


def test_a_clip_without_numbers_says_nothing() -> None:
    bare = dataclasses.replace(CLIP, numbers={})
    assert clip_facts(bare, dataclasses.replace(track(CLIP), numbers={})).facts == ()
