"""Fingerprint: keep of each medium what near-duplicate detection compares. Reads the series, not pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pvtt_data.footage import footage_of, to_parquet
from pvtt_data.records import Blob, Fingerprint
from pvtt_data.series import from_parquet
from pvtt_data.stage import MapStage, NoConfig, Resources
from pvtt_data.store import BlobStore


@dataclass(frozen=True, slots=True)
class FingerprintItem:
    """A medium and its series."""

    sha256: str
    series: Blob


class TakeFingerprints(MapStage[FingerprintItem]):
    """The fingerprint of one medium."""

    name = "fingerprint"
    version = 1
    kind = "source"
    libraries = ("scenedetect-headless", "opencv-python-headless", "numpy", "pyarrow")
    resources = Resources(timeout_s=300.0)

    def __init__(self) -> None:
        super().__init__(NoConfig())

    def run(self, item: FingerprintItem, store: BlobStore) -> Sequence[Fingerprint]:
        """The `Fingerprint` of one medium."""
        footage = footage_of(from_parquet(store.read(item.series)))
        return [Fingerprint(item.sha256, store.put(to_parquet(footage), "parquet"))]
