"""Choosing some of many, far apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def spread(items: Sequence[Item], count: int) -> list[Item]:
    """So many of the items, evenly spread and in their order; all if there are no more."""
    if count >= len(items):
        return list(items)
    return [items[place * len(items) // count] for place in range(count)]
