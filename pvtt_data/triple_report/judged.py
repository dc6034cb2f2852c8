"""Built triples under thresholds, their own or others."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pvtt_data.stages.triple_qc import TripleQcConfig, rules
from pvtt_data.thresholds import Rule, judge
from pvtt_data.triple_report.built import BuiltTriple, BuiltVersion

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_BINS = 16
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NumberReport:
    """One number over all triples that have it.

    Attributes:
        quantiles: 5, 25, 50, 75 and 95 %.
        histogram: counts in 16 equal bins from the 1st to the 99th percentile, what lies beyond in the outermost.
        limits: (verdict, side, limit, how many break it) of every threshold for it; by category the first one's.
    """

    number: str
    count: int
    quantiles: tuple[float, ...]
    histogram: tuple[int, ...]
    limits: tuple[tuple[str, str, float, int], ...]


@dataclass(frozen=True, slots=True)
class JudgedAgain:
    """What thresholds say about a triple.

    Attributes:
        excess: how far beyond the thresholds it is: over the broken rules, the distance in interquartile ranges of the
            number, summed; the worst come first.
    """

    triple: BuiltTriple
    verdict: str
    reasons: tuple[str, ...]
    says: tuple[str, ...]
    excess: float


@dataclass(frozen=True, slots=True)
class QcReport:
    """A version under thresholds."""

    name: str
    embedder: str
    as_built: Mapping[str, int]
    verdicts: Mapping[str, int]
    reasons: Mapping[str, int]
    numbers: tuple[NumberReport, ...]
    judged: tuple[JudgedAgain, ...]

    def worst(self, count: int) -> list[JudgedAgain]:
        """Those that break most, rejected ones first."""
        broken = [row for row in self.judged if row.verdict != "accept"]
        return sorted(broken, key=lambda row: (row.verdict != "reject", -row.excess, row.triple.key))[:count]

    def to_json(self, worst: int) -> str:
        """For machines."""
        return json.dumps(self.to_plain(worst), indent=2, ensure_ascii=False)

    def to_plain(self, worst: int) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "name": self.name,
            "embedder": self.embedder,
            "as_built": dict(self.as_built),
            "under_these_thresholds": {"verdicts": dict(self.verdicts), "reasons": dict(self.reasons)},
            "numbers": [asdict(number) for number in self.numbers],
            "worst": [
                {
                    "key": row.triple.key,
                    "product_a": row.triple.product_a,
                    "product_b": row.triple.product_b,
                    "verdict": row.verdict,
                    "reasons": row.reasons,
                    "says": row.says,
                    "excess": round(row.excess, 3),
                }
                for row in self.worst(worst)
            ],
        }


def report(version: BuiltVersion, config: TripleQcConfig | None = None) -> QcReport:
    """Judge all triples of a version again.

    Args:
        config: thresholds; those of the version if not given.

    Raises:
        ValueError: the calibration file cannot be read.
    """
    config = config or version.config
    names = sorted({name for triple in version.triples for name in triple.numbers})
    values = {name: np.array([t.numbers[name] for t in version.triples if name in t.numbers]) for name in names}
    ranges = {name: _range(found) for name, found in values.items()}
    rules_of: dict[tuple[str, str, str], list[Rule]] = {}
    judged = []
    for triple in version.triples:
        kind = (triple.kind, triple.engine, triple.category)
        if kind not in rules_of:
            rules_of[kind] = [
                rule for rule in rules(config, *kind, version.embedder) if rule.number in values or not rule.optional
            ]
        judged.append(_judged(triple, rules_of[kind], ranges))
    limits: dict[str, dict[tuple[str, str, float], None]] = {}
    for found in rules_of.values():
        for rule in found:
            limits.setdefault(rule.number, {})[(rule.verdict, rule.broken, rule.limit)] = None
    return QcReport(
        version.name,
        f"{version.embedder.name}@{version.embedder.weights_sha256[:12]}",
        _counts(triple.verdict for triple in version.triples),
        _counts(row.verdict for row in judged),
        _counts(reason for row in judged for reason in row.reasons),
        tuple(_number(name, values[name], list(limits.get(name, {}))) for name in names),
        tuple(judged),
    )


def _counts(found: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(found).items(), key=lambda pair: (-pair[1], pair[0])))


def _range(values: Values) -> float:
    low, high = np.percentile(values, [25, 75])
    return max(float(high - low), 1e-3)


def _judged(triple: BuiltTriple, found: Sequence[Rule], ranges: Mapping[str, float]) -> JudgedAgain:
    there = [rule for rule in found if rule.number in triple.numbers]
    verdict, _, _ = judge(triple.numbers, there)
    broken = [rule for rule in there if rule.is_broken(triple.numbers)]
    excess = sum(abs(triple.numbers[rule.number] - rule.limit) / ranges[rule.number] for rule in broken)
    reasons = tuple(dict.fromkeys(rule.reason for rule in broken))
    return JudgedAgain(triple, verdict, reasons, tuple(rule.says(triple.numbers) for rule in broken), float(excess))


def _number(name: str, values: Values, limits: Sequence[tuple[str, str, float]]) -> NumberReport:
    low, high = np.percentile(values, [1, 99])
    if high <= low:
        low, high = low - 0.5, high + 0.5
    counts = np.histogram(np.clip(values, low, high), _BINS, (low, high))[0]
    told = tuple(
        (verdict, side, float(limit), int(((values < limit) if side == "below" else (values > limit)).sum()))
        for verdict, side, limit in limits
    )
    quantiles = tuple(float(v) for v in np.quantile(values, QUANTILES))
    return NumberReport(name, len(values), quantiles, tuple(int(count) for count in counts), told)
