"""Wished and found shares of the engines."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pvtt_data.engines.mix import EngineShares, mix_lines


def wanted(shares: EngineShares | None, render: float | None, pairs: list[str]) -> dict[str, float | None]:
    return {line.engine: line.wanted for line in mix_lines(shares, render, pairs, pairs)}


def test_the_largest_share_makes_as_many_as_asked_and_the_others_in_proportion() -> None:
    assert EngineShares().rates(2) == {"composite": 2, "crosspair": 1, "panzoom": pytest.approx(2 / 3)}
    assert EngineShares(composite=0, crosspair=1, panzoom=2).rates(1) == {
        "composite": 0,
        "crosspair": 0.5,
        "panzoom": 1,
    }


def test_wanted_shares_are_those_of_the_engines_that_could_make_something() -> None:
    all_three = ["composite", "crosspair", "panzoom"]
    assert wanted(EngineShares(), None, all_three) == pytest.approx(
        {"composite": 30 / 55, "crosspair": 15 / 55, "panzoom": 10 / 55}
    )
    assert wanted(EngineShares(), None, all_three[:2]) == pytest.approx(
        {"composite": 30 / 45, "crosspair": 15 / 45, "panzoom": 0}
    )


def test_renders_take_their_share_of_all_and_the_others_share_the_rest() -> None:
    found = wanted(EngineShares(panzoom=0), 0.25, ["composite", "crosspair", "render"])
    assert found == pytest.approx({"render": 0.25, "composite": 0.5, "crosspair": 0.25})
    assert wanted(EngineShares(panzoom=0), 0.25, ["composite", "crosspair"])["composite"] == pytest.approx(2 / 3)
    assert set(wanted(EngineShares(), None, ["composite", "render"]).values()) == {None}
    assert wanted(None, None, ["render"]) == {"render": None}


def test_found_shares_are_of_the_triples_that_passed() -> None:
    lines = mix_lines(
        EngineShares(), None, ["composite"] * 4 + ["crosspair"] * 2, ["composite"] * 2 + ["crosspair"] * 2
    )
    by_engine = {line.engine: line for line in lines}
    assert (by_engine["composite"].pairs, by_engine["composite"].triples, by_engine["composite"].found) == (4, 2, 0.5)
    assert by_engine["composite"].text() == "composite 67% wanted, 50% found (2 of 4 pairs)"
    assert sum(line.found for line in lines) == 1
    assert all(line.found == 0 for line in mix_lines(EngineShares(), None, ["composite"], []))


def test_a_recipe_that_wants_nothing_of_anything_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least one engine"):
        EngineShares(composite=0, crosspair=0, panzoom=0)
