"""Samples that must not be redistributed: what is published in their place, and the version without them.

`tables/withheld.parquet` has one row for each: its key, split and shard, the SHA-256 that the shard has with it, its
JSON, the SHA-256 of every member, and which originals it was made from (their SHA-256, names in the feed, addresses).
With the recipe in the manifest and the tables of the build that is enough to make it again: see
`pvtt_data.publish.rebuild`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pvtt_data.errors import DatasetError
from pvtt_data.files import whole_file
from pvtt_data.publish.card_head import card_licence
from pvtt_data.publish.needs import Original, needs_of, read_tables
from pvtt_data.records import Split
from pvtt_data.shards import DatasetSettings, Manifest, ShardDataset, ShardSample, write_dataset
from pvtt_data.shards.building import building_folder
from pvtt_data.shards.format import (
    CLIP_MEMBERS,
    JSON_MEMBER,
    SampleMeta,
    heldout_member,
    is_key,
    parse_shard_path,
    reference_member,
)
from pvtt_data.shards.index import read_index
from pvtt_data.shards.reader import Sample
from pvtt_data.shards.writer import Content, FileRange
from pvtt_data.stated_recipe import stated_section
from pvtt_data.words import printable

TABLE = "withheld"
_ROOT_KEY = b"pvtt.root"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PICTURE = re.compile(r"(?:reference|heldout)_\d{1,2}\.png")
_SCHEMA = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("shard", pa.string(), nullable=False),
        pa.field("shard_sha256", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("source_url", pa.string(), nullable=False),
        pa.field("source_url_a", pa.string(), nullable=False),
        pa.field(
            "originals",
            pa.list_(
                pa.struct(
                    [pa.field(name, pa.string(), nullable=False) for name in ("sha256", "name", "url", "licence")]
                )
            ),
            nullable=False,
        ),
        pa.field(
            "members",
            pa.list_(
                pa.struct(
                    [
                        pa.field("member", pa.string(), nullable=False),
                        pa.field("length", pa.int64(), nullable=False),
                        pa.field("sha256", pa.string(), nullable=False),
                    ]
                )
            ),
            nullable=False,
        ),
        pa.field("json", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class Withheld:
    """One sample that is published as hashes.

    Attributes:
        shard: path of its shard, with ``shard_sha256`` once the sample is in it.
        members: name → (bytes, SHA-256).
        json: its JSON member.
    """

    key: str
    split: Split
    shard: str
    shard_sha256: str
    reason: str
    source_url: str
    source_url_a: str
    originals: tuple[Original, ...]
    members: Mapping[str, tuple[int, str]]
    json: str


def read_withheld(version: Path) -> tuple[list[Withheld], str]:
    """The withheld samples of a published version, and the root of the version with them.

    Raises:
        DatasetError: it has none, or the table is damaged.
    """
    path = version / "tables" / f"{TABLE}.parquet"
    try:
        table = pq.read_table(path)
        root = (table.schema.metadata or {})[_ROOT_KEY].decode()
        plain = table.select(_SCHEMA.names).cast(_SCHEMA).to_pylist()
    except FileNotFoundError as error:
        raise DatasetError(f"{version.name} withholds no sample: there is nothing to make again") from error
    except (KeyError, ValueError, pa.ArrowException) as error:
        raise DatasetError(f"{path.name} has other columns than it should") from error
    except OSError as error:
        raise DatasetError(f"{path.name} cannot be read: {error}") from error
    rows = []
    for row in plain:
        originals = tuple(Original(**one) for one in row.pop("originals"))
        members = {one["member"]: (one["length"], one["sha256"]) for one in row.pop("members")}
        rows.append(Withheld(**row, originals=originals, members=members))
    for one in rows:
        if not _is_sound(one):
            raise DatasetError(f"{path.name}: the row of {printable(one.key)} is none of a withheld sample")
    return rows, root


def _is_sound(row: Withheld) -> bool:
    """Whether names and hashes are such: files are looked up and written by them."""
    place = parse_shard_path(row.shard)
    hashes = [row.shard_sha256, *(one.sha256 for one in row.originals), *(sha for _, sha in row.members.values())]
    return (
        is_key(row.key)
        and place is not None
        and place[0] == row.split
        and all(_SHA256.fullmatch(sha256) for sha256 in hashes)
        and all(length > 0 for length, _ in row.members.values())
        and {*CLIP_MEMBERS, JSON_MEMBER} <= set(row.members)
        and all(_PICTURE.fullmatch(name) for name in set(row.members) - {*CLIP_MEMBERS, JSON_MEMBER})
    )


def write_published(version: Path, out: Path, reasons: Mapping[str, str]) -> Manifest:
    """Write the version that is published: all samples but those withheld, and the table about them.

    What ``version`` itself withholds stays withheld. Shards without a withheld sample stay as they are, as hard links
    where the filesystem has them.

    Args:
        version: the whole version.
        out: new folder on the same filesystem.
        reasons: key → why it is withheld.

    Raises:
        DatasetError: the version is damaged or does not say how a sample was made.
        BuildError: no sample is left.
    """
    dataset = ShardDataset(version, check_sha256=True)
    manifest = dataset.manifest
    tables = {Path(name).stem: version / name for name in manifest.tables}
    with building_folder(out.parent) as scratch:
        table = scratch / f"{TABLE}.parquet"
        _write_table(table, dataset, reasons)
        return write_dataset(
            out,
            _samples(dataset, set(reasons)),
            settings_of(version, manifest),
            {**tables, TABLE: table},
            parent=version,
        )


def settings_of(version: Path, manifest: Manifest) -> DatasetSettings:
    """The settings that a version was written with."""
    return DatasetSettings(
        name=manifest.name,
        recipe=manifest.recipe,
        shard_count={split: counts.shards for split, counts in manifest.counts.items()},
        reference_count=manifest.reference_count,
        heldout_count=manifest.heldout_count,
        tools=manifest.tools,
        weights=manifest.weights,
        card_licence=card_licence(version) or "other",
    )


def shard_sample(
    key: str, split: Split, meta: SampleMeta, members: Mapping[str, Content], digests: Mapping[str, str]
) -> ShardSample:
    """A sample as the writer takes it, from one as the reader gives it.

    Args:
        members: at least the videos and the different pictures.
        digests: SHA-256 of each.
    """
    wanted = [
        *CLIP_MEMBERS,
        *(reference_member(number) for number in range(meta.reference_count)),
        *(heldout_member(number) for number in range(meta.heldout_count)),
    ]
    facts: dict[str, Any] = meta.model_dump(mode="python", exclude={"reference_count", "heldout_count"})
    facts["reference_source"] = facts["reference_source"][: meta.reference_count]
    return ShardSample(
        key, split, {name: members[name] for name in wanted}, facts, {name: digests[name] for name in wanted}
    )


def shard_sample_of(sample: Sample) -> ShardSample:
    """A sample of a version as the writer takes it; its members are read where they lie, once they are needed."""
    places = {name: FileRange(span.path, span.offset, span.length) for name, span in sample.spans.items()}
    digests = {name: span.sha256 for name, span in sample.spans.items()}
    return shard_sample(sample.key, sample.split, sample.meta, places, digests)


def _samples(dataset: ShardDataset, left_out: Collection[str]) -> Iterator[ShardSample]:
    for sample in (dataset[number] for number in range(len(dataset))):
        if sample.key not in left_out:
            yield shard_sample_of(sample)


def _write_table(path: Path, dataset: ShardDataset, reasons: Mapping[str, str]) -> None:
    manifest = dataset.manifest
    composite = stated_section(manifest.recipe, "synthesise", "composite")
    needs = needs_of(read_tables(dataset.path), reasons, float(composite.get("distractor_share", 0.0)))
    if needs.problems:
        lines = "\n".join(f"  {key}: {why}" for key, why in sorted(needs.problems.items()))
        raise DatasetError(f"these samples cannot be withheld, because nobody could make them again:\n{lines}")
    shards = {row["key"]: row["shard"] for row in read_index(dataset.path / "index.parquet").to_pylist()}
    rows: list[Withheld] = []
    root = manifest.root
    if (dataset.path / "tables" / f"{TABLE}.parquet").is_file():
        rows, root = read_withheld(dataset.path)
    whole = {row.shard: row.shard_sha256 for row in rows}
    for key in sorted(reasons):
        sample = dataset[key]
        rows.append(
            Withheld(
                key=key,
                split=sample.split,
                shard=shards[key],
                shard_sha256=whole.get(shards[key], manifest.shards[shards[key]].sha256),
                reason=reasons[key],
                source_url=sample.meta.source_url,
                source_url_a=sample.meta.source_url_a,
                originals=tuple(needs.originals[sha256] for sha256 in sorted(needs.of_sample[key])),
                members={name: (span.length, span.sha256) for name, span in sample.spans.items()},
                json=sample.read("json").decode(),
            )
        )
    write_withheld(path, sorted(rows, key=lambda row: row.key), root)


def write_withheld(path: Path, rows: Sequence[Withheld], root: str) -> None:
    """Write the table that `read_withheld` reads.

    Args:
        root: of the version with these samples.
    """
    plain = [
        {
            **{name: getattr(row, name) for name in _SCHEMA.names},
            "originals": [dataclasses.asdict(one) for one in row.originals],
            "members": [
                {"member": name, "length": length, "sha256": sha256} for name, (length, sha256) in row.members.items()
            ],
        }
        for row in rows
    ]
    table = pa.Table.from_pylist(plain, schema=_SCHEMA).replace_schema_metadata({_ROOT_KEY: root.encode()})
    with whole_file(path) as file:
        pq.write_table(table, file, compression="zstd")
