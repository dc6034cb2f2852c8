"""What holds a stone: prongs on a basket, a bezel, a halo of small stones. Millimetres; the stone's girdle at z = 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pvtt_data.render.meshes import Floats, Mesh, merged
from pvtt_data.render.products.gems import Cut, cut_stone, outline
from pvtt_data.render.products.sweeps import flat_section, resampled, round_section, skinned, tube

Style = Literal["prongs", "bezel", "halo"]


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """A mounted stone, table up.

    Attributes:
        metal: what holds it.
        stone: the stone in the middle.
        pave: small stones, or None.
        depth: how far the lowest metal is below the girdle.
        reach: greatest distance of the metal from the z axis.
    """

    metal: Mesh
    stone: Mesh
    pave: Mesh | None
    depth: float
    reach: float


def mounted(cut: Cut, size: float, style: Style, prongs: int = 4, turned: bool = False) -> Setting:
    """A stone of half width `size` in a setting.

    Args:
        cut: of the stone; cabochons belong into bezels.
        size: half the stone's length, millimetres.
        style: prongs alone, a bezel, or prongs with a halo.
        prongs: how many.
        turned: whether the stone's long side lies along y.
    """
    turn = 90.0 if turned else 0.0
    stone = cut_stone(cut).scaled(size)
    depth = size * (0.30 if cut == "cabochon" else 0.72)
    pave: Mesh | None = None
    reach = size * 1.1
    if style == "bezel":
        metal = _bezel(cut, size, depth)
        reach = size * 1.16
    else:
        metal = _basket(cut, size, depth, prongs)
    if style == "halo":
        collar, pave, reach = _halo(cut, size)
        metal = merged([metal, collar])
    spun = None if pave is None else pave.moved(yaw_deg=turn)
    return Setting(metal.moved(yaw_deg=turn), stone.moved(yaw_deg=turn), spun, depth, reach)


def _rim(cut: Cut, size: float, z: float, count: int = 64) -> Floats:
    """(count, 3) points on a stone's outline, enlarged to a half width, at equal steps."""
    flat = outline(cut, np.linspace(0, 2 * np.pi, 4 * count, endpoint=False)) * size
    return np.column_stack([resampled(flat, count, closed=True), np.full(count, z)])


def _basket(cut: Cut, size: float, depth: float, prongs: int) -> Mesh:
    """Prongs that rise from a small ring and bend over the stone's edge, with a gallery ring half way."""
    wire = size * 0.115
    start = np.pi / 4 if prongs == 4 else np.pi / prongs
    angles = start + 2 * np.pi * np.arange(prongs) / prongs
    if cut in ("marquise", "pear"):
        angles = np.array([0.45, np.pi - 0.3, np.pi + 0.3, -0.45, np.pi / 2, -np.pi / 2])
    pieces = []
    for x, y in outline(cut, angles) * size:
        path = np.array(
            [
                (0.42 * x, 0.42 * y, -depth),
                (0.74 * x, 0.74 * y, -0.45 * depth),
                (1.06 * x, 1.06 * y, -0.02 * size),
                (1.06 * x, 1.06 * y, 0.12 * size),
                (0.93 * x, 0.93 * y, 0.22 * size),
            ]
        )
        scale = np.array([0.95, 0.95, 1.0, 1.0, 1.05])
        pieces.append(tube(path, round_section(wire, 10), scale=scale, ends="round", crease_deg=70))
    gallery = flat_section(wire * 1.6, wire * 1.8, wire * 0.6, 3)
    pieces.append(tube(_rim(cut, 0.74 * size, -0.45 * depth, 48), gallery, closed=True, side=(0, 0, 1)))
    pieces.append(tube(_rim("round", 0.40 * size, -depth, 32), gallery, closed=True, side=(0, 0, 1)))
    return merged(pieces)


def _bezel(cut: Cut, size: float, depth: float) -> Mesh:
    """A wall around the stone's edge with a rim that laps over it, closed below."""
    wall = np.array(
        [
            (0.0, -depth), (0.88, -depth), (0.95, -0.92 * depth), (1.13, 0.0), (1.15, 0.06 * size),
            (1.13, 0.13 * size), (1.08, 0.16 * size), (1.0, 0.13 * size), (0.965, 0.05 * size),
            (0.95, -0.02 * size), (0.6, -0.6 * depth), (0.0, -0.8 * depth),
        ]
    )  # fmt: skip
    unit = _rim(cut, size, 0.0, 72)[:, :2]
    closed = np.concatenate([unit, unit[:1]])
    rings = np.stack([np.column_stack([closed * factor, np.full(len(closed), z)]) for factor, z in wall])
    return skinned(rings, capped=False, crease_deg=50)


def _halo(cut: Cut, size: float) -> tuple[Mesh, Mesh, float]:
    """A collar of small stones around the stone: (metal, stones, reach)."""
    small = size * 0.17
    way = _rim(cut, size + 1.35 * small, 0.0, 96)
    around = float(np.linalg.norm(np.diff(way, axis=0, append=way[:1]), axis=1).sum())
    count = int(around / (2.15 * small))
    spots = resampled(way, count, closed=True)
    collar = tube(way, flat_section(2.0 * small, 2.5 * small, 0.5 * small, 3), closed=True, side=(0, 0, 1))
    collar = collar.moved(z=-0.95 * small)
    brilliant = cut_stone("round").scaled(small * 0.95)
    stones = merged([brilliant.shifted(spot + np.array([0, 0, 0.12 * small])) for spot in spots])
    between = resampled(way, 2 * count, closed=True)[1::2]
    bead = tube(
        np.array([[0, 0, 0], [0, 0, 0.35 * small]]), round_section(0.22 * small, 6), ends="round", crease_deg=90
    )
    grains = [bead.shifted(spot * (1 + s * 0.75 * small / np.linalg.norm(spot))) for spot in between for s in (-1, 1)]
    return merged([collar, *grains]), stones, float(np.linalg.norm(way, axis=1).max()) + 1.3 * small
