"""Pair: which product A is put into which clip or photo of B, and which clips are rebuilt. A table stage, stable.

For each clip of B and each engine a hash says how many triples are made, so that the engines' shares are met whatever
else is in the feed; partners are dealt by rendezvous hashing (see `pvtt_data.pairing.partners`). A product that comes
or goes changes only the pairs that mention it, and a clip that loses its partner takes the next one. Pairs stay within
one split; A and B are different products, belong to different families of footage, and do not look the same.

A cap on how often a product is A, or on the pairs of a clip, drops its pairs of the lowest hashes and deals them to
nobody else, so a new pair can push out one other pair at most.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
from pydantic import Field, model_validator

from pvtt_data.engines.mix import EngineShares, MinedEngine
from pvtt_data.looks import embeddings, standing
from pvtt_data.pairing.alike import AlikeLimits
from pvtt_data.pairing.moving import MovingRules, MovingTakes
from pvtt_data.pairing.partners import Partner, PartnerRules, Place, choose_partners, too_alike, unit
from pvtt_data.pairing.products import Bools, Product, Roster, Seen, extent_px, products_of
from pvtt_data.pairing.references import admissible, in_order, nearest_view, of_the_look
from pvtt_data.records import (
    Assignment,
    Clip,
    Difficulty,
    Kind,
    Look,
    MaskTrack,
    Pair,
    Picture,
    Source,
    View,
    content_id,
)
from pvtt_data.rendezvous import rank
from pvtt_data.stage import StageConfig, StageResult, reject
from pvtt_data.vocabulary import Vocabulary, load_vocabulary

NAME = "pair"


class DifficultyShares(StageConfig):
    """Wished shares of how far A is from B; they are weights and need not add up to 1."""

    easy: Annotated[float, Field(ge=0)] = 0.25
    """Same category."""
    medium: Annotated[float, Field(ge=0)] = 0.25
    """Related category."""
    hard: Annotated[float, Field(ge=0)] = 0.3
    """Other category of similar form."""
    expert: Annotated[float, Field(ge=0)] = 0.2
    """Other category of another form."""

    @model_validator(mode="after")
    def _something(self) -> DifficultyShares:
        if not (self.easy or self.medium or self.hard or self.expert):
            raise ValueError("at least one share must be above 0")
        return self

    def weights(self) -> dict[Difficulty, float]:
        """Difficulty → its share."""
        return {"easy": self.easy, "medium": self.medium, "hard": self.hard, "expert": self.expert}


class PairConfig(StageConfig):
    """How many triples are made, and of what."""

    seed: int = 0
    """Another seed deals other partners."""
    products_per_clip: Annotated[int, Field(ge=1, le=64)] = 2
    """How many triples the engine with the largest share makes of each clip: of composites, so many different products
    A; the other engines make as many in proportion to their shares."""
    noop_share: Annotated[float, Field(ge=0, le=0.05)] = 0.0
    """Share of clips in which B is also pasted over itself: a guard against learning the traces of pasting."""
    moving_share: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Share of composite swaps in which A is cut out of a clip of its own and keeps moving, of those whose A has a clip
    for it: with a good mask, and never cut by the frame."""
    moving_flagged: bool = False
    """Take clips for it, too, whose masks are flagged; the triples then carry those flags."""
    moving_max_scale: Annotated[float, Field(gt=0, le=8)] = 2.0
    """How many times larger than in its own clip A may have to be shown for it."""
    difficulty: DifficultyShares = Field(default_factory=DifficultyShares)
    """Wished shares of easy, medium, hard and expert swaps; where no partner fits, another difficulty is taken."""
    max_pairs_per_product: Annotated[int | None, Field(ge=1)] = None
    """How often one product may serve as A; the pairs over it are dropped in the order of their hashes."""
    max_pairs_per_clip: Annotated[int | None, Field(ge=1)] = None
    """How many pairs, of all engines, one clip or photo may be the target of; the others are dropped in that order."""
    max_likeness: Annotated[float | None, Field(ge=0, le=1)] = None
    """Cosine of the looks of two products above which they may be one product under two names and are never paired;
    null takes what was measured for the embedder of looks."""
    like_shape: Annotated[float, Field(ge=0, le=1)] = 0.65
    """Agreement of two outlines, standing at one extent, from which on a pair of unrelated products is hard and not
    expert."""
    references: Annotated[int, Field(ge=1, le=16)] = 4
    """Pictures of B given to the model with each triple, at most."""
    heldout: Annotated[int, Field(ge=0, le=4)] = 1
    """Pictures of B kept back in validation and test, where there are more than one."""
    min_reference_likeness: Annotated[float | None, Field(ge=0, le=1)] = None
    """Cosine of a picture's look with what the target shows below which it is no reference of a crosspair or panzoom:
    another colour of the product, or another thing; null takes what was measured for the embedder of looks."""
    min_view_distance: Annotated[float, Field(ge=0, le=1)] = 0.15
    """How far the view of such a reference must be from every view that the target shows; nearer ones teach copying."""
    max_framing_ratio: Annotated[float, Field(ge=1, le=4)] = 1.6
    """For panzoom: how many times longer, for its width, one product may be than the other; and the square of it, how
    much more of its picture it may cover."""

    def alike_limits(self, measured: AlikeLimits | None) -> AlikeLimits | None:
        """The limits that are given, and measured ones where they are not; None if neither is there."""
        most, least = self.max_likeness, self.min_reference_likeness
        if measured is not None:
            most = measured.max_likeness if most is None else most
            least = measured.min_reference_likeness if least is None else least
        return None if most is None or least is None else AlikeLimits(most, least)

    def partner_rules(self, max_likeness: float, free_share: float) -> PartnerRules:
        """What decides about partners."""
        return PartnerRules(self.seed, self.difficulty.weights(), max_likeness, self.like_shape, free_share)

    def moving_rules(self) -> MovingRules:
        """When A moves."""
        return MovingRules(self.seed, self.moving_share, self.moving_flagged, self.moving_max_scale)


@dataclass(frozen=True)
class PairingTables:
    """What pairing decides over.

    Attributes:
        looks: of pictures and of tracks; what has none is passed over.
        alike: limits for the embedder of the looks.
        vocabulary: knows which kinds of products are related.
        free_share: share of composites in which part of B is meant to lie outside A.
        reviewed: clip → source of clips that are missing because people rejected them or their masks: as many photos
            are filmed as if they were there, since the photos are none the worse for it.
        photo_text: share of each listing picture that text covers; None where nobody looked. A picture that was not
            looked at then, or has more than ``max_photo_text``, is not filmed.
    """

    tracks: Sequence[MaskTrack]
    clips: Sequence[Clip]
    sources: Sequence[Source]
    assignments: Sequence[Assignment]
    pictures: Sequence[Picture]
    looks: Sequence[Look]
    alike: AlikeLimits
    vocabulary: Vocabulary = field(default_factory=load_vocabulary)
    free_share: float = 0.5
    photo_text: Mapping[str, float] | None = None
    max_photo_text: float = 1.0
    reviewed: Mapping[str, str] = field(default_factory=dict)


def pair(tables: PairingTables, config: PairConfig, shares: EngineShares) -> StageResult:
    """All pairs of all engines; a clip or photo that cannot be paired is rejected, with the reason."""
    return _Pairing(tables, config, shares).run()


def notes_on_moving(tables: PairingTables, pairs: Sequence[Pair], config: PairConfig) -> list[str]:
    """How many swaps have a moving A, and why clips were passed over for it."""
    return _takes_of(tables, config).notes(pairs)


def _takes_of(tables: PairingTables, config: PairConfig) -> MovingTakes:
    return MovingTakes(
        tables.tracks,
        {clip.clip_id: clip for clip in tables.clips},
        tables.sources,
        tables.assignments,
        {look.subject_id: look for look in tables.looks},
        config.moving_rules(),
    )


def panzoom_clip_id(pair_id: str) -> str:
    """Identifier of the clip that becomes of a panzoom pair's photo."""
    return content_id("panzoom-clip", pair_id)


def panzoom_track_id(pair_id: str) -> str:
    """Identifier of that clip's mask track."""
    return content_id("panzoom-track", pair_id)


@dataclass(frozen=True, slots=True)
class _Shown:
    """Pictures of B that go with a target."""

    references: tuple[Seen, ...]
    heldout: tuple[Seen, ...]


class _Pairing:
    def __init__(self, tables: PairingTables, config: PairConfig, shares: EngineShares) -> None:
        self.config = config
        self.tracks = sorted(tables.tracks, key=lambda track: track.track_id)
        self.clips = {clip.clip_id: clip for clip in tables.clips}
        self.product_of = {source.source_id: source.product_id for source in tables.sources}
        self.looks = {look.subject_id: look for look in tables.looks}
        self.products = products_of(tables.sources, tables.assignments, tables.pictures, self.looks, tables.vocabulary)
        self.rosters = {
            split: Roster([product for product in self.products.values() if product.split == split])
            for split in {product.split for product in self.products.values()}
        }
        self.alike = tables.alike
        self.rules = config.partner_rules(tables.alike.max_likeness, tables.free_share)
        self.takes = _takes_of(tables, config)
        self.reviewed = tables.reviewed
        self.photo_text, self.max_photo_text = tables.photo_text, tables.max_photo_text
        self.rates = shares.rates(config.products_per_clip)
        self.result = StageResult(NAME, table=True)
        self.made: dict[str, tuple[str, Pair]] = {}

    def run(self) -> StageResult:
        of_clips = bool(self.rates["composite"] or self.rates["crosspair"])
        for track in self.tracks if of_clips else []:
            if track.track_id in self.looks:
                self.result.items += 1
                self._clip(track)
        if self.rates["panzoom"]:
            self._photos()
        made = list(self.made.values())
        made = self._capped(made, self.config.max_pairs_per_product, "product-cap", _product_as_a)
        made = self._capped(made, self.config.max_pairs_per_clip, "clip-cap", _target_of)
        self.result.rows = sorted((row for _, row in made), key=lambda row: row.pair_id)
        return self.result

    def _clip(self, track: MaskTrack) -> None:
        """Composites, no-ops and crosspairs of one clip."""
        clip = self.clips[track.clip_id]
        own = self.products[self.product_of[clip.source_id]]
        allowed = in_order(self.config.seed, clip.clip_id, admissible(clip, own.pictures))
        if not allowed:
            message = (
                f"product {own.product_id} has no usable picture but this very footage, so the model would see no "
                "reference"
            )
            self._reject("track", track.track_id, "no-reference", message)
            return
        if self._too_few(own, allowed):
            message = f"product {own.product_id} has one usable picture; split {own.split} needs one more to hold back"
            self._reject("track", track.track_id, "no-heldout", message)
            return
        if self.rates["composite"]:
            self._composites(track, clip, own, self._shown(own, allowed))
        # Rebuilding one clip twice teaches nothing new, so a rate above 1 makes one, too.
        if self._count("crosspair", clip.clip_id):
            self._crosspair(track, clip, own, allowed)

    def _composites(self, track: MaskTrack, clip: Clip, own: Product, shown: _Shown) -> None:
        views = self.looks[track.track_id].views
        middle = views[len(views) // 2]
        place = Place(clip.clip_id, own, standing(middle), embeddings(views), extent_px(middle))
        partners = self._partners(place, self._count("composite", clip.clip_id))
        if isinstance(partners, str):
            self._reject("track", track.track_id, "no-partner", partners)
        else:
            for partner in partners:
                moving = self.takes.choose(clip.clip_id, partner.product.product_id, own.split, place.extent_px)
                self._swap("composite", partner, own, shown, clip.clip_id, track.track_id, moving=moving)
        if unit(self.config.seed, "noop", clip.clip_id) < self.config.noop_share:
            # B over itself is pasted from pictures that the model may see: never from this very moment, never held out.
            named = max(shown.references, key=lambda s: rank(self.config.seed, clip.clip_id, s.picture.picture_id))
            own_rank = rank(self.config.seed, clip.clip_id, own.product_id)
            self._add("composite", "noop", own, own, shown, clip.clip_id, track.track_id, own_rank, named)

    def _crosspair(self, track: MaskTrack, clip: Clip, own: Product, allowed: Sequence[Seen]) -> None:
        """The clip itself, with pictures of its product from elsewhere, the most different views first."""
        views = self.looks[track.track_id].views
        chosen = self._elsewhere("track", track.track_id, own, views, allowed)
        if chosen is not None:
            own_rank = rank(self.config.seed, clip.clip_id, "crosspair")
            self._add("crosspair", "reconstruct", own, own, chosen, clip.clip_id, track.track_id, own_rank)

    def _elsewhere(
        self, kind: str, subject: str, own: Product, views: Sequence[View], allowed: Sequence[Seen]
    ) -> _Shown | None:
        """Pictures that show the same product as a target does, from another side; None after a rejection."""
        least = self.alike.min_reference_likeness
        like = [seen for seen in allowed if of_the_look(seen, views) >= least]
        distance = {seen.picture.picture_id: nearest_view(seen, views) for seen in like}
        other = [seen for seen in like if distance[seen.picture.picture_id] >= self.config.min_view_distance]
        if not other or self._too_few(own, other):
            few = bool(other)
            if not like:
                reason, words = "no-like-reference", f"no picture of {own.product_id} looks like what the target shows"
            elif few:
                reason, words = "no-heldout", f"{own.product_id} has one picture of another view and none to hold back"
            else:
                reason, words = "no-other-view", f"every picture of {own.product_id} shows the view of the target"
            numbers = {"pictures": len(allowed), "alike": len(like), "other_view": len(other)}
            self._reject(kind, subject, reason, words, numbers)
            return None
        other.sort(key=lambda seen: (-distance[seen.picture.picture_id], seen.picture.picture_id))
        return self._shown(own, other)

    def _photos(self) -> None:
        """Panzooms: each clip of a product, or the product itself where it has none, has pictures of it filmed."""
        slots: dict[str, int] = {}
        clips_of: dict[str, list[str]] = {}
        for track in self.tracks:
            clips_of.setdefault(self.product_of[self.clips[track.clip_id].source_id], []).append(track.clip_id)
        for clip_id, source_id in sorted(self.reviewed.items()):
            clips_of.setdefault(self.product_of[source_id], []).append(clip_id)
        for own in self.products.values():
            photos = [seen for seen in own.listing if not seen.view.cut_sides and self._is_clear(seen.picture)]
            if not photos:
                continue
            for name in clips_of.get(own.product_id, [own.product_id]):
                for number in range(self._count("panzoom", name)):
                    photo = max(photos, key=lambda s: rank(self.config.seed, name, number, s.picture.picture_id))
                    slots[photo.picture.picture_id] = slots.get(photo.picture.picture_id, 0) + 1
        photo_of = {seen.picture.picture_id: (own, seen) for own in self.products.values() for seen in own.listing}
        self.result.items += len(slots)
        for name, count in sorted(slots.items()):
            self._photo(*photo_of[name], count)

    def _is_clear(self, photo: Picture) -> bool:
        """Whether a photo has so little text that it may be filmed; else it is rejected."""
        share = 0.0 if self.photo_text is None else self.photo_text.get(photo.picture_id)
        if share is not None and share > self.max_photo_text:
            message = f"text_overlay_share {share:.4g} is above {self.max_photo_text:g}"
            self.result.items += 1
            self._reject("picture", photo.picture_id, "text-overlay", message, {"text_overlay_share": share})
        return share is not None and share <= self.max_photo_text

    def _photo(self, own: Product, photo: Seen, count: int) -> None:
        name = photo.picture.picture_id
        others = [seen for seen in own.pictures if seen.picture.image_sha256 != photo.picture.image_sha256]
        shown = self._elsewhere("picture", name, own, [photo.view], in_order(self.config.seed, name, others))
        if shown is None:
            return
        place = Place(name, own, standing(photo.view), photo.embedding, extent_px(photo.view))
        partners = self._partners(place, count, self._framed_alike(photo, self.rosters[own.split]))
        if isinstance(partners, str):
            self._reject("picture", name, "no-comparable-photo", partners)
            return
        for partner in partners:
            self._swap("panzoom", partner, own, shown, "", "", photo)

    def _framed_alike(self, photo: Seen, roster: Roster) -> Bools:
        """Which listing pictures show their product whole, about as long for its width, and about as large."""
        most = math.log(self.config.max_framing_ratio)
        shapes = np.log(roster.aspects / (photo.view.width_px / photo.view.height_px))
        areas = np.log(roster.areas / photo.picture.numbers.get("area_share", 1.0))
        return np.asarray(roster.is_whole_listing & (np.abs(shapes) <= most) & (np.abs(areas) <= 2 * most), np.bool_)

    def _partners(self, place: Place, count: int, comparable: Bools | None = None) -> list[Partner] | str:
        """Partners, or why there is none.

        Args:
            comparable: which pictures of the split's roster may be used; all if None.
        """
        own = place.product
        roster = self.rosters[own.split]
        strangers = roster.strangers(own)
        others = len(set(roster.owners[strangers].tolist()))
        if not others:
            return f"no other product with pictures in split {own.split}"
        usable = strangers if comparable is None else strangers & comparable
        partners = choose_partners(place, roster, usable, count, self.rules)
        if partners or not count:
            return partners
        if not usable.any():
            return f"none of {others} products in split {own.split} has a picture of the same framing"
        alike = too_alike(place, roster, usable, self.rules)
        return f"of {others} products in split {own.split}, {alike} look like B itself and none is left"

    def _count(self, engine: MinedEngine, name: str) -> int:
        """How many triples an engine makes of a clip: its rate, rounded up or down by hash."""
        whole = math.floor(self.rates[engine])
        return whole + (unit(self.config.seed, engine, name) < self.rates[engine] - whole)

    def _too_few(self, own: Product, pictures: Sequence[Seen]) -> bool:
        return own.split != "train" and self.config.heldout > 0 and len(pictures) < 2

    def _shown(self, own: Product, ordered: Sequence[Seen]) -> _Shown:
        """The first pictures are held back in validation and test, the next ones are references."""
        kept_back = min(self.config.heldout if own.split != "train" else 0, len(ordered) - 1)
        return _Shown(
            tuple(ordered[kept_back : kept_back + self.config.references]),
            tuple(ordered[:kept_back]),
        )

    def _swap(
        self,
        engine: MinedEngine,
        partner: Partner,
        own: Product,
        shown: _Shown,
        clip_id: str,
        track_id: str,
        photo: Seen | None = None,
        moving: str = "",
    ) -> None:
        cutout = None if moving else partner.seen
        self._add(
            engine, "swap", own, partner.product, shown, clip_id, track_id, partner.own_rank, cutout, partner, photo,
            moving,
        )  # fmt: skip

    def _add(
        self,
        engine: MinedEngine,
        kind: Kind,
        own: Product,
        a: Product,
        shown: _Shown,
        clip_id: str,
        track_id: str,
        own_rank: str,
        cutout: Seen | None = None,
        partner: Partner | None = None,
        photo: Seen | None = None,
        moving: str = "",
    ) -> None:
        photo_id = photo.picture.picture_id if photo else ""
        # A swap of another split has another A; a pair of one product has to say its split.
        facts: list[object] = [self.config.seed] if kind == "swap" else [self.config.seed, own.split]
        if moving:  # A from another clip of its own is another pair
            facts.append(moving)
        pair_id = content_id("pair", engine, kind, track_id or photo_id, a.product_id, *facts)
        self.made[pair_id] = (
            own_rank,
            Pair(
                pair_id=pair_id,
                engine=engine,
                kind=kind,
                split=own.split,
                difficulty=partner.difficulty if partner else "easy",
                product_a=a.product_id,
                product_b=own.product_id,
                clip_id=clip_id or panzoom_clip_id(pair_id),
                track_id=track_id or panzoom_track_id(pair_id),
                cutout_id=cutout.picture.picture_id if cutout else "",
                reference_ids=tuple(seen.picture.picture_id for seen in shown.references),
                heldout_ids=tuple(seen.picture.picture_id for seen in shown.heldout),
                seed=int(hashlib.sha256(pair_id.encode()).hexdigest()[:12], 16),
                placement=partner.placement if partner and not photo else "",
                photo_id=photo_id,
                track_id_a=moving,
            ),
        )

    def _reject(
        self, kind: str, subject: str, reason: str, message: str, numbers: Mapping[str, float] | None = None
    ) -> None:
        self.result.rejections.append(reject(NAME, kind, subject, "", reason, message, numbers))

    def _capped(
        self, made: Sequence[tuple[str, Pair]], cap: int | None, reason: str, key: Callable[[Pair], str]
    ) -> list[tuple[str, Pair]]:
        """Pairs within a cap on how many share a key; the others are rejected. Empty keys are not counted."""
        if cap is None:
            return list(made)
        used: dict[str, int] = {}
        kept = []
        for own_rank, row in sorted(made, key=lambda entry: (entry[0], entry[1].pair_id), reverse=True):
            name = key(row)
            used[name] = used.get(name, 0) + 1
            if name and used[name] > cap:
                of = f"product {name} is A" if reason == "product-cap" else "the clip or photo is the target"
                self._reject("pair", row.pair_id, reason, f"{of} in {cap} pairs already")
            else:
                kept.append((own_rank, row))
        return kept


def _product_as_a(row: Pair) -> str:
    return "" if row.kind == "reconstruct" else row.product_a


def _target_of(row: Pair) -> str:
    return row.photo_id or row.clip_id
