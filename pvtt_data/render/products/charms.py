"""Charms, pendants and drops: what hangs from chains and hooks. Millimetres.

A charm hangs from the origin down along -z and shows its front to -y.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from pvtt_data.render.material import Part
from pvtt_data.render.meshes import Floats, Mesh, merged
from pvtt_data.render.products import gems
from pvtt_data.render.products.chains import bead, link
from pvtt_data.render.products.dice import chance, pick
from pvtt_data.render.products.engraving import emblem, engraved
from pvtt_data.render.products.family import Dice
from pvtt_data.render.products.metals import Metal
from pvtt_data.render.products.plates import face, offset, plate, superellipse
from pvtt_data.render.products.poses import changed
from pvtt_data.render.products.stone_settings import Style, mounted
from pvtt_data.render.products.sweeps import resampled, round_section, skinned, tube, turned_x

Charm = tuple[tuple[Part, ...], str]
Kind = Literal["heart", "coin", "star", "bar", "stone", "halo", "leaf", "moon", "pearl", "drop", "ring", "cross"]
KINDS: tuple[Kind, ...] = (
    "heart", "coin", "star", "bar", "stone", "halo", "leaf", "moon", "pearl", "drop", "ring", "cross",
)  # fmt: skip


def charm(kind: Kind, size: float, metal: Metal, shape: Dice, finish: Dice, label: Dice) -> Charm:
    """A charm about `size` high, and its name."""
    parts, name = _made(kind, size, metal, shape, finish, label)
    top = max(float(part.mesh.vertices[:, 2].max()) for part in parts)
    eye = link(0.13 * size, 0.13 * size, 0.026 * size)
    ring = turned_x(eye, 90).moved(yaw_deg=90, z=-0.09 * size)
    lowered = changed(parts, lambda mesh: mesh.moved(z=-top - 0.13 * size))
    return (*lowered, Part(ring, metal.polished())), name


def upright(mesh: Mesh) -> Mesh:
    """A mesh that lay on z = 0 face up, standing with its face to -y and its +y up."""
    return turned_x(mesh, 90)


def _made(kind: Kind, size: float, metal: Metal, shape: Dice, finish: Dice, label: Dice) -> Charm:
    half = size / 2
    if kind in ("stone", "halo"):
        return _stone(kind, half, metal, shape, finish)
    if kind == "pearl":
        name, colour = pick(finish, gems.PEARLS)
        half *= 0.66
        cap = tube(np.array([[0, 0, half * 0.78], [0, 0, half * 0.95]]), round_section(half * 0.22, 14), ends="round")
        ball = bead(half * 0.82, 1.0, 32)
        return (Part(ball, gems.pearl(colour)), Part(cap, metal.polished())), name
    if kind == "drop":
        return _drop(half, metal, finish)
    if kind == "coin":
        return _coin(half, metal, shape, label)
    if kind == "bar":
        return _bar(size, metal, label)
    if kind == "moon":
        turn = np.radians(np.linspace(62, 298, 60))
        arc = half * 0.72 * np.stack([np.cos(turn), np.zeros_like(turn), np.sin(turn)], -1)
        swell = np.sin(np.linspace(0.10, np.pi - 0.10, 60)) ** 0.8
        return (Part(tube(arc, round_section(half * 0.30, 16), scale=swell, ends="round"), metal.polished()),), "Moon"
    if kind == "ring":
        inner = float(shape.uniform(0.62, 0.72)) * half
        turn = np.linspace(0, 2 * np.pi, 72, endpoint=False)
        curve = inner * np.stack([np.cos(turn), np.zeros_like(turn), np.sin(turn)], -1)
        return (Part(tube(curve, round_section(half - inner, 14), closed=True), metal.polished()),), "Karma"
    outline = _OUTLINES[kind]() * half
    thick = size * 0.11
    body = plate(outline, thick, thick * 0.42, dome=size * (0.10 if kind == "heart" else 0.05))
    surface = metal.satin() if chance(finish, 0.3) else metal.polished()
    return (Part(upright(body), surface),), kind.title()


def _stone(kind: Kind, half: float, metal: Metal, shape: Dice, finish: Dice) -> Charm:
    cut: gems.Cut = pick(shape, ("round", "oval", "pear", "emerald", "cushion", "cabochon", "marquise"))
    style: Style = "halo" if kind == "halo" and cut != "cabochon" else ("bezel" if cut == "cabochon" else "prongs")
    setting = mounted(cut, half * (0.76 if style == "halo" else 0.86), style, 4)
    stone = gems.DIAMOND if chance(finish, 0.3) else pick(finish, gems.COLOURED)
    material, name = stone.material(), stone.name
    if cut == "cabochon":
        pebble = pick(finish, gems.PEBBLES)
        material, name = pebble.material(), pebble.name

    def hung(mesh: Mesh) -> Mesh:
        return upright(mesh.moved(yaw_deg=-90))

    parts = [Part(hung(setting.metal), metal.polished()), Part(hung(setting.stone), material)]
    if setting.pave is not None:
        parts.append(Part(hung(setting.pave), gems.DIAMOND.foil()))
    return tuple(parts), f"{name}{' Halo' if style == 'halo' else ''}"


def _drop(half: float, metal: Metal, finish: Dice) -> Charm:
    """A solid teardrop of metal or stone."""
    rise = np.linspace(0, np.pi, 26)
    radius = 0.62 * half * np.sin(rise) * np.sin(rise / 2) ** 0.9
    z = -half * 0.8 * np.cos(np.pi - rise)
    turn = np.linspace(0, 2 * np.pi, 37)
    outline = np.stack([np.cos(turn), np.sin(turn), np.zeros_like(turn)], -1)
    rings = [r * outline + [0, 0, height] for r, height in zip(radius[::-1], z[::-1], strict=True)]
    body = skinned(np.stack(rings), capped=False, crease_deg=80)
    if chance(finish, 0.4):
        pebble = pick(finish, gems.PEBBLES)
        return (Part(body, pebble.material()),), f"{pebble.name} Drop"
    return (Part(body, metal.polished()),), "Drop"


def _coin(half: float, metal: Metal, shape: Dice, label: Dice) -> Charm:
    edge = superellipse(half, half, pick(shape, (2.0, 2.0, 3.2)))
    thick = half * 0.16
    body = plate(edge, thick, thick * 0.45)
    turn = np.linspace(0, 1, 72, endpoint=False)
    rim = resampled(np.column_stack([offset(edge, thick * 0.9)[:-1], np.full(len(edge) - 1, thick)]), len(turn), True)
    border = tube(rim, round_section(thick * 0.32, 8), closed=True)
    picture = face(offset(edge, thick * 1.1), thick * 1.03)
    parts = (
        Part(upright(merged([body, border])), metal.polished()),
        Part(upright(picture), engraved(emblem(label), metal)),
    )
    return parts, "Coin"


def _bar(size: float, metal: Metal, label: Dice) -> Charm:
    edge = superellipse(size * 0.16, size * 0.5, 7.0)
    body = plate(edge, size * 0.07, size * 0.022)
    stone = gems.cut_stone("round").scaled(size * 0.085).moved(y=-size * 0.32, z=size * 0.075)
    return (Part(upright(body), metal.polished()), Part(upright(stone), gems.DIAMOND.foil())), "Bar"


def _closed(points: Floats) -> Floats:
    ring = resampled(points, 96, closed=True)
    return np.concatenate([ring, ring[:1]])


def _heart() -> Floats:
    turn = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    x = 16 * np.sin(turn) ** 3
    y = 13 * np.cos(turn) - 5 * np.cos(2 * turn) - 2 * np.cos(3 * turn) - np.cos(4 * turn)
    return _closed(np.stack([-x / 16.5, (y + 2.5) / 16.5], -1))


def _star() -> Floats:
    turn = np.pi / 2 + np.linspace(0, 2 * np.pi, 400, endpoint=False)
    wave = np.abs(((turn - np.pi / 2) * 5 / (2 * np.pi)) % 1 - 0.5) * 2
    reach = 0.47 + 0.53 * wave**1.35
    return _closed(np.stack([reach * np.cos(turn), reach * np.sin(turn)], -1))


def _leaf() -> Floats:
    along = np.linspace(-1, 1, 60)
    breadth = 0.44 * np.sqrt(np.clip(1 - along**2, 0, 1)) * (1 - 0.35 * along)
    right = np.stack([breadth, along], -1)
    left = np.stack([-breadth, along], -1)[::-1]
    return _closed(np.concatenate([right, left[1:-1]]))


def _cross() -> Floats:
    a, top, low, wide = 0.17, 1.0, -1.0, 0.66
    y = 0.30
    corners = [(a, low), (a, y - a), (wide, y - a), (wide, y + a), (a, y + a), (a, top)]
    return _closed(np.array([*corners, *[(-x, z) for x, z in reversed(corners)]]))


_OUTLINES = {"heart": _heart, "star": _star, "leaf": _leaf, "cross": _cross}
