"""Mine: every file of the feed becomes a source or a rejection, and an unchanged file is hashed once."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from pvtt_data.records import Rejection, Source, to_arrow
from pvtt_data.stage import StageResult
from pvtt_data.stages import mine as mine_module
from pvtt_data.stages.mine import MineConfig, mine
from pvtt_data.store import BlobStore


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(str(tmp_path / "blobs"), tmp_path / "local")


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    folder = tmp_path / "feed"
    folder.mkdir()
    for name in ("mug", "lamp", "bag"):
        (folder / f"{name}.mp4").write_bytes(f"video of {name}".encode())
        (folder / f"{name}_1.jpg").write_bytes(f"picture of {name}".encode())
    return folder


def run(feed: Path, store: BlobStore, limit: int | None = None, **settings: Any) -> StageResult:
    return mine(MineConfig(folder=feed, **settings), store, limit)[0]


def reasons(result: StageResult) -> dict[str, str]:
    return {rejection.subject: rejection.reason for rejection in result.rejections}


def by_path(result: StageResult) -> dict[str, Source]:
    return {row.path: row for row in result.rows}


def test_files_become_sources_with_their_hashes_and_pictures(feed: Path, store: BlobStore) -> None:
    result = run(feed, store)
    mug = by_path(result)["mug.mp4"]
    assert mug.sha256 == hashlib.sha256(b"video of mug").hexdigest()
    assert (mug.size_bytes, mug.kind, mug.product_id, mug.feed) == (12, "video", "mug", "folder")
    assert [image.path for image in mug.images] == ["mug_1.jpg"]
    assert store.original(mug.sha256) == feed / "mug.mp4"
    assert store.original(mug.images[0].sha256) == feed / "mug_1.jpg"
    assert [row.source_id for row in result.rows] == sorted(row.source_id for row in result.rows)
    assert to_arrow(Source, result.rows).num_rows == 3


def test_where_the_feed_lies_does_not_matter(feed: Path, store: BlobStore, tmp_path: Path) -> None:
    here = run(feed, store).rows
    assert run(feed.rename(tmp_path / "moved"), store).rows == here


def test_unchanged_files_are_not_read_again(feed: Path, store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(feed, store)
    read: list[str] = []

    def spy(path: Path) -> str:
        read.append(path.name)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr(mine_module, "original_sha256", spy)
    assert run(feed, store).rows == first.rows
    assert read == []
    (feed / "mug.mp4").write_bytes(b"another mug!")
    os.utime(feed / "mug.mp4", ns=(1, 1))
    changed = run(feed, store)
    assert read == ["mug.mp4"]
    assert by_path(changed)["mug.mp4"].source_id != by_path(first)["mug.mp4"].source_id


def test_a_limited_build_does_not_forget_the_hashes_of_the_others(
    feed: Path, store: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(feed, store)
    assert [row.path for row in run(feed, store, limit=1).rows] == ["bag.mp4"]
    monkeypatch.setattr(mine_module, "original_sha256", lambda path: pytest.fail(f"{path} was read again"))
    assert len(run(feed, store).rows) == 3


def test_a_limited_build_reads_no_more_than_it_keeps(
    feed: Path, store: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def spy(path: Path) -> str:
        read.append(path.name)
        return "ab" * 32

    monkeypatch.setattr(mine_module, "original_sha256", spy)
    run(feed, store, limit=1)
    assert read == ["bag_1.jpg", "bag.mp4"]


def test_a_damaged_memory_of_hashes_is_made_anew(feed: Path, store: BlobStore) -> None:
    first = run(feed, store).rows
    (store.local / "hashes.json").write_bytes(b'{"half')
    assert run(feed, store).rows == first
    assert len(json.loads((store.local / "hashes.json").read_text())) == 6


def test_useless_files_are_rejected_by_reason(feed: Path, store: BlobStore) -> None:
    (feed / "empty.mp4").touch()
    (feed / "huge.mp4").write_bytes(b"x" * 2000)
    (feed / "mug_2.jpg").touch()
    (feed / "copy.mp4").symlink_to("/etc/hostname")
    result = run(feed, store, max_file_mb=0.001)
    assert reasons(result) == {
        "empty.mp4": "empty-file",
        "huge.mp4": "too-large",
        "mug_2.jpg": "empty-file",
        "copy.mp4": "link-refused",
    }
    assert len(result.rows) == 3


def test_rejections_have_identifiers_of_their_own(feed: Path, store: BlobStore) -> None:
    (feed / "bags" / "media").mkdir(parents=True)
    (feed / "bags" / "A1.json").write_text(json.dumps({"videos": ["gone-1.mp4", "gone-2.mp4"]}))
    rejections = run(feed, store).rejections
    assert len(rejections) == 3
    assert len({rejection.rejection_id for rejection in rejections}) == 3
    assert to_arrow(Rejection, rejections).num_rows == 3


def test_the_same_bytes_for_one_product_are_a_duplicate_that_is_linked(feed: Path, store: BlobStore) -> None:
    (feed / "cup").mkdir()
    for name in ("a.mp4", "b.mp4"):
        (feed / "cup" / name).write_bytes(b"video of cup")
    (feed / "cup" / "product.json").write_text("{}")
    result = run(feed, store)
    (rejection,) = result.rejections
    kept = by_path(result)["cup/a.mp4"]
    assert (rejection.subject, rejection.reason) == ("cup/b.mp4", "duplicate-file")
    assert rejection.linked_to == kept.source_id
    assert "cup/a.mp4" in rejection.message


def test_the_same_bytes_for_two_products_are_two_sources(feed: Path, store: BlobStore) -> None:
    (feed / "copy.mp4").write_bytes(b"video of mug")
    found = by_path(run(feed, store))
    assert found["copy.mp4"].sha256 == found["mug.mp4"].sha256
    assert found["copy.mp4"].source_id != found["mug.mp4"].source_id


def test_pictures_are_counted_and_not_repeated(feed: Path, store: BlobStore) -> None:
    for number in range(2, 9):
        (feed / f"mug_{number}.jpg").write_bytes(f"picture {number // 2}".encode())
    images = by_path(run(feed, store, max_images=5))["mug.mp4"].images
    assert [image.path for image in images] == ["mug_1.jpg", "mug_2.jpg", "mug_4.jpg"]
    assert by_path(run(feed, store, max_images=0))["mug.mp4"].images == ()


def test_a_folder_of_frames_is_one_source(feed: Path, store: BlobStore) -> None:
    (feed / "teapot" / "frames").mkdir(parents=True)
    for number in range(9):
        (feed / "teapot" / "frames" / f"{number:04d}.png").write_bytes(b"frame")
    assert reasons(run(feed, store)) == {"teapot/frames": "frames-without-fps"}
    source = by_path(run(feed, store, frames_fps=24))["teapot/frames"]
    assert (source.kind, source.declared_fps, source.size_bytes) == ("frames", 24.0, 45)
    assert store.original(source.sha256) == feed / "teapot" / "frames"


def test_a_name_that_is_not_utf8_becomes_a_source_that_can_be_stored(feed: Path, store: BlobStore) -> None:
    odd = feed / os.fsdecode(b"caf\xe9.mp4")
    odd.write_bytes(b"video of a cafe")
    (feed / os.fsdecode(b"\xff.mp4")).touch()
    result = run(feed, store)
    source = by_path(result)["caf\\xe9.mp4"]
    assert store.original(source.sha256) == odd
    assert to_arrow(Source, result.rows).num_rows == 4
    assert to_arrow(Rejection, result.rejections).column("subject").to_pylist() == ["\\xff.mp4"]


def test_a_file_that_vanishes_is_a_rejection(feed: Path, store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def vanish(path: Path) -> str:
        raise FileNotFoundError(2, "No such file or directory", str(path))

    monkeypatch.setattr(mine_module, "original_sha256", vanish)
    result = run(feed, store)
    assert set(reasons(result).values()) == {"unreadable"}
    assert all(str(feed) not in rejection.message for rejection in result.rejections)


def test_files_that_are_no_media_are_mentioned(feed: Path, store: BlobStore) -> None:
    (feed / "notes.txt").write_text("x")
    _, notes = mine(MineConfig(folder=feed), store)
    assert any("1 .txt" in note for note in notes)
