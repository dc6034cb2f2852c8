"""Estimates come from what rows took here; before that, from the sample catalogue."""

from __future__ import annotations

import pytest

from pvtt_data.estimate import SAMPLE_RATES, estimate_stage
from pvtt_data.stage import Cost, ItemCost

SEEN = [
    ItemCost(f"clip {n}", Cost(wall, wall, 10**9), True, stored) for n, (wall, stored) in enumerate([(2, 10), (4, 30)])
]


def test_rates_measured_here_are_preferred() -> None:
    guess = estimate_stage("segment", 6, 2, False, 5, SEEN, None, workers=2)
    assert (guess.rows, guess.wall_s, guess.stored_bytes, guess.basis) == (6, 9.0, 120.0, "measured here")
    first = estimate_stage("segment", 6, 0, False, 5, [], None, workers=2)
    assert first.wall_s == pytest.approx(3 * SAMPLE_RATES["segment"].wall_s)
    assert first.basis == "from the sample catalogue"


def test_rows_that_are_not_made_yet_are_counted_as_the_last_build_had_them() -> None:
    assert estimate_stage("segment", 0, 20, True, 11, SEEN, 2.0, workers=1).rows == 2
    assert estimate_stage("segment", 5, 20, True, 11, SEEN, 2.0, workers=1).rows == 5
    assert estimate_stage("segment", 0, 0, True, 10, [], None, workers=1).rows == 16


def test_a_stage_whose_input_is_all_there_is_counted_exactly() -> None:
    assert estimate_stage("segment", 0, 20, False, 100, SEEN, 2.0, workers=1).rows == 0


def test_half_a_round_of_workers_takes_a_whole_round() -> None:
    one = estimate_stage("segment", 3, 0, False, 5, SEEN, None, workers=2)
    assert one.wall_s == 6.0
