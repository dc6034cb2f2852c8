"""How far reviewers agree beyond chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from pvtt_data.reviews.effective import Standings
from pvtt_data.reviews.records import SubjectKind


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two reviewers, over the subjects of one kind on which both have a verdict.

    Attributes:
        subjects: how many those are.
        same: on how many of them they give the same verdict (accept, flag or reject).
        kappa: Cohen's kappa; None where chance alone would make them agree everywhere.
    """

    one: str
    other: str
    kind: SubjectKind
    subjects: int
    same: int
    kappa: float | None


def agreements(found: Standings) -> list[Agreement]:
    """All pairs of reviewers who looked at the same things, by kind of subject."""
    verdicts: dict[SubjectKind, dict[str, dict[str, str]]] = {}
    for (kind, key), standing in found.items():
        for review in standing.words.get("verdict", ()):
            verdicts.setdefault(kind, {}).setdefault(review.reviewer, {})[key] = review.action
    made = []
    for kind, by_reviewer in sorted(verdicts.items()):
        for one, other in combinations(sorted(by_reviewer), 2):
            both = sorted(by_reviewer[one].keys() & by_reviewer[other].keys())
            if both:
                pairs = [(by_reviewer[one][key], by_reviewer[other][key]) for key in both]
                same = sum(a == b for a, b in pairs)
                made.append(Agreement(one, other, kind, len(pairs), same, cohens_kappa(pairs)))
    return made


def cohens_kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """``(p_o - p_e) / (1 - p_e)``: agreement beyond what the two raters' own frequencies would give by chance.

    Source: J. Cohen, A coefficient of agreement for nominal scales, Educ. Psychol. Meas. 20 (1960) 37-46.

    Args:
        pairs: what the one and the other said of each subject; at least one.

    Returns:
        At most 1; 0 is chance; None where both always say the same single thing.
    """
    count = len(pairs)
    one, other = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    by_chance = sum(one[name] * other[name] for name in one)
    if by_chance == count * count:
        return None
    observed = sum(a == b for a, b in pairs) * count
    return (observed - by_chance) / (count * count - by_chance)
