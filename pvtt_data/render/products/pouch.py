"""Stand-up pouches of foil or kraft paper: round below, pressed flat and crimped above."""

from __future__ import annotations

import numpy as np

from pvtt_data.render.material import Part
from pvtt_data.render.meshes import Floats, loft
from pvtt_data.render.products import closures, finishes
from pvtt_data.render.products.design import PrintArea
from pvtt_data.render.products.family import Dice, Family, Made
from pvtt_data.render.products.forms import length_of, section, tidy
from pvtt_data.render.products.labels import draw_design, print_label


def _wrinkles(shape: Dice, rows: int, columns: int) -> Floats:
    """(rows, columns) soft dents, about 1 high, the same at both ends of a row."""
    rng = np.random.default_rng((int(shape.integers(2**31)), 0xB46))
    u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    dents = np.zeros_like(u)
    for _ in range(22):
        around, up = int(rng.integers(1, 9)), float(rng.uniform(0.5, 5))
        phase, lean = float(rng.uniform(0, 6.28)), float(rng.uniform(0, 6.28))
        dents += np.sin(2 * np.pi * (around * u + up * v) + phase) * np.sin(np.pi * v + lean) / (2 + 0.6 * around)
    return np.asarray(dents / np.abs(dents).max(), np.float64)


def _build(shape: Dice, finish: Dice, label: Dice) -> Made:
    wide = float(shape.uniform(0.54, 0.74))
    full = float(shape.uniform(0.27, 0.4))
    pinch = float(shape.uniform(0.6, 0.9))
    seal = float(shape.uniform(0.04, 0.07))
    boxy = float(shape.choice([2.2, 2.2, 4.5]))
    rows = [0.0, 0.0, 0.006, 0.02, 0.045, *np.linspace(0.08, 1.0 - seal, 34), *np.linspace(1.0 - seal + 0.004, 1.0, 13)]
    spread = np.array([0.0, 0.90, 0.96, 0.985, 0.99])
    wrinkles = _wrinkles(shape, len(rows), 113)
    rings = np.empty((len(rows), 113, 3))
    for index, z in enumerate(rows):
        t = min(z / (1.0 - seal), 1.0)
        flat = t**pinch
        depth = full * (1 - flat) ** 0.75 * (1 + 0.35 * np.sin(np.pi * t)) + 0.012
        across = wide * (0.80 + 0.20 * flat)
        share = float(spread[index]) if index < len(spread) else 1.0
        ring = section(across * share, depth * share, 2.0 + (boxy - 2.0) * (1 - flat))
        rings[index, :, :2] = ring
        rings[index, :, 2] = z
        if z > 1.0 - seal:
            rings[index, :, 1] += 0.0035 * (-1) ** index
        else:
            strength = 0.016 * np.sin(np.pi * min(max(z, 0.02) / (1.0 - seal), 1.0)) ** 0.6
            rings[index, :, 1] += strength * wrinkles[index] * (0.3 + np.abs(ring[:, 1]) / (full / 2))
    rings[:, -1] = rings[:, 0]
    cover = rings[-1] * [1.0, 0.0, 1.0]
    skin = tidy(loft(np.concatenate([rings, cover[None]])))

    kraft = bool(finish.uniform() < 0.2)
    colour = "#b28a5e" if kraft else finishes.tone(finish, 0.45)
    kind = float(finish.uniform())
    design = draw_design(label, str(label.choice(["coffee", "coffee", "snack", "tea"])), colour)
    valve = bool(shape.uniform() < 0.4)
    spine = length_of(rings[:, 56, 1:])
    base = full * 0.5
    crimp = length_of(rings[np.array(rows) > 1.0 - seal, 56, 1:])
    around, front = 2 * wide * 0.96, wide * 0.68
    area = PrintArea(
        around,
        spine,
        front,
        above=crimp + (0.16 if valve else 0.05),
        below=base + 0.05,
        apart=0.27 * around - front / 2,
    )
    picture = print_label(design, area)
    surface = finishes.paper(picture, 0.1)
    if not kraft:
        surface = (
            finishes.foil(picture, 0.34) if kind < 0.3 else finishes.plastic(picture, 0.1 if kind < 0.65 else 0.62)
        )
    parts = [Part(skin, surface)]
    if valve:
        disc = closures.cylinder(0.026, 0.0, 0.007, 0.003, 40)
        stand = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
        height = 0.91 - seal
        front = float(np.interp(height, rings[5:, 56, 2], rings[5:, 56, 1]))
        disc = disc.turned(stand).moved(y=front + 0.002, z=height)
        parts.append(Part(disc, finishes.plastic("#2a2a2c" if kind < 0.5 else "#d8d6d0", 0.5)))
    return Made(design.wording.title, tuple(parts))


POUCH = Family("pouch", "coffee", "groceries", _build)
