"""The families of packaged and household goods: sound meshes, sensible sizes, honest budgets."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from pvtt_data.render.material import Part, Texture
from pvtt_data.render.meshes import Mesh
from pvtt_data.render.product import at_rest
from pvtt_data.render.products.bottle import BOTTLE
from pvtt_data.render.products.can import CAN
from pvtt_data.render.products.candle import CANDLE
from pvtt_data.render.products.carton import CARTON
from pvtt_data.render.products.crockery import MUG, TEAPOT
from pvtt_data.render.products.drinks import JUICE, OIL, WATER, WINE
from pvtt_data.render.products.dropper import DROPPER
from pvtt_data.render.products.family import Family, Made
from pvtt_data.render.products.forms import fillet
from pvtt_data.render.products.jar import JAR, PRESERVE, VITAMINS
from pvtt_data.render.products.lipstick import LIPSTICK
from pvtt_data.render.products.perfume import PERFUME
from pvtt_data.render.products.pouch import POUCH
from pvtt_data.render.products.soap import SOAP
from pvtt_data.render.products.tin import TIN
from pvtt_data.render.products.tube import TUBE

PACKAGING = (BOTTLE, DROPPER, JUICE, WATER, WINE, OIL, PERFUME, JAR, PRESERVE, VITAMINS, TUBE, LIPSTICK, SOAP, CAN)
PACKAGING += (CARTON, POUCH, TIN, MUG, TEAPOT, CANDLE)
SEEDS = range(5)


@lru_cache(maxsize=256)
def make(family: Family, seed: int) -> Made:
    shape, finish, label = (np.random.default_rng((seed, purpose)) for purpose in range(3))
    return family.build(shape, finish, label)


def edges_without_partner(mesh: Mesh) -> int:
    """Directed edges that no neighbouring triangle runs the other way, vertices at one place taken for one."""
    _, joined = np.unique(mesh.vertices.round(6), axis=0, return_inverse=True)
    faces = joined.reshape(-1)[mesh.faces]
    faces = faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])]
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    count = int(joined.max()) + 1
    there, back = edges[:, 0] * count + edges[:, 1], edges[:, 1] * count + edges[:, 0]
    return len(np.setxor1d(there, back))


def volume(mesh: Mesh) -> float:
    corners = mesh.vertices[mesh.faces]
    return float(np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6)


def share_against_normals(mesh: Mesh) -> float:
    """Share of the area whose winding contradicts its vertex normals."""
    corners = mesh.vertices[mesh.faces]
    faced = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    against = np.einsum("ij,ij->i", faced, mesh.normals[mesh.faces].mean(axis=1)) < 0
    area = np.linalg.norm(faced, axis=1)
    return float(area[against].sum() / area.sum())


def parts_of(family: Family) -> list[tuple[int, Part]]:
    return [(seed, part) for seed in SEEDS for part in make(family, seed).parts]


@pytest.mark.parametrize("family", PACKAGING, ids=lambda family: family.name)
def test_glass_and_liquids_are_closed_and_face_outwards(family: Family) -> None:
    for seed, part in parts_of(family):
        if part.material.transmission:
            assert edges_without_partner(part.mesh) == 0, seed
            assert volume(part.mesh) > 0, seed
            assert share_against_normals(part.mesh) < 0.01, seed


@pytest.mark.parametrize("family", PACKAGING, ids=lambda family: family.name)
def test_winding_agrees_with_normals_everywhere(family: Family) -> None:
    for seed, part in parts_of(family):
        assert share_against_normals(part.mesh) < 0.02, (seed, part.material.colour)
        assert np.isfinite(part.mesh.vertices).all() and np.isfinite(part.mesh.uv).all()
        lengths = np.linalg.norm(part.mesh.normals, axis=1)[np.unique(part.mesh.faces)]
        assert np.abs(lengths - 1).max() < 0.02, seed


@pytest.mark.parametrize("family", PACKAGING, ids=lambda family: family.name)
def test_products_rest_on_the_floor_fill_the_unit_and_keep_the_budget(family: Family) -> None:
    for seed in SEEDS:
        made = make(family, seed)
        parts = at_rest(made.parts)
        vertices = np.concatenate([part.mesh.vertices for part in parts])
        low, high = vertices.min(axis=0), vertices.max(axis=0)
        assert low[2] == pytest.approx(0, abs=1e-9)
        assert (high - low).max() == pytest.approx(1)
        assert (low + high)[:2] == pytest.approx(0, abs=1e-9)
        assert sum(len(part.mesh.faces) for part in parts) < 60_000
        assert made.title.isascii() and len(made.title) < 90


@pytest.mark.parametrize("family", PACKAGING, ids=lambda family: family.name)
def test_every_product_bears_a_print_of_bounded_size(family: Family) -> None:
    for seed in SEEDS:
        prints = [p.material.colour for p in make(family, seed).parts if isinstance(p.material.colour, Texture)]
        assert prints or family in (PERFUME, LIPSTICK), "only these bear letters of bare ink"
        assert all(max(picture.pixels.shape[:2]) <= 2048 for picture in prints)


def test_a_quarter_of_identities_transmits_light() -> None:
    clear = [
        any(part.material.transmission for part in make(family, seed).parts) for family in PACKAGING for seed in SEEDS
    ]
    assert 0.15 < np.mean(clear) < 0.35


def test_tumblers_and_mugs_have_thick_walls() -> None:
    for family in (MUG, CANDLE):
        mesh = make(family, 1).parts[0].mesh
        level = mesh.vertices[mesh.vertices[:, 2] > 0.97 * mesh.vertices[:, 2].max()]
        reach = np.hypot(level[:, 0], level[:, 1])
        assert reach.max() - reach.min() > 0.015


def hidden_share(label: Mesh, body: Mesh) -> float:
    """Share of an upright label's rows-and-columns that lie inside a body of revolution, seen from the axis."""
    reach = np.hypot(body.vertices[:, 0], body.vertices[:, 1])
    order = np.argsort(body.vertices[:, 2])
    levels = np.round(body.vertices[order, 2], 5)
    heights, first = np.unique(levels, return_index=True)
    outer = np.maximum.reduceat(reach[order], first)
    room = np.interp(label.vertices[:, 2], heights, outer)
    return float((np.hypot(label.vertices[:, 0], label.vertices[:, 1]) < room - 1e-4).mean())


@pytest.mark.parametrize("family", (VITAMINS, WINE, JUICE, OIL, DROPPER, CAN, CANDLE), ids=lambda family: family.name)
def test_labels_on_round_bodies_lie_just_outside_them(family: Family) -> None:
    for seed in SEEDS:
        parts = make(family, seed).parts
        for part in parts[1:]:
            if isinstance(part.material.colour, Texture) and np.abs(part.mesh.normals[:, 2]).max() < 0.5:
                reach = np.hypot(part.mesh.vertices[:, 0], part.mesh.vertices[:, 1])
                if np.ptp(part.mesh.uv[:, 1]) > 0.99 and reach.min() > 0.05:
                    assert hidden_share(part.mesh, parts[0].mesh) == 0, seed


def test_rounded_corners_stay_between_their_neighbours() -> None:
    line = np.array(fillet([(0, 0, 0), (1, 0, 0.2), (1, 1, 0.4), (0.4, 1.6, 0.1), (0.4, 2, 0)]))
    assert line.min() >= 0 and line[:, 0].max() <= 1 and line[:, 1].max() <= 2
    assert (np.diff(line[:, 1]) >= -1e-12).all()
    steps = np.diff(line, axis=0)
    headings = np.unwrap(np.arctan2(steps[:, 1], steps[:, 0]))
    assert np.abs(np.diff(headings)).max() < np.radians(25)


def test_labels_face_the_camera() -> None:
    """The middle of a print lies on the side towards -y."""
    for family in (CAN, SOAP, WATER, JAR):
        for part in make(family, 2).parts:
            if isinstance(part.material.colour, Texture) and np.ptp(part.mesh.uv[:, 0]) > 0.9:
                middle = np.abs(part.mesh.uv[:, 0] - 0.5) < 0.02
                upright = np.abs(part.mesh.normals[:, 2]) < 0.3
                assert (part.mesh.normals[middle & upright, 1] < -0.9).all()
