"""All rows of a build by identifier, and the names that people know them by."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pvtt_data.records import Clip, Rejection, Shot, Source, Triple, record_key
from pvtt_data.stage import StageResult

if TYPE_CHECKING:
    from pvtt_data.line import Tables

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Product:
    """What the feed says about a product; texts are empty where it says nothing."""

    product_id: str
    title: str
    category: str


class Rows:
    """Every row that any stage made, also those that a later stage dropped.

    A build that stops early leaves tables empty that its stages have rows for, so both are read. Of rows with the same
    identifier the latest one counts.
    """

    def __init__(self, results: Sequence[StageResult], tables: Tables) -> None:
        self.results = {result.stage: result for result in results}
        self._by_type: dict[type, dict[str, Any]] = {}
        for result in results:
            self._add(result.rows)
        for table in dataclasses.fields(tables):
            self._add(getattr(tables, table.name))
        self._products: dict[str, Product] = {}
        for source in sorted(self.of(Source).values(), key=record_key):
            self._products.setdefault(source.product_id, Product(source.product_id, source.title, source.category))

    def of(self, record: type[R]) -> dict[str, R]:
        """Rows of one record type by identifier."""
        return cast("dict[str, R]", self._by_type.get(record, {}))

    def made_by(self, stage: str) -> list[Any]:
        """Rows that left a stage; none if it did not run."""
        return self.results[stage].rows if stage in self.results else []

    def dropped_by(self, stage: str) -> list[Rejection]:
        """Rejections of a stage; none if it did not run."""
        return self.results[stage].rejections if stage in self.results else []

    def triples(self) -> list[Triple]:
        """Triples that left the last stage that judges them; none if the build did not come so far."""
        last = next((stage for stage in ("judge", "triple_qc") if self.ran(stage)), "")
        return self.made_by(last)

    def ran(self, stage: str) -> bool:
        """Whether the build came as far as a stage."""
        return stage in self.results

    def product(self, product_id: str) -> Product:
        """A product by identifier; one that no source names has no title."""
        return self._products.get(product_id, Product(product_id, "", ""))

    def product_of_clip(self, clip: Clip | None) -> Product:
        """The product that a clip shows."""
        source = self.of(Source).get(clip.source_id) if clip else None
        return self.product(source.product_id if source else "")

    def clip_name(self, clip: Clip) -> str:
        """Path of the clip's source and the frames taken from it."""
        return self._window(clip.source_id, clip.cut.first_frame, clip.cut.last_frame)

    def name(self, identifier: str) -> str:
        """What a person knows a row by: a path, or the identifier itself."""
        if identifier in self.of(Shot):
            shot = self.of(Shot)[identifier]
            return self._window(shot.source_id, shot.first_frame, shot.last_frame)
        if identifier in self.of(Clip):
            return self.clip_name(self.of(Clip)[identifier])
        if identifier in self.of(Source):
            return self.of(Source)[identifier].path
        return identifier

    def _add(self, rows: Sequence[Any]) -> None:
        for row in rows:
            self._by_type.setdefault(type(row), {})[record_key(row)] = row

    def _window(self, source_id: str, first_frame: int, last_frame: int) -> str:
        source = self.of(Source).get(source_id)
        return f"{source.path if source else source_id} [{first_frame}:{last_frame})"
