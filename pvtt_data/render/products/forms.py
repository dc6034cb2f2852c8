"""Shapes that packages are made of: profiles with rounded corners, bodies, label patches, pipes, ribbed caps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from pvtt_data.render.meshes import Floats, Mesh, Profile, lathe, loft, sheet

Cut = Literal["square", "round", "oval", "arch"]
SEGMENTS = 112


def fillet(corners: Sequence[tuple[float, float, float]], steps: int = 7) -> Profile:
    """A line through corners (radius, z, rounding), each rounded by an arc that fits beside its neighbours."""
    points = np.array([corner[:2] for corner in corners], float)
    line: list[tuple[float, float]] = [(float(points[0, 0]), float(points[0, 1]))]
    for index in range(1, len(points) - 1):
        here = points[index]
        back, ahead = points[index - 1] - here, points[index + 1] - here
        len_back, len_ahead = float(np.linalg.norm(back)), float(np.linalg.norm(ahead))
        cosine = float(np.clip(back @ ahead / max(len_back * len_ahead, 1e-12), -1, 1))
        half = np.arccos(cosine) / 2
        rounding = corners[index][2]
        reach = min(rounding / max(np.tan(half), 1e-6), 0.49 * len_back, 0.49 * len_ahead)
        if rounding <= 0 or reach < 1e-5 or half > np.pi / 2 - 1e-3:
            line.append((float(here[0]), float(here[1])))
            continue
        start, end = here + back / len_back * reach, here + ahead / len_ahead * reach
        radius = reach * np.tan(half)
        middle = here + (back / len_back + ahead / len_ahead) / (2 * np.cos(half)) * radius / np.sin(half)
        first, last = start - middle, end - middle
        sweep = np.arctan2(first[0] * last[1] - first[1] * last[0], first @ last)
        for t in np.linspace(0, 1, steps):
            c, s = np.cos(sweep * t), np.sin(sweep * t)
            point = middle + np.array([c * first[0] - s * first[1], s * first[0] + c * first[1]])
            line.append((max(float(point[0]), 0.0), float(point[1])))
    line.append((float(points[-1, 0]), float(points[-1, 1])))
    return line


def tidy(mesh: Mesh) -> Mesh:
    """The mesh without triangles of no area, as where an outline closes to a point, and with normals everywhere."""
    corners = mesh.vertices[mesh.faces]
    faced = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    kept = np.linalg.norm(faced, axis=-1) > 1e-14
    faces = mesh.faces[kept]
    lost = np.linalg.norm(mesh.normals, axis=-1) < 0.98
    normals = mesh.normals
    if lost.any():
        sums = np.zeros_like(normals)
        for corner in range(3):
            np.add.at(sums, faces[:, corner], faced[kept])
        sums /= np.linalg.norm(sums, axis=-1, keepdims=True) + 1e-300
        normals = np.where(lost[:, None], sums, normals)
    return Mesh(mesh.vertices, normals, mesh.uv, faces)


def turned(profile: Profile, segments: int = SEGMENTS) -> Mesh:
    """A surface of revolution of (radius, z), from the axis up the outside and, if hollow, down the inside."""
    return tidy(lathe(profile, segments))


def section(width: float, depth: float, roundness: float, count: int = SEGMENTS) -> Floats:
    """(count + 1, 2) closed outline between an ellipse (roundness 2) and a rectangle (8 and more).

    It starts on the far side and goes over the left to the camera's side; points crowd where it bends.
    """
    if min(width, depth) < 1e-9:
        return np.zeros((count + 1, 2))
    turn = 2 * np.pi * (np.linspace(0, 1, 4097) - 0.5)
    sine, cosine = np.sin(turn), np.cos(turn)
    x = np.sign(sine) * np.abs(sine) ** (2 / roundness) * width / 2
    y = -np.sign(cosine) * np.abs(cosine) ** (2 / roundness) * depth / 2
    steps = np.hypot(np.diff(x), np.diff(y))
    heading = np.unwrap(np.arctan2(np.diff(y), np.diff(x)))
    bend = np.abs(np.diff(heading, prepend=heading[0]))
    weight = steps / steps.sum() + 0.9 * bend / max(float(bend.sum()), 1e-9)
    place = np.concatenate([[0.0], np.cumsum(weight)]) / weight.sum()
    place = (place + 1 - place[::-1]) / 2
    wanted = np.linspace(0, 1, count + 1)
    outline = np.stack([np.interp(wanted, place, x), np.interp(wanted, place, y)], -1)
    outline[-1] = outline[0]
    return outline


def body(
    profile: Profile, depth: float = 1.0, roundness: float = 2.0, shoulder: float = 1e9, neck: float = 0.0
) -> Mesh:
    """A profile of (half width, z) drawn around a section that turns into a circle from the shoulder to the neck.

    Args:
        depth: depth over width below the shoulder.
        roundness: of the section below the shoulder, as in `section`.
        shoulder: height where the turning begins.
        neck: radius of the neck.
    """
    if depth == 1.0 and roundness == 2.0:
        return turned(profile)
    points = np.array(profile, float)
    widest = float(points[points[:, 1] > shoulder, 0].max(initial=0.0))
    rings = np.empty((len(points), SEGMENTS + 1, 3))
    for index, (r, z) in enumerate(points):
        share = 1.0
        if z > shoulder:
            share = float(np.clip((r - neck) / max(widest - neck, 1e-9), 0, 1))
            share = share * share * (3 - 2 * share)
        rings[index, :, :2] = section(2 * r, 2 * r * (1 + share * (depth - 1)), 2 + share * (roundness - 2))
        rings[index, :, 2] = z
    return tidy(loft(rings))


def box_of(width: float, depth: float, low: float, high: float, corner: float, bevel: float, steps: int = 6) -> Mesh:
    """A box with rounded upright edges and rounded rims; the bevel is the same on all sides."""
    rings = []
    turn = np.linspace(0, np.pi / 2, steps)
    rows = [(-1.0, low), *((1 - float(np.sin(t)), low + bevel * (1 - float(np.cos(t)))) for t in turn)]
    rows += [(1 - float(np.cos(t)), high - bevel * (1 - float(np.sin(t)))) for t in turn]
    rows += [(-1.0, high)]
    for share, z in rows:
        if share < 0:
            ring = np.zeros((4 * (steps + 2) + 3, 2))
        else:
            less = bevel * share
            ring = _rectangle(width - 2 * less, depth - 2 * less, max(corner - less, 1e-4), steps)
        rings.append(np.column_stack([ring, np.full(len(ring), z)]))
    return tidy(loft(np.stack(rings)))


def _rectangle(width: float, depth: float, radius: float, steps: int) -> Floats:
    """(4 (steps + 2) + 3, 2) rounded rectangle with points beside the ends of its straight sides."""
    half_w, half_d = width / 2 - radius, depth / 2 - radius
    corners = [(-half_w, half_d, 90), (-half_w, -half_d, 180), (half_w, -half_d, 270), (half_w, half_d, 360)]
    points: list[tuple[float, float]] = [(0.0, depth / 2)]
    for index, (x, y, start) in enumerate(corners):
        if index == 2:
            points.append((0.0, -depth / 2))
        turn = np.radians(np.linspace(start, start + 90, steps + 2))
        points += [(x + radius * float(np.cos(a)), y + radius * float(np.sin(a))) for a in turn]
    return np.array([*points, (0.0, depth / 2)])


def rectangle(width: float, depth: float, radius: float, steps: int = 6) -> Floats:
    """(K, 2) closed outline of a rounded rectangle, its middle point in the middle of the camera's side."""
    return _rectangle(width, depth, radius, steps)


def length_of(outline: Floats) -> float:
    """Length of an outline (K, 2)."""
    return float(np.linalg.norm(np.diff(outline, axis=0), axis=1).sum())


def patch(
    outline: Floats,
    bottom: float,
    top: float,
    wide: float,
    cut: Cut = "square",
    corner: float = 0.0,
    out: float = 0.004,
    scale: Callable[[float], float] | None = None,
) -> Mesh:
    """A label that lies a hair outside an upright wall, its middle on the camera's side.

    Args:
        outline: (K, 2) of the wall, as `section` gives it.
        wide: along the wall; its whole length for a label that goes around.
        cut: shape of the label.
        corner: radius of its corners, for the cut "round".
        scale: size of the outline at a height, for walls that lean.
    """
    place = _places(outline)
    high = top - bottom
    if cut == "square":
        levels = np.linspace(0, 1, 2 if scale is None else 9)
        inner = place[(place > -wide / 2 + 1e-4) & (place < wide / 2 - 1e-4)]
        columns = np.concatenate([[-1.0], inner / (wide / 2), [1.0]])
    else:
        levels = (1 - np.cos(np.linspace(0, np.pi, 41))) / 2
        columns = np.linspace(-1, 1, 57)
    halves = np.array([_half(cut, float(t) * high, high, wide / 2, corner) for t in levels])
    s = halves[:, None] * columns
    z = np.broadcast_to((bottom + levels * high)[:, None], s.shape)
    grid = on_wall(outline, s, z, out, scale)[0]
    flat = sheet(grid)
    uv = np.stack(np.broadcast_arrays(0.5 + s / wide, (1 - levels)[:, None]), -1).reshape(-1, 2)
    return tidy(Mesh(flat.vertices, _steady(flat.normals, grid), uv, flat.faces))


def _places(outline: Floats) -> Floats:
    """(K,) length along an outline, 0 in the middle of the camera's side and growing to the right."""
    steps = np.linalg.norm(np.diff(outline, axis=0), axis=1)
    place = np.concatenate([[0.0], np.cumsum(steps)])
    return np.asarray(place - place[len(outline) // 2], np.float64)


def on_wall(
    outline: Floats, s: Floats, z: Floats, out: float, scale: Callable[[float], float] | None
) -> tuple[Floats, Floats]:
    """Points (..., 3) a hair outside an upright wall, and the wall's normals there.

    Args:
        s: (...) length along the outline, 0 in the middle of the camera's side.
        z: (...) height.
        scale: size of the outline at a height, for walls that lean.
    """
    place = _places(outline)
    along = np.gradient(np.concatenate([outline[-2:-1], outline, outline[1:2]]), axis=0)[1:-1]
    away = np.stack([along[:, 1], -along[:, 0]], -1)
    away /= np.linalg.norm(away, axis=-1, keepdims=True)
    size = np.vectorize(scale)(z) if scale else np.ones_like(z)
    normals = np.zeros((*s.shape, 3))
    points = np.empty((*s.shape, 3))
    for axis in range(2):
        normals[..., axis] = np.interp(s, place, away[:, axis])
        points[..., axis] = np.interp(s, place, outline[:, axis]) * size + out * normals[..., axis]
    points[..., 2] = z
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    return points, normals


def _half(cut: Cut, t: float, high: float, half: float, corner: float) -> float:
    """Half the width of a label at a height above its lower edge."""
    if cut == "oval":
        return half * float(np.sqrt(max(1 - (2 * t / high - 1) ** 2, 1e-6)))
    if cut == "arch":
        over = t - (high - min(half, high))
        return float(np.sqrt(max(half * half - over * over, 1e-8))) if over > 0 else half
    if cut == "round":
        near = corner - min(t, high - t)
        return half - corner + float(np.sqrt(max(corner * corner - near * near, 0.0))) if near > 0 else half
    return half


def _steady(normals: Floats, grid: Floats) -> Floats:
    """Normals of rows that have shrunk to a point are those of the rows beside them."""
    shaped = normals.reshape(grid.shape)
    for row in (0, -1):
        if np.ptp(grid[row, :, 0]) < 0.05 * np.ptp(grid[len(grid) // 2, :, 0]):
            shaped[row] = shaped[1 if row == 0 else -2]
    return shaped.reshape(-1, 3)


def pipe(
    path: Floats, half_across: Floats, half_along: Floats, aside: tuple[float, float, float] = (0.0, 1.0, 0.0)
) -> Mesh:
    """A closed tube along a path (P, 3) that lies in a plane.

    Args:
        half_across: (P,) half thickness in the path's plane.
        half_along: (P,) half thickness along the plane's normal.
        aside: the plane's normal.
    """
    tangent = np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=-1, keepdims=True)
    binormal = np.broadcast_to(np.array(aside, float), path.shape)
    normal = np.cross(binormal, tangent)
    turn = np.linspace(0, 2 * np.pi, 25)
    rings = (
        path[:, None]
        + normal[:, None] * (np.cos(turn)[None, :, None] * half_across[:, None, None])
        + binormal[:, None] * (np.sin(turn)[None, :, None] * half_along[:, None, None])
    )
    rings[:, -1] = rings[:, 0]
    ends = [np.repeat(path[i][None, None], len(turn), axis=1) for i in (0, -1)]
    return tidy(loft(np.concatenate([ends[0], rings, ends[1]])))


def ribbed(radius: float, low: float, high: float, ribs: int, deep: float, rounding: float) -> Mesh:
    """A cap with upright ribs that fade towards its rounded rim; deep is a share of the radius."""
    turn = 2 * np.pi * (np.linspace(0, 1, 6 * ribs + 1) - 0.5)
    profile = fillet([(0, low, 0), (radius, low, rounding * 0.4), (radius, high, rounding), (0, high, 0)], 6)
    rings = np.empty((len(profile), len(turn), 3))
    for index, (r, z) in enumerate(profile):
        fade = float(np.clip((high - rounding * 0.8 - z) / max(rounding, 1e-6), 0, 1)) * float(r > 0.5 * radius)
        reach = r * (1 - deep * fade * (0.5 + 0.5 * np.cos(ribs * turn)) ** 2)
        rings[index] = np.stack([reach * np.sin(turn), -reach * np.cos(turn), np.full_like(turn, z)], -1)
    rings[:, -1] = rings[:, 0]
    return tidy(loft(rings))
