"""How sure a mean is.

Cases of one product are not independent, so whole products are drawn: what a reader wants to know is how far the number
would move on other products, not on other clips of the same ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its interval.

    Attributes:
        estimate: mean or share.
        low, high: ends of the interval; equal to the estimate where only one product was seen.
        level: what share of such intervals covers the truth.
        cases: how many numbers went in.
        products: how many products they are of.
        missing: cases without a number (NaN), which are left out: say so beside the mean.
    """

    estimate: float
    low: float
    high: float
    level: float
    cases: int
    products: int
    missing: int


def bootstrap_mean(
    values: Sequence[float],
    product_ids: Sequence[str],
    *,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> Interval:
    """Mean over cases with the percentile interval of a bootstrap over products.

    Products are drawn with replacement, as many as there are; a draw's mean is that of all cases of the drawn products,
    a product drawn twice counting twice (cluster bootstrap, Davison & Hinkley 1997, §3.8; percentile interval, Efron &
    Tibshirani 1993, §13.3). The same arguments give the same interval, whatever the order of the cases. Under about ten
    products it is too narrow.

    Args:
        values: one number per case; NaN for cases without one.
        product_ids: the product of each case; of pairs, B's.

    Raises:
        ValueError: lengths differ, or no case has a number.
    """
    if len(values) != len(product_ids):
        raise ValueError(f"{len(values)} values, but {len(product_ids)} products")
    groups: dict[str, list[float]] = {}
    for value, product in zip(values, product_ids, strict=True):
        if not math.isnan(value):
            groups.setdefault(product, []).append(float(value))
    if not groups:
        raise ValueError("no case has a number")
    names = sorted(groups)
    sums = np.array([math.fsum(groups[name]) for name in names])
    counts = np.array([len(groups[name]) for name in names], np.float64)
    cases = int(counts.sum())
    drawn = np.random.default_rng(seed).integers(0, len(names), (draws, len(names)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(float(sums.sum() / cases), float(low), float(high), level, cases, len(names), len(values) - cases)


def wilson(successes: int, total: int, *, level: float = 0.95) -> Interval:
    """A share with Wilson's score interval (Wilson 1927), good at shares near 0 and 1 and for few cases.

    Cases count as independent: for several cases a product use `bootstrap_mean` on zeros and ones as well.

    Raises:
        ValueError: no cases, or more successes than cases.
    """
    if not 0 <= successes <= total or total == 0:
        raise ValueError(f"{successes} of {total} is no share")
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = successes / total
    middle = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half), level, total, total, 0)
