"""Soft edges: alpha near the truth, no background in the colours, and clear refusals."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pvtt_data.errors import InputError
from pvtt_data.matting import matted, matting_is_there

pytestmark = pytest.mark.skipif(not matting_is_there(), reason="needs the extra matting: pip install 'pvtt[matting]'")


def blurred_disc() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A red disc with a soft edge on textured green: picture, true alpha, and a mask that is one pixel off."""
    y, x = np.mgrid[:120, :140]
    alpha = np.clip((40.5 - np.hypot(x - 70, y - 60)) / 6 + 0.5, 0, 1)
    dice = np.random.default_rng(0)
    ground = np.array([30, 160, 60]) + dice.normal(0, 8, (120, 140, 1))
    product = np.array([200, 40, 40]) + dice.normal(0, 8, (120, 140, 1))
    picture = product * alpha[..., None] + ground * (1 - alpha[..., None])
    mask = cv2.dilate((alpha > 0.5).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return np.clip(picture, 0, 255).astype(np.uint8), alpha, mask


def test_alpha_is_nearer_to_the_truth_than_the_mask_is() -> None:
    picture, truth, mask = blurred_disc()
    alpha, _ = matted(picture, mask, 6)
    assert alpha.dtype == np.float32
    assert np.abs(alpha - truth).mean() < 0.3 * np.abs(mask - truth).mean()
    assert alpha[60, 70] == 1.0 and alpha[0, 0] == 0.0


def test_the_colours_have_no_background_in_them_and_the_inside_is_untouched() -> None:
    picture, truth, mask = blurred_disc()
    _, colours = matted(picture, mask, 6)
    edge = (truth > 0.3) & (truth < 0.7)
    assert colours[edge][:, 0].mean() > picture[edge][:, 0].mean() + 25, "redder than the mixture"
    assert np.array_equal(colours[50:70, 60:80], picture[50:70, 60:80])


def test_large_pictures_are_matted_small_and_only_along_the_outline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pvtt_data.matting._LONGEST_PX", 70)
    picture, truth, mask = blurred_disc()
    alpha, colours = matted(picture, mask, 6)
    assert alpha.shape == (120, 140) and colours.shape == (120, 140, 3)
    assert np.abs(alpha - truth).mean() < 0.6 * np.abs(mask - truth).mean()
    assert np.array_equal(colours[50:70, 60:80], picture[50:70, 60:80])


def test_the_same_picture_gives_the_same_alpha() -> None:
    picture, _, mask = blurred_disc()
    assert np.array_equal(matted(picture, mask, 6)[0], matted(picture, mask, 6)[0])


def test_masks_without_inside_or_outside_are_refused() -> None:
    picture, _, mask = blurred_disc()
    thin = np.zeros_like(mask)
    thin[60, 20:100] = True
    for bad in (np.zeros_like(mask), thin, np.ones_like(mask)):
        with pytest.raises(InputError) as refused:
            matted(picture, bad, 6)
        assert refused.value.reason == "mask-too-thin"
    with pytest.raises(ValueError, match="not positive"):
        matted(picture, mask, 0)
