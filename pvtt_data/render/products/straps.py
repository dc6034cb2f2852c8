"""Watch straps: leather, rubber, cloth, woven and linked metal, closed to a loop behind the case. Millimetres."""

from __future__ import annotations

import numpy as np

from pvtt_data.render.material import Material, Part, Texture, display_rgb
from pvtt_data.render.meshes import Floats, Mesh, merged
from pvtt_data.render.products import leather
from pvtt_data.render.products.dice import chance, pick
from pvtt_data.render.products.family import Dice
from pvtt_data.render.products.metals import Metal
from pvtt_data.render.products.plates import plate
from pvtt_data.render.products.sweeps import flat_section, frames, lengths, placed, resampled, tube

_LEATHERS = (
    ("#17161a", "Black"), ("#4a2a17", "Brown"), ("#8c4f26", "Tan"), ("#1d2a45", "Navy"), ("#5a1a22", "Burgundy"),
    ("#2e4034", "Green"), ("#9a9186", "Grey"), ("#c9b8a2", "Sand"),
)  # fmt: skip
_RUBBERS = (
    ("#141416", "Black"),
    ("#1c3050", "Blue"),
    ("#d1572a", "Orange"),
    ("#e8e6e0", "White"),
    ("#39462f", "Olive"),
)
_CLOTHS = (("#2b3342", "#8a1f2c"), ("#3d4433", "#c2b48a"), ("#20222a", "#7d8794"), ("#6d5d45", "#23303f"))

Strap = tuple[list[Part], str]


def strap(shape: Dice, finish: Dice, metal: Metal, width: float, start: float) -> Strap:
    """A strap of a width whose ends lie at y = start and y = -start under the case, and what it is made of."""
    kind = pick(shape, ("leather", "leather", "links", "links", "rubber", "cloth", "mesh"))
    curve = _loop(start, float(shape.uniform(44, 52)))
    return _MAKERS[kind](shape, finish, metal, width, curve)


def _loop(start: float, depth: float) -> Floats:
    """From the twelve o'clock end down around to the six o'clock end: (160, 3) in the plane x = 0."""
    t = np.linspace(0, 1, 90)[:, None]
    a, b, c, d = (np.array(p) for p in ((start, -4.8), (start + 9.5, -14.0), (start + 5.0, -depth), (0.0, -depth)))
    quarter = (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d
    half = np.concatenate([quarter, quarter[-2::-1] * [-1, 1]])
    return resampled(np.column_stack([np.zeros(len(half)), half]), 160)


def _taper(count: int, narrow: float) -> Floats:
    """Factors (count, 2): full width at both ends, `narrow` at the bottom."""
    bow = 1 - np.abs(np.linspace(-1, 1, count)) ** 1.5
    return np.column_stack([1 - (1 - narrow) * bow, np.ones(count)])


def _band(curve: Floats, width: float, thickness: float, narrow: float, pad: float) -> Mesh:
    """A plain strap, thicker by `pad` towards the case."""
    scale = _taper(len(curve), narrow)
    scale[:, 1] += pad * np.abs(np.linspace(-1, 1, len(curve))) ** 3
    section = flat_section(width, thickness, thickness * 0.42, 5)
    return tube(curve, section, scale=scale, side=(1, 0, 0), ends="round", crease_deg=60)


def _clasp(curve: Floats, width: float, thickness: float) -> Mesh:
    """A frame around the strap at its lowest point, with a tongue."""
    middle = curve[len(curve) // 2]
    w, h = width + 2.2, thickness + 2.4
    path = flat_section(w, 12.0, 2.0, 5)[:-1]
    frame = tube(np.column_stack([path, np.zeros(len(path))]), flat_section(1.7, 1.7, 0.6), closed=True, side=(0, 0, 1))
    keeper = np.column_stack([flat_section(w, h, 0.9, 4)[:-1], np.zeros((16, 1))])[:, [0, 2, 1]]
    ring = tube(keeper, flat_section(4.2, 1.0, 0.4), closed=True, side=(0, 1, 0)).moved(y=-11.0)
    return merged([frame.moved(z=-thickness * 0.6), ring]).shifted(middle)


def _leather(shape: Dice, finish: Dice, metal: Metal, width: float, curve: Floats) -> Strap:
    colour, word = pick(finish, _LEATHERS)
    grain: leather.Grain = pick(finish, ("smooth", "pebbled", "croc", "suede"))
    thread = colour if chance(finish, 0.3) else pick(finish, ("#e9dfc8", "#d8d2c6", "#b5651d", "#8d1f24"))
    narrow = float(shape.uniform(0.78, 0.9))
    band = leather.in_tiles(_band(curve, width, 3.0, narrow, 0.55), 2 * width + 6, 160, grain)
    gloss = 0.7 if grain == "croc" else 0.4
    parts = [
        Part(band, leather.leather(grain, colour, gloss)),
        Part(_clasp(curve, width * narrow, 3.4), metal.polished()),
    ]
    if chance(shape, 0.75):
        parts.append(Part(_seams(curve, width, narrow), Material(thread, roughness=0.8)))
    return parts, f"on {word} {'Suede' if grain == 'suede' else 'Leather'}"


def _seams(curve: Floats, width: float, narrow: float) -> Mesh:
    """Stitches along both edges, on the strap's outside."""
    moving = frames(curve, side=(-1, 0, 0))
    scale = _taper(len(curve), narrow)[:, :1]
    pad = 1.5 * (1 + 0.55 * np.abs(np.linspace(-1, 1, len(curve)))[:, None] ** 3)
    seams = []
    for sign in (-1, 1):
        path = moving.points + moving.side * sign * (scale * width / 2 - 1.9) + moving.up * pad
        for piece in (path[4:66], path[94:156]):
            seams.append(leather.stitches(frames(piece, side=(-1, 0, 0)), 3.2, 0.8))
    return merged(seams)


def _rubber(shape: Dice, finish: Dice, metal: Metal, width: float, curve: Floats) -> Strap:
    colour, word = pick(finish, _RUBBERS)
    band = _band(curve, width, 3.4, 0.88, 0.5)
    moving = frames(curve, side=(-1, 0, 0))
    meshes = [band]
    if chance(shape, 0.6):
        rib = plate(flat_section(width * 0.62, 2.2, 0.9), 1.0, 0.4)
        way = lengths(curve)
        turned = frames(curve, side=(1, 0, 0))
        for at in (8, 12, 16, 20, 24, 28):
            for distance in (at, float(way[-1]) - at):
                index = int(np.argmin(np.abs(way - distance)))
                meshes.append(placed(rib, turned, index).shifted(moving.up[index] * 1.55))
    parts = [
        Part(merged(meshes), Material(colour, roughness=0.5, specular=0.4)),
        Part(_clasp(curve, width * 0.88, 3.6), metal.satin()),
    ]
    return parts, f"on {word} Rubber"


def _cloth(shape: Dice, finish: Dice, metal: Metal, width: float, curve: Floats) -> Strap:
    ground, stripe = pick(finish, _CLOTHS)
    stripes = pick(shape, (1, 2, 0))
    band = _band(curve, width, 2.2, 1.0, 0.0)
    across = np.linspace(0, 1, 256)
    picture = np.empty((8, 256, 3))
    picture[:] = np.array(display_rgb(ground))
    for middle in {0: (), 1: (0.5,), 2: (0.36, 0.64)}[stripes]:
        picture[:, np.abs(across - middle) < (0.09 if stripes == 1 else 0.05)] = display_rgb(stripe)
    folded = Mesh(
        band.vertices, band.normals, np.column_stack([band.vertices[:, 0] / width + 0.5, band.uv[:, 1]]), band.faces
    )
    weave = leather.leather("canvas", "#ffffff").normal_map
    colour = Texture((picture * 255 + 0.5).astype(np.uint8))
    woven = None if weave is None else Texture(weave.pixels, False, (1.0, 8.0))
    cloth = Material(colour, roughness=0.9, specular=0.2, sheen=0.5, normal_map=woven)
    return [Part(folded, cloth), Part(_clasp(curve, width, 2.6), metal.satin())], "on Woven Strap"


def _mesh(shape: Dice, finish: Dice, metal: Metal, width: float, curve: Floats) -> Strap:
    """Woven steel."""
    band = leather.in_tiles(_band(curve, width, 2.4, 0.96, 0.0), 4.2 * width, 270, "canvas")
    weave = leather.leather("canvas", "#ffffff").normal_map
    woven = Material(metal.colour, roughness=0.3, metallic=1.0, normal_map=weave)
    return [Part(band, woven), Part(_clasp(curve, width, 2.8), metal.polished())], "on Milanese Mesh"


def _links(shape: Dice, finish: Dice, metal: Metal, width: float, curve: Floats) -> Strap:
    """Rows of three or five links; the middle ones polished, the outer ones brushed."""
    columns, pitch = pick(shape, ((3, 5.4), (5, 4.4), (1, 6.2), (3, 7.0)))
    narrow = float(shape.uniform(0.76, 0.9))
    shares = {1: (1.0,), 3: (0.3, 0.4, 0.3), 5: (0.28, 0.14, 0.16, 0.14, 0.28)}[columns]
    moving, way = frames(curve, side=(1, 0, 0)), lengths(curve)
    count = int(way[-1] / pitch)
    inner: list[Mesh] = []
    outer: list[Mesh] = []
    for step in range(count):
        at = (step + 0.5) * way[-1] / count
        taper = 1 - (1 - narrow) * (1 - abs(2 * at / way[-1] - 1) ** 1.5)
        left = -0.5
        for column, share in enumerate(shares):
            middle = (left + share / 2) * width * taper
            left += share
            is_inner = columns > 1 and 0 < column < columns - 1
            shift = pitch / 2 if is_inner and columns == 3 else 0.0
            index = int(np.argmin(np.abs(way - at - shift)))
            outline = flat_section(share * width * taper - 0.3, pitch * 0.95, 0.9, 3)
            block = plate(outline, 3.0, 0.7).moved(x=middle, z=-1.5 + (0.25 if is_inner else 0.0))
            (inner if is_inner else outer).append(placed(block, moving, index))
    parts = [Part(merged(outer), metal.satin())]
    if inner:
        parts.append(Part(merged(inner), metal.polished()))
    clasp = plate(flat_section(width * narrow + 1.2, 26.0, 2.0), 3.8, 0.9).moved(z=-1.9)
    parts.append(Part(placed(clasp, moving, len(curve) // 2), metal.polished()))
    return parts, "on Metal Links"


_MAKERS = {"leather": _leather, "rubber": _rubber, "cloth": _cloth, "mesh": _mesh, "links": _links}
