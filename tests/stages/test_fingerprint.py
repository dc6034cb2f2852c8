"""A fingerprint depends on the series alone, and is refused where the series is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
from record_samples import sha
from test_shots import made_series

from pvtt_data.footage import footage_from_parquet
from pvtt_data.series import to_parquet
from pvtt_data.stages.fingerprint import FingerprintItem, TakeFingerprints
from pvtt_data.store import BlobStore


def test_a_fingerprint_has_four_pictures_a_second(tmp_path: Path) -> None:
    store = BlobStore(str(tmp_path / "blobs"), tmp_path / "local")
    series = made_series(120)
    stage = TakeFingerprints()
    (row,) = stage.run(FingerprintItem(sha("a"), store.put(to_parquet(series), "parquet")), store)
    footage = footage_from_parquet(store.read(row.footage))
    assert len(footage) == len(series.thumbnails)
    assert (footage.time_ms[1:] > footage.time_ms[:-1]).all()
    (again,) = stage.run(FingerprintItem(sha("b"), store.put(to_parquet(series), "parquet")), store)
    assert again.footage == row.footage


def test_what_is_no_series_is_an_error(tmp_path: Path) -> None:
    store = BlobStore(str(tmp_path / "blobs"), tmp_path / "local")
    with pytest.raises(ValueError, match=r"[Pp]arquet"):
        TakeFingerprints().run(FingerprintItem(sha("a"), store.put(b"no parquet", "parquet")), store)
