"""Which samples came, went or changed from one version to the next because of what people said.

A version holds the verdicts that were applied to it (``tables/verdicts.parquet``) by the content hash of what was
looked at, and the hashes of everything that its samples consist of. A sample that went because its mask was rejected
therefore proves it by itself: the key of its mask is among the new verdicts, as one that drops.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pvtt_data.errors import DatasetError, InputError
from pvtt_data.records import content_id
from pvtt_data.reviews.records import clip_key, mask_key, triple_key
from pvtt_data.shards.format import INDEX_FILE
from pvtt_data.shards.index import read_index

WITHDRAWN = "review-withdrawn"
"""Why a sample came back, or went again: the verdict is not among those of the new version any more."""
_TIMELESS = ("verdict", "reasons", "prompt", "box", "box_frame", "category", "product_id", "effects")

Subject = tuple[str, str]
"""Kind and key of what a verdict is about."""


def reviewed(before: Path, after: Path, removed: Iterable[str], added: Iterable[str]) -> dict[str, str]:
    """Key of a sample → which part of it people said what about, such as ``mask review-drift``.

    Parts are triple, mask, clip, source, the same of a moving A (``a-mask``), and ``picture``: one that was cut out of
    a clip with a mask that is not used any more. Samples that changed for other reasons are left out.

    Args:
        before: folder of the older version.
        after: folder of the newer one.
        removed: keys that the older one has, and the newer one has not or has with other content.
        added: the other way round.

    Raises:
        DatasetError: an index or a table is damaged.
    """
    old, new = _Version(before), _Version(after)
    if not old.verdicts and not new.verdicts:
        return {}
    changed = {
        subject for subject in old.verdicts.keys() | new.verdicts.keys() if _said(old, subject) != _said(new, subject)
    }
    found: dict[str, str] = {}
    for keys, here, there in ((added, new, old), (removed, old, new)):
        for key in keys if changed else ():
            if not there.has_source_of(key, here):
                continue  # it came or went with its source, whatever people said
            for part, subject in here.parts(key):
                text = _why(old.verdicts.get(subject), new.verdicts.get(subject)) if subject in changed else ""
                if text:
                    found.setdefault(key, f"{part} {text}")
    return found


def _said(version: _Version, subject: Subject) -> dict[str, Any] | None:
    row = version.verdicts.get(subject)
    return None if row is None else {name: row[name] for name in _TIMELESS}


def _why(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> str:
    if new is not None:
        return _text(new)
    return WITHDRAWN if old is not None and old["effects"] else ""


def _text(row: Mapping[str, Any]) -> str:
    """What came of a verdict, as a reason; empty where nothing came of it."""
    effects = set(row["effects"])
    if effects & {"dropped", "flagged"}:
        reason: str = next(iter(row["reasons"]), row["verdict"])
        return f"review-{reason}"
    for effect, text in (("resegmented", "review-resegment"), ("relabelled", "review-relabel")):
        if effect in effects:
            return text
    return "review-accept" if effects & {"passed", "cleared"} else ""


class _Version:
    """What of a version is asked about, read when it is asked for the first time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def verdicts(self) -> dict[Subject, dict[str, Any]]:
        """Applied verdicts by subject; the effects of all rows that one subject has."""
        found: dict[Subject, dict[str, Any]] = {}
        for row in self._table("verdicts"):
            known = found.setdefault((row["kind"], row["key"]), row)
            known["effects"] = sorted({*known["effects"], *row["effects"]})
        return found

    def has_source_of(self, key: str, other: _Version) -> bool:
        """Whether a sample of another version was made of a source that this one has."""
        return other._triples.get(key, {}).get("source_id") in self._sources

    def parts(self, key: str) -> Iterator[tuple[str, Subject]]:
        """What a sample consists of, the part that says most first."""
        members = self._members.get(key, {})
        try:
            yield "triple", ("triple", triple_key(members))
        except InputError:
            return
        target, mask = members["target.mp4"], members["target_mask.mp4"]
        yield "mask", ("mask", mask_key(target, mask))
        yield "clip", ("clip", clip_key(target))
        triple = self._triples.get(key, {})
        track = self._tracks.get(triple.get("track_id_a", ""))
        clip = self._clips.get(track["clip_id"]) if track else None
        if track and clip:
            yield "a-mask", ("mask", mask_key(clip["video"]["sha256"], track["mask"]["sha256"]))
            yield "a-clip", ("clip", clip_key(clip["video"]["sha256"]))
        cutouts = {sha256 for name, sha256 in members.items() if name.startswith(("reference_", "heldout_"))}
        ids = {self._pictures_by_cutout[sha256] for sha256 in cutouts if sha256 in self._pictures_by_cutout}
        ids.add(triple.get("cutout_id", ""))
        for picture in sorted(ids & self._cut_from.keys()):
            for subject in self._cut_from[picture]:
                yield "picture", subject
        for name, source in (("source", triple.get("source_id")), ("a-source", clip["source_id"] if clip else None)):
            if source in self._sources:
                yield name, ("source", self._sources[source]["sha256"])

    @cached_property
    def _members(self) -> dict[str, dict[str, str]]:
        index = read_index(self.folder / INDEX_FILE)
        found: dict[str, dict[str, str]] = {}
        columns = (index.column(name).to_pylist() for name in ("key", "member", "sha256"))
        for key, member, sha256 in zip(*columns, strict=True):
            found.setdefault(key, {})[member] = sha256
        return found

    @cached_property
    def _triples(self) -> dict[str, dict[str, Any]]:
        return {row["triple_id"][:16]: row for row in self._table("triples")}

    @cached_property
    def _tracks(self) -> dict[str, dict[str, Any]]:
        return {row["track_id"]: row for row in self._table("tracks")}

    @cached_property
    def _clips(self) -> dict[str, dict[str, Any]]:
        return {row["clip_id"]: row for row in self._table("clips")}

    @cached_property
    def _sources(self) -> dict[str, dict[str, Any]]:
        return {row["source_id"]: row for row in self._table("sources")}

    @cached_property
    def _pictures_by_cutout(self) -> dict[str, str]:
        return {row["cutout"]["sha256"]: row["picture_id"] for row in self._table("pictures")}

    @cached_property
    def _cut_from(self) -> dict[str, tuple[Subject, Subject]]:
        """Picture → the mask and the clip that it was cut out with; its identifier says which clip and frame."""
        pictures = {row["picture_id"] for row in self._table("pictures") if row["origin"] == "clip"}
        found: dict[str, tuple[Subject, Subject]] = {}
        for track in self._tracks.values():
            clip = self._clips.get(track["clip_id"])
            source = self._sources.get(clip["source_id"]) if clip else None
            if not clip or not source:
                continue
            video = clip["video"]["sha256"]
            subjects = ("mask", mask_key(video, track["mask"]["sha256"])), ("clip", clip_key(video))
            for frame in range(clip["cut"]["frames"]):
                name = content_id("picture", source["product_id"], clip["clip_id"], frame)
                if name in pictures:
                    found[name] = subjects
        return found

    def _table(self, name: str) -> list[dict[str, Any]]:
        path = self.folder / "tables" / f"{name}.parquet"
        if not path.exists():
            return []
        try:
            rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        except (pa.ArrowException, OSError) as error:
            raise DatasetError(f"{self.folder.name}: table {name} cannot be read: {error}") from error
        return rows
