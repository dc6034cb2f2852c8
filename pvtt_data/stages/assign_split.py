"""Assign split: whole families of products, footage and near duplicates go to one split. A table stage.

Sources hang together when they show the same product, have the same bytes, share a listing image or contain
near-duplicate windows. A component's split is a hash of its smallest source id, so that adding or removing other
products moves nothing. When new data joins a component of another split to one of a test set, the joined one is test:
earlier versions' assignments are an input. Without them, a component that loses its smallest source is dealt afresh.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field, model_validator

from pvtt_data.components import Components
from pvtt_data.records import Assignment, Source, Split
from pvtt_data.stage import StageConfig, StageResult

NAME = "assign_split"
_STRICTNESS: tuple[Split, ...] = ("test", "validation", "train")
_MANY_PRODUCTS = 10
_MOST_NOTES = 5


class SplitAssignmentConfig(StageConfig):
    """Shares of the three splits, over families of products."""

    validation_share: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Share of product families whose triples measure progress during training."""
    test_share: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Share of product families kept for the final numbers."""
    salt: str = "pvtt"
    """Another salt deals the families afresh."""

    @model_validator(mode="after")
    def _shares_leave_room(self) -> SplitAssignmentConfig:
        if self.validation_share + self.test_share > 1:
            raise ValueError("validation_share + test_share must not exceed 1")
        return self


def assign_split(
    sources: Sequence[Source],
    links: Sequence[tuple[str, str]],
    config: SplitAssignmentConfig,
    earlier: Mapping[str, Split] | None = None,
) -> StageResult:
    """One `Assignment` for each source.

    Args:
        sources: all mined sources.
        links: pairs of source ids that share footage.
        earlier: source id → split of an earlier version; the strictest of a component's earlier splits is kept.
    """
    result = StageResult(NAME, items=len(sources), table=True)
    components: Components[str] = Components()
    groups: dict[tuple[str, str], str] = {}
    for source in sources:
        components.add(source.source_id)
        facts = [("product", source.product_id), ("bytes", source.sha256)]
        facts += [("image", image.sha256) for image in source.images]
        for fact in facts:
            components.link(source.source_id, groups.setdefault(fact, source.source_id))
    for one, other in links:
        components.link(one, other)
    products = {source.source_id: source.product_id for source in sources}
    for root, members in components.groups().items():
        inherited = {earlier[name] for name in members if name in earlier} if earlier else set()
        split = next((s for s in _STRICTNESS if s in inherited), None) or split_of(root, config)
        result.rows += [Assignment(name, products[name], root, split) for name in members]
    result.rows.sort(key=lambda row: row.source_id)
    return result


def changed_splits(rows: Sequence[Assignment], earlier: Mapping[str, Split]) -> list[tuple[str, Split, Split, int]]:
    """Products that an earlier version had in another split: (product id, split then, split now, sources moved)."""
    moved: Counter[tuple[str, Split, Split]] = Counter()
    for row in rows:
        before = earlier.get(row.source_id, row.split)
        if before != row.split:
            moved[row.product_id, before, row.split] += 1
    return [(product, before, now, count) for (product, before, now), count in sorted(moved.items())]


def split_of(component_id: str, config: SplitAssignmentConfig) -> Split:
    """The split that a component's id hashes to."""
    digest = hashlib.sha256(f"{config.salt}:{component_id}".encode()).digest()
    position = int.from_bytes(digest[:8], "big") / 2**64
    if position < config.test_share:
        return "test"
    if position < config.test_share + config.validation_share:
        return "validation"
    return "train"


def notes_on_families(sources: Sequence[Source], assignments: Sequence[Assignment]) -> list[str]:
    """What a person should know about joints that are suspiciously wide, the widest first.

    A shop's banner among the listing images, or an intro that all its videos share, joins products that have nothing to
    do with each other: they all go to one split.
    """
    products_of_image: dict[str, set[str]] = {}
    path_of_image: dict[str, str] = {}
    for source in sources:
        for image in source.images:
            products_of_image.setdefault(image.sha256, set()).add(source.product_id)
            path_of_image[image.sha256] = min(path_of_image.get(image.sha256, image.path), image.path)
    products_of_family: dict[str, set[str]] = {}
    for row in assignments:
        products_of_family.setdefault(row.component_id, set()).add(row.product_id)
    splits = {row.component_id: row.split for row in assignments}
    total = len({row.product_id for row in assignments})
    images = [
        f"the listing image {path_of_image[sha256]} is shared by {len(products_of_image[sha256])} products and joins "
        "them into one split: is it a banner?"
        for sha256 in _widest(products_of_image)
    ]
    families = [
        f"{len(products_of_family[root])} of {total} products hang together (shared footage, files or listing images; "
        f"family {root}) and all go to {splits[root]}: joints that wide are often false"
        for root in _widest(products_of_family)
    ]
    return images + families


def _widest(products: Mapping[str, set[str]]) -> list[str]:
    wide = [name for name, members in products.items() if len(members) > _MANY_PRODUCTS]
    return sorted(wide, key=lambda name: (-len(products[name]), name))[:_MOST_NOTES]
