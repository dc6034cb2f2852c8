"""Triple QC: numbers from the encoded videos, then the verdict; what passes becomes a triple."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, field_validator

from pvtt_data.calibration.triple_file import check_triple_numbers, read_triple_calibrations
from pvtt_data.calibration.triple_rules import ANY_KIND, MAX_LEAK_BITS, MAX_LEAK_INLIERS, TRIPLE_DOUBTS
from pvtt_data.captions.writer import Captions
from pvtt_data.embedders.base import Embedder
from pvtt_data.embedders.choose import ChosenEmbedder, EmbedderKind, choose_embedder, open_for_stage
from pvtt_data.errors import InputError
from pvtt_data.images import read_rgba
from pvtt_data.media import decode_masks, decode_video
from pvtt_data.records import (
    Assignment,
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
from pvtt_data.reviews.book import ReviewBook, Ruling, key_of_blobs, rejection_text, review_reasons
from pvtt_data.reviews.effective import Standing
from pvtt_data.stage import MapStage, NoConfig, StageConfig, StageResult, reject
from pvtt_data.store import BlobStore
from pvtt_data.thresholds import Rule, judge
from pvtt_data.triple_quality import triple_quality

NAME = "triple_qc"
RENDER_ENGINE = "render"
INFORMATION = frozenset({"distractor", "no-room-for-distractor", "noop"})
"""Reasons that tell what kind of pair it is; by themselves they do not flag it."""


class TripleQcConfig(StageConfig):
    """Thresholds of triples; between accept and reject a triple is flagged for people to see first.

    Beside those that are settings of their own there are thresholds from a calibration file, measured for each
    embedder; what is given in ``flag`` and ``reject`` wins over the file.
    """

    embedder: EmbedderKind = "auto"
    """What judges likeness: auto (the best that is here and calibrated), colour-shape, mobilenet,
    mobilenet-colour (both), the same two with a histogram of hues (colour-histogram, mobilenet-histogram), dinov2 or
    clip."""
    embedder_weights: str = ""
    """Its weights: a file for mobilenet, a folder or a repository for dinov2 and clip; empty where they are known."""
    calibration: Path | None = None
    """A calibration file (JSON), such as `pvtt-data qc --calibrate` writes, for triples of all engines; null takes
    the package's own: one for composites, one for renders and the others."""
    flag: dict[str, float] = Field(default_factory=dict)
    """Number → threshold beyond which a triple is flagged, for any number of docs/triple_quality.md with a reason."""
    reject: dict[str, float] = Field(default_factory=dict)
    """Number → threshold beyond which a triple is rejected."""

    min_background_psnr_db: Annotated[float, Field(ge=0)] = 30.0
    """PSNR of source against target outside the effect mask after the encode, below which a triple is rejected."""
    min_path_agreement: Annotated[float, Field(ge=-3, le=1)] = 0.9
    """Agreement of the paths of A's and B's feet (of feet or middles where A is moving), below which a triple is
    rejected; it is never below -3. Not asked of renders, whose paths agree by construction."""
    min_scale_agreement: Annotated[float, Field(ge=-3, le=1)] = 0.9
    """Agreement of the size paths of A and B, below which a triple is flagged; it is never below -3. Not asked of
    renders."""
    max_similarity: Annotated[float, Field(ge=0, le=1)] = 0.85
    """Intersection of the colour histograms of A and B, above which a swap is flagged as too alike to teach."""
    max_leak_bits: Annotated[float, Field(ge=0, le=64)] = MAX_LEAK_BITS
    """Perceptual-hash distance of a reference to a frame of the target, up to which the reference leaks the target."""
    max_leak_inliers: Annotated[float, Field(ge=0, le=1)] = MAX_LEAK_INLIERS
    """Share of key points that one homography maps from a reference to a frame, above which a triple is flagged: honest
    pictures of flat labels reach it too."""
    max_residue: Annotated[float, Field(ge=0, le=1)] = 0.35
    """Share of B's region that A leaves bare and that still shows B, above which a swap is rejected."""
    max_made_up: Annotated[float, Field(ge=0)] = 0.6
    """Visible background that no frame shows, over the area of B, above which a composite is rejected."""
    flag_made_up: Annotated[float, Field(ge=0)] = 0.3
    """The same, above which a composite is flagged."""

    @field_validator("calibration")
    @classmethod
    def _is_a_calibration(cls, path: Path | None) -> Path | None:
        if path is not None:
            read_triple_calibrations(path)
        return path

    @field_validator("flag", "reject")
    @classmethod
    def _known_numbers(cls, limits: dict[str, float]) -> dict[str, float]:
        check_triple_numbers(limits)
        return limits

    def chosen_embedder(self) -> tuple[ChosenEmbedder, str]:
        """The embedder to use and, in words, why.

        Raises:
            PreflightError: the named one cannot be had.
        """
        knows = read_triple_calibrations(self.calibration).knows
        chosen, why = choose_embedder(self.embedder, self.embedder_weights, knows)
        if not knows(chosen.name, chosen.weights_sha256):
            why += "; the calibration has no thresholds for it, so likenesses are measured and decide nothing"
        return chosen, f"triples are judged with {why}"


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


@dataclass(frozen=True, slots=True)
class MovingTripleItem(TripleItem):
    """A swap whose A was cut out of a clip and turns by itself."""

    moving: bool = True


class MeasureTriples(MapStage[TripleItem]):
    """The QC numbers of one swap.

    Args:
        embedder: what likenesses are measured with.
    """

    name = "triple_numbers"
    version = 2
    kind = "pair"

    def __init__(self, embedder: ChosenEmbedder) -> None:
        super().__init__(NoConfig())
        self.embedder = embedder
        self.libraries = ("av", "opencv-python-headless", "numpy", *embedder.libraries)
        self._opened: Embedder | None = None

    @property
    def weights(self) -> Mapping[str, str]:
        """The embedder's name and digest."""
        return {self.embedder.name: self.embedder.weights_sha256}

    def setup(self) -> None:
        """Load the embedder."""
        self._opened = open_for_stage(self.embedder)

    def run(self, item: TripleItem, store: BlobStore) -> Sequence[Quality]:
        """The `Quality` of one swap.

        Raises:
            InputError: no frame shows both products.
        """
        source_mask = decode_masks(store.path(item.source_mask))
        target_mask = decode_masks(store.path(item.target_mask))
        if not np.logical_and(source_mask.any(axis=(1, 2)), target_mask.any(axis=(1, 2))).any():
            raise InputError("never-both-in-view", "no frame shows A in the source and B in the target")
        numbers = triple_quality(
            source=decode_video(store.path(item.source)),
            source_mask=source_mask,
            target=decode_video(store.path(item.target)),
            target_mask=target_mask,
            effect_mask=decode_masks(store.path(item.effect_mask)),
            references=[read_rgba(store.path(blob)) for blob in item.references],
            embedder=self._opened,
            moving_a=isinstance(item, MovingTripleItem),
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
    swaps: Sequence[Swap],
    qualities: Sequence[Quality],
    shelf: Shelf,
    captions: Captions,
    config: TripleQcConfig,
    embedder: ChosenEmbedder | None = None,
    assignments: Sequence[Assignment] | None = None,
    reviews: ReviewBook | None = None,
) -> StageResult:
    """Triples with numbers and verdict; rejected ones leave the line.

    People have the last word, but for one thing: an accept does not let a triple pass that straddles splits. What they
    say of a clip or a mask that an engine made is heard here, too; and a flag of theirs on a part outlasts an accept of
    the triple.

    Args:
        captions: writes the prompts.
        embedder: that measured likenesses; `TripleQcConfig.chosen_embedder` if not given.
        assignments: the splits of sources; a triple whose parts are not all of its own split is rejected. None checks
            nothing.
        reviews: what people say of triples, and of what they are made of.
    """
    result = StageResult(NAME, items=len(swaps), table=True)
    reviews = reviews or ReviewBook()
    numbers_of = {quality.subject_id: quality.numbers for quality in qualities}
    embedder = embedder or config.chosen_embedder()[0]
    split_of = None if assignments is None else _Splits.of(assignments)
    for swap in swaps:
        if swap.pair_id not in numbers_of:
            continue
        pair = shelf.pairs[swap.pair_id]
        numbers = dict(sorted({**swap.numbers, **numbers_of[swap.pair_id]}.items()))
        category = shelf.sources[shelf.clips[pair.clip_id].source_id].category
        ruling = Ruling(*judge(numbers, rules(config, pair.kind, pair.engine, category, embedder)))
        wrong = None if split_of is None else split_fault(pair.split, split_of.parts(pair, shelf))
        if wrong is not None:
            ruling = Ruling("reject", ("wrong-split",), wrong)
        of_parts = _of_parts(pair, shelf, reviews)
        others = (*swap.flags, *_mask_reasons(pair, shelf), *of_parts.reasons)
        if ruling.verdict != "reject":
            ruling = Ruling("flag", (*ruling.reasons, *others), "")
        said = reviews.of_triple(_key(swap, pair, shelf), pair.pair_id)
        if of_parts.verdict == "reject":
            ruling = of_parts
        else:
            lasting = [reason for reason in others if reason in INFORMATION or reason in of_parts.reasons]
            ruling = reviews.rule(said, pair.pair_id, ruling, structural=wrong is not None, lasting=lasting)
        if ruling.verdict == "reject":
            reason, message = ruling.reasons[0], ruling.message
            result.rejections.append(
                reject(NAME, "pair", pair.pair_id, "", reason, message, numbers, linked_to=pair.clip_id)
            )
            continue
        triple = triple_of(swap, pair, numbers, tuple(dict.fromkeys(ruling.reasons)), shelf)
        if embedder.libraries:
            triple = dataclasses.replace(triple, models=tuple(sorted({*triple.models, embedder.label})))
        result.rows.append(captions.captioned(triple, shelf))
    return result


def _mask_reasons(pair: Pair, shelf: Shelf) -> tuple[str, ...]:
    """Why the masks of B and of a moving A are flagged."""
    reasons = tuple(f"mask-{reason}" for reason in shelf.tracks[pair.track_id].reasons)
    if pair.track_id_a:
        reasons += tuple(f"a-mask-{reason}" for reason in shelf.tracks[pair.track_id_a].reasons)
    return reasons


def _of_parts(pair: Pair, shelf: Shelf, reviews: ReviewBook) -> Ruling:
    """What people say of the clips and masks of B and of a moving A: rejected, flagged, or nothing against them.

    Mined ones that are rejected were dropped long before; here it takes effect on those that an engine made.
    """
    flags: list[str] = []
    for prefix, track_id in (("", pair.track_id), ("a-", pair.track_id_a)):
        if not track_id:
            continue
        track = shelf.tracks[track_id]
        clip = shelf.clips[track.clip_id]
        parts: tuple[tuple[str, str, Standing | None], ...] = (
            ("clip", clip.clip_id, reviews.of_clip(clip)),
            ("mask", track.track_id, reviews.of_mask(clip, track)),
        )
        for part, row, said in parts:
            if said is not None and said.verdict == "reject":
                reviews.note(said, row, "dropped")
                return Ruling("reject", review_reasons(said)[:1], f"the {prefix}{part} was {rejection_text(said)}")
            if said is not None and said.verdict == "flag":
                reviews.note(said, row, "flagged")
                flags += [f"{prefix}{part}-{reason}" for reason in review_reasons(said)]
    return Ruling("flag" if flags else "accept", tuple(flags), "")


def _key(swap: Swap, pair: Pair, shelf: Shelf) -> str:
    target = swap.target or shelf.clips[pair.clip_id].video
    references = [shelf.pictures[name].cutout for name in pair.reference_ids]
    mask = shelf.tracks[pair.track_id].mask
    return key_of_blobs(swap.source, swap.source_mask, target, mask, swap.effect_mask, references)


@dataclass(frozen=True, slots=True)
class _Splits:
    """Split of each source, and the splits in which a product is."""

    of_source: Mapping[str, str]
    of_product: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, assignments: Sequence[Assignment]) -> _Splits:
        products: dict[str, set[str]] = {}
        for row in assignments:
            products.setdefault(row.product_id, set()).add(row.split)
        return cls(
            {row.source_id: row.split for row in assignments},
            {name: frozenset(splits) for name, splits in products.items()},
        )

    def parts(self, pair: Pair, shelf: Shelf) -> list[str]:
        """Splits of A, of B's clip, of a moving A's, and of every picture; ``none`` for what was never assigned."""
        pictures = [shelf.pictures[name] for name in (*pair.reference_ids, *pair.heldout_ids)]
        cutout = shelf.pictures.get(pair.cutout_id)
        if cutout is not None:
            pictures.append(cutout)
        products = [pair.product_a, pair.product_b, *(picture.product_id for picture in pictures)]
        clip_ids = [pair.clip_id, *([shelf.tracks[pair.track_id_a].clip_id] if pair.track_id_a else [])]
        sources = [shelf.clips[name].source_id for name in clip_ids]
        sources += [p.source_id for p in pictures if p.source_id]
        found = [self.of_source.get(name, "none") for name in sources]
        for name in products:
            # A product whose sources are in several splits is checked by the sources alone.
            splits = self.of_product.get(name, frozenset({"none"}))
            found += splits if len(splits) == 1 else []
        return found


def split_fault(split: str, parts: Iterable[str]) -> str | None:
    """What is wrong with the splits of a triple's parts, for a person; None if all are its own split."""
    others = sorted({part for part in parts if part != split})
    return f"a triple of split {split} has parts of {' and '.join(others)}" if others else None


def rules(
    config: TripleQcConfig,
    kind: str = "swap",
    engine: str = "composite",
    category: str = "",
    embedder: ChosenEmbedder | None = None,
) -> list[Rule]:
    """The thresholds of a kind of triple from an engine, in the order in which they are tried.

    Args:
        category: of B, for thresholds by category.
        embedder: that measured likenesses; `TripleQcConfig.chosen_embedder` if not given.

    Raises:
        ValueError: the calibration file is gone, or no longer one.
    """
    all_kinds = [
        Rule("background-changed", "background_psnr_db", config.min_background_psnr_db, "below"),
        Rule("reference-leak", "reference_leak_bits", config.max_leak_bits + 1, "below"),
        Rule("reference-leak", "reference_leak_inliers", config.max_leak_inliers, "above", "flag", optional=True),
    ]
    if engine != RENDER_ENGINE:
        # Rendered products share one path by construction; when they turn, their outlines need not.
        all_kinds += [
            Rule("paths-disagree", "centroid_agreement", config.min_path_agreement, "below"),
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
    found = all_kinds
    if kind == "swap":
        found = all_kinds + swaps_only + (composites_only if engine == "composite" else [])
    measured = _calibrated(config, engine, category, embedder or config.chosen_embedder()[0])
    return found + [rule for rule in measured if kind == "swap" or rule.number in ANY_KIND]


def _calibrated(config: TripleQcConfig, engine: str, category: str, embedder: ChosenEmbedder) -> list[Rule]:
    """Thresholds of the engine's calibration, and over them what the recipe gives.

    Of triples of an engine that it was not measured on, only what lies beyond a threshold for rejecting is flagged.
    """
    calibration = read_triple_calibrations(config.calibration).of_engine(engine)
    limits = calibration.of(embedder.name, embedder.weights_sha256).of_category(category)
    known = engine in calibration.engines
    made = []
    for name in TRIPLE_DOUBTS:
        limit = limits.get(name)
        if name in config.reject:
            made.append(_rule(name, config.reject[name], "reject"))
        elif limit is not None and limit.reject is not None:
            made.append(_rule(name, limit.reject, "reject" if known else "flag"))
        if name in config.flag:
            made.append(_rule(name, config.flag[name], "flag"))
        elif known and limit is not None and limit.flag is not None:
            made.append(_rule(name, limit.flag, "flag"))
    return made


def _rule(number: str, limit: float, verdict: Literal["reject", "flag"]) -> Rule:
    doubt = TRIPLE_DOUBTS[number]
    return Rule(doubt.reason, number, limit, doubt.broken, verdict, optional=True)


def triple_of(swap: Swap, pair: Pair, numbers: dict[str, float], reasons: tuple[str, ...], shelf: Shelf) -> Triple:
    """The triple that a swap is, with its numbers and reasons; without prompts."""
    clip = shelf.clips[pair.clip_id]
    track = shelf.tracks[pair.track_id]
    segmented = [track, *([shelf.tracks[pair.track_id_a]] if pair.track_id_a else [])]
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
        models=tuple(sorted({f"{role}@{digest[:12]}" for row in segmented for role, digest in row.weights.items()})),
        verdict="flag" if set(reasons) - INFORMATION else "accept",
        reasons=reasons,
        numbers=numbers,
        track_id_a=pair.track_id_a,
        cutout_id=pair.cutout_id,
    )
