"""Identities: drawn from seeds, stable, distinct."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest

from pvtt_data.render.material import Texture
from pvtt_data.render.product import Product
from pvtt_data.render.products import library
from pvtt_data.render.products.difference import visibly_different
from pvtt_data.render.products.family import Seeds
from pvtt_data.render.products.library import FAMILIES, ProductSpec, build_product, draw_spec, near_identity

PACKAGED = ("bottle", "jar", "carton", "mug", "perfume", "tin")


def digest(product: Product) -> str:
    made = hashlib.sha256(product.title.encode())
    for part in product.parts:
        for array in (part.mesh.vertices, part.mesh.normals, part.mesh.uv, part.mesh.faces):
            made.update(np.ascontiguousarray(array).tobytes())
        if isinstance(part.material.colour, Texture):
            made.update(part.material.colour.pixels.tobytes())
    return made.hexdigest()


def test_families_are_known_by_their_own_names() -> None:
    assert all(name == family.name for name, family in FAMILIES.items())
    assert {"bottle", "can", "carton", "jar", "mug", "teapot", "candle", "tin", "pouch", "tube"} <= set(FAMILIES)


def test_ids_are_short_safe_and_tell_identities_apart() -> None:
    specs = {draw_spec(seed) for seed in range(300)}
    ids = {spec.product_id for spec in specs}
    assert len(ids) == len(specs) == 300
    assert all(name.replace("-", "").replace("_", "").isalnum() and name.isascii() and len(name) < 40 for name in ids)
    assert ProductSpec("bottle", Seeds(1, 2, 3)).product_id == "bottle-bfee3a3248"


def test_draws_are_repeatable_and_uniform_over_families() -> None:
    assert draw_spec(5) == draw_spec(5)
    families = [draw_spec(seed, ["bottle", "can"]).family for seed in range(400)]
    assert 140 < families.count("can") < 260
    assert {draw_spec(seed).family for seed in range(600)} == set(FAMILIES)


def test_unknown_families_are_refused() -> None:
    with pytest.raises(ValueError, match="toaster"):
        draw_spec(1, ["toaster"])
    with pytest.raises(ValueError, match="there are"):
        draw_spec(1, [])


def test_the_same_identity_gives_the_same_arrays_in_every_process() -> None:
    code = (
        "from tests.render.test_library import digest\n"
        "from pvtt_data.render.products.library import build_product, draw_spec\n"
        f"print([digest(build_product(draw_spec(3, [name]))) for name in {PACKAGED!r}])"
    )
    env = {"PYTHONHASHSEED": "123", "PATH": "", "PYTHONPATH": "."}
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=env)
    assert run.stdout.strip() == str([digest(build_product(draw_spec(3, [name]))) for name in PACKAGED])


@pytest.mark.parametrize("family", PACKAGED)
def test_different_identities_of_a_family_look_different(family: str) -> None:
    products = [build_product(draw_spec(seed, [family])) for seed in range(5)]
    assert all(visibly_different(a, b) for a, b in combinations(products, 2))
    assert not visibly_different(products[0], build_product(draw_spec(0, [family])))


@pytest.mark.parametrize("what", library.ASPECTS)
@pytest.mark.parametrize("family", ("can", "candle"))
def test_near_identities_share_two_seeds_and_look_different(family: str, what: library.Aspect) -> None:
    spec = draw_spec(11, [family])
    near = near_identity(spec, what, 4)
    assert near == near_identity(spec, what, 4)
    shared = [getattr(spec.seeds, name) == getattr(near.seeds, name) for name in library.ASPECTS]
    assert shared == [name != what for name in library.ASPECTS]
    assert visibly_different(build_product(spec), build_product(near))


def test_another_finish_keeps_the_words_and_another_label_the_shape() -> None:
    spec = draw_spec(2, ["can"])
    product = build_product(spec)
    assert build_product(near_identity(spec, "finish", 1)).title == product.title
    other = build_product(near_identity(spec, "label", 1))
    assert other.title != product.title
    assert np.array_equal(other.parts[0].mesh.vertices, product.parts[0].mesh.vertices)


def test_products_say_what_they_are() -> None:
    product = build_product(draw_spec(8, ["wine"]))
    assert product.category == "wines" and product.licence == "Apache-2.0"
    assert product.product_id.startswith("wine-")
