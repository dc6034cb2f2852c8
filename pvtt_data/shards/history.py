"""The versions of a dataset side by side: how many samples, how large, what each changed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pvtt_data.errors import DatasetError
from pvtt_data.shards.format import MANIFEST_FILE
from pvtt_data.shards.manifest import read_lineage, read_manifest
from pvtt_data.shards.sharing import shared_bytes, total_bytes
from pvtt_data.shards.versions import version_numbers

_NAME = re.compile(r"v?([1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class VersionLine:
    """One version folder.

    Attributes:
        state: ``whole``; ``incomplete`` without a manifest; ``damaged`` if manifest, lineage or a file's size is wrong.
            Bytes are not hashed: `verify` does that.
        problem: what is wrong with it, else empty.
        samples: by split.
        shared_bytes: size of the files that are hard links to those of ``parent``.
        written_s: when the manifest was written, as its file says (seconds since 1970); not part of the version.
    """

    version: int
    path: Path
    state: str
    problem: str
    name: str
    samples: dict[str, int]
    total_bytes: int
    shared_bytes: int
    parent: str
    root: str
    added: int
    removed: int
    changed: int
    written_s: float


def history(shards_root: Path) -> list[VersionLine]:
    """All versions, the latest first; one that is not whole is listed with what is wrong."""
    return [_line(number, shards_root / f"v{number}") for number in reversed(version_numbers(shards_root))]


def find_version(name: str, shards_root: Path) -> Path:
    """The folder of a version: ``v3``, ``3``, ``latest``, or the path of a folder.

    Raises:
        DatasetError: there is no such version; the message names those that there are.
    """
    numbers = version_numbers(shards_root)
    match = _NAME.fullmatch(name)
    if name == "latest" and numbers:
        return shards_root / f"v{numbers[-1]}"
    if match and int(match[1]) in numbers:
        return shards_root / f"v{match[1]}"
    if (Path(name) / MANIFEST_FILE).is_file():
        return Path(name)
    known = ", ".join(f"v{number}" for number in numbers) or "none"
    raise DatasetError(
        f"there is no version {name} in {shards_root}, and no dataset folder of that name; have: {known}"
    )


def parent_of(version: Path) -> Path:
    """The folder of the version that a version grew from, beside it.

    Raises:
        DatasetError: it has no parent, or the parent is not there any more.
    """
    parent = read_lineage(version).parent
    if parent is None:
        raise DatasetError(f"{version.name} is the first version: there is nothing to compare it with")
    folder = version.parent / parent.version
    if not folder.is_dir():
        raise DatasetError(f"{parent.version}, which {version.name} grew from, is not beside it any more")
    return folder


def _line(number: int, path: Path) -> VersionLine:
    state, problem, name, root, parent = "whole", "", "", "", ""
    samples: dict[str, int] = {}
    changes = (0, 0, 0)
    written_s = 0.0
    try:
        if not (path / MANIFEST_FILE).is_file():
            state = "incomplete"
            raise DatasetError(f"{MANIFEST_FILE} is missing")
        state = "damaged"
        written_s = (path / MANIFEST_FILE).stat().st_mtime
        manifest = read_manifest(path)
        name, root = manifest.name, manifest.root
        samples = {split: counts.samples for split, counts in manifest.counts.items()}
        lineage = read_lineage(path)
        parent = lineage.parent.version if lineage.parent else ""
        changes = (len(lineage.added), len(lineage.removed), len(lineage.changed))
        if lineage.root != root:
            raise DatasetError("lineage.json belongs to another version")
        for listed, size in manifest.listed_bytes().items():
            if not (path / listed).is_file() or (path / listed).stat().st_size != size:
                raise DatasetError(f"{listed} is missing or has another size")
        state = "whole"
    except DatasetError as error:
        problem = str(error)
    before = path.parent / parent
    return VersionLine(
        version=number,
        path=path,
        state=state,
        problem=problem,
        name=name,
        samples=samples,
        total_bytes=total_bytes(path),
        shared_bytes=shared_bytes(path, before) if parent and before.is_dir() else 0,
        parent=parent,
        root=root,
        added=changes[0],
        removed=changes[1],
        changed=changes[2],
        written_s=written_s,
    )
