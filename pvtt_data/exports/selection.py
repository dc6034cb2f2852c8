"""Which samples of a version are exported: a split, and a condition over the facts in their JSON."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa

from pvtt_data.errors import DatasetError, PvttError
from pvtt_data.records import Split
from pvtt_data.shards.format import NOT_MEASURED, SampleMeta
from pvtt_data.shards.reader import Sample, ShardDataset

_TYPES = {str: pa.string(), int: pa.int64(), float: pa.float64()}


def meta_schema(number_names: Sequence[str]) -> pa.Schema:
    """Columns for the facts in the JSON: as they are there, ``numbers`` as a struct, null where not measured."""
    hints = typing.get_type_hints(SampleMeta)
    fields = []
    for name in SampleMeta.model_fields:
        if name == "numbers":
            kind = pa.struct([pa.field(number, pa.float64()) for number in sorted(number_names)])
        elif typing.get_origin(hints[name]) is list:
            kind = pa.list_(pa.string())
        else:
            kind = _TYPES.get(hints[name], pa.string())
        fields.append(pa.field(name, kind, nullable=False))
    return pa.schema(fields)


def meta_row(meta: SampleMeta) -> dict[str, Any]:
    """A row for `meta_schema`: a number that was not measured is null, so that no condition takes it for −1000."""
    row = meta.model_dump(mode="python")
    row["numbers"] = {name: None if value == NOT_MEASURED else value for name, value in meta.numbers.items()}
    return row


def select(dataset: ShardDataset, where: str | None = None) -> list[Sample]:
    """Samples of a dataset, in its order, of which a condition holds.

    Args:
        dataset: of a split, or of all.
        where: SQL condition over ``key`` and the fields of the JSON, such as ``verdict = 'accept' AND
            numbers.iou_median > 0.9``. It sees these rows and nothing else of the machine.

    Raises:
        PvttError: the condition is no SQL.
        DatasetError: a sample cannot be read, or none is left.
    """
    samples = list(dataset)
    if where is not None:
        kept = _matching(samples, dataset.manifest.number_names, where)
        samples = [sample for sample in samples if sample.key in kept]
    if not samples:
        of = f" for which {where}" if where else ""
        raise DatasetError(f"{dataset.path} has no samples{_of_split(dataset.split)}{of}")
    return samples


def _of_split(split: Split | None) -> str:
    return f" in {split}" if split else ""


def _matching(samples: Sequence[Sample], number_names: Sequence[str], where: str) -> set[str]:
    """Keys of the samples that a condition holds for."""
    table = pa.Table.from_pylist([meta_row(sample.meta) for sample in samples], schema=meta_schema(number_names))
    table = table.add_column(0, pa.field("key", pa.string(), nullable=False), [[s.key for s in samples]])
    with duckdb.connect() as connection:
        connection.register("facts", table)
        connection.execute("CREATE TABLE samples AS SELECT * FROM facts")
        connection.unregister("facts")
        for setting in ("enable_external_access = false", "python_enable_replacements = false"):
            connection.execute(f"SET {setting}")
        connection.execute("SET lock_configuration = true")
        # On lines of its own: a comment at the end of the condition must not swallow the bracket.
        text = f"SELECT key FROM samples WHERE (\n{where}\n)"  # noqa: S608
        try:
            if len(connection.extract_statements(text)) != 1:
                raise PvttError(f"--where {where}: expected one condition, not several statements")
            return {key for (key,) in connection.execute(text).fetchall()}
        except duckdb.Error as error:
            raise PvttError(f"--where {where}: {error}") from error
