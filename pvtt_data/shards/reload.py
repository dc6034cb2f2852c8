"""Reloads a dataset version through the libraries that others will read it with, and compares bytes and values."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import itertools
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pvtt_data.records import Split
from pvtt_data.shards.card.preview import preview_keys
from pvtt_data.shards.format import INDEX_FILE, JSON_MEMBER, PREVIEW_FILE, canonical_json
from pvtt_data.shards.index import index_rows, read_index
from pvtt_data.shards.manifest import Manifest
from pvtt_data.shards.problems import VerifyProblem

FULL_RELOAD_BYTES = 1_000_000_000
"""Versions up to this size are reloaded whole, map-style and streaming; of larger ones the first samples stream."""
FIRST_SAMPLES = 8


@dataclass(frozen=True, slots=True)
class Reload:
    """What a reload covered, in one sentence, and what differed."""

    note: str
    problems: list[VerifyProblem]


def reload_with_webdataset(dataset: Path, manifest: Manifest) -> Reload:
    """Group the tars' members with `webdataset` and compare every member's hash with the index."""
    if importlib.util.find_spec("webdataset") is None:
        return Reload("webdataset is not installed: not reloaded through it", [])
    tarfile_samples = importlib.import_module("webdataset.tariterators").tarfile_samples
    expected = _expected(dataset)
    limit = _limit(manifest)
    problems: list[VerifyProblem] = []
    for split, counts in manifest.counts.items():
        shards = [dataset / shard for shard in sorted(manifest.shards) if shard.startswith(f"data/{split}-")]
        samples = tarfile_samples({"url": str(shard)} for shard in shards)
        keyed = (
            (s["__key__"], {name: value for name, value in s.items() if not name.startswith("__")}) for s in samples
        )
        problems += _compare("webdataset", split, keyed, expected, min(counts.samples, limit or counts.samples), limit)
    return Reload(f"webdataset: reloaded {_extent(limit)}", problems)


def reload_with_datasets(
    dataset: Path, manifest: Manifest, origin: str | None = None, revision: str | None = None
) -> Reload:
    """Load the folder as `datasets` does for a user, map-style and streaming, and compare bytes and values.

    Args:
        dataset: the version.
        origin: repository on the Hub that is loaded in place of the folder, at ``revision``.
    """
    if importlib.util.find_spec("datasets") is None:
        return Reload("datasets is not installed: not reloaded through it", [])
    library = importlib.import_module("datasets")
    expected = _expected(dataset)
    limit = _limit(manifest)
    problems: list[VerifyProblem] = []
    with tempfile.TemporaryDirectory() as cache, _without_progress_bars(library):
        for split, counts in manifest.counts.items():
            wanted = min(counts.samples, limit or counts.samples)
            for streaming in (True,) if limit else (True, False):
                what = f"datasets ({'streaming' if streaming else 'map-style'})"
                rows = library.load_dataset(
                    origin or str(dataset), split=split, revision=revision, cache_dir=cache, streaming=streaming
                )
                keyed = ((row["__key__"], _members(row)) for row in rows)
                problems += _compare(what, split, keyed, expected, wanted, limit)
        previewed = PREVIEW_FILE in manifest.files
        if previewed:
            rows = library.load_dataset(
                origin or str(dataset), "preview", split="preview", revision=revision, cache_dir=cache, streaming=True
            )
            found = [row["__key__"] for row in rows]
            if found != preview_keys(dataset / PREVIEW_FILE):
                text = f"datasets gives {len(found)} samples, not those of the file in their order"
                problems.append(VerifyProblem(PREVIEW_FILE, "reload", text))
    styles = "streaming" if limit else "streaming and map-style"
    and_preview = ", and the preview" if previewed else ""
    return Reload(f"datasets: reloaded {_extent(limit)}, {styles}{and_preview}", problems)


@contextlib.contextmanager
def _without_progress_bars(library: Any) -> Iterator[None]:
    disabled = library.are_progress_bars_disabled()
    library.disable_progress_bars()
    try:
        yield
    finally:
        if not disabled:
            library.enable_progress_bars()


def _limit(manifest: Manifest) -> int | None:
    return FIRST_SAMPLES if sum(manifest.listed_bytes().values()) > FULL_RELOAD_BYTES else None


def _extent(limit: int | None) -> str:
    return f"the first {limit} samples of each split" if limit else "every sample"


def _expected(dataset: Path) -> dict[str, dict[str, str]]:
    """SHA-256 of each member, by key and member."""
    expected: dict[str, dict[str, str]] = {}
    for row in index_rows(read_index(dataset / INDEX_FILE)):
        expected.setdefault(row.key, {})[row.member] = row.sha256
    return expected


def _members(row: Mapping[str, Any]) -> dict[str, bytes]:
    """Members of a `datasets` row as bytes; the JSON, which came as values, in its canonical form."""
    members: dict[str, bytes] = {}
    for name, value in row.items():
        if name.startswith("__") or value is None:
            continue
        members[name] = canonical_json(value) if name == JSON_MEMBER else value["bytes"]
    return members


def _compare(
    reader: str,
    split: Split,
    samples: Iterable[tuple[str, Mapping[str, bytes]]],
    expected: Mapping[str, Mapping[str, str]],
    wanted: int,
    limit: int | None,
) -> Iterator[VerifyProblem]:
    seen: set[str] = set()
    where = f"data/{split}"
    for key, members in itertools.islice(samples, limit):
        seen.add(key)
        stated = expected.get(key, {})
        for name in sorted(set(stated) ^ set(members)):
            what = "does not give this member" if name in stated else "gives a member that the index does not list"
            yield VerifyProblem(where, "reload", f"{reader} {what}", key, name)
        for name in sorted(set(stated) & set(members)):
            if hashlib.sha256(members[name]).hexdigest() != stated[name]:
                yield VerifyProblem(where, "reload", f"{reader} gives other content than the tar has", key, name)
    if len(seen) != wanted:
        yield VerifyProblem(where, "reload", f"{reader} gives {len(seen)} samples, expected {wanted}")
