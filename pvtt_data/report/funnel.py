"""What each stage took, gave and dropped, as the page draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pvtt_data.stage import StageResult, count_reasons

_WORDS = {
    "mine": ("finds product videos", "feed entries", "sources"),
    "measure": ("decodes each video once", "videos", "measurements"),
    "transitions": ("looks for dissolves", "videos", "tracks"),
    "split": ("finds shots and lays windows", "sources", "windows"),
    "filter": ("drops windows that cannot teach", "windows", "windows"),
    "fingerprint": ("keeps of footage what is compared", "videos", "fingerprints"),
    "compare": ("looks for shared footage", "pairs of videos", "with likely stretches"),
    "dedup": ("keeps footage once", "windows", "windows"),
    "normalise": ("cuts, crops, scales", "windows", "clips"),
    "clip_review": ("drops clips that people rejected", "clips", "clips"),
    "segment": ("finds the product's mask", "clips", "mask tracks"),
    "mask_numbers": ("measures the masks", "mask tracks", "measured"),
    "text_overlay": ("looks for text laid over the clips", "mask tracks", "measured"),
    "listing_likeness": ("compares masked products with listing images", "mask tracks", "measured"),
    "mask_qc": ("judges the masks", "mask tracks", "mask tracks"),
    "listing_pictures": ("cuts products out of listing images", "listing images", "pictures"),
    "clip_pictures": ("cuts products out of frames", "clips", "pictures"),
    "assign_split": ("deals sources into splits", "sources", "assignments"),
    "photo_text": ("looks for text in photos to be filmed", "photos", "measured"),
    "picture_looks": ("measures the looks of pictures", "pictures", "looks"),
    "track_looks": ("measures the looks of products in clips", "mask tracks", "looks"),
    "pair": ("chooses A for clips and photos of B", "clips and photos", "pairs"),
    "synthesise": ("puts A in the place of B", "pairs", "swaps"),
    "crosspair": ("pairs clips with pictures from elsewhere", "pairs", "reconstructions"),
    "panzoom": ("films photos of A and B alike", "pairs", "swaps"),
    "render_plan": ("casts products for rendered scenes", "samples", "plans"),
    "render": ("renders A and B in the same scene", "plans", "renders"),
    "triple_numbers": ("measures the swaps", "swaps", "measured"),
    "triple_qc": ("judges the swaps", "swaps", "triples"),
    "judge": ("reads a model's opinion of them", "triples", "triples"),
}


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bar, in percent of its width."""

    kind: str
    start: float
    length: float


@dataclass(frozen=True, slots=True)
class FunnelStage:
    """One line of the funnel.

    Attributes:
        words: what the stage does; empty for a stage that this page does not know.
        unit_in: what its items are.
        unit_out: what its rows are.
        reasons: reason → how often it was given, most frequent first.
        bar: items on a scale that all stages share: kept, dropped, faults.
        seconds: wall time; None for stages that take no time worth a number.
        share_of_time: percent of the time of all stages.
        rows_per_s: items computed, not taken from the cache, in a second; None if nothing was computed.
    """

    stage: str
    words: str
    unit_in: str
    unit_out: str
    items: int
    rows: int
    dropped: int
    reasons: dict[str, int]
    cached: int
    faults: int
    bar: tuple[Segment, ...]
    seconds: float | None
    share_of_time: float
    rows_per_s: float | None


def funnel(results: Sequence[StageResult]) -> list[FunnelStage]:
    """One line for each stage that ran, in order."""
    most = max((_total(result) for result in results), default=0)
    total_s = sum(result.seconds for result in results if not result.table)
    return [_line(result, most, total_s) for result in results]


def _line(result: StageResult, most: int, total_s: float) -> FunnelStage:
    words, unit_in, unit_out = _WORDS.get(result.stage, ("", "items", "rows"))
    computed = result.items - result.cached
    timed = not result.table
    return FunnelStage(
        stage=result.stage,
        words=words,
        unit_in=unit_in,
        unit_out=unit_out,
        items=result.items,
        rows=len(result.rows),
        dropped=len(result.rejections),
        reasons=count_reasons(result.rejections),
        cached=result.cached,
        faults=len(result.faults),
        bar=_bar(result, most),
        seconds=result.seconds if timed else None,
        share_of_time=100 * result.seconds / total_s if timed and total_s > 0 else 0.0,
        rows_per_s=computed / result.seconds if timed and computed > 0 and result.seconds > 0 else None,
    )


def _total(result: StageResult) -> int:
    """Items, or more where one item was rejected several times over, as with a listing of many files."""
    return max(result.items, len(result.rejections) + len(result.faults))


def _bar(result: StageResult, most: int) -> tuple[Segment, ...]:
    dropped, faults = len(result.rejections), len(result.faults)
    parts = (("kept", _total(result) - dropped - faults), ("dropped", dropped), ("fault", faults))
    segments, start = [], 0.0
    for kind, count in parts:
        length = 100 * count / most if most else 0.0
        if count:
            segments.append(Segment(kind, round(start, 3), round(length, 3)))
        start += length
    return tuple(segments)
