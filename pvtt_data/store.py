"""Where bytes are kept: a content-addressed blob store, and the originals that a build reads in place."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import fsspec

from pvtt_data.errors import InputError
from pvtt_data.files import drop_unfinished, sha256_file, write_whole
from pvtt_data.records import Blob

_SUFFIX = re.compile(r"[a-z0-9]{1,8}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[0-9a-f]{64}\.[a-z0-9]{1,8}")

PASSING_REASONS = frozenset({"original-gone", "original-changed"})
"""Reasons of rejections that tell of the moment and not of the input: they are never cached."""


@dataclass(frozen=True, slots=True)
class OriginalStat:
    """What tells cheaply that a mined file is still the one that was hashed."""

    size_bytes: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> OriginalStat:
        """Stat of a file; of a folder, the total of its files and the latest change of it or of one of them."""
        if path.is_dir():
            stats = [entry.stat() for entry in _files_of(path)]
            # The folder's own time tells of files that were renamed, added or removed.
            latest = max([path.stat().st_mtime_ns, *(s.st_mtime_ns for s in stats)])
            return cls(sum(s.st_size for s in stats), latest)
        stat = path.stat()
        return cls(stat.st_size, stat.st_mtime_ns)


class BlobStore:
    """Blobs by SHA-256, on any filesystem that fsspec knows, and originals on local disk by reference.

    Args:
        root: folder or fsspec URL of the blobs.
        local: local folder for the originals' addresses and for scratch files; with a remote root, also for copies.
    """

    def __init__(self, root: str, local: Path) -> None:
        self.root_url = root
        self.local = local
        self._fs, self._root = fsspec.core.url_to_fs(root)
        self._is_local = "file" in (self._fs.protocol if isinstance(self._fs.protocol, tuple) else (self._fs.protocol,))

    def __reduce__(self) -> tuple[type[BlobStore], tuple[str, Path]]:
        return (BlobStore, (self.root_url, self.local))

    def put(self, data: bytes, suffix: str) -> Blob:
        """Store ``data``; storing the same bytes twice keeps one copy."""
        if not _SUFFIX.fullmatch(suffix):
            raise ValueError(f"suffix {suffix!r} must be 1 to 8 lower-case letters or digits")
        blob = Blob(hashlib.sha256(data).hexdigest(), len(data), suffix)
        if not self.has(blob):
            if self._is_local:
                write_whole(Path(self._address(blob)), data)
            else:
                self._fs.makedirs(self._fs._parent(self._address(blob)), exist_ok=True)
                self._fs.pipe_file(self._address(blob), data)
        return blob

    def put_file(self, path: Path, suffix: str) -> Blob:
        """Store a file's bytes."""
        return self.put(path.read_bytes(), suffix)

    def has(self, blob: Blob) -> bool:
        """Whether the blob is there, with the size it should have."""
        if self._is_local:
            try:
                return Path(self._address(blob)).stat().st_size == blob.size_bytes
            except FileNotFoundError:
                return False
        try:
            size_bytes = self._fs.size(self._address(blob))
        except FileNotFoundError:
            return False
        return size_bytes is None or bool(size_bytes == blob.size_bytes)

    def names(self) -> Iterator[tuple[str, int]]:
        """Name and size of every stored blob; what is no blob, such as a half-written file, is not named."""
        try:
            found = self._fs.find(self._root, detail=True)
        except FileNotFoundError:
            return
        for address in sorted(found):
            name = address.rpartition("/")[2]
            if _NAME.fullmatch(name):
                yield name, int(found[address]["size"] or 0)

    def delete(self, name: str) -> None:
        """Remove a blob by its name, and the local copy of a remote one.

        Raises:
            ValueError: that is no name of a blob.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(f"not a blob's name: {name}")
        with contextlib.suppress(FileNotFoundError):
            self._fs.rm_file(f"{self._root}/{name[:2]}/{name}")
        (self.local / "copies" / name).unlink(missing_ok=True)

    def drop_unfinished(self, pid: int) -> None:
        """Delete the half-written blobs of a process that was killed, and with a remote root its half-made copies."""
        drop_unfinished(Path(self._root) if self._is_local else self.local / "copies", pid)

    def read(self, blob: Blob) -> bytes:
        """The blob's bytes, checked against its hash.

        Raises:
            OSError: the blob is missing or its bytes are not the ones that were stored.
        """
        data = bytes(self._fs.cat_file(self._address(blob)))
        if hashlib.sha256(data).hexdigest() != blob.sha256:
            raise OSError(f"blob {blob.sha256} is damaged: delete it and build again")
        return data

    def path(self, blob: Blob) -> Path:
        """A local path of the blob; a remote one is copied and checked first."""
        if self._is_local:
            return Path(self._address(blob))
        copy = self.local / "copies" / f"{blob.sha256}.{blob.suffix}"
        if not copy.exists():
            write_whole(copy, self.read(blob))
        return copy

    def scratch_file(self, suffix: str) -> Path:
        """A path for a temporary file in the scratch folder; the caller deletes it."""
        folder = self.local / "scratch"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{os.getpid()}-{secrets.token_hex(8)}.{suffix}"

    def scratch_folder(self) -> tempfile.TemporaryDirectory[str]:
        """A temporary folder, deleted when its context ends."""
        folder = self.local / "scratch"
        folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=folder)

    def add_original(self, sha256: str, path: Path) -> None:
        """Remember where an original with this hash lies."""
        stat = OriginalStat.of(path)
        entry = json.dumps({"path": str(path), "size_bytes": stat.size_bytes, "mtime_ns": stat.mtime_ns}).encode()
        file = self._original_file(sha256)
        if not file.exists() or file.read_bytes() != entry:
            write_whole(file, entry)

    def original(self, sha256: str) -> Path:
        """The local path of a mined original.

        Raises:
            InputError: the file is gone or was changed after it was mined.
        """
        entry = json.loads(self._original_file(sha256).read_text(encoding="utf-8"))
        path = Path(entry["path"])
        try:
            stat = OriginalStat.of(path)
        except OSError as error:
            raise InputError("original-gone", f"the original cannot be read any more: {error.strerror}") from error
        if stat != OriginalStat(entry["size_bytes"], entry["mtime_ns"]) and original_sha256(path) != sha256:
            raise InputError("original-changed", "the original was changed while the build ran; build again")
        return path

    def _address(self, blob: Blob) -> str:
        if not _SHA256.fullmatch(blob.sha256) or not _SUFFIX.fullmatch(blob.suffix):
            raise ValueError(f"not a blob's name: {blob.sha256}.{blob.suffix}")
        return f"{self._root}/{blob.sha256[:2]}/{blob.sha256}.{blob.suffix}"

    def _original_file(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise ValueError(f"not a SHA-256: {sha256}")
        return self.local / "originals" / f"{sha256}.json"


def original_sha256(path: Path) -> str:
    """SHA-256 (hex) of a file, or of a folder's files by name and hash; hidden ones do not count."""
    if not path.is_dir():
        return sha256_file(path)
    digest = hashlib.sha256()
    for entry in _files_of(path):
        digest.update(f"{entry.name}\0{sha256_file(entry)}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _files_of(folder: Path) -> list[Path]:
    """The files that make a folder of frames what it is; file managers leave hidden ones beside them."""
    return [entry for entry in sorted(folder.iterdir()) if entry.is_file() and not entry.name.startswith(".")]
