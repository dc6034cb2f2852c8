"""Scores that only rendered cases have, because the true target is known.

*Follows A's motion* can be said in two ways. Where the object's mask in the result is known, `path_agreement` compares
its path with A's. Where a small model's output is too rough to be segmented, `motion_error_by_fit` asks which moment of
the true target each frame looks like.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pvtt_data.masks import Mask, centroid_path, iou, scale_path
from pvtt_eval.background import psnr

VERSION = 1
_LEAST_SPREAD = 0.1
"""Spread of a path, as a share of the object's √area, below which it counts as at rest."""
LEAST_CONTRAST = 1.1
"""Distance of far frames of the truth over that of neighbours; grain alone keeps both alike."""


def inside_psnr(result: NDArray[np.uint8], target: NDArray[np.uint8], target_mask: Mask) -> float:
    """PSNR in dB to the true target inside B's mask, as `background.psnr`.

    Args:
        result, target: ``(T, H, W, 3) uint8`` RGB.
        target_mask: ``(T, H, W) bool``.

    Raises:
        ValueError: shapes do not fit each other, or the mask is empty.
    """
    return psnr(result, target, target_mask)


def silhouette_iou(result_mask: Mask, target_mask: Mask) -> float:
    """Mean over frames of IoU of G with B's true mask, [0, 1]; frames in which both are empty are left out.

    Raises:
        ValueError: shapes differ, or no frame shows anything.
    """
    if result_mask.shape != target_mask.shape:
        raise ValueError(f"masks {result_mask.shape} and {target_mask.shape} do not fit each other")
    values = [iou(g, b) for g, b in zip(result_mask, target_mask, strict=True) if g.any() or b.any()]
    if not values:
        raise ValueError("no frame shows the object")
    return float(np.mean(values))


@dataclass(frozen=True, slots=True)
class PathAgreement:
    """How alike two paths are.

    Attributes:
        centroid_correlation: Σ ⟨aₜ − ā, bₜ − b̄⟩ / √(Σ‖aₜ − ā‖² Σ‖bₜ − b̄‖²) of the centres, [−1, 1]; NaN if the first
            one stays where it is.
        scale_correlation: Pearson's of √area, [−1, 1]; NaN if the first one keeps its size.
        centroid_error: mean distance of the centres in units of the first one's mean √area.
        steady_error: the same after the mean offset is taken away, which differs for products of other shapes.
        frames: frames in which both show something.
    """

    centroid_correlation: float
    scale_correlation: float
    centroid_error: float
    steady_error: float
    frames: int


def path_agreement(first: Mask, second: Mask) -> PathAgreement:
    """Does the second mask move as the first does?

    Args:
        first: ``(T, H, W) bool``, such as S.
        second: ``(T, H, W) bool``, such as G.

    Raises:
        ValueError: shapes differ, or fewer than two frames show both.
    """
    if first.shape != second.shape:
        raise ValueError(f"masks {first.shape} and {second.shape} do not fit each other")
    both = first.any(axis=(1, 2)) & second.any(axis=(1, 2))
    if both.sum() < 2:
        raise ValueError("fewer than two frames show both objects")
    paths = [centroid_path(masks)[both] for masks in (first, second)]
    sizes = [scale_path(masks)[both] for masks in (first, second)]
    unit = float(sizes[0].mean())
    moved = [path - path.mean(axis=0) for path in paths]
    grown = [size - size.mean() for size in sizes]
    return PathAgreement(
        _correlation(moved[0], moved[1], unit),
        _correlation(grown[0][:, None], grown[1][:, None], unit),
        float(np.linalg.norm(paths[0] - paths[1], axis=1).mean() / unit),
        float(np.linalg.norm(moved[0] - moved[1], axis=1).mean() / unit),
        int(both.sum()),
    )


def _correlation(first: NDArray[np.float64], second: NDArray[np.float64], unit: float) -> float:
    if math.sqrt((first**2).sum(axis=1).mean()) < _LEAST_SPREAD * unit:
        return float("nan")
    length = math.sqrt(float((first**2).sum()) * float((second**2).sum()))
    return float((first * second).sum() / length) if length > 0 else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class MotionFit:
    """Which moment of the truth each frame of a result looks like.

    Attributes:
        moments: ``(T,) float64``, the moment in frames that fits each frame best; NaN where nothing was to be compared.
        error_frames: mean |moment − t|: 0 follows the motion, `chance` and `still` do not.
        chance: error of moments drawn blindly, (T² − 1) / 3T.
        still: error of a video that shows the middle of the motion all the time, (T² − 1) / 4T for odd T and T / 4 for
            even T; the least that is possible without moving.
        contrast: RMS distance of the truth's frames half a clip apart or more, over that of neighbours, where it is
            looked at; 1 where nothing but grain changes.
        testable: whether moments can be told from each other, contrast ≥ `LEAST_CONTRAST`; those of a product at rest
            before a fixed camera, or of a bottle without a label on a turntable, cannot.
    """

    moments: NDArray[np.float64]
    error_frames: float
    chance: float
    still: float
    contrast: float
    testable: bool


def motion_error_by_fit(
    result: NDArray[np.uint8], truth: NDArray[np.uint8], where: Mask, *, refine: bool = True
) -> MotionFit:
    """Temporal error of pose, in frames: of a result against the frames of its own true target.

    Frame t of the result is compared with every frame t′ of the truth on the pixels ``where[t]``; the least mean square
    difference wins, the one nearest to t if several are least. In U₀ the background too tells the moment where the
    camera moves, even beside an object that does not: take B's true mask to judge the object's place and pose, and
    crops (`crops.crop_video`, all pixels) to judge its pose alone. It means something only for a result that looks like
    B: frames of A fit B's moments no better than by chance, however well A moves.

    Args:
        result, truth: ``(T, H, W, 3) uint8`` RGB, or crops of that shape, one for each frame.
        where: ``(T, H, W) bool``.
        refine: take the vertex of the parabola through the least difference and its neighbours.

    Raises:
        ValueError: shapes do not fit each other, fewer than three frames, or ``where`` is empty in all of them.
    """
    if result.shape != truth.shape or result.ndim != 4 or where.shape != result.shape[:3]:
        raise ValueError(f"result {result.shape}, truth {truth.shape} and pixels {where.shape} do not fit each other")
    count = len(result)
    if count < 3:
        raise ValueError("a motion needs three frames at least")
    if not where.any():
        raise ValueError("no pixel to compare")
    moments = np.full(count, np.nan)
    near, far = [], []
    others = np.arange(count)
    for t in range(count):
        if not where[t].any():
            continue
        shown = truth[:, where[t]].astype(np.float32)
        errors = ((shown - result[t][where[t]].astype(np.float32)) ** 2).mean(axis=(1, 2)).astype(np.float64)
        apart = ((shown - shown[t]) ** 2).mean(axis=(1, 2)).astype(np.float64)
        lag = np.abs(others - t)
        near += list(apart[lag == 1])
        far += list(apart[lag >= count // 2])
        least = np.flatnonzero(errors <= errors.min() * (1 + 1e-9))
        best = int(least[np.argmin(np.abs(least - t))])
        moments[t] = best + (parabola_vertex(errors, best) if refine else 0.0)
    contrast = _contrast(near, far)
    return MotionFit(
        moments,
        float(np.nanmean(np.abs(moments - others))),
        (count**2 - 1) / (3 * count),
        (count**2 - 1) / (4 * count) if count % 2 else count / 4,
        contrast,
        contrast >= LEAST_CONTRAST,
    )


def _contrast(near: list[float], far: list[float]) -> float:
    """√ of the ratio of mean squares; 1 where nothing moves at all, or no frames are far apart."""
    if not far or not any(far):
        return 1.0
    beside = float(np.mean(near))
    return math.sqrt(float(np.mean(far)) / beside) if beside > 0 else math.inf


def parabola_vertex(errors: NDArray[np.float64], best: int) -> float:
    """Offset from ``best``, within ±0.5, of the vertex of the parabola through it and its neighbours."""
    if not 0 < best < len(errors) - 1:
        return 0.0
    before, here, after = errors[best - 1 : best + 2]
    bend = before - 2 * here + after
    return float(np.clip((before - after) / (2 * bend), -0.5, 0.5)) if bend > 0 else 0.0
