"""Necklaces laid down in a loop: chains with pendants, pearls, collars. Millimetres, of a short, heavy kind."""

from __future__ import annotations

import numpy as np

from pvtt_data.render.material import Part
from pvtt_data.render.meshes import Floats, Mesh, merged
from pvtt_data.render.products import charms, gems, metals
from pvtt_data.render.products.cards import card, easel
from pvtt_data.render.products.chains import Kind, bead, chain, lobster_clasp
from pvtt_data.render.products.dice import chance, pick
from pvtt_data.render.products.family import Dice, Family, Made
from pvtt_data.render.products.names import brand_word
from pvtt_data.render.products.poses import Parts, changed, on_floor
from pvtt_data.render.products.stone_settings import mounted
from pvtt_data.render.products.sweeps import frames, lengths, resampled, smooth_curve, turned_x

_LEAN = 16.0
_CARDED: tuple[Kind, ...] = ("cable", "curb", "paperclip", "rope", "snake", "ball")
_TYPES = ("pendant", "pendant", "pendant", "pearls", "chain", "collar")
_LINKS: tuple[Kind, ...] = ("cable", "curb", "paperclip", "figaro", "belcher", "rope", "snake", "ball")

Necklace = tuple[Parts, str]


def _build(shape: Dice, finish: Dice, label: Dice) -> Made:
    metal = pick(finish, metals.PRECIOUS)
    maker = brand_word(label)
    parts, what = _MAKERS[pick(shape, _TYPES)](shape, finish, label, metal, maker)
    yaw = float(shape.uniform(-14, 14))
    return Made(f"{maker} {what}", on_floor(changed(parts, lambda mesh: mesh.moved(yaw_deg=yaw))))


def _loop(shape: Dice, size: float, point: float) -> Floats:
    """A necklace laid down (240, 3), `size` deep, its lowest point first, in the middle of -y.

    point: 0 round in front, 1 drawn to a point by a pendant.
    """
    half = size / 2
    wide = float(shape.uniform(0.78, 0.96)) * half
    swing = float(shape.uniform(-0.08, 0.08)) * half
    front = -half
    knots = [
        (0.0, front),
        (0.42 * wide * (1 - 0.25 * point), front + half * (0.12 + 0.22 * point)),
        (wide * 0.93, -0.12 * half),
        (wide * 0.88 + swing, 0.52 * half),
        (0.30 * wide + swing, 0.96 * half),
        (-0.36 * wide + swing, 0.94 * half),
        (-wide * 0.90 + swing, 0.48 * half),
        (-wide * 0.95, -0.16 * half),
        (-0.42 * wide * (1 - 0.25 * point), front + half * (0.12 + 0.22 * point)),
    ]
    flat = smooth_curve(np.array(knots), 240, closed=True)
    return np.column_stack([flat, np.zeros(len(flat))])


def _pendant(shape: Dice, finish: Dice, label: Dice, metal: metals.Metal, maker: str) -> Necklace:
    kind, which = pick(shape, _LINKS), pick(shape, charms.KINDS)
    size = float(shape.uniform(30, 40))
    width = float(shape.uniform(4.6, 6.6)) * (0.8 if kind in ("rope", "snake", "ball") else 1.0)
    if chance(shape, 0.5):
        return _carded(shape, finish, label, metal, maker)
    loop = _loop(shape, float(shape.uniform(70, 86)), 0.8)
    clasp = lobster_clasp(11).moved(yaw_deg=90).shifted(loop[120] + [0, 0, width * 0.3])
    body = merged([chain(kind, loop, width, closed=True), clasp])
    hung, name = charms.charm(which, size, metal, shape, finish, label)
    at = loop[0] + [0, 0.6, width * 0.35]
    tilt = -90 + float(shape.uniform(8, 13))
    yaw = float(shape.uniform(-14, 14))
    laid = changed(hung, lambda mesh: turned_x(mesh, tilt).moved(yaw_deg=yaw).shifted(at))
    return (Part(body, metal.polished()), *_above(laid, -width / 2)), f"{metal.name} {name} Pendant Necklace"


def _carded(shape: Dice, finish: Dice, label: Dice, metal: metals.Metal, maker: str) -> Necklace:
    """A pendant that hangs in a V on a card which leans back; the chain goes over the card's upper edge."""
    kind, which = pick(shape, _CARDED), pick(shape, charms.KINDS)
    width, size = float(shape.uniform(72, 84)), float(shape.uniform(24, 34))
    thick = float(shape.uniform(3.2, 4.6)) * (0.8 if kind in ("rope", "snake", "ball") else 1.0)
    drop = float(shape.uniform(0.48, 0.62)) * width
    height = drop + size + 0.36 * width + 6
    start = float(shape.uniform(0.22, 0.36)) * width
    out = -thick / 2 - 1.4
    sag = float(shape.uniform(0.0, 0.16))
    half = [(start, 3.5, height - 1.0), (start, 0.6, height + thick * 0.45), (start, out, height - 2.0)]
    share = np.linspace(0.12, 1.0, 8)[:-1]
    half += [(start * (1 - t) ** (1 - sag * 2), out, height - drop * t ** (1 + sag)) for t in share]
    knots = np.array([*half, (0.0, out, height - drop), *[(-x, y, z) for x, y, z in reversed(half)]])
    line = chain(kind, smooth_curve(knots, 400), thick, side=(1, 0, 0))
    hung, name = charms.charm(which, size, metal, shape, finish, label)
    back = max(float(part.mesh.vertices[:, 1].max()) for part in hung)
    hung = changed(hung, lambda mesh: mesh.moved(y=-1.5 - back, z=height - drop + 0.4))
    sheet = card(width, height, maker, finish, label, (drop + size + 4) / height)
    strut = easel(width, height, sheet[0].material, _LEAN)
    parts = (*sheet, strut, Part(line, metal.polished()), *hung)
    return changed(parts, lambda mesh: turned_x(mesh, -_LEAN)), f"{metal.name} {name} Pendant Necklace"


def _above(parts: Parts, floor: float) -> Parts:
    """The parts lifted so that none is below a height."""
    low = min(float(part.mesh.vertices[:, 2].min()) for part in parts)
    return changed(parts, lambda mesh: mesh.moved(z=max(floor - low, 0.0)))


def _row(loop: Floats, sizes: Floats) -> tuple[Floats, Floats]:
    """Places (N, 3) and radii (N,) of beads side by side all around a loop.

    sizes: wanted radius along the loop, a function sampled at its points; scaled so that the last bead meets the first.
    """
    way = lengths(np.concatenate([loop, loop[:1]]))
    radii_at = np.append(sizes, sizes[0])
    chosen: list[tuple[float, float]] = []
    at = 0.0
    while at < way[-1]:
        radius = float(np.interp(at, way, radii_at))
        chosen.append((at, radius))
        at += 2.02 * radius
    shrink = way[-1] / at
    middles = np.array([a * shrink for a, _ in chosen])
    spots = np.stack([np.interp(middles, way, np.append(loop[:, i], loop[0, i])) for i in range(3)], -1)
    return spots, np.array([r * shrink for _, r in chosen])


def _pearls(shape: Dice, finish: Dice, label: Dice, metal: metals.Metal, maker: str) -> Necklace:
    big = float(shape.uniform(4.4, 6.0))
    small = big * (float(shape.uniform(0.5, 0.75)) if chance(shape, 0.6) else 1.0)
    rows = pick(shape, (1, 1, 2))
    stones = chance(finish, 0.35)
    if stones:
        pebble = pick(finish, gems.PEBBLES)
        name, material = pebble.name, pebble.material()
    else:
        name, colour = pick(finish, gems.PEARLS)
        material = gems.pearl(colour)
    meshes: list[Mesh] = []
    unit = bead(1.0, 1.0, 24)
    clasp_at = np.zeros(3)
    for row in range(rows):
        loop = _loop(shape, 88.0 - 25.0 * row, 0.15)
        loop = loop + np.array([0, 4.0 * row, 0])
        closeness = np.abs(np.arange(240) / 120 - 1)
        spots, radii = _row(loop, small + (big - small) * closeness**1.3)
        meshes += [unit.scaled(r).shifted(spot + np.array([0, 0, r])) for spot, r in zip(spots, radii, strict=True)]
        clasp_at = loop[120] if row == 0 else clasp_at
    clasp = bead(small * 1.15, 1.0, 16).shifted(clasp_at + np.array([0, 0, small * 1.2]))
    parts: list[Part] = [Part(merged(meshes), material), Part(clasp, metal.polished())]
    return tuple(parts), f"{name} {'Strand' if rows == 1 else 'Double Strand'} Necklace"


def _chain(shape: Dice, finish: Dice, label: Dice, metal: metals.Metal, maker: str) -> Necklace:
    kind = pick(shape, _LINKS[:-1])
    width = float(shape.uniform(7.5, 11.0)) * (0.8 if kind in ("rope", "snake") else 1.0)
    loop = _loop(shape, 90.0, 0.1)
    clasp = lobster_clasp(17).moved(yaw_deg=80).shifted(loop[120] + [0, 0, width * 0.3])
    body = merged([chain(kind, loop, width, closed=True), clasp])
    return (Part(body, metal.polished()),), f"{metal.name} Bold {kind.title()} Chain Necklace"


def _collar(shape: Dice, finish: Dice, label: Dice, metal: metals.Metal, maker: str) -> Necklace:
    """A rope with set stones side by side along its front."""
    loop = _loop(shape, 88.0, 0.2)
    width = float(shape.uniform(4.5, 5.5))
    body = chain(pick(shape, ("rope", "snake", "cable")), loop, width, closed=True)
    count = 2 * int(shape.integers(3, 6)) + 1
    big = float(shape.uniform(6.0, 8.0))
    stone = gems.DIAMOND if chance(finish, 0.3) else pick(finish, gems.COLOURED)
    cut: gems.Cut = pick(shape, ("round", "oval", "pear", "marquise", "cushion"))
    front = resampled(np.roll(loop, 60, axis=0)[:121], 400)
    moving = frames(front, False, (0, 0, 1))
    way = lengths(front) - float(lengths(front)[-1]) / 2
    setting = mounted(cut, 1.0, "bezel", turned=False)
    metals_: list[Mesh] = []
    stones: list[Mesh] = []
    at = [0.0]
    sizes = [big * (1 - 0.45 * abs(i) / (count // 2)) for i in range(count // 2 + 1)]
    for i in range(1, count // 2 + 1):
        at.append(at[-1] + 1.24 * (sizes[i - 1] + sizes[i]))
    for i in range(-(count // 2), count // 2 + 1):
        index = int(np.argmin(np.abs(way - np.sign(i) * at[abs(i)])))
        yaw = float(np.degrees(np.arctan2(moving.ahead[index, 1], moving.ahead[index, 0]))) - 90
        size = sizes[abs(i)]
        for mesh, pile in ((setting.metal, metals_), (setting.stone, stones)):
            lifted = turned_x(mesh.scaled(size).moved(yaw_deg=yaw), 16)
            pile.append(lifted.shifted(moving.points[index] + [0, -0.25 * size, setting.depth * size - 0.3 * width]))
    parts = (Part(merged([body, *metals_]), metal.polished()), Part(merged(stones), stone.material()))
    return parts, f"{metal.name} {stone.name} Collar Necklace"


_MAKERS = {
    "pendant": _pendant,
    "pearls": _pearls,
    "chain": _chain,
    "collar": _collar,
}

FAMILY = Family("necklace", "necklaces", "jewellery", _build)
