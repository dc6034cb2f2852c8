"""Cleaning: what a work directory could do without, found first and freed only when asked.

Kept is what the latest build of each recipe used, what an interrupted build has finished so far, and the newest runs.
Older results, the blobs that only they mention and leftovers can go: a build that asks for them makes them again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pvtt_data.ledger import read_ledgers
from pvtt_data.workspace import Workspace

_LEFTOVERS = ("scratch", "copies")


@dataclass(frozen=True, slots=True)
class Cleanable:
    """What can go.

    Attributes:
        results: stage → keys of results that no latest build used.
        blobs: name → bytes of blobs that no kept result mentions.
        folders: path → bytes of old runs and leftovers.
    """

    results: dict[str, set[str]] = field(default_factory=dict)
    blobs: dict[str, int] = field(default_factory=dict)
    folders: dict[Path, int] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        """What deleting all of it frees, about."""
        return sum(self.blobs.values()) + sum(self.folders.values())

    def __bool__(self) -> bool:
        return bool(any(self.results.values()) or self.blobs or self.folders)


def find_cleanable(workspace: Workspace, keep_runs: int) -> Cleanable:
    """Look through a work directory; nothing is changed.

    Args:
        workspace: held by the caller, so that no build adds to it meanwhile.
        keep_runs: how many of the newest runs' logs and reports to keep.

    Raises:
        BuildError: a stage's results are damaged.
    """
    found = Cleanable()
    kept: set[str] = set()
    for stage in workspace.stages():
        cache = workspace.cache(stage)
        ledgers = read_ledgers(cache.folder)
        used = {entry.key for ledger in ledgers.values() if ledger for entry in ledger.entries.values()}
        # Without a readable note of what was used, nothing is known to be superfluous.
        can_tell = bool(ledgers) and all(ledger is not None for ledger in ledgers.values())
        stale = set(cache.keys()) - used - cache.unfinished_keys() if can_tell else set()
        if stale:
            found.results[stage] = stale
        kept |= {f"{blob.sha256}.{blob.suffix}" for blob in cache.blobs(but=stale)}
    found.blobs.update({name: size for name, size in workspace.store.names() if name not in kept})
    runs = sorted(path for path in workspace.runs.glob("*") if path.is_dir())
    old = runs[: max(0, len(runs) - keep_runs)]
    leftovers = [path for name in _LEFTOVERS if (path := workspace.store.local / name).is_dir()]
    found.folders.update({path: size for path in [*old, *leftovers] if (size := _size_bytes(path))})
    return found


def clean(workspace: Workspace, what: Cleanable, advanced: Callable[[], None] = lambda: None) -> None:
    """Delete what was found. Results go before their blobs, so that a kill leaves nothing that lacks its bytes.

    Args:
        advanced: called after each deleted blob.
    """
    for stage, keys in what.results.items():
        workspace.cache(stage).forget(keys)
    for name in what.blobs:
        workspace.store.delete(name)
        advanced()
    for folder in what.folders:
        shutil.rmtree(folder)


def _size_bytes(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
