"""Calibration files of triple QC: for each embedder thresholds of all numbers, and how they came about."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pvtt_data.calibration.file import Threshold
from pvtt_data.calibration.shipped import CalibrationFile, check_names, read_file
from pvtt_data.calibration.triple_rules import BY_CATEGORY, TRIPLE_DOUBTS
from pvtt_data.records import canonical_json
from pvtt_data.triple_quality.measure import LOOKS

SHIPPED = ("triple_qc.json", "triple_qc_composite.json")
"""The package's own files: measured on renders, which stand in for engines without a file, and on composites."""


class EmbedderThresholds(BaseModel):
    """Thresholds of all numbers, where an embedder makes those of looks.

    Attributes:
        weights_sha256: of the embedder; its numbers have thresholds for no other weights.
        thresholds: number → its limits; a number that is not named has none.
        by_category: number → category of B → limits that stand in for those of ``thresholds``.
        made: how the thresholds came about: data, sizes, faults, versions, digest of the table of measured trials.
        results: what they were found to catch, on products and strengths that did not set them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    thresholds: dict[str, Threshold]
    by_category: dict[str, dict[str, Threshold]] = Field(default_factory=dict)
    made: dict[str, Any] = Field(default_factory=dict)
    results: dict[str, Any] = Field(default_factory=dict)

    @field_validator("thresholds")
    @classmethod
    def _known_numbers(cls, thresholds: dict[str, Threshold]) -> dict[str, Threshold]:
        check_triple_numbers(thresholds)
        return thresholds

    @field_validator("by_category")
    @classmethod
    def _by_category(cls, limits: dict[str, dict[str, Threshold]]) -> dict[str, dict[str, Threshold]]:
        odd = sorted(set(limits) - set(BY_CATEGORY))
        if odd:
            raise ValueError(f"{', '.join(odd)}: only {', '.join(BY_CATEGORY)} has thresholds by category")
        return limits

    def of_category(self, category: str) -> dict[str, Threshold]:
        """Thresholds for a triple whose B is of a category; the global ones where it has none of its own."""
        own = {name: limits[category] for name, limits in self.by_category.items() if category in limits}
        return {**self.thresholds, **own}


class TripleCalibration(CalibrationFile):
    """Thresholds of triple QC.

    Attributes:
        name: of the calibration.
        engines: engines whose triples it was measured on; triples of others are only flagged, and only where these
            would be rejected.
        embedders: name of an embedder → thresholds.
    """

    schema_id: Annotated[Literal["pvtt-triple-qc-calibration/1"], Field(alias="schema")] = (
        "pvtt-triple-qc-calibration/1"
    )
    name: Annotated[str, Field(min_length=1)]
    engines: list[str]
    embedders: Annotated[dict[str, EmbedderThresholds], Field(min_length=1)]

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of what decides: the thresholds and what they hold for."""
        plain = {
            name: part.model_dump(include={"weights_sha256", "thresholds", "by_category"})
            for name, part in self.embedders.items()
        }
        return hashlib.sha256(canonical_json([sorted(self.engines), plain]).encode()).hexdigest()

    def knows(self, embedder: str, weights_sha256: str) -> bool:
        """Whether it was measured with this embedder and these weights."""
        return embedder in self.embedders and self.embedders[embedder].weights_sha256 == weights_sha256

    def of(self, embedder: str, weights_sha256: str) -> EmbedderThresholds:
        """The thresholds that go with an embedder; without those of looks if it was not measured with it."""
        if self.knows(embedder, weights_sha256):
            return self.embedders[embedder]
        first = next(iter(self.embedders.values()))
        kept = {name: limit for name, limit in first.thresholds.items() if name not in LOOKS}
        return EmbedderThresholds(weights_sha256=weights_sha256, thresholds=kept)


@dataclass(frozen=True, slots=True)
class TripleCalibrations:
    """The thresholds that triples of each engine are judged by.

    Attributes:
        files: those of the package, or the one that a recipe names, for all engines.
    """

    files: tuple[TripleCalibration, ...]

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of what decides, in all files; of one file its own."""
        if len(self.files) == 1:
            return self.files[0].digest
        return hashlib.sha256(canonical_json([made.digest for made in self.files]).encode()).hexdigest()

    @property
    def embedders(self) -> tuple[str, ...]:
        """Names of embedders with thresholds, in the order of the files."""
        return tuple(dict.fromkeys(name for made in self.files for name in made.embedders))

    def knows(self, embedder: str, weights_sha256: str) -> bool:
        """Whether every file was measured with this embedder and these weights."""
        return all(made.knows(embedder, weights_sha256) for made in self.files)

    def of_engine(self, engine: str) -> TripleCalibration:
        """The file that was measured on triples of an engine; the first if none was."""
        return next((made for made in self.files if engine in made.engines), self.files[0])


def check_triple_numbers(names: Mapping[str, Any]) -> None:
    """Names that triple QC has no doubt about.

    Raises:
        ValueError: there is one.
    """
    check_names(names, TRIPLE_DOUBTS, "number with a threshold")


def read_triple_calibrations(path: Path | None = None) -> TripleCalibrations:
    """The calibration of a file, for triples of all engines, or those of the package, each for its engines.

    Raises:
        ValueError: the file cannot be read, or is no calibration file of triple QC.
    """
    names = SHIPPED if path is None else SHIPPED[:1]
    what = "calibration file of triple QC"
    return TripleCalibrations(tuple(read_file(TripleCalibration, path, name, what) for name in names))
