"""Is everything but the product the same in source and target?"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]

PSNR_CAP_DB = 100.0
_TILES_ON_SHORT_SIDE = 12
_LEAST_FREE_SHARE = 0.5


def background_numbers(source: Frames, target: Frames, effect_mask: Masks) -> dict[str, float]:
    """How much source and target differ where they may not.

    Returns:
        ``background_psnr_db``: 10 log10(255² / MSE) over all pixels outside the effect mask; 100 when equal or when
        nothing is outside.
        ``background_tile_db``: the same of the worst place: frames are cut into square tiles, twelve on the short side;
        of a tile counts what lies outside the effect mask, if that is half of it; the tile's MSE is the median over the
        frames, so that what lasts counts and what flickers does not.
        ``background_frame_db``: PSNR outside the effect mask of the worst frame.
        ``changed_share``: share of pixels inside the effect mask whose largest channel difference exceeds 8 levels.
    """
    height, width = source.shape[1:3]
    tile = max(4, round(min(height, width) / _TILES_ON_SHORT_SIDE))
    grid = (max(1, width // tile), max(1, height // tile))
    error, count, changed, inside, worst = 0.0, 0, 0, 0, PSNR_CAP_DB
    tiles = np.full((len(source), grid[1], grid[0]), np.nan, np.float32)
    for t, (first, second, effect) in enumerate(zip(source, target, effect_mask, strict=True)):
        difference = cv2.absdiff(first, second)
        largest = cv2.max(cv2.max(difference[:, :, 0], difference[:, :, 1]), difference[:, :, 2])
        changed += int((largest[effect] > 8).sum())
        inside += int(effect.sum())
        free = (~effect).astype(np.float32)
        if not free.any():
            continue
        squares = (difference.astype(np.float32) ** 2).mean(axis=2) * free
        total = float(squares.sum(dtype=np.float64))
        error += 3.0 * total
        count += 3 * int(free.sum())
        worst = min(worst, _psnr(total / float(free.sum())))
        share = cv2.resize(free, grid, interpolation=cv2.INTER_AREA)
        mean = cv2.resize(squares, grid, interpolation=cv2.INTER_AREA)
        enough = share >= _LEAST_FREE_SHARE
        tiles[t][enough] = (mean / np.maximum(share, 1e-6))[enough]
    seen = np.isfinite(tiles).sum(axis=0) * 2 >= len(source)
    lasting = np.nanmedian(tiles[:, seen], axis=0) if seen.any() else np.zeros(1)
    return {
        "background_psnr_db": _psnr(error / count) if count else PSNR_CAP_DB,
        "background_tile_db": _psnr(float(lasting.max())),
        "background_frame_db": worst,
        "changed_share": changed / max(inside, 1),
    }


def _psnr(mean_square: float) -> float:
    if mean_square <= 0:
        return PSNR_CAP_DB
    return min(PSNR_CAP_DB, float(10.0 * np.log10(255.0**2 / mean_square)))
