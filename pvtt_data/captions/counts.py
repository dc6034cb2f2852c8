"""How often prompts repeat: a dataset in which one sentence stands with every sample teaches to ignore sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

_SHOWN = 5
_FEW = 10
"""So many samples may share a prompt whatever the share."""


@dataclass(frozen=True, slots=True)
class PromptCounts:
    """How many different prompts there are.

    Attributes:
        samples: prompts in all.
        distinct: different ones.
        most_frequent: (prompt, how often), the most frequent first; those that stand there once are left out.
    """

    samples: int
    distinct: int
    most_frequent: tuple[tuple[str, int], ...]

    def text(self) -> str:
        """One line for people."""
        if not self.samples:
            return "no prompts"
        line = f"{self.distinct} different prompts of {self.samples}"
        if not self.most_frequent:
            return line
        prompt, count = self.most_frequent[0]
        return f"{line}; the most frequent stands {count} times: {prompt}"

    def warning(self, max_share: float) -> str:
        """What to do about a prompt that stands with too many samples; empty if none does."""
        if not self.most_frequent or self.most_frequent[0][1] <= max(_FEW, max_share * self.samples):
            return ""
        prompt, count = self.most_frequent[0]
        return (
            f"{count} of {self.samples} samples have the same prompt, more than captions.max_repeat_share = "
            f"{max_share:g} ({prompt}); titles in the feed, more templates or a captioner make them differ"
        )


def count_prompts(texts: Iterable[str]) -> PromptCounts:
    """Count prompts, or take a `Counter` of them; of equally frequent ones the first by letters comes first."""
    counts = Counter(texts)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return PromptCounts(
        samples=sum(counts.values()),
        distinct=len(counts),
        most_frequent=tuple((text, count) for text, count in ranked[:_SHOWN] if count > 1),
    )
