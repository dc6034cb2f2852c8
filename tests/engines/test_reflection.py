"""A mirror image under a product is found, and only there."""

from __future__ import annotations

import numpy as np
from moving_scenes import texture

from pvtt_data.engines.reflection import draw_reflection, find_reflection

PRODUCT = np.zeros((260, 200), np.bool_)
PRODUCT[40:160, 60:140] = True


def _on_a_table(mirror: float) -> np.ndarray:
    """(260, 200, 3) uint8: a product with a print, mirrored with a strength in a plain table."""
    frame = np.full((260, 200, 3), 170, np.uint8)
    frame[PRODUCT] = texture(260, 200, 4, (120, 110, 100), 60.0)[PRODUCT]
    below = frame[60:160][::-1].astype(float)
    table = frame[160:260].astype(float)
    where = PRODUCT[60:160][::-1]
    table[where] += mirror * (below[where] - table[where])
    frame[160:260] = np.rint(table)
    return frame


def test_a_mirror_image_is_found_with_its_strength() -> None:
    found = find_reflection(_on_a_table(0.4), PRODUCT)
    assert found is not None
    assert 0.3 < found.strength < 0.5
    assert found.likeness > 0.9
    assert found.region[165:210, 70:130].mean() > 0.9
    assert not (found.region & PRODUCT).any()
    assert not found.region[:, :55].any()


def test_a_plain_or_textured_table_mirrors_nothing() -> None:
    assert find_reflection(_on_a_table(0.0), PRODUCT) is None
    for seed in range(6):
        frame = _on_a_table(0.0)
        frame[160:] = texture(100, 200, 20 + seed, (150, 120, 90), 60.0)
        assert find_reflection(frame, PRODUCT) is None


def test_a_product_at_the_lower_border_shows_no_ground() -> None:
    low = np.zeros_like(PRODUCT)
    low[120:258, 60:140] = True
    assert find_reflection(_on_a_table(0.4), low) is None


def test_what_is_drawn_is_as_strong_as_the_mirror() -> None:
    under = np.full((4, 4, 3), 100, np.uint8)
    colour, alpha = np.full((4, 4, 3), 200, np.float32), np.full((4, 4), 0.5, np.float32)
    assert (draw_reflection(under, colour, alpha, 0.4) == 120).all()
    assert (draw_reflection(under, colour, alpha, 0.0) == 100).all()
