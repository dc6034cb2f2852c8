"""The verdicts folder: what is acknowledged stays, whatever happens, and what is damaged is told."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reviews_said import reviews, said, undo

from pvtt_data.errors import InputError, PreflightError
from pvtt_data.records import to_plain
from pvtt_data.reviews.effective import standings
from pvtt_data.reviews.exchange import export_table, import_file
from pvtt_data.reviews.log import ReviewLog, read_folder, scan
from pvtt_data.reviews.records import Review, review_line


def test_verdicts_of_all_reviewers_come_back_in_the_order_of_time(tmp_path: Path) -> None:
    first, second = said("accept", "ben", minute=1), said("reject", "anna", minute=2)
    ReviewLog(tmp_path, "anna").append(second)
    ReviewLog(tmp_path, "ben").append(first)
    assert read_folder(tmp_path) == [first, second]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["anna.jsonl", "ben.jsonl"]


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert read_folder(tmp_path / "none") == []


def test_a_later_word_holds_although_the_clock_went_back(tmp_path: Path) -> None:
    log = ReviewLog(tmp_path, "anna")
    first = log.append(said("reject", minute=30))
    second = log.append(said("accept", minute=10))
    assert second.at == "2026-11-26T10:30:01Z" > first.at
    assert standings(read_folder(tmp_path))[first.subject].verdict == "accept"


def test_the_same_words_after_an_undo_in_the_same_second_are_said_anew(tmp_path: Path) -> None:
    log = ReviewLog(tmp_path, "anna")
    first = log.append(said("reject"))
    log.append(undo(first, 0))
    assert standings(read_folder(tmp_path)) == {}
    again = log.append(said("reject"))
    assert again.review_id != first.review_id
    assert standings(read_folder(tmp_path))[first.subject].verdict == "reject"


def test_what_another_process_appended_counts_for_the_order(tmp_path: Path) -> None:
    mine, other = ReviewLog(tmp_path, "anna"), ReviewLog(tmp_path, "anna")
    mine.append(said("reject"))
    other.append(said("accept"))
    mine.append(said("flag"))
    assert [review.action for review in read_folder(tmp_path)] == ["reject", "accept", "flag"]
    assert len({review.at for review in read_folder(tmp_path)}) == 3


def test_a_selection_is_added_at_once(tmp_path: Path) -> None:
    many = [said("reject", about=number) for number in range(50)]
    assert ReviewLog(tmp_path, "anna").append_all(many) == many
    assert read_folder(tmp_path) == many


def test_the_word_of_another_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not belong"):
        ReviewLog(tmp_path, "anna").append(said("accept", "ben"))
    assert not list(tmp_path.iterdir())


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(reviews(reviewers=("anna",)), min_size=1, max_size=4), st.data())
def test_a_line_that_a_kill_tore_hides_no_other(
    tmp_path_factory: pytest.TempPathFactory, said_so_far: list[Review], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    before = ReviewLog(folder, "anna").append_all(said_so_far)
    path = folder / "anna.jsonl"
    whole = review_line(said("flag", about="torn"))
    path.write_bytes(path.read_bytes() + whole[: data.draw(st.integers(1, len(whole) - 2))])
    content = scan(folder)
    assert {r.review_id for r in content.reviews} == {r.review_id for r in before}
    assert [bad.torn for bad in content.bad] == [True] and not content.damaged
    after = ReviewLog(folder, "anna").append(said("accept", about="next"))
    assert {r.review_id for r in read_folder(folder)} == {r.review_id for r in (*before, after)}
    assert not scan(folder).bad


def test_a_whole_line_whose_end_is_missing_is_kept(tmp_path: Path) -> None:
    first = said("reject")
    (tmp_path / "anna.jsonl").write_bytes(review_line(first).rstrip(b"\n"))
    second = ReviewLog(tmp_path, "anna").append(said("accept", about="another"))
    assert read_folder(tmp_path) == [first, second]


def test_a_damaged_line_is_told_by_file_and_line_and_a_build_is_refused(tmp_path: Path) -> None:
    log = ReviewLog(tmp_path, "anna")
    for number in range(3):
        log.append(said("reject", about=number))
    lines = (tmp_path / "anna.jsonl").read_bytes().split(b"\n")
    lines[1] = lines[1].replace(b'"drift"', b'"other"')
    (tmp_path / "anna.jsonl").write_bytes(b"\n".join(lines))
    with pytest.raises(PreflightError, match=r"anna\.jsonl:2: the reason other needs a comment"):
        read_folder(tmp_path)
    assert len(scan(tmp_path).reviews) == 2
    log.append(said("accept", about="another"))
    assert len(scan(tmp_path).reviews) == 3
    assert [bad.line for bad in scan(tmp_path).damaged] == [2]


def test_copies_of_a_file_count_once_under_any_name(tmp_path: Path) -> None:
    ReviewLog(tmp_path, "anna").append(said("reject"))
    (tmp_path / "anna (1).jsonl").write_bytes((tmp_path / "anna.jsonl").read_bytes())
    assert len(read_folder(tmp_path)) == 1


def test_a_file_that_was_replaced_meanwhile_is_read_again(tmp_path: Path) -> None:
    log = ReviewLog(tmp_path, "anna")
    log.append(said("reject", minute=1))
    newer = b"".join(map(review_line, [said("reject", minute=1), said("flag", minute=20)]))
    (tmp_path / "new").write_bytes(newer)
    (tmp_path / "new").rename(tmp_path / "anna.jsonl")
    assert log.append(said("accept", minute=5)).at == "2026-11-26T10:20:01Z"


APPENDS = """
import sys
from pathlib import Path
from reviews_said import said
from pvtt_data.reviews.log import ReviewLog

log = ReviewLog(Path(sys.argv[1]), "anna")
for number in range(int(sys.argv[3])):
    print(log.append(said("reject", about=f"{sys.argv[2]} {number}", minute=number % 600)).review_id, flush=True)
"""


def appending(folder: Path, name: str, count: int) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", APPENDS, str(folder), name, str(count)],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}, cwd=Path(__file__).parents[2],
    )  # fmt: skip


def test_several_processes_append_to_one_file_and_nothing_is_lost(tmp_path: Path) -> None:
    processes = [appending(tmp_path, name, 40) for name in ("one", "two", "three")]
    acknowledged = [line for process in processes for line in process.communicate()[0].split()]
    assert len(set(acknowledged)) == 120
    assert {review.review_id for review in read_folder(tmp_path)} == set(acknowledged)


def test_a_kill_at_any_moment_loses_no_verdict_that_was_acknowledged(tmp_path: Path) -> None:
    moments = random.Random(9)
    acknowledged: set[str] = set()
    for round_number in range(6):
        process = appending(tmp_path, f"round {round_number}", 100_000)
        assert process.stdout is not None
        acknowledged.add(process.stdout.readline().strip())
        time.sleep(moments.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        rest = process.communicate()[0]
        # The last line may have been cut off on its way here.
        acknowledged |= set(rest[: rest.rfind("\n") + 1].split())
        content = scan(tmp_path)
        assert acknowledged <= {review.review_id for review in content.reviews}
        assert not content.damaged
    assert len(acknowledged) >= 6
    ReviewLog(tmp_path, "anna").append(said("accept", about="the last"))
    assert not scan(tmp_path).bad


def test_importing_a_file_twice_adds_nothing_and_names_are_filled_in(tmp_path: Path) -> None:
    rows = [to_plain(said("reject", "ben", about=n)) for n in range(3)]
    without = [json.dumps({k: v for k, v in row.items() if v and k != "review_id"}) + "\n" for row in rows]
    download = tmp_path / "verdicts-ben.jsonl"
    download.write_text("".join(without) + "not a verdict\n", encoding="utf-8")
    first = import_file(download, tmp_path / "verdicts")
    assert first.added == {"ben": 3} and [bad.line for bad in first.bad] == [4]
    again = import_file(download, tmp_path / "verdicts")
    assert again.added == {"ben": 0} and again.known == 3
    assert read_folder(tmp_path / "verdicts") == [said("reject", "ben", about=n) for n in range(3)]


def test_importing_an_old_file_does_not_bring_back_what_was_said_then(tmp_path: Path) -> None:
    old = said("reject", minute=1)
    download = tmp_path / "old.jsonl"
    download.write_bytes(review_line(old))
    folder = tmp_path / "verdicts"
    ReviewLog(folder, "anna").append(said("accept", minute=9))
    import_file(download, folder)
    assert len(read_folder(folder)) == 2
    assert standings(read_folder(folder))[old.subject].verdict == "accept"


def test_a_name_that_is_not_the_contents_is_refused_on_import(tmp_path: Path) -> None:
    download = tmp_path / "forged.jsonl"
    download.write_bytes(review_line(said("reject")).replace(b'"drift"', b'"privacy"'))
    result = import_file(download, tmp_path / "verdicts")
    assert not result.added and "review_id" in result.bad[0].problem


def test_the_table_holds_every_verdict(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    from pvtt_data.records import from_arrow

    for number, name in enumerate(("anna", "ben")):
        ReviewLog(tmp_path, name).append(said("reject", name, about=number))
    rows = from_arrow(Review, pq.read_table(export_table(tmp_path)))
    assert sorted(rows, key=lambda r: r.reviewer) == read_folder(tmp_path)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "verdicts").write_text("a file", encoding="utf-8")
    with pytest.raises(PreflightError, match="nothing was added"):
        ReviewLog(tmp_path / "verdicts", "anna").append(said("accept"))
