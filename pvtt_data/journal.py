"""What was already computed: one cache a stage, filled through a journal that survives a kill.

A finished row is appended to ``journal.jsonl`` and fsynced; a torn or damaged line is ignored when it is read back.
When a stage completes, the journal is folded into ``results.parquet`` (sorted by key, written whole, then the journal
is removed). DuckDB and pandas can read it.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from pvtt_data.errors import BuildError
from pvtt_data.files import sync_folder, whole_file
from pvtt_data.records import RECORDS, Blob, from_plain, to_plain
from pvtt_data.stage import Cost, ItemCost, Outcome, reject

_SCHEMA = pa.schema([pa.field("key", pa.string(), nullable=False), pa.field("outcome", pa.string(), nullable=False)])

R = TypeVar("R")

QUARANTINE_REASONS = frozenset({"crashed", "timeout", "memory-limit"})
"""Reasons of rejections that tell of the machine as much as of the item: kept, until a person asks for a retry."""


class StageCache:
    """Results of one map stage by cache key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._results = folder / "results.parquet"
        self._journal_path = folder / "journal.jsonl"
        self._journal: BinaryIO | None = None
        self._entries: dict[str, str] = {}
        if self._results.exists():
            try:
                table = pq.read_table(self._results)
            except (OSError, pa.ArrowException) as error:
                raise BuildError(
                    f"{self._results} is damaged ({error}); delete it and build again: only this stage is recomputed"
                ) from error
            self._entries = dict(zip(table.column("key").to_pylist(), table.column("outcome").to_pylist(), strict=True))
        self._entries.update(read_journal(self._journal_path))

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def get(self, key: str) -> Mapping[str, Any] | None:
        """The stored outcome of a key, as plain data; None when there is none."""
        text = self._entries.get(key)
        return None if text is None else json.loads(text)

    def keys(self) -> Iterator[str]:
        """All keys, in order."""
        yield from sorted(self._entries)

    def rejected(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Key, and reason, message and numbers, of every stored rejection."""
        for key in self.keys():
            text = self._entries[key]
            if '"rejected"' in text:
                plain = json.loads(text)
                if "rejected" in plain:
                    yield key, plain["rejected"]

    def rows(self, record: type[R]) -> Iterator[R]:
        """Every stored row of one kind, by key."""
        for key in self.keys():
            outcome = outcome_from_plain(json.loads(self._entries[key]), "", "", "", "")
            yield from (row for row in outcome.rows if isinstance(row, record))

    def costs(self) -> Iterator[ItemCost]:
        """What each stored result took, by key."""
        for key in self.keys():
            outcome = outcome_from_plain(json.loads(self._entries[key]), "", "", "", "")
            if outcome.cost is not None:
                yield ItemCost(key, outcome.cost, True, stored_bytes(outcome))

    def blobs(self, but: Set[str]) -> Iterator[Blob]:
        """Every blob in the stored rows, those of the keys ``but`` left out."""
        for key, text in self._entries.items():
            if key not in but and '"sha256"' in text:
                yield from blobs_of(outcome_from_plain(json.loads(text), "", "", "", "").rows)

    def unfinished_keys(self) -> set[str]:
        """Keys that are in the journal only: of a stage that a build did not complete."""
        return set(read_journal(self._journal_path))

    def add(self, key: str, outcome: Outcome) -> None:
        """Journal one outcome; when this returns it is on the disk. Faults are never stored.

        Raises:
            OSError: it cannot be written, on a full disk for one; the journal stays whole.
        """
        if outcome.fault or outcome.halt:
            raise ValueError("a fault is not a result")
        text = json.dumps(outcome_to_plain(outcome), sort_keys=True, ensure_ascii=False, allow_nan=False)
        if self._journal is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            mend_journal(self._journal_path)
            # Without a buffer, so that a line that did not fit is not tried again when the file is closed.
            self._journal = self._journal_path.open("ab", buffering=0)
            sync_folder(self.folder)
        begin = self._journal.seek(0, os.SEEK_END)
        try:
            _write_all(self._journal, journal_line(key, text))
            os.fsync(self._journal.fileno())
        except OSError:
            self._journal.truncate(begin)
            raise
        self._entries[key] = text

    def forget(self, keys: Set[str]) -> None:
        """Drop outcomes for good; all others stay, in the results table."""
        self._entries = {key: text for key, text in self._entries.items() if key not in keys}
        self._fold()

    def compact(self) -> None:
        """Fold the journal into the sorted results table."""
        self.close()
        if self._journal_path.exists():
            self._fold()

    def _fold(self) -> None:
        self.close()
        keys = sorted(self._entries)
        table = pa.table({"key": keys, "outcome": [self._entries[k] for k in keys]}, schema=_SCHEMA)
        with whole_file(self._results) as file:
            pq.write_table(table, file, compression="zstd")
        self._journal_path.unlink(missing_ok=True)
        sync_folder(self.folder)

    def close(self) -> None:
        """Close the journal; what was added stays."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None


def _write_all(file: BinaryIO, data: bytes) -> None:
    written = 0
    while written < len(data):
        written += file.write(data[written:])


def journal_line(key: str, text: str) -> bytes:
    """One line of a journal: checksum, key, outcome."""
    body = f"{key} {text}".encode()
    return b"%08x %s\n" % (zlib.crc32(body), body)


def read_journal(path: Path) -> dict[str, str]:
    """All undamaged lines of a journal as key → outcome text; later lines win."""
    return dict(_good_lines(path))


def mend_journal(path: Path) -> None:
    """Cut a torn last line off, so that the next line starts on its own."""
    if not path.exists():
        return
    data = path.read_bytes()
    if data and not data.endswith(b"\n"):
        with path.open("r+b") as file:
            file.truncate(data.rfind(b"\n") + 1)


def _good_lines(path: Path) -> Iterator[tuple[str, str]]:
    if not path.exists():
        return
    for line in path.read_bytes().split(b"\n"):
        checksum, _, body = line.partition(b" ")
        if len(checksum) != 8 or b"%08x" % zlib.crc32(body) != checksum:
            continue
        key, _, text = body.decode().partition(" ")
        yield key, text


def outcome_to_plain(outcome: Outcome) -> dict[str, Any]:
    """Rows with their record names, or the reason of the rejection without its subject; and what it took."""
    cost = outcome.cost
    took: dict[str, Any] = {} if cost is None else {"cost": [cost.wall_s, cost.cpu_s, cost.peak_rss_bytes]}
    if outcome.rejection is not None:
        rejection = outcome.rejection
        return took | {
            "rejected": {
                "reason": rejection.reason,
                "message": rejection.message,
                "numbers": dict(rejection.numbers),
            }
        }
    return took | {"rows": [[type(row).__name__, to_plain(row)] for row in outcome.rows]}


def outcome_from_plain(plain: Mapping[str, Any], stage: str, kind: str, subject_id: str, subject: str) -> Outcome:
    """The outcome that `outcome_to_plain` wrote, for the item as it is called now."""
    cost = Cost(*plain["cost"]) if "cost" in plain else None
    if "rejected" in plain:
        dropped = plain["rejected"]
        return Outcome(
            rejection=reject(
                stage, kind, subject_id, subject, dropped["reason"], dropped["message"], dropped["numbers"]
            ),
            cost=cost,
        )
    return Outcome(rows=tuple(from_plain(RECORDS[name], row) for name, row in plain["rows"]), cost=cost)


def stored_bytes(outcome: Outcome) -> int:
    """Size of the blobs in an outcome's rows, each counted once."""
    return sum(blob.size_bytes for blob in set(blobs_of(outcome.rows)))


def blobs_of(value: Any) -> Iterator[Blob]:
    """Every blob that a record mentions."""
    if isinstance(value, Blob):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from blobs_of(item)
    elif hasattr(type(value), "key_field"):
        for name in type(value).__slots__:
            yield from blobs_of(getattr(value, name))
