from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shard_samples import FPS, FRAMES, HEIGHT, WIDTH, MakeSample, encode, key_of, luma, mask, meta_of, png

from pvtt_data.errors import DatasetError
from pvtt_data.files import sha256_file
from pvtt_data.images import write_png
from pvtt_data.media import encode_clip, encode_masks
from pvtt_data.shards import (
    DatasetSettings,
    SampleMeta,
    ShardDataset,
    VerifyProblem,
    publish,
    read_lineage,
    verify,
    write_dataset,
)
from pvtt_data.shards.manifest import build_lineage, build_manifest, lineage_bytes, manifest_bytes, read_manifest
from pvtt_data.shards.members import check_media
from pvtt_data.shards.tarwalk import TarMember

slow_fixture = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def with_table(tmp_path: Path, dataset: Path, samples: list[Any], settings: DatasetSettings) -> Path:
    """The small version with a table."""
    pq.write_table(pa.table({"a": [1, 2]}), tmp_path / "t.parquet")
    write_dataset(tmp_path / "tabled", samples, settings, {"triples": tmp_path / "t.parquet"})
    return tmp_path / "tabled"


def files_of(dataset: Path) -> list[Path]:
    return sorted(p for p in dataset.rglob("*") if p.is_file())


def only(problems: list[VerifyProblem], check: str) -> list[VerifyProblem]:
    return [problem for problem in problems if problem.check == check]


def sign(dataset: Path) -> None:
    """Make the manifest agree with files that were changed on purpose, so that only deeper checks can notice."""
    manifest = read_manifest(dataset)

    def now(entries: dict[str, Any]) -> dict[str, Any]:
        return {
            path: entry.model_copy(
                update={"sha256": sha256_file(dataset / path), "bytes": (dataset / path).stat().st_size}
            )
            for path, entry in entries.items()
        }

    fields = {name: getattr(manifest, name) for name in type(manifest).model_fields}
    for name in ("schema_version", "root", "manifest_sha256"):
        del fields[name]
    fields |= {name: now(fields[name]) for name in ("shards", "tables", "files")}
    signed = build_manifest(**fields)
    (dataset / "manifest.json").write_bytes(manifest_bytes(signed))
    keys = pq.read_table(dataset / "index.parquet").column("key").to_pylist()
    (dataset / "lineage.json").write_bytes(lineage_bytes(build_lineage(signed.root, None, list(set(keys)), [], [])))


def test_what_a_download_from_the_hub_leaves_beside_a_version_is_passed_over(dataset: Path) -> None:
    (dataset / ".gitattributes").write_text("*.tar filter=lfs\n")
    (dataset / ".cache" / "huggingface").mkdir(parents=True)
    (dataset / ".cache" / "huggingface" / "README.md.metadata").write_text("1\n")
    assert verify(dataset).ok
    (dataset / "data" / ".cache").write_text("")
    assert [problem.file for problem in verify(dataset).problems] == ["data/.cache"]


def test_a_correct_version_has_no_problem_and_counts_what_was_checked(with_table: Path, tmp_path: Path) -> None:
    report = verify(with_table)
    assert report.ok, report.text()
    assert report.checked["samples"] == report.checked["decoded_samples"] == 9
    assert report.checked["members"] == 6 * 9 + 3 * 11
    assert report.checked["files"] == len(files_of(with_table))
    published = publish(with_table, tmp_path / "shards")
    assert verify(published.path).ok


def test_workers_do_not_change_the_report(dataset: Path) -> None:
    tar = next(p for p in files_of(dataset) if "train" in p.name)
    tar.write_bytes(tar.read_bytes()[:-1] + b"x")
    assert verify(dataset, workers=2) == verify(dataset, workers=1)


def test_a_number_of_samples_to_decode_is_kept_and_said(dataset: Path) -> None:
    report = verify(dataset, sample=2)
    assert report.ok
    assert (report.checked["decoded_samples"], report.checked["samples"]) == (2, 9)
    assert "decoded 2 of 9 samples" in report.text()


@slow_fixture
@given(data=st.data())
def test_any_flipped_bit_is_found_and_its_file_named(with_table: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(files_of(with_table)))
    before = path.read_bytes()
    at, bit = data.draw(st.integers(0, len(before) - 1)), data.draw(st.integers(0, 7))
    damaged = bytearray(before)
    damaged[at] ^= 1 << bit
    path.write_bytes(damaged)
    try:
        report = verify(with_table, sample=0)
    finally:
        path.write_bytes(before)
    name = path.relative_to(with_table).as_posix()
    assert name in {problem.file for problem in report.problems}, (name, at, bit)


def test_every_byte_of_the_manifest_and_the_lineage_counts(dataset: Path) -> None:
    for name, read in (("manifest.json", read_manifest), ("lineage.json", read_lineage)):
        before = (dataset / name).read_bytes()
        for at in range(0, len(before), 7):
            damaged = bytearray(before)
            damaged[at] ^= 1 << at % 8
            (dataset / name).write_bytes(damaged)
            with pytest.raises(DatasetError, match=name):
                read(dataset)
        (dataset / name).write_bytes(before)


@slow_fixture
@given(data=st.data())
def test_a_file_deleted_renamed_cut_or_added_is_found(with_table: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(files_of(with_table)))
    name = path.relative_to(with_table).as_posix()
    before = path.read_bytes()
    other = path.with_name("other" + path.suffix)
    what = data.draw(st.sampled_from(["delete", "rename", "cut", "grow", "add", "link"]))
    if what in ("delete", "rename"):
        path.rename(other)
        if what == "delete":
            other.unlink()
    elif what == "cut":
        path.write_bytes(before[: data.draw(st.integers(0, len(before) - 1))])
    elif what == "grow":
        path.write_bytes(before + bytes(data.draw(st.integers(1, 2000))))
    elif what == "add":
        other.write_bytes(before)
    else:
        other.symlink_to(path)
    try:
        report = verify(with_table, sample=0)
    finally:
        other.unlink(missing_ok=True)
        path.write_bytes(before)
    found = {problem.file for problem in report.problems}
    if what in ("add", "link"):
        assert other.relative_to(with_table).as_posix() in found
    else:
        assert name in found


def test_stray_folders_and_hidden_files_are_reported(dataset: Path) -> None:
    (dataset / "extra").mkdir()
    (dataset / "data/.DS_Store").touch()
    assert {p.file for p in only(verify(dataset, sample=0).problems, "unlisted")} == {"extra", "data/.DS_Store"}


def test_a_damaged_member_is_named_with_its_key(dataset: Path) -> None:
    span = ShardDataset(dataset, "train")[0].spans["target.mp4"]
    key = ShardDataset(dataset, "train")[0].key
    data = bytearray(span.path.read_bytes())
    data[span.offset + span.length // 2] ^= 1
    span.path.write_bytes(data)
    problems = only(verify(dataset, sample=0).problems, "index")
    assert [(p.key, p.member) for p in problems] == [(key, "target.mp4")]
    assert span.sha256 in problems[0].message


SHORT = luma(1)[: FRAMES - 1]


@pytest.mark.parametrize(
    ("members", "meta", "check", "member", "says"),
    [
        ({"target.mp4": lambda: encode(SHORT)}, {}, "media", "target.mp4", f"{FRAMES - 1} frames, expected {FRAMES}"),
        ({"source.mp4": lambda: encode(luma(1), fps=15)}, {}, "media", "source.mp4", "frames per second"),
        (
            {"source.mp4": lambda: encode(luma(1)[:, :32, :48].copy())},
            {},
            "media",
            "source.mp4",
            f"48×32 pixels, expected {WIDTH}×{HEIGHT}",
        ),
        (
            {"effect_mask.mp4": lambda: encode(np.where(mask(0), 254, 0).astype(np.uint8))},
            {},
            "media",
            "effect_mask.mp4",
            "between 0 and 255",
        ),
        (
            {"source.mp4": lambda: encode(luma(1), pix_fmt="yuv444p")},
            {},
            "media",
            "source.mp4",
            "yuv444p, expected h264 yuv420p",
        ),
        ({"target_mask.mp4": lambda: b"no video"}, {}, "media", "target_mask.mp4", "does not decode"),
        ({"target.mp4": lambda: encode(luma(9))[:-900]}, {}, "media", "target.mp4", ""),
        ({"reference_0.png": lambda: b"no picture"}, {}, "media", "reference_0.png", "does not decode as PNG"),
        ({"reference_0.png": lambda: png(1)[:-30]}, {}, "media", "reference_0.png", "does not decode as PNG"),
        ({"reference_0.png": lambda: png(1, "L")}, {}, "media", "reference_0.png", "mode L"),
    ],
)
def test_media_that_do_not_fit_the_json_are_found(
    tmp_path: Path,
    make_sample: MakeSample,
    settings: DatasetSettings,
    members: dict[str, Callable[[], bytes]],
    meta: dict[str, Any],
    check: str,
    member: str,
    says: str,
) -> None:
    bad = make_sample(1, members={name: make() for name, make in members.items()}, meta=meta)
    write_dataset(tmp_path / "d", [make_sample(0), bad], settings)
    problems = verify(tmp_path / "d").problems
    assert {(p.key, p.member, p.check) for p in problems} == {(key_of(1), member, check)}
    assert says in str(problems[0])


@pytest.mark.parametrize("field", ["product_a", "product_b", "source_id", "source_id_a"])
def test_a_product_or_source_in_two_splits_is_a_leak(
    tmp_path: Path, make_sample: MakeSample, settings: DatasetSettings, field: str
) -> None:
    shared = {field: "shared-thing"}
    pair = [make_sample(1, meta=shared), make_sample(20, "validation", meta=shared)]
    write_dataset(tmp_path / "d", pair, settings)
    (problem,) = verify(tmp_path / "d").problems
    assert problem.check == "leak"
    for said in ("shared-thing", "train", "validation", key_of(1)):
        assert said in str(problem)


def test_product_a_of_one_split_may_not_be_product_b_of_another(
    tmp_path: Path, make_sample: MakeSample, settings: DatasetSettings
) -> None:
    pair = [make_sample(1, meta={"product_a": "cup"}), make_sample(20, "validation", meta={"product_b": "cup"})]
    write_dataset(tmp_path / "d", pair, settings)
    assert [p.check for p in verify(tmp_path / "d").problems] == ["leak"]


def test_unknown_sources_do_not_count_as_shared(
    tmp_path: Path, make_sample: MakeSample, settings: DatasetSettings
) -> None:
    pair = [make_sample(1, meta={"source_id": ""}), make_sample(20, "validation", meta={"source_id": ""})]
    write_dataset(tmp_path / "d", pair, settings)
    assert verify(tmp_path / "d").ok


Rewrite = Callable[[list[tuple[tarfile.TarInfo, bytes]]], list[tuple[tarfile.TarInfo, bytes]]]


def rewrite(dataset: Path, change: Rewrite) -> str:
    """Rewrite the validation tar member by member, then make the manifest agree; returns the tar's path."""
    path = dataset / "data/validation-00000-of-00001.tar"
    with tarfile.open(path) as archive:
        members = [(info, archive.extractfile(info).read()) for info in archive]  # type: ignore[union-attr]
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for info, data in change(members):
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    path.write_bytes(file.getvalue())
    sign(dataset)
    return "data/validation-00000-of-00001.tar"


def _timed(members: list[tuple[tarfile.TarInfo, bytes]]) -> list[tuple[tarfile.TarInfo, bytes]]:
    members[3][0].mtime = 1_700_000_000
    return members


def _renamed(members: list[tuple[tarfile.TarInfo, bytes]]) -> list[tuple[tarfile.TarInfo, bytes]]:
    members[0][0].name = members[0][0].name.replace("source.mp4", "sauce.mp4")
    return members


def _swapped(members: list[tuple[tarfile.TarInfo, bytes]]) -> list[tuple[tarfile.TarInfo, bytes]]:
    return [members[1], members[0], *members[2:]]


def _reversed_samples(members: list[tuple[tarfile.TarInfo, bytes]]) -> list[tuple[tarfile.TarInfo, bytes]]:
    return [*members[11:], *members[:11]]


def _other_key(members: list[tuple[tarfile.TarInfo, bytes]]) -> list[tuple[tarfile.TarInfo, bytes]]:
    for info, _ in members[:11]:
        info.name = "0" * 16 + info.name[16:]
    return members


def _json(change: Callable[[bytes], bytes]) -> Rewrite:
    def apply(members: list[tuple[tarfile.TarInfo, bytes]]) -> list[tuple[tarfile.TarInfo, bytes]]:
        return [(info, change(data) if info.name.endswith(".json") else data) for info, data in members]

    return apply


@pytest.mark.parametrize(
    ("change", "check", "says"),
    [
        (lambda m: m, None, ""),
        (_timed, "tar", "time 0"),
        (_renamed, "members", "source.mp4: this member is missing"),
        (_renamed, "members", "sauce.mp4: the format has no such member"),
        (_swapped, "members", "in the order"),
        (_reversed_samples, "order", "keys must ascend"),
        (_other_key, "json", "does not begin with the key"),
        (lambda m: m[:11], "count", "has 1 samples, expected 2"),
        (lambda m: [*m, *m[:11]], "key-twice", "this key is also in"),
        (lambda m: [*m[:11], *m], "members", "members lie in the order"),
        (_json(lambda d: d.replace(b'"frames":9,', b"")), "json", "frames: Field required"),
        (_json(lambda d: d.replace(b'"frames":9,', b'"frames":null,')), "json", "frames"),
        (_json(lambda d: d.replace(b'"fps":16.0', b'"fps":16')), "json", "not canonical"),
        (_json(lambda d: d.replace(b'"shots":', b'"shoots":')), "json", "numbers differ"),
        (_json(lambda d: d.replace(b'"split":"validation"', b'"split":"train"')), "json", "split is train"),
        (_json(lambda d: d.replace(b'"heldout_count":1', b'"heldout_count":0')), "json", "heldout_count is 0"),
        (_json(lambda d: d.replace(b'"reference_count":2', b'"reference_count":1')), "json", "must repeat"),
        (_json(lambda d: b"\xff" + d), "json", "json"),
    ],
)
def test_tars_that_agree_with_the_manifest_but_break_the_format_are_found(
    dataset: Path, change: Rewrite, check: str | None, says: str
) -> None:
    path = rewrite(dataset, change)
    problems = verify(dataset, sample=0).problems
    if check is None:
        assert not problems
        return
    fitting = [p for p in only(problems, check) if says in str(p)]
    assert fitting, [str(p) for p in problems]
    assert fitting[0].file == path


def test_bytes_hidden_after_the_last_member_are_found(dataset: Path) -> None:
    path = dataset / "data/test-00000-of-00002.tar"
    path.write_bytes(path.read_bytes() + b"secret" + bytes(512 - 6))
    sign(dataset)
    assert {p.check for p in verify(dataset, sample=0).problems} == {"tar"}


def test_a_sample_in_the_wrong_shard_is_found(dataset: Path) -> None:
    filled, empty = sorted((dataset / "data").glob("test-*"), key=lambda p: -p.stat().st_size)
    shutil.move(filled, dataset / "spare")
    shutil.move(empty, filled)
    shutil.move(dataset / "spare", empty)
    sign(dataset)
    checks = {p.check for p in verify(dataset, sample=0).problems}
    assert {"order", "count", "index"} <= checks


def test_an_index_that_lies_is_found(dataset: Path) -> None:
    table = pq.read_table(dataset / "index.parquet")
    offsets = table.column("offset").to_pylist()
    offsets[5] += 512
    column = table.schema.get_field_index("offset")
    pq.write_table(table.set_column(column, table.schema.field(column), [offsets]), dataset / "index.parquet")
    sign(dataset)
    (problem,) = verify(dataset, sample=0).problems
    assert (problem.check, problem.member) == ("index", table.column("member")[5].as_py())
    pq.write_table(table.slice(0, table.num_rows - 1), dataset / "index.parquet")
    sign(dataset)
    assert "does not list this member" in str(verify(dataset, sample=0).problems[0])


def test_a_lineage_of_another_version_is_found(dataset: Path) -> None:
    keys = sorted(ShardDataset(dataset).keys())
    other = build_lineage("0" * 64, None, keys[1:], keys[:1], [])
    (dataset / "lineage.json").write_bytes(lineage_bytes(other))
    messages = [p.message for p in only(verify(dataset, sample=0).problems, "lineage")]
    assert len(messages) == 3
    assert "root" in messages[0]


def test_a_folder_that_is_no_dataset_says_so(tmp_path: Path) -> None:
    (problem,) = verify(tmp_path).problems
    assert problem.file == "manifest.json"
    assert "no complete dataset version" in problem.message


def test_paths_of_a_forged_manifest_never_leave_the_folder(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.parquet").write_bytes(b"x")
    forged = json.loads((dataset / "manifest.json").read_bytes())
    forged["tables"] = {"tables/../../outside.parquet": forged["files"]["README.md"]}
    (dataset / "manifest.json").write_text(json.dumps(forged))
    (problem,) = verify(dataset, sample=0).problems
    assert problem.file == "manifest.json" and "tables/../../outside.parquet" in problem.message


def test_deep_reload_through_webdataset_gives_equal_bytes(dataset: Path) -> None:
    pytest.importorskip("webdataset", reason="webdataset is not installed")
    report = verify(dataset, sample=0, deep=True)
    assert report.ok, report.text()
    assert "webdataset: reloaded every sample" in report.notes


def test_deep_reload_through_datasets_gives_equal_bytes_and_values(dataset: Path) -> None:
    pytest.importorskip("datasets", reason="datasets is not installed")
    report = verify(dataset, sample=0, deep=True)
    assert report.ok, report.text()
    assert "datasets: reloaded every sample, streaming and map-style" in report.notes


def test_deep_reload_waits_until_other_problems_are_mended(dataset: Path) -> None:
    (dataset / "README.md").unlink()
    assert any("first mend" in note for note in verify(dataset, sample=0, deep=True).notes)


def test_media_that_this_project_encodes_pass(
    tmp_path: Path, make_sample: MakeSample, settings: DatasetSettings
) -> None:
    colours = np.repeat(luma(1)[..., None], 3, axis=3)
    encode_clip(colours, FPS, tmp_path / "clip.mp4")
    encode_masks(mask(0), FPS, tmp_path / "mask.mp4")
    videos = dict.fromkeys(("source.mp4", "target.mp4"), tmp_path / "clip.mp4")
    masks = dict.fromkeys(("source_mask.mp4", "target_mask.mp4", "effect_mask.mp4"), tmp_path / "mask.mp4")
    pictures = {"reference_0.png": write_png(colours[0]), "reference_1.png": write_png(colours[1])}
    write_dataset(tmp_path / "d", [make_sample(1, members={**videos, **masks, **pictures})], settings)
    report = verify(tmp_path / "d")
    assert report.ok, report.text()
    assert np.array_equal(ShardDataset(tmp_path / "d")[0].effect_mask, mask(0))


@slow_fixture
@given(
    member=st.sampled_from(["source.mp4", "source_mask.mp4", "reference_0.png"]),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=20),
)
def test_media_damaged_before_writing_are_judged_and_never_crash_the_check(
    clips: dict[str, bytes], member: str, changes: list[tuple[float, int]]
) -> None:
    damaged = bytearray(clips[member] if member in clips else png(1))
    for place, flip in changes:
        damaged[int(place * len(damaged))] ^= flip
    meta = SampleMeta(
        **{**meta_of(1, "train"), "reference_count": 2, "heldout_count": 0},
    )
    found = TarMember(key_of(1), member, 512, len(damaged), "0" * 64, bytes(damaged))
    for problem in check_media("data/train-00000-of-00001.tar", [found], meta):
        assert (problem.check, problem.key, problem.member) == ("media", key_of(1), member)


def test_a_video_of_an_unknown_codec_is_a_problem_and_no_crash(clips: dict[str, bytes]) -> None:
    unknown = clips["source.mp4"].replace(b"avc1\0\0\0\0", b"zzzz\0\0\0\0")
    assert unknown != clips["source.mp4"]
    found = TarMember(key_of(1), "source.mp4", 512, len(unknown), "0" * 64, unknown)
    (problem,) = check_media("data/train-00000-of-00001.tar", [found], None)
    assert "codec is unknown" in str(problem)
