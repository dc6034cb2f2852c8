"""Writing files so that they appear whole or not at all, hashing them, and holding a folder by a lock."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

_CHUNK_BYTES = 1 << 20


def sha256_file(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A binary file that takes its final name, fsynced, only if the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def drop_unfinished(folder: Path, pid: int) -> None:
    """Delete what a process that was killed had half written with `whole_file` anywhere below a folder."""
    for path in folder.rglob(f".*.{pid}.*.tmp"):
        path.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Write ``data`` under its final name in one step."""
    with whole_file(path) as file:
        file.write(data)


def sync_folder(folder: Path) -> None:
    """Make renames inside ``folder`` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class HeldError(Exception):
    """Another process holds a lock.

    Attributes:
        holder: what it wrote there, or "unknown".
    """

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder or "unknown"


def patiently(take: Callable[[], None]) -> None:
    """Take a lock; who only looks whether it is free holds it for a moment, so that it is tried more than once.

    Raises:
        BlockingIOError: somebody has it.
    """
    for pause_s in (0.02, 0.1):
        try:
            return take()
        except BlockingIOError:
            time.sleep(pause_s)
    return take()


def holder(path: Path) -> str | None:
    """What the process that holds a lock says of itself; None if none does. Nothing is made or held.

    Args:
        path: of the lock file.

    Raises:
        OSError: it cannot be read.
    """
    try:
        with path.open("rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _said(lock)
    except FileNotFoundError:
        pass
    return None


def hold(path: Path, words: str) -> BinaryIO:
    """A lock that this process holds until the file is closed, or until it ends.

    Args:
        path: of the lock file; folders are made.
        words: that tell others who holds it.

    Raises:
        HeldError: another process does.
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.open("a+b")
    try:
        patiently(lambda: fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB))
    except BlockingIOError:
        words = _said(lock)
        lock.close()
        raise HeldError(words) from None
    lock.seek(0)
    lock.truncate()
    lock.write(f"{words}\n".encode())
    lock.flush()
    return lock


def _said(lock: BinaryIO) -> str:
    """What its holder wrote into a lock file."""
    lock.seek(0)
    return lock.read().decode(errors="replace").strip()


@contextlib.contextmanager
def wait_and_hold(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold a lock for the time of a block; while another process does, wait.

    Args:
        path: of the lock file, which stays; its folder must be there.
        on_wait: is called, once, if there is something to wait for.

    Raises:
        OSError: it cannot be written.
    """
    with path.open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError:
            pass  # a file system without such locks: two may then work at a time, as ever
        yield
