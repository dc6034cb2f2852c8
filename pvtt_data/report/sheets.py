"""Contact sheets: triples, mask tracks and clips, the good ones and the dropped ones, as cards with pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pvtt_data.records import MaskTrack, Rejection, Triple
from pvtt_data.report.cards import Card
from pvtt_data.report.choice import spread
from pvtt_data.report.rows import Rows
from pvtt_data.report.thumbnails import Thumbnails
from pvtt_data.report.track_cards import TrackCards
from pvtt_data.report.triple_cards import TripleCards

_ENGINE_STAGES = ("synthesise", "crosspair", "panzoom")
MAX_TRIPLES = 12
MAX_TRACKS = 8
MAX_CLIPS = 8

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Sheet:
    """Cards of one kind; ``total`` counts those that are not shown, too."""

    tone: str
    heading: str
    text: str
    total: int
    cards: tuple[Card, ...]


def triple_sheets(rows: Rows, thumbnails: Thumbnails) -> list[Sheet]:
    """Accepted, flagged and rejected triples, swaps nobody judged yet, and pairs that an engine gave up."""
    cards = TripleCards(rows, thumbnails)
    triples = rows.triples()
    accepted = [triple for triple in triples if triple.verdict == "accept"]
    flagged = [triple for triple in triples if triple.verdict == "flag"]
    made = [swap for stage in _ENGINE_STAGES for swap in rows.made_by(stage)]
    unjudged = [] if rows.ran("triple_qc") else made
    sheets = [
        _sheet("good", "Accepted", "passed every threshold", accepted, MAX_TRIPLES, cards.triple, cards.product_b),
        _sheet(
            "flag", "Flagged", "kept, with a doubt: look at these first",
            flagged, MAX_TRIPLES, cards.triple, _first_reason, cards.product_b,
        ),
        _sheet(
            "bad", "Rejected", "made, measured and dropped",
            [*rows.dropped_by("triple_qc"), *rows.dropped_by("judge")],
            MAX_TRIPLES, cards.rejected, _reason, cards.product_b_of_pair,
        ),
        _sheet(
            "none", "Not judged", "the build stopped before triple QC",
            unjudged, MAX_TRIPLES, cards.swap, cards.product_b_of_swap,
        ),
        _sheet(
            "bad", "Not made", "an engine gave these pairs up; of composites the real clip is shown",
            [rejection for stage in (*_ENGINE_STAGES, "render") for rejection in rows.dropped_by(stage)],
            MAX_CLIPS, cards.rejected, _reason, cards.product_b_of_pair,
        ),
    ]  # fmt: skip
    return [sheet for sheet in sheets if sheet.total]


def track_sheets(rows: Rows, thumbnails: Thumbnails) -> list[Sheet]:
    """Accepted, flagged and rejected mask tracks, and tracks nobody judged yet."""
    cards = TrackCards(rows, thumbnails)
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
