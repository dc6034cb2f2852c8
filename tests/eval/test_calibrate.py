"""Calibration on drawn cases: the true target passes, and the gate fits."""

from __future__ import annotations

import pytest
from drawn_cases import drawn_case
from drawn_products import LOOKS
from pvtt_eval.calibrate import calibrate

from pvtt_data.embedders.colour_shape import ColourShape


def test_the_true_target_passes_and_products_are_told_apart() -> None:
    pairs = [(a, b) for a in LOOKS for b in LOOKS if a != b]
    cases = [drawn_case(a, b, slides=slides) for a, b in pairs for slides in (True, False)]
    found = calibrate(cases, ColourShape())
    assert found.told_apart > 0.98 and found.truth_passes.estimate == 1 and found.truth_rsd.low > 0.8
    assert found.gate.same_products == 24 and found.gate.embedder == ColourShape().name
    assert found.truth_rsd.products == len(LOOKS) and found.same[0] > found.different[-1]
    with pytest.raises(ValueError, match="too few"):
        calibrate(cases[:5], ColourShape())
