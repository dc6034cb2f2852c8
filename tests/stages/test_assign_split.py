"""Assign split: nothing that is shared crosses a split, and nothing moves that need not."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from record_samples import sha, short, source

from pvtt_data.records import Source, Split
from pvtt_data.stages.assign_split import SplitAssignmentConfig, assign_split, notes_on_families, split_of

Links = list[tuple[str, str]]
HALVES = SplitAssignmentConfig(validation_share=0.25, test_share=0.25)


@st.composite
def worlds(draw: st.DrawFn, prefix: str = "") -> tuple[list[Source], Links]:
    """Sources that share products, bytes, listing images and footage at random."""
    few = st.integers(0, 12)
    sources = []
    for number in range(draw(st.integers(1, 14))):
        images = tuple(f"{prefix}image {i}" for i in draw(st.lists(few, max_size=2)))
        product, content = f"{prefix}product {draw(few)}", sha(f"{prefix}bytes {draw(st.integers(0, 30))}")
        sources.append(source(f"{prefix}{number}", product, images, sha256=content))
    ids = st.sampled_from([row.source_id for row in sources])
    return sources, draw(st.lists(st.tuples(ids, ids), max_size=4))


def splits(
    sources: Sequence[Source],
    links: Links = (),  # type: ignore[assignment]
    config: SplitAssignmentConfig = HALVES,
    earlier: dict[str, Split] | None = None,
) -> dict[str, Split]:
    result = assign_split(sources, links, config, earlier)
    assert [row.source_id for row in result.rows] == sorted(row.source_id for row in sources)
    return {row.source_id: row.split for row in result.rows}


def assert_no_leak(sources: Sequence[Source], links: Links, split: dict[str, Split]) -> None:
    seen: dict[tuple[str, str], set[str]] = {}
    for row in sources:
        facts = [("product", row.product_id), ("bytes", row.sha256), *(("image", i.sha256) for i in row.images)]
        for fact in facts:
            seen.setdefault(fact, set()).add(split[row.source_id])
    assert all(len(where) == 1 for where in seen.values())
    assert all(split[one] == split[other] for one, other in links)


@given(worlds())
def test_nothing_shared_crosses_a_split(world: tuple[list[Source], Links]) -> None:
    sources, links = world
    assert_no_leak(sources, links, splits(sources, links))


@given(worlds(), st.data())
def test_nothing_shared_crosses_a_split_with_an_earlier_version(
    world: tuple[list[Source], Links], data: st.DataObject
) -> None:
    sources, links = world
    some = data.draw(st.lists(st.sampled_from([row.source_id for row in sources])))
    kinds: list[Split] = ["train", "validation", "test"]
    earlier = {name: data.draw(st.sampled_from(kinds)) for name in some}
    split = splits(sources, links, earlier=earlier)
    assert_no_leak(sources, links, split)
    strictness = {"train": 0, "validation": 1, "test": 2}
    for name, before in earlier.items():
        assert strictness[split[name]] >= strictness[before]


@given(worlds("a "), worlds("b "))
@settings(max_examples=50)
def test_unrelated_products_change_nothing(here: tuple[list[Source], Links], there: tuple[list[Source], Links]) -> None:
    alone = splits(*here)
    together = splits([*here[0], *there[0]], [*here[1], *there[1]])
    assert together.items() >= alone.items()
    assert together.items() >= splits(*there).items()


@given(worlds(), st.randoms())
def test_the_order_of_sources_and_links_does_not_matter(world: tuple[list[Source], Links], random: object) -> None:
    sources, links = list(world[0]), [(b, a) for a, b in world[1]]
    random.shuffle(sources)  # type: ignore[attr-defined]
    random.shuffle(links)  # type: ignore[attr-defined]
    assert assign_split(sources, links, HALVES).rows == assign_split(*world, HALVES).rows


def test_a_test_product_stays_one_and_draws_in_what_joins_it() -> None:
    mug, lamp, bag = source("mug"), source("lamp"), source("bag")
    earlier: dict[str, Split] = {mug.source_id: "test", lamp.source_id: "train", bag.source_id: "validation"}
    assert splits([mug, lamp, bag], earlier=earlier) == earlier
    joined = splits([mug, lamp, bag], [(mug.source_id, lamp.source_id)], earlier=earlier)
    assert joined == {mug.source_id: "test", lamp.source_id: "test", bag.source_id: "validation"}


def test_an_earlier_train_product_stays_one_whatever_the_shares_say() -> None:
    mug = source("mug")
    everything_test = SplitAssignmentConfig(validation_share=0, test_share=1)
    assert splits([mug], config=everything_test) == {mug.source_id: "test"}
    assert splits([mug], config=everything_test, earlier={mug.source_id: "train"}) == {mug.source_id: "train"}


def test_a_component_is_named_by_its_smallest_source() -> None:
    sources = [source(f"video {i}", "mug") for i in range(5)]
    rows = assign_split(sources, [], HALVES).rows
    assert {row.component_id for row in rows} == {min(row.source_id for row in sources)}
    assert {row.product_id for row in rows} == {"mug"}


def test_the_shares_are_met_over_many_families() -> None:
    config = SplitAssignmentConfig(validation_share=0.1, test_share=0.2)
    dealt = [split_of(short(number), config) for number in range(4000)]
    assert abs(dealt.count("test") / 4000 - 0.2) < 0.03
    assert abs(dealt.count("validation") / 4000 - 0.1) < 0.03


def test_a_larger_share_only_adds_and_another_salt_deals_afresh() -> None:
    names = [short(number) for number in range(500)]
    small, large = SplitAssignmentConfig(test_share=0.1), SplitAssignmentConfig(test_share=0.3)
    assert all(split_of(name, large) == "test" for name in names if split_of(name, small) == "test")
    salted = SplitAssignmentConfig(test_share=0.1, salt="other")
    assert [split_of(name, salted) for name in names] != [split_of(name, small) for name in names]


def test_shares_of_nothing_and_of_everything() -> None:
    names = [short(number) for number in range(200)]
    assert {split_of(n, SplitAssignmentConfig(validation_share=0, test_share=0)) for n in names} == {"train"}
    assert {split_of(n, SplitAssignmentConfig(validation_share=1, test_share=0)) for n in names} == {"validation"}
    with pytest.raises(ValidationError, match="must not exceed 1"):
        SplitAssignmentConfig(validation_share=0.6, test_share=0.5)


def families_noted(sources: list[Source], links: Links) -> list[str]:
    return notes_on_families(sources, assign_split(sources, links, HALVES).rows)


def test_a_banner_that_joins_many_products_is_named_with_its_size() -> None:
    sources = [source(f"v{i}", images=("banner", f"own {i}")) for i in range(11)]
    image, family = families_noted([*sources, source("alone")], [])
    assert "banner.jpg is shared by 11 products" in image
    assert "11 of 12 products" in family and min(row.source_id for row in sources) in family


def test_a_wide_family_without_a_shared_image_is_named_too() -> None:
    sources = [source(f"v{i}") for i in range(11)]
    chain = [(a.source_id, b.source_id) for a, b in itertools.pairwise(sources)]
    (family,) = families_noted(sources, chain)
    assert "11 of 11 products hang together" in family


def test_families_of_ordinary_size_and_many_videos_of_one_product_are_not_worth_a_note() -> None:
    assert families_noted([source(f"v{i}", images=("shared",)) for i in range(10)], []) == []
    assert families_noted([source(f"v{i}", product="one", images=("shared",)) for i in range(30)], []) == []
