"""The six products. Each stands on z = 0, is centred on the z axis and shows its front to -y.

Their extents are alike (the largest side lies between 0.72 and 1.0) while silhouette, colour and print are not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from samples.render.labels import Label, print_label
from samples.render.meshes import Mesh, Profile, arc, circle, ellipse, lathe, loft, prism, rounded_rectangle
from samples.render.surfaces import Material


@dataclass(frozen=True, slots=True)
class Part:
    """One mesh with one material."""

    mesh: Mesh
    material: Material


@dataclass(frozen=True, slots=True)
class Product:
    """An invented article: how it is listed, and how to build it."""

    product_id: str
    category: str
    title: str
    shop: str
    height: float
    build: Callable[[], list[Part]]


def _wrap(radius: float, bottom: float, top: float) -> Profile:
    """A label's profile: a hair outside the body, so that it covers it without z-fighting."""
    return [(radius * 1.005, bottom), (radius * 1.005, top)]


def _round_label(label: Label, radius: float, bottom: float, top: float, seed: int, roughness: float = 0.4) -> Part:
    print_ = print_label(label, 2 * np.pi * radius, top - bottom, 1.55 * radius, seed)
    return Part(lathe(_wrap(radius, bottom, top)), Material(print_, roughness=roughness))


def _shampoo() -> list[Part]:
    radius, shoulder, neck = 0.22, 0.64, 0.085
    body = [(0, 0), *arc((radius - 0.03, 0.03), 0.03, -90, 0), (radius, shoulder)]
    body += [*arc((neck, shoulder), radius - neck, 8, 84, 14), (neck, 0.80), (0, 0.80)]
    cap = [(0.0, 0.79), *arc((0.108, 0.80), 0.012, -90, 0, 4), *arc((0.095, 0.975), 0.025, 0, 90, 6), (0, 1.0)]
    label = Label("VELUNE", "SHAMPOO", "sea mineral", "250 ml", "#f4efe2", "#0d4a52", "#12808a", "#e8826a", "waves")
    return [
        Part(lathe(body), Material("#0f7f88", roughness=0.22, clearcoat=0.8)),
        Part(lathe(cap), Material("#f2eee4", roughness=0.3)),
        _round_label(label, radius, 0.06, 0.60, 11),
    ]


def _juice() -> list[Part]:
    radius, neck = 0.20, 0.075
    body = [(0, 0), *arc((radius - 0.025, 0.025), 0.025, -90, 0), (radius, 0.46)]
    body += [
        (neck + (radius - neck) * (0.5 + 0.5 * np.cos(t)), 0.46 + 0.36 * t / np.pi) for t in np.linspace(0.1, np.pi, 16)
    ]
    body += [(neck, 0.90), (0, 0.90)]
    cap = [(0, 0.885), *arc((0.082, 0.895), 0.01, -90, 0, 4), *arc((0.080, 0.988), 0.012, 0, 90, 5), (0, 1.0)]
    label = Label(
        "TAROKI", "ORANGE", "pressed, no sugar added", "330 ml", "#1d5b34", "#fff6dc", "#ffb400", "#ff7a1a", "sun"
    )
    return [
        Part(lathe(body), Material("#f58a0c", roughness=0.16, clearcoat=1.0)),
        Part(lathe(cap), Material("#1a1a1c", roughness=0.35)),
        _round_label(label, radius, 0.055, 0.44, 12),
    ]


def _cream() -> list[Part]:
    radius = 0.34
    body = [(0, 0), *arc((radius - 0.05, 0.05), 0.05, -90, 0), *arc((radius - 0.05, 0.45), 0.05, 0, 90), (0, 0.50)]
    lid = [
        (0, 0.515),
        *arc((radius - 0.005, 0.53), 0.015, -90, 0, 5),
        *arc((radius - 0.025, 0.705), 0.035, 0, 90),
        (0, 0.74),
    ]
    label = Label(
        "OSELLA",
        "NIGHT CREAM",
        "rose and squalane",
        "50 ml",
        "#f7d9dc",
        "#6b1d3a",
        "#c2476d",
        "#e79aa8",
        "dots",
        "DejaVuSerif-Bold",
    )
    return [
        Part(lathe(body), Material("#f0b9c3", roughness=0.2, clearcoat=0.7)),
        Part(lathe(lid), Material("#d9a441", roughness=0.28, metallic=1.0)),
        _round_label(label, radius, 0.07, 0.43, 13),
    ]


def _tube() -> list[Part]:
    radius, base, crimp = 0.175, 0.17, 0.955
    rings = []
    for z in np.concatenate([np.linspace(base, crimp - 0.05, 22), [crimp - 0.049, crimp]]):
        t = np.clip((z - base - 0.03) / (crimp - 0.05 - base - 0.03), 0, 1)
        flat = t * t * (3 - 2 * t)
        outline = ellipse(radius * (1 + 0.46 * flat), radius * (1 - flat) + 0.012 * flat)
        rings.append(np.column_stack([outline, np.full(len(outline), z)]))
    closing = rings[-1] * [1, 0, 1]
    shoulder = np.column_stack([circle(radius * 0.8), np.full(97, base - 0.012)])
    cap = [(0, 0), *arc((0.148, 0.012), 0.012, -90, 0, 4), *arc((0.142, 0.148), 0.012, 0, 90, 5), (0, 0.16)]
    label = Label("HANUREI", "HAND BALM", "green tea", "75 ml", "#b7d433", "#22310d", "#ffffff", "#4d7a1f", "leaves")
    print_ = print_label(label, 2 * np.pi * radius, crimp - base, 2.0 * radius, 14)
    return [
        Part(loft(np.stack([shoulder, *rings, closing])), Material(print_, roughness=0.3, clearcoat=0.4)),
        Part(lathe(cap), Material("#f7f7f2", roughness=0.3)),
    ]


def _can() -> list[Part]:
    radius = 0.25
    bottom = [(0, 0.02), (radius * 0.75, 0.0), (radius * 0.84, 0.012), (radius * 0.99, 0.075)]
    top = [
        (radius * 0.99, 0.80),
        (radius * 0.86, 0.865),
        (radius * 0.88, 0.875),
        (radius * 0.88, 0.89),
        (radius * 0.82, 0.89),
        (radius * 0.80, 0.868),
        (0, 0.868),
    ]
    tab = prism(rounded_rectangle(0.11, 0.17, 0.05), 0.012, 0.004).moved(y=-0.04, z=0.869)
    alu = Material("#e3e5e8", roughness=0.25, metallic=1.0)
    label = Label("BRIVANT", "COLA", "cherry", "330 ml", "#c4122f", "#fff7ef", "#16245c", "#f2c14e", "bars")
    side = print_label(label, 2 * np.pi * radius, 0.73, 1.55 * radius, 15)
    return [
        Part(lathe([*bottom, (radius * 0.99, 0.80)]), alu),
        Part(lathe(top), alu),
        Part(tab, alu),
        Part(lathe([(radius, 0.072), (radius, 0.80)]), Material(side, roughness=0.24, metallic=0.25, clearcoat=0.6)),
    ]


def _tea() -> list[Part]:
    width, depth, height, edge = 0.52, 0.30, 0.84, 0.012
    outline = rounded_rectangle(width, depth, edge)
    rings = np.empty((2, len(outline), 3))
    rings[..., :2] = outline * 1.002
    rings[..., 2] = np.array([edge, height - edge])[:, None]
    label = Label(
        "SOLKIND",
        "MOUNTAIN TEA",
        "loose leaf, second flush",
        "100 g",
        "#1c2a63",
        "#fdf3d0",
        "#f2b632",
        "#5aa7c7",
        "peaks",
        "DejaVuSerif-Bold",
    )
    print_ = print_label(label, 2 * (width + depth), height - 2 * edge, width * 0.94, 16)
    return [
        Part(prism(outline, height, edge), Material("#f2b632", roughness=0.5)),
        Part(loft(rings), Material(print_, roughness=0.42)),
    ]


PRODUCTS: dict[str, Product] = {
    product.product_id: product
    for product in (
        Product("P1001", "bottles", "Velune Sea Mineral Shampoo 250 ml", "velune-store", 1.0, _shampoo),
        Product("P1002", "bottles", "Taroki Pressed Orange Juice 330 ml", "taroki-foods", 1.0, _juice),
        Product("P2001", "skincare", "Osella Rose Night Cream 50 ml", "osella-beauty", 0.74, _cream),
        Product("P2002", "skincare", "Hanurei Green Tea Hand Balm 75 ml", "hanurei-care", 0.955, _tube),
        Product("P3001", "groceries", "Brivant Cherry Cola 330 ml", "brivant-drinks", 0.89, _can),
        Product("P3002", "groceries", "Solkind Mountain Tea 100 g", "solkind-tea", 0.84, _tea),
    )
}
