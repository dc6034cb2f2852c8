"""What was computed is never lost and never made up: torn and damaged lines, kills, compaction."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from record_samples import clip, records, source, track

from pvtt_data.errors import BuildError
from pvtt_data.journal import StageCache, blobs_of, mend_journal, outcome_from_plain, read_journal
from pvtt_data.records import Clip, MaskTrack, Quality, Rejection, Triple
from pvtt_data.stage import Outcome, reject

KEYS = [f"{number:064x}" for number in range(6)]


def outcome(number: int) -> Outcome:
    return Outcome(rows=(Quality(f"row {number}", {"value": float(number)}),))


def read_back(cache: StageCache, key: str) -> Outcome:
    plain = cache.get(key)
    assert plain is not None
    return outcome_from_plain(plain, "toy", "clip", "id", "a.mp4")


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    cache = StageCache(tmp_path / "toy")
    for number in range(4):
        cache.add(KEYS[number], outcome(number))
    cache.close()
    return tmp_path / "toy"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(records(Clip) | records(MaskTrack) | records(Triple), max_size=2))
def test_rows_come_back_as_they_were(tmp_path_factory: pytest.TempPathFactory, rows: list[object]) -> None:
    folder = tmp_path_factory.mktemp("cache")
    cache = StageCache(folder)
    cache.add(KEYS[0], Outcome(rows=tuple(rows)))
    cache.compact()
    assert read_back(StageCache(folder), KEYS[0]) == Outcome(rows=tuple(rows))


def test_a_rejection_comes_back_for_the_item_as_it_is_called_now(tmp_path: Path) -> None:
    dropped = reject("toy", "clip", "old id", "old name.mp4", "too-dark", "dark — ‘näht’\u2028\n", {"luma": 3})
    cache = StageCache(tmp_path)
    cache.add(KEYS[0], Outcome(rejection=dropped))
    back = read_back(StageCache(tmp_path), KEYS[0]).rejection
    assert back == reject("toy", "clip", "id", "a.mp4", "too-dark", "dark — ‘näht’\u2028\n", {"luma": 3})


def test_what_add_returned_for_is_on_the_disk(filled: Path) -> None:
    cache = StageCache(filled)
    assert len(cache) == 4
    assert KEYS[3] in cache
    assert KEYS[4] not in cache
    assert cache.get(KEYS[4]) is None
    assert read_back(cache, KEYS[2]) == outcome(2)


def test_a_fault_is_never_stored(tmp_path: Path) -> None:
    cache = StageCache(tmp_path)
    with pytest.raises(ValueError, match="fault"):
        cache.add(KEYS[0], Outcome(fault="Traceback …"))
    assert len(StageCache(tmp_path)) == 0


@pytest.mark.parametrize("lost", [1, 2, 10, 60])
def test_a_torn_last_line_is_ignored_and_the_next_row_starts_on_its_own(filled: Path, lost: int) -> None:
    journal = filled / "journal.jsonl"
    journal.write_bytes(journal.read_bytes() + journal.read_bytes().splitlines(keepends=True)[0][:-lost])
    cache = StageCache(filled)
    assert len(cache) == 4
    cache.add(KEYS[4], outcome(4))
    cache.close()
    assert journal.read_bytes().endswith(b"\n")
    assert len(journal.read_bytes().splitlines()) == 5
    again = StageCache(filled)
    assert [read_back(again, key) for key in KEYS[:5]] == [outcome(number) for number in range(5)]


def test_a_journal_without_a_whole_line_is_mended_to_nothing(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    journal.write_bytes(b"1234abcd half a li")
    assert read_journal(journal) == {}
    mend_journal(journal)
    assert journal.read_bytes() == b""


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damage_in_the_middle_costs_that_line_only(filled: Path, data: st.DataObject) -> None:
    lines = (filled / "journal.jsonl").read_bytes().splitlines(keepends=True)
    hurt = data.draw(st.integers(0, 3))
    place = data.draw(st.integers(0, len(lines[hurt]) - 2))
    new = data.draw(st.binary(min_size=1, max_size=3).filter(lambda b: b != lines[hurt][place : place + len(b)]))
    damaged = lines[hurt][:place] + new + lines[hurt][place + len(new) :]
    broken = filled.parent / "broken.jsonl"
    broken.write_bytes(b"".join([*lines[:hurt], damaged, *lines[hurt + 1 :]]))
    whole = read_journal(filled / "journal.jsonl")
    left = read_journal(broken)
    assert left.items() <= whole.items()
    swallowed = {KEYS[hurt]} | ({KEYS[hurt + 1]} if hurt < 3 and not damaged.endswith(b"\n") else set())
    assert set(whole) - set(left) <= swallowed
    assert KEYS[hurt] not in left


def test_a_line_that_did_not_fit_on_the_disk_leaves_the_journal_whole(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (filled / "journal.jsonl").read_bytes()
    cache = StageCache(filled)

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("pvtt_data.journal.os.fsync", full)
        patch.setattr("pvtt_data.journal.sync_folder", lambda folder: None)
        with pytest.raises(OSError, match="No space left"):
            cache.add(KEYS[4], outcome(4))
    assert (filled / "journal.jsonl").read_bytes() == before
    assert KEYS[4] not in cache
    cache.add(KEYS[5], outcome(5))
    cache.close()
    assert read_back(StageCache(filled), KEYS[5]) == outcome(5)


def test_forgotten_results_are_gone_for_good_and_all_others_stay(filled: Path) -> None:
    cache = StageCache(filled)
    cache.compact()
    cache.add(KEYS[4], outcome(4))
    cache.forget({KEYS[0], KEYS[4], "never known"})
    assert list(StageCache(filled).keys()) == KEYS[1:4]
    assert read_back(StageCache(filled), KEYS[2]) == outcome(2)


def test_later_results_win(tmp_path: Path) -> None:
    cache = StageCache(tmp_path)
    cache.add(KEYS[0], outcome(1))
    cache.compact()
    cache.add(KEYS[0], outcome(2))
    assert read_back(StageCache(tmp_path), KEYS[0]) == outcome(2)
    cache.compact()
    assert read_back(StageCache(tmp_path), KEYS[0]) == outcome(2)


def test_compaction_keeps_everything_sorted_and_readable_by_others(filled: Path) -> None:
    cache = StageCache(filled)
    cache.compact()
    assert not (filled / "journal.jsonl").exists()
    cache.add(KEYS[5], outcome(5))
    cache.add(KEYS[4], outcome(4))
    cache.compact()
    again = StageCache(filled)
    assert [read_back(again, key) for key in KEYS] == [outcome(number) for number in range(6)]
    keys = duckdb.sql(f"SELECT key FROM read_parquet('{filled}/results.parquet')").fetchall()
    assert keys == [(key,) for key in KEYS]


def test_a_compaction_that_fails_loses_nothing(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError("no space left on device")

    cache = StageCache(filled)
    cache.compact()
    cache.add(KEYS[4], outcome(4))
    with monkeypatch.context() as broken, pytest.raises(OSError, match="no space"):
        broken.setattr(pq, "write_table", fail)
        cache.compact()
    assert len(StageCache(filled)) == 5
    assert sorted(path.name for path in filled.iterdir()) == ["journal.jsonl", "results.parquet"]


def test_a_kill_between_the_new_table_and_the_end_of_the_journal_loses_nothing(filled: Path) -> None:
    journal = (filled / "journal.jsonl").read_bytes()
    StageCache(filled).compact()
    (filled / "journal.jsonl").write_bytes(journal)
    cache = StageCache(filled)
    assert len(cache) == 4
    cache.compact()
    assert len(StageCache(filled)) == 4


def test_a_damaged_table_is_named_with_what_mends_it(filled: Path) -> None:
    StageCache(filled).compact()
    table = filled / "results.parquet"
    table.write_bytes(table.read_bytes()[:-5])
    with pytest.raises(BuildError, match=r"results\.parquet is damaged.*delete it"):
        StageCache(filled)


@pytest.mark.parametrize("rows_before_the_kill", [1, 7])
def test_a_killed_process_loses_at_most_the_row_in_hand(tmp_path: Path, rows_before_the_kill: int) -> None:
    program = "import sys, toy_stages; toy_stages.add_rows_until_killed(sys.argv[1])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stdout is not None
        said = [int(process.stdout.readline()) for _ in range(rows_before_the_kill)]
        process.send_signal(signal.SIGKILL)
        said += [int(line) for line in process.stdout.read().splitlines()]
    cache = StageCache(tmp_path)
    assert len(cache) in (len(said), len(said) + 1)
    for number in said:
        assert read_back(cache, f"{number:064x}") == outcome(number)
    cache.add("f" * 64, outcome(0))
    assert len(StageCache(tmp_path)) == len(cache)


def test_the_blobs_of_a_row_are_found_wherever_they_are() -> None:
    of = clip("c", source("s"))
    assert list(blobs_of((of, track(of)))) == [of.video, track(of).mask]
    assert list(blobs_of(Rejection("1", "s", "k", "i", "n", "r", "m", ""))) == []


@settings(max_examples=10, deadline=None)
@given(records(Triple))
def test_the_blobs_of_a_triple_are_its_members(row: Triple) -> None:
    members = [row.source, row.source_mask, row.target, row.target_mask, row.effect_mask]
    assert list(blobs_of(row)) == [*members, *row.references, *row.heldout]
