"""Thresholds of triples: what is dropped, what people see first."""

from __future__ import annotations

import pytest

from pvtt_data.stages.triple_qc import TripleQcConfig, rules
from pvtt_data.verdicts import judge

GOOD = {
    "background_psnr_db": 45.0,
    "centroid_agreement": 1.0,
    "reference_leak_bits": 20.0,
    "scale_agreement": 1.0,
    "residue": 0.0,
    "ab_similarity": 0.1,
    "made_up_share": 0.1,
}


@pytest.mark.parametrize(
    ("changed", "verdict", "reason"),
    [
        ({}, "accept", ()),
        ({"background_psnr_db": 29.9}, "reject", ("background-changed",)),
        ({"centroid_agreement": 0.5}, "reject", ("paths-disagree",)),
        ({"reference_leak_bits": 6.0}, "reject", ("reference-leak",)),
        ({"reference_leak_bits": 7.0}, "accept", ()),
        ({"residue": 0.4}, "reject", ("residue",)),
        ({"scale_agreement": 0.5, "ab_similarity": 0.9}, "flag", ("sizes-disagree", "too-alike")),
        ({"made_up_share": 0.4}, "flag", ("large-inpaint",)),
        ({"made_up_share": 0.7}, "reject", ("background-made-up",)),
    ],
)
def test_a_swap_is_judged_by_its_numbers(changed: dict[str, float], verdict: str, reason: tuple[str, ...]) -> None:
    got = judge(GOOD | changed, rules(TripleQcConfig(), "swap", "composite"))
    assert got[:2] == (verdict, reason)


def test_a_noop_may_look_like_itself() -> None:
    numbers = GOOD | {"ab_similarity": 1.0, "residue": 1.0}
    assert judge(numbers, rules(TripleQcConfig(), "noop", "composite"))[0] == "accept"


def test_engines_that_make_nothing_up_need_no_such_number() -> None:
    numbers = {name: value for name, value in GOOD.items() if name != "made_up_share"}
    assert judge(numbers, rules(TripleQcConfig(), "swap", "render"))[0] == "accept"
