"""Watch dials: the print, the applied indices, the hands at ten past ten, printed bezels. Millimetres.

A dial lies on z = 0, faces up, its twelve towards +y.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pvtt_data.render.material import Material, Part, Texture, display_rgb
from pvtt_data.render.meshes import Floats, Mesh, merged
from pvtt_data.render.products.creases import shaded
from pvtt_data.render.products.dice import chance, pick
from pvtt_data.render.products.family import Dice
from pvtt_data.render.products.fonts import font
from pvtt_data.render.products.metals import Metal
from pvtt_data.render.products.plates import face, plate, superellipse
from pvtt_data.render.products.sweeps import flat_section, tube

Hours = Literal["bars", "arabic", "roman", "dots", "quarters"]
_PX = 1024
_ROMAN = ("XII", "I", "II", "III", "IIII", "V", "VI", "VII", "VIII", "IX", "X", "XI")
_GROUNDS = (
    ("#f3f2ee", "#1b1b1d"), ("#e3e5e7", "#1c2430"), ("#101113", "#eeeeec"), ("#152341", "#f0efe8"),
    ("#123a2c", "#efeee2"), ("#e7c3a4", "#2a2019"), ("#ead9ae", "#2b2416"), ("#a9c8d4", "#16232c"),
    ("#5a1621", "#f4ece4"), ("#3b3d41", "#f2f2f0"), ("#2f7f86", "#f4f6f4"), ("#d8842c", "#1d1a17"),
)  # fmt: skip
_LUME = "#e9eedd"


@dataclass(frozen=True, slots=True)
class Design:
    """What is on a dial. ground and ink are "#rrggbb"; subdials: 0, 1 or 3."""

    hours: Hours
    ground: str
    ink: str
    subdials: int
    dated: bool
    maker: str
    words: str
    type: str
    second: str


def design(shape: Dice, finish: Dice, label: Dice, maker: str) -> Design:
    """A dial by chance."""
    ground, ink = pick(finish, _GROUNDS)
    hours: Hours = pick(shape, ("bars", "bars", "arabic", "roman", "dots", "quarters"))
    subdials = pick(shape, (0, 0, 1, 3))
    words = pick(label, ("AUTOMATIC", "QUARTZ", "CHRONOMETER", "SWISS PARTS", "5 ATM", "100 M", ""))
    face_name = pick(label, ("serif-semibold", "sans-bold", "geometric", "slab-bold", "grotesque", "serif-italic"))
    second = pick(finish, ("#c8102e", "#e07a1f", ink, ink, "#2f6fb5"))
    return Design(hours, ground, ink, subdials, chance(shape, 0.5), maker, words, face_name, second)


def printed(plan: Design, half_width: float, half_depth: float) -> Material:
    """The dial's print, for a face whose uv covers its bounding box; with the sheen of a crystal above it."""
    size = (
        round(_PX * half_width / max(half_width, half_depth)),
        round(_PX * half_depth / max(half_width, half_depth)),
    )
    image = _ground(plan, size)
    draw = ImageDraw.Draw(image)
    centre = np.array(size) / 2
    reach = centre * 0.94
    for minute in range(60):
        turn = np.radians(6 * minute)
        way = np.array([np.sin(turn), -np.cos(turn)])
        edge = _edge(way, reach, half_width != half_depth)
        long_ = 0.06 if minute % 5 == 0 else 0.035
        draw.line([tuple(centre + edge), tuple(centre + edge * (1 - long_))], plan.ink, 7 if minute % 5 == 0 else 4)
    if plan.hours in ("arabic", "roman", "quarters"):
        _numerals(draw, plan, centre, reach, half_width != half_depth)
    for x, y in _subdial_places(plan):
        _subdial(draw, plan, centre + np.array([x, y]) * centre, 0.245 * float(centre.min()))
    unit = float(centre[0])
    up = -0.40 if plan.subdials != 3 else -0.50
    draw.text(
        (centre[0], centre[1] + up * centre[1]), plan.maker, plan.ink, _fitting(plan.maker, plan.type, 0.17, unit), "mm"
    )
    if plan.words:
        below = 0.36 if plan.subdials == 0 else -0.27
        small = font("sans-semibold", round(0.062 * unit))
        draw.text((centre[0], centre[1] + below * centre[1]), plan.words, plan.ink, small, "mm")
    if plan.dated and plan.subdials != 3:
        x, y = centre[0] * (1.62 if plan.hours != "arabic" else 1.48), centre[1]
        w, h = 0.095 * unit, 0.085 * unit
        draw.rectangle([x - w, y - h, x + w, y + h], fill="#f6f5f0", outline=plan.ink, width=5)
        draw.text((x, y), "28", "#16161a", font("sans-bold", round(0.13 * unit)), "mm")
    return Material(Texture(np.asarray(image)), roughness=0.35, specular=0.5, clearcoat=1.0, clearcoat_roughness=0.03)


def _ground(plan: Design, size: tuple[int, int]) -> Image.Image:
    """A ground with sun rays: streaks that shine in two opposite directions."""
    small = (size[0] // 4, size[1] // 4)
    y, x = np.mgrid[0 : small[1], 0 : small[0]] + 0.5
    dx, dy = x - small[0] / 2, y - small[1] / 2
    angle = np.arctan2(dy, dx)
    rays = 0.5 + 0.5 * np.cos(2 * (angle + 0.9))
    shade = 0.84 + 0.22 * rays**2
    rim = np.clip(np.hypot(dx / small[0], dy / small[1]) * 2, 0, 1.2)
    shade = shade * (1 - 0.16 * rim**3)
    pixels = np.clip(np.array(display_rgb(plan.ground)) * shade[..., None], 0, 1)
    picture = Image.fromarray((pixels * 255 + 0.5).astype(np.uint8))
    return picture.resize(size, Image.Resampling.BICUBIC)


def _edge(way: Floats, reach: Floats, angular: bool) -> Floats:
    """Where a ray from the middle meets the track: a circle or a rectangle."""
    if not angular:
        return way * float(reach.min())
    return np.asarray(way / np.max(np.abs(way) / reach), float)


def _numerals(draw: ImageDraw.ImageDraw, plan: Design, centre: Floats, reach: Floats, angular: bool) -> None:
    face_name = "serif-semibold" if plan.hours == "roman" else "sans-semibold"
    size = font(face_name, round(float(centre.min()) * (0.20 if plan.hours == "roman" else 0.24)))
    taken = _subdial_places(plan)
    for hour in range(12):
        if plan.hours == "quarters" and hour % 3:
            continue
        turn = np.radians(30 * hour)
        way = np.array([np.sin(turn), -np.cos(turn)])
        at = _edge(way, reach * 0.80, angular)
        if any(np.hypot(*(at / centre - place)) < 0.36 for place in np.array(taken).reshape(-1, 2)):
            continue
        if plan.dated and hour == 3 and plan.subdials != 3:
            continue
        text = _ROMAN[hour] if plan.hours == "roman" else str(hour or 12)
        draw.text(tuple(centre + at), text, plan.ink, size, "mm")


def _subdial_places(plan: Design) -> list[tuple[float, float]]:
    return {0: [], 1: [(0.0, 0.46)], 3: [(-0.46, 0.0), (0.46, 0.0), (0.0, 0.46)]}[plan.subdials]


def _subdial(draw: ImageDraw.ImageDraw, plan: Design, at: Floats, radius: float) -> None:
    light = sum(display_rgb(plan.ground)) > 1.4
    shade = tuple(int(255 * v * (0.88 if light else 1.0) + (0 if light else 22)) for v in display_rgb(plan.ground))
    draw.ellipse(
        [at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius], fill=shade, outline=plan.ink, width=4
    )
    for step in range(12):
        way = np.array([np.sin(np.pi * step / 6), -np.cos(np.pi * step / 6)]) * radius
        draw.line([tuple(at + 0.92 * way), tuple(at + 0.74 * way)], plan.ink, 5)
    way = np.array([np.sin(2.2), -np.cos(2.2)]) * radius
    draw.line([tuple(at - 0.2 * way), tuple(at + 0.72 * way)], plan.second, 7)
    draw.ellipse([at[0] - 8, at[1] - 8, at[0] + 8, at[1] + 8], fill=plan.second)


def _fitting(text: str, face_name: str, size: float, unit: float) -> ImageFont.FreeTypeFont:
    wide = font(face_name, 200).getlength(text) / 200
    return font(face_name, max(round(min(size * unit, 0.95 * unit / wide)), 8))


def indices(plan: Design, half_width: float, half_depth: float, metal: Metal) -> list[Part]:
    """Applied hour marks."""
    if plan.hours in ("arabic", "roman"):
        return []
    bars, lume = [], []
    reach = np.array([half_width, half_depth])
    blocked = _subdial_places(plan)
    for hour in range(12):
        if plan.hours == "quarters" and hour % 3 == 0:
            continue
        turn = np.radians(30 * hour)
        way = np.array([np.sin(turn), np.cos(turn)])
        at = _edge(way, reach * 0.80, half_width != half_depth)
        if plan.dated and plan.subdials != 3 and hour == 3:
            continue
        near = any(np.hypot(at[0] / half_width - x, at[1] / half_depth + y) < 0.32 for x, y in blocked)
        size = 0.6 if near else 1.0
        at = at * (1.08 if near else 1.0)
        if plan.hours == "dots":
            radius = 0.075 * half_width * size
            bars.append(plate(superellipse(radius, radius, 2.0, 28), 0.5, 0.15).moved(*at))
            lume.append(face(superellipse(radius * 0.74, radius * 0.74, 2.0, 28), 0.52).moved(*at))
            continue
        wide, long_ = 0.062 * half_width * (1.6 if hour == 0 else 1.0), 0.20 * half_width * size
        bar = plate(flat_section(wide, long_, 0.12, 3), 0.6, 0.2)
        bars.append(bar.moved(float(at[0]), float(at[1]), 0.0, -30.0 * hour))
    parts = [Part(merged(bars), metal.polished())] if bars else []
    if lume:
        parts.append(Part(merged(lume), Material(_LUME, roughness=0.6)))
    return parts


def hands(plan: Design, reach: float, shape: Dice, metal: Metal) -> list[Part]:
    """Hour, minute and second hand at 10:10:35."""
    style = pick(shape, ("baton", "dauphine", "sword", "leaf"))
    dark = Material(plan.ink, roughness=0.35) if metal.name == "Black Steel" else metal.polished()
    hour = _hand(style, reach * 0.56, reach * 0.115).moved(z=0.9, yaw_deg=-305)
    minute = _hand(style, reach * 0.82, reach * 0.09).moved(z=1.35, yaw_deg=-61)
    hub = plate(superellipse(reach * 0.055, reach * 0.055, 2.0, 28), 1.5, 0.25).moved(z=0.8)
    parts = [Part(merged([hour, minute, hub]), dark)]
    if plan.subdials != 1:
        sweep = plate(flat_section(reach * 0.022, reach * 1.08, 0.05, 3), 0.25, 0.06).moved(y=reach * 0.32, z=1.8)
        cap = plate(superellipse(reach * 0.04, reach * 0.04, 2.0, 24), 0.45, 0.1).moved(z=1.8)
        parts.append(Part(merged([sweep, cap]).moved(yaw_deg=-210), Material(plan.second, roughness=0.35)))
    return parts


def _hand(style: str, length: float, width: float) -> Mesh:
    """A hand that points to +y from the origin, its back at z = 0."""
    outline = {
        "baton": ((-0.18, 0.8), (0.97, 0.8), (1.0, 0.45)),
        "dauphine": ((-0.18, 0.35), (0.16, 1.25), (1.0, 0.12)),
        "sword": ((-0.18, 0.5), (0.2, 0.6), (0.72, 1.15), (1.0, 0.15)),
        "leaf": ((-0.18, 0.3), (0.1, 0.4), (0.28, 0.85), (0.45, 1.1), (0.65, 0.85), (0.8, 0.5), (1.0, 0.1)),
    }[style]
    along = np.array([share for share, _ in outline]) * length
    scale = np.array([(half * width / 2, 1.0) for _, half in outline])
    middle = 0.38 if style in ("dauphine", "leaf") else 0.26
    section = np.array([(-1, 0), (1, 0), (1, 0.12), (0.7, 0.22), (0, middle), (-0.7, 0.22), (-1, 0.12), (-1, 0)])
    curve = np.column_stack([np.zeros(len(along)), along, np.zeros(len(along))])
    return tube(curve, section, scale=scale, side=(-1, 0, 0), crease_deg=8)


def bezel_print(ground: str, ink: str) -> Material:
    """The minutes of a diver's bezel, for an annulus whose uv covers its bounding square."""
    image = Image.new("RGB", (_PX, _PX), ground)
    draw = ImageDraw.Draw(image)
    middle = np.full(2, _PX / 2)
    for minute in range(0, 60, 1):
        way = np.array([np.sin(np.pi * minute / 30), -np.cos(np.pi * minute / 30)])
        if minute % 10 == 0 and minute:
            tile = Image.new("L", (120, 120), 0)
            ImageDraw.Draw(tile).text((60, 60), str(minute), 255, font("sans-bold", 66), "mm")
            tile = tile.rotate(-6.0 * minute, Image.Resampling.BICUBIC)
            place = middle + way * _PX * 0.447 - 60
            image.paste(ink, (round(place[0]), round(place[1])), tile)
        elif minute % 5 == 0 or minute < 15:
            near = 0.425 if minute % 5 == 0 else 0.452
            line = [tuple(middle + way * _PX * near), tuple(middle + way * _PX * 0.478)]
            draw.line(line, ink, 12 if minute % 5 == 0 else 6)
    top = middle - [0, _PX * 0.452]
    draw.polygon([(top[0] - 24, top[1] - 22), (top[0] + 24, top[1] - 22), (top[0], top[1] + 24)], fill=_LUME)
    return Material(Texture(np.asarray(image)), roughness=0.2, clearcoat=1.0, clearcoat_roughness=0.05)


def annulus(outer: Floats, inner: Floats, z_outer: float, z_inner: float) -> Mesh:
    """An open ring that looks up between two closed outlines (K, 2) of as many points; uv as `plates.face`."""
    low, high = outer.min(axis=0), outer.max(axis=0)
    count = len(outer)
    flat = np.concatenate([outer, inner])
    uv = (flat - low) / (high - low)
    uv[:, 1] = 1 - uv[:, 1]
    heights = np.concatenate([np.full(count, z_outer), np.full(count, z_inner)])
    k = np.arange(count - 1)
    faces = np.concatenate([np.stack([k, k + 1, count + k + 1], -1), np.stack([k, count + k + 1, count + k], -1)])
    return shaded(np.column_stack([flat, heights]), uv, faces.astype(np.int64), 60.0)
