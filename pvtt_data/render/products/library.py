"""The library of procedural products: families, identities drawn from seeds, identities that are nearly the same."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from pvtt_data.errors import InputError
from pvtt_data.render.product import Product, at_rest
from pvtt_data.render.products import bracelet, earring, handbag, necklace, ring, sneaker, sunglasses, wallet, watch
from pvtt_data.render.products.bottle import BOTTLE
from pvtt_data.render.products.can import CAN
from pvtt_data.render.products.candle import CANDLE
from pvtt_data.render.products.carton import CARTON
from pvtt_data.render.products.crockery import MUG, TEAPOT
from pvtt_data.render.products.difference import visibly_different
from pvtt_data.render.products.drinks import JUICE, OIL, WATER, WINE
from pvtt_data.render.products.dropper import DROPPER
from pvtt_data.render.products.family import Dice, Family, Seeds
from pvtt_data.render.products.jar import JAR, PRESERVE, VITAMINS
from pvtt_data.render.products.lipstick import LIPSTICK
from pvtt_data.render.products.perfume import PERFUME
from pvtt_data.render.products.pouch import POUCH
from pvtt_data.render.products.soap import SOAP
from pvtt_data.render.products.tin import TIN
from pvtt_data.render.products.tube import TUBE

Aspect = Literal["shape", "finish", "label"]
ASPECTS: tuple[Aspect, ...] = ("shape", "finish", "label")

_BEAUTY = (BOTTLE, DROPPER, PERFUME, JAR, VITAMINS, TUBE, LIPSTICK, SOAP)
_FOOD = (JUICE, WATER, WINE, OIL, CAN, PRESERVE, CARTON, POUCH, TIN)
_HOME = (MUG, TEAPOT, CANDLE)
_JEWELLERY = (ring.FAMILY, bracelet.FAMILY, earring.FAMILY, necklace.FAMILY, watch.FAMILY)
_FASHION = (sunglasses.FAMILY, handbag.FAMILY, wallet.FAMILY, sneaker.FAMILY)
FAMILIES: dict[str, Family] = {family.name: family for family in (*_BEAUTY, *_FOOD, *_HOME, *_JEWELLERY, *_FASHION)}
"""All families by name."""

_TRIES = 12


@dataclass(frozen=True, slots=True)
class ProductSpec:
    """An identity: everything about the product follows from it."""

    family: str
    seeds: Seeds

    @property
    def product_id(self) -> str:
        """The family's name and a hash, for example "bottle-4f3a92c1b0"."""
        text = f"{self.family}:{self.seeds.shape}:{self.seeds.finish}:{self.seeds.label}"
        return f"{self.family}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def draw_spec(seed: int, families: Sequence[str] | None = None) -> ProductSpec:
    """An identity, uniform over families.

    Args:
        seed: same seed, same identity.
        families: names to draw from; None for all.

    Raises:
        ValueError: there is no family of that name, or none is named.
    """
    names = tuple(FAMILIES) if families is None else tuple(families)
    unknown = [name for name in names if name not in FAMILIES]
    if unknown or not names:
        raise ValueError(f"no product families {unknown}; there are: {', '.join(FAMILIES)}")
    rng = np.random.default_rng((seed, 0x5BEC))
    name = names[int(rng.integers(len(names)))]
    shape, finish, label = (int(value) for value in rng.integers(0, 2**31, 3))
    return ProductSpec(name, Seeds(shape, finish, label))


def near_identity(spec: ProductSpec, what: Aspect, seed: int) -> ProductSpec:
    """An identity that shares two of the three seeds with another one and looks different.

    Raises:
        InputError: no other seed of that kind changes what one sees (``no-near-identity``), as for the label of an
            article that bears none.
    """
    rng = np.random.default_rng((seed, 0x7EA2, ASPECTS.index(what)))
    product = build_product(spec)
    for _ in range(_TRIES):
        value = int(rng.integers(0, 2**31))
        seeds = {
            "shape": replace(spec.seeds, shape=value),
            "finish": replace(spec.seeds, finish=value),
            "label": replace(spec.seeds, label=value),
        }[what]
        near = ProductSpec(spec.family, seeds)
        if visibly_different(product, build_product(near)):
            return near
    raise InputError("no-near-identity", f"another {what} of {spec.product_id} would not look different")


def build_product(spec: ProductSpec) -> Product:
    """The product of an identity; the same one gives the same arrays."""
    family = FAMILIES[spec.family]
    made = family.build(
        _dice(spec.family, spec.seeds.shape, 1),
        _dice(spec.family, spec.seeds.finish, 2),
        _dice(spec.family, spec.seeds.label, 3),
    )
    return Product(spec.product_id, made.title, family.category, "Apache-2.0", at_rest(made.parts))


def _dice(family: str, seed: int, purpose: int) -> Dice:
    return np.random.default_rng((seed, zlib.crc32(family.encode()), purpose))
