"""Finger rings: bands, solitaires, halos, signets, three stones, eternity bands, twists. Millimetres."""

from __future__ import annotations

import numpy as np

from pvtt_data.render.material import Part
from pvtt_data.render.meshes import Floats, Mesh, merged
from pvtt_data.render.products import gems, metals
from pvtt_data.render.products.dice import chance, pick
from pvtt_data.render.products.engraving import emblem, engraved
from pvtt_data.render.products.family import Dice, Family, Made
from pvtt_data.render.products.names import brand_word
from pvtt_data.render.products.plates import face, offset, plate, superellipse
from pvtt_data.render.products.poses import lying, standing
from pvtt_data.render.products.stone_settings import Setting, mounted
from pvtt_data.render.products.sweeps import flat_section, round_section, tube, turned_y

_KINDS = ("band", "solitaire", "solitaire", "halo", "signet", "trilogy", "eternity", "twist", "bezel")
_AROUND = np.linspace(0, 2 * np.pi, 120, endpoint=False)


def _build(shape: Dice, finish: Dice, label: Dice) -> Made:
    kind = pick(shape, _KINDS)
    metal = pick(finish, metals.PRECIOUS)
    stone = gems.DIAMOND if chance(finish, 0.45) else pick(finish, gems.COLOURED)
    maker = brand_word(label)
    parts, what = _MAKERS[kind](shape, finish, label, metal, stone)
    upright = chance(shape, 0.5)
    yaw = float(shape.uniform(12, 38)) * (1 if chance(shape, 0.5) else -1)
    posed = (
        standing(parts, yaw, float(shape.uniform(2, 14))) if upright else lying(parts, float(shape.uniform(-30, 30)))
    )
    return Made(f"{maker} {metal.name} {what}", posed)


def _hoop(radius: float, section: Floats, scale: Floats | None = None, roll: Floats | None = None) -> Mesh:
    """A band around the y axis; the section's first coordinate lies along y, its second points outward."""
    curve = radius * np.stack([np.sin(_AROUND), np.zeros_like(_AROUND), np.cos(_AROUND)], -1)
    return tube(curve, section, closed=True, scale=scale, side=(0, 1, 0), roll=roll)


def _court(width: float, thickness: float) -> Floats:
    """A section that is round outside and nearly flat inside."""
    turn = np.linspace(0, 2 * np.pi, 25)
    x, y = np.cos(turn), np.sin(turn)
    return np.stack(
        [width / 2 * np.sign(x) * np.abs(x) ** 0.8, thickness * np.where(y > 0, 0.6 * y, 0.4 * np.tanh(2 * y))], -1
    )


def _shank(shape: Dice, top_width: float) -> tuple[Mesh, float]:
    """A plain band whose width changes from bottom to top, and the radius of its outside at the top."""
    width, thickness = float(shape.uniform(2.6, 3.8)), float(shape.uniform(1.9, 2.4))
    high = (1 + np.cos(_AROUND)) / 2
    widths = 1 + (top_width / width - 1) * high**1.5
    section = _court(width, thickness) if chance(shape, 0.7) else flat_section(width, thickness, 0.5)
    return _hoop(9.6, section, np.column_stack([widths, np.ones_like(widths)])), 9.6 + 0.55 * thickness


def _raised(setting: Setting, top: float) -> Setting:
    """The setting lifted so that its foot stands in the band."""
    by = np.array([0.0, 0.0, top + setting.depth - 0.5])
    pave = None if setting.pave is None else setting.pave.shifted(by)
    return Setting(setting.metal.shifted(by), setting.stone.shifted(by), pave, setting.depth, setting.reach)


Ring = tuple[tuple[Part, ...], str]


def _with_stones(
    metal_meshes: list[Mesh], stones: list[Mesh], pave: list[Mesh], metal: metals.Metal, stone: gems.Stone
) -> tuple[Part, ...]:
    parts = [Part(merged(metal_meshes), metal.polished()), Part(merged(stones), stone.material())]
    if pave:
        parts.append(Part(merged(pave), gems.DIAMOND.foil()))
    return tuple(parts)


def _solitaire(shape: Dice, finish: Dice, label: Dice, metal: metals.Metal, stone: gems.Stone) -> Ring:
    cut: gems.Cut = pick(shape, ("round", "round", "oval", "emerald", "cushion", "pear", "marquise"))
    band, top = _shank(shape, float(shape.uniform(2.2, 3.4)))
    turned = cut not in ("round", "cushion") and chance(shape, 0.5)
    setting = _raised(mounted(cut, float(shape.uniform(3.9, 5.2)), "prongs", pick(shape, (4, 6)), turned), top)
    shoulders, small = _shoulders(top, 5) if chance(shape, 0.4) else ([], [])
    parts = _with_stones([band, setting.metal, *shoulders], [setting.stone], small, metal, stone)
    return parts, f"{_named(cut)} {stone.name} Solitaire Ring"


def _halo(shape: Dice, finish: Dice, label: Dice, metal: metals.Metal, stone: gems.Stone) -> Ring:
    cut: gems.Cut = pick(shape, ("round", "oval", "cushion", "emerald", "pear"))
    band, top = _shank(shape, 3.0)
    setting = _raised(mounted(cut, float(shape.uniform(3.6, 4.6)), "halo", 4, chance(shape, 0.5)), top)
    shoulders, small = _shoulders(top, 7) if chance(shape, 0.5) else ([], [])
    pave = [] if setting.pave is None else [setting.pave]
    parts = _with_stones([band, setting.metal, *shoulders], [setting.stone], [*pave, *small], metal, stone)
    return parts, f"{_named(cut)} {stone.name} Halo Ring"


def _bezel(shape: Dice, finish: Dice, label: Dice, metal: metals.Metal, stone: gems.Stone) -> Ring:
    cut: gems.Cut = pick(shape, ("cabochon", "cabochon", "round", "oval", "emerald"))
    size = float(shape.uniform(5.0, 7.0))
    band, top = _shank(shape, 4.5)
    setting = _raised(mounted(cut, size, "bezel", 4, chance(shape, 0.6)), top)
    held, name = stone.material(), stone.name
    if cut == "cabochon" and chance(finish, 0.75):
        pebble = pick(finish, gems.PEBBLES)
        held, name = pebble.material(), pebble.name
    beads = _beaded(setting) if chance(shape, 0.4) else []
    parts = (Part(merged([band, setting.metal, *beads]), metal.polished()), Part(setting.stone, held))
    return parts, f"{name} Bezel Ring"


def _beaded(setting: Setting) -> list[Mesh]:
    """Small beads around the foot of a round or oval bezel."""
    low, high = setting.metal.vertices.min(axis=0), setting.metal.vertices.max(axis=0)
    half = (high - low)[:2] / 2
    bead = tube(np.array([[0, 0, -0.01], [0, 0, 0.01]]), round_section(0.62, 8), ends="round", crease_deg=90)
    turns = np.linspace(0, 2 * np.pi, 34, endpoint=False)
    z = float(low[2]) + 0.55 * setting.depth
    return [bead.moved(float(half[0] * 0.98 * np.cos(t)), float(half[1] * 0.98 * np.sin(t)), z) for t in turns]


def _trilogy(shape: Dice, finish: Dice, label: Dice, metal: metals.Metal, stone: gems.Stone) -> Ring:
    cut: gems.Cut = pick(shape, ("round", "oval", "cushion", "emerald"))
    size = float(shape.uniform(3.6, 4.4))
    band, top = _shank(shape, 2.8)
    middle = _raised(mounted(cut, size, "prongs", 4, turned=cut != "round"), top)
    side_cut: gems.Cut = pick(shape, ("round", "pear"))
    side = _raised(mounted(side_cut, size * 0.72, "prongs", 4), top)
    span = size * (0.86 if cut in ("oval", "emerald") else 1.0) + size * 0.72
    lean = float(np.degrees(span / (top + side.depth)))
    sides = [turned_y(side.metal, lean), turned_y(side.metal.moved(yaw_deg=180), -lean)]
    stones = [turned_y(side.stone, lean), turned_y(side.stone.moved(yaw_deg=180), -lean)]
    parts = _with_stones([band, middle.metal, *sides], [middle.stone], stones, metal, stone)
    return parts, f"Three Stone {stone.name} Ring"


def _eternity(shape: Dice, finish: Dice, label: Dice, metal: metals.Metal, stone: gems.Stone) -> Ring:
    size, rows = float(shape.uniform(1.3, 1.9)), pick(shape, (1, 1, 2))
    width = 2.5 * size * rows + 0.9
    radius = 10.0
    band = _hoop(radius, flat_section(width, 2.2, 0.45))
    edges = [_hoop(radius + 1.0, flat_section(0.55, 0.8, 0.2)).moved(y=s * (width / 2 - 0.3)) for s in (-1, 1)]
    count = int(2 * np.pi * (radius + 1.2) / (2.2 * size))
    brilliant = gems.cut_stone("round").scaled(size).moved(z=radius + 1.1 + 0.25 * size)
    bead = tube(np.array([[0, 0, 0], [0, 0, 0.5]]), round_section(0.3, 6), ends="round", crease_deg=90)
    bead = bead.moved(z=radius + 1.2)
    stones, beads = [], []
    for step in range(count):
        for row in range(rows):
            y = (row - (rows - 1) / 2) * 2.4 * size
            lean = 360 * (step + 0.5 * row) / count
            stones.append(turned_y(brilliant.moved(y=y), lean))
            beads += [turned_y(bead.moved(y=y + s * size * 0.75), lean + 180 / count) for s in (-1, 1)]
    parts = (Part(merged([band, *edges, *beads]), metal.polished()), Part(merged(stones), stone.foil()))
    return parts, f"{stone.name} Eternity Band"


def _shoulders(top: float, count: int) -> tuple[list[Mesh], list[Mesh]]:
    """Small stones with beads along both shoulders of a band: (metal, stones)."""
    brilliant = gems.cut_stone("round").scaled(0.95).moved(z=top + 0.05)
    bead = tube(np.array([[0, 0, 0], [0, 0, 0.35]]), round_section(0.26, 6), ends="round", crease_deg=90).moved(z=top)
    stones, beads = [], []
    for step in range(count):
        for sign in (-1, 1):
            lean = sign * (30 + 10.6 * step)
            stones.append(turned_y(brilliant, lean))
            beads += [turned_y(bead.moved(y=s * 0.85), lean + sign * 5.3) for s in (-1, 1)]
    return beads, stones


def _band(shape: Dice, finish: Dice, label: Dice, metal: metals.Metal, stone: gems.Stone) -> Ring:
    width, thickness = float(shape.uniform(4.5, 9.0)), float(shape.uniform(1.9, 2.6))
    style = pick(shape, ("court", "flat", "grooved", "hammered", "milgrain"))
    satin = chance(finish, 0.4)
    surface = metal.satin() if satin else metal.polished()
    section = flat_section(width, thickness, 0.55) if style in ("flat", "milgrain") else _court(width, thickness)
    extra: list[Part] = []
    if style == "hammered":
        body = _hammered(shape, width, thickness)
    elif style == "grooved":
        body = merged([_hoop(10, _court(width * 0.30, thickness)).moved(y=s * width * 0.34) for s in (-1, 1)])
        other = pick(finish, metals.PRECIOUS)
        extra.append(Part(_hoop(9.9, _court(width * 0.42, thickness)), other.satin()))
    else:
        body = _hoop(10, section)
    if style == "milgrain":
        bead = tube(np.array([[0, 0, -0.01], [0, 0, 0.01]]), round_section(0.42, 6), ends="round", crease_deg=90)
        spots = [(s * (width / 2 - 0.5), lean) for s in (-1, 1) for lean in np.linspace(0, 360, 76, endpoint=False)]
        beads = [turned_y(bead.moved(y=y, z=10 + thickness / 2), lean) for y, lean in spots]
        extra.append(Part(merged(beads), metal.polished()))
    return (Part(body, surface), *extra), f"{'Brushed' if satin else 'Polished'} {style.title()} Band"


def _hammered(shape: Dice, width: float, thickness: float) -> Mesh:
    """A band with flat, irregular facets."""
    around = np.linspace(0, 2 * np.pi, 30, endpoint=False) + shape.uniform(-0.05, 0.05, 30)
    curve = 10 * np.stack([np.sin(around), np.zeros_like(around), np.cos(around)], -1)
    scale = np.column_stack([np.ones(30), 1 + shape.uniform(-0.16, 0.16, 30)])
    half = width / 2
    bumps = [(-half, -0.3), (-0.3 * half, -0.5), (0.3 * half, -0.5), (half, -0.3), (half * 0.96, 0.2)]
    bumps += [(0.55 * half, 0.58), (0.05 * half, 0.5), (-0.45 * half, 0.62), (-0.95 * half, 0.22), (-half, -0.3)]
    section = np.array(bumps) * [1, thickness]
    return tube(curve, section, closed=True, scale=scale, side=(0, 1, 0), crease_deg=7)


def _twist(shape: Dice, finish: Dice, label: Dice, metal: metals.Metal, stone: gems.Stone) -> Ring:
    turns = int(shape.integers(4, 9))
    strands = pick(shape, (2, 3))
    wire = 1.9 / np.sqrt(strands)
    fine = np.linspace(0, 2 * np.pi, 240, endpoint=False)
    meshes = []
    for strand in range(strands):
        phase = turns * fine + 2 * np.pi * strand / strands
        radius, y = 10 + wire * np.sin(phase), 1.35 * wire * np.cos(phase)
        curve = np.stack([radius * np.sin(fine), y, radius * np.cos(fine)], -1)
        meshes.append(tube(curve, round_section(wire, 12), closed=True))
    second = pick(finish, metals.PRECIOUS) if chance(finish, 0.5) else metal
    parts = (Part(merged(meshes[1:]), metal.polished()), Part(meshes[0], second.polished()))
    return parts, "Twisted Rope Ring"


def _signet(shape: Dice, finish: Dice, label: Dice, metal: metals.Metal, stone: gems.Stone) -> Ring:
    length, depth = float(shape.uniform(11, 14)), float(shape.uniform(10, 14))
    power = pick(shape, (2.0, 2.0, 3.0, 5.0))
    high = np.clip(np.cos(_AROUND), 0, 1)
    widths = np.column_stack([1 + 1.35 * high**2, 1 + 0.5 * high**3])
    band = _hoop(9.7, _court(4.6, 2.4), widths)
    edge = superellipse(length / 2, depth / 2, power)
    seal = plate(edge, 3.2, 0.8)
    top = face(offset(edge, 1.1), 3.22)
    z = 9.7 + 0.6
    ground = pick(finish, ("#0d0d0f", "#10213f", "#123524", "#4a1016")) if chance(finish, 0.35) else None
    parts = (
        Part(merged([band, seal.moved(z=z)]), metal.polished()),
        Part(top.moved(z=z), engraved(emblem(label), metal, ground)),
    )
    return parts, f"{'Inlaid ' if ground else ''}Signet Ring"


def _named(cut: str) -> str:
    return {"round": "Brilliant"}.get(cut, cut.title())


_MAKERS = {
    "band": _band,
    "solitaire": _solitaire,
    "halo": _halo,
    "signet": _signet,
    "trilogy": _trilogy,
    "eternity": _eternity,
    "twist": _twist,
    "bezel": _bezel,
}

FAMILY = Family("ring", "rings", "jewellery", _build)
