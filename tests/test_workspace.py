"""One build at a time in a work directory; its tables come back as they were written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from record_samples import source

from pvtt_data.errors import PreflightError
from pvtt_data.records import Source, arrow_schema
from pvtt_data.workspace import Workspace


def test_a_second_build_is_told_who_is_at_work(tmp_path: Path) -> None:
    first = Workspace(tmp_path / "work")
    first.acquire()
    with pytest.raises(PreflightError, match=rf"process {os.getpid()}\) is at work.*--work"):
        Workspace(tmp_path / "work").acquire()
    first.release()
    second = Workspace(tmp_path / "work")
    second.acquire()
    second.release()


def test_a_killed_build_leaves_no_lock_behind(tmp_path: Path) -> None:
    program = (
        "import os, sys, pathlib, pvtt_data.workspace as w\n"
        "w.Workspace(pathlib.Path(sys.argv[1])).acquire(); os.kill(os.getpid(), 9)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], env=environment, check=False)
    assert (tmp_path / "lock").exists()
    workspace = Workspace(tmp_path)
    workspace.acquire()
    workspace.release()


def test_what_killed_workers_left_is_cleared_when_nobody_else_is_at_work(tmp_path: Path) -> None:
    first, second = Workspace(tmp_path), Workspace(tmp_path)
    first.acquire()
    left = first.store.scratch_file("mp4")
    left.write_bytes(b"half a video")
    with pytest.raises(PreflightError):
        second.acquire()
    assert left.exists()
    first.release()
    second.acquire()
    assert not left.exists()
    assert second.store.scratch_file("mp4").parent.is_dir()
    second.release()


def test_a_work_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PreflightError, match="cannot be written"):
        Workspace(tmp_path / "file" / "work").acquire()


def test_tables_come_back_sorted(tmp_path: Path) -> None:
    rows = [source(name, images=("front", "back")) for name in ("mug", "lamp", "bag")]
    path = Workspace(tmp_path).write_table("sources", Source, rows)
    assert Workspace(tmp_path).read_table("sources", Source) == sorted(rows, key=lambda row: row.source_id)
    same = Workspace(tmp_path / "other").write_table("sources", Source, rows[::-1])
    assert same.read_bytes() == path.read_bytes()


def test_an_empty_table_has_its_columns(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert workspace.read_table("sources", Source) == []
    path = workspace.write_table("sources", Source, [])
    assert pq.read_schema(path).names == arrow_schema(Source).names
    assert workspace.read_table("sources", Source) == []


def test_blobs_may_live_elsewhere(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "work", f"memory://{tmp_path.name}")
    blob = workspace.store.put(b"pixels", "png")
    assert workspace.store.read(blob) == b"pixels"
    assert workspace.store.path(blob).is_relative_to(tmp_path / "work" / "local")
