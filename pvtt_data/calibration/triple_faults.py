"""Ways in which triples go wrong, done on purpose to triples that are known to be right.

Every fault draws from the generator that it is given and from nothing else, and shares with the right triple all arrays
that it leaves alone.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.calibration.mask_faults import TrackedClip, drift
from pvtt_data.engines.shadow import grow
from pvtt_data.triple_quality.colours import box_of
from pvtt_data.triple_quality.measure import TripleMedia
from pvtt_data.triple_quality.shadows import contact_shadow, foot_band

Frames = NDArray[np.uint8]
Masks = NDArray[np.bool_]
Picture = NDArray[np.uint8]

_STILL_LEVELS = 2
_CLEAR_DEPTH = 0.1
_SHADOW_REACH = 0.4
"""Of the ground that is lit again, in √areas from the product."""


@dataclass(frozen=True, slots=True, eq=False)
class KnownTriple:
    """A triple that is right, and another one beside it.

    Attributes:
        name: stable, for seeds.
        product_a, product_b: identities.
        category: of B.
        media: the triple.
        stranger: pictures of another product.
        elsewhere: ``(T, H, W, 3) uint8`` RGB, the same frame size, from another scene.
        shadowless: ``(T, H, W, 3) uint8`` RGB, the target as if B cast no shadow; None where nobody knows it.
    """

    name: str
    product_a: str
    product_b: str
    category: str
    media: TripleMedia
    stranger: tuple[Picture, ...]
    elsewhere: Frames
    shadowless: Frames | None = None


@dataclass(frozen=True, slots=True)
class TripleFault:
    """One way to go wrong.

    Attributes:
        inject: triple, strength, generator → what it becomes; None where there is no room for the fault.
        setting: strengths on which thresholds are set.
        unseen: strengths that are reported and set nothing.
        weak: strengths below those that must be caught; reported, so that one sees where detection ends.
    """

    inject: Callable[[KnownTriple, float, np.random.Generator], TripleMedia | None]
    setting: tuple[float, ...]
    unseen: tuple[float, ...]
    weak: tuple[float, ...] = ()


def wrong_product(known: KnownTriple, strength: float, random: np.random.Generator) -> TripleMedia | None:
    """The share ``strength`` of the references, one at least, shows another product."""
    own = known.media.references
    count = max(1, round(strength * len(own)))
    if not own or not known.stranger:
        return None
    places = random.permutation(len(own))[:count]
    shown = list(own)
    for number, place in enumerate(places):
        shown[int(place)] = known.stranger[number % len(known.stranger)]
    return dataclasses.replace(known.media, references=tuple(shown))


def copied_reference(known: KnownTriple, strength: float, random: np.random.Generator) -> TripleMedia | None:
    """One reference is cut out of the target, and disguised.

    At strength s it is enlarged or shrunk by up to 1 + 2 s, turned by up to 40 s degrees, loses s of its longer side,
    and its light changes by up to s.
    """
    media = known.media
    visible = np.flatnonzero(media.target_mask.any(axis=(1, 2)))
    if not media.references or not len(visible):
        return None
    t = int(random.choice(visible))
    box = box_of(media.target_mask[t])
    alpha = media.target_mask[t][box].astype(np.uint8) * 255
    copy = np.dstack([media.target[t][box], alpha])
    lost = round(strength * max(copy.shape[:2]))
    if lost:
        longer = int(copy.shape[1] > copy.shape[0])
        copy = np.take(copy, range(lost, copy.shape[longer]), axis=longer)
    copy = _moved(copy, random.uniform(-40, 40) * strength, math.exp(random.uniform(-1, 1) * math.log1p(2 * strength)))
    light = 1.0 + random.uniform(-strength, strength)
    copy[..., :3] = np.clip(np.rint(copy[..., :3] * light), 0, 255).astype(np.uint8)
    if (copy[..., 3] > 127).sum() < 32:
        return None
    place = int(random.integers(len(media.references)))
    shown = [copy if number == place else picture for number, picture in enumerate(media.references)]
    return dataclasses.replace(media, references=tuple(shown))


def _moved(picture: Picture, turn_deg: float, scale: float) -> Picture:
    height, width = picture.shape[:2]
    side = max(8, math.ceil(math.hypot(height, width) * scale) + 4)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn_deg, scale)
    matrix[:, 2] += side / 2 - np.array([width / 2, height / 2])
    return np.asarray(cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_LINEAR), np.uint8)


def drifted_mask(known: KnownTriple, strength: float, random: np.random.Generator) -> TripleMedia | None:
    """The mask of A or of B slides off; see `pvtt_data.calibration.mask_faults.drift`."""
    media = known.media
    of_target = random.random() < 0.5
    clip = TrackedClip(media.target, media.target_mask) if of_target else TrackedClip(media.source, media.source_mask)
    moved = drift(clip, strength, random)
    if moved is None or not moved.masks.any(axis=(1, 2)).all():
        return None
    if of_target:
        return dataclasses.replace(media, target_mask=moved.masks)
    return dataclasses.replace(media, source_mask=moved.masks)


def missing_frame(known: KnownTriple, strength: float, random: np.random.Generator) -> TripleMedia | None:
    """As many frames of the target as ``strength`` says are lost: what follows comes early, or they stand still.

    Masks stay what they were. None where nothing moves, because then nothing is lost.
    """
    media, count = known.media, round(strength)
    frames = len(media.target)
    if count >= frames - 2:
        return None
    first = int(random.integers(1, frames - count))
    if random.random() < 0.5:
        order = [*range(first), *range(first + count, frames), *[frames - 1] * count]
    else:
        order = [t if t < first or t >= first + count else first - 1 for t in range(frames)]
    target = media.target[order]
    if (np.abs(target.astype(np.int16) - media.target) > _STILL_LEVELS).mean() < 1e-3:
        return None
    return dataclasses.replace(media, target=target)


def leaked_background(known: KnownTriple, strength: float, random: np.random.Generator) -> TripleMedia | None:
    """Something of another scene shows in the target's background, over a square of ``strength`` of the frame.

    Three quarters of it, so that the right background still shines through; outside the effect mask only.
    """
    media = known.media
    height, width = media.target.shape[1:3]
    side = max(4, round(math.sqrt(strength * height * width)))
    side = min(side, height, width)
    best, best_free = None, 0.6
    for _ in range(40):
        top, left = int(random.integers(height - side + 1)), int(random.integers(width - side + 1))
        part = (slice(None), slice(top, top + side), slice(left, left + side))
        free = float((~media.effect_mask[part]).mean())
        if free > best_free:
            best, best_free = part, free
    if best is None:
        return None
    target = media.target.copy()
    count = min(len(target), len(known.elsewhere))
    mixed = 0.25 * target[best].astype(np.float32)
    mixed[:count] += 0.75 * known.elsewhere[:count][best]
    mixed[count:] += 0.75 * known.elsewhere[count - 1][best[1:]]
    inside = media.effect_mask[best][..., None]
    target[best] = np.where(inside, target[best], np.rint(mixed).astype(np.uint8))
    changed = np.abs(target[best].astype(np.int16) - media.target[best]).max(axis=3) > 16
    return dataclasses.replace(media, target=target) if changed.mean() > 0.2 else None


def missing_shadow(known: KnownTriple, strength: float, random: np.random.Generator) -> TripleMedia | None:
    """The share ``strength`` of B's shadow is taken away.

    Where ``known.shadowless`` tells what is under it, the target becomes so much of that: shadow, reflection and glow
    go. None unless B takes at least a tenth of the light from the ground at its foot, see `shadow_depth`. Else the
    ground at its foot is lit as the ground around, by estimate; None unless A's and B's ground are both at least a
    tenth darker at the foot, see `pvtt_data.triple_quality.shadows.contact_shadow`.
    """
    media = known.media
    if not media.target_mask.any(axis=(1, 2)).all():
        return None
    if known.shadowless is not None:
        if shadow_depth(media.target, media.target_mask, known.shadowless) < _CLEAR_DEPTH:
            return None
        mixed = (1.0 - strength) * media.target + strength * known.shadowless
        return dataclasses.replace(media, target=np.rint(mixed).astype(np.uint8))
    depths = (
        contact_shadow(media.source, media.source_mask),
        contact_shadow(media.target, media.target_mask),
    )
    if min(depths) < _CLEAR_DEPTH:
        return None
    target, effect = media.target.copy(), media.effect_mask.copy()
    for t, mask in enumerate(media.target_mask):
        shadow = foot_band(mask, math.sqrt(float(mask.sum())), reach=_SHADOW_REACH)
        target[t] = _lit(media.target[t], mask, shadow, strength)
        effect[t] |= shadow
    return dataclasses.replace(media, target=target, effect_mask=effect)


def shadow_depth(frames: Frames, masks: Masks, shadowless: Frames) -> float:
    """Share of the light that a product takes from the ground at its foot; median over the frames.

    The mean of 1 - luma with / luma without the shadow, 0 where it is lighter, over the darker half of the ground up to
    0.15 √area from the foot.

    Args:
        frames, shadowless: ``(T, H, W, 3) uint8`` RGB.
        masks: ``(T, H, W) bool``, the product; no empty mask.
    """
    depths = []
    for frame, mask, without in zip(frames, masks, shadowless, strict=True):
        size = math.sqrt(float(mask.sum()))
        own = grow(mask, 2)
        band = foot_band(own, size)
        shaded, lit = (
            cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[band].astype(np.float64) for picture in (frame, without)
        )
        lost = np.sort(1.0 - np.minimum((shaded + 4.0) / (lit + 4.0), 1.0))
        depths.append(float(lost[len(lost) // 2 :].mean()) if len(lost) else 0.0)
    return float(np.median(depths))


def _lit(frame: Picture, mask: Masks, shadow: Masks, strength: float) -> Picture:
    """The frame without a shadow: its low frequencies come from around it, its texture stays."""
    size = math.sqrt(float(mask.sum()))
    hole = (grow(shadow, max(2, round(0.06 * size))) | grow(mask, 2)).astype(np.uint8)
    scale = 4
    small = (max(1, frame.shape[1] // scale), max(1, frame.shape[0] // scale))
    hole_small = (cv2.resize(hole.astype(np.float32), small, interpolation=cv2.INTER_AREA) > 0).astype(np.uint8)
    ground = cv2.inpaint(cv2.resize(frame, small, interpolation=cv2.INTER_AREA), hole_small, 5, cv2.INPAINT_TELEA)
    ground = cv2.resize(ground, (frame.shape[1], frame.shape[0]), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    free = (~mask).astype(np.float32)[..., None]
    sigma = max(1.0, 0.03 * size)
    weight = cv2.GaussianBlur(free, (0, 0), sigma)[..., None]
    calm = cv2.GaussianBlur(frame * free, (0, 0), sigma) / np.maximum(weight, 1e-3)
    gain = np.clip((ground + 4.0) / (calm + 4.0), 1.0, 6.0)
    soft = cv2.GaussianBlur(grow(shadow, 2).astype(np.float32), (0, 0), 1.5)[..., None] * free * strength
    lit = np.clip(np.rint(frame * (1.0 + soft * (gain - 1.0))), 0, 255)
    return np.asarray(lit, np.uint8)


def left_behind(known: KnownTriple, strength: float, random: np.random.Generator) -> TripleMedia | None:
    """A still shows in the target, with the opacity ``strength``, wherever B does not cover it.

    None where B covers more than nine tenths of it.
    """
    media = known.media
    bare = media.source_mask & ~media.target_mask
    if bare.sum() < 0.1 * media.source_mask.sum():
        return None
    share = bare.astype(np.float32)[..., None] * strength
    target = np.rint(media.target * (1.0 - share) + media.source * share).astype(np.uint8)
    return dataclasses.replace(media, target=target)


def no_swap(known: KnownTriple, strength: float, random: np.random.Generator) -> TripleMedia | None:
    """The target shows A, not B: it is the source, its light changed by up to 1 - ``strength``."""
    media = known.media
    light = 1.0 + random.uniform(-1.0, 1.0) * (1.0 - strength)
    target = np.where(
        media.source_mask[..., None], np.clip(np.rint(media.source * light), 0, 255).astype(np.uint8), media.source
    )
    return dataclasses.replace(media, target=target, target_mask=media.source_mask)


TRIPLE_FAULTS: Mapping[str, TripleFault] = {
    "wrong product": TripleFault(wrong_product, (1.0, 0.5), ()),
    "copied reference": TripleFault(copied_reference, (0.0, 0.2), (0.1, 0.15), (0.3,)),
    "drifted mask": TripleFault(drifted_mask, (0.2, 0.4), (0.3, 0.6), (0.1,)),
    "missing frame": TripleFault(missing_frame, (1.0, 3.0), (2.0, 4.0)),
    "leaked background": TripleFault(leaked_background, (0.02, 0.08), (0.04, 0.12), (0.005,)),
    "missing shadow": TripleFault(missing_shadow, (1.0, 0.8), (0.9,), (0.5,)),
    "a left behind": TripleFault(left_behind, (1.0, 0.6), (0.8,), (0.3,)),
    "no swap": TripleFault(no_swap, (1.0,), (0.9,)),
}
"""Kind → fault. A wrong split is no matter of numbers: see `pvtt_data.stages.triple_qc.split_faults`."""
