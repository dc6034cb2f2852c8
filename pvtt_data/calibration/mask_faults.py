"""Ways in which mask tracks go wrong, done on purpose to tracks that are known to be right.

Lengths follow the product: a strength of 0.2 is a fifth of the root of the product's area, or a fifth of that area.
Every fault draws from the generator that it is given and from nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.calibration.painted_hand import painted_hand
from pvtt_data.flow import ClipFlow, clip_flow, resize_flow
from pvtt_data.masks import Mask, border_contact, iou
from pvtt_data.segmenters.carry import ObjectMotion

_FEWEST_FRAMES = 5

Frames = NDArray[np.uint8]
"""(T, H, W, 3) uint8 RGB."""


@dataclass(frozen=True, slots=True)
class TrackedClip:
    """A clip and its mask track.

    Attributes:
        frames: (T, H, W, 3) uint8 RGB.
        masks: (T, H, W) bool.
        stranger: (H', W', 4) uint8 RGBA, cut-out of some other product; None where there is none.
        motion: flow of the frames on their own grid; None computes it where a fault needs it.
    """

    frames: Frames
    masks: Mask
    stranger: NDArray[np.uint8] | None = None
    motion: ClipFlow | None = None


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One way to go wrong.

    Attributes:
        inject: clip with the right masks, strength, generator → the faulty clip; None where the clip has no room for
            the fault (no other thing of such a size in the scene).
        setting: strengths on which thresholds are set.
        unseen: strengths that are reported and set nothing.
        weak: strengths below those that must be caught; reported, so that one sees where detection ends.
    """

    inject: Callable[[TrackedClip, float, np.random.Generator], TrackedClip | None]
    setting: tuple[float, ...]
    unseen: tuple[float, ...]
    weak: tuple[float, ...] = ()

    @property
    def strengths(self) -> tuple[float, ...]:
        """All of them, weakest first."""
        return tuple(sorted((*self.weak, *self.setting, *self.unseen)))


def drift(clip: TrackedClip, strength: float, random: np.random.Generator) -> TrackedClip | None:
    """The mask slides off its product: from the first fifth on, evenly, by ``strength`` · √area at the end."""
    masks = clip.masks
    reach = strength * _size(masks)
    start = random.uniform(0.0, 2.0 * math.pi)
    last = _middle(masks[-1])
    if last is None:
        return None
    height, width = masks.shape[1:]
    for turn in range(8):
        angle = start + turn * math.pi / 4
        x, y = last[0] + reach * math.cos(angle), last[1] + reach * math.sin(angle)
        if 0.1 * width < x < 0.9 * width and 0.1 * height < y < 0.9 * height:
            break
    away = np.clip((np.linspace(0.0, 1.0, len(masks)) - 0.2) / 0.8, 0.0, 1.0) * reach
    moved = [_shifted(mask, d * math.cos(angle), d * math.sin(angle)) for mask, d in zip(masks, away, strict=True)]
    return TrackedClip(clip.frames, np.stack(moved))


def flicker(clip: TrackedClip, strength: float, random: np.random.Generator) -> TrackedClip | None:
    """The outline wobbles anew in every frame.

    It moves outwards by ``strength`` · √area · (0.6 u + 0.8 n), u uniform in [-1, 1] for the whole frame and n a smooth
    normal field along the outline.
    """
    size = _size(clip.masks)
    wobbled = []
    for mask in clip.masks:
        outside = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        inside = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        noise = cv2.GaussianBlur(random.standard_normal(mask.shape).astype(np.float32), (0, 0), max(size / 6, 1.0))
        reach = strength * size * (0.6 * random.uniform(-1.0, 1.0) + 0.8 * noise / max(float(noise.std()), 1e-9))
        wobbled.append(outside - inside < reach)
    return TrackedClip(clip.frames, np.stack(wobbled))


def lost(clip: TrackedClip, strength: float, random: np.random.Generator) -> TrackedClip | None:
    """For the share ``strength`` of the frames, one at least, the mask is gone, a remnant, or somewhere else."""
    masks = clip.masks.copy()
    count = max(1, round(strength * len(masks)))
    first = int(random.integers(1, len(masks) - count + 1))
    way = int(random.integers(3))
    height, width = masks.shape[1:]
    angle = random.uniform(0.0, 2.0 * math.pi)
    for t in range(first, first + count):
        middle = _middle(masks[t])
        if way == 0 or middle is None:
            masks[t] = False
        elif way == 1:
            masks[t] = _part(masks[t], angle, 0.3)
        else:
            dx = (0.45 if middle[0] < width / 2 else -0.45) * width
            dy = (0.3 if middle[1] < height / 2 else -0.3) * height
            masks[t] = _shifted(masks[t], dx, dy)
    return TrackedClip(clip.frames, masks)


def other_thing(clip: TrackedClip, strength: float, random: np.random.Generator) -> TrackedClip | None:
    """The mask of another thing of the scene, found as a patch of one colour, of ``strength`` times the area."""
    frame, taken = clip.frames[0], _neighbourhood(clip.masks)
    wanted = strength * _size(clip.masks) ** 2
    flat = cv2.pyrMeanShiftFiltering(frame, 6, 14)
    lab = cv2.cvtColor(flat, cv2.COLOR_RGB2LAB).astype(np.int32)
    phase = random.integers(0, 24, 3)
    levels = (lab + phase) // np.array([24, 12, 12])
    codes = (levels[..., 0] * 64 + levels[..., 1]) * 64 + levels[..., 2]
    best, best_gap = None, math.log(2.0)
    for code in np.unique(codes):
        same = ((codes == code) & ~taken).astype(np.uint8)
        same = cv2.morphologyEx(same, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        count, labels, stats, _ = cv2.connectedComponentsWithStats(same, connectivity=4)
        for label in range(1, count):
            area = float(stats[label, cv2.CC_STAT_AREA])
            box = float(stats[label, cv2.CC_STAT_WIDTH] * stats[label, cv2.CC_STAT_HEIGHT])
            gap = abs(math.log(area / wanted))
            if gap < best_gap and area > 0.4 * box and border_contact(labels == label) < 0.15:
                best, best_gap = labels == label, gap
    return None if best is None else _followed(clip, _closed(best))


def background(clip: TrackedClip, strength: float, random: np.random.Generator) -> TrackedClip | None:
    """A blob of background, ``strength`` times the product's area, that moves as what it lies on."""
    height, width = clip.masks.shape[1:]
    taken = _neighbourhood(clip.masks)
    radius = math.sqrt(strength / math.pi) * _size(clip.masks)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    for _ in range(200):
        stretch = math.exp(random.uniform(-0.4, 0.4))
        middle = random.uniform(0.0, width), random.uniform(0.0, height)
        angle = np.arctan2(y - middle[1], x - middle[0])
        lobes = 1.0 + 0.15 * np.cos(int(random.integers(2, 5)) * angle + random.uniform(0.0, 6.0))
        blob = np.hypot((x - middle[0]) * stretch, (y - middle[1]) / stretch) < radius * lobes
        visible = blob & ~taken
        if visible.sum() > 0.75 * math.pi * radius**2 and border_contact(visible) < 0.2:
            return _followed(clip, visible)
    return None


def other_product(clip: TrackedClip, strength: float, random: np.random.Generator) -> TrackedClip | None:
    """The mask of another product that stands in the picture too, of ``strength`` times the area.

    A cut-out of it is put on a free place and moves as the background there. Its outline is a true one, so only what is
    known about the product tells the two apart.
    """
    if clip.stranger is None:
        return None
    height, width = clip.masks.shape[1:]
    rows, columns = np.nonzero(clip.stranger[..., 3] > 127)
    cut = clip.stranger[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].astype(np.float32)
    scale = math.sqrt(strength * _size(clip.masks) ** 2 / len(rows))
    tall, wide = max(8, round(cut.shape[0] * scale)), max(8, round(cut.shape[1] * scale))
    cut = cv2.resize(cut, (wide, tall), interpolation=cv2.INTER_AREA)
    alpha = cut[..., 3:] / 255.0
    taken = _neighbourhood(clip.masks)
    if tall > height or wide > width:
        return None
    for _ in range(200):
        top, left = int(random.integers(0, height - tall + 1)), int(random.integers(0, width - wide + 1))
        place = slice(top, top + tall), slice(left, left + wide)
        if not (taken[place] & (alpha[..., 0] > 0.5)).any():
            break
    else:
        return None
    steps = [np.zeros(2), *(np.median(f[place].reshape(-1, 2), axis=0) for f in _motion(clip).forward)]
    frames, masks = clip.frames.copy(), np.zeros_like(clip.masks)
    for t, (dx, dy) in enumerate(np.cumsum(steps, axis=0)):
        move = np.array([[1.0, 0.0, left + dx], [0.0, 1.0, top + dy]])
        colour = cv2.warpAffine(cut[..., :3], move, (width, height), borderMode=cv2.BORDER_REPLICATE)
        soft = cv2.warpAffine(np.ascontiguousarray(alpha[..., 0]), move, (width, height))
        frames[t] = np.rint(frames[t] * (1.0 - soft[..., None]) + colour * soft[..., None]).astype(np.uint8)
        masks[t] = soft > 0.5
    return TrackedClip(frames, masks)


def hand(clip: TrackedClip, strength: float, random: np.random.Generator) -> TrackedClip | None:
    """A hand at the product, painted into the picture, that is taken into the mask.

    It comes from the border, has ``strength`` times the product's area, sways, and in half of the clips it enters after
    the beginning. In half of the clips the mask takes the whole arm, else what lies near the product.
    """
    seen = painted_hand(clip.frames, clip.masks, strength, random)
    taken = seen.whole if random.random() < 0.5 else seen.near
    return TrackedClip(seen.frames, clip.masks | taken)


def hand_in_view(clip: TrackedClip, strength: float, random: np.random.Generator) -> TrackedClip:
    """The same hand, with the right mask: no fault, but a picture that has one."""
    seen = painted_hand(clip.frames, clip.masks, strength, random)
    return TrackedClip(seen.frames, clip.masks & ~seen.whole)


KINDS: Mapping[str, FaultKind] = {
    "drift": FaultKind(drift, setting=(0.2, 0.4), unseen=(0.3, 0.6), weak=(0.1,)),
    "flicker": FaultKind(flicker, setting=(0.04, 0.08), unseen=(0.06, 0.12), weak=(0.02,)),
    "lost": FaultKind(lost, setting=(0.1, 0.4), unseen=(0.05, 0.25)),
    "wrong object: thing": FaultKind(other_thing, setting=(0.25, 0.6), unseen=(0.4, 1.0)),
    "wrong object: background": FaultKind(background, setting=(0.25, 0.6), unseen=(0.4, 1.0)),
    "wrong object: product": FaultKind(other_product, setting=(0.25, 0.6), unseen=(0.4, 1.0)),
    "hand included": FaultKind(hand, setting=(0.25, 0.5), unseen=(0.35, 0.7), weak=(0.12,)),
}
"""Kind of fault → how it is made and how strongly."""


def _size(masks: Mask) -> float:
    """√ of the median area in pixels."""
    return float(np.sqrt(max(float(np.median(masks.sum(axis=(1, 2)))), 1.0)))


def _middle(mask: Mask) -> tuple[float, float] | None:
    rows, columns = np.nonzero(mask)
    return (float(columns.mean()), float(rows.mean())) if len(rows) else None


def _shifted(mask: Mask, dx: float, dy: float) -> Mask:
    height, width = mask.shape
    move = np.array([[1.0, 0.0, dx], [0.0, 1.0, dy]])
    return np.asarray(cv2.warpAffine(mask.astype(np.float32), move, (width, height)) > 0.5)


def _part(mask: Mask, angle: float, share: float) -> Mask:
    """The share of a mask's area that lies farthest in a direction."""
    rows, columns = np.nonzero(mask)
    along = columns * math.cos(angle) + rows * math.sin(angle)
    chosen = along >= np.quantile(along, 1.0 - share)
    part = np.zeros_like(mask)
    part[rows[chosen], columns[chosen]] = True
    return part


def _neighbourhood(masks: Mask) -> Mask:
    """Where the product is in any frame, with a margin."""
    reach = max(3, round(0.08 * _size(masks))) * 2 + 1
    return np.asarray(cv2.dilate(masks.any(axis=0).astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0)


def _closed(mask: Mask) -> Mask:
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)) > 0)


def _motion(clip: TrackedClip) -> ClipFlow:
    return motion_of(clip.frames) if clip.motion is None else clip.motion


def motion_of(frames: Frames) -> ClipFlow:
    """Flow between neighbouring frames on the frames' own grid."""
    motion = clip_flow(frames)
    height, width = frames.shape[1:3]
    if motion.size == (height, width):
        return motion
    fields = [np.stack([resize_flow(f, height, width) for f in way]) for way in (motion.forward, motion.backward)]
    return ClipFlow(*fields)


def _followed(clip: TrackedClip, first: Mask) -> TrackedClip | None:
    """A region of the first frame followed by its own motion; None when it is lost or turns out to be the product."""
    walk = ObjectMotion(_motion(clip)).walk(first.astype(np.float32), 0, len(clip.frames) - 1)
    masks = np.stack([walk.bring(first.astype(np.float32), t).image > 0.5 for t in range(len(clip.frames))])
    areas = masks.sum(axis=(1, 2))
    if areas.min() < 0.3 * areas[0] or any(iou(a, b) > 0.2 for a, b in zip(masks, clip.masks, strict=True)):
        return None
    return TrackedClip(clip.frames, masks)
