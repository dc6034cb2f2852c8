from __future__ import annotations

import dataclasses
import json
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from shard_samples import FRAMES, H, MakeSample, R, key_of

from pvtt_data.errors import BuildError, DatasetError, InputError
from pvtt_data.shards import (
    DatasetSettings,
    ShardDataset,
    ShardSample,
    latest_version,
    next_version,
    publish,
    read_lineage,
    read_manifest,
    write_dataset,
)
from pvtt_data.shards.format import shard_of, shard_path
from pvtt_data.shards.writer import Content, FileRange


def tree(path: Path) -> dict[str, bytes]:
    return {p.relative_to(path).as_posix(): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()}


def test_same_samples_in_any_order_give_the_same_bytes(
    tmp_path: Path, samples: list[ShardSample], settings: DatasetSettings
) -> None:
    write_dataset(tmp_path / "a", samples, settings)
    write_dataset(tmp_path / "b", reversed(samples), settings)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_members_from_files_parts_of_files_and_bytes_give_the_same_bytes(
    tmp_path: Path, samples: list[ShardSample], settings: DatasetSettings
) -> None:
    def in_files(sample: ShardSample) -> ShardSample:
        places: dict[str, Content] = {}
        for number, (name, content) in enumerate(sample.members.items()):
            assert isinstance(content, bytes)
            path = tmp_path / f"blob-{sample.key}-{name}"
            path.write_bytes(b"before" + content + b"after" if number % 2 else content)
            places[name] = FileRange(path, 6, len(content)) if number % 2 else path
        return dataclasses.replace(sample, members=places)

    write_dataset(tmp_path / "a", samples, settings)
    write_dataset(tmp_path / "b", map(in_files, samples), settings)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_plain_tarfile_finds_every_sample_whole_and_sorted(dataset: Path, samples: list[ShardSample]) -> None:
    seen: dict[str, str] = {}
    for tar in sorted(dataset.glob("data/*.tar")):
        with tarfile.open(tar) as archive:
            members = archive.getmembers()
        split = tar.name.split("-")[0]
        expected = ["source.mp4", "source_mask.mp4", "target.mp4", "target_mask.mp4", "effect_mask.mp4"]
        expected += [f"reference_{i}.png" for i in range(R)]
        expected += [f"heldout_{i}.png" for i in range(H)] if split != "train" else []
        expected += ["json"]
        keys = [m.name.split(".")[0] for m in members][:: len(expected)]
        assert keys == sorted(keys)
        assert [m.name for m in members] == [f"{k}.{name}" for k in keys for name in expected]
        assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} <= {(0, 0, 0, "", "", 0o644)}
        seen |= dict.fromkeys(keys, split)
    assert seen == {s.key: s.split for s in samples}


def test_every_shard_of_a_split_exists_even_if_empty_and_other_splits_write_nothing(
    tmp_path: Path, make_sample: MakeSample, settings: DatasetSettings
) -> None:
    manifest = write_dataset(tmp_path / "d", [make_sample(1)], settings)
    assert sorted(p.name for p in (tmp_path / "d/data").iterdir()) == [f"train-{i:05d}-of-00003.tar" for i in range(3)]
    assert [entry.samples for entry in manifest.shards.values()].count(0) == 2
    for tar in (tmp_path / "d/data").iterdir():
        with tarfile.open(tar) as archive:
            assert len(archive.getmembers()) in (0, 10 - 1)


def test_dropping_one_sample_rewrites_one_shard(
    tmp_path: Path, samples: list[ShardSample], settings: DatasetSettings
) -> None:
    before = write_dataset(tmp_path / "a", samples, settings).shards
    after = write_dataset(tmp_path / "b", samples[1:], settings).shards
    assert [p for p in before if before[p] != after[p]] == [shard_path("train", shard_of(samples[0].key, 3), 3)]


def test_last_picture_repeats_and_is_counted(dataset: Path, samples: list[ShardSample]) -> None:
    ds = ShardDataset(dataset)
    for sample in samples:
        given = sum(name.startswith("reference_") for name in sample.members)
        read = ds[sample.key]
        assert read.meta.reference_count == given
        assert len(read.meta.reference_source) == R
        for number in range(R):
            assert read.read(f"reference_{number}.png") == sample.members[f"reference_{min(number, given - 1)}.png"]
    heldout = ds[key_of(20)]
    assert heldout.meta.heldout_count == 1
    assert heldout.read("heldout_1.png") == heldout.read("heldout_0.png")


def test_json_has_the_same_fields_types_and_float_points_everywhere(dataset: Path) -> None:
    shapes = set()
    for sample in ShardDataset(dataset):
        text = sample.read("json").decode()
        value = json.loads(text)
        shapes.add(json.dumps({k: type(v).__name__ for k, v in value.items()}))
        assert None not in value.values()
        assert {type(v) for v in value["numbers"].values()} == {float}
        assert '"shots":2.0' in text
        assert "青花瓷" in text
    assert len(shapes) == 1


def test_index_offsets_point_at_the_members(dataset: Path, samples: list[ShardSample]) -> None:
    by_key = {s.key: s for s in samples}
    rows = pq.read_table(dataset / "index.parquet").to_pylist()
    assert len(rows) == 6 * 9 + 3 * 11
    for row in rows:
        data = (dataset / row["shard"]).read_bytes()[row["offset"] : row["offset"] + row["length"]]
        if row["member"] in by_key[row["key"]].members:
            assert data == by_key[row["key"]].members[row["member"]]


@pytest.mark.parametrize(
    ("change", "reason", "says"),
    [
        ({"members": {"target.mp4": None}}, "shard-member-missing", "target.mp4"),
        ({"members": {"depth.npy": b"x"}}, "shard-member-unknown", "depth.npy"),
        ({"members": {"../evil.png": b"x"}}, "shard-member-unknown", "evil"),
        ({"members": {"source.mp4": b""}}, "shard-member-size", "source.mp4"),
        ({"members": {"reference_5.png": b"x"}}, "shard-picture-gap", "gaps"),
        ({"references": 0, "meta": {"reference_source": []}}, "no-reference", "at least one reference"),
        ({"heldout": 1}, "shard-pictures-many", "train sample of this dataset has 0"),
        ({"meta": {"fps": float("nan")}}, "shard-meta", "fps"),
        ({"meta": {"numbers": {"iou": float("inf")}}}, "shard-meta", "numbers.iou"),
        ({"meta": {"numbers": {}}}, "shard-meta", "numbers"),
        ({"meta": {"prompt": None}}, "shard-meta", "prompt"),
        ({"meta": {"title_a": "\ud800"}}, "shard-meta", "JSON cannot be written|title_a"),
        ({"meta": {"verdict": "reject"}}, "shard-meta", "verdict"),
        ({"meta": {"verdict": "flag"}}, "shard-meta", "reasons"),
        ({"meta": {"surprise": 1}}, "shard-meta", "surprise"),
        ({"meta": {"triple_id": "f" * 16}}, "shard-meta", "does not start with the key"),
        ({"meta": {"split": "test"}}, "shard-meta", "split"),
        ({"meta": {"reference_source": ["a"]}}, "shard-meta", "reference_source"),
        ({"meta": {"reference_count": 2}}, "shard-meta", "counted by the writer"),
        ({"meta": {"frames": FRAMES + 0.5}}, "shard-meta", "frames"),
        ({"meta": {"models": ["u2net"]}}, "shard-meta", "models"),
    ],
)
def test_a_sample_that_breaks_the_format_is_refused_by_name(
    tmp_path: Path,
    make_sample: MakeSample,
    settings: DatasetSettings,
    change: dict[str, object],
    reason: str,
    says: str,
) -> None:
    with pytest.raises(InputError, match=says) as caught:
        write_dataset(tmp_path / "d", [make_sample(1, **change)], settings)
    assert caught.value.reason == reason
    assert key_of(1) in caught.value.message
    assert not (tmp_path / "d/manifest.json").exists()


def test_two_samples_with_one_key_are_refused(
    tmp_path: Path, make_sample: MakeSample, settings: DatasetSettings
) -> None:
    with pytest.raises(InputError, match="two samples"):
        write_dataset(tmp_path / "d", [make_sample(1), make_sample(1)], settings)


def test_numbers_must_have_the_same_names_in_all_samples(
    tmp_path: Path, make_sample: MakeSample, settings: DatasetSettings
) -> None:
    odd = make_sample(2, meta={"numbers": {"iou_median": 1.0}})
    with pytest.raises(InputError, match="psnr_background, shots"):
        write_dataset(tmp_path / "d", [make_sample(1), odd], settings)


def test_an_empty_dataset_and_a_used_folder_are_refused(
    tmp_path: Path, make_sample: MakeSample, settings: DatasetSettings
) -> None:
    with pytest.raises(BuildError, match="no sample"):
        write_dataset(tmp_path / "d", [], settings)
    (tmp_path / "used").mkdir()
    (tmp_path / "used/file").touch()
    with pytest.raises(BuildError, match="not empty"):
        write_dataset(tmp_path / "used", [make_sample(1)], settings)


def test_tables_are_copied_listed_and_must_be_parquet(
    tmp_path: Path, make_sample: MakeSample, settings: DatasetSettings
) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "t.parquet")
    manifest = write_dataset(tmp_path / "d", [make_sample(1)], settings, {"triples": tmp_path / "t.parquet"})
    assert list(manifest.tables) == ["tables/triples.parquet"]
    assert (tmp_path / "d/tables/triples.parquet").read_bytes() == (tmp_path / "t.parquet").read_bytes()
    (tmp_path / "bad.parquet").write_bytes(b"no")
    with pytest.raises(BuildError, match="bad"):
        write_dataset(tmp_path / "e", [make_sample(1)], settings, {"bad": tmp_path / "bad.parquet"})
    with pytest.raises(BuildError, match="table name"):
        write_dataset(tmp_path / "f", [make_sample(1)], settings, {"../x": tmp_path / "t.parquet"})


def test_no_path_of_this_machine_is_in_the_dataset(dataset: Path) -> None:
    for name, data in tree(dataset).items():
        assert str(dataset.parent).encode() not in data, name


def test_card_head_declares_every_member_and_lists_shards_that_have_samples(dataset: Path) -> None:
    text = (dataset / "README.md").read_text()
    head = yaml.safe_load(text.split("---\n")[1])
    features = [feature["name"] for feature in head["dataset_info"][0]["features"]]
    manifest = read_manifest(dataset)
    assert set(features) == {name for names in manifest.members.values() for name in names} | {"__key__", "__url__"}
    files = {entry["split"]: entry["path"] for entry in head["configs"][0]["data_files"]}
    filled = [p for p, e in manifest.shards.items() if p.startswith("data/test-") and e.samples]
    assert files["test"] == filled
    assert files["validation"] == "data/validation-*-of-00001.tar"
    assert "| CC-BY-4.0 | naming the author | 9 | – |" in text


def test_card_cells_cannot_smuggle_markup(tmp_path: Path, make_sample: MakeSample, settings: DatasetSettings) -> None:
    sample = make_sample(1, meta={"licences": ["free | <img src=x> [a](b)\n# head"]})
    write_dataset(tmp_path / "d", [sample], settings)
    text = (tmp_path / "d/README.md").read_text()
    assert "<img" not in text
    assert "\n# head" not in text


def test_versions_count_up_and_an_equal_build_is_not_published(
    tmp_path: Path, samples: list[ShardSample], settings: DatasetSettings
) -> None:
    shards = tmp_path / "shards"
    assert (next_version(shards), latest_version(shards)) == (1, None)
    write_dataset(tmp_path / "build", samples, settings)
    first = publish(tmp_path / "build", shards)
    assert (first.status, first.version, first.path) == ("published", 1, shards / "v1")
    write_dataset(tmp_path / "build", samples, settings)
    again = publish(tmp_path / "build", shards)
    assert (again.status, again.version, again.root) == ("up-to-date", 1, first.root)
    assert not (tmp_path / "build").exists()
    assert next_version(shards) == 2


def test_lineage_names_what_changed_and_stays_outside_the_root(
    tmp_path: Path, samples: list[ShardSample], make_sample: MakeSample, settings: DatasetSettings
) -> None:
    shards = tmp_path / "shards"
    write_dataset(tmp_path / "build", samples, settings)
    first = publish(tmp_path / "build", shards)
    assert first.lineage is not None
    assert first.lineage.parent is None
    assert first.lineage.added == sorted(s.key for s in samples)
    changed = make_sample(1, references=2, meta={"prompt": "another"})
    second_samples = [changed, make_sample(7), *(s for s in samples if s.key not in (key_of(0), key_of(1)))]
    write_dataset(tmp_path / "build", second_samples, settings)
    second = publish(tmp_path / "build", shards)
    lineage = read_lineage(second.path)
    assert lineage.parent is not None
    assert (lineage.parent.version, lineage.parent.root) == ("v1", first.root)
    assert (lineage.added, lineage.removed, lineage.changed) == ([key_of(7)], [key_of(0)], [key_of(1)])
    fresh = write_dataset(tmp_path / "fresh", second_samples, settings)
    assert fresh.root == second.root
    grown, built = tree(second.path), tree(tmp_path / "fresh")
    assert {n for n in grown if grown[n] != built[n]} == {"lineage.json"}


def test_version_numbers_skip_unfinished_folders(tmp_path: Path, dataset: Path) -> None:
    shards = tmp_path / "shards"
    (shards / "v7").mkdir(parents=True)
    (shards / "v07").mkdir()
    (shards / "notes").mkdir()
    assert (next_version(shards), latest_version(shards)) == (8, None)
    assert publish(dataset, shards).version == 8


def test_publish_refuses_a_damaged_folder(tmp_path: Path, dataset: Path) -> None:
    (dataset / "manifest.json").write_text("{}")
    with pytest.raises(DatasetError, match=r"manifest\.json"):
        publish(dataset, tmp_path / "shards")
