"""A hand with a sleeved forearm, its back to the camera.

Coordinates: +y towards the fingertips, +x to the little finger of a right hand, +z out of the back of the hand; the
origin in the middle of the back. The hand is 0.8 long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pvtt_data.render import meshes
from pvtt_data.render.material import Material, Part, Texture
from pvtt_data.render.meshes import Floats, Mesh
from pvtt_data.render.sets.implicit import limb, melted, skin
from pvtt_data.render.sets.palette import EARTHS, NEUTRALS, mixed, picked, turned
from pvtt_data.render.sets.solids import stretched
from pvtt_data.render.sets.textures.fabric import weave
from pvtt_data.render.sets.textures.noise import Field, blend, clouds, field, normal_map, pixels, shade, smooth

SKINS = ("#f0cbb4", "#e6b899", "#d3a07c", "#b98460", "#95623f", "#6e4730", "#4f3325")
_POLISH = ("#a3202f", "#c8455a", "#d98a94", "#5a1f2e", "#e8d5cc", "#2a2226")
_KNUCKLES = ((-0.128, 0.215), (-0.043, 0.240), (0.043, 0.222), (0.122, 0.172))
_LENGTHS = (0.305, 0.340, 0.315, 0.245)
_PHALANGES = (0.46, 0.30, 0.24)
_STEP = 0.0145


@dataclass(frozen=True, slots=True)
class Pose:
    """How the fingers are held: degrees by which the three joints of each bend, and its turn to the side."""

    curls: tuple[tuple[float, float, float], ...]
    spread: tuple[float, float, float, float]


POSES = {
    "reach": Pose(((10, 18, 10), (12, 20, 12), (14, 22, 12), (16, 24, 14)), (-7.0, -1.0, 4.0, 11.0)),
    "open": Pose(((2, 8, 4), (4, 8, 5), (5, 10, 6), (4, 10, 6)), (-14.0, -3.0, 7.0, 20.0)),
    "point": Pose(((2, 6, 4), (62, 80, 40), (66, 82, 42), (68, 80, 42)), (-3.0, 0.0, 2.0, 5.0)),
    "loose": Pose(((22, 30, 18), (28, 34, 20), (34, 38, 22), (38, 40, 24)), (-5.0, 0.0, 3.0, 8.0)),
}


@dataclass(frozen=True, slots=True)
class _Bone:
    start: Floats
    end: Floats
    radii: tuple[float, float]


def _finger(index: int, curl: Sequence[float], spread_deg: float) -> list[_Bone]:
    """The three bones of a finger, from the knuckle."""
    x, y = _KNUCKLES[index]
    place = np.array([x, y, -0.012])
    side = np.radians(spread_deg)
    bent = 0.0
    bones = []
    thickness = (0.045, 0.041, 0.037, 0.031) if index < 3 else (0.038, 0.034, 0.031, 0.027)
    for joint, share in enumerate(_PHALANGES):
        bent += np.radians(curl[joint])
        flat = np.cos(bent)
        way = np.array([np.sin(side) * flat, np.cos(side) * flat, -np.sin(bent)])
        end = place + _LENGTHS[index] * share * way
        bones.append(_Bone(place, end, (thickness[joint], thickness[joint + 1])))
        place = end
    return bones


def _thumb(rng: np.random.Generator) -> list[_Bone]:
    """The thumb, from the wrist."""
    out = rng.uniform(0.0, 0.05)
    places = [
        (-0.06, -0.16, -0.03),
        (-0.165 - out / 2, -0.03, -0.05),
        (-0.235 - out, 0.085, -0.055),
        (-0.262 - out, 0.185, -0.06),
    ]
    radii = [(0.058, 0.058), (0.052, 0.042), (0.042, 0.033)]
    points = [np.array(p) for p in places]
    return [_Bone(a, z, r) for a, z, r in zip(points[:-1], points[1:], radii, strict=True)]


def _surface(points: Floats, fingers: list[list[_Bone]], thumb: list[_Bone]) -> Floats:
    """Distance to the skin of hand, wrist and the bare part of the forearm."""
    digits = [melted([limb(points, b.start, b.end, b.radii) for b in bones], 0.012) for bones in fingers]
    palm = [
        limb(points, np.array([0.42 * x, -0.17, -0.025]), np.array([x, y - 0.02, -0.020]), (0.062, 0.052))
        for x, y in _KNUCKLES
    ]
    wrist = [
        limb(points, np.array([x, -0.17, -0.03]), np.array([1.25 * x, -0.62, -0.04]), (0.066, 0.092))
        for x in (-0.05, 0.05)
    ]
    body = melted([*palm, *wrist], 0.07)
    root = melted([limb(points, b.start, b.end, b.radii) for b in thumb], 0.03)
    whole = melted([body, root], 0.075)
    # Fingers do not melt into each other, only into the palm.
    separate = digits[0]
    for digit in digits[1:]:
        separate = np.minimum(separate, digit)
    return melted([whole, separate], 0.030)


def _nail(bone: _Bone, up: Floats) -> Mesh:
    """A nail on the back of a fingertip."""
    along = (bone.end - bone.start) / np.linalg.norm(bone.end - bone.start)
    back = up - (up @ along) * along
    back /= np.linalg.norm(back)
    across = np.cross(along, back)
    radius = bone.radii[1]
    dome = meshes.lathe(meshes.arc((0.0, 0.0), 1.0, -90, 90, 12), 20)
    flat = stretched(dome, 0.66 * radius, 0.95 * radius, 0.22 * radius)
    basis = np.stack([across, along, back], axis=1)
    return flat.turned(basis).shifted(bone.end + 0.25 * radius * along + 0.86 * radius * back)


def _tone(
    rng: np.random.Generator, colour: str, red: list[Floats], creases: list[Floats], low: Floats, size: float
) -> Material:
    """Skin over a square of the x-y plane: redder at the joints, with creases across the fingers."""
    pixel = 640
    shape = (pixel, pixel)
    x = low[0] + size * (np.arange(pixel) + 0.5) / pixel
    y = low[1] + size * (pixel - np.arange(pixel) - 0.5) / pixel
    flush, lines = np.zeros(shape), np.zeros(shape)
    for point in red:
        flush += np.outer(np.exp(-(((y - point[1]) / 0.034) ** 2)), np.exp(-(((x - point[0]) / 0.034) ** 2)))
    for point in creases:
        breadth = np.exp(-(((x - point[0]) / 0.024) ** 4))
        for offset in (-0.009, 0.0, 0.010):
            line = np.exp(-(((y - point[1] - offset) / 0.0026) ** 2))
            lines += rng.uniform(0.5, 1.0) * np.outer(line, breadth)
    mottle: Field = clouds(rng, shape, (6, 6), 5, 0.6)
    ruddy = turned(mixed(colour, "#c0483c", 0.32), 0.0, 1.05, 0.97)
    picture = blend(shade(colour, 1 + 0.025 * mottle), ruddy, field(np.clip(0.75 * flush + 0.10 * mottle, 0, 0.85)))
    picture = blend(picture, turned(colour, -0.02, 1.2, 0.62), field(np.clip(0.35 * lines, 0, 0.5)))
    height = 0.5 * smooth(rng, shape, (160, 160)) - 1.2 * field(lines)
    return Material(Texture(pixels(picture)), roughness=0.48, specular=0.35, sheen=0.15, normal_map=normal_map(height))


def _planar(mesh: Mesh, low: Floats, size: float) -> Mesh:
    uv = np.stack([(mesh.vertices[:, 0] - low[0]) / size, 1 - (mesh.vertices[:, 1] - low[1]) / size], -1)
    return Mesh(mesh.vertices, mesh.normals, uv, mesh.faces)


def _sleeve(rng: np.random.Generator, length: float) -> list[Mesh]:
    """A loose sleeve with creases, and its cuff, from below the wrist along -y."""
    along = np.linspace(0, 1, 70)
    turn = np.linspace(0, 2 * np.pi, 61)
    outline = meshes.circle(1.0, 60)
    rings = np.empty((len(along), 61, 3))
    crease = np.zeros((len(along), 61))
    for _ in range(7):
        waves, lobes = rng.uniform(6, 22), int(rng.integers(1, 4))
        crease += rng.normal() * np.sin(waves * along[:, None] * 6.28 + lobes * turn + rng.uniform(0, 6.3))
    width = 0.165 + 0.10 * along + 0.0
    swell = 1 + 0.022 * crease
    # Rings go from the far end to the hand, so that the skin faces outwards.
    rings[..., 0] = (width[:, None] * swell * outline[:, 0])[::-1]
    rings[..., 1] = (-0.36 - length * along)[::-1, None]
    rings[..., 2] = (0.86 * width[:, None] * swell * -outline[:, 1])[::-1] - 0.03
    body = meshes.loft(rings)
    cuff_at = [(0.168, 0.0), (0.176, 0.004), (0.178, 0.05), (0.177, 0.10), (0.170, 0.104), (0.150, 0.09), (0.145, 0.0)]
    cuff = np.empty((len(cuff_at), 61, 3))
    for row, (radius, y) in enumerate(cuff_at):
        cuff[row, :, 0], cuff[row, :, 1], cuff[row, :, 2] = (
            radius * outline[:, 0],
            y - 0.41,
            -0.86 * radius * outline[:, 1] - 0.03,
        )
    return [body, meshes.loft(cuff)]


def hand(rng: np.random.Generator, left: bool, arm_length: float = 3.0) -> tuple[Part, ...]:
    """Skin, nails and sleeve of a hand; left mirrors it; arm_length: how far the sleeve reaches back."""
    pose = POSES[str(rng.choice(sorted(POSES)))]
    curls = [[c + rng.uniform(-4, 6) for c in curl] for curl in pose.curls]
    fingers = [_finger(i, curls[i], pose.spread[i] + rng.uniform(-2, 2)) for i in range(4)]
    thumb = _thumb(rng)
    low, high = np.array([-0.42, -0.60, -0.36]), np.array([0.34, 0.64, 0.12])
    body = skin(lambda points: _surface(points, fingers, thumb), low, high, _STEP)
    joints = [bones[k].end for bones in fingers for k in (0, 1)]
    tips = [bones[2].end for bones in [*fingers, thumb]]
    knuckles = [np.array([x, y + 0.01, 0.0]) for x, y in _KNUCKLES]
    colour = picked(rng, SKINS)
    tone = _tone(rng, colour, [*joints, *tips, *knuckles, thumb[1].end], joints, low, 1.24)
    nails = [_nail(bones[-1], np.array([0.0, 0.0, 1.0])) for bones in fingers]
    nails.append(_nail(thumb[-1], np.array([-0.35, 0.0, 0.9])))
    polish = mixed(colour, "#f3cfc6", 0.55) if rng.random() < 0.7 else picked(rng, _POLISH)
    cloth = weave(rng, picked(rng, NEUTRALS + EARTHS), uneven=0.15, twill=rng.random() < 0.4)
    sleeve = meshes.merged(_sleeve(rng, arm_length))
    sleeve = Mesh(sleeve.vertices, sleeve.normals, sleeve.vertices[:, :2] / 0.8, sleeve.faces)
    parts = (
        Part(_planar(body, low, 1.24), tone),
        Part(meshes.merged(nails), Material(polish, roughness=0.25, specular=0.5)),
        Part(sleeve, cloth),
    )
    return tuple(Part(_mirrored(part.mesh), part.material) for part in parts) if left else parts


def _mirrored(mesh: Mesh) -> Mesh:
    flip = np.array([-1.0, 1.0, 1.0])
    return Mesh(mesh.vertices * flip, mesh.normals * flip, mesh.uv, mesh.faces[:, ::-1])
