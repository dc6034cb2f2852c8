from __future__ import annotations

import json
import multiprocessing
import pickle
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shard_samples import FRAMES, HEIGHT, WIDTH, H, R, key_of, luma, mask

from pvtt_data.errors import DatasetError
from pvtt_data.files import sha256_file
from pvtt_data.shards import Manifest, Sample, ShardDataset, ShardSample, read_manifest
from pvtt_data.shards.index import INDEX_SCHEMA, read_index
from pvtt_data.shards.manifest import FileEntry, build_manifest, manifest_bytes


def test_members_decode_to_what_was_written(dataset: Path) -> None:
    sample = ShardDataset(dataset)[key_of(30)]
    assert sample.source.shape == sample.target.shape == (FRAMES, HEIGHT, WIDTH, 3)
    assert sample.source.dtype == np.uint8
    assert np.array_equal(sample.source_mask, mask(0))
    assert np.array_equal(sample.target_mask, mask(1))
    assert np.array_equal(sample.effect_mask, mask(2))
    assert [p.shape for p in sample.references] == [(10, 12, 3), (10, 12, 4), (10, 12, 4)]
    assert len(sample.heldout) == H
    assert sample.meta.title_a == "青花瓷 mug"


def test_planes_are_the_stored_ones(dataset: Path) -> None:
    luma_plane, u, v = ShardDataset(dataset)[0].source_planes()
    assert np.array_equal(luma_plane, luma(1))
    assert u.shape == v.shape == (FRAMES, HEIGHT // 2, WIDTH // 2)


def test_number_key_and_negative_number_give_the_same_sample(dataset: Path) -> None:
    ds = ShardDataset(dataset)
    for number, key in enumerate(ds.keys()):
        assert ds[number].key == ds[key].key == ds[number - len(ds)].key == key
        assert ds.number(key) == number
        assert key in ds
    with pytest.raises(IndexError):
        ds[len(ds)]
    with pytest.raises(IndexError):
        ds[-len(ds) - 1]
    with pytest.raises(KeyError):
        ds["0" * 16]


def test_a_split_is_a_part_of_the_whole(dataset: Path, samples: list[ShardSample]) -> None:
    whole = ShardDataset(dataset)
    assert set(whole.keys()) == {s.key for s in samples}
    parts = [ShardDataset(dataset, split) for split in ("train", "validation", "test")]
    assert tuple(key for part in parts for key in part.keys()) == whole.keys()  # noqa: SIM118
    assert {s.split for s in parts[0]} == {"train"}
    assert [s.meta.split for s in whole] == [s.split for s in whole]


def test_order_is_a_permutation_that_seed_and_epoch_alone_decide(dataset: Path) -> None:
    ds = ShardDataset(dataset)
    orders = {(seed, epoch): tuple(ds.order(seed, epoch)) for seed in (0, 1) for epoch in (0, 1)}
    assert all(sorted(order) == list(range(len(ds))) for order in orders.values())
    assert len(set(orders.values())) == 4
    assert tuple(ShardDataset(dataset).order(1, 1)) == orders[1, 1]


def test_order_of_the_others_survives_a_dropped_split(dataset: Path) -> None:
    whole, train = ShardDataset(dataset), ShardDataset(dataset, "train")
    in_whole = [whole[n].key for n in whole.order(3) if whole[n].split == "train"]
    assert in_whole == [train[n].key for n in train.order(3)]


def _mean(sample: Sample) -> float:
    return float(sample.target.mean())


def test_dataset_and_samples_travel_to_other_processes(dataset: Path) -> None:
    ds: ShardDataset = pickle.loads(pickle.dumps(ShardDataset(dataset)))
    with multiprocessing.get_context("fork").Pool(2) as pool:
        means = pool.map(_mean, [ds[n] for n in range(3)])
    assert means == [_mean(ds[n]) for n in range(3)]


def test_checked_reading_notices_a_flipped_byte(dataset: Path) -> None:
    sample = ShardDataset(dataset, "train")[0]
    span = sample.spans["source.mp4"]
    data = bytearray(span.path.read_bytes())
    data[span.offset + span.length // 2] ^= 1
    span.path.write_bytes(data)
    with pytest.raises(DatasetError, match=rf"{sample.key}\.source\.mp4"):
        ShardDataset(dataset, "train", check_sha256=True)[0].read("source.mp4")
    with pytest.raises(KeyError):
        sample.read("depth.npy")


def test_a_cut_or_missing_tar_says_which_member(dataset: Path) -> None:
    sample = ShardDataset(dataset, "train")[0]
    path = sample.spans["json"].path
    path.write_bytes(path.read_bytes()[: sample.spans["json"].offset + 5])
    with pytest.raises(DatasetError, match=rf"{sample.key}\.json: the tar ends"):
        _ = sample.meta
    path.unlink()
    with pytest.raises(DatasetError, match="missing"):
        sample.read("source.mp4")


def test_damaged_or_absent_manifest_and_index_are_refused(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no split"):
        shutil.copytree(dataset, tmp_path / "copy")
        ShardDataset(dataset, "dev")  # type: ignore[arg-type]
    (dataset / "index.parquet").write_bytes(b"PAR1")
    with pytest.raises(DatasetError, match=r"index\.parquet"):
        ShardDataset(dataset)
    with pytest.raises(DatasetError, match=r"has no manifest\.json"):
        ShardDataset(tmp_path)
    newer = (tmp_path / "copy/manifest.json").read_text().replace('"schema_version": 1', '"schema_version": 2')
    (tmp_path / "copy/manifest.json").write_text(newer)
    with pytest.raises(DatasetError, match="newer than this reader"):
        ShardDataset(tmp_path / "copy")


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("key", "../../../etc/x\x1b", "is no key of a sample"),
        ("sha256", "zz" * 32, "is no SHA-256"),
        ("sha256", "ab" * 31, "is no SHA-256"),
        ("offset", -512, "has no place in its tar"),
        ("length", 0, "has no place in its tar"),
        ("length", 2**61, "the tar ends inside this member"),
        ("shard", "data/train-00000-of-00001.tar/../../x", "is no train shard"),
    ],
)
def test_an_index_that_no_writer_wrote_is_refused(
    dataset: Path, tmp_path: Path, column: str, value: object, said: str
) -> None:
    path = tmp_path / "v1"
    shutil.copytree(dataset, path)
    table = read_index(path / "index.parquet")
    first = table.column("key")[0].as_py()
    rows = [{**row, column: value} if row["key"] == first else row for row in table.to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows, schema=INDEX_SCHEMA), path / "index.parquet")
    stated = read_manifest(path)
    entry = FileEntry(sha256=sha256_file(path / "index.parquet"), bytes=(path / "index.parquet").stat().st_size)
    fields = {name: getattr(stated, name) for name in Manifest.model_fields}
    for own in ("schema_version", "root", "manifest_sha256"):
        del fields[own]
    changed = build_manifest(**{**fields, "files": {**stated.files, "index.parquet": entry}})
    (path / "manifest.json").write_bytes(manifest_bytes(changed))
    with pytest.raises(DatasetError, match=said) as raised:
        _ = ShardDataset(path)[0].meta
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("tables", "tables/../../../secret.parquet"),
        ("tables", "/etc/secret.parquet"),
        ("files", "../README.md"),
        ("files", "a/.hidden"),
        ("shards", "data/../train-00000-of-00001.tar"),
    ],
)
def test_a_manifest_lists_no_file_outside_of_its_version(dataset: Path, tmp_path: Path, kind: str, path: str) -> None:
    text = (dataset / "manifest.json").read_bytes()
    stated = json.loads(text)
    stated[kind][path] = next(iter({**stated["files"], **stated["shards"]}.values()))
    (tmp_path / "manifest.json").write_bytes(json.dumps(stated).encode())
    with pytest.raises(DatasetError, match=f"{kind}.*should match pattern"):
        read_manifest(tmp_path)


def test_webdataset_groups_every_member(dataset: Path) -> None:
    wds = pytest.importorskip("webdataset", reason="webdataset is not installed")
    ds = ShardDataset(dataset)
    seen = {}
    for pattern in ("train-{00000..00002}-of-00003", "validation-00000-of-00001", "test-{00000..00001}-of-00002"):
        for row in wds.WebDataset(f"{dataset}/data/{pattern}.tar", shardshuffle=False, empty_check=False):
            seen[row["__key__"]] = {name: data for name, data in row.items() if not name.startswith("__")}
    assert set(seen) == set(ds.keys())
    for sample in ds:
        assert seen[sample.key] == {name: sample.read(name) for name in sample.spans}


def test_reference_count_is_the_dataset_s(dataset: Path) -> None:
    assert all(len(sample.references) == R for sample in ShardDataset(dataset))
