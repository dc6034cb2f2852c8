"""Subjects of a recipe's latest build: what is in its tables, and what stages dropped as far as the pixels are kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pvtt_curation.media import MediaRef
from pvtt_curation.neighbours import MOST, Neighbour, alike_tracks, clips_sharing_footage, mean_looks
from pvtt_curation.rulebook import Rulebook
from pvtt_curation.subjects import ENGINES_WITHOUT_PARTS, Reviewed, Subject, flagged_first
from pvtt_data.errors import PreflightError
from pvtt_data.journal import outcome_from_plain
from pvtt_data.ledger import read_ledger
from pvtt_data.recipe import Recipe
from pvtt_data.records import (
    Assignment,
    Blob,
    Clip,
    Link,
    Look,
    MaskTrack,
    Pair,
    Picture,
    Rejection,
    Source,
    Swap,
    Triple,
    content_id,
    record_key,
)
from pvtt_data.reviews.records import clip_key, mask_key, triple_key
from pvtt_data.shards.format import heldout_member, reference_member
from pvtt_data.stages.looks import MeasureTrackLooks
from pvtt_data.stages.triple_qc import Shelf, triple_of
from pvtt_data.workspace import Workspace

R = TypeVar("R")

_MADE_SOURCES = ("render", "photo")
"""Kinds of sources whose clips and masks an engine made."""


def read_build(recipe: Recipe, work: Path) -> Reviewed:
    """What the latest build of a recipe shows.

    Raises:
        PreflightError: there was none in ``work``, or it was another version of pvtt's.
    """
    if not (work / "tables" / "triples.parquet").is_file():
        raise PreflightError(f"{work} holds no build yet; run pvtt-data build first, or name its folder with --work")
    notes: list[str] = []
    workspace = Workspace(work)
    try:
        found = _Build(workspace, recipe, Rulebook.of_recipe(recipe, notes))
    except TypeError as error:
        raise PreflightError(f"{work / 'tables'} is of another version of pvtt ({error}): build once more") from error
    subjects = found.subjects()
    if found.gone:
        notes.append(f"{found.gone} clips, masks or triples are not shown: their pixels are gone (pvtt-data clean?)")
    return Reviewed(
        name=recipe.name,
        identity=content_id("build", recipe.name, str(workspace.root)),
        subjects=tuple(flagged_first(subjects)),
        notes=tuple(notes),
        segment=recipe.segment,
        work=work,
        arbiter=recipe.review.arbiter,
        looks=found.looks,
    )


class _Build:
    """The rows of a build, those that a later stage dropped among them."""

    def __init__(self, workspace: Workspace, recipe: Recipe, rulebook: Rulebook) -> None:
        self._workspace, self._recipe, self._rulebook = workspace, recipe, rulebook
        self.gone = 0
        """Subjects whose pixels are not kept any more."""
        self._sources = self._table("sources", Source)
        self._rejections = list(self._table("rejections", Rejection).values())
        self._clips = self._with_dropped("normalise", Clip, self._table("clips", Clip))
        self._tracks = self._with_dropped("segment", MaskTrack, self._table("tracks", MaskTrack))
        self._shelf = Shelf(
            self._sources, self._clips, self._tracks, self._table("pictures", Picture), self._table("pairs", Pair)
        )
        self._swaps = self._table("swaps", Swap)
        self._triples = self._table("triples", Triple)
        self._splits = {row.source_id: row.split for row in self._table("assignments", Assignment).values()}
        clip_of = {track.track_id: track.clip_id for track in self._tracks.values()}
        looks = [row for row in self._made_by("track_looks", MeasureTrackLooks.version) if isinstance(row, Look)]
        self.looks = mean_looks(looks)
        """Track → the mean look of its product."""
        self._alike = alike_tracks(self.looks, clip_of)
        self._same_footage = clips_sharing_footage(self._clips.values(), self._table("links", Link).values())
        self._triples_of: dict[str, list[str]] = defaultdict(list)
        for triple in self._triples.values():
            self._triples_of[triple.track_id].append(triple.triple_id)
        self._titles = {source.product_id: source.title for source in sorted(self._sources.values(), key=record_key)}

    def subjects(self) -> list[Subject]:
        """All of them."""
        dropped = {row.subject_id: row for row in self._rejections}
        found: list[Subject | None] = []
        for clip in self._clips.values():
            if not self._is_made(clip):
                found.append(self._clip(clip, dropped.get(clip.clip_id)))
        for track in self._tracks.values():
            if track.clip_id in self._clips and not self._is_made(self._clips[track.clip_id]):
                found.append(self._mask(track, dropped.get(track.track_id)))
        for triple in self._triples.values():
            found.append(self._triple(triple, None))
        for pair_id, swap in self._swaps.items():
            pair = self._shelf.pairs.get(pair_id)
            if pair is None or pair.clip_id not in self._clips or pair.track_id not in self._tracks:
                continue
            triple = triple_of(swap, pair, dict(swap.numbers), (), self._shelf)
            rejection = dropped.get(pair_id) or dropped.get(triple.triple_id)
            if rejection is not None and triple.triple_id not in self._triples:
                found.append(self._triple(triple, rejection))
        self.gone = found.count(None)
        unique: dict[tuple[str, str], Subject] = {}
        for subject in found:
            if subject is not None:
                unique.setdefault((subject.kind, subject.key), subject)
        return list(unique.values())

    def _clip(self, clip: Clip, rejection: Rejection | None) -> Subject | None:
        media = self._media({"video": clip.video})
        if media is None:
            return None
        key = clip_key(clip.video.sha256)
        return Subject(
            kind="clip",
            key=key,
            row_id=clip.clip_id,
            media=media,
            parts={"clip": key, "source": self._sources[clip.source_id].sha256},
            numbers=clip.numbers,
            nearest=self._same_footage.get(clip.clip_id, ()),
            **self._of_clip(clip),
            **_said("accept", (), rejection),
        )

    def _mask(self, track: MaskTrack, rejection: Rejection | None) -> Subject | None:
        clip = self._clips[track.clip_id]
        media = self._media({"video": clip.video, "mask": track.mask})
        if media is None:
            return None
        key = mask_key(clip.video.sha256, track.mask.sha256)
        return Subject(
            kind="mask",
            key=key,
            row_id=track.track_id,
            media=media,
            parts={
                "mask": key,
                "clip": clip_key(clip.video.sha256),
                "source": self._sources[clip.source_id].sha256,
            },
            numbers=rejection.numbers if rejection and rejection.numbers else track.numbers,
            rules=self._rulebook.of_mask(),
            prompt=track.target,
            nearest=self._alike.get(track.track_id, ()),
            **self._of_clip(clip),
            **_said(track.verdict, track.reasons, rejection),
        )

    def _triple(self, triple: Triple, rejection: Rejection | None) -> Subject | None:
        blobs = {
            "source.mp4": triple.source,
            "source_mask.mp4": triple.source_mask,
            "target.mp4": triple.target,
            "target_mask.mp4": triple.target_mask,
            "effect_mask.mp4": triple.effect_mask,
        }
        blobs |= {reference_member(number): blob for number, blob in enumerate(triple.references)}
        blobs |= {heldout_member(number): blob for number, blob in enumerate(triple.heldout)}
        media = self._media({name.rpartition(".")[0]: blob for name, blob in blobs.items()})
        if media is None:
            return None
        key = triple_key({name: blob.sha256 for name, blob in blobs.items()})
        clip = self._clips[triple.clip_id]
        shared = self._of_clip(clip)
        shared |= {
            "name": shared["name"] if triple.kind == "reconstruct" else f"{triple.product_a} into {shared['name']}",
            "split": triple.split,
            "product": triple.product_b,
            "product_b": triple.product_b,
        }
        return Subject(
            kind="triple",
            key=key,
            row_id=triple.triple_id,
            media=media,
            parts={"triple": key, **self._parts(triple)},
            product_a=triple.product_a,
            title_a=self._titles.get(triple.product_a, ""),
            engine=triple.engine,
            triple_kind=triple.kind,
            difficulty=triple.difficulty,
            numbers=rejection.numbers if rejection and rejection.numbers else triple.numbers,
            rules=self._rulebook.of_triple(triple.kind, triple.engine, shared["category"]),
            prompt=triple.prompt,
            nearest=self._nearest(triple),
            source_prompt=triple.source_prompt,
            **shared,
            **_said(triple.verdict, triple.reasons, rejection),
        )

    def _parts(self, triple: Triple) -> dict[str, str]:
        """Keys of the masks, clips and sources that a triple is made of."""
        if triple.engine in ENGINES_WITHOUT_PARTS:
            return {}
        parts = {}
        for ending, track_id in (("", triple.track_id), ("_a", triple.track_id_a)):
            track = self._tracks.get(track_id)
            clip = self._clips.get(track.clip_id) if track else None
            if track and clip:
                parts[f"mask{ending}"] = mask_key(clip.video.sha256, track.mask.sha256)
                parts[f"clip{ending}"] = clip_key(clip.video.sha256)
                parts[f"source{ending}"] = self._sources[clip.source_id].sha256
        return parts

    def _nearest(self, triple: Triple) -> tuple[Neighbour, ...]:
        """Triples whose B looks most like this one's, one for each mask."""
        found = []
        for neighbour in self._alike.get(triple.track_id, ()):
            found += [Neighbour(name, neighbour.likeness, "looks") for name in self._triples_of[neighbour.row_id][:1]]
        return tuple(found[:MOST])

    def _of_clip(self, clip: Clip) -> dict[str, Any]:
        source = self._sources[clip.source_id]
        return {
            "name": f"{source.path} [{clip.cut.first_frame}:{clip.cut.last_frame})",
            "category": source.category,
            "product": source.product_id,
            "product_b": source.product_id,
            "title_b": source.title,
            "split": self._splits.get(source.source_id, ""),
            "fps": clip.cut.fps,
            "frames": clip.cut.frames,
            "width": clip.cut.width_px,
            "height": clip.cut.height_px,
        }

    def _is_made(self, clip: Clip) -> bool:
        return self._sources[clip.source_id].kind in _MADE_SOURCES

    def _media(self, blobs: Mapping[str, Blob]) -> dict[str, MediaRef] | None:
        """Where the blobs lie; None if one is gone."""
        store = self._workspace.store
        if not all(store.has(blob) for blob in blobs.values()):
            return None
        return {
            name: MediaRef(store.path(blob), blob.sha256, blob.suffix, 0, blob.size_bytes)
            for name, blob in blobs.items()
        }

    def _table(self, name: str, record: type[R]) -> dict[str, R]:
        return {record_key(row): row for row in self._workspace.read_table(name, record)}

    def _with_dropped(self, stage: str, record: type[R], kept: dict[str, R]) -> dict[str, R]:
        """Rows of a table, and those that the recipe's latest build had from a stage and a later one dropped."""
        named = {name for row in self._rejections for name in (row.subject_id, row.linked_to)} - set(kept)
        rows = (row for row in self._made_by(stage) if isinstance(row, record))
        return kept | {record_key(row): row for row in rows if record_key(row) in named}

    def _made_by(self, stage: str, version: int | None = None) -> Iterable[Any]:
        """Rows that the recipe's latest build had from a map stage; none if that was another version of the stage."""
        cache = self._workspace.cache(stage)
        ledger = read_ledger(cache.folder, self._recipe.name)
        if ledger is None or version not in (None, ledger.fingerprint.get("version")):
            return
        for entry in ledger.entries.values():
            plain = cache.get(entry.key)
            if plain is not None:
                yield from outcome_from_plain(plain, stage, "", "", "").rows


def _said(verdict: str, reasons: tuple[str, ...], rejection: Rejection | None) -> dict[str, Any]:
    """What the build came to; a rejection has the last word."""
    if rejection is None:
        return {"verdict": verdict, "reasons": reasons}
    return {
        "verdict": "reject",
        "reasons": (rejection.reason,),
        "message": rejection.message,
        "stage": rejection.stage,
    }
