"""The whole way in a real browser: the app opens on a build, a person rejects two masks, the next version follows."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from catalogue_builds import Builder
from pvtt_curation.media import MediaCache
from pvtt_curation.subjects import Reviewed

from pvtt_data.build import BuildOutcome
from pvtt_data.reviews.log import read_folder
from pvtt_data.shards import diff_versions

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
MISSING = [name for name in ("fiftyone", "playwright") if find_spec(name) is None] + ["chromium"] * (CHROMIUM is None)
TIMEOUT_MS = 30_000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"{' and '.join(MISSING)} not installed: pip install 'pvtt[app,dev]'"),
]


def test_two_masks_rejected_in_the_app_are_gone_from_the_next_version_and_nothing_else(
    catalogue_build: tuple[Builder, BuildOutcome], tmp_path: Path
) -> None:
    from pvtt_curation.app import running

    builder, before = catalogue_build[0].copied(tmp_path), catalogue_build[1]
    assert before.publication is not None
    reviewed, verdicts = read_again(builder), tmp_path / "verdicts"
    flagged = [subject for subject in reviewed.subjects if subject.verdict == "flag"]
    doubtful = {triple.parts["mask"]: triple for triple in flagged if triple.engine == "composite"}
    masks, triples = list(doubtful)[:2], list(doubtful.values())[:2]
    media = MediaCache(tmp_path / "cache")
    with running(reviewed, media, verdicts=verdicts, reviewer="ann", echo=lambda line: None) as app, browser() as page:
        page.goto(app.url)
        choose_view(page, "flagged", len(flagged))
        for triple in triples:
            thumbnail = page.locator("[data-cy=fo-grid] [data-cy=looker]").nth(flagged.index(triple))
            thumbnail.hover()
            thumbnail.locator("[data-cy=looker-checkbox-]").click()
        page.keyboard.press("r")
        form = page.locator("[data-cy=operators-prompt-modal]")
        form.get_by_text("2 triples, the selected samples").wait_for()
        form.get_by_text("the mask", exact=True).click()
        form.get_by_text("drift: it slides off the product").click()
        form.get_by_role("button", name="Reject: 2 masks").click()
        page.get_by_text("reject (drift): 2 masks").wait_for()
        page.locator("[data-cy=fo-grid]").get_by_text("reject", exact=True).nth(1).wait_for()
        picture(page, "rejected")
        # What was acknowledged is on the disk: nothing that happens to the app or its database takes it back.
        os.kill(app.server_pid, signal.SIGKILL)
        if app.database_pid is not None:
            os.kill(app.database_pid, signal.SIGKILL)

    said = read_folder(verdicts)
    assert [(review.action, review.reason, review.reviewer) for review in said] == [("reject", "drift", "ann")] * 2
    assert {review.subject for review in said} == {("mask", key) for key in masks}

    after = builder.run(verdicts=verdicts)
    assert after.publication is not None and after.publication.version == before.publication.version + 1
    gone = {subject.row_id for subject in reviewed.subjects if subject.kind == "mask" and subject.key in masks}
    assert {row.subject_id for row in after.tables.rejections if row.reason == "review-drift"} == gone
    diff = diff_versions(builder.folder / "shards" / before.publication.path.name, after.publication.path)
    removed = {line.key for line in diff.removed}
    own = {triple.triple_id[:16] for triple in before.tables.triples if triple.track_id in gone}
    assert own and own <= removed
    # What else differs used a picture that was cut out of such a clip, or took the place of what went.
    products = {triple.product_b for triple in triples}
    assert all(products & {line.product_a, line.product_b} for line in (*diff.removed, *diff.added, *diff.changed))
    left = {track.track_id for track in before.tables.tracks} - {track.track_id for track in after.tables.tracks}
    assert left == gone


def read_again(builder: Builder) -> Reviewed:
    """What the latest build shows."""
    from pvtt_curation.from_build import read_build

    return read_build(builder.recipe(), builder.folder / "work")


def choose_view(page: Any, name: str, count: int) -> None:
    """Choose a saved view, and wait until the grid shows it."""
    page.locator("[data-cy=fo-grid]").wait_for()
    dismiss = page.get_by_text("Dismiss")
    if dismiss.count():
        dismiss.click()
    page.locator("[data-cy=saved-views-selection]").click()
    page.get_by_text(name, exact=True).click()
    page.locator("[data-cy=entry-counts]").get_by_text(str(count)).wait_for()
    page.locator("[data-cy=fo-grid] [data-cy=looker]").nth(count - 1).wait_for()


def picture(page: Any, name: str) -> None:
    """Keep a screenshot where PVTT_SCREENSHOTS says, for people who want to look."""
    folder = os.environ.get("PVTT_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png")


@contextmanager
def browser() -> Iterator[Any]:
    """A page of a headless browser that reaches nothing but this computer."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1500, "height": 900})
        page.set_default_timeout(TIMEOUT_MS)
        try:
            yield page
        except Exception:
            picture(page, "failed")
            raise
        finally:
            chromium.close()
