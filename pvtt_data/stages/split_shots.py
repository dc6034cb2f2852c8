"""Split: find the shots of a source and lay windows of a clip's length into them. Reads the series, not pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from pvtt_data.errors import InputError
from pvtt_data.records import Measurement, Shot, TransitionTrack, content_id
from pvtt_data.series import Series, from_parquet
from pvtt_data.shots import FrameRange, ShotRules, ShotSpan, find_shots, letterbox, range_numbers, windows
from pvtt_data.stage import MapStage, Resources, StageConfig
from pvtt_data.stages.transitions import levels_from_parquet
from pvtt_data.store import BlobStore
from pvtt_data.transitions import gradual_ranges


class SplitShotsConfig(StageConfig):
    """What ends a shot, and how many clips it gives."""

    adaptive_threshold: Annotated[float, Field(gt=1)] = 3.0
    """A cut's content score is at least this many times the mean of its neighbours (PySceneDetect's default)."""
    min_content_score: Annotated[float, Field(ge=0, le=255)] = 15.0
    """A cut's content score is at least this (PySceneDetect's default)."""
    max_shot_s: Annotated[float, Field(gt=0)] = 120.0
    """Longer shots are screen recordings or slides: no clip is taken from them."""
    max_windows: Annotated[int, Field(ge=1, le=100)] = 3
    """Clips taken from one shot at most, evenly spaced; a single one lies in the middle."""
    margin_s: Annotated[float, Field(ge=0, le=2)] = 0.0
    """What is left out at both ends of a shot."""
    transitions: Literal["none", "transnetv2"] = "none"
    """A second detector, for dissolves and wipes, which clips then keep out of; needs the extra ``transnet``."""
    min_transition_probability: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Probability from which on a frame belongs to a transition."""
    min_transition_frames: Annotated[int, Field(ge=1, le=100)] = 3
    """Shorter transitions are hard cuts, and left to the cut detector."""
    transition_margin_frames: Annotated[int, Field(ge=0, le=100)] = 2
    """Frames left out on both sides of a transition."""

    def rules(self) -> ShotRules:
        """The same settings, as the detector takes them."""
        return ShotRules(adaptive_threshold=self.adaptive_threshold, min_content_score=self.min_content_score)


class _SplitSettings(StageConfig):
    split: SplitShotsConfig
    clip_s: float


@dataclass(frozen=True, slots=True)
class SplitItem:
    """A source and its measurement."""

    source_id: str
    measurement: Measurement
    transitions: TransitionTrack | None = None
    """None where no second detector is asked."""


class SplitShots(MapStage[SplitItem]):
    """The windows of one source."""

    name = "split"
    version = 2
    kind = "source"
    libraries = ("scenedetect-headless", "opencv-python-headless", "numpy")
    resources = Resources(timeout_s=300.0)

    def __init__(self, config: SplitShotsConfig, clip_s: float) -> None:
        super().__init__(_SplitSettings(split=config, clip_s=clip_s))
        self.settings = config
        self.clip_s = clip_s

    def run(self, item: SplitItem, store: BlobStore) -> Sequence[Shot]:
        """The `Shot` records of one source.

        Raises:
            InputError: ``no-long-shot``, no shot is long enough for a clip.
        """
        series = from_parquet(store.read(item.measurement.series))
        gradual = self._gradual(item, store)
        spans = [span for span in find_shots(series, self.settings.rules(), gradual) if span.kind == "shot"]
        found = [
            self._shot(item, series, index, first, last)
            for index, span in enumerate(spans)
            for first, last in self._windows(series, span)
        ]
        if not found:
            longest = max((_duration_s(series, span.first_frame, span.last_frame) for span in spans), default=0.0)
            raise InputError(
                "no-long-shot",
                f"none of the {len(spans)} shots gives a clip of {self.clip_s:.2f} s; the longest has {longest:.2f} s",
                {"longest_shot_s": longest, "clip_s": self.clip_s, "shots": len(spans)},
            )
        return found

    def _gradual(self, item: SplitItem, store: BlobStore) -> list[FrameRange]:
        if item.transitions is None:
            return []
        settings = self.settings
        frames, levels = levels_from_parquet(store.read(item.transitions.levels))
        found = gradual_ranges(frames, levels, settings.min_transition_probability, settings.min_transition_frames)
        margin = settings.transition_margin_frames
        return [FrameRange(max(0, first - margin), last + margin) for first, last in found]

    def _windows(self, series: Series, span: ShotSpan) -> list[tuple[int, int]]:
        if _duration_s(series, span.first_frame, span.last_frame) > self.settings.max_shot_s:
            return []
        ranges = windows(series, span, self.clip_s, self.settings.max_windows, self.settings.margin_s)
        return [(part.first_frame, part.last_frame) for part in ranges]

    def _shot(self, item: SplitItem, series: Series, index: int, first: int, last: int) -> Shot:
        picture = letterbox(series, first, last)
        measured = range_numbers(series, first, last)
        numbers = {
            "fps": float(series.fps),
            "luma": measured["luma_mean"],
            "contrast": measured["luma_std"],
            "sharpness": measured["sharpness"],
            "content_score_max": measured["content_score_max"],
            "motion_px_per_s": measured.get("motion_px_per_s", 0.0),
            "shake_px_per_s": _shake(series, first, last),
        }
        begin = int(np.searchsorted(series.frame, first))
        return Shot(
            shot_id=content_id("shot", item.source_id, first, last, picture),
            source_id=item.source_id,
            media_sha256=item.measurement.sha256,
            source_width_px=series.width_px,
            source_height_px=series.height_px,
            first_frame=first,
            last_frame=last,
            start_s=float(series.time_s[begin]),
            duration_s=_duration_s(series, first, last),
            shot_index=index,
            letterbox=picture,
            numbers=numbers,
        )


def _duration_s(series: Series, first_frame: int, last_frame: int) -> float:
    first, last = np.searchsorted(series.frame, (first_frame, last_frame))
    end_s = series.time_s[last] if last < len(series) else series.end_s
    return float(end_s - series.time_s[first])


def _shake(series: Series, first_frame: int, last_frame: int) -> float:
    """Root mean square of the change of the global motion between neighbouring measurements, px/s at 240 px."""
    first, last = np.searchsorted(series.frame, (first_frame, last_frame))
    moving = first + np.flatnonzero(series.flow_from[first:last] >= first_frame)
    if len(moving) < 2:
        return 0.0
    change = np.hypot(np.diff(series.pan_x_px_per_s[moving]), np.diff(series.pan_y_px_per_s[moving]))
    return float(np.sqrt(np.mean(np.square(change, dtype=np.float64))))
