"""How alike two sets of vectors are, and from when on two products are too alike to be told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pvtt_data.embedders.base import Embedder, Vectors


def likeness(first: Vectors, second: Vectors) -> float:
    """s(X, Y): mean over the rows of ``first`` of the best cosine with a row of ``second``; NaN if either is empty.

    Args:
        first, second: ``(N, D)`` and ``(M, D)``, rows of unit length.
    """
    if not len(first) or not len(second):
        return float("nan")
    return float((first.astype(np.float64) @ second.T.astype(np.float64)).max(axis=1).mean())


@dataclass(frozen=True, slots=True)
class Gate:
    """From which similarity on A and B are too alike for an embedder to tell which of them it sees.

    Attributes:
        embedder, weights_sha256: whose similarities it was measured on; a gate serves no other.
        most_alike: pairs with s(A, B) above it are untestable.
        same_products, different_pairs: how many it was measured on.
        same_passed: share of same-product pairs that it lets through; each of them would be a meaningless number.
        different_refused: share of different-product pairs that it refuses.
    """

    embedder: str
    weights_sha256: str
    most_alike: float
    same_products: int
    different_pairs: int
    same_passed: float
    different_refused: float


def fit_gate(
    embedder: Embedder, same: Sequence[float], different: Sequence[float], *, same_passed: float = 0.05
) -> Gate:
    """The gate that lets ``same_passed`` of the same-product pairs through.

    Args:
        same: s(crops of a product in a clip, references of the same product), one for each product.
        different: the same of different products.
        same_passed: quantile of ``same`` that becomes the threshold.

    Raises:
        ValueError: fewer than 20 of a kind.
    """
    if min(len(same), len(different)) < 20:
        raise ValueError(f"{len(same)} same and {len(different)} different pairs are too few: 20 of each at least")
    threshold = float(np.quantile(same, same_passed))
    return Gate(
        embedder.name,
        embedder.weights_sha256,
        threshold,
        len(same),
        len(different),
        float(np.mean(np.asarray(same) <= threshold)),
        float(np.mean(np.asarray(different) > threshold)),
    )
