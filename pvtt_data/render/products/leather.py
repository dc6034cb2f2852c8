"""Leather: grain as tileable pictures of colour, roughness and normals, and stitching."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import cv2
import numpy as np

from pvtt_data.render.material import Material, Pixels, Texture, display_rgb
from pvtt_data.render.meshes import Floats, Mesh, merged
from pvtt_data.render.products.sweeps import Frames, lengths, placed, round_section, tube

Grain = Literal["pebbled", "smooth", "saffiano", "croc", "suede", "quilted", "canvas"]
GRAINS: tuple[Grain, ...] = ("pebbled", "smooth", "saffiano", "croc", "suede", "quilted", "canvas")

TILE_MM = {
    "pebbled": 60.0,
    "smooth": 70.0,
    "saffiano": 36.0,
    "croc": 110.0,
    "suede": 60.0,
    "quilted": 76.0,
    "canvas": 44.0,
}
"""How many millimetres one tile of each grain covers."""

_SIZE = 512


def leather(grain: Grain, colour: str, gloss: float = 0.5) -> Material:
    """A leather; its pictures repeat over the uv square, so meshes want uv in tiles (`in_tiles`).

    Args:
        grain: its surface.
        colour: "#rrggbb".
        gloss: 0 dull to 1 shiny.
    """
    height, normals = _relief(grain)
    dull = grain in ("suede", "canvas")
    depth = 1 - height
    shade = (1 - (0.30 if grain != "quilted" else 0.12) * depth)[..., None] * (1 + 0.015 * _cloud(11, 6)[..., None])
    pixels = np.clip(np.array(display_rgb(colour)) * shade + 0.012 * height[..., None], 0, 1)
    base = 0.86 if dull else 0.56 - 0.26 * gloss
    rough = np.clip(base + 0.22 * depth, 0.05, 1)
    return Material(
        Texture(_bytes(pixels)),
        roughness=Texture(_bytes(rough[..., None]), srgb=False),
        specular=0.25 if dull else 0.45,
        sheen=0.6 if dull else 0.0,
        normal_map=Texture(normals, srgb=False),
    )


def edge_paint(colour: str) -> Material:
    """The painted cut edge of leather, and linings."""
    r, g, b = display_rgb(colour)
    dark = tuple(int(255 * 0.45 * value) for value in (r, g, b))
    return Material("#{:02x}{:02x}{:02x}".format(*dark), roughness=0.45)


def in_tiles(mesh: Mesh, across_mm: float, along_mm: float, grain: Grain) -> Mesh:
    """The mesh with uv in tiles of a grain: its uv square covers across_mm by along_mm."""
    tile = TILE_MM[grain]
    return Mesh(mesh.vertices, mesh.normals, mesh.uv * [across_mm / tile, along_mm / tile], mesh.faces)


def stitches(moving: Frames, pitch: float, thickness: float, lift: float = 0.0) -> Mesh:
    """A seam: short threads along a curve, lying on the surface that the frames' `up` looks away from.

    Args:
        moving: frames along the seam.
        pitch: from one stitch to the next.
        thickness: of the thread.
        lift: how far the thread's middle is above the curve.
    """
    half = pitch * 0.36
    way = lengths(moving.points)
    count = max(int(way[-1] / pitch), 1)
    arch = np.array([[0, -half, -0.1], [0, -half * 0.5, 0.5], [0, half * 0.5, 0.5], [0, half, -0.1]], float)
    arch[:, 2] *= thickness
    thread = tube(arch, round_section(thickness / 2, 6), ends="flat", side=(1, 0, 0), crease_deg=80)
    pieces = []
    for step in range(count):
        index = int(np.argmin(np.abs(way - (step + 0.5) * way[-1] / count)))
        pieces.append(placed(thread, _upturned(moving), index).shifted(moving.up[index] * lift))
    return merged(pieces)


def _upturned(moving: Frames) -> Frames:
    """The same frames with side reversed, so that `placed` carries +z along the old up."""
    return Frames(moving.points, -moving.side, -moving.up, moving.ahead)


def _bytes(values: Floats) -> Pixels:
    return (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)


@lru_cache(maxsize=16)
def _relief(grain: Grain) -> tuple[Floats, Pixels]:
    """A grain's relief (512, 512) in 0 to 1 and its normals (512, 512, 3); shared, so neither may be written to."""
    height, slope = _height(grain)
    normals = _bytes(_normals(height, slope))
    height.setflags(write=False)
    normals.setflags(write=False)
    return height, normals


def _height(grain: Grain) -> tuple[Floats, float]:
    """A tileable relief (512, 512) in 0 to 1 and how steep it is (greatest slope is about this)."""
    rows, columns = np.mgrid[0:_SIZE, 0:_SIZE] / _SIZE
    if grain == "pebbled":
        return _cells(3, 24, 1.0, 0.6), 1.1
    if grain == "smooth":
        return np.clip(0.75 + 0.12 * _cloud(5, 90) + 0.1 * _cells(4, 60, 1.0, 0.5), 0, 1), 0.5
    if grain == "croc":
        return _cells(6, 9, 0.7, 0.28), 2.0
    if grain == "suede":
        return np.clip(0.6 + 0.3 * _cloud(7, 120) + 0.2 * _cloud(8, 24), 0, 1), 0.8
    if grain == "saffiano":
        first = np.cos(2 * np.pi * (columns + rows) * 16)
        second = np.cos(2 * np.pi * (columns - rows) * 16)
        return np.clip(0.62 + 0.3 * np.minimum(first, second) + 0.05 * _cloud(9, 40), 0, 1), 1.3
    if grain == "canvas":
        warp = np.abs(np.sin(np.pi * columns * 24)) * (0.6 + 0.4 * np.sign(np.sin(np.pi * rows * 24 + 1e-3)))
        weft = np.abs(np.sin(np.pi * rows * 24)) * (0.6 - 0.4 * np.sign(np.sin(np.pi * columns * 24 + 1e-3)))
        return np.clip(np.maximum(warp, weft) + 0.08 * _cloud(10, 60), 0, 1), 1.4
    first, second = np.abs(np.sin(np.pi * 2 * (columns + rows))), np.abs(np.sin(np.pi * 2 * (columns - rows)))
    pillow = np.sqrt(np.minimum(first, second))
    return np.clip(0.94 * pillow + 0.05 * _cells(3, 64, 1.0, 0.5), 0, 1), 2.2


def _cells(seed: int, across: int, stretch: float, flank: float) -> Floats:
    """Pebbles with valleys between: one on every cell of a jittered grid, wrapped around the edges.

    stretch below 1 makes them longer along v; flank: how much of their width, 0 to 1, rises from the valley.
    """
    rng = np.random.default_rng((seed, 0x1EA7))
    down = max(int(across * stretch), 2)
    grid = np.stack(np.meshgrid(np.arange(across), np.arange(down)), -1).reshape(-1, 2)
    points = (grid + 0.5 + rng.uniform(-0.42, 0.42, grid.shape)) / [across, down]
    margin = _SIZE // 4
    side = _SIZE + 2 * margin
    seeds = np.full((side, side), 255, np.uint8)
    for shift_x in (-1, 0, 1):
        for shift_y in (-1, 0, 1):
            pixels = np.round((points + np.array([shift_x, shift_y])) * _SIZE).astype(int) + margin
            inside = np.all((pixels >= 0) & (pixels < side), axis=1)
            seeds[pixels[inside, 1], pixels[inside, 0]] = 0
    labels = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)[1]
    inner = (labels == np.roll(labels, 1, axis=0)) & (labels == np.roll(labels, 1, axis=1))
    distance = cv2.distanceTransform(inner.astype(np.uint8), cv2.DIST_L2, 5)
    flank = flank * _SIZE / np.sqrt(across * down)
    dome = np.sqrt(1 - (1 - np.clip(distance / flank, 0, 1)) ** 2)
    soft = cv2.GaussianBlur(dome.astype(np.float64), (0, 0), 1.2)
    return np.asarray(soft[margin:-margin, margin:-margin], float)


@lru_cache(maxsize=16)
def _cloud(seed: int, cells: int) -> Floats:
    """Tileable smooth noise (512, 512), about -1 to 1, with so many bumps across."""
    rng = np.random.default_rng((seed, 0xC10D))
    spectrum = np.fft.fft2(rng.standard_normal((_SIZE, _SIZE)))
    frequency = np.fft.fftfreq(_SIZE) * _SIZE
    radius = np.hypot(frequency[:, None], frequency[None, :])
    noise = np.fft.ifft2(spectrum * np.exp(-((radius / cells) ** 2))).real
    noise -= noise.mean()
    noise = np.clip(noise / (2 * noise.std() + 1e-12), -1, 1)
    noise.setflags(write=False)
    return np.asarray(noise, float)


def _normals(height: Floats, slope: float) -> Floats:
    """Tangent-space normals (512, 512, 3) in 0 to 1, +y up in the picture, their steepest slopes about `slope`."""
    rise_x = (np.roll(height, -1, axis=1) - np.roll(height, 1, axis=1)) / 2
    rise_y = (np.roll(height, 1, axis=0) - np.roll(height, -1, axis=0)) / 2
    steepest = float(np.percentile(np.hypot(rise_x, rise_y), 97)) + 1e-9
    normals = np.stack([-rise_x * slope / steepest, -rise_y * slope / steepest, np.ones_like(height)], -1)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    return np.asarray(normals / 2 + 0.5, float)
