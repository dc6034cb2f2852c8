"""What a run logged can be read after any kill."""

from __future__ import annotations

from pathlib import Path

import pytest
from pvtt_train.run_folder import LOG, METRICS, RunFolder

from pvtt_data.progress import RunLog


def written(folder: Path, *steps: int, **fields: object) -> Path:
    log = RunLog(folder / LOG)
    for step in steps:
        log.write("validated", step=step, **fields)
    log.close()
    return folder / LOG


def validated(folder: Path) -> list[int]:
    return [entry["step"] for entry in RunFolder(folder).events("validated")]


@pytest.mark.parametrize("lost", [2, 9, 60])
def test_what_follows_a_torn_line_is_read_and_the_torn_one_is_gone(tmp_path: Path, lost: int) -> None:
    path = written(tmp_path, 1, 2, said="杯子" * 20)
    path.write_bytes(path.read_bytes()[:-lost])
    assert validated(tmp_path) == [1]
    written(tmp_path, 3, 4)
    assert validated(tmp_path) == [1, 3, 4]
    assert len(path.read_text(encoding="utf-8").splitlines()) == 3


def test_a_line_that_lacks_only_its_end_is_kept(tmp_path: Path) -> None:
    path = written(tmp_path, 1, 2)
    path.write_bytes(path.read_bytes()[:-1])
    written(tmp_path, 3)
    assert validated(tmp_path) == [1, 2, 3]


def test_a_line_that_was_torn_long_ago_hides_no_other(tmp_path: Path) -> None:
    path = written(tmp_path, 1, 2, 3)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(lines[0] + lines[1][:20] + "\n" + lines[2])
    assert validated(tmp_path) == [1, 3]


def test_metrics_that_end_within_a_letter_can_be_read(tmp_path: Path) -> None:
    whole = '{"step": 1, "keys": ["杯"]}\n'.encode()
    (tmp_path / METRICS).write_bytes(whole + whole[:-6])
    assert [entry["step"] for entry in RunFolder(tmp_path).metrics()] == [1]
