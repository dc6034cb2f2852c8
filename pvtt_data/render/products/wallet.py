"""Wallets: bifolds and long wallets that stand a little open, upright zip wallets. Millimetres."""

from __future__ import annotations

import numpy as np

from pvtt_data.render.material import Material, Part
from pvtt_data.render.meshes import Floats, Mesh, merged
from pvtt_data.render.products import bag_parts, leather, metals
from pvtt_data.render.products.dice import chance, pick
from pvtt_data.render.products.engraving import engraved
from pvtt_data.render.products.family import Dice, Family, Made
from pvtt_data.render.products.names import brand_word
from pvtt_data.render.products.plates import face, offset, plate, soft_box
from pvtt_data.render.products.poses import Parts, changed, on_floor
from pvtt_data.render.products.sweeps import flat_section, frames, lengths, resampled, smooth_curve, tube, turned_x

_COLOURS = (
    ("#161517", "Black"), ("#7a4423", "Cognac"), ("#40271a", "Dark Brown"), ("#b98a5c", "Tan"), ("#1f2b45", "Navy"),
    ("#6d1d27", "Oxblood"), ("#31483a", "Green"), ("#b7372f", "Red"), ("#d8b7ae", "Blush"), ("#d4a12f", "Mustard"),
    ("#87898d", "Grey"), ("#e6ddcd", "Ecru"),
)  # fmt: skip
_ZOOM = 1.7
"""How much finer the grain of a wallet is than that of a bag."""
_CARDS = ("#1b3d6d", "#c9a227", "#2b2b2e", "#a3262f", "#2d7a5f", "#d9d9de", "#6c4a9b", "#e07b39")


def _build(shape: Dice, finish: Dice, label: Dice) -> Made:
    colour, word = pick(finish, _COLOURS)
    grain: leather.Grain = pick(finish, ("pebbled", "smooth", "smooth", "saffiano", "croc"))
    hide = leather.leather(grain, colour, float(finish.uniform(0.3, 0.9)))
    thread = colour if chance(finish, 0.3) else pick(finish, ("#efe4cc", "#c98b3f", "#1c1b1d", "#b3372c"))
    metal = pick(finish, metals.HARDWARE)
    maker = brand_word(label)
    kind = pick(shape, ("bifold", "bifold", "long", "zip", "zip"))
    if kind == "zip":
        parts = _zip(shape, finish, label, maker, grain, hide, thread, metal)
    else:
        parts = _folded(kind, shape, finish, label, maker, grain, hide, thread, metal)
    yaw = float(shape.uniform(-24, 24))
    what = {"bifold": "Bifold Wallet", "long": "Long Wallet", "zip": "Zip Wallet"}[kind]
    return Made(f"{maker} {word} Leather {what}", on_floor(changed(parts, lambda mesh: mesh.moved(yaw_deg=yaw))))


def _cover(path: Floats, height: float, thickness: float, corner: float) -> Mesh:
    """An upright sheet over a path (N, 3) of the plane z = 0, from z = 0 up, its free corners round."""
    way = lengths(path)
    left = np.minimum(way, way[-1] - way)
    inset = np.where(left < corner, corner - np.sqrt(np.clip(corner**2 - (corner - left) ** 2, 0, None)), 0.0)
    scale = np.column_stack([1 - 2 * inset / height, np.ones(len(path))])
    section = flat_section(height, thickness, thickness * 0.45, 4)
    return tube(path, section, scale=scale, side=(0, 0, 1), crease_deg=55).moved(z=height / 2)


def _plan(width: float, opening_deg: float, gap: float) -> Floats:
    """A folded cover from above (160, 3): the front from left to right, the spine, the back; open by an angle."""
    half = np.radians(opening_deg) / 2
    turn = np.linspace(-np.pi / 2 - half, np.pi / 2 + half, 24)
    spine = np.stack([gap / 2 * np.cos(turn), gap / 2 * np.sin(turn)], -1)
    away = np.array([-np.cos(half), np.sin(half)])
    front, back = spine[0] + width * away * [1, -1], spine[-1] + width * away
    flat = resampled(np.concatenate([[front], spine, [back]]), 220)
    flat = flat + np.array([width / 2, 0])
    ends = 0.5 * (1 - np.cos(np.linspace(0, np.pi, 160)))
    way = lengths(flat)
    wanted = ends * way[-1]
    return np.stack([np.interp(wanted, way, flat[:, 0]), np.interp(wanted, way, flat[:, 1]), np.zeros(160)], -1)


def _folded(
    kind: str, shape: Dice, finish: Dice, label: Dice, maker: str,
    grain: leather.Grain, hide: Material, thread: str, metal: metals.Metal,
) -> Parts:  # fmt: skip
    width, height = (112.0, 92.0) if kind == "bifold" else (96.0, 178.0)
    width, height = width * float(shape.uniform(0.94, 1.06)), height * float(shape.uniform(0.95, 1.05))
    opening, corner = float(shape.uniform(14, 46)), float(shape.uniform(5, 12))
    outer = _plan(width, opening, 15.0)
    inner = _plan(width * 0.97, opening, 10.5) + np.array([0.6, 0, 0])
    total = float(lengths(outer)[-1])
    covers = [leather.in_tiles(_cover(outer, height, 2.6, corner), 2 * height * _ZOOM, total * _ZOOM, grain)]
    covers.append(
        leather.in_tiles(_cover(inner, height * 0.965, 2.0, corner), 2 * height * _ZOOM, total * _ZOOM, grain)
    )
    parts = [Part(merged(covers), hide), Part(_edge_seam(outer, height, corner), Material(thread, roughness=0.8))]
    half = np.radians(opening) / 2
    rows = []
    for step in range(int(shape.integers(2, 5))):
        card = turned_x(plate(flat_section(85, 54, 3.5), 0.9, 0.3), 90)
        side = 1 if step % 2 else -1
        lean = float(np.degrees(half)) * side
        rise = height - 54 / 2 + 3 + 5.0 * (step // 2)
        shift = np.array([-0.02 * width, side * (width * 0.5 * np.sin(half) + 1.8 - 1.3 * (step // 2)), rise])
        rows.append((card.moved(yaw_deg=-lean).shifted(shift), pick(finish, _CARDS)))
    parts += [Part(mesh, Material(colour, roughness=0.35, clearcoat=0.4)) for mesh, colour in rows]
    parts += _front_mark(shape, label, maker, metal, width, height, opening)
    return tuple(parts)


def _edge_seam(path: Floats, height: float, corner: float) -> Mesh:
    """Stitches along the upper, lower and free edges of the outer cover."""
    moving, way = frames(path, side=(0, 0, 1)), lengths(path)
    margin = 3.6
    high, end = height / 2 - margin, way[-1] - margin
    radius = max(corner - margin, 1.5)
    turn = np.radians(np.linspace(0, 90, 8))
    top = [(s, high) for s in np.linspace(margin + radius, end - radius, 90)]
    bend = [(end - radius + radius * np.sin(a), high - radius + radius * np.cos(a)) for a in turn[1:]]
    right = [*top, *bend, *[(s, -z) for s, z in reversed(bend)], *[(s, -z) for s, z in reversed(top)]]
    start = [(margin + radius - radius * np.sin(a), -high + radius - radius * np.cos(a)) for a in turn[1:]]
    loop = np.array([*right, *start, *[(s, -z) for s, z in reversed(start)]])
    dense = resampled(loop, 700)
    s, z = dense[:, 0], dense[:, 1]
    points = np.stack([np.interp(s, way, path[:, 0]), np.interp(s, way, path[:, 1]), z + height / 2], -1)
    up = np.stack([np.interp(s, way, moving.up[:, axis]) for axis in range(3)], -1)
    return bag_parts.seam(points + 1.3 * up, up, 3.6, 0.9)


def _front_mark(
    shape: Dice, label: Dice, maker: str, metal: metals.Metal, width: float, height: float, opening: float
) -> list[Part]:
    """A small name plate on the front cover, which is turned by half the opening."""
    half = opening / 2
    wide, high = 30.0, 7.0
    outline = flat_section(wide, high, 1.4)
    along = float(shape.uniform(0.3, 0.7))
    z = float(shape.choice([0.18, 0.5, 0.82])) * height
    angle = np.radians(half)
    at = np.array(
        [width / 2 - along * width * np.cos(angle), -7.5 * np.cos(angle) - along * width * np.sin(angle) - 1.0, z]
    )
    sign = turned_x(plate(outline, 1.3, 0.4), 90).moved(yaw_deg=half).shifted(at)
    front = turned_x(face(offset(outline, 0.4), 1.34), 90).moved(yaw_deg=half).shifted(at)
    return [
        Part(sign, metal.polished()),
        Part(front, engraved(bag_parts.wordmark(maker, label, wide / high), metal)),
    ]


def _zip(
    shape: Dice, finish: Dice, label: Dice, maker: str,
    grain: leather.Grain, hide: Material, thread: str, metal: metals.Metal,
) -> Parts:  # fmt: skip
    """A case that stands upright, with a zip around three sides."""
    width = float(shape.choice([118.0, 150.0, 190.0]))
    height, depth = float(shape.uniform(88, 108)), float(shape.uniform(22, 30))
    case = soft_box(width, depth, height, depth * 0.42, 2.0)
    planar = Mesh(case.vertices, case.normals, np.stack([case.vertices[:, 0], -case.vertices[:, 2]], -1), case.faces)
    parts = [Part(leather.in_tiles(planar, _ZOOM, _ZOOM, grain), hide)]
    corner = 13.0
    half = width / 2 + 0.3
    knots = [(-half, 10.0), (-half, height - corner), (-half + 0.3 * corner, height - 0.3 * corner)]
    knots += [(-half + corner, height + 0.3), (half - corner, height + 0.3)]
    knots += [(half - 0.3 * corner, height - 0.3 * corner), (half, height - corner), (half, 26.0)]
    flat = resampled(smooth_curve(np.array(knots), 300), 200)
    line = np.column_stack([flat[:, 0], np.zeros(200), flat[:, 1]])
    parts.append(Part(bag_parts.zipper(line, 4.6, (0, 1, 0)), metal.polished()))
    y = -depth / 2 - 0.4
    loop = flat_section(width - 18, height - 16, 9.0, 6)
    dense = resampled(loop[:-1], 420, closed=True)
    swell = 2.0 * np.sin(np.pi * (dense[:, 1] + height / 2) / height) * np.cos(np.pi * dense[:, 0] / width) ** 0.7
    points = np.column_stack([dense[:, 0], y - swell + 0.2, dense[:, 1] + height / 2])
    parts.append(
        Part(bag_parts.seam(points, np.tile([[0.0, -1.0, 0.0]], (420, 1)), 4.2, 1.0), Material(thread, roughness=0.8))
    )
    wide, high = 0.3 * width, 9.0
    outline = flat_section(wide, high, 1.8)
    z = float(shape.choice([0.3, 0.5, 0.72])) * height
    at = y - 2.0 * np.sin(np.pi * z / height) + 0.1
    parts.append(Part(turned_x(plate(outline, 1.5, 0.5), 90).moved(y=at, z=z), metal.polished()))
    mark = engraved(bag_parts.wordmark(maker, label, wide / high), metal)
    parts.append(Part(turned_x(face(offset(outline, 0.5), 1.54), 90).moved(y=at, z=z), mark))
    return tuple(parts)


FAMILY = Family("wallet", "wallets", "fashion", _build)
