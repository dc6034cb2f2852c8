"""Handbags: flap bags, totes, bucket bags, baguettes, satchels. Millimetres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pvtt_data.render.material import Material, Part
from pvtt_data.render.meshes import Floats, Mesh, merged
from pvtt_data.render.products import bag_parts, leather, metals
from pvtt_data.render.products.chains import chain
from pvtt_data.render.products.dice import chance, pick
from pvtt_data.render.products.engraving import engraved
from pvtt_data.render.products.family import Dice, Family, Made
from pvtt_data.render.products.names import brand_word
from pvtt_data.render.products.plates import face, offset, plate, superellipse
from pvtt_data.render.products.poses import changed
from pvtt_data.render.products.sweeps import (
    flat_section,
    resampled,
    round_section,
    skinned,
    smooth_curve,
    tube,
    turned_x,
)

_COLOURS = (
    ("#141316", "Black"), ("#8a4b25", "Cognac"), ("#4a2c1c", "Chocolate"), ("#c9a883", "Camel"), ("#e9e1d3", "Ivory"),
    ("#7b1c28", "Burgundy"), ("#c2302f", "Red"), ("#1e2b49", "Navy"), ("#2f4a3a", "Forest"), ("#8ea58c", "Sage"),
    ("#d9a3a5", "Rose"), ("#6f8fb0", "Sky"), ("#6b6870", "Slate"), ("#d79a2b", "Ochre"), ("#b78fb5", "Lilac"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Look:
    """A bag's materials: leather of a grain, its colour, its trimming, thread and metal."""

    grain: leather.Grain
    hide: Material
    trim: Material
    lining: Material
    thread: Material
    metal: metals.Metal


def _build(shape: Dice, finish: Dice, label: Dice) -> Made:
    kind = pick(shape, ("flap", "flap", "tote", "tote", "bucket", "baguette", "satchel"))
    look, words = _look(kind, finish)
    maker = brand_word(label)
    parts, what = _MAKERS[kind](shape, finish, label, look, maker)
    yaw = float(shape.uniform(-22, 22))
    return Made(f"{maker} {words} {what}", changed(tuple(parts), lambda mesh: mesh.moved(yaw_deg=yaw)))


def _look(kind: str, finish: Dice) -> tuple[Look, str]:
    colour, word = pick(finish, _COLOURS)
    grains: tuple[leather.Grain, ...] = ("pebbled", "pebbled", "smooth", "saffiano", "croc", "suede")
    if kind in ("flap", "baguette"):
        grains = (*grains, "quilted", "quilted")
    if kind == "tote":
        grains = (*grains, "canvas", "canvas")
    grain = pick(finish, grains)
    trim_colour = colour if grain != "canvas" and chance(finish, 0.6) else pick(finish, _COLOURS)[0]
    thread = colour if chance(finish, 0.35) else pick(finish, ("#efe6d2", "#d8c9a8", "#b4722f", "#26221f"))
    look = Look(
        grain,
        leather.leather(grain, colour, float(finish.uniform(0.2, 0.9))),
        leather.leather("smooth", trim_colour, 0.6),
        leather.edge_paint(colour),
        Material(thread, roughness=0.8),
        pick(finish, metals.HARDWARE),
    )
    kinds = {"canvas": "Canvas", "suede": "Suede", "croc": "Croc-Effect", "quilted": "Quilted"}
    return look, f"{word} {kinds.get(grain, 'Leather')}"


Bag = tuple[list[Part], str]


def _hide(mesh: Mesh, around: float, along: float, look: Look) -> Part:
    return Part(leather.in_tiles(mesh, around, along, look.grain), look.hide)


def _trim(mesh: Mesh, around: float, along: float, look: Look) -> Part:
    return Part(leather.in_tiles(mesh, around, along, "smooth"), look.trim)


def _flap(shape: Dice, finish: Dice, label: Dice, look: Look, maker: str) -> Bag:
    w, d, h = float(shape.uniform(200, 270)), float(shape.uniform(66, 96)), float(shape.uniform(135, 180))
    lean = float(shape.uniform(0.0, 0.12))
    box = bag_parts.body(lambda t: w * (1 - 0.3 * lean * t), lambda t: d * (1 - 2.2 * lean * t), h, 16, 9)
    top_d = d * (1 - 2.2 * lean)
    reach = float(shape.uniform(0.45, 0.8))
    out = 2.6
    share = 1 - reach
    front = d / 2 * (1 - 2.2 * lean * share)
    knots = [(0, top_d / 2 + out, h * 0.72), (0, top_d / 2 + out, h - 12), (0, top_d / 2 - 6, h + out - 0.4)]
    knots += [(0, 0, h + out), (0, -top_d / 2 + 6, h + out - 0.4), (0, -top_d / 2 - out, h - 12)]
    knots += [(0, -front - out - 0.4, h * (1 - reach * 0.85)), (0, -front - out - 0.6, h * (1 - reach))]
    path = smooth_curve(np.array(knots, float), 90)
    corner = float(shape.uniform(14, min(70, 0.9 * h * reach)))
    flap_w = w * (1 - 0.3 * lean) + 3
    cover = bag_parts.flap(path, flap_w, 4.4, corner)
    length = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
    parts = [_hide(box, 2 * (w + d), h, look), _hide(cover, 2 * flap_w, length, look)]
    if look.grain not in ("quilted", "croc") or chance(shape, 0.3):
        parts.append(Part(bag_parts.flap_seam(path, flap_w, 4.4, corner, 6.0), look.thread))
    lock_z = h * (1 - reach) + float(shape.uniform(14, 20))
    lock = bag_parts.lock(shape, float(shape.uniform(12, 17))).moved(y=-front - out - 2.4, z=lock_z)
    parts.append(Part(lock, look.metal.polished()))
    parts += _carried(shape, look, w, h + 2, 0.0)
    parts += _name(label, maker, look, w, -front - out - 2.3, lock_z + float(shape.uniform(30, 40)), reach * h > 90)
    return parts, "Flap Bag"


def _carried(shape: Dice, look: Look, w: float, h: float, y: float) -> list[Part]:
    """A top handle, a chain or a strap above a closed bag, with the rings that hold it."""
    kind = pick(shape, ("handle", "chain", "chain", "strap"))
    if kind == "handle":
        span, rise = w * float(shape.uniform(0.42, 0.6)), float(shape.uniform(58, 90))
        grip = bag_parts.handle(span, rise, float(shape.uniform(9, 13)), 1.0, 8).moved(y=y, z=h + 6)
        rings = [bag_parts.ring(8.5, 1.9).moved(s * span / 2, y, h + 5) for s in (-1, 1)]
        tabs = [plate(flat_section(18, 20, 4), 4.0, 1.2).moved(s * span / 2, y, h - 1.5) for s in (-1, 1)]
        return [
            _trim(grip, 40, 2.6 * rise, look),
            Part(merged(rings), look.metal.polished()),
            _trim(merged(tabs), 30, 30, look),
        ]
    span, rise = w * 0.80, float(shape.uniform(95, 150))
    turn = np.linspace(np.pi, 0, 80)
    arch = np.stack([span / 2 * np.cos(turn), np.full(80, y), h + 3 + rise * np.sin(turn) ** 0.75], -1)
    eyelets = [bag_parts.ring(7.5, 1.8).moved(s * span / 2, y, h + 3) for s in (-1, 1)]
    if kind == "chain":
        line = chain(pick(shape, ("curb", "cable", "belcher")), arch, float(shape.uniform(10, 14)), side=(0, 1, 0))
        return [Part(merged([line, *eyelets]), look.metal.polished())]
    strap = tube(
        arch, flat_section(float(shape.uniform(14, 22)), 3.4, 1.4), side=(0, 1, 0), ends="round", crease_deg=55
    )
    return [_trim(strap, 40, 2.6 * rise, look), Part(merged(eyelets), look.metal.polished())]


def _name(label: Dice, maker: str, look: Look, w: float, y: float, z: float, wanted: bool) -> list[Part]:
    """A metal plate with the brand's name on the front."""
    if not wanted:
        return []
    wide, high = min(62.0, 0.3 * w), 12.0
    outline = flat_section(wide, high, 2.4)
    sign = turned_x(plate(outline, 1.8, 0.6), 90).moved(y=y, z=z)
    front = turned_x(face(offset(outline, 0.7), 1.86), 90).moved(y=y, z=z)
    material = engraved(bag_parts.wordmark(maker, label, wide / high), look.metal)
    return [Part(sign, look.metal.polished()), Part(front, material)]


def _tote(shape: Dice, finish: Dice, label: Dice, look: Look, maker: str) -> Bag:
    w, d, h = float(shape.uniform(250, 330)), float(shape.uniform(95, 130)), float(shape.uniform(215, 285))
    flare = float(shape.uniform(-0.04, 0.2))
    narrow = float(shape.uniform(0.35, 0.65))

    def width(t: float) -> float:
        return float(w * (1 + flare * (t - 0.5)))

    def depth(t: float) -> float:
        return float(d * (1 - narrow * t**1.2))

    box = bag_parts.body(width, depth, h, 16, 8, opening=h * 0.6)
    parts = [_hide(box, 2 * (w + d), 1.6 * h, look)]
    thick, rise = float(shape.uniform(7.5, 10.5)), float(shape.uniform(95, 150))
    span = w * float(shape.uniform(0.34, 0.46))
    slope = np.degrees(np.arctan2(d * narrow / 2, h))
    grips, tabs, rivets = [], [], []
    for s in (-1, 1):
        y = s * (depth(0.9) / 2 + 1.5)
        grip = bag_parts.handle(span, rise + 34, thick, 1.0 if chance(shape, 0.5) else 2.2, 34)
        grips.append(turned_x(grip, s * slope * 0.7).moved(y=y, z=h - 34))
        for x in (-span / 2, span / 2):
            tab = turned_x(plate(flat_section(26, 52, 9), 3.6, 1.2), 90 if s < 0 else -90)
            tabs.append(turned_x(tab, s * slope).moved(x, y - s * 1.5, h - 44))
            rivet = turned_x(plate(superellipse(4.0, 4.0, 2.0, 24), 2.4, 0.8, dome=0.8), 90 if s < 0 else -90)
            rivets += [turned_x(rivet.moved(z=dz), s * slope).moved(x, y + s * 1.6, h - 44) for dz in (-16, 4)]
    parts += [_trim(merged(grips), 45, 2.8 * rise, look), _trim(merged(tabs), 40, 60, look)]
    parts.append(Part(merged(rivets), look.metal.polished()))
    below = bag_parts.outline(width(0.965) + 0.6, depth(0.965) + 0.6, 16)
    line = np.column_stack([below, np.full(len(below), h * 0.965)])
    front = resampled(line[line[:, 1] < -0.45 * depth(0.965)], 120)
    parts.append(Part(bag_parts.seam(front, np.tile([[0.0, -1.0, 0.05]], (len(front), 1))), look.thread))
    y_name, tilt = -depth(0.62) / 2 - 0.6, slope
    for part in _name(label, maker, look, w, 0.0, 0.0, True):
        parts.append(Part(turned_x(part.mesh, -tilt).moved(y=y_name, z=h * 0.62), part.material))
    return parts, "Tote Bag"


def _bucket(shape: Dice, finish: Dice, label: Dice, look: Look, maker: str) -> Bag:
    w, d, h = float(shape.uniform(170, 215)), float(shape.uniform(140, 165)), float(shape.uniform(205, 250))
    flare = float(shape.uniform(0.0, 0.18))
    gather = float(shape.uniform(0.10, 0.2))

    def wide(t: float) -> float:
        return float(1 + flare * t - gather * np.exp(-(((t - 0.86) / 0.06) ** 2)))

    box = bag_parts.body(lambda t: w * wide(t), lambda t: d * wide(t), h, 0.49 * d, 7, opening=h * 0.5)
    parts = [_hide(box, 2 * (w + d), 1.5 * h, look)]
    cord = bag_parts.outline(w * wide(0.86) + 5, d * wide(0.86) + 5, 0.49 * d)[:-1]
    belt = tube(
        np.column_stack([cord, np.full(len(cord), h * 0.86)]), round_section(3.0, 10), closed=True, crease_deg=80
    )
    ends = []
    front = -d * wide(0.86) / 2 - 3
    for s in (-1, 1):
        knots = np.array(
            [
                (s * 4, front, h * 0.86),
                (s * 12, front - 7, h * 0.78),
                (s * 17, front - 4, h * 0.62),
                (s * 20, front - 1, h * 0.5),
            ]
        )
        ends.append(tube(smooth_curve(knots, 30), round_section(3.0, 10), ends="round", crease_deg=80))
    knot = tube(np.array([[-9, 0, 0], [9, 0, 0]], float), round_section(7, 14), ends="round", crease_deg=70).moved(
        y=front - 3, z=h * 0.85
    )
    parts.append(_trim(merged([belt, *ends, knot]), 20, 300, look))
    foot = tube(
        np.column_stack([bag_parts.outline(w + 2, d + 2, 0.49 * d)[:-1], np.full(len(cord), 9.0)]),
        flat_section(14, 3.0, 1.2),
        closed=True,
        side=(0, 0, 1),
    )
    parts.append(_trim(foot, 30, 500, look))
    parts += _carried(shape, look, w * wide(1.0), h - 10, 0.0)
    parts += _name(label, maker, look, w, -d * wide(0.3) / 2 - 0.8, h * 0.3, True)
    return parts, "Bucket Bag"


def _baguette(shape: Dice, finish: Dice, label: Dice, look: Look, maker: str) -> Bag:
    """A half moon with a zip along its top and a short strap."""
    w, d, h = float(shape.uniform(240, 290)), float(shape.uniform(58, 76)), float(shape.uniform(125, 160))
    droop = float(shape.uniform(0.18, 0.42))
    turn = np.linspace(0, 2 * np.pi, 97)
    x, z = np.cos(turn), np.sin(turn)
    power_low, power_high = float(shape.uniform(2.4, 3.4)), 5.0
    power = np.where(z < 0, power_low, power_high)
    reach = (np.abs(x) ** power + np.abs(z) ** power) ** (-1 / power)
    flat = np.stack([x * reach * w / 2, z * reach * h / 2], -1)
    flat[:, 1] -= droop * h * 0.3 * (1 - (2 * flat[:, 0] / w) ** 2) * (flat[:, 1] > 0) * (flat[:, 1] / (h / 2))
    fine = np.linspace(0, 1, 19)
    sizes = 0.78 + 0.22 * np.sqrt(np.clip(1 - (2 * fine - 1) ** 2, 0, 1))
    rings = []
    for share, size in zip(fine, sizes, strict=True):
        rings.append(np.column_stack([flat * size, np.full(len(flat), (share - 0.5) * d * 0.82)]))
    for size, lift in ((0.6, 0.055), (0.36, 0.08), (0.12, 0.09)):
        rings.append(np.column_stack([flat * size, np.full(len(flat), (0.41 + lift) * d)]))
        rings.insert(0, np.column_stack([flat * size, np.full(len(flat), -(0.41 + lift) * d)]))
    lying = skinned(np.stack(rings), crease_deg=60)
    solid = turned_x(lying, 90)
    planar = Mesh(
        solid.vertices, solid.normals, np.stack([solid.vertices[:, 0], -solid.vertices[:, 2]], -1), solid.faces
    )
    low = float(solid.vertices[:, 2].min())
    parts = [Part(leather.in_tiles(planar, 1.0, 1.0, look.grain).moved(z=-low), look.hide)]
    rim = resampled(np.column_stack([flat[:-1] * 0.995, np.zeros(96)]), 120, closed=True)
    piping = []
    for y in (-0.30, 0.30):
        curve = np.column_stack([rim[:, 0] * 0.985, np.full(120, y * d), rim[:, 1] * 0.985])
        piping.append(tube(curve, round_section(2.2, 8), closed=True, crease_deg=80).moved(z=-low))
    parts.append(_trim(merged(piping), 14, 700, look))
    top = flat[(flat[:, 1] > 0) & (np.abs(flat[:, 0]) < 0.42 * w)]
    top = top[np.argsort(top[:, 0])]
    line = resampled(np.column_stack([top[:, 0], np.zeros(len(top)), top[:, 1] + 0.4 - low]), 80)
    parts.append(Part(bag_parts.zipper(line, 5.0, (0, 1, 0)), look.metal.polished()))
    crest = float(line[:, 2].max())
    span, rise = w * 0.82, float(shape.uniform(80, 125))
    strap = bag_parts.handle(span, rise + 20, 3.6, float(shape.uniform(4.5, 6.5)), 20).moved(z=crest - 14)
    rings_ = [bag_parts.ring(9.5, 2.0).moved(s * span / 2, 0, crest - 12) for s in (-1, 1)]
    parts += [_trim(strap, 50, 3 * rise, look), Part(merged(rings_), look.metal.polished())]
    parts += _name(label, maker, look, w, -0.5 * d - 0.6, 0.34 * h, True)
    return parts, "Baguette Shoulder Bag"


def _satchel(shape: Dice, finish: Dice, label: Dice, look: Look, maker: str) -> Bag:
    """A trapezoid with a handle and a belt that closes it in front."""
    w, d, h = float(shape.uniform(230, 290)), float(shape.uniform(110, 140)), float(shape.uniform(170, 210))

    def width(t: float) -> float:
        return w * (1 - 0.16 * t)

    def depth(t: float) -> float:
        return float(d * (1 - 0.66 * t**1.3))

    parts = [_hide(bag_parts.body(width, depth, h, 20, 10), 2 * (w + d), h, look)]
    straps, buckles, seams = [], [], []
    slope = float(np.degrees(np.arctan2(0.33 * d, h)))
    for s in (-1, 1):
        levels = np.linspace(1.0, 0.28, 20)
        path = [(0, depth(1.0) * 0.3, h + 1.6), (0, -depth(1.0) * 0.3, h + 1.6)]
        path += [(0, -depth(float(t)) / 2 - 1.8, h * float(t) - (4 if i == 0 else 0)) for i, t in enumerate(levels)]
        curve = smooth_curve(np.array(path, float), 70)
        belt_w = 24.0
        straps.append(bag_parts.flap(curve, belt_w, 3.2, 10.0).moved(x=s * w * 0.24))
        seams.append(bag_parts.flap_seam(curve[12:], belt_w, 3.2, 10.0, 3.4).moved(x=s * w * 0.24))
        frame = _rounded_ring(34, 26, 4.0)
        at = 0.46
        buckles.append(turned_x(frame, -slope).moved(s * w * 0.24, -depth(at) / 2 - 3.4, h * at))
    parts += [
        _trim(merged(straps), 60, 260, look),
        Part(merged(seams), look.thread),
        Part(merged(buckles), look.metal.polished()),
    ]
    span, rise = w * 0.36, float(shape.uniform(62, 86))
    grip = bag_parts.handle(span, rise, 11, 1.0, 6).moved(z=h + 4)
    rings = [bag_parts.ring(8.5, 1.9).moved(s * span / 2, 0, h + 4) for s in (-1, 1)]
    parts += [_trim(grip, 40, 2.6 * rise, look), Part(merged(rings), look.metal.polished())]
    for part in _name(label, maker, look, w, 0.0, 0.0, True):
        parts.append(Part(turned_x(part.mesh, -slope).moved(y=-depth(0.66) / 2 - 0.8, z=h * 0.66), part.material))
    return parts, "Satchel"


def _rounded_ring(width: float, height: float, wire: float) -> Mesh:
    """A buckle's frame in the xz plane."""
    loop: Floats = flat_section(width, height, 6.0, 5)[:-1]
    curve = np.column_stack([loop[:, 0], np.zeros(len(loop)), loop[:, 1]])
    frame = tube(curve, round_section(wire / 2, 10), closed=True, crease_deg=80)
    tongue = tube(
        np.array([[0, -2.0, -height / 2], [0, -2.4, height / 2]]), round_section(wire * 0.36, 8), ends="round"
    )
    return merged([frame, tongue])


_MAKERS = {"flap": _flap, "tote": _tote, "bucket": _bucket, "baguette": _baguette, "satchel": _satchel}

FAMILY = Family("handbag", "handbags", "fashion", _build)
