"""Pair: which product A is put into which clip of B. A table stage, stable under additions and removals.

Rendezvous hashing: for each clip of B, the admissible products A are ranked by sha256(seed, clip, product) and the
first ones are taken, so that a product that comes or goes changes only the pairs that mention it, and a clip that loses
its partner takes the next one. Pairs stay within one split; A and B are different products and belong to different
families of footage.

A cap on how often a product is A drops its pairs of the lowest hashes and deals them to nobody else, so a new pair can
push out one other pair at most.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from pvtt_data.records import Assignment, Clip, Difficulty, MaskTrack, Pair, Picture, Source, content_id
from pvtt_data.rendezvous import rank
from pvtt_data.stage import StageConfig, StageResult, reject

NAME = "pair"
_REFERENCE_GAP_S = 1.0


class PairConfig(StageConfig):
    """How many triples are made, and of what."""

    seed: int = 0
    """Another seed deals other partners."""
    products_per_clip: Annotated[int, Field(ge=1, le=64)] = 2
    """How many different products A are put into each clip."""
    noop_share: Annotated[float, Field(ge=0, le=0.05)] = 0.0
    """Share of clips in which B is also pasted over itself: a guard against learning the traces of pasting."""
    max_pairs_per_product: Annotated[int | None, Field(ge=1)] = None
    """How often one product may serve as A; the pairs over it are dropped in the order of their hashes."""
    references: Annotated[int, Field(ge=1, le=16)] = 4
    """Pictures of B given to the model with each triple, at most."""
    heldout: Annotated[int, Field(ge=0, le=4)] = 1
    """Pictures of B kept back in validation and test, where there are more than one."""


@dataclass(frozen=True, slots=True)
class _Product:
    product_id: str
    category: str
    component_id: str
    split: str
    pictures: tuple[Picture, ...]


def pair(
    tracks: Sequence[MaskTrack],
    clips: Sequence[Clip],
    sources: Sequence[Source],
    assignments: Sequence[Assignment],
    pictures: Sequence[Picture],
    config: PairConfig,
) -> StageResult:
    """All pairs for the composite engine; a clip without admissible partner or references is rejected."""
    result = StageResult(NAME, items=len(tracks), table=True)
    clip_of = {clip.clip_id: clip for clip in clips}
    source_of = {source.source_id: source for source in sources}
    products = _products(sources, assignments, pictures)
    made: list[tuple[str, Pair]] = []
    for track in tracks:
        clip = clip_of[track.clip_id]
        own = products[source_of[clip.source_id].product_id]
        pictures_b = references_for(clip, own.pictures)
        if not pictures_b:
            message = (
                f"product {own.product_id} has no usable picture but this very footage, so the model would see no "
                "reference"
            )
            result.rejections.append(reject(NAME, "track", track.track_id, "", "no-reference", message))
            continue
        if own.split != "train" and config.heldout and len(pictures_b) < 2:
            message = f"product {own.product_id} has one usable picture; split {own.split} needs one more to hold back"
            result.rejections.append(reject(NAME, "track", track.track_id, "", "no-heldout", message))
            continue
        partners = [
            other
            for other in products.values()
            if other.split == own.split and other.component_id != own.component_id and other.pictures
        ]
        if not partners:
            message = f"no other product with pictures in split {own.split}"
            result.rejections.append(reject(NAME, "track", track.track_id, "", "no-partner", message))
            continue
        ranked = sorted(partners, key=lambda other: rank(config.seed, clip.clip_id, other.product_id), reverse=True)
        for partner in ranked[: config.products_per_clip]:
            made.append(_make(config, "swap", clip, track, own, partner, pictures_b))
        if _unit(config.seed, "noop", clip.clip_id) < config.noop_share:
            made.append(_make(config, "noop", clip, track, own, own, pictures_b))
    _cap(made, config, result)
    return result


def _products(
    sources: Sequence[Source], assignments: Sequence[Assignment], pictures: Sequence[Picture]
) -> dict[str, _Product]:
    pictures_of: dict[str, list[Picture]] = {}
    for picture in sorted(pictures, key=lambda picture: picture.picture_id):
        pictures_of.setdefault(picture.product_id, []).append(picture)
    assigned = {row.source_id: row for row in assignments}
    products: dict[str, _Product] = {}
    for source in sources:
        row = assigned[source.source_id]
        known = products.get(source.product_id)
        category = min(filter(None, (source.category, known.category if known else "")), default="")
        products[source.product_id] = _Product(
            source.product_id,
            category,
            row.component_id,
            row.split,
            tuple(pictures_of.get(source.product_id, [])),
        )
    return dict(sorted(products.items()))


def references_for(clip: Clip, pictures: Sequence[Picture]) -> list[Picture]:
    """The pictures of B that may be shown with a clip of B: none from its own footage within ±1 s."""
    begin = clip.start_s - _REFERENCE_GAP_S
    end = clip.start_s + clip.cut.frames / clip.cut.fps + _REFERENCE_GAP_S
    return [
        picture
        for picture in pictures
        if picture.origin == "listing"
        or picture.image_sha256 != clip.media_sha256
        or not begin <= picture.time_s <= end
    ]


def _make(
    config: PairConfig,
    kind: Literal["swap", "noop"],
    clip: Clip,
    track: MaskTrack,
    own: _Product,
    partner: _Product,
    pictures_b: Sequence[Picture],
) -> tuple[str, Pair]:
    own_rank = rank(config.seed, clip.clip_id, partner.product_id)
    ranked = sorted(pictures_b, key=lambda p: (p.origin != "listing", rank(config.seed, clip.clip_id, p.picture_id)))
    keep_back = config.heldout if own.split != "train" else 0
    keep_back = min(keep_back, len(ranked) - 1)
    heldout, references = ranked[:keep_back], ranked[keep_back:][: config.references]
    # B over itself is pasted from pictures that the model may see: never from this very moment, never a held-out one.
    candidates = ranked[keep_back:] if kind == "noop" else partner.pictures
    cutout = max(candidates, key=lambda p: rank(config.seed, clip.clip_id, p.picture_id))
    pair_id = content_id("pair", "composite", kind, track.track_id, partner.product_id, config.seed)
    return (
        own_rank,
        Pair(
            pair_id=pair_id,
            engine="composite",
            kind=kind,
            split=own.split,  # type: ignore[arg-type]
            difficulty=_difficulty(own, partner),
            product_a=partner.product_id,
            product_b=own.product_id,
            clip_id=clip.clip_id,
            track_id=track.track_id,
            cutout_id=cutout.picture_id,
            reference_ids=tuple(picture.picture_id for picture in references),
            heldout_ids=tuple(picture.picture_id for picture in heldout),
            seed=int(hashlib.sha256(pair_id.encode()).hexdigest()[:12], 16),
        ),
    )


def _difficulty(own: _Product, partner: _Product) -> Difficulty:
    """Easy within a category, hard across; unknown categories count as medium."""
    if own.product_id == partner.product_id:
        return "easy"
    if not own.category or not partner.category:
        return "medium"
    return "easy" if own.category == partner.category else "hard"


def _cap(made: list[tuple[str, Pair]], config: PairConfig, result: StageResult) -> None:
    used: dict[str, int] = {}
    for _, row in sorted(made, key=lambda entry: (entry[0], entry[1].pair_id), reverse=True):
        used[row.product_a] = used.get(row.product_a, 0) + 1
        if config.max_pairs_per_product is not None and used[row.product_a] > config.max_pairs_per_product:
            message = f"product {row.product_a} is A in {config.max_pairs_per_product} pairs already"
            result.rejections.append(reject(NAME, "pair", row.pair_id, "", "product-cap", message))
        else:
            result.rows.append(row)
    result.rows.sort(key=lambda row: row.pair_id)


def _unit(seed: int, purpose: str, name: str) -> float:
    return int(rank(seed, purpose, name)[:16], 16) / 2**64
