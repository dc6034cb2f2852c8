"""From measured trials to thresholds, and what thresholds catch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from pvtt_data.calibration.file import Threshold
from pvtt_data.calibration.mask_rules import DOUBTS, Doubt, breaks_requirements
from pvtt_data.calibration.mask_trials import GOOD, TRUE, Trial

_ENOUGH = 0.98
"""Share caught above which catching more of a kind earns nothing."""

_CANDIDATES = 40
_LEAST_GAIN, _LEAST_COST, _LEAST_WIDTH = 0.02, 1e-4, 1e-4
_REJECT_MARGIN, _GRAINS_TO_REJECT = 1.0, 3.0
_REJECTS_SOMETHING = 0.1
_Z95 = 1.959964

Doubts = Mapping[str, Doubt]
"""Number → what it may say against what is measured; those of mask tracks unless others are given."""

Exempt = Callable[[Mapping[str, float]], bool]
"""Whether numbers are rejected whatever calibrated thresholds say."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with its 95 % interval after Wilson ("Probable Inference, the Law of Succession", 1927)."""

    hits: int
    count: int

    @property
    def share(self) -> float:
        return self.hits / self.count if self.count else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end; all of [0, 1] without trials."""
        if not self.count:
            return 0.0, 1.0
        n, p = self.count, self.share
        middle = (p + _Z95**2 / (2 * n)) / (1 + _Z95**2 / n)
        half = _Z95 / (1 + _Z95**2 / n) * math.sqrt(p * (1 - p) / n + _Z95**2 / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)

    def to_plain(self) -> dict[str, float]:
        """JSON-ready."""
        low, high = self.interval
        return {"caught": self.hits, "of": self.count, "low": round(low, 4), "high": round(high, 4)}


def doubted(numbers: Mapping[str, float], flags: Mapping[str, float], doubts: Doubts = DOUBTS) -> list[str]:
    """The numbers that are on the wrong side of their thresholds; numbers that are not there say nothing."""
    found = []
    for name, limit in flags.items():
        value = numbers.get(name)
        if value is not None and (value < limit if doubts[name].broken == "below" else value > limit):
            found.append(name)
    return found


def caught(
    trials: Sequence[Trial],
    flags: Mapping[str, float],
    doubts: Doubts = DOUBTS,
    exempt: Exempt = breaks_requirements,
) -> Rate:
    """How many of the trials are doubted, or rejected anyway (masks: for the size of what they show)."""
    hits = sum(exempt(t.numbers) or bool(doubted(t.numbers, flags, doubts)) for t in trials)
    return Rate(hits, len(trials))


def usable(trials: Sequence[Trial]) -> list[Trial]:
    """Trials of clips whose true masks meet the requirements: the others are rejected whatever thresholds say."""
    dropped = {t.clip for t in trials if t.variant == TRUE and breaks_requirements(t.numbers)}
    return [trial for trial in trials if trial.clip not in dropped]


def choose_flags(
    trials: Sequence[Trial],
    budget: float,
    doubts: Doubts = DOUBTS,
    exempt: Exempt = breaks_requirements,
) -> dict[str, float]:
    """Thresholds for flagging that catch as much of every kind as they can.

    At first no number has a threshold. Again and again the one is set or tightened that catches most for the false
    alarms it costs, until the share of good masks that any rule flags would exceed the budget; kinds count alike, and
    catching more than 98 % of one earns nothing. At last each threshold is loosened half of the way on which it loses
    nothing, and dropped if nothing is lost without it.

    The worst of a few dozen good masks says little about the worst of the next ones: a threshold just beyond it would
    be crossed by one product in as many. So false alarms are counted with every good value spread by a normal kernel,
    of Silverman's width for as many products ("Density Estimation for Statistics and Data Analysis", 1986).

    Args:
        trials: of the setting half: good masks, and faults of the strengths that set thresholds.
        budget: share of good masks that all rules together may flag, estimated so.
        doubts: what the numbers may say.
        exempt: faults for which it is true set nothing, because they are rejected anyway.

    Returns:
        number → threshold.
    """
    good = [trial for trial in trials if trial.kind == GOOD]
    bad = [trial for trial in trials if trial.kind != GOOD and not exempt(trial.numbers)]
    names = [name for name, doubt in doubts.items() if doubt.measured]
    search = _Search(
        _badness(good, names, doubts),
        _badness(bad, names, doubts),
        np.array([trial.kind for trial in bad]),
        len({trial.product_id for trial in good}),
        np.array([doubts[name].grain for name in names]),
    )
    limits = search.tightened(budget)
    search.loosen(limits)
    return {
        name: float(limit if doubts[name].broken == "above" else -limit)
        for name, limit in zip(names, limits, strict=True)
        if np.isfinite(limit)
    }


def choose_rejects(
    trials: Sequence[Trial], doubts: Doubts = DOUBTS, margin: float = _REJECT_MARGIN
) -> dict[str, float]:
    """Thresholds for rejecting: beyond every good mask by as much as the worst lies beyond the median of good masks;
    only where it rejects a tenth of some kind of fault.

    Args:
        trials: of the setting half.
        doubts: what the numbers may say; thresholds lie three grains beyond the worst at least.
        margin: by how many times as much.
    """
    good = [trial for trial in trials if trial.kind == GOOD]
    kinds, chosen = kinds_of(trials), {}
    for name, doubt in doubts.items():
        if not doubt.may_reject:
            continue
        values = _badness(good, [name], doubts)[:, 0]
        values = values[np.isfinite(values)]
        if not len(values):
            continue
        worst = float(values.max())
        limit = worst + max(margin * (worst - float(np.median(values))), _GRAINS_TO_REJECT * doubt.grain)
        value = limit if doubt.broken == "above" else -limit
        found = {
            kind: [bool(doubted(t.numbers, {name: value}, doubts)) for t in trials if t.kind == kind] for kind in kinds
        }
        if any(sum(hits) >= _REJECTS_SOMETHING * len(hits) for hits in found.values()):
            chosen[name] = value
    return chosen


def kinds_of(trials: Sequence[Trial]) -> list[str]:
    """Kinds of fault among the trials, in the order in which they come."""
    return list(dict.fromkeys(trial.kind for trial in trials if trial.kind != GOOD))


def thresholds_of(
    flags: Mapping[str, float], rejects: Mapping[str, float], doubts: Doubts = DOUBTS
) -> dict[str, Threshold]:
    """Both kinds of limits as the calibration file has them, to four decimals; a flag beyond the reject is none."""
    made = {}
    for name, doubt in doubts.items():
        flag, reject = (round(limits[name], 4) if name in limits else None for limits in (flags, rejects))
        if flag is not None and reject is not None and (flag <= reject if doubt.broken == "below" else flag >= reject):
            flag = None
        if flag is not None or reject is not None:
            made[name] = Threshold(flag=flag, reject=reject)
    return made


def first_limits(thresholds: Mapping[str, Threshold]) -> dict[str, float]:
    """Number → the threshold beyond which a track is doubted at all: that for flagging where there is one."""
    chosen = {name: limit.reject if limit.flag is None else limit.flag for name, limit in thresholds.items()}
    return {name: limit for name, limit in chosen.items() if limit is not None}


def _badness(trials: Sequence[Trial], names: Sequence[str], doubts: Doubts) -> NDArray[np.float64]:
    """(trials, numbers) float64, more is worse; NaN where a trial has no such number."""
    signs = [1.0 if doubts[name].broken == "above" else -1.0 for name in names]
    rows = [[s * trial.numbers.get(n, math.nan) for n, s in zip(names, signs, strict=True)] for trial in trials]
    return np.array(rows, np.float64).reshape(len(trials), len(names))


class _Search:
    """Looks for limits on the badness of numbers.

    Args:
        right: (good trials, numbers) float64, more is worse; NaN where a trial lacks the number.
        wrong: (faulty trials, numbers) float64.
        kinds: kind of each faulty trial.
        products: how many products the good trials are of.
        grains: (numbers,) float64, least widths of the kernels.
    """

    def __init__(
        self,
        right: NDArray[np.float64],
        wrong: NDArray[np.float64],
        kinds: NDArray[np.str_],
        products: int,
        grains: NDArray[np.float64],
    ) -> None:
        self.right, self.wrong, self.kinds = right, wrong, kinds
        self.widths = np.maximum([_kernel_width(column, products) for column in right.T], grains)
        self.candidates = [_candidates(r, w) for r, w in zip(right.T, wrong.T, strict=True)]

    def tightened(self, budget: float) -> NDArray[np.float64]:
        """(numbers,) float64: limits, infinite for numbers that are not used."""
        limits = np.full(self.right.shape[1], np.inf)
        while True:
            step = self._best_step(limits, budget)
            if step is None:
                return limits
            limits[step[0]] = step[1]

    def loosen(self, limits: NDArray[np.float64]) -> None:
        """Move each limit half of the way on which it loses no fault that no other rule catches; in place."""
        for column in range(len(limits)):
            others = np.delete(self.wrong > limits, column, axis=1).any(axis=1)
            only = self.wrong[~others & (self.wrong[:, column] > limits[column]), column]
            limits[column] = limits[column] + 0.5 * (float(only.min()) - limits[column]) if len(only) else np.inf

    def _best_step(self, limits: NDArray[np.float64], budget: float) -> tuple[int, float] | None:
        passed = np.stack([1.0 - self._alarm(column, limits[column]) for column in range(len(limits))])
        cost_before = float(1.0 - passed.prod(axis=0).mean())
        caught_before = (self.wrong > limits).any(axis=1)
        score = self._score(caught_before)
        best, best_worth = None, 0.0
        for column in range(len(limits)):
            others = np.delete(passed, column, axis=0).prod(axis=0)
            for limit in self.candidates[column]:
                if limit >= limits[column]:
                    continue
                cost = float(1.0 - (others * (1.0 - self._alarm(column, limit))).mean())
                if cost > budget:
                    break
                gain = self._score(caught_before | (self.wrong[:, column] > limit)) - score
                worth = gain / max(cost - cost_before, _LEAST_COST)
                if gain > _LEAST_GAIN and worth > best_worth:
                    best, best_worth = (column, float(limit)), worth
        return best

    def _alarm(self, column: int, limit: float) -> NDArray[np.float64]:
        """(good trials,) float64: probability that a mask like each one is beyond the limit."""
        if not math.isfinite(limit):
            return np.zeros(len(self.right))
        away = (np.nan_to_num(self.right[:, column], nan=-np.inf) - limit) / self.widths[column]
        return np.asarray([0.5 * math.erfc(-value / math.sqrt(2.0)) for value in away])

    def _score(self, alarmed: npt.ArrayLike) -> float:
        seen = np.asarray(alarmed, np.bool_)
        return sum(min(float(seen[self.kinds == kind].mean()), _ENOUGH) for kind in np.unique(self.kinds))


def _kernel_width(values: NDArray[np.float64], products: int) -> float:
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return 1.0
    low, high = np.percentile(values, [25, 75])
    spread = float(values.std())
    if high > low:
        spread = min(spread, float(high - low) / 1.34)
    return max(0.9 * spread * math.pow(products, -0.2), _LEAST_WIDTH)


def _candidates(right: NDArray[np.float64], wrong: NDArray[np.float64]) -> NDArray[np.float64]:
    """Limits worth trying, from loose to tight: between quantiles of what faults have, and the worst good value."""
    values = wrong[np.isfinite(wrong)]
    if not len(values) or not np.isfinite(right).any():
        return np.empty(0)
    steps = np.unique([*np.quantile(values, np.linspace(0.0, 1.0, _CANDIDATES)), np.nanmax(right)])
    between = 0.5 * (steps[1:] + steps[:-1])
    return np.asarray(between[between > np.nanmedian(right)][::-1])
