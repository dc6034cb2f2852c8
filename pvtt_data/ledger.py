"""What the latest build of a recipe asked of each map stage: which items, under which keys, made from what.

A plan compares it with what a build would ask now and can say *why* a row has to run; `clean` keeps what is in it. It
is a note for people: nothing that a build computes depends on it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pvtt_data.files import whole_file
from pvtt_data.records import canonical_json
from pvtt_data.stage import Named

_FINGERPRINT = b"pvtt:fingerprint"
_SCHEMA = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("key", pa.string(), nullable=False),
        pa.field("parts", pa.string(), nullable=False),
    ]
)
_DIGEST_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Entry:
    """One item that a stage was asked for."""

    item_id: str
    name: str
    key: str
    parts: Mapping[str, str]
    """Field of the item → digest of its value."""


@dataclass(frozen=True, slots=True)
class StageLedger:
    """All items that one build asked one stage for."""

    fingerprint: Mapping[str, Any]
    entries: Mapping[str, Entry]
    """By item id."""


def parts_of(item: Any) -> dict[str, str]:
    """Field of an item → short digest of its value."""
    names = [field.name for field in dataclasses.fields(item)]
    return {name: _digest(getattr(item, name)) for name in names}


def write_ledger(
    folder: Path, recipe: str, fingerprint: Mapping[str, Any], items: Sequence[Named[Any]], keys: Mapping[str, str]
) -> None:
    """Note what a build of ``recipe`` asked of the stage whose cache is ``folder``."""
    rows = sorted(items, key=lambda named: named.item_id)
    table = pa.table(
        {
            "item_id": [named.item_id for named in rows],
            "name": [named.name.encode("utf-8", "backslashreplace").decode() for named in rows],
            "key": [keys[named.item_id] for named in rows],
            "parts": [json.dumps(parts_of(named.item), sort_keys=True) for named in rows],
        },
        schema=_SCHEMA.with_metadata({_FINGERPRINT: json.dumps(fingerprint, sort_keys=True).encode()}),
    )
    with whole_file(_path(folder, recipe)) as file:
        pq.write_table(table, file, compression="zstd")


def read_ledger(folder: Path, recipe: str) -> StageLedger | None:
    """What the latest build of a recipe asked of a stage; None if there was none or it cannot be read."""
    return _read(_path(folder, recipe))


def read_ledgers(folder: Path) -> dict[str, StageLedger | None]:
    """Recipe → ledger of all recipes that used a stage's cache; None for a ledger that cannot be read."""
    return {path.stem: _read(path) for path in sorted((folder / "used").glob("*.parquet"))}


def changed_settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two fingerprints, in words: ``config.crf 14 → 16``."""
    old, new = dict(_flat(before)), dict(_flat(now))
    return [
        f"{name} {_shown(old.get(name))} → {_shown(new.get(name))}"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]


def _read(path: Path) -> StageLedger | None:
    try:
        table = pq.read_table(path)
        fingerprint = json.loads((table.schema.metadata or {})[_FINGERPRINT])
        entries = {
            row["item_id"]: Entry(row["item_id"], row["name"], row["key"], json.loads(row["parts"]))
            for row in table.to_pylist()
        }
    except (OSError, pa.ArrowException, KeyError, ValueError):
        return None
    return StageLedger(fingerprint, entries)


def _path(folder: Path, recipe: str) -> Path:
    return folder / "used" / f"{recipe}.parquet"


def _digest(value: Any) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:_DIGEST_DIGITS]


def _flat(value: Any, name: str = "") -> Iterable[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key in sorted(value):
            yield from _flat(value[key], f"{name}.{key}" if name else str(key))
    else:
        yield name, value


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value)
    return text[:_DIGEST_DIGITS] + "…" if len(text) == 64 else text  # a digest
