"""Locks: who only looks keeps nobody out, and a file system without locks is no error."""

from __future__ import annotations

import errno
import fcntl
from pathlib import Path

import pytest

from pvtt_data import files
from pvtt_data.files import HeldError, hold, holder, wait_and_hold


def test_who_holds_a_lock_is_told_and_nothing_is_made(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    assert holder(lock) is None and not lock.exists()
    with hold(lock, "process 7"):
        assert holder(lock) == "process 7"
        with pytest.raises(HeldError) as told:
            hold(lock, "process 8")
        assert told.value.holder == "process 7"
    assert holder(lock) is None


def test_a_look_at_a_lock_keeps_nobody_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lock"
    path.touch()
    look = path.open("rb")
    fcntl.flock(look, fcntl.LOCK_SH)
    monkeypatch.setattr(files.time, "sleep", lambda seconds: look.close())
    with hold(path, "process 7"):
        assert look.closed and holder(path) == "process 7"


def test_where_there_are_no_locks_one_goes_on_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", missing)
    with wait_and_hold(tmp_path / "lock", lambda: pytest.fail("there is nobody to wait for")):
        (tmp_path / "work").touch()
    assert (tmp_path / "work").exists()
