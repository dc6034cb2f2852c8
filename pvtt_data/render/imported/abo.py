"""Amazon Berkeley Objects: what its tables say about its models.

Layout (https://amazon-berkeley-objects.s3.amazonaws.com): ``3dmodels/original/X/ID.glb``,
``3dmodels/metadata/3dmodels.csv.gz``, ``listings/metadata/listings_*.json.gz``.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pvtt_data.render.imported.names import tidy

CREDIT = "Amazon Berkeley Objects; 3D models: Amazon.com"
_MODELS = Path("3dmodels", "original")
_TABLE = Path("3dmodels", "metadata", "3dmodels.csv.gz")
_LISTINGS = Path("listings", "metadata")
_MAX_UNPACKED_BYTES = 1 << 30
_MAX_LINE_BYTES = 1 << 22


@dataclass(frozen=True, slots=True)
class Listing:
    """What a shop says about an article."""

    title: str
    category: str


def is_abo(folder: Path) -> bool:
    """Whether a folder holds the collection, or part of it."""
    return (folder / _MODELS).is_dir()


def read_listings(folder: Path) -> dict[str, Listing]:
    """Listings by the model's path below ``3dmodels/original``; tables that are missing or damaged give none.

    Of several listings of one model the first in English with the lowest item number is taken.
    """
    best: dict[str, tuple[tuple[bool, str], Listing]] = {}
    for path in sorted((folder / _LISTINGS).glob("listings_*.json.gz")):
        for line in _lines(path):
            # Most of the listings have no model, and parsing is slow.
            if b'"3dmodel_id"' in line:
                _take(line, best)
    paths = dict(_paths(folder))
    return {paths.get(model, f"{model[-1:]}/{model}.glb"): listing for model, (_, listing) in best.items()}


def _lines(path: Path) -> Iterator[bytes]:
    unpacked = 0
    try:
        with gzip.open(path) as file:
            while (line := file.readline(_MAX_LINE_BYTES)) and unpacked < _MAX_UNPACKED_BYTES:
                unpacked += len(line)
                yield line
    except (OSError, EOFError, zlib.error):
        return


def _take(line: bytes, best: dict[str, tuple[tuple[bool, str], Listing]]) -> None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return
    model = row.get("3dmodel_id") if isinstance(row, dict) else None
    if not isinstance(model, str):
        return
    names = _texts(row.get("item_name"))
    english = [text for language, text in names if language.startswith("en")]
    title = tidy(next(iter(english or [text for _, text in names]), ""))
    kinds = _texts(row.get("product_type"))
    category = tidy(kinds[0][1].replace("_", " ").lower()) if kinds else ""
    rank = (not english, str(row.get("item_id")))
    if title and (model not in best or rank < best[model][0]):
        best[model] = (rank, Listing(title, category))


def _texts(entries: Any) -> list[tuple[str, str]]:
    """Languages and texts of a multilingual field."""
    if not isinstance(entries, list):
        return []
    return [
        (str(entry.get("language_tag", "")), entry["value"])
        for entry in entries
        if isinstance(entry, dict) and isinstance(entry.get("value"), str)
    ]


def _paths(folder: Path) -> Iterator[tuple[str, str]]:
    """Models and their paths."""
    text = b"".join(_lines(folder / _TABLE)).decode("utf-8", errors="replace")
    for row in csv.DictReader(io.StringIO(text)):
        model, path = row.get("3dmodel_id"), row.get("path")
        if model and path:
            yield model, path
