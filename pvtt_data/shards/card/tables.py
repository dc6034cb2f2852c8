"""What the card takes from the tables of the build: what was dropped, where things come from, what people said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class Drop:
    """So many rows of a kind were dropped by a stage for a reason."""

    stage: str
    kind: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Credit:
    """A work that samples were made from, and whom to name for it. All texts come from the feed."""

    source_id: str
    title: str
    product_id: str
    shop: str
    platform: str
    url: str
    licence: str
    kind: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What people said of things of one kind.

    Attributes:
        kind: source, clip, mask or triple.
        seen: different ones that anybody judged.
        by_several: of those, how many at least two people judged.
        disagree: of those, about how many they say different things.
    """

    kind: str
    seen: int
    accepted: int
    flagged: int
    rejected: int
    by_several: int
    disagree: int


@dataclass(frozen=True, slots=True)
class Agreed:
    """How far two people agree: see `pvtt_data.reviews.agreement`."""

    kind: str
    pair: int
    subjects: int
    same: int
    kappa: float | None


@dataclass(frozen=True, slots=True)
class BuildFacts:
    """What a version's tables say, as far as it has them.

    Attributes:
        mined: kind of source → how many there were.
        dropped: in the order of stages.
        credits: of the sources that samples were made from, sorted.
        withheld: reason → samples that are published as hashes only.
    """

    mined: Counter[str]
    dropped: tuple[Drop, ...]
    credits: tuple[Credit, ...]
    judged: tuple[Judged, ...]
    agreed: tuple[Agreed, ...]
    withheld: Counter[str]

    @classmethod
    def read(
        cls, tables: Path, sources: Collection[str], products: Collection[str], stages: Sequence[str]
    ) -> BuildFacts:
        """Read the tables of a version.

        Args:
            tables: the folder, which need not exist.
            sources: ids of the sources of all samples.
            products: ids of their products, whose listing pictures are in them.
            stages: names of stages in their order.
        """
        mined: Counter[str] = Counter()
        credited = []
        for row in _rows(tables / "sources.parquet", ("kind", *Credit.__dataclass_fields__)):
            mined[row["kind"]] += 1
            if row["source_id"] in sources or row["product_id"] in products:
                credited.append(Credit(**row))
        drops = Counter(
            (row["stage"], row["kind"], row["reason"])
            for row in _rows(tables / "rejections.parquet", ("stage", "kind", "reason"))
        )
        order = {stage: number for number, stage in enumerate(stages)}
        ranked = sorted(drops.items(), key=lambda item: (order.get(item[0][0], len(order)), -item[1], item[0]))
        agreed = [Agreed(**row) for row in _rows(tables / "agreement.parquet", tuple(Agreed.__dataclass_fields__))]
        return cls(
            mined,
            tuple(Drop(*what, count) for what, count in ranked),
            tuple(sorted(credited, key=lambda one: (one.licence, one.product_id, one.source_id))),
            _judged(tables / "verdicts.parquet"),
            tuple(sorted(agreed, key=lambda one: (one.kind, one.pair))),
            Counter(row["reason"] for row in _rows(tables / "withheld.parquet", ("reason",))),
        )


def _judged(path: Path) -> tuple[Judged, ...]:
    by_kind: dict[str, dict[str, dict[str, Any]]] = {}
    for row in _rows(path, ("kind", "key", "verdict", "reviewers", "disagree")):
        if row["verdict"]:
            by_kind.setdefault(row["kind"], {})[row["key"]] = row
    made = []
    for kind, rows in sorted(by_kind.items()):
        verdicts = Counter(row["verdict"] for row in rows.values())
        several = sum(row["reviewers"] > 1 for row in rows.values())
        disagree = sum(bool(row["disagree"]) for row in rows.values())
        counts = (verdicts["accept"], verdicts["flag"], verdicts["reject"])
        made.append(Judged(kind, len(rows), *counts, several, disagree))
    return tuple(made)


def _rows(path: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Rows of a table, some columns of it; none where there is no such table, or one with other columns."""
    if not path.is_file():
        return
    table = pq.ParquetFile(path)
    columns = list(dict.fromkeys(columns))
    if not set(columns) <= set(table.schema_arrow.names):
        return
    for batch in table.iter_batches(batch_size=_ROWS, columns=columns):
        yield from batch.to_pylist()
