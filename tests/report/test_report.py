from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from fake_build import RECIPE, FakeBuild, picture_of
from PIL import Image

from pvtt_data.line import STAGES, Tables
from pvtt_data.records import Rejection, Shot, Source, Triple
from pvtt_data.report.choice import spread
from pvtt_data.report.costs import stage_costs
from pvtt_data.report.distributions import distributions, histograms
from pvtt_data.report.drops import MAX_DEPICTED, drop_groups
from pvtt_data.report.footage import Footage
from pvtt_data.report.funnel import funnel
from pvtt_data.report.products import category_lines, product_lines
from pvtt_data.report.rows import Rows
from pvtt_data.report.thumbnails import OUTLINE_A, Thumbnails
from pvtt_data.report.triple_cards import TripleCards
from pvtt_data.shards import Publication
from pvtt_data.stage import Cost, ItemCost, StageResult, reject
from pvtt_data.thresholds import Rule

VOID = {"meta", "img", "rect", "line"}
Attributes = dict[str, str | None]


class Page(HTMLParser):
    """The elements of a page, and the text between them, as a browser would see them."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, Attributes]] = []
        self.unclosed: list[str] = []
        self._text: list[str] = []
        self._styled: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.unclosed.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.unclosed.pop() == tag

    def handle_data(self, data: str) -> None:
        (self._styled if self.unclosed[-1:] == ["style"] else self._text).append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self._text))

    @property
    def style(self) -> str:
        return "".join(self._styled)

    @property
    def skeleton(self) -> list[tuple[str, tuple[str, ...]]]:
        """Tags and the names of their attributes: what markup there is, whatever the words."""
        return [(tag, tuple(sorted(attributes))) for tag, attributes in self.elements]

    def all(self, tag: str) -> list[Attributes]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("usual")
    return FakeBuild(folder).write(folder / "report.html")


def stage_row(html: str, stage: str) -> str:
    """The words of one line of the funnel."""
    table = html[html.index('class="funnel"') : html.index("</section>")]
    row = next(part for part in table.split("<tr>") if f">{stage}<" in part)
    return Page(row.split("</tr>")[0].join(("<table><tr>", "</tr></table>"))).text


def test_the_funnel_gives_the_numbers_of_every_stage(usual: str) -> None:
    row = stage_row(usual, "segment")
    assert "7 clips" in row
    assert "5 mask tracks" in row
    assert "1 track-lost" in row
    assert row.rstrip().endswith("– 1 11.5 s")
    assert "4" in stage_row(usual, "measure").split("decode-error")[1].split()
    assert all(stage_row(usual, stage) for stage in STAGES)


def test_every_stage_of_the_line_is_explained() -> None:
    assert all(line.words for line in funnel([StageResult(stage) for stage in STAGES]))


def test_bars_share_one_scale_and_add_up() -> None:
    half = StageResult("filter", rows=[1, 2, 3], rejections=[_rejection(0), _rejection(1)], items=5)
    full = StageResult("segment", rows=[1] * 9, faults=[("clip", "trace")], items=10)
    bars = [line.bar for line in funnel([half, full])]
    assert [(part.kind, part.start, part.length) for part in bars[0]] == [("kept", 0, 30), ("dropped", 30, 20)]
    assert [(part.kind, part.start, part.length) for part in bars[1]] == [("kept", 0, 90), ("fault", 90, 10)]


def test_speed_counts_only_rows_that_were_computed() -> None:
    lines = funnel(
        [
            StageResult("measure", items=10, cached=4, seconds=3.0),
            StageResult("segment", items=5, cached=5, seconds=1.0),
            StageResult("dedup", items=5, table=True),
        ]
    )
    assert [line.rows_per_s for line in lines] == [2.0, None, None]
    assert [line.share_of_time for line in lines] == [75, 25, 0]


def test_head_names_the_version_and_counts(usual: str) -> None:
    text = Page(usual).text
    assert "little-shop v3 published" in text
    assert "2026-03-14 15:09:26 · 1 min 23 s" in text
    assert "6 sources 6 products" in text
    assert "4 mask tracks 3 accepted, 1 flagged, 1 rejected" in text
    assert "6 triples 4 accepted, 2 flagged, 1 rejected" in text
    assert "x86_64, 2 processors" in text


def test_an_unchanged_build_says_so(tmp_path: Path) -> None:
    build = FakeBuild(tmp_path)
    build.publication = Publication("up-to-date", 2, tmp_path / "v2", "ab" * 32, None)
    assert "v2 is up to date" in Page(build.write(tmp_path / "report.html")).text


def test_dropped_things_are_listed_by_name_with_reason_message_and_number(usual: str) -> None:
    text = Page(usual).text
    assert "dedup near-duplicate 1 × shot" in text
    said = "shop/3-video.mp4 [100:198) the same footage as one that stays see shop/0-video.mp4 [0:98) value 0.5"
    assert said in text
    assert f"{said} window · frames 104, 128, 152, 168, 192 of 240 stays: shop/0-video.mp4 [0:98) · frames 0," in text
    assert "broken.mov" in text
    assert "RuntimeError: the model is broken" in text


def test_reasons_in_the_funnel_lead_to_their_rows(usual: str) -> None:
    page = Page(usual)
    targets = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    links = [attributes["href"] or "" for attributes in page.all("a")]
    assert len(links) > 10
    assert {link.removeprefix("#") for link in links} <= targets


def test_contact_sheets_show_what_became_of_each(usual: str) -> None:
    text = Page(usual).text
    triples, masks = (section.split("Dropped, and why")[0] for section in (text, text.split(" Mask tracks ")[1]))
    for heading in ("Accepted 4", "Flagged 2", "Rejected 1", "Not made 2"):
        assert heading in triples
    for heading in ("Accepted 3", "Flagged 1", "Rejected 1", "No mask 1"):
        assert heading in masks
    assert "residue 0.6 is above 0.35" in triples
    assert "too-alike" in triples
    given_up = triples.split("Not made 2")[1]
    assert "A ring-1 A gold ring rings B P1 Product number 1 mugs" in given_up
    assert "no-near-identity train hard render finish shows no difference render nothing was rendered" in given_up
    assert "not available" not in text


def test_dropped_windows_show_the_pictures_that_measuring_kept_of_them(tmp_path: Path) -> None:
    build = FakeBuild(tmp_path)
    rows = Rows(build.results, build.tables)
    dark = next(r for r in build.result("filter").rejections if r.reason == "too-dark")
    shot = rows.of(Shot)[dark.subject_id]
    (row,) = Footage(rows, Thumbnails(build.workspace.store)).of(dark)
    assert all(shot.first_frame <= frame <= shot.last_frame for frame in row.strip.frames)
    for frame, thumbnail in zip(row.strip.frames, row.strip.thumbnails, strict=True):
        picture = Image.open(io.BytesIO(base64.b64decode(thumbnail.uri.partition(",")[2])))
        assert picture.size == (63, 112) and picture.mode == "L"
        assert abs(int(np.asarray(picture).mean()) - frame) <= 1


def test_dropped_clips_tracks_and_swaps_show_theirs_and_unmeasured_media_nothing(tmp_path: Path) -> None:
    build = FakeBuild(tmp_path)
    footage = Footage(Rows(build.results, build.tables), Thumbnails(build.workspace.store))
    shown = {
        stage: [row.heading for rejection in build.result(stage).rejections for row in footage.of(rejection)]
        for stage in ("measure", "segment", "mask_qc", "synthesise", "triple_qc")
    }
    assert shown == {
        "measure": [],
        "segment": ["clip"],
        "mask_qc": ["clip"],
        "synthesise": ["target, shows B"],
        "triple_qc": ["source, shows A", "target, shows B"],
    }


def test_frames_are_shown_of_a_few_of_each_reason(tmp_path: Path) -> None:
    build = FakeBuild(tmp_path)
    result = build.result("filter")
    dark = next(r for r in result.rejections if r.reason == "too-dark")
    result.rejections += [dark] * (2 * MAX_DEPICTED)
    rows = Rows(build.results, build.tables)
    groups = drop_groups(build.results, rows, Thumbnails(build.workspace.store))
    group = next(group for group in groups if group.reason == "too-dark")
    assert [bool(drop.strips) for drop in group.shown] == [True] * MAX_DEPICTED + [False] * (MAX_DEPICTED + 1)


RULES = [Rule("small", "size", 10.0, "below"), Rule("large", "size", 40.0, "above", "flag")]


def test_histograms_count_every_row_once_on_its_side_of_the_thresholds() -> None:
    sizes = [*np.linspace(0, 9.9, 7), *np.linspace(10, 40, 50), *np.linspace(41, 60, 11)]
    (histogram,) = histograms([{"size": float(size)} for size in sizes], RULES)
    assert histogram.count == len(sizes)
    assert {limit.verdict: limit.broken for limit in histogram.limits} == {"reject": 7, "flag": 11}
    tallest = max(sum(bar.height for bar in histogram.bars if bar.x == x) for x in {bar.x for bar in histogram.bars})
    assert tallest == pytest.approx(100, abs=0.1)
    unit = min(bar.height for bar in histogram.bars)
    counted = {
        kind: round(sum(bar.height for bar in histogram.bars if bar.kind == kind) / unit)
        for kind in ("kept", "flagged", "dropped")
    }
    assert counted == {"kept": 50, "flagged": 11, "dropped": 7}
    for limit, value in zip(histogram.limits, (10.0, 40.0), strict=True):
        assert limit.x == pytest.approx(100 * (value - histogram.low) / (histogram.high - histogram.low), abs=0.01)


def test_a_single_far_value_does_not_squeeze_a_histogram_and_is_still_counted() -> None:
    (histogram,) = histograms([{"size": value} for value in [*np.linspace(12, 38, 200).tolist(), 1e6]], RULES)
    assert histogram.high == 40.0 and histogram.high_open and not histogram.low_open
    assert histogram.limits[1].broken == 1
    assert any(bar.kind == "flagged" and bar.x > 95 for bar in histogram.bars)


@pytest.mark.parametrize("values", [[10.0], [25.0] * 9, [float("nan"), 25.0], [0.0, 1e-300]])
def test_histograms_of_few_or_equal_values_can_be_drawn(values: list[float]) -> None:
    (histogram,) = histograms([{"size": value} for value in values], RULES)
    assert histogram.low < histogram.high
    assert all(0 <= bar.x < 100 and 0 < bar.height <= 100 for bar in histogram.bars)


def test_numbers_that_nothing_has_are_left_out() -> None:
    assert histograms([{"other": 1.0}], RULES) == ()


def test_the_page_draws_the_numbers_of_every_stage_that_judged(usual: str) -> None:
    labels = [attributes.get("aria-label") or "" for attributes in Page(usual).all("svg")]
    assert any(label.startswith("luma: 10 values, median 120, 0 below 28: too-dark") for label in labels)
    assert any(label.startswith("warped_iou_median: ") for label in labels)
    assert any(label.startswith("residue: ") for label in labels)


def test_cards_show_frames_of_source_and_target_and_pictures(usual: str) -> None:
    card = next(part for part in usual.split("<article")[1:] if "source, shows A" in part).split("</article>")[0]
    page = Page(f"<article{card}</article>")
    words = [attributes["alt"] for attributes in page.all("img")]
    assert words == [
        *(f"source, shows A, frame {frame}" for frame in (0, 2, 4, 6, 8)),
        *(f"target, shows B, frame {frame}" for frame in (0, 2, 4, 6, 8)),
        "A, as pasted",
        "references of B",
    ]
    assert "background_psnr_db 43.21" in page.text


def test_outlines_lie_on_the_edge_of_the_mask(tmp_path: Path) -> None:
    build = FakeBuild(tmp_path, size=(160, 240))
    swap = build.swaps[0]
    strip = Thumbnails(build.workspace.store).strip(swap.source, swap.source_mask, OUTLINE_A)
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(strip.thumbnails[0].uri.split(",")[1]))))
    assert picture.shape == (200, 133, 3)
    _, mask = picture_of(1, 0.0, build.size)
    small = np.asarray(Image.fromarray(mask).resize((133, 200)))
    near = np.abs(picture.astype(int) - OUTLINE_A).sum(axis=2) < 120
    ys, xs = np.nonzero(near)
    my, mx = np.nonzero(small)
    assert near.sum() > 50
    assert (
        np.abs(np.array([ys.min(), ys.max(), xs.min(), xs.max()]) - [my.min(), my.max(), mx.min(), mx.max()]).max() <= 2
    )
    assert not near[int(my.mean()), int(mx.mean())]


def test_the_page_is_one_inert_file(usual: str) -> None:
    page = Page(usual)
    assert page.unclosed == []
    assert_inert(page)
    policy = next(a["content"] or "" for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    directives = {words[0]: words[1:] for words in (part.split() for part in policy.split(";"))}
    assert directives["default-src"] == ["'none'"]
    assert directives["img-src"] == ["data:"]
    assert "script-src" not in directives
    assert directives["base-uri"] == directives["form-action"] == ["'none'"]


def test_the_policy_allows_exactly_the_pages_own_style(usual: str) -> None:
    page = Page(usual)
    assert len(page.all("style")) == 1
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert f"style-src &#39;sha256-{digest}&#39;" in usual or f"style-src 'sha256-{digest}'" in usual
    assert "url(" not in page.style
    assert "@import" not in page.style


def assert_inert(page: Page) -> None:
    """No script, no event handler, no address that leads out of the page."""
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "iframe", "object", "embed", "link", "base", "form", "input", "video", "foreignobject"}
    for _tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "srcset", "action")]
        for name in ("src", "xlink:href", "data", "poster", "background"):
            assert name not in attributes or (attributes[name] or "").startswith("data:image/jpeg;base64,")
        assert (attributes.get("href") or "#").startswith("#")


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=https://evil.example/x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style></details></table><svg onload=alert(1)>",
    "--><!--<base href=//evil.example>",
    "javascript:alert(1)",
    "{{ 7 * 191 }}{% for x in y %}",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
]


@pytest.mark.parametrize("payload", HOSTILE)
def test_hostile_feed_text_is_shown_and_does_nothing(tmp_path: Path, usual: str, payload: str) -> None:
    build = FakeBuild(tmp_path, mark=lambda text: text + payload)
    page = Page(build.write(tmp_path / "report.html"))
    assert page.unclosed == []
    assert_inert(page)
    assert page.skeleton == Page(usual).skeleton
    words = re.sub(r"\s+", " ", payload)
    for text in ("P1", "Product number 1", "mugs", "shop/1-video.mp4", "https://shop.example/1", "Corner shop"):
        assert text + words in page.text
    for text in ("the file is no video", "clip six", "the model is broken", "A product video of a mug.", "Linux"):
        assert text + words in page.text


def test_text_that_is_not_text_cannot_break_or_garble_the_page(tmp_path: Path, usual: str) -> None:
    build = FakeBuild(tmp_path, mark=lambda text: text + "\x00\x1b[2J\u202etfel\udcff\ufffe" + "x" * 5000)
    html = build.write(tmp_path / "report.html")
    assert Page(html).skeleton == Page(usual).skeleton
    assert not re.search("[\x00\x1b\u202e\ufffe]", html)
    assert len(html) < len(usual) + 400_000


def test_missing_and_damaged_blobs_are_shown_as_not_available(tmp_path: Path) -> None:
    build = FakeBuild(tmp_path)
    triple = build.triples[0]
    build.blob_path(triple.target).unlink()
    build.blob_path(triple.source).write_bytes(b"not a video")
    build.blob_path(build.triples[1].source_mask).write_bytes(b"no mask")
    build.blob_path(triple.references[0]).unlink()
    page = Page(build.write(tmp_path / "report.html"))
    assert "video not available: the blob is missing" in page.text
    assert "is damaged" in page.text
    assert "mask not available" in page.text
    assert "references of B not available" in page.text
    assert "source, shows A · frames 0, 2, 4, 6, 8 of 9" in page.text


def test_rejections_without_their_rows_still_make_cards(tmp_path: Path) -> None:
    build = FakeBuild(tmp_path)
    lost = reject("triple_qc", "pair", "f" * 16, "mug into box.mp4", "residue", "why", linked_to="e" * 16)
    build.result("triple_qc").rejections.append(lost)
    build.result("mask_qc").rejections.append(reject("mask_qc", "track", "d" * 16, "box.mp4 [0:9)", "jumps", "why"))
    text = Page(build.write(tmp_path / "report.html")).text
    assert "mug into box.mp4 residue why frames not available" in text
    assert "box.mp4 [0:9) jumps why frames not available" in text


@pytest.mark.parametrize("stage", STAGES)
def test_a_build_may_stop_after_any_stage(tmp_path: Path, stage: str) -> None:
    build = FakeBuild(tmp_path).stopped_after(stage)
    page = Page(build.write(tmp_path / "report.html"))
    assert page.unclosed == []
    assert f"stopped early, after {stage}: no version was written" in page.text
    unjudged = ("segment", "mask_numbers", "text_overlay", "listing_pictures", "listing_likeness")
    assert ("Not judged 5" in page.text) == (stage in unjudged)
    assert ("Not judged 7" in page.text) == (
        stage in ("synthesise", "crosspair", "panzoom", "render_plan", "render", "triple_numbers")
    )
    assert ("No triple was made." in page.text) == (STAGES.index(stage) < STAGES.index("synthesise"))


def test_a_build_of_nothing_makes_a_page(tmp_path: Path) -> None:
    build = FakeBuild(tmp_path).stopped_after("mine")
    build.results = []
    build.tables.sources = []
    page = Page(build.write(tmp_path / "report.html"))
    for words in ("No stage ran.", "No triple was made.", "Nothing was dropped.", "No source was found."):
        assert words in page.text


def test_the_same_data_makes_the_same_page(tmp_path: Path, usual: str) -> None:
    build = FakeBuild(tmp_path / "other")
    assert build.publication is not None
    other = build.write(tmp_path / "report.html")
    usual_folder = re.search(r"<bdi>([^<]*)/shards/v3</bdi>", usual)
    assert usual_folder is not None
    assert other == usual.replace(usual_folder[1], str(build.root))


def test_long_lists_say_what_they_leave_out(tmp_path: Path) -> None:
    build = FakeBuild(tmp_path).stopped_after("filter")
    build.result("filter").rejections[:] = [_rejection(number) for number in range(203)]
    page = Page(build.write(tmp_path / "report.html"))
    assert "203 too-dark" in page.text
    assert "203 × shot, the first 200 shown" in page.text
    assert page.text.count("window number") == 200


def test_sheets_show_a_few_and_say_of_how_many(tmp_path: Path) -> None:
    build = FakeBuild(tmp_path)
    first = build.triples[0]
    many = [dataclasses.replace(first, triple_id=f"{number:016x}") for number in range(40)]
    build.result("judge").rows[:] = many
    page = Page(build.write(tmp_path / "report.html"))
    assert "Accepted 12 of 40 shown" in page.text


def test_prompts_that_repeat_are_listed_with_how_often_they_do(tmp_path: Path) -> None:
    build = FakeBuild(tmp_path)
    assert (
        "1 different prompts of 6; worded by template 6. 6 × A product video of a mug."
        in Page(build.write(tmp_path / "report.html")).text
    )


def test_a_triple_that_the_judge_drops_is_shown_among_the_rejected(tmp_path: Path) -> None:
    build = FakeBuild(tmp_path)
    dropped = build.result("judge").rows.pop()
    why = "the judge (endpoint:eye) answered target_shows_b: no"
    build.result("judge").rejections.append(
        reject("judge", "triple", dropped.triple_id, "A into B", "judge-wrong-product", why, linked_to=dropped.clip_id)
    )
    build.tables.triples = build.result("judge").rows
    page = Page(build.write(tmp_path / "report.html"))
    assert page.unclosed == []
    assert "Rejected 2 · made, measured and dropped" in page.text
    assert f"judge-wrong-product {dropped.split}" in page.text
    assert "different prompts of 5" in page.text
    rows = Rows(build.results, build.tables)
    shown = Footage(rows, Thumbnails(build.workspace.store)).of(build.result("judge").rejections[0])
    assert [row.heading for row in shown] == ["source, shows A", "target, shows B"]


def test_the_choice_is_spread_over_traits_and_steady() -> None:
    rows = [_rejection(number, reason) for number, reason in _many_of_one_and_few_of_others()]
    chosen = spread(rows, lambda row: row.reason)
    assert {row.reason for row in chosen[:3]} == {"common", "rare", "rarest"}
    assert sorted(row.subject_id for row in chosen) == sorted(row.subject_id for row in rows)
    assert spread(rows[::-1], lambda row: row.reason) == chosen


def test_a_source_that_was_not_measured_is_listed(usual: str) -> None:
    assert "shop/5-video.mp4 P5 Product number 5 mugs not measured" in Page(usual).text
    assert "shop/0-video.mp4 P0 Product number 0 boxes 1080×1920 240 29.97 8.0 s 2 2 2 4 train" in Page(usual).text


def test_a_product_without_words_is_listed(tmp_path: Path) -> None:
    build = FakeBuild(tmp_path).stopped_after("mine")
    bare: Source = dataclasses.replace(
        build.sources[0], title="", category="", licence="", url="", platform="", shop="", path="bare.mp4"
    )
    build.result("mine").rows[:] = [bare]
    build.tables.sources = [bare]
    assert "bare.mp4 P0 not measured 0 0 0 0 – –" in Page(build.write(tmp_path / "report.html")).text


def _rejection(number: int, reason: str = "too-dark") -> Rejection:
    return reject("filter", "shot", f"{number:016x}", f"window number {number}", reason, "luma is low", {"luma": 1.0})


def _many_of_one_and_few_of_others() -> Iterator[tuple[int, str]]:
    yield from ((number, "common") for number in range(50))
    yield from ((number, "rare") for number in range(50, 53))
    yield 53, "rarest"


def test_what_a_row_takes_is_told_by_stage(tmp_path: Path) -> None:
    build = FakeBuild(tmp_path)
    result = next(result for result in build.results if result.stage == "segment")
    result.costs = [
        ItemCost("quick.mp4 [0:9)", Cost(1.0, 2.0, 400_000_000), True, 1000),
        ItemCost("slow <b>.mp4 [0:9)", Cost(3.0, 4.0, 900_000_000), False, 2_000_000),
    ]
    (cost,) = stage_costs(build.results)
    assert (cost.measured, cost.cpu_s, cost.wall_s, cost.slowest_s) == (2, 3.0, 2.0, 3.0)
    assert (cost.slowest, cost.peak_rss_bytes, cost.stored_bytes) == ("slow <b>.mp4 [0:9)", 900_000_000, 2_001_000)
    text = Page(build.write(tmp_path / "report.html")).text
    assert "slow <b>.mp4 [0:9) 3.0 s 900 MB 2.0 MB" in text


def test_products_without_a_triple_come_first_and_sums_agree(tmp_path: Path) -> None:
    build = FakeBuild(tmp_path)
    rows = Rows(build.results, build.tables)
    count, lines = product_lines(rows)
    assert count == len({source.product_id for source in build.sources})
    assert [line.as_b > 0 for line in lines] == sorted(line.as_b > 0 for line in lines)
    triples = rows.of(Triple).values()
    for total in (lines, category_lines(rows)):
        assert sum(line.as_b for line in total) == sum(line.as_a for line in total) == len(triples)
        assert sum(line.flagged for line in total) == sum(triple.verdict == "flag" for triple in triples)
        assert sum(line.sources for line in total) == len(build.sources)
        assert sum(line.clips for line in total) == len(rows.made_by("normalise"))
        assert sum(line.dropped for line in total) == sum(len(r.rejections) for r in build.results if r.stage != "mine")
    assert "Products and categories" in Page(build.write(tmp_path / "report.html")).text


def test_engines_shares_and_what_a_reconstructions_source_is_are_told(tmp_path: Path) -> None:
    build = FakeBuild(tmp_path)
    judged = build.result("judge").rows
    for rows in (build.result("pair").rows, build.tables.pairs, judged, build.tables.triples):
        rows[0] = dataclasses.replace(rows[0], engine="crosspair", kind="reconstruct")
    photo = dataclasses.replace(
        build.sources[0], source_id="ab" * 8, kind="photo", path="shop/photo.jpg", sha256="0" * 64
    )
    build.tables.sources = [*build.tables.sources, photo]
    text = Page(build.write(tmp_path / "report.html")).text
    assert "crosspair 33% wanted, 17% found (1 of 1 pairs)" in text
    assert "composite 67% wanted, 83% found (5 of 7 pairs)" in text
    assert "source, the target itself" in text
    assert "shop/photo.jpg P0 Product number 0 boxes a listing picture" in text


def test_a_reconstruction_stands_in_no_histogram_of_swaps(tmp_path: Path) -> None:
    build = FakeBuild(tmp_path)
    for number, row in enumerate(build.result("triple_qc").rows):
        build.result("triple_qc").rows[number] = dataclasses.replace(
            row, kind="swap" if number else "reconstruct", numbers={**row.numbers, "ab_similarity": 0.2}
        )
    swaps = next(d for d in distributions(Rows(build.results, build.tables), RECIPE) if d.stage == "triple_qc")
    counts = {histogram.number: histogram.count for histogram in swaps.histograms}
    assert counts["ab_similarity"] == len(build.triples) - 1, "the one that was rejected does not state it"
    assert counts["background_psnr_db"] >= len(build.triples)


def test_the_clip_that_a_moving_product_was_cut_out_of_is_shown_beside_the_triple(tmp_path: Path) -> None:
    build = FakeBuild(tmp_path)
    pair = dataclasses.replace(build.pairs[0], cutout_id="", track_id_a=build.tracks[4].track_id)
    triple = dataclasses.replace(build.triples[0], track_id_a=pair.track_id_a)
    rows = Rows([StageResult("triple_qc", rows=[triple])], Tables(tracks=build.tracks, clips=build.clips, pairs=[pair]))
    cards = TripleCards(rows, Thumbnails(build.workspace.store))
    gone = reject("triple_qc", "pair", pair.pair_id, "", "residue", "B still shows")
    for card in (cards.triple(triple), cards.rejected(gone)):
        assert card.rows[-1].heading == "the clip A was cut out of"
        assert [group.heading for group in card.pictures if group.heading == "A, as pasted"] == []
    still = cards.triple(build.triples[1])
    assert [row.heading for row in still.rows] == ["source, shows A", "target, shows B"]
