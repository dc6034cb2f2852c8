"""Likeness takes the best match, and a gate lets through what it promises."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pvtt_data.embedders.colour_shape import ColourShape
from pvtt_data.embedders.likeness import fit_gate, likeness


def test_a_gate_lets_the_wanted_share_of_same_products_through() -> None:
    same, different = np.linspace(0.6, 1, 101), np.linspace(0.1, 0.7, 61)
    gate = fit_gate(ColourShape(), list(same), list(different))
    assert gate.most_alike == pytest.approx(0.62) and gate.same_passed == pytest.approx(0.05, abs=0.011)
    assert gate.different_refused == pytest.approx(8 / 61)
    with pytest.raises(ValueError, match="too few"):
        fit_gate(ColourShape(), [0.5] * 19, [0.1] * 50)


def test_likeness_takes_the_best_match_of_each() -> None:
    vectors = np.eye(3, dtype=np.float32)
    assert likeness(vectors[:1], vectors) == 1 and likeness(vectors, vectors[:1]) == pytest.approx(1 / 3)
    assert math.isnan(likeness(vectors[:0], vectors))
