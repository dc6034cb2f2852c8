"""Engraved metal: letters, borders and emblems cut into a face."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image, ImageDraw

from pvtt_data.render.material import Material, Rgb, Texture, display_rgb
from pvtt_data.render.meshes import Floats
from pvtt_data.render.products.dice import pick
from pvtt_data.render.products.family import Dice
from pvtt_data.render.products.fonts import font
from pvtt_data.render.products.metals import Metal

_SIZE = 512
_FACES = ("serif-semibold", "serif-black", "slab-bold", "sans-black", "serif-italic", "hand")
_EMBLEMS = ("letters", "letters", "star", "compass", "crescent", "wreath")


def emblem(dice: Dice) -> Image.Image:
    """A design (512, 512) to cut: white where the graver goes; border and one letter, two letters or a figure."""
    image = Image.new("L", (_SIZE, _SIZE), 0)
    draw = ImageDraw.Draw(image)
    kind, border = pick(dice, _EMBLEMS), pick(dice, ("line", "double", "dots", "none"))
    middle = _SIZE / 2
    _border(draw, border)
    if kind == "letters":
        letters = "".join(chr(65 + int(dice.integers(26))) for _ in range(pick(dice, (1, 1, 2))))
        draw.text((middle, middle), letters, 255, font(pick(dice, _FACES), 300 if len(letters) == 1 else 210), "mm")
    elif kind == "crescent":
        draw.ellipse([middle - 120, middle - 120, middle + 120, middle + 120], fill=255)
        draw.ellipse([middle - 60, middle - 130, middle + 165, middle + 95], fill=0)
    elif kind == "wreath":
        for step in range(18):
            turn = np.radians(120 + 300 * step / 17)
            stem = np.array([np.cos(turn), np.sin(turn)])
            along = np.array([-stem[1], stem[0]]) * (1 if step > 8 else -1)
            for sign in (-1, 1):
                root = middle + 135 * stem
                tip = root + 40 * along + sign * 34 * stem
                bow = 12 * np.array([-(tip - root)[1], (tip - root)[0]]) / np.linalg.norm(tip - root)
                half = (root + tip) / 2
                draw.polygon([tuple(p) for p in (root, half + bow, tip, half - bow)], fill=255)
        draw.text((middle, middle), chr(65 + int(dice.integers(26))), 255, font("serif-black", 130), "mm")
    else:
        count, inner = (pick(dice, (5, 6)), 0.42) if kind == "star" else (8, 0.36)
        _star(draw, middle, 150, count, inner)
    return image


def _border(draw: ImageDraw.ImageDraw, border: str) -> None:
    middle = _SIZE / 2
    for radius in {"line": (215,), "double": (222, 204)}.get(border, ()):
        draw.ellipse([middle - radius, middle - radius, middle + radius, middle + radius], outline=255, width=9)
    if border == "dots":
        for turn in np.linspace(0, 2 * np.pi, 40, endpoint=False):
            x, y = middle + 212 * np.cos(turn), middle + 212 * np.sin(turn)
            draw.ellipse([x - 9, y - 9, x + 9, y + 9], fill=255)


def _star(draw: ImageDraw.ImageDraw, middle: float, reach: float, count: int, inner: float) -> None:
    points = []
    for step in range(2 * count):
        radius = reach * (1.0 if step % 2 == 0 else inner)
        if count == 8 and step % 4 == 2:
            radius *= 0.66
        turn = np.pi * step / count - np.pi / 2
        points.append((middle + radius * float(np.cos(turn)), middle + radius * float(np.sin(turn))))
    draw.polygon(points, fill=255)


def engraved(design: Image.Image, metal: Metal, ground: str | None = None) -> Material:
    """A face with a design cut into it.

    Args:
        design: (512, 512) one channel, white where it is cut.
        metal: of the face, or of the filled letters of a stone.
        ground: "#rrggbb" of a stone that carries the design in metal, or None for metal all over.
    """
    cut = np.asarray(design, float) / 255
    depth = cv2.GaussianBlur(cut, (0, 0), 2.5)[..., None]
    bright = np.array(display_values(metal.colour))
    if ground is None:
        colour, metallic = bright * (1 - 0.78 * depth), np.ones_like(depth)
    else:
        colour, metallic = np.array(display_rgb(ground)) * (1 - depth) + bright * depth, depth
    return Material(
        Texture(_bytes(colour)),
        roughness=Texture(_bytes(0.16 + 0.3 * depth), srgb=False),
        metallic=Texture(_bytes(metallic), srgb=False),
        normal_map=Texture(_bytes(_relief(depth[..., 0])), srgb=False),
    )


def display_values(colour: Rgb) -> Rgb:
    """Linear RGB as display values (IEC 61966-2-1)."""
    r, g, b = (12.92 * c if c <= 0.0031308 else 1.055 * c ** (1 / 2.4) - 0.055 for c in colour)
    return (r, g, b)


def _relief(depth: Floats) -> Floats:
    """Normals in 0 to 1, +y up in the picture, of a face cut to a depth."""
    rise_y, rise_x = np.gradient(-depth * 9)
    normals = np.stack([-rise_x, rise_y, np.ones_like(depth)], -1)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    return np.asarray(normals / 2 + 0.5, float)


def _bytes(values: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)
