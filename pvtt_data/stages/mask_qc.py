"""Mask QC: is the mask track a product's, whole and steady? Numbers from pixels first, then the verdict by thresholds.

Raw overlap of neighbouring masks punishes fast motion, so neighbours are compared after warping by optical flow.
Thresholds come from a calibration file; docs/mask_quality.md says how.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from pvtt_data.calibration.file import check_numbers, read_calibration
from pvtt_data.calibration.mask_rules import DOUBTS, MAX_AREA_SHARE, MIN_AREA_SHARE
from pvtt_data.mask_quality import mask_quality
from pvtt_data.media import decode_masks, decode_video
from pvtt_data.records import Blob, Clip, MaskTrack, Quality
from pvtt_data.reviews.book import ReviewBook, Ruling
from pvtt_data.stage import MapStage, StageConfig, StageResult, reject
from pvtt_data.store import BlobStore
from pvtt_data.thresholds import Rule, judge

NAME = "mask_qc"


class MaskQcConfig(StageConfig):
    """Thresholds of mask tracks; between accept and reject a track is flagged for people to see first.

    What is null comes from the calibration file; what is given here wins over it.
    """

    calibration: Path | None = None
    """A calibration file (JSON); null takes the one that comes with the package."""
    min_area_share: Annotated[float, Field(ge=0, le=1)] = MIN_AREA_SHARE
    """Smallest share of the frame that the product may cover in any frame."""
    max_area_share: Annotated[float, Field(ge=0, le=1)] = MAX_AREA_SHARE
    """Largest share of the frame that the product may cover in any frame."""
    max_border_contact: Annotated[float, Field(ge=0, le=1)] = 0.15
    """Share of the mask's boundary on the frame's border, above which the track is flagged (the product is cut off)."""
    min_warped_iou_median: Annotated[float | None, Field(ge=0, le=1)] = None
    """Median overlap of neighbouring masks after warping by flow, below which the track is rejected."""
    min_warped_iou_p05: Annotated[float | None, Field(ge=0, le=1)] = None
    """5th percentile of the same, below which the track is rejected."""
    max_boundary_flicker: Annotated[float | None, Field(ge=0)] = None
    """Boundary movement that flow does not explain, in units of √area, above which the track is flagged."""
    max_area_change: Annotated[float | None, Field(ge=0)] = None
    """Change of area that the affine scale does not explain, above which the track is flagged."""
    max_parts: Annotated[int | None, Field(ge=1)] = None
    """Connected parts of the mask in any frame above which the track is flagged: a prop may be taken along."""
    flag: dict[str, float] = Field(default_factory=dict)
    """Number → threshold beyond which the track is flagged, for any number of docs/mask_quality.md."""
    reject: dict[str, float] = Field(default_factory=dict)
    """Number → threshold beyond which the track is rejected."""
    max_text_overlay_share: Annotated[float | None, Field(ge=0, le=1)] = None
    """Share of the picture that text laid over it may cover, mean over the clip, above which the clip is rejected, and
    above which a photo is not filmed (panzoom); null does not look for text and needs no text detector."""

    @field_validator("calibration")
    @classmethod
    def _is_a_calibration(cls, path: Path | None) -> Path | None:
        if path is not None:
            read_calibration(path)
        return path

    @field_validator("flag", "reject")
    @classmethod
    def _known_numbers(cls, limits: dict[str, float]) -> dict[str, float]:
        check_numbers(limits)
        return limits


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
    likenesses: Sequence[Quality] = (),
    clips: Mapping[str, Clip] | None = None,
    reviews: ReviewBook | None = None,
) -> StageResult:
    """Tracks with numbers and verdict; rejected ones, and those that could not be measured, leave the line.

    People have the last word, but for one thing: an accept does not let a mask pass that is empty in some frame, which
    no engine can use.

    Args:
        qualities: numbers of `MeasureMasks`.
        overlays: numbers of `MeasureTextOverlay`, where the recipe asks for them.
        likenesses: numbers of `MeasureListingLikeness`, of tracks whose product has listing pictures.
        clips: the tracks' clips, where there are reviews.
        reviews: what people say of masks.
    """
    result = StageResult(NAME, items=len(tracks), table=True)
    numbers_of = {quality.subject_id: quality.numbers for quality in qualities}
    if overlays is not None:
        text_of = {quality.subject_id: quality.numbers for quality in overlays}
        numbers_of = {name: {**numbers_of[name], **text_of[name]} for name in numbers_of if name in text_of}
    likeness_of = {quality.subject_id: quality.numbers for quality in likenesses}
    thresholds = rules(config)
    for track in tracks:
        if track.track_id not in numbers_of:
            continue
        numbers = {**track.numbers, **numbers_of[track.track_id], **likeness_of.get(track.track_id, {})}
        ruling = Ruling(*judge(numbers, thresholds))
        if reviews is not None and clips is not None:
            said = reviews.of_mask(clips[track.clip_id], track)
            ruling = reviews.rule(said, track.track_id, ruling, structural=numbers.get("empty_frames", 0) > 0)
        if ruling.verdict == "reject":
            reason, message = ruling.reasons[0], ruling.message
            result.rejections.append(
                reject(NAME, "track", track.track_id, "", reason, message, numbers, linked_to=track.clip_id)
            )
        else:
            judged = dataclasses.replace(track, verdict=ruling.verdict, reasons=ruling.reasons)
            result.rows.append(dataclasses.replace(judged, numbers=dict(sorted(numbers.items()))))
    return result


def rules(config: MaskQcConfig) -> list[Rule]:
    """The thresholds in the order in which they are tried: requirements, then doubts that reject, then those that flag.

    Raises:
        ValueError: the calibration file is gone, or no longer one.
    """
    text = config.max_text_overlay_share
    rejects, flags = limits(config)
    return [
        Rule("mask-too-small", "area_share_min", config.min_area_share, "below"),
        Rule("mask-too-large", "area_share_max", config.max_area_share, "above"),
        *(_rule(name, rejects[name], "reject") for name in DOUBTS if name in rejects),
        *([] if text is None else [Rule("text-overlay", "text_overlay_share", text, "above")]),
        Rule("cut-off", "border_contact_max", config.max_border_contact, "above", "flag"),
        *([] if config.max_parts is None else [_several_parts(config.max_parts)]),
        *(_rule(name, flags[name], "flag") for name in DOUBTS if name in flags),
    ]


def limits(config: MaskQcConfig) -> tuple[dict[str, float], dict[str, float]]:
    """Number → threshold for rejecting, and for flagging: the calibration's, and over it what the recipe gives."""
    calibrated = read_calibration(config.calibration).thresholds
    rejects = {name: limit.reject for name, limit in calibrated.items() if limit.reject is not None}
    flags = {name: limit.flag for name, limit in calibrated.items() if limit.flag is not None}
    given_rejects = {"warped_iou_median": config.min_warped_iou_median, "warped_iou_p05": config.min_warped_iou_p05}
    given_flags = {
        "boundary_flicker": config.max_boundary_flicker,
        "unexplained_area_change_max": config.max_area_change,
    }
    rejects |= {name: limit for name, limit in given_rejects.items() if limit is not None} | config.reject
    flags |= {name: limit for name, limit in given_flags.items() if limit is not None} | config.flag
    return rejects, flags


def _rule(number: str, limit: float, verdict: Literal["reject", "flag"]) -> Rule:
    doubt = DOUBTS[number]
    return Rule(doubt.reason, number, limit, doubt.broken, verdict, optional=True)


def _several_parts(most: int) -> Rule:
    return Rule("several-parts", "components_max", float(most), "above", "flag")
