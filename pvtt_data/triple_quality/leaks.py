"""Is a reference a copy of a frame of the target? Then a model learns to paste it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.images import hamming, phash
from pvtt_data.triple_quality.colours import box_of, product_mask

Frames = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]
Mask = npt.NDArray[np.bool_]
Picture = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

NO_LEAK_BITS = 64
_FRAMES = 6
_SIDE_PX = 200
_MARGIN_PX = 8
_RATIO = 0.8
_LEAST_KEYPOINTS, _LEAST_INLIERS = 16, 8
_RANSAC_PX, _RANSAC_STEPS = 3.0, 500
_LARGEST_STRETCH = 3.0

_OVERLAY_FRAMES = 4
_COARSE_PX, _FINE_PX = 28, 72
_ROOM = 0.3
_SCALES, _TURNS_DEG = (0.7, 0.78, 0.86, 0.95, 1.05, 1.15), (-10.0, -5.0, 0.0, 5.0, 10.0)
_FINER_SCALES, _FINER_TURNS_DEG = (0.96, 1.0, 1.04), (-2.5, 0.0, 2.5)
_REFINED = 3
_LEAST_CONTRAST = 3.0
_OUTSIDE = 128


def leak_numbers(references: Sequence[Picture], target: Frames, target_mask: Masks) -> dict[str, float]:
    """How near a reference comes to being a copy.

    Returns:
        ``reference_leak_bits``: smallest Hamming distance of perceptual hashes (see `pvtt_data.images.phash`) between a
        reference and a target frame, whole frames and crops around B; 64 without references.
        ``reference_leak_inliers``: largest `copied_share` of a reference and up to six frames; 0 without references.
        ``reference_leak_match``: `best_overlay` of the references on up to four frames; 0 without references.
    """
    return {
        "reference_leak_bits": float(_fewest_bits(references, target, target_mask)),
        "reference_leak_inliers": _most_inliers(references, target, target_mask),
        "reference_leak_match": best_overlay(references, target, target_mask),
    }


def _fewest_bits(references: Sequence[Picture], target: Frames, target_mask: Masks) -> int:
    if not references:
        return NO_LEAK_BITS
    wanted = []
    for picture in references:
        rgb = np.ascontiguousarray(picture[:, :, :3])
        grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        wanted.append(phash(grey))
        wanted.append(phash(np.ascontiguousarray(grey[box_of(product_mask(picture))])))
    smallest = NO_LEAK_BITS
    for frame, mask in zip(target, target_mask, strict=True):
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        seen = [phash(grey)]
        if mask.any():
            box = box_of(mask)
            seen.append(phash(np.ascontiguousarray(grey[box])))
            on_white = np.where(mask, grey, 255).astype(np.uint8)
            seen.append(phash(np.ascontiguousarray(on_white[box])))
        smallest = min(smallest, *(hamming(a, b) for a in wanted for b in seen))
    return smallest


@dataclass(frozen=True, slots=True, eq=False)
class _Features:
    points: npt.NDArray[np.float32]
    """``(N, 2)``, px of a crop of about 200 px."""
    descriptors: npt.NDArray[np.float32]
    """``(N, 128)``."""


def _most_inliers(references: Sequence[Picture], target: Frames, target_mask: Masks) -> float:
    if not references:
        return 0.0
    known = [_features(np.ascontiguousarray(p[:, :, :3]), product_mask(p)) for p in references]
    chosen = sorted({round(share * (len(target) - 1)) for share in np.linspace(0, 1, _FRAMES)})
    seen = [_features(target[t], target_mask[t]) for t in chosen if target_mask[t].any()]
    return max((copied_share(one, other) for one in known for other in seen), default=0.0)


def copied_share(one: _Features, other: _Features) -> float:
    """Share of the key points of the picture with fewer of them that one homography maps onto the other picture's.

    SIFT key points (Lowe 2004) of the product, matches that are clearly the best (ratio 0.8), one homography by RANSAC
    within 3 px of a crop of 200 px. So neither size, nor a cut edge, nor a turn hides a copy. 0 for fewer than 16 key
    points, fewer than 8 inliers, or a homography that stretches by more than 3 or mirrors.
    """
    fewer = min(len(one.points), len(other.points))
    if fewer < _LEAST_KEYPOINTS:
        return 0.0
    matches = cv2.BFMatcher(cv2.NORM_L2).knnMatch(one.descriptors, other.descriptors, k=2)
    good = [pair[0] for pair in matches if len(pair) == 2 and pair[0].distance < _RATIO * pair[1].distance]
    if len(good) < _LEAST_INLIERS:
        return 0.0
    start = one.points[[match.queryIdx for match in good]]
    end = other.points[[match.trainIdx for match in good]]
    found, inliers = cv2.findHomography(start, end, cv2.RANSAC, _RANSAC_PX, maxIters=_RANSAC_STEPS)
    if found is None or not _plausible(found):
        return 0.0
    hits = len({match.trainIdx for match, kept in zip(good, inliers.ravel(), strict=True) if kept})
    return min(1.0, hits / fewer) if hits >= _LEAST_INLIERS else 0.0


def _plausible(homography: npt.NDArray[np.float64]) -> bool:
    turn = homography[:2, :2]
    stretch = np.linalg.svd(turn, compute_uv=False)
    upright = float(np.linalg.det(turn)) > 0
    return upright and float(stretch[1]) > 1 / _LARGEST_STRETCH and float(stretch[0]) < _LARGEST_STRETCH


def _features(picture: Picture, mask: Mask) -> _Features:
    rows, columns = box_of(mask)
    top, left = max(rows.start - _MARGIN_PX, 0), max(columns.start - _MARGIN_PX, 0)
    part = (slice(top, rows.stop + _MARGIN_PX), slice(left, columns.stop + _MARGIN_PX))
    grey = cv2.cvtColor(np.ascontiguousarray(picture[part]), cv2.COLOR_RGB2GRAY)
    inside = mask[part].astype(np.uint8)
    scale = _SIDE_PX / max(rows.stop - rows.start, columns.stop - columns.start)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=how)
    inside = cv2.resize(inside, (grey.shape[1], grey.shape[0]), interpolation=cv2.INTER_NEAREST)
    # Outlines are alike in many views; what lies inside them is not.
    inside = cv2.erode(inside, np.ones((5, 5), np.uint8))
    sift = cv2.SIFT.create(nfeatures=400, contrastThreshold=0.02)
    points, descriptors = sift.detectAndCompute(grey, inside)
    if descriptors is None:
        return _Features(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32))
    return _Features(np.array([point.pt for point in points], np.float32), descriptors)


def best_overlay(references: Sequence[Picture], target: Frames, target_mask: Masks) -> float:
    """How well a reference, laid over B in a frame, agrees with it at the best place, size and turn; 1 is a copy.

    Zero-mean normalised correlation of luma inside the reference's product (OpenCV's ``TM_CCOEFF_NORMED`` with a mask),
    over shifts, scales of 0.67 to 1.2 of the boxes' longer sides and turns up to 12.5 degrees: at 28 px first, then the
    best three at 72 px. Another view or another light of the same product agrees less; see docs/triple_quality.md.

    Args:
        references: pictures of B; without any the result is 0.
        target: ``(T, H, W, 3) uint8`` RGB.
        target_mask: ``(T, H, W) bool``, B.
    """
    visible = np.flatnonzero(target_mask.any(axis=(1, 2)))
    if not len(visible):
        return 0.0
    shares = np.linspace(0, 1, _OVERLAY_FRAMES)
    chosen = sorted({int(visible[round(share * (len(visible) - 1))]) for share in shares})
    best = 0.0
    for picture in references:
        shown = np.ascontiguousarray(picture[:, :, :3]), product_mask(picture)
        rough, detailed = (_luma(*shown, side, 0.0) for side in (_COARSE_PX, _FINE_PX))
        tried = []
        for t in chosen:
            frame, _ = _luma(target[t], target_mask[t], _COARSE_PX, _ROOM)
            tried += [(_agreement(frame, *rough, s, turn), t, s, turn) for s in _SCALES for turn in _TURNS_DEG]
        for _, t, scale, turn in sorted(tried, reverse=True)[:_REFINED]:
            frame, _ = _luma(target[t], target_mask[t], _FINE_PX, _ROOM)
            near = [(scale * s, turn + d) for s in _FINER_SCALES for d in _FINER_TURNS_DEG]
            best = max(best, *(_agreement(frame, *detailed, *way) for way in near))
    return best


def _luma(picture: Picture, mask: Mask, side_px: int, room: float) -> tuple[Floats, Floats]:
    """Luma on grey and coverage of a product's box, its longer side ``side_px``, with room around as a share of it."""
    rows, columns = box_of(mask)
    longer = max(rows.stop - rows.start, columns.stop - columns.start)
    margin = round(room * longer)
    grey = cv2.cvtColor(np.ascontiguousarray(picture[rows, columns]), cv2.COLOR_RGB2GRAY)
    inside = mask[rows, columns]
    luma = np.pad(np.where(inside, grey, _OUTSIDE).astype(np.float32), margin, constant_values=_OUTSIDE)
    coverage = np.pad(inside.astype(np.float32), margin)
    scale = side_px / longer
    size = (max(4, round(luma.shape[1] * scale)), max(4, round(luma.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(luma, size, interpolation=how), cv2.resize(coverage, size, interpolation=how)


def _agreement(frame: Floats, luma: Floats, coverage: Floats, scale: float, turn_deg: float) -> float:
    height, width = luma.shape
    side = int(np.ceil(np.hypot(height, width) * scale)) + 2
    middle = ((width - 1) / 2, (height - 1) / 2)
    matrix = cv2.getRotationMatrix2D(middle, turn_deg, scale)
    matrix[:, 2] += (side - 1) / 2 - np.array(middle)
    inside = cv2.warpAffine(coverage, matrix, (side, side)) > 0.9
    if inside.sum() < _LEAST_KEYPOINTS:
        return 0.0
    box = box_of(inside)
    template = cv2.warpAffine(luma, matrix, (side, side), borderValue=_OUTSIDE)[box]
    inside = inside[box]
    if template.shape[0] > frame.shape[0] or template.shape[1] > frame.shape[1]:
        return 0.0
    if float(template[inside].std()) < _LEAST_CONTRAST:
        return 0.0
    found = cv2.matchTemplate(frame, template, cv2.TM_CCOEFF_NORMED, mask=inside.astype(np.float32))
    return float(np.clip(np.nan_to_num(found, nan=0.0, posinf=0.0, neginf=0.0), 0.0, 1.0).max())
