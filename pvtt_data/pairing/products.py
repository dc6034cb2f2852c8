"""Products as pairing sees them: their family, split and words, and the looks of their pictures as arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pvtt_data.looks import Reals, UInt8, embeddings, standing
from pvtt_data.pairing.kinship import Words, words_of
from pvtt_data.records import Assignment, Look, Picture, Source, Split, View
from pvtt_data.vocabulary import Vocabulary

Bools = NDArray[np.bool_]


def extent_px(view: View) -> float:
    """Geometric mean of the sides of the box around a product."""
    return math.sqrt(view.width_px * view.height_px)


@dataclass(frozen=True)
class Seen:
    """A picture and its view."""

    picture: Picture
    view: View

    @cached_property
    def embedding(self) -> Reals:
        """``(1, D)``."""
        return embeddings([self.view])


@dataclass(frozen=True)
class Product:
    """A product.

    Attributes:
        pictures: those whose looks were measured, by identifier.
    """

    product_id: str
    words: Words
    component_id: str
    split: Split
    pictures: tuple[Seen, ...]

    @property
    def listing(self) -> tuple[Seen, ...]:
        """Pictures from the listing."""
        return tuple(seen for seen in self.pictures if seen.picture.origin == "listing")


class Roster:
    """The products of one split that have pictures, and all those pictures, one after the other, as arrays."""

    def __init__(self, products: Sequence[Product]) -> None:
        self.products = [product for product in products if product.pictures]
        self.pictures = [seen for product in self.products for seen in product.pictures]
        counts = [len(product.pictures) for product in self.products]
        self.starts: NDArray[np.int64] = np.cumsum([0, *counts])[:-1].astype(np.int64)
        self.owners: NDArray[np.int64] = np.repeat(np.arange(len(counts)), counts).astype(np.int64)
        self.embeddings = embeddings([seen.view for seen in self.pictures])
        self.outlines: UInt8 = np.array([standing(seen.view) for seen in self.pictures], np.uint8)
        self.aspects = np.array([seen.view.width_px / seen.view.height_px for seen in self.pictures])
        self.extents_px = np.array([extent_px(seen.view) for seen in self.pictures])
        self.areas = np.array([seen.picture.numbers.get("area_share", 1.0) for seen in self.pictures])
        self.is_whole_listing: Bools = np.array(
            [seen.picture.origin == "listing" and not seen.view.cut_sides for seen in self.pictures], np.bool_
        )

    def strangers(self, product: Product) -> Bools:
        """``(pictures,)``: which belong to products of another family."""
        other = np.array([each.component_id != product.component_id for each in self.products], np.bool_)
        return np.asarray(other[self.owners], np.bool_)

    def best(self, values: Reals, where: Bools) -> Reals:
        """``(products,)``: the largest value of each product's pictures, of those in ``where``; -1 where none is."""
        return np.asarray(np.maximum.reduceat(np.where(where, values, np.float32(-1.0)), self.starts), np.float32)


def products_of(
    sources: Sequence[Source],
    assignments: Sequence[Assignment],
    pictures: Sequence[Picture],
    looks: Mapping[str, Look],
    vocabulary: Vocabulary,
) -> dict[str, Product]:
    """All products by identifier; pictures without a look are left out."""
    pictures_of: dict[str, list[Seen]] = {}
    for picture in sorted(pictures, key=lambda picture: picture.picture_id):
        if picture.picture_id in looks:
            seen = Seen(picture, looks[picture.picture_id].views[0])
            pictures_of.setdefault(picture.product_id, []).append(seen)
    assigned = {row.source_id: row for row in assignments}
    told: dict[str, tuple[str, str]] = {}
    for source in sources:
        category, title = told.get(source.product_id, ("", ""))
        told[source.product_id] = (
            min(filter(None, (source.category, category)), default=""),
            min(filter(None, (source.title, title)), default=""),
        )
    products: dict[str, Product] = {}
    for source in sources:
        if source.product_id in products:
            continue
        row = assigned[source.source_id]
        products[source.product_id] = Product(
            source.product_id,
            words_of(*told[source.product_id], vocabulary),
            row.component_id,
            row.split,
            tuple(pictures_of.get(source.product_id, [])),
        )
    return dict(sorted(products.items()))
