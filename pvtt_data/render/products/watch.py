"""Wrist watches that stand on the loop of their strap, as on a display. Millimetres."""

from __future__ import annotations

import numpy as np

from pvtt_data.render.material import Part
from pvtt_data.render.meshes import Floats, Mesh, merged
from pvtt_data.render.products import dials, metals
from pvtt_data.render.products.creases import mirrored
from pvtt_data.render.products.dice import chance, pick
from pvtt_data.render.products.family import Dice, Family, Made
from pvtt_data.render.products.names import brand_word
from pvtt_data.render.products.plates import face, offset, plate, superellipse
from pvtt_data.render.products.poses import standing
from pvtt_data.render.products.straps import strap
from pvtt_data.render.products.sweeps import flat_section, skinned, tube, turned_y

_BEZELS = ("plain", "plain", "fluted", "diver", "diver", "step")


def _build(shape: Dice, finish: Dice, label: Dice) -> Made:
    metal = pick(finish, metals.CASES)
    maker = brand_word(label)
    square = chance(shape, 0.3)
    if square:
        half_w, half_d, power = float(shape.uniform(14, 17)), float(shape.uniform(17, 20)), float(shape.uniform(5, 9))
    else:
        half_w = half_d = float(shape.uniform(18.5, 21.5))
        power = 2.0
    edge = superellipse(half_w, half_d, power, 120)
    bezel = "plain" if square else pick(shape, _BEZELS)
    plan = dials.design(shape, finish, label, maker)
    ring = half_w * (0.225 if bezel == "diver" else 0.165)
    case, opening, top = _case(edge, bezel, ring)
    dial_w, dial_d = float(np.ptp(opening[:, 0])) / 2, float(np.ptp(opening[:, 1])) / 2
    reach = min(dial_w, dial_d)
    parts: list[Part] = [
        Part(face(opening, 0.0), dials.printed(plan, dial_w, dial_d)),
        *dials.indices(plan, dial_w, dial_d, metal),
        *dials.hands(plan, reach, shape, metal),
    ]
    if bezel == "diver":
        ground, ink = pick(
            finish, (("#0e0f12", "#ececec"), ("#14264a", "#f0f0ea"), ("#123a2a", "#f0f0e4"), ("#7c1420", "#f2eee6"))
        )
        insert = dials.annulus(offset(edge, 0.7), offset(edge, ring - 0.2), top - 0.15, top + 0.16)
        parts.append(Part(insert, dials.bezel_print(ground, ink)))
    width = half_w * (1.0 if not square else 1.25)
    meshes = [case, _crown(half_w), *_lugs(half_w, half_d, width)]
    if plan.subdials == 3:
        meshes += [_pusher(half_w, sign * 34.0) for sign in (-1, 1)]
    parts.append(Part(merged(meshes), metal.satin() if chance(finish, 0.25) else metal.polished()))
    straps, made_of = strap(shape, finish, metal, width - 0.6, half_d + 2.6)
    parts += straps
    yaw = float(shape.uniform(-24, 24))
    posed = standing(tuple(parts), yaw, float(shape.uniform(56, 72)))
    what = "Chronograph" if plan.subdials == 3 else ("Diver" if bezel == "diver" else "Watch")
    return Made(f"{maker} {metal.name} {what} {made_of}", posed)


def _case(edge: Floats, bezel: str, ring: float) -> tuple[Mesh, Floats, float]:
    """The case around a dial at z = 0: (mesh, the dial's outline, the bezel's height)."""
    top = 3.0
    half_w = float(edge[:, 0].max())
    profile = [(3.2, -7.2), (1.4, -7.2), (0.9, -6.9), (0.2, -5.6), (0.0, -5.0), (0.0, -1.2), (0.25, -0.6), (0.9, -0.4)]
    profile += {
        "plain": [(0.7, 0.4), (0.9, 2.0), (1.4, 2.7), (2.2, top)],
        "step": [(0.5, 0.2), (0.6, 1.2), (1.6, 1.5), (1.7, 2.2), (2.2, top)],
        "fluted": [(0.3, 0.2), (0.5, 1.6)],
        "diver": [(-0.3, 0.0), (-0.4, 0.4), (-0.4, 2.2), (0.0, 2.7), (0.8, 2.8), (ring - 0.1, top + 0.1)],
    }[bezel]
    rings = [np.column_stack([offset(edge, inset), np.full(len(edge), z)]) for inset, z in profile]
    if bezel == "fluted":
        turn = np.linspace(0, 2 * np.pi, len(edge))
        teeth = 0.42 * (np.arange(len(edge)) % 2)
        for inset, z in ((0.7, 1.7), (ring * 0.6, 2.9)):
            outline = np.stack([np.cos(turn), np.sin(turn)], -1) * (half_w - inset - teeth[:, None])
            outline[-1] = outline[0]
            rings.append(np.column_stack([outline, np.full(len(edge), z)]))
    inner = [(ring, top), (ring + 0.3, top - 0.3), (ring + 0.9, 0.5), (ring + 1.0, -0.4)]
    rings += [np.column_stack([offset(edge, inset), np.full(len(edge), z)]) for inset, z in inner]
    opening = offset(edge, ring + 1.0)
    mesh = skinned(np.stack(rings), crease_deg=10.0 if bezel == "fluted" else 32.0)
    return mesh, opening, top


def _crown(half_w: float) -> Mesh:
    """A ribbed knob at three o'clock."""
    turn = np.linspace(0, 2 * np.pi, 61)
    radius = 2.7 + 0.22 * (np.arange(61) % 2)
    radius[-1] = radius[0]
    outline = np.stack([radius * np.cos(turn), radius * np.sin(turn)], -1)
    knob = turned_y(plate(outline, 3.4, 0.5), 90)
    stem = turned_y(plate(superellipse(1.6, 1.6, 2.0, 24), 2.4, 0.2), 90)
    return merged([knob.moved(x=half_w + 0.9, z=-2.6), stem.moved(x=half_w - 1.0, z=-2.6)])


def _pusher(half_w: float, at_deg: float) -> Mesh:
    button = turned_y(plate(superellipse(1.7, 1.7, 2.0, 28), 2.2, 0.4), 90)
    stem = turned_y(plate(superellipse(1.0, 1.0, 2.0, 20), 2.5, 0.2), 90)
    return merged([button.moved(x=half_w + 0.8), stem.moved(x=half_w - 1.0)]).moved(z=-2.6, yaw_deg=at_deg)


def _lugs(half_w: float, half_d: float, width: float) -> list[Mesh]:
    """Four horns that reach from the case to the strap and bend down, and the bars between them."""
    x = width / 2 + 1.2
    start = half_d * 0.55
    path = np.array([(x, start, -2.4), (x, half_d * 0.9, -2.6), (x, half_d + 2.0, -4.0), (x, half_d + 3.8, -6.6)])
    scale = np.array([[1.1, 1.2], [1.0, 1.1], [0.9, 0.9], [0.75, 0.7]])
    horn = tube(path, flat_section(2.6, 4.4, 0.8), scale=scale, side=(1, 0, 0), ends="round")
    other = mirrored(horn)
    turn = np.diag([-1.0, -1.0, 1.0])
    bars = [
        tube(np.array([[-x, s * (half_d + 2.4), -4.6], [x, s * (half_d + 2.4), -4.6]]), flat_section(1.6, 1.6, 0.7))
        for s in (-1, 1)
    ]
    return [horn, other, horn.turned(turn), other.turned(turn), *bars]


FAMILY = Family("watch", "watches", "jewellery", _build)
