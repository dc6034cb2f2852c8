"""What was dropped, by stage and reason, and where every source went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pvtt_data.records import Assignment, Measurement, Rejection, Shot, Source, record_key
from pvtt_data.report.cards import Row
from pvtt_data.report.footage import Footage
from pvtt_data.report.rows import Rows
from pvtt_data.report.thumbnails import Thumbnails
from pvtt_data.stage import StageResult, count_reasons

MAX_ROWS = 200
"""Rejections shown of one reason."""
MAX_DEPICTED = 8
"""Rejections of one reason whose frames are shown."""
MAX_SOURCES = 500
MAX_FAULTS = 20


@dataclass(frozen=True, slots=True)
class Drop:
    """One rejection as the page shows it."""

    subject: str
    message: str
    linked_to: str
    numbers: Mapping[str, float]
    strips: tuple[Row, ...]
    """Its frames; empty where there are none, or where enough others of its group are shown."""


@dataclass(frozen=True, slots=True)
class DropGroup:
    """All rejections of one stage for one reason; ``anchor`` is the place on the page."""

    anchor: str
    stage: str
    reason: str
    kind: str
    count: int
    shown: tuple[Drop, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """A row on which the program or the machine failed."""

    stage: str
    name: str
    summary: str
    """Last line of the traceback."""
    traceback: str


_UNSEEN = "review-privacy"
"""What people rejected for this reason is not shown again."""


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One mined video and what came of it."""

    source: Source
    measurement: Measurement | None
    shots: int
    """Shots long enough for a clip."""
    windows: int
    clips: int
    triples: int
    split: str


def drop_groups(results: Sequence[StageResult], rows: Rows, thumbnails: Thumbnails) -> list[DropGroup]:
    """Groups in the order of the stages, the most frequent reason first, each with its first rejections by name."""
    groups = []
    footage = Footage(rows, thumbnails)
    for place, result in enumerate(results):
        for rank, (reason, count) in enumerate(count_reasons(result.rejections).items()):
            members = sorted(
                (rejection for rejection in result.rejections if rejection.reason == reason),
                key=lambda rejection: (rejection.subject, record_key(rejection)),
            )
            groups.append(
                DropGroup(
                    anchor=f"drop-{place}-{rank}",
                    stage=result.stage,
                    reason=reason,
                    kind=members[0].kind,
                    count=count,
                    shown=tuple(
                        _drop(rejection, rows, footage if number < MAX_DEPICTED and reason != _UNSEEN else None)
                        for number, rejection in enumerate(members[:MAX_ROWS])
                    ),
                )
            )
    return groups


def _drop(rejection: Rejection, rows: Rows, footage: Footage | None) -> Drop:
    return Drop(
        rejection.subject or rows.name(rejection.subject_id),
        rejection.message,
        rows.name(rejection.linked_to) if rejection.linked_to else "",
        rejection.numbers,
        footage.of(rejection) if footage else (),
    )


def faults(results: Sequence[StageResult]) -> tuple[int, list[Fault]]:
    """How many rows failed, and the first of them."""
    found = [
        Fault(result.stage, name, (trace.strip().splitlines() or ["no traceback was kept"])[-1], trace)
        for result in results
        for name, trace in sorted(result.faults)
    ]
    return len(found), found[:MAX_FAULTS]


def source_lines(rows: Rows) -> tuple[int, list[SourceLine]]:
    """How many sources there are, and the first of them by path."""
    measurements = rows.of(Measurement)
    assignments = rows.of(Assignment)
    windows = Counter(shot.source_id for shot in rows.of(Shot).values())
    shots = Counter(source_id for source_id, _ in {(s.source_id, s.shot_index) for s in rows.of(Shot).values()})
    clips = Counter(clip.source_id for clip in rows.made_by("normalise"))
    triples = Counter(triple.source_id for triple in rows.triples())
    sources = sorted(rows.of(Source).values(), key=lambda source: (source.path, source.source_id))
    lines = [
        SourceLine(
            source,
            measurements.get(source.sha256),
            shots[source.source_id],
            windows[source.source_id],
            clips[source.source_id],
            triples[source.source_id],
            assignments[source.source_id].split if source.source_id in assignments else "",
        )
        for source in sources[:MAX_SOURCES]
    ]
    return len(sources), lines
