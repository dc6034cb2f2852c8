"""Dedup: of the same footage one window stays, always the same one, and the link is remembered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_samples import shot, source

from pvtt_data.records import Rectangle, Shot
from pvtt_data.shots import signature_hashes
from pvtt_data.stages import dedup as dedup_module
from pvtt_data.stages.dedup import DedupConfig, dedup, near_duplicates

SOURCES = [source(name) for name in ("mug", "lamp", "bag", "cup", "pen", "hat")]


def signature(seed: int, flipped: int = 0) -> str:
    """A random signature, ``flipped`` of its 576 bits turned over (the same ones first)."""
    random = np.random.default_rng(seed)
    bits = random.integers(0, 2, 576, dtype=np.uint8)
    bits[np.random.default_rng(1000 + seed).permutation(576)[:flipped]] ^= 1
    return np.packbits(bits).tobytes().hex()


def window(name: str, of: int, seed: int, flipped: int = 0, width: int = 1280) -> Shot:
    return shot(name, SOURCES[of], signature=signature(seed, flipped), letterbox=Rectangle(0, 0, width, 720))


ORIGINAL, SMALL_COPY, OTHER = window("a", 0, 1), window("b", 1, 1, 30, width=640), window("c", 2, 2)


def test_a_signature_is_read_as_nine_hashes() -> None:
    hashes = signature_hashes("0" * 15 + "1" + "f" * 16 + "8" + "0" * 15 + "0" * 96)
    assert list(hashes) == [1, 2**64 - 1, 2**63, 0, 0, 0, 0, 0, 0]


def test_of_the_same_footage_the_largest_picture_stays() -> None:
    result, links = dedup([SMALL_COPY, OTHER, ORIGINAL], DedupConfig())
    assert {row.shot_id for row in result.rows} == {ORIGINAL.shot_id, OTHER.shot_id}
    (rejection,) = result.rejections
    assert (rejection.reason, rejection.subject_id) == ("near-duplicate", SMALL_COPY.shot_id)
    assert rejection.linked_to == ORIGINAL.shot_id
    assert rejection.numbers == {"distance_bits": pytest.approx(30 / 9), "threshold": 8.0}
    assert links == [tuple(sorted((ORIGINAL.source_id, SMALL_COPY.source_id)))]


def test_equal_sizes_are_settled_by_the_smallest_id() -> None:
    twins = [window(name, of, 1) for of, name in enumerate("abcde")]
    result, links = dedup(twins, DedupConfig())
    assert [row.shot_id for row in result.rows] == [min(row.shot_id for row in twins)]
    assert len(links) == 4


@given(st.permutations(range(6)))
@settings(max_examples=30)
def test_the_order_of_windows_does_not_matter(order: list[int]) -> None:
    windows = [ORIGINAL, SMALL_COPY, OTHER, window("d", 3, 2, 9), window("e", 4, 1, 60), window("f", 5, 6)]
    there, back = dedup(windows, DedupConfig()), dedup([windows[i] for i in order], DedupConfig())
    assert back[0].rows == there[0].rows
    assert back[1] == there[1]
    assert {r.rejection_id: r for r in back[0].rejections} == {r.rejection_id: r for r in there[0].rejections}


def test_other_footage_changes_nothing() -> None:
    alone, links = dedup([ORIGINAL, SMALL_COPY], DedupConfig())
    together, more_links = dedup([ORIGINAL, SMALL_COPY, OTHER, window("f", 5, 6)], DedupConfig())
    assert {row.shot_id for row in alone.rows} <= {row.shot_id for row in together.rows}
    assert together.rejections == alone.rejections
    assert more_links == links


@pytest.mark.parametrize(("flipped", "duplicate"), [(0, True), (72, True), (73, False), (288, False)])
def test_the_threshold_is_a_mean_of_nine_distances(flipped: int, duplicate: bool) -> None:
    pairs = near_duplicates([window("a", 0, 1), window("b", 1, 1, flipped)], 8.0)
    assert len(pairs) == duplicate
    if duplicate:
        assert pairs[0][2] == pytest.approx(flipped / 9)


def test_a_chain_of_duplicates_is_one_family() -> None:
    chain = [window(name, of, 1, flipped) for of, (name, flipped) in enumerate((("a", 0), ("b", 60), ("c", 120)))]
    result, links = dedup(chain, DedupConfig())
    assert len(result.rows) == 1
    assert len(links) == 2
    linked = {name for link in links for name in link}
    assert linked == {row.source_id for row in chain}


def test_windows_of_one_source_need_no_link() -> None:
    result, links = dedup([window("a", 0, 1), window("b", 0, 1)], DedupConfig())
    assert len(result.rows) == 1
    assert links == []


@pytest.mark.parametrize("count", [0, 1])
def test_few_windows_have_no_duplicates(count: int) -> None:
    result, links = dedup([ORIGINAL][:count], DedupConfig())
    assert len(result.rows) == count
    assert links == []


def test_large_tables_are_compared_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    windows = [window(f"w{i}", i % 6, i % 11) for i in range(40)]
    whole: list[Any] = near_duplicates(windows, 8.0)
    monkeypatch.setattr(dedup_module, "_BLOCK", 7)
    assert near_duplicates(windows, 8.0) == whole
    assert whole
