"""The folder of an export: files that appear whole, what is there already, and what the export says of itself.

While an export runs, ``.pvtt-export/`` holds a lock, what the export is to be, and a journal with the files of each
finished sample, so that an interrupted export goes on. It goes when ``export.json`` and ``SHA256SUMS`` are written:
``sha256sum --check SHA256SUMS`` then tells whether every file is as it was written.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pvtt_data.errors import PreflightError
from pvtt_data.files import HeldError, hold, sha256_file, sync_folder, whole_file, write_whole
from pvtt_data.journal import journal_line, mend_journal, read_journal
from pvtt_data.shards.format import readable_json

MANIFEST_FILE = "export.json"
SUMS_FILE = "SHA256SUMS"
_STATE = ".pvtt-export"
_HEAD = "head.json"
_SHORT = 60
_SAFE = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9_.-]*/)*[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Written:
    """One file of an export."""

    path: str
    sha256: str
    bytes: int


@dataclass
class Files:
    """Writes files below a folder and remembers them.

    Attributes:
        root: folder of the export.
        written: what was written, in that order.
    """

    root: Path
    written: list[Written] = field(default_factory=list)

    def write(self, path: str, data: bytes) -> str:
        """Write a file; it takes its name when it is whole. `settle` puts it on the disk.

        Args:
            path: relative to the export, with forward slashes: letters, digits, ``_``, ``-`` and points, no hidden
                names. A path is made of keys and fixed words, never of text from a feed.
            data: the bytes.

        Returns:
            The path.

        Raises:
            ValueError: the path is no such path.
        """
        if _SAFE.fullmatch(path) is None:
            raise ValueError(f"{path!r} is no path for a file of an export")
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            temporary.write_bytes(data)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        self.written.append(Written(path, hashlib.sha256(data).hexdigest(), len(data)))
        return path

    def settle(self) -> None:
        """Put everything that was written on the disk, at once: to wait for each file takes far longer."""
        if self.written:
            os.sync()


@dataclass(frozen=True)
class Finished:
    """What became of one sample.

    Attributes:
        row: facts that the format keeps for its index; None if the sample was left out.
        reason, message: why it was left out; empty otherwise.
        files: that were written for it.
    """

    row: dict[str, Any] | None
    reason: str
    message: str
    files: tuple[Written, ...]

    def to_text(self) -> str:
        """As a journal keeps it."""
        files = [[file.path, file.sha256, file.bytes] for file in self.files]
        return json.dumps(
            {"row": self.row, "reason": self.reason, "message": self.message, "files": files}, allow_nan=False
        )

    @classmethod
    def from_text(cls, text: str) -> Finished:
        """Undo `to_text`."""
        plain = json.loads(text)
        files = tuple(Written(*entry) for entry in plain["files"])
        return cls(plain["row"], plain["reason"], plain["message"], files)


class ExportFolder:
    """A folder that an export is written into, held by a lock until it is closed.

    Args:
        path: new, empty, or of the same export.
        head: what the export is to be: format, settings, dataset and selection.

    Attributes:
        is_complete: whether the same export is there already, whole.
        finished: by key, the samples that an interrupted run finished, as far as their files are there.

    Raises:
        PreflightError: something else lies there, or another process exports into it.
    """

    def __init__(self, path: Path, head: Mapping[str, Any]) -> None:
        self.path = path
        self.head = dict(head)
        self._state = path / _STATE
        self.finished: dict[str, Finished] = {}
        _refuse_foreign(path)
        differs = self._differs()
        self.is_complete = (path / MANIFEST_FILE).is_file()
        if self.is_complete:
            self._sweep()
            return
        try:
            self._lock = hold(self._state / "lock", "an export")
        except HeldError as error:
            raise PreflightError(f"another process exports into {path}") from error
        except OSError as error:
            raise PreflightError(f"{path} cannot be written: {error.strerror}") from error
        try:
            # Another process may have begun an export meanwhile, or finished one.
            differs = self._differs()
            self.is_complete = (path / MANIFEST_FILE).is_file()
            if self.is_complete:
                shutil.rmtree(self._state)
                self._lock.close()
            else:
                self._begin(fresh=differs)
        except BaseException:
            self._lock.close()
            raise

    def _differs(self) -> bool:
        """Whether another export was begun here that has written nothing yet.

        Raises:
            PreflightError: it has.
        """
        stored = _stored_head(self.path)
        differs = stored is not None and stored != self.head
        if stored is not None and differs and any(_exported_files(self.path)):
            difference = _difference(stored, self.head)
            raise PreflightError(f"{self.path} holds another export ({difference}); name another folder")
        return differs

    def _sweep(self) -> None:
        """Delete the state of a run that was killed when all was written; not if another process is about to."""
        if self._state.is_dir():
            with contextlib.suppress(HeldError, OSError), hold(self._state / "lock", "an export"):
                shutil.rmtree(self._state)

    def _begin(self, fresh: bool) -> None:
        """Read what an earlier run did; ``fresh`` forgets it."""
        journal = self._state / "journal.jsonl"
        if fresh:
            journal.unlink(missing_ok=True)
        write_whole(self._state / _HEAD, readable_json(self.head))
        for left in self.path.rglob(".*.tmp"):
            left.unlink()
        for key, text in read_journal(journal).items():
            entry = Finished.from_text(text)
            if all(_size(self.path / file.path) == file.bytes for file in entry.files):
                self.finished[key] = entry
        mend_journal(journal)
        # Without a buffer, so that a line that did not fit is not tried again when the file is closed.
        self._journal = journal.open("ab", buffering=0)

    def add(self, key: str, entry: Finished) -> None:
        """Remember a finished sample; when this returns, it is on the disk."""
        line = journal_line(key, entry.to_text())
        while line:
            line = line[self._journal.write(line) :]
        os.fsync(self._journal.fileno())
        self.finished[key] = entry

    def complete(self, entries: Iterable[Written], facts: Mapping[str, Any]) -> None:
        """Write `SHA256SUMS` and `export.json`; the export is whole then.

        Args:
            entries: every file of the export.
            facts: what the manifest says besides its head.
        """
        with whole_file(self.path / SUMS_FILE) as file:
            for entry in entries:
                file.write(f"{entry.sha256}  {entry.path}\n".encode())
        sums = {"path": SUMS_FILE, "sha256": sha256_file(self.path / SUMS_FILE)}
        write_whole(self.path / MANIFEST_FILE, readable_json({**self.head, **facts, "files": sums}))
        self.is_complete = True
        shutil.rmtree(self._state)
        sync_folder(self.path)

    def close(self) -> None:
        """Let go of the lock."""
        if hasattr(self, "_journal"):
            self._journal.close()
        if hasattr(self, "_lock"):
            self._lock.close()

    def __enter__(self) -> ExportFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_export(path: Path) -> dict[str, Any]:
    """What `export.json` says.

    Raises:
        PreflightError: there is none, or it is damaged.
    """
    try:
        plain = json.loads((path / MANIFEST_FILE).read_bytes())
    except FileNotFoundError as error:
        raise PreflightError(f"{path} has no {MANIFEST_FILE}: no export, or one that was interrupted") from error
    except (OSError, ValueError) as error:
        raise PreflightError(f"{path / MANIFEST_FILE} cannot be read: {error}") from error
    if not isinstance(plain, dict):
        raise PreflightError(f"{path / MANIFEST_FILE} is no export's")
    return plain


def check_export(path: Path) -> list[str]:
    """Hash every file of a complete export.

    Returns:
        A line for each file that is missing, changed, or not part of the export; none if all is as it was written.

    Raises:
        PreflightError: there is no complete export.
    """
    stated = read_export(path).get("files", {})
    sums = path / SUMS_FILE
    if not sums.is_file() or sha256_file(sums) != stated.get("sha256"):
        return [f"{SUMS_FILE} is missing or not the one that {MANIFEST_FILE} names"]
    problems, known = [], {SUMS_FILE, MANIFEST_FILE}
    for line in sums.read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition("  ")
        known.add(name)
        file = path / name
        if not file.is_file():
            problems.append(f"{name} is missing")
        elif sha256_file(file) != digest:
            problems.append(f"{name} was changed")
    problems += [f"{name} is not part of the export" for name in _exported_files(path) if name not in known]
    return problems


def _all_files(path: Path) -> Iterator[str]:
    for file in sorted(path.rglob("*")):
        if not file.is_dir():
            yield file.relative_to(path).as_posix()


def _exported_files(path: Path) -> Iterator[str]:
    """Files beside the state of a run."""
    return (name for name in _all_files(path) if not name.startswith(f"{_STATE}/"))


def _refuse_foreign(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise PreflightError(f"{path} is a file; an export needs a folder of its own")
    if not path.exists() or (path / MANIFEST_FILE).is_file() or (path / _STATE).is_dir():
        return
    if any(path.iterdir()):
        raise PreflightError(f"{path} is not empty and holds no export; name a new folder")


def _stored_head(path: Path) -> dict[str, Any] | None:
    """What the export that lies there was to be; None if there is none."""
    if (path / MANIFEST_FILE).is_file():
        plain = read_export(path)
        return {name: plain.get(name) for name in _HEAD_NAMES}
    try:
        plain = json.loads((path / _STATE / _HEAD).read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise PreflightError(f"{path / _STATE / _HEAD} is damaged; name a new folder") from error
    return plain if isinstance(plain, dict) else {}


_HEAD_NAMES = ("format", "layout", "settings", "dataset", "split", "where", "tools")


def _difference(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """The first thing in which two exports differ, in words."""
    for name in sorted(wanted, key=_HEAD_NAMES.index):
        there, here = stored.get(name), wanted[name]
        if there == here:
            continue
        if isinstance(there, Mapping) and isinstance(here, Mapping):
            return f"{name}.{_difference_within(there, here)}"
        return f"{name} is {_short(there)} there and {_short(here)} here"
    return "its description is damaged"


def _difference_within(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    name = next(name for name in sorted({*there, *here}) if there.get(name) != here.get(name))
    return f"{name} is {_short(there.get(name))} there and {_short(here.get(name))} here"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}…"


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1
