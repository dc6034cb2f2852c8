"""A build computes what is missing and nothing else, and ends loudly when its rows cannot be trusted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from toy_stages import InlineExecutor, Toy, ToyConfig, ToyStage, calls, named

from pvtt_data.errors import BuildError, DiskFullError, InputError
from pvtt_data.progress import RunLog, SilentReporter
from pvtt_data.records import MaskTrack
from pvtt_data.runner import Bounds, Runner, StopBuildError
from pvtt_data.stage import Named, StageResult, reject
from pvtt_data.store import BlobStore
from pvtt_data.workspace import Workspace


class Second(ToyStage):
    """Looks at the blob that the first stage wrote."""

    name = "second"


class NextVersion(ToyStage):
    version = 2


class OtherWeights(ToyStage):
    @property
    def weights(self) -> dict[str, str]:
        return {"net": "ab" * 32}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "work")


def runner(workspace: Workspace, **settings: Any) -> Runner:
    return Runner(workspace, InlineExecutor(workspace.store), SilentReporter(), **settings)


def two_stages(workspace: Workspace, factor: int = 1, second_factor: int = 1, values: str = "123") -> Runner:
    """Write a blob for each value, then compute a number from each blob's hash."""
    run = runner(workspace)
    tracks: list[MaskTrack] = run.map(
        ToyStage(ToyConfig(factor=factor)), [named(f"row {v}", "write", int(v)) for v in values]
    )
    items = [Named(Toy(t.track_id, "compute", int(t.mask.sha256[:8], 16)), t.track_id, t.track_id) for t in tracks]
    run.map(Second(ToyConfig(factor=second_factor)), items)
    return run


def new_calls(workspace: Workspace, before: int) -> list[str]:
    return sorted(calls(workspace.store)[before:])


BOTH = [f"{stage} row {value}" for stage in ("second", "toy") for value in "123"]


def test_weights_count_as_used_also_where_all_results_are_at_hand(workspace: Workspace) -> None:
    for _ in range(2):
        run = runner(workspace)
        assert run.weights == {}
        run.map(OtherWeights(ToyConfig()), [named("a")])
        assert run.weights == OtherWeights(ToyConfig()).weights != {}


def test_rows_are_sorted_whatever_order_they_are_finished_in(workspace: Workspace) -> None:
    rows = runner(workspace).map(ToyStage(ToyConfig()), [named("b"), named("c", "double"), named("a")])
    assert [row.subject_id for row in rows] == ["a", "b", "ca", "cb"]


def test_an_unchanged_build_computes_nothing(workspace: Workspace) -> None:
    first = two_stages(workspace)
    assert new_calls(workspace, 0) == BOTH
    second = two_stages(workspace)
    assert new_calls(workspace, 6) == []
    assert [r.rows for r in second.results] == [r.rows for r in first.results]
    assert [r.cached for r in second.results] == [3, 3]


def test_a_changed_setting_reruns_its_stage_and_what_depends_on_it(workspace: Workspace) -> None:
    two_stages(workspace)
    two_stages(workspace, second_factor=2)
    assert new_calls(workspace, 6) == [f"second row {value}" for value in "123"]
    two_stages(workspace, factor=2)
    assert new_calls(workspace, 9) == BOTH
    two_stages(workspace)
    assert new_calls(workspace, 15) == []


def test_a_new_row_leaves_the_others_alone(workspace: Workspace) -> None:
    two_stages(workspace)
    two_stages(workspace, values="1234")
    assert new_calls(workspace, 6) == ["second row 4", "toy row 4"]


@pytest.mark.parametrize("stage", [NextVersion, OtherWeights])
def test_another_version_or_other_weights_make_results_stale(workspace: Workspace, stage: type[ToyStage]) -> None:
    runner(workspace).map(ToyStage(ToyConfig()), [named("a")])
    runner(workspace).map(stage(ToyConfig()), [named("a")])
    assert len(calls(workspace.store)) == 2


def test_the_name_of_a_row_is_not_in_its_key(workspace: Workspace) -> None:
    runner(workspace).map(ToyStage(ToyConfig()), [Named(Toy("a", "refuse"), "1", "old.mp4")])
    run = runner(workspace)
    run.map(ToyStage(ToyConfig()), [Named(Toy("a", "refuse"), "2", "new.mp4")])
    assert len(calls(workspace.store)) == 1
    (rejection,) = run.results[0].rejections
    assert (rejection.subject_id, rejection.subject, rejection.reason) == ("2", "new.mp4", "too-dark")


def test_a_missing_blob_is_made_again(workspace: Workspace) -> None:
    first = two_stages(workspace)
    blob = first.results[0].rows[1].mask
    workspace.store.path(blob).unlink()
    two_stages(workspace)
    assert new_calls(workspace, 6) == ["toy row 2"]
    assert workspace.store.has(blob)


def test_faults_are_not_cached_and_end_the_build_above_their_share(workspace: Workspace) -> None:
    rows = [named("a"), named("b", "fail"), named("c"), named("d")]
    with pytest.raises(BuildError, match=r"1 of 4 rows(.|\n)*b\.mp4(.|\n)*RuntimeError: a defect in b"):
        runner(workspace).map(ToyStage(ToyConfig()), rows)
    run = runner(workspace, bounds=Bounds(max_fault_share=0.25))
    assert len(run.map(ToyStage(ToyConfig()), rows)) == 3
    assert calls(workspace.store).count("toy b") == 2
    assert calls(workspace.store).count("toy a") == 1
    assert [name for name, _ in run.results[0].faults] == ["b.mp4 [0:77)"]


def test_a_stage_that_fails_for_every_row_ends_at_once(workspace: Workspace) -> None:
    rows = [named(f"row {n}", "fail") for n in range(100)]
    with pytest.raises(BuildError, match=r"1 of 100 rows failed with a fault(.|\n)*RuntimeError: a defect in row"):
        runner(workspace).map(ToyStage(ToyConfig()), rows)
    assert len(calls(workspace.store)) == 1


def test_a_full_disk_stops_the_build_and_keeps_what_was_finished(workspace: Workspace) -> None:
    rows = [named("a"), named("b", "fill"), named("c")]
    with pytest.raises(DiskFullError, match=r"stage toy, b\.mp4.*disk is full.*free some space and run the same"):
        runner(workspace).map(ToyStage(ToyConfig()), rows)
    run = runner(workspace)
    run.map(ToyStage(ToyConfig()), [named("c")])
    assert run.results[0].cached == 1


def test_costs_are_kept_with_the_results(workspace: Workspace) -> None:
    first, second = two_stages(workspace), two_stages(workspace)
    new, old = first.results[0].costs, second.results[0].costs
    assert [(item.name, item.cached, item.stored_bytes) for item in old] == [
        (f"row {n}.mp4 [0:77)", True, len(f"row {n} {n}")) for n in (1, 2, 3)
    ]
    assert {(item.name, item.cost) for item in new} == {(item.name, item.cost) for item in old}
    assert not any(item.cached for item in new)


def test_a_result_that_cannot_be_stored_is_a_fault_and_not_the_end(workspace: Workspace) -> None:
    run = runner(workspace, bounds=Bounds(max_fault_share=0.5))
    rows = run.map(ToyStage(ToyConfig()), [named("a", "nan"), named("b", "refuse-odd-name"), named("c")])
    assert [row.subject_id for row in rows] == ["c"]
    assert len(run.results[0].faults) == 1
    assert len(run.results[0].rejections) == 1


def test_too_many_rejections_end_the_build_with_their_reasons(workspace: Workspace) -> None:
    rows = [named("a"), named("b", "refuse"), named("c", "refuse"), named("d")]
    with pytest.raises(BuildError, match=r"toy rejected 50% of its 4 rows \(2 too-dark\).*max_reject\.toy = 0\.4"):
        runner(workspace, bounds=Bounds(max_reject={"toy": 0.4})).map(ToyStage(ToyConfig()), rows)
    assert len(runner(workspace, bounds=Bounds(max_reject={"toy": 0.5})).map(ToyStage(ToyConfig()), rows)) == 2
    assert len(runner(workspace, bounds=Bounds(max_reject={"other": 0.1})).map(ToyStage(ToyConfig()), rows)) == 2
    assert len(calls(workspace.store)) == 4


def test_max_reject_also_holds_for_table_stages(workspace: Workspace) -> None:
    result = StageResult("filter", items=2, table=True)
    result.rejections.append(reject("filter", "shot", "1", "", "too-dark", "dark"))
    with pytest.raises(BuildError, match=r"max_reject\.filter"):
        runner(workspace, bounds=Bounds(max_reject={"filter": 0.1})).table(result)


def test_a_stage_without_rows_is_no_failure_of_its_own(workspace: Workspace) -> None:
    assert runner(workspace, bounds=Bounds(max_reject={"toy": 0.0})).map(ToyStage(ToyConfig()), []) == []


def test_the_build_stops_after_the_stage_it_was_told_and_hands_its_rows_on(workspace: Workspace) -> None:
    run = runner(workspace, until="toy")
    assert [row.subject_id for row in run.map(ToyStage(ToyConfig()), [named("a")])] == ["a"]
    assert run.done
    with pytest.raises(StopBuildError):
        run.map(Second(ToyConfig()), [named("a")])
    with pytest.raises(StopBuildError):
        run.table(StageResult("filter", items=1, table=True))
    assert [result.stage for result in run.results] == ["toy"]
    run = runner(workspace, until="second")
    assert len(run.map(ToyStage(ToyConfig()), [named("a")])) == 1
    assert not run.done
    assert len(calls(workspace.store)) == 1


def test_an_interrupted_stage_keeps_what_was_finished(workspace: Workspace) -> None:
    class Interrupted(InlineExecutor):
        def map(self, stage: Any, items: Any) -> Any:
            for number, pair in enumerate(super().map(stage, items)):
                if number == 2:
                    raise KeyboardInterrupt
                yield pair

    rows = [named(name) for name in "abcd"]
    with pytest.raises(KeyboardInterrupt):
        Runner(workspace, Interrupted(workspace.store), SilentReporter()).map(ToyStage(ToyConfig()), rows)
    before = len(calls(workspace.store))
    run = runner(workspace)
    assert len(run.map(ToyStage(ToyConfig()), rows)) == 4
    assert run.results[0].cached == 2
    assert len(calls(workspace.store)) == before + 2


@pytest.mark.parametrize("reason", ["original-gone", "original-changed"])
def test_a_rejection_that_tells_of_the_moment_is_forgotten(workspace: Workspace, reason: str) -> None:
    class Unplugged(ToyStage):
        plugged_in = False

        def run(self, item: Toy, store: BlobStore) -> Any:
            if not self.plugged_in:
                raise InputError(reason, "the disk was not mounted")
            return super().run(item, store)

    run = runner(workspace)
    assert run.map(Unplugged(ToyConfig()), [named("a")]) == []
    assert [r.reason for r in run.results[0].rejections] == [reason]
    Unplugged.plugged_in = True
    assert len(runner(workspace).map(Unplugged(ToyConfig()), [named("a")])) == 1


def test_a_plan_counts_what_is_missing_and_runs_nothing(workspace: Workspace) -> None:
    runner(workspace).map(ToyStage(ToyConfig()), [named("a"), named("b", "refuse")])
    plan = Runner(workspace, None, SilentReporter())
    rows = plan.map(ToyStage(ToyConfig()), [named("a"), named("b", "refuse"), named("c")])
    assert [row.subject_id for row in rows] == ["a"]
    assert [named.item_id for named in plan.missing["toy"].items] == ["c"]
    assert plan.results[0].cached == 2
    assert len(calls(workspace.store)) == 2


def test_two_items_with_one_id_are_a_defect_of_ours(workspace: Workspace) -> None:
    with pytest.raises(ValueError, match="same id"):
        runner(workspace).map(ToyStage(ToyConfig()), [named("a"), named("a", value=2)])


def test_the_log_tells_what_each_stage_did(workspace: Workspace, tmp_path: Path) -> None:
    log = RunLog(tmp_path / "log.jsonl")
    run = runner(workspace, log=log, bounds=Bounds(max_fault_share=1.0))
    run.map(ToyStage(ToyConfig()), [named("a"), named("b", "refuse"), named("c", "fail")])
    log.close()
    (entry,) = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert (entry["stage"], entry["items"], entry["rows"]) == ("toy", 3, 1)
    assert entry["rejected"] == {"too-dark": 1}
    assert "RuntimeError" in entry["faults"][0]["traceback"]
