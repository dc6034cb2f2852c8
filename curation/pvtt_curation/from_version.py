"""Subjects of a dataset version: its triples, and the masks and clips whose pixels they carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from pvtt_curation.media import MediaRef
from pvtt_curation.rulebook import Rulebook
from pvtt_curation.subjects import ENGINES_WITHOUT_PARTS, Reviewed, Subject, flagged_first
from pvtt_data.records import Clip, MaskTrack, Source, Triple, content_id, from_arrow, record_key
from pvtt_data.reviews.records import clip_key, mask_key, triple_key
from pvtt_data.shards import Sample, ShardDataset
from pvtt_data.shards.format import JSON_MEMBER, SampleMeta, heldout_member, reference_member
from pvtt_data.stages.segment import SegmentConfig
from pvtt_data.stated_recipe import stated_section, without_machine

R = TypeVar("R")


def read_version(folder: Path) -> Reviewed:
    """What a dataset version shows.

    Raises:
        DatasetError: it cannot be read.
    """
    dataset = ShardDataset(folder)
    notes: list[str] = []
    tables = _Tables.read(folder, notes)
    rulebook = Rulebook.of_manifest(dataset.manifest, notes)
    subjects: dict[tuple[str, str], Subject] = {}
    for sample in dataset:
        for subject in _of_sample(sample, tables, rulebook):
            subjects.setdefault((subject.kind, subject.key), subject)
    return Reviewed(
        name=f"{dataset.manifest.name} {folder.resolve().name}",
        identity=content_id("version", dataset.manifest.root),
        subjects=tuple(flagged_first(subjects.values())),
        notes=tuple(notes),
        segment=_segment_config(dataset.manifest.recipe),
        version=folder,
        arbiter=_arbiter(dataset.manifest.recipe.get("review")),
    )


@dataclass(frozen=True)
class _Tables:
    """Rows that the build left in the version, by identifier; a table that is not there is empty."""

    sources: Mapping[str, Source] = field(default_factory=dict)
    clips: Mapping[str, Clip] = field(default_factory=dict)
    tracks: Mapping[str, MaskTrack] = field(default_factory=dict)
    triples: Mapping[str, Triple] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path, notes: list[str]) -> _Tables:
        def table(name: str, record: type[R]) -> dict[str, R]:
            path = folder / "tables" / f"{name}.parquet"
            if not path.is_file():
                return {}
            try:
                return {record_key(row): row for row in from_arrow(record, pq.read_table(path))}
            except (OSError, TypeError, KeyError, pa.ArrowException) as error:
                notes.append(f"tables/{name}.parquet is of another version of pvtt and is left out: {error}")
                return {}

        return cls(table("sources", Source), table("clips", Clip), table("tracks", MaskTrack), table("triples", Triple))

    def name(self, meta: SampleMeta) -> str:
        """The path of the sample's source and the frames taken from it."""
        source = self.sources.get(meta.source_id)
        return f"{source.path if source else meta.source_id} [{meta.first_frame}:{meta.last_frame})"

    def track_a(self, triple_id: str) -> tuple[MaskTrack, Clip] | None:
        """The mask track and the clip that a moving A was cut out of."""
        triple = self.triples.get(triple_id)
        track = self.tracks.get(triple.track_id_a) if triple else None
        clip = self.clips.get(track.clip_id) if track else None
        return (track, clip) if track and clip else None

    def track_b(self, meta: SampleMeta, mask_sha256: str) -> MaskTrack | None:
        """The mask track that a sample's target mask is."""
        triple = self.triples.get(meta.triple_id)
        track = self.tracks.get(triple.track_id) if triple else None
        return track if track and track.mask.sha256 == mask_sha256 else None


def _of_sample(sample: Sample, tables: _Tables, rulebook: Rulebook) -> list[Subject]:
    meta = sample.meta
    wanted = ["source.mp4", "source_mask.mp4", "target.mp4", "target_mask.mp4", "effect_mask.mp4"]
    wanted += [reference_member(number) for number in range(meta.reference_count)]
    wanted += [heldout_member(number) for number in range(meta.heldout_count)]
    media = {name.rpartition(".")[0]: _ref(sample, name) for name in wanted}
    key = triple_key({name: span.sha256 for name, span in sample.spans.items() if name != JSON_MEMBER})
    shared: dict[str, Any] = {
        "fps": meta.fps,
        "frames": meta.frames,
        "width": meta.width,
        "height": meta.height,
        "split": meta.split,
        "category": meta.category_b,
        "product": meta.product_b,
    }
    parts = {"triple": key, **_parts(sample, tables)}
    where = tables.name(meta)
    triple = Subject(
        kind="triple",
        key=key,
        row_id=meta.triple_id,
        name=where if meta.kind == "reconstruct" else f"{meta.product_a} into {where}",
        verdict=meta.verdict,
        reasons=tuple(meta.reasons),
        media=media,
        parts=parts,
        product_a=meta.product_a,
        product_b=meta.product_b,
        title_a=meta.title_a,
        title_b=meta.title_b,
        engine=meta.engine,
        triple_kind=meta.kind,
        difficulty=meta.difficulty,
        numbers=meta.measured,
        rules=rulebook.of_triple(meta.kind, meta.engine, meta.category_b),
        prompt=meta.prompt,
        source_prompt=meta.source_prompt,
        **shared,
    )
    if meta.engine in ENGINES_WITHOUT_PARTS:
        return [triple]
    shared |= {"name": where, "title_b": meta.title_b, "product_b": meta.product_b}
    kept = {name: text for name, text in parts.items() if name in ("mask", "clip", "source")}
    track = tables.track_b(meta, media["target_mask"].sha256)
    mask = Subject(
        kind="mask",
        key=parts["mask"],
        row_id=track.track_id if track else content_id(parts["mask"]),
        verdict=track.verdict if track else "accept",
        reasons=track.reasons if track else (),
        numbers=track.numbers if track else {},
        rules=rulebook.of_mask(),
        media={"video": media["target"], "mask": media["target_mask"]},
        parts=kept,
        **shared,
    )
    clip = Subject(
        kind="clip",
        key=parts["clip"],
        row_id=meta.clip_id,
        verdict="accept",
        media={"video": media["target"]},
        parts={name: text for name, text in kept.items() if name != "mask"},
        **shared,
    )
    return [triple, mask, clip]


def _parts(sample: Sample, tables: _Tables) -> dict[str, str]:
    """Keys of what a sample is made of, as far as the version says."""
    meta = sample.meta
    if meta.engine in ENGINES_WITHOUT_PARTS:
        return {}
    video, mask = sample.spans["target.mp4"].sha256, sample.spans["target_mask.mp4"].sha256
    parts = {"mask": mask_key(video, mask), "clip": clip_key(video)}
    if meta.source_id in tables.sources:
        parts["source"] = tables.sources[meta.source_id].sha256
    moving = tables.track_a(meta.triple_id) if meta.clip_id_a else None
    if moving:
        track, clip = moving
        parts |= {"mask_a": mask_key(clip.video.sha256, track.mask.sha256), "clip_a": clip_key(clip.video.sha256)}
        if clip.source_id in tables.sources:
            parts["source_a"] = tables.sources[clip.source_id].sha256
    return parts


def _ref(sample: Sample, member: str) -> MediaRef:
    span = sample.spans[member]
    return MediaRef(span.path, span.sha256, member.rpartition(".")[2], span.offset, span.length)


def _arbiter(plain: Any) -> str | None:
    """The reviewer whose word decided when the version was built."""
    name = plain.get("arbiter") if isinstance(plain, Mapping) else None
    return name if isinstance(name, str) else None


def _segment_config(recipe: Mapping[str, Any]) -> SegmentConfig | None:
    """The settings that a manifest holds, without what belongs to a machine; None if it has none."""
    plain = stated_section(without_machine(recipe), "segment")
    if not plain:
        return None
    try:
        return SegmentConfig.model_validate({name: plain[name] for name in SegmentConfig.model_fields if name in plain})
    except ValidationError:
        return None
