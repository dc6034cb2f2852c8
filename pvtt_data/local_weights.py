"""Weights that lie on this machine already: where to look, and which of them were hashed before.

Files are used where they lie, not copied: a detector and a tracker take two gigabytes. A file counts as the same as
long as its size and its times of modification and change are the same; else it is hashed again.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pvtt_data.files import sha256_file, write_whole

_NOTES_FILE = "digests.json"


class KnownDigests:
    """SHA-256 of files, each hashed once.

    Args:
        folder: where the digests are noted; it need not exist. Where it cannot be written, files are hashed again.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _NOTES_FILE

    def sha256(self, path: Path) -> str:
        """SHA-256 (hex) of a file.

        Raises:
            OSError: it cannot be read.
        """
        real = path.resolve()
        state = real.stat()
        stamp = [state.st_size, state.st_mtime_ns, state.st_ctime_ns]
        known = self._read().get(str(real))
        if isinstance(known, dict) and known.get("stamp") == stamp and isinstance(known.get("sha256"), str):
            return str(known["sha256"])
        digest = sha256_file(real)
        with contextlib.suppress(OSError):
            notes = {**self._read(), str(real): {"stamp": stamp, "sha256": digest}}
            write_whole(self._path, json.dumps(notes, indent=1, sort_keys=True).encode())
        return digest

    def _read(self) -> dict[str, object]:
        try:
            notes = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return {}
        return notes if isinstance(notes, dict) else {}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may be the one looked for.

    Attributes:
        named: whether its place names the model; a lone ``model.safetensors`` says nothing of what it is.
    """

    path: Path
    named: bool


def candidates(
    name: str, file: str, repositories: Iterable[tuple[str, str]], folders: Iterable[Path]
) -> list[Candidate]:
    """Files of these folders that may be a model's, the likeliest first.

    Args:
        name: the model's name in the registry; ``{folder}/{name}/{file}`` is looked at.
        file: its file name; ``{folder}/{file}`` is looked at.
        repositories: (repository, file) of hubs; ``{folder}/models--{org}--{repo}/snapshots/*/{file}`` (a cache of the
            Hugging Face Hub), ``{folder}/{org}--{repo}/snapshots/*/{file}`` (of ModelScope; its older versions write
            ``{folder}/{org}/{repo}/{file}`` with ``___`` for dots), ``{folder}/{org}/{repo}/{file}`` and
            ``{folder}/{repo}/{file}`` are looked at.
        folders: where to look.
    """
    repositories = tuple(repositories)
    found = [each for folder in folders for each in _in_folder(folder, name, file, repositories)]
    return [each for each in dict.fromkeys(found) if each.path.is_file()]


def _in_folder(folder: Path, name: str, file: str, repositories: tuple[tuple[str, str], ...]) -> Iterator[Candidate]:
    yield Candidate(folder / name / file, named=True)
    for repository, member in repositories:
        joined = repository.replace("/", "--")
        for cached in (folder / f"models--{joined}" / "snapshots", folder / joined / "snapshots"):
            for snapshot in sorted(cached.iterdir()) if cached.is_dir() else ():
                yield Candidate(snapshot / member, named=True)
        yield Candidate(folder / repository / member, named=True)
        yield Candidate(folder / repository.replace(".", "___") / member, named=True)
        yield Candidate(folder / repository.rpartition("/")[2] / member, named=True)
    yield Candidate(folder / file, named=False)


def hub_cache() -> Path:
    """Where the libraries of the Hugging Face Hub keep what they downloaded."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if os.environ.get(variable):
            return Path(os.environ[variable]).expanduser()
    home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    return Path(os.environ.get("HF_HOME") or home).expanduser() / "hub"
