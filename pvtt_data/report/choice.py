"""Which rows a contact sheet shows when it cannot show all."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TypeVar

from pvtt_data.records import record_key

R = TypeVar("R")


def spread(rows: Sequence[R], *traits: Callable[[R], str]) -> list[R]:
    """All rows in an order whose beginning is varied, the same on every build.

    Rows are dealt in turns from groups that share the first trait, inside a group in turns from those that share the
    second, and so on. Identifiers are hashes, so neither names nor the order of the feed decide what comes first.
    """
    if not traits:
        return sorted(rows, key=record_key)
    groups: dict[str, list[R]] = {}
    for row in rows:
        groups.setdefault(traits[0](row), []).append(row)
    ordered = sorted((spread(group, *traits[1:]) for group in groups.values()), key=lambda group: record_key(group[0]))
    turns = itertools.zip_longest(*ordered)
    return [row for turn in turns for row in turn if row is not None]
