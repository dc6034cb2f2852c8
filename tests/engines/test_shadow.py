"""The old product's shadow lies at its foot; dark things behind it are no shadow."""

from __future__ import annotations

import numpy as np

from pvtt_data.engines.shadow import find_shadow

PRODUCT = np.zeros((300, 300), np.bool_)
PRODUCT[60:220, 110:190] = True


def lit_ground() -> np.ndarray:
    """(300, 300, 3) uint8: bright everywhere but for the product."""
    frame = np.full((300, 300, 3), 200, np.uint8)
    frame[PRODUCT] = (30, 120, 60)
    return frame


def test_a_shadow_at_the_foot_is_found() -> None:
    frame = lit_ground()
    frame[200:228, 190:240] = 90
    shadow, brightness = find_shadow(frame, PRODUCT)
    assert shadow[205:223, 195:230].mean() > 0.8
    assert brightness < 0.8
    assert not (shadow & PRODUCT).any()


def test_a_dark_board_behind_the_product_stays() -> None:
    frame = lit_ground()
    frame[120:165, 190:250] = 60
    shadow, brightness = find_shadow(frame, PRODUCT)
    assert not shadow.any()
    assert brightness == 1.0
