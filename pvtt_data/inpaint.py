"""Filling a moving region of a clip with the background behind it.

All frames are filled from one *plate*, a picture of the background in the coordinates of a reference frame: pixels
that other frames show come first, nearest in time first; texture from around the hole fills the rest, once, or what a
model makes of it (`pvtt_data.fillers`). Each frame then takes its pixels from the plate by the background's motion, so
the filling moves with the scene and cannot flicker. A smooth correction per frame follows exposure and light.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.clone_fill import clone_fill
from pvtt_data.errors import InputError
from pvtt_data.patch_fill import membrane
from pvtt_data.tracking import Matrix, Track, TrackConfig, apply_transform, track_plane

Frames = npt.NDArray[np.uint8]
Frame = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]
Mask = npt.NDArray[np.bool_]
Reals = npt.NDArray[np.float32]


class PlateFiller(Protocol):
    """Makes up the part of a still picture that no frame shows.

    Attributes:
        name: of the method, for messages.
    """

    name: str

    def fill_plate(self, picture: Frame, hole: Mask) -> Frame:
        """``(h, w, 3) uint8`` RGB, of which the pixels in ``hole`` ``(h, w) bool`` are used."""
        ...


class VideoFiller(Protocol):
    """Makes up what no frame shows, in all frames at once.

    Attributes:
        name: of the method, for messages.
    """

    name: str

    def fill_video(self, frames: Frames, holes: Masks) -> Frames:
        """``(T, H, W, 3) uint8`` RGB, of which the pixels in ``holes`` ``(T, H, W) bool`` are used."""
        ...


Filler = PlateFiller | VideoFiller

_BACKGROUND = TrackConfig(
    models=("homography",),
    max_features=250,
    min_inlier_ratio=0.4,
    max_drift=None,
    mask_fallback=False,
    drift_tolerance=None,
)
_RIM_PX = 12
"""Width of the rim around a hole in which plate and frame are compared."""
_HALO_PX = 3
"""Pixels next to a hole that may still carry light of what is in it: not compared, not taken from other frames."""
_MAX_CORRECTION = 20.0
"""Largest smooth difference, grey levels, that exposure and light account for."""
_MIN_AGREEMENT = 0.5
"""Correlation of fine detail with the plate below which a frame does not show what the plate shows."""
_TEXTURED = 4.0
"""Contrast of fine detail, grey levels, below which that correlation means nothing."""


_EDGE = 4.0
"""Change of detail by a shift of one pixel, grey levels, from which a pixel lies on an edge."""
_STILL = 0.5
"""Share of those pixels that must be unchanged where a camera stands still."""
_FEW_EDGES = 50
"""Pixels on edges that are needed to tell whether a camera stands still."""


def surroundings(holes: Masks) -> Masks:
    """Where to look for the motion behind a region: the rest of the frame within one and a half region sizes.

    Args:
        holes: ``(T, H, W) bool``, the region and all that belongs to it.

    Returns:
        ``(T, H, W) bool``; the whole rest of a frame where the near part is less than 4 % of it.
    """
    result = np.zeros_like(holes)
    for index, hole in enumerate(holes):
        free = ~_dilated(hole, 2)
        box = _box(hole)
        if box is None:
            result[index] = free
            continue
        reach = int(1.5 * np.sqrt(hole.sum())) + 16
        near = np.zeros_like(hole)
        near[max(box[0].start - reach, 0) : box[0].stop + reach, max(box[1].start - reach, 0) : box[1].stop + reach] = (
            True
        )
        near &= free
        result[index] = near if near.sum() >= 0.04 * hole.size else free
    return result


def track_background(frames: Frames, holes: Masks, keyframe: int) -> Track | None:
    """Motion of what lies behind and around a region, from the keyframe to every frame.

    Args:
        frames: ``(T, H, W, 3) uint8`` RGB.
        holes: ``(T, H, W) bool``, the region.
        keyframe: the reference frame.

    Returns:
        The track, or None when the surroundings cannot be tracked (no texture, or everything moves its own way) and do
        not stand still either.
    """
    if stands_still(frames, holes, keyframe):
        return _still(len(frames), keyframe)
    try:
        return track_plane(frames, surroundings(holes), _BACKGROUND, keyframe)
    except InputError:
        return None


def stands_still(frames: Frames, holes: Masks, keyframe: int) -> bool:
    """Whether the camera does, told by the edges of the scene at half the resolution.

    Edges are where a shift of the keyframe by one pixel changes its detail by more than four grey levels. In every
    frame, half of them must differ from the keyframe by less than a third of what that shift does; others may
    belong to things that move through the scene. A scene without edges does not tell.

    Args:
        frames: ``(T, H, W, 3) uint8`` RGB.
        holes: ``(T, H, W) bool``, not looked at.
        keyframe: the frame that the others are compared with.
    """
    height, width = holes.shape[1:]
    size = (max(width // 2, 1), max(height // 2, 1))

    def detail(frame: Frame) -> Reals:
        small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        grey = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 1.0)
        result: Reals = grey - cv2.blur(grey, (9, 9))
        return result

    def seen(hole: Mask) -> Mask:
        small = cv2.resize(hole.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
        return ~_dilated(small, 9)  # the reach of `detail`

    key = detail(frames[keyframe])
    shifted = np.maximum(np.abs(np.roll(key, 1, axis=0) - key), np.abs(np.roll(key, 1, axis=1) - key))
    edges = (shifted > _EDGE) & seen(holes[keyframe])
    edges[:2] = edges[-2:] = edges[:, :2] = edges[:, -2:] = False
    if edges.sum() < _FEW_EDGES:
        return False
    for index in sorted(range(len(frames)), key=lambda i: -abs(i - keyframe)):
        at = edges & seen(holes[index])
        if at.sum() < _FEW_EDGES:
            return False
        if float((np.abs(detail(frames[index]) - key)[at] < shifted[at] / 3.0).mean()) < _STILL:
            return False
    return True


def _still(count: int, keyframe: int) -> Track:
    return Track(
        keyframe=keyframe,
        model="similarity",
        transforms=np.tile(np.eye(3), (count, 1, 1)),
        inlier_ratio=np.ones(count),
        feature_count=np.zeros(count, np.int64),
        residual_px=np.zeros(count),
        anchors=1,
        drift=0.0,
    )


@dataclass(frozen=True, slots=True)
class Plate:
    """The background without a region.

    Attributes:
        picture: ``(h, w, 3) uint8`` RGB.
        left: x of the picture's first column in the reference frame's coordinates; may be negative.
        top: y of its first row.
        transforms: ``(T, 3, 3) float64``, reference frame to every frame.
        needed: ``(h, w) bool``, what some frame's hole shows.
        seen: ``(h, w) bool``, pixels that come from real frames; the others are synthesised.
    """

    picture: Frame
    left: int
    top: int
    transforms: Matrix
    needed: Mask
    seen: Mask

    def synthesised_share(self) -> float:
        """Share of the needed background that no frame shows, 0..1."""
        return float((self.needed & ~self.seen).sum() / max(int(self.needed.sum()), 1))

    def seen_in_reference(self, shape: tuple[int, int]) -> Mask:
        """``(H, W) bool``: what of the reference frame is known to the plate."""
        shift = np.array([[1.0, 0.0, self.left], [0.0, 1.0, self.top], [0.0, 0.0, 1.0]])
        return _warp_mask(self.seen, shift, (shape[1], shape[0]), whole=True)

    def to_frame(self, index: int) -> Matrix:
        """Transform from the plate's own pixels to a frame."""
        shift = np.array([[1.0, 0.0, self.left], [0.0, 1.0, self.top], [0.0, 0.0, 1.0]])
        result: Matrix = self.transforms[index] @ shift
        return result


def make_plate(frames: Frames, holes: Masks, background: Track, seed: int, filler: Filler | None = None) -> Plate:
    """Collect the background behind a region.

    Args:
        frames: ``(T, H, W, 3) uint8`` RGB.
        holes: ``(T, H, W) bool``, what hides the background; everything that must not get into the plate.
        background: motion of the background; its keyframe is the reference frame.
        seed: of the texture search.
        filler: makes up what no frame shows, if it fills still pictures; texture from around the hole if None.

    Raises:
        InputError: ``background-too-wide`` when the region wanders over more than six frame areas of background.
    """
    count, height, width = holes.shape
    left, top, right, bottom = _extent(holes, background.transforms)
    if (right - left) * (bottom - top) > 6 * height * width:
        raise InputError(
            "background-too-wide",
            "the camera moves over too much background to collect it in one picture",
            {"plate_pixels": float((right - left) * (bottom - top)), "frame_pixels": float(height * width)},
        )
    size = (right - left, bottom - top)
    shift = np.array([[1.0, 0.0, -left], [0.0, 1.0, -top], [0.0, 0.0, 1.0]])
    needed = np.zeros((size[1], size[0]), np.bool_)
    for index in range(count):
        into = shift @ np.linalg.inv(background.transforms[index])
        needed |= _warp_mask(holes[index], into, size)
    needed = _dilated(needed, 2)

    picture = np.zeros((size[1], size[0], 3), np.uint8)
    seen = np.zeros((size[1], size[0]), np.bool_)
    key = background.keyframe
    near = _dilated(needed, _RIM_PX)
    useful = max(16, int(0.002 * needed.sum()))
    for index in sorted(range(count), key=lambda i: (abs(i - key), i)):
        if seen[needed].all():
            break
        if abs(index - key) > 4 and (index - key) % 2:
            continue  # neighbours of a frame that is looked at: they show nothing more
        into = shift @ np.linalg.inv(background.transforms[index])
        margin = 1 if index == key else _HALO_PX + int(0.02 * np.sqrt(holes[index].sum()))
        hidden = _dilated(holes[index], margin)
        valid = _warp_mask(~hidden, into, size, whole=True)
        new = valid & ~seen & near
        box = _box(new, margin=2 * _RIM_PX)
        if index == key:
            picture, seen = cv2.warpPerspective(frames[index], into, size, flags=cv2.INTER_CUBIC), valid
        elif box is not None and (new & needed).sum() >= useful:
            part_size = (box[1].stop - box[1].start, box[0].stop - box[0].start)
            crop = np.array([[1.0, 0.0, -box[1].start], [0.0, 1.0, -box[0].start], [0.0, 0.0, 1.0]])
            shown = cv2.warpPerspective(frames[index], crop @ into, part_size, flags=cv2.INTER_CUBIC)
            if _agrees(picture[box], seen[box], shown, valid[box], new[box]):
                matched = _matched(picture[box], seen[box] & valid[box], shown, new[box])
                picture[box][new[box]] = matched[new[box]]
                seen = seen | new
    filled = clone_fill(picture, needed & ~seen, seen, seed)
    if filler is not None and hasattr(filler, "fill_plate") and (needed & ~seen).any():
        open_ = needed & ~seen
        filled = np.where(open_[:, :, None], filler.fill_plate(filled, open_), filled)
    return Plate(filled, left, top, background.transforms, needed, seen)


def fill_clip(frames: Frames, holes: Masks, plate: Plate | None, filler: Filler | None = None) -> Frames:
    """All frames of a clip without what is in the holes.

    Args:
        frames: ``(T, H, W, 3) uint8`` RGB.
        holes: ``(T, H, W) bool``.
        plate: the background; None where its motion is unknown: every frame is filled smoothly from its own rim.
        filler: one that fills video gets what the plate does not know; the plate's own filling is its first guess.

    Returns:
        ``(T, H, W, 3) uint8``, equal to ``frames`` further than three pixels from the holes.

    Raises:
        FillerError: the filler failed.
    """
    pairs = list(zip(frames, holes, strict=True))
    if plate is None:
        filled = np.stack([fill_smoothly(frame, hole) for frame, hole in pairs])
        open_ = holes
    else:
        filled = np.stack([fill_frame(frame, hole, plate, index) for index, (frame, hole) in enumerate(pairs)])
        if filler is None or not hasattr(filler, "fill_video"):
            return filled
        size = (holes.shape[2], holes.shape[1])
        known = [_warp_mask(plate.seen, plate.to_frame(index), size, whole=True) for index in range(len(holes))]
        open_ = holes & ~np.stack(known)
    if filler is None or not hasattr(filler, "fill_video") or not open_.any():
        return filled
    return np.where(open_[:, :, :, None], filler.fill_video(filled, open_), filled)


def fill_frame(frame: Frame, hole: Mask, plate: Plate, index: int) -> Frame:
    """Show the plate in a frame's hole.

    Args:
        frame: ``(H, W, 3) uint8`` RGB, frame number ``index``.
        hole: ``(H, W) bool``; must lie in the hole that the plate was made for.
        plate: the background.
        index: number of the frame.

    Returns:
        ``(H, W, 3) uint8``; equal to ``frame`` further than three pixels from the hole.
    """
    box = _box(hole, margin=2 * _RIM_PX)
    if box is None:
        return frame.copy()
    rows, columns = box
    size = (columns.stop - columns.start, rows.stop - rows.start)
    into = np.array([[1.0, 0.0, -columns.start], [0.0, 1.0, -rows.start], [0.0, 0.0, 1.0]]) @ plate.to_frame(index)
    shown = cv2.warpPerspective(plate.picture, into, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    valid = _warp_mask(plate.seen | plate.needed, into, size, whole=True)
    result = frame.copy()
    part, part_hole = frame[box], hole[box]
    shown = _as_blurred(shown, part, valid & ~part_hole)
    matched = _matched(part, valid & ~part_hole, shown, part_hole)
    result[box] = _blend(part, matched, part_hole)
    return result


def fill_smoothly(frame: Frame, hole: Mask) -> Frame:
    """Continue the colours around a hole into it, without texture: for backgrounds that have none.

    Args:
        frame: ``(H, W, 3) uint8`` RGB.
        hole: ``(H, W) bool``.

    Returns:
        ``(H, W, 3) uint8``; equal to ``frame`` further than three pixels from the hole.
    """
    box = _box(hole, margin=2 * _RIM_PX)
    if box is None:
        return frame.copy()
    result = frame.copy()
    part, part_hole = frame[box], hole[box]
    known = ~part_hole
    calm = cv2.blur(part.astype(np.float32) * known[:, :, None], (9, 9))
    weight = cv2.blur(known.astype(np.float32), (9, 9))
    calm /= np.maximum(weight, 1e-6)[:, :, None]
    smooth = membrane(calm, known & (weight > 0.2))
    result[box] = _blend(part, np.clip(np.rint(smooth), 0, 255).astype(np.uint8), part_hole)
    return result


def _blend(part: Frame, filling: Frame, hole: Mask) -> Frame:
    """Filling in the hole, the frame elsewhere, and two pixels around the hole to get from one to the other."""
    wide = cv2.dilate(hole.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(np.float32)
    alpha = cv2.GaussianBlur(wide, (5, 5), 1.0)
    alpha[hole] = 1.0
    alpha *= wide
    mixed = part + (filling.astype(np.float32) - part) * alpha[:, :, None]
    return np.asarray(np.clip(np.rint(mixed), 0, 255), np.uint8)


def _as_blurred(picture: Frame, reference: Frame, comparable: Mask) -> Frame:
    """Blur a picture until its fine detail is as weak as a reference's: focus and motion blur differ by frame."""
    if comparable.sum() < 64:
        return picture
    wanted = float(_detail(reference)[comparable].std())
    best, smallest = picture, abs(float(_detail(picture)[comparable].std()) - wanted)
    for sigma in (0.6, 0.9, 1.3, 1.8, 2.5):
        blurred = cv2.GaussianBlur(picture, (0, 0), sigma)
        error = abs(float(_detail(blurred)[comparable].std()) - wanted)
        if error >= smallest:
            break
        best, smallest = blurred, error
    return best


def _matched(reference: Frame, comparable: Mask, picture: Frame, region: Mask) -> Frame:
    """A picture with its smooth difference to a reference, known around a region, taken off.

    The difference is smooth, so it is worked out at half the resolution.
    """
    rim = _dilated(region, _RIM_PX + _HALO_PX) & comparable & ~_dilated(region, _HALO_PX)
    if rim.sum() < 32:
        return picture
    height, width = rim.shape
    size, reach = ((width + 1) // 2, (height + 1) // 2), (_RIM_PX // 2, _RIM_PX // 2)
    full = rim.astype(np.float32)
    difference = cv2.subtract(reference, picture, dtype=cv2.CV_32F) * full[:, :, None]
    weight = cv2.resize(full, size, interpolation=cv2.INTER_AREA)
    difference = cv2.resize(difference, size, interpolation=cv2.INTER_AREA)
    spread = cv2.blur(cv2.blur(weight, reach), reach)
    local = cv2.blur(cv2.blur(difference, reach), reach)
    local /= np.maximum(spread, 1e-4)[:, :, None]
    known = (weight > 0) & (spread > 0.05)
    correction = membrane(np.clip(local, -_MAX_CORRECTION, _MAX_CORRECTION), known)
    wide = cv2.resize(correction, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(np.rint(cv2.add(picture, wide, dtype=cv2.CV_32F)), 0, 255), np.uint8)


def _agrees(picture: Frame, seen: Mask, shown: Frame, valid: Mask, new: Mask) -> bool:
    """Whether two pictures show the same thing next to a region: their fine detail correlates there."""
    rim = _dilated(new, _RIM_PX) & seen & valid
    if rim.sum() < 64:
        return False
    first, second = (_detail(image)[rim] for image in (picture, shown))
    first, second = first - first.mean(), second - second.mean()
    contrast = float(np.sqrt((first**2).mean() * (second**2).mean()))
    if contrast < _TEXTURED**2 / 4:
        return bool(np.abs(first - second).mean() < _TEXTURED)
    return float((first * second).mean()) / contrast >= _MIN_AGREEMENT


def _detail(image: Frame) -> Reals:
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    result: Reals = cv2.GaussianBlur(grey, (0, 0), 1.0) - cv2.blur(grey, (17, 17))
    return result


def _dilated(mask: Mask, radius: int) -> Mask:
    """Grown by a square of a radius in px."""
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel), np.bool_)


def _warp_mask(mask: Mask, transform: Matrix, size: tuple[int, int], whole: bool = False) -> Mask:
    """Warp a mask; ``whole`` keeps only pixels that come entirely from inside it."""
    warped = cv2.warpPerspective(mask.astype(np.uint8) * 255, transform, size, flags=cv2.INTER_LINEAR)
    result: Mask = warped == 255 if whole else warped > 0
    return result


def _box(mask: Mask, margin: int = 0) -> tuple[slice, slice] | None:
    """Rows and columns of a mask's bounding box, widened, inside the frame."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    height, width = mask.shape
    return (
        slice(max(int(rows[0]) - margin, 0), min(int(rows[-1]) + 1 + margin, height)),
        slice(max(int(columns[0]) - margin, 0), min(int(columns[-1]) + 1 + margin, width)),
    )


def _extent(holes: Masks, transforms: Sequence[Matrix] | Matrix) -> tuple[int, int, int, int]:
    """Left, top, right, bottom in reference coordinates of all holes and the texture around them."""
    corners = []
    for hole, transform in zip(holes, transforms, strict=True):
        box = _box(hole, margin=int(0.6 * np.sqrt(hole.sum())) + 2 * _RIM_PX)
        if box is not None:
            (y0, y1), (x0, x1) = ((s.start, s.stop) for s in box)
            beside = int(0.8 * (x1 - x0))  # scenes lie in layers, so what belongs here is likely seen on either side
            x0, x1 = max(x0 - beside, 0), min(x1 + beside, hole.shape[1])
            points = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float64)
            corners.append(apply_transform(np.linalg.inv(transform), points))
    every = np.concatenate(corners) if corners else np.zeros((1, 2))
    low, high = np.floor(every.min(axis=0)).astype(int), np.ceil(every.max(axis=0)).astype(int) + 1
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])
