"""The products: identities of the engine's library under the names by which the catalogue lists them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from pvtt_data.render.product import Product
from pvtt_data.render.products.library import build_product, draw_spec


@dataclass(frozen=True, slots=True)
class Article:
    """An invented article.

    Attributes:
        product_id: as the catalogue lists it.
        category: the folder that it is listed in.
        shop: who sells it.
        family, seed: which product of the engine's library it is.
        size: its largest side on sets, scene units.
    """

    product_id: str
    category: str
    shop: str
    family: str
    seed: int
    size: float = 0.9

    def build(self) -> Product:
        """The product, largest side 1."""
        return _build(self.family, self.seed)


@cache
def _build(family: str, seed: int) -> Product:
    return build_product(draw_spec(seed, (family,)))


ARTICLES: dict[str, Article] = {
    article.product_id: article
    for article in (
        Article("P1001", "bottles", "katriight-skin", "bottle", 0),
        Article("P1002", "bottles", "thabrere-press", "juice", 7),
        Article("P2001", "skincare", "maison-zaenomum", "jar", 0, 0.75),
        Article("P2002", "skincare", "zucore", "tube", 4),
        Article("P3001", "groceries", "dovadari", "tin", 6, 0.8),
        Article("P3002", "groceries", "thoko-tikimak", "pouch", 8),
        Article("P4001", "jewellery", "saethosum", "earring", 16),
        Article("P4002", "jewellery", "hubum", "watch", 4, 0.78),
    )
}
"""By product id."""

TEAPOT = Article("teapot", "teapots", "liobaelak-studio", "teapot", 7)
