"""Shots and windows, decided from a measured series without looking at pixels again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scenedetect.common import FrameTimecode
from scenedetect.detectors import AdaptiveDetector

from pvtt_data.records import Rectangle
from pvtt_data.series import Series

# Two times closer than this are the same; far below any frame interval, far above the rounding of float64 seconds.
_TIME_EPSILON_S = 1e-6
# A fade is followed over this many frames at once, so that one noisy frame does not end it.
_FADE_STEP_FRAMES = 3
_BAR_QUANTILE = 0.1
_BAR_SHARP_SHARE = 0.3
_BAR_TOLERANCE = 0.005
_SMALLEST_PICTURE_SHARE = 0.2

Kind = Literal["shot", "fade", "flat", "gradual"]
Border = Literal["start", "cut", "shot", "fade", "flat", "gradual", "gap", "end"]
"""What lies beyond the end of a span; ``cut`` and ``gap`` (frames that cannot be decoded) have a shot beyond."""


@dataclass(frozen=True, slots=True)
class ShotRules:
    """What counts as a border between shots."""

    adaptive_threshold: float = 3.0
    """A cut's content score is at least this many times the mean of its neighbours (PySceneDetect's default)."""
    min_content_score: float = 15.0
    """A cut's content score is at least this (PySceneDetect's default)."""
    window_frames: int = 2
    """Neighbours on each side (PySceneDetect's default)."""
    black_luma: float = 16.0
    """A frame of at most this mean luma, and flat, is black."""
    white_luma: float = 239.0
    """A frame of at least this mean luma, and flat, is white."""
    flat_luma_std: float = 6.0
    """A flat frame has at most this standard deviation of luma."""
    fade_rate_per_s: float = 0.25
    """During a fade the distance from black or white grows by at least this share a second."""
    max_fade_s: float = 3.0
    """A slower change of brightness is not a fade."""


DEFAULT_SHOT_RULES = ShotRules()


@dataclass(frozen=True, slots=True)
class ShotSpan:
    """A run of frames between two borders."""

    first_frame: int
    last_frame: int
    """One past the last frame, in the source's own frames."""
    kind: Kind
    """A picture; a transition from or to black or white; nothing but black or white; a dissolve or wipe."""
    starts_by: Border
    ends_by: Border


class FrameRange(NamedTuple):
    """Frames ``[first_frame, last_frame)`` of a source."""

    first_frame: int
    last_frame: int


class _StoredScoreDetector(AdaptiveDetector):  # type: ignore[misc]
    """PySceneDetect's AdaptiveDetector on scores computed earlier."""

    def __init__(self, scores: npt.NDArray[np.float64], rules: ShotRules) -> None:
        # Every cut counts, however short the shot before it: a clip must not hold a cut that was waved through.
        super().__init__(
            adaptive_threshold=rules.adaptive_threshold,
            min_scene_len=1,
            window_width=rules.window_frames,
            min_content_val=rules.min_content_score,
        )
        self._scores = scores

    def _calculate_frame_score(self, timecode: FrameTimecode, frame_img: npt.NDArray[np.uint8]) -> float:
        return float(self._scores[timecode.frame_num])


def detector_cuts(series: Series, rules: ShotRules = DEFAULT_SHOT_RULES) -> list[int]:
    """First frames of new shots as PySceneDetect's AdaptiveDetector finds them, the false ones inside fades too."""
    return [int(series.frame[row]) for row in _cut_rows(series, rules)]


def hard_cuts(series: Series, rules: ShotRules = DEFAULT_SHOT_RULES) -> list[int]:
    """First frames of new shots that follow another shot without a transition."""
    return [span.first_frame for span in find_shots(series, rules) if span.kind == "shot" and span.starts_by == "cut"]


def _cut_rows(series: Series, rules: ShotRules) -> list[int]:
    detector = _StoredScoreDetector(series.content_score, rules)
    no_pixels = np.empty((0, 0, 3), np.uint8)
    rows: list[int] = []
    for row in range(len(series)):
        found = detector.process_frame(FrameTimecode(row, fps=float(series.fps)), no_pixels)
        rows.extend(timecode.frame_num for timecode in found)
    return rows


def find_shots(
    series: Series, rules: ShotRules = DEFAULT_SHOT_RULES, gradual: Sequence[FrameRange] = ()
) -> list[ShotSpan]:
    """All decoded frames of a source, parted into shots, fades, flat runs and gradual transitions, in order.

    Args:
        series: the measured source.
        rules: what counts as a border.
        gradual: frames that another detector found to be dissolves or wipes; fades and flat runs stay what they are.
    """
    kinds = _kinds(series, rules)
    for first_frame, last_frame in gradual:
        start, end = (int(row) for row in np.searchsorted(series.frame, (first_frame, last_frame)))
        kinds[start:end] = ["gradual" if kind == "shot" else kind for kind in kinds[start:end]]
    cuts = set(_cut_rows(series, rules))
    gaps = {row for row in range(1, len(series)) if series.frame[row] != series.frame[row - 1] + 1}
    borders = [
        row
        for row in range(1, len(series))
        if kinds[row] != kinds[row - 1] or row in gaps or (row in cuts and kinds[row] == "shot")
    ]
    starts, ends = [0, *borders], [*borders, len(series)]
    spans: list[ShotSpan] = []
    for start, end in zip(starts, ends, strict=True):
        spans.append(
            ShotSpan(
                first_frame=int(series.frame[start]),
                last_frame=int(series.frame[end - 1]) + 1,
                kind=kinds[start],
                starts_by=_border(kinds, gaps, start, inside=start, outside=start - 1),
                ends_by=_border(kinds, gaps, end, inside=end - 1, outside=end),
            )
        )
    return spans


def _border(kinds: list[Kind], gaps: set[int], row: int, inside: int, outside: int) -> Border:
    """What lies beyond the border before ``row``, between the rows ``inside`` and ``outside`` of a span."""
    if row == 0:
        return "start"
    if row == len(kinds):
        return "end"
    if row in gaps:
        return "gap"
    return "cut" if kinds[inside] == kinds[outside] else kinds[outside]


def _kinds(series: Series, rules: ShotRules) -> list[Kind]:
    kinds: list[Kind] = ["shot"] * len(series)
    smooth = series.luma_std <= rules.flat_luma_std
    for level, flat in (
        (0.0, smooth & (series.luma_mean <= rules.black_luma)),
        (255.0, smooth & (series.luma_mean >= rules.white_luma)),
    ):
        distance = np.abs(series.luma_mean.astype(np.float64) - level)
        for start, end in _runs(flat):
            kinds[start:end] = ["flat"] * (end - start)
            for row in _fade(distance, series.time_s, end, 1, rules):
                kinds[row] = "fade" if kinds[row] == "shot" else kinds[row]
            for row in _fade(distance, series.time_s, start - 1, -1, rules):
                kinds[row] = "fade" if kinds[row] == "shot" else kinds[row]
    return kinds


def _fade(
    distance: npt.NDArray[np.float64],
    time_s: npt.NDArray[np.float64],
    row: int,
    step: Literal[1, -1],
    rules: ShotRules,
) -> range:
    """Rows of a fade beside a flat run, walking away from it: as long as the picture keeps growing out of it."""
    start = row
    while 0 <= row < len(distance) and abs(time_s[row] - time_s[start]) <= rules.max_fade_s:
        ahead = min(max(row + step * _FADE_STEP_FRAMES, 0), len(distance) - 1)
        grown = distance[row] * (1 + rules.fade_rate_per_s * abs(time_s[ahead] - time_s[row]))
        if ahead == row or distance[ahead] < grown:
            break
        row += step
    else:
        # Without an end this is a slow change of light beside a flat frame.
        if 0 <= row < len(distance):
            return range(0)
    return range(start, row, step)


def _runs(flags: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    changes = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return [(int(start), int(end)) for start, end in changes.reshape(-1, 2)]


def windows(
    series: Series, span: ShotSpan, duration_s: float, max_count: int, margin_s: float = 0.0
) -> list[FrameRange]:
    """Windows of one duration inside a shot that do not overlap, spread evenly; a single one lies in the middle.

    Args:
        series: the measured source.
        span: the shot.
        duration_s: duration of each window; each range lasts at least that long.
        max_count: how many windows at most.
        margin_s: what to leave out at both ends of the shot.
    """
    first, last = _rows(series, span.first_frame, span.last_frame)
    times = np.append(series.time_s[first:last], _end_s(series, last))
    begin, end = times[0] + margin_s, times[-1] - margin_s
    count = min(max_count, int((end - begin + _TIME_EPSILON_S) / duration_s))
    slack = (end - begin - count * duration_s) / (count + 1)
    found: list[FrameRange] = []
    free_row = int(np.searchsorted(times, begin - _TIME_EPSILON_S))
    for number in range(count):
        start_s = begin + slack * (number + 1) + duration_s * number
        row = max(int(np.searchsorted(times, start_s + _TIME_EPSILON_S, side="right")) - 1, free_row)
        row_end = int(np.searchsorted(times, times[row] + duration_s - _TIME_EPSILON_S))
        if row_end >= len(times) or times[row_end] > end + series.interval_s:
            break
        found.append(FrameRange(span.first_frame + row, span.first_frame + row_end))
        free_row = row_end
    return found


def letterbox(series: Series, first_frame: int, last_frame: int) -> Rectangle:
    """The picture without black bars over a range of frames, in display pixels of the source.

    A bar is believed where its width hardly changes over time, where bright frames show that it ends in a straight
    edge, and if a picture worth the name is left. Dark frames, in which more looks black, do not count against it; a
    product on black ends in no straight edge and keeps its background.
    """
    whole = Rectangle(0, 0, series.width_px, series.height_px)
    first, last = _rows(series, first_frame, last_frame)
    bars, edges = series.bars_px[first:last], series.edges_px[first:last]
    lit = (bars[:, 0] >= 0) & (bars[:, 0] < series.height_px)
    if not lit.any():
        return whole
    extents = (series.height_px, series.height_px, series.width_px, series.width_px)
    top, bottom, left, right = (
        _stable_bar(bars[lit, side], edges[lit, side], extent) for side, extent in enumerate(extents)
    )
    width, height = series.width_px - left - right, series.height_px - top - bottom
    if width < 1 or height < 1 or width * height < _SMALLEST_PICTURE_SHARE * series.width_px * series.height_px:
        return whole
    return Rectangle(left, top, width, height)


def _stable_bar(bars: npt.NDArray[np.int32], edges: npt.NDArray[np.int32], extent_px: int) -> int:
    tolerance = max(2.0, _BAR_TOLERANCE * extent_px)
    bar = int(np.quantile(bars, _BAR_QUANTILE, method="lower"))
    sharp = (np.abs(bars - bar) <= tolerance) & (edges - bars <= tolerance)
    # Scaling blurs the edge into the picture by a pixel.
    return bar + 1 if bar > 0 and sharp.mean() >= _BAR_SHARP_SHARE else 0


def range_numbers(series: Series, first_frame: int, last_frame: int) -> dict[str, float]:
    """What filters look at, over a range of frames: light, sharpness and motion.

    Motion counts only where both frames that it was measured between are in the range; a range too short for that has
    no ``motion_…``, ``residual_…`` and ``pan_…``.
    """
    first, last = _rows(series, first_frame, last_frame)
    numbers = {
        "luma_mean": float(np.mean(series.luma_mean[first:last], dtype=np.float64)),
        "luma_std": float(np.mean(series.luma_std[first:last], dtype=np.float64)),
        "sharpness": float(np.median(series.sharpness[first:last])),
        "content_score_max": float(np.max(series.content_score[first + 1 : last], initial=0.0)),
    }
    moving = first + np.flatnonzero(series.flow_from[first:last] >= first_frame)
    if len(moving):
        pan = np.hypot(series.pan_x_px_per_s[moving], series.pan_y_px_per_s[moving])
        numbers["motion_px_per_s"] = float(np.median(series.motion_px_per_s[moving]))
        numbers["residual_px_per_s"] = float(np.median(series.residual_px_per_s[moving]))
        numbers["residual_px_per_s_p90"] = float(np.quantile(series.residual_px_per_s[moving], 0.9))
        numbers["pan_px_per_s"] = float(np.median(pan))
    return numbers


def _rows(series: Series, first_frame: int, last_frame: int) -> tuple[int, int]:
    first, last = (int(row) for row in np.searchsorted(series.frame, (first_frame, last_frame)))
    if first >= last:
        raise ValueError(f"no decoded frames in [{first_frame}, {last_frame})")
    return first, last


def _end_s(series: Series, row: int) -> float:
    """When the frame before ``row`` ends."""
    if row < len(series) and series.frame[row] == series.frame[row - 1] + 1:
        return float(series.time_s[row])
    return float(series.time_s[row - 1]) + series.interval_s
