"""Checks that a dataset version holds what its manifest promises, byte by byte and member by member.

Every file is hashed, so a single flipped byte anywhere is found; every tar is walked without trusting the index, every
JSON is parsed, and every member is decoded. `deep` reloads the version through the public readers as well.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow.compute as pc

from pvtt_data.errors import DatasetError
from pvtt_data.files import sha256_file
from pvtt_data.process_pool import single_threaded_pool
from pvtt_data.records import Split
from pvtt_data.shards.card.facts_table import facts_differences
from pvtt_data.shards.card.preview import preview_keys
from pvtt_data.shards.format import (
    CARD_FILE,
    HUB_LEFTOVERS,
    INDEX_FILE,
    JSON_MEMBER,
    LINEAGE_FILE,
    MANIFEST_FILE,
    PICTURE_FILES,
    PRESENTING_FILES,
    PREVIEW_FILE,
    SPLITS,
    SampleMeta,
    facts_path,
    is_key,
    member_names,
    parse_shard_path,
    shard_of,
    shard_path,
)
from pvtt_data.shards.index import IndexRow, index_rows, read_index
from pvtt_data.shards.manifest import Manifest, read_lineage, read_manifest
from pvtt_data.shards.members import check_media, check_sample
from pvtt_data.shards.problems import VerifyProblem
from pvtt_data.shards.reload import reload_with_datasets, reload_with_webdataset
from pvtt_data.shards.tarwalk import walk_tar

__all__ = ["VerifyProblem", "VerifyReport", "verify"]


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was checked, and what was wrong.

    Attributes:
        problems: empty if the version may be trusted.
        checked: how many ``files``, ``bytes``, ``shards``, ``samples`` and ``members`` were hashed and parsed, and how
            many ``decoded_samples`` were decoded.
        notes: what was left out and why.
    """

    problems: list[VerifyProblem]
    checked: dict[str, int]
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing was wrong."""
        return not self.problems

    def text(self) -> str:
        """The report for a terminal."""
        lines = [f"{count} {name.replace('_', ' ')}" for name, count in self.checked.items()]
        head = "no problem found" if self.ok else f"{len(self.problems)} problems found"
        return "\n".join(
            [f"{head}; checked {', '.join(lines)}", *self.notes, *(str(problem) for problem in self.problems)]
        )


@dataclass(frozen=True, slots=True)
class _ShardTask:
    """What a worker needs to check one tar."""

    dataset: Path
    path: str
    manifest: Manifest
    decode: frozenset[str] | None
    """Keys whose members are decoded; None for all."""


@dataclass(frozen=True, slots=True)
class _Walked:
    """One sample as the tar has it."""

    key: str
    rows: list[IndexRow]
    meta: SampleMeta | None
    """None if the JSON does not follow the schema."""


@dataclass(frozen=True, slots=True)
class _ShardFindings:
    """What a worker saw in one tar."""

    path: str
    problems: list[VerifyProblem]
    samples: list[_Walked]
    decoded: int


def verify(
    path: Path | str,
    sample: int | None = None,
    *,
    workers: int = 1,
    deep: bool = False,
    decoded_in: Path | None = None,
) -> VerifyReport:
    """Check a dataset version.

    Args:
        path: folder of the version.
        sample: decode only this many samples, those with the smallest SHA-256 of their key; None decodes all. Hashes,
            structure, JSON and splits are always checked in full.
        workers: processes that check tars; the report does not depend on it.
        deep: also reload through `webdataset` and `datasets`, as far as they are installed.
        decoded_in: folder of a version that was checked when it was published: samples in shards that are the very
            same files there are not decoded again, if the same versions of all libraries wrote both.
    """
    dataset = Path(path)
    try:
        manifest = read_manifest(dataset)
    except DatasetError as error:
        return VerifyReport([VerifyProblem(MANIFEST_FILE, "manifest", str(error))], {"files": 1})
    problems = [*_promise_problems(manifest), *_file_problems(dataset, manifest)]
    index = None
    keys: set[str] | None = None
    try:
        index = read_index(dataset / INDEX_FILE)
        keys = set(index.column("key").to_pylist())
    except DatasetError as error:
        problems.append(VerifyProblem(INDEX_FILE, "index", str(error)))
    problems += _lineage_problems(dataset, manifest, keys)

    decode = None if sample is None else _chosen(keys or set(), sample)
    known = frozenset() if decoded_in is None else _decoded_before(dataset, manifest, decoded_in)
    tasks = [
        _ShardTask(dataset, shard, manifest, frozenset() if shard in known else decode)
        for shard in sorted(manifest.shards)
        if parse_shard_path(shard) and (dataset / shard).is_file()
    ]
    totals: Counter[str] = Counter()
    samples_of: Counter[str] = Counter()
    ledger = _SplitLedger()
    for finding in _check_shards(tasks, workers):
        problems += finding.problems
        if index is not None:
            problems += _index_problems(index, finding)
        stated = manifest.shards[finding.path].samples
        if len(finding.samples) != stated:
            problems.append(
                VerifyProblem(finding.path, "count", f"has {len(finding.samples)} samples, expected {stated}")
            )
        for walked in finding.samples:
            problems += ledger.add(finding.path, walked)
        samples_of[finding.path.removeprefix("data/").partition("-")[0]] += len(finding.samples)
        totals["members"] += sum(len(walked.rows) for walked in finding.samples)
        totals["decoded_samples"] += finding.decoded
    for split, counts in manifest.counts.items():
        if samples_of[split] != counts.samples:
            text = f"split {split} has {samples_of[split]} samples in its tars, expected {counts.samples}"
            problems.append(VerifyProblem(MANIFEST_FILE, "count", text))
    if index is not None:
        problems += _index_order_problems(index, manifest)
    damaged = {problem.file for problem in problems}
    problems += _preview_problems(dataset, manifest, keys, damaged)
    if index is not None:
        problems += _facts_problems(dataset, manifest, index, damaged)

    checked = {
        "files": len(manifest.listed_files()) + 2,
        "bytes": sum(manifest.listed_bytes().values()),
        "shards": len(tasks),
        "samples": sum(samples_of.values()),
        "members": totals["members"],
        "decoded_samples": totals["decoded_samples"],
    }
    notes = []
    if sample is not None:
        notes.append(f"decoded {checked['decoded_samples']} of {checked['samples']} samples, as asked")
    if known and decoded_in is not None:
        notes.append(f"{len(known)} shards are files of {decoded_in.name} and were decoded for that version")
    if deep and problems:
        notes.append("not reloaded through other libraries: first mend the problems below")
    elif deep:
        for outcome in (reload_with_webdataset(dataset, manifest), reload_with_datasets(dataset, manifest)):
            notes.append(outcome.note)
            problems += outcome.problems
    return VerifyReport(problems, checked, notes)


def _decoded_before(dataset: Path, manifest: Manifest, earlier: Path) -> frozenset[str]:
    """Shards that are the same files in an earlier version, written by the same libraries."""
    try:
        before = read_manifest(earlier)
    except DatasetError:
        return frozenset()
    if before.tools != manifest.tools:
        return frozenset()
    return frozenset(
        shard
        for shard, entry in manifest.shards.items()
        if before.shards.get(shard) == entry
        and (dataset / shard).is_file()
        and (earlier / shard).is_file()
        and (dataset / shard).samefile(earlier / shard)
    )


def _chosen(keys: set[str], count: int) -> frozenset[str]:
    return frozenset(sorted(keys, key=lambda key: hashlib.sha256(key.encode()).digest())[:count])


def _file_problems(dataset: Path, manifest: Manifest) -> Iterator[VerifyProblem]:
    """Files that are missing, changed or not listed."""
    listed, sizes = manifest.listed_files(), manifest.listed_bytes()
    allowed = {*listed, MANIFEST_FILE, LINEAGE_FILE}
    folders = {str(parent) for name in allowed for parent in PurePosixPath(name).parents} - {"."}
    present: set[str] = set()
    for folder, subfolders, files in os.walk(dataset):
        base = Path(folder)
        if base == dataset:
            subfolders[:] = [name for name in subfolders if name not in HUB_LEFTOVERS]
            files = [name for name in files if name not in HUB_LEFTOVERS]
        for name in sorted([*subfolders, *files]):
            entry = base / name
            relative = entry.relative_to(dataset).as_posix()
            if entry.is_symlink():
                yield VerifyProblem(relative, "link", "is a link; a dataset holds plain files only")
            elif entry.is_dir():
                if relative not in folders:
                    yield VerifyProblem(relative, "unlisted", "is a folder that the manifest does not list")
            elif not entry.is_file():
                yield VerifyProblem(relative, "unlisted", "is no plain file")
            elif relative not in allowed:
                yield VerifyProblem(relative, "unlisted", "is not listed in the manifest")
            else:
                present.add(relative)
    for name, expected in listed.items():
        if name not in present:
            yield VerifyProblem(name, "missing", "is listed in the manifest but is not there")
            continue
        file = dataset / name
        size = file.stat().st_size
        if size != sizes[name]:
            yield VerifyProblem(name, "size", f"has {size} bytes, expected {sizes[name]}")
        found = sha256_file(file)
        if found != expected:
            yield VerifyProblem(name, "sha256", f"SHA-256 is {found}, expected {expected}")


def _promise_problems(manifest: Manifest) -> Iterator[VerifyProblem]:
    """Contradictions inside the manifest."""
    presenting = {*PRESENTING_FILES, INDEX_FILE, *(facts_path(split) for split in manifest.counts)}
    if set(manifest.files) - set(PICTURE_FILES) not in ({CARD_FILE, INDEX_FILE}, presenting):
        wanted = ", ".join(sorted(presenting))
        yield VerifyProblem(MANIFEST_FILE, "manifest", f"files lists {sorted(manifest.files)}, expected {wanted}")
    shards = {shard_path(s, n, c.shards) for s, c in manifest.counts.items() for n in range(c.shards)}
    if set(manifest.shards) != shards:
        odd = sorted(set(manifest.shards) ^ shards)
        yield VerifyProblem(MANIFEST_FILE, "manifest", f"shards do not match the counts of the splits: {odd[:3]}")
    for name in manifest.tables:
        if not name.startswith("tables/") or not name.endswith(".parquet") or ".." in name:
            yield VerifyProblem(MANIFEST_FILE, "manifest", f"{name!r} is no table's path")
    if set(manifest.members) != set(manifest.counts):
        yield VerifyProblem(MANIFEST_FILE, "manifest", "members and counts name different splits")
    for split, members in manifest.members.items():
        expected = list(member_names(split, manifest.reference_count, manifest.heldout_count))
        if members != expected:
            yield VerifyProblem(MANIFEST_FILE, "manifest", f"members of {split} are {members}, expected {expected}")


def _lineage_problems(dataset: Path, manifest: Manifest, keys: set[str] | None) -> Iterator[VerifyProblem]:
    try:
        lineage = read_lineage(dataset)
    except DatasetError as error:
        yield VerifyProblem(LINEAGE_FILE, "lineage", str(error))
        return
    if lineage.root != manifest.root:
        yield VerifyProblem(LINEAGE_FILE, "lineage", f"root is {lineage.root}, expected {manifest.root}")
    if keys is None:
        return
    gone = sorted((set(lineage.added) | set(lineage.changed)) - keys)
    if gone:
        yield VerifyProblem(LINEAGE_FILE, "lineage", "lists this key as added or changed, but no shard has it", gone[0])
    still = sorted(set(lineage.removed) & keys)
    if still:
        yield VerifyProblem(LINEAGE_FILE, "lineage", "lists this key as removed, but a shard has it", still[0])
    if lineage.parent is None and set(lineage.added) != keys:
        yield VerifyProblem(LINEAGE_FILE, "lineage", "has no parent, so it must list every key as added")


def _preview_problems(
    dataset: Path, manifest: Manifest, keys: set[str] | None, damaged: set[str]
) -> Iterator[VerifyProblem]:
    """A preview that cannot be shown, or that shows what is in no shard, such as a sample that is withheld."""
    if PREVIEW_FILE not in manifest.files or PREVIEW_FILE in damaged:
        return
    try:
        shown = preview_keys(dataset / PREVIEW_FILE)
    except DatasetError as error:
        yield VerifyProblem(PREVIEW_FILE, "preview", str(error))
        return
    for key in sorted(set(shown) - keys) if keys is not None else ():
        yield VerifyProblem(PREVIEW_FILE, "preview", "shows this sample, but no shard has it", key)


def _facts_problems(dataset: Path, manifest: Manifest, index: Any, damaged: set[str]) -> Iterator[VerifyProblem]:
    """Tables of facts that do not say what the samples' JSON says."""
    jsons = index.filter(pc.equal(index.column("member"), JSON_MEMBER))
    for split in manifest.counts:
        path = facts_path(split)
        if path not in manifest.files or path in damaged:
            continue
        rows = jsons.filter(pc.equal(jsons.column("split"), split))
        expected = dict(zip(rows.column("key").to_pylist(), rows.column("sha256").to_pylist(), strict=True))
        try:
            for sample, text in facts_differences(dataset / path, expected, manifest.number_names):
                yield VerifyProblem(path, "facts", text, sample)
        except DatasetError as error:
            yield VerifyProblem(path, "facts", str(error))


def _check_shards(tasks: list[_ShardTask], workers: int) -> Iterator[_ShardFindings]:
    if workers <= 1 or len(tasks) <= 1:
        yield from map(_check_shard, tasks)
        return
    with single_threaded_pool(min(workers, len(tasks))) as pool:
        yield from pool.map(_check_shard, tasks)


def _check_shard(task: _ShardTask) -> _ShardFindings:
    parsed = parse_shard_path(task.path)
    if parsed is None:
        raise ValueError(f"{task.path} is no shard's path")
    split, number, count = parsed
    problems: list[VerifyProblem] = []
    samples: list[_Walked] = []
    decoded = 0
    for members in walk_tar(task.dataset / task.path, task.path, problems):
        key = members[0].key
        if is_key(key) and shard_of(key, count) != number:
            other = shard_path(split, shard_of(key, count), count)
            problems.append(VerifyProblem(task.path, "order", f"belongs into {other}", key))
        meta, found = check_sample(task.path, split, members, task.manifest)
        problems += found
        if task.decode is None or key in task.decode:
            decoded += 1
            problems += check_media(task.path, members, meta)
        rows = [IndexRow(key, split, task.path, m.member, m.offset, m.length, m.sha256) for m in members]
        samples.append(_Walked(key, rows, meta))
    return _ShardFindings(task.path, problems, samples, decoded)


def _index_problems(index: Any, finding: _ShardFindings) -> Iterator[VerifyProblem]:
    """Rows of one shard's part of the index that do not say what the tar has."""
    stated = {
        (row.key, row.member): row for row in index_rows(index.filter(pc.equal(index.column("shard"), finding.path)))
    }
    for row in (row for walked in finding.samples for row in walked.rows):
        entry = stated.pop((row.key, row.member), None)
        if entry is None:
            yield VerifyProblem(INDEX_FILE, "index", f"does not list this member of {row.shard}", row.key, row.member)
            continue
        for name in ("split", "offset", "length", "sha256"):
            says, has = getattr(entry, name), getattr(row, name)
            if says != has:
                text = f"{row.shard} has {name} {has}, expected {says} as in {INDEX_FILE}"
                yield VerifyProblem(finding.path, "index", text, row.key, row.member)
    for row in stated.values():
        text = f"{INDEX_FILE} lists this member, the tar does not have it"
        yield VerifyProblem(finding.path, "index", text, row.key, row.member)


def _index_order_problems(index: Any, manifest: Manifest) -> Iterator[VerifyProblem]:
    """Rows for shards that do not exist, and rows out of order."""
    for shard in sorted(set(index.column("shard").to_pylist()) - set(manifest.shards)):
        yield VerifyProblem(INDEX_FILE, "index", f"lists {shard!r}, which the manifest does not list")
    last = (0, "", -1)
    for row in index_rows(index):
        rank = SPLITS.index(row.split) if row.split in SPLITS else len(SPLITS)
        here = (rank, row.shard, row.offset)
        if here <= last:
            text = "rows must ascend by split, shard and offset"
            yield VerifyProblem(INDEX_FILE, "index", text, row.key, row.member)
            return
        last = here


class _SplitLedger:
    """Remembers which key, product and source video was seen in which split."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}
        self._seen: dict[tuple[str, str], tuple[Split, str]] = {}
        self._reported: set[tuple[str, str]] = set()

    def add(self, shard: str, walked: _Walked) -> Iterator[VerifyProblem]:
        """Report a key that was seen before, and a product or source video that another split has."""
        if walked.key in self._keys:
            text = f"this key is also in {self._keys[walked.key]}"
            yield VerifyProblem(shard, "key-twice", text, walked.key)
        self._keys.setdefault(walked.key, shard)
        meta = walked.meta
        if meta is None:
            return
        for what, name in (
            ("product", meta.product_a),
            ("product", meta.product_b),
            ("source", meta.source_id),
            ("source", meta.source_id_a),
        ):
            if not name:
                continue
            split, key = self._seen.setdefault((what, name), (meta.split, walked.key))
            if split != meta.split and (what, name) not in self._reported:
                self._reported.add((what, name))
                text = f"{what} {name!r} is in {meta.split} and, as sample {key}, in {split}; splits must share none"
                yield VerifyProblem(shard, "leak", text, walked.key)
