"""The calibration file: thresholds of mask QC, and how they came about."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pvtt_data.calibration.mask_rules import DOUBTS
from pvtt_data.calibration.shipped import CalibrationFile, check_names, read_file
from pvtt_data.records import canonical_json


class Threshold(BaseModel):
    """Limits of one number; a number may be equal to its limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    flag: float | None = None
    reject: float | None = None


class Calibration(CalibrationFile):
    """Thresholds, and how they came about.

    Attributes:
        thresholds: number → its limits; a number that is not named has none.
        made: how the thresholds came about: data, faults, versions, digest of the table of measured trials.
        results: what they were found to catch, on products and strengths that did not set them.
    """

    schema_id: Annotated[Literal["pvtt-mask-qc-calibration/1"], Field(alias="schema")] = "pvtt-mask-qc-calibration/1"
    thresholds: dict[str, Threshold]
    made: dict[str, Any] = Field(default_factory=dict)
    results: dict[str, Any] = Field(default_factory=dict)

    @field_validator("thresholds")
    @classmethod
    def _known_numbers(cls, thresholds: dict[str, Threshold]) -> dict[str, Threshold]:
        check_numbers(thresholds)
        return thresholds

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the thresholds, which are all that decides."""
        plain = {name: threshold.model_dump() for name, threshold in self.thresholds.items()}
        return hashlib.sha256(canonical_json(plain).encode()).hexdigest()


def check_numbers(names: Mapping[str, Any]) -> None:
    """Names that mask QC knows nothing about.

    Raises:
        ValueError: there is one.
    """
    check_names(names, DOUBTS, "number of mask tracks")


def read_calibration(path: Path | None = None) -> Calibration:
    """The calibration of a file, or the one that comes with the package.

    Raises:
        ValueError: the file cannot be read, or is no calibration file.
    """
    return read_file(Calibration, path, "mask_qc.json", "calibration file")
