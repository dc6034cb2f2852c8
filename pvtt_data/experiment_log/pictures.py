"""Pictures beside a log: scaled down, as JPEG, each under a name of its own."""

from __future__ import annotations

import io
import itertools
import os
import re
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from pvtt_data.experiment_log.entries import Pixels
from pvtt_data.files import sync_folder, write_whole
from pvtt_data.images import read_image

THUMBNAIL_BOX_PX = (360, 360)
PICTURE_BOX_PX = (1280, 960)
FRAMES_SHOWN = 5

_FRAME_BOX_PX = (256, 360)
_GAP_PX = 4
_QUALITY = 85
_NOT_IN_NAMES = re.compile(r"[^\w.]+")
_LONGEST_NAME_BYTES = 100


def slug(words: str) -> str:
    """A file's or folder's name made of letters, digits, dots, underscores and single dashes.

    Raises:
        ValueError: nothing is left of the words.
    """
    name = _NOT_IN_NAMES.sub("-", words)
    short = name.encode()[:_LONGEST_NAME_BYTES].decode(errors="ignore").strip("-._")
    if not short:
        raise ValueError(f"{words!r} holds nothing that a file can be named by")
    return short


def free_path(folder: Path, name: str, suffix: str) -> Path:
    """A new empty file in ``folder``: ``name``, or with the first number behind it that is free."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        path = folder / f"{name}{'' if number == 1 else f'-{number}'}{suffix}"
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        except FileExistsError:
            continue
        sync_folder(folder)
        return path
    raise AssertionError("numbers do not end")


def save_picture(pixels: Pixels | Path, folder: Path, description: str, box_px: tuple[int, int]) -> Path:
    """Write a picture as ``{description}.jpg``; the same picture under the same name is written once.

    Raises:
        InputError: a file that is no picture.
        ValueError: an array that is no picture.
    """
    data = _jpeg(_shown(read_image(pixels) if isinstance(pixels, Path) else pixels, box_px))
    name = slug(description)
    for path in sorted(folder.glob(f"{name}*.jpg")):
        numbered = re.fullmatch(r"(?:-\d+)?", path.stem.removeprefix(name))
        if numbered and path.stat().st_size == len(data) and path.read_bytes() == data:
            return path
    path = free_path(folder, name, ".jpg")
    write_whole(path, data)
    return path


def _shown(pixels: Pixels, box_px: tuple[int, int]) -> Pixels:
    rgb = pixels.ndim >= 3 and pixels.shape[-1] == 3
    if pixels.dtype != np.uint8 or pixels.ndim - rgb not in (2, 3) or 0 in pixels.shape:
        raise ValueError(
            f"a picture is (H, W), (H, W, 3), (T, H, W) or (T, H, W, 3) uint8, not {tuple(pixels.shape)} {pixels.dtype}"
        )
    if pixels.ndim - rgb == 2:
        return _fitted(pixels, box_px)
    places = np.linspace(0, len(pixels) - 1, min(FRAMES_SHOWN, len(pixels))).round().astype(int)
    frames = [_fitted(pixels[place], _FRAME_BOX_PX) for place in places]
    gap = np.full((frames[0].shape[0], _GAP_PX, *frames[0].shape[2:]), 255, np.uint8)
    strip = [part for frame in frames for part in (gap, frame)][1:]
    return np.concatenate(strip, axis=1)


def _fitted(picture: Pixels, box_px: tuple[int, int]) -> Pixels:
    height, width = picture.shape[:2]
    scale = min(1.0, box_px[0] / width, box_px[1] / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(np.ascontiguousarray(picture), size, interpolation=cv2.INTER_AREA), np.uint8)


def _jpeg(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=_QUALITY, optimize=True)
    return file.getvalue()
