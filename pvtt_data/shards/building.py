"""The folder in which a version is written before it has a number.

Beside each such folder lies a lock file, locked as long as the build lives. The system drops the lock with the process,
however it ends, so a folder whose lock is free belongs to nobody and is deleted by the next build.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

_PREFIX = ".building-"
_LOCK = ".lock"


@contextlib.contextmanager
def building_folder(shards_root: Path) -> Iterator[Path]:
    """The path of a folder to write a version into; what is left there at the end of the block is deleted.

    What killed builds left behind is deleted first; folders of builds that are at work stay.

    Raises:
        OSError: ``shards_root`` cannot be written.
    """
    shards_root.mkdir(parents=True, exist_ok=True)
    remove_leftovers(shards_root)
    folder = shards_root / f"{_PREFIX}{secrets.token_hex(8)}"
    handle = _new_lock(_lock_of(folder))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _lock_of(folder).unlink(missing_ok=True)
        os.close(handle)


def remove_leftovers(shards_root: Path) -> None:
    """Delete the half-written folders of builds that do not live any more."""
    names = {entry.name.removesuffix(_LOCK) for entry in shards_root.glob(f"{_PREFIX}*")}
    for folder in (shards_root / name for name in sorted(names)):
        handle = _free_lock(_lock_of(folder))
        if handle is None:
            continue
        try:
            shutil.rmtree(folder, ignore_errors=True)
            _lock_of(folder).unlink(missing_ok=True)
        finally:
            os.close(handle)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(folder.name + _LOCK)


def _new_lock(path: Path) -> int:
    """A locked handle of a new lock file, made again if another build took it for a leftover before it was locked."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        fcntl.flock(handle, fcntl.LOCK_EX)
        if _is_open_file(path, handle):
            return handle
        os.close(handle)


def _free_lock(path: Path) -> int | None:
    """A locked handle of a lock file that nobody holds, made if it is missing; None if somebody holds it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    if _is_open_file(path, handle):
        return handle
    os.close(handle)
    return None


def _is_open_file(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False
