"""Chains and beads laid along curves. Millimetres."""

from __future__ import annotations

from typing import Literal

import numpy as np

from pvtt_data.render.meshes import Floats, Mesh, merged
from pvtt_data.render.products.sweeps import (
    flat_section,
    frames,
    lengths,
    placed,
    resampled,
    round_section,
    skinned,
    tube,
)

Kind = Literal["cable", "curb", "paperclip", "figaro", "belcher", "rope", "snake", "ball"]
KINDS: tuple[Kind, ...] = ("cable", "curb", "paperclip", "figaro", "belcher", "rope", "snake", "ball")

Side = tuple[float, float, float]


def chain(kind: Kind, curve: Floats, width: float, closed: bool = False, side: Side = (0, 0, 1)) -> Mesh:
    """A chain along a curve (N, 3), about `width` across; side: the normal of the plane in which it lies."""
    if kind == "rope":
        return _rope(curve, width, closed, side)
    if kind == "snake":
        return _snake(curve, width, closed, side)
    if kind == "ball":
        return _balls(curve, width, closed, side)
    return _links(kind, curve, width, closed, side)


def bead(radius: float, flatness: float = 1.0, segments: int = 20) -> Mesh:
    """A sphere about the origin, or with flatness below 1 a rondelle, flat along y."""
    turn = np.linspace(0, 2 * np.pi, segments + 1)
    rise = np.linspace(0, np.pi, segments // 2 + 1)
    outline = np.stack([np.sin(turn), np.zeros_like(turn), np.cos(turn)], -1)
    rings = [radius * (np.sin(a) * outline - [0.0, np.cos(a) * flatness, 0.0]) for a in rise]
    return skinned(np.stack(rings), capped=False, crease_deg=90)


def link(length: float, width: float, wire: float, twist_deg: float = 0.0, flat: float = 1.0) -> Mesh:
    """A link about the origin, long along y, wide along x.

    Args:
        length, width: between the middles of the wire.
        wire: its radius.
        twist_deg: how far each end is turned about y, one against the other, as in curb chains.
        flat: thickness of the wire in z as a share of its width.
    """
    half, bow = max(length - width, 0.0) / 2, width / 2
    right = np.linspace(0, np.pi, 9)
    path = [(bow * np.cos(a), half + bow * np.sin(a)) for a in right]
    path += [(-bow * np.cos(a), -half - bow * np.sin(a)) for a in right]
    points = resampled(np.array(path), 28, closed=True)
    twist = np.radians(twist_deg) * np.clip(2 * points[:, 1] / length, -1, 1)
    curve = np.stack([points[:, 0] * np.cos(twist), points[:, 1], points[:, 0] * np.sin(twist)], -1)
    return tube(curve, round_section(wire, 9) * [flat, 1.0], closed=True, side=(0, 0, 1), crease_deg=90)


def strung(meshes: list[Mesh], pitches: list[float], curve: Floats, closed: bool, side: Side, rolls: Floats) -> Mesh:
    """Meshes one behind the other along a curve, in turn; pitches: the room of each; rolls: degrees, in turn."""
    moving = frames(_dense(curve, closed), closed, side)
    way = lengths(np.concatenate([moving.points, moving.points[:1]]) if closed else moving.points)
    rounds = max(int(way[-1] / sum(pitches)), 1)
    if closed:
        even = len(rolls) if len(meshes) % len(rolls) else 1
        rounds = max(even * round(way[-1] / (even * sum(pitches))), even)
    stretch = way[-1] / (rounds * sum(pitches)) if closed else 1.0
    pieces, at = [], 0.0
    for step in range(rounds * len(meshes)):
        which = step % len(meshes)
        room = pitches[which] * stretch
        index = int(np.searchsorted(way, at + room / 2)) % len(moving.points)
        pieces.append(placed(meshes[which], moving, index, float(rolls[step % len(rolls)])))
        at += room
    return merged(pieces)


def _dense(curve: Floats, closed: bool) -> Floats:
    total = float(lengths(np.concatenate([curve, curve[:1]]) if closed else curve)[-1])
    return resampled(curve, max(int(total / 0.35), 60), closed)


def _links(kind: Kind, curve: Floats, width: float, closed: bool, side: Side) -> Mesh:
    if kind == "curb":
        wire = width * 0.17
        body = width - 2 * wire
        one = link(body * 1.5, body, wire, 42.0)
        return strung([one], [body * 1.5 - 2.1 * wire], curve, closed, side, np.array([90.0]))
    if kind == "figaro":
        wire = width * 0.16
        body = width - 2 * wire
        short, long_ = link(body * 1.25, body, wire, 40.0), link(body * 2.6, body, wire, 40.0)
        room = [body * 1.25 - 2.1 * wire] * 3 + [body * 2.6 - 2.1 * wire]
        return strung([short, short, short, long_], room, curve, closed, side, np.array([90.0]))
    ratio, thick, flat = {"cable": (1.35, 0.17, 1.0), "paperclip": (2.9, 0.13, 1.0), "belcher": (1.0, 0.15, 2.2)}[kind]
    wire = width * thick
    body = width - 2 * wire
    one = link(body * ratio, body, wire, 0.0, flat)
    return strung([one], [body * ratio - 2.05 * wire], curve, closed, side, np.array([45.0, -45.0]))


def _rope(curve: Floats, width: float, closed: bool, side: Side) -> Mesh:
    """Three strands that wind about each other."""
    total = float(lengths(np.concatenate([curve, curve[:1]]) if closed else curve)[-1])
    turns = max(int(total / (2.6 * width)), 1)
    count = turns * 14
    moving = frames(resampled(curve, count, closed), closed, side)
    wire = width * 0.27
    angle = 2 * np.pi * turns * np.arange(count) / (count if closed else count - 1)
    pieces = []
    for strand in range(3):
        turn = angle + 2 * np.pi * strand / 3
        path = moving.points + 0.85 * wire * (np.cos(turn)[:, None] * moving.side + np.sin(turn)[:, None] * moving.up)
        pieces.append(
            tube(path, round_section(wire, 8), closed=closed, ends="flat" if closed else "round", crease_deg=90)
        )
    return merged(pieces)


def _snake(curve: Floats, width: float, closed: bool, side: Side) -> Mesh:
    """A tube of fine rings."""
    total = float(lengths(np.concatenate([curve, curve[:1]]) if closed else curve)[-1])
    ridges = int(total / (0.42 * width))
    path = resampled(curve, ridges * 4, closed)
    bulge = np.tile([0.86, 0.99, 1.0, 0.99], ridges)
    return tube(path, round_section(width / 2, 14), closed=closed, scale=bulge, side=side, crease_deg=80)


def _balls(curve: Floats, width: float, closed: bool, side: Side) -> Mesh:
    wire = tube(resampled(curve, 160, closed), round_section(width * 0.14, 6), closed=closed, side=side)
    balls = strung([bead(width / 2, 1.0, 14)], [width * 1.12], curve, closed, side, np.array([0.0]))
    return merged([wire, balls])


def lobster_clasp(size: float) -> Mesh:
    """A clasp about the origin, long along y, lying in the xy plane."""
    turn = np.radians(np.linspace(-60, 250, 26))
    hook = np.stack([0.30 * np.cos(turn), 0.25 + 0.42 * np.sin(turn), np.zeros_like(turn)], -1) * size
    thick = np.interp(turn, [turn[0], turn[8], turn[-1]], [0.7, 1.0, 1.25])
    claw = tube(hook, round_section(0.11 * size, 10), scale=thick, ends="round", side=(0, 0, 1), crease_deg=80)
    eye = link(0.34 * size, 0.34 * size, 0.075 * size).moved(y=-0.48 * size)
    lever = tube(
        np.array([[0.24, -0.12, 0], [0.36, 0.05, 0], [0.37, 0.22, 0]]) * size,
        flat_section(0.12 * size, 0.08 * size, 0.03 * size),
        ends="round",
    )
    return merged([claw, eye, lever])
