"""Verdicts by thresholds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pvtt_data.thresholds import Rule, first_broken, judge

RULES = (
    Rule("too-thin", "width", 2.0, "below"),
    Rule("too-wide", "width", 9.0, "above"),
    Rule("wide", "width", 7.0, "above", "flag"),
    Rule("tall", "height", 5.0, "above", "flag"),
)
sizes = st.fixed_dictionaries({"width": st.floats(0, 12), "height": st.floats(0, 12)})


def test_a_number_on_the_threshold_passes() -> None:
    assert judge({"width": 2.0, "height": 5.0}, RULES) == ("accept", (), "")


def test_the_first_broken_rule_that_rejects_is_the_reason() -> None:
    verdict, reasons, message = judge({"width": 9.5, "height": 6.0}, RULES)
    assert (verdict, reasons, message) == ("reject", ("too-wide",), "width 9.5 is above 9")


def test_all_rules_that_flag_are_told() -> None:
    assert judge({"width": 8.0, "height": 6.0}, RULES) == ("flag", ("wide", "tall"), "")


@given(sizes)
def test_what_is_rejected_has_a_broken_rule_and_what_is_accepted_none(numbers: dict[str, float]) -> None:
    verdict, reasons, _ = judge(numbers, RULES)
    assert (verdict == "reject") == (first_broken(numbers, RULES) is not None)
    assert (verdict == "accept") == (not any(rule.is_broken(numbers) for rule in RULES))
    assert bool(reasons) == (verdict != "accept")
