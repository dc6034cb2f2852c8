"""What both calibration files have in common: how they are written, read, and found in the package."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError


class CalibrationFile(BaseModel):
    """A calibration file's content."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    def to_text(self) -> str:
        """The file's content."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=1, ensure_ascii=False) + "\n"


File = TypeVar("File", bound=CalibrationFile)


def read_file(model: type[File], path: Path | None, shipped: str, what: str) -> File:
    """The content of a file, or of the one that comes with the package.

    Args:
        shipped: name of the package's own.
        what: what such a file is called.

    Raises:
        ValueError: the file cannot be read, or is none of these.
    """
    try:
        text = _shipped(shipped) if path is None else path.read_text(encoding="utf-8")
        found: File = _parsed(model, text)
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{path} is no {what}: {where}: {first['msg']}") from error
    return found


def check_names(names: Iterable[str], known: Iterable[str], what: str) -> None:
    """Names of numbers against those that there are.

    Args:
        what: what an unknown one is not.

    Raises:
        ValueError: one is unknown.
    """
    known = list(known)
    unknown = sorted(set(names).difference(known))
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: no {what}; there are {', '.join(known)}")


@functools.cache
def _shipped(name: str) -> str:
    return (resources.files("pvtt_data.calibration") / name).read_text(encoding="utf-8")


@functools.lru_cache(maxsize=32)
def _parsed(model: type[File], text: str) -> File:
    return model.model_validate_json(text)
