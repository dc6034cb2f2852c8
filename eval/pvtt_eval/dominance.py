"""Does the object in the result look like B, or still like A?

φ is an embedder's vector of unit length, s(X, Y) the mean over x ∈ X of max over y ∈ Y of ⟨φ(x), φ(y)⟩. A are crops of
the source, B the references, y the result's frames. docs/dominance.md says how to read the numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.embedders.base import Embedder, Vectors, embed_groups
from pvtt_data.embedders.crops import Crops
from pvtt_data.embedders.likeness import Gate, likeness
from pvtt_data.masks import Mask, iou
from pvtt_eval.metric import Metric

VERSION = 1
LEAST_DENOMINATOR = 0.05
_APART_S = 1.0
_CANVAS_PX, _UNIT_PX = 96, 40


@dataclass(frozen=True, slots=True, eq=False)
class Dominance:
    """All numbers of one result; NaN where one cannot be had.

    Attributes:
        metric: identity of the numbers.
        testable: whether ``rsd`` means anything; if not, it is NaN and ``untestable`` says why.
        untestable: ``no-result``, ``no-source``, ``no-reference``, ``single-view-a``, ``single-view-b``,
            ``denominator-a``, ``denominator-b``, ``alike``.
        rsd: RefGain − SrcLeak, −1 (A) to 1 (B).
        ref_gain, src_leak: clipped to [0, 1].
        ref_gain_raw, src_leak_raw: before clipping.
        s_result_b, s_a_b, s_views_b: s(y, B), s(A, B), s(B′, B).
        s_result_a, s_b_a, s_views_a: s(y, A), s(B, A), s(A′, A).
        axis: mean of pₜ, −1 (A) to 1 (B), not clipped.
        axis_per_frame: pₜ of the used frames.
        off_axis: mean of ρₜ: how far from the line between A and B, in lengths of w; above about 1 it is neither.
        off_axis_per_frame: ρₜ of the used frames.
        axis_length: ‖w‖.
        reference_to_scene: s(B′, B) − s(B in the scene, B): what another light and resolution cost; NaN without truth.
        frames_used: indices of the result's frames that gave a crop.
        apart_frames: least distance of the frames of A that count as other views of it.
        views_b: where B′ comes from: ``heldout``, ``left-out`` (each reference against the others) or ``none``.
    """

    metric: Metric
    testable: bool
    untestable: tuple[str, ...]
    rsd: float
    ref_gain: float
    src_leak: float
    ref_gain_raw: float
    src_leak_raw: float
    s_result_b: float
    s_a_b: float
    s_views_b: float
    s_result_a: float
    s_b_a: float
    s_views_a: float
    axis: float
    axis_per_frame: NDArray[np.float64]
    off_axis: float
    off_axis_per_frame: NDArray[np.float64]
    axis_length: float
    reference_to_scene: float
    frames_used: NDArray[np.int64]
    apart_frames: int
    views_b: str


def dominance(
    result: Crops,
    source: Crops,
    references: Crops,
    embedder: Embedder,
    *,
    fps: float,
    height_px: int,
    width_px: int,
    frames: int,
    heldout: Crops | None = None,
    truth: Crops | None = None,
    gate: Gate | None = None,
) -> Dominance:
    """Reference-source dominance of a result.

    With μA the mean vector of A's crops, μB that of B's references and w = μB − μA:
    pₜ = 2⟨φ(yₜ) − μA, w⟩ / ‖w‖² − 1, ρₜ = ‖φ(yₜ) − μA − ((pₜ + 1) / 2) w‖ / ‖w‖,
    RefGain = clip((s(y, B) − s(A, B)) / (s(B′, B) − s(A, B)), 0, 1),
    SrcLeak = clip((s(y, A) − s(B, A)) / (s(A′, A) − s(B, A)), 0, 1), RSD = RefGain − SrcLeak. Own formulas.

    A′ are A's crops, each compared only with those at least 1 s away, or as far as half of the clip's frames where the
    clip is shorter. B′ are ``heldout`` views, else each reference compared with the others. Denominators under 0.05 are
    untestable, and so is a pair with s(A, B) above the gate.

    Args:
        result: crops of the object in the result.
        source: crops of A in the source.
        references: crops of B's references.
        fps, height_px, width_px, frames: of the video.
        heldout: other views of B, in the references' light.
        truth: crops of B in the true target, for ``reference_to_scene``.
        gate: of this embedder; without one, alike pairs are not refused.

    Raises:
        ValueError: the gate is another embedder's.
    """
    if gate is not None and (gate.embedder, gate.weights_sha256) != (embedder.name, embedder.weights_sha256):
        raise ValueError(f"the gate was measured on {gate.embedder}, not on {embedder.name}")
    groups = [result, source, references, *(group for group in (heldout, truth) if group is not None)]
    y, a, b, *rest = embed_groups(embedder, [group.pictures for group in groups])
    views = rest.pop(0) if heldout is not None else np.zeros((0, b.shape[1]), np.float32)
    scene_b = rest.pop(0) if truth is not None else np.zeros((0, b.shape[1]), np.float32)

    s_y_b, s_a_b, s_y_a, s_b_a = likeness(y, b), likeness(a, b), likeness(y, a), likeness(b, a)
    apart_frames, s_views_a = _views_of_a(a, source.used, fps)
    if len(views):
        views_b, s_views_b = "heldout", likeness(views, b)
    else:
        views_b, s_views_b = ("left-out", _left_out(b)) if len(b) > 1 else ("none", float("nan"))
    reasons = _reasons(y, a, b, s_views_a, s_views_b, s_a_b, s_b_a, gate)
    gain = _ratio(s_y_b - s_a_b, s_views_b - s_a_b)
    leak = _ratio(s_y_a - s_b_a, s_views_a - s_b_a)
    ref_gain, src_leak = _clipped(gain), _clipped(leak)
    axis, off_axis, length = _on_axis(y, a, b)
    return Dominance(
        Metric("rsd", VERSION, embedder.name, embedder.weights_sha256, height_px, width_px, frames),
        not reasons,
        reasons,
        float("nan") if reasons else ref_gain - src_leak,
        ref_gain,
        src_leak,
        gain,
        leak,
        s_y_b,
        s_a_b,
        s_views_b,
        s_y_a,
        s_b_a,
        s_views_a,
        float(axis.mean()) if len(axis) else float("nan"),
        axis,
        float(off_axis.mean()) if len(off_axis) else float("nan"),
        off_axis,
        length,
        s_views_b - likeness(scene_b, b),
        result.used,
        apart_frames,
        views_b,
    )


def _reasons(
    y: Vectors,
    a: Vectors,
    b: Vectors,
    s_views_a: float,
    s_views_b: float,
    s_a_b: float,
    s_b_a: float,
    gate: Gate | None,
) -> tuple[str, ...]:
    missing = [f"no-{name}" for name, found in (("result", y), ("source", a), ("reference", b)) if not len(found)]
    if missing:
        return tuple(missing)
    found = []
    for name, views, other in (("a", s_views_a, s_b_a), ("b", s_views_b, s_a_b)):
        if math.isnan(views):
            found.append(f"single-view-{name}")
        elif views - other < LEAST_DENOMINATOR:
            found.append(f"denominator-{name}")
    if gate is not None and s_a_b > gate.most_alike:
        found.append("alike")
    return tuple(found)


def _views_of_a(a: Vectors, used: NDArray[np.int64], fps: float) -> tuple[int, float]:
    """Least distance of frames, and s(A′, A)."""
    if len(a) < 2:
        return 0, float("nan")
    apart = max(1, min(math.ceil(_APART_S * fps), int(used[-1] - used[0]) // 2))
    close = np.abs(used[:, None] - used[None]) < apart
    cosines = np.where(close, -np.inf, a.astype(np.float64) @ a.T.astype(np.float64)).max(axis=1)
    seen = cosines[np.isfinite(cosines)]
    return apart, float(seen.mean()) if len(seen) else float("nan")


def _left_out(b: Vectors) -> float:
    cosines = b.astype(np.float64) @ b.T.astype(np.float64)
    np.fill_diagonal(cosines, -np.inf)
    return float(cosines.max(axis=1).mean())


def _on_axis(y: Vectors, a: Vectors, b: Vectors) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """pₜ and ρₜ, ``(N,)`` each, and ‖w‖; empty and NaN where there is no axis."""
    nothing = np.zeros(0)
    if not len(a) or not len(b):
        return nothing, nothing, float("nan")
    start = a.mean(axis=0, dtype=np.float64)
    along = b.mean(axis=0, dtype=np.float64) - start
    length = float(np.linalg.norm(along))
    if not len(y) or length < 1e-9:
        return nothing, nothing, length
    moved = y.astype(np.float64) - start
    axis = 2 * (moved @ along) / length**2 - 1
    aside = np.linalg.norm(moved - ((axis + 1) / 2)[:, None] * along, axis=1) / length
    return axis, aside, length


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole >= LEAST_DENOMINATOR else float("nan")


def _clipped(value: float) -> float:
    return value if math.isnan(value) else min(1.0, max(0.0, value))


@dataclass(frozen=True, slots=True)
class ShapeLeak:
    """Whose outline the object has.

    Attributes:
        with_source: mean IoU of G with S of the same frame, centres and areas made equal.
        with_references: mean over frames of the best such IoU with a reference's silhouette.
        leak: their difference, [−1, 1]; above 0 the object has A's outline rather than B's.
        frames: frames in which both are seen.
    """

    with_source: float
    with_references: float
    leak: float
    frames: int


def shape_leak(result_mask: Mask, source_mask: Mask, silhouettes: Sequence[Mask]) -> ShapeLeak:
    """IoU of G with S − best IoU of G with a reference's silhouette, each pair with equal centre and area.

    S shows the pose of the very moment and references other poses, so even a perfect result of a product that turns is
    a little above what its shape deserves: compare with the leak of the true target.

    Args:
        result_mask, source_mask: G and S, ``(T, H, W) bool``.
        silhouettes: ``(H, W) bool``, of the references; sizes may differ.

    Raises:
        ValueError: shapes differ, no silhouette, or no frame with both masks.
    """
    if result_mask.shape != source_mask.shape:
        raise ValueError(f"masks {result_mask.shape} and {source_mask.shape} do not fit each other")
    known = [aligned(silhouette) for silhouette in silhouettes if silhouette.any()]
    both = [(g, s) for g, s in zip(result_mask, source_mask, strict=True) if g.any() and s.any()]
    if not known or not both:
        raise ValueError("no silhouette of B, or no frame that shows the object in result and source")
    with_source, with_references = [], []
    for g, s in both:
        shown = aligned(g)
        with_source.append(iou(shown, aligned(s)))
        with_references.append(max(iou(shown, silhouette) for silhouette in known))
    first, second = float(np.mean(with_source)), float(np.mean(with_references))
    return ShapeLeak(first, second, first - second, len(both))


def aligned(mask: Mask) -> Mask:
    """``(96, 96) bool``: the mask with its centre in the middle and the area of a square of 40 px.

    What would lie beyond the canvas is cut off, which long thin products do.

    Raises:
        ValueError: the mask is empty.
    """
    rows, columns = np.nonzero(mask)
    if not len(rows):
        raise ValueError("an empty mask has no place")
    scale = _UNIT_PX / math.sqrt(len(rows))
    middle = (_CANVAS_PX - 1) / 2
    matrix = np.array(
        [[scale, 0, middle - scale * columns.mean()], [0, scale, middle - scale * rows.mean()]], np.float64
    )
    soft = mask.astype(np.float32)
    if scale < 1:
        soft = cv2.GaussianBlur(soft, (0, 0), 0.5 * math.sqrt(1 / scale**2 - 1), borderType=cv2.BORDER_CONSTANT)
    moved = cv2.warpAffine(soft, matrix, (_CANVAS_PX, _CANVAS_PX), flags=cv2.INTER_LINEAR)
    return np.asarray(moved > 0.5, np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class PixelDominance:
    """Dominance of a rendered case, where the result is compared with both truths pixel by pixel.

    Attributes:
        rsd_px: mean over frames of (d_A − d_B) / (d_A + d_B), −1 (A) to 1 (B); NaN where A and B look the same.
        to_a, to_b: mean over frames of d_A and d_B, RMS in levels of 0 to 255.
        per_frame: ``(T,) float64``, NaN where neither is seen or both are met exactly.
    """

    rsd_px: float
    to_a: float
    to_b: float
    per_frame: NDArray[np.float64]


def pixel_dominance(
    result: NDArray[np.uint8], with_a: NDArray[np.uint8], with_b: NDArray[np.uint8], mask_a: Mask, mask_b: Mask
) -> PixelDominance:
    """Which truth is nearer inside S_A ∪ S_B?

    d is the RMS over pixels and channels. A codec keeps its own output from reaching ±1: where one is in play,
    divide by the score of the truth's round trip (`normalised`).

    Args:
        result, with_a, with_b: ``(T, H, W, 3) uint8`` RGB.
        mask_a, mask_b: ``(T, H, W) bool``.

    Raises:
        ValueError: shapes do not fit each other.
    """
    if not result.shape == with_a.shape == with_b.shape or not mask_a.shape == mask_b.shape == result.shape[:3]:
        raise ValueError(f"result {result.shape}, truths {with_a.shape}, {with_b.shape} and masks do not fit")
    rows = np.full((3, len(result)), np.nan)
    where = mask_a | mask_b
    for t in range(len(result)):
        if not where[t].any():
            continue
        shown = result[t][where[t]].astype(np.float64)
        to_a, to_b = (math.sqrt(float(((shown - v[t][where[t]]) ** 2).mean())) for v in (with_a, with_b))
        rows[:, t] = (to_a - to_b) / (to_a + to_b) if to_a + to_b > 0 else np.nan, to_a, to_b
    means = [float(row[~np.isnan(row)].mean()) if (~np.isnan(row)).any() else float("nan") for row in rows]
    return PixelDominance(means[0], means[1], means[2], rows[0])


def normalised(score: float, ceiling: float) -> float:
    """A score as a share of what the truth itself reaches through the same codec.

    Raises:
        ValueError: the ceiling is under 0.05: the codec leaves nothing to be measured.
    """
    if not ceiling >= LEAST_DENOMINATOR:
        raise ValueError(f"a ceiling of {ceiling} leaves nothing to be measured")
    return score / ceiling
