"""Low sneakers: leather, canvas, suede; toe caps, heel counters, eyestays, laces, a mark on the side. Millimetres."""

from __future__ import annotations

import numpy as np

from pvtt_data.render.material import Material, Part
from pvtt_data.render.meshes import Floats, Mesh, merged
from pvtt_data.render.products import leather
from pvtt_data.render.products.dice import chance, pick
from pvtt_data.render.products.family import Dice, Family, Made
from pvtt_data.render.products.names import brand_word
from pvtt_data.render.products.poses import changed, on_floor
from pvtt_data.render.products.shoe_last import Last, last, patch, shell, sole_mesh
from pvtt_data.render.products.sweeps import flat_section, smooth_curve, tube

_SCHEMES = (
    ("#f2f1ec", "#f2f1ec", "#1f5a3d", "#f3f1ea"), ("#f0efea", "#d9d6cd", "#b7332c", "#f0eee6"),
    ("#17181b", "#202226", "#f0f0ec", "#f1efe8"), ("#1d2c4d", "#18233d", "#e9e4d6", "#efece2"),
    ("#b9583a", "#8d3e2a", "#f0e6d4", "#efe6d6"), ("#c7b38e", "#8c6f47", "#3a2b1e", "#e9dfc9"),
    ("#7f8f7a", "#55654f", "#e6dcc4", "#eeeade"), ("#e4b7b5", "#f0e4df", "#9c3f52", "#f4efe9"),
    ("#8a8f96", "#5d626a", "#e07a2c", "#f1f1ef"), ("#d8a932", "#232426", "#f3efe4", "#f2eee2"),
    ("#6e1f2b", "#4b141d", "#eadfca", "#efe8da"), ("#4f7fa8", "#f0f0ec", "#16243a", "#f2f2ee"),
)  # fmt: skip


def _build(shape: Dice, finish: Dice, label: Dice) -> Made:
    form = last(shape)
    ground, panel, accent, rubber = pick(finish, _SCHEMES)
    upper_grain: leather.Grain = pick(finish, ("smooth", "pebbled", "canvas", "suede"))
    panel_grain: leather.Grain = pick(finish, ("smooth", "suede", "pebbled"))
    maker = brand_word(label)
    body = leather.in_tiles(shell(form), 700, 190, upper_grain)
    gum = chance(finish, 0.25)
    soles = [Part(sole_mesh(form, 0.2, 1.0, 2.4), Material(rubber, roughness=0.55))]
    soles.append(Part(sole_mesh(form, 0.0, 0.22, 2.8), Material("#a5733f" if gum else accent, roughness=0.6)))
    if chance(shape, 0.5):
        line = sole_mesh(form, 0.56, 0.64, 3.1)
        soles.append(Part(line, Material(accent, roughness=0.5)))
    panels = [leather.in_tiles(mesh, 120, 50, panel_grain) for mesh in _panels(form, shape)]
    marks = _marks(form, label)
    laces = _laces(form, shape)
    parts: list[Part] = [
        Part(body, leather.leather(upper_grain, ground, 0.5)),
        *soles,
        Part(merged(panels), leather.leather(panel_grain, panel, 0.5)),
        Part(merged(marks), leather.leather("smooth", accent, 0.6)),
        Part(merged(laces), Material(pick(finish, ("#f4f3ee", rubber, accent, "#18191c")), roughness=0.85, sheen=0.3)),
        Part(leather.in_tiles(_tongue(form), 160, 120, panel_grain), leather.leather(panel_grain, panel, 0.5)),
    ]
    yaw = float(shape.uniform(-32, 22))
    posed = on_floor(changed(tuple(parts), lambda mesh: mesh.moved(yaw_deg=yaw)))
    kinds = {"canvas": "Canvas", "suede": "Suede", "smooth": "Leather", "pebbled": "Leather"}
    return Made(f"{maker} {kinds[upper_grain]} Low Sneaker", posed)


def _grid(left: Floats, right: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Grids of places (R, K): rise goes from low to high (K,), around from left to right (R,)."""
    rows, columns = len(left), len(low)
    share_u, share_v = np.linspace(0, 1, columns), np.linspace(0, 1, rows)
    around = left[:, None] + (right - left)[:, None] * share_u
    rise = low[None, :] + (high - low)[None, :] * share_v[:, None]
    return around, rise


def _flat(value: float, count: int) -> Floats:
    return np.full(count, value)


def _panels(form: Last, shape: Dice) -> list[Mesh]:
    """Toe cap, heel counter and both eyestays."""
    made: list[Mesh] = []
    bow = np.sin(np.linspace(0, np.pi, 40))
    if chance(shape, 0.75):
        reach = float(shape.uniform(0.14, 0.19))
        high = 0.04 + float(shape.uniform(0.28, 0.36)) * bow**0.5
        made.append(patch(form, *_grid(_flat(-reach, 14), _flat(reach, 14), _flat(0.0, 40), high), 1.5))
    heel = float(shape.uniform(0.07, 0.11))
    high = 0.25 + float(shape.uniform(0.35, 0.6)) * bow**0.6
    made.append(patch(form, *_grid(_flat(0.5 - heel, 14), _flat(0.5 + heel, 14), _flat(0.0, 40), high), 1.6))
    rise = np.linspace(0.40, 0.985, 26)
    for side in (1, -1):
        near = np.interp(rise, [0.40, 1.0], [0.036, 0.075])
        far = near + np.interp(rise, [0.40, 0.7, 1.0], [0.05, 0.055, 0.075])
        around, _ = _grid(near, far, _flat(0.0, 12), _flat(1.0, 12))
        rises = np.repeat(rise[:, None], 12, axis=1)
        if side < 0:
            around = -around[:, ::-1]
        made.append(patch(form, around, rises, 1.8))
    if chance(shape, 0.6):
        for side in (1, -1):
            low, high = _flat(0.0, 40), 0.17 + 0.06 * np.cos(np.linspace(0, 2 * np.pi, 40))
            around, rises = _grid(_flat(0.13, 8), _flat(0.43, 8), low, high)
            if side < 0:
                around, rises = -around[:, ::-1], rises[:, ::-1]
            made.append(patch(form, around, rises, 1.3))
    return made


def _marks(form: Last, label: Dice) -> list[Mesh]:
    """What tells the brand on both sides: bars, peaks, a chevron, a disc, a band."""
    kind = pick(label, ("bars", "peaks", "chevron", "disc", "band"))
    lean = float(label.uniform(0.02, 0.05)) * (1 if kind == "bars" else -0.3)
    shapes: list[tuple[Floats, Floats, Floats, Floats]] = []
    rows = np.linspace(0, 1, 16)
    if kind in ("bars", "band"):
        count = pick(label, (2, 5)) if kind == "bars" else 1
        wide = 0.016 if kind == "bars" else 0.042
        for step in range(count):
            left = 0.25 + 0.032 * step - lean * rows
            shapes.append((left, left + wide, _flat(0.20, 8), _flat(0.80, 8)))
    elif kind == "peaks":
        u = np.linspace(0, 1, 90)
        middle = 0.34 + 0.30 * np.abs((u * pick(label, (3, 4)) + 0.5) % 1.0 - 0.5) * 2
        shapes.append((_flat(0.20, 9), _flat(0.40, 9), middle - 0.055, middle + 0.055))
    elif kind == "chevron":
        bend = 0.27 + 0.06 * np.where(rows < 0.5, 2 * rows, 2 - 2 * rows)
        shapes.append((bend, bend + 0.05, _flat(0.20, 8), _flat(0.80, 8)))
    else:
        turn = np.linspace(0.06, np.pi - 0.06, 30)
        high = 0.20 * np.sin(turn)
        place = float(label.uniform(0.27, 0.33))
        u = -np.cos(turn) * 0.036
        around = np.repeat((place + u)[None], 14, axis=0)
        rises = 0.48 + high[None] * np.linspace(-1, 1, 14)[:, None]
        made = [patch(form, around, rises, 1.4)]
        made.append(patch(form, -around[:, ::-1], rises[:, ::-1], 1.4))
        return made
    made = []
    for left, right, low, high in shapes:
        around, rises = _grid(left, right, low, high)
        made += [patch(form, around, rises, 1.9), patch(form, -around[:, ::-1], rises[:, ::-1], 1.9)]
    return made


def _laces(form: Last, shape: Dice) -> list[Mesh]:
    """Flat laces across the throat and a bow on top."""
    made = []
    count = int(shape.integers(5, 8))
    section = flat_section(7.0, 2.0, 0.9)
    for step, rise in enumerate(np.linspace(0.47, 0.93, count)):
        reach = float(np.interp(rise, [0.4, 1.0], [0.062, 0.105]))
        skew = 0.018 if step % 2 else -0.018
        around = np.linspace(-reach, reach, 16)
        rises = rise + skew * np.linspace(-1, 1, 16)
        lift = 3.6 + 1.6 * np.cos(np.linspace(-np.pi / 2, np.pi / 2, 16)) - 3.5 * np.abs(np.linspace(-1, 1, 16)) ** 6
        curve = form.upper(around, rises) + form.outward(around, rises) * lift[:, None]
        made.append(tube(curve, section, side=(1, 0, 0.5), crease_deg=60))
    knot = form.upper(np.array(0.0), np.array(0.95)) + form.outward(np.array(0.0), np.array(0.95)) * 7
    for side in (1, -1):
        loop = np.array(
            [
                (0, 0, 0),
                (-4, -side * 14, 5),
                (-12, -side * 29, 0),
                (-15, -side * 26, -6),
                (-6, -side * 10, -1),
                (0, 0, 0.5),
            ]
        )
        made.append(
            tube(
                smooth_curve(loop.astype(float) + knot, 50),
                section * 0.8,
                side=(1, 0, 0.4),
                ends="round",
                crease_deg=60,
            )
        )
        end = np.array([(0, 0, 0), (4, -side * 14, 3), (4, -side * 28, -9), (2, -side * 36, -22)], float)
        made.append(tube(smooth_curve(end + knot, 30), section * 0.8, side=(1, 0, 0.4), ends="round", crease_deg=60))
    return made


def _tongue(form: Last) -> Mesh:
    """A padded tongue that stands out of the throat."""
    throat = form.upper(np.array(0.0), np.array(1.0))
    path = np.array([(-52, 0, -19), (-26, 0, -5.5), (-4, 0, 4), (8, 0, 17), (13, 0, 30)], float) + throat
    curve = smooth_curve(path, 36)
    scale = np.column_stack([np.interp(np.linspace(0, 1, 36), [0, 0.6, 1], [0.7, 0.95, 1.0]), np.ones(36)])
    return tube(curve, flat_section(46, 9, 4.2, 6), scale=scale, side=(0, 1, 0), ends="round", crease_deg=70)


FAMILY = Family("sneaker", "sneakers", "fashion", _build)
