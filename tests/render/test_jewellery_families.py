"""Jewellery and fashion: every family makes sound articles that rest, differ, and are the same again."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from solids import is_closed, signed_volume

from pvtt_data.render.material import Material, Part, Texture
from pvtt_data.render.product import at_rest
from pvtt_data.render.products import (
    bracelet,
    earring,
    handbag,
    necklace,
    ring,
    sneaker,
    sunglasses,
    wallet,
    watch,
)
from pvtt_data.render.products.family import Family, Made

MODULES = (ring, bracelet, earring, necklace, watch, sunglasses, handbag, wallet, sneaker)
FAMILIES = [module.FAMILY for module in MODULES]
SEEDS = range(4)
_NAMES = [family.name for family in FAMILIES]


@cache
def make(name: str, shape: int, finish: int, label: int) -> Made:
    family: Family = FAMILIES[_NAMES.index(name)]
    return family.build(*(np.random.default_rng((seed, k)) for k, seed in enumerate((shape, finish, label))))


def parts_of(name: str, seed: int) -> tuple[Part, ...]:
    return at_rest(make(name, seed, seed, seed).parts)


def same_material(one: Material, other: Material) -> bool:
    for field in Material.__dataclass_fields__:
        a, b = getattr(one, field), getattr(other, field)
        if isinstance(a, Texture) and isinstance(b, Texture):
            if not np.array_equal(a.pixels, b.pixels):
                return False
        elif a != b:
            return False
    return True


def same(one: tuple[Part, ...], other: tuple[Part, ...]) -> bool:
    return len(one) == len(other) and all(
        np.array_equal(a.mesh.vertices, b.mesh.vertices)
        and np.array_equal(a.mesh.faces, b.mesh.faces)
        and same_material(a.material, b.material)
        for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("name", _NAMES)
def test_articles_rest_on_the_floor_and_fill_a_unit(name: str) -> None:
    for seed in SEEDS:
        cloud = np.concatenate([part.mesh.vertices for part in parts_of(name, seed)])
        low, high = cloud.min(axis=0), cloud.max(axis=0)
        assert low[2] == pytest.approx(0, abs=1e-9)
        assert (high - low).max() == pytest.approx(1)
        assert np.allclose((low + high)[:2], 0, atol=1e-9)
        assert np.sort(high - low)[0] > 0.04, "too thin to be seen"


@pytest.mark.parametrize("name", _NAMES)
def test_meshes_are_sound(name: str) -> None:
    for seed in SEEDS:
        parts = parts_of(name, seed)
        assert sum(len(part.mesh.faces) for part in parts) < 80_000
        for part in parts:
            mesh = part.mesh
            assert np.isfinite(mesh.vertices).all() and np.isfinite(mesh.uv).all()
            assert np.allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-6)
            assert mesh.faces.min() >= 0 and mesh.faces.max() < len(mesh.vertices)
            corners = mesh.vertices[mesh.faces]
            winding = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
            along = np.einsum("ij,ij->i", winding, mesh.normals[mesh.faces].mean(axis=1))
            against = np.linalg.norm(winding, axis=1)[along < 0].sum()
            assert against < 0.01 * np.linalg.norm(winding, axis=1).sum(), "normals against the winding"


@pytest.mark.parametrize("name", _NAMES)
def test_what_refracts_is_closed_and_wound_outward(name: str) -> None:
    for seed in SEEDS:
        for part in parts_of(name, seed):
            if part.material.transmission >= 0.5 and not part.material.thin:
                assert is_closed(part.mesh) and signed_volume(part.mesh) > 0


@pytest.mark.parametrize("name", _NAMES)
def test_the_same_dice_give_the_same_article(name: str) -> None:
    first = make(name, 3, 3, 3)
    again = make.__wrapped__(name, 3, 3, 3)
    assert first.title == again.title and same(first.parts, again.parts)


@pytest.mark.parametrize("name", _NAMES)
def test_different_dice_give_different_articles(name: str) -> None:
    articles = [parts_of(name, seed) for seed in SEEDS]
    for row, one in enumerate(articles):
        for other in articles[row + 1 :]:
            assert not same(one, other)
    assert len({make(name, seed, seed, seed).title for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("name", _NAMES)
def test_the_finish_changes_materials_but_not_the_brand(name: str) -> None:
    titles, changed = set(), 0
    for seed in range(2):
        titles.add(make(name, 1, seed, 1).title.split()[0])
        changed += not all(
            same_material(a.material, b.material)
            for a, b in zip(make(name, 1, seed, 1).parts, make(name, 1, seed + 10, 1).parts, strict=False)
        )
    assert len(titles) == 1
    assert changed == 2


@pytest.mark.parametrize("name", ["watch", "sneaker", "handbag", "wallet"])
def test_the_label_is_seen(name: str) -> None:
    seen = sum(not same(make(name, 5, 5, seed).parts, make(name, 5, 5, seed + 20).parts) for seed in range(2))
    assert seen == 2


@pytest.mark.parametrize("name", _NAMES)
def test_titles_are_plain_ascii(name: str) -> None:
    for seed in SEEDS:
        title = make(name, seed, seed, seed).title
        assert title.isascii() and title.strip() == title and "  " not in title and 8 < len(title) < 90
