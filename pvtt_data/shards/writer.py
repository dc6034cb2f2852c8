"""Writes one dataset version: tars, index, tables, card, manifest.

The bytes depend on the samples and the settings alone, not on the order in which samples arrive. A sample's shard is a
hash of its key, so a sample that is dropped changes one shard. Nothing larger than one block of a file is held in
memory: members given as bytes wait in a scratch file until their shard is written.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import ValidationError

from pvtt_data.errors import BuildError, InputError
from pvtt_data.files import sha256_file, whole_file, write_whole
from pvtt_data.records import Split
from pvtt_data.shards.card.facts import CardFacts
from pvtt_data.shards.format import (
    CLIP_MEMBERS,
    HELDOUT_SPLITS,
    INDEX_FILE,
    JSON_MEMBER,
    LINEAGE_FILE,
    MANIFEST_FILE,
    MAX_MEMBER_BYTES,
    MAX_PICTURES,
    MAX_SHARDS,
    SPLITS,
    SampleMeta,
    heldout_member,
    is_key,
    member_names,
    reference_member,
    shard_of,
    shard_path,
    tar_end,
    tar_header,
    tar_padding,
)
from pvtt_data.shards.index import IndexRow, IndexWriter, index_rows, read_index
from pvtt_data.shards.manifest import (
    FileEntry,
    Manifest,
    ShardEntry,
    SplitCounts,
    build_lineage,
    build_manifest,
    lineage_bytes,
    manifest_bytes,
    read_manifest,
)
from pvtt_data.shards.sharing import link_same, read_only_mode

_CHUNK_BYTES = 1 << 20
_TABLE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_PICTURE = re.compile(r"(reference|heldout)_(0|[1-9][0-9]?)\.png")
_WRITTEN_HERE = ("reference_count", "heldout_count")


@dataclass(frozen=True, slots=True)
class FileRange:
    """Bytes ``[offset, offset + length)`` of a local file."""

    path: Path
    offset: int
    length: int


Content = Path | FileRange | bytes
"""What a member is given as."""


@dataclass(frozen=True, slots=True)
class ShardSample:
    """One sample as the writer takes it.

    Args:
        key: first 16 hex digits of the triple's id.
        split: train, validation or test.
        members: bytes, a local file or a part of one, by member name without the key: ``source.mp4``,
            ``source_mask.mp4``, ``target.mp4``, ``target_mask.mp4``, ``effect_mask.mp4``, ``reference_0.png`` and on,
            in validation and test also ``heldout_0.png`` and on. At least one picture of a kind, at most as many as
            the dataset has members; the writer repeats the last one.
        digests: SHA-256 of members by name, as far as the caller knows them. A file with other bytes is refused, and a
            shard whose digests are all known and those of the version before need not be written again.
        meta: the fields of `SampleMeta` without ``reference_count`` and ``heldout_count``, which the writer counts;
            ``reference_source`` has one entry for each reference given.
    """

    key: str
    split: Split
    members: Mapping[str, Content]
    meta: Mapping[str, Any]
    digests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DatasetSettings:
    """What holds for the whole dataset.

    Args:
        name: slug of the dataset.
        recipe: the recipe that built it, as plain JSON values without paths of this machine.
        shard_count: shards of every split, or of each split by name (see `shard_count_for`).
        reference_count: reference members of every sample (R).
        heldout_count: held-out members of every validation and test sample (H).
        tools: versions of the libraries that shaped the bytes.
        weights: SHA-256 of every model file that took part.
        card_licence: the card's ``license`` field, an identifier that the Hub knows.
    """

    name: str
    recipe: Mapping[str, Any]
    shard_count: int | Mapping[Split, int] = 1
    reference_count: int = 4
    heldout_count: int = 0
    tools: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)
    card_licence: str = "other"

    def __post_init__(self) -> None:
        if not 1 <= self.reference_count <= MAX_PICTURES:
            raise ValueError(f"reference_count must be 1 to {MAX_PICTURES}, not {self.reference_count}")
        if not 0 <= self.heldout_count <= MAX_PICTURES:
            raise ValueError(f"heldout_count must be 0 to {MAX_PICTURES}, not {self.heldout_count}")
        counts = [self.shard_count] if isinstance(self.shard_count, int) else list(self.shard_count.values())
        if not all(1 <= count <= MAX_SHARDS for count in counts):
            raise ValueError(f"shard_count must be 1 to {MAX_SHARDS}, not {counts}")

    def shards_of(self, split: Split) -> int:
        """Number of shards of a split.

        Raises:
            ValueError: counts are given by split and this one has none.
        """
        if isinstance(self.shard_count, int):
            return self.shard_count
        if split not in self.shard_count:
            raise ValueError(f"shard_count names no count for the split {split}, which has samples")
        return self.shard_count[split]


@dataclass(frozen=True, slots=True)
class _Spooled:
    """Bytes in the scratch file."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class _Planned:
    """A checked sample that waits for its shard; members in the tar's order."""

    key: str
    members: tuple[str | FileRange | _Spooled, ...]
    digests: tuple[str, ...]
    """SHA-256 of each member; empty where it is not known before the member is read."""


class _Parent:
    """The shards of the version before, to take over those that stay as they are."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest = read_manifest(path)
        self._index = read_index(path / INDEX_FILE)

    def rows(self, shard: str) -> list[IndexRow]:
        return list(index_rows(self._index.filter(pc.equal(self._index.column("shard"), shard))))


def write_dataset(
    out_dir: Path,
    samples: Iterable[ShardSample],
    settings: DatasetSettings,
    tables: Mapping[str, Path] | None = None,
    parent: Path | None = None,
) -> Manifest:
    """Write a dataset version into a new folder; `publish` then gives it its number.

    Args:
        out_dir: folder that does not exist or is empty.
        samples: in any order.
        settings: name, recipe, counts.
        tables: Parquet files to copy to ``tables/<name>.parquet``, by name.
        parent: the version before, on the same filesystem: shards that are the same there become hard links to it.

    Raises:
        DatasetError: the parent's manifest or index is damaged.
        InputError: a sample breaks the format; the message names its key and what was expected.
        BuildError: there is no sample, the folder is in use, a table is no Parquet file, or a member's file is damaged.
    """
    if out_dir.exists() and any(out_dir.iterdir()):
        raise BuildError(f"{out_dir} is not empty: a dataset version is written into a folder of its own")
    from pvtt_data.shards.card.write import card_config, write_card  # templates and YAML: readers need neither

    config = card_config(settings.recipe)
    before = None if parent is None else _Parent(parent)
    out_dir.mkdir(parents=True, exist_ok=True)
    facts = CardFacts(config.preview_samples)
    with tempfile.TemporaryFile(dir=out_dir) as spool:
        planned = _plan(samples, settings, spool, facts)
        if not any(planned.values()):
            raise BuildError("the dataset has no sample: nothing was written")
        shards = _write_tars(out_dir, planned, settings, spool, before)
    counts = {
        split: SplitCounts(
            samples=len(rows),
            shards=settings.shards_of(split),
            members_per_sample=len(_members_of(split, settings)),
            bytes=sum(entry.bytes for path, entry in shards.items() if path.startswith(f"data/{split}-")),
        )
        for split, rows in planned.items()
        if rows
    }
    table_entries = _copy_tables(out_dir, tables or {})
    files = write_card(
        out_dir,
        name=settings.name,
        licence=settings.card_licence,
        config=config,
        recipe=settings.recipe,
        tools=settings.tools,
        weights=settings.weights,
        counts=counts,
        shards=shards,
        tables=table_entries,
        reference_count=settings.reference_count,
        heldout_count=settings.heldout_count,
        facts=facts,
    )
    manifest = build_manifest(
        name=settings.name,
        recipe=dict(settings.recipe),
        tools=dict(settings.tools),
        weights=dict(settings.weights),
        reference_count=settings.reference_count,
        heldout_count=settings.heldout_count,
        number_names=sorted(facts.number_names),
        counts=counts,
        members={split: list(_members_of(split, settings)) for split in counts},
        shards=shards,
        tables=table_entries,
        files=files,
    )
    keys = [row.key for rows in planned.values() for row in rows]
    write_whole(out_dir / LINEAGE_FILE, lineage_bytes(build_lineage(manifest.root, None, keys, [], [])))
    write_whole(out_dir / MANIFEST_FILE, manifest_bytes(manifest))
    return manifest


def _members_of(split: Split, settings: DatasetSettings) -> tuple[str, ...]:
    return member_names(split, settings.reference_count, settings.heldout_count)


def _plan(
    samples: Iterable[ShardSample], settings: DatasetSettings, spool: BinaryIO, facts: CardFacts
) -> dict[Split, list[_Planned]]:
    planned: dict[Split, list[_Planned]] = {split: [] for split in SPLITS}
    seen: set[str] = set()
    for sample in samples:
        if not is_key(sample.key):
            raise InputError("shard-key", f"sample key {sample.key!r} must be 16 lower-case hex digits")
        if sample.key in seen:
            raise InputError("shard-key-twice", f"{sample.key}: two samples have this key")
        if sample.split not in planned:
            raise InputError("shard-split", f"{sample.key}: split {sample.split!r} must be one of {', '.join(SPLITS)}")
        seen.add(sample.key)
        pictures = _picture_members(sample, settings)
        meta, json_bytes = _meta_of(sample, settings)
        if facts.samples and set(meta.numbers) != facts.number_names:
            odd = sorted(set(meta.numbers) ^ facts.number_names)
            raise InputError("shard-meta", f"{sample.key}: numbers differ from the other samples' by {', '.join(odd)}")
        facts.add(meta)
        contents: dict[str, Content] = {
            **{name: sample.members[name] for name in CLIP_MEMBERS},
            **pictures,
            JSON_MEMBER: json_bytes,
        }
        spooled: dict[int, _Spooled] = {}
        members = tuple(
            _kept(content, spool, spooled)
            for content in (contents[name] for name in _members_of(sample.split, settings))
        )
        planned[sample.split].append(_Planned(sample.key, members, _digests(sample, contents, settings)))
    for rows in planned.values():
        rows.sort(key=lambda row: row.key)
    return planned


def _digests(sample: ShardSample, contents: Mapping[str, Content], settings: DatasetSettings) -> tuple[str, ...]:
    """What is known of the members' hashes before they are read; a repeated picture has that of the last one."""
    given = {str(content): sample.digests[name] for name, content in sample.members.items() if name in sample.digests}
    members = [contents[name] for name in _members_of(sample.split, settings)]
    return tuple(
        hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else given.get(str(content), "")
        for content in members
    )


def _kept(content: Content, spool: BinaryIO, known: dict[int, _Spooled]) -> str | FileRange | _Spooled:
    """A member until its shard is written."""
    if isinstance(content, bytes):
        return _spool(content, spool, known)
    return content if isinstance(content, FileRange) else str(content)


def _spool(content: bytes, spool: BinaryIO, known: dict[int, _Spooled]) -> _Spooled:
    """Append to the scratch file, once for the same object: a repeated picture is not stored twice."""
    if id(content) not in known:
        known[id(content)] = _Spooled(spool.tell(), len(content))
        spool.write(content)
    return known[id(content)]


def _picture_members(sample: ShardSample, settings: DatasetSettings) -> dict[str, Content]:
    """All reference and held-out members, the last picture repeated; checks that no other member is there."""
    missing = [name for name in CLIP_MEMBERS if name not in sample.members]
    if missing:
        raise InputError("shard-member-missing", f"{sample.key}: member {missing[0]} is missing")
    given: dict[str, set[int]] = {"reference": set(), "heldout": set()}
    for name in sorted(set(sample.members) - set(CLIP_MEMBERS)):
        match = _PICTURE.fullmatch(name)
        if match is None:
            raise InputError("shard-member-unknown", f"{sample.key}: a sample has no member {name!r}")
        given[match[1]].add(int(match[2]))
    heldout_wanted = settings.heldout_count if sample.split in HELDOUT_SPLITS else 0
    members: dict[str, Content] = {}
    for kind, wanted, name_of in (
        ("reference", settings.reference_count, reference_member),
        ("heldout", heldout_wanted, heldout_member),
    ):
        count = len(given[kind])
        if given[kind] != set(range(count)):
            raise InputError("shard-picture-gap", f"{sample.key}: {kind} pictures must be numbered from 0 without gaps")
        if count > wanted:
            raise InputError(
                "shard-pictures-many",
                f"{sample.key}: {count} {kind} pictures, but a {sample.split} sample of this dataset has {wanted}",
                {"pictures": count, "members": wanted},
            )
        if wanted and not count:
            raise InputError(f"no-{kind}", f"{sample.key}: a {sample.split} sample needs at least one {kind} picture")
        for number in range(wanted):
            members[name_of(number)] = sample.members[name_of(min(number, count - 1))]
    return members


def _meta_of(sample: ShardSample, settings: DatasetSettings) -> tuple[SampleMeta, bytes]:
    """The JSON member, checked, and its bytes."""
    given_here = [name for name in _WRITTEN_HERE if name in sample.meta]
    if given_here:
        raise InputError("shard-meta", f"{sample.key}: {given_here[0]} is counted by the writer; leave it out")
    references = sum(name.startswith("reference_") for name in sample.members)
    heldout = sum(name.startswith("heldout_") for name in sample.members)
    sources = list(sample.meta.get("reference_source", ()))
    if len(sources) != references:
        raise InputError(
            "shard-meta",
            f"{sample.key}: reference_source has {len(sources)} entries for {references} reference pictures",
            {"entries": len(sources), "pictures": references},
        )
    sources += [sources[-1]] * (settings.reference_count - len(sources))
    fields = {
        **{name: list(value) if isinstance(value, tuple) else value for name, value in sample.meta.items()},
        "reference_count": references,
        "reference_source": sources,
        "heldout_count": heldout,
        "numbers": dict(sample.meta.get("numbers", {})),
    }
    try:
        meta = SampleMeta.model_validate(fields)
        json_bytes = meta.to_bytes()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "meta"
        raise InputError("shard-meta", f"{sample.key}: {where}: {first['msg']}") from error
    except ValueError as error:
        raise InputError("shard-meta", f"{sample.key}: the JSON cannot be written: {error}") from error
    if meta.key != sample.key:
        raise InputError("shard-meta", f"{sample.key}: triple_id {meta.triple_id} does not start with the key")
    if meta.split != sample.split:
        raise InputError("shard-meta", f"{sample.key}: meta says split {meta.split}, the sample says {sample.split}")
    return meta, json_bytes


def _write_tars(
    out_dir: Path,
    planned: Mapping[Split, list[_Planned]],
    settings: DatasetSettings,
    spool: BinaryIO,
    before: _Parent | None,
) -> dict[str, ShardEntry]:
    entries: dict[str, ShardEntry] = {}
    with whole_file(out_dir / INDEX_FILE) as index_file, IndexWriter(index_file) as index:
        for split, rows in planned.items():
            if not rows:
                continue
            count = settings.shards_of(split)
            by_shard: dict[int, list[_Planned]] = {}
            for row in rows:
                by_shard.setdefault(shard_of(row.key, count), []).append(row)
            for number in range(count):
                path = shard_path(split, number, count)
                in_shard = by_shard.get(number, [])
                taken = None if before is None else _take_over(out_dir, path, in_shard, before, settings, split)
                entry, written = taken or _write_tar(out_dir, path, split, in_shard, settings, spool)
                entries[path] = entry
                index.add_shard(written)
    return entries


def _take_over(
    out_dir: Path,
    path: str,
    rows: list[_Planned],
    before: _Parent,
    settings: DatasetSettings,
    split: Split,
) -> tuple[ShardEntry, list[IndexRow]] | None:
    """Link the shard of the version before if its members are the planned ones; None if it has to be written."""
    entry = before.manifest.shards.get(path)
    if entry is None:
        return None
    names = _members_of(split, settings)
    planned = [(r.key, name, sha) for r in rows for name, sha in zip(names, r.digests, strict=True)]
    known = before.rows(path)
    if [(row.key, row.member, row.sha256) for row in known] != planned:
        return None
    target = out_dir / path
    target.parent.mkdir(parents=True, exist_ok=True)
    if not link_same(before.path / path, target, entry.sha256, read_only_mode(out_dir)):
        return None
    return entry, known


def _write_tar(
    out_dir: Path,
    path: str,
    split: Split,
    rows: list[_Planned],
    settings: DatasetSettings,
    spool: BinaryIO,
) -> tuple[ShardEntry, list[IndexRow]]:
    index: list[IndexRow] = []
    names = _members_of(split, settings)
    with whole_file(out_dir / path) as file:
        tar = _HashedFile(file)
        for row in rows:
            for name, content, known in zip(names, row.members, row.digests, strict=True):
                offset, length, digest = _write_member(tar, f"{row.key}.{name}", content, spool)
                if known and digest != known:
                    place = content.path if isinstance(content, FileRange) else content
                    raise BuildError(
                        f"{row.key}.{name}: SHA-256 of {place} is {digest}, expected {known}: the file is damaged; "
                        "delete it and build again"
                    )
                index.append(IndexRow(row.key, split, path, name, offset, length, digest))
        tar.write(bytes(tar_end(tar.size_bytes)))
    return ShardEntry(sha256=tar.sha256(), bytes=tar.size_bytes, samples=len(rows)), index


class _HashedFile:
    """A file that hashes and counts what goes into it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size_bytes = 0

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._digest.update(data)
        self.size_bytes += len(data)

    def sha256(self) -> str:
        return self._digest.hexdigest()


def _write_member(
    tar: _HashedFile, name: str, content: str | FileRange | _Spooled, spool: BinaryIO
) -> tuple[int, int, str]:
    """Append one member; returns its offset, its length and its SHA-256."""
    if isinstance(content, _Spooled):
        spool.seek(content.offset)
        return _copy_member(tar, name, spool, content.length)
    if isinstance(content, FileRange):
        with content.path.open("rb") as file:
            file.seek(content.offset)
            return _copy_member(tar, name, file, content.length)
    with Path(content).open("rb") as file:
        length = file.seek(0, 2)
        file.seek(0)
        return _copy_member(tar, name, file, length)


def _copy_member(tar: _HashedFile, name: str, content: BinaryIO, length: int) -> tuple[int, int, str]:
    if not 0 < length <= MAX_MEMBER_BYTES:
        raise InputError("shard-member-size", f"{name} has {length} bytes; a member has 1 to {MAX_MEMBER_BYTES}")
    tar.write(tar_header(name, length))
    offset = tar.size_bytes
    digest = hashlib.sha256()
    left = length
    while left:
        chunk = content.read(min(_CHUNK_BYTES, left))
        if not chunk:
            raise BuildError(f"{name}: its file is shorter than it was, or should be")
        tar.write(chunk)
        digest.update(chunk)
        left -= len(chunk)
    tar.write(bytes(tar_padding(length)))
    return offset, length, digest.hexdigest()


def _copy_tables(out_dir: Path, tables: Mapping[str, Path]) -> dict[str, FileEntry]:
    entries: dict[str, FileEntry] = {}
    for name, source in sorted(tables.items()):
        if not _TABLE_NAME.fullmatch(name):
            raise BuildError(f"table name {name!r} must be lower-case letters, digits, - and _")
        try:
            pq.read_metadata(source)
        except (pa.ArrowException, OSError) as error:
            raise BuildError(f"table {name}: {source} cannot be read as Parquet: {error}") from error
        path = f"tables/{name}.parquet"
        with whole_file(out_dir / path) as file, source.open("rb") as content:
            shutil.copyfileobj(content, file, _CHUNK_BYTES)
        entries[path] = _entry(out_dir / path)
    return entries


def _entry(path: Path) -> FileEntry:
    return FileEntry(sha256=sha256_file(path), bytes=path.stat().st_size)
