"""Versions share what did not change, and publishing survives kills and company."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from shard_samples import MakeSample, key_of

from pvtt_data.errors import BuildError
from pvtt_data.shards import DatasetSettings, Publication, ShardSample, publish, verify, write_dataset
from pvtt_data.shards import sharing as sharing_module
from pvtt_data.shards.building import building_folder, remove_leftovers
from pvtt_data.shards.format import shard_of, shard_path
from pvtt_data.shards.sharing import distinct_bytes, link_same, read_only_mode


def known(sample: ShardSample) -> ShardSample:
    """The sample as a build hands it over: with the hashes of its members."""
    digests = {n: hashlib.sha256(data).hexdigest() for n, data in sample.members.items() if isinstance(data, bytes)}
    return dataclasses.replace(sample, digests=digests)


def make(root: Path, samples: Sequence[ShardSample], settings: DatasetSettings, parent: bool = True) -> Publication:
    latest = root / "v1"
    with building_folder(root) as building:
        write_dataset(building, samples, settings, parent=latest if parent and latest.exists() else None)
        return publish(building, root)


def same_file(root: Path, path: str) -> bool:
    return (root / "v1" / path).samefile(root / "v2" / path)


@pytest.mark.parametrize(("digests", "parent"), [(True, True), (False, True), (False, False)])
def test_only_the_shard_of_a_dropped_sample_is_written_again(
    tmp_path: Path, samples: list[ShardSample], settings: DatasetSettings, digests: bool, parent: bool
) -> None:
    rows = [known(s) for s in samples] if digests else samples
    first = make(tmp_path, rows, settings)
    second = make(tmp_path, rows[1:], settings, parent)
    touched = shard_path("train", shard_of(samples[0].key, 3), 3)
    shards = [p.relative_to(second.path).as_posix() for p in sorted(second.path.glob("data/*.tar"))]
    assert [path for path in shards if not same_file(tmp_path, path)] == [touched]
    assert verify(tmp_path / "v1").ok and verify(tmp_path / "v2").ok
    paths = [p.relative_to(second.path).as_posix() for p in second.path.rglob("*") if p.is_file()]
    alike = [p for p in paths if (first.path / p).read_bytes() == (second.path / p).read_bytes()]
    assert {*shards, "facts/validation.parquet", "facts/test.parquet"} - {touched} <= set(alike)
    assert all(same_file(tmp_path, path) for path in alike)
    others = sum((second.path / path).stat().st_size for path in alike)
    assert second.shared_bytes == others
    assert distinct_bytes([tmp_path / "v1", second.path]) == first.total_bytes + second.total_bytes - others
    fresh = write_dataset(tmp_path / "fresh", samples[1:], settings)
    assert fresh.root == second.root


def test_an_unchanged_shard_is_not_even_written(
    tmp_path: Path, samples: list[ShardSample], settings: DatasetSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [known(s) for s in samples]
    make(tmp_path, rows, settings)
    written: list[str] = []
    from pvtt_data.shards import writer

    write_tar = writer._write_tar

    def spy(out: Path, path: str, *rest: object) -> object:
        written.append(path)
        return write_tar(out, path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(writer, "_write_tar", spy)
    make(tmp_path, rows[1:], settings)
    assert written == [shard_path("train", shard_of(samples[0].key, 3), 3)]


def test_a_changed_fact_rewrites_the_shards_it_touches(
    tmp_path: Path, samples: list[ShardSample], make_sample: MakeSample, settings: DatasetSettings
) -> None:
    rows = [known(s) for s in samples]
    make(tmp_path, rows, settings)
    rows[0] = known(make_sample(0, references=1, meta={"prompt": "another"}))
    second = make(tmp_path, rows, settings)
    assert second.lineage is not None and second.lineage.changed == [key_of(0)]
    shards = sorted(p.relative_to(second.path).as_posix() for p in second.path.glob("data/*.tar"))
    assert [p for p in shards if not same_file(tmp_path, p)] == [shard_path("train", shard_of(key_of(0), 3), 3)]


def test_files_of_a_version_are_read_only_and_a_version_can_be_deleted_alone(
    tmp_path: Path, samples: list[ShardSample], settings: DatasetSettings
) -> None:
    make(tmp_path, samples, settings)
    make(tmp_path, samples[1:], settings)
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert files and not [p for p in files if p.stat().st_mode & 0o222]
    shutil.rmtree(tmp_path / "v1")
    assert verify(tmp_path / "v2").ok


@pytest.mark.parametrize("harm", ["damaged", "writable", "gone", "linked", "other-mode"])
def test_a_file_that_may_not_be_shared_is_written_anew(
    tmp_path: Path, samples: list[ShardSample], settings: DatasetSettings, harm: str
) -> None:
    rows = [known(s) for s in samples]
    make(tmp_path, rows, settings)
    tar = next(p for p in sorted((tmp_path / "v1/data").iterdir()) if p.stat().st_size > 20_000)
    mode = tar.stat().st_mode & 0o777
    tar.chmod(0o644)
    if harm == "damaged":
        data = bytearray(tar.read_bytes())
        data[5000] ^= 1
        tar.write_bytes(data)
    elif harm == "gone":
        tar.unlink()
    elif harm == "linked":
        tar.rename(tmp_path / "elsewhere.tar")
        tar.symlink_to(tmp_path / "elsewhere.tar")
    if harm in ("damaged", "other-mode"):
        tar.chmod(mode if harm == "damaged" else 0o400)
    in_tar = {
        s.key for s in rows if shard_path(s.split, shard_of(s.key, n := settings.shards_of(s.split)), n)[5:] == tar.name
    }
    assert in_tar
    gone = next(s.key for s in rows if s.key not in in_tar)
    make(tmp_path, [s for s in rows if s.key != gone], settings)
    assert verify(tmp_path / "v2").ok
    other = tmp_path / "v2/data" / tar.name
    assert not other.is_symlink()
    assert not tar.exists() or not tar.samefile(other)


@pytest.mark.parametrize("number", [1, 18, 31])
def test_where_links_cannot_be_made_files_are_copies(
    tmp_path: Path,
    samples: list[ShardSample],
    settings: DatasetSettings,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(sharing_module.os, "link", refuse)
    rows = [known(s) for s in samples]
    make(tmp_path, rows, settings)
    second = make(tmp_path, rows[1:], settings)
    assert second.shared_bytes == 0
    assert verify(tmp_path / "v1").ok and verify(tmp_path / "v2").ok


def test_linking_twice_leaves_no_temporary_name(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"same")
    (tmp_path / "a").chmod(read_only_mode(tmp_path))
    digest = hashlib.sha256(b"same").hexdigest()
    for _ in range(2):
        assert link_same(tmp_path / "a", tmp_path / "b", digest, read_only_mode(tmp_path))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]
    assert not link_same(tmp_path / "a", tmp_path / "c", "0" * 64, read_only_mode(tmp_path))


def test_a_member_with_other_bytes_than_promised_is_refused(
    tmp_path: Path, make_sample: MakeSample, settings: DatasetSettings
) -> None:
    file = tmp_path / "target.mp4"
    sample = make_sample(1)
    data = sample.members["target.mp4"]
    assert isinstance(data, bytes)
    file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    digest = hashlib.sha256(data).hexdigest()
    damaged = dataclasses.replace(
        sample, members={**sample.members, "target.mp4": file}, digests={"target.mp4": digest}
    )
    with pytest.raises(BuildError, match=f"{sample.key}.target.mp4.*damaged"):
        write_dataset(tmp_path / "d", [damaged], settings)


def test_a_build_upon_a_version_that_is_no_longer_the_latest_is_refused(
    tmp_path: Path, samples: list[ShardSample], settings: DatasetSettings
) -> None:
    make(tmp_path, samples, settings)
    write_dataset(tmp_path / "late", samples[1:], settings)
    with pytest.raises(BuildError, match="another build published v1"):
        publish(tmp_path / "late", tmp_path, parent=0)
    assert publish(tmp_path / "late", tmp_path, parent=1).version == 2
    write_dataset(tmp_path / "late", samples[1:], settings)
    assert publish(tmp_path / "late", tmp_path, parent=1).status == "up-to-date"


def test_two_builds_that_publish_at_once_get_two_numbers_and_true_lineages(
    tmp_path: Path, samples: list[ShardSample], settings: DatasetSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, samples, settings)
    write_dataset(tmp_path / "one", samples[1:], settings)
    write_dataset(tmp_path / "two", samples[2:], settings)
    from pvtt_data.shards import versions

    rename = versions._rename
    interrupted = []

    def after_the_other(finished: Path, final: Path) -> bool:
        if not interrupted:
            interrupted.append(final.name)
            assert publish(tmp_path / "two", tmp_path).version == 2
        return rename(finished, final)

    monkeypatch.setattr(versions, "_rename", after_the_other)
    late = publish(tmp_path / "one", tmp_path)
    assert interrupted == ["v2"] and late.version == 3
    assert late.lineage is not None and late.lineage.parent is not None
    assert late.lineage.parent.version == "v2"
    assert late.lineage.added == [samples[1].key]
    assert all(verify(tmp_path / name).ok for name in ("v1", "v2", "v3"))


KILLED = """
import sys, time
from pathlib import Path
from pvtt_data.shards.building import building_folder
with building_folder(Path(sys.argv[1])) as folder:
    folder.mkdir()
    (folder / "half.tar").write_bytes(b"half")
    print(folder.name, flush=True)
    time.sleep(60)
"""


def test_what_a_killed_build_left_is_deleted_and_a_living_one_keeps_its_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        folder = tmp_path / child.stdout.readline().strip()
        remove_leftovers(tmp_path)
        assert (folder / "half.tar").exists()
        child.send_signal(signal.SIGKILL)
    assert (folder / "half.tar").exists()
    (tmp_path / f".building-{os.getpid()}").mkdir()
    with building_folder(tmp_path) as mine:
        assert [p.name for p in tmp_path.iterdir() if p.is_dir()] == []
        assert mine.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


KILLED_EVERYWHERE = """
import os, signal, sys, tempfile
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import numpy as np
import pyarrow.compute
from shard_samples import key_of, meta_of, encode, luma, mask, png
from pvtt_data.shards import DatasetSettings, ShardSample, history, publish, write_dataset
from pvtt_data.shards.building import building_folder
root = Path(sys.argv[1])
clip = encode(mask(0).astype(np.uint8) * 255)
names = ("source.mp4", "source_mask.mp4", "target.mp4", "target_mask.mp4", "effect_mask.mp4")
members = {**dict.fromkeys(names, clip), "reference_0.png": png(1)}
samples = [ShardSample(key_of(n), "train", members, meta_of(n, "train", 1)) for n in range(6)]
TOUCHES = {"open", "os.mkdir", "os.rename", "os.link", "os.remove", "os.rmdir", "os.chmod", "fcntl.flock"}

def build(kept, killed_at):
    left = [killed_at]
    def hook(event, args):
        if event in TOUCHES:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)
    with building_folder(root) as folder:
        write_dataset(folder, kept, DatasetSettings("tiny", {"n": killed_at}, 2, 1))
        publish(folder, root)
    os._exit(0)

# Once unharmed, so that what Python opens to import libraries at their first use does not count as a touch.
with tempfile.TemporaryDirectory() as other, building_folder(Path(other)) as folder:
    write_dataset(folder, samples, DatasetSettings("tiny", {}, 2, 1))
    publish(folder, Path(other))

at = 0
while True:
    at += 1
    child = os.fork()
    if child == 0:
        build(samples[at % 2:], at)
    _, status = os.waitpid(child, 0)
    assert all(line.state == "whole" for line in history(root)), (at, history(root))
    if status == 0:
        break
print(at, len(history(root)))
"""


def test_killed_before_any_touch_of_the_disk_only_whole_versions_are_seen(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED_EVERYWHERE, str(tmp_path), str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    touches, versions = map(int, done.stdout.split())
    assert touches > 50
    assert versions >= 1
    with building_folder(tmp_path):
        assert not [p for p in tmp_path.glob(".building-*") if p.is_dir()]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(f"v{n + 1}" for n in range(versions))
    assert all(verify(tmp_path / f"v{n + 1}").ok for n in range(versions))


def test_what_was_decoded_for_the_version_before_is_hashed_but_not_decoded_again(
    tmp_path: Path, samples: list[ShardSample], settings: DatasetSettings
) -> None:
    first = make(tmp_path, samples, settings)
    second = make(tmp_path, samples[1:], settings)
    shard = shard_of(samples[0].key, 3)
    again = [s for s in samples[1:] if s.split == "train" and shard_of(s.key, 3) == shard]
    report = verify(second.path, decoded_in=first.path)
    assert report.ok and report.checked["decoded_samples"] == len(again)
    assert report.checked["samples"] == len(samples) - 1
    assert "5 shards are files of v1 and were decoded for that version" in report.notes
    damaged = next(p for p in sorted((second.path / "data").iterdir()) if same_file(tmp_path, f"data/{p.name}"))
    damaged.chmod(0o644)
    data = bytearray(damaged.read_bytes())
    data[600] ^= 1
    damaged.write_bytes(bytes(data))
    assert not verify(second.path, decoded_in=first.path).ok


def test_all_is_decoded_again_where_other_libraries_wrote_the_version_before(
    tmp_path: Path, samples: list[ShardSample], settings: DatasetSettings
) -> None:
    first = make(tmp_path, samples, settings)
    second = make(tmp_path, samples[1:], dataclasses.replace(settings, tools={"av": "18.2"}))
    assert verify(second.path, decoded_in=first.path).checked["decoded_samples"] == len(samples) - 1
    assert verify(second.path, decoded_in=tmp_path / "v9").checked["decoded_samples"] == len(samples) - 1
