"""`show` answers questions about a build by SQL, and sees nothing else of the machine."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from record_samples import assignment, clip, source, track

from pvtt_data.cli.show import show_command
from pvtt_data.errors import PvttError
from pvtt_data.line import TABLE_RECORDS
from pvtt_data.records import Pair
from pvtt_data.show import VIEWS, query
from pvtt_data.stage import reject
from pvtt_data.workspace import Workspace

SECRET = "the password is mellon"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    mug, lamp = source("a/mug", "mug", title="Mug"), source("b/lamp", "lamp", title="It's a [red] lamp")
    clips = [clip("m2", mug, 200), clip("m1", mug, 0), clip("l1", lamp, 50)]
    rows: dict[str, list[Any]] = {
        "sources": [mug, lamp],
        "clips": clips,
        "tracks": [
            *(track(c) for c in clips[:2]),
            dataclasses.replace(track(clips[2]), choice="auto", target="lamp. light.", target_rule="title"),
        ],
        "assignments": [assignment(mug, "x", "train"), assignment(lamp, "y", "test")],
        "rejections": [reject("filter", "shot", "1", "a/mug.mp4 [300:377)", "too-dark", "luma 3", {"luma": 3})],
    }  # fmt: skip
    workspace = Workspace(tmp_path / "work")
    for name, record in TABLE_RECORDS.items():
        workspace.write_table(name, record, rows.get(name, []))
    return tmp_path / "work"


def rows(work: Path, what: str, where: str | None = None) -> list[dict[str, Any]]:
    names, found = query(work, what, where)
    return [dict(zip(names, row, strict=True)) for row in found]


def test_a_clip_tells_where_it_comes_from_and_how_it_was_cut(work: Path) -> None:
    found = rows(work, "clips")
    assert [(row["source_path"], row["first_frame"]) for row in found] == [
        ("a/mug.mp4", 0),
        ("a/mug.mp4", 200),
        ("b/lamp.mp4", 50),
    ]
    first = found[0]
    assert (first["last_frame"], first["frames"], first["fps"]) == (77, 49, 16.0)
    assert (first["width_px"], first["height_px"]) == (480, 848)
    assert (first["source_width_px"], first["source_height_px"]) == (1280, 720)
    assert first["crop"] == {"x": 436, "y": 0, "width": 408, "height": 720}
    assert (first["product_id"], first["split"]) == ("mug", "train")


@pytest.mark.parametrize(
    ("what", "where", "count"),
    [
        ("clips", "first_frame >= 50", 2),
        ("clips", "split = 'test' AND fps < 20", 1),
        ("clips", "crop.width = 408 AND source_path LIKE '%lamp%'", 1),
        ("sources", "title = 'It''s a [red] lamp'", 1),
        ("tracks", "verdict = 'accept' AND numbers['area'] > 0.1", 3),
        ("tracks", "choice = 'auto' AND target_rule = 'title' AND target LIKE 'lamp%'", 1),
        ("rejections", "reason = 'too-dark'", 1),
        ("rejections", "numbers['luma'] > 3", 0),
        ("triples", "split = 'train'", 0),
    ],
)
def test_a_condition_picks_rows(work: Path, what: str, where: str, count: int) -> None:
    assert len(rows(work, what, where)) == count


def test_a_pair_names_the_clip_that_its_product_a_is_cut_out_of(work: Path) -> None:
    mug, lamp = source("a/mug", "mug"), source("b/lamp", "lamp")
    into, own = track(clip("m1", mug, 0)), track(clip("l1", lamp, 50))
    still = Pair(
        "1" * 16, "composite", "swap", "train", "easy", "lamp", "mug", into.clip_id, into.track_id, "p", (), (), 0
    )
    moving = dataclasses.replace(still, pair_id="2" * 16, cutout_id="", track_id_a=own.track_id)
    Workspace(work).write_table("pairs", Pair, [still, moving])
    found = {row["pair_id"][0]: row for row in rows(work, "pairs")}
    assert (found["2"]["source_path"], found["2"]["moving_a_path"]) == ("a/mug.mp4", "b/lamp.mp4")
    assert found["2"]["moving_a_first_frame"] == 50
    assert (found["1"]["moving_a_path"], found["1"]["moving_a_first_frame"]) == ("", None)


@pytest.mark.parametrize("what", VIEWS)
def test_every_view_can_be_shown_when_it_is_empty(tmp_path: Path, what: str) -> None:
    workspace = Workspace(tmp_path)
    for name, record in TABLE_RECORDS.items():
        workspace.write_table(name, record, [])
    names, found = query(tmp_path, what)
    assert names
    assert found == []


def test_a_filtered_view_keeps_its_order(work: Path) -> None:
    assert [row["first_frame"] for row in rows(work, "clips", "product_id = 'mug'")] == [0, 200]


@pytest.mark.parametrize("where", ["colour = 'red'", "first_frame >", "CAST(source_path AS INT) = 1", "fps = 'x'", ")"])
def test_a_condition_that_is_no_sql_is_answered_in_words(work: Path, where: str) -> None:
    with pytest.raises(PvttError, match="--where"):
        query(work, "clips", where)


@pytest.mark.parametrize(
    "condition",
    [
        "title IN (SELECT content FROM read_text('{secret}'))",
        "title IN (SELECT column0 FROM read_csv('{secret}', header=false))",
        "title IN (SELECT filename FROM read_blob('{secret}'))",
        "title IN (SELECT file FROM glob('{folder}/*'))",
        "title IN (SELECT column0 FROM '{secret}')",
        "title IN (SELECT content FROM read_json_auto('{secret}'))",
        "1 = 1; ATTACH '{folder}/new.db'; SELECT 1",
        "1 = 1; COPY sources TO '{folder}/out.csv'",
        "1 = 1; SET enable_external_access = true",
        "1 = 1; DROP TABLE sources",
        "1 = 1; SELECT 5",
    ],
)
def test_a_condition_cannot_reach_the_machine(work: Path, tmp_path: Path, condition: str) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text(SECRET)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(PvttError) as refused:
        query(work, "sources", condition.format(secret=secret, folder=tmp_path))
    assert SECRET not in str(refused.value)
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_without_a_build_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(PvttError, match="holds no build yet"):
        query(tmp_path, "clips")


def test_a_folder_with_odd_characters_is_read(work: Path) -> None:
    odd = work.rename(work.with_name("w [1]*?'\"ö"))
    assert len(rows(odd, "clips")) == 3


@pytest.fixture
def shown(work: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What `show clips` prints on a terminal of a width, or into a pipe."""

    def show(columns: int, terminal: bool) -> str:
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("TTY_COMPATIBLE", "1" if terminal else "0")
        done = CliRunner().invoke(show_command, ["clips", "--work", str(work)])
        assert done.exit_code == 0, done.output
        return re.sub(r"\x1b\[[0-9;]*m", "", done.output)

    return show


def test_a_wide_terminal_shows_one_row_a_line(shown: Callable[..., str]) -> None:
    lines = shown(400, terminal=True).splitlines()
    assert lines[0].split()[:2] == ["clip_id", "source_path"]
    assert [line.split()[1] for line in lines[1:4]] == ["a/mug.mp4", "a/mug.mp4", "b/lamp.mp4"]
    assert lines[4] == "3 clips"


def test_a_narrow_terminal_shows_one_block_a_row_and_breaks_no_word(shown: Callable[..., str]) -> None:
    text = shown(60, terminal=True)
    assert max(len(line) for line in text.splitlines()) <= 60
    assert text.count("source_path") == 3
    assert "b/lamp.mp4" in text


def test_a_pipe_gets_whole_rows(shown: Callable[..., str]) -> None:
    lines = shown(60, terminal=False).splitlines()
    assert len(lines) == 5
    assert "…" not in "".join(lines)
    assert all("mp4" in line for line in lines[1:4])
