"""How near two products are by what the feed says of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pvtt_data.vocabulary import Vocabulary, category_levels, kind_of, says_something

Kinship = Literal["same", "related", "other", "unknown"]


@dataclass(frozen=True, slots=True)
class Words:
    """What category and title say of a product.

    Attributes:
        category: in lower case; empty if there is none.
        levels: of the category, such as home, kitchen and teapots, those that say something.
        kind: of the vocabulary, such as teapot; empty if none is known.
        department: of that kind, such as kitchen; empty if it has none.
    """

    category: str
    levels: frozenset[str]
    kind: str
    department: str


def words_of(category: str, title: str, vocabulary: Vocabulary) -> Words:
    """What category and title say."""
    kind, _ = kind_of(category, title, vocabulary)
    levels = frozenset(level.strip().casefold() for level in category_levels(category) if says_something(level))
    known = vocabulary.kinds.get(kind)
    return Words(
        category=category.strip().casefold() if levels else "",
        levels=levels,
        kind="" if known is None or known.broad else kind,
        department=known.department if known else "",
    )


def kinship(one: Words, other: Words) -> Kinship:
    """``same`` category or kind, ``related`` by a level of the category or by department, ``other``, or ``unknown``.

    Unknown is the kinship to a product of which neither a category nor a kind is known.
    """
    if (one.category and one.category == other.category) or (one.kind and one.kind == other.kind):
        return "same"
    if not (one.levels or one.kind) or not (other.levels or other.kind):
        return "unknown"
    if one.levels & other.levels or (one.department and one.department == other.department):
        return "related"
    return "other"
