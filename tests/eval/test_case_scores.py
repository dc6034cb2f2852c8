"""One row a case: methods that do nothing or paste fail where they must, and a render is scored as it should be."""

from __future__ import annotations

import gc
import math

import numpy as np
import pytest
from drawn_cases import drawn_case, paste_reference
from pvtt_eval.case import RenderedCase, score_case
from pvtt_eval.regions import dilated

from pvtt_data.embedders.colour_shape import ColourShape
from pvtt_data.render.variant import ChosenVariant, start


def test_copying_the_source_fails_on_the_reference_and_on_nothing_else() -> None:
    case = drawn_case()
    row = score_case(case, case.source, ColourShape(), result_mask=case.source_mask)
    assert row["rsd"] == pytest.approx(-1) and row["rsd_px"] == -1 and row["ref_gain"] == 0
    assert row["background_psnr_db"] == 100 and row["path_correlation"] == pytest.approx(1) and row["spill"] == 0
    assert row["shape_with_a"] == 1 and float(row["inside_psnr_db"]) < 15


def test_pasting_the_reference_passes_on_the_reference_and_fails_on_pose() -> None:
    case = drawn_case()
    pasted, true = (score_case(case, video, ColourShape()) for video in (paste_reference(case), case.target))
    assert float(pasted["rsd"]) > 0.5 and float(true["rsd"]) > 0.7
    assert float(true["pose_error_frames"]) < 0.3
    assert float(pasted["pose_error_frames"]) > 0.6 * float(pasted["still_error_frames"])
    assert float(pasted["inside_psnr_db"]) < float(true["inside_psnr_db"]) - 30


def test_a_still_product_is_found_by_its_moments_and_not_by_a_path_that_was_only_fitted() -> None:
    case = drawn_case()
    still = score_case(case, np.repeat(case.target[4:5], len(case.target), axis=0), ColourShape())
    assert math.isnan(float(still["path_correlation"]))
    assert float(still["place_error_frames"]) > 0.8 * float(still["still_error_frames"])
    assert float(still["motion_error_frames"]) == pytest.approx(float(still["still_error_frames"]))
    assert still["motion_agreement"] == 0


def test_a_product_beside_its_place_moves_as_it_should() -> None:
    case = drawn_case()
    beside = score_case(case, np.roll(case.target, (6, 8), axis=(1, 2)), ColourShape())
    assert float(beside["motion_error_frames"]) < 0.4 * float(beside["still_error_frames"])
    assert float(beside["place_error_frames"]) > float(beside["motion_error_frames"]) + 0.5
    resting = drawn_case(turns=False, slides=False)
    assert math.isnan(float(score_case(resting, resting.target, ColourShape())["motion_error_frames"]))


def test_rows_have_the_same_keys_whatever_the_result_is() -> None:
    case = drawn_case()
    nothing = np.zeros_like(case.source_mask)
    full = score_case(case, case.target, ColourShape())
    empty = score_case(case, case.source, ColourShape(), result_mask=nothing)
    assert list(full) == list(empty)
    assert full["mask_of_result"] == "fitted" and empty["mask_of_result"] == "given"
    assert empty["untestable"] == "no-result" and math.isnan(float(empty["rsd"])) and empty["testable"] is False
    assert math.isnan(float(empty["path_error"])) and math.isnan(float(empty["shape_leak"]))
    with pytest.raises(ValueError, match="the result is"):
        score_case(case, case.source[:3], ColourShape())


@pytest.fixture(scope="module")
def rendered_case(fast_variant: ChosenVariant) -> RenderedCase:
    """A triple of the render engine, 5 frames of 160 × 96."""
    from pvtt_data.render.denoise import Denoiser
    from pvtt_data.render.presets import PRESETS
    from pvtt_data.render.products.library import build_product, draw_spec
    from pvtt_data.render.scene import SceneOptions
    from pvtt_data.render.triple import Wanted, render_triple

    start(fast_variant)
    gc.collect()
    products = build_product(draw_spec(1, ["carton"])), build_product(draw_spec(2, ["soap"]))
    options = SceneOptions(96, 160, 5, 8.0, styles=("paper",), occluder_share=0.0, earlier_generation_share=0.0)
    wanted = Wanted(references=3, heldout=1, reference_px=128)
    made = render_triple(6, products, options, PRESETS["draft"], Denoiser("fast"), wanted)
    return RenderedCase(
        "rendered",
        "carton",
        "soap",
        made.source,
        made.target,
        made.source_mask,
        made.target_mask,
        dilated(made.source_mask, 4),
        tuple(view.picture for view in made.references),
        tuple(view.picture for view in made.heldout),
        8.0,
    )


@pytest.mark.slow
def test_a_render_with_a_is_minus_one_and_with_b_near_one(rendered_case: RenderedCase) -> None:
    case = rendered_case
    source, target = (score_case(case, video, ColourShape()) for video in (case.source, case.target))
    assert source["testable"] and source["rsd"] == pytest.approx(-1) and source["axis"] == pytest.approx(-1, abs=1e-6)
    assert float(target["rsd"]) > 0.7 and target["rsd_px"] == 1 and float(target["silhouette_iou"]) > 0.95
    assert float(target["background_truth_psnr_db"]) == 100
