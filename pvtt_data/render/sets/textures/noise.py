"""Noise that tiles, and pictures made from it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pvtt_data.render.material import Pixels, Texture, display_rgb

Field = NDArray[np.float32]


_FINE = 200


def field(values: NDArray[np.floating]) -> Field:
    """Values as a field, in single precision."""
    made: Field = np.asarray(values, np.float32)
    return made


def _spline(length: int, cells: int) -> Field:
    """``(length, cells)`` weights of a periodic cubic B-spline."""
    at = np.arange(length) * (cells / length)
    whole = np.floor(at).astype(int)
    t = at - whole
    weights = np.zeros((length, cells), np.float32)
    bumps = ((1 - t) ** 3 / 6, (3 * t**3 - 6 * t**2 + 4) / 6, (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6, t**3 / 6)
    for offset, bump in zip((-1, 0, 1, 2), bumps, strict=True):
        weights[np.arange(length), (whole + offset) % cells] += bump.astype(np.float32)
    return weights


def smooth(rng: np.random.Generator, shape: tuple[int, int], cells: tuple[int, int]) -> Field:
    """Smooth periodic noise ``shape`` of standard deviation 1; cells: bumps along rows and columns."""
    if min(cells) >= _FINE and shape[0] % 4 == shape[1] % 4 == 0:
        # So fine a grain may repeat within the picture; nobody sees it, and it is made in a sixteenth of the time.
        return np.tile(smooth(rng, (shape[0] // 4, shape[1] // 4), (cells[0] // 4, cells[1] // 4)), (4, 4))
    rows, columns = (min(c, s) for c, s in zip(cells, shape, strict=True))
    grid = rng.standard_normal((rows, columns), np.float32)
    values = _spline(shape[0], rows) @ grid @ _spline(shape[1], columns).T
    made: Field = (values / np.float32(max(float(values.std()), 1e-6))).astype(np.float32)
    return made


def clouds(
    rng: np.random.Generator, shape: tuple[int, int], cells: tuple[int, int], octaves: int = 4, gain: float = 0.5
) -> Field:
    """Periodic noise with detail, standard deviation 1; cells: of the coarsest octave; the next has twice as many."""
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        finer = (cells[0] * 2**octave, cells[1] * 2**octave)
        total += np.float32(gain**octave) * smooth(rng, shape, finer)
    made: Field = total / np.float32(total.std())
    return made


def warped(values: Field, rows: Field, columns: Field) -> Field:
    """A periodic field read at shifted places; shifts in pixels, bilinear."""
    height, width = values.shape
    y = np.arange(height, dtype=np.float32)[:, None] + rows
    x = np.arange(width, dtype=np.float32)[None, :] + columns
    top, left = np.floor(y).astype(np.int32), np.floor(x).astype(np.int32)
    down, right = y - top, x - left
    upper, lower = top % height, (top + 1) % height
    near, far = left % width, (left + 1) % width
    above = values[upper, near] * (1 - right) + values[upper, far] * right
    below = values[lower, near] * (1 - right) + values[lower, far] * right
    made: Field = (above * (1 - down) + below * down).astype(np.float32)
    return made


def ramp(values: Field, low: float, high: float) -> Field:
    """0 below low, 1 above high, smooth between."""
    t = np.clip((values - low) / (high - low), 0, 1)
    made: Field = (t * t * (3 - 2 * t)).astype(np.float32)
    return made


def shade(colour: str, factor: Field) -> NDArray[np.float32]:
    """``(H, W, 3)`` display values: a colour times a field."""
    made: NDArray[np.float32] = factor[..., None] * np.array(display_rgb(colour), np.float32)
    return made


def blend(under: NDArray[np.float32], colour: str, weight: Field) -> NDArray[np.float32]:
    """A colour laid over a picture; weight ``(H, W)`` 0 to 1."""
    over = np.array(display_rgb(colour), np.float32)
    made: NDArray[np.float32] = under + (over - under) * weight[..., None]
    return made


def pixels(values: NDArray[np.float32]) -> Pixels:
    """0 to 1 as bytes; ``(H, W)`` becomes ``(H, W, 1)``."""
    made: Pixels = (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)
    return made if made.ndim == 3 else made[..., None]


def linear_map(values: Field) -> Texture:
    """A roughness or another one-channel picture, 0 to 1."""
    return Texture(pixels(values), srgb=False)


def normal_map(height_px: Field) -> Texture:
    """Tangent-space normals of a periodic height field in pixels (glTF's: +y up in the picture)."""
    across = (np.roll(height_px, -1, 1) - np.roll(height_px, 1, 1)) / 2
    down = (np.roll(height_px, -1, 0) - np.roll(height_px, 1, 0)) / 2
    normal = np.stack([-across, down, np.ones_like(height_px)], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    return Texture(pixels(field((normal + 1) / 2)), srgb=False)
