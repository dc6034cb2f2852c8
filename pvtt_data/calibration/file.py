"""The calibration file: thresholds of mask QC, and how they came about."""

from __future__ import annotations

import functools
import hashlib
import json
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from pvtt_data.calibration.mask_rules import DOUBTS
from pvtt_data.records import canonical_json


class Threshold(BaseModel):
    """Limits of one number; a number may be equal to its limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    flag: float | None = None
    reject: float | None = None


class Calibration(BaseModel):
    """Thresholds, and how they came about.

    Attributes:
        thresholds: number → its limits; a number that is not named has none.
        made: how the thresholds came about: data, faults, versions, digest of the table of measured trials.
        results: what they were found to catch, on products and strengths that did not set them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

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

    def to_text(self) -> str:
        """The file's content."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=1, ensure_ascii=False) + "\n"


def check_numbers(names: dict[str, Any]) -> None:
    """Names that mask QC knows nothing about.

    Raises:
        ValueError: there is one.
    """
    unknown = sorted(set(names) - set(DOUBTS))
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: no number of mask tracks; there are {', '.join(DOUBTS)}")


def read_calibration(path: Path | None = None) -> Calibration:
    """The calibration of a file, or the one that comes with the package.

    Raises:
        ValueError: the file cannot be read, or is no calibration file.
    """
    if path is None:
        return _parsed(_shipped())
    try:
        return _parsed(_text_of(path))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{path} is no calibration file: {where}: {first['msg']}") from error


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error


@functools.cache
def _shipped() -> str:
    return (resources.files("pvtt_data.calibration") / "mask_qc.json").read_text(encoding="utf-8")


@functools.lru_cache(maxsize=16)
def _parsed(text: str) -> Calibration:
    return Calibration.model_validate_json(text)
