"""What is reviewed as a dataset of FiftyOne: one group for each subject, one sample for each of its media.

The samples have ids that follow from the subject's key, so opening a review again updates what is there: tags, views
and workspaces that people made stay. Documents are written as MongoDB has them: a `fiftyone.Sample` for each would take
ten times as long.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from bson import ObjectId
from pymongo import DeleteMany, UpdateMany, UpdateOne

from pvtt_curation.app.shelf import Overlay, name_of, name_of_overlay
from pvtt_curation.app.standing import Standings, VerdictFolder, standing_fields
from pvtt_curation.app.views import save_views, show_fields
from pvtt_curation.media import MediaCache, MediaRef
from pvtt_curation.subjects import Subject, part_kind

if TYPE_CHECKING:
    import fiftyone as fo

    from pvtt_curation.app.context import ReviewContext

SLICES = ("overlay", "target", "source", "overlay_a")
"""Videos of a group, in the order in which they are shown; pictures of B follow as ``reference_0``, …"""
LEAK_REASONS = ("reference-leak", "residue", "copied-reference")
"""Reasons that say that something was copied which a model would learn to copy."""

_TEXTS = (
    "kind",
    "key",
    "row_id",
    "name",
    "verdict",
    "stage",
    "message",
    "engine",
    "triple_kind",
    "difficulty",
    "split",
    "category",
    "product",
    "product_a",
    "product_b",
    "title_a",
    "title_b",
    "prompt",
    "source_prompt",
)
_BATCH = 2000
_PNG = b"\x89PNG\r\n\x1a\n"
_BITS = 64
"""Of a perceptual hash."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """What came of indexing.

    Attributes:
        groups: subjects that are shown.
        samples: documents that were written.
        notes: what a person should know.
    """

    groups: int
    samples: int
    notes: list[str] = field(default_factory=list)


def object_id(*facts: str) -> ObjectId:
    """The id that belongs to some facts."""
    return ObjectId(hashlib.sha256("\0".join(facts).encode()).digest()[:12])


def open_dataset(name: str) -> fo.Dataset:
    """The dataset of a review, empty if it is new."""
    import fiftyone as fo

    if fo.dataset_exists(name):
        dataset = fo.load_dataset(name)
    else:
        dataset = fo.Dataset(name, persistent=True)
        dataset.add_group_field("group", default=SLICES[0])
    return dataset


def fill(dataset: fo.Dataset, context: ReviewContext) -> Indexed:
    """Make the dataset show what is reviewed, and what people have said of it so far."""
    subjects = context.subjects
    _declare(dataset, subjects)
    said, bad = VerdictFolder(context.verdicts, context.arbiter).read()
    collection = dataset._sample_collection
    old = set(collection.distinct("_id")) if dataset._doc.group_media_types else set()
    written = 0
    for documents in batched(_documents(dataset, context, said), _BATCH):
        ids = [document["_id"] for document in documents]
        old.difference_update(ids)
        collection.bulk_write([_put(document) for document in documents], ordered=False)
        written += len(documents)
    for gone in batched(sorted(old), _BATCH):
        collection.bulk_write([DeleteMany({"_id": {"$in": list(gone)}})])
    dataset._doc.group_media_types = _slice_media(subjects)
    dataset.info = {**dataset.info, "pvtt": {"name": context.reviewed.name, "identity": context.reviewed.identity}}
    dataset.save()
    for path in ("kind", "key", "verdict", "review", "order"):
        dataset.create_index(path)
    dataset.reload()
    show_fields(dataset)
    save_views(dataset, subjects)
    return Indexed(len(subjects), written, [f"no verdict could be read: {line.text()}" for line in bad])


class Standing:
    """Keeps the fields that tell what people said as the verdicts folder has it.

    Args:
        context: whose dataset is kept.
    """

    def __init__(self, context: ReviewContext) -> None:
        self._context = context
        self._folder = VerdictFolder(context.verdicts, context.arbiter)
        self._made_of: dict[tuple[str, str], list[Subject]] = {}
        for subject in context.subjects:
            own = (subject.kind, subject.key)
            for part in {own, *((part_kind(name), key) for name, key in subject.parts.items())}:
                self._made_of.setdefault(part, []).append(subject)

    def refresh(self, changed: Collection[tuple[str, str]] | None = None) -> int:
        """Write the fields of subjects of which something was said, and of those that are made of them.

        Args:
            changed: kinds and keys; all subjects if not given.

        Returns:
            How many subjects were written.
        """
        import fiftyone as fo

        said, _ = self._folder.read()
        subjects: Iterable[Subject] = self._context.subjects
        if changed is not None:
            found = (subject for key in changed for subject in self._made_of.get(key, ()))
            subjects = list({(subject.kind, subject.key): subject for subject in found}.values())
        dataset = fo.load_dataset(self._context.dataset)
        count = 0
        for some in batched(subjects, _BATCH):
            now = datetime.now(UTC)
            writes = [
                UpdateMany(
                    {"group._id": object_id(subject.kind, subject.key)},
                    {"$set": {**standing_fields(subject, said), "last_modified_at": now}},
                )
                for subject in some
            ]
            dataset._sample_collection.bulk_write(writes, ordered=False)
            count += len(writes)
        return count


_standing: dict[int, Standing] = {}


def refresh(context: ReviewContext, changed: Collection[tuple[str, str]] | None = None) -> int:
    """Write what the verdicts folder says of some subjects to their samples; see `Standing.refresh`.

    The caller tells the app to reload the samples (``ctx.ops.reload_samples()``).
    """
    if id(context) not in _standing:
        _standing.clear()
        _standing[id(context)] = Standing(context)
    return _standing[id(context)].refresh(changed)


def slices(subject: Subject, cache: MediaCache) -> dict[str, tuple[str, MediaRef | None]]:
    """By slice of a group, the name under which a medium is served, and the medium unless it is an overlay.

    A clip has no mask: it stands in the place of the overlay too, so that it is seen beside masks and triples.
    """
    target = subject.media["target"] if "target" in subject.media else subject.media["video"]
    found: dict[str, tuple[str, MediaRef | None]] = {
        "overlay": (name_of(target), target),
        "target": (name_of(target), target),
    }
    if "source" in subject.media:
        found["source"] = (name_of(subject.media["source"]), subject.media["source"])
    for name, parts in subject.overlays.items():
        found[name] = (name_of_overlay(cache, Overlay(*parts)), None)
    for number, ref in enumerate(subject.references):
        found[f"reference_{number}"] = (name_of(ref), ref)
    return found


def leak(subject: Subject) -> float | None:
    """How near a triple is to the threshold of a leak: 1 is on it, more is beyond; None where none is measured."""
    shares = []
    for rule in subject.rules:
        value = subject.numbers.get(rule.number)
        if rule.reason not in LEAK_REASONS or value is None:
            continue
        limit = float(rule.limit)
        if rule.broken == "below":  # bits that differ
            value, limit = _BITS - value, _BITS - limit
        if limit > 0:
            shares.append(value / limit)
    if set(subject.reasons) & set(LEAK_REASONS):
        shares.append(1.0)
    return round(max(shares), 4) if shares else None


def _declare(dataset: fo.Dataset, subjects: Sequence[Subject]) -> None:
    """The fields, with their types: without them the app would guess, and not filter what is empty so far."""
    import fiftyone as fo

    texts = [*_TEXTS, "review", "resegment", "relabel"]
    lists = ["reasons", "review_reasons", "review_of", "reviewers", "nearest"]
    schema = dataset.get_field_schema()
    for name in texts:
        if name not in schema:
            dataset.add_sample_field(name, fo.StringField)
    for name in lists:
        if name not in schema:
            dataset.add_sample_field(name, fo.ListField, subfield=fo.StringField)
    for name, kind in (
        ("order", fo.IntField),
        ("conflict", fo.BooleanField),
        ("leak", fo.FloatField),
        ("nearest_likeness", fo.FloatField),
    ):
        if name not in schema:
            dataset.add_sample_field(name, kind)
    if "numbers" not in schema:
        dataset.add_sample_field("numbers", fo.EmbeddedDocumentField, embedded_doc_type=fo.DynamicEmbeddedDocument)
    known = dataset.get_field_schema(flat=True)
    for name in sorted({number_field(name) for subject in subjects for name in subject.numbers}):
        if f"numbers.{name}" not in known:
            dataset.add_sample_field(f"numbers.{name}", fo.FloatField)


def number_field(name: str) -> str:
    """The field of a number: MongoDB takes a point for a step into a document."""
    return name.replace(".", "_").replace("$", "_").lstrip("_") or "number"


def _slice_media(subjects: Iterable[Subject]) -> dict[str, str]:
    references = max((len(subject.references) for subject in subjects), default=0)
    return {name: "video" for name in SLICES} | {f"reference_{number}": "image" for number in range(references)}


def _put(document: Mapping[str, Any]) -> UpdateOne:
    """Write a document over the one with its id; what people added to that one stays."""
    plain = {name: value for name, value in document.items() if name not in ("_id", "created_at")}
    once = {"created_at": document["created_at"], "tags": []}
    return UpdateOne({"_id": document["_id"]}, {"$set": plain, "$setOnInsert": once}, upsert=True)


def _documents(dataset: fo.Dataset, context: ReviewContext, said: Standings) -> Iterator[dict[str, Any]]:
    now = datetime.now(UTC)
    sizes = _PictureSizes()
    with sizes:
        for order, subject in enumerate(context.subjects):
            facts = _facts(subject, order) | standing_fields(subject, said)
            group = object_id(subject.kind, subject.key)
            for name, (filepath, ref) in slices(subject, context.cache).items():
                picture = name.startswith("reference_")
                sample = object_id(subject.kind, subject.key, name)
                yield {
                    "_id": sample,
                    "_dataset_id": dataset._doc.id,
                    "_media_type": "image" if picture else "video",
                    "_rand": int(str(sample)[:8], 16) / 2**32,
                    "filepath": filepath,
                    "group": {"_cls": "Group", "_id": group, "name": name},
                    "metadata": sizes.of(ref) if picture and ref else _video_metadata(subject, ref),
                    "created_at": now,
                    "last_modified_at": now,
                    **facts,
                }


def _facts(subject: Subject, order: int) -> dict[str, Any]:
    texts = {name: getattr(subject, name) or None for name in _TEXTS}
    alike = [neighbour.likeness for neighbour in subject.nearest]
    return {
        **texts,
        "order": order,
        "reasons": list(subject.reasons),
        "numbers": {
            "_cls": "DynamicEmbeddedDocument",
            **{number_field(name): float(value) for name, value in subject.numbers.items()},
        },
        "leak": leak(subject) if subject.kind == "triple" else None,
        "nearest": [neighbour.row_id for neighbour in subject.nearest],
        "nearest_likeness": max(alike) if alike else None,
    }


def _video_metadata(subject: Subject, ref: MediaRef | None) -> dict[str, Any]:
    """All that the app asks for, or it would look for ffprobe and read the file."""
    return {
        "_cls": "VideoMetadata",
        "mime_type": "video/mp4",
        "size_bytes": ref.length if ref else None,
        "frame_width": subject.width,
        "frame_height": subject.height,
        "frame_rate": float(subject.fps),
        "total_frame_count": subject.frames,
        "duration": subject.frames / subject.fps,
    }


class _PictureSizes:
    """Width and height of pictures, from their first bytes; a tar stays open while its pictures are asked for."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._file: BinaryIO | None = None
        self._known: dict[str, tuple[int, int]] = {}

    def of(self, ref: MediaRef) -> dict[str, Any]:
        """Metadata of a picture."""
        if ref.sha256 not in self._known:
            self._known[ref.sha256] = self._read(ref)
        width, height = self._known[ref.sha256]
        return {
            "_cls": "ImageMetadata",
            "mime_type": "image/png",
            "size_bytes": ref.length,
            "width": width,
            "height": height,
        }

    def _read(self, ref: MediaRef) -> tuple[int, int]:
        try:
            if self._file is None or self._path != ref.path:
                self.__exit__()
                self._path, self._file = ref.path, ref.path.open("rb")
            self._file.seek(ref.offset)
            head = self._file.read(24)
        except OSError:
            return 1, 1  # the picture itself will not be shown either
        if len(head) < 24 or not head.startswith(_PNG):
            return 1, 1
        width, height = struct.unpack(">II", head[16:24])
        return int(width), int(height)

    def __enter__(self) -> _PictureSizes:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
