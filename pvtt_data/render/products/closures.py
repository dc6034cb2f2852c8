"""What bottles are closed with. Each function gives parts that stand on a neck."""

from __future__ import annotations

import numpy as np

from pvtt_data.render.material import Material, Part
from pvtt_data.render.meshes import Floats, Mesh, merged
from pvtt_data.render.products.forms import fillet, pipe, ribbed, turned

Parts = tuple[Part, ...]


def cylinder(radius: float, low: float, high: float, rounding: float, segments: int = 72) -> Mesh:
    """A closed cylinder with rounded rims."""
    corners = [(0, low, 0), (radius, low, rounding * 0.5), (radius, high, rounding), (0, high, 0)]
    return turned(fillet(corners), segments)


def plain_cap(radius: float, low: float, tall: float, surface: Material, rounding: float = 0.012) -> Parts:
    """A smooth cap."""
    return (Part(cylinder(radius, low, low + tall, rounding), surface),)


def screw_cap(radius: float, low: float, tall: float, surface: Material, ribs: int = 60) -> Parts:
    """A ribbed cap on a tamper ring."""
    ring = cylinder(radius * 1.01, low, low + 0.16 * tall, 0.005)
    return (Part(merged([ribbed(radius, low + 0.19 * tall, low + tall, ribs, 0.05, 0.1 * tall), ring]), surface),)


def flip_cap(radius: float, low: float, tall: float, surface: Material) -> Parts:
    """A cap with a lid on a hinge: a seam around and a notch for the thumb."""
    seam = low + 0.62 * tall
    gap = 0.008
    corners = [(0, low, 0), (radius, low, 0.006), (radius, seam, 0.006), (radius - gap, seam + 0.002, 0.001),
               (radius - gap, seam + 0.010, 0.001), (radius, seam + 0.012, 0.006), (radius * 0.985, low + tall, 0.03),
               (0, low + tall, 0)]  # fmt: skip
    notch = pipe(
        np.array([[x, -radius * 1.0, seam + 0.008] for x in np.linspace(-0.3, 0.3, 5) * radius]),
        np.array([0.002, 0.014, 0.017, 0.014, 0.002]),
        np.array([0.002, 0.010, 0.012, 0.010, 0.002]),
    )
    return (Part(merged([turned(fillet(corners)), notch]), surface),)


def pump(neck: float, low: float, size: float, surface: Material, collar: Material, turn_deg: float) -> Parts:
    """A dispenser: collar, stem, and a head whose spout points to the left before it is turned.

    Args:
        size: height of the whole above ``low``.
    """
    collar_tall = 0.30 * size
    skirt = ribbed(neck * 1.28, low, low + collar_tall, 44, 0.04, 0.012)
    shoulder = turned(
        fillet(
            [(neck * 1.1, low + collar_tall - 0.002, 0), (neck * 0.62, low + collar_tall + 0.05 * size, 0.01),
             (neck * 0.55, low + 0.46 * size, 0.006), (0, low + 0.46 * size, 0)]
        )
    )  # fmt: skip
    stem = cylinder(neck * 0.27, low + 0.3 * size, low + 0.86 * size, 0.002, 32)
    head_low, head_high = low + 0.76 * size, low + size
    head = turned(
        fillet(
            [(0, head_low, 0), (neck * 0.62, head_low, 0.008), (neck * 0.68, head_high - 0.02, 0.02),
             (neck * 0.5, head_high, 0.02), (0, head_high, 0)]
        )
    )  # fmt: skip
    reach = neck * 2.9
    t = np.linspace(0, 1, 12)
    path: Floats = np.stack(
        [-reach * t, 0 * t, head_low + 0.62 * (head_high - head_low) - 0.045 * np.maximum(t - 0.55, 0) ** 1.5 * 3], -1
    )
    spout = pipe(path, 0.034 * (1 - 0.45 * t) + 0.002, neck * 0.42 * (1 - 0.45 * t) + 0.002)
    parts = [Part(merged([skirt, shoulder]), collar), Part(merged([stem, head, spout]), surface)]
    return tuple(Part(part.mesh.moved(yaw_deg=turn_deg), part.material) for part in parts)


def mister(neck: float, low: float, size: float, surface: Material, collar: Material) -> Parts:
    """A fine-mist sprayer: collar and actuator with a nozzle in front."""
    ring = ribbed(neck * 1.25, low, low + 0.36 * size, 40, 0.035, 0.01)
    top = low + size
    button = turned(
        fillet(
            [(0, low + 0.34 * size, 0), (neck * 0.92, low + 0.34 * size, 0.004), (neck * 0.9, top - 0.03, 0.012),
             (neck * 0.7, top, 0.015), (neck * 0.5, top - 0.008, 0.01), (0, top - 0.010, 0)]
        )
    )  # fmt: skip
    nozzle = cylinder(neck * 0.2, 0.0, neck * 0.12, 0.004, 24)
    lie = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
    nozzle = nozzle.turned(lie).moved(y=-neck * 0.86, z=low + 0.72 * size)
    return (Part(ring, collar), Part(merged([button, nozzle]), surface))


def dropper(neck: float, low: float, size: float, rubber: Material, collar: Material) -> Parts:
    """A pipette's collar with a rubber bulb."""
    ring_high = low + 0.42 * size
    ring = ribbed(neck * 1.3, low, ring_high, 48, 0.03, 0.01)
    top = low + size
    bulb = turned(
        fillet(
            [(0, ring_high - 0.01, 0), (neck * 0.86, ring_high - 0.01, 0), (neck * 0.82, ring_high + 0.03, 0.012),
             (neck * 0.62, ring_high + 0.06, 0.03), (neck * 0.60, top - 0.03, 0.05), (neck * 0.42, top, 0.05),
             (0, top, 0)]
        )
    )  # fmt: skip
    return (Part(ring, collar), Part(bulb, rubber))


def cork(neck: float, low: float, size: float, wood: Material, top: Material | None) -> Parts:
    """A stopper: cork below and, where given, a knob of another material on top."""
    stop = low + (0.35 if top else 1.0) * size
    plug = turned(
        fillet([(0, low - 0.02, 0), (neck * 0.72, low - 0.02, 0.002), (neck * 0.8, stop, 0.006), (0, stop, 0)]), 48
    )
    parts = [Part(plug, wood)]
    if top:
        parts.append(Part(cylinder(neck * 1.15, stop - 0.001, low + size, 0.012), top))
    return tuple(parts)


def capsule(neck: float, low: float, high: float, surface: Material) -> Parts:
    """The foil over a wine bottle's neck, with its ring near the top."""
    wall = neck * 1.045
    corners = [(neck * 0.9, low, 0), (wall, low, 0.001), (wall, high - 0.055, 0.003),
               (wall * 1.12, high - 0.050, 0.004),
               (wall * 1.12, high - 0.022, 0.004), (wall * 1.02, high - 0.017, 0.003), (wall * 1.02, high, 0.008),
               (0, high, 0)]  # fmt: skip
    return (Part(turned(fillet(corners)), surface),)
