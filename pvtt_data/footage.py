"""Footage as it is compared: small grey pictures without bars, four a second, made from a measured series.

What is compared of a picture are saturated gradients of a coarse grid: where a cell differs from its neighbour by g
grey levels, g / (|g| + 4) counts. A sticker or a subtitle then changes the cells it covers and those beside them, and
no others; light and contrast hardly matter, and flat areas count for nothing.

Everything is exact, so that the same footage gives the same bytes on any CPU, with any BLAS and in any order of
summation: sums run over integers, and all partial sums are below 2^53 in float64 or 2^24 in float32, which hold such
integers exactly; what is not a sum is one operation on each number, which IEEE 754 fixes to the last bit.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from pvtt_data.records import Rectangle
from pvtt_data.series import THUMBNAIL_PX, Series
from pvtt_data.shots import find_shots, letterbox

PICTURE_PX = 64
PERIOD_MS = 250
"""Usual time between pictures."""
UNIT = 100
"""Length of a vector of gradients; the scalar product of two is 10,000 times the cosine between them."""
SKETCH_CELLS = 10
SKETCH_SIZE = 2 * SKETCH_CELLS * (SKETCH_CELLS - 1)

Span = tuple[float, float]
WHOLE: Span = (0.0, 1.0)
SKETCH_SPANS: tuple[Span, ...] = (WHOLE, (0.0, 0.9), (0.1, 1.0))
"""Views of a sketch, across and down: any crop of up to 10 % is within half a cell of one of the nine."""

_SATURATION = np.float32(4.0)
# Steps of a saturated gradient: 480 squares of at most 127 are below 2^24.
_STEPS = np.float32(127.0)
# A picture whose saturated gradients have a root mean square below this shows nothing: black, white or a fade.
_MIN_CONTRAST = 0.08
_WEIGHT_STEPS = 1024
_TARGET_EVERY, _QUERY_EVERY = 2, 4
_FORMAT_VERSION = "1"
_ZSTD_LEVEL = 6

Pictures = npt.NDArray[np.uint8]
Gradients = npt.NDArray[np.int8]

SCHEMA = pa.schema(
    [
        pa.field("time_ms", pa.int64(), nullable=False),
        pa.field("picture", pa.binary(PICTURE_PX**2), nullable=False),
        pa.field("target", pa.binary(SKETCH_SIZE)),
        pa.field("queries", pa.binary(len(SKETCH_SPANS) ** 2 * SKETCH_SIZE)),
    ],
    metadata={"footage_version": _FORMAT_VERSION},
)
"""Columns of stored footage, a row for each picture; sketches of every second and fourth."""


@dataclass(frozen=True, slots=True, eq=False)
class Footage:
    """The pictures of a source.

    Attributes:
        time_ms: ``(T,)`` int64, milliseconds after the first frame; increases.
        pictures: ``(T, 64, 64)`` uint8 grey, without black bars, squeezed into a square.
    """

    time_ms: npt.NDArray[np.int64]
    pictures: Pictures

    def __len__(self) -> int:
        return len(self.time_ms)


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    """What tells cheaply that footage may be shared.

    Attributes:
        queries: ``(9, Q, 180)`` int8, gradients of one picture a second in the views of `SKETCH_SPANS`.
        targets: ``(T, 180)`` int8, gradients of two whole pictures a second.
    """

    queries: Gradients
    targets: Gradients


def footage_of(series: Series) -> Footage:
    """The footage of a measured source; bars are taken off shot by shot."""
    frames = series.frame[series.thumbnail_row]
    pictures = series.thumbnails.copy()
    for span in find_shots(series):
        inside = (frames >= span.first_frame) & (frames < span.last_frame)
        if inside.any():
            box = letterbox(series, span.first_frame, span.last_frame)
            if box != Rectangle(0, 0, series.width_px, series.height_px):
                pictures[inside] = _without_bars(pictures[inside], box, series.width_px, series.height_px)
    return Footage(np.rint(1000 * series.time_s[series.thumbnail_row]).astype(np.int64), pictures)


def _without_bars(pictures: Pictures, box: Rectangle, width_px: int, height_px: int) -> Pictures:
    across, down = _inside(box.x, box.width, width_px), _inside(box.y, box.height, height_px)
    return np.rint(resampled(pictures, (across,), (down,), PICTURE_PX)[:, 0, :, 0]).astype(np.uint8)


def _inside(offset_px: int, length_px: int, extent_px: int) -> Span:
    """A picture's share of a thumbnail; a pixel less where a bar begins, since that pixel is part bar."""
    first = offset_px / extent_px + (1 / THUMBNAIL_PX if offset_px else 0.0)
    last = (offset_px + length_px) / extent_px - (1 / THUMBNAIL_PX if offset_px + length_px < extent_px else 0.0)
    return (first, last) if last > first else WHOLE


@cache
def _weights(spans: tuple[Span, ...], length: int, cells: int) -> npt.NDArray[np.float64]:
    """``(len(spans) · cells, length)`` integers: how much each of ``length`` pixels counts for each cell of each span.

    Triangles in steps of 1/1024, as in antialiased bilinear scaling.
    """
    parts = []
    for start, end in spans:
        step = (end - start) * length / cells
        centres = start * length + (np.arange(cells) + 0.5) * step
        distance = np.abs(np.arange(length) + 0.5 - centres[:, None])
        parts.append(np.rint(_WEIGHT_STEPS * np.maximum(0.0, 1.0 - distance / max(1.0, step))))
    return np.concatenate(parts)


def resampled(
    pictures: Pictures, across: tuple[Span, ...], down: tuple[Span, ...], cells: int
) -> npt.NDArray[np.float64]:
    """Means of the cells of grids laid over parts of ``(T, H, W)`` pictures.

    Args:
        pictures: grey, 0…255.
        across: parts from and to, as shares of the width.
        down: the same of the height.
        cells: cells of a grid on each side.

    Returns:
        ``(T, len(down), cells, len(across), cells)``. A sum is at most 255 · (64 · 1024)² < 2^53.
    """
    rows, columns = _weights(down, pictures.shape[1], cells), _weights(across, pictures.shape[2], cells)
    sums = rows @ pictures.astype(np.float64) @ columns.T
    means = sums / (rows.sum(axis=1)[:, None] * columns.sum(axis=1))
    return np.asarray(means.reshape(len(pictures), len(down), cells, len(across), cells))


def gradients(pictures: Pictures, cells: int, spans: tuple[Span, ...] = (WHOLE,)) -> Gradients:
    """``(len(spans)², T, 2 · cells · (cells − 1))`` int8: gradients across and down, for each view of the pictures.

    A view is one span across and one down; the whole picture is the default. Each vector has about the length `UNIT`;
    that of a picture which shows nothing is all zero. For grids of at most 16 cells.
    """
    means = resampled(pictures, spans, spans, cells).astype(np.float32).transpose(3, 1, 0, 2, 4)
    grid = np.ascontiguousarray(means).reshape(len(spans) ** 2, len(pictures), cells, cells)
    slope = np.empty((*grid.shape[:2], 2 * cells * (cells - 1)), np.float32)
    half = cells * (cells - 1)
    slope[..., :half] = (grid[..., 1:] - grid[..., :-1]).reshape(*grid.shape[:2], half)
    slope[..., half:] = (grid[..., 1:, :] - grid[..., :-1, :]).reshape(*grid.shape[:2], half)
    steep = np.rint(_STEPS * slope / (np.abs(slope) + _SATURATION))
    length = np.sqrt(np.square(steep).sum(axis=-1, keepdims=True))
    quiet = length < float(_STEPS) * _MIN_CONTRAST * np.sqrt(2 * half)
    return np.asarray(np.rint(steep * (np.float32(UNIT) / np.where(quiet, np.float32(np.inf), length))).astype(np.int8))


def products(one: Gradients, other: Gradients) -> npt.NDArray[np.float32]:
    """``(len(one), len(other))`` scalar products of gradients.

    Exact: by Cauchy and Schwarz the absolute values of the terms of a product sum up to at most the product of the two
    lengths, about 10,000, so every partial sum is an integer far below 2^24.
    """
    return one.astype(np.float32) @ other.astype(np.float32).T


def sketch_of(footage: Footage) -> Sketch:
    """The sketch of footage."""
    return Sketch(
        gradients(footage.pictures[::_QUERY_EVERY], SKETCH_CELLS, SKETCH_SPANS),
        gradients(footage.pictures[::_TARGET_EVERY], SKETCH_CELLS)[0],
    )


def to_parquet(footage: Footage) -> bytes:
    """Footage and its sketch as a Parquet file; equal footage gives equal bytes."""
    sketch = sketch_of(footage)
    targets: list[bytes | None] = [None] * len(footage)
    queries: list[bytes | None] = [None] * len(footage)
    targets[::_TARGET_EVERY] = [row.tobytes() for row in sketch.targets]
    queries[::_QUERY_EVERY] = [sketch.queries[:, row].tobytes() for row in range(sketch.queries.shape[1])]
    columns = [footage.time_ms, [picture.tobytes() for picture in footage.pictures], targets, queries]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    file = io.BytesIO()
    pq.write_table(
        pa.Table.from_arrays(arrays, schema=SCHEMA),
        file,
        compression="zstd",
        compression_level=_ZSTD_LEVEL,
        use_dictionary=False,
        write_statistics=False,
        version="2.6",
        data_page_version="1.0",
    )
    return file.getvalue()


def footage_from_parquet(data: bytes) -> Footage:
    """The footage that `to_parquet` wrote.

    Raises:
        ValueError: the file is not footage of this version.
    """
    table = _read(data, ("time_ms", "picture"))
    pictures = _bytes_of(table["picture"]).view(np.uint8).reshape(-1, PICTURE_PX, PICTURE_PX)
    return Footage(table["time_ms"].to_numpy(), pictures)


def sketch_from_parquet(data: bytes) -> Sketch:
    """The sketch that `to_parquet` wrote.

    Raises:
        ValueError: the file is not footage of this version.
    """
    table = _read(data, ("target", "queries"))
    queries = _bytes_of(table["queries"]).reshape(-1, len(SKETCH_SPANS) ** 2, SKETCH_SIZE)
    targets = _bytes_of(table["target"]).reshape(-1, SKETCH_SIZE)
    return Sketch(np.ascontiguousarray(queries.transpose(1, 0, 2)), targets)


def _read(data: bytes, columns: Sequence[str]) -> pa.Table:
    file = pq.ParquetFile(io.BytesIO(data))
    if not file.schema_arrow.equals(SCHEMA, check_metadata=True):
        raise ValueError(f"not footage of version {_FORMAT_VERSION}")
    return file.read(list(columns))


def _bytes_of(column: pa.ChunkedArray) -> npt.NDArray[np.int8]:
    return np.frombuffer(b"".join(column.drop_null().to_pylist()), np.int8)
