"""The shard format's one writer and one reader, and the tools that check and show a dataset version.

`docs/format.md` states the format. Start here:

- `write_dataset`, `publish`: write a version and give it its number.
- `ShardDataset`: random access to samples.
- `webdataset_decoder`, `decode_row`: arrays from what `webdataset` and `datasets` read.
- `verify`: find out whether a version holds what its manifest promises.
- `contact_sheet`, `describe`: look at it.
- `history`, `diff_versions`: list versions and say what changed between two.
"""

from __future__ import annotations

from pvtt_data.shards.decoding import decode_member, decode_row, webdataset_decoder
from pvtt_data.shards.diff import VersionDiff, diff_versions
from pvtt_data.shards.format import SampleMeta, shard_count_for
from pvtt_data.shards.history import VersionLine, find_version, history
from pvtt_data.shards.inspect import contact_sheet, describe
from pvtt_data.shards.manifest import Lineage, Manifest, read_lineage, read_manifest
from pvtt_data.shards.reader import Sample, ShardDataset
from pvtt_data.shards.verify import VerifyProblem, VerifyReport, verify
from pvtt_data.shards.versions import Publication, latest_version, next_version, publish, version_numbers
from pvtt_data.shards.writer import DatasetSettings, ShardSample, write_dataset

__all__ = [
    "DatasetSettings",
    "Lineage",
    "Manifest",
    "Publication",
    "Sample",
    "SampleMeta",
    "ShardDataset",
    "ShardSample",
    "VerifyProblem",
    "VerifyReport",
    "VersionDiff",
    "VersionLine",
    "contact_sheet",
    "decode_member",
    "decode_row",
    "describe",
    "diff_versions",
    "find_version",
    "history",
    "latest_version",
    "next_version",
    "publish",
    "read_lineage",
    "read_manifest",
    "shard_count_for",
    "verify",
    "version_numbers",
    "webdataset_decoder",
    "write_dataset",
]
