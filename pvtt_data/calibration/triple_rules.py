"""The doubts that triple QC may have: which number says what, and on which side it is wrong."""

from __future__ import annotations

from collections.abc import Mapping

from pvtt_data.calibration.mask_rules import Doubt

TRIPLE_DOUBTS: Mapping[str, Doubt] = {
    "reference_margin": Doubt("unlike-references", "below", may_reject=True, grain=0.03),
    "reference_margin_min": Doubt("odd-reference", "below", grain=0.03),
    "reference_likeness": Doubt("unlike-references", "below", may_reject=True, grain=0.03),
    "reference_likeness_min": Doubt("odd-reference", "below", grain=0.03),
    "reference_leak_likeness": Doubt("reference-leak", "above", may_reject=True, grain=0.01),
    "reference_leak_match": Doubt("reference-leak", "above", may_reject=True, grain=0.02),
    "reference_leak_inliers": Doubt("reference-leak", "above", grain=0.05),
    "reference_leak_bits": Doubt("reference-leak", "below", grain=2),
    "ab_likeness": Doubt("too-alike", "above", grain=0.03),
    "background_tile_db": Doubt("background-differs", "below", may_reject=True, grain=2),
    "background_frame_db": Doubt("background-differs", "below", may_reject=True, grain=2),
    "change_ratio_min": Doubt("frozen-frame", "below", may_reject=True, grain=0.01),
    "product_change_ratio_min": Doubt("frozen-frame", "below", grain=0.05),
    "lag_gain_db": Doubt("out-of-step", "above", may_reject=True, grain=1),
    "centroid_agreement": Doubt("paths-disagree", "below", grain=0.1),
    "scale_agreement": Doubt("sizes-disagree", "below", grain=0.05),
    "mask_outside_effect": Doubt("mask-off-effect", "above", may_reject=True, grain=0.02),
    "source_unchanged": Doubt("mask-off-product", "above", may_reject=True, grain=0.1),
    "target_unchanged": Doubt("mask-off-product", "above", may_reject=True, grain=0.1),
    "source_edge_support_median": Doubt("outline-off-edges", "below", grain=0.05),
    "source_edge_support_min": Doubt("outline-off-edges", "below", grain=0.05),
    "target_edge_support_median": Doubt("outline-off-edges", "below", grain=0.05),
    "target_edge_support_min": Doubt("outline-off-edges", "below", grain=0.05),
    "source_separation_median": Doubt("like-its-surround", "below", grain=0.05),
    "source_separation_min": Doubt("like-its-surround", "below", grain=0.05),
    "target_separation_median": Doubt("like-its-surround", "below", grain=0.05),
    "target_separation_min": Doubt("like-its-surround", "below", grain=0.05),
    "residue": Doubt("residue", "above", grain=0.05),
    "residue_a": Doubt("residue", "above", may_reject=True, grain=0.05),
    "a_in_target": Doubt("a-in-target", "above", may_reject=True, grain=0.05),
    "b_in_source": Doubt("b-in-source", "above", may_reject=True, grain=0.05),
    "shadow_lack": Doubt("shadow-missing", "above", grain=0.1),
    "shadow_lighter": Doubt("shadow-missing", "above", grain=0.05),
}
"""Number → doubt, in the order in which they are tried.

Grains are set by hand: what another encode, another pixel of mask or another view of the same thing makes of a number.
"""

ANY_KIND = frozenset(
    {
        "reference_likeness", "reference_likeness_min", "reference_leak_likeness", "reference_leak_match",
        "reference_leak_inliers", "reference_leak_bits", "background_tile_db",
        "background_frame_db", "change_ratio_min", "lag_gain_db",
    }
)  # fmt: skip
"""Numbers that mean something where source and target show the same product, too."""

BY_CATEGORY = ("reference_likeness",)
"""Numbers whose thresholds are set for each category with enough products."""

MAX_LEAK_BITS, MAX_LEAK_INLIERS = 6.0, 0.4
"""Defaults of the recipe's thresholds for leaks, which no calibration sets."""


def is_copied(numbers: Mapping[str, float]) -> bool:
    """Whether a reference counts as a copy of the target, whatever calibrated thresholds say."""
    return numbers["reference_leak_bits"] <= MAX_LEAK_BITS or numbers["reference_leak_inliers"] > MAX_LEAK_INLIERS
