"""What a sample was made from: originals, clips, masks and pictures, as the tables of its version tell it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pvtt_data.errors import DatasetError, InputError
from pvtt_data.provenance import drawn_pictures, pairs_of
from pvtt_data.records import (
    Assignment,
    Clip,
    MaskTrack,
    Pair,
    Picture,
    Source,
    Triple,
    content_id,
    from_arrow,
)
from pvtt_data.reviews.applied import AppliedVerdict
from pvtt_data.reviews.resegment import Resegmentation
from pvtt_data.stages.triple_qc import Shelf
from pvtt_data.words import printable

_TABLES: Mapping[str, type] = {
    "sources": Source,
    "clips": Clip,
    "tracks": MaskTrack,
    "pictures": Picture,
    "assignments": Assignment,
    "pairs": Pair,
    "triples": Triple,
}
REMADE_ENGINES = ("composite", "crosspair", "panzoom")
"""Engines whose samples can be made again from originals; a render needs its models and its renderer."""


@dataclass
class VersionTables:
    """The tables of a version that tell where samples come from."""

    sources: list[Source]
    clips: list[Clip]
    tracks: list[MaskTrack]
    pictures: list[Picture]
    assignments: list[Assignment]
    pairs: list[Pair]
    triples: list[Triple]
    verdicts: list[AppliedVerdict] = field(default_factory=list)
    """Of people, as the build applied them; a version that was built without any has no such table."""

    @property
    def told_again(self) -> dict[str, Resegmentation]:
        """Clip → what a person said of its product, where its mask was made anew.

        Raises:
            InputError: ``bad-box``, a box is none.
        """
        return {
            row.subject_id: Resegmentation.said(row.prompt, row.box, row.box_frame)
            for row in self.verdicts
            if row.kind == "clip" and "resegmented" in row.effects
        }

    @property
    def shelf(self) -> Shelf:
        """The same by identifier."""
        return Shelf.of(self.sources, self.clips, self.tracks, self.pictures, self.pairs)


def read_tables(version: Path) -> VersionTables:
    """The tables of a version.

    Raises:
        DatasetError: one is missing, has other columns, or holds what no build writes.
    """
    rows: dict[str, Any] = {}
    verdicts = version / "tables" / "verdicts.parquet"
    for name, record in {**_TABLES, **({"verdicts": AppliedVerdict} if verdicts.is_file() else {})}.items():
        path = version / "tables" / f"{name}.parquet"
        try:
            rows[name] = from_arrow(record, pq.read_table(path))
        except (OSError, TypeError, KeyError, ValueError, pa.ArrowException) as error:
            raise DatasetError(
                f"{version.name} has no table {name} that can be read, so it cannot be said how its samples are made "
                f"again: build it anew ({type(error).__name__})"
            ) from error
    tables = VersionTables(**rows)
    try:
        _ = tables.told_again
    except InputError as error:
        raise DatasetError(f"{version.name}: tables/verdicts.parquet: {error}") from error
    return tables


@dataclass(frozen=True, slots=True)
class Original:
    """A file that a sample was made from.

    Attributes:
        sha256: of its bytes; of a folder of frames, see `pvtt_data.store.original_sha256`.
        name: its path in the feed.
        url: of the product's page, where the feed states one; may be empty.
    """

    sha256: str
    name: str
    url: str
    licence: str


@dataclass
class Needs:
    """What has to be there to make some samples again.

    Attributes:
        pairs: key → the pair that the sample was made of.
        clips: clips whose videos are cut again.
        tracks: masks that are made again.
        listing: listing pictures that are cut out again.
        framed: tracks whose clips' frames are cut out again.
        distractors: pair → cut-out of a third product.
        originals: the files behind all of it, by SHA-256.
        of_sample: key → SHA-256 of its originals.
        problems: key → why it cannot be made again.
    """

    pairs: dict[str, Pair] = field(default_factory=dict)
    clips: set[str] = field(default_factory=set)
    tracks: set[str] = field(default_factory=set)
    listing: set[str] = field(default_factory=set)
    framed: set[str] = field(default_factory=set)
    distractors: dict[str, str] = field(default_factory=dict)
    originals: dict[str, Original] = field(default_factory=dict)
    of_sample: dict[str, set[str]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


def needs_of(tables: VersionTables, keys: Collection[str], distractor_share: float) -> Needs:
    """What is needed to make samples again.

    Args:
        keys: of the samples.
        distractor_share: the recipe's ``synthesise.composite.distractor_share``.

    Raises:
        DatasetError: the tables do not fit together.
    """
    try:
        return _needs(tables, keys, distractor_share)
    except KeyError as error:
        raise DatasetError(f"the tables do not fit together: one names {error}, and none has such a row") from error


def _needs(tables: VersionTables, keys: Collection[str], distractor_share: float) -> Needs:
    needs = Needs()
    finder = _Finder(tables)
    drawn = drawn_pictures(tables.pairs, tables.pictures, tables.assignments, distractor_share)
    pairs = pairs_of(tables.triples, tables.pairs)
    triples = {triple.triple_id[:16]: triple for triple in tables.triples}
    for key in sorted(keys):
        triple = triples.get(key)
        pair = None if triple is None else pairs.get(triple.triple_id)
        if triple is None or pair is None:
            needs.problems[key] = "the tables do not say what it was made of"
            continue
        if pair.engine not in REMADE_ENGINES:
            needs.problems[key] = f"samples of {pair.engine} cannot be made again from originals"
            continue
        needs.pairs[key] = pair
        pictures = [*pair.reference_ids, *pair.heldout_ids, *filter(None, (pair.cutout_id, pair.photo_id))]
        if pair.pair_id in drawn:
            needs.distractors[pair.pair_id] = drawn[pair.pair_id].picture_id
            pictures.append(needs.distractors[pair.pair_id])
        used = needs.of_sample.setdefault(key, set())
        if pair.engine != "panzoom":
            used |= finder.add_track(needs, pair.track_id)
        if pair.track_id_a:
            used |= finder.add_track(needs, pair.track_id_a)
        for name in pictures:
            used |= finder.add_picture(needs, name)
    return needs


class _Finder:
    """Looks rows up, and the originals behind them."""

    def __init__(self, tables: VersionTables) -> None:
        self.shelf = tables.shelf
        self._tracks: dict[str, list[MaskTrack]] = {}
        for track in tables.tracks:
            self._tracks.setdefault(track.clip_id, []).append(track)
        self._clips: dict[str, list[Clip]] = {}
        for clip in tables.clips:
            self._clips.setdefault(clip.source_id, []).append(clip)
        self._originals: dict[str, Original] = {}
        self._listed = {
            (source.product_id, image.sha256): source for source in tables.sources for image in source.images
        }
        for source in tables.sources:
            self._know(source.sha256, source.path, source)
            for image in source.images:
                self._know(image.sha256, image.path, source)

    def _know(self, sha256: str, name: str, source: Source) -> None:
        self._originals.setdefault(sha256, Original(sha256, name, source.url, source.licence))

    def add_track(self, needs: Needs, track_id: str) -> set[str]:
        """A mask, its clip and the clip's original."""
        clip = self.shelf.clips[self.shelf.tracks[track_id].clip_id]
        _ = self.shelf.sources[clip.source_id]
        needs.tracks.add(track_id)
        needs.clips.add(clip.clip_id)
        return self._add_original(needs, clip.media_sha256)

    def add_picture(self, needs: Needs, picture_id: str) -> set[str]:
        """A cut-out, and what it was cut out of."""
        picture = self.shelf.pictures[picture_id]
        if picture.origin == "listing":
            _ = self._listed[picture.product_id, picture.image_sha256]
            needs.listing.add(picture_id)
            return self._add_original(needs, picture.image_sha256)
        for clip in self._clips.get(picture.source_id, []):
            frame = round((picture.time_s - clip.start_s) * clip.cut.fps)
            if content_id("picture", picture.product_id, clip.clip_id, frame) != picture_id:
                continue
            used: set[str] = set()
            for track in self._tracks.get(clip.clip_id, []):
                needs.framed.add(track.track_id)
                used |= self.add_track(needs, track.track_id)
            return used
        return self._add_original(needs, picture.image_sha256)

    def _add_original(self, needs: Needs, sha256: str) -> set[str]:
        needs.originals[sha256] = self._originals.get(sha256, Original(sha256, "", "", ""))
        return {sha256}


def originals_text(originals: Sequence[Original]) -> str:
    """Originals, one a line."""
    return "\n".join(
        printable(f"  {one.name or 'a file'}  sha256 {one.sha256}{f'  from {one.url}' if one.url else ''}")
        for one in originals
    )
