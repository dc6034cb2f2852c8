"""What people said, and what the build made of it, in lines of a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pvtt_data.reviews.applied import AppliedVerdict

_SHOWN = 200


@dataclass(frozen=True, slots=True)
class VerdictLine:
    """Verdicts of one kind that say the same and came to the same."""

    kind: str
    says: str
    reasons: str
    effect: str
    rows: int


@dataclass(frozen=True, slots=True)
class DisputedLine:
    """A row on which reviewers disagree."""

    kind: str
    subject: str
    holds: str
    arbitrated: bool


def verdict_lines(verdicts: Sequence[AppliedVerdict]) -> list[VerdictLine]:
    """Counts by kind, what is said, and what came of it."""
    counts = Counter(
        (row.kind, _says(row), ", ".join(row.reasons), ", ".join(row.effects) or "as it was") for row in verdicts
    )
    return [VerdictLine(*facts, rows) for facts, rows in sorted(counts.items())]


def disputed_lines(verdicts: Sequence[AppliedVerdict]) -> tuple[int, list[DisputedLine]]:
    """How many rows reviewers disagree on, and the first of them."""
    disputed = sorted((row for row in verdicts if row.disagree), key=lambda row: (row.kind, row.subject))
    return len(disputed), [
        DisputedLine(row.kind, row.subject or row.subject_id, _says(row), row.arbitrated) for row in disputed[:_SHOWN]
    ]


def _says(row: AppliedVerdict) -> str:
    parts = [row.verdict, "segment again" if row.prompt or row.box else ""]
    parts += [f"category {row.category}" if row.category else "", f"product {row.product_id}" if row.product_id else ""]
    return ", ".join(part for part in parts if part)
