"""Triple QC: numbers from the encoded videos, then the verdict; what passes becomes a triple."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from pvtt_data.captions.writer import Captions
from pvtt_data.images import read_rgba
from pvtt_data.media import decode_masks, decode_video
from pvtt_data.records import (
    Blob,
    Clip,
    MaskTrack,
    Pair,
    Picture,
    Quality,
    Source,
    Swap,
    Triple,
    content_id,
)
from pvtt_data.stage import MapStage, StageConfig, StageResult, reject
from pvtt_data.store import BlobStore
from pvtt_data.triple_quality import triple_quality
from pvtt_data.verdicts import Rule, judge

NAME = "triple_qc"


class TripleQcConfig(StageConfig):
    """Thresholds of triples; between accept and reject a triple is flagged for people to see first."""

    min_background_psnr_db: Annotated[float, Field(ge=0)] = 30.0
    """PSNR of source against target outside the effect mask after the encode, below which a triple is rejected."""
    min_path_agreement: Annotated[float, Field(ge=-3, le=1)] = 0.9
    """Agreement of the centroid paths of A and B, below which a triple is rejected; it is never below -3."""
    min_scale_agreement: Annotated[float, Field(ge=-3, le=1)] = 0.9
    """Agreement of the size paths of A and B, below which a triple is flagged; it is never below -3."""
    max_similarity: Annotated[float, Field(ge=0, le=1)] = 0.85
    """Intersection of the colour histograms of A and B, above which a swap is flagged as too alike to teach."""
    max_leak_bits: Annotated[float, Field(ge=0, le=64)] = 6.0
    """Perceptual-hash distance of a reference to a frame of the target, up to which the reference leaks the target."""
    max_residue: Annotated[float, Field(ge=0, le=1)] = 0.35
    """Share of B's region that A leaves bare and that still shows B, above which a swap is rejected."""
    max_made_up: Annotated[float, Field(ge=0)] = 0.6
    """Visible background that no frame shows, over the area of B, above which a composite is rejected."""
    flag_made_up: Annotated[float, Field(ge=0)] = 0.3
    """The same, above which a composite is flagged."""


@dataclass(frozen=True, slots=True)
class TripleItem:
    """A swap and what it is compared with, by content."""

    pair_id: str
    source: Blob
    source_mask: Blob
    effect_mask: Blob
    target: Blob
    target_mask: Blob
    references: tuple[Blob, ...]


class MeasureTriples(MapStage[TripleItem]):
    """The QC numbers of one swap."""

    name = "triple_numbers"
    version = 1
    kind = "pair"
    libraries = ("av", "opencv-python-headless", "numpy")

    def run(self, item: TripleItem, store: BlobStore) -> Sequence[Quality]:
        """The `Quality` of one swap."""
        numbers = triple_quality(
            source=decode_video(store.path(item.source)),
            source_mask=decode_masks(store.path(item.source_mask)),
            target=decode_video(store.path(item.target)),
            target_mask=decode_masks(store.path(item.target_mask)),
            effect_mask=decode_masks(store.path(item.effect_mask)),
            references=[read_rgba(store.path(blob)) for blob in item.references],
        )
        return [Quality(item.pair_id, numbers)]


@dataclass(frozen=True, slots=True)
class Shelf:
    """The tables that a triple is put together from, by identifier."""

    sources: Mapping[str, Source]
    clips: Mapping[str, Clip]
    tracks: Mapping[str, MaskTrack]
    pictures: Mapping[str, Picture]
    pairs: Mapping[str, Pair]

    @classmethod
    def of(
        cls,
        sources: Sequence[Source],
        clips: Sequence[Clip],
        tracks: Sequence[MaskTrack],
        pictures: Sequence[Picture],
        pairs: Sequence[Pair],
    ) -> Shelf:
        """A shelf from tables."""
        return cls(
            {row.source_id: row for row in sources},
            {row.clip_id: row for row in clips},
            {row.track_id: row for row in tracks},
            {row.picture_id: row for row in pictures},
            {row.pair_id: row for row in pairs},
        )


def triple_qc(
    swaps: Sequence[Swap], qualities: Sequence[Quality], shelf: Shelf, captions: Captions, config: TripleQcConfig
) -> StageResult:
    """Triples with numbers and verdict; rejected ones leave the line.

    Args:
        captions: writes the prompts.
    """
    result = StageResult(NAME, items=len(swaps), table=True)
    numbers_of = {quality.subject_id: quality.numbers for quality in qualities}
    for swap in swaps:
        if swap.pair_id not in numbers_of:
            continue
        pair = shelf.pairs[swap.pair_id]
        numbers = dict(sorted({**swap.numbers, **numbers_of[swap.pair_id]}.items()))
        verdict, reasons, message = judge(numbers, rules(config, pair.kind, pair.engine))
        track = shelf.tracks[pair.track_id]
        if verdict == "reject":
            result.rejections.append(
                reject(NAME, "pair", pair.pair_id, "", reasons[0], message, numbers, linked_to=pair.clip_id)
            )
            continue
        reasons += swap.flags + tuple(f"mask-{reason}" for reason in track.reasons)
        made = _triple(swap, pair, numbers, tuple(dict.fromkeys(reasons)), shelf)
        result.rows.append(captions.captioned(made, shelf))
    return result


def rules(config: TripleQcConfig, kind: str = "swap", engine: str = "composite") -> list[Rule]:
    """The thresholds of a kind of triple from an engine, in the order in which they are tried."""
    all_kinds = [
        Rule("background-changed", "background_psnr_db", config.min_background_psnr_db, "below"),
        Rule("paths-disagree", "centroid_agreement", config.min_path_agreement, "below"),
        Rule("reference-leak", "reference_leak_bits", config.max_leak_bits + 1, "below"),
        Rule("sizes-disagree", "scale_agreement", config.min_scale_agreement, "below", "flag"),
    ]
    swaps_only = [
        Rule("residue", "residue", config.max_residue, "above"),
        Rule("too-alike", "ab_similarity", config.max_similarity, "above", "flag"),
    ]
    composites_only = [
        Rule("background-made-up", "made_up_share", config.max_made_up, "above"),
        Rule("large-inpaint", "made_up_share", config.flag_made_up, "above", "flag"),
    ]
    if kind != "swap":
        return all_kinds
    return all_kinds + swaps_only + (composites_only if engine == "composite" else [])


def _triple(swap: Swap, pair: Pair, numbers: dict[str, float], reasons: tuple[str, ...], shelf: Shelf) -> Triple:
    clip = shelf.clips[pair.clip_id]
    track = shelf.tracks[pair.track_id]
    references = [shelf.pictures[name] for name in pair.reference_ids]
    heldout = [shelf.pictures[name] for name in pair.heldout_ids]
    return Triple(
        triple_id=content_id(
            "triple",
            pair.engine,
            pair.kind,
            swap.source.sha256,
            (swap.target or clip.video).sha256,
            track.mask.sha256,
            [picture.cutout.sha256 for picture in references],
            pair.pair_id,
        ),
        engine=pair.engine,
        kind=pair.kind,
        split=pair.split,
        difficulty=pair.difficulty,
        product_a=pair.product_a,
        product_b=pair.product_b,
        source_id=clip.source_id,
        clip_id=clip.clip_id,
        track_id=track.track_id,
        source=swap.source,
        source_mask=swap.source_mask,
        target=swap.target or clip.video,
        target_mask=track.mask,
        effect_mask=swap.effect_mask,
        references=tuple(picture.cutout for picture in references),
        reference_source=tuple(picture.origin for picture in references),
        heldout=tuple(picture.cutout for picture in heldout),
        prompt="",
        source_prompt="",
        captioner="",
        judge="",
        frames=clip.cut.frames,
        fps=clip.cut.fps,
        width_px=clip.cut.width_px,
        height_px=clip.cut.height_px,
        segmenter=track.segmenter,
        models=tuple(sorted(f"{role}@{digest[:12]}" for role, digest in track.weights.items())),
        verdict="flag" if reasons else "accept",
        reasons=reasons,
        numbers=numbers,
    )
