"""What changed from one dataset version to another.

Triples are matched by key. The key names the content of a triple, so a triple whose clip was encoded anew has another
one; such triples are matched by what they show (clip, engine and products) and count as changed, not as one that went
and one that came.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from pvtt_data.errors import DatasetError
from pvtt_data.records import Assignment, Rejection, Source, from_arrow, to_plain
from pvtt_data.shards.format import JSON_MEMBER, PICTURE_FILES, PRESENTING_FILES, SPLITS, SampleMeta
from pvtt_data.shards.manifest import Manifest
from pvtt_data.shards.reader import Sample, ShardDataset
from pvtt_data.shards.reviewed import reviewed

R = TypeVar("R")
Why = Literal["review", "rejected", "product-new", "product-gone", "split-changed", "dealt-anew"]


@dataclass(frozen=True, slots=True)
class TripleLine:
    """A triple that is in one of the versions only.

    Attributes:
        why: ``review``: people said something of it, or of what it is made of, and ``review`` says what; ``rejected``:
            the other version's build dropped it, or its mask, clip or source, and ``rejection`` says where and why;
            ``product-new`` or ``product-gone``: the other version has no triple with one of its products;
            ``split-changed``: a product of it is in another split there; ``dealt-anew``: none of these, it took or left
            the place of another one, or stages decided otherwise.
    """

    key: str
    split: str
    engine: str
    kind: str
    product_a: str
    product_b: str
    source_id: str
    first_frame: int
    last_frame: int
    why: Why
    review: str = ""
    """What people said of which part, such as ``mask review-drift``."""
    rejection: str = ""
    """Stage and reason, such as ``triple_qc: background-made-up``."""


@dataclass(frozen=True, slots=True)
class ChangedTriple:
    """A triple that both versions have, with other content.

    Attributes:
        members: members with other bytes, without the JSON.
        fields: fields of the JSON with other values; numbers as ``numbers.<name>``.
        review: what people said of which part, if that is why.
    """

    key_before: str
    key: str
    product_a: str
    product_b: str
    members: tuple[str, ...]
    fields: tuple[str, ...]
    review: str = ""


@dataclass(frozen=True, slots=True)
class SplitMove:
    """A source that both versions have in different splits."""

    source_id: str
    path: str
    product_id: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Setting:
    """A value that differs; None where a version does not have it."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Count:
    """How many samples of a split or category each version has."""

    name: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class VersionDiff:
    """All differences between two versions, each list sorted."""

    before: str
    after: str
    same: bool
    """Whether the roots are equal: the versions have the same content."""
    added: list[TripleLine]
    removed: list[TripleLine]
    changed: list[ChangedTriple]
    moved: list[SplitMove]
    splits: list[Count]
    categories: list[Count]
    """By category of B."""
    rejections_new: list[Rejection]
    rejections_gone: list[Rejection]
    settings: list[Setting]
    tools: list[Setting]
    weights: list[Setting]
    shards_same: int
    shards_rewritten: list[str]
    shards_new: list[str]
    shards_gone: list[str]
    presentation: list[str]
    """Card, licences, preview and the like that differ or that one version does not have."""
    notes: list[str]
    """What could not be compared."""

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready."""
        plain: dict[str, Any] = to_plain(self)
        return plain


def diff_versions(before: Path, after: Path) -> VersionDiff:
    """Compare two version folders.

    Raises:
        DatasetError: a manifest, an index, a table or a sample's JSON is missing or damaged.
    """
    old, new = ShardDataset(before), ShardDataset(after)
    old_metas, new_metas = _metas(old), _metas(new)
    notes: list[str] = []
    old_rejections = {r.rejection_id: r for r in _table(before, "rejections", Rejection, notes)}
    new_rejections = {r.rejection_id: r for r in _table(after, "rejections", Rejection, notes)}
    dropped = _Dropped(old_rejections.values()), _Dropped(new_rejections.values())
    added, removed, changed = _triples(old, new, old_metas, new_metas, dropped)
    moved = _moves(before, after, notes)
    old_shards, new_shards = old.manifest.shards, new.manifest.shards
    both = sorted(old_shards.keys() & new_shards.keys())
    rewritten = [path for path in both if old_shards[path].sha256 != new_shards[path].sha256]
    return VersionDiff(
        before=before.name,
        after=after.name,
        same=old.manifest.root == new.manifest.root,
        added=added,
        removed=removed,
        changed=changed,
        moved=moved,
        splits=[
            Count(split, _samples(old.manifest, split), _samples(new.manifest, split))
            for split in SPLITS
            if split in old.manifest.counts or split in new.manifest.counts
        ],
        categories=_categories(old_metas.values(), new_metas.values()),
        rejections_new=_by_stage(r for name, r in new_rejections.items() if name not in old_rejections),
        rejections_gone=_by_stage(r for name, r in old_rejections.items() if name not in new_rejections),
        settings=_settings(_flat(old.manifest.recipe), _flat(new.manifest.recipe)),
        tools=_settings(old.manifest.tools, new.manifest.tools),
        weights=_settings(old.manifest.weights, new.manifest.weights),
        shards_same=len(both) - len(rewritten),
        shards_rewritten=rewritten,
        shards_new=sorted(new_shards.keys() - old_shards.keys()),
        shards_gone=sorted(old_shards.keys() - new_shards.keys()),
        presentation=[
            name
            for name in (*PRESENTING_FILES, *PICTURE_FILES)
            if old.manifest.files.get(name) != new.manifest.files.get(name)
        ],
        notes=sorted(set(notes)),
    )


def _metas(dataset: ShardDataset) -> dict[str, SampleMeta]:
    return {sample.key: sample.meta for sample in dataset}


def _samples(manifest: Manifest, split: str) -> int:
    return sum(counts.samples for name, counts in manifest.counts.items() if name == split)


class _Dropped:
    """What a build dropped, by what a triple is made of."""

    def __init__(self, rejections: Iterable[Rejection]) -> None:
        self._texts: dict[tuple[str, str], str] = {}
        for rejection in sorted(rejections, key=lambda r: r.rejection_id):
            about = rejection.linked_to if rejection.kind == "track" else rejection.subject_id  # a track's is its clip
            self._texts.setdefault((rejection.kind, about), f"{rejection.stage}: {rejection.reason}")

    def why(self, meta: SampleMeta) -> str:
        """Stage and reason of what was dropped first of a triple's source, clip, mask and itself; else empty."""
        of_clips = [(kind, clip) for clip in (meta.clip_id, meta.clip_id_a) if clip for kind in ("clip", "track")]
        parts = [("source", meta.source_id), *of_clips, ("triple", meta.triple_id)]
        return next((text for part in parts if (text := self._texts.get(part))), "")


def _triples(
    old: ShardDataset,
    new: ShardDataset,
    old_metas: Mapping[str, SampleMeta],
    new_metas: Mapping[str, SampleMeta],
    dropped: tuple[_Dropped, _Dropped],
) -> tuple[list[TripleLine], list[TripleLine], list[ChangedTriple]]:
    pairs = [(key, key) for key in sorted(old_metas.keys() & new_metas.keys())]
    gone = [old_metas[key] for key in sorted(old_metas.keys() - new_metas.keys())]
    came = [new_metas[key] for key in sorted(new_metas.keys() - old_metas.keys())]
    places: dict[tuple[object, ...], list[str]] = {}
    for meta in gone:
        places.setdefault(_shows(meta), []).append(meta.key)
    for meta in came:
        if places.get(_shows(meta)):
            pairs.append((places[_shows(meta)].pop(0), meta.key))
    matched_old, matched_new = {one for one, _ in pairs}, {other for _, other in pairs}
    changed = [c for one, other in pairs if (c := _change(old[one], new[other])) is not None]
    touched_old, touched_new = [c.key_before for c in changed], [c.key for c in changed]
    said = reviewed(
        old.path,
        new.path,
        [*(meta.key for meta in gone if meta.key not in matched_old), *touched_old],
        [*(meta.key for meta in came if meta.key not in matched_new), *touched_new],
    )
    changed = [dataclasses.replace(c, review=said.get(c.key_before, said.get(c.key, ""))) for c in changed]
    old_splits, new_splits = _product_splits(old_metas.values()), _product_splits(new_metas.values())
    return (
        [_line(meta, old_splits, "product-new", said, dropped[0]) for meta in came if meta.key not in matched_new],
        [_line(meta, new_splits, "product-gone", said, dropped[1]) for meta in gone if meta.key not in matched_old],
        sorted(changed, key=lambda change: change.key),
    )


def _shows(meta: SampleMeta) -> tuple[object, ...]:
    return (
        meta.engine, meta.kind, meta.source_id, meta.first_frame, meta.last_frame, meta.product_a, meta.product_b
    )  # fmt: skip


def _product_splits(metas: Iterable[SampleMeta]) -> dict[str, str]:
    return {product: meta.split for meta in metas for product in (meta.product_a, meta.product_b)}


def _line(
    meta: SampleMeta, elsewhere: Mapping[str, str], missing: Why, said: Mapping[str, str], dropped: _Dropped
) -> TripleLine:
    there = {elsewhere.get(product) for product in (meta.product_a, meta.product_b)}
    why: Why = missing if None in there else "dealt-anew" if there == {meta.split} else "split-changed"
    names = [f.name for f in dataclasses.fields(TripleLine) if f.name not in ("key", "why", "review", "rejection")]
    facts = {name: getattr(meta, name) for name in names}
    review = said.get(meta.key, "")
    rejection = "" if review else dropped.why(meta)
    why = "review" if review else "rejected" if rejection else why
    return TripleLine(key=meta.key, why=why, review=review, rejection=rejection, **facts)


def _change(old: Sample, new: Sample) -> ChangedTriple | None:
    members = tuple(
        name
        for name in sorted(old.spans.keys() | new.spans.keys())
        if name != JSON_MEMBER
        and (name not in old.spans or name not in new.spans or old.spans[name].sha256 != new.spans[name].sha256)
    )
    before, after = _flat_meta(old.meta), _flat_meta(new.meta)
    fields = tuple(name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name))
    if not members and not fields:
        return None
    return ChangedTriple(old.key, new.key, new.meta.product_a, new.meta.product_b, members, fields)


def _flat_meta(meta: SampleMeta) -> dict[str, Any]:
    fields = meta.model_dump(mode="python")
    return {**{f"numbers.{k}": v for k, v in fields.pop("numbers").items()}, **fields}


def _moves(before: Path, after: Path, notes: list[str]) -> list[SplitMove]:
    splits = {row.source_id: row.split for row in _table(before, "assignments", Assignment, notes)}
    paths = {row.source_id: row.path for row in _table(after, "sources", Source, notes)}
    moves = [
        SplitMove(row.source_id, paths.get(row.source_id, ""), row.product_id, splits[row.source_id], row.split)
        for row in _table(after, "assignments", Assignment, notes)
        if splits.get(row.source_id, row.split) != row.split
    ]
    return sorted(moves, key=lambda move: (move.product_id, move.path, move.source_id))


def _table(version: Path, name: str, record: type[R], notes: list[str]) -> list[R]:
    path = version / "tables" / f"{name}.parquet"
    if not path.exists():
        notes.append(f"{version.name} has no table {name}, so it was not compared")
        return []
    try:
        return from_arrow(record, pq.read_table(path))
    except (pa.ArrowException, OSError, TypeError) as error:
        raise DatasetError(f"{version.name}: table {name} cannot be read: {error}") from error


def _by_stage(rejections: Iterable[Rejection]) -> list[Rejection]:
    return sorted(rejections, key=lambda r: (r.stage, r.reason, r.subject, r.rejection_id))


def _categories(old: Iterable[SampleMeta], new: Iterable[SampleMeta]) -> list[Count]:
    before, after = (Counter(meta.category_b for meta in metas) for metas in (old, new))
    return [Count(name, before[name], after[name]) for name in sorted(before.keys() | after.keys())]


def _settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Setting]:
    names = sorted(before.keys() | after.keys())
    return [Setting(n, before.get(n), after.get(n)) for n in names if before.get(n) != after.get(n)]


def _flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, inner in value.items():
        if isinstance(inner, Mapping) and inner:
            flat |= _flat(inner, f"{prefix}{name}.")
        else:
            flat[prefix + name] = inner
    return flat
