"""Workers may crash, hang and eat memory: the row is rejected or called a fault, the others come out the same."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from toy_stages import (
    BrokenStage,
    DyingStage,
    ImpatientStage,
    ToyBatches,
    ToyConfig,
    ToyStage,
    calls,
    named,
)

from pvtt_data.errors import BuildError
from pvtt_data.executor import LocalExecutor, run_row
from pvtt_data.stage import Outcome
from pvtt_data.store import BlobStore

ROWS = [
    *(named(f"row {number}", value=number) for number in range(8)),
    named("many", "double", 5),
    named("file", "write", 6),
    named("dark", "refuse"),
    named("odd", "refuse-odd-name"),
    named("defect", "fail"),
    named("nan", "nan"),
    named("crash", "exit"),
    named("crash once", "exit-once", 7),
    named("hog", "hog"),
    named("hog in OpenCV", "hog-opencv"),
    named("full", "fill"),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> BlobStore:
    folder = tmp_path_factory.mktemp("two workers")
    return BlobStore(str(folder / "blobs"), folder / "local")


@pytest.fixture(scope="module")
def two_workers(store: BlobStore) -> Iterator[LocalExecutor]:
    executor = LocalExecutor(2, store)
    yield executor
    executor.close()


@pytest.fixture(scope="module")
def outcomes(two_workers: LocalExecutor) -> dict[str, Outcome]:
    """Outcomes of `ROWS` from two workers."""
    pairs = list(two_workers.map(ToyStage(ToyConfig(factor=10)), ROWS))
    assert len(pairs) == len(ROWS)
    return {item.item_id: outcome for item, outcome in pairs}


def reason(outcome: Outcome) -> str:
    assert outcome.rejection is not None
    return outcome.rejection.reason


def test_every_row_has_one_outcome_whatever_its_neighbours_did(outcomes: dict[str, Outcome]) -> None:
    assert set(outcomes) == {row.item_id for row in ROWS}
    for number in range(8):
        (made,) = outcomes[f"row {number}"].rows
        assert made.numbers == {"value": 10.0 * number}
    assert [row.subject_id for row in outcomes["many"].rows] == ["manyb", "manya"]


def test_one_worker_makes_the_same_as_two(outcomes: dict[str, Outcome], tmp_path: Path) -> None:
    quiet = [row for row in ROWS if not row.item.does.startswith("exit")]
    executor = LocalExecutor(1, BlobStore(str(tmp_path / "blobs"), tmp_path / "local"))
    try:
        alone = {item.item_id: outcome for item, outcome in executor.map(ToyStage(ToyConfig(factor=10)), quiet)}
    finally:
        executor.close()
    for row in quiet:
        if not outcomes[row.item_id].fault:
            assert alone[row.item_id] == outcomes[row.item_id]
    assert bool(alone["defect"].fault)


def test_rows_that_are_worked_on_together_come_out_as_they_do_alone(
    outcomes: dict[str, Outcome], tmp_path: Path
) -> None:
    store = BlobStore(str(tmp_path / "blobs"), tmp_path / "local")
    executor = LocalExecutor(2, store)
    try:
        pairs = list(executor.map(ToyBatches(ToyConfig(factor=10)), ROWS))
    finally:
        executor.close()
    assert len(pairs) == len(ROWS)
    together = {item.item_id: outcome for item, outcome in pairs}
    for name, alone in outcomes.items():
        assert together[name].rows == alone.rows
        if alone.rejection is not None:
            assert reason(together[name]) == reason(alone)
        assert bool(together[name].fault) == bool(alone.fault)
        assert together[name].halt == alone.halt


def test_bad_input_is_a_rejection_with_its_numbers(outcomes: dict[str, Outcome]) -> None:
    rejection = outcomes["dark"].rejection
    assert rejection is not None
    assert (rejection.stage, rejection.kind, rejection.subject_id) == ("toy", "clip", "dark")
    assert rejection.subject == "dark.mp4 [0:77)"
    assert (rejection.reason, rejection.message, rejection.numbers) == ("too-dark", "dark is dark", {"luma": 3.0})


def test_a_name_that_is_not_utf8_can_still_be_written_down(outcomes: dict[str, Outcome]) -> None:
    rejection = outcomes["odd"].rejection
    assert rejection is not None
    assert rejection.message.encode() == b"caf\\udce9.mp4 is dark"


def test_any_other_error_is_a_fault_with_its_traceback(outcomes: dict[str, Outcome]) -> None:
    fault = outcomes["defect"].fault
    assert outcomes["defect"].rejection is None
    assert "RuntimeError: a defect in defect" in fault
    assert "toy_stages.py" in fault


def test_numbers_that_cannot_be_stored_are_a_fault_of_their_row(outcomes: dict[str, Outcome]) -> None:
    assert outcomes["nan"].rows == ()
    assert "ValueError" in outcomes["nan"].fault


def test_a_row_that_kills_its_worker_twice_is_rejected(outcomes: dict[str, Outcome], store: BlobStore) -> None:
    assert reason(outcomes["crash"]) == "crashed"
    assert "exit status 3" in outcomes["crash"].rejection.message  # type: ignore[union-attr]
    assert calls(store).count("toy crash") == 2


def test_a_row_whose_worker_died_once_is_tried_again_when_the_others_are_done(
    outcomes: dict[str, Outcome], store: BlobStore
) -> None:
    (made,) = outcomes["crash once"].rows
    assert made.numbers == {"value": 70.0}
    done = calls(store)
    assert set(done[-2:]) == {"toy crash", "toy crash once"}
    assert len(done) == len(ROWS) + 2


@pytest.mark.parametrize("row", ["hog", "hog in OpenCV"])
def test_a_row_that_eats_memory_is_rejected(outcomes: dict[str, Outcome], row: str) -> None:
    assert reason(outcomes[row]) == "memory-limit"


def test_a_full_disk_is_neither_the_rows_fault_nor_ours(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["full"]
    assert (outcome.rows, outcome.rejection, outcome.fault) == ((), None, "")
    assert outcome.halt == "the disk is full: No space left on device (/disk/blob.tmp)"


def test_what_a_row_took_is_measured(outcomes: dict[str, Outcome]) -> None:
    for name in ("row 1", "dark", "defect"):
        cost = outcomes[name].cost
        assert cost is not None
        assert 0 <= cost.wall_s < 60
        assert 10 * 2**20 < cost.peak_rss_bytes < 2**30
    assert outcomes["crash"].cost is None


def test_a_row_that_hangs_is_rejected_and_the_next_stage_runs(
    two_workers: LocalExecutor, outcomes: dict[str, Outcome]
) -> None:
    rows = [named("a"), named("stuck", "hang"), named("b")]
    begun = time.monotonic()
    hung = {item.item_id: outcome for item, outcome in two_workers.map(ImpatientStage(ToyConfig()), rows)}
    assert time.monotonic() - begun < 30
    assert reason(hung["stuck"]) == "timeout"
    assert hung["a"].rows
    assert hung["b"].rows
    assert len(list(two_workers.map(ToyStage(ToyConfig(factor=2)), [named("c"), named("d")]))) == 2


def test_a_stage_that_cannot_start_ends_the_build_and_rejects_no_row(
    two_workers: LocalExecutor, outcomes: dict[str, Outcome]
) -> None:
    with pytest.raises(BuildError, match=r"stage broken cannot start(.|\n)*weights\.onnx"):
        list(two_workers.map(BrokenStage(ToyConfig()), [named("a"), named("b")]))
    with pytest.raises(BuildError, match=r"stage dying cannot start.*exit status 9"):
        list(two_workers.map(DyingStage(ToyConfig()), [named("a")]))
    assert len(list(two_workers.map(ToyStage(ToyConfig()), [named("c")]))) == 1


def test_no_rows_need_no_worker(tmp_path: Path) -> None:
    executor = LocalExecutor(2, BlobStore(str(tmp_path), tmp_path))
    assert list(executor.map(BrokenStage(ToyConfig()), [])) == []
    with pytest.raises(ValueError, match="at least 1"):
        LocalExecutor(0, executor.store)


def test_an_interrupt_is_not_mistaken_for_a_bad_row(tmp_path: Path) -> None:
    class Interrupted(ToyStage):
        def run(self, item: object, store: BlobStore) -> list[object]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_row(Interrupted(ToyConfig()), named("a"), BlobStore(str(tmp_path), tmp_path))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_workers_die_with_their_parent(tmp_path: Path) -> None:
    program = "import sys, toy_stages; toy_stages.hang_until_killed(sys.argv[1])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stdout is not None
        pids = [int(pid) for pid in process.stdout.readline().split()]
        assert len(pids) == 2
        assert all(alive(pid) for pid in pids)
        process.kill()
    deadline = time.monotonic() + 10
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(alive(pid) for pid in pids)
