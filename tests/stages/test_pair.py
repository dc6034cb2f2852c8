"""Pair: partners are dealt by hash, so that products come and go without moving the others; nothing leaks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_samples import ALIKE, assignment, clip, clip_picture, listing_picture, looks_of, source, track, view

from pvtt_data.engines.mix import EngineShares
from pvtt_data.looks import view_distance
from pvtt_data.pairing.references import references_for
from pvtt_data.records import Assignment, Clip, Look, MaskTrack, Pair, Picture, Source
from pvtt_data.stage import StageResult
from pvtt_data.stages.assign_split import SplitAssignmentConfig, assign_split
from pvtt_data.stages.pair import PairConfig, PairingTables, notes_on_moving, pair
from pvtt_data.vocabulary import load_vocabulary

CATEGORIES = ("sneakers", "handbags", "teapots", "")
VOCABULARY = load_vocabulary()
DIFFICULTIES = ("easy", "medium", "hard", "expert")
COMPOSITES = EngineShares(composite=1, crosspair=0, panzoom=0)
ALL = EngineShares()


@dataclass(frozen=True)
class World:
    """Tables before pairing."""

    tracks: list[MaskTrack]
    clips: list[Clip]
    sources: list[Source]
    assignments: list[Assignment]
    pictures: list[Picture]
    looks: dict[str, Look] = field(default_factory=dict)
    """Of pictures and tracks that do not look as `looks_of` says."""

    def pairs(self, engines: EngineShares = COMPOSITES, **settings: Any) -> StageResult:
        return pair(self.tables(), PairConfig(**settings), engines)

    def tables(self) -> PairingTables:
        looks = {look.subject_id: look for look in looks_of(self.tracks, self.clips, self.sources, self.pictures)}
        looks |= self.looks
        return PairingTables(
            self.tracks,
            self.clips,
            self.sources,
            self.assignments,
            self.pictures,
            list(looks.values()),
            ALIKE,
            VOCABULARY,
        )

    def without(self, product: str) -> World:
        sources = [s for s in self.sources if s.product_id != product]
        ids = {s.source_id for s in sources}
        clips = [c for c in self.clips if c.source_id in ids]
        return World(
            [t for t in self.tracks if t.clip_id in {c.clip_id for c in clips}],
            clips,
            sources,
            [a for a in self.assignments if a.source_id in ids],
            [p for p in self.pictures if p.product_id != product],
        )


@cache
def world(products: int = 60, listings: int = 3) -> World:
    """Products with two clips each, listing pictures, frames of both clips, and a few shared listing images."""
    sources, clips, pictures = [], [], []
    for number in range(products):
        name = f"p{number:03d}"
        shared = (f"shared {number // 2}",) if number % 10 < 2 else ()
        of = source(name, name, shared, category=CATEGORIES[number % 4])
        sources.append(of)
        for first in (0, 250):
            clips.append(clip(f"{name} at {first}", of, first))
            pictures += [clip_picture(f"{name} at {first} frame {i}", of, first / 25 + i) for i in range(2)]
        pictures += [listing_picture(f"{name} front {i}", name) for i in range(listings)]
    config = SplitAssignmentConfig(validation_share=0.2, test_share=0.2)
    return World([track(c) for c in clips], clips, sources, assign_split(sources, [], config).rows, pictures)


def by_id(result: StageResult) -> dict[str, Pair]:
    rows = {row.pair_id: row for row in result.rows}
    assert len(rows) == len(result.rows)
    return rows


def test_partners_are_of_the_same_split_and_of_another_family() -> None:
    here = world()
    component = {a.product_id: a.component_id for a in here.assignments}
    split = {a.product_id: a.split for a in here.assignments}
    assert len(set(component.values())) < len(component)
    rows = here.pairs(products_per_clip=64).rows
    assert {row.split for row in rows} == {"train", "validation", "test"}
    for row in rows:
        assert row.product_a != row.product_b
        assert split[row.product_a] == split[row.product_b] == row.split
        assert component[row.product_a] != component[row.product_b]


def test_every_clip_gets_its_number_of_different_products() -> None:
    rows = world().pairs(products_per_clip=3).rows
    for name in {row.clip_id for row in rows}:
        partners = [row.product_a for row in rows if row.clip_id == name]
        assert len(partners) == len(set(partners)) == 3


def test_the_pasted_picture_is_of_a_and_the_references_are_of_b() -> None:
    here = world()
    product = {p.picture_id: p.product_id for p in here.pictures}
    for row in here.pairs(noop_share=0.05).rows:
        assert product[row.cutout_id] == row.product_a
        assert {product[name] for name in row.reference_ids + row.heldout_ids} == {row.product_b}


def test_references_are_never_from_the_moment_that_the_clip_shows() -> None:
    here = world()
    pictures, clips = {p.picture_id: p for p in here.pictures}, {c.clip_id: c for c in here.clips}
    seen_frames = 0
    for row in here.pairs(references=16, noop_share=0.05).rows:
        of = clips[row.clip_id]
        shown = [*row.reference_ids, *row.heldout_ids, *([row.cutout_id] if row.kind == "noop" else [])]
        for picture in (pictures[name] for name in shown):
            if picture.origin == "clip" and picture.image_sha256 == of.media_sha256:
                seen_frames += 1
                end_s = of.start_s + of.cut.frames / of.cut.fps
                assert picture.time_s < of.start_s - 1 or picture.time_s > end_s + 1
    assert seen_frames > 0


@given(st.floats(-5, 20), st.floats(0, 10))
def test_a_frame_counts_as_the_same_moment_up_to_a_second_away(time_s: float, start_s: float) -> None:
    of = source("mug")
    moment = clip("c", of, start_s=start_s)
    picture = clip_picture("frame", of, time_s)
    near = start_s - 1 <= time_s <= start_s + 49 / 16 + 1
    assert references_for(moment, [picture]) == ([] if near else [picture])
    assert references_for(moment, [replace(picture, image_sha256="0" * 64)]) != []
    assert references_for(moment, [listing_picture("front", "mug")]) != []


def test_held_out_views_are_kept_apart_in_validation_and_test_only() -> None:
    rows = [
        row
        for listings in (1, 3)
        for seed in range(4)
        for row in world(200, listings).pairs(seed=seed, references=16, heldout=2, noop_share=0.05).rows
    ]
    assert sum(row.kind == "noop" and row.split != "train" for row in rows) > 10
    for row in rows:
        assert row.reference_ids
        assert not set(row.reference_ids) & set(row.heldout_ids)
        assert len(row.heldout_ids) == (0 if row.split == "train" else 2)
        assert row.cutout_id not in row.heldout_ids


def test_references_are_bounded_and_begin_with_the_listing() -> None:
    here = world()
    origin = {p.picture_id: p.origin for p in here.pictures}
    for row in here.pairs(references=4, heldout=0).rows:
        kinds = [origin[name] for name in row.reference_ids]
        assert kinds == ["listing"] * 3 + ["clip"]


def test_clips_that_cannot_be_paired_say_why() -> None:
    lonely, bare, poor, mate = source("lonely"), source("bare"), source("poor"), source("mate")
    sources = [lonely, bare, poor, mate]
    clips = [clip(s.path, s) for s in sources]
    here = World(
        [track(c) for c in clips],
        clips,
        sources,
        [
            assignment(lonely, "1", "validation"),
            assignment(bare, "2", "train"),
            assignment(poor, "3", "test"),
            assignment(mate, "4", "test"),
        ],
        [
            *(listing_picture(f"{name} {i}", name) for name in ("lonely", "mate") for i in range(2)),
            listing_picture("poor 0", "poor"),
            clip_picture("bare frame", bare, 1.0),
        ],
    )
    result = here.pairs()
    name = {t.track_id: s.product_id for t, s in zip(here.tracks, sources, strict=True)}
    assert {name[r.subject_id]: r.reason for r in result.rejections} == {
        "lonely": "no-partner",
        "bare": "no-reference",
        "poor": "no-heldout",
    }
    assert [(row.product_a, row.product_b) for row in result.rows] == [("poor", "mate")]
    assert {row.product_b for row in here.pairs(heldout=0).rows} == {"poor", "mate"}


def test_a_product_without_pictures_is_never_pasted() -> None:
    here = world()
    bare = here.sources[5].product_id
    stripped = replace(here, pictures=[p for p in here.pictures if p.product_id != bare])
    assert bare not in {row.product_a for row in stripped.pairs().rows}


def test_removing_one_of_200_products_changes_only_rows_that_mention_it_or_stood_behind_it() -> None:
    here = world(200)
    before = by_id(here.pairs(products_per_clip=2))
    for number in (7, 60, 123):
        gone = here.sources[number].product_id
        after = by_id(here.without(gone).pairs(products_per_clip=2))
        common = before.keys() & after.keys()
        assert all(before[name] == after[name] for name in common)
        lost = [before[name] for name in before.keys() - common]
        assert lost
        assert all(gone in (row.product_a, row.product_b) for row in lost)
        # A clip that loses its partner takes the next one; nothing else is new.
        freed = sorted(row.clip_id for row in lost if row.product_b != gone)
        new = [after[name] for name in after.keys() - common]
        assert sorted(row.clip_id for row in new) == freed
        assert len(freed) < 20


def test_with_a_cap_few_other_rows_are_disturbed() -> None:
    here = world(200)
    settings = {"products_per_clip": 2, "max_pairs_per_product": 3}
    before = by_id(here.pairs(**settings))
    gone = here.sources[7].product_id
    after = by_id(here.without(gone).pairs(**settings))
    disturbed = [
        row
        for row in (before | after).values()
        if gone not in (row.product_a, row.product_b) and before.get(row.pair_id) != after.get(row.pair_id)
    ]
    assert len(disturbed) <= 20


def test_a_cap_bounds_how_often_a_product_is_pasted_and_names_what_it_dropped() -> None:
    free, capped = world().pairs(), world().pairs(max_pairs_per_product=2)
    uses = [row.product_a for row in capped.rows]
    assert max(uses.count(name) for name in set(uses)) == 2
    assert {r.reason for r in capped.rejections if r.kind == "pair"} == {"product-cap"}
    assert by_id(free).keys() == by_id(capped).keys() | {r.subject_id for r in capped.rejections if r.kind == "pair"}


def test_the_order_of_tables_does_not_matter() -> None:
    here = world()
    back = World(*(getattr(here, name)[::-1] for name in ("tracks", "clips", "sources", "assignments", "pictures")))
    assert by_id(back.pairs(noop_share=0.05)) == by_id(here.pairs(noop_share=0.05))


def test_another_seed_deals_other_partners() -> None:
    partners = [{(row.clip_id, row.product_a) for row in world().pairs(seed=seed).rows} for seed in (0, 1)]
    assert len(partners[0] & partners[1]) < len(partners[0]) / 2


def test_noops_are_b_over_itself_in_about_their_share_of_clips() -> None:
    here = world(200)
    rows = here.pairs(noop_share=0.05).rows
    noops = [row for row in rows if row.kind == "noop"]
    assert 0.025 < len(noops) / len(here.clips) < 0.08
    assert all(row.product_a == row.product_b and row.difficulty == "easy" for row in noops)
    assert all(row.kind == "swap" for row in here.pairs().rows)
    swaps = {row.pair_id: row for row in rows if row.kind == "swap"}
    assert swaps == by_id(here.pairs())


def test_difficulty_tells_category_department_and_shape_apart() -> None:
    here = world()
    category = {s.product_id: s.category for s in here.sources}
    department = {"sneakers": "clothing", "handbags": "clothing", "teapots": "kitchen"}
    seen = set()
    for row in here.pairs(products_per_clip=4).rows:
        a, b = category[row.product_a], category[row.product_b]
        if a and a == b:
            assert row.difficulty == "easy"
        elif not a or not b or department[a] == department[b]:
            assert row.difficulty == "medium"
        else:
            assert row.difficulty in ("hard", "expert")
        seen.add(row.difficulty)
    assert seen == {"easy", "medium", "hard", "expert"}


def test_unrelated_products_are_hard_where_their_outlines_agree_and_expert_where_not() -> None:
    here = world()
    for like_shape, never in ((0.0, "expert"), (1.0, "hard")):
        rows = here.pairs(products_per_clip=4, like_shape=like_shape).rows
        assert never not in {row.difficulty for row in rows}
        assert len({row.difficulty for row in rows}) == 3


def test_wished_difficulties_are_dealt_in_their_shares() -> None:
    here = world(200)
    for wish in ("easy", "medium"):
        rows = here.pairs(products_per_clip=2, difficulty={d: float(d == wish) for d in DIFFICULTIES}).rows
        assert sum(row.difficulty == wish for row in rows) > 0.7 * len(rows)
    even = here.pairs(products_per_clip=2, difficulty={"easy": 1, "medium": 1, "hard": 0, "expert": 0}).rows
    for name in ("easy", "medium"):
        assert abs(sum(row.difficulty == name for row in even) / len(even) - 0.5) < 0.15


def test_products_that_look_like_b_are_never_put_into_it_whatever_their_names() -> None:
    here = world()
    twin, own = here.sources[5].product_id, here.sources[20].product_id
    looks = {p.picture_id: Look(p.picture_id, (view(own),)) for p in here.pictures if p.product_id == twin}
    everyone = {"products_per_clip": 64}
    before = {(r.product_a, r.product_b) for r in here.pairs(**everyone).rows}
    after = {(r.product_a, r.product_b) for r in replace(here, looks=looks).pairs(**everyone).rows}
    assert (twin, own) in before
    assert (twin, own) not in after
    assert {(a, b) for a, b in before if twin not in (a, b)} <= after


def test_a_free_placement_takes_pictures_that_leave_b_bare_and_a_cover_those_that_hide_it() -> None:
    rows = world(200).pairs().rows
    assert {row.placement for row in rows} == {"cover", "free"}
    assert 0.4 < sum(row.placement == "free" for row in rows) / len(rows) < 0.6


def test_pictures_that_would_have_to_be_blown_up_are_taken_less_often() -> None:
    here = world(200)
    names = {s.product_id for number, s in enumerate(here.sources) if number // 4 % 2}  # half of each category
    looks = {}
    for look in looks_of(here.tracks, here.clips, here.sources, here.pictures):
        picture = next((p for p in here.pictures if p.picture_id == look.subject_id), None)
        if picture is not None and picture.product_id in names:
            small = replace(look.views[0], width_px=look.views[0].width_px // 8, height_px=25)
            looks[look.subject_id] = Look(look.subject_id, (small,))
    before = sum(row.product_a in names for row in here.pairs().rows)
    after = sum(row.product_a in names for row in replace(here, looks=looks).pairs().rows)
    assert after < 0.5 * before


def test_engines_share_the_clips_as_the_recipe_says() -> None:
    here = world(200)
    rows = here.pairs(ALL, products_per_clip=1).rows
    clips = len(here.clips)
    assert abs(sum(row.engine == "composite" for row in rows) - clips) <= 2
    assert abs(sum(row.engine == "crosspair" for row in rows) / clips - 0.5) < 0.1
    assert abs(sum(row.engine == "panzoom" for row in rows) / clips - 1 / 3) < 0.1
    alone = here.pairs(EngineShares(composite=0, crosspair=0, panzoom=1), products_per_clip=1).rows
    assert {row.engine for row in alone} == {"panzoom"}


def test_what_one_engine_makes_does_not_depend_on_the_share_of_another() -> None:
    here = world()
    alone, together = here.pairs(), here.pairs(ALL)
    assert by_id(alone) == {row.pair_id: row for row in together.rows if row.engine == "composite"}


def test_a_crosspair_is_b_and_its_references_are_other_views_of_b_from_another_moment() -> None:
    here = world()
    rows = [row for row in here.pairs(ALL).rows if row.engine == "crosspair"]
    product = {p.picture_id: p.product_id for p in here.pictures}
    assert rows
    for row in rows:
        assert (row.kind, row.difficulty, row.cutout_id, row.placement) == ("reconstruct", "easy", "", "")
        assert row.product_a == row.product_b
        assert {product[name] for name in row.reference_ids + row.heldout_ids} == {row.product_b}
        of = next(c for c in here.clips if c.clip_id == row.clip_id)
        shown = [p for p in here.pictures if p.picture_id in row.reference_ids + row.heldout_ids]
        assert references_for(of, shown) == shown


def test_clips_whose_product_has_no_other_view_or_another_look_are_not_rebuilt_and_say_why() -> None:
    here = world(20)
    own = here.sources[7]
    only = EngineShares(composite=0, crosspair=1, panzoom=0)
    pictures = [p for p in here.pictures if p.product_id == own.product_id]
    tracks = {
        t.track_id for t in here.tracks if t.clip_id in {c.clip_id for c in here.clips if c.source_id == own.source_id}
    }
    same_view = {p.picture_id: Look(p.picture_id, (view(own.product_id),)) for p in pictures}
    other_look = {p.picture_id: Look(p.picture_id, (view("something else", 3),)) for p in pictures}
    assert own.product_id in {row.product_b for row in here.pairs(only).rows}
    for looks, reason in ((same_view, "no-other-view"), (other_look, "no-like-reference")):
        result = replace(here, looks=looks).pairs(only)
        assert own.product_id not in {row.product_b for row in result.rows}
        assert {r.subject_id: r.reason for r in result.rejections if r.subject_id in tracks} == dict.fromkeys(
            tracks, reason
        )


def test_the_most_different_views_come_first() -> None:
    here = world(20)
    rows = here.pairs(EngineShares(composite=0, crosspair=1, panzoom=0), references=16, heldout=0).rows
    looks = {look.subject_id: look for look in looks_of(here.tracks, here.clips, here.sources, here.pictures)}
    for row in rows:
        shown = looks[row.track_id].views
        distances = [min(view_distance(looks[name].views[0], other) for other in shown) for name in row.reference_ids]
        assert distances == sorted(distances, reverse=True)


def test_a_panzoom_films_a_listing_picture_of_b_and_its_references_are_other_pictures() -> None:
    here = world()
    rows = [row for row in here.pairs(ALL, products_per_clip=3).rows if row.engine == "panzoom"]
    pictures = {p.picture_id: p for p in here.pictures}
    assert rows
    for row in rows:
        photo, cutout = pictures[row.photo_id], pictures[row.cutout_id]
        assert row.kind == "swap"
        assert (photo.product_id, photo.origin) == (row.product_b, "listing")
        assert (cutout.product_id, cutout.origin) == (row.product_a, "listing")
        assert row.product_a != row.product_b
        assert row.photo_id not in row.reference_ids + row.heldout_ids
        assert {pictures[name].product_id for name in row.reference_ids + row.heldout_ids} == {row.product_b}
    assert len({row.clip_id for row in rows}) == len(rows)


def test_photos_are_paired_with_photos_of_comparable_framing_only() -> None:
    here = world()
    long = {
        p.picture_id: Look(p.picture_id, (view(p.product_id, 1 + int(p.picture_id[0], 16), 0.2),))
        for p in here.pictures
    }
    odd = here.sources[3].product_id
    looks = {
        name: look
        for name, look in long.items()
        if next(p for p in here.pictures if p.picture_id == name).product_id == odd
    }
    result = replace(here, looks=looks).pairs(EngineShares(composite=0, crosspair=0, panzoom=1))
    assert odd not in {name for row in result.rows for name in (row.product_a, row.product_b)}
    reasons = {r.reason for r in result.rejections}
    assert "no-comparable-photo" in reasons


def test_photos_under_text_are_not_filmed_and_say_so() -> None:
    here, only = world(), EngineShares(composite=0, crosspair=0, panzoom=1)
    listed = sorted(p.picture_id for p in here.pictures if p.origin == "listing")
    shares = {name: 0.05 if number % 3 == 0 else 0.001 for number, name in enumerate(listed) if number % 7}
    tables = replace(here.tables(), photo_text=shares, max_photo_text=0.01)
    result = pair(tables, PairConfig(products_per_clip=3), only)
    filmed = {row.photo_id for row in result.rows}
    assert filmed and {shares.get(name) for name in filmed} == {0.001}, "and none that nobody looked at"
    crowded = [row for row in result.rejections if row.reason == "text-overlay"]
    assert {row.subject_id for row in crowded} == {name for name, share in shares.items() if share > 0.01}
    assert crowded[0].message == "text_overlay_share 0.05 is above 0.01"
    assert len(result.rejections) <= result.items
    unasked = pair(here.tables(), PairConfig(products_per_clip=3), only)
    assert {row.photo_id for row in unasked.rows} - filmed


def test_products_without_clips_are_filmed_too() -> None:
    here = world()
    bare = here.sources[9]
    clips = [c for c in here.clips if c.source_id != bare.source_id]
    ids = {c.clip_id for c in clips}
    without = replace(here, clips=clips, tracks=[t for t in here.tracks if t.clip_id in ids])
    rows = without.pairs(EngineShares(composite=0, crosspair=0, panzoom=1)).rows
    assert bare.product_id in {row.product_b for row in rows}


def test_a_cap_bounds_the_pairs_of_a_clip_or_photo_of_all_engines() -> None:
    here = world()
    free = here.pairs(ALL, products_per_clip=4)
    capped = here.pairs(ALL, products_per_clip=4, max_pairs_per_clip=2)
    counts = Counter(row.photo_id or row.clip_id for row in capped.rows)
    assert max(counts.values()) == 2
    dropped = {r.subject_id for r in capped.rejections if r.reason == "clip-cap"}
    assert by_id(free).keys() == by_id(capped).keys() | dropped


def test_what_has_no_look_yet_is_passed_over() -> None:
    here = world()
    tables = PairingTables(
        here.tracks, here.clips, here.sources, here.assignments, here.pictures, [], ALIKE, VOCABULARY
    )
    result = pair(tables, PairConfig(), ALL)
    assert not result.rows and not result.rejections


@pytest.mark.parametrize("share", [-0.01, 0.06])
def test_the_share_of_noops_is_bounded(share: float) -> None:
    with pytest.raises(ValueError, match="noop_share"):
        PairConfig(noop_share=share)


def in_view(here: World, **changes: Any) -> World:
    """The same, where mask QC measured that no product touches the border of its frame."""
    tracks = [replace(t, numbers={**t.numbers, "border_contact_max": 0.0}, **changes) for t in here.tracks]
    return replace(here, tracks=tracks)


def test_a_share_of_the_swaps_pastes_a_clip_of_a_from_its_own_split() -> None:
    here = in_view(world(200))
    rows = here.pairs(moving_share=0.3).rows
    moving = [row for row in rows if row.track_id_a]
    assert 0.25 < len(moving) / len(rows) < 0.35
    source_of = {c.clip_id: c.source_id for c in here.clips}
    told = {a.source_id: (a.product_id, a.split) for a in here.assignments}
    track_of = {t.track_id: told[source_of[t.clip_id]] for t in here.tracks}
    for row in moving:
        assert track_of[row.track_id_a] == (row.product_a, row.split)
        assert (row.engine, row.kind, row.cutout_id) == ("composite", "swap", "")
    assert len({row.track_id_a for row in moving}) > 100, "both clips of a product are used"
    everything = here.pairs(moving_share=1, noop_share=0.05, engines=ALL).rows
    assert {bool(row.track_id_a) for row in everything if row.engine == "composite" and row.kind == "swap"} == {True}
    assert not any(row.track_id_a for row in everything if row.engine != "composite" or row.kind != "swap")


def test_without_a_share_nothing_moves_and_with_one_the_other_pairs_stay_as_they_are() -> None:
    here = in_view(world())
    still, some = (by_id(here.pairs(moving_share=share)) for share in (0, 0.4))
    assert not any(row.track_id_a for row in still.values())
    assert {name: row for name, row in some.items() if not row.track_id_a}.items() <= still.items()
    more = by_id(here.pairs(moving_share=0.7))
    assert {name for name, row in some.items() if row.track_id_a} <= more.keys()
    assert {(row.clip_id, row.product_a) for row in some.values()} == {
        (row.clip_id, row.product_a) for row in still.values()
    }


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"verdict": "flag", "reasons": ("boundary-flickers",)}, "flagged"),
        ({"numbers": {"border_contact_max": 0.01}}, "cut-by-frame"),
        ({"numbers": {"area": 0.2}}, "not-measured"),
    ],
)
def test_clips_that_make_no_good_cut_out_are_passed_over_and_say_why(changes: dict[str, Any], why: str) -> None:
    here = in_view(world())
    spoilt = replace(here, tracks=[replace(here.tracks[0], **changes), *here.tracks[1:]])
    rows = spoilt.pairs(moving_share=1, products_per_clip=4).rows
    assert here.tracks[0].track_id in {row.track_id_a for row in here.pairs(moving_share=1, products_per_clip=4).rows}
    assert here.tracks[0].track_id not in {row.track_id_a for row in rows}
    (note,) = notes_on_moving(spoilt.tables(), rows, PairConfig(moving_share=1))
    assert f"passed over as cut-outs: 1 {why}" in note
    assert f"{len(rows)} of {len(rows)} composite swaps" in note
    assert notes_on_moving(spoilt.tables(), rows, PairConfig(moving_share=0)) == []


def test_flagged_clips_move_where_the_recipe_asks_for_them() -> None:
    here = in_view(world(), verdict="flag", reasons=("boundary-flickers",))
    rows = here.pairs(moving_share=1).rows
    assert not any(row.track_id_a for row in rows)
    (note,) = notes_on_moving(here.tables(), rows, PairConfig(moving_share=1))
    assert f"0 of {len(rows)} composite swaps; {len(rows)} more were drawn" in note
    assert all(row.track_id_a for row in here.pairs(moving_share=1, moving_flagged=True).rows)


def test_a_clip_that_would_have_to_be_blown_up_is_not_pasted() -> None:
    here = in_view(world())
    small = here.tracks[0]
    tiny = replace(view("any"), width_px=60, height_px=60)
    looks = {small.track_id: Look(small.track_id, (replace(tiny, embedding=view("p000").embedding),))}
    rows = replace(here, looks=looks).pairs(moving_share=1, products_per_clip=4).rows
    assert small.track_id not in {row.track_id_a for row in rows}
    blown = replace(here, looks=looks).pairs(moving_share=1, products_per_clip=4, moving_max_scale=4).rows
    assert small.track_id in {row.track_id_a for row in blown}
