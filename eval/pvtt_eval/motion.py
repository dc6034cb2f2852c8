"""Does a rough picture of B move as B does? An error in frames that a wrong but constant look of B leaves alone.

`truth.motion_error_by_fit` compares pixels where they are: a B that is made a fifth too small scores like one that does
not move. Here what never changes in a clip is taken away first, in both videos, and only what is left is compared.

With r and g the result and the true target ``(T, H, W, 3)``, m B's true mask ``(T, H, W)``, [0, 255] and pixels:

1. g's background is put to rest: g ← k g + (1 − k) b, b the mean over time of g where B is not, k the mask with an edge
   softened by 0.7 px. Nothing that the camera does to the background is counted as motion of B.
2. Both are blurred by σ = 1.5 px.
3. r is registered to g by one similarity for the whole clip (scale 0.70 to 1.42 in nine steps, shift up to 0.3 √area of
   B along each axis): that with the best masked normalised correlation of the two *means over time*, of which scale and
   shift at the ends of their range cost 0.02 each. No frame is held against another, so no order of frames is assumed.
4. Deviations from the mean over time, weighted by the share w of time that a pixel shows B (blurred by 1 px):
   ρ(t, x) = √w(x) (r − mean r), γ(t, x) = √w(x) (g − mean g).
5. One gain for the clip, a = √(Σ γ² / Σ ρ²). Above `MOST_GAIN` the result is at rest: every frame shows the middle
   moment, and the error is `still`.
6. Otherwise frame t shows moment argmin over t′ of ‖a ρ(t) − γ(t′)‖², refined by the vertex of a parabola; of equally
   good ones the nearest to t. The error is the mean of |moment − t|.

All fits hold for the whole clip, so a result that shows one picture throughout gets one moment throughout, whatever is
fitted: its error cannot be under `still`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.masks import Mask
from pvtt_eval.truth import parabola_vertex

VERSION = 1
MOST_GAIN = 4.0
"""What changes by less than a quarter of what changes in the truth is at rest. The truth blurred by σ = 4 px needs a
gain of 2 to 3, a still result that went through a codec about 10."""
_BLUR_PX, _EDGE_PX, _SHARE_BLUR_PX = 1.5, 0.7, 1.0
_SCALES = np.geomspace(0.7, 1 / 0.7, 9)
_REACH = 0.3
_PULL = 0.02
_ROOM = 0.12
_LEAST_WEIGHT = 0.02
_ROUNDING = 1e-8

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class FollowedMotion:
    """How a result follows the motion of its true target.

    Attributes:
        moments: ``(T,) float64``, the moment of the truth that each frame shows; NaN where B is not in sight.
        error_frames: mean |moment − t| over the others.
        agreement: Σ ⟨ρ(t), γ(t)⟩ / √(Σ‖ρ‖² Σ‖γ‖²), [−1, 1]: 1 follows, 0 is at rest or moves otherwise.
        gain: a; inf where nothing changes at all.
        scale: of B in the result, as a share of the truth's.
        shift_px: ``(x, y)`` of B in the result from where the truth has it, pixels.
        chance: error of moments drawn blindly, (T² − 1) / 3T where B is always in sight.
        still: least error of one moment for all frames, (T² − 1) / 4T for odd T and T / 4 for even T.
    """

    moments: NDArray[np.float64]
    error_frames: float
    agreement: float
    gain: float
    scale: float
    shift_px: tuple[float, float]
    chance: float
    still: float


def followed_motion(result: NDArray[np.uint8], truth: NDArray[np.uint8], truth_mask: Mask) -> FollowedMotion:
    """Temporal error of a result's motion in frames, whatever constant size, place, sharpness and colour B has in it.

    It means nothing where the truth cannot tell its own moments: see `truth.MotionFit.testable`. The gain forgives part
    of a motion that is too small: B at half of its range scores 0.8 frames instead of 1.1.

    Args:
        result, truth: ``(T, H, W, 3) uint8`` RGB.
        truth_mask: ``(T, H, W) bool``, B in the truth.

    Raises:
        ValueError: shapes do not fit each other, or fewer than three frames show B.
    """
    if result.shape != truth.shape or result.ndim != 4 or truth_mask.shape != result.shape[:3]:
        shapes = f"result {result.shape}, truth {truth.shape} and mask {truth_mask.shape}"
        raise ValueError(f"{shapes} do not fit each other")
    seen = np.flatnonzero(truth_mask.any(axis=(1, 2)))
    if len(seen) < 3:
        raise ValueError("a motion needs three frames that show the product")
    mask = truth_mask[seen]
    shown = _blurred(result[seen], _BLUR_PX)
    target = _blurred(_at_rest(truth[seen], mask), _BLUR_PX)
    move, scale, shift = _registered(shown.mean(axis=0), target.mean(axis=0), mask)
    size = (mask.shape[2], mask.shape[1])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    shown = np.stack([cv2.warpAffine(f, move, size, flags=flags, borderMode=cv2.BORDER_REPLICATE) for f in shown])

    area = _box(mask, _ROOM / 2)
    share = np.asarray(cv2.GaussianBlur(mask.mean(axis=0).astype(np.float32), (0, 0), _SHARE_BLUR_PX))[area]
    rho, gamma = (_deviations(video[:, *area], share) for video in (shown, target))
    common = (rho @ gamma.T).astype(np.float64)
    rho_2, gamma_2 = (np.square(d, dtype=np.float64).sum(axis=1) for d in (rho, gamma))
    moves, moved = float(rho_2.sum()), float(gamma_2.sum())
    changes = moves > _ROUNDING * moved
    gain = math.sqrt(moved / moves) if changes else math.inf
    apart = np.abs(seen[:, None] - seen[None])
    moments = np.full(len(truth), np.nan)
    if gain > MOST_GAIN:
        moments[seen] = seen[np.argmin(apart.mean(axis=0))]
    else:
        errors = gain**2 * rho_2[:, None] - 2 * gain * common + gamma_2[None]
        moments[seen] = [_moment(row, t, seen) for t, row in enumerate(errors)]
    return FollowedMotion(
        moments,
        float(np.abs(moments[seen] - seen).mean()),
        float(np.trace(common)) / math.sqrt(moves * moved) if changes and moved > 0 else 0.0,
        gain,
        scale,
        shift,
        float(apart.mean()),
        float(apart.mean(axis=0).min()),
    )


def _blurred(video: NDArray[np.uint8] | Float32, sigma_px: float) -> Float32:
    return np.stack([cv2.GaussianBlur(frame.astype(np.float32), (0, 0), sigma_px) for frame in video])


def _at_rest(truth: NDArray[np.uint8], mask: Mask) -> Float32:
    """The truth before a background that stays as it is on average."""
    away = (~mask)[..., None].astype(np.float32)
    count = away.sum(axis=0)
    ground = np.where(count > 0, (truth * away).sum(axis=0) / np.maximum(count, 1), truth.mean(axis=0))
    keep = np.maximum(_blurred(mask.astype(np.float32), _EDGE_PX), mask)[..., None]
    return np.asarray(keep * truth + (1 - keep) * ground, np.float32)


def _deviations(video: Float32, share: Float32) -> Float32:
    """``(T, pixels)``: from the mean over time, weighted."""
    apart = (video - video.mean(axis=0)) * np.sqrt(share)[..., None]
    return np.asarray(apart.reshape(len(video), -1))


def _moment(errors: NDArray[np.float64], t: int, times: NDArray[np.int64]) -> float:
    """The time that fits row ``t`` best."""
    least = np.flatnonzero(errors <= errors.min() + 1e-9 * np.abs(errors).max())
    best = int(least[np.argmin(np.abs(times[least] - times[t]))])
    return float(np.interp(best + parabola_vertex(errors, best), np.arange(len(times)), times))


def _box(mask: Mask, room: float) -> tuple[slice, slice]:
    """Rows and columns of B over the whole clip, and a share of its longer side around."""
    rows, columns = np.nonzero(mask.any(axis=0))
    extra = round(room * max(np.ptp(rows) + 1, np.ptp(columns) + 1))
    return (
        slice(max(int(rows.min()) - extra, 0), int(rows.max()) + extra + 1),
        slice(max(int(columns.min()) - extra, 0), int(columns.max()) + extra + 1),
    )


def _registered(shown: Float32, target: Float32, mask: Mask) -> tuple[NDArray[np.float64], float, tuple[float, float]]:
    """The similarity from the truth's pixels to the result's, ``(2, 3)``, its scale and its shift, of mean pictures."""
    height, width = mask.shape[1:]
    area = _box(mask, _ROOM)
    rows, columns = np.nonzero(mask.any(axis=0))
    middle = np.array([columns.min() + columns.max(), rows.min() + rows.max()]) / 2
    reach = max(1, round(_REACH * math.sqrt(float(mask.sum(axis=(1, 2)).mean()))))
    weight = cv2.GaussianBlur(mask.mean(axis=0).astype(np.float32), (0, 0), 2.0)[area] + _LEAST_WEIGHT
    weights = np.ascontiguousarray(np.repeat(weight[..., None], 3, axis=2), np.float32)
    template = np.ascontiguousarray(target[area])
    offsets = np.arange(-reach, reach + 1)
    far = (offsets[:, None] ** 2 + offsets[None] ** 2) / reach**2
    best, chosen = -math.inf, (1.0, np.zeros(2))
    for scale in _SCALES:
        fitted = cv2.warpAffine(
            shown,
            _similarity(scale, np.zeros(2), middle),
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        around = cv2.copyMakeBorder(fitted, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
        wide = around[area[0].start : area[0].stop + 2 * reach, area[1].start : area[1].stop + 2 * reach]
        found = cv2.matchTemplate(np.ascontiguousarray(wide), template, cv2.TM_CCOEFF_NORMED, mask=weights)
        likeness = np.where(np.isfinite(found), found, -1.0) - _PULL * (far + (math.log(scale) / math.log(0.7)) ** 2)
        y, x = np.unravel_index(int(likeness.argmax()), likeness.shape)
        if likeness[y, x] > best:
            best, chosen = float(likeness[y, x]), (float(scale), scale * np.array([offsets[x], offsets[y]]))
    scale, shift = chosen
    return _similarity(scale, shift, middle), scale, (float(shift[0]), float(shift[1]))


def _similarity(scale: float, shift: NDArray[np.float64], middle: NDArray[np.float64]) -> NDArray[np.float64]:
    """x ↦ middle + scale (x − middle) + shift."""
    return np.column_stack([scale * np.eye(2), (1 - scale) * middle + shift])
