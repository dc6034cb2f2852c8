"""Crockery, candles, books, folded cloth, stones, plain solids."""

from __future__ import annotations

import numpy as np

from pvtt_data.render import meshes
from pvtt_data.render.material import Material, Part
from pvtt_data.render.sets.palette import EARTHS, NEUTRALS, SATURATED, picked, turned
from pvtt_data.render.sets.props.plants import vase
from pvtt_data.render.sets.props.prop import Prop, joined, prop
from pvtt_data.render.sets.solids import cushion, hoop_on_foot, measured, pebble, tube, turned_uneven
from pvtt_data.render.sets.textures.fabric import weave
from pvtt_data.render.sets.textures.organic import pages, skin_of_stone
from pvtt_data.render.sets.textures.wood import wood


def _clay(rng: np.random.Generator) -> Material:
    colours = NEUTRALS if rng.random() < 0.6 else EARTHS
    return Material(picked(rng, colours), roughness=rng.uniform(0.3, 0.8))


def bowl(rng: np.random.Generator) -> Prop:
    """A bowl."""
    size, deep = rng.uniform(0.20, 0.28), rng.uniform(0.45, 0.75)
    outer = [
        (0.0, 0.0),
        (0.45, 0.0),
        (0.46, 0.05),
        *((0.46 + 0.54 * np.sin(t), 0.05 + deep * (1 - np.cos(t))) for t in np.linspace(0.1, 1.45, 14)),
    ]
    top = outer[-1]
    inner = [
        (top[0] - 0.03, top[1] + 0.012),
        *((0.42 + 0.51 * np.sin(t), 0.10 + deep * (1 - np.cos(t))) for t in np.linspace(1.42, 0.1, 14)),
        (0.0, 0.10),
    ]
    profile = [(float(r) * size, float(z) * size) for r, z in [*outer, *inner]]
    return prop([Part(turned_uneven(rng, profile, 0.008, 72), _clay(rng))])


def cup(rng: np.random.Generator) -> Prop:
    """A cup with a handle."""
    r, h = rng.uniform(0.13, 0.16), rng.uniform(0.22, 0.28)
    profile = [
        (0, 0),
        (0.8 * r, 0),
        (0.93 * r, 0.02),
        (r, 0.3 * h),
        (r, h - 0.01),
        (0.97 * r, h),
        (0.93 * r, h - 0.01),
        (0.92 * r, 0.1 * h),
        (0, 0.08 * h),
    ]
    turn = np.linspace(-1.35, 1.35, 16)
    handle = tube(
        np.stack([0.92 * r + 0.75 * r * np.cos(turn), 0 * turn, 0.52 * h + 0.36 * h * np.sin(turn)], -1),
        np.full(16, 0.016),
        10,
    )
    glaze = _clay(rng)
    drink = meshes.lathe([(0.93 * r, 0.80 * h), (0, 0.80 * h)], 48)
    return prop(
        [
            Part(meshes.merged([meshes.lathe(profile, 64), handle]), glaze),
            Part(drink, Material("#3a2115", roughness=0.15)),
        ]
    )


def empty_vase(rng: np.random.Generator) -> Prop:
    """A vase by itself."""
    return prop([Part(vase(rng, rng.uniform(0.5, 0.85)), _clay(rng))])


def candle(rng: np.random.Generator) -> Prop:
    """A pillar candle, unlit."""
    r, h = rng.uniform(0.09, 0.13), rng.uniform(0.2, 0.5)
    profile = [
        (0, 0),
        (r, 0.0),
        (r, h - 0.02),
        (0.96 * r, h),
        (0.8 * r, h - 0.006),
        (0.3 * r, h - 0.02),
        (0, h - 0.024),
    ]
    wick = tube([(0, 0, h - 0.03), (0.004, 0, h + 0.015), (0.012, 0, h + 0.035)], [0.005, 0.005, 0.004], 6)
    return prop(
        [
            Part(
                turned_uneven(rng, profile, 0.006, 56), Material(picked(rng, NEUTRALS), roughness=0.45, specular=0.35)
            ),
            Part(wick, Material("#3b342c", roughness=0.9)),
        ]
    )


def books(rng: np.random.Generator) -> Prop:
    """A pile of two to four books."""
    covers, blocks = [], []
    z = 0.0
    colours = [picked(rng, EARTHS if rng.random() < 0.6 else NEUTRALS) for _ in range(4)]
    page = pages(rng)
    for index in range(int(rng.integers(2, 5))):
        w, d, h = (
            rng.uniform(0.52, 0.62) - 0.03 * index,
            rng.uniform(0.38, 0.44) - 0.02 * index,
            rng.uniform(0.05, 0.095),
        )
        yaw = rng.uniform(-14, 14)
        board = 0.010
        shell = [meshes.block(w, d, board, 0.004), meshes.block(w, d, board, 0.004).moved(z=h - board)]
        spine = meshes.block(w, 0.016, h, 0.005).moved(y=-d / 2 + 0.006)
        covers.append(
            Part(meshes.merged([*shell, spine]).moved(z=z, yaw_deg=yaw), Material(colours[index], roughness=0.7))
        )
        inside = measured(meshes.block(w - 0.03, d - 0.03, h - 0.016, 0.004), 0.18)
        blocks.append(inside.moved(y=0.006).moved(z=z + 0.008, yaw_deg=yaw))
        z += h
    return prop([*covers, Part(meshes.merged(blocks), page)])


def row_of_books(rng: np.random.Generator) -> Prop:
    """Books that stand upright side by side, spines to the camera."""
    covers, blocks = [], []
    bindings = [Material(picked(rng, EARTHS if index else NEUTRALS), roughness=0.7) for index in range(3)]
    x = -0.24
    while x < 0.22:
        w, d, h = rng.uniform(0.045, 0.10), rng.uniform(0.34, 0.42), rng.uniform(0.48, 0.66)
        shell = [
            meshes.block(0.008, d, h, 0.003).moved(x=x + 0.004),
            meshes.block(0.008, d, h, 0.003).moved(x=x + w - 0.004),
            meshes.block(w, 0.02, h, 0.006).moved(x=x + w / 2, y=-d / 2),
        ]
        covers.append(Part(meshes.merged(shell), bindings[int(rng.integers(3))]))
        blocks.append(measured(meshes.block(w - 0.014, d - 0.03, h - 0.02, 0.003), 0.2).moved(x=x + w / 2, z=0.006))
        x += w + 0.003
    return prop(joined([*covers, Part(meshes.merged(blocks), pages(rng))]))


def folded_cloth(rng: np.random.Generator) -> Prop:
    """A pile of folded towels or linen."""
    cloth = weave(rng, picked(rng, NEUTRALS if rng.random() < 0.5 else EARTHS), count=96, uneven=0.2)
    layers = []
    z = 0.0
    for _ in range(int(rng.integers(2, 5))):
        h = rng.uniform(0.055, 0.08)
        layer = measured(cushion(rng.uniform(0.46, 0.5), rng.uniform(0.34, 0.37), h, 0.16), 0.8)
        layers.append(layer.moved(z=z, x=rng.uniform(-0.012, 0.012), yaw_deg=rng.uniform(-3, 3)))
        z += h * 0.93
    return prop([Part(meshes.merged(layers), cloth)])


def stones(rng: np.random.Generator) -> Prop:
    """A few pebbles, sometimes in a pile."""
    surface = skin_of_stone(rng, ("#8d8a86", "#b5ada2", "#6a6764", "#cfc6b8")[int(rng.integers(4))])
    made = []
    if rng.random() < 0.5:
        z = 0.0
        for index in range(int(rng.integers(3, 5))):
            r = 0.19 - 0.035 * index
            h = rng.uniform(0.045, 0.06) * (1 - 0.12 * index)
            made.append(
                pebble(rng, r, r * rng.uniform(0.75, 0.95), h).moved(
                    rng.uniform(-0.01, 0.01), 0, z, rng.uniform(0, 360)
                )
            )
            z += 1.86 * h
    else:
        for x, y in ((0, 0), (0.2, 0.08), (-0.15, 0.13)):
            r = rng.uniform(0.06, 0.12)
            made.append(
                pebble(rng, r, r * rng.uniform(0.7, 0.95), r * rng.uniform(0.4, 0.6)).moved(
                    x, y, 0, rng.uniform(0, 360)
                )
            )
    return prop([Part(meshes.merged(made), surface)])


def board(rng: np.random.Generator) -> Prop:
    """A chopping board that leans against something behind it: upright, facing the camera."""
    width, height = rng.uniform(0.5, 0.7), rng.uniform(0.85, 1.15)
    round_top = rng.random() < 0.5
    slab = meshes.arch(width, height, 0.05) if round_top else meshes.block(width, 0.05, height, 0.02)
    x, _, z = slab.vertices.T
    uv = np.stack([z / 1.6, x / 1.6 + 0.37], -1)
    grain = wood(rng, str(rng.choice(("oak", "walnut", "birch", "cherry"))), 4)
    return prop([Part(meshes.Mesh(slab.vertices, slab.normals, uv, slab.faces), grain)])


def solids(rng: np.random.Generator, material: Material) -> Prop:
    """A plain solid of a given surface: ball, cube, cylinder, cone, hoop."""
    kind = int(rng.integers(5))
    size = rng.uniform(0.13, 0.2)
    if kind == 0:
        mesh = meshes.ball(size)
    elif kind == 1:
        mesh = meshes.block(1.7 * size, 1.7 * size, 1.7 * size)
    elif kind == 2:
        mesh = meshes.disc(0.8 * size, rng.uniform(1.5, 3.5) * size)
    elif kind == 3:
        mesh = meshes.lathe([(0, 0), (size, 0), (size, 0.01), (0.02, 2.6 * size), (0.0, 2.62 * size)], 64)
    else:
        mesh = hoop_on_foot(2.0 * size, 0.24 * size)
    return prop([Part(mesh, material)])


def bottle(rng: np.random.Generator) -> Prop:
    """A plain dispenser without a label."""
    r, h = rng.uniform(0.11, 0.15), rng.uniform(0.4, 0.55)
    profile = [
        (0, 0),
        (0.94 * r, 0),
        (r, 0.02),
        (r, 0.78 * h),
        (0.96 * r, 0.84 * h),
        (0.45 * r, 0.92 * h),
        (0.3 * r, 0.94 * h),
        (0.3 * r, h),
        (0, h),
    ]
    pump = meshes.merged(
        [
            meshes.lathe(
                [(0, h), (0.36 * r, h), (0.36 * r, h + 0.05), (0.1 * r, h + 0.055), (0.1 * r, h + 0.11), (0, h + 0.11)],
                32,
            ),
            tube([(0.02, 0, h + 0.115), (-0.05, 0, h + 0.117), (-0.12, 0, h + 0.105)], [0.020, 0.017, 0.010], 12),
        ]
    )
    body = Material(turned(picked(rng, NEUTRALS + SATURATED[3:5]), 0.0, 0.6, 0.9), roughness=0.35)
    return prop([Part(meshes.lathe(profile, 64), body), Part(pump, Material("#26231f", roughness=0.4))])
