"""The JSON of all samples as one Parquet file a split, for queries and for Croissant.

Columns are the fields of the JSON with the same names, types and values, after ``key``; rows are in the index's order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pvtt_data.errors import DatasetError
from pvtt_data.files import whole_file
from pvtt_data.records import Split
from pvtt_data.shards.card.features import json_types
from pvtt_data.shards.format import INDEX_FILE, JSON_MEMBER, canonical_json, facts_path

_ROWS = 1000
_TYPES = {"string": pa.string(), "int64": pa.int64(), "float64": pa.float64(), "list": pa.list_(pa.string())}


def write_facts(dataset: Path, splits: Sequence[Split], number_names: Sequence[str]) -> list[str]:
    """Write the tables of a version whose tars and index are there; returns their paths inside it."""
    schema = _schema(number_names)
    index = pq.read_table(dataset / INDEX_FILE, filters=[("member", "==", JSON_MEMBER)])
    written = []
    for split in splits:
        path = facts_path(split)
        (dataset / path).parent.mkdir(exist_ok=True)
        rows = index.filter(pc.equal(index.column("split"), split))
        with (
            whole_file(dataset / path) as file,
            pq.ParquetWriter(file, schema, version="2.6", compression="zstd", compression_level=3) as writer,
        ):
            for part in _parts(_jsons(dataset, rows)):
                writer.write_table(pa.Table.from_pylist(part, schema=schema))
        written.append(path)
    return written


def facts_differences(
    path: Path, expected: Mapping[str, str], number_names: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Where a table says something else than the samples' JSON, as (key, what).

    Args:
        path: the table.
        expected: key → SHA-256 of the JSON of every sample of the split.

    Raises:
        DatasetError: it cannot be read or has other columns.
    """
    seen: set[str] = set()
    for row in _rows(path, _schema(number_names)):
        key = row.pop("key")
        if key in seen:
            yield key, "lists this sample twice"
        seen.add(key)
        if key not in expected:
            yield key, "lists this sample, but no shard has it"
        elif hashlib.sha256(canonical_json(row)).hexdigest() != expected[key]:
            yield key, "says something else than the sample's JSON"
    for key in sorted(set(expected) - seen):
        yield key, "does not list this sample"


def _rows(path: Path, schema: pa.Schema) -> Iterator[dict[str, Any]]:
    try:
        table = pq.ParquetFile(path)
        if not table.schema_arrow.equals(schema):
            raise DatasetError(f"has the columns {table.schema_arrow.names}, expected {schema.names}")
        for batch in table.iter_batches(batch_size=_ROWS):
            yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"cannot be read as Parquet: {error}") from error


def _schema(number_names: Sequence[str]) -> pa.Schema:
    fields = [pa.field("key", pa.string())]
    for name, kind in json_types().items():
        if kind == "struct":
            numbers = pa.struct([pa.field(number, pa.float64()) for number in sorted(number_names)])
            fields.append(pa.field(name, numbers))
        else:
            fields.append(pa.field(name, _TYPES[kind]))
    return pa.schema(fields)


def _jsons(dataset: Path, rows: Any) -> Iterator[dict[str, Any]]:
    """Key and facts of the samples that the index lists."""
    columns = [rows.column(name).to_pylist() for name in ("key", "shard", "offset", "length")]
    opened, tar = "", None
    try:
        for key, shard, offset, length in zip(*columns, strict=True):
            if shard != opened or tar is None:
                if tar is not None:
                    tar.close()
                opened, tar = shard, (dataset / shard).open("rb")
            tar.seek(offset)
            yield {"key": key, **json.loads(tar.read(length))}
    finally:
        if tar is not None:
            tar.close()


def _parts(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    part: list[dict[str, Any]] = []
    for row in rows:
        part.append(row)
        if len(part) == _ROWS:
            yield part
            part = []
    if part:
        yield part
