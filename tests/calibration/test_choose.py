"""From trials to thresholds: what can be told apart is, and false alarms stay within the budget."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pvtt_data.calibration.choose import Rate, caught, choose_flags, choose_rejects, doubted, thresholds_of
from pvtt_data.calibration.make import calibrate, table_digest
from pvtt_data.calibration.mask_trials import GOOD, Half, Role, Trial

SIZE = {"area_share_min": 0.1, "area_share_max": 0.2}


def trial(kind: str, number: int, half: Half = "setting", role: Role = "setting", **numbers: float) -> Trial:
    is_good = kind == GOOD
    return Trial(
        f"clip{number}", f"product{number}", half, kind, "true" if is_good else "",
        0.0 if is_good else 0.5, "good" if is_good else role, {**SIZE, **numbers},
    )  # fmt: skip


def made_trials(half: Half = "setting", seed: int = 0) -> list[Trial]:
    """Good masks; drifts that edges tell, flickers that outlines tell; one good mask in fifty looks like a drift."""
    random = np.random.default_rng(seed)
    rows = []
    for n in range(100):
        edge = 0.1 if n % 50 == 7 else random.uniform(0.6, 1.0)
        rows.append(trial(GOOD, n, half, edge_support_median=edge, boundary_flicker=random.uniform(0.0, 0.01)))
        rows.append(trial("drift", n, half, edge_support_median=random.uniform(0.1, 0.4), boundary_flicker=0.005))
        rows.append(trial("flicker", n, half, edge_support_median=0.9, boundary_flicker=random.uniform(0.02, 0.1)))
    return rows


def test_kinds_that_numbers_tell_apart_are_caught_within_the_budget() -> None:
    trials = made_trials()
    flags = choose_flags(trials, 0.04)
    assert set(flags) == {"edge_support_median", "boundary_flicker"}
    assert caught([t for t in trials if t.kind == GOOD], flags).share <= 0.04
    unseen = made_trials(seed=1)
    for kind in ("drift", "flicker"):
        assert caught([t for t in unseen if t.kind == kind], flags).share > 0.95
    assert caught([t for t in unseen if t.kind == GOOD], flags).share <= 0.05


def test_no_budget_means_no_false_alarm_where_thresholds_are_set() -> None:
    trials = made_trials()
    assert caught([t for t in trials if t.kind == GOOD], choose_flags(trials, 0.0)).hits == 0


def test_the_fewer_products_there_are_the_farther_thresholds_keep_from_good_masks() -> None:
    def flags_of(products: int) -> float:
        random = np.random.default_rng(5)
        trials = [trial(GOOD, n % products, edge_support_median=random.normal(0.8, 0.05)) for n in range(200)]
        trials += [trial("drift", n, edge_support_median=random.uniform(0.3, 0.8)) for n in range(200)]
        return choose_flags(trials, 0.04)["edge_support_median"]

    assert flags_of(4) < flags_of(200) < 0.75


def test_a_number_that_tells_nothing_gets_no_threshold() -> None:
    random = np.random.default_rng(0)
    trials = [dataclasses.replace(row, numbers={**row.numbers, "skin_rise": random.uniform()}) for row in made_trials()]
    assert "skin_rise" not in choose_flags(trials, 0.04)


def test_numbers_that_some_trials_lack_are_used_where_they_are() -> None:
    trials = [trial(GOOD, n, edge_support_median=0.9) for n in range(20)]
    trials += [trial(GOOD, n, edge_support_median=0.9, listing_likeness=0.8) for n in range(20)]
    trials += [trial("wrong", n, edge_support_median=0.9, listing_likeness=0.1) for n in range(10)]
    flags = choose_flags(trials, 0.04)
    assert list(flags) == ["listing_likeness"] and 0.1 < flags["listing_likeness"] < 0.8
    assert doubted({"edge_support_median": 0.9}, flags) == []


def test_what_is_rejected_lies_beyond_every_good_mask() -> None:
    trials = made_trials()
    trials = [t for t in trials if t.kind != GOOD or t.numbers["edge_support_median"] > 0.5]
    rejects = choose_rejects(trials)
    worst = min(t.numbers["edge_support_median"] for t in trials if t.kind == GOOD)
    assert set(rejects) == {"edge_support_median"} and rejects["edge_support_median"] < worst
    limits = thresholds_of({"boundary_flicker": 0.0123456}, rejects)
    assert limits["boundary_flicker"].flag == 0.0123 and limits["boundary_flicker"].reject is None


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"), [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634)]
)
def test_intervals_are_those_of_wilson(hits: int, count: int, low: float, high: float) -> None:
    assert Rate(hits, count).interval == pytest.approx((low, high), abs=1e-4)


def test_a_calibration_reports_the_other_half_only() -> None:
    trials = made_trials("setting") + made_trials("reporting", seed=2)
    calibration = calibrate(trials)
    assert calibration.results["detection"]["drift"]["setting"]["of"] == 100
    assert calibration.results["false_alarms"]["setting"]["caught"] <= 4
    others = [dataclasses.replace(t, numbers=SIZE) if t.half == "reporting" else t for t in trials]
    assert calibrate(others).thresholds == calibration.thresholds
    assert calibrate(others).made["table_sha256"] != calibration.made["table_sha256"]
    assert table_digest(trials[::-1]) == table_digest(trials)


def test_clips_that_requirements_reject_anyway_do_not_take_part() -> None:
    small = {"area_share_min": 0.001, "edge_support_median": 0.0}
    trials = [*made_trials("setting"), *made_trials("reporting", seed=2)]
    more = [*trials, trial(GOOD, 500, **small), trial("drift", 500, **small)]
    assert calibrate(more).thresholds == calibrate(trials).thresholds


def test_a_fault_that_a_requirement_rejects_is_caught() -> None:
    assert caught([trial("lost", 1, area_share_min=0.0)], {}).hits == 1


def test_one_half_without_trials_is_refused() -> None:
    with pytest.raises(ValueError, match="reporting half"):
        calibrate(made_trials("setting"))
