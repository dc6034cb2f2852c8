"""From measured trials to thresholds, and what thresholds catch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from pvtt_data.calibration.file import Threshold
from pvtt_data.calibration.mask_rules import DOUBTS
from pvtt_data.calibration.mask_trials import GOOD, Trial

_ENOUGH = 0.98
"""Share caught above which catching more of a kind earns nothing."""

_CANDIDATES = 80
_REJECT_MARGIN = 0.25
_REJECTS_SOMETHING = 0.1
_Z95 = 1.959964


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


def doubted(numbers: Mapping[str, float], flags: Mapping[str, float]) -> list[str]:
    """The numbers that are on the wrong side of their thresholds; numbers that are not there say nothing."""
    found = []
    for name, limit in flags.items():
        value = numbers.get(name)
        if value is not None and (value < limit if DOUBTS[name].broken == "below" else value > limit):
            found.append(name)
    return found


def caught(trials: Sequence[Trial], flags: Mapping[str, float]) -> Rate:
    """How many of the trials are doubted."""
    return Rate(sum(bool(doubted(trial.numbers, flags)) for trial in trials), len(trials))


def choose_flags(trials: Sequence[Trial], budget: float) -> dict[str, float]:
    """Thresholds for flagging that catch as much of every kind as they can.

    Every number begins where no good mask is flagged. Then, again and again, the threshold is tightened that catches
    most for the false alarms it costs, until the share of good masks that any rule flags would exceed the budget; kinds
    count alike, and catching more than 98 % of one earns nothing. At last each threshold is loosened half of the way on
    which it loses nothing, and dropped if nothing is lost without it.

    Args:
        trials: of the setting half: good masks, and faults of the strengths that set thresholds.
        budget: share of good masks that all rules together may flag.

    Returns:
        number → threshold.
    """
    good = [trial for trial in trials if trial.kind == GOOD]
    bad = [trial for trial in trials if trial.kind != GOOD]
    kinds = np.array([trial.kind for trial in bad])
    names = [name for name, doubt in DOUBTS.items() if doubt.measured]
    right, wrong = _badness(good, names), _badness(bad, names)
    limits = np.nanmax(right, axis=0, initial=-np.inf)
    limits[~np.isfinite(limits)] = np.inf
    while True:
        step = _best_step(right, wrong, kinds, limits, budget)
        if step is None:
            break
        limits[step[0]] = step[1]
    _loosen(wrong, limits)
    return {
        name: float(limit if DOUBTS[name].broken == "above" else -limit)
        for name, limit in zip(names, limits, strict=True)
        if np.isfinite(limit)
    }


def choose_rejects(trials: Sequence[Trial]) -> dict[str, float]:
    """Thresholds for rejecting: beyond every good mask, by a quarter of the way from the median of good masks to the
    worst; only where it rejects a tenth of some kind of fault.

    Args:
        trials: of the setting half.
    """
    good = [trial for trial in trials if trial.kind == GOOD]
    chosen = {}
    for name, doubt in DOUBTS.items():
        if not doubt.may_reject:
            continue
        values = _badness(good, [name])[:, 0]
        values = values[np.isfinite(values)]
        if not len(values):
            continue
        worst = float(values.max())
        limit = worst + _REJECT_MARGIN * (worst - float(np.median(values)))
        value = limit if doubt.broken == "above" else -limit
        rates = [caught([t for t in trials if t.kind == kind], {name: value}) for kind in kinds_of(trials)]
        if any(rate.count and rate.share >= _REJECTS_SOMETHING for rate in rates):
            chosen[name] = value
    return chosen


def kinds_of(trials: Sequence[Trial]) -> list[str]:
    """Kinds of fault among the trials, in the order in which they come."""
    return list(dict.fromkeys(trial.kind for trial in trials if trial.kind != GOOD))


def thresholds_of(flags: Mapping[str, float], rejects: Mapping[str, float]) -> dict[str, Threshold]:
    """Both kinds of limits as the calibration file has them, to four decimals; a flag beyond the reject is none."""
    made = {}
    for name, doubt in DOUBTS.items():
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


def _badness(trials: Sequence[Trial], names: Sequence[str]) -> NDArray[np.float64]:
    """(trials, numbers) float64, more is worse; NaN where a trial has no such number."""
    signs = [1.0 if DOUBTS[name].broken == "above" else -1.0 for name in names]
    rows = [[s * trial.numbers.get(n, math.nan) for n, s in zip(names, signs, strict=True)] for trial in trials]
    return np.array(rows, np.float64).reshape(len(trials), len(names))


def _score(alarmed: npt.ArrayLike, kinds: NDArray[np.str_]) -> float:
    seen = np.asarray(alarmed, np.bool_)
    return sum(min(float(seen[kinds == kind].mean()), _ENOUGH) for kind in np.unique(kinds))


def _best_step(
    right: NDArray[np.float64],
    wrong: NDArray[np.float64],
    kinds: NDArray[np.str_],
    limits: NDArray[np.float64],
    budget: float,
) -> tuple[int, float] | None:
    false, true = (right > limits).any(axis=1), (wrong > limits).any(axis=1)
    score, best, best_gain = _score(true, kinds), None, 0.0
    for column in range(len(limits)):
        values = right[:, column]
        values = np.unique(values[np.isfinite(values) & (values < limits[column])])[::-1][:_CANDIDATES]
        for value in values:
            cost = float((false | (right[:, column] > value)).mean())
            if cost > budget:
                break
            gain = _score(true | (wrong[:, column] > value), kinds) - score
            worth = gain / (cost - float(false.mean()) + 1.0 / len(right))
            if gain > 1e-9 and worth > best_gain:
                best, best_gain = (column, float(value)), worth
    return best


def _loosen(wrong: NDArray[np.float64], limits: NDArray[np.float64]) -> None:
    """Move each limit half of the way on which it loses no fault that no other rule catches; in place."""
    for column in range(len(limits)):
        others = np.delete(wrong > limits, column, axis=1).any(axis=1)
        only = wrong[~others & (wrong[:, column] > limits[column]), column]
        if not len(only):
            limits[column] = np.inf
        else:
            limits[column] += 0.5 * (float(only.min()) - limits[column])
