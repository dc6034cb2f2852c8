"""Sources as people relabelled them: another category, or another product."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from pvtt_data.records import Source
from pvtt_data.reviews.book import ReviewBook


def relabelled(sources: Sequence[Source], reviews: ReviewBook) -> tuple[list[Source], list[str]]:
    """Sources with the categories and products that people gave them, and notes for a person.

    A source keeps its identifier, so nothing that was computed of its pixels is computed again. One that is moved to
    another product takes title and listing images from that product's own sources; where the feed has none, it goes
    without, because its listing shows something else.
    """
    listed: dict[str, Source] = {}
    for source in sorted(sources, key=lambda source: source.source_id, reverse=True):
        said = reviews.found.get(("source", source.sha256))
        if said is None or said.product_id in ("", source.product_id):
            listed[source.product_id] = source
    made = [_relabelled(source, listed, reviews) for source in sources]
    return made, _notes(made, {source.source_id: source for source in sources})


def _relabelled(source: Source, listed: dict[str, Source], reviews: ReviewBook) -> Source:
    said = reviews.of_source(source.sha256, source.source_id)
    if said is None:
        return source
    changed = source
    if said.product_id and said.product_id != source.product_id:
        listing = listed.get(said.product_id)
        changed = dataclasses.replace(
            source,
            product_id=said.product_id,
            title=listing.title if listing else "",
            category=listing.category if listing else source.category,
            images=listing.images if listing else (),
        )
    if said.category:
        changed = dataclasses.replace(changed, category=said.category)
    if changed != source:
        reviews.note(said, source.source_id, "relabelled")
    return changed


def _notes(made: Sequence[Source], before: dict[str, Source]) -> list[str]:
    """Products whose sources have several categories because of what people said."""
    categories: dict[str, set[str]] = {}
    touched = set()
    for source in made:
        categories.setdefault(source.product_id, set()).add(source.category)
        if source != before[source.source_id]:
            touched.add(source.product_id)
    return [
        f"sources of product {name} have several categories ({', '.join(sorted(categories[name]))}): relabel the others"
        for name in sorted(touched)
        if len(categories[name]) > 1
    ]
