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
from pvtt_data.shards.manifest import Lineage, Manifest, Parent, build_lineage, lineage_bytes, read_manifest
from pvtt_data.shards.reviewed import reviewed
from pvtt_data.shards.sharing import link_same, make_read_only, read_only_mode, shared_bytes, total_bytes

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
    total_bytes: int = 0
    """Size of all files of the version."""
    shared_bytes: int = 0
    """Size of those that are hard links to files of the version before."""


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


def publish(finished: Path, shards_root: Path, *, parent: int | None = None) -> Publication:
    """Give a finished dataset folder its number, unless the latest version already equals it.

    The folder's files become read-only, those that the latest version has too become hard links to its files, the
    lineage is written against it, and the folder is renamed to ``shards_root/vN``. If the latest version has the same
    root, the finished folder is deleted and nothing is published. When another build takes the number meanwhile, all of
    this is done again against the version that it published.

    Args:
        finished: folder that `write_dataset` filled, on the same filesystem as ``shards_root``.
        shards_root: folder of the versions.
        parent: number of the version that the build took its splits and shards from (0: there was none); if another
            one is the latest by now, nothing is published, since its splits were not kept. None takes any.

    Raises:
        DatasetError: the finished folder or the latest version has a damaged manifest or index.
        BuildError: the folder cannot be renamed there, or ``parent`` is not the latest version any more.
    """
    manifest = read_manifest(finished)
    shards_root.mkdir(parents=True, exist_ok=True)
    while True:
        latest = latest_version(shards_root)
        latest_path = None if latest is None else shards_root / f"v{latest}"
        before = None if latest_path is None else read_manifest(latest_path)
        if latest is not None and latest_path is not None and before is not None and before.root == manifest.root:
            shutil.rmtree(finished)
            return Publication("up-to-date", latest, latest_path, manifest.root, None)
        if parent is not None and parent != (latest or 0):
            raise BuildError(
                f"another build published v{latest} while this one ran; run this one again to build upon v{latest}: "
                "what it computed is kept"
            )
        version = next_version(shards_root)
        lineage = _lineage(finished, manifest, latest_path, before)
        write_whole(finished / LINEAGE_FILE, lineage_bytes(lineage))
        _settle(finished, manifest, latest_path, before)
        final = shards_root / f"v{version}"
        if _rename(finished, final):
            shared = 0 if latest_path is None else shared_bytes(final, latest_path)
            return Publication("published", version, final, manifest.root, lineage, total_bytes(final), shared)


def _lineage(finished: Path, manifest: Manifest, latest: Path | None, before: Manifest | None) -> Lineage:
    digests = sample_digests(read_index(finished / INDEX_FILE))
    known = {} if latest is None else sample_digests(read_index(latest / INDEX_FILE))
    added = [key for key in digests if key not in known]
    removed = [key for key in known if key not in digests]
    changed = [key for key in digests if known.get(key, digests[key]) != digests[key]]
    if latest is None or before is None:
        return build_lineage(manifest.root, None, added, removed, changed)
    why = reviewed(latest, finished, [*removed, *changed], [*added, *changed])
    return build_lineage(manifest.root, Parent(version=latest.name, root=before.root), added, removed, changed, why)


def _settle(finished: Path, manifest: Manifest, latest: Path | None, before: Manifest | None) -> None:
    """Make all files read-only, and those with the same path and hash in the latest version links to its files."""
    known = {} if before is None else before.listed_files()
    listed = manifest.listed_files()
    mode = read_only_mode(finished)
    for file in sorted(path for path in finished.rglob("*") if path.is_file() and not path.is_symlink()):
        make_read_only(file)
        name = file.relative_to(finished).as_posix()
        sha256 = listed.get(name)
        if latest is not None and sha256 is not None and known.get(name) == sha256:
            existing = latest / name
            if not (existing.exists() and existing.samefile(file)):
                link_same(existing, file, sha256, mode)
    for folder in sorted({finished, *(path for path in finished.rglob("*") if path.is_dir())}):
        sync_folder(folder)


def _rename(finished: Path, final: Path) -> bool:
    """Whether the folder has its final name now; False if another build took it."""
    try:
        finished.rename(final)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return False
        raise BuildError(
            f"cannot rename {finished} to {final}: {error.strerror}; both must lie on one filesystem"
        ) from error
    sync_folder(final.parent)
    return True
