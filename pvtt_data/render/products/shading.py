"""Pictures that look painted or photographed: shaded balls, leaves and beans, as RGBA to be laid over a print."""

from __future__ import annotations

import numpy as np
from PIL import Image

from pvtt_data.render.material import display_rgb

_LIGHT = np.array([-0.45, -0.55, 0.70])
_LIGHT /= np.linalg.norm(_LIGHT)


def _picture(rgb: np.ndarray, alpha: np.ndarray) -> Image.Image:
    stacked = np.concatenate([rgb.clip(0, 1), alpha[..., None].clip(0, 1)], -1)
    return Image.fromarray((stacked * 255).round().astype(np.uint8), "RGBA")


def _grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    axis = (np.arange(size) + 0.5) / size * 2 - 1
    x, y = np.meshgrid(axis, axis)
    return x, y


def ball(size: int, colour: str, gloss: float = 0.5, bumps: int = 0, squash: float = 1.0) -> Image.Image:
    """A shaded ball, ``size`` pixels across; bumps is a seed for a citrus fruit's skin, 0 for a smooth one."""
    x, y = _grid(size)
    y = y / squash
    radius = np.hypot(x, y)
    z = np.sqrt(np.clip(1 - radius**2, 0, 1))
    base = np.array(display_rgb(colour))
    shade = np.clip(x * _LIGHT[0] + y * _LIGHT[1] + z * _LIGHT[2], 0, 1)
    if bumps:
        noise = np.random.default_rng((bumps, 0x5C17)).uniform(-1, 1, (size // 6 + 1, size // 6 + 1))
        grain = Image.fromarray((noise * 127 + 128).astype(np.uint8)).resize((size, size), Image.Resampling.BICUBIC)
        shade = shade * (1 + 0.10 * (np.asarray(grain, float) / 127 - 1))
    half = _LIGHT + np.array([0.0, 0.0, 1.0])
    half = half / np.linalg.norm(half)
    spot = np.clip(x * half[0] + y * half[1] + z * half[2], 0, 1) ** 40
    rim = 0.10 * (1 - z) ** 2
    rgb = base * (0.38 + 0.72 * shade)[..., None] + (gloss * spot + rim)[..., None]
    return _picture(rgb, (1 - radius) * size / 2)


def leaf(length: int, breadth: float, colour: str, turn_deg: float, vein: str | None = None) -> Image.Image:
    """A pointed leaf about its stem's end, which lies in the middle of the picture; 0 degrees points right.

    Args:
        length: from stem to tip, in pixels.
        breadth: its greatest width as a share of the length.
        vein: colour of the midrib, None for a shade of the leaf's own.
    """
    size = 2 * length + 3
    x, y = _grid(size)
    angle = np.radians(turn_deg)
    along = x * np.cos(angle) - y * np.sin(angle)
    across = x * np.sin(angle) + y * np.cos(angle)
    t = np.clip(along, 0, 1)
    half = breadth / 2 * np.sin(np.pi * t**0.85) ** 0.85 + 1e-6
    side = across / half
    base = np.array(display_rgb(colour))
    ribs = 0.05 * np.sin((along * 22 - np.abs(side) * 2.2) * np.pi / 1.5)
    shade = np.where(across < 0, 1.12, 0.86) + ribs + 0.10 * (t - 0.5)
    rgb = base * shade[..., None]
    midrib = np.clip(1 - np.abs(across) * length / max(length * 0.014, 1.0), 0, 1)[..., None]
    tone = np.array(display_rgb(vein)) if vein else base * 1.35
    rgb = rgb * (1 - 0.8 * midrib) + tone * 0.8 * midrib
    alpha = np.where((along > 0) & (along < 1), (half - np.abs(across)) * length, 0)
    return _picture(rgb, alpha)


def bean(size: int, colour: str, turn_deg: float) -> Image.Image:
    """A coffee bean, ``size`` pixels long."""
    x, y = _grid(size)
    angle = np.radians(turn_deg)
    u, v = x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)
    w = v / 0.66
    radius = np.hypot(u, w)
    z = np.sqrt(np.clip(1 - radius**2, 0, 1))
    shade = np.clip(x * _LIGHT[0] + y * _LIGHT[1] + z * _LIGHT[2], 0, 1)
    crease = np.clip(1 - np.abs(w - 0.16 * np.sin(u * 3.0)) / 0.11, 0, 1)
    rgb = np.array(display_rgb(colour)) * ((0.45 + 0.75 * shade) * (1 - 0.7 * crease))[..., None]
    rgb += (0.35 * shade**14)[..., None]
    return _picture(rgb, (1 - radius) * size / 2)


def slice_of_citrus(size: int, rind: str, flesh: str, turn_deg: float) -> Image.Image:
    """A round slice of a citrus fruit, ``size`` pixels across."""
    x, y = _grid(size)
    radius = np.hypot(x, y)
    angle = (np.degrees(np.arctan2(y, x)) + turn_deg) % 36.0 / 36.0
    wall = np.minimum(angle, 1 - angle) * radius * 0.63
    pith = np.array([0.99, 0.96, 0.86])
    inside = (
        np.clip((wall - 0.016) * 60, 0, 1) * np.clip((0.84 - radius) * 50, 0, 1) * np.clip((radius - 0.07) * 40, 0, 1)
    )
    fibres = 0.10 * np.sin(angle * 40 + radius * 9) * np.sin(radius * 46)
    pulp = np.array(display_rgb(flesh)) * (0.92 + 0.22 * radius + fibres)[..., None]
    rgb = pith * (1 - inside[..., None]) + pulp * inside[..., None]
    skin = np.clip((radius - 0.92) * 50, 0, 1)[..., None]
    rgb = rgb * (1 - skin) + np.array(display_rgb(rind)) * skin
    return _picture(rgb, (1 - radius) * size / 2)
