"""Numbered versions of a dataset: `v1`, `v2`, ... side by side in one folder."""

from __future__ import annotations

import errno
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pvtt_data.errors import BuildError
from pvtt_data.files import sync_folder, write_whole
from pvtt_data.shards.format import INDEX_FILE, LINEAGE_FILE, MANIFEST_FILE
from pvtt_data.shards.index import read_index, sample_digests
from pvtt_data.shards.manifest import Lineage, Parent, build_lineage, lineage_bytes, read_manifest

_VERSION = re.compile(r"v([1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class Publication:
    """What `publish` did.

    ``up-to-date``: the latest version has the same root; nothing was published and ``path`` is that version.
    """

    status: Literal["published", "up-to-date"]
    version: int
    path: Path
    root: str
    lineage: Lineage | None
    """Changes since the version before; None if up to date."""


def version_numbers(shards_root: Path) -> list[int]:
    """Numbers of all version folders, ascending, complete or not."""
    if not shards_root.is_dir():
        return []
    matches = [_VERSION.fullmatch(entry.name) for entry in shards_root.iterdir()]
    return sorted(int(match[1]) for match in matches if match)


def next_version(shards_root: Path) -> int:
    """The number that the next version gets: one above the highest, 1 in an empty folder."""
    return max(version_numbers(shards_root), default=0) + 1


def latest_version(shards_root: Path) -> int | None:
    """The highest version that has a manifest, None if there is none."""
    complete = [n for n in version_numbers(shards_root) if (shards_root / f"v{n}" / MANIFEST_FILE).is_file()]
    return max(complete, default=None)


def publish(finished: Path, shards_root: Path) -> Publication:
    """Give a finished dataset folder its number, unless the latest version already equals it.

    The folder is renamed to ``shards_root/vN`` and its `lineage.json` is written against the latest version. If that
    has the same root, the finished folder is deleted and nothing is published.

    Args:
        finished: folder that `write_dataset` filled, on the same filesystem as ``shards_root``.
        shards_root: folder of the versions.

    Raises:
        DatasetError: the finished folder or the latest version has a damaged manifest or index.
        BuildError: the folder cannot be renamed there, or another build took its number.
    """
    manifest = read_manifest(finished)
    parent_number = latest_version(shards_root)
    version = next_version(shards_root)
    digests = sample_digests(read_index(finished / INDEX_FILE))
    before: dict[str, str] = {}
    parent = None
    if parent_number is not None:
        parent_path = shards_root / f"v{parent_number}"
        parent_root = read_manifest(parent_path).root
        if parent_root == manifest.root:
            shutil.rmtree(finished)
            return Publication("up-to-date", parent_number, parent_path, manifest.root, None)
        before = sample_digests(read_index(parent_path / INDEX_FILE))
        parent = Parent(version=f"v{parent_number}", root=parent_root)
    lineage = build_lineage(
        manifest.root,
        parent,
        added=[key for key in digests if key not in before],
        removed=[key for key in before if key not in digests],
        changed=[key for key in digests if before.get(key, digests[key]) != digests[key]],
    )
    write_whole(finished / LINEAGE_FILE, lineage_bytes(lineage))
    shards_root.mkdir(parents=True, exist_ok=True)
    final = shards_root / f"v{version}"
    _rename(finished, final)
    return Publication("published", version, final, manifest.root, lineage)


def _rename(finished: Path, final: Path) -> None:
    try:
        finished.rename(final)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise BuildError(f"another build published {final.name} meanwhile: publish again") from error
        raise BuildError(
            f"cannot rename {finished} to {final}: {error.strerror}; both must lie on one filesystem"
        ) from error
    sync_folder(final.parent)
