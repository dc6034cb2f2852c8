"""Bracelets: chains, bangles, cuffs, beads, tennis, braids. Millimetres."""

from __future__ import annotations

import numpy as np

from pvtt_data.render.material import Material, Part
from pvtt_data.render.meshes import Floats, Mesh, merged
from pvtt_data.render.products import charms, gems, leather, metals
from pvtt_data.render.products.chains import Kind, bead, chain, link, lobster_clasp, strung
from pvtt_data.render.products.dice import chance, pick
from pvtt_data.render.products.family import Dice, Family, Made
from pvtt_data.render.products.names import brand_word
from pvtt_data.render.products.poses import Parts, changed, on_floor, standing
from pvtt_data.render.products.sweeps import flat_section, frames, lengths, placed, round_section, tube, turned_x

_TYPES = ("chain", "chain", "bangle", "cuff", "beads", "beads", "tennis", "braid")
_LINKS: tuple[Kind, ...] = ("cable", "curb", "paperclip", "figaro", "belcher", "rope", "snake")
_TURN = np.linspace(0, 2 * np.pi, 160, endpoint=False)

Bracelet = tuple[Parts, str]


def _build(shape: Dice, finish: Dice, label: Dice) -> Made:
    metal = pick(finish, metals.PRECIOUS)
    maker = brand_word(label)
    parts, what = _MAKERS[pick(shape, _TYPES)](shape, finish, label, metal)
    return Made(f"{maker} {what}", on_floor(parts))


def _loop(shape: Dice, length: float = 66.0) -> Floats:
    """A bracelet laid down: a slightly uneven oval (160, 3) around the z axis, its front in the middle of -y."""
    depth = float(shape.uniform(0.78, 0.95))
    wobble = 1 + float(shape.uniform(0, 0.035)) * np.cos(3 * _TURN + shape.uniform(0, 6))
    x, y = np.sin(_TURN) * length / 2 * wobble, -np.cos(_TURN) * length / 2 * depth * wobble
    return np.stack([x, y, np.zeros_like(x)], -1)


def _chain(shape: Dice, finish: Dice, label: Dice, metal: metals.Metal) -> Bracelet:
    kind = pick(shape, _LINKS)
    width = float(shape.uniform(7.0, 10.5)) * (0.8 if kind in ("rope", "snake") else 1.0)
    loop = _loop(shape)
    body = chain(kind, loop, width, closed=True)
    behind = loop[80]
    clasp = lobster_clasp(13.0).moved(yaw_deg=90).shifted(behind + np.array([0, 0, width * 0.30]))
    parts: list[Part] = [Part(merged([body, clasp]), metal.polished())]
    name = f"{metal.name} {kind.title()} Chain Bracelet"
    if chance(shape, 0.6):
        which = pick(shape, charms.KINDS)
        hung, charm_name = charms.charm(which, float(shape.uniform(20, 28)), metal, shape, finish, label)
        at = loop[int(shape.integers(-12, 12))] + [0, -0.3 * width, 0.15 * width]
        tilt = -90 + float(shape.uniform(6, 12))
        yaw = float(shape.uniform(-25, 25))
        parts += changed(hung, lambda mesh: turned_x(mesh, tilt).moved(yaw_deg=yaw).shifted(at))
        name = f"{metal.name} {charm_name} Charm Bracelet"
    return tuple(parts), name


def _round(radius: float, section: Floats, scale: Floats | None = None, crease_deg: float = 40.0) -> Mesh:
    """A ring around the y axis; the section's first coordinate lies along y, its second points outward."""
    curve = radius * np.stack([np.sin(_TURN), np.zeros_like(_TURN), np.cos(_TURN)], -1)
    return tube(curve, section, closed=True, scale=scale, side=(0, 1, 0), crease_deg=crease_deg)


def _posed(shape: Dice, parts: Parts) -> Parts:
    """Standing on its edge or lying."""
    if chance(shape, 0.55):
        return standing(parts, float(shape.uniform(15, 45)) * (1 if chance(shape, 0.5) else -1), 0.0)
    return standing(parts, float(shape.uniform(-30, 30)), 90.0)


def _bangle(shape: Dice, finish: Dice, label: Dice, metal: metals.Metal) -> Bracelet:
    style = pick(shape, ("round", "flat", "domed", "hammered", "twisted", "stack"))
    radius, width = 31.0, float(shape.uniform(7, 16))
    surface = metal.satin() if chance(finish, 0.3) else metal.polished()
    if style == "round":
        meshes = [_round(radius, round_section(float(shape.uniform(2.6, 4.2)), 20))]
    elif style == "flat":
        meshes = [_round(radius, flat_section(width, 2.6, 0.8))]
    elif style == "domed":
        turn = np.linspace(0, 2 * np.pi, 25)
        y = np.sin(turn)
        meshes = [_round(radius, np.stack([width / 2 * np.cos(turn), np.where(y > 0, 3.6 * y, 1.2 * y)], -1))]
    elif style == "hammered":
        scale = 1 + shape.uniform(-0.12, 0.12, (160, 2)) * [0.3, 1.0]
        meshes = [_round(radius, flat_section(width, 3.2, 1.2, 3), scale, 8.0)]
    elif style == "twisted":
        curve = radius * np.stack([np.cos(_TURN), np.sin(_TURN), np.zeros_like(_TURN)], -1)
        meshes = [turned_x(chain("rope", curve, float(shape.uniform(6, 9)), closed=True), 90)]
    else:
        meshes = [_round(radius, round_section(1.7, 12)).moved(x=float(dx), y=4.1 * (i - 1)) for i, dx in
                  enumerate(shape.uniform(-1.2, 1.2, 3))]  # fmt: skip
    parts: list[Part] = [Part(merged(meshes), surface)]
    if style in ("flat", "domed") and chance(shape, 0.6):
        parts.append(Part(_studs(radius + (1.35 if style == "flat" else 3.6), 9), gems.DIAMOND.foil()))
    return _posed(shape, tuple(parts)), f"{metal.name} {style.title()} Bangle"


def _studs(radius: float, count: int) -> Mesh:
    """Small stones on the upper front of a bangle around the y axis."""
    stone = gems.cut_stone("round").scaled(1.5).moved(z=radius)
    spots = []
    for step in range(count):
        angle = np.radians((step - (count - 1) / 2) * 7.5)
        c, s = np.cos(angle), np.sin(angle)
        spots.append(stone.turned(np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])))
    return merged(spots)


def _cuff(shape: Dice, finish: Dice, label: Dice, metal: metals.Metal) -> Bracelet:
    """An open bangle with knobs or stones at its ends; the opening is on top, turned a little."""
    gap, radius = float(shape.uniform(14, 26)), 30.0
    turn = np.radians(np.linspace(gap, 360 - gap, 120))
    curve = np.stack([radius * np.sin(turn), np.zeros_like(turn), 0.88 * radius * np.cos(turn)], -1)
    wide = pick(shape, ("wire", "wide"))
    if wide == "wire":
        thick = float(shape.uniform(2.2, 3.2))
        body = tube(curve, round_section(thick, 16), ends="round", side=(0, 1, 0), crease_deg=80)
        end = pick(shape, ("ball", "stone"))
        knobs = [bead(thick * 1.9).shifted(curve[i]) for i in (0, -1)]
        pebble = pick(finish, gems.PEBBLES)
        held = metal.polished() if end == "ball" else pebble.material()
        name = "Open Cuff" if end == "ball" else f"{pebble.name} Open Cuff"
        return _posed(shape, (Part(body, metal.polished()), Part(merged(knobs), held))), f"{metal.name} {name}"
    half = np.abs(np.linspace(-1, 1, 120))
    width = float(shape.uniform(14, 24))
    scale = np.column_stack([np.sqrt(np.clip(1.04 - half**8, 0.05, 1)) * (1 - 0.25 * half**2), np.ones(120)])
    body = tube(curve, flat_section(width, 2.0, 0.9), scale=scale, ends="round", side=(0, 1, 0))
    surface = metal.satin() if chance(finish, 0.5) else metal.polished()
    return _posed(shape, (Part(body, surface),)), f"{metal.name} Wide Cuff"


def _beads(shape: Dice, finish: Dice, label: Dice, metal: metals.Metal) -> Bracelet:
    size = float(shape.uniform(4.2, 6.2))
    loop = _loop(shape)
    pearls = chance(finish, 0.3)
    if pearls:
        name, colour = pick(finish, gems.PEARLS)
        body: Material = gems.pearl(colour)
    else:
        pebble = pick(finish, gems.PEBBLES)
        name, body = pebble.name, pebble.material()
    second = pick(finish, gems.PEBBLES).material() if chance(finish, 0.4) else body
    group = pick(shape, (1, 3, 5, 50))
    spaced = 0.62 if group < 50 else 0.0
    around = float(lengths(np.concatenate([loop, loop[:1]]))[-1])
    rounds = max(round(around / (2 * size * (2.02 * group + spaced))), 1) if group < 50 else 1
    if group == 50:
        group = round(around / (2 * 2.02 * size))
    size = around / (rounds * 2 * (2.02 * group + spaced))
    ball, spacer = bead(size, 1.0, 28), bead(size * 0.72, 0.42, 20)
    rooms, meshes, owners = [], [], []
    for step in range(2 * group):
        meshes.append(ball)
        rooms.append(2.02 * size)
        owners.append(0 if step < group else 1)
        if spaced and step % group == group - 1:
            meshes.append(spacer)
            rooms.append(spaced * size)
            owners.append(2)
    side = (0.0, 0.0, 1.0)
    layers = []
    for owner, material in enumerate((body, second, metal.polished())):
        mine = [mesh if whose == owner else None for mesh, whose in zip(meshes, owners, strict=True)]
        if any(mesh is not None for mesh in mine):
            layers.append(Part(_some(mine, rooms, loop, side), material))
    if chance(shape, 0.4):
        hung, _ = charms.charm(pick(shape, charms.KINDS), 23.0, metal, shape, finish, label)
        at = loop[0] + [0, -0.6 * size, 0]
        layers += changed(hung, lambda mesh: turned_x(mesh, -82).shifted(at))
    return tuple(layers), f"{name} Bead Bracelet"


def _some(meshes: list[Mesh | None], rooms: list[float], loop: Floats, side: tuple[float, float, float]) -> Mesh:
    """Those meshes of a string that are there, at their places."""
    nothing = bead(1e-3, 1.0, 4)
    return strung([mesh or nothing for mesh in meshes], rooms, loop, True, side, np.array([0.0]))


def _tennis(shape: Dice, finish: Dice, label: Dice, metal: metals.Metal) -> Bracelet:
    """Stones in square cups, one hinged to the next, facing outward and up."""
    size = float(shape.uniform(2.3, 3.3))
    stone = gems.DIAMOND if chance(finish, 0.5) else pick(finish, gems.COLOURED)
    cut: gems.Cut = pick(shape, ("round", "round", "emerald"))
    loop = _loop(shape)
    gem = gems.cut_stone(cut).scaled(size * 1.02).moved(z=size * 0.35)
    pitch = 2.2 * size if cut == "round" else 2.2 * size * 0.74
    cup = tube(np.array([[0, 0, -0.9], [0, 0, 0.28]]) * size, flat_section(2.1 * size, pitch * 0.94, 0.5))
    corner = tube(
        np.array([[0, 0, 0], [0, 0, 0.75 * size]]), round_section(0.20 * size, 8), ends="round", crease_deg=90
    )
    prongs = [corner.moved(sx * 0.86 * size, sy * pitch * 0.40) for sx in (-1, 1) for sy in (-1, 1)]
    hinge = link(1.2 * size, 0.9 * size, 0.2 * size).moved(y=pitch / 2, z=-0.4 * size)
    one = merged([cup, *prongs, hinge])
    rolls = np.array([float(shape.uniform(105, 150))])
    metal_mesh = strung([one], [pitch], loop, True, (0, 0, 1), rolls)
    stones = strung([gem], [pitch], loop, True, (0, 0, 1), rolls)
    return (
        Part(metal_mesh, metal.polished()),
        Part(stones, stone.material()),
    ), f"{metal.name} {stone.name} Tennis Bracelet"


def _braid(shape: Dice, finish: Dice, label: Dice, metal: metals.Metal) -> Bracelet:
    """Braided leather with a metal clasp at the front or the back."""
    loop = _loop(shape)
    moving = frames(loop, True, (0, 0, 1))
    strands, crossings = 3, int(shape.integers(13, 18))
    width = float(shape.uniform(2.4, 3.4))
    meshes = []
    for strand in range(strands):
        t = crossings * _TURN + 2 * np.pi * strand / strands
        path = moving.points + width * 1.25 * np.sin(t)[:, None] * moving.side
        path = path + width * 0.62 * np.sin(2 * t)[:, None] * moving.up
        meshes.append(tube(path, round_section(width, 12), closed=True, crease_deg=90))
    colour, word = pick(
        finish,
        (("#141414", "Black"), ("#5a3218", "Brown"), ("#1d2a44", "Navy"), ("#8a4b22", "Tan"), ("#4c1219", "Wine")),
    )
    sleeve = tube(np.array([[0, -9.0, 0], [0, 9.0, 0]]), flat_section(6.4 * width, 4.6 * width, 1.5 * width, 6))
    at = 0 if chance(shape, 0.6) else 80
    clasp = placed(sleeve, moving, at)
    parts = (
        Part(leather.in_tiles(merged(meshes), 14, 220, "smooth"), leather.leather("smooth", colour, 0.6)),
        Part(clasp, metal.satin() if chance(finish, 0.5) else metal.polished()),
    )
    return parts, f"{word} Braided Leather Bracelet"


_MAKERS = {
    "chain": _chain,
    "bangle": _bangle,
    "cuff": _cuff,
    "beads": _beads,
    "tennis": _tennis,
    "braid": _braid,
}

FAMILY = Family("bracelet", "bracelets", "jewellery", _build)
