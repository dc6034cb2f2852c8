"""Small scenes for tests that really render: a checkered room, a softbox, plain products."""

from __future__ import annotations

import dataclasses

import numpy as np

from pvtt_data.render import meshes
from pvtt_data.render.camera import CameraMove, Lens, Range, look_at
from pvtt_data.render.look import Look
from pvtt_data.render.material import Material, Part, Rgb, Texture
from pvtt_data.render.meshes import Mesh
from pvtt_data.render.motion import Pose, ProductMotion
from pvtt_data.render.product import Product
from pvtt_data.render.scene import Scene
from pvtt_data.render.stage_set import Environment, Softbox, StageSet
from pvtt_data.render.tracer import Depth, Exposure, Pixels

DEPTH = Depth(6, 3)
LENS = Lens(48, 80, fov_y_deg=30.0, aperture=0.0, shutter=0.0)
"""A small portrait without blur."""


def checkers(squares: int = 8, dark: int = 90, light: int = 200) -> Texture:
    """A soft checkerboard over the uv square, so that pictures of it can be compared pixel by pixel."""
    steps = (np.arange(32 * squares) + 0.5) / 32
    wave = np.clip(np.sin(np.pi * steps)[:, None] * np.sin(np.pi * steps)[None] * 2, -1, 1)
    level = (dark + light) / 2 + (light - dark) / 2 * wave
    return Texture(np.repeat(level[..., None], 3, axis=2).astype(np.uint8))


def matt(colour: str | Rgb | Texture) -> Material:
    """A surface without any gloss."""
    return Material(colour, roughness=1.0, specular=0.0)


def room() -> StageSet:
    """A checkered floor and wall under a softbox and a weak sky; a product stands on (0, 0, 0)."""
    floor = Part(meshes.floor(12, -8, 3), matt(checkers(24)))
    wall = Part(meshes.wall(12, 8, 3), matt(checkers(24)))
    lamp = Softbox((1.5, -1.5, 3.0), (0, 0, 0.4), (1.5, 1.5), (9.0, 9.0, 9.0))
    sky = Environment(np.full((1, 1, 3), 0.4, np.float32))
    return StageSet("toy", (floor, wall), (lamp,), sky)


def void() -> StageSet:
    """Nothing but an even sky."""
    return StageSet("void", (), (), Environment(np.full((1, 1, 3), 0.7, np.float32)))


def product(*parts: Part, name: str = "toy-1") -> Product:
    """Parts as a product."""
    return Product(name, f"A {name}", "toys", "CC0-1.0", parts)


def box(colour: str | Rgb | Texture = "#b03030") -> Part:
    """An oblong box, matt, wider than deep."""
    return Part(meshes.block(0.6, 0.3, 0.8), matt(colour))


def ball(colour: str | Rgb | Texture = "#3050b0") -> Part:
    """A matt sphere of radius 0.4."""
    return Part(meshes.ball(0.4), matt(colour))


def screen(size: float, opacity: float | Texture) -> Part:
    """An upright square sheet over the product's place that lets light through where its opacity says so."""
    half = size / 2
    grid = np.array([[[-half, 0, 0], [half, 0, 0]], [[-half, 0, size], [half, 0, size]]], float)
    return Part(meshes.sheet(grid), Material((0.6, 0.1, 0.1), roughness=1.0, specular=0.0, opacity=opacity))


def still(actor: int | None, *, azimuth_deg: float = 12.0, elevation_deg: float = 12.0, **pose: object) -> Exposure:
    """A moment without any motion, seen from four units away."""
    azimuth, elevation = np.radians([azimuth_deg, elevation_deg])
    away = np.array([np.sin(azimuth) * np.cos(elevation), -np.cos(azimuth) * np.cos(elevation), np.sin(elevation)])
    aim = np.array([0.0, 0.0, 0.4])
    view = look_at(aim + 4 * away, aim, 4.0)
    place = Pose(**pose)  # type: ignore[arg-type]
    return Exposure(view, view, (place, place), actor=actor)


BEHIND = dataclasses.replace(still(0, azimuth_deg=180.0), cleared=((-0.31, -0.16, -0.01), (0.31, 0.16, 0.81)))
"""The box from behind the wall of the room, which the cleared box takes out of the way."""


def everything(lens: Lens = LENS) -> Pixels:
    """All pixels of a picture."""
    return np.arange(lens.width_px * lens.height_px, dtype=np.uint32)


def silhouette(mesh: Mesh, lens: Lens, exposure: Exposure, finer: int = 8) -> np.ndarray:
    """Share of each pixel, (H, W), that a mesh covers: its projected triangles, filled on a finer grid."""
    import cv2

    place, _ = lens.project(exposure.opens, exposure.product[0].apply(mesh).vertices)
    fine = np.zeros((lens.height_px * finer, lens.width_px * finer), np.uint8)
    # A pixel's middle lies at half; OpenCV counts whole pixels there, in sixteenths.
    corners = np.round((place * finer - 0.5) * 16).astype(np.int32)
    for face in mesh.faces:
        cv2.fillConvexPoly(fine, corners[face], 1, lineType=cv2.LINE_8, shift=4)
    return fine.reshape(lens.height_px, finer, lens.width_px, finer).mean(axis=(1, 3))


def toy_scene(
    *,
    lens: Lens = LENS,
    azimuth_deg: Range = (0.0, 0.0),
    motion: ProductMotion | None = None,
    frames: int = 5,
    grain: float = 1.0,
    crf: int | None = None,
    seed: int = 3,
    stage_set: StageSet | None = None,
) -> Scene:
    """A clip in the checkered room."""
    move = CameraMove("orbit", azimuth_deg, (12.0, 12.0), (4.0, 4.0), aim_z=(0.4, 0.4), ease=0.0)
    look = Look(exposure=1.0, vignette=0.1, grain=grain, crf=crf)
    return Scene(
        seed, stage_set or room(), lens, move, motion or ProductMotion(), look, frames, 8.0, (1.0, 1.0), (0.0, 0.0)
    )
