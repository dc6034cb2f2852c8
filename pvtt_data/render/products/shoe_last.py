"""The form of a low shoe: sole, upper as a surface over (around, rise), patches on it. Millimetres.

The toe points to -x, the outer side faces the camera (-y).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pvtt_data.render.meshes import Floats, Mesh, sheet
from pvtt_data.render.products.family import Dice
from pvtt_data.render.products.plates import offset
from pvtt_data.render.products.sweeps import skinned, smooth_curve

_COUNT = 160
_FOOT = np.array(
    [
        (-146, 6), (-136, -22), (-112, -41), (-72, -51), (-22, -46), (32, -37), (88, -37), (128, -27), (146, 0),
        (128, 27), (88, 36), (32, 30), (-22, 37), (-72, 48), (-112, 42), (-136, 28),
    ],
    float,
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Last:
    """A shoe's form.

    Attributes:
        foot: (161, 2) closed outline of the sole, from the toe over the outer side to the heel and back.
        sole: the sole's thickness at toe and heel.
        collar: half length, half width, middle of the opening, and its height at the throat, the sides and the heel.
    """

    foot: Floats
    sole: tuple[float, float]
    collar: tuple[float, float, float, float, float, float]

    def ground(self, x: Floats) -> Floats:
        """Height of the sole's underside: it springs up at the toe and a little at the heel."""
        return np.asarray(13 * np.clip((-x - 62) / 84, 0, 1) ** 2 + 5 * np.clip((x - 105) / 41, 0, 1) ** 2, float)

    def top(self, x: Floats) -> Floats:
        """Height of the sole's upper edge."""
        share = (x + 146) / 292
        return np.asarray(self.ground(x) + self.sole[0] + (self.sole[1] - self.sole[0]) * share, float)

    def upper(self, around: Floats, rise: Floats) -> Floats:
        """Points (..., 3) of the upper: around 0 toe, 0.25 outside, 0.5 heel; rise 0 at the sole, 1 at the collar."""
        around, rise = np.broadcast_arrays(np.asarray(around, float), np.asarray(rise, float))
        index = (around % 1.0) * _COUNT
        keys = np.arange(_COUNT + 1)
        ring = offset(self.foot, 3.5)
        base = np.stack([np.interp(index, keys, ring[:, axis]) for axis in (0, 1)], -1)
        length, width, middle, throat, side, heel = self.collar
        turn = 2 * np.pi * (around % 1.0)
        open_ = np.stack([middle - length * np.cos(turn), -width * np.sin(turn)], -1)
        toe = np.clip(np.cos(turn), 0, 1) ** 0.7
        back = np.clip(-np.cos(turn), 0, 1) ** 1.5
        high = side + (throat - side) * np.clip(np.cos(turn), 0, 1) ** 1.2 + (heel - side) * back
        low = self.top(base[..., 0]) - 3
        inward = rise ** (1.55 - 0.5 * toe)
        steep = 0.42 * (1 - (1 - rise) ** 4) + 0.58 * rise
        lift = toe * steep + (1 - toe) * rise**0.95
        bulge = 1 + 0.055 * np.sin(np.pi * np.clip(rise * 1.25, 0, 1)) * (1 - 0.4 * toe)
        flat = base * bulge[..., None] * (1 - inward[..., None]) + open_ * inward[..., None]
        return np.concatenate([flat, (low + (high - low) * lift)[..., None]], -1)

    def outward(self, around: Floats, rise: Floats) -> Floats:
        """Unit normals of the upper (..., 3)."""
        step = 4e-3
        along = self.upper(around + step, rise) - self.upper(around - step, rise)
        up = self.upper(around, np.minimum(rise + step, 1)) - self.upper(around, np.maximum(rise - step, 0))
        normal = np.cross(along, up)
        return np.asarray(normal / (np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-12), float)


def last(shape: Dice) -> Last:
    """A form by chance."""
    wide = float(shape.uniform(0.94, 1.04))
    foot = smooth_curve(_FOOT * [1.0, wide], _COUNT, closed=True)
    first = int(np.argmin(foot[:, 0]))
    foot = np.roll(foot, -first, axis=0)
    sole = (float(shape.uniform(17, 24)), float(shape.uniform(26, 36)))
    side = sole[1] + float(shape.uniform(36, 46))
    collar = (56.0, 29.0, 72.0, side + float(shape.uniform(14, 22)), side, side + float(shape.uniform(8, 24)))
    return Last(np.concatenate([foot, foot[:1]]), sole, collar)


def sole_mesh(form: Last, low: float, high: float, flare: float) -> Mesh:
    """A slice of the sole between two shares of its height, its edges round; flare: how far it stands out."""
    profile = [
        (5.0, 0.0),
        (1.6, 0.04),
        (0.2, 0.14),
        (-flare * 0.6, 0.4),
        (-flare * 0.2, 0.86),
        (0.8, 0.97),
        (3.4, 1.0),
        (12.0, 1.0),
    ]
    rings = []
    for inset, share in profile:
        flat = offset(form.foot, inset)
        ground, top = form.ground(form.foot[:, 0]), form.top(form.foot[:, 0])
        z = ground + (top - ground) * (low + (high - low) * share)
        rings.append(np.column_stack([flat, z]))
    return skinned(np.stack(rings), crease_deg=60)


def shell(form: Last) -> Mesh:
    """The upper with a padded collar and the lining inside."""
    around = np.linspace(0, 1, _COUNT + 1)
    rings = [form.upper(around, np.full(_COUNT + 1, t)) for t in np.linspace(0, 1, 30)]
    rim = rings[-1]
    middle = np.array([form.collar[2], 0.0])
    for inward, z in ((0.03, 3.0), (0.09, 4.2), (0.15, 2.5), (0.17, -3.0), (0.14, -14.0), (0.10, -30.0)):
        flat = middle + (rim[:, :2] - middle) * (1 - inward)
        rings.append(np.column_stack([flat, rim[:, 2] + z]))
    return skinned(np.stack(rings), crease_deg=75)


def patch(form: Last, around: Floats, rise: Floats, thickness: float) -> Mesh:
    """A panel on the upper over grids (R, K) of places, its edges drawn down to the surface.

    Rows of the grids run from below upward, columns from the toe over the outer side to the heel.
    """
    rows, columns = around.shape
    row = np.minimum(np.arange(rows), np.arange(rows)[::-1])
    column = np.minimum(np.arange(columns), np.arange(columns)[::-1])
    near = np.minimum(row[:, None], column[None, :])
    height = np.where(near == 0, -1.0, np.where(near == 1, 0.75 * thickness, thickness))
    return sheet(form.upper(around, rise) + form.outward(around, rise) * height[..., None])
