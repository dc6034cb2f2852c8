"""Planar tracking of a region through a clip.

Features inside the region are followed from frame to frame by pyramidal Lucas-Kanade (Lucas and Kanade 1981, in the
pyramidal form of Bouguet 2001) and kept when tracking them back returns within one pixel (forward-backward error,
Kalal et al. 2010). A motion model is fitted with RANSAC. Chained steps drift, so each frame is matched once more
against an *anchor*, at first the keyframe: the anchor picture is warped by the prediction and only what is left is
measured. When the anchor no longer looks like the frame, the last good frame becomes the anchor.

A product is seldom flat, so the model with the fewest degrees of freedom wins unless a richer one explains the motion
clearly better.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.errors import InputError
from pvtt_data.masks import iou, resized

Matrix = npt.NDArray[np.float64]
Grey = npt.NDArray[np.uint8]
Frames = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]

MotionModel = Literal["similarity", "affine", "homography"]
TrackModel = Literal["similarity", "affine", "homography", "mask"]

_DEGREES: dict[MotionModel, int] = {"similarity": 4, "affine": 6, "homography": 8}
_STANDS_WITHIN = 0.005
"""Slow drift of what stands in a region's place, in units of the root of its area, that is left."""
_WITHOUT_FEATURES = ("untrackable-too-few-features", "untrackable-low-inliers")
"""Reasons to follow the mask: nothing to hold on to, or mirrors and highlights, which go their own ways."""
_WINDOW = (21, 21)
_QUADRATIC_5 = np.array([-3.0, 12.0, 17.0, 12.0, -3.0]) / 35.0  # Savitzky and Golay 1964, table I
_QUADRATIC_9 = np.array([-21.0, 14.0, 39.0, 54.0, 59.0, 54.0, 39.0, 14.0, -21.0]) / 231.0


@dataclass(frozen=True, slots=True)
class TrackConfig:
    """What counts as a good track.

    Attributes:
        models: motion models that may be used, fewest degrees of freedom first.
        max_features: corners looked for in the region, per frame.
        min_features: corners that must survive the forward-backward check at every step.
        max_forward_backward_px: largest distance between a corner and itself tracked forth and back.
        ransac_px: reprojection error up to which a correspondence is an inlier.
        min_inlier_ratio: smallest share of inliers at any step.
        min_step_scale: smallest scale between neighbouring frames.
        max_step_scale: largest scale between neighbouring frames.
        richer_model_gain: a richer model is chosen when its residual is below this share of the simpler one's.
        max_drift: largest distance between the tracked and the actual centre of the region, in units of the square
            root of its area; None leaves the region's shape out of account.
        mask_fallback: follow the mask's centre and area when the region has too little texture, or texture that goes
            its own way, as in mirrors.
        max_mask_jitter: largest median unsmoothness of centre and size, in units of the square root of the area, at
            which a mask is steady enough to be followed.
        max_smoothing_px: smoothing moves no control point further than this, so real camera shake stays.
        drift_tolerance: slow drift of the tracked from the actual centre is taken back down to this much, in units of
            the square root of the area: features on a turning product move to one side of it. None leaves it.
    """

    models: tuple[MotionModel, ...] = ("similarity", "affine", "homography")
    max_features: int = 200
    min_features: int = 10
    max_forward_backward_px: float = 1.0
    ransac_px: float = 2.0
    min_inlier_ratio: float = 0.6
    min_step_scale: float = 0.8
    max_step_scale: float = 1.25
    richer_model_gain: float = 0.6
    max_drift: float | None = 0.35
    mask_fallback: bool = True
    max_mask_jitter: float = 0.02
    max_smoothing_px: float = 0.75
    drift_tolerance: float | None = 0.005


@dataclass(frozen=True, slots=True)
class Track:
    """Where a region goes.

    Attributes:
        keyframe: index of the frame whose coordinates the transforms start from.
        model: the motion model, or ``mask`` when the mask's own centre and area were followed.
        transforms: ``(T, 3, 3) float64``, keyframe pixel coordinates to those of every frame; identity at the keyframe.
        inlier_ratio: ``(T,) float64`` in 0..1, inliers among consistent features on the step into each frame, counted
            away from the keyframe; 1 at the keyframe and for the mask model.
        feature_count: ``(T,) int64``, consistent features on that step; 0 for the mask model.
        residual_px: ``(T,) float64``, median distance of inliers to the model.
        anchors: how many frames served as anchors; 1 means that the keyframe was enough.
        drift: largest distance between tracked and actual centre of the region, over the square root of its area,
            before slow drift was taken back.
    """

    keyframe: int
    model: TrackModel
    transforms: Matrix
    inlier_ratio: npt.NDArray[np.float64]
    feature_count: npt.NDArray[np.int64]
    residual_px: npt.NDArray[np.float64]
    anchors: int
    drift: float

    def numbers(self) -> dict[str, float]:
        """The track's own confidence, for the sample's record."""
        return {
            "track_keyframe": float(self.keyframe),
            "track_inlier_ratio_min": float(self.inlier_ratio.min()),
            "track_inlier_ratio_median": float(np.median(self.inlier_ratio)),
            "track_features_median": float(np.median(self.feature_count)),
            "track_residual_px": float(np.median(self.residual_px)),
            "track_anchors": float(self.anchors),
            "track_drift": self.drift,
            "track_degrees": 3.0 if self.model == "mask" else float(_DEGREES[self.model]),
        }


def track_plane(
    frames: Frames, masks: Masks, config: TrackConfig = TrackConfig(), keyframe: int | None = None
) -> Track:
    """Follow a region as if it were one plane.

    Args:
        frames: ``(T, H, W, 3) uint8`` RGB, T >= 2.
        masks: ``(T, H, W) bool``, the region in every frame, not empty.
        config: what counts as a good track.
        keyframe: frame that the transforms start from; None picks the one with most corners in the middle half.

    Raises:
        InputError: ``untrackable-no-region`` (an empty mask), ``untrackable-too-few-features``,
            ``untrackable-low-inliers``, ``untrackable-scale-jump``, ``untrackable-drift`` (the region moves away from
            what was tracked) or ``untrackable-unsteady-mask`` (too little texture and no steady mask either).
    """
    if frames.ndim != 4 or frames.shape[:3] != masks.shape or len(frames) < 2:
        raise ValueError(f"frames {frames.shape} and masks {masks.shape} do not belong together")
    areas = masks.sum(axis=(1, 2))
    if areas.min() == 0:
        raise InputError(
            "untrackable-no-region",
            f"the mask is empty in frame {int(areas.argmin())}",
            {"frame": float(areas.argmin())},
        )
    greys = np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames])
    regions = np.stack([_interior(mask) for mask in masks])
    if keyframe is None:
        keyframe = _choose_keyframe(greys, regions, config)
    try:
        track = _track_features(greys, regions, masks[keyframe], keyframe, config)
    except InputError as error:
        if not config.mask_fallback or error.reason not in _WITHOUT_FEATURES:
            raise
        try:
            return _track_mask(masks, keyframe, config)
        except InputError as unsteady:
            raise (unsteady if error.reason == "untrackable-too-few-features" else error) from unsteady
    if config.max_drift is None:
        return track
    offsets, sizes = _drift(track.transforms, masks, keyframe)
    drift = float((np.linalg.norm(offsets, axis=1) / sizes).max())
    if drift > config.max_drift:
        raise InputError(
            "untrackable-drift",
            "the region does not stay where its features go",
            {"track_drift": drift, "max_drift": config.max_drift},
        )
    transforms = track.transforms
    if config.drift_tolerance is not None and track.model != "homography":  # perspective moves a plane's centre
        transforms = _take_back(transforms, offsets, config.drift_tolerance * sizes, keyframe)
    return replace(track, transforms=transforms, drift=drift)


def settle_rotation(track: Track, masks: Masks) -> tuple[Track, float]:
    """How far something that stands where the region stands turns and shears with it.

    Seen from above, features on a standing product that turns about its own axis rotate in the picture, while its
    outline stays upright; seen from ever another side, they shear. So a track becomes a similarity with as little
    rotation as explains the outlines: half and all of it are kept only where the mean overlap (intersection over union)
    with the moved keyframe outline is higher by 0.02 than with less. Affine and perspective tracks stay as they are
    where that is better by 0.04 still and they never squeeze by more than a third.

    Args:
        track: a track.
        masks: ``(T, H, W) bool``, the tracked region.

    Returns:
        The track and the share of the rotation that was kept, 0, 0.5 or 1. ``model`` is what the result moves by.
    """
    if track.model == "mask":
        return track, 1.0
    key = track.keyframe
    centre = _centres(masks[key : key + 1])[0][0]
    samples = sorted({round(share * (len(masks) - 1)) for share in np.linspace(0.0, 1.0, 9)} - {key})
    step = min(1.0, 120.0 / float(np.sqrt(masks[key].sum())))
    small = np.diag([step, step, 1.0])
    size = (max(round(masks.shape[2] * step), 1), max(round(masks.shape[1] * step), 1))

    outline = resized(masks[key], size[1], size[0]).astype(np.float32)
    actual = {index: resized(masks[index], size[1], size[0]) for index in samples}

    def overlap(moves: Matrix) -> float:
        overlaps = []
        for index in samples:
            move = small @ moves[index] @ np.linalg.inv(small)
            moved = cv2.warpPerspective(outline, move, size) > 0.5
            overlaps.append(iou(moved, actual[index]))
        return float(np.mean(overlaps))

    best, best_overlap = 0.0, -1.0
    for share in (0.0, 0.5, 1.0):
        found = overlap(_with_rotation(track.transforms, centre, share))
        if found > best_overlap + 0.02:
            best, best_overlap = share, found
    flat = track.model != "similarity" and _squeeze(track.transforms, centre) <= 4.0 / 3.0
    if flat and overlap(track.transforms) > best_overlap + 0.04:
        return track, 1.0
    settled = _with_rotation(track.transforms, centre, best)
    if track.model != "similarity":  # what leant with the region now has to stay in its place by itself
        offsets, sizes = _drift(settled, masks, key)
        settled = _take_back(settled, offsets, _STANDS_WITHIN * sizes, key)
    return replace(track, model="similarity", transforms=settled), best


def _jacobian(transform: Matrix, point: npt.NDArray[np.float64]) -> Matrix:
    """``(2, 2)``: what a transform does to small things at a point."""
    x, y, w = transform @ np.array([point[0], point[1], 1.0])
    result: Matrix = (transform[:2, :2] - np.outer([x / w, y / w], transform[2, :2])) / w
    return result


def _squeeze(transforms: Matrix, point: npt.NDArray[np.float64]) -> float:
    """Largest ratio of the scales of the transforms along their two axes at a point; at least 1."""
    scales = [np.linalg.svd(_jacobian(transform, point), compute_uv=False) for transform in transforms]
    return float(max(first / max(second, 1e-9) for first, second in scales))


def _with_rotation(transforms: Matrix, centre: npt.NDArray[np.float64], share: float) -> Matrix:
    """The similarities nearest to transforms at a centre, with a share of their rotation; the centre's path is kept."""
    result = np.tile(np.eye(3), (len(transforms), 1, 1))
    for index, transform in enumerate(transforms):
        local = _jacobian(transform, centre)
        scale = float(np.sqrt(abs(np.linalg.det(local))))
        angle = share * float(np.arctan2(local[1, 0] - local[0, 1], local[0, 0] + local[1, 1]))
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        result[index, :2, :2] = turn
        result[index, :2, 2] = apply_transform(transform, centre[None])[0] - turn @ centre
    return result


def scale_of(transform: Matrix, point: npt.NDArray[np.float64]) -> float:
    """Local scale of a 3x3 transform at a point: the square root of its Jacobian's determinant."""
    return float(np.sqrt(abs(np.linalg.det(_jacobian(transform, point)))))


def apply_transform(transform: Matrix, points: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """Move ``(N, 2)`` points (x, y) by a 3x3 transform."""
    moved = points @ transform[:, :2].T + transform[:, 2]
    result: npt.NDArray[np.float64] = moved[:, :2] / moved[:, 2:]
    return result


def _interior(mask: npt.NDArray[np.bool_]) -> Grey:
    """The mask as 0/255, without its rim, where windows see two motions, if enough is left."""
    full = mask.astype(np.uint8) * 255
    inner: Grey = cv2.erode(full, np.ones((5, 5), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=255)
    return inner if np.count_nonzero(inner) >= 0.5 * np.count_nonzero(full) else full


def _corners(grey: Grey, region: Grey, config: TrackConfig) -> npt.NDArray[np.float32]:
    """Shi-Tomasi corners inside a region, ``(N, 2) float32`` x, y."""
    ys, xs = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    if not len(ys):
        return np.zeros((0, 2), np.float32)
    top, left = max(ys[0] - 8, 0), max(xs[0] - 8, 0)
    window = (slice(top, ys[-1] + 9), slice(left, xs[-1] + 9))
    distance = float(np.clip(np.sqrt(np.count_nonzero(region) / (2.0 * config.max_features)), 3.0, 12.0))
    found = cv2.goodFeaturesToTrack(grey[window], config.max_features, 0.01, distance, mask=region[window], blockSize=5)
    if found is None:
        return np.zeros((0, 2), np.float32)
    points: npt.NDArray[np.float32] = found.reshape(-1, 2) + np.array([left, top], np.float32)
    return points


def _choose_keyframe(greys: Grey, regions: Grey, config: TrackConfig) -> int:
    """A frame of the middle half that shows the region whole, with as many corners as possible."""
    count = len(greys)
    candidates = sorted({round(share * (count - 1)) for share in (0.25, 0.375, 0.5, 0.625, 0.75)})
    middle = (count - 1) / 2

    def worth(index: int) -> tuple[bool, int, float]:
        whole = not _touches_border(regions[index] > 0)
        return whole, len(_corners(greys[index], regions[index], config)), -abs(index - middle)

    return max(candidates, key=worth)


def _follow(
    before: Grey, after: Grey, points: npt.NDArray[np.float32], levels: int, config: TrackConfig
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Where points go from one picture to the next, and which of them come back (forward-backward check)."""
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 0.03)
    options: dict[str, Any] = {
        "winSize": _WINDOW,
        "maxLevel": levels,
        "criteria": criteria,
        "minEigThreshold": 5e-4,
    }
    start = points.reshape(-1, 1, 2)
    there, ok_there, _ = cv2.calcOpticalFlowPyrLK(before, after, start, None, **options)
    back, ok_back, _ = cv2.calcOpticalFlowPyrLK(after, before, there, None, **options)
    moved = there.reshape(-1, 2)
    error = np.linalg.norm(back.reshape(-1, 2) - points, axis=1)
    height, width = after.shape
    inside = (moved[:, 0] >= 0) & (moved[:, 0] < width) & (moved[:, 1] >= 0) & (moved[:, 1] < height)
    good = (ok_there.ravel() > 0) & (ok_back.ravel() > 0) & (error < config.max_forward_backward_px) & inside
    return moved, good


def _fit(
    model: MotionModel, source: npt.NDArray[np.float32], target: npt.NDArray[np.float32], ransac_px: float
) -> tuple[Matrix | None, npt.NDArray[np.bool_]]:
    """RANSAC fit; OpenCV seeds its own generator with a constant, so equal points give equal fits."""
    nothing = np.zeros(len(source), np.bool_)
    if len(source) < 4:
        return None, nothing
    matrix: Any
    if model == "homography":
        matrix, inliers = cv2.findHomography(source, target, cv2.RANSAC, ransac_px, maxIters=2000, confidence=0.995)
    else:
        estimate = cv2.estimateAffinePartial2D if model == "similarity" else cv2.estimateAffine2D
        matrix, inliers = estimate(
            source, target, method=cv2.RANSAC, ransacReprojThreshold=ransac_px, maxIters=2000, confidence=0.995
        )
        if matrix is not None:
            matrix = np.vstack([matrix, [0.0, 0.0, 1.0]])
    if matrix is None or not np.isfinite(matrix).all() or np.linalg.det(matrix) <= 1e-6:
        return None, nothing
    return matrix.astype(np.float64), inliers.ravel().astype(bool)


@dataclass(slots=True)
class _Frame:
    """One tracked frame of a chain: keyframe to frame, and the evidence for it."""

    transform: Matrix
    inlier_ratio: float
    features: int
    residual_px: float
    key_points: npt.NDArray[np.float32]
    points: npt.NDArray[np.float32]
    anchor: int


def _chain(model: MotionModel, greys: Grey, regions: Grey, keyframe: int, config: TrackConfig) -> dict[int, _Frame]:
    """Track from the keyframe to both ends with one model."""
    none = np.zeros((0, 2), np.float32)
    frames = {keyframe: _Frame(np.eye(3), 1.0, config.max_features, 0.0, none, none, keyframe)}
    for order in (range(keyframe + 1, len(greys)), range(keyframe - 1, -1, -1)):
        step = 1 if order.step > 0 else -1
        anchor, anchor_points = keyframe, _corners(greys[keyframe], regions[keyframe], config)
        to_previous = np.eye(3)  # anchor to previous frame
        for index in order:
            previous = index - step
            move, ratio, count = _step(model, greys, regions, previous, index, config)
            match = _match_anchor(model, greys[anchor], greys[index], anchor_points, move @ to_previous, config)
            if match is None and anchor != previous:
                anchor, to_previous = previous, np.eye(3)
                anchor_points = _corners(greys[anchor], regions[anchor], config)
                match = _match_anchor(model, greys[anchor], greys[index], anchor_points, move, config)
            from_key = frames[anchor].transform
            if match is None:
                to_previous, points, moved, residual = move @ to_previous, none, none, config.ransac_px
            else:
                to_previous, points, moved, residual = match
            to_key = np.asarray(np.linalg.inv(from_key), np.float64)
            back = apply_transform(to_key, points.astype(np.float64)).astype(np.float32)
            transform = to_previous @ from_key
            frames[index] = _Frame(transform / transform[2, 2], ratio, count, residual, back, moved, anchor)
    return frames


def _step(
    model: MotionModel, greys: Grey, regions: Grey, previous: int, index: int, config: TrackConfig
) -> tuple[Matrix, float, int]:
    """Motion between neighbouring frames, its inlier ratio and the number of consistent features."""
    points = _corners(greys[previous], regions[previous], config)
    count, moved, good = 0, points, np.zeros(len(points), np.bool_)
    if len(points) >= config.min_features:
        moved, good = _follow(greys[previous], greys[index], points, 3, config)
        count = int(good.sum())
    if count < config.min_features:
        raise InputError(
            "untrackable-too-few-features",
            f"{count} features can be followed from frame {previous} to {index}",
            {"frame": float(index), "features": float(count), "min_features": float(config.min_features)},
        )
    move, inliers = _fit(model, points[good], moved[good], config.ransac_px)
    ratio = float(inliers.mean())
    if move is None or ratio < config.min_inlier_ratio:
        raise InputError(
            "untrackable-low-inliers",
            f"the features do not move together from frame {previous} to {index}",
            {"frame": float(index), "inlier_ratio": ratio, "min_inlier_ratio": config.min_inlier_ratio},
        )
    scale = scale_of(move, points[good][inliers].mean(axis=0).astype(np.float64))
    if not config.min_step_scale <= scale <= config.max_step_scale:
        raise InputError(
            "untrackable-scale-jump",
            f"the region's scale jumps from frame {previous} to {index}",
            {"frame": float(index), "step_scale": scale},
        )
    return move, ratio, count


def _match_anchor(
    model: MotionModel,
    anchor: Grey,
    frame: Grey,
    points: npt.NDArray[np.float32],
    predicted: Matrix,
    config: TrackConfig,
) -> tuple[Matrix, npt.NDArray[np.float32], npt.NDArray[np.float32], float] | None:
    """Measure what the prediction leaves over between a warped anchor picture and a frame.

    Returns the anchor-to-frame transform, the inlying anchor points, where they are in the frame, and the median
    residual; None when too few agree.
    """
    height, width = frame.shape
    expected = apply_transform(predicted, points.astype(np.float64)).astype(np.float32)
    seen = (expected > 2).all(axis=1) & (expected[:, 0] < width - 3) & (expected[:, 1] < height - 3)
    if seen.sum() < config.min_features:
        return None
    low = np.maximum(np.floor(expected[seen].min(axis=0)).astype(int) - 40, 0)
    high = np.minimum(np.ceil(expected[seen].max(axis=0)).astype(int) + 40, [width, height])
    crop = np.array([[1.0, 0.0, -low[0]], [0.0, 1.0, -low[1]], [0.0, 0.0, 1.0]])
    extent = (int(high[0] - low[0]), int(high[1] - low[1]))
    warped = cv2.warpPerspective(anchor, crop @ predicted, extent, borderMode=cv2.BORDER_REPLICATE)
    part = np.ascontiguousarray(frame[low[1] : high[1], low[0] : high[0]])
    moved, good = _follow(warped, part, expected[seen] - low.astype(np.float32), 1, config)
    moved = moved + low.astype(np.float32)
    if good.sum() < max(config.min_features, 0.3 * seen.sum()):
        return None
    start, end = points[seen][good], moved[good]
    fitted, inliers = _fit(model, start, end, config.ransac_px)
    if fitted is None or inliers.sum() < config.min_features or inliers.mean() < config.min_inlier_ratio:
        return None
    start, end = start[inliers], end[inliers]
    distance = np.linalg.norm(apply_transform(fitted, start.astype(np.float64)) - end, axis=1)
    return fitted, start, end, float(np.median(distance))


def _track_features(
    greys: Grey, regions: Grey, key_mask: npt.NDArray[np.bool_], keyframe: int, config: TrackConfig
) -> Track:
    model, chain = _simplest(greys, regions, keyframe, config)
    for richer in config.models[config.models.index(model) + 1 :]:
        if _residual(richer, chain) < config.richer_model_gain * _residual(model, chain):
            try:
                chain = _chain(richer, greys, regions, keyframe, config)
            except InputError:
                break
            model = richer
    order = range(len(greys))
    transforms = np.stack([chain[i].transform for i in order])
    return Track(
        keyframe=keyframe,
        model=model,
        transforms=_smooth(model, transforms, key_mask, keyframe, config.max_smoothing_px),
        inlier_ratio=np.array([chain[i].inlier_ratio for i in order]),
        feature_count=np.array([chain[i].features for i in order]),
        residual_px=np.array([chain[i].residual_px for i in order]),
        anchors=len({chain[i].anchor for i in order}),
        drift=0.0,
    )


def _simplest(greys: Grey, regions: Grey, keyframe: int, config: TrackConfig) -> tuple[MotionModel, dict[int, _Frame]]:
    """The first model that the features follow at every step: seen from ever another side, a region shears.

    Raises:
        InputError: none does; what the simplest one met is told.
    """
    first: InputError | None = None
    for model in config.models:
        try:
            return model, _chain(model, greys, regions, keyframe, config)
        except InputError as error:
            first = first or error
            if error.reason != "untrackable-low-inliers":
                break
    assert first is not None, "there is at least one model"
    raise first


def _residual(model: MotionModel, chain: dict[int, _Frame]) -> float:
    """Root mean square residual of a model per degree of freedom left over, median over the frames, px."""
    degrees = _DEGREES[model]
    values = []
    for index in sorted(chain):
        start, end = chain[index].key_points, chain[index].points
        if 2 * len(start) < 4 * degrees:
            continue
        fitted, _ = _fit(model, start, end, 4.0)
        if fitted is not None:
            error = apply_transform(fitted, start.astype(np.float64)) - end
            values.append(float(np.sqrt((error**2).sum() / (2 * len(start) - degrees))))
    return float(np.median(values)) if values else float("inf")


def _smooth(
    model: MotionModel, transforms: Matrix, key_mask: npt.NDArray[np.bool_], keyframe: int, limit_px: float
) -> Matrix:
    """Take measurement noise off the paths of the region's corners, then refit the transforms to them.

    A quadratic filter over five frames keeps acceleration; a correction is limited in length because handheld shake
    is real and the product has to follow it.
    """
    if len(transforms) < 5 or limit_px <= 0:
        return transforms
    ys, xs = np.nonzero(key_mask)
    left, right, top, bottom = float(xs.min()), float(xs.max() + 1), float(ys.min()), float(ys.max() + 1)
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    paths = np.stack([apply_transform(transform, corners) for transform in transforms])
    change = _filter(paths, _QUADRATIC_5) - paths
    length = np.linalg.norm(change, axis=2, keepdims=True)
    change *= np.minimum(1.0, limit_px / np.maximum(length, 1e-9))
    change[keyframe] = 0.0
    smoothed = np.stack([_through(model, corners, path) for path in paths + change])
    smoothed[keyframe] = np.eye(3)
    return smoothed


def _filter(values: npt.NDArray[np.float64], kernel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Convolve along the first axis; ends are continued by point reflection, which keeps a constant speed."""
    half = len(kernel) // 2
    head = 2 * values[:1] - values[half:0:-1]
    tail = 2 * values[-1:] - values[-2 : -half - 2 : -1]
    padded = np.concatenate([head, values, tail])
    result: npt.NDArray[np.float64] = sum(
        (weight * padded[i : i + len(values)] for i, weight in enumerate(kernel)), np.zeros_like(values)
    )
    return result


def _through(model: MotionModel, start: npt.NDArray[np.float64], end: npt.NDArray[np.float64]) -> Matrix:
    """Least-squares transform of a model through four points."""
    if model == "homography":
        perspective: Matrix = cv2.getPerspectiveTransform(start.astype(np.float32), end.astype(np.float32))
        return perspective.astype(np.float64)
    x, y = start.T
    zero, one = np.zeros(len(start)), np.ones(len(start))
    if model == "similarity":
        rows = np.concatenate([np.stack([x, -y, one, zero], 1), np.stack([y, x, zero, one], 1)])
        a, b, tx, ty = np.linalg.lstsq(rows, np.concatenate([end[:, 0], end[:, 1]]), rcond=None)[0]
        return np.array([[a, -b, tx], [b, a, ty], [0.0, 0.0, 1.0]])
    solved = np.linalg.lstsq(np.stack([x, y, one], 1), end, rcond=None)[0]
    return np.vstack([solved.T, [0.0, 0.0, 1.0]])


def _centres(masks: Masks) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Centres ``(T, 2)`` x, y and square roots of the areas ``(T,)`` of masks."""
    centres, sizes = [], []
    for mask in masks:
        moments = cv2.moments(mask.astype(np.uint8), binaryImage=True)
        centres.append((moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]))
        sizes.append(np.sqrt(moments["m00"]))
    return np.array(centres), np.array(sizes)


def _touches_border(mask: npt.NDArray[np.bool_]) -> bool:
    return bool(mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())


def _drift(transforms: Matrix, masks: Masks, keyframe: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Offsets ``(T, 2)`` of the actual from the tracked centre, px, and the roots of the areas ``(T,)``.

    A mask cut by the frame's border has no centre to compare: its offset is interpolated from its neighbours in time.
    """
    centres, sizes = _centres(masks)
    whole = np.array([not _touches_border(mask) for mask in masks])
    offsets = np.zeros((len(masks), 2))
    if whole[keyframe]:
        tracked = np.stack([apply_transform(move, centres[keyframe][None])[0] for move in transforms])
        index = np.arange(len(masks))
        for axis in (0, 1):
            offsets[:, axis] = np.interp(index, index[whole], (centres - tracked)[whole, axis])
    return offsets, sizes


def _take_back(
    transforms: Matrix,
    offsets: npt.NDArray[np.float64],
    tolerance_px: npt.NDArray[np.float64],
    keyframe: int,
) -> Matrix:
    """Shift the transforms by the slow part of the drift that exceeds the tolerance."""
    sigma = 4.0
    index = np.arange(len(offsets))
    weights = np.exp(-0.5 * ((index[:, None] - index[None, :]) / sigma) ** 2)
    slow = weights @ offsets / weights.sum(axis=1, keepdims=True)
    slow -= slow[keyframe]
    length = np.linalg.norm(slow, axis=1)
    share = np.maximum(0.0, 1.0 - tolerance_px / np.maximum(length, 1e-9))
    shifted = transforms.copy()
    for i in index:
        move = np.eye(3)
        move[:2, 2] = slow[i] * share[i]
        shifted[i] = move @ transforms[i]
    return shifted


def _track_mask(masks: Masks, keyframe: int, config: TrackConfig) -> Track:
    """Follow the mask itself: its centre and the square root of its area, smoothed."""
    cut = [index for index, mask in enumerate(masks) if _touches_border(mask)]
    if cut:
        raise InputError(
            "untrackable-unsteady-mask",
            "the product has too little texture to track and its mask is cut by the frame's border",
            {"frame": float(cut[0])},
        )
    centres, sizes = _centres(masks)
    if len(masks) < 9:
        smooth_centres, smooth_sizes = centres, sizes
    else:
        smooth_centres = _filter(centres, _QUADRATIC_9)
        smooth_sizes = np.exp(_filter(np.log(sizes), _QUADRATIC_9))
    jitter = max(
        float(np.median(np.linalg.norm(centres - smooth_centres, axis=1) / sizes)),
        float(np.median(np.abs(sizes / smooth_sizes - 1.0))),
    )
    steps = smooth_sizes[1:] / smooth_sizes[:-1]
    if jitter > config.max_mask_jitter or steps.min() < config.min_step_scale or steps.max() > config.max_step_scale:
        raise InputError(
            "untrackable-unsteady-mask",
            "the product has too little texture to track and its mask is not steady enough to follow",
            {
                "mask_jitter": jitter,
                "max_mask_jitter": config.max_mask_jitter,
                "step_scale_min": float(steps.min()),
                "step_scale_max": float(steps.max()),
            },
        )
    transforms = np.tile(np.eye(3), (len(masks), 1, 1))
    ratio = smooth_sizes / smooth_sizes[keyframe]
    transforms[:, 0, 0] = transforms[:, 1, 1] = ratio
    transforms[:, :2, 2] = smooth_centres - ratio[:, None] * smooth_centres[keyframe]
    count = len(masks)
    return Track(
        keyframe=keyframe,
        model="mask",
        transforms=transforms,
        inlier_ratio=np.ones(count),
        feature_count=np.zeros(count, np.int64),
        residual_px=np.linalg.norm(centres - smooth_centres, axis=1),
        anchors=1,
        drift=0.0,
    )
