"""Light from all around: painted softbox skies, and HDRI files.

Pictures are latitude-longitude, their top row the zenith, their middle column on +y, linear RGB.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from pvtt_data.errors import InputError

Sky = npt.NDArray[np.float32]

_SIZE = (256, 512)
_MAX_FILE_BYTES = 512 * 1024 * 1024
_MAX_PIXELS = 8192 * 4096
_HEADER_BYTES = 4096


def directions(height: int, width: int) -> npt.NDArray[np.float32]:
    """Unit vectors of the pixels' centres, ``(H, W, 3)``."""
    polar = np.pi * (np.arange(height, dtype=np.float32) + 0.5) / height
    turn = 2 * np.pi * ((np.arange(width, dtype=np.float32) + 0.5) / width - 0.5)
    sine = np.sin(polar)[:, None]
    parts = np.broadcast_arrays(sine * np.sin(turn), sine * np.cos(turn), np.cos(polar)[:, None])
    vectors: npt.NDArray[np.float32] = np.stack(parts, -1).astype(np.float32)
    return vectors


def mean_radiance(sky: Sky, only: npt.NDArray[np.bool_] | None = None) -> float:
    """Mean over the sphere, or over some directions ``(H, W)``, of the three channels' mean."""
    weight = np.broadcast_to(np.sin(np.pi * (np.arange(sky.shape[0]) + 0.5) / sky.shape[0])[:, None], sky.shape[:2])
    weight = weight if only is None else weight * only
    return float((sky.mean(axis=-1) * weight).sum() / weight.sum())


def softbox_sky(rng: np.random.Generator, warmth: float = 0.0, lights: int = 3) -> Sky:
    """A studio as mirrors and glass see it: a dim room with soft rectangular lights, ``(256, 512, 3)``, mean 1.

    Args:
        warmth: share by which red outweighs and blue falls behind, -0.3 to 0.3.
        lights: how many windows and softboxes; they lie around and above, most of them behind the camera.
    """
    view = directions(*_SIZE)
    height = view[..., 2]
    walls, ceiling, ground = rng.uniform(0.25, 0.5), rng.uniform(0.4, 0.9), rng.uniform(0.2, 0.4)
    dim = np.where(height > 0, walls + (ceiling - walls) * height, walls + (ground - walls) * np.sqrt(np.abs(height)))
    sky = np.repeat(dim[..., None].astype(np.float32), 3, axis=-1)
    for index in range(lights):
        turn = np.radians(rng.uniform(100, 260) if index < 2 else rng.uniform(70, 290))
        lift = np.radians(rng.uniform(15, 60))
        forward = np.array([np.sin(turn) * np.cos(lift), np.cos(turn) * np.cos(lift), np.sin(lift)])
        right = np.array([np.cos(turn), -np.sin(turn), 0.0])
        up = np.cross(right, forward)
        depth = np.maximum(view @ forward, 1e-3)
        half_w, half_h, soft = rng.uniform(0.25, 0.7), rng.uniform(0.3, 0.8), rng.uniform(0.04, 0.12)
        edge = np.minimum(half_w - np.abs(view @ right) / depth, half_h - np.abs(view @ up) / depth)
        inside = np.where(depth > 0.01, np.clip(edge / soft, 0, 1), 0)
        tint = np.array([1 + rng.uniform(-0.06, 0.06), 1.0, 1 + rng.uniform(-0.06, 0.06)])
        sky += (rng.uniform(2.0, 4.5) * (inside * inside * (3 - 2 * inside))[..., None] * tint).astype(np.float32)
    sky *= np.array([1 + warmth, 1.0, 1 - warmth], np.float32)
    return _levelled(sky)


def _levelled(sky: Sky) -> Sky:
    levelled: Sky = (sky / np.float32(mean_radiance(sky))).astype(np.float32)
    return levelled


def load_hdri(path: Path, max_width: int = 2048, peak: float = 40.0) -> Sky:
    """A Radiance file (.hdr) as a sky, ``(H, W, 3) float32``, mean about 1, W at most `max_width`.

    Suns and bare bulbs are cut off at `peak` times the mean, hue kept: what is smaller and brighter than that makes
    noise that no affordable number of samples takes away.

    Raises:
        InputError: the file is missing, too large, no Radiance file, damaged, black, or no latitude-longitude picture.
    """
    import cv2

    _check_header(path)
    try:
        read = cv2.imread(str(path), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise _unreadable(path, f"OpenCV cannot read it ({error.err})") from error
    if read is None or read.dtype != np.float32 or read.ndim != 3:
        raise _unreadable(path, "its pixels are damaged or cut short")
    height, width = read.shape[:2]
    if width > max_width:
        read = cv2.resize(read, (max_width, max(max_width * height // width, 1)), interpolation=cv2.INTER_AREA)
    sky: Sky = np.ascontiguousarray(read[..., ::-1])
    if not np.isfinite(sky).all():
        raise _unreadable(path, "it holds values that are no numbers")
    sky = np.maximum(sky, 0)
    if mean_radiance(sky) <= 1e-6:
        raise _unreadable(path, "it is black")
    # The mean falls with what is cut off, so the limit is found in a few rounds.
    for _ in range(4):
        sky = _levelled(sky)
        brightest = sky.max(axis=-1, keepdims=True)
        sky = sky * np.minimum(np.float32(peak) / np.maximum(brightest, np.float32(1e-6)), np.float32(1))
    return _levelled(sky)


def _unreadable(path: Path, why: str) -> InputError:
    return InputError("unreadable-hdri", f"the HDRI {path.name} cannot be used: {why}")


def _check_header(path: Path) -> None:
    """Refuse what is not a sound Radiance file of bearable size, before it is decoded."""
    if path.suffix.lower() == ".exr":
        raise _unreadable(path, "OpenEXR files are not supported; convert it to Radiance .hdr")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(_HEADER_BYTES)
    except OSError as error:
        raise _unreadable(path, error.strerror or "it cannot be opened") from error
    if size > _MAX_FILE_BYTES:
        raise _unreadable(path, f"it has more than {_MAX_FILE_BYTES // 1024**2} MB")
    if not head.startswith((b"#?RADIANCE", b"#?RGBE")):
        raise _unreadable(path, "it is no Radiance file")
    _, blank, rest = head.partition(b"\n\n")
    words = rest.split(b"\n", 1)[0].split()
    if not blank or len(words) != 4 or (words[0], words[2]) != (b"-Y", b"+X"):
        raise _unreadable(path, "its header lacks a line such as '-Y 1024 +X 2048'")
    if not (words[1].isdigit() and words[3].isdigit() and len(words[1]) < 7 and len(words[3]) < 7):
        raise _unreadable(path, "its header gives no size")
    height, width = int(words[1]), int(words[3])
    if width * height > _MAX_PIXELS:
        raise _unreadable(path, f"{width} x {height} is larger than 8192 x 4096")
    if height < 2 or not 1.9 <= width / height <= 2.1:
        raise _unreadable(path, f"{width} x {height} is no latitude-longitude picture, which is twice as wide as high")


def defocused(sky: Sky, blur_deg: float, width: int = 2048) -> Sky:
    """A sky seen by a lens that is focused on something near: enlarged to `width`, blurred over `blur_deg` degrees."""
    import cv2

    height = width // 2
    large = sky if sky.shape[1] >= width else cv2.resize(sky, (width, height), interpolation=cv2.INTER_LINEAR)
    sigma = blur_deg * large.shape[1] / 360
    margin = int(4 * sigma) + 1
    around = np.concatenate([large[:, -margin:], large, large[:, :margin]], axis=1)
    blurred = cv2.GaussianBlur(around, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(blurred[:, margin:-margin], np.float32)


def evening_sky(rng: np.random.Generator, warmth: float) -> Sky:
    """A dim room at night with out-of-focus points of light ahead, ``(1024, 2048, 3)``, mean 1."""
    import cv2

    height, width = 1024, 2048
    rise = directions(height, width)[..., 2:]
    tint = np.array([1 + warmth, 1.0, 1 - warmth], np.float32)
    sky = (0.07 + 0.05 * rise) * tint
    for _ in range(44):
        centre, half = rng.uniform((620, 380), (1430, 640)), rng.uniform((12, 15), (80, 80))
        low, high = np.rint(centre - half).astype(int), np.rint(centre + half).astype(int)
        sky[low[1] : high[1], low[0] : high[0]] *= rng.uniform(0.4, 1.7) * (1 + rng.uniform(-0.25, 0.25, 3))
    sky = defocused(sky.astype(np.float32), 1.6, width)
    lights = np.zeros_like(sky)
    radius = rng.uniform(4.0, 7.5)
    margin = 16
    for _ in range(int(rng.integers(140, 240))):
        x, y = rng.uniform(640, 1410), float(np.clip(500 + 75 * rng.standard_normal(), 200, 800))
        size = radius * rng.uniform(0.75, 1.15)
        left, top = int(x) - margin, int(y) - margin
        disc = np.zeros((2 * margin, 2 * margin), np.float32)
        cv2.circle(disc, (int((x - left) * 16), int((y - top) * 16)), int(size * 16), 1.0, -1, cv2.LINE_8, 4)
        hue = tint * tint * np.array([1.0, rng.uniform(0.55, 1.0), rng.uniform(0.25, 0.9)])
        glow = disc[..., None] * (hue * rng.uniform(0.15, 1.2) ** 2 * 2.2).astype(np.float32)
        lights[top : top + 2 * margin, left : left + 2 * margin] += glow
    sky += cv2.GaussianBlur(lights, (0, 0), 0.8)
    return _levelled(sky.astype(np.float32))
