"""Mask QC: is the mask track a product's, whole and steady? Numbers from pixels first, then the verdict by thresholds.

Raw overlap of neighbouring masks punishes fast motion, so neighbours are compared after warping by optical flow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from pvtt_data.mask_quality import mask_quality
from pvtt_data.media import decode_masks, decode_video
from pvtt_data.records import Blob, MaskTrack, Quality
from pvtt_data.stage import MapStage, StageConfig, StageResult, reject
from pvtt_data.store import BlobStore
from pvtt_data.verdicts import Rule, judge

NAME = "mask_qc"


class MaskQcConfig(StageConfig):
    """Thresholds of mask tracks; between accept and reject a track is flagged for people to see first."""

    min_area_share: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Smallest share of the frame that the product may cover in any frame."""
    max_area_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Largest share of the frame that the product may cover in any frame."""
    min_warped_iou_median: Annotated[float, Field(ge=0, le=1)] = 0.85
    """Median overlap of neighbouring masks after warping by flow, below which the track is rejected."""
    min_warped_iou_p05: Annotated[float, Field(ge=0, le=1)] = 0.6
    """5th percentile of the same, below which the track is rejected."""
    max_boundary_flicker: Annotated[float, Field(ge=0)] = 0.03
    """Boundary movement that flow does not explain, in units of √area, above which the track is flagged."""
    max_area_change: Annotated[float, Field(ge=0)] = 0.25
    """Change of area that the affine scale does not explain, above which the track is flagged."""
    max_border_contact: Annotated[float, Field(ge=0, le=1)] = 0.15
    """Share of the mask's boundary on the frame's border, above which the track is flagged (the product is cut off)."""
    max_parts: Annotated[int, Field(ge=1)] = 1
    """Connected parts of the mask in any frame above which the track is flagged: a prop may be taken along."""
    max_text_overlay_share: Annotated[float | None, Field(ge=0, le=1)] = None
    """Share of the picture that text laid over it may cover, mean over the clip, above which the clip is rejected;
    null does not look for text and needs no text detector."""


@dataclass(frozen=True, slots=True)
class MaskItem:
    """A clip and its mask, by content."""

    track_id: str
    video: Blob
    mask: Blob


class MeasureMasks(MapStage[MaskItem]):
    """The QC numbers of one mask track."""

    name = "mask_numbers"
    version = 3
    kind = "track"
    libraries = ("av", "opencv-python-headless", "numpy")

    def run(self, item: MaskItem, store: BlobStore) -> Sequence[Quality]:
        """The `Quality` of one track."""
        frames = decode_video(store.path(item.video))
        masks = decode_masks(store.path(item.mask))
        return [Quality(item.track_id, mask_quality(frames, masks))]


def mask_qc(
    tracks: Sequence[MaskTrack],
    qualities: Sequence[Quality],
    config: MaskQcConfig,
    overlays: Sequence[Quality] | None = None,
) -> StageResult:
    """Tracks with numbers and verdict; rejected ones, and those that could not be measured, leave the line.

    Args:
        qualities: numbers of `MeasureMasks`.
        overlays: numbers of `MeasureTextOverlay`, where the recipe asks for them.
    """
    result = StageResult(NAME, items=len(tracks), table=True)
    numbers_of = {quality.subject_id: quality.numbers for quality in qualities}
    if overlays is not None:
        text_of = {quality.subject_id: quality.numbers for quality in overlays}
        numbers_of = {name: {**numbers_of[name], **text_of[name]} for name in numbers_of if name in text_of}
    for track in tracks:
        if track.track_id not in numbers_of:
            continue
        numbers = {**track.numbers, **numbers_of[track.track_id]}
        verdict, reasons, message = judge(numbers, rules(config))
        if verdict == "reject":
            result.rejections.append(
                reject(NAME, "track", track.track_id, "", reasons[0], message, numbers, linked_to=track.clip_id)
            )
        else:
            result.rows.append(
                dataclasses.replace(track, verdict=verdict, reasons=reasons, numbers=dict(sorted(numbers.items())))
            )
    return result


def rules(config: MaskQcConfig) -> list[Rule]:
    """The thresholds in the order in which they are tried."""
    text = config.max_text_overlay_share
    return [
        Rule("mask-too-small", "area_share_min", config.min_area_share, "below"),
        Rule("mask-too-large", "area_share_max", config.max_area_share, "above"),
        Rule("mask-unsteady", "warped_iou_median", config.min_warped_iou_median, "below"),
        Rule("mask-jumps", "warped_iou_p05", config.min_warped_iou_p05, "below"),
        *([] if text is None else [Rule("text-overlay", "text_overlay_share", text, "above")]),
        Rule("boundary-flickers", "boundary_flicker", config.max_boundary_flicker, "above", "flag"),
        Rule("area-jumps", "unexplained_area_change_max", config.max_area_change, "above", "flag"),
        Rule("cut-off", "border_contact_max", config.max_border_contact, "above", "flag"),
        Rule("several-parts", "components_max", float(config.max_parts), "above", "flag"),
    ]
