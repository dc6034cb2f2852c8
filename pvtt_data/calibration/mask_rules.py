"""The doubts that mask QC may have: which number says what, and on which side it is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Doubt:
    """What a number of a mask track may say against it.

    Attributes:
        reason: slug of what is wrong.
        broken: the side of a threshold on which it is wrong.
        measured: whether calibration sets its thresholds; the others come from backends that have such a number, and
            only a recipe sets a threshold for them.
        may_reject: whether calibration sets a threshold for rejecting too.
        grain: differences that mean nothing: thresholds keep away from right values as if these spread at least so.
    """

    reason: str
    broken: Literal["below", "above"]
    measured: bool = True
    may_reject: bool = False
    grain: float = 0.0


DOUBTS: Mapping[str, Doubt] = {
    "warped_iou_median": Doubt("mask-unsteady", "below", may_reject=True),
    "warped_iou_p05": Doubt("mask-jumps", "below", may_reject=True),
    "warped_iou_min": Doubt("mask-jumps", "below"),
    "empty_frames": Doubt("mask-missing", "above"),
    "boundary_flicker": Doubt("boundary-flickers", "above"),
    "boundary_flicker_p95": Doubt("boundary-flickers", "above"),
    "unexplained_area_change_median": Doubt("area-wobbles", "above"),
    "unexplained_area_change_max": Doubt("area-jumps", "above"),
    "carried_iou_median": Doubt("mask-drifts", "below", may_reject=True),
    "carried_iou_min": Doubt("mask-drifts", "below"),
    "edge_support_median": Doubt("outline-off-edges", "below", may_reject=True),
    "edge_support_min": Doubt("outline-off-edges", "below"),
    "separation_median": Doubt("like-its-surround", "below", may_reject=True),
    "separation_min": Doubt("like-its-surround", "below"),
    "listing_likeness": Doubt("unlike-listing", "below", may_reject=True),
    "limb_share_max": Doubt("limb-taken-along", "above"),
    "skin_rise": Doubt("skin-taken-along", "above"),
    "skin_cut_median": Doubt("skin-taken-along", "above"),
    "main_component_share_min": Doubt("several-parts", "below"),
    "agreement_iou_median": Doubt("trackers-disagree", "below", measured=False),
    "agreement_iou_min": Doubt("trackers-disagree", "below", measured=False),
    "pass_agreement_min": Doubt("passes-disagree", "below", measured=False),
    "tracker_quality_min": Doubt("tracker-unsure", "below", measured=False),
    "detector_box_iou_min": Doubt("off-detected-box", "below", measured=False),
    "confidence_min": Doubt("tracker-unsure", "below", measured=False),
}
"""Number → doubt, in the order in which they are tried."""

MIN_AREA_SHARE, MAX_AREA_SHARE = 0.01, 0.5
"""What is required of a product, not doubted about its mask: defaults of the recipe's thresholds."""


def breaks_requirements(numbers: Mapping[str, float]) -> bool:
    """Whether a track is rejected for the size of what it shows, whatever thresholds say."""
    return numbers["area_share_min"] < MIN_AREA_SHARE or numbers["area_share_max"] > MAX_AREA_SHARE
