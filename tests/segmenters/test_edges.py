"""Probabilities made into masks."""

from __future__ import annotations

import cv2
import numpy as np

from pvtt_data.masks import component_areas, iou
from pvtt_data.segmenters.edges import finished_mask, guided_filter


def test_edges_snap_to_the_picture() -> None:
    true = np.zeros((120, 160), np.uint8)
    cv2.circle(true, (80, 60), 30, 1, -1)
    frame = np.repeat(np.where(true > 0, 200, 60).astype(np.uint8)[..., None], 3, axis=2)
    off = np.roll(cv2.GaussianBlur(true.astype(np.float32), (0, 0), 3), 2, axis=1)
    before = iou(off > 0.5, true > 0)
    after = iou(finished_mask(frame, off, 12, 1e-4), true > 0)
    assert before < 0.93 and after > 0.98


def test_specks_and_pinholes_go_and_a_handle_stays() -> None:
    probability = np.zeros((120, 160), np.float32)
    probability[20:100, 20:100] = 1.0
    probability[50, 50] = 0.0
    probability[40:70, 70:90] = 0.0
    probability[5:9, 140:144] = 1.0
    mask = finished_mask(np.full((120, 160, 3), 90, np.uint8), probability, 3, 1e-4)
    assert len(component_areas(mask)) == 1
    assert mask[50, 50] and not mask[55, 80]


def test_the_guided_filter_leaves_an_image_that_is_its_own_guide_nearly_alone() -> None:
    image = cv2.GaussianBlur(np.random.default_rng(0).random((60, 80), np.float32), (0, 0), 2)
    np.testing.assert_allclose(guided_filter(image, image, 4, 1e-8), image, atol=1e-3)


def test_the_guided_filter_is_a_box_blur_where_the_guide_is_flat() -> None:
    image = np.random.default_rng(0).random((60, 80), np.float32)
    blurred = cv2.blur(cv2.blur(image, (5, 5)), (5, 5))
    np.testing.assert_allclose(guided_filter(np.full_like(image, 0.5), image, 2, 1e-4), blurred, atol=1e-3)
