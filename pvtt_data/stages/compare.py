"""Compare: find what two fingerprints have in common. Pairs come from `pvtt_data.stages.nominate`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pvtt_data.footage import footage_from_parquet
from pvtt_data.records import Blob, Comparison, content_id
from pvtt_data.same_footage import compare
from pvtt_data.stage import MapStage, NoConfig, Resources
from pvtt_data.store import BlobStore


@dataclass(frozen=True, slots=True)
class CompareItem:
    """The footage of two media; of one and the same, to find what it shows twice."""

    one: Blob
    other: Blob


class CompareFootage(MapStage[CompareItem]):
    """The stretches that two media may share."""

    name = "compare"
    version = 1
    kind = "footage"
    libraries = ("numpy",)
    resources = Resources(timeout_s=900.0)

    def __init__(self) -> None:
        super().__init__(NoConfig())

    def run(self, item: CompareItem, store: BlobStore) -> Sequence[Comparison]:
        """One `Comparison`, or none where nothing agrees."""
        one, other = (footage_from_parquet(store.read(blob)) for blob in (item.one, item.other))
        stretches = tuple(compare(one, other))
        if not stretches:
            return []
        names = item.one.sha256, item.other.sha256
        return [Comparison(content_id("comparison", *names), *names, stretches)]
