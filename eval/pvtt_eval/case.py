"""All scores of one rendered case as one flat row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pvtt_data.embedders.base import Embedder
from pvtt_data.embedders.crops import Crops, crop_references, crop_video
from pvtt_data.embedders.likeness import Gate
from pvtt_data.masks import Mask
from pvtt_data.shards import Sample
from pvtt_eval import background as kept
from pvtt_eval.background import composite, seam_ratio
from pvtt_eval.dominance import Dominance, dominance, pixel_dominance, shape_leak
from pvtt_eval.motion import followed_motion
from pvtt_eval.regions import case_regions, fitted_mask, spill
from pvtt_eval.truth import inside_psnr, motion_error_by_fit, path_agreement, silhouette_iou

Row = dict[str, float | int | str | bool]


@dataclass(frozen=True, eq=False)
class RenderedCase:
    """A triple whose truth is known, and the mask that methods are given.

    Attributes:
        case_id: names the case.
        product_a, product_b: identities; intervals are over B's.
        source, target: ``(T, H, W, 3) uint8`` RGB with A and with B.
        source_mask, target_mask: ``(T, H, W) bool``, where they are.
        conditioning_mask: M, ``(T, H, W) bool``, made without looking at B.
        references, heldout: ``(H, W, 4) uint8`` RGBA cut-outs of B; ``heldout`` may be empty.
        fps: of the video.
    """

    case_id: str
    product_a: str
    product_b: str
    source: NDArray[np.uint8]
    target: NDArray[np.uint8]
    source_mask: Mask
    target_mask: Mask
    conditioning_mask: Mask
    references: tuple[NDArray[np.uint8], ...]
    heldout: tuple[NDArray[np.uint8], ...]
    fps: float

    @classmethod
    def of(cls, sample: Sample, conditioning_mask: Mask) -> RenderedCase:
        """A case from a dataset's sample of the render engine."""
        meta = sample.meta
        return cls(
            sample.key,
            meta.product_a,
            meta.product_b,
            sample.source,
            sample.target,
            sample.source_mask,
            sample.target_mask,
            conditioning_mask,
            tuple(sample.references[: meta.reference_count]),
            tuple(sample.heldout),
            meta.fps,
        )


def case_dominance(
    case: RenderedCase,
    shown: Crops,
    references: Crops,
    embedder: Embedder,
    gate: Gate | None,
    truth: Crops | None = None,
) -> Dominance:
    """`dominance` of a result's crops in a case.

    Args:
        shown: the result's crops.
        references: the case's own, cropped.
        truth: crops of the true target, for the gap from references to scene.
    """
    frames, height_px, width_px = case.source.shape[:3]
    return dominance(
        shown,
        crop_video(case.source, case.source_mask),
        references,
        embedder,
        fps=case.fps,
        height_px=height_px,
        width_px=width_px,
        frames=frames,
        heldout=crop_references(case.heldout) if case.heldout else None,
        truth=truth,
        gate=gate,
    )


def score_case(
    case: RenderedCase,
    result: NDArray[np.uint8],
    embedder: Embedder,
    *,
    result_mask: Mask | None = None,
    gate: Gate | None = None,
) -> Row:
    """Every number of one result; NaN where one cannot be had, and the same keys always.

    Args:
        result: ``(T, H, W, 3) uint8`` RGB, the model's output before any composite.
        result_mask: G, ``(T, H, W) bool``, from a segmenter; if not given, `regions.fitted_mask`, of which no path is
            scored.
        gate: of this embedder.

    Raises:
        ValueError: the result's shape is not the source's, or a reference has no alpha.
    """
    if result.shape != case.source.shape or result.dtype != np.uint8:
        raise ValueError(f"the result is {result.shape} {result.dtype}, the source {case.source.shape} uint8")
    found = result_mask
    if found is None:
        found = fitted_mask(result, case.source, case.target, case.source_mask, case.target_mask)
    regions = case_regions(case.source_mask, case.conditioning_mask)
    references = crop_references(case.references)
    shown, truth = crop_video(result, found), crop_video(case.target, case.target_mask)
    looks = case_dominance(case, shown, references, embedder, gate, truth)
    pixels = pixel_dominance(result, case.source, case.target, case.source_mask, case.target_mask)
    finished = composite(result, case.source, case.conditioning_mask)
    row: Row = {
        "case_id": case.case_id,
        "product_a": case.product_a,
        "product_b": case.product_b,
        "metric": str(looks.metric),
        "mask_of_result": "given" if result_mask is not None else "fitted",
        "frames_used": len(looks.frames_used),
        "testable": looks.testable,
        "untestable": ",".join(looks.untestable),
        "rsd": looks.rsd,
        "ref_gain": looks.ref_gain,
        "src_leak": looks.src_leak,
        "axis": looks.axis,
        "off_axis": looks.off_axis,
        "s_result_b": looks.s_result_b,
        "s_result_a": looks.s_result_a,
        "s_a_b": looks.s_a_b,
        "reference_to_scene": looks.reference_to_scene,
        "rsd_px": pixels.rsd_px,
        "d_a_px": pixels.to_a,
        "d_b_px": pixels.to_b,
        **_shape(found, case.source_mask, references),
        "spill": spill(found, case.conditioning_mask),
        "inside_psnr_db": inside_psnr(result, case.target, case.target_mask),
        "silhouette_iou": silhouette_iou(found, case.target_mask),
        **_path(case.source_mask, result_mask),
        **_moments(result, case, shown, truth),
    }
    against_source = kept.background(result, case.source, regions.background)
    against_truth = kept.background(result, case.target, regions.background)
    return row | {
        "background_psnr_db": against_source.psnr_db,
        "background_ssim": against_source.ssim,
        "background_truth_psnr_db": against_truth.psnr_db,
        "background_truth_ssim": against_truth.ssim,
        "background_share": against_source.share,
        "composite_psnr_db": kept.psnr(finished, case.source, regions.background),
        "composite_seam": seam_ratio(finished, case.conditioning_mask),
        "truth_seam": seam_ratio(case.target, case.conditioning_mask),
    }


def _shape(found: Mask, source_mask: Mask, references: Crops) -> Row:
    try:
        shape = shape_leak(found, source_mask, list(references.silhouettes))
    except ValueError:
        return {"shape_with_a": np.nan, "shape_with_b": np.nan, "shape_leak": np.nan}
    return {"shape_with_a": shape.with_source, "shape_with_b": shape.with_references, "shape_leak": shape.leak}


def _path(source_mask: Mask, result_mask: Mask | None) -> Row:
    """Of a given mask only: the fitted one has what A's and B's true masks share, so it follows A whatever is shown."""
    nothing: Row = dict.fromkeys(("path_correlation", "scale_correlation", "path_error", "steady_path_error"), np.nan)
    if result_mask is None:
        return nothing
    try:
        path = path_agreement(source_mask, result_mask)
    except ValueError:
        return nothing
    return {
        "path_correlation": path.centroid_correlation,
        "scale_correlation": path.scale_correlation,
        "path_error": path.centroid_error,
        "steady_path_error": path.steady_error,
    }


def _moments(result: NDArray[np.uint8], case: RenderedCase, shown: Crops, truth: Crops) -> Row:
    """Motion: whatever B's constant size and place. In place: on B's true pixels of each frame. Pose: on crops."""
    place = motion_error_by_fit(result, case.target, case.target_mask)
    in_sight = int(case.target_mask.any(axis=(1, 2)).sum())
    tells = place.testable and in_sight >= 3
    motion = followed_motion(result, case.target, case.target_mask) if tells else None
    row: Row = {
        "motion_error_frames": motion.error_frames if motion else np.nan,
        "motion_agreement": motion.agreement if motion else np.nan,
        "place_error_frames": place.error_frames if place.testable else np.nan,
        "place_contrast": place.contrast,
        "chance_error_frames": place.chance,
        "still_error_frames": place.still,
        "pose_error_frames": np.nan,
        "pose_contrast": np.nan,
    }
    both = np.intersect1d(shown.used, truth.used)
    if len(both) == len(result):
        everywhere = np.ones(shown.pictures.shape[:3], np.bool_)
        pose = motion_error_by_fit(shown.pictures, truth.pictures, everywhere)
        row["pose_error_frames"] = pose.error_frames if pose.testable else np.nan
        row["pose_contrast"] = pose.contrast
    return row
