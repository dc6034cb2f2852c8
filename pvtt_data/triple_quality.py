"""Quality numbers of a triple; thresholds live elsewhere, in the calibration file."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.images import hamming, phash

Frames = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]
Mask = npt.NDArray[np.bool_]
Picture = npt.NDArray[np.uint8]
Histogram = npt.NDArray[np.float32]

PSNR_CAP_DB = 100.0
_STEADY = (0.03, 0.05)
"""Changes of place, in product sizes, and of log size, below which correlation says nothing."""


def triple_quality(
    source: Frames,
    source_mask: Masks,
    target: Frames,
    target_mask: Masks,
    effect_mask: Masks,
    references: Sequence[Picture],
) -> dict[str, float]:
    """Measure a triple before or after encoding.

    Args:
        source: ``(T, H, W, 3) uint8`` RGB, shows A.
        source_mask: ``(T, H, W) bool``, A.
        target: ``(T, H, W, 3) uint8`` RGB, shows B.
        target_mask: ``(T, H, W) bool``, B.
        effect_mask: ``(T, H, W) bool``, where source and target may differ.
        references: pictures of B, ``(h, w, 3)`` RGB or ``(h, w, 4)`` RGBA ``uint8``; may be empty.

    Returns:
        Finite numbers:

        - ``background_psnr_db``: 10 log10(255² / MSE) over all pixels outside the effect mask; 100 when equal or when
          nothing is outside.
        - ``changed_share``: share of pixels inside the effect mask whose largest channel difference exceeds 8 levels.
        - ``centroid_agreement``, ``scale_agreement``: how alike A and B move; see `path_agreement`.
        - ``ab_similarity``: histogram intersection of A's and B's HSV colours (see `colour_histogram`), 0..1.
        - ``area_ratio``: median over the frames of A's area over B's.
        - ``residue``: what is left of B beside A; see `residue`.
        - ``reference_similarity``: largest histogram intersection of a reference's product with B in the target, 0..1;
          1 without references.
        - ``reference_leak_bits``: smallest Hamming distance of perceptual hashes between a reference and a target
          frame, whole frames and crops around B; 64 without references.
    """
    _check(source, source_mask, target, target_mask, effect_mask)
    present = [i for i in range(len(target)) if source_mask[i].any() and target_mask[i].any()]
    if not present:
        raise ValueError("no frame shows both products")
    psnr, changed = _changes(source, target, effect_mask)
    own = colour_histogram(source, source_mask)
    other = colour_histogram(target, target_mask)
    areas = np.array([source_mask[i].sum() / target_mask[i].sum() for i in present])
    centroid, scale = path_agreement(source_mask[present], target_mask[present])
    similarities = [_intersection(_reference_histogram(picture), other) for picture in references]
    return {
        "background_psnr_db": psnr,
        "changed_share": changed,
        "centroid_agreement": centroid,
        "scale_agreement": scale,
        "ab_similarity": _intersection(own, other),
        "area_ratio": float(np.median(areas)),
        "residue": residue(source, source_mask, target, target_mask),
        "reference_similarity": max(similarities) if similarities else 1.0,
        "reference_leak_bits": float(_leak(references, target, target_mask)),
    }


def _check(source: Frames, source_mask: Masks, target: Frames, target_mask: Masks, effect_mask: Masks) -> None:
    if source.shape != target.shape or source.ndim != 4 or source.shape[3] != 3:
        raise ValueError(f"source {source.shape} and target {target.shape} do not belong together")
    for mask in (source_mask, target_mask, effect_mask):
        if mask.shape != source.shape[:3] or mask.dtype != np.bool_:
            raise ValueError(f"a mask is {source.shape[:3]} bool, not {mask.shape} {mask.dtype}")


def _changes(source: Frames, target: Frames, effect_mask: Masks) -> tuple[float, float]:
    """PSNR outside the effect mask in dB, and the share of clearly changed pixels inside."""
    error, count, changed, inside = 0.0, 0, 0, 0
    for first, second, effect in zip(source, target, effect_mask, strict=True):
        difference = cv2.absdiff(first, second)
        free = ~effect
        error += cv2.norm(difference, cv2.NORM_L2SQR, free.astype(np.uint8))
        count += 3 * int(free.sum())
        largest = cv2.max(cv2.max(difference[:, :, 0], difference[:, :, 1]), difference[:, :, 2])
        changed += int((largest[effect] > 8).sum())
        inside += int(effect.sum())
    psnr = PSNR_CAP_DB
    if error > 0:
        psnr = min(PSNR_CAP_DB, float(10.0 * np.log10(255.0**2 * count / error)))
    return psnr, changed / max(inside, 1)


def path_agreement(first: Masks, second: Masks) -> tuple[float, float]:
    """How alike two regions move, in place and in size; 1 is equal, 0 or less is unrelated.

    With centred paths p, q: agreement = 1 - sum |p - q|² / (sum |p|² / 2 + sum |q|² / 2 + T s²). This is Lin's
    concordance (1989) but for s: it falls for unlike direction *and* for unlike amplitude, and s keeps it defined for
    products at rest, where it becomes one minus the mean squared error in units of s². Place: the middle of the
    bounding box's lower edge over the root of the second region's median area, s = 0.03; products of unlike shape
    share the ground contact and not the centre. Size: log(sqrt(area)), s = 0.05. Frames in which the frame's border
    cuts a region are left out if at least five others remain, because what is seen there is not the product's size.

    Args:
        first: ``(T, H, W) bool``, no empty mask.
        second: ``(T, H, W) bool``, no empty mask.
    """
    whole = [i for i in range(len(first)) if not _cut(first[i]) and not _cut(second[i])]
    if len(whole) >= 5:
        first, second = first[whole], second[whole]
    size = float(np.sqrt(np.median(second.sum(axis=(1, 2)))))
    paths = [np.array([_contact(mask) for mask in masks]) / size for masks in (first, second)]
    sizes = [np.log(np.sqrt(masks.sum(axis=(1, 2)).astype(np.float64)))[:, None] for masks in (first, second)]
    return _concordance(paths[0], paths[1], _STEADY[0]), _concordance(sizes[0], sizes[1], _STEADY[1])


def _cut(mask: Mask) -> bool:
    return bool(mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())


def _contact(mask: Mask) -> tuple[float, float]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return float(columns[0] + columns[-1]) / 2.0, float(rows[-1])


def _concordance(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64], steady: float) -> float:
    first, second = first - first.mean(axis=0), second - second.mean(axis=0)
    scale = 0.5 * float((first**2).sum() + (second**2).sum()) + len(first) * steady**2
    return float(1.0 - ((first - second) ** 2).sum() / scale)


def colour_histogram(frames: Frames, masks: Masks) -> Histogram:
    """Colours inside masks, up to nine frames: 12 x 6 x 6 bins of hue, saturation and value, sum 1.

    Grey pixels have no hue, so saturation below a sixth shares one hue.

    Args:
        frames: ``(T, H, W, 3) uint8`` RGB.
        masks: ``(T, H, W) bool``; all empty gives zeros.
    """
    total = np.zeros((12, 6, 6), np.float32)
    for index in sorted({round(share * (len(frames) - 1)) for share in np.linspace(0.0, 1.0, 9)}):
        pixels = frames[index][masks[index]]
        if not len(pixels):
            continue
        hue, saturation, value = cv2.cvtColor(pixels[None], cv2.COLOR_RGB2HSV)[0].T.astype(np.int64)
        third = saturation * 6 // 256
        first = np.where(third == 0, 0, hue * 12 // 180)
        flat = (first * 6 + third) * 6 + value * 6 // 256
        total += np.bincount(flat, minlength=432).reshape(12, 6, 6)
    total = cv2.GaussianBlur(total.reshape(12, 36), (1, 3), 0.5).reshape(12, 6, 6)
    return np.asarray(total / max(float(total.sum()), 1.0), np.float32)


def _intersection(first: Histogram, second: Histogram) -> float:
    return float(np.minimum(first, second).sum())


def _product_mask(picture: Picture) -> Mask:
    """Where a reference shows its product: opaque, or else unlike the white it stands on."""
    if picture.shape[2] == 4 and (picture[:, :, 3] < 128).any():
        return np.asarray(picture[:, :, 3] >= 128)
    distinct = (picture[:, :, :3].min(axis=2) < 245).astype(bool)
    return distinct if distinct.any() else np.ones(picture.shape[:2], np.bool_)


def _reference_histogram(picture: Picture) -> Histogram:
    return colour_histogram(np.ascontiguousarray(picture[None, :, :, :3]), _product_mask(picture)[None])


def residue(source: Frames, source_mask: Masks, target: Frames, target_mask: Masks) -> float:
    """What is left of B in the source beside A: 0 nothing, 1 all of it.

    Over the part of B's mask that lies more than 3 px outside A's, the share of 8x8 px tiles in which source and target
    still look the same: mean absolute difference of at most 6 levels, or normalised correlation of luma above 0.9 in
    tiles with contrast. Median over the frames with at least 64 such pixels; 0 if there is none.
    """
    shares = []
    step = max(1, len(source) // 12)
    for index in range(0, len(source), step):
        own = cv2.dilate(source_mask[index].astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)
        where = target_mask[index] & ~own
        if where.sum() >= 64:
            shares.append(_same_share(source[index], target[index], where))
    return float(np.median(shares)) if shares else 0.0


def _same_share(first: Picture, second: Picture, where: Mask) -> float:
    weight = where.astype(np.float32)
    kernel = (8, 8)
    mass = cv2.blur(weight, kernel)
    enough = where & (mass > 0.5)
    if not enough.any():
        enough, mass = where, np.maximum(mass, 1e-3)
    distance = np.abs(first.astype(np.float32) - second).mean(axis=2)
    near = cv2.blur(distance * weight, kernel) / np.maximum(mass, 1e-3) <= 6.0
    a, b = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) for image in (first, second))

    def mean(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        averaged: npt.NDArray[np.float32] = cv2.blur(values * weight, kernel) / np.maximum(mass, 1e-3)
        return averaged

    a_mean, b_mean = mean(a), mean(b)
    a_power, b_power = mean(a * a) - a_mean**2, mean(b * b) - b_mean**2
    shared = mean(a * b) - a_mean * b_mean
    contrast = np.sqrt(np.maximum(a_power, 0.0) * np.maximum(b_power, 0.0))
    alike = (contrast > 9.0) & (shared > 0.9 * contrast)
    return float((near | alike)[enough].mean())


def _leak(references: Sequence[Picture], target: Frames, target_mask: Masks) -> int:
    """Smallest distance in bits between hashes of references and of target frames or crops around B."""
    if not references:
        return 64
    wanted = []
    for picture in references:
        rgb = np.ascontiguousarray(picture[:, :, :3])
        grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        wanted.append(phash(grey))
        wanted.append(phash(np.ascontiguousarray(grey[_box(_product_mask(picture))])))
    smallest = 64
    for frame, mask in zip(target, target_mask, strict=True):
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        seen = [phash(grey)]
        if mask.any():
            box = _box(mask)
            seen.append(phash(np.ascontiguousarray(grey[box])))
            on_white = np.where(mask, grey, 255).astype(np.uint8)
            seen.append(phash(np.ascontiguousarray(on_white[box])))
        smallest = min(smallest, *(hamming(a, b) for a in wanted for b in seen))
    return smallest


def _box(mask: Mask) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
