"""Latent shards give back what was put in, or say that they cannot; a kill loses at most the piece in hand."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pvtt_train.data import latent_shards, readers
from pvtt_train.data.latent_shards import (
    JOURNAL_FILE,
    LatentSet,
    LatentStore,
    SampleRow,
    VariantRow,
    pack_path,
)
from pvtt_train.data.pieces import Made
from pvtt_train.data.readers import nobody_reads

from pvtt_data.errors import DatasetError, DiskFullError, PreflightError
from pvtt_data.files import whole_file

ROOT = "a" * 64
PIECES = 7


def digest(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def piece(number: int) -> Made:
    """Tensors of several types, of sizes around the blocks of a tar."""
    torch.manual_seed(number)
    tensors = {
        "latents": torch.randn(2, 1 + number * 31).to(torch.float16 if number % 2 else torch.bfloat16),
        "inside": torch.rand(1, 5) > 0.5,
        "mask": torch.randint(0, 256, (number,), dtype=torch.uint8),
    }
    return Made(tensors, rounding=number / 1000, note={"policy": "bbox", "growth": number})


def rows(count: int = PIECES) -> list[SampleRow]:
    """One sample whose parts are the pieces."""
    variants = tuple(VariantRow(digest(number), "grey", (digest(2),)) for number in range(3, count))
    return [SampleRow("0" * 16, "train", 5, 64, 96, digest(0), digest(1), digest(2), variants)]


def finish(store: LatentStore, count: int = PIECES, **changes: Any) -> None:
    fields = {
        "dataset": "toys",
        "root": ROOT,
        "settings": {},
        "codec": "c",
        "text": "t",
        "numeric_class": "cpu",
        "versions": {},
        "empty_text": digest(0),
        "skipped": [],
    }
    store.finish(rows(count), **{**fields, **changes})


def fill(folder: Path) -> None:
    """Add what is missing and finish."""
    with LatentStore(folder) as store:
        for number in range(PIECES):
            if digest(number) not in store:
                store.add(digest(number), "variant", piece(number))
        finish(store)


def check_whole(folder: Path) -> None:
    """Every piece is the one that was put in, and the tars are tars of safetensors files without a torn member."""
    read = LatentSet(folder, ROOT)
    for number in range(PIECES):
        found, expected = read.read(digest(number)), piece(number).tensors
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert names_in(folder) == sorted(f"{digest(number)}.variant.safetensors" for number in range(PIECES))


def names_in(folder: Path) -> list[str]:
    """Of the members of all tars, which are all that lies there."""
    names = []
    for path in (folder / "data").iterdir():
        with tarfile.open(path) as tar:
            names += tar.getnames()
    return sorted(names)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def killed(work: Callable[[], None]) -> bool:
    """Whether a process that does the work was killed."""
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed") / "set"
    fill(folder)
    return folder


def test_what_is_put_in_comes_out(undisturbed: Path) -> None:
    check_whole(undisturbed)
    manifest = LatentSet(undisturbed).manifest
    assert manifest.used_bytes > 0 and manifest.unused_bytes == 0
    assert manifest.rounding == (PIECES - 1) / 1000
    assert sorted(path.name.partition("-")[0] for path in undisturbed.iterdir()) == [
        "data", "latents.json", "lock", "pieces", "samples"
    ]  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(PIECES)), st.integers(1, 4000), st.data())
def test_a_journal_and_a_tar_that_end_anywhere_are_gone_on_with(
    order: list[int], pack_bytes: int, data: st.DataObject
) -> None:
    """Whatever of the last writes reached the disk, and however many pieces a tar takes."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(latent_shards, "PACK_BYTES", pack_bytes)
        patch.setattr(os, "fsync", lambda handle: None)
        folder = Path(name) / "set"
        with LatentStore(folder) as store:
            for number in order[: data.draw(st.integers(1, PIECES))]:
                store.add(digest(number), "variant", piece(number))
        for path in (folder / JOURNAL_FILE, *(folder / "data").glob("*.part")):
            size = path.stat().st_size
            os.truncate(path, data.draw(st.integers(0, size)))
            with path.open("ab") as file:
                file.write(data.draw(st.binary(max_size=30)))
        fill(folder)
        found = LatentSet(folder, ROOT)
        for number in range(PIECES):
            assert all(torch.equal(found.read(digest(number))[k], v) for k, v in piece(number).tensors.items())


@pytest.mark.parametrize("write", [*range(0, 2 * PIECES, 3), 2 * PIECES])
def test_a_run_that_is_killed_while_it_writes_ends_in_the_same_bytes(
    write: int, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a piece, half a line of the journal, half the end of a tar."""
    plain, count = latent_shards._write_all, 0

    def torn(file: Any, data: bytes) -> None:
        nonlocal count
        if count == write:
            plain(file, data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        count += 1
        plain(file, data)

    with monkeypatch.context() as patch:
        patch.setattr(latent_shards, "_write_all", torn)
        assert killed(lambda: fill(tmp_path / "set"))
    with pytest.raises(DatasetError, match="no finished set"):
        LatentSet(tmp_path / "set")
    fill(tmp_path / "set")
    assert snapshot(tmp_path / "set") == snapshot(undisturbed)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_no_changed_byte_of_a_piece_is_given_out(undisturbed: Path, data: st.DataObject) -> None:
    found = LatentSet(undisturbed)
    number = data.draw(st.integers(0, PIECES - 1))
    place = found.stored(digest(number))
    at = place.offset + data.draw(st.integers(0, place.length - 1))
    path = pack_path(undisturbed, place.pack)
    whole = path.read_bytes()
    try:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :])
        with pytest.raises(DatasetError, match="SHA-256"):
            found.read(digest(number))
        path.write_bytes(whole[:at])
        with pytest.raises(DatasetError, match="ends inside"):
            found.read(digest(number))
    finally:
        path.write_bytes(whole)


def damage(folder: Path, number: int) -> None:
    place = LatentSet(folder).stored(digest(number))
    with pack_path(folder, place.pack).open("r+b") as file:
        file.seek(place.offset + 100)
        file.write(b"damage")


def test_damaged_pieces_are_found_and_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    fill(folder)
    damage(folder, 4)
    with LatentStore(folder) as store:
        assert [piece.digest for piece in store.forget_damaged()] == [digest(4)]
        store.add(digest(4), "variant", piece(4))
        finish(store)
    assert torch.equal(LatentSet(folder).read(digest(4))["latents"], piece(4).tensors["latents"])


@pytest.mark.parametrize("numbers", [(0,), (3, 4), (PIECES - 2, PIECES - 1), tuple(range(PIECES))])
def test_damaged_pieces_count_as_unused_and_their_space_is_given_back(numbers: tuple[int, ...], tmp_path: Path) -> None:
    """Wherever in a tar they lie."""
    fill(tmp_path)
    whole = sum(path.stat().st_size for path in (tmp_path / "data").iterdir())
    for number in numbers:
        damage(tmp_path, number)
    with LatentStore(tmp_path) as store:
        store.forget_damaged()
        for number in numbers:
            store.add(digest(number), "variant", piece(number))
        finish(store)
    lengths = sum(LatentSet(tmp_path).stored(digest(number)).length for number in numbers)
    unused = LatentSet(tmp_path).manifest.unused_bytes
    # A member has a header, and is filled up to whole blocks.
    assert lengths + 512 * len(numbers) <= unused <= lengths + 2 * 512 * len(numbers)
    with LatentStore(tmp_path) as store:
        finish(store, prune=True)
    assert LatentSet(tmp_path).manifest.unused_bytes == 0
    assert sum(path.stat().st_size for path in (tmp_path / "data").iterdir()) <= whole + 10240
    check_whole(tmp_path)


def test_pruning_that_meets_a_damaged_piece_says_what_mends_it(tmp_path: Path) -> None:
    fill(tmp_path)
    damage(tmp_path, 1)
    with LatentStore(tmp_path) as store, pytest.raises(DatasetError, match=r"SHA-256 is not.*check_stored=true"):
        finish(store, 4, prune=True)
    assert LatentSet(tmp_path).read(digest(5)).keys() == piece(5).tensors.keys(), "the set is as it was"


def test_what_a_killed_run_had_half_written_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def torn(path: Path, data: bytes) -> None:
        with whole_file(path) as file:
            file.write(data)
            if path.name == "latents.json":
                os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patch:
        patch.setattr(latent_shards, "write_whole", torn)
        assert killed(lambda: fill(tmp_path))
    assert list(tmp_path.glob(".latents.json.*.tmp"))
    fill(tmp_path)
    check_whole(tmp_path)
    assert not list(tmp_path.glob(".*"))


def test_nothing_is_taken_away_from_a_reader(tmp_path: Path) -> None:
    """Who does not prune takes nothing away."""
    fill(tmp_path)
    reader = LatentSet(tmp_path)
    with LatentStore(tmp_path) as store:
        said = rf"(process {os.getpid()}|another process) reads {tmp_path}, such as a training"
        with pytest.raises(PreflightError, match=said):
            store.check_unread()
        with pytest.raises(PreflightError, match=said):
            finish(store, 4, prune=True)
        finish(store, 4)
    assert torch.equal(reader.read(digest(5))["latents"], piece(5).tensors["latents"])
    del reader
    with LatentStore(tmp_path) as store:
        finish(store, 4, prune=True)
    assert len(names_in(tmp_path)) == 4


def test_nobody_begins_to_read_what_is_being_pruned(tmp_path: Path) -> None:
    fill(tmp_path)
    with nobody_reads(tmp_path), pytest.raises(DatasetError, match="gives back space"):
        LatentSet(tmp_path)
    LatentSet(tmp_path)


def test_where_there_are_no_locks_a_set_is_read_and_pruned_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system may not know them."""

    def unknown(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    fill(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(readers.fcntl, "flock", unknown)
        found = LatentSet(tmp_path)
        found.read(digest(3))
        with nobody_reads(tmp_path):
            pass


def test_a_set_of_another_dataset_version_is_refused(undisturbed: Path) -> None:
    with pytest.raises(DatasetError, match=r"root aaaaaaaaaaaaaaaa…, not of bbbb.*precompute"):
        LatentSet(undisturbed, "b" * 64)


@pytest.mark.parametrize(("old", "new"), [('"cpu"', '"cuda:9.0"'), ("toys", "tots"), ("{", "[")])
def test_a_changed_manifest_is_refused(undisturbed: Path, old: str, new: str) -> None:
    path = undisturbed / "latents.json"
    whole = path.read_text()
    try:
        path.write_text(whole.replace(old, new, 1))
        with pytest.raises(DatasetError, match=r"latents\.json"):
            LatentSet(undisturbed)
    finally:
        path.write_text(whole)


@pytest.mark.parametrize("table", ["pieces", "samples"])
def test_a_changed_or_lost_table_is_refused(table: str, tmp_path: Path) -> None:
    fill(tmp_path)
    path = next(tmp_path.glob(f"{table}-*"))
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(DatasetError, match=path.name):
        LatentSet(tmp_path)
    path.unlink()
    with pytest.raises(DatasetError, match="missing"):
        LatentSet(tmp_path)


def test_the_set_before_stays_whole_until_the_next_is_finished(tmp_path: Path) -> None:
    fill(tmp_path)
    with LatentStore(tmp_path) as store:
        store.add(digest(PIECES), "variant", piece(PIECES))
        check_set = LatentSet(tmp_path, ROOT)
        assert torch.equal(check_set.read(digest(5))["latents"], piece(5).tensors["latents"])
        finish(store, PIECES + 1)
    assert len(LatentSet(tmp_path).samples[0].variants) == PIECES - 2


def test_unused_pieces_stay_until_pruned(tmp_path: Path) -> None:
    fill(tmp_path)
    with LatentStore(tmp_path) as store:
        finish(store, 4)
    assert LatentSet(tmp_path).manifest.unused_bytes > 0
    assert len(names_in(tmp_path)) == PIECES
    with LatentStore(tmp_path) as store:
        finish(store, 4, prune=True)
    found = LatentSet(tmp_path)
    assert found.manifest.unused_bytes == 0
    assert len(names_in(tmp_path)) == 4
    for number in range(4):
        assert torch.equal(found.read(digest(number))["latents"], piece(number).tensors["latents"])


@pytest.mark.parametrize("write", [0, 1, 2, 5, 8])
def test_a_kill_while_pruning_loses_nothing(write: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path)
    plain, count = latent_shards._write_all, 0

    def torn(file: Any, data: bytes) -> None:
        nonlocal count
        if count == write:
            plain(file, data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        count += 1
        plain(file, data)

    def prune() -> None:
        with LatentStore(tmp_path) as store:
            finish(store, 4, prune=True)

    with monkeypatch.context() as patch:
        patch.setattr(latent_shards, "_write_all", torn)
        assert killed(prune)
    check_set = LatentSet(tmp_path, ROOT)
    for number in range(PIECES):
        assert torch.equal(check_set.read(digest(number))["latents"], piece(number).tensors["latents"])
    del check_set
    prune()
    assert names_in(tmp_path) == sorted(f"{digest(number)}.variant.safetensors" for number in range(4))


def test_two_processes_do_not_write_one_set(tmp_path: Path) -> None:
    with LatentStore(tmp_path), pytest.raises(PreflightError, match="another process"):
        LatentStore(tmp_path)
    LatentStore(tmp_path).close()


def test_a_full_disk_is_told_and_keeps_what_was_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = latent_shards._write_all

    def full(file: Any, data: bytes) -> None:
        plain(file, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    with LatentStore(tmp_path) as store:
        store.add(digest(0), "variant", piece(0))
        with monkeypatch.context() as patch:
            patch.setattr(latent_shards, "_write_all", full)
            with pytest.raises(DiskFullError, match="run again"):
                store.add(digest(1), "variant", piece(1))
        for number in range(1, PIECES):
            store.add(digest(number), "variant", piece(number))
        with monkeypatch.context() as patch:
            patch.setattr(latent_shards, "_write_all", full)
            with pytest.raises(DiskFullError, match="run again"):
                finish(store)
    fill(tmp_path)
    check_whole(tmp_path)
