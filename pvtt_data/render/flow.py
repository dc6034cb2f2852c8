"""Depth and optical flow, computed from where the camera and the bodies are and not estimated from pixels."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pvtt_data.render.bodies import OCCLUDER, PRODUCT
from pvtt_data.render.motion import Pose, as_matrix
from pvtt_data.render.scene import Scene
from pvtt_data.render.tracer import Stage

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_SAME_DEPTH = 0.01
"""Relative difference of depth up to which two pixels of two frames show the same surface."""


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """What is where in a frame, as its shutter opens, through a pinhole.

    Attributes:
        depth: ``(H, W) float32`` along the view's axis, scene units; infinite for the sky.
        flow: ``(H, W, 2) float32``: where what is seen in a pixel moves until the next frame, (x, y) in pixels; 0 for
            the sky.
        visible: ``(H, W) bool``: whether it is still seen in the next frame.
    """

    depth: Floats
    flow: Floats
    visible: Mask


def geometry(scene: Scene, stage: Stage, frame: int, actor: int | None = None, height: float = 0.0) -> Geometry:
    """Depth and flow of a frame to the one after it.

    Args:
        stage: the scene's stage.
        frame: the camera's path goes on smoothly beyond the last one.
        actor: which product is on the set; None for the bare set.
        height: of that product.
    """
    lens = scene.lens
    shape = (lens.height_px, lens.width_px)
    pixels = np.arange(shape[0] * shape[1], dtype=np.uint32)
    exposures = [scene.exposure(f, actor, height) for f in (frame, frame + 1)]
    views = [exposure.opens for exposure in exposures]
    now, then = (stage.sight(lens, exposure, pixels) for exposure in exposures)
    moved = now.point.copy()
    solid: Mask = np.asarray(np.isfinite(now.point).all(axis=1))
    _carry(moved, now.group == PRODUCT, exposures[0].product[0], exposures[1].product[0])
    if exposures[0].occluders:
        _carry(moved, now.group == OCCLUDER, exposures[0].occluders[0][0], exposures[1].occluders[0][0])
    safe = np.where(solid[:, None], moved, views[1].origin + views[1].forward)
    place, depth_then = lens.project(views[1], safe)
    here, depth_now = lens.project(views[0], np.where(solid[:, None], now.point, views[0].origin + views[0].forward))
    flow = np.where(solid[:, None], place - here, 0.0)
    column, row = np.floor(place).astype(np.int64).T
    inside = solid & (column >= 0) & (row >= 0) & (column < shape[1]) & (row < shape[0])
    target = np.where(inside, row * shape[1] + column, 0)
    with np.errstate(invalid="ignore"):
        seen_depth = (then.point[target] - views[1].origin) @ views[1].forward
        same = np.abs(seen_depth - depth_then) <= _SAME_DEPTH * depth_then
    visible = inside & same & (then.group[target] == now.group)
    depth = np.where(solid, depth_now, np.inf)
    return Geometry(
        depth.reshape(shape).astype(np.float32),
        flow.reshape(*shape, 2).astype(np.float32),
        visible.reshape(shape),
    )


def _carry(points: npt.NDArray[np.float64], which: Mask, before: Pose, after: Pose) -> None:
    """Move the points of a body from one pose to the next."""
    step = as_matrix(after) @ np.linalg.inv(as_matrix(before))
    points[which] = points[which] @ step[:3, :3].T + step[:3, 3]


def geometry_bytes(videos: Sequence[Sequence[Geometry]]) -> bytes:
    """An npz file of the geometry of A's frames and of B's: what `numpy.load` reads without pickles.

    For each of ``source`` and ``target``: ``_depth`` ``(T, H, W) float16`` scene units, infinite for the sky; ``_flow``
    ``(T, H, W, 2) float16`` pixels to the next frame; ``_visible`` ``(T, H, W) bool``, whether it is still seen there.
    """
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    for name, frames in zip(("source", "target"), videos, strict=True):
        arrays[f"{name}_depth"] = np.stack([frame.depth for frame in frames]).astype(np.float16)
        arrays[f"{name}_flow"] = np.stack([frame.flow for frame in frames]).astype(np.float16)
        arrays[f"{name}_visible"] = np.stack([frame.visible for frame in frames])
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()
