"""Plants: potted, as twigs in a vase or on the table, as flowers."""

from __future__ import annotations

import numpy as np

from pvtt_data.render import meshes
from pvtt_data.render.material import Material, Part
from pvtt_data.render.meshes import Floats, Mesh
from pvtt_data.render.sets.palette import EARTHS, GREENS, NEUTRALS, mixed, picked, turned
from pvtt_data.render.sets.props.prop import Prop, prop
from pvtt_data.render.sets.solids import rotation, tube, turned_uneven
from pvtt_data.render.sets.textures.organic import leaf as leaf_surface

_BARK = Material("#6b5238", roughness=0.85)


def foliage(rng: np.random.Generator) -> Material:
    """The green of one plant."""
    green = picked(rng, GREENS)
    return leaf_surface(rng, green, mixed(green, "#e4efb8", 0.55))


def potted(rng: np.random.Generator) -> Prop:
    """A plant with broad or strap-like leaves in a pot."""
    size = rng.uniform(0.85, 1.15)
    profile = [
        (0, 0),
        (0.14, 0),
        (0.155, 0.02),
        (0.195, 0.29),
        (0.215, 0.30),
        (0.215, 0.34),
        (0.19, 0.34),
        (0.18, 0.28),
        (0, 0.275),
    ]
    pot = meshes.lathe([(r * size, z * size) for r, z in profile], 64)
    glaze = Material(picked(rng, EARTHS if rng.random() < 0.4 else NEUTRALS), roughness=rng.uniform(0.4, 0.8))
    soil = meshes.lathe([(0.0, 0.30 * size), (0.17 * size, 0.285 * size), (0.185 * size, 0.27 * size)][::-1], 32)
    straps = rng.random() < 0.35
    leaves, stems = [], []
    for index in range(11 if straps else 17):
        yaw = 360 * index * 0.381966 + rng.uniform(-12, 12)
        if straps:
            length = size * rng.uniform(0.7, 1.15)
            blade = meshes.leaf(length, 0.11 * size, rng.uniform(66, 86), rng.uniform(-0.05, 0.22), 0.35)
            leaves.append(blade.moved(x=0.03).moved(z=0.27 * size, yaw_deg=yaw))
        else:
            inner = index / 17
            length = size * rng.uniform(0.24, 0.36)
            lift = np.radians(80 - 55 * inner + rng.uniform(-8, 8))
            reach = size * rng.uniform(0.18, 0.36)
            tip = (reach * float(np.cos(lift)), 0.0, reach * float(np.sin(lift)))
            blade = meshes.leaf(
                length, length * rng.uniform(0.55, 0.7), rng.uniform(5, 45), rng.uniform(0.25, 0.6), 0.3
            )
            leaves.append(blade.moved(*tip).moved(z=0.27 * size, yaw_deg=yaw))
            stem = tube([(0, 0, 0), (0.45 * tip[0], 0, 0.55 * tip[2]), tip], [0.010, 0.008, 0.006], 6)
            stems.append(stem.moved(z=0.27 * size, yaw_deg=yaw))
    green = foliage(rng)
    parts = [Part(pot, glaze), Part(soil, Material("#3a2c22", roughness=1.0)), Part(meshes.merged(leaves), green)]
    if stems:
        parts.append(Part(meshes.merged(stems), Material("#5d7a3c", roughness=0.6)))
    return prop(parts)


def twig(
    rng: np.random.Generator, length: float, pairs: int, leaf_length: float, slim: float = 0.45, droop: float = 0.2
) -> tuple[Mesh, Mesh]:
    """A twig that starts at the origin and reaches out along +x: its wood, and its leaves in pairs."""
    s = np.linspace(0, 1, 14)
    path = np.stack(
        [length * s, 0.06 * length * np.sin(2.2 * s + rng.uniform(-1, 1)), length * (0.10 * s - droop * s**2)], -1
    )
    path -= path[0]
    wood = tube(path, np.linspace(0.012, 0.004, len(s)) * max(length, 0.5), 7)
    leaves = []
    for index in range(pairs):
        at = 0.12 + 0.85 * (index + rng.uniform(-0.2, 0.2)) / max(pairs - 1, 1)
        place = _along(path, float(np.clip(at, 0, 1)))
        size = leaf_length * (1.0 - 0.45 * at) * rng.uniform(0.85, 1.15)
        for side in (-1, 1):
            blade = meshes.leaf(size, size * slim, rng.uniform(5, 35), rng.uniform(0.0, 0.4), 0.2)
            tilt = rotation(roll_deg=0, pitch_deg=side * rng.uniform(5, 45))
            leaves.append(blade.turned(tilt).moved(yaw_deg=side * rng.uniform(38, 68)).shifted(place))
    tip = meshes.leaf(0.5 * leaf_length, 0.5 * leaf_length * slim, 10, 0.1)
    leaves.append(tip.shifted(path[-1]))
    return wood, meshes.merged(leaves)


def _along(path: Floats, share: float) -> Floats:
    at = share * (len(path) - 1)
    low = min(int(at), len(path) - 2)
    point: Floats = path[low] + (at - low) * (path[low + 1] - path[low])
    return point


def lying_twig(rng: np.random.Generator) -> Prop:
    """A twig of olive or eucalyptus that lies on the table."""
    slim = rng.choice((0.28, 0.75))
    wood, leaves = twig(rng, rng.uniform(0.6, 0.85), 8, 0.17, float(slim), 0.06)
    shift = {"x": -0.35, "z": 0.035}
    green = foliage(rng)
    flat = np.diag([1.0, 1.0, 0.45])
    return prop(
        [
            Part(_pressed(wood, flat).moved(**shift), _BARK),
            Part(_pressed(leaves, flat).moved(**shift), green),
        ]
    )


def _pressed(mesh: Mesh, scale: Floats) -> Mesh:
    normals = mesh.normals @ np.linalg.inv(scale)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
    vertices = mesh.vertices @ scale
    vertices[:, 2] = np.maximum(vertices[:, 2], -0.03)
    return Mesh(vertices, normals, mesh.uv, mesh.faces)


def vase(rng: np.random.Generator, height: float) -> Mesh:
    """A hand-thrown vase or jug with a narrow neck."""
    belly, neck, lip = rng.uniform(0.30, 0.44), rng.uniform(0.09, 0.14), rng.uniform(0.12, 0.18)
    low = rng.uniform(0.25, 0.5)
    knots = [
        (0.0, 0.0),
        (0.55 * belly, 0.0),
        (0.8 * belly, 0.08),
        (belly, low),
        (0.75 * belly, low + 0.22),
        (neck, 0.84),
        (neck, 0.92),
        (lip, 1.0),
    ]
    at = np.linspace(0, len(knots) - 1, 60)
    fine = np.array([[np.interp(a, range(len(knots)), [k[i] for k in knots]) for i in (0, 1)] for a in at])
    for _ in range(14):
        fine[1:-1] = (fine[:-2] + 2 * fine[1:-1] + fine[2:]) / 4
    inner = [(0.82 * lip, 0.99), (0.85 * neck, 0.9), (0.8 * neck, 0.6), (0.0, 0.55)]
    profile = [(float(r) * height, float(z) * height) for r, z in [*fine, *inner]]
    return turned_uneven(rng, profile, 0.006, 64)


def twigs_in_vase(rng: np.random.Generator) -> Prop:
    """A vase with a few leafy twigs."""
    height = rng.uniform(0.42, 0.62)
    woods, leaves = [], []
    count = int(rng.integers(3, 6))
    slim = float(rng.choice((0.3, 0.55, 0.85)))
    for index in range(count):
        wood, blades = twig(rng, rng.uniform(0.55, 0.95), 7, 0.19, slim, 0.18)
        lean = rotation(roll_deg=-rng.uniform(62, 86))
        yaw = 360 * index / count + rng.uniform(-25, 25)
        woods.append(wood.turned(lean).moved(z=0.85 * height, yaw_deg=yaw))
        leaves.append(blades.turned(lean).moved(z=0.85 * height, yaw_deg=yaw))
    clay = Material(picked(rng, NEUTRALS if rng.random() < 0.6 else EARTHS), roughness=rng.uniform(0.45, 0.85))
    body = vase(rng, height)
    return prop([Part(body, clay), Part(meshes.merged(woods), _BARK), Part(meshes.merged(leaves), foliage(rng))])


def _bloom(rng: np.random.Generator, radius: float) -> tuple[Mesh, Mesh]:
    """A flower that looks up from the origin: petals, and its heart."""
    petals = []
    for ring, (count, lift, size) in enumerate(((9, 18, 1.0), (8, 42, 0.85), (6, 66, 0.62))):
        for index in range(count):
            length = radius * size * rng.uniform(0.92, 1.08)
            petal = meshes.leaf(length, length * 0.62, lift + rng.uniform(-7, 7), rng.uniform(-0.25, 0.1), 0.35)
            petals.append(
                petal.moved(z=0.02 * ring * radius, yaw_deg=360 * (index + 0.5 * ring) / count + rng.uniform(-6, 6))
            )
    heart = meshes.ball(0.17 * radius).moved(z=-0.02 * radius)
    return meshes.merged(petals), heart


def flowers(rng: np.random.Generator) -> Prop:
    """Flowers in a vase."""
    height = rng.uniform(0.40, 0.55)
    colour = ("#f0e6da", "#e7a7a0", "#d9705f", "#e9c15a", "#b79ad0", "#f4d9d3")[int(rng.integers(6))]
    petals, hearts, stems, leaves = [], [], [], []
    for index in range(int(rng.integers(4, 7))):
        lean, yaw = rng.uniform(8, 34), 137.5 * index + rng.uniform(-20, 20)
        length = rng.uniform(0.35, 0.6)
        turn = rotation(roll_deg=lean)
        flower, heart = _bloom(rng, rng.uniform(0.12, 0.17))
        lifted = np.array([0.0, 0.0, length])
        petals.append(flower.shifted(lifted).turned(turn).moved(z=0.85 * height, yaw_deg=yaw))
        hearts.append(heart.shifted(lifted).turned(turn).moved(z=0.85 * height, yaw_deg=yaw))
        stem = tube([(0, 0, 0), (0, 0, length / 2), (0, 0, length)], [0.010, 0.008, 0.008], 7)
        stems.append(stem.turned(turn).moved(z=0.85 * height, yaw_deg=yaw))
        blade = meshes.leaf(0.22, 0.09, 30, 0.2).moved(z=0.45 * length)
        leaves.append(blade.turned(turn).moved(z=0.85 * height, yaw_deg=yaw))
    body = vase(rng, height)
    clay = Material(picked(rng, NEUTRALS), roughness=rng.uniform(0.4, 0.8))
    petal_surface = leaf_surface(rng, colour, turned(colour, 0.01, 1.15, 0.93))
    return prop(
        [
            Part(body, clay),
            Part(meshes.merged(stems), Material("#5d7a3c", roughness=0.6)),
            Part(meshes.merged(leaves), foliage(rng)),
            Part(meshes.merged(petals), petal_surface),
            Part(meshes.merged(hearts), Material("#c99a3a", roughness=0.9)),
        ]
    )
