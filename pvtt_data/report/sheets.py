"""Contact sheets: triples, mask tracks and clips, the good ones and the dropped ones, as cards with pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pvtt_data.records import Blob, Clip, MaskTrack, Pair, Picture, Rejection, Swap, Triple
from pvtt_data.report.choice import spread
from pvtt_data.report.rows import Product, Rows
from pvtt_data.report.thumbnails import OUTLINE_A, OUTLINE_B, Strip, Thumbnail, Thumbnails

MAX_TRIPLES = 12
MAX_TRACKS = 8
MAX_CLIPS = 8

_TRIPLE_NUMBERS = (
    "background_psnr_db",
    "centroid_agreement",
    "scale_agreement",
    "ab_similarity",
    "reference_leak_bits",
    "residue",
)
_TRACK_NUMBERS = (
    "warped_iou_median",
    "warped_iou_p05",
    "boundary_flicker",
    "unexplained_area_change_max",
    "area_share_median",
    "border_contact_max",
)

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class PictureGroup:
    """Still pictures under one heading; None stands for one that cannot be shown."""

    heading: str
    pictures: tuple[Thumbnail | None, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A strip of frames; ``outline`` says whose mask is drawn: a, b, or nobody's."""

    heading: str
    strip: Strip
    outline: str


@dataclass(frozen=True, slots=True)
class Card:
    """One thing on a contact sheet.

    Attributes:
        identifier: of the row that it shows.
        product_a: product that is put in; None where there is none.
        product_b: product of the real clip.
        where: path of the source and the frames taken from it.
        tags: facts in a word: split, difficulty, engine.
        reasons: why it was flagged or rejected.
        message: the same in a sentence.
        key_numbers: what it was judged by; ``numbers`` holds the others.
    """

    identifier: str
    product_a: Product | None
    product_b: Product
    where: str
    tags: tuple[str, ...]
    reasons: tuple[str, ...]
    message: str
    prompt: str
    rows: tuple[Row, ...]
    pictures: tuple[PictureGroup, ...]
    key_numbers: Mapping[str, float]
    numbers: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Cards of one kind; ``total`` counts those that are not shown, too."""

    tone: str
    heading: str
    text: str
    total: int
    cards: tuple[Card, ...]


def triple_sheets(rows: Rows, thumbnails: Thumbnails) -> list[Sheet]:
    """Accepted, flagged and rejected triples, swaps nobody judged yet, and pairs that the engine gave up."""
    cards = _TripleCards(rows, thumbnails)
    triples: list[Triple] = rows.made_by("triple_qc")
    accepted = [triple for triple in triples if triple.verdict == "accept"]
    flagged = [triple for triple in triples if triple.verdict == "flag"]
    unjudged = [] if rows.ran("triple_qc") else rows.made_by("synthesise")
    sheets = [
        _sheet("good", "Accepted", "passed every threshold", accepted, MAX_TRIPLES, cards.triple, cards.product_b),
        _sheet(
            "flag", "Flagged", "kept, with a doubt: look at these first",
            flagged, MAX_TRIPLES, cards.triple, _first_reason, cards.product_b,
        ),
        _sheet(
            "bad", "Rejected", "made, measured and dropped",
            rows.dropped_by("triple_qc"), MAX_TRIPLES, cards.rejected, _reason, cards.product_b_of_pair,
        ),
        _sheet(
            "none", "Not judged", "the build stopped before triple QC",
            unjudged, MAX_TRIPLES, cards.swap, cards.product_b_of_swap,
        ),
        _sheet(
            "bad", "Not made", "the engine gave these pairs up; the real clip is shown",
            rows.dropped_by("synthesise"), MAX_CLIPS, cards.rejected, _reason, cards.product_b_of_pair,
        ),
    ]  # fmt: skip
    return [sheet for sheet in sheets if sheet.total]


def track_sheets(rows: Rows, thumbnails: Thumbnails) -> list[Sheet]:
    """Accepted, flagged and rejected mask tracks, and tracks nobody judged yet."""
    cards = _TrackCards(rows, thumbnails)
    judged: list[MaskTrack] = rows.made_by("mask_qc")
    accepted = [track for track in judged if track.verdict == "accept"]
    flagged = [track for track in judged if track.verdict == "flag"]
    unjudged = [] if rows.ran("mask_qc") else rows.made_by("segment")
    sheets = [
        _sheet("good", "Accepted", "passed every threshold", accepted, MAX_TRACKS, cards.track, cards.product),
        _sheet(
            "flag", "Flagged", "kept, with a doubt: look at these first",
            flagged, MAX_TRACKS, cards.track, _first_reason, cards.product,
        ),
        _sheet(
            "bad", "Rejected", "found, measured and dropped",
            rows.dropped_by("mask_qc"), MAX_TRACKS, cards.rejected, _reason, cards.product_of_rejected,
        ),
        _sheet(
            "none", "Not judged", "the build stopped before mask QC",
            unjudged, MAX_TRACKS, cards.track, cards.product,
        ),
        _sheet(
            "bad", "No mask", "clips in which no product was found or followed",
            rows.dropped_by("segment"), MAX_CLIPS, cards.unmasked, _reason, cards.product_of_unmasked,
        ),
    ]  # fmt: skip
    return [sheet for sheet in sheets if sheet.total]


def _sheet(
    tone: str,
    heading: str,
    text: str,
    subjects: Sequence[R],
    limit: int,
    card: Callable[[R], Card],
    *traits: Callable[[R], str],
) -> Sheet:
    chosen = spread(subjects, *traits)[:limit]
    return Sheet(tone, heading, text, len(subjects), tuple(card(subject) for subject in chosen))


def _reason(rejection: Rejection) -> str:
    return rejection.reason


def _first_reason(row: Triple | MaskTrack) -> str:
    return row.reasons[0] if row.reasons else ""


class _TripleCards:
    """Cards of swaps, whatever became of them."""

    def __init__(self, rows: Rows, thumbnails: Thumbnails) -> None:
        self._rows = rows
        self._thumbnails = thumbnails
        self._cutouts = {_made_of(pair): pair.cutout_id for pair in rows.of(Pair).values()}

    def product_b(self, triple: Triple) -> str:
        return triple.product_b

    def product_b_of_pair(self, rejection: Rejection) -> str:
        pair = self._rows.of(Pair).get(rejection.subject_id)
        return pair.product_b if pair else ""

    def product_b_of_swap(self, swap: Swap) -> str:
        pair = self._rows.of(Pair).get(swap.pair_id)
        return pair.product_b if pair else ""

    def triple(self, triple: Triple) -> Card:
        clip = self._rows.of(Clip).get(triple.clip_id)
        key_numbers, numbers = _divide(triple.numbers, _TRIPLE_NUMBERS)
        return Card(
            identifier=triple.triple_id,
            product_a=self._rows.product(triple.product_a),
            product_b=self._rows.product(triple.product_b),
            where=self._rows.clip_name(clip) if clip else triple.clip_id,
            tags=(triple.split, triple.difficulty, triple.engine, triple.kind),
            reasons=triple.reasons,
            message="",
            prompt=triple.prompt,
            rows=(
                self._row("source, shows A", triple.source, triple.source_mask, "a"),
                self._row("target, shows B", triple.target, triple.target_mask, "b"),
            ),
            pictures=self._pictures(self._cutouts.get(_made_of(triple), ""), triple.references, triple.heldout),
            key_numbers=key_numbers,
            numbers=numbers,
        )

    def rejected(self, rejection: Rejection) -> Card:
        """A card from what a rejection of a pair points at; it shows as much as there is."""
        return self._pair_card(
            rejection.subject_id,
            (rejection.reason,),
            rejection.message,
            rejection.numbers,
            rejection.subject,
        )

    def swap(self, swap: Swap) -> Card:
        return self._pair_card(swap.pair_id, swap.flags, "", swap.numbers, swap.pair_id)

    def _pair_card(
        self, pair_id: str, reasons: tuple[str, ...], message: str, all_numbers: Mapping[str, float], subject: str
    ) -> Card:
        rows = self._rows
        pair = rows.of(Pair).get(pair_id)
        swap = rows.of(Swap).get(pair_id)
        clip = rows.of(Clip).get(pair.clip_id) if pair else None
        track = rows.of(MaskTrack).get(pair.track_id) if pair else None
        strips = []
        if swap:
            strips.append(self._row("source, shows A", swap.source, swap.source_mask, "a"))
        if clip:
            strips.append(self._row("target, shows B", clip.video, track.mask if track else None, "b"))
        pictures = rows.of(Picture)
        key_numbers, numbers = _divide(all_numbers, _TRIPLE_NUMBERS)
        return Card(
            identifier=pair_id,
            product_a=rows.product(pair.product_a) if pair else None,
            product_b=rows.product(pair.product_b if pair else ""),
            where=rows.clip_name(clip) if clip else subject,
            tags=(pair.split, pair.difficulty, pair.engine, pair.kind) if pair else (),
            reasons=reasons,
            message=message,
            prompt="",
            rows=tuple(strips),
            pictures=self._pictures(
                pair.cutout_id,
                [pictures[name].cutout for name in pair.reference_ids if name in pictures],
                [pictures[name].cutout for name in pair.heldout_ids if name in pictures],
            )
            if pair
            else (),
            key_numbers=key_numbers,
            numbers=numbers,
        )

    def _row(self, heading: str, video: Blob, mask: Blob | None, outline: str) -> Row:
        colour = OUTLINE_A if outline == "a" else OUTLINE_B
        return Row(heading, self._thumbnails.strip(video, mask, colour), outline if mask else "")

    def _pictures(
        self, cutout_id: str, references: Sequence[Blob], heldout: Sequence[Blob]
    ) -> tuple[PictureGroup, ...]:
        picture = self._rows.of(Picture).get(cutout_id)
        groups = (
            ("A, as pasted", [picture.cutout] if picture else []),
            ("references of B", references),
            ("held-out views of B", heldout),
        )
        return tuple(
            PictureGroup(heading, tuple(self._thumbnails.picture(blob) for blob in blobs))
            for heading, blobs in groups
            if blobs
        )


def _made_of(row: Pair | Triple) -> tuple[str, str, str, str]:
    """What a triple and the pair it was made from have in common."""
    return row.engine, row.kind, row.track_id, row.product_a


class _TrackCards:
    """Cards of mask tracks, and of clips that have none."""

    def __init__(self, rows: Rows, thumbnails: Thumbnails) -> None:
        self._rows = rows
        self._thumbnails = thumbnails

    def product(self, track: MaskTrack) -> str:
        return self._product_id(track.clip_id)

    def product_of_rejected(self, rejection: Rejection) -> str:
        return self._product_id(rejection.linked_to)

    def product_of_unmasked(self, rejection: Rejection) -> str:
        return self._product_id(rejection.subject_id)

    def track(self, track: MaskTrack) -> Card:
        return self._card(track.track_id, track.clip_id, track.mask, track.backend, track.reasons, "", track.numbers)

    def rejected(self, rejection: Rejection) -> Card:
        track = self._rows.of(MaskTrack).get(rejection.subject_id)
        return self._card(
            rejection.subject_id,
            rejection.linked_to,
            track.mask if track else None,
            track.backend if track else "",
            (rejection.reason,),
            rejection.message,
            rejection.numbers,
            rejection.subject,
        )

    def unmasked(self, rejection: Rejection) -> Card:
        return self._card(
            rejection.subject_id,
            rejection.subject_id,
            None,
            "",
            (rejection.reason,),
            rejection.message,
            rejection.numbers,
            rejection.subject,
        )

    def _card(
        self,
        identifier: str,
        clip_id: str,
        mask: Blob | None,
        backend: str,
        reasons: tuple[str, ...],
        message: str,
        all_numbers: Mapping[str, float],
        subject: str = "",
    ) -> Card:
        clip = self._rows.of(Clip).get(clip_id)
        strip = self._thumbnails.strip(clip.video, mask) if clip else None
        key_numbers, numbers = _divide(all_numbers, _TRACK_NUMBERS)
        return Card(
            identifier=identifier,
            product_a=None,
            product_b=self._rows.product_of_clip(clip),
            where=self._rows.clip_name(clip) if clip else subject,
            tags=(backend,) if backend else (),
            reasons=reasons,
            message=message,
            prompt="",
            rows=(Row("clip", strip, "b" if mask else ""),) if strip else (),
            pictures=(),
            key_numbers=key_numbers,
            numbers=numbers,
        )

    def _product_id(self, clip_id: str) -> str:
        return self._rows.product_of_clip(self._rows.of(Clip).get(clip_id)).product_id


def _divide(numbers: Mapping[str, float], first: Sequence[str]) -> tuple[dict[str, float], dict[str, float]]:
    """The numbers named in ``first``, in that order, and the others by name."""
    key = {name: numbers[name] for name in first if name in numbers}
    return key, {name: numbers[name] for name in sorted(numbers) if name not in key}
