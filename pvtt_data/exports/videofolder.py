"""Format ``videofolder``: a folder for each split that `datasets` loads as videos with their facts.

The facts are ``metadata.parquet``, one of the three files that the loader takes. ``metadata.csv`` would change them: it
is read with guessed types, which makes a number of the product id ``00123`` and a missing value of the title ``None``.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from pvtt_data.exports.folder import Files
from pvtt_data.exports.formats import Format, Row
from pvtt_data.exports.frames import copy_pictures
from pvtt_data.exports.selection import meta_row, meta_schema
from pvtt_data.records import Split
from pvtt_data.shards.format import CLIP_MEMBERS, SampleMeta
from pvtt_data.shards.reader import Sample

METADATA_FILE = "metadata.parquet"
_COLUMNS = {
    "target.mp4": "file_name",
    "source.mp4": "source_file_name",
    "source_mask.mp4": "source_mask_file_name",
    "target_mask.mp4": "target_mask_file_name",
    "effect_mask.mp4": "effect_mask_file_name",
}
"""Column of each video. The loader drops ``_file_name`` and calls ``file_name`` ``video``."""


class VideofolderExport(Format):
    """``{split}/metadata.parquet`` and the videos of the shards, byte for byte."""

    name: ClassVar[str] = "videofolder"

    def make(self, sample: Sample, files: Files) -> Row:
        """See `Format.make`."""
        row: Row = {}
        for member in CLIP_MEMBERS:
            path = f"{member.removesuffix('.mp4')}/{sample.key}.mp4"
            files.write(f"{sample.split}/{path}", sample.read(member))
            row[_COLUMNS[member]] = path
        home = f"{sample.split}/pictures/{sample.key}"
        references, heldout = copy_pictures(sample, home, files)
        row["references"] = [path.removeprefix(f"{sample.split}/") for path in references]
        row["heldout"] = [path.removeprefix(f"{sample.split}/") for path in heldout]
        return row

    def finish(self, made: Mapping[Split, Sequence[tuple[SampleMeta, Row]]], files: Files) -> None:
        """See `Format.finish`."""
        for split, rows in made.items():
            facts = meta_schema(list(rows[0][0].numbers))
            schema = pa.schema(
                [
                    pa.field("key", pa.string(), nullable=False),
                    *(pa.field(name, pa.string(), nullable=False) for name in _COLUMNS.values()),
                    *(pa.field(name, pa.list_(pa.string()), nullable=False) for name in ("references", "heldout")),
                    *facts,
                ]
            )
            plain = [{"key": meta.key, **row, **meta_row(meta)} for meta, row in rows]
            file = io.BytesIO()
            pq.write_table(
                pa.Table.from_pylist(plain, schema=schema),
                file,
                version="2.6",
                compression="zstd",
                store_schema=False,
                row_group_size=10_000,
            )
            files.write(f"{split}/{METADATA_FILE}", file.getvalue())

    def how_to_load(self, out: Path, made: Mapping[Split, Sequence[tuple[SampleMeta, Row]]]) -> str:
        """See `Format.how_to_load`."""
        split = next(iter(made))
        folder = json.dumps(str(out), ensure_ascii=False)
        return f'datasets.load_dataset("videofolder", data_dir={folder}, split="{split}")'
