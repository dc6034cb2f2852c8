"""Filling a hole in a picture with one whole piece of the same picture.

Grain of wood, cloth and concrete stays what it is when a piece is copied as a whole; patches of it, matched one by
one, settle for the smoothest ones there are. The piece is the one whose surroundings look most like those of the hole
(mean squared difference on a ring around it); what remains of the difference there is continued inwards and taken off,
as in seamless cloning (Pérez et al. 2003; Farbman et al. 2009). Holes for which no piece is large enough are halved.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.patch_fill import membrane, patch_fill

Picture = npt.NDArray[np.uint8]
Bitmap = npt.NDArray[np.bool_]
Reals = npt.NDArray[np.float32]
Box = tuple[slice, slice]

_SEARCH_PX = 56
"""Longer side of a hole with its ring at which pieces are looked for."""
_CANDIDATES = 5
_FARTHER = 12.0
"""Mean squared difference, grey levels, that a piece one hole's size further away has to be better by."""
_UNLIKE = 250.0
"""Mean squared difference on the ring, grey levels, above which halves of a hole may find better pieces."""
_TOO_UNLIKE = 1000.0
"""The same, above which no piece is taken at all."""
_MAX_HALVINGS = 2
_NEIGHBOURHOOD = 2.5
"""How far pieces are looked for, in longer sides of the hole with its ring."""
_MIN_AREA = 64
"""Holes of fewer pixels are left to `patch_fill`."""
_MAX_CORRECTION = 30.0
_FEATHER_PX = 3


def clone_fill(picture: Picture, hole: Bitmap, usable: Bitmap, seed: int) -> Picture:
    """Fill a hole with texture taken from the picture itself.

    Args:
        picture: ``(h, w, 3) uint8``.
        hole: ``(h, w) bool``, pixels to fill.
        usable: ``(h, w) bool``, pixels that texture may be taken from; the hole never is.
        seed: of `patch_fill`, which fills what no piece fits.

    Returns:
        ``(h, w, 3) uint8``, equal to ``picture`` further than three pixels from the hole.
    """
    source = usable & ~hole
    result, open_ = picture.copy(), hole.copy()
    if not source.any():
        return patch_fill(picture, hole, usable, seed)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(hole.astype(np.uint8))
    for label in sorted(range(1, count), key=lambda number: -int(stats[number, cv2.CC_STAT_AREA])):
        _fill_piece(result, labels == label, open_, source, _MAX_HALVINGS)
    if open_.any():
        result = patch_fill(result, open_, usable, seed)
    return result


def _fill_piece(picture: Picture, piece: Bitmap, open_: Bitmap, source: Bitmap, halvings: int) -> None:
    """Fill one piece of the hole, in place, and take it off what is open; it stays open where nothing fits."""
    area = int(piece.sum())
    if area < _MIN_AREA:
        return
    reach = int(np.clip(0.12 * np.sqrt(area), 8, 28))
    box = _box(piece, reach)
    shape = cv2.dilate(piece[box].astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0
    ring = shape & ~piece[box] & ~open_[box] & (source | ~open_)[box]
    found = _offset(picture, box, shape & (ring | piece[box]), ring, source) if ring.sum() >= _MIN_AREA else None
    if halvings > 0 and (found is None or found[0] > _UNLIKE):
        for half in _halves(piece, box):
            _fill_piece(picture, half, open_, source, halvings - 1)
        return
    if found is None or found[0] > _TOO_UNLIKE:
        return
    (_, offset), (rows, columns) = found, box
    there = (
        slice(rows.start + offset[0], rows.stop + offset[0]),
        slice(columns.start + offset[1], columns.stop + offset[1]),
    )
    filling = _joined(picture[there], picture[box], ring, source[there])
    wide = cv2.dilate(piece[box].astype(np.uint8), np.ones((2 * _FEATHER_PX + 1,) * 2, np.uint8)).astype(np.float32)
    alpha = cv2.GaussianBlur(wide, (2 * _FEATHER_PX + 1,) * 2, 0) * (ring | piece[box]) * wide
    alpha[piece[box]] = 1.0
    part = picture[box]
    picture[box] = np.clip(np.rint(part + (filling - part) * alpha[:, :, None]), 0, 255).astype(np.uint8)
    open_ &= ~piece


def _offset(
    picture: Picture, box: Box, shape: Bitmap, ring: Bitmap, source: Bitmap
) -> tuple[float, tuple[int, int]] | None:
    """Error of the piece that fits best, and rows and columns to it; None where no whole piece is to be had."""
    height, width = shape.shape
    factor = max(int(np.ceil(max(height, width) / _SEARCH_PX)), 1)
    top, left = box[0].start, box[1].start
    far = int(_NEIGHBOURHOOD * max(height, width))
    near = (slice(max(top - far, 0), top + height + far), slice(max(left - far, 0), left + width + far))
    inner = (
        slice(top - near[0].start, top - near[0].start + height),
        slice(left - near[1].start, left - near[1].start + width),
    )
    coarse = [
        (row + near[0].start, column + near[1].start)
        for row, column in _coarse(picture[near], inner, shape, ring, source[near], factor)
    ]
    best: tuple[float, tuple[int, int]] | None = None
    for row, column in coarse:
        low_row, low_column = max(row - factor, 0), max(column - factor, 0)
        window = (
            slice(low_row, min(row + factor, picture.shape[0] - height) + height),
            slice(low_column, min(column + factor, picture.shape[1] - width) + width),
        )
        part = picture[window]
        if part.shape[0] < height or part.shape[1] < width:
            continue
        error = _errors(part, picture[box], shape, ring, source[window])
        error = _with_distance(error, low_row - top, low_column - left, float(np.sqrt(shape.sum())), 1)
        at = np.unravel_index(int(error.argmin()), error.shape)
        if np.isfinite(error[at]) and (best is None or float(error[at]) < best[0]):
            best = float(error[at]), (low_row - top + int(at[0]), low_column - left + int(at[1]))
    return best


def _coarse(
    picture: Picture, box: Box, shape: Bitmap, ring: Bitmap, source: Bitmap, factor: int
) -> list[tuple[int, int]]:
    """Top left corners of the best few pieces, looked for at a fraction of the resolution."""
    size = (max(picture.shape[1] // factor, 1), max(picture.shape[0] // factor, 1))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    usable = cv2.resize(source.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.999
    top, left = box[0].start // factor, box[1].start // factor
    height, width = max(shape.shape[0] // factor, 1), max(shape.shape[1] // factor, 1)
    wanted = (slice(top, top + height), slice(left, left + width))
    inner = small[wanted].shape[1::-1]

    def shrunk(mask: Bitmap, share: float) -> Bitmap:
        return np.asarray(cv2.resize(mask.astype(np.float32), inner, interpolation=cv2.INTER_AREA) > share)

    small_ring = shrunk(ring, 0.999)
    if small_ring.sum() < 8 or inner[0] > small.shape[1] or inner[1] > small.shape[0]:
        return []
    errors = _errors(small, small[wanted], shrunk(shape, 0.0), small_ring, usable)
    errors = _with_distance(errors, -top, -left, float(np.sqrt(shape.sum())), factor)
    found = []
    for _ in range(_CANDIDATES):
        row, column = np.unravel_index(int(errors.argmin()), errors.shape)
        if not np.isfinite(errors[row, column]):
            break
        found.append((int(row) * factor, int(column) * factor))
        errors[max(row - 3, 0) : row + 4, max(column - 3, 0) : column + 4] = np.inf
    return found


def _errors(picture: Picture, template: Picture, shape: Bitmap, ring: Bitmap, source: Bitmap) -> Reals:
    """Mean squared difference on the ring for every position of the template; infinite where it is not all source."""
    weight = ring.astype(np.float32)
    values, wanted = picture.astype(np.float32), template.astype(np.float32)
    squares = cv2.matchTemplate(values, wanted, cv2.TM_SQDIFF, mask=cv2.merge([weight] * 3))
    missing = cv2.matchTemplate((~source).astype(np.float32), shape.astype(np.float32), cv2.TM_CCORR)
    error: Reals = np.maximum(squares, 0.0) / (3.0 * max(float(weight.sum()), 1.0))
    error[(missing > 0.5) | ~np.isfinite(error)] = np.inf
    return error


def _with_distance(errors: Reals, row: int, column: int, size: float, factor: int) -> Reals:
    """Errors and what distance costs; ``row`` and ``column`` are the offset of the first position, at this scale."""
    rows = np.arange(row, row + errors.shape[0])[:, None] * factor / size
    columns = np.arange(column, column + errors.shape[1])[None] * factor / size
    result: Reals = errors + np.float32(_FARTHER) * np.sqrt(rows**2 + columns**2).astype(np.float32)
    return result


def _joined(piece: Picture, reference: Picture, ring: Bitmap, source: Bitmap) -> Reals:
    """A piece with its smooth difference to the surroundings taken off, ``(h, w, 3) float32``."""
    values = piece.astype(np.float32)
    where = (ring & source).astype(np.float32)
    difference = (reference - values) * where[:, :, None]
    reach = (9, 9)
    weight = cv2.blur(cv2.blur(where, reach), reach)
    smooth = cv2.blur(cv2.blur(difference, reach), reach) / np.maximum(weight, 1e-4)[:, :, None]
    known = (where > 0) & (weight > 0.05)
    correction = membrane(np.clip(smooth, -_MAX_CORRECTION, _MAX_CORRECTION).astype(np.float32), known)
    result: Reals = values + correction
    return result


def _halves(piece: Bitmap, box: Box) -> tuple[Bitmap, Bitmap]:
    """The piece cut across its longer side."""
    rows, columns = box
    first = np.zeros_like(piece)
    if rows.stop - rows.start >= columns.stop - columns.start:
        first[: (rows.start + rows.stop) // 2] = True
    else:
        first[:, : (columns.start + columns.stop) // 2] = True
    return piece & first, piece & ~first


def _box(mask: Bitmap, margin: int) -> Box:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        slice(max(int(rows[0]) - margin, 0), min(int(rows[-1]) + 1 + margin, mask.shape[0])),
        slice(max(int(columns[0]) - margin, 0), min(int(columns[-1]) + 1 + margin, mask.shape[1])),
    )
