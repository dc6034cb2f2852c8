"""Dedup: of the same footage one window stays, always the same one, and sources that share footage are linked."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_samples import comparison, shot, source

from pvtt_data.records import Comparison, Link, Rectangle, Shot, Source
from pvtt_data.stage import StageResult
from pvtt_data.stages.dedup import DedupConfig, dedup

NAMES = ("mug", "lamp", "bag", "cup", "pen", "hat")
SOURCES = {name: source(name) for name in NAMES}
FOOTAGE = {of.sha256: of.sha256 for of in SOURCES.values()}
MUG, LAMP, BAG = (SOURCES[name] for name in NAMES[:3])


def window(of: Source, start_s: float = 0.0, width: int = 1280) -> Shot:
    """A window of 49/16 s."""
    box = Rectangle(0, 0, width, 720)
    return shot(f"{of.path} {start_s}", of, round(25 * start_s), start_s=start_s, letterbox=box)


def decide(
    shots: list[Shot], *comparisons: Comparison, config: DedupConfig | None = None
) -> tuple[StageResult, list[Link]]:
    return dedup(shots, FOOTAGE, comparisons, config or DedupConfig())


def ids(result: StageResult) -> set[str]:
    return {row.shot_id for row in result.rows}


def linked(links: list[Link]) -> set[frozenset[str]]:
    return {frozenset((link.one, link.other)) for link in links}


ORIGINAL, SMALL_COPY, OTHER = window(MUG), window(LAMP, width=640), window(BAG)


def test_of_the_same_footage_the_largest_picture_stays() -> None:
    result, links = decide([SMALL_COPY, OTHER, ORIGINAL], comparison(MUG, LAMP, agreeing=0.97))
    assert ids(result) == {ORIGINAL.shot_id, OTHER.shot_id}
    (rejection,) = result.rejections
    assert (rejection.reason, rejection.subject_id) == ("near-duplicate", SMALL_COPY.shot_id)
    assert rejection.linked_to == ORIGINAL.shot_id
    assert rejection.numbers == {
        "agreeing": 0.97,
        "min_agreeing_whole": 0.95,
        "moving_alike": 1.0,
        "overlap": 1.0,
        "min_overlap": 0.5,
    }
    (link,) = links
    assert (link.one, link.other) == tuple(sorted((MUG.source_id, LAMP.source_id)))
    assert link.numbers["agreeing"] == 0.97


def test_equal_sizes_are_settled_by_the_smallest_id() -> None:
    twins = [window(SOURCES[name]) for name in NAMES[:4]]
    pairs = [comparison(SOURCES[a], SOURCES[b]) for a in NAMES[:4] for b in NAMES[:4] if a < b]
    result, _ = decide(twins, *pairs)
    assert [row.shot_id for row in result.rows] == [min(row.shot_id for row in twins)]


@pytest.mark.parametrize("agreeing", [0.5, 0.6, 0.94])
def test_footage_with_something_over_it_is_linked_and_stays(agreeing: float) -> None:
    result, links = decide([ORIGINAL, SMALL_COPY], comparison(MUG, LAMP, agreeing=agreeing))
    assert len(result.rows) == 2
    assert linked(links) == {frozenset((MUG.source_id, LAMP.source_id))}


@pytest.mark.parametrize(
    "numbers",
    [
        {"agreeing": 0.49},
        {"agreeing": 1.0, "moving_alike": 0.79},
        {"agreeing": 0.94, "moving": 3},
        {"agreeing": 0.6, "moving": 0},
    ],
)
def test_look_alikes_are_neither_linked_nor_dropped(numbers: dict[str, float]) -> None:
    result, links = decide([ORIGINAL, SMALL_COPY], comparison(MUG, LAMP, **numbers))
    assert len(result.rows) == 2
    assert links == []


def test_footage_in_which_nothing_moves_is_the_same_if_the_whole_picture_is() -> None:
    result, links = decide([ORIGINAL, SMALL_COPY], comparison(MUG, LAMP, agreeing=0.96, moving=0))
    assert len(result.rows) == len(links) == 1


@pytest.mark.parametrize(("shift_s", "dropped"), [(0.0, 1), (1.5, 1), (1.6, 0), (3.0, 0), (-1.5, 1), (-1.6, 0)])
def test_windows_are_dropped_from_half_an_overlap_on(shift_s: float, dropped: int) -> None:
    """What the mug shows at t, the lamp shows later by a shift; both windows begin at 4 s."""
    shots = [window(MUG, 4.0), window(LAMP, 4.0)]
    result, links = decide(shots, comparison(MUG, LAMP, shift_ms=round(-1000 * shift_s)))
    assert len(result.rejections) == dropped
    assert len(links) == 1
    for rejection in result.rejections:
        assert rejection.numbers["overlap"] == pytest.approx(1 - abs(shift_s) * 16 / 49, abs=0.001)


def test_only_the_part_that_is_shared_counts_as_overlap() -> None:
    shots = [window(MUG, 0.0), window(LAMP, 0.0)]
    result, links = decide(shots, comparison(MUG, LAMP, length_ms=1500))
    assert len(result.rows) == 2
    assert len(links) == 1


def test_faster_copies_overlap_where_they_show_the_same() -> None:
    stretch = comparison(MUG, LAMP, one_start_ms=0, one_end_ms=21_000, other_start_ms=0, other_end_ms=20_000)
    result, _ = decide([window(MUG, 10.5), window(LAMP, 10.0)], stretch)
    assert len(result.rejections) == 1
    assert result.rejections[0].numbers["overlap"] == pytest.approx(1.0, abs=0.001)


def test_a_shared_intro_that_no_window_shows_links_nothing() -> None:
    shots = [window(MUG, 3.0), window(LAMP, 3.0)]
    assert decide(shots, comparison(MUG, LAMP, length_ms=3250))[1] == []
    assert decide(shots, comparison(MUG, LAMP, length_ms=4250))[1] != []


def test_a_window_is_dropped_only_for_one_that_stays() -> None:
    """The middle of a chain goes; its ends have too little in common with each other, and both stay."""
    shots = [window(MUG, 0.0, 1280), window(LAMP, 0.0, 1000), window(BAG, 0.0, 640)]
    chain = comparison(MUG, LAMP, shift_ms=1200), comparison(LAMP, BAG, shift_ms=1200)
    result, links = decide(shots, *chain)
    assert ids(result) == {shots[0].shot_id, shots[2].shot_id}
    assert len(links) == 2


def test_media_with_equal_footage_are_the_same_all_along() -> None:
    footage = {MUG.sha256: "f" * 64, LAMP.sha256: "f" * 64}
    result, links = dedup([window(MUG, 1.0), window(LAMP, 1.5), window(MUG, 5.0)], footage, [], DedupConfig())
    assert len(result.rows) == 2
    assert linked(links) == {frozenset((MUG.source_id, LAMP.source_id))}


def test_a_medium_whose_fingerprint_failed_shares_nothing() -> None:
    result, links = dedup([ORIGINAL, SMALL_COPY], {}, [], DedupConfig())
    assert len(result.rows) == 2
    assert links == []


def test_a_source_that_repeats_itself_keeps_one_window_and_needs_no_link() -> None:
    loop = comparison(MUG, MUG, one_start_ms=0, one_end_ms=4000, other_start_ms=4000, other_end_ms=8000)
    result, links = decide([window(MUG, 0.5), window(MUG, 4.5), window(MUG, 9.0)], loop)
    assert len(result.rows) == 2
    assert links == []


@st.composite
def feeds(draw: st.DrawFn) -> tuple[list[Shot], list[Comparison]]:
    """Windows of six sources, and comparisons of some of them."""
    shots = [window(of, start, draw(st.sampled_from([640, 1280]))) for of in SOURCES.values() for start in (0.0, 4.0)]
    ties = st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)).filter(lambda pair: pair[0] < pair[1])
    pairs = draw(st.lists(ties, max_size=6, unique=True))
    numbers = st.sampled_from([{"agreeing": 1.0}, {"agreeing": 0.7}, {"agreeing": 0.3}, {"moving_alike": 0.2}])
    shifts = st.sampled_from([0, 900, 2500])
    return shots, [comparison(SOURCES[a], SOURCES[b], draw(shifts), **draw(numbers)) for a, b in pairs]


@given(feeds(), st.randoms())
@settings(max_examples=60, deadline=None)
def test_the_order_of_windows_and_comparisons_does_not_matter(
    feed: tuple[list[Shot], list[Comparison]], random: object
) -> None:
    shots, comparisons = feed
    there = decide(shots, *comparisons)
    mixed, turned = list(shots), list(comparisons)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    random.shuffle(turned)  # type: ignore[attr-defined]
    back = decide(mixed, *turned)
    assert back[0].rows == there[0].rows
    assert back[1] == there[1]
    assert {r.rejection_id: r for r in back[0].rejections} == {r.rejection_id: r for r in there[0].rejections}


@given(feeds(), st.sampled_from(NAMES))
@settings(max_examples=60, deadline=None)
def test_a_source_that_goes_changes_its_family_only(feed: tuple[list[Shot], list[Comparison]], gone: str) -> None:
    shots, comparisons = feed
    before, links = decide(shots, *comparisons)
    family = {SOURCES[gone].source_id}
    for _ in NAMES:
        family |= {name for link in links if {link.one, link.other} & family for name in (link.one, link.other)}
    left = [row for row in shots if row.source_id != SOURCES[gone].source_id]
    there = [row for row in comparisons if SOURCES[gone].sha256 not in (row.one, row.other)]
    after, links_after = decide(left, *there)
    strangers = {row.shot_id for row in shots if row.source_id not in family}
    assert ids(before) & strangers == ids(after) & strangers
    assert [link for link in links if SOURCES[gone].source_id not in (link.one, link.other)] == links_after


@given(feeds())
@settings(max_examples=60, deadline=None)
def test_keepers_stay_and_dropped_windows_are_linked_to_them(feed: tuple[list[Shot], list[Comparison]]) -> None:
    shots, comparisons = feed
    result, links = decide(shots, *comparisons)
    source_of = {row.shot_id: row.source_id for row in shots}
    assert len(result.rows) + len(result.rejections) == len(shots)
    for rejection in result.rejections:
        assert rejection.linked_to in ids(result)
        assert rejection.numbers["overlap"] >= rejection.numbers["min_overlap"]
        assert frozenset((source_of[rejection.subject_id], source_of[rejection.linked_to])) in linked(links)


@pytest.mark.parametrize("count", [0, 1])
def test_few_windows_have_no_duplicates(count: int) -> None:
    result, links = decide([ORIGINAL][:count])
    assert len(result.rows) == count
    assert links == []
