"""Footage for tests: a camera pans over a random scene while something in it moves; cropped, shifted or covered."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.footage import PICTURE_PX, Footage, Pictures

_WINDOW_PX = 256
_ROOM_PX = 1024


@cache
def _texture(seed: int) -> npt.NDArray[np.uint8]:
    random = np.random.default_rng(seed)
    coarse = random.integers(20, 236, (_ROOM_PX // 32, _ROOM_PX // 32), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (_ROOM_PX, _ROOM_PX), interpolation=cv2.INTER_CUBIC))


def scene(
    seed: int,
    start_s: float = 0.0,
    duration_s: float = 6.0,
    speed: float = 1.0,
    crop: tuple[float, float, float, float] = (0.0, 1.0, 0.0, 1.0),
) -> Footage:
    """Pictures of scene ``seed``: from when, how long, how fast, and from where to where (left, right, top, bottom)."""
    times = np.arange(round(duration_s * 4)) * 250
    room, thing = _texture(seed), _texture(seed + 1000)
    left, right, top, bottom = (round(share * _WINDOW_PX) for share in crop)
    pictures = []
    for time_ms in times:
        at_s = start_s + speed * time_ms / 1000
        x, y = round(60 + 12 * at_s), round(300 - 9 * at_s)
        picture = room[y : y + _WINDOW_PX, x : x + _WINDOW_PX].copy()
        place = round(90 + 50 * np.sin(1.3 * at_s + seed))
        picture[110:170, place : place + 50] = thing[:60, :50]
        part = np.ascontiguousarray(picture[top:bottom, left:right])
        pictures.append(cv2.resize(part, (PICTURE_PX, PICTURE_PX), interpolation=cv2.INTER_AREA))
    return Footage(times.astype(np.int64), np.stack(pictures).astype(np.uint8))


def covered(footage: Footage, rows: slice, columns: slice, grey: int = 240) -> Footage:
    """The same with a plain sticker on it."""
    pictures = footage.pictures.copy()
    pictures[:, rows, columns] = grey
    return Footage(footage.time_ms, pictures)


def joined(*parts: Footage) -> Footage:
    """One after the other."""
    pictures: Pictures = np.concatenate([part.pictures for part in parts])
    return Footage(250 * np.arange(len(pictures), dtype=np.int64), pictures)
