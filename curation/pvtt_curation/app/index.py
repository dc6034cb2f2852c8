"""What is reviewed as a dataset of FiftyOne: one group for each subject, one sample for each of its media.

The samples have ids that follow from the subject's key, so opening a review again updates what is there: tags, views
and workspaces that people made stay. Documents are written as MongoDB has them: a `fiftyone.Sample` for each would take
ten times as long.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from pymongo import DeleteMany, UpdateMany, UpdateOne

from pvtt_curation.app.context import ReviewContext
from pvtt_curation.app.documents import SLICES, TEXTS, documents, number_field, object_id
from pvtt_curation.app.standing import VerdictFolder, standing_fields
from pvtt_curation.app.views import save_views, show_fields
from pvtt_curation.subjects import Subject, part_kind

if TYPE_CHECKING:
    import fiftyone as fo

T = TypeVar("T")

_BATCH = 2000


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
    _set_slices(dataset, subjects)
    _declare(dataset, subjects)
    said, bad = VerdictFolder(context.verdicts, context.arbiter).read()
    collection = dataset._sample_collection
    old = {row["_id"] for row in collection.find({}, {"_id": 1})}
    written = 0
    for some in batches(documents(dataset._doc.id, context, said), _BATCH):
        ids = [document["_id"] for document in some]
        old.difference_update(ids)
        collection.bulk_write([_put(document) for document in some], ordered=False)
        written += len(some)
    for gone in batches(sorted(old), _BATCH):
        collection.bulk_write([DeleteMany({"_id": {"$in": list(gone)}})])
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
        for some in batches(subjects, _BATCH):
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


def _declare(dataset: fo.Dataset, subjects: Sequence[Subject]) -> None:
    """The fields, with their types: without them the app would guess, and not filter what is empty so far."""
    import fiftyone as fo

    texts = [*TEXTS, "review", "resegment", "relabel"]
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
    # The grid is given the declared parts of the metadata alone; without them the app would look for ffprobe.
    for name in ("frame_width", "frame_height", "total_frame_count", "width", "height"):
        if f"metadata.{name}" not in known:
            dataset.add_sample_field(f"metadata.{name}", fo.IntField)
    for name in ("frame_rate", "duration"):
        if f"metadata.{name}" not in known:
            dataset.add_sample_field(f"metadata.{name}", fo.FloatField)
    for name in sorted({number_field(name) for subject in subjects for name in subject.numbers}):
        if f"numbers.{name}" not in known:
            dataset.add_sample_field(f"numbers.{name}", fo.FloatField)


def _set_slices(dataset: fo.Dataset, subjects: Iterable[Subject]) -> None:
    references = max((len(subject.references) for subject in subjects), default=0)
    wanted = dict.fromkeys(SLICES, "video") | {f"reference_{number}": "image" for number in range(references)}
    for name, media in wanted.items():
        dataset.add_group_slice(name, media)
    for name in set(dataset.group_slices) - set(wanted):
        dataset.delete_group_slice(name)


def _put(document: Mapping[str, Any]) -> UpdateOne:
    """Write a document over the one with its id; what people added to that one stays."""
    plain = {name: value for name, value in document.items() if name not in ("_id", "created_at")}
    once = {"created_at": document["created_at"], "tags": []}
    return UpdateOne({"_id": document["_id"]}, {"$set": plain, "$setOnInsert": once}, upsert=True)


def batches(things: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most ``size`` things."""
    rest = iter(things)
    while some := list(islice(rest, size)):
        yield some
