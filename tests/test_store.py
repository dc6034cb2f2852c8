"""Blobs are stored once, come back whole or not at all, and no name leads out of the store."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pvtt_data.errors import InputError
from pvtt_data.records import Blob
from pvtt_data.store import BlobStore, OriginalStat, original_sha256


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(str(tmp_path / "blobs"), tmp_path / "local")


@pytest.fixture
def remote(tmp_path: Path) -> BlobStore:
    return BlobStore(f"memory://{tmp_path.name}/blobs", tmp_path / "local")


def files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_the_same_bytes_are_stored_once(store: BlobStore, tmp_path: Path) -> None:
    first = store.put(b"pixels", "png")
    written = files_below(tmp_path / "blobs")
    before = written[0].stat().st_mtime_ns
    assert store.put(b"pixels", "png") == first
    assert files_below(tmp_path / "blobs") == written
    assert written[0].stat().st_mtime_ns == before
    assert store.read(first) == b"pixels"
    assert store.path(first).read_bytes() == b"pixels"


def test_a_file_is_stored_as_its_bytes(store: BlobStore, tmp_path: Path) -> None:
    path = tmp_path / "made.mp4"
    path.write_bytes(b"video")
    assert store.put_file(path, "mp4") == store.put(b"video", "mp4")


def test_nothing_half_written_has_a_name_in_the_store(
    store: BlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(handle: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space"):
        store.put(b"pixels", "png")
    assert files_below(tmp_path / "blobs") == []


def test_a_truncated_blob_counts_as_missing_and_is_mended(store: BlobStore) -> None:
    blob = store.put(b"pixels", "png")
    store.path(blob).write_bytes(b"pix")
    assert not store.has(blob)
    store.put(b"pixels", "png")
    assert store.has(blob)
    assert store.read(blob) == b"pixels"


def test_a_damaged_blob_is_not_handed_out(store: BlobStore) -> None:
    blob = store.put(b"pixels", "png")
    store.path(blob).write_bytes(b"pixelz")
    with pytest.raises(OSError, match="damaged"):
        store.read(blob)


def test_a_missing_blob_is_missing(store: BlobStore) -> None:
    blob = Blob("0" * 64, 3, "png")
    assert not store.has(blob)
    with pytest.raises(FileNotFoundError):
        store.read(blob)


@pytest.mark.parametrize("suffix", ["", "..", "../x", "a/b", "PNG", "p.g", "a" * 9, "mp4\n", "\0", "ü"])
def test_a_suffix_is_no_path(store: BlobStore, tmp_path: Path, suffix: str) -> None:
    with pytest.raises(ValueError, match="suffix"):
        store.put(b"pixels", suffix)
    with pytest.raises(ValueError, match="not a blob's name"):
        store.read(Blob("0" * 64, 3, suffix))
    assert files_below(tmp_path) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=70) | st.sampled_from(["../" * 21 + "x", "/etc/passwd", "0" * 63, "0" * 64 + "\n", "A" * 64]))
def test_a_hash_is_no_path(store: BlobStore, sha256: str) -> None:
    for use in (store.read, store.has, store.path):
        with pytest.raises(ValueError, match="not a blob's name"):
            use(Blob(sha256, 3, "png"))
    with pytest.raises(ValueError, match="not a SHA-256"):
        store.original(sha256)
    with pytest.raises(ValueError, match="not a SHA-256"):
        store.add_original(sha256, Path(__file__))


def test_a_remote_store_keeps_blobs_and_lends_checked_copies(remote: BlobStore, tmp_path: Path) -> None:
    blob = remote.put(b"pixels", "png")
    assert remote.put(b"pixels", "png") == blob
    assert remote.has(blob)
    assert not remote.has(Blob(blob.sha256, blob.size_bytes + 1, "png"))
    assert not remote.has(Blob("0" * 64, 6, "png"))
    assert remote.read(blob) == b"pixels"
    assert files_below(tmp_path) == []
    copy = remote.path(blob)
    assert copy.is_relative_to(tmp_path / "local")
    assert copy.read_bytes() == b"pixels"
    assert remote.path(blob) == copy


def test_a_damaged_remote_blob_leaves_no_copy(remote: BlobStore, tmp_path: Path) -> None:
    blob = remote.put(b"pixels", "png")
    remote._fs.pipe_file(remote._address(blob), b"pixelz")
    with pytest.raises(OSError, match="damaged"):
        remote.path(blob)
    assert files_below(tmp_path) == []


def test_a_store_reaches_another_process_as_its_addresses(store: BlobStore) -> None:
    blob = store.put(b"pixels", "png")
    assert pickle.loads(pickle.dumps(store)).read(blob) == b"pixels"


def test_scratch_names_do_not_collide(store: BlobStore) -> None:
    assert len({store.scratch_file("mp4") for _ in range(50)}) == 50
    with store.scratch_folder() as folder:
        assert Path(folder).is_dir()
    assert not Path(folder).exists()


def test_an_original_is_read_where_it_lies(store: BlobStore, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9 \xf0\x9f\x8e\xa5.mp4")
    path.write_bytes(b"video")
    sha256 = original_sha256(path)
    store.add_original(sha256, path)
    assert store.original(sha256) == path


def test_an_original_with_another_date_but_the_same_bytes_is_still_the_one(store: BlobStore, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"video")
    sha256 = original_sha256(path)
    store.add_original(sha256, path)
    os.utime(path, ns=(1, 1))
    assert store.original(sha256) == path


def test_an_original_that_changed_or_went_is_refused(store: BlobStore, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"video")
    sha256 = original_sha256(path)
    store.add_original(sha256, path)
    path.write_bytes(b"other")
    os.utime(path, ns=(1, 1))
    with pytest.raises(InputError) as changed:
        store.original(sha256)
    assert changed.value.reason == "original-changed"
    path.unlink()
    with pytest.raises(InputError) as gone:
        store.original(sha256)
    assert gone.value.reason == "original-gone"
    assert str(tmp_path) not in gone.value.message


def frames(folder: Path, contents: dict[str, bytes]) -> Path:
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


def test_a_folder_of_frames_is_known_by_names_and_bytes(tmp_path: Path) -> None:
    pictures = {"01.png": b"a", "02.png": b"b"}
    known = original_sha256(frames(tmp_path / "one", pictures))
    assert original_sha256(frames(tmp_path / "two", pictures)) == known
    assert original_sha256(frames(tmp_path / "three", {"01.png": b"b", "02.png": b"a"})) != known
    assert original_sha256(frames(tmp_path / "four", {"01.png": b"a", "03.png": b"b"})) != known


def test_a_hidden_file_of_a_file_manager_does_not_make_frames_another_video(tmp_path: Path) -> None:
    folder = frames(tmp_path / "one", {"01.png": b"a", "02.png": b"b"})
    known = original_sha256(folder)
    (folder / ".DS_Store").write_bytes(b"icons")
    assert original_sha256(folder) == known


def test_frames_that_were_renamed_are_noticed(store: BlobStore, tmp_path: Path) -> None:
    folder = frames(tmp_path / "one", {"01.png": b"a", "02.png": b"b"})
    os.utime(folder, ns=(1, 1))
    before = OriginalStat.of(folder)
    sha256 = original_sha256(folder)
    store.add_original(sha256, folder)
    (folder / "01.png").rename(folder / "03.png")
    assert OriginalStat.of(folder) != before
    with pytest.raises(InputError, match="changed"):
        store.original(sha256)


def test_half_written_blobs_of_a_killed_process_go_and_those_of_others_stay(tmp_path: Path) -> None:
    store = BlobStore(str(tmp_path / "blobs"), tmp_path / "local")
    blob = store.put(b"whole", "bin")
    folder = store.path(blob).parent
    killed, other = folder / ".half.bin.4711.0a1b2c3d.tmp", folder / ".half.bin.47110.0a1b2c3d.tmp"
    for path in (killed, other):
        path.write_bytes(b"ha")
    store.drop_unfinished(4711)
    assert not killed.exists()
    assert other.exists()
    assert store.read(blob) == b"whole"
