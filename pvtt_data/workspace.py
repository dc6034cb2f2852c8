"""The folders of a build: what is kept in the work directory, and who may use it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import pyarrow.parquet as pq

from pvtt_data.errors import PreflightError
from pvtt_data.files import HeldError, hold, whole_file
from pvtt_data.journal import StageCache
from pvtt_data.records import from_arrow, to_arrow
from pvtt_data.store import BlobStore

R = TypeVar("R")


class Workspace:
    """A work directory.

    ``blobs/`` content-addressed bytes, ``cache/<stage>/`` results by cache key, ``tables/*.parquet`` the rows of the
    latest build, ``local/`` addresses of originals and scratch files, ``runs/<time>/`` logs, timings and reports.

    Args:
        root: the folder; made if it is not there.
        blobs: folder or fsspec URL of the blobs; inside the work directory by default.
    """

    def __init__(self, root: Path, blobs: str | None = None) -> None:
        self.root = root.resolve()
        self.tables = self.root / "tables"
        self.runs = self.root / "runs"
        self.store = BlobStore(blobs or str(self.root / "blobs"), self.root / "local")
        self._lock: BinaryIO | None = None

    def acquire(self) -> None:
        """Take the work directory for this process.

        Raises:
            PreflightError: another build holds it, or it cannot be written.
        """
        try:
            self._lock = hold(self.root / "lock", str(os.getpid()))
        except OSError as error:
            raise PreflightError(f"the work directory {self.root} cannot be written: {error.strerror}") from error
        except HeldError as error:
            raise PreflightError(
                f"another build (process {error.holder}) is at work in {self.root}; wait for it, stop it, or "
                "give this one another --work directory"
            ) from None
        # Workers that crashed or were killed leave their temporary files behind; nobody else is at work now.
        shutil.rmtree(self.store.local / "scratch", ignore_errors=True)

    def release(self) -> None:
        """Let others have the work directory."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def stages(self) -> list[str]:
        """Names of the stages that have a cache."""
        folder = self.root / "cache"
        return sorted(entry.name for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else []

    def cache(self, stage: str) -> StageCache:
        """The cache of a stage."""
        return StageCache(self.root / "cache" / stage)

    def write_table(self, name: str, record: type, rows: Sequence[Any]) -> Path:
        """Store a table of the build, sorted, with the record's schema."""
        path = self.tables / f"{name}.parquet"
        with whole_file(path) as file:
            pq.write_table(to_arrow(record, rows), file, compression="zstd")
        return path

    def read_table(self, name: str, record: type[R]) -> list[R]:
        """Rows of a stored table; none if it was never written."""
        path = self.tables / f"{name}.parquet"
        return from_arrow(record, pq.read_table(path)) if path.exists() else []
