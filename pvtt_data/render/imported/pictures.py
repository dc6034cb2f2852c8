"""Pictures of a model's surfaces: decoded within bounds, made small, and turned into textures."""

from __future__ import annotations

import io
import struct
import warnings
import zlib

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from pvtt_data.errors import InputError
from pvtt_data.render.imported.limits import ModelLimits

Pixels = npt.NDArray[np.uint8]
Shares = npt.NDArray[np.float64]

_FORMATS = ("JPEG", "PNG", "WEBP")
# What Pillow raises for damaged files: plugins let errors of their parsers through.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error, zlib.error)
_DEEP_MODES = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})


class PictureReader:
    """Decodes the pictures of one model, and adds up how much that was."""

    def __init__(self, limits: ModelLimits) -> None:
        self._limits = limits
        self._decoded = 0

    def rgba(self, data: bytes) -> Pixels:
        """A PNG, JPEG or WebP as ``(H, W, 4)`` uint8, no side longer than the limits say.

        Rotation tags and colour profiles are ignored, as glTF asks.

        Raises:
            InputError: ``not-an-image``, ``broken-image``, ``too-many-pixels``.
        """
        limits = self._limits
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                image = Image.open(io.BytesIO(data), formats=_FORMATS)
        except Image.DecompressionBombError as error:
            raise InputError("too-many-pixels", "a picture of the model is larger than any real one") from error
        except UnidentifiedImageError as error:
            raise InputError("not-an-image", "a picture of the model is neither PNG, JPEG nor WebP") from error
        except _DAMAGE as error:
            raise InputError("broken-image", "a picture of the model is damaged") from error
        with image:
            pixels = image.width * image.height
            self._decoded += pixels
            if pixels > limits.max_picture_pixels or self._decoded > limits.max_decoded_pixels:
                raise InputError(
                    "too-many-pixels",
                    f"the model's pictures have too many pixels, at one of {image.width}×{image.height}",
                    {"pixels": pixels, "max_pixels": limits.max_picture_pixels},
                )
            try:
                return _small_rgba(image, limits.picture_side_px)
            except _DAMAGE as error:
                raise InputError("broken-image", "a picture of the model is damaged") from error


def _small_rgba(image: Image.Image, side: int) -> Pixels:
    image.draft("RGB", (side, side))
    if image.mode in _DEEP_MODES:
        deep = np.asarray(image).astype(np.int64).clip(0, 65535)
        image = Image.fromarray(((deep * 255 + 32767) // 65535).astype(np.uint8))
    bands = image.convert("RGBA").split()
    factor = side / max(image.size)
    if factor < 1:
        size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
        # Band by band: Pillow would weight colours by alpha, and where alpha is 0 they may matter to opaque materials.
        bands = tuple(band.resize(size, Image.Resampling.LANCZOS) for band in bands)
    return np.array(Image.merge("RGBA", bands))


def to_linear(display: Shares) -> Shares:
    """Display values 0..1 as linear light (IEC 61966-2-1)."""
    return np.where(display <= 0.04045, display / 12.92, ((display + 0.055) / 1.055) ** 2.4)


def to_display(linear: Shares) -> Pixels:
    """Linear light as uint8 display values; what is brighter than 1 is cut off."""
    light = np.clip(linear, 0.0, 1.0)
    return _rounded(np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055))


def _rounded(shares: Shares) -> Pixels:
    return (np.clip(shares, 0.0, 1.0) * 255 + 0.5).astype(np.uint8)


def tinted(pixels: Pixels, factors: tuple[float, ...]) -> Pixels:
    """A colour picture ``(H, W, 3)`` multiplied by linear factors, one a channel."""
    if all(factor == 1.0 for factor in factors):
        return np.ascontiguousarray(pixels)
    steps = to_linear(np.arange(256) / 255)
    return np.stack([to_display(steps * factor)[pixels[..., c]] for c, factor in enumerate(factors)], -1)


def scaled(pixels: Pixels, factor: float) -> Pixels:
    """Linear values ``(H, W)`` multiplied by a factor, as ``(H, W, 1)``."""
    return _rounded(np.arange(256) / 255 * factor)[pixels][..., None]


def with_strength(normals: Pixels, strength: float) -> Pixels:
    """A normal map ``(H, W, 3)`` with x and y multiplied, each normal of length 1."""
    vectors = normals.astype(np.float64) / 255 * 2 - 1
    vectors[..., :2] *= strength
    vectors[..., 2] = np.maximum(vectors[..., 2], 1e-3)
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    return _rounded(vectors / 2 + 0.5)


def upside_down_normals(normals: Pixels) -> Pixels:
    """A normal map ``(H, W, 3)`` for faces on which the picture is mirrored."""
    return np.stack([normals[..., 0], 255 - normals[..., 1], normals[..., 2]], -1)


def is_plain(pixels: Pixels, tolerance: int = 2) -> bool:
    """Whether all pixels are the same but for rounding."""
    flat = pixels.reshape(-1, pixels.shape[-1])
    return int((flat.max(axis=0).astype(int) - flat.min(axis=0)).max()) <= tolerance
