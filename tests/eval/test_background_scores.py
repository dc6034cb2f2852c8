"""Background scores: known errors give known numbers, and what was edited has no part in them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from drawn_cases import drawn_case
from pvtt_eval.background import CAP_DB, background, composite, loss_db, psnr, seam_ratio, ssim
from pvtt_eval.regions import case_regions


def test_an_error_of_five_levels_is_34_db() -> None:
    truth = np.full((3, 20, 20, 3), 100, np.uint8)
    everywhere = np.ones(truth.shape[:3], np.bool_)
    assert psnr(truth + np.uint8(5), truth, everywhere) == pytest.approx(20 * math.log10(255 / 5))
    assert psnr(truth, truth, everywhere) == CAP_DB
    with pytest.raises(ValueError, match="no pixel"):
        psnr(truth, truth, ~everywhere)


def test_ssim_is_the_papers_formula_in_a_window() -> None:
    dice = np.random.default_rng(1)
    x, y = dice.integers(0, 256, (2, 21, 21), dtype=np.uint8)
    offset = np.arange(-5, 6)
    weight = np.exp(-(offset[:, None] ** 2 + offset[None] ** 2) / (2 * 1.5**2))
    weight /= weight.sum()
    a, b = x[5:16, 5:16].astype(float), y[5:16, 5:16].astype(float)
    ma, mb = (weight * a).sum(), (weight * b).sum()
    va, vb, vab = (weight * a * a).sum() - ma**2, (weight * b * b).sum() - mb**2, (weight * a * b).sum() - ma * mb
    c1, c2 = 6.5025, 58.5225
    wanted = (2 * ma * mb + c1) * (2 * vab + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
    middle = np.zeros((1, 21, 21), np.bool_)
    middle[0, 10, 10] = True
    grey = [np.repeat(picture[None, ..., None], 3, axis=-1) for picture in (x, y)]
    # One pixel alone sees nothing but itself; to see the whole window, all pixels must be allowed.
    whole = ssim(*grey, np.ones_like(middle))
    from pvtt_eval.background import _luma, _ssim_map

    found = _ssim_map(_luma(grey[0][0]), _luma(grey[1][0]), np.ones((21, 21)))
    assert found[10, 10] == pytest.approx(wanted, abs=1e-6) and whole == pytest.approx(found.mean())
    assert ssim(grey[0], grey[0], middle) == pytest.approx(1)


def test_changes_inside_the_edited_region_do_not_count_and_outside_they_do() -> None:
    case = drawn_case()
    where = case_regions(case.source_mask, case.conditioning_mask).background
    inside = case.source.copy()
    inside[~where] = 255 - inside[~where]
    assert background(inside, case.source, where).psnr_db == CAP_DB
    assert background(inside, case.source, where).ssim == pytest.approx(1)
    noisy = np.clip(case.source + np.random.default_rng(2).normal(0, 8, case.source.shape), 0, 255).astype(np.uint8)
    before = background(noisy, case.source, where)
    assert 28 < before.psnr_db < 32 and before.ssim < 0.95 and before.share == pytest.approx(where.mean())
    after = background(composite(noisy, case.source, case.conditioning_mask), case.source, where)
    assert after.psnr_db == CAP_DB


def test_a_composite_with_another_brightness_has_a_seam() -> None:
    case = drawn_case()
    empty = np.full_like(case.source, 120)
    mask = case.conditioning_mask
    assert seam_ratio(empty, mask) == 1
    brighter = composite(empty + np.uint8(20), empty, mask)
    assert seam_ratio(brighter, mask) > 15
    assert seam_ratio(case.source, mask) == pytest.approx(1, abs=0.25)
    assert math.isnan(seam_ratio(empty, np.zeros_like(mask)))


def test_only_what_is_lost_beyond_the_codec_counts() -> None:
    assert loss_db(31.0, 33.5) == 2.5 and loss_db(40.0, 33.5) == 0
