"""`manifest.json`, which says what a dataset version consists of, and `lineage.json`, which says what it grew from.

Both files carry the SHA-256 of their own content, so that no byte of either can change unseen. Neither holds a clock,
a host or an absolute path. The lineage stays outside the root: a version that grew step by step and one built afresh
from the same inputs have the same root.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from pvtt_data.errors import DatasetError
from pvtt_data.records import Split
from pvtt_data.shards.format import (
    LINEAGE_FILE,
    MANIFEST_FILE,
    MAX_PICTURES,
    MAX_SHARDS,
    SCHEMA_VERSION,
    Key,
    NumberName,
    Sha256,
    Word,
    readable_json,
)

Count = Annotated[int, Field(ge=0)]
ShardPath = Annotated[str, StringConstraints(pattern=r"^data/(train|validation|test)-\d{5}-of-\d{5}\.tar$")]
TablePath = Annotated[str, StringConstraints(pattern=r"^tables/[a-z0-9][a-z0-9_-]{0,63}\.parquet$")]
FilePath = Annotated[
    str, StringConstraints(pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]*/)*[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=200)
]
"""Paths inside the version: a reader joins them to its folder."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SplitCounts(_Strict):
    """How much one split holds."""

    samples: Count
    shards: Annotated[int, Field(ge=1, le=MAX_SHARDS)]
    members_per_sample: Annotated[int, Field(ge=1)]
    bytes: Count
    """Size of the split's tars."""


class ShardEntry(_Strict):
    """One tar."""

    sha256: Sha256
    bytes: Count
    samples: Count


class FileEntry(_Strict):
    """A file that is no tar: a table, the index, the card."""

    sha256: Sha256
    bytes: Count


class Manifest(_Strict):
    """Content of `manifest.json`."""

    schema_version: Literal[1]
    name: Word
    recipe: dict[str, Any]
    tools: dict[str, str]
    """Versions of the libraries that shaped the bytes, by name."""
    weights: dict[str, Sha256]
    """SHA-256 of every model file that took part, by the model's name."""
    reference_count: Annotated[int, Field(ge=1, le=MAX_PICTURES)]
    heldout_count: Annotated[int, Field(ge=0, le=MAX_PICTURES)]
    number_names: Annotated[list[NumberName], Field(min_length=1)]
    counts: dict[Split, SplitCounts]
    members: dict[Split, list[str]]
    shards: dict[ShardPath, ShardEntry]
    tables: dict[TablePath, FileEntry]
    files: dict[FilePath, FileEntry]
    """The card and the index."""
    root: Sha256
    manifest_sha256: Sha256

    def listed_files(self) -> dict[str, str]:
        """SHA-256 of every file that the root covers, by path."""
        entries: dict[str, ShardEntry | FileEntry] = {**self.shards, **self.tables, **self.files}
        return {path: entry.sha256 for path, entry in sorted(entries.items())}

    def listed_bytes(self) -> dict[str, int]:
        """Size of every file that the root covers, by path."""
        entries: dict[str, ShardEntry | FileEntry] = {**self.shards, **self.tables, **self.files}
        return {path: entry.bytes for path, entry in sorted(entries.items())}


class Parent(_Strict):
    """The version before."""

    version: Annotated[str, Field(pattern=r"^v[1-9][0-9]*$")]
    root: Sha256


class Lineage(_Strict):
    """Content of `lineage.json`: which samples came, went or changed since the parent version."""

    schema_version: Literal[1]
    root: Sha256
    """Root of the version that this file lies in."""
    parent: Parent | None
    added: list[Key]
    removed: list[Key]
    changed: list[Key]
    reviewed: dict[Key, str] = Field(default_factory=dict)
    """Of those keys, the ones that people's verdicts account for: which part they said what about, such as
    ``mask review-drift``. The file has no such field where there are none."""
    lineage_sha256: Sha256


def root_of(files: Mapping[str, str]) -> str:
    """Root of a set of files: SHA-256 over the lines ``<sha256>  <path>`` sorted by path, as `sha256sum` prints them.

    Args:
        files: SHA-256 (hex) by path relative to the dataset.
    """
    lines = "".join(f"{files[path]}  {path}\n" for path in sorted(files))
    return hashlib.sha256(lines.encode()).hexdigest()


def build_manifest(**fields: Any) -> Manifest:
    """A manifest from its other fields: ``schema_version``, ``root`` and ``manifest_sha256`` follow from them."""
    paths = {**fields["shards"], **fields["tables"], **fields["files"]}
    root = root_of({path: entry.sha256 for path, entry in paths.items()})
    draft = Manifest(schema_version=SCHEMA_VERSION, root=root, manifest_sha256="0" * 64, **fields)
    return draft.model_copy(update={"manifest_sha256": _own_sha256(draft, "manifest_sha256")})


def build_lineage(
    root: str,
    parent: Parent | None,
    added: list[str],
    removed: list[str],
    changed: list[str],
    reviewed: Mapping[str, str] | None = None,
) -> Lineage:
    """A lineage with its keys sorted and its own hash."""
    draft = Lineage(
        schema_version=SCHEMA_VERSION,
        root=root,
        parent=parent,
        added=sorted(added),
        removed=sorted(removed),
        changed=sorted(changed),
        reviewed=dict(sorted((reviewed or {}).items())),
        lineage_sha256="0" * 64,
    )
    return draft.model_copy(update={"lineage_sha256": _own_sha256(draft, "lineage_sha256")})


def manifest_bytes(manifest: Manifest) -> bytes:
    """The bytes of `manifest.json`."""
    return readable_json(manifest.model_dump(mode="python"))


def lineage_bytes(lineage: Lineage) -> bytes:
    """The bytes of `lineage.json`."""
    return readable_json(_content(lineage))


def read_manifest(dataset: Path) -> Manifest:
    """Read and check `manifest.json`: schema, bytes, its own hash and the root.

    Raises:
        DatasetError: it is missing or not as the writer wrote it.
    """
    manifest = _read(dataset / MANIFEST_FILE, Manifest, "manifest_sha256")
    if root_of(manifest.listed_files()) != manifest.root:
        raise DatasetError(f"{MANIFEST_FILE}: root is not the hash of the files that it lists")
    return manifest


def read_lineage(dataset: Path) -> Lineage:
    """Read and check `lineage.json`: schema, bytes and its own hash.

    Raises:
        DatasetError: it is missing or not as the writer wrote it.
    """
    return _read(dataset / LINEAGE_FILE, Lineage, "lineage_sha256")


D = TypeVar("D", Manifest, Lineage)


def _read(path: Path, model: type[D], own: str) -> D:
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise DatasetError(f"{path.parent} has no {path.name}: it is no complete dataset version") from error
    stated = _stated_schema_version(data)
    if isinstance(stated, int) and stated > SCHEMA_VERSION:
        raise DatasetError(
            f"{path.name}: schema_version {stated} is newer than this reader knows ({SCHEMA_VERSION}); update pvtt"
        )
    try:
        document = model.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DatasetError(f"{path.name}: {where}: {first['msg']}") from error
    if getattr(document, own) != _own_sha256(document, own):
        raise DatasetError(f"{path.name}: {own} is not the hash of its content; the file was changed after writing")
    if readable_json(_content(document)) != data:
        raise DatasetError(f"{path.name}: the bytes are not the ones the writer writes for this content")
    return document


def _stated_schema_version(data: bytes) -> object:
    try:
        content = json.loads(data)
    except ValueError:
        return None
    return content.get("schema_version") if isinstance(content, dict) else None


def _own_sha256(document: BaseModel, own: str) -> str:
    return hashlib.sha256(readable_json({k: v for k, v in _content(document).items() if k != own})).hexdigest()


def _content(document: BaseModel) -> dict[str, Any]:
    """The fields of a file; a lineage without verdicts is written as it was before there were any."""
    content: dict[str, Any] = document.model_dump(mode="python")
    if not content.get("reviewed", True):
        del content["reviewed"]
    return content
