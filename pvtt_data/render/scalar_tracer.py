"""The last resort: a stage in Mitsuba's scalar variant, for machines without OptiX and without a usable LLVM.

Frames are traced whole and pixels are picked from them; the open shutter is a few moments one after the other. A
cleared box clears everything before its nearest corner, not ray by ray.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from pvtt_data.render.bodies import PRODUCT, SET, Cast
from pvtt_data.render.camera import Lens, View
from pvtt_data.render.material import Part
from pvtt_data.render.stage_set import StageSet
from pvtt_data.render.tracer import (
    GLARE,
    MOVING,
    NOWHERE,
    SUBFRAMES,
    Depth,
    Exposure,
    Floats,
    Layers,
    Pixels,
    Sight,
    lights,
    plain,
)

_NEAREST = 0.01


class ScalarStage:
    """A stage in the scalar variant; see `pvtt_data.render.tracer.Stage`."""

    def __init__(self, stage_set: StageSet, actors: Sequence[Sequence[Part]], depth: Depth) -> None:
        import mitsuba as mi

        # Coverage is drawn as the albedo of a scene in which products are white and all else is black.
        self._casts = [
            Cast(stage_set, actors),
            Cast(stage_set, actors, lambda part, group: plain(part, 1.0 if group == PRODUCT else 0.0)),
        ]
        described = [cast.describe() for cast in self._casts]
        self._scenes = [
            mi.load_dict({"type": "scene", **lights(stage_set), **described[0][0]}, optimize=False),
            mi.load_dict({"type": "scene", **described[1][0]}, optimize=False),
        ]
        # Meshes have names once a scene has been made of them.
        self._groups = {mesh.id(): group for mesh, group in described[0][1]}
        self._values = [mi.traverse(scene) for scene in self._scenes]
        for values in self._values:
            values.keep(MOVING)
        path = {"type": "path", "max_depth": depth.bounces, "rr_depth": depth.roulette}
        self._layers = mi.load_dict({"type": "aov", "aovs": "albedo:albedo,normal:sh_normal", "image": path})
        self._albedo = mi.load_dict({"type": "aov", "aovs": "albedo:albedo"})
        self._glare = GLARE / stage_set.exposure

    def trace(self, lens: Lens, exposure: Exposure, pixels: Pixels, samples: int, seed: int) -> Layers:
        """Path-traced light and first-hit layers of pixels."""
        total = self._film(0, self._layers, lens, exposure, samples, seed).reshape(lens.width_px * lens.height_px, -1)
        picked = total[pixels]
        light = picked[:, :3]
        light = light * np.minimum(1.0, self._glare / np.maximum(light.max(axis=1, keepdims=True), 1e-9))
        product = self.coverage(lens, exposure, pixels, samples, seed)
        return Layers(light.astype(np.float32), picked[:, -6:-3].clip(0, 1), picked[:, -3:], product)

    def coverage(self, lens: Lens, exposure: Exposure, pixels: Pixels, samples: int, seed: int) -> Floats:
        """Share of each pixel in which the product is hit first, ``(N,) float32``."""
        drawn = self._film(1, self._albedo, lens, exposure, samples, seed)
        share: Floats = drawn[..., -3].reshape(-1)[pixels].clip(0, 1)
        return share

    def sight(self, lens: Lens, exposure: Exposure, pixels: Pixels) -> Sight:
        """What lies behind the middle of each pixel when the shutter opens."""
        import mitsuba as mi

        view = exposure.opens
        self._place(0, exposure)
        points = np.full((len(pixels), 3), np.inf)
        groups = np.full(len(pixels), NOWHERE, np.uint8)
        rows, columns = np.divmod(pixels.astype(np.int64), lens.width_px)
        x = (2 * (columns + 0.5) / lens.width_px - 1) * lens.tan_half_fov * lens.width_px / lens.height_px
        y = (1 - 2 * (rows + 0.5) / lens.height_px) * lens.tan_half_fov
        ways = view.forward + x[:, None] * view.right + y[:, None] * view.up
        starts = view.origin + ways * (_nearest(exposure) if exposure.cleared else 0.0)
        ways /= np.linalg.norm(ways, axis=1, keepdims=True)
        for number, (start, way) in enumerate(zip(starts, ways, strict=True)):
            hit = self._scenes[0].ray_intersect(mi.Ray3f(start.tolist(), way.tolist()))
            if hit.is_valid():
                points[number] = start + way * float(hit.t)
                groups[number] = self._groups.get(hit.shape.id(), SET)
        return Sight(points, groups)

    def _film(self, which: int, integrator: Any, lens: Lens, exposure: Exposure, samples: int, seed: int) -> Floats:
        """The mean over the moments of the shutter, ``(H, W, C) float32``."""
        import mitsuba as mi

        moments = min(SUBFRAMES, samples)
        total: Floats | None = None
        for number in range(moments):
            part = exposure.part(number / moments, (number + 1) / moments)
            self._place(which, part)
            count = samples * (number + 1) // moments - samples * number // moments
            picture = np.array(
                mi.render(
                    self._scenes[which],
                    integrator=integrator,
                    sensor=_sensor(lens, part.opens, _nearest(part)),
                    spp=count,
                    seed=(seed * 8 + number) % 2**31,
                ),
                np.float32,
            )
            total = picture * (count / samples) if total is None else total + picture * (count / samples)
        assert total is not None
        return total

    def _place(self, which: int, exposure: Exposure) -> None:
        """Put everything of one of the scenes where it is when the exposure begins."""
        occluders = [pair[0] for pair in exposure.occluders]
        self._casts[which].place(self._values[which], exposure.actor, exposure.product[0], occluders)


def _nearest(exposure: Exposure) -> float:
    """Distance along the view's axis before which nothing is seen."""
    if exposure.cleared is None:
        return _NEAREST
    low, high = exposure.cleared
    corners = np.array(list(itertools.product(*zip(low, high, strict=True))))
    depths = (corners - exposure.opens.origin) @ exposure.opens.forward
    return max(float(depths.min()), _NEAREST)


def _sensor(lens: Lens, view: View, nearest: float) -> Any:
    import mitsuba as mi

    target = view.origin + view.forward
    pose = mi.ScalarTransform4f().look_at(origin=view.origin.tolist(), target=target.tolist(), up=view.up.tolist())
    optics: dict[str, Any] = {"type": "perspective"}
    if lens.aperture > 0:
        optics = {"type": "thinlens", "aperture_radius": lens.aperture, "focus_distance": view.focus}
    return mi.load_dict(
        {
            **optics,
            "fov": lens.fov_y_deg,
            "fov_axis": "y",
            "near_clip": nearest,
            "to_world": pose,
            "film": {
                "type": "hdrfilm",
                "width": lens.width_px,
                "height": lens.height_px,
                "rfilter": {"type": "box"},
                "pixel_format": "rgb",
                "component_format": "float32",
            },
            "sampler": {"type": "independent"},
        }
    )
