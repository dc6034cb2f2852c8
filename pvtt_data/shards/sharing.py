"""Versions share the files that did not change: a hard link instead of a second copy.

Files of a published version are read-only, since changing one in place would change it in every version that shares it.
Deleting a version takes nothing from the others: the bytes stay as long as one version has them.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from pvtt_data.files import sha256_file

_WRITE_BITS = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def make_read_only(file: Path) -> None:
    """Take the right to write away from everybody; a file that has none is not touched."""
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & _WRITE_BITS:
        file.chmod(mode & ~_WRITE_BITS)


def read_only_mode(folder: Path) -> int:
    """Permissions that a file made in ``folder`` has once it is read-only, as this process's umask gave them."""
    return stat.S_IMODE(folder.stat().st_mode) & (stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)


def link_same(existing: Path, target: Path, sha256: str, mode: int) -> bool:
    """Make ``target`` a hard link to ``existing``, in one step, if both may be one file.

    They may if ``existing`` is a plain file of this user with exactly the permissions ``mode``, none of which is to
    write, and its bytes have the hash ``sha256``: a file that was damaged or changed since is not passed on.

    Returns:
        Whether the link was made. False also where the filesystem makes no hard links, or no more of them.
    """
    try:
        stat_of = existing.lstat()
        if not stat.S_ISREG(stat_of.st_mode) or stat_of.st_uid != os.geteuid():
            return False
        if stat.S_IMODE(stat_of.st_mode) != mode or mode & _WRITE_BITS or sha256_file(existing) != sha256:
            return False
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
        os.link(existing, temporary)
        try:
            # A rename between two names of one file does nothing and leaves both, so the first has to go.
            if target.exists() and target.samefile(temporary):
                return True
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def shared_bytes(folder: Path, other: Path) -> int:
    """Size of the files that two version folders have in common: names of one file on disk."""
    held = {(s.st_dev, s.st_ino) for s in _stats(other)}
    return sum(s.st_size for s in _stats(folder) if (s.st_dev, s.st_ino) in held)


def total_bytes(folder: Path) -> int:
    """Size of all files of a version folder."""
    return sum(s.st_size for s in _stats(folder))


def distinct_bytes(folders: list[Path]) -> int:
    """Size of all files of several version folders, each file counted once however many names it has."""
    return sum({(s.st_dev, s.st_ino): s.st_size for folder in folders for s in _stats(folder)}.values())


def _stats(folder: Path) -> list[os.stat_result]:
    return [entry.lstat() for entry in sorted(folder.rglob("*")) if entry.is_file() and not entry.is_symlink()]
