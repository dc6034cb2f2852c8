"""Rows that crashed, hung or ran out of memory run again when, and only when, a person says so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from toy_stages import InlineExecutor, Toy, ToyConfig, ToyStage, calls, named

from pvtt_data.errors import InputError
from pvtt_data.progress import SilentReporter
from pvtt_data.quarantine import quarantined, release
from pvtt_data.runner import Runner
from pvtt_data.stage import StageResult
from pvtt_data.store import BlobStore
from pvtt_data.workspace import Workspace


class Moody(ToyStage):
    """Rejects each row for the reason that it names, as the executor does."""

    def run(self, item: Toy, store: BlobStore) -> Sequence[Any]:
        if item.does != "compute":
            super().run(Toy(item.name), store)
            raise InputError(item.does, f"{item.name} went wrong")
        return super().run(item, store)


ROWS = [named("a", "crashed"), named("b", "timeout"), named("c", "memory-limit"), named("d", "too-dark"), named("e")]


def build(workspace: Workspace) -> StageResult:
    run = Runner(workspace, InlineExecutor(workspace.store), SilentReporter())
    run.map(Moody(ToyConfig()), ROWS)
    return run.results[0]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    build(made)
    return made


def test_an_unchanged_build_passes_over_them(workspace: Workspace) -> None:
    again = build(workspace)
    assert again.cached == 5
    assert [r.reason for r in again.rejections if r.subject == "a.mp4 [0:77)"] == ["crashed"]


def test_they_are_listed_by_name_and_bad_input_is_not_among_them(workspace: Workspace) -> None:
    assert [(row.stage, row.name, row.reason) for row in quarantined(workspace)] == [
        ("toy", "a.mp4 [0:77)", "crashed"),
        ("toy", "b.mp4 [0:77)", "timeout"),
        ("toy", "c.mp4 [0:77)", "memory-limit"),
    ]
    assert [row.name[0] for row in quarantined(workspace, reason="timeout")] == ["b"]
    assert quarantined(workspace, stage="other") == []


def test_released_rows_and_no_others_run_again(workspace: Workspace) -> None:
    release(workspace, quarantined(workspace, reason="timeout"))
    assert [row.name[0] for row in quarantined(workspace)] == ["a", "c"]
    before = len(calls(workspace.store))
    assert build(workspace).cached == 4
    assert calls(workspace.store)[before:] == ["toy b"]
