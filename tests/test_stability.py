"""A product that comes or goes changes its descendants and nothing else, from footage to shards."""

from __future__ import annotations

import dataclasses
import math
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

import pytest
from catalogue_builds import CATALOGUE, Builder
from hypothesis import given, settings
from hypothesis import strategies as st
from record_samples import (
    ALIKE,
    blob,
    clip,
    clip_picture,
    comparison,
    listing_picture,
    looks_of,
    sha,
    shot,
    source,
    track,
)

from pvtt_data.build import BuildOutcome
from pvtt_data.captions.config import CaptionsConfig
from pvtt_data.captions.writer import Captions
from pvtt_data.engines.mix import EngineShares
from pvtt_data.records import (
    Assignment,
    Clip,
    Comparison,
    Pair,
    Picture,
    Quality,
    Shot,
    Source,
    Split,
    Swap,
    Triple,
    record_key,
)
from pvtt_data.reviews.book import ReviewBook, key_of_triple
from pvtt_data.reviews.effective import standings
from pvtt_data.reviews.records import Review, SubjectKind, mask_key
from pvtt_data.shards import diff_versions, verify
from pvtt_data.shards.format import shard_of
from pvtt_data.stages.assign_split import SplitAssignmentConfig, assign_split, changed_splits
from pvtt_data.stages.clip_review import clip_review
from pvtt_data.stages.dedup import DedupConfig, dedup
from pvtt_data.stages.mask_qc import MaskQcConfig, mask_qc
from pvtt_data.stages.pair import PairConfig, PairingTables, pair
from pvtt_data.stages.triple_qc import Shelf, TripleQcConfig, triple_qc
from pvtt_data.vocabulary import load_vocabulary

VOCABULARY = load_vocabulary()
SHARDS = 16
SPLITS = SplitAssignmentConfig(validation_share=0.15, test_share=0.15)


@dataclass(frozen=True)
class World:
    """What the table stages are given, and what map stages would have made of it: all of it by product."""

    sources: tuple[Source, ...]
    shots: tuple[Shot, ...]
    pictures: tuple[Picture, ...]
    comparisons: tuple[Comparison, ...]

    def without(self, product: str) -> World:
        sources = tuple(s for s in self.sources if s.product_id != product)
        ids = {s.source_id for s in sources}
        media = {s.sha256 for s in sources}
        return World(
            sources,
            tuple(s for s in self.shots if s.source_id in ids),
            tuple(p for p in self.pictures if p.product_id != product),
            tuple(c for c in self.comparisons if {c.one, c.other} <= media),
        )


@dataclass(frozen=True)
class Made:
    """What the table stages decided."""

    shots: dict[str, Shot]
    assignments: dict[str, Assignment]
    pairs: dict[str, Pair]
    triples: dict[str, Triple]
    dropped: Counter[str]

    def shards(self) -> dict[tuple[str, int], tuple[tuple[str, str], ...]]:
        """(split, number of the shard) → its samples by key, with what they are made of."""
        shards: dict[tuple[str, int], list[tuple[str, str]]] = {}
        for triple in self.triples.values():
            key = triple.triple_id[:16]
            shards.setdefault((triple.split, shard_of(key, SHARDS)), []).append((key, repr(triple)))
        return {where: tuple(sorted(rows)) for where, rows in shards.items()}


STEADY = {"area_share_min": 0.1, "area_share_max": 0.2, "border_contact_max": 0.0, "components_max": 1.0}


def frame_of(of: Source, window: Shot) -> Picture:
    """The picture that is cut out of the clip of a window."""
    return clip_picture(f"{of.source_id} {window.first_frame} frame", of, window.first_frame / 25 + 1)


@cache
def world(products: int = 200) -> World:
    """Products with one or two videos; some share footage with the next product, some a listing image."""
    sources, shots, pictures, comparisons = [], [], [], []
    for number in range(products):
        name = f"p{number:03d}"
        shared = (f"image {number // 20}",) if number % 20 in (3, 4) else ()
        for video in range(1 + number % 2):
            of = source(f"{name}-{video}", name, shared, category=f"c{number % 4}", title=name)
            sources.append(of)
            if number % 20 == 8 and video == 0:
                comparisons.append(comparison(source(f"p{number - 1:03d}-0", ""), of))
            for first in (0, 250):
                shots.append(shot(f"{of.source_id} {first}", of, first))
                pictures.append(frame_of(of, shots[-1]))
        pictures += [listing_picture(f"{name} front {i}", name) for i in range(2)]
    return World(tuple(sources), tuple(shots), tuple(pictures), tuple(comparisons))


def decide(
    of: World, earlier: dict[str, Split] | None = None, reviews: ReviewBook | None = None, **pairing: float
) -> Made:
    """All table stages in the order of the line; what map stages add follows from each row alone."""
    reviews = reviews or ReviewBook()
    footage = {s.sha256: s.sha256 for s in of.sources}
    deduplicated, links = dedup(of.shots, footage, of.comparisons, DedupConfig())
    source_of = {s.source_id: s for s in of.sources}
    clips: list[Clip] = [clip(f"clip {s.shot_id}", source_of[s.source_id], s.first_frame) for s in deduplicated.rows]
    clips = clip_review(clips, reviews, {c.clip_id: c.clip_id for c in clips}).rows
    masks = mask_qc(
        [track(c) for c in clips],
        [Quality(track(c).track_id, STEADY) for c in clips],
        MaskQcConfig(),
        clips={c.clip_id: c for c in clips},
        reviews=reviews,
    )
    tracks = masks.rows
    # Pictures are cut out of clips with their masks.
    kept = {t.clip_id for t in tracks}
    lost = {
        frame_of(source_of[s.source_id], s).picture_id
        for s in deduplicated.rows
        if clip(f"clip {s.shot_id}", source_of[s.source_id], s.first_frame).clip_id not in kept
    }
    of = dataclasses.replace(of, pictures=tuple(p for p in of.pictures if p.picture_id not in lost))
    assignments = assign_split(of.sources, [(link.one, link.other) for link in links], SPLITS, earlier)
    looks = looks_of(tracks, clips, of.sources, of.pictures)
    taken = {c.clip_id: c.source_id for c in clips if track(c).track_id in reviews.taken}
    tables = PairingTables(
        tracks, clips, of.sources, assignments.rows, of.pictures, looks, ALIKE, VOCABULARY, reviewed=taken
    )
    pairs = pair(tables, PairConfig(**pairing), EngineShares())  # type: ignore[arg-type]
    photos = [p for p in pairs.rows if p.engine == "panzoom"]
    first = {s.product_id: s for s in reversed(of.sources)}
    for row in photos:
        filmed = dataclasses.replace(clip(row.pair_id, first[row.product_b]), clip_id=row.clip_id)
        clips.append(filmed)
        tracks.append(dataclasses.replace(track(filmed), track_id=row.track_id))
    swaps = [Swap(p.pair_id, *(blob(f"{kind} {p.pair_id}") for kind in "abc"), (), {"area": 0.2}) for p in pairs.rows]
    numbers = {
        "background_psnr_db": 40.0, "centroid_agreement": 1.0, "reference_leak_bits": 30.0, "scale_agreement": 1.0,
        "residue": 0.0, "ab_similarity": 0.2, "made_up_share": 0.0,
    }  # fmt: skip
    qualities = [Quality(s.pair_id, numbers | {"residue": 1.0 if int(s.pair_id[:2], 16) < 20 else 0.0}) for s in swaps]
    shelf = Shelf.of(of.sources, clips, tracks, of.pictures, pairs.rows)
    triples = triple_qc(swaps, qualities, shelf, Captions(CaptionsConfig()), TripleQcConfig(), reviews=reviews)
    results = (deduplicated, masks, assignments, pairs, triples)
    return Made(
        {record_key(r): r for r in deduplicated.rows},
        {record_key(r): r for r in assignments.rows},
        {record_key(r): r for r in pairs.rows},
        {record_key(r): r for r in triples.rows},
        Counter(r.reason for result in results for r in result.rejections),
    )


@cache
def decided(cap: int | None = None) -> Made:
    """What is decided of the whole world."""
    return decide(world()) if cap is None else decide(world(), max_pairs_per_product=cap)


def splits_of(made: Made) -> dict[str, Split]:
    return {row.source_id: row.split for row in made.assignments.values()}


def family(of: World, made: Made, product: str) -> set[str]:
    """Products that share footage, bytes or listing images with one, itself among them."""
    component = {row.component_id for row in made.assignments.values() if row.product_id == product}
    return {row.product_id for row in made.assignments.values() if row.component_id in component}


Row = TypeVar("Row", Pair, Triple)


def outside(rows: dict[str, Row], products: Collection[str]) -> dict[str, Row]:
    return {name: r for name, r in rows.items() if r.product_a not in products and r.product_b not in products}


def target_of(row: Pair) -> str:
    """The clip or photo that a pair is made for."""
    return row.photo_id or row.clip_id


PRODUCTS = ["p000", "p003", "p004", "p007", "p008", "p051", "p100", "p123", "p199"]
"""Among them each kind of tie: a shared listing image (p003, p004), copied footage (p007, p008), two videos (odd)."""


@pytest.mark.parametrize("with_earlier", [False, True])
@pytest.mark.parametrize("product", PRODUCTS)
def test_one_of_200_products_comes_or_goes_and_only_its_descendants_change(product: str, with_earlier: bool) -> None:
    whole, less = world(), world().without(product)
    before = decided()
    after = decide(less, splits_of(before) if with_earlier else None)
    relatives = family(whole, before, product)
    assert len(relatives) <= 2
    strangers = {s.source_id for s in whole.sources if s.product_id not in relatives}
    for table in ("shots", "assignments"):
        old, new = getattr(before, table), getattr(after, table)
        assert {n: r for n, r in old.items() if r.source_id in strangers} == {
            n: r for n, r in new.items() if r.source_id in strangers
        }
    # Adding is removing backwards, so both are tested: no id has another content in the other world.
    for old, new in ((before.pairs, after.pairs), (before.triples, after.triples)):
        assert all(old[name] == new[name] for name in old.keys() & new.keys())  # type: ignore[index]
        lost = outside({n: r for n, r in old.items() if n not in new}, relatives)  # type: ignore[type-var]
        # Without a version before, a relative may be dealt into another split and take the place of others there.
        moved = {s for s, split in splits_of(after).items() if splits_of(before)[s] != split}
        taken = Counter(target_of(p) for p in after.pairs.values() if p.product_a in relatives)
        targets = {p.clip_id: target_of(p) for p in before.pairs.values()}
        assert not Counter(targets[r.clip_id] for r in lost.values()) - (taken if moved else Counter())
        assert not (with_earlier and moved)
    # A clip that had the product as its partner takes the next one; nothing else may be new.
    freed = Counter(target_of(p) for n, p in before.pairs.items() if n not in after.pairs)
    new_pairs = outside({n: p for n, p in after.pairs.items() if n not in before.pairs}, relatives)
    assert not Counter(target_of(p) for p in new_pairs.values()) - freed
    assert len(new_pairs) <= 20


def test_a_product_that_goes_takes_only_its_own_moving_cutouts_along() -> None:
    before = decide(world(), moving_share=0.34)
    moving = [row for row in before.pairs.values() if row.track_id_a]
    swaps = [row for row in before.pairs.values() if row.engine == "composite" and row.kind == "swap"]
    assert 0.28 < len(moving) / len(swaps) < 0.4
    assert {row.track_id_a for row in before.triples.values()} > {""}
    for product in PRODUCTS[::3]:
        relatives = family(world(), before, product)
        after = decide(world().without(product), splits_of(before), moving_share=0.34)
        assert all(before.pairs[name] == after.pairs[name] for name in before.pairs.keys() & after.pairs.keys())
        assert not outside({n: r for n, r in before.pairs.items() if n not in after.pairs}, relatives)


def rejected(kind: SubjectKind, key: str) -> ReviewBook:
    return ReviewBook(standings([Review.made(kind, key, "reject", "anna", reason="drift")]))


@pytest.mark.parametrize("number", [0, 37, 185])
def test_one_mask_of_hundreds_is_rejected_and_only_its_descendants_change(number: int) -> None:
    """Descendants show the clip, or used a picture that was cut out of it or the clip itself as a moving A; and as its
    pictures say what a product looks like, it may be chosen as A elsewhere."""
    whole, before = world(), decided()
    window = sorted(before.shots.values(), key=lambda s: s.shot_id)[number % len(before.shots)]
    own = next(s for s in whole.sources if s.source_id == window.source_id)
    shown = clip(f"clip {window.shot_id}", own, window.first_frame)
    after = decide(whole, reviews=rejected("mask", mask_key(shown.video.sha256, track(shown).mask.sha256)))
    assert after.dropped["review-drift"] == 1
    assert before.shots == after.shots and before.assignments == after.assignments
    picture = frame_of(own, window).picture_id

    def descends(row: Pair) -> bool:
        used = (row.cutout_id, *row.reference_ids, *row.heldout_ids)
        return row.clip_id == shown.clip_id or picture in used or row.track_id_a == track(shown).track_id

    changed = {n: p for n, p in before.pairs.items() if after.pairs.get(n) != p}
    assert changed and all(descends(row) or row.product_a == own.product_id for row in changed.values())
    assert not any(descends(row) for row in after.pairs.values())
    # What is new is another version of a pair that changed, or takes the place of one.
    places = Counter(target_of(row) for row in changed.values() if row.clip_id != shown.clip_id)
    new = [p for n, p in after.pairs.items() if before.pairs.get(n) != p]
    assert not Counter(target_of(row) for row in new) - places
    targets = {row.clip_id for row in changed.values()}
    assert all(t.clip_id in targets for n, t in before.triples.items() if after.triples.get(n) != t)


def test_one_rejected_triple_takes_nothing_along_and_rewrites_one_shard() -> None:
    before = decided()
    for name in list(before.triples)[::400]:
        after = decide(world(), reviews=rejected("triple", key_of_triple(before.triples[name])))
        assert after.triples == {n: t for n, t in before.triples.items() if n != name}
        assert after.pairs == before.pairs
        old, new = before.shards(), after.shards()
        assert len([where for where in old if old[where] != new.get(where)]) == 1


@pytest.mark.parametrize("product", PRODUCTS[::4])
def test_shards_rewritten_are_the_shards_touched(product: str) -> None:
    before = decided()
    after = decide(world().without(product), splits_of(before))
    touched = {
        (t.split, shard_of(t.triple_id[:16], SHARDS))
        for one, other in ((before, after), (after, before))
        for name, t in one.triples.items()
        if other.triples.get(name) != t
    }
    old, new = before.shards(), after.shards()
    assert {where for where in old.keys() | new.keys() if old.get(where) != new.get(where)} == touched


def test_one_triple_less_rewrites_one_shard() -> None:
    before = decided()
    for name in list(before.triples)[::50]:
        after = dataclasses.replace(before, triples={n: t for n, t in before.triples.items() if n != name})
        old, new = before.shards(), after.shards()
        assert len([w for w in old if old[w] != new.get(w)]) == 1


@pytest.mark.parametrize("cap", [1, 2, 4])
def test_under_a_cap_few_rows_besides_the_descendants_are_disturbed(cap: int) -> None:
    before = decided(cap)
    for product in PRODUCTS[::3]:
        relatives = family(world(), before, product)
        after = decide(world().without(product), splits_of(before), max_pairs_per_product=cap)
        lost = outside({n: p for n, p in before.pairs.items() if n not in after.pairs}, relatives)
        new = {n: p for n, p in after.pairs.items() if n not in before.pairs}
        # A new pair may push the last one of its product A over the cap: one step, since a pair that the cap drops is
        # not dealt again. So no more are lost than came, and no more came than the product and its family left room.
        assert len(lost) <= len(new)
        assert len(lost) + len(outside(new, relatives)) <= 16


def names(count: int) -> list[Source]:
    return [source(f"video {i}") for i in range(count)]


def assigned(
    sources: Sequence[Source], links: Sequence[tuple[int, int]], earlier: dict[str, Split] | None = None
) -> dict[str, Split]:
    ties = [(sources[a].source_id, sources[b].source_id) for a, b in links]
    return {row.source_id: row.split for row in assign_split(sources, ties, SPLITS, earlier).rows}


CHAIN = [(i, i + 1) for i in range(99)]
SHAPES: dict[str, Callable[[], list[tuple[int, int]]]] = {
    "two chains joined by one link": lambda: [t for t in CHAIN if t != (49, 50)] + [(99, 0)],
    "cycle": lambda: [*CHAIN, (99, 0)],
    "star": lambda: [(50, i) for i in range(100) if i != 50],
    "ladder": lambda: [*((i, i + 2) for i in range(98)), (97, 98)],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_families_of_any_shape_stay_together_in_any_order_of_links(shape: str) -> None:
    sources, links = names(100), SHAPES[shape]()
    splits = assigned(sources, links)
    assert len(set(splits.values())) == 1
    assert splits == assigned(sources[::-1], [(99 - b, 99 - a) for a, b in links[::-1]])


def test_one_shared_listing_image_makes_a_family_of_all_that_show_it() -> None:
    sources = [source(f"video {i}", images=("the banner of the shop",)) for i in range(80)]
    rows = assign_split(sources, [], SPLITS).rows
    assert {row.component_id for row in rows} == {min(s.source_id for s in sources)}
    assert len({row.split for row in rows}) == 1


def test_new_data_that_joins_test_and_train_makes_all_of_it_test_and_says_which_moved() -> None:
    sources = names(100)
    halves = [t for t in CHAIN if t != (49, 50)]
    earlier: dict[str, Split] = {s.source_id: "train" if i < 50 else "test" for i, s in enumerate(sources)}
    assert assigned(sources, halves, earlier) == earlier
    bridge = source("bridge")
    joined = [*halves, (49, 100), (100, 50)]
    rows = assign_split(
        [*sources, bridge],
        [(([*sources, bridge])[a].source_id, ([*sources, bridge])[b].source_id) for a, b in joined],
        SPLITS,
        earlier,
    ).rows
    assert {row.split for row in rows} == {"test"}
    moved = changed_splits(rows, earlier)
    assert [m[1:] for m in moved] == [("train", "test", 1)] * 50
    assert [m[0] for m in moved] == sorted(s.product_id for s in sources[:50])
    # The bridge goes again: what was test stays test, on both of its sides.
    after = assigned(sources, halves, {row.source_id: row.split for row in rows})
    assert set(after.values()) == {"test"}


def test_losing_the_smallest_source_moves_nothing_when_there_is_a_version_before() -> None:
    for number in range(60):
        sources = sorted((source(f"{number} video {i}", f"mug {number}") for i in range(4)), key=record_key)
        before = {row.source_id: row.split for row in assign_split(sources, [], SPLITS).rows}
        after = assign_split(sources[1:], [], SPLITS, before).rows
        assert all(before[row.source_id] == row.split for row in after)


def test_losing_the_smallest_source_deals_its_family_afresh_when_there_is_none() -> None:
    """The family is then named by its next source; about as many families move as two draws differ."""
    moved = 0
    for number in range(400):
        sources = sorted((source(f"{number} video {i}", f"mug {number}") for i in range(2)), key=record_key)
        before = assign_split(sources, [], SPLITS).rows[0].split
        (alone,) = assign_split(sources[1:], [], SPLITS).rows
        moved += before != alone.split
    expected = 1 - math.fsum(share**2 for share in (0.15, 0.15, 0.7))
    assert abs(moved / 400 - expected) < 0.1


@st.composite
def growing_graphs(draw: st.DrawFn) -> list[tuple[list[Source], list[tuple[str, str]]]]:
    """Versions of one feed: sources come and go, links are found and lost."""
    versions = []
    for _ in range(draw(st.integers(2, 5))):
        chosen = draw(st.lists(st.integers(0, 15), min_size=1, max_size=12, unique=True))
        sources = [source(f"video {n}", f"product {n // 2}", sha256=sha(f"bytes {n % 11}")) for n in chosen]
        ids = st.sampled_from([s.source_id for s in sources])
        versions.append((sources, draw(st.lists(st.tuples(ids, ids), max_size=5))))
    return versions


@given(growing_graphs())
@settings(max_examples=150, deadline=None)
def test_through_any_history_no_family_straddles_splits_and_a_test_source_stays_test(
    versions: list[tuple[list[Source], list[tuple[str, str]]]],
) -> None:
    earlier: dict[str, Split] = {}
    for sources, links in versions:
        now = {row.source_id: row.split for row in assign_split(sources, links, SPLITS, earlier).rows}
        for facts in ("product_id", "sha256"):
            for value in {getattr(s, facts) for s in sources}:
                assert len({now[s.source_id] for s in sources if getattr(s, facts) == value}) == 1
        assert all(now[one] == now[other] for one, other in links)
        assert all(now[name] == "test" for name, split in earlier.items() if split == "test" and name in now)
        moved = {n for n in now if earlier.get(n, now[n]) != now[n]}
        rows = assign_split(sources, links, SPLITS, earlier).rows
        assert sum(count for *_, count in changed_splits(rows, earlier)) == len(moved)
        earlier |= now


ALL_IN_ONE_SPLIT = (
    "shards.count=16", "assign_split.validation_share=0", "assign_split.test_share=0",
    "triple_qc.min_path_agreement=-1", "triple_qc.max_made_up=100", "triple_qc.max_residue=1",
)  # fmt: skip
"""Every pair becomes a triple, so that what happens to the pairs shows in the dataset."""


@pytest.mark.slow
def test_a_real_product_goes_and_all_other_samples_and_shards_stay(
    catalogue_build: tuple[Builder, BuildOutcome], tmp_path: Path
) -> None:
    feed = tmp_path / "feed"
    shutil.copytree(CATALOGUE, feed, ignore=shutil.ignore_patterns("skincare"))
    builder = catalogue_build[0].copied(tmp_path, feed, versions=False)
    first = builder.run(*ALL_IN_ONE_SPLIT)
    assert first.publication is not None
    relatives = _relatives_of_one(first)
    product = min(relatives)
    videos = [feed / s.path for s in first.tables.sources if s.product_id == product]
    for video in videos:
        video.unlink()
    second = builder.run(*ALL_IN_ONE_SPLIT)
    assert second.publication is not None and second.publication.version == 2
    diff = diff_versions(first.publication.path, second.publication.path)
    assert diff.removed and not diff.changed and not diff.moved
    assert all(relatives & {line.product_a, line.product_b} for line in diff.removed)
    freed = Counter((line.source_id, line.first_frame) for line in diff.removed)
    strangers = [line for line in diff.added if not relatives & {line.product_a, line.product_b}]
    assert not Counter((line.source_id, line.first_frame) for line in strangers) - freed
    touched = {f"data/{line.split}-{shard_of(line.key, 16):05d}-of-00016.tar" for line in (*diff.added, *diff.removed)}
    assert set(diff.shards_rewritten) == touched
    assert len(touched) < 16
    for shard in sorted((second.publication.path / "data").iterdir()):
        twin = first.publication.path / "data" / shard.name
        assert shard.samefile(twin) == (f"data/{shard.name}" not in touched)
    assert second.publication.shared_bytes > 0
    assert verify(first.publication.path, sample=1).ok and verify(second.publication.path, sample=1).ok
    computed = {r.stage: r.items - r.cached for r in second.results if not r.table and r.items > r.cached}
    assert set(computed) <= {"synthesise", "crosspair", "panzoom", "triple_numbers"}
    assert computed.get("synthesise", 0) <= len(freed)


def _relatives_of_one(outcome: BuildOutcome) -> set[str]:
    """A product with triples and a family as small as there is."""
    component = {row.product_id: row.component_id for row in outcome.tables.assignments}
    families = [{p for p in component if component[p] == component[t.product_b]} for t in outcome.tables.triples]
    return min(families, key=lambda products: (len(products), sorted(products)))
