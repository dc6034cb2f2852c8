"""What a build made of a verdict: the rows of ``tables/verdicts.parquet``, and how far people agree.

They hold no times, names of people or comments: a dataset may be published, and the same verdicts, said again on
another day, give the same dataset. Kind and key find the words themselves in the verdicts folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from pvtt_data.records import content_id
from pvtt_data.reviews.effective import Standing
from pvtt_data.reviews.records import SubjectKind

Effect = Literal["dropped", "flagged", "cleared", "passed", "kept-out", "relabelled", "resegmented"]
"""What came of a verdict: its row was dropped; flagged; lost its flags; passed where thresholds reject it; stayed out
in spite of an accept, because it is structurally wrong; was relabelled; was segmented again."""


@dataclass(frozen=True, slots=True)
class AppliedVerdict:
    """What people say of one row of a build, and what came of it."""

    key_field: ClassVar[str] = "verdict_id"

    verdict_id: str
    kind: SubjectKind
    key: str
    """Of the subject: see `pvtt_data.reviews.records`."""
    subject_id: str
    """The row: a source, a clip, a track, or a pair."""
    subject: str
    """What a person knows it by."""
    verdict: str
    """accept, flag or reject; empty where nobody said."""
    reasons: tuple[str, ...]
    prompt: str
    box: tuple[float, ...]
    """x0, y0, x1, y1 in shares of the clip's size; empty where none was drawn."""
    box_frame: int | None
    category: str
    product_id: str
    reviewers: int
    """How many people have a word on it."""
    disagree: bool
    """Whether they say different things."""
    arbitrated: bool
    """Whether the recipe's arbiter decided then."""
    effects: tuple[str, ...]
    """What came of it; empty where the row is as it would have been."""


@dataclass(frozen=True, slots=True)
class AgreementRow:
    """How far two reviewers agree on what a build met, without their names."""

    key_field: ClassVar[str] = "agreement_id"

    agreement_id: str
    kind: SubjectKind
    pair: int
    """Number of the two, in the order of their names, from 1."""
    subjects: int
    """How many subjects both have a verdict on."""
    same: int
    """On how many of them they give the same one."""
    kappa: float | None
    """Cohen's kappa; null where chance alone would make them agree everywhere."""


def applied_verdict(standing: Standing, subject_id: str, subject: str, effects: set[Effect]) -> AppliedVerdict:
    """The row of a standing verdict that a build came across."""
    again = standing.resegment
    return AppliedVerdict(
        verdict_id=content_id("verdict", standing.kind, standing.key, subject_id),
        kind=standing.kind,
        key=standing.key,
        subject_id=subject_id,
        subject=subject,
        verdict=standing.verdict or "",
        reasons=standing.reasons,
        prompt=again.prompt if again else "",
        box=(again.box or ()) if again else (),
        box_frame=again.box_frame if again else None,
        category=standing.category,
        product_id=standing.product_id,
        reviewers=len(standing.reviewers),
        disagree=bool(standing.disagreements),
        arbitrated=bool(standing.arbitrated),
        effects=tuple(sorted(effects)),
    )
