"""Faults change what they say, the same way every time, and are seen by the numbers that are meant for them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from drawn_triples import drawn_triple, known_drawn

from pvtt_data.calibration.triple_faults import TRIPLE_FAULTS, KnownTriple, missing_shadow, shadow_depth
from pvtt_data.embedders.colour_shape import ColourShape
from pvtt_data.triple_quality import TripleMedia, measured
from pvtt_data.triple_quality.shadows import foot_band

TOUCHED = {
    "wrong product": {"references"},
    "copied reference": {"references"},
    "drifted mask": {"source_mask", "target_mask"},
    "missing frame": {"target"},
    "leaked background": {"target"},
    "missing shadow": {"target", "effect_mask"},
    "a left behind": {"target"},
    "no swap": {"target", "target_mask"},
}


def injected(kind: str, strength: float, seed: int = 0) -> TripleMedia | None:
    return TRIPLE_FAULTS[kind].inject(known(kind), strength, np.random.default_rng(seed))


def known(kind: str) -> KnownTriple:
    """A triple with room for the fault: the bottle hides behind the carton, and not the other way round."""
    return known_drawn("carton", "bottle") if kind == "a left behind" else known_drawn()


def changed(one: TripleMedia, other: TripleMedia) -> set[str]:
    def same(name: str) -> bool:
        first, second = getattr(one, name), getattr(other, name)
        if name == "references":
            return len(first) == len(second) and all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
        return np.array_equal(first, second)

    return {f.name for f in dataclasses.fields(one) if not same(f.name)}


@pytest.mark.parametrize("kind", [kind for kind in TRIPLE_FAULTS if kind != "missing shadow"])
def test_a_fault_touches_nothing_else_and_is_the_same_every_time(kind: str) -> None:
    right = known(kind).media
    for strength in TRIPLE_FAULTS[kind].setting:
        first, again = injected(kind, strength), injected(kind, strength)
        assert first is not None and again is not None
        assert set() < changed(right, first) <= TOUCHED[kind]
        assert not changed(first, again)


@pytest.mark.parametrize("kind", list(TRIPLE_FAULTS))
def test_strengths_that_report_set_nothing(kind: str) -> None:
    fault = TRIPLE_FAULTS[kind]
    # One wrong reference or all of them: there is no third strength to keep back.
    assert fault.setting and (fault.unseen or kind == "wrong product")
    assert not {*fault.setting} & {*fault.unseen, *fault.weak}


@pytest.mark.parametrize(
    ("kind", "strength", "number", "worse"),
    [
        ("wrong product", 1.0, "reference_likeness", -0.1),
        ("wrong product", 0.5, "reference_likeness_min", -0.1),
        ("copied reference", 0.0, "reference_leak_likeness", 0.01),
        ("missing frame", 3.0, "product_change_ratio_min", -0.1),
        ("leaked background", 0.08, "background_tile_db", -20.0),
        ("a left behind", 0.6, "residue_a", 0.2),
        ("no swap", 1.0, "ab_likeness", 0.1),
    ],
)
def test_numbers_see_the_faults_that_they_are_for(kind: str, strength: float, number: str, worse: float) -> None:
    right = measured(known(kind).media, ColourShape())[number]
    faulty = injected(kind, strength)
    assert faulty is not None
    step = measured(faulty, ColourShape())[number] - right
    assert step <= worse if worse < 0 else step >= worse


def test_a_drifted_mask_is_seen_by_what_it_covers() -> None:
    right = measured(known_drawn().media, ColourShape())
    faulty = injected("drifted mask", 0.6)
    assert faulty is not None
    numbers = measured(faulty, ColourShape())
    unchanged = max(numbers["source_unchanged"], numbers["target_unchanged"])
    assert numbers["mask_outside_effect"] > right["mask_outside_effect"] + 0.1
    assert unchanged > max(right["source_unchanged"], right["target_unchanged"]) + 0.2


def shaded(depth: float) -> KnownTriple:
    """A triple whose B takes that share of the light from the ground around its foot, and what it was without."""
    known = known_drawn()
    media, target = known.media, known.media.target.copy()
    for frame, mask, effect in zip(target, media.target_mask, media.effect_mask, strict=True):
        ground = foot_band(mask, float(np.sqrt(mask.sum())), reach=0.3)
        frame[ground] = np.rint(frame[ground] * (1.0 - depth))
        effect |= ground
    return dataclasses.replace(known, media=dataclasses.replace(media, target=target), shadowless=media.target)


def test_a_known_shadow_goes_by_the_share_that_is_asked_for() -> None:
    known = shaded(0.3)
    assert known.shadowless is not None
    random = np.random.default_rng(0)
    gone, most = (missing_shadow(known, strength, random) for strength in (1.0, 0.8))
    assert gone is not None and most is not None
    assert changed(known.media, gone) == {"target"} == changed(known.media, most)
    assert np.array_equal(gone.target, known.shadowless)
    left = (known.shadowless.astype(float) - most.target).sum() / (
        known.shadowless.astype(float) - known.media.target
    ).sum()
    assert left == pytest.approx(0.2, abs=0.02)
    lighter = [measured(media, ColourShape())["shadow_lighter"] for media in (known.media, gone)]
    assert lighter[1] > lighter[0] + 0.1


def test_a_shadow_that_hardly_shows_cannot_be_missing() -> None:
    assert missing_shadow(shaded(0.05), 1.0, np.random.default_rng(0)) is None


def test_the_depth_of_a_shadow_is_the_share_of_light_that_it_takes() -> None:
    for depth in (0.0, 0.2, 0.5):
        known = shaded(depth)
        assert known.shadowless is not None
        found = shadow_depth(known.media.target, known.media.target_mask, known.shadowless)
        assert found == pytest.approx(depth, abs=0.04)


def test_what_cannot_go_wrong_is_left_out() -> None:
    still = drawn_triple()
    frozen = dataclasses.replace(
        still, **{name: np.repeat(getattr(still, name)[:1], 9, axis=0) for name in ("source", "target", "source_mask",
                                                                                   "target_mask", "effect_mask")}
    )  # fmt: skip
    stopped = dataclasses.replace(known_drawn(), media=frozen)
    assert TRIPLE_FAULTS["missing frame"].inject(stopped, 2.0, np.random.default_rng(0)) is None
    # The drawn products stand on nothing, so no shadow can be taken away.
    assert injected("missing shadow", 1.0) is None
