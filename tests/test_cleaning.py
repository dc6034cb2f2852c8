"""Cleaning frees what no latest build needs, says so first, and never makes the next build compute anything again."""

from __future__ import annotations

from pathlib import Path

import pytest
from toy_stages import InlineExecutor, ToyConfig, ToyStage, calls, named

from pvtt_data.cleaning import clean, find_cleanable
from pvtt_data.journal import StageCache
from pvtt_data.progress import SilentReporter
from pvtt_data.records import MaskTrack
from pvtt_data.runner import Runner
from pvtt_data.stage import Outcome
from pvtt_data.workspace import Workspace

ROWS = [named(f"row {n}", "write", n) for n in range(3)]


def build(workspace: Workspace, factor: int = 1, recipe: str = "mugs", rows: int = 3) -> list[MaskTrack]:
    run = Runner(workspace, InlineExecutor(workspace.store), SilentReporter(), recipe=recipe)
    tracks: list[MaskTrack] = run.map(ToyStage(ToyConfig(factor=factor)), ROWS[:rows])
    return tracks


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def test_what_the_latest_build_used_stays(workspace: Workspace) -> None:
    build(workspace)
    found = find_cleanable(workspace, keep_runs=5)
    assert not found
    assert found.size_bytes == 0


def test_results_of_earlier_settings_go_with_their_blobs(workspace: Workspace) -> None:
    old, new = build(workspace, factor=1), build(workspace, factor=2)
    found = find_cleanable(workspace, keep_runs=5)
    # Row 0 writes the same bytes with both settings.
    assert {stage: len(keys) for stage, keys in found.results.items()} == {"toy": 3}
    assert set(found.blobs) == {f"{t.mask.sha256}.mp4" for t in old} - {f"{t.mask.sha256}.mp4" for t in new}
    assert found.size_bytes == sum(t.mask.size_bytes for t in old[1:])
    assert all(workspace.store.has(track.mask) for track in old), "looking must not delete"
    clean(workspace, found)
    assert not find_cleanable(workspace, keep_runs=5)
    before = len(calls(workspace.store))
    assert build(workspace, factor=2) == new
    assert len(calls(workspace.store)) == before
    build(workspace, factor=1)
    assert len(calls(workspace.store)) == before + 3


def test_each_recipe_keeps_its_own(workspace: Workspace) -> None:
    build(workspace, factor=1, recipe="mugs")
    build(workspace, factor=2, recipe="lamps")
    assert not find_cleanable(workspace, keep_runs=5)


def test_rows_that_left_the_feed_can_go(workspace: Workspace) -> None:
    build(workspace)
    build(workspace, rows=2)
    assert len(find_cleanable(workspace, keep_runs=5).results["toy"]) == 1


def test_what_an_interrupted_build_has_finished_stays(workspace: Workspace) -> None:
    build(workspace)
    blob = workspace.store.put(b"fresh", "mp4")
    cache = StageCache(workspace.root / "cache" / "toy")
    cache.add("f" * 64, Outcome(rows=(MaskTrack("x", "x", "toy", {}, blob, "accept", (), {}),)))
    cache.close()
    assert not find_cleanable(workspace, keep_runs=5)


@pytest.mark.parametrize("damage", ["torn", "absent"])
def test_without_a_note_of_what_was_used_nothing_is_superfluous(workspace: Workspace, damage: str) -> None:
    build(workspace, factor=1)
    build(workspace, factor=2)
    (path,) = (workspace.root / "cache" / "toy" / "used").iterdir()
    if damage == "torn":
        path.write_bytes(path.read_bytes()[:40])
    else:
        path.unlink()
    assert not find_cleanable(workspace, keep_runs=5)


def test_blobs_that_nothing_mentions_and_old_runs_go(workspace: Workspace) -> None:
    build(workspace)
    orphan = workspace.store.put(b"of a row that was killed", "png")
    (workspace.store.local / "scratch").mkdir(parents=True)
    (workspace.store.local / "scratch" / "1-2.mp4").write_bytes(b"half")
    for name in ("20260101-000000", "20260102-000000", "20260103-000000"):
        (workspace.runs / name).mkdir(parents=True)
        (workspace.runs / name / "report.html").write_text("report")
    found = find_cleanable(workspace, keep_runs=2)
    assert set(found.blobs) == {f"{orphan.sha256}.png"}
    assert {path.name for path in found.folders} == {"20260101-000000", "scratch"}
    clean(workspace, found)
    assert not workspace.store.has(orphan)
    assert sorted(path.name for path in workspace.runs.iterdir()) == ["20260102-000000", "20260103-000000"]


def test_files_that_are_no_blobs_are_left_alone(workspace: Workspace) -> None:
    build(workspace)
    (workspace.root / "blobs" / "notes.txt").write_text("mine")
    assert not find_cleanable(workspace, keep_runs=5)
    with pytest.raises(ValueError, match="not a blob's name"):
        workspace.store.delete("../../notes.txt")


def test_remote_blobs_are_cleaned_too(tmp_path: Path) -> None:
    remote = Workspace(tmp_path, f"memory://{tmp_path.name}")
    old, new = build(remote, factor=1), build(remote, factor=2)
    clean(remote, find_cleanable(remote, keep_runs=5))
    assert [remote.store.has(track.mask) for track in old] == [True, False, False]
    assert all(remote.store.has(track.mask) for track in new)
