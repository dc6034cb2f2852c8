"""The truth, a little off: scaled about the product, shifted by a share of its height."""

from __future__ import annotations

import numpy as np
from pvtt_train.closed_loop.near import displaced


def clip() -> tuple[np.ndarray, np.ndarray]:
    mask = np.zeros((2, 60, 80), bool)
    mask[:, 20:40, 30:50] = True
    return np.where(mask[..., None], np.uint8(200), np.uint8(20)) * np.ones(3, np.uint8), mask


def bright(video: np.ndarray) -> tuple[float, float, float]:
    """Rows and columns of the middle of what is bright, and its height."""
    rows, columns = np.nonzero(video[0, ..., 0] > 110)
    return float(rows.mean()), float(columns.mean()), float(np.ptp(rows) + 1)


def test_a_product_becomes_smaller_in_its_place() -> None:
    video, mask = clip()
    row, column, tall = bright(displaced(video, mask, scale=0.8))
    assert abs(row - 29.5) <= 0.5 and abs(column - 39.5) <= 0.5 and abs(tall - 16) <= 1


def test_a_product_is_shifted_by_a_share_of_its_height() -> None:
    video, mask = clip()
    row, column, tall = bright(displaced(video, mask, shift=(0.5, 0.1)))
    assert (row, column, tall) == (29.5 + 2, 39.5 + 10, 20)


def test_frames_without_the_product_stay() -> None:
    video, mask = clip()
    mask[1] = False
    moved = displaced(video, mask, scale=0.5)
    assert (moved[1] == video[1]).all() and (moved[0] != video[0]).any()
