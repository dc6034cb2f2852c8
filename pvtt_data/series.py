"""Measurement of a source: one decode, one row of numbers a frame; later stages read these, not pixels.

Pictures are measured upright, on two reductions by bilinear swscale (other kernels alias grain into false cuts): 256 px
on the long side in colour for the content score, and 240 px on the short side in grey for everything else.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from scenedetect.common import FrameTimecode
from scenedetect.detectors import ContentDetector

from pvtt_data.errors import InputError
from pvtt_data.media.decode import Media
from pvtt_data.media.graphs import LumaFilter, PictureFilter, scale
from pvtt_data.media.probe import Probe

GREY_SHORT_SIDE_PX = 240
THUMBNAIL_PX = 64

_SCORE_LONG_SIDE_PX = 256
_FLOW_PERIOD_S = Fraction(1, 16)
_BARS_PERIOD_S = Fraction(1, 2)
_THUMBNAIL_PERIOD_S = Fraction(1, 4)
# Flow is smooth: every second pixel of every second row gives the same means at a quarter of the cost.
_FLOW_STEP_PX = 2
_BLACK_LEVEL = 20
_BAR_BRIGHT_SHARE = 0.02
_EDGE_BRIGHT_SHARE = 0.5
_ZSTD_LEVEL = 6
_FORMAT_VERSION = "1"
_SIDES = ("top", "bottom", "left", "right")

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Series:
    """Numbers of a source over time; arrays have one entry for each decoded frame, N in all.

    Pixels of motion are those of the 240-px picture; bars are in display pixels of the source.
    """

    width_px: int
    height_px: int
    """Size of the display."""
    fps: Fraction
    end_s: float
    """When the last frame ends, in seconds after the first began."""
    decode_errors: int
    """Frames that could not be decoded, or only with damage."""

    frame: Ints
    """Index in the source's own frames; increases, with gaps where frames could not be decoded."""
    time_s: npt.NDArray[np.float64]
    """Seconds after the first frame."""
    content_score: npt.NDArray[np.float64]
    """Change from the frame before, as PySceneDetect's ContentDetector scores it (mean HSV difference, 0…255)."""
    luma_mean: Floats
    """0…255, full range."""
    luma_std: Floats
    sharpness: Floats
    """Variance of the Laplacian."""

    flow_from: Ints
    """The frame that motion is measured from, about 1/16 s earlier; −1 where motion is not measured."""
    pan_x_px_per_s: Floats
    """Median of the optical flow to the right; NaN where not measured."""
    pan_y_px_per_s: Floats
    """Median of the optical flow downwards; NaN where not measured."""
    motion_px_per_s: Floats
    """Mean length of the optical flow; NaN where not measured."""
    residual_px_per_s: Floats
    """Mean length of the optical flow minus its median; NaN where not measured."""

    bars_px: Ints
    """``(N, 4)``: black rows and columns at the top, bottom, left and right; −1 where not measured. A row is black
    if at most 2 % of its pixels are brighter than 20 of 255; a black frame has bars as wide as the picture."""
    edges_px: Ints
    """``(N, 4)``: distance from each side to the first row or column that is bright in more than half of its length
    inside the bars; where it equals the bar, the bar ends in a straight edge."""

    thumbnail_row: Ints
    """``(M,)``: entries that have a thumbnail, about four a second."""
    thumbnails: npt.NDArray[np.uint8]
    """``(M, 64, 64)`` grey, the whole picture squeezed into a square."""

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def interval_s(self) -> float:
        """Median time from frame to frame."""
        return float(np.median(np.diff(self.time_s))) if len(self) > 1 else float(1 / self.fps)


_FLOAT_COLUMNS = (
    "luma_mean",
    "luma_std",
    "sharpness",
    "pan_x_px_per_s",
    "pan_y_px_per_s",
    "motion_px_per_s",
    "residual_px_per_s",
)
_NULLABLE_FLOATS = frozenset(name for name in _FLOAT_COLUMNS if name.endswith("_px_per_s"))

SCHEMA = pa.schema(
    [
        pa.field("frame", pa.int32(), nullable=False),
        pa.field("time_s", pa.float64(), nullable=False),
        pa.field("content_score", pa.float64(), nullable=False),
        *(pa.field(name, pa.float32(), nullable=name in _NULLABLE_FLOATS) for name in _FLOAT_COLUMNS),
        pa.field("flow_from", pa.int32()),
        *(pa.field(f"bar_{side}_px", pa.int32()) for side in _SIDES),
        *(pa.field(f"edge_{side}_px", pa.int32()) for side in _SIDES),
        pa.field("thumbnail", pa.binary(THUMBNAIL_PX * THUMBNAIL_PX)),
    ]
)
"""Columns of a stored series; facts about the whole source are in the schema's metadata."""


class ContentScorer:
    """Scores of PySceneDetect's ContentDetector, frame by frame.

    The detector offers no public call that yields the score alone.
    """

    def __init__(self) -> None:
        self._detector = ContentDetector()
        self._timecode = FrameTimecode(0, fps=1.0)

    def __call__(self, bgr: npt.NDArray[np.uint8]) -> float:
        """Score of ``(H, W, 3)`` uint8 BGR against the picture before; 0 for the first."""
        return float(self._detector._calculate_frame_score(self._timecode, bgr))


def measure(media: Media) -> Series:
    """Decode a source once and measure each frame.

    Raises:
        InputError: ``no-frames``; see `Media.frames`.
    """
    with _one_opencv_thread():
        rows, errors = _measure(media)
    if not rows:
        raise InputError("no-frames", f"no frame of {media.name} can be decoded")
    return _assemble(media, rows, errors)


@dataclass(slots=True)
class _Row:
    frame: int
    time_s: Fraction
    content_score: float
    luma: tuple[float, float]
    sharpness: float
    flow_from: int = -1
    flow: tuple[float, float, float, float] = (np.nan, np.nan, np.nan, np.nan)
    bars: tuple[int, ...] = (-1, -1, -1, -1)
    edges: tuple[int, ...] = (-1, -1, -1, -1)
    thumbnail: npt.NDArray[np.uint8] | None = None


def _measure(media: Media) -> tuple[list[_Row], int]:
    probe = media.probe
    colour_filter, grey_filter, full_filter = _filters(probe)
    score = ContentScorer()
    flow_meter = _FlowMeter()
    flow_due, bars_due, thumbnail_due = _Due(_FLOW_PERIOD_S), _Due(_BARS_PERIOD_S), _Due(_THUMBNAIL_PERIOD_S)
    rows: list[_Row] = []
    errors = 0
    expected = 0
    for frame in media.frames():
        errors += frame.index - expected + frame.corrupt
        expected = frame.index + 1
        grey = grey_filter(frame.picture)
        row = _Row(
            frame=frame.index,
            time_s=frame.time_s,
            content_score=score(colour_filter(frame.picture)),
            luma=_mean_std(grey),
            sharpness=_mean_std(cv2.Laplacian(grey, cv2.CV_16S))[1] ** 2,
        )
        if flow_due(frame.time_s):
            row.flow_from, row.flow = flow_meter(frame.index, frame.time_s, grey)
        if bars_due(frame.time_s):
            row.bars, row.edges = black_bars(full_filter(frame.picture))
        if thumbnail_due(frame.time_s):
            row.thumbnail = cv2.resize(grey, (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
        rows.append(row)
    return rows, errors + len(media.timeline) - expected if rows else errors


def _filters(probe: Probe) -> tuple[PictureFilter, LumaFilter, LumaFilter]:
    """Filters to the small colour picture, the small grey picture and the grey picture of the display's size."""
    width, height = probe.display_width_px, probe.display_height_px

    def reduced(side_px: int, of_px: int) -> tuple[int, int]:
        return max(8, round(width * side_px / of_px)), max(8, round(height * side_px / of_px))

    colour_width, colour_height = reduced(_SCORE_LONG_SIDE_PX, max(width, height))
    coded_size = (colour_height, colour_width) if probe.sideways else (colour_width, colour_height)
    return (
        PictureFilter(probe, (scale(*coded_size, "bilinear"),), "bgr24", turn_last=True),
        LumaFilter(probe, *reduced(GREY_SHORT_SIDE_PX, min(width, height))),
        LumaFilter(probe, width, height),
    )


class _Due:
    """True for the first frame in each period."""

    def __init__(self, period_s: Fraction) -> None:
        self._period_s = period_s
        self._last = -1

    def __call__(self, time_s: Fraction) -> bool:
        period = time_s // self._period_s
        due = period > self._last
        self._last = period
        return due


class _FlowMeter:
    """Dense inverse search optical flow (Kroeger et al. 2016) between the pictures it is shown."""

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._last: tuple[int, Fraction, npt.NDArray[np.uint8]] | None = None

    def __call__(
        self, frame: int, time_s: Fraction, grey: npt.NDArray[np.uint8]
    ) -> tuple[int, tuple[float, float, float, float]]:
        """The earlier frame, and pan to the right, pan downwards, motion and residual motion in pixels a second."""
        previous, self._last = self._last, (frame, time_s, grey)
        if previous is None:
            return -1, (np.nan, np.nan, np.nan, np.nan)
        flow = self._flow.calc(previous[2], grey, None)[::_FLOW_STEP_PX, ::_FLOW_STEP_PX]
        pan = np.median(flow.reshape(-1, 2), axis=0)
        motion = _mean_length(flow[..., 0], flow[..., 1])
        residual = _mean_length(flow[..., 0] - pan[0], flow[..., 1] - pan[1])
        per_s = float(1 / (time_s - previous[1]))
        return previous[0], (pan[0] * per_s, pan[1] * per_s, motion * per_s, residual * per_s)


def black_bars(grey: npt.NDArray[np.uint8]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Black borders of one picture and where its bright part begins.

    Args:
        grey: ``(H, W)`` uint8, full range.

    Returns:
        Bars and edges at the top, bottom, left and right, in pixels; see `Series.bars_px` and `Series.edges_px`.
    """
    bright = grey > _BLACK_LEVEL
    height, width = grey.shape
    top, bottom = _dark_ends(bright.sum(axis=1), _BAR_BRIGHT_SHARE * width)
    left, right = _dark_ends(bright.sum(axis=0), _BAR_BRIGHT_SHARE * height)
    if top == height or left == width:
        return (height, height, width, width), (height, height, width, width)
    picture = bright[top : height - bottom, left : width - right]
    upper, lower = _dark_ends(picture.sum(axis=1), _EDGE_BRIGHT_SHARE * picture.shape[1])
    before, after = _dark_ends(picture.sum(axis=0), _EDGE_BRIGHT_SHARE * picture.shape[0])
    return (top, bottom, left, right), (top + upper, bottom + lower, left + before, right + after)


def _dark_ends(counts: npt.NDArray[np.int64], most: float) -> tuple[int, int]:
    """How many lines at the start and at the end have at most ``most`` bright pixels; all lines if all have."""
    lit = np.flatnonzero(counts > most)
    if len(lit) == 0:
        return len(counts), len(counts)
    return int(lit[0]), len(counts) - 1 - int(lit[-1])


def _mean_std(pixels: Any) -> tuple[float, float]:
    mean, std = cv2.meanStdDev(pixels)
    return float(mean[0, 0]), float(std[0, 0])


def _mean_length(x: Floats, y: Floats) -> float:
    return float(np.mean(np.sqrt(x * x + y * y), dtype=np.float64))


@contextlib.contextmanager
def _one_opencv_thread() -> Iterator[None]:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def _assemble(media: Media, rows: list[_Row], errors: int) -> Series:
    flow = np.array([row.flow for row in rows], np.float32)
    pictured = [(i, row.thumbnail) for i, row in enumerate(rows) if row.thumbnail is not None]
    return Series(
        width_px=media.probe.display_width_px,
        height_px=media.probe.display_height_px,
        fps=media.probe.fps,
        end_s=float(media.timeline.duration_s),
        decode_errors=errors,
        frame=np.array([row.frame for row in rows], np.int32),
        time_s=np.array([float(row.time_s) for row in rows]),
        content_score=np.array([row.content_score for row in rows]),
        luma_mean=np.array([row.luma[0] for row in rows], np.float32),
        luma_std=np.array([row.luma[1] for row in rows], np.float32),
        sharpness=np.array([row.sharpness for row in rows], np.float32),
        flow_from=np.array([row.flow_from for row in rows], np.int32),
        pan_x_px_per_s=flow[:, 0],
        pan_y_px_per_s=flow[:, 1],
        motion_px_per_s=flow[:, 2],
        residual_px_per_s=flow[:, 3],
        bars_px=np.array([row.bars for row in rows], np.int32),
        edges_px=np.array([row.edges for row in rows], np.int32),
        thumbnail_row=np.array([i for i, _ in pictured], np.int32),
        thumbnails=np.array([t for _, t in pictured], np.uint8).reshape(-1, THUMBNAIL_PX, THUMBNAIL_PX),
    )


def to_table(series: Series) -> pa.Table:
    """The series as an Arrow table with `SCHEMA`."""
    columns: dict[str, pa.Array] = {
        "frame": pa.array(series.frame, pa.int32()),
        "time_s": pa.array(series.time_s, pa.float64()),
        "content_score": pa.array(series.content_score, pa.float64()),
        "flow_from": _nullable_ints(series.flow_from),
    }
    for name in _FLOAT_COLUMNS:
        values = getattr(series, name)
        columns[name] = pa.array(values, pa.float32(), mask=np.isnan(values) if name in _NULLABLE_FLOATS else None)
    for position, side in enumerate(_SIDES):
        columns[f"bar_{side}_px"] = _nullable_ints(series.bars_px[:, position])
        columns[f"edge_{side}_px"] = _nullable_ints(series.edges_px[:, position])
    pictures: list[bytes | None] = [None] * len(series)
    for row, thumbnail in zip(series.thumbnail_row, series.thumbnails, strict=True):
        pictures[row] = thumbnail.tobytes()
    columns["thumbnail"] = pa.array(pictures, pa.binary(THUMBNAIL_PX * THUMBNAIL_PX))
    facts = {
        "series_version": _FORMAT_VERSION,
        "width_px": str(series.width_px),
        "height_px": str(series.height_px),
        "fps": str(series.fps),
        "end_s": repr(series.end_s),
        "decode_errors": str(series.decode_errors),
    }
    return pa.Table.from_arrays([columns[name] for name in SCHEMA.names], schema=SCHEMA.with_metadata(facts))


def from_table(table: pa.Table) -> Series:
    """The series that `to_table` made a table from.

    Raises:
        ValueError: the table is not a series of this version.
    """
    facts = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    if facts.get("series_version") != _FORMAT_VERSION or not table.schema.equals(SCHEMA):
        raise ValueError(f"not a series of version {_FORMAT_VERSION}")
    pictures = table["thumbnail"]
    rows = np.flatnonzero(pictures.is_valid().to_numpy(zero_copy_only=False)).astype(np.int32)
    pixels = np.frombuffer(b"".join(pictures.drop_null().to_pylist()), np.uint8)
    floats: dict[str, Any] = {
        name: table[name].to_numpy(zero_copy_only=False).astype(np.float32) for name in _FLOAT_COLUMNS
    }
    return Series(
        width_px=int(facts["width_px"]),
        height_px=int(facts["height_px"]),
        fps=Fraction(facts["fps"]),
        end_s=float(facts["end_s"]),
        decode_errors=int(facts["decode_errors"]),
        frame=_ints(table["frame"]),
        time_s=table["time_s"].to_numpy(zero_copy_only=False),
        content_score=table["content_score"].to_numpy(zero_copy_only=False),
        flow_from=_ints(table["flow_from"]),
        bars_px=np.stack([_ints(table[f"bar_{side}_px"]) for side in _SIDES], axis=1),
        edges_px=np.stack([_ints(table[f"edge_{side}_px"]) for side in _SIDES], axis=1),
        thumbnail_row=rows,
        thumbnails=pixels.reshape(-1, THUMBNAIL_PX, THUMBNAIL_PX),
        **floats,
    )


def to_parquet(series: Series) -> bytes:
    """The series as a Parquet file; equal series give equal bytes."""
    file = io.BytesIO()
    pq.write_table(
        to_table(series),
        file,
        compression="zstd",
        compression_level=_ZSTD_LEVEL,
        use_dictionary=False,
        write_statistics=False,
        version="2.6",
        data_page_version="1.0",
    )
    return file.getvalue()


def from_parquet(data: bytes) -> Series:
    """The series that `to_parquet` wrote.

    Raises:
        ValueError: the file is not a series of this version.
    """
    return from_table(pq.read_table(io.BytesIO(data)))


def same_series(a: Series, b: Series) -> bool:
    """Whether two series hold the same numbers."""
    return all(
        np.array_equal(x, y, equal_nan=x.dtype.kind == "f") if isinstance(x, np.ndarray) else x == y
        for x, y in ((getattr(a, f.name), getattr(b, f.name)) for f in fields(Series))
    )


def _nullable_ints(values: Ints) -> pa.Array:
    return pa.array(values, pa.int32(), mask=values < 0)


def _ints(column: pa.ChunkedArray) -> Ints:
    return np.asarray(column.fill_null(-1).to_numpy(zero_copy_only=False), np.int32)
