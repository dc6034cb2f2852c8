"""From a medium's series to what two media share, through the store."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from made_footage import scene
from record_samples import sha
from test_shots import made_series

from pvtt_data.records import Blob, Fingerprint
from pvtt_data.series import to_parquet
from pvtt_data.stages.compare import CompareFootage, CompareItem
from pvtt_data.stages.fingerprint import FingerprintItem, TakeFingerprints
from pvtt_data.store import BlobStore


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(str(tmp_path / "blobs"), tmp_path / "local")


def taken(store: BlobStore, seed: int, start_s: float = 0.0) -> Blob:
    plain = made_series(200)
    pictures = scene(seed, start_s, duration_s=7).pictures[: len(plain.thumbnails)]
    series = store.put(to_parquet(dataclasses.replace(plain, thumbnails=pictures)), "parquet")
    (row,) = TakeFingerprints().run(FingerprintItem(sha(seed), series), store)
    assert row == Fingerprint(sha(seed), row.footage)
    return row.footage


def test_media_that_share_footage_are_found_by_their_fingerprints(store: BlobStore) -> None:
    one, other = taken(store, 1), taken(store, 1, start_s=1.0)
    (row,) = CompareFootage().run(CompareItem(one, other), store)
    assert (row.one, row.other) == (one.sha256, other.sha256)
    assert row.stretches[0].agreeing > 0.95


def test_media_that_do_not_give_no_row(store: BlobStore) -> None:
    assert CompareFootage().run(CompareItem(taken(store, 1), taken(store, 2)), store) == []


def test_equal_series_give_one_fingerprint(store: BlobStore) -> None:
    assert taken(store, 1) == taken(store, 1)
