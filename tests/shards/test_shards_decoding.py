"""Members that other readers hand out become the same arrays and facts as our own reader's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pvtt_data.errors import DatasetError
from pvtt_data.shards import ShardDataset, decode_member, decode_row, webdataset_decoder
from pvtt_data.shards.format import MASK_MEMBERS, VIDEO_MEMBERS, heldout_member, member_names, reference_member
from pvtt_data.shards.reader import Sample


def assert_same(sample: Sample, decoded: dict[str, Any], dataset: ShardDataset) -> None:
    """All members of a sample, and nothing else."""
    manifest = dataset.manifest
    members = member_names(sample.split, manifest.reference_count, manifest.heldout_count)
    assert {name for name in decoded if not name.startswith("__")} == set(members)
    for member in VIDEO_MEMBERS:
        assert decoded[member].dtype == np.uint8
        assert np.array_equal(decoded[member], getattr(sample, member.removesuffix(".mp4")))
    for member in MASK_MEMBERS:
        assert decoded[member].dtype == np.bool_
        assert np.array_equal(decoded[member], getattr(sample, member.removesuffix(".mp4")))
    for name_of, pictures in ((reference_member, sample.references), (heldout_member, sample.heldout)):
        for number, picture in enumerate(pictures):
            assert np.array_equal(decoded[name_of(number)], picture)
    assert decoded["json"] == sample.meta


def test_webdataset_decodes_as_our_reader(dataset: Path) -> None:
    webdataset = pytest.importorskip("webdataset", reason="webdataset is not installed")
    for split in ("train", "validation", "test"):
        ours = ShardDataset(dataset, split)  # type: ignore[arg-type]
        urls = [str(path) for path in sorted((dataset / "data").glob(f"{split}-*.tar"))]
        theirs = webdataset.WebDataset(urls, shardshuffle=False, empty_check=False).decode(webdataset_decoder)
        seen = 0
        for decoded in theirs:
            assert_same(ours[decoded["__key__"]], decoded, ours)
            seen += 1
        assert seen == len(ours)


@pytest.mark.parametrize("streaming", [False, True])
def test_rows_of_datasets_decode_as_our_reader(dataset: Path, tmp_path: Path, streaming: bool) -> None:
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    for split in ("train", "test"):
        ours = ShardDataset(dataset, split)  # type: ignore[arg-type]
        rows = datasets.load_dataset(str(dataset), split=split, streaming=streaming, cache_dir=str(tmp_path))
        decoded = [decode_row(row) for row in rows]
        assert sorted(row["__key__"] for row in decoded) == sorted(ours.keys())
        for row in decoded:
            assert_same(ours[row["__key__"]], row, ours)


@pytest.mark.parametrize(
    "name", ["weights.pth", "source.mp4.pyd", "depth.npy", "reference_100.png", "txt", "source.mp4.gz"]
)
def test_members_that_the_format_does_not_name_go_to_no_decoder(name: str) -> None:
    with pytest.raises(DatasetError, match="no such member"):
        webdataset_decoder(f".{name}", b"\x80\x04.")


def test_damage_is_named(dataset: Path) -> None:
    sample = ShardDataset(dataset)[0]
    for member in ("source.mp4", "target_mask.mp4", "reference_0.png", "json"):
        with pytest.raises(DatasetError, match=member):
            decode_member(member, sample.read(member)[:40])
    with pytest.raises(DatasetError, match="does not come as bytes"):
        decode_row({"__key__": sample.key, "source.mp4": object()})
