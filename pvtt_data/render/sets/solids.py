"""Mesh builders for props: tubes, pebbles, cushions, curtains, slabs with texture coordinates in scene units."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pvtt_data.render import meshes
from pvtt_data.render.meshes import Floats, Mesh
from pvtt_data.render.stage_set import Point

Turn = tuple[float, float, float]


def measured(mesh: Mesh, world: float) -> Mesh:
    """The mesh with texture coordinates that run once over `world` units: flat on top, around and up on the sides.

    The mesh comes from `meshes.prism`, `meshes.lathe` or their like.
    """
    x, y, z = mesh.vertices.T
    around = float(np.ptp(x) + np.ptp(y)) * 1.7
    flat = np.abs(mesh.normals[:, 2]) > 0.7
    u = np.where(flat, x, mesh.uv[:, 0] * around)
    v = np.where(flat, -y, -z)
    return Mesh(mesh.vertices, mesh.normals, np.stack([u, v], -1) / world, mesh.faces)


def stretched(mesh: Mesh, x: float = 1.0, y: float = 1.0, z: float = 1.0) -> Mesh:
    """The mesh scaled along its axes, about the origin."""
    factors = np.array([x, y, z])
    normals = mesh.normals / factors
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
    return Mesh(mesh.vertices * factors, normals, mesh.uv, mesh.faces)


def rotation(roll_deg: float = 0.0, pitch_deg: float = 0.0, yaw_deg: float = 0.0) -> Floats:
    """``(3, 3)``: a turn about y, then about x, then about z."""
    (cr, sr), (cp, sp), (cy, sy) = ((np.cos(a), np.sin(a)) for a in np.radians([roll_deg, pitch_deg, yaw_deg]))
    about_y = np.array([[cr, 0, sr], [0, 1, 0], [-sr, 0, cr]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    made: Floats = about_z @ about_x @ about_y
    return made


def tube(path: Sequence[Point] | Floats, radii: Sequence[float] | Floats, sides: int = 12) -> Mesh:
    """A round bar along a path ``(N, 3)`` with a radius at every point, its ends closed and rounded."""
    points, sizes = np.asarray(path, float), np.asarray(radii, float)
    first, last = points[1] - points[0], points[-1] - points[-2]
    first, last = first / np.linalg.norm(first), last / np.linalg.norm(last)
    points = np.concatenate(
        [
            [points[0] - 0.6 * sizes[0] * first, points[0] - 0.45 * sizes[0] * first],
            points,
            [points[-1] + 0.45 * sizes[-1] * last, points[-1] + 0.6 * sizes[-1] * last],
        ]
    )
    sizes = np.concatenate([[0.0, 0.62 * sizes[0]], sizes, [0.62 * sizes[-1], 0.0]])
    along = np.gradient(points, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    helper = np.eye(3)[int(np.argmin(np.abs(along).max(axis=0)))]
    a = np.cross(helper, along)
    a /= np.linalg.norm(a, axis=1, keepdims=True) + 1e-12
    b = np.cross(along, a)
    outline = meshes.circle(1.0, sides)
    around = outline[None, :, :1] * a[:, None] + outline[None, :, 1:] * b[:, None]
    return meshes.loft(points[:, None] + sizes[:, None, None] * around)


def turned_uneven(rng: np.random.Generator, profile: meshes.Profile, uneven: float = 0.03, segments: int = 48) -> Mesh:
    """A surface of revolution whose outline wavers a little, as grown and hand-thrown things do."""
    points = np.array(profile, float)
    outline = meshes.circle(1.0, segments)
    turn = np.linspace(0, 2 * np.pi, segments + 1)
    rings = np.empty((len(points), len(outline), 3))
    height = np.linspace(0, 1, len(points))[:, None]
    waver = np.ones((len(points), len(outline)))
    for lobes in (1, 2, 3):
        waver += uneven / lobes * rng.normal() * np.cos(lobes * turn + rng.uniform(0, 6.3) + 2 * rng.normal() * height)
    rings[..., :2] = points[:, None, :1] * outline * waver[..., None]
    rings[..., 2] = points[:, None, 1]
    return meshes.loft(rings)


def pebble(rng: np.random.Generator, half_width: float, half_depth: float, half_height: float) -> Mesh:
    """A rounded stone that lies on z = 0."""
    polar = np.linspace(0, np.pi, 25)
    profile = [(float(np.sin(t)) ** 0.85, float(1 - np.cos(t))) for t in polar]
    return stretched(turned_uneven(rng, profile, 0.07, 40), half_width, half_depth, half_height)


def cushion(width: float, depth: float, height: float, puff: float = 0.45) -> Mesh:
    """A soft block that lies on z = 0: rounded edges, swollen sides; puff: 0.15 a folded towel, 0.6 a pillow."""
    outline = meshes.rounded_rectangle(width, depth, 0.22 * min(width, depth), 8)
    polar = np.linspace(0, np.pi, 21)
    sine = np.sin(polar)
    scale = np.sign(sine) * np.abs(sine) ** puff
    rings = np.empty((len(polar), len(outline), 3))
    rings[..., :2] = scale[:, None, None] * outline
    rings[..., 2] = height / 2 * (1 - np.sign(np.cos(polar)) * np.abs(np.cos(polar)) ** 0.8)[:, None]
    return meshes.loft(rings)


def surface(points: Floats, world: float) -> Mesh:
    """`meshes.sheet` whose texture coordinates follow the lengths along its first row and column, once per `world`."""
    plain = meshes.sheet(points)
    columns = np.linalg.norm(np.diff(points[len(points) // 2], axis=0), axis=-1)
    rows = np.linalg.norm(np.diff(points[:, points.shape[1] // 2], axis=0), axis=-1)
    u = np.concatenate([[0.0], np.cumsum(columns)]) / world
    v = -np.concatenate([[0.0], np.cumsum(rows)]) / world
    uv = np.stack(np.meshgrid(u, v), -1).reshape(-1, 2)
    return Mesh(plain.vertices, plain.normals, uv, plain.faces)


def upright(width: float, low: float, high: float, y: float, world: float = 1.0) -> Mesh:
    """A wall that faces the camera, uv in units of `world`."""
    half = width / 2
    return surface(np.array([[[-half, y, low], [half, y, low]], [[-half, y, high], [half, y, high]]]), world)


def level(width: float, near: float, far: float, z: float = 0.0, world: float = 1.0) -> Mesh:
    """A horizontal rectangle, uv in units of `world`."""
    half = width / 2
    return surface(np.array([[[-half, near, z], [half, near, z]], [[-half, far, z], [half, far, z]]]), world)


def bent_paper(width: float, near: float, far: float, height: float, radius: float) -> Mesh:
    """`meshes.sweep` with a round so fine that no shading steps show."""
    bend = np.linspace(0, np.pi / 2, 49)
    y = np.concatenate([[near, (near + far - radius) / 2], far - radius + radius * np.sin(bend), [far]])
    z = np.concatenate([[0.0, 0.0], radius * (1 - np.cos(bend)), [height]])
    grid = np.empty((len(y), 2, 3))
    grid[..., 0], grid[..., 1], grid[..., 2] = np.array([-width / 2, width / 2]), y[:, None], z[:, None]
    return surface(grid, 1.0)


def hoop_on_foot(radius: float, thickness: float) -> Mesh:
    """An upright ring, sunk a little into the floor so that it does not seem to balance."""
    return meshes.hoop(radius, thickness).moved(z=-0.25 * thickness)
