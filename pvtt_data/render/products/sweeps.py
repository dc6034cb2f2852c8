"""Sections drawn along curves: tubes, straps, rims; and things strung or laid along curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pvtt_data.render.meshes import Floats, Mesh, circle
from pvtt_data.render.products.creases import Faces, shaded

Ends = Literal["flat", "round"]


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """A curve's moving frame: at each of N points a right-handed triple (side, up, ahead), unit vectors (N, 3).

    A section's first coordinate is measured along `side`, its second along `up`.
    """

    points: Floats
    side: Floats
    up: Floats
    ahead: Floats


def frames(curve: Floats, closed: bool = False, side: tuple[float, float, float] | None = None) -> Frames:
    """Parallel-transport frames by double reflection (Wang, Juettler, Zheng and Liu 2008).

    Args:
        curve: (N, 3) points, no two neighbours alike; of a closed curve the first is not repeated.
        closed: whether the last point is joined to the first; what is left of the twist is spread over the curve.
        side: wanted direction of the first frame's side; what is along the curve is taken off. For a plane curve
            give the plane's normal: it is kept all along.
    """
    points = np.asarray(curve, float)
    ahead = np.roll(points, -1, axis=0) - np.roll(points, 1, axis=0) if closed else np.gradient(points, axis=0)
    ahead = ahead / np.linalg.norm(ahead, axis=1, keepdims=True)
    start = np.array(side if side is not None else np.eye(3)[int(np.argmin(np.abs(ahead[0])))], float)
    start = start - ahead[0] * (start @ ahead[0])
    sides = [start / np.linalg.norm(start)]
    following = np.arange(1, len(points) + (1 if closed else 0))
    for index in following:
        here = index % len(points)
        sides.append(_carried(sides[-1], points[index - 1], points[here], ahead[index - 1], ahead[here]))
    transported = np.array(sides)
    if closed:
        last, transported = transported[-1], transported[:-1]
        twist = np.arctan2(np.cross(last, sides[0]) @ ahead[0], last @ sides[0])
        transported = _rolled(transported, ahead, twist * np.arange(len(points)) / len(points))
    return Frames(points, transported, np.cross(ahead, transported), ahead)


def _carried(side: Floats, start: Floats, end: Floats, ahead: Floats, ahead_next: Floats) -> Floats:
    """The side vector carried from one point of a curve to the next without twisting about the curve."""
    step = end - start
    square = float(step @ step)
    side = side - step * (2 / square * (step @ side))
    turned = ahead - step * (2 / square * (step @ ahead))
    second = ahead_next - turned
    square = float(second @ second)
    if square > 1e-18:
        side = side - second * (2 / square * (second @ side))
    side = side - ahead_next * (side @ ahead_next)
    return np.asarray(side / np.linalg.norm(side), float)


def _rolled(side: Floats, ahead: Floats, angle: Floats) -> Floats:
    return np.asarray(side * np.cos(angle)[:, None] + np.cross(ahead, side) * np.sin(angle)[:, None], float)


def round_section(radius: float, segments: int = 12) -> Floats:
    """(segments + 1, 2) closed circle."""
    return circle(radius, segments)


def flat_section(width: float, thickness: float, radius: float, corner_steps: int = 4) -> Floats:
    """(K, 2) closed rectangle with round corners: width along side, thickness along up."""
    radius = min(radius, width / 2, thickness / 2)
    half_w, half_t = width / 2 - radius, thickness / 2 - radius
    points = []
    for x, y, start in ((-half_w, half_t, 90), (-half_w, -half_t, 180), (half_w, -half_t, 270), (half_w, half_t, 0)):
        angles = np.radians(np.linspace(start, start + 90, corner_steps))
        points += [(x + radius * np.cos(a), y + radius * np.sin(a)) for a in angles]
    return np.array([*points, points[0]])


def tube(
    curve: Floats,
    section: Floats,
    *,
    closed: bool = False,
    scale: Floats | None = None,
    side: tuple[float, float, float] | None = None,
    roll: Floats | None = None,
    ends: Ends = "flat",
    crease_deg: float = 40.0,
) -> Mesh:
    """A closed mesh: a section swept along a curve.

    Args:
        curve: (N, 3); of a closed curve the first point is not repeated.
        section: (K, 2), anticlockwise, the first point repeated at the end.
        closed: whether the curve is a loop.
        scale: (N,) or (N, 2) factors for the section along its two coordinates.
        side: see `frames`.
        roll: (N,) extra turns of the section about the curve, radians.
        ends: how an open tube is closed; round ends reach beyond the curve by the section's smaller half.
        crease_deg: edges sharper than this stay sharp.

    Texture coordinates: u around the section, v from 1 at the curve's start to 0 at its end.
    """
    moving = frames(curve, closed, side)
    factors = (
        np.ones((len(curve), 2)) if scale is None else np.broadcast_to(np.asarray(scale, float).T, (2, len(curve))).T
    )
    if closed:
        turn = np.append(np.arange(len(curve)), 0)
        moving = Frames(moving.points[turn], moving.side[turn], moving.up[turn], moving.ahead[turn])
        factors = factors[turn]
        roll = None if roll is None else np.append(roll, roll[0])
    elif ends == "round":
        moving, factors, roll = _with_round_ends(moving, factors, section, roll)
    side_vectors = moving.side if roll is None else _rolled(moving.side, moving.ahead, roll)
    up_vectors = np.cross(moving.ahead, side_vectors)
    flat = section[None] * factors[:, None, :]
    rings = moving.points[:, None] + flat[..., :1] * side_vectors[:, None] + flat[..., 1:] * up_vectors[:, None]
    return skinned(rings, capped=not closed, crease_deg=crease_deg)


def _with_round_ends(
    moving: Frames, factors: Floats, section: Floats, roll: Floats | None
) -> tuple[Frames, Floats, Floats | None]:
    """The frames with a few more at both ends, where the section shrinks along a quarter circle."""
    reach = np.abs(section).max(axis=0)
    arcs = np.radians([18.0, 36.0, 54.0, 72.0, 86.0])
    index = np.concatenate([np.zeros(len(arcs), int), np.arange(len(factors)), np.full(len(arcs), len(factors) - 1)])
    extended = factors[index].copy()
    points = moving.points[index].copy()
    for arc_index, angle in enumerate(arcs):
        for row, end, sign in ((len(arcs) - 1 - arc_index, 0, -1.0), (len(arcs) + len(factors) + arc_index, -1, 1.0)):
            half = reach * factors[end]
            depth = float(half.min())
            extended[row] = factors[end] * (half - depth * (1 - np.cos(angle))) / half
            points[row] = moving.points[end] + sign * depth * np.sin(angle) * moving.ahead[end]
    wider = Frames(points, moving.side[index], moving.up[index], moving.ahead[index])
    return wider, extended, None if roll is None else np.asarray(roll, float)[index]


def skinned(rings: Floats, capped: bool = True, crease_deg: float = 40.0) -> Mesh:
    """Skin over closed outlines (R, K, 3), each anticlockwise about the direction in which they follow each other.

    As `meshes.loft`, but with flat caps on both ends and with sharp edges where the skin is sharp. Texture
    coordinates: u along the outline from 0 to 1, v from 1 at the first ring to 0 at the last; of caps (0.5, 0.5) is the
    middle.
    """
    count, size, _ = rings.shape
    u = _fractions(rings[int(np.argmax(np.ptp(rings, axis=1).max(axis=1)))])
    v = 1 - _fractions(rings[:, size // 2])
    uv = np.stack(np.broadcast_arrays(u[None, :], v[:, None]), -1).reshape(-1, 2)
    corner = (np.arange(count - 1)[:, None] * size + np.arange(size - 1)).ravel()
    faces = [
        np.stack([corner, corner + 1, corner + size + 1], -1),
        np.stack([corner, corner + size + 1, corner + size], -1),
    ]
    vertices = rings.reshape(-1, 3)
    if capped:
        middles = np.stack([rings[0, :-1].mean(axis=0), rings[-1, :-1].mean(axis=0)])
        around = np.arange(size - 1)
        last = (count - 1) * size
        faces.append(np.stack([around + 1, around, np.full(size - 1, len(vertices))], -1))
        faces.append(np.stack([last + around, last + around + 1, np.full(size - 1, len(vertices) + 1)], -1))
        vertices = np.concatenate([vertices, middles])
        uv = np.concatenate([uv, [[0.5, 1.0], [0.5, 0.0]]])
    joined: Faces = np.concatenate(faces).astype(np.int64)
    return shaded(vertices, uv, joined, crease_deg)


def _fractions(points: Floats) -> Floats:
    length = lengths(points)
    return length / max(float(length[-1]), 1e-12)


def lengths(points: Floats) -> Floats:
    """The length of the way (N,) from the first of N points to each."""
    return np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])


def resampled(curve: Floats, count: int, closed: bool = False) -> Floats:
    """`count` points (count, 3) at equal steps; of a closed curve the first is not repeated."""
    points = np.concatenate([curve, curve[:1]]) if closed else np.asarray(curve, float)
    way = lengths(points)
    wanted = np.linspace(0, way[-1], count + 1)[:-1] if closed else np.linspace(0, way[-1], count)
    return np.stack([np.interp(wanted, way, points[:, axis]) for axis in range(points.shape[1])], -1)


def smooth_curve(knots: Floats, count: int, closed: bool = False) -> Floats:
    """`count` points at equal steps on a centripetal Catmull-Rom spline through knots (K, 3) or (K, 2)."""
    knots = np.asarray(knots, float)
    if closed:
        padded = np.concatenate([knots[-1:], knots, knots[:2]])
    else:
        padded = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    pieces = []
    for index in range(len(padded) - 3):
        pieces.append(_catmull_rom(padded[index : index + 4], np.linspace(0, 1, 25)[:-1]))
    if not closed:
        pieces.append(knots[-1:])
    return resampled(np.concatenate(pieces), count, closed)


def _catmull_rom(four: Floats, share: Floats) -> Floats:
    """Points (T, D) between the second and the third of four knots (Barry and Goldman 1988)."""
    times = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(four, axis=0), axis=1) ** 0.5)])
    when = times[1] + share * (times[2] - times[1])

    def between(low: int, high: int, first: Floats, second: Floats) -> Floats:
        weight = ((when - times[low]) / (times[high] - times[low]))[:, None]
        return np.asarray(first * (1 - weight) + second * weight, float)

    ones = [between(i, i + 1, four[i], four[i + 1]) for i in range(3)]
    twos = [between(0, 2, ones[0], ones[1]), between(1, 3, ones[1], ones[2])]
    return between(1, 2, twos[0], twos[1])


def placed(mesh: Mesh, moving: Frames, index: int, roll_deg: float = 0.0) -> Mesh:
    """A mesh carried to a point of a curve: its +x points along side, its +y ahead, its +z against up."""
    angle = np.array([np.radians(roll_deg)])
    side = _rolled(moving.side[index : index + 1], moving.ahead[index : index + 1], angle)[0]
    ahead = moving.ahead[index]
    return mesh.turned(np.stack([side, ahead, np.cross(side, ahead)], -1)).shifted(moving.points[index])


def turned_x(mesh: Mesh, degrees: float) -> Mesh:
    """The mesh tipped about the x axis; positive lifts what is at +y: what faced up then faces the camera."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return mesh.turned(np.array([[1, 0, 0], [0, c, -s], [0, s, c]]))


def turned_y(mesh: Mesh, degrees: float) -> Mesh:
    """The mesh turned about the y axis, from z towards x."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return mesh.turned(np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]))
