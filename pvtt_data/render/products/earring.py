"""Earrings in pairs: hoops, studs, drops and chandeliers; on a card, standing or lying. Millimetres."""

from __future__ import annotations

import numpy as np

from pvtt_data.render.material import Part
from pvtt_data.render.meshes import Floats, Mesh, merged
from pvtt_data.render.products import charms, gems, metals
from pvtt_data.render.products.cards import card, easel
from pvtt_data.render.products.chains import bead, chain
from pvtt_data.render.products.creases import mirrored
from pvtt_data.render.products.dice import chance, pick
from pvtt_data.render.products.family import Dice, Family, Made
from pvtt_data.render.products.names import brand_word
from pvtt_data.render.products.poses import Parts, changed, on_floor, points, standing
from pvtt_data.render.products.stone_settings import Style, mounted
from pvtt_data.render.products.sweeps import flat_section, round_section, skinned, tube, turned_x, turned_y

_TYPES = ("hoop", "hoop", "hoop", "drop", "drop", "stud", "stud", "tassel")
_CARDED = {"hoop": 0.4, "drop": 0.75, "stud": 0.9, "tassel": 0.9}
_LEAN = 14.0
_MOUNTS: dict[str, Style] = {"stone": "prongs", "halo": "halo", "bezel": "bezel"}


def _build(shape: Dice, finish: Dice, label: Dice) -> Made:
    metal = pick(finish, metals.PRECIOUS)
    maker = brand_word(label)
    kind = pick(shape, _TYPES)
    parts, what = _MAKERS[kind](shape, finish, label, metal)
    dangling = kind == "hoop" and len(parts) > 2
    on_card = chance(shape, _CARDED[kind]) or dangling
    if on_card:
        posed = _on_card(kind, parts, maker, finish, label)
    elif kind == "hoop":
        posed = _hoops_standing(shape, parts)
    else:
        posed = _lying(shape, parts)
    return Made(f"{maker} {metal.name} {what} Earrings", on_floor(posed))


def _pair(parts: Parts, gap: float) -> Parts:
    """The earring and its mirror image, their middles `gap` apart."""
    left = tuple(Part(mirrored(part.mesh).moved(x=-gap / 2), part.material) for part in parts)
    return (*left, *changed(parts, lambda mesh: mesh.moved(x=gap / 2)))


def _size(parts: Parts) -> Floats:
    """Width, depth, height (3,)."""
    cloud = np.concatenate([part.mesh.vertices for part in parts])
    return np.asarray(np.ptp(cloud, axis=0), float)


def _on_card(kind: str, parts: Parts, maker: str, finish: Dice, label: Dice) -> Parts:
    """Both pinned to a card that leans back on a strut; earrings hang from z = 0 with their fronts to -y."""
    if kind == "hoop":
        parts = changed(parts, lambda mesh: mesh.moved(yaw_deg=62))
    cloud = points(parts)
    wide, high = float(np.ptp(cloud[:, 0])), float(-cloud[:, 2].min())
    over = float(cloud[:, 2].max())
    width = max(2.9 * wide, 34.0)
    text = 0.34 * width
    height = 0.16 * width + over + high + text
    top = height - over - 0.12 * width
    sheet = card(width, height, maker, finish, label, 1 - (text - 0.06 * width) / height)
    back = float(cloud[:, 1].max())
    gap = width * 0.46
    y = -1.3 - (0.25 * back if kind == "hoop" else max(min(back, 0.35 * float(np.ptp(cloud[:, 1]))), 0.2))
    both = changed(_pair(parts, gap), lambda mesh: mesh.moved(y=y, z=top))
    strut = easel(width, height, sheet[0].material, _LEAN)
    return changed((*sheet, strut, *both), lambda mesh: turned_x(mesh, -_LEAN))


def _hoops_standing(shape: Dice, parts: Parts) -> Parts:
    """One hoop upright, the other before it or leaning."""
    wide = float(_size(parts)[0])
    first = standing(parts, float(shape.uniform(18, 50)), 0.0)
    second = standing(parts, float(shape.uniform(-25, 20)), float(shape.uniform(0, 4)))
    shift, nearer = 0.44 * wide, float(shape.uniform(0.2, 0.4)) * wide
    return (
        *changed(first, lambda mesh: mesh.moved(x=shift, y=nearer)),
        *changed(second, lambda mesh: mesh.moved(x=-shift, y=-nearer)),
    )


def _lying(shape: Dice, parts: Parts) -> Parts:
    """Both on their backs, one turned against the other, tilted a little towards the camera."""
    wide, _, high = _size(parts)
    yaw = float(shape.uniform(8, 24))
    tilt = -float(shape.uniform(66, 76))
    made: list[Part] = []
    for sign in (-1, 1):
        laid = on_floor(changed(parts, lambda mesh: turned_x(mesh, tilt)))
        at = sign * (0.75 * wide + 0.12 * high)
        made += [Part(part.mesh.moved(yaw_deg=sign * yaw).moved(x=at), part.material) for part in laid]
    return tuple(made)


Earring = tuple[Parts, str]


def _hoop(shape: Dice, finish: Dice, label: Dice, metal: metals.Metal) -> Earring:
    """A hoop in the xz plane that hangs from the origin."""
    radius = float(shape.uniform(9, 15))
    style = pick(shape, ("round", "tapered", "flat", "twisted", "stones", "square", "croissant"))
    turn = np.radians(np.linspace(-168, 168, 121)) + np.pi
    rise = (1 - np.cos(turn)) / 2
    circle = np.stack([np.sin(turn), np.zeros_like(turn), np.cos(turn)], -1)
    thick = float(shape.uniform(1.3, 2.2))
    extra: list[Part] = []
    scale = np.ones(121)
    section, crease = round_section(thick, 16), 80.0
    if style == "tapered":
        scale = 0.55 + 1.1 * rise**1.2
    elif style == "flat":
        section, crease = flat_section(float(shape.uniform(4, 8)), 1.5, 0.6), 40.0
    elif style == "square":
        circle = circle / np.max(np.abs(circle), axis=1, keepdims=True) ** 0.72
    elif style == "croissant":
        scale = (0.5 + 1.25 * rise) * (1 + 0.17 * np.abs(np.sin(9 * turn)))
    curve = radius * circle
    if style == "twisted":
        body = turned_x(chain("rope", _flat(curve), 2.3 * thick), 90)
    else:
        body = tube(curve, section, scale=scale, side=(0, 1, 0), ends="round", crease_deg=crease)
    meshes = [body]
    if style == "stones":
        stones = []
        for angle in np.linspace(75, 285, 17):
            out = gems.cut_stone("round").scaled(thick * 0.72).moved(z=radius + thick * 0.78)
            stones.append(turned_y(out, float(angle)))
        tint = gems.DIAMOND if chance(finish, 0.6) else pick(finish, gems.COLOURED)
        extra.append(Part(merged(stones), tint.foil()))
    post = tube(np.array([[-1.6, 0, 0], [1.6, 0, 0]]), round_section(0.5, 8), ends="round").moved(z=radius * 0.975)
    parts: Parts = (Part(merged([*meshes, post]), metal.polished()), *extra)
    if chance(shape, 0.3) and style != "square":
        hung, name = charms.charm(pick(shape, charms.KINDS), radius * 1.2, metal, shape, finish, label)
        parts += changed(hung, lambda mesh: mesh.moved(z=-radius))
        return changed(parts, lambda mesh: mesh.moved(z=-radius)), f"{name} Hoop"
    return changed(parts, lambda mesh: mesh.moved(z=-radius)), f"{style.title()} Hoop"


def _flat(curve: Floats) -> Floats:
    """A curve of the xz plane laid into the xy plane, as `turned_x` by 90 degrees brings it back."""
    return np.column_stack([curve[:, 0], curve[:, 2], -curve[:, 1]])


def _hook() -> Mesh:
    """A fish hook above the origin, in the yz plane, its wire 1.1 thick."""
    turn = np.radians(np.linspace(-20, 200, 26))
    y, z = 3.4 - 3.4 * np.cos(turn), 5.0 + 3.6 * np.sin(turn)
    bow = np.stack([np.zeros_like(turn), y, z], -1)
    path = np.concatenate([[[0, 0, 0.2], [0, 0, 2.2]], bow[3:], [[0, 7.4, -1.5], [0, 8.3, -4.0]]])
    return tube(path, round_section(0.55, 8), ends="round", side=(1, 0, 0), crease_deg=80)


def _drop(shape: Dice, finish: Dice, label: Dice, metal: metals.Metal) -> Earring:
    size = float(shape.uniform(12, 18))
    kind = pick(shape, charms.KINDS)
    hung, name = charms.charm(kind, size, metal, shape, finish, label)
    parts: list[Part] = []
    depth = 0.0
    if chance(shape, 0.5):
        setting = mounted(pick(shape, ("round", "cushion", "oval")), float(shape.uniform(2.8, 4.2)), "bezel")
        stone = gems.DIAMOND if chance(finish, 0.5) else pick(finish, gems.COLOURED)
        top = setting.reach
        parts.append(Part(charms.upright(setting.metal).moved(z=-top), metal.polished()))
        parts.append(Part(charms.upright(setting.stone).moved(z=-top), stone.material()))
        depth = 2 * top
    else:
        parts.append(Part(_hook(), metal.polished()))
    if chance(shape, 0.35):
        length = float(shape.uniform(6, 16))
        line = np.array([[0, 0, -depth], [0, 0, -depth - length]], float)
        parts.append(Part(chain(pick(shape, ("cable", "ball")), line, 2.6, side=(0, 1, 0)), metal.polished()))
        depth += length
    parts += changed(hung, lambda mesh: mesh.moved(z=-depth))
    return tuple(parts), f"{name} Drop"


def _stud(shape: Dice, finish: Dice, label: Dice, metal: metals.Metal) -> Earring:
    """A stone, pearl, knot or small figure on a post; its front to -y."""
    style = pick(shape, ("stone", "halo", "bezel", "pearl", "figure", "dome"))
    size = float(shape.uniform(4.4, 6.5))
    post = tube(np.array([[0, 0, 0], [0, 6, 0]], float), round_section(0.6, 8), ends="round")
    if style in ("stone", "halo", "bezel"):
        cut: gems.Cut = pick(shape, ("round", "round", "cushion", "emerald", "oval", "pear"))
        mount = _MOUNTS[style]
        setting = mounted(cut, size * (0.8 if style == "halo" else 1.0), mount, 4, chance(shape, 0.5))
        stone = gems.DIAMOND if chance(finish, 0.4) else pick(finish, gems.COLOURED)
        parts = [Part(charms.upright(merged([setting.metal])), metal.polished())]
        parts.append(Part(charms.upright(setting.stone), stone.material()))
        if setting.pave is not None:
            parts.append(Part(charms.upright(setting.pave), gems.DIAMOND.foil()))
        name = f"{stone.name} {'Halo ' if style == 'halo' else ''}Stud"
    elif style == "pearl":
        title, colour = pick(finish, gems.PEARLS)
        cup = turned_x(_cup(size), 90).moved(y=size * 0.2)
        parts = [Part(bead(size, 1.0, 32), gems.pearl(colour)), Part(cup, metal.polished())]
        name = f"{title} Stud"
    elif style == "dome":
        body = merged([bead(size, 0.55, 40)])
        parts = [Part(body, metal.satin() if chance(finish, 0.4) else metal.polished())]
        name = "Dome Stud"
    else:
        figure, what = charms.charm(
            pick(shape, ("heart", "star", "leaf", "moon")), 2 * size, metal, shape, finish, label
        )
        parts = list(changed(figure[:1], lambda mesh: mesh.moved(z=1.26 * size)))
        name = f"{what} Stud"
    high = max(float(part.mesh.vertices[:, 2].max()) for part in parts)
    parts.append(Part(post, metal.polished()))
    return changed(tuple(parts), lambda mesh: mesh.moved(z=-high)), name


def _cup(size: float) -> Mesh:
    """A shallow dish about the z axis, opening to +z, that holds a pearl's back."""
    turn = np.linspace(0, 2 * np.pi, 33)
    unit = np.stack([np.cos(turn), np.sin(turn), np.zeros_like(turn)], -1)
    rings = [unit * r * size + [0, 0, z * size] for r, z in ((0.2, -1.06), (0.55, -0.98), (0.72, -0.78), (0.66, -0.78))]
    return skinned(np.stack(rings), crease_deg=50)


def _tassel(shape: Dice, finish: Dice, label: Dice, metal: metals.Metal) -> Earring:
    """Chains of several lengths, or tiers of stones, under a hook."""
    parts: list[Part] = [Part(_hook(), metal.polished())]
    tiers = int(shape.integers(3, 6))
    length = float(shape.uniform(16, 28))
    span = float(shape.uniform(8, 13))
    bar = tube(np.array([[-span / 2, 0, 0], [span / 2, 0, 0]]), round_section(1.0, 10), ends="round").moved(z=-1.6)
    lines = [bar]
    ends = []
    for step in range(tiers):
        x = span * (step / (tiers - 1) - 0.5)
        drop = length * (1 - 0.45 * (2 * x / span) ** 2)
        line = np.array([[x, 0, -1.6], [x, 0, -drop]], float)
        lines.append(chain(pick(shape, ("cable", "ball", "rope")), line, 2.0, side=(0, 1, 0)))
        ends.append(bead(1.7, 1.0, 16).moved(x=x, z=-drop - 1.4))
    pebble = pick(finish, gems.PEBBLES)
    parts.append(Part(merged(lines), metal.polished()))
    parts.append(Part(merged(ends), pebble.material() if chance(finish, 0.7) else metal.polished()))
    return tuple(parts), f"{pebble.name} Tassel"


_MAKERS = {"hoop": _hoop, "drop": _drop, "stud": _stud, "tassel": _tassel}

FAMILY = Family("earring", "earrings", "jewellery", _build)
