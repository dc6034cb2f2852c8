"""Sunglasses: acetate and wire frames, tinted lenses, temples open or folded. Millimetres.

The front lies about the plane y = 0, its lenses looking to -y, and bends back towards the temples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pvtt_data.render.material import Material, Part, Rgb, Texture, display_rgb
from pvtt_data.render.meshes import Floats, Mesh, merged, sheet
from pvtt_data.render.products import metals
from pvtt_data.render.products.chains import bead
from pvtt_data.render.products.creases import mirrored
from pvtt_data.render.products.dice import chance, pick
from pvtt_data.render.products.family import Dice, Family, Made
from pvtt_data.render.products.names import brand_word
from pvtt_data.render.products.poses import changed, on_floor
from pvtt_data.render.products.sweeps import flat_section, resampled, round_section, smooth_curve, tube, turned_x

_WRAP = 0.0016
"""How fast the front bends back: y = _WRAP * x * x."""


@dataclass(frozen=True, slots=True)
class Lens:
    """The outline of the right lens about its own middle: (72, 2), and how far that is from the bridge."""

    outline: Floats
    middle: float


_TINTS: tuple[tuple[str, Rgb], ...] = (
    ("Grey", (0.10, 0.10, 0.11)), ("Brown", (0.22, 0.11, 0.05)), ("Green", (0.07, 0.13, 0.09)),
    ("Blue", (0.07, 0.13, 0.30)), ("Amber", (0.55, 0.26, 0.05)), ("Rose", (0.62, 0.22, 0.26)),
    ("Violet", (0.24, 0.13, 0.32)), ("Black", (0.03, 0.03, 0.035)),
)  # fmt: skip
_ACETATES = (
    ("Black", "#0d0d0f"), ("Havana", "tortoise"), ("Havana", "tortoise"), ("Crystal", "#dcd6cc"), ("Ivory", "#efe6d4"),
    ("Cherry", "#7d1420"), ("Navy", "#182440"), ("Olive", "#4a4d2a"), ("Caramel", "#9b5c24"), ("Blush", "#e3b3ac"),
)  # fmt: skip


def _build(shape: Dice, finish: Dice, label: Dice) -> Made:
    maker = brand_word(label)
    style = pick(shape, ("square", "square", "round", "cat-eye", "aviator", "aviator", "oversized", "panto"))
    wire = style == "aviator" or (style in ("round", "panto", "oversized") and chance(shape, 0.4))
    lens = _lens(style, shape)
    tint_name, tint = pick(finish, _TINTS)
    glass = Material(transmission=1.0, ior=1.5, tint=tint, thin=True)
    if wire:
        metal = pick(finish, metals.HARDWARE)
        front, ends = _wire_front(lens, shape)
        frame, what = metal.polished(), metal.name
        tips = Material(pick(finish, ("#101012", "#3a2416", "#cfc6b8")), roughness=0.3)
    else:
        name, colour = pick(finish, _ACETATES)
        thick = float(shape.uniform(4.6, 6.6))
        front, ends = _acetate_front(lens, thick)
        frame, what = _acetate(colour, finish), f"{name} Acetate"
        tips = frame
    lenses = merged([_pane(lens), mirrored(_pane(lens))])
    temples = _temples(wire, ends, chance(shape, 0.4), shape, frame, tips, pick(finish, metals.HARDWARE))
    parts = (Part(front, frame), Part(lenses, glass), *temples)
    yaw = float(shape.uniform(4, 24)) * (1 if chance(shape, 0.5) else -1)
    posed = on_floor(changed(_settled(parts), lambda mesh: mesh.moved(yaw_deg=yaw)))
    return Made(f"{maker} {style.title()} Sunglasses {what} {tint_name}", posed)


def _lens(style: str, shape: Dice) -> Lens:
    half_w, half_h, power, lift, drop = {
        "square": (26.0, 20.5, 3.4, 0.06, 0.02),
        "round": (24.0, 23.5, 2.05, 0.0, 0.0),
        "cat-eye": (27.0, 19.5, 2.7, 0.30, 0.0),
        "aviator": (29.0, 25.0, 2.5, 0.02, 0.24),
        "oversized": (31.0, 27.0, 2.8, 0.05, 0.06),
        "panto": (24.5, 22.5, 2.4, 0.02, 0.16),
    }[style]
    half_w, half_h = half_w * float(shape.uniform(0.96, 1.05)), half_h * float(shape.uniform(0.9, 1.06))
    turn = np.linspace(0, 2 * np.pi, 240, endpoint=False)
    x, y = np.cos(turn), np.sin(turn)
    reach = (np.abs(x) ** power + np.abs(y) ** power) ** (-1 / power)
    x, y = x * reach, y * reach
    y = y + lift * np.clip(x, 0, 1) ** 2 * (0.4 + 0.6 * (y > 0)) - 0.05 * np.clip(-x, 0, 1)
    x = x * (1 - drop * np.clip(-y, 0, 1) ** 1.5) + (0.12 if style == "aviator" else 0.0) * np.clip(-y, 0, 1)
    outline = resampled(np.stack([x * half_w, y * half_h], -1), 96, closed=True)
    gap = float(shape.uniform(8.5, 11.0))
    return Lens(outline, gap - float(outline[:, 0].min()))


def _bent(points: Floats) -> Floats:
    """Points (N, 2) of the front's plane, from the bridge, bent back: (N, 3)."""
    return np.stack([points[:, 0], _WRAP * points[:, 0] ** 2, points[:, 1]], -1)


def _pane(lens: Lens) -> Mesh:
    """The right lens: a sheet that bulges a little towards -y."""
    shares = np.linspace(0.0, 1.0, 14)
    ring = np.concatenate([lens.outline, lens.outline[:1]])
    grid = np.empty((len(shares), len(ring), 3))
    for row, share in enumerate(shares):
        bent = _bent(ring * max(share, 1e-3) + [lens.middle, 0.0])
        bent[:, 1] -= 2.6 * (1 - share**2)
        grid[row] = bent
    return sheet(grid)


def _acetate(colour: str, finish: Dice) -> Material:
    """Polished acetate; "tortoise" is mottled amber and brown."""
    if colour != "tortoise":
        return Material(colour, roughness=0.16, specular=0.55, clearcoat=0.9, clearcoat_roughness=0.04)
    size = 256
    spectrum = np.fft.fft2(finish.standard_normal((size, size)))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(size) * size, np.fft.fftfreq(size) * size))
    cloud = np.fft.ifft2(spectrum * np.exp(-((frequency / 9) ** 2))).real
    share = np.clip(0.5 + 0.9 * cloud / cloud.std(), 0, 1)[..., None]
    pixels = np.array(display_rgb("#b06a22")) * share + np.array(display_rgb("#241006")) * (1 - share)
    texture = Texture((pixels * 255 + 0.5).astype(np.uint8), repeat=(0.35, 2.4))
    return Material(texture, roughness=0.16, specular=0.55, clearcoat=0.9, clearcoat_roughness=0.04)


def _acetate_front(lens: Lens, thick: float) -> tuple[Mesh, Floats]:
    """Rims, bridge and end pieces: (mesh, where the right temple begins)."""
    outline = lens.outline
    outward = np.stack([outline[:, 0], outline[:, 1]], -1)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    path = _bent(outline + outward * thick * 0.32 + [lens.middle, 0.0])
    high = np.clip(outline[:, 1] / outline[:, 1].max(), -1, 1)
    scale = np.column_stack([np.ones(len(outline)), 1 + 0.28 * high])
    rim = tube(path, flat_section(5.2, thick, 1.5, 4), closed=True, scale=scale, side=(0, 1, 0), crease_deg=60)
    inner = lens.middle + float(outline[:, 0].min())
    top = float(outline[:, 1].max())
    bridge_z = top * 0.42
    arch = np.array([(-inner - 1.0, bridge_z - 1.5), (-inner * 0.5, bridge_z + 2.0), (inner * 0.5, bridge_z + 2.0)])
    knots = _bent(np.array([*arch, (inner + 1.0, bridge_z - 1.5)]))
    bridge = tube(
        smooth_curve(knots, 24), flat_section(5.0, thick * 1.25, 1.6), side=(0, 1, 0), ends="round", crease_deg=60
    )
    outer = lens.middle + float(outline[:, 0].max())
    row = int(np.argmax(outline[:, 0] + 0.9 * outline[:, 1]))
    corner = _bent((outline[row] + [lens.middle, 0.0])[None])[0]
    end = np.array([outer + thick * 0.9, _WRAP * outer**2 + 4.5, float(corner[2]) - 1.0])
    hinge = tube(
        np.stack([corner, (corner + end) / 2 + [0.8, -1.0, 0.2], end]),
        flat_section(6.2, thick * 1.15, 1.6), side=(0, 0.3, 1.0), ends="round", crease_deg=60,
    )  # fmt: skip
    pad = bead(2.2).moved(inner - 0.6, 3.6, -top * 0.12)
    side = merged([rim, hinge, pad])
    return merged([side, mirrored(side), bridge]), end


def _wire_front(lens: Lens, shape: Dice) -> tuple[Mesh, Floats]:
    """Thin rims, one bridge or two, pads on wires, end pieces."""
    wire = float(shape.uniform(1.1, 1.5))
    path = _bent(lens.outline + np.array([lens.middle, 0.0]))
    rim = tube(path, round_section(wire, 10), closed=True, crease_deg=80)
    inner = lens.middle + float(lens.outline[:, 0].min())
    top, outer = float(lens.outline[:, 1].max()), lens.middle + float(lens.outline[:, 0].max())
    bridges = []
    for height, rise, reach in ((top * 0.30, 1.6, inner + 0.4), (top * 0.93, 0.4, inner + 9.0)):
        knots = np.array(
            [(-reach, height), (-reach * 0.45, height + rise), (reach * 0.45, height + rise), (reach, height)]
        )
        curve = _bent(smooth_curve(knots, 20)) + np.array([0, -0.6, 0])
        bridges.append(tube(curve, round_section(wire * 0.95, 10), ends="round", crease_deg=80))
    double = chance(shape, 0.6)
    row = int(np.argmax(lens.outline[:, 0] + 0.8 * lens.outline[:, 1]))
    corner = path[row]
    end = np.array([outer + 3.5, _WRAP * outer**2 + 4.0, float(corner[2])])
    hinge = tube(
        np.stack([corner, (corner + end) / 2 + [1.0, -0.8, 0], end]), flat_section(2.2, 3.2, 0.8), ends="round"
    )
    arm = np.array([(inner + 0.3, 0.4, -top * 0.05), (inner - 0.5, 4.0, -top * 0.02), (inner - 1.6, 5.2, -top * 0.16)])
    pad = bead(2.9, 0.5, 16).moved(yaw_deg=62).moved(inner - 2.4, 5.4, -top * 0.2)
    side = merged([rim, hinge, pad, tube(smooth_curve(arm, 10), round_section(0.6, 6), ends="round")])
    return merged([side, mirrored(side), *(bridges if double else bridges[:1])]), end


def _temples(
    wire: bool, end: Floats, folded: bool, shape: Dice, frame: Material, tips: Material, metal: metals.Metal
) -> list[Part]:
    """Both temples; the right one begins at `end` and reaches back, or lies across behind the lenses."""
    length, drop = float(shape.uniform(128, 138)), float(shape.uniform(24, 32))
    path = np.array(
        [(0, 0), (0.35 * length, 0.5), (0.66 * length, 0.0), (0.82 * length, -0.35 * drop), (length, -drop)]
    )
    flat = smooth_curve(path, 60)
    way = np.linspace(0, 1, 60)
    parts: list[Part] = []
    rows: list[Mesh] = []
    socks: list[Mesh] = []
    for side in (1, -1):
        along, up = flat[:, 0], flat[:, 1]
        if folded:
            depth = 4.0 + (6.5 if side > 0 else 12.5)
            curve = np.column_stack([end[0] - 1.5 - along, np.full(60, end[1]) + depth - 4.0 + 3.0 * way, end[2] + up])
            normal = (0.0, 1.0, 0.0)
        else:
            curve = np.column_stack([end[0] - 0.055 * along, end[1] + along, end[2] + up])
            normal = (1.0, 0.0, 0.0)
        if wire:
            bar = tube(curve[:46], flat_section(1.5, 2.4, 0.6), side=normal, ends="round")
            sock = tube(curve[40:], flat_section(3.2, 4.6, 1.5), side=normal, ends="round", crease_deg=60)
        else:
            scale = np.column_stack([np.full(60, 1.0), 1.25 - 0.45 * way + 0.35 * np.clip(way - 0.7, 0, 1) / 0.3])
            bar = tube(curve, flat_section(3.4, 6.0, 1.4), scale=scale, side=normal, ends="round", crease_deg=60)
            sock = None
        rows.append(bar if side > 0 else mirrored(bar))
        if sock is not None:
            socks.append(sock if side > 0 else mirrored(sock))
    parts.append(Part(merged(rows), frame))
    if socks:
        parts.append(Part(merged(socks), tips))
    elif chance(shape, 0.7):
        stud = bead(1.1, 0.6, 14)
        spots = [
            stud.moved(s * (end[0] - 3.4 + dx), end[1] - 6.2, end[2] + dz)
            for s in (1, -1)
            for dx, dz in ((0, 0.9), (0, -1.6))
        ]
        parts.append(Part(merged(spots), metal.polished()))
    return parts


def _settled(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """The parts tipped so that the rims in front and the temples behind both touch the floor."""
    cloud = np.concatenate([part.mesh.vertices for part in parts])
    middle = float(cloud[:, 1].min() + cloud[:, 1].max()) / 2
    low, high = -16.0, 24.0
    for _ in range(24):
        angle = np.radians((low + high) / 2)
        y, z = (
            cloud[:, 1] * np.cos(angle) - cloud[:, 2] * np.sin(angle),
            cloud[:, 1] * np.sin(angle) + cloud[:, 2] * np.cos(angle),
        )
        if y[int(np.argmin(z))] < middle:
            high = (low + high) / 2
        else:
            low = (low + high) / 2
    return changed(parts, lambda mesh: turned_x(mesh, (low + high) / 2))


FAMILY = Family("sunglasses", "sunglasses", "fashion", _build)
