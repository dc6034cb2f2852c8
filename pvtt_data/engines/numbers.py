"""The numbers that every composite states."""

from __future__ import annotations

NUMBERS = (
    "b_reflection",
    "b_shadow_left",
    "b_shadow_share",
    "background_texture",
    "blur_sigma",
    "compression_quality",
    "cutout_frames",
    "cutout_scale",
    "exposure_max",
    "exposure_min",
    "extent_ratio",
    "fill_synthesised_share",
    "grain_added",
    "inside_frame_min",
    "made_up_share",
    "noise_level",
    "occluded_share",
    "outside_share",
    "placement_free",
    "rotation_kept",
    "shadow_darkness",
    "sharpness_a",
    "sharpness_b",
    "track_anchors",
    "track_degrees",
    "track_drift",
    "track_features_median",
    "track_inlier_ratio_median",
    "track_inlier_ratio_min",
    "track_keyframe",
    "track_residual_px",
    "visible_fill_share",
)
"""What every result states; 0 where a step was not needed, as for no-ops and for fills without a tracked background."""


def complete(numbers: dict[str, float]) -> dict[str, float]:
    """All of `NUMBERS`, because every sample of a dataset has the same ones.

    Raises:
        ValueError: there are others.
    """
    unknown = set(numbers) - set(NUMBERS)
    if unknown:
        raise ValueError(f"numbers that are not declared: {', '.join(sorted(unknown))}")
    return {name: numbers.get(name, 0.0) for name in NUMBERS}
