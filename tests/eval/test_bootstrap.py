"""Intervals: of products, repeatable, honest about what is missing."""

from __future__ import annotations

import numpy as np
import pytest
from pvtt_eval.bootstrap import bootstrap_mean, wilson


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    dice = np.random.default_rng(5)
    held = 0
    for trial in range(200):
        products = dice.normal(0.3, 1, 40)
        values = np.repeat(products, 3) + dice.normal(0, 0.2, 120)
        found = bootstrap_mean(list(values), [str(k // 3) for k in range(120)], draws=400, seed=trial)
        held += found.low <= 0.3 <= found.high
    assert 0.89 <= held / 200 <= 0.99


def test_clips_of_one_product_do_not_make_it_surer() -> None:
    values = [0.0, 1.0] * 10
    few = bootstrap_mean(values, [str(k) for k in range(20)])
    many = bootstrap_mean(values * 10, [str(k % 20) for k in range(200)])
    assert many.low == pytest.approx(few.low) and many.high == pytest.approx(few.high)
    assert many.cases == 200 and many.products == 20


def test_the_same_cases_give_the_same_interval_in_any_order() -> None:
    values, products = [0.1, 0.5, 0.9, 0.4, *np.linspace(0, 2, 30)], ["a", "b", "c", "a", *map(str, range(30))]
    assert bootstrap_mean(values, products) == bootstrap_mean(values[::-1], products[::-1])
    assert bootstrap_mean(values, products, seed=1) != bootstrap_mean(values, products)


def test_cases_without_a_number_are_counted_and_left_out() -> None:
    found = bootstrap_mean([1.0, float("nan"), 3.0], ["a", "b", "c"])
    assert found.estimate == 2 and found.cases == 2 and found.missing == 1 and found.products == 2
    with pytest.raises(ValueError, match="no case"):
        bootstrap_mean([float("nan")], ["a"])
    with pytest.raises(ValueError, match="products"):
        bootstrap_mean([1.0], [])


def test_wilson_is_the_published_interval() -> None:
    found = wilson(8, 10)
    assert (found.low, found.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(0, 20).low == 0 and wilson(0, 20).high == pytest.approx(0.1611, abs=1e-4)
    with pytest.raises(ValueError, match="no share"):
        wilson(3, 2)
