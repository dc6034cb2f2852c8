"""Exemplar-based filling of holes in a picture.

Coarse to fine, every patch that touches the hole is matched to a patch of the known part (PatchMatch: Barnes,
Shechtman, Finkelstein and Goldman 2009, with all patches updated at once), and each hole pixel becomes the weighted
mean of what the patches over it say (Wexler, Shechtman and Irani 2007).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
Bitmap = npt.NDArray[np.bool_]
Index = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float32]

_RADIUS = 3
_SEARCH_BUDGET = 8_000
"""Patches up to which a level is searched; finer levels take over the coarser level's matches."""


def membrane(values: Reals, known: Bitmap) -> Reals:
    """Continue values smoothly into the unknown part (pull-push interpolation, Gortler et al. 1996).

    Args:
        values: ``(h, w)`` or ``(h, w, C) float32``; what stands at unknown pixels is ignored.
        known: ``(h, w) bool``.

    Returns:
        Array like ``values``, equal to it where known; zeros if nothing is known.
    """
    flat = values if values.ndim == 3 else values[:, :, None]
    result = _pull_push(flat * known[:, :, None], known.astype(np.float32))
    return result if values.ndim == 3 else result[:, :, 0]


def _pull_push(weighted: Reals, weight: Reals) -> Reals:
    """Recursive half of `membrane`: ``weighted`` is values times ``weight``, weight in 0..1."""
    height, width = weight.shape
    if weight.min() >= 1.0 or max(height, width) <= 1:
        return np.asarray(weighted / np.maximum(weight, 1e-6)[:, :, None], np.float32)
    half = ((width + 1) // 2, (height + 1) // 2)
    small_weight = cv2.resize(weight, half, interpolation=cv2.INTER_AREA)
    small = cv2.resize(weighted, half, interpolation=cv2.INTER_AREA).reshape(half[1], half[0], -1)
    gain = np.minimum(small_weight * 4.0, 1.0) / np.maximum(small_weight, 1e-6)
    coarse = _pull_push(small * gain[:, :, None], small_weight * gain)
    up = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width, -1)
    return np.asarray(weighted + up * (1.0 - weight)[:, :, None], np.float32)


def patch_fill(picture: Picture, hole: Bitmap, usable: Bitmap, seed: int) -> Picture:
    """Fill a hole with texture taken from the picture itself.

    Args:
        picture: ``(h, w, 3) uint8``.
        hole: ``(h, w) bool``, pixels to fill.
        usable: ``(h, w) bool``, pixels that texture may be taken from; the hole never is.
        seed: of the random search; equal inputs give equal results.

    Returns:
        ``(h, w, 3) uint8``, equal to ``picture`` outside the hole. Where too little is usable for texture, the hole
        is filled smoothly.
    """
    if not hole.any():
        return picture.copy()
    known = usable & ~hole
    result = picture.copy()
    if not known.any():
        result[hole] = 0
        return result
    thickness = float(cv2.distanceTransform(np.pad(hole, 1).astype(np.uint8), cv2.DIST_L2, 3).max())
    levels = int(np.clip(np.ceil(np.log2(max(thickness, 1.0) / 3.0)), 0, 6)) + 1
    rng = np.random.default_rng(seed)
    matches: _Matches | None = None
    estimate: Reals = np.zeros((*hole.shape, 3), np.float32)
    for level in reversed(range(levels)):
        values, level_hole, level_known = _reduce(picture, hole, known, 2**level)
        estimate = membrane(values, level_known)
        grid = _Grid.of(estimate, level_hole, level_known)
        if len(grid.sources) >= 64:
            estimate, matches = _optimise(grid, matches, rng)
    result[hole] = np.clip(np.rint(estimate[hole]), 0, 255).astype(np.uint8)
    return result


def _reduce(picture: Picture, hole: Bitmap, known: Bitmap, factor: int) -> tuple[Reals, Bitmap, Bitmap]:
    """Shrink by a factor, averaging known pixels only; a pixel with any hole in it is hole."""
    height, width = hole.shape
    if factor == 1:
        return picture.astype(np.float32), hole, known
    size = (max(width // factor, 1), max(height // factor, 1))
    weight = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    colour = cv2.resize(picture * known[:, :, None].astype(np.float32), size, interpolation=cv2.INTER_AREA)
    holes = cv2.resize(hole.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
    return colour / np.maximum(weight, 1e-6)[:, :, None], holes, (weight > 0.999) & ~holes


@dataclass(slots=True)
class _Grid:
    """One level, padded by the patch radius so that every patch has all its pixels."""

    values: Reals  # (H*W, 3), padded and flattened
    shape: tuple[int, int]  # padded
    hole: Index  # flat padded indices of hole pixels
    targets: Index  # flat padded indices of the centres of patches that touch the hole
    sources: Index  # flat padded indices of the centres of patches that are wholly known
    is_source: Bitmap  # (H*W,)
    place: Index  # (H*W,), position in targets or -1
    offsets: Index  # (49,), flat offsets of a patch

    @classmethod
    def of(cls, values: Reals, hole: Bitmap, known: Bitmap) -> _Grid:
        r = _RADIUS
        padded = cv2.copyMakeBorder(values, r, r, r, r, cv2.BORDER_REFLECT_101)
        height, width = padded.shape[:2]
        window = np.ones((2 * r + 1, 2 * r + 1), np.uint8)
        full_hole = np.pad(hole, r)
        touched = cv2.dilate(full_hole.astype(np.uint8), window).astype(bool)
        whole = cv2.erode(np.pad(known, r).astype(np.uint8), window, borderValue=0).astype(bool)
        inside = np.zeros((height, width), np.bool_)
        inside[r:-r, r:-r] = True
        targets = np.flatnonzero(touched & inside)
        place = np.full(height * width, -1, np.int64)
        place[targets] = np.arange(len(targets))
        dy, dx = np.mgrid[-r : r + 1, -r : r + 1]
        return cls(
            values=padded.reshape(-1, 3),
            shape=(height, width),
            hole=np.flatnonzero(full_hole),
            targets=targets,
            sources=np.flatnonzero(whole & inside),
            is_source=(whole & inside).ravel(),
            place=place,
            offsets=(dy * width + dx).ravel().astype(np.int64),
        )


@dataclass(slots=True)
class _Matches:
    """For every target patch of a grid, the source patch that it resembles."""

    grid: _Grid
    nearest: Index

    def finer(self, grid: _Grid) -> Index:
        """The same matches on a grid of twice the resolution; -1 where there is none."""
        r = _RADIUS
        rows, columns = np.divmod(grid.targets, grid.shape[1])
        small_rows = np.clip((rows - r) // 2, 0, self.grid.shape[0] - 2 * r - 1) + r
        small_columns = np.clip((columns - r) // 2, 0, self.grid.shape[1] - 2 * r - 1) + r
        place = self.grid.place[small_rows * self.grid.shape[1] + small_columns]
        source_rows, source_columns = np.divmod(self.nearest[place], self.grid.shape[1])
        up_rows = 2 * (source_rows - r) + (rows - r) % 2 + r
        up_columns = 2 * (source_columns - r) + (columns - r) % 2 + r
        inside = (up_rows < grid.shape[0]) & (up_columns < grid.shape[1]) & (place >= 0)
        flat = np.where(inside, up_rows * grid.shape[1] + up_columns, 0)
        return np.where(inside & grid.is_source[flat], flat, -1)


def _optimise(grid: _Grid, coarser: _Matches | None, rng: np.random.Generator) -> tuple[Reals, _Matches]:
    """Alternate matching and voting on one level; returns the unpadded picture and the matches.

    The first level is matched by known pixels alone: a smooth first guess in the hole would attract smooth patches,
    and the hole would stay a smear. Finer levels begin with what the coarser level's matches paste there.
    """
    count = len(grid.targets)
    nearest = grid.sources[rng.integers(len(grid.sources), size=count)]
    search = count <= _SEARCH_BUDGET
    if coarser is None:
        rounds, sweeps = 6, 4
        known = np.ones(len(grid.place), np.float32)
        known[grid.hole] = 0.0
        weights = known[grid.targets[:, None] + grid.offsets] + np.float32(1e-3)
    else:
        rounds, sweeps = (2, 2) if search else (1, 0)
        start = coarser.finer(grid)
        nearest = np.where(start >= 0, start, nearest)
        weights = np.ones((count, len(grid.offsets)), np.float32)
        _vote(grid, nearest, np.where(start >= 0, np.float32(0), np.float32(50)))
    for _ in range(rounds):
        patches = grid.values[grid.targets[:, None] + grid.offsets]
        error = _error(grid, patches, weights, nearest)
        for sweep in range(sweeps):
            _propagate(grid, patches, weights, nearest, error, step=1 + sweep % 2)
            if search:
                _search(grid, patches, weights, nearest, error, rng)
        _vote(grid, nearest, error)
        weights = np.ones((count, len(grid.offsets)), np.float32)
    r = _RADIUS
    picture = grid.values.reshape(*grid.shape, 3)[r:-r, r:-r]
    return picture, _Matches(grid, nearest)


def _error(grid: _Grid, patches: Reals, weights: Reals, sources: Index) -> Reals:
    """Weighted mean squared difference of patches ``(N, 49, 3)`` and those centred at ``sources`` ``(N,)``."""
    difference = grid.values[sources[:, None] + grid.offsets] - patches
    squares = np.einsum("nij,nij->ni", difference, difference)
    result: Reals = (squares * weights).sum(axis=1) / weights.sum(axis=1)
    return result


def _improve(
    grid: _Grid, patches: Reals, weights: Reals, nearest: Index, error: Reals, candidates: Index, rows: Index
) -> None:
    """Take candidates that are sources and resemble their targets more than what these have."""
    good = grid.is_source[candidates]
    rows, candidates = rows[good], candidates[good]
    new = _error(grid, patches[rows], weights[rows], candidates)
    better = new < error[rows]
    nearest[rows[better]] = candidates[better]
    error[rows[better]] = new[better]


def _propagate(grid: _Grid, patches: Reals, weights: Reals, nearest: Index, error: Reals, step: int) -> None:
    """Try the neighbours' matches, shifted along."""
    size = len(grid.place)
    for shift in (step, -step, step * grid.shape[1], -step * grid.shape[1]):
        neighbour = np.clip(grid.targets - shift, 0, size - 1)
        place = grid.place[neighbour]
        rows = np.flatnonzero(place >= 0)
        _improve(grid, patches, weights, nearest, error, np.clip(nearest[place[rows]] + shift, 0, size - 1), rows)


def _search(
    grid: _Grid, patches: Reals, weights: Reals, nearest: Index, error: Reals, rng: np.random.Generator
) -> None:
    """Try random sources around the present match, in shrinking windows."""
    height, width = grid.shape
    rows = np.arange(len(nearest))
    radius = max(height, width) // 2
    while radius >= 2:
        jump = rng.integers(-radius, radius + 1, size=(2, len(nearest)))
        y = np.clip(nearest // width + jump[0], 0, height - 1)
        x = np.clip(nearest % width + jump[1], 0, width - 1)
        _improve(grid, patches, weights, nearest, error, y * width + x, rows)
        radius //= 3


def _vote(grid: _Grid, nearest: Index, error: Reals) -> None:
    """Every hole pixel becomes the mean of what the patches over it say, the best match counting most by far.

    A milder weighting averages unlike patches, and their fine texture is lost.
    """
    spread = max(float(np.percentile(error, 75)), 1.0) / 8.0
    weight = np.exp(-error / (2.0 * spread)).astype(np.float32) + np.float32(1e-6)
    total = np.zeros((len(grid.hole), 1), np.float32)
    colour = np.zeros((len(grid.hole), 3), np.float32)
    for offset in grid.offsets:
        place = grid.place[np.clip(grid.hole - offset, 0, len(grid.place) - 1)]
        share = np.where(place >= 0, weight[place], 0.0)[:, None].astype(np.float32)
        colour += share * grid.values[nearest[place] + offset]
        total += share
    grid.values[grid.hole] = colour / np.maximum(total, 1e-9)
