"""Still images that nobody vouches for, PNG files with stable bytes, and perceptual hashes."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from pvtt_data.errors import InputError
from pvtt_data.limits import DEFAULT_LIMITS, Limits

_FORMATS = ("JPEG", "PNG", "WEBP")
_DEEP_MODES = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})
_PNG_COMPRESSION = 6
_HASH_INPUT_PX = 32
_HASH_SIDE = 8
# What Pillow raises for damaged files: plugins let errors of their parsers through.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error, zlib.error)


def read_image(
    source: bytes | Path, limits: Limits = DEFAULT_LIMITS, background: tuple[int, int, int] = (255, 255, 255)
) -> npt.NDArray[np.uint8]:
    """A JPEG, PNG or WebP, upright, ``(H, W, 3)`` uint8 sRGB.

    Transparent parts show ``background``; 16-bit grey becomes 8-bit; embedded profiles are ignored (sRGB is assumed);
    of an animation the first frame is read.

    Raises:
        InputError: ``missing-file``, ``too-large``, ``not-an-image``, ``too-many-pixels`` or ``broken-image``.
    """
    pixels = read_rgba(source, limits)
    alpha = pixels[..., 3:].astype(np.uint16)
    if alpha.min() == 255:
        return np.ascontiguousarray(pixels[..., :3])
    over = pixels[..., :3].astype(np.uint16) * alpha
    under = np.asarray(background, np.uint16) * (255 - alpha)
    return ((over + under + 127) // 255).astype(np.uint8)


def read_rgba(source: bytes | Path, limits: Limits = DEFAULT_LIMITS) -> npt.NDArray[np.uint8]:
    """A JPEG, PNG or WebP with its transparency, upright, ``(H, W, 4)`` uint8 sRGB, straight alpha.

    Raises:
        InputError: as `read_image`.
    """
    data = _bytes(source, limits)
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise InputError("too-many-pixels", "the picture is larger than any real one") from error
    except UnidentifiedImageError as error:
        raise InputError("not-an-image", "the file is not a JPEG, PNG or WebP picture") from error
    except _DAMAGE as error:
        raise InputError("broken-image", f"the picture is damaged: {error}") from error
    with image:
        if image.width * image.height > limits.max_pixels:
            raise InputError(
                "too-many-pixels",
                f"the picture has {image.width}×{image.height} pixels, more than {limits.max_pixels}",
                {"pixels": image.width * image.height, "max_pixels": limits.max_pixels},
            )
        try:
            return np.array(_as_rgba(ImageOps.exif_transpose(image)))
        except _DAMAGE as error:
            raise InputError("broken-image", f"the picture is damaged: {error}") from error


def write_png(pixels: npt.NDArray[np.uint8], compression: int = _PNG_COMPRESSION) -> bytes:
    """A PNG without metadata from ``(H, W)`` grey, ``(H, W, 3)`` RGB or ``(H, W, 4)`` RGBA uint8.

    Args:
        pixels: the picture.
        compression: zlib's level, 0 to 9; the pixels are the same.

    Raises:
        ValueError: another shape or type.
    """
    channels = 1 if pixels.ndim == 2 else pixels.shape[-1]
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or (pixels.ndim == 3 and channels not in (3, 4)):
        raise ValueError(f"a PNG needs (H, W), (H, W, 3) or (H, W, 4) uint8, got {pixels.shape} {pixels.dtype}")
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG", compress_level=compression)
    return file.getvalue()


def phash(grey: npt.NDArray[np.uint8]) -> int:
    """64-bit perceptual hash of a grey picture ``(H, W)`` uint8.

    The picture is reduced to 32×32; each bit says whether one of the 8×8 lowest DCT coefficients lies above their
    median; the lowest coefficient is the highest bit (Zauner 2010, "Implementation and benchmarking of perceptual
    image hash functions").
    """
    small = cv2.resize(grey, (_HASH_INPUT_PX, _HASH_INPUT_PX), interpolation=cv2.INTER_AREA)
    low = cv2.dct(small.astype(np.float32))[:_HASH_SIDE, :_HASH_SIDE]
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


def hamming(a: int, b: int) -> int:
    """Number of bits in which two hashes differ."""
    return (a ^ b).bit_count()


def _bytes(source: bytes | Path, limits: Limits) -> bytes:
    if isinstance(source, Path) and not source.is_file():
        raise InputError("missing-file", f"{source.name} is not a file")
    size = source.stat().st_size if isinstance(source, Path) else len(source)
    if size > limits.max_bytes:
        raise InputError(
            "too-large",
            f"the picture has {size} bytes, more than {limits.max_bytes}",
            {"bytes": size, "max_bytes": limits.max_bytes},
        )
    return source.read_bytes() if isinstance(source, Path) else source


def _as_rgba(image: Image.Image) -> Image.Image:
    if image.mode in _DEEP_MODES:
        deep = np.asarray(image).astype(np.int64).clip(0, 65535)
        image = Image.fromarray(((deep * 255 + 32767) // 65535).astype(np.uint8))
    return image.convert("RGBA")
