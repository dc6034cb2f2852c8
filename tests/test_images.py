"""Pictures from the web are read safely and look as their makers meant; hashes see what people see."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pvtt_data.errors import InputError
from pvtt_data.images import hamming, phash, read_image, read_rgba, write_png
from pvtt_data.limits import Limits


def saved(image: Image.Image, picture_format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, picture_format, **options)
    return file.getvalue()


def scene(height: int = 40, width: int = 60) -> npt.NDArray[np.uint8]:
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 4 % 256, y * 6 % 256, (x + y) * 2 % 256], -1).astype(np.uint8)


@pytest.mark.parametrize("picture_format", ["PNG", "JPEG", "WEBP"])
def test_common_formats_are_read_from_bytes_and_files(tmp_path: Path, picture_format: str) -> None:
    smooth = np.asarray(Image.fromarray(scene()).resize((12, 8)).resize((60, 40)))
    data = saved(Image.fromarray(smooth), picture_format, quality=95)
    path = tmp_path / "no-suffix"
    path.write_bytes(data)
    assert np.abs(read_image(data).astype(int) - smooth).mean() < 6
    assert np.array_equal(read_image(path), read_image(data))


@pytest.mark.parametrize("picture_format", ["BMP", "GIF", "TIFF", "PPM", "ICO"])
def test_other_formats_are_refused(picture_format: str) -> None:
    with pytest.raises(InputError) as refused:
        read_image(saved(Image.fromarray(scene()), picture_format))
    assert refused.value.reason == "not-an-image"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    coded = scene()
    shown = {
        1: coded,
        2: coded[:, ::-1],
        3: coded[::-1, ::-1],
        4: coded[::-1],
        5: coded.transpose(1, 0, 2),
        6: coded.transpose(1, 0, 2)[:, ::-1],
        7: coded.transpose(1, 0, 2)[::-1, ::-1],
        8: coded.transpose(1, 0, 2)[::-1],
    }[orientation]
    assert np.array_equal(read_image(saved(Image.fromarray(coded), "PNG", exif=exif)), shown)


def test_transparency_is_kept_or_laid_over_a_background() -> None:
    rgba = np.zeros((2, 3, 4), np.uint8)
    rgba[..., 0] = 200
    rgba[0, :, 3] = (0, 128, 255)
    data = saved(Image.fromarray(rgba), "PNG")
    assert np.array_equal(read_rgba(data), rgba)
    over_white = read_image(data)
    assert over_white[0].tolist() == [[255, 255, 255], [227, 127, 127], [200, 0, 0]]
    assert read_image(data, background=(10, 20, 30))[1, 0].tolist() == [10, 20, 30]


def test_palettes_grey_and_cmyk_become_rgb() -> None:
    image = Image.fromarray(scene())
    palette = image.quantize(16)
    assert np.array_equal(read_image(saved(palette, "PNG")), np.asarray(palette.convert("RGB")))
    assert np.array_equal(read_image(saved(image.convert("L"), "PNG"))[..., 1], np.asarray(image.convert("L")))
    assert read_image(saved(image.convert("CMYK"), "JPEG")).shape == (40, 60, 3)
    assert read_rgba(saved(image, "PNG"))[..., 3].min() == 255


def test_sixteen_bits_become_eight() -> None:
    deep = np.linspace(0, 65535, 256).round().astype(np.uint16).reshape(16, 16)
    read = read_image(saved(Image.fromarray(deep), "PNG"))
    assert np.array_equal(read[..., 0].ravel(), np.arange(256))


@pytest.mark.parametrize("picture_format", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_cut_short_is_broken(picture_format: str, share: float) -> None:
    data = saved(Image.fromarray(scene(200, 300)), picture_format)
    with pytest.raises(InputError) as refused:
        read_image(data[: int(len(data) * share)])
    assert refused.value.reason == "broken-image"


@settings(max_examples=150, deadline=None)
@given(
    picture_format=st.sampled_from(["PNG", "JPEG", "WEBP"]),
    position=st.floats(0, 1, exclude_max=True),
    noise=st.binary(min_size=1, max_size=12),
)
def test_noise_never_raises_anything_but_a_refusal(picture_format: str, position: float, noise: bytes) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = bytearray(saved(Image.fromarray(scene()), picture_format, exif=exif))
    start = int(position * len(data))
    data[start : start + len(noise)] = noise
    try:
        pixels = read_image(bytes(data))
    except InputError as refused:
        assert refused.reason in ("broken-image", "not-an-image", "too-many-pixels")
    else:
        assert pixels.dtype == np.uint8
        assert pixels.shape[2] == 3


def test_a_small_file_that_claims_to_be_huge_is_refused_unread() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    for side in (9000, 60000):
        header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
        with pytest.raises(InputError) as refused:
            read_image(bomb)
        assert refused.value.reason == "too-many-pixels"


def test_limits_hold(tmp_path: Path) -> None:
    data = saved(Image.fromarray(scene()), "PNG")
    path = tmp_path / "picture.png"
    path.write_bytes(data)
    for source in (data, path):
        with pytest.raises(InputError) as refused:
            read_image(source, Limits(max_bytes=50))
        assert refused.value.reason == "too-large"
    with pytest.raises(InputError) as refused:
        read_image(tmp_path / "none.png")
    assert refused.value.reason == "missing-file"


@pytest.mark.parametrize("shape", [(7, 5), (7, 5, 3), (7, 5, 4)])
def test_png_keeps_every_pixel_and_says_nothing_else(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    data = write_png(pixels)
    assert data == write_png(np.asfortranarray(pixels))
    with Image.open(io.BytesIO(data)) as image:
        assert np.array_equal(np.asarray(image), pixels)
        assert image.info == {}


@pytest.mark.parametrize("pixels", [np.zeros((4, 4, 2), np.uint8), np.zeros((4, 4), np.float32)])
def test_png_takes_only_pictures(pixels: npt.NDArray[Any]) -> None:
    with pytest.raises(ValueError, match="PNG needs"):
        write_png(pixels)


def textured(seed: int) -> npt.NDArray[np.uint8]:
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 12), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((240, 180), Image.Resampling.BICUBIC))


def test_hashes_of_one_picture_are_close_and_of_others_far() -> None:
    original = textured(0)
    smaller = np.asarray(Image.fromarray(original).resize((120, 90)))
    brighter = (original * 0.8 + 40).astype(np.uint8)
    compressed = read_image(saved(Image.fromarray(original), "JPEG", quality=30))[..., 0]
    for same in (smaller, brighter, compressed):
        assert hamming(phash(original), phash(same)) <= 6
    for seed in range(1, 6):
        assert hamming(phash(original), phash(textured(seed))) >= 16


def test_hashes_have_64_bits_and_do_not_change_between_versions() -> None:
    assert 0 <= phash(textured(0)) < 2**64
    ramp = np.tile(np.arange(64, dtype=np.uint8) * 4, (64, 1))
    assert f"{phash(ramp):016x}" == GOLDEN_RAMP_HASH
    assert hamming(0, 2**64 - 1) == 64


# Grey levels rising from left to right: only the first row of DCT coefficients differs from zero.
GOLDEN_RAMP_HASH = "8000000000000000"
