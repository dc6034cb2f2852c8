"""Lipsticks: a case, a sleeve, a slanted bullet; the cap stands beside or is on."""

from __future__ import annotations

import numpy as np

from pvtt_data.render.material import Material, Part
from pvtt_data.render.meshes import Floats, Mesh, loft
from pvtt_data.render.products import closures, finishes
from pvtt_data.render.products.colours import lightness, oklch
from pvtt_data.render.products.dressing import Wall, inked
from pvtt_data.render.products.family import Dice, Family, Made
from pvtt_data.render.products.forms import section, tidy
from pvtt_data.render.products.vessels import bevelled_rows, inset_solid


def _bullet(radius: float, low: float, tall: float, slant: float) -> Mesh:
    """The coloured stick: a cylinder cut aslant, its cut face rounded."""
    rows = [(1.0, 0.0, 0.0), (1.0, 0.35, 0.1), (1.0, 0.7, 0.7)]
    rows += [
        (float(np.cos(t)) ** 0.6, 0.82 + 0.18 * float(np.sin(t)), 0.85 + 0.15 * float(np.sin(t)))
        for t in np.linspace(0, 1.5, 10)
    ]
    rings = []
    for share, t, lean in rows:
        ring = section(2 * radius * share, 2 * radius * share, 2.0, 64)
        z = low + tall * t + slant * lean * (ring[:, 0] * 0.8 + ring[:, 1] * 0.6)
        rings.append(np.column_stack([ring, z]))
    tip = np.repeat(rings[-1][:, :].mean(axis=0, keepdims=True), 65, axis=0)
    return tidy(loft(np.stack([rings[0] * [0, 0, 1], *rings, tip])))


def _build(shape: Dice, finish: Dice, label: Dice) -> Made:
    radius = float(shape.uniform(0.095, 0.125))
    form = int(shape.choice(3, p=[0.5, 0.3, 0.2]))
    roundness = (2.0, 7.0, 3.0)[form]
    base_tall = float(shape.uniform(0.34, 0.44))
    cap_tall = float(shape.uniform(0.42, 0.52))
    bevel = float(shape.choice([0.006, 0.014]))
    capped = bool(shape.uniform() < 0.18)
    slant = float(shape.uniform(0.7, 1.2))
    extended = float(shape.uniform(0.22, 0.3))
    side = float(shape.choice([-1.0, 1.0]))
    lying = bool(shape.uniform() < 0.3)

    def outline(inset: float) -> Floats:
        return section(2 * (radius - inset), 2 * (radius - inset), roundness)

    colour = finishes.tone(finish, 0.55)
    case = finishes.plastic(colour, float(finish.choice([0.05, 1.0, 1.0])))
    ink = "#e6cf98" if lightness(colour) < 0.62 else "#2b2420"
    if finish.uniform() < 0.35:
        case = finishes.draw_metal(finish)
        ink = "#2b2420"
    sleeve = finishes.draw_metal(finish)
    lip = oklch(float(finish.uniform(0.38, 0.62)), float(finish.uniform(0.1, 0.2)), float(finish.uniform(-15, 42)))
    stick = Material(lip, roughness=0.32, specular=0.5, clearcoat=0.25, clearcoat_roughness=0.3)

    parts = [Part(inset_solid(outline, bevelled_rows(0.0, base_tall, bevel)), case)]
    ring_tall = 0.03
    trim = inset_solid(outline, bevelled_rows(base_tall + 0.001, base_tall + ring_tall, 0.004, 0.006))
    parts.append(Part(trim, sleeve))
    cap = inset_solid(outline, bevelled_rows(0.0, cap_tall, bevel))
    low = base_tall + ring_tall
    if capped:
        parts.append(Part(cap.moved(z=low + 0.001), case))
    else:
        inner = radius * 0.8
        parts.append(Part(closures.cylinder(inner, low - 0.002, low + 0.14, 0.006), sleeve))
        tube = closures.cylinder(inner * 0.93, low + 0.139, low + 0.17, 0.004)
        parts.append(Part(tube, sleeve))
        parts.append(Part(_bullet(inner * 0.84, low + 0.15, extended, slant), stick))
        away = side * radius * float(shape.uniform(2.6, 3.2))
        if lying:
            lay = np.array([[1.0, 0, 0], [0, 0.0, -1.0], [0, 1.0, 0.0]])
            yaw = float(shape.uniform(-60, 60))
            fallen = cap.shifted(np.array([0, 0, -cap_tall / 2])).turned(lay).moved(yaw_deg=yaw)
            place = np.array([away * 1.25, 0.0, radius])
            parts.append(Part(fallen.shifted(place), case))
        else:
            parts.append(Part(cap.moved(x=away, y=float(shape.uniform(-0.1, 0.12)), yaw_deg=10 * side), case))
    wall = Wall(outline(0.0), 0.05, base_tall - 0.03, radius * (1.25 if form != 1 else 1.6))
    dressed = inked(label, "lipstick", wall, ink, Material(roughness=0.35), ("big-type", "minimal"))
    return Made(dressed.design.wording.title, (*parts, *dressed.parts))


LIPSTICK = Family("lipstick", "make-up", "beauty", _build)
