"""Verdicts by thresholds: what a number must not be, and what follows if it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from pvtt_data.records import Verdict


@dataclass(frozen=True, slots=True)
class Rule:
    """One threshold.

    Attributes:
        reason: slug of what is wrong when the rule is broken.
        number: name of the number that it looks at.
        limit: the number may be equal to it.
        broken: the side of the limit on which the rule is broken.
        verdict: what a broken rule comes to.
        optional: whether numbers may lack this one; then the rule says nothing.
    """

    reason: str
    number: str
    limit: float
    broken: Literal["below", "above"]
    verdict: Literal["reject", "flag"] = "reject"
    optional: bool = False

    def is_broken(self, numbers: Mapping[str, float]) -> bool:
        """Whether these numbers break it."""
        if self.optional and self.number not in numbers:
            return False
        value = numbers[self.number]
        return value < self.limit if self.broken == "below" else value > self.limit

    def says(self, numbers: Mapping[str, float]) -> str:
        """A sentence for a person about numbers that break it."""
        return f"{self.number} {numbers[self.number]:.4g} is {self.broken} {self.limit:g}"


def first_broken(numbers: Mapping[str, float], rules: Iterable[Rule]) -> Rule | None:
    """The first rule that rejects these numbers."""
    return next((rule for rule in rules if rule.verdict == "reject" and rule.is_broken(numbers)), None)


def judge(numbers: Mapping[str, float], rules: Iterable[Rule]) -> tuple[Verdict, tuple[str, ...], str]:
    """Verdict, reasons (slugs) and a sentence for a person: the first rule that rejects, else all that flag."""
    rules = list(rules)
    rejecting = first_broken(numbers, rules)
    if rejecting is not None:
        return "reject", (rejecting.reason,), rejecting.says(numbers)
    flagging = (rule.reason for rule in rules if rule.verdict == "flag" and rule.is_broken(numbers))
    reasons = tuple(dict.fromkeys(flagging))
    return ("flag" if reasons else "accept"), reasons, ""
