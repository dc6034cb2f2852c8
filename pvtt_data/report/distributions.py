"""How the numbers that verdicts look at are distributed, against their thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pvtt_data.recipe import Recipe
from pvtt_data.records import Pair, Shot, Triple
from pvtt_data.report.rows import Rows
from pvtt_data.stages import filter_shots, mask_qc, triple_qc
from pvtt_data.thresholds import Rule

BINS = 32
_OUTLIER_PERCENT = 2.0
"""The scale leaves out so much on either side; what lies beyond is counted in the outermost bins."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a bin: place and size in percent of the picture, y from the top."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Limit:
    """A threshold on the picture.

    Attributes:
        x: its place, percent.
        words: the rule in words.
        verdict: what breaking it comes to.
        broken: how many rows break it.
    """

    x: float
    words: str
    verdict: str
    broken: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """One number over all rows of a stage, kept or not.

    Attributes:
        count: how many rows have it.
        low: value at the left end; ``low_open`` says whether smaller ones are counted in the first bin.
        high: value at the right end, ``high_open`` the same.
        bars: kept, flagged and dropped by this number alone, stacked; the tallest bin is as high as the picture.
    """

    number: str
    count: int
    median: float
    low: float
    high: float
    low_open: bool
    high_open: bool
    limits: tuple[Limit, ...]
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Distributions:
    """The histograms of one stage."""

    stage: str
    rows: str
    histograms: tuple[Histogram, ...]


def distributions(rows: Rows, recipe: Recipe) -> list[Distributions]:
    """Histograms of every stage that judges by thresholds and has judged something."""
    shots: list[Shot] = rows.made_by("split")
    windows = [filter_shots.window_numbers(shot) for shot in shots]
    tables = (
        (filter_shots.NAME, "windows", windows, filter_shots.rules(recipe.filter)),
        (mask_qc.NAME, "mask tracks", _judged(rows, mask_qc.NAME), mask_qc.rules(recipe.mask_qc)),
        (triple_qc.NAME, "swaps", _judged_triples(rows, recipe), triple_qc.rules(recipe.triple_qc)),
    )
    return [
        Distributions(stage, what, histograms(numbers, rules))
        for stage, what, numbers, rules in tables
        if numbers and rows.ran(stage)
    ]


def histograms(numbers: Sequence[Mapping[str, float]], rules: Sequence[Rule]) -> tuple[Histogram, ...]:
    """One for each number that has a rule, in the order of the rules; numbers that no row has are left out."""
    names = dict.fromkeys(rule.number for rule in rules)
    made = []
    for name in names:
        values = [row[name] for row in numbers if name in row and np.isfinite(row[name])]
        if values:
            made.append(_histogram(name, values, [rule for rule in rules if rule.number == name]))
    return tuple(made)


def _judged(rows: Rows, stage: str) -> list[Mapping[str, float]]:
    return [row.numbers for row in (*rows.made_by(stage), *rows.dropped_by(stage))]


def _judged_triples(rows: Rows, recipe: Recipe) -> list[Mapping[str, float]]:
    """Of each triple, kept or not, the numbers that triples of its kind and engine are judged by."""
    pairs = rows.of(Pair)
    kept: list[Triple] = rows.made_by(triple_qc.NAME)
    made = [(row.kind, row.engine, row.numbers) for row in kept]
    for rejection in rows.dropped_by(triple_qc.NAME):
        pair = pairs.get(rejection.subject_id)
        made.append((pair.kind if pair else "swap", pair.engine if pair else "", rejection.numbers))
    judged: list[Mapping[str, float]] = []
    for kind, engine, numbers in made:
        names = {rule.number for rule in triple_qc.rules(recipe.triple_qc, kind, engine or "composite")}
        judged.append({name: value for name, value in numbers.items() if name in names})
    return judged


def _histogram(name: str, values: Sequence[float], rules: Sequence[Rule]) -> Histogram:
    limits = [float(rule.limit) for rule in rules]
    inner = np.percentile(values, [_OUTLIER_PERCENT, 100 - _OUTLIER_PERCENT])
    low, high = min([float(inner[0]), *limits]), max([float(inner[1]), *limits])
    if high <= low:
        low, high = low - 0.5, high + 0.5
    scale = BINS / (high - low)
    counts: dict[str, list[int]] = {kind: [0] * BINS for kind in ("kept", "flagged", "dropped")}
    for value in values:
        place = min(max(int((value - low) * scale), 0), BINS - 1)
        counts[_fate(name, value, rules)][place] += 1
    tallest = max(sum(counts[kind][place] for kind in counts) for place in range(BINS))
    bars = []
    for place in range(BINS):
        top = 100.0
        for kind, heights in counts.items():
            height = 100.0 * heights[place] / tallest
            top -= height
            if heights[place]:
                bars.append(Bar(kind, _percent(place), round(top, 2), _percent(1), round(height, 2)))
    return Histogram(
        number=name,
        count=len(values),
        median=float(np.median(values)),
        low=low,
        high=high,
        low_open=min(values) < low,
        high_open=max(values) > high,
        limits=tuple(_limit(rule, values, low, high) for rule in rules),
        bars=tuple(bars),
    )


def _fate(name: str, value: float, rules: Sequence[Rule]) -> str:
    broken = {rule.verdict for rule in rules if rule.is_broken({name: value})}
    return "dropped" if "reject" in broken else "flagged" if "flag" in broken else "kept"


def _limit(rule: Rule, values: Sequence[float], low: float, high: float) -> Limit:
    broken = sum(rule.is_broken({rule.number: value}) for value in values)
    words = f"{rule.broken} {rule.limit:g}: {rule.reason}"
    return Limit(round(100.0 * (rule.limit - low) / (high - low), 2), words, rule.verdict, broken)


def _percent(bins: int) -> float:
    return round(100.0 * bins / BINS, 3)
