"""`index.parquet`: where every member lies, so that a reader can fetch any one without scanning a tar."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from pvtt_data.errors import DatasetError

INDEX_SCHEMA = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("shard", pa.string(), nullable=False),
        pa.field("member", pa.string(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("length", pa.int64(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class IndexRow:
    """One member: its bytes are ``[offset, offset + length)`` of the shard."""

    key: str
    split: str
    shard: str
    member: str
    offset: int
    length: int
    sha256: str


class IndexWriter:
    """Writes the index, one row group for each shard that has samples, so that memory stays small.

    Args:
        file: open binary file.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._writer = pq.ParquetWriter(
            file,
            INDEX_SCHEMA,
            version="2.6",
            compression="zstd",
            compression_level=3,
            use_dictionary=["key", "split", "shard", "member"],
            write_statistics=True,
        )

    def add_shard(self, rows: list[IndexRow]) -> None:
        """Append the members of one shard, in their order in the tar."""
        if not rows:
            return
        columns = {name: [getattr(row, name) for row in rows] for name in INDEX_SCHEMA.names}
        self._writer.write_table(pa.table(columns, schema=INDEX_SCHEMA), row_group_size=len(rows))

    def __enter__(self) -> IndexWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()


def read_index(path: Path) -> Any:
    """The index as a `pyarrow.Table` with `INDEX_SCHEMA`.

    Raises:
        DatasetError: the file is missing, is no Parquet file, or has other columns.
    """
    try:
        table = pq.read_table(path, memory_map=False, use_threads=False)
    except FileNotFoundError as error:
        raise DatasetError(f"{path.name} is missing") from error
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"{path.name} cannot be read as Parquet: {error}") from error
    if not table.schema.equals(INDEX_SCHEMA):
        raise DatasetError(f"{path.name} has the columns {table.schema.names}, expected {INDEX_SCHEMA.names}")
    return table


def index_rows(table: Any) -> Iterator[IndexRow]:
    """The index row by row, without holding all rows as Python objects."""
    for batch in table.to_batches(max_chunksize=65_536):
        for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            yield IndexRow(*values)


def sample_digests(table: Any) -> dict[str, str]:
    """For each key a hash over its split and its members' hashes: two samples are equal if their digests are."""
    digests: dict[str, str] = {}
    current: str | None = None
    digest = hashlib.sha256()
    for row in index_rows(table):
        if row.key != current:
            if current is not None:
                digests[current] = digest.hexdigest()
            current, digest = row.key, hashlib.sha256()
        digest.update(f"{row.split}\0{row.member}\0{row.sha256}\n".encode())
    if current is not None:
        digests[current] = digest.hexdigest()
    return digests
