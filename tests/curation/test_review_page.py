"""The review page as files: what lies in its folder, and that nothing from a feed becomes code."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pvtt_curation.media import MediaCache
from pvtt_curation.page.write import PageWritten, write_page
from pvtt_curation.subjects import Reviewed
from review_toys import toy_reviewed

from pvtt_data.cli import cli
from pvtt_data.errors import InputError, PreflightError
from pvtt_data.reviews.log import ReviewLog
from pvtt_data.reviews.records import Review

HOSTILE = "</script><img src=x onerror=alert(1)>&\u202e\u2028"


class Elements(HTMLParser):
    """Tags with their attributes, and the texts of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside = str(dict(attrs).get("type") or tag) if tag in ("script", "style") else ""

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.texts[self.inside] = self.texts.get(self.inside, "") + data


def make(tmp_path: Path, reviewed: Reviewed, **settings: Any) -> PageWritten:
    settings = {"reviewer": "ann", "verdicts": tmp_path / "verdicts", **settings}
    return write_page(reviewed, MediaCache(tmp_path / "cache"), tmp_path / "page", **settings)


def data_of(page: PageWritten) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(Elements(page.path.read_text()).texts["application/json"])
    return data


def test_every_file_that_the_page_names_is_there(tmp_path: Path) -> None:
    page = make(tmp_path, toy_reviewed(tmp_path / "toys"))
    data = data_of(page)
    assert page.subjects == {"triple": 3, "mask": 3, "clip": 3}
    names = set(re.findall(r"(?:media|overlays|strips|posters)/[0-9a-f]{64}\.\w+", json.dumps(data)))
    assert len(names) > 20
    assert names == {str(path.relative_to(page.path.parent)) for path in page.path.parent.glob("*/*")}
    assert page.broken == {}


def test_texts_of_feeds_stay_texts(tmp_path: Path) -> None:
    page = make(tmp_path, toy_reviewed(tmp_path / "toys", 2, HOSTILE))
    tags = [tag for tag, _ in Elements(page.path.read_text()).tags]
    assert "img" not in tags
    assert tags.count("script") == 2
    shown = data_of(page)["subjects"][0]["titleB"]
    assert "</script><img src=x onerror=alert(1)>" in shown
    assert "\u202e" not in shown


def test_only_the_pages_own_script_and_style_may_run(tmp_path: Path) -> None:
    page = make(tmp_path, toy_reviewed(tmp_path / "toys", 2))
    elements = Elements(page.path.read_text())
    policy = next(str(a["content"]) for tag, a in elements.tags if a.get("http-equiv") == "Content-Security-Policy")
    for name in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(elements.texts[name].encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not any(name.startswith("on") or name == "style" for _, attributes in elements.tags for name in attributes)
    assert "http://" not in page.path.read_text()
    assert "https://" not in page.path.read_text()


def test_a_page_that_is_made_again_keeps_nothing_that_it_does_not_need(tmp_path: Path) -> None:
    whole = toy_reviewed(tmp_path / "toys")
    before = {path.name for path in make(tmp_path, whole).path.parent.glob("media/*")}
    note = tmp_path / "page" / "media" / "notes.txt"
    note.write_text("somebody's")
    page = make(tmp_path, Reviewed(whole.name, whole.identity, whole.subjects[:3]))
    after = {path.name for path in page.path.parent.glob("media/*")}
    assert after < before | {"notes.txt"}
    assert note.exists()


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("<h1>My shop</h1>")
    with pytest.raises(PreflightError, match="holds something else"):
        make(tmp_path, toy_reviewed(tmp_path / "toys", 2))
    assert (tmp_path / "page" / "index.html").read_text() == "<h1>My shop</h1>"


def test_damaged_pixels_are_named_and_the_others_are_shown(tmp_path: Path) -> None:
    reviewed = toy_reviewed(tmp_path / "toys", 2)
    mask = next(subject for subject in reviewed.subjects if subject.kind == "mask")
    data = bytearray(mask.media["video"].path.read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    mask.media["video"].path.write_bytes(data)
    page = make(tmp_path, reviewed)
    assert f"mask {mask.name}" in page.broken
    rows = {row["key"]: row for row in data_of(page)["subjects"]}
    assert rows[mask.key]["problem"]
    assert sum(not row["problem"] for row in rows.values()) == 3


def test_it_shows_what_people_said_of_its_subjects_and_of_no_others(tmp_path: Path) -> None:
    reviewed = toy_reviewed(tmp_path / "toys", 2)
    log = ReviewLog(tmp_path / "verdicts", "bob")
    ours = log.append(Review.made("mask", reviewed.subjects[1].key, "reject", "bob", reason="drift"))
    log.append(Review.made("mask", "ab" * 32, "accept", "bob"))
    assert [row["review_id"] for row in data_of(make(tmp_path, reviewed))["reviews"]] == [ours.review_id]


def test_damaged_verdicts_are_said_on_the_page(tmp_path: Path) -> None:
    (tmp_path / "verdicts").mkdir()
    (tmp_path / "verdicts" / "bob.jsonl").write_text("no verdict\n")
    notes = data_of(make(tmp_path, toy_reviewed(tmp_path / "toys", 2)))["notes"]
    assert "1 lines" in notes[0]
    assert "damaged" in notes[0]


def test_a_name_that_cannot_be_a_reviewers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="reviewer's name"):
        make(tmp_path, toy_reviewed(tmp_path / "toys", 2), reviewer="../ann")


def test_nothing_to_review_makes_no_page(tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match="nothing to review"):
        make(tmp_path, Reviewed("empty", "0" * 16, ()))


def test_several_processes_draw_the_same_page(tmp_path: Path) -> None:
    reviewed = toy_reviewed(tmp_path / "toys", 2)
    told: list[tuple[int, int]] = []
    page = make(tmp_path, reviewed, workers=2, on_drawn=lambda done, total: told.append((done, total)))
    assert told[-1] == (4, 4)
    one = write_page(
        reviewed, MediaCache(tmp_path / "other"), tmp_path / "one", reviewer="ann", verdicts=tmp_path / "verdicts"
    )
    assert one.path.read_bytes() == page.path.read_bytes()


def test_the_command_explains_itself_and_names_what_is_missing(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["review", "--help"])
    assert done.exit_code == 0
    assert "--html" in done.output
    (tmp_path / "v1").mkdir()
    done = CliRunner().invoke(cli, ["review", str(tmp_path / "v1"), "--html", str(tmp_path / "page")])
    assert done.exit_code != 0
    assert "no complete dataset version" in str(done.exception)
