"""Who reads a folder: a shared lock on the folder itself, so that nothing is written for it, and other media will do.

Where a file system knows no such locks, nobody is seen and nobody is kept from reading.
"""

from __future__ import annotations

import fcntl
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pvtt_data.errors import DatasetError, PreflightError
from pvtt_data.files import patiently


class Reading:
    """This process reads a folder, as long as the object is there: nothing in it is taken away.

    Args:
        folder: need not exist.

    Raises:
        DatasetError: just now another process takes away what is no longer used.
    """

    def __init__(self, folder: Path) -> None:
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            return
        weakref.finalize(self, os.close, handle)
        try:
            patiently(lambda: fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise DatasetError(f"another process gives back space in {folder} (prune); wait for it") from error
        except OSError:
            return


@contextmanager
def nobody_reads(folder: Path) -> Iterator[None]:
    """While the block is at work nobody begins to read a folder.

    Raises:
        PreflightError: somebody reads it; the text says which process, as far as that is known.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            who = ", ".join(f"process {number}" for number in _readers(os.fstat(handle))) or "another process"
            raise PreflightError(
                f"{who} reads {folder}, such as a training: nothing in it can be given back (prune) before that ends"
            ) from error
        except OSError:
            pass
        yield
    finally:
        os.close(handle)


def _readers(folder: os.stat_result) -> list[int]:
    """Processes with a shared lock on a folder, as Linux lists them; those of other machines are not known."""
    place = f"{os.major(folder.st_dev):02x}:{os.minor(folder.st_dev):02x}:{folder.st_ino}"
    try:
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return []
    # "1: FLOCK  ADVISORY  READ 4711 fd:01:1234 0 EOF"; who waits has an arrow before the second word.
    words = [line.split() for line in lines]
    found = {int(each[4]) for each in words if len(each) > 5 and each[1] == "FLOCK" and each[5] == place}
    return sorted(number for number in found if number > 0)
