"""`pvtt-data verdicts`: who said what, in words for people and in JSON for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from reviews_said import said, undo

from pvtt_data.cli import cli
from pvtt_data.errors import PreflightError
from pvtt_data.reviews.log import ReviewLog, read_folder, scan
from pvtt_data.reviews.records import review_line


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Anna rejects two masks and changes her mind about one; Ben accepts both; Anna relabels a source."""
    folder = tmp_path / "verdicts"
    anna = ReviewLog(folder, "anna")
    anna.append(said("reject", about=1, minute=1, name="mug \x1b[2J one", comment="a hand"))
    anna.append(said("reject", about=2, minute=2, name="mug two"))
    anna.append(said("accept", about=2, minute=3, name="mug two"))
    anna.append(said("relabel", about=3, minute=4, category="cups"))
    for number in (1, 2):
        ReviewLog(folder, "ben").append(said("accept", "ben", about=number, minute=5))
    return folder


def run(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["verdicts", *words, "--verdicts", str(folder)])


def test_the_list_tells_what_holds(folder: Path) -> None:
    done = run(folder, "list")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert "reject (drift)" in lines[1] and "a hand" in lines[1]
    assert lines[2].rstrip().endswith("said anew")
    assert "category cups" in done.output and "6 verdicts" in lines[-1]
    assert "\x1b" not in done.output, "a terminal would obey"


def test_without_a_word_verdicts_are_listed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    assert "6 verdicts in verdicts" in CliRunner().invoke(cli, ["verdicts"]).output


def test_the_list_can_be_narrowed_and_read_by_programs(folder: Path) -> None:
    done = run(folder, "list", "--reviewer", "anna", "--action", "reject", "--json")
    rows = [json.loads(line) for line in done.output.splitlines()]
    assert [(row["name"], row["holds"]) for row in rows] == [("mug \x1b[2J one", True), ("mug two", False)]


def test_conflicts_show_who_says_what_and_what_holds(folder: Path) -> None:
    done = run(folder, "conflicts")
    assert "→ anna: reject (drift)  a hand" in done.output
    assert "  ben: accept" in done.output
    assert "1 subjects in conflict" in done.output
    assert "0 subjects in conflict" in run(folder, "conflicts", "--arbiter", "ben").output
    (row,) = json.loads(run(folder, "conflicts", "--json").output)
    assert row["kind"] == "mask" and len(row["words"]["verdict"]) == 2 and len(row["holds"]["verdict"]) == 1


def test_agreement_of_two_reviewers(folder: Path) -> None:
    (row,) = json.loads(run(folder, "agreement", "--json").output)
    assert (row["one"], row["other"], row["subjects"], row["same"], row["kappa"]) == ("anna", "ben", 2, 1, 0.0)
    assert "anna and ben" in run(folder, "agreement").output


def test_a_verdict_is_taken_back_by_the_beginning_of_its_id(folder: Path) -> None:
    review = next(r for r in read_folder(folder) if r.action == "reject" and r.name != "mug two")
    done = run(folder, "undo", review.review_id[:10], "--reviewer", "anna")
    assert done.exit_code == 0, done.output
    assert [r.undoes for r in read_folder(folder) if r.action == "undo"] == [review.review_id]
    assert "taken back" in run(folder, "list").output
    with pytest.raises(PreflightError, match="taken back already"):
        CliRunner().invoke(
            cli, ["verdicts", "undo", review.review_id, "--reviewer", "anna", "--verdicts", str(folder)],
            catch_exceptions=False, standalone_mode=False,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["undo", "0000", "--reviewer", "anna"], "there is no such verdict"),
        (["undo", "", "--reviewer", "anna"], "several verdicts begin so"),
        (["undo", "0000", "--reviewer", "a/b"], "a reviewer's name has"),
        (["import", "nowhere.jsonl"], "cannot be read"),
    ],
)
def test_what_cannot_be_done_is_told(folder: Path, words: list[str], message: str) -> None:
    assert message in str(run(folder, *words).exception)


def test_nobody_takes_back_the_word_of_another(folder: Path) -> None:
    review = next(r for r in read_folder(folder) if r.reviewer == "ben")
    done = run(folder, "undo", review.review_id, "--reviewer", "anna")
    assert "is a verdict of ben: only they can take it back" in str(done.exception)
    assert all(r.action != "undo" for r in read_folder(folder))


def test_files_are_imported_and_what_is_none_is_told(folder: Path, tmp_path: Path) -> None:
    download = tmp_path / "verdicts-cleo.jsonl"
    download.write_bytes(review_line(said("flag", "cleo", about=9)) + b"hello\n")
    done = run(folder, "import", str(download))
    assert "1 of cleo added, 0 known already" in done.output
    assert f"{download}:2" in str(done.exception)
    assert said("flag", "cleo", about=9) in read_folder(folder)


def test_the_export_is_a_table(folder: Path) -> None:
    assert run(folder, "export").exit_code == 0
    assert pq.read_table(folder / "verdicts.parquet").num_rows == 6


def test_damage_and_undos_of_nothing_are_told_and_hide_nothing(folder: Path) -> None:
    lost = said("reject", about="lost", minute=40)
    ReviewLog(folder, "anna").append(undo(lost, 41))
    with (folder / "ben.jsonl").open("ab") as file:
        file.write(b"broken\n")
    done = run(folder, "list")
    assert "ben.jsonl:3" in done.output and lost.review_id in done.output
    assert "7 verdicts" in done.output and len(scan(folder).damaged) == 1


def test_a_folder_that_was_named_must_be_there(tmp_path: Path) -> None:
    assert "there is no such folder" in str(run(tmp_path / "verdict", "list").exception)
