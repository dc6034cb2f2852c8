"""Components hang together by links alone, in whatever order the links come."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvtt_data.components import Components

names = st.integers(0, 20)
links = st.lists(st.tuples(names, names), max_size=30)


def components_of(lonely: set[int], pairs: list[tuple[int, int]]) -> dict[int, list[int]]:
    components: Components[int] = Components()
    for name in lonely:
        components.add(name)
    for one, other in pairs:
        components.link(one, other)
    return components.groups()


def reachable(start: int, pairs: list[tuple[int, int]]) -> set[int]:
    found = {start}
    while True:
        more = {b for a, b in pairs if a in found} | {a for a, b in pairs if b in found}
        if more <= found:
            return found
        found |= more


@given(st.sets(names), links)
def test_groups_are_what_links_reach(lonely: set[int], pairs: list[tuple[int, int]]) -> None:
    groups = components_of(lonely, pairs)
    everyone = lonely | {name for pair in pairs for name in pair}
    assert sorted(name for group in groups.values() for name in group) == sorted(everyone)
    for root, group in groups.items():
        assert root == min(group)
        assert group == sorted(reachable(root, pairs))


@given(st.sets(names), links, st.randoms())
def test_the_order_of_links_does_not_matter(lonely: set[int], pairs: list[tuple[int, int]], random: Any) -> None:
    shuffled = [(b, a) if random.random() < 0.5 else (a, b) for a, b in pairs]
    random.shuffle(shuffled)
    assert components_of(lonely, shuffled) == components_of(lonely, pairs)
    assert list(components_of(lonely, shuffled)) == sorted(components_of(lonely, pairs))


def test_a_stranger_has_no_component() -> None:
    components: Components[str] = Components()
    components.add("a")
    assert components.root("a") == "a"
    with pytest.raises(KeyError):
        components.root("b")
