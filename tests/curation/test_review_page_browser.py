"""The review page as a reviewer uses it: in headless Chromium, from the disk, with the keyboard alone."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from pvtt_curation.media import MediaCache
from pvtt_curation.page.write import write_page
from review_toys import toy_reviewed

from pvtt_data.cli import cli
from pvtt_data.reviews.effective import standings
from pvtt_data.reviews.log import ReviewLog, read_folder, read_log
from pvtt_data.reviews.records import Review

if TYPE_CHECKING:
    from catalogue_builds import Builder
    from playwright.sync_api import Browser, Page

    from pvtt_data.build import BuildOutcome

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

Open = Callable[[Path], "Page"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_api.sync_playwright() as playwright:
        # As root, Chromium starts without its sandbox only.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens a page's file; at the end there must have been no error in it."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    errors: list[str] = []

    def opened(path: Path) -> Page:
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(path.as_uri())
        page.locator("#list li.current").wait_for()
        return page

    yield opened
    context.close()
    assert errors == []


@pytest.fixture
def toys(tmp_path: Path) -> Path:
    """The page of three triples, their masks and clips; bob has rejected the first mask."""
    reviewed = toy_reviewed(tmp_path / "toys")
    log = ReviewLog(tmp_path / "verdicts", "bob")
    log.append(Review.made("mask", reviewed.subjects[1].key, "reject", "bob", reason="drift"))
    return write_page(
        reviewed, MediaCache(tmp_path / "cache"), tmp_path / "page", reviewer="ann", verdicts=tmp_path / "verdicts"
    ).path


def press(page: Page, keys: str) -> None:
    for key in keys.split():
        page.keyboard.press(key)


def current(page: Page) -> str:
    return page.locator("#list li.current b").inner_text()


def download(page: Page, folder: Path) -> Path:
    # A key that is pressed while a dialog is open, or before there is a verdict, does nothing.
    assert page.locator("dialog[open]").count() == 0
    page.locator("#download:enabled").wait_for()
    with page.expect_download() as waiting:
        page.keyboard.press("d")
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def downloaded(page: Page, folder: Path) -> list[Review]:
    """The verdicts of the file, each checked as an import checks it, its identifier included."""
    reviews, bad = read_log(download(page, folder))
    assert bad == []
    return reviews


def said(reviews: list[Review]) -> list[tuple[str, ...]]:
    return [(review.kind, review.action, review.reason, review.comment) for review in reviews]


def test_keys_give_verdicts_and_go_on(open_page: Open, toys: Path, tmp_path: Path) -> None:
    page = open_page(toys)
    assert page.locator('[role="tab"][aria-selected="true"]').inner_text().startswith("Masks")
    press(page, "a r 2 f 9")
    page.keyboard.type("das Glas „wackelt“ <b>\t\u2028 é")
    press(page, "Enter")
    assert page.locator("#done-text").inner_text() == "3 of 3"
    reviews = downloaded(page, tmp_path)
    assert said(reviews)[:2] == [("mask", "accept", "", ""), ("mask", "reject", "bad-edges", "")]
    assert said(reviews)[2][:3] == ("mask", "flag", "other")
    assert "das Glas „wackelt“ <b>" in reviews[2].comment
    assert {review.reviewer for review in reviews} == {"ann"}
    assert all(review.seen_in == "toys" and review.tool.startswith("pvtt page") for review in reviews)


def test_j_k_and_filters_move_through_the_list(open_page: Open, toys: Path) -> None:
    page = open_page(toys)
    names = page.locator("#list li b").all_inner_texts()
    assert current(page) == names[0]
    press(page, "j j")
    assert current(page) == names[2]
    press(page, "k")
    assert current(page) == names[1]
    page.select_option("#by-verdict", "reject")
    assert page.locator("#list li").count() == 1
    press(page, "/")
    page.keyboard.type("nothing like it")
    assert page.locator(".nothing").is_visible()
    press(page, "Escape a r")  # of nothing, nothing is said
    assert page.locator("#download").is_disabled()
    page.click("#clear")
    assert page.locator("#list li").count() == 3


def test_undo_takes_back_what_was_said_last(open_page: Open, toys: Path, tmp_path: Path) -> None:
    page = open_page(toys)
    first = current(page)
    press(page, "a u")
    assert current(page) == first
    assert page.locator("#done-text").inner_text() == "0 of 3"
    press(page, "r 1 r 3 k u")  # of the second one, which was left and come back to
    reviews = downloaded(page, tmp_path)
    assert [review.action for review in reviews] == ["accept", "undo", "reject", "reject", "undo"]
    standing = standings(reviews)
    assert [found.reasons for found in standing.values()] == [("wrong-object",)]
    assert reviews[0].at < reviews[1].at < reviews[2].at  # one subject: the later word holds by its time


def test_what_was_said_is_still_there_after_a_reload_and_for_that_reviewer_only(open_page: Open, toys: Path) -> None:
    page = open_page(toys)
    press(page, "a r 5")
    page.reload()
    page.locator("#list li.current").wait_for()
    assert page.locator("#done-text").inner_text() == "2 of 3"
    assert page.locator("#download").inner_text() == "Download 2 verdicts"
    page.fill("#reviewer", "carl")
    press(page, "Enter")
    assert page.locator("#done-text").inner_text() == "0 of 3"
    page.fill("#reviewer", "../carl")
    press(page, "Enter")
    assert page.locator("#reviewer").get_attribute("aria-invalid") == "true"


def test_a_verdict_may_be_about_a_part_and_shows_on_all_that_have_it(
    open_page: Open, toys: Path, tmp_path: Path
) -> None:
    page = open_page(toys)
    press(page, "t m r 4")  # the mask of B of the first triple
    assert page.locator(".said.lost").count() == 1
    press(page, "t t")
    assert page.locator("#list li .said.reject").count() == 1
    assert [(review.kind, review.reason) for review in downloaded(page, tmp_path)] == [("mask", "hand-included")]


def test_what_others_said_is_shown(open_page: Open, toys: Path) -> None:
    page = open_page(toys)
    assert "bob rejected, drift" in page.locator("#facts .people").inner_text()
    assert page.locator("#facts tr.flag th").inner_text() == "edge"


def test_a_box_on_a_frame_asks_for_another_mask_and_a_form_for_a_label(
    open_page: Open, toys: Path, tmp_path: Path
) -> None:
    page = open_page(toys)
    press(page, "Space . p")
    canvas = page.locator("#mask-canvas")
    canvas.hover()  # waits until it has its place
    area = canvas.bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + area["width"] / 4, area["y"])
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"], area["y"] + area["height"] / 2, steps=3)
    page.mouse.up()
    page.click("#mask-dialog [data-ok]")
    page.locator("#mask-dialog").wait_for(state="hidden")
    press(page, "l")
    page.fill("#label-category", "lids")
    press(page, "Enter")
    page.locator("#label-dialog").wait_for(state="hidden")
    again, label = downloaded(page, tmp_path)
    assert (again.kind, again.action) == ("clip", "resegment")
    assert again.box == pytest.approx((0.25, 0.0, 1.0, 0.5), abs=0.02)
    assert again.box_frame is not None
    assert (label.kind, label.action, label.category) == ("source", "relabel", "lids")


SHOWN = "[...document.querySelectorAll('.stage:not([hidden]) video')]"


def shown_frames(page: Page) -> list[int]:
    return [int(time * 8) for time in page.evaluate(f"{SHOWN}.map((video) => video.currentTime)")]


def test_players_show_the_same_frame_and_step_by_one(open_page: Open, toys: Path) -> None:
    page = open_page(toys)
    press(page, "t")
    sync_api.expect(page.locator("#frame")).to_have_text(re.compile(r"^[2-9] / 9$"))  # they play of themselves
    press(page, "Space")
    before = shown_frames(page)
    assert len(before) == 4
    assert len(set(before)) == 1
    press(page, ".")
    assert shown_frames(page) == [(before[0] + 1) % 9] * 4
    press(page, ", ,")
    assert shown_frames(page) == [(before[0] - 1) % 9] * 4


@pytest.mark.parametrize(("keys", "frame"), [("Space", 0), (".", 1), ("Space Space Space", 0)])
def test_videos_that_still_load_stay_where_they_were_stopped(
    open_page: Open, toys: Path, keys: str, frame: int
) -> None:
    page = open_page(toys)
    hold = "Players.prototype.ready = () => new Promise((done) => { globalThis.loaded = done; })"
    page.evaluate(f"() => {{ {hold} }}")
    press(page, f"t {keys}")
    page.evaluate("() => loaded()")
    page.wait_for_timeout(300)  # what would play is ahead by then
    assert page.evaluate(f"{SHOWN}.every((video) => video.paused)")
    assert shown_frames(page) == [frame] * 4
    assert page.locator("#play").inner_text() == "▶"


def test_texts_of_feeds_are_shown_as_they_are(open_page: Open, tmp_path: Path) -> None:
    text = "</script><img src=x onerror=document.title='gone'>"
    page = open_page(
        write_page(
            toy_reviewed(tmp_path / "toys", 2, text), MediaCache(tmp_path / "cache"), tmp_path / "page",
            reviewer="ann", verdicts=tmp_path / "verdicts",
        ).path
    )  # fmt: skip
    press(page, "t t t")
    assert text in page.locator("#facts").inner_text()
    assert page.title().startswith("Review: toys")
    assert page.locator('img[src="x"]').count() == 0


@pytest.mark.slow
def test_a_mask_rejected_on_the_page_is_gone_from_the_next_version_with_what_was_made_of_it_and_nothing_else(
    open_page: Open, catalogue_build: tuple[Builder, BuildOutcome], tmp_path: Path
) -> None:
    """Page, download, import and build, on the sample catalogue in small."""
    from pvtt_curation.from_build import read_build

    from pvtt_data.build import BuildRequest, build

    builder = catalogue_build[0].copied(tmp_path)
    before = read_build(builder.recipe(), tmp_path / "work")
    made = {s.row_id: s for s in before.subjects if s.kind == "triple" and s.verdict != "reject"}
    in_use = {key for s in made.values() for name, key in s.parts.items() if name.startswith("mask")}
    rejected = next(s for s in before.subjects if s.kind == "mask" and s.key in in_use)
    page = open_page(
        write_page(
            before, MediaCache(tmp_path / "cache"), tmp_path / "page", reviewer="ann", verdicts=tmp_path / "verdicts"
        ).path
    )
    press(page, "/")
    page.keyboard.type(rejected.key)
    press(page, "Escape r 2")
    file = download(page, tmp_path)
    folder = tmp_path / "verdicts"
    done = CliRunner().invoke(cli, ["verdicts", "import", str(file), "--verdicts", str(folder)])
    assert done.exit_code == 0, done.output
    assert [(r.key, r.reason) for r in read_folder(folder)] == [(rejected.key, "bad-edges")]

    request = BuildRequest(builder.recipe(), tmp_path / "work", tmp_path / "shards", workers=1, verdicts=folder)
    outcome = build(request)
    after: dict[str, Any] = {s.key: s for s in read_build(builder.recipe(), tmp_path / "work").subjects}
    assert after[rejected.key].verdict == "reject"
    assert after[rejected.key].reasons == ("review-bad-edges",)
    gone = set(made) - {triple.triple_id for triple in outcome.tables.triples}
    assert {name for name, s in made.items() if rejected.key in s.parts.values()} <= gone
    assert all(rejected.product in (made[name].product_a, made[name].product_b) for name in gone)
    assert outcome.publication is not None
    assert outcome.publication.status == "published"
