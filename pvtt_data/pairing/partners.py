"""Whose A is put into a clip, and which picture of it.

Weighted rendezvous hashing: each candidate draws u in (0, 1) from its hash with the clip, and whoever has the greatest
weight / -ln u is taken, which happens in proportion to the weights. Weights and draws are of the candidate and the clip
alone, so a product that comes or goes takes and gives up its own places and moves nobody else's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pvtt_data.looks import Reals, UInt8, overlaps
from pvtt_data.pairing.kinship import kinship
from pvtt_data.pairing.products import Bools, Product, Roster, Seen
from pvtt_data.records import Difficulty
from pvtt_data.rendezvous import rank

Placement = Literal["cover", "free"]
PLACEMENTS: tuple[Placement, ...] = ("cover", "free")

_FREE = (0.08, 0.45)
"""Share of B that A leaves bare at equal extent, between which A suits a free placement."""
_COVERING = 0.12
_LEAST_WEIGHT = 0.02
_LEAST_SHARPNESS = 0.1
"""Weight of a picture that would have to be shown so many times larger than it is, or more; others in proportion."""
_LEAST_U = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """What A is put into.

    Attributes:
        name: of the clip or photo, for hashing.
        product: B.
        outline: ``(20, 20) uint8``, of B there, standing.
        embeddings: ``(N, D)``, of B there.
        extent_px: geometric mean of the sides of B's box there.
    """

    name: str
    product: Product
    outline: UInt8
    embeddings: Reals
    extent_px: float


@dataclass(frozen=True, slots=True)
class PartnerRules:
    """How partners are chosen.

    Attributes:
        seed: another seed deals other partners.
        difficulty: weight of each difficulty.
        max_likeness: cosine of a picture of A with B from which on the two count as one product's looks.
        like_shape: agreement of the outlines from which on two shapes are alike.
        free_share: share of pairs in which part of B is meant to lie outside A.
    """

    seed: int
    difficulty: Mapping[Difficulty, float]
    max_likeness: float
    like_shape: float
    free_share: float


@dataclass(frozen=True, slots=True)
class Partner:
    """A product A for a place, and how it is shown there."""

    product: Product
    seen: Seen
    difficulty: Difficulty
    placement: Placement
    own_rank: str


def choose_partners(place: Place, roster: Roster, usable: Bools, count: int, rules: PartnerRules) -> list[Partner]:
    """Up to ``count`` different products for a place, the first choice first.

    Whether A is to cover B or to leave part of it bare is drawn for each candidate, and its weight is how well it suits
    that, less for pictures that are smaller than B is there. Each of the places to fill draws a placement and an order
    of difficulties by their weights, and takes the best free candidate of the first difficulty that has one, of its
    placement if there is one.

    Args:
        roster: of the place's split.
        usable: ``(pictures,)``, which pictures may be shown; a product without any is passed over.
    """
    if not count or not usable.any():
        return []
    bare, agreements = overlaps(roster.outlines, place.outline)
    sharp = np.clip(roster.extents_px / place.extent_px, _LEAST_SHARPNESS, 1.0).astype(np.float32)
    weights: dict[Placement, Reals] = {placement: sharp * _weights(bare, placement) for placement in PLACEMENTS}
    fit = {placement: roster.best(weights[placement], usable) for placement in weights}
    shapes = roster.best(agreements, usable)
    alike = _alike(place, roster, rules)
    offers: dict[tuple[Difficulty, Placement], list[tuple[float, str, int, str]]] = {}
    for number in np.flatnonzero((fit["cover"] > 0) & ~alike).tolist():
        product = roster.products[number]
        own_rank = rank(rules.seed, place.name, product.product_id)
        placement: Placement = "free" if _share(own_rank[-13:]) < rules.free_share else "cover"
        score = _score(float(fit[placement][number]), _share(own_rank[:13]))
        difficulty = _difficulty(place.product, product, bool(shapes[number] >= rules.like_shape))
        offers.setdefault((difficulty, placement), []).append((score, product.product_id, number, own_rank))
    for listed in offers.values():
        listed.sort()  # the best is the last, where it is cheap to take
    chosen: list[Partner] = []
    for slot in range(count):
        first: Placement = "free" if unit(rules.seed, "free", place.name, slot) < rules.free_share else "cover"
        wishes = [(difficulty, way) for difficulty in _order(rules, place.name, slot) for way in _both(first)]
        wish = next((wish for wish in wishes if offers.get(wish)), None)
        if wish is None:
            break
        _, _, number, own_rank = offers[wish].pop()
        seen = _picture(place, roster, number, usable, weights[wish[1]], rules)
        chosen.append(Partner(roster.products[number], seen, *wish, own_rank))
    return chosen


def too_alike(place: Place, roster: Roster, usable: Bools, rules: PartnerRules) -> int:
    """How many candidates look like B itself."""
    candidates = roster.best(np.ones(len(usable), np.float32), usable) > 0
    return int((_alike(place, roster, rules) & candidates).sum())


def unit(seed: int, *facts: object) -> float:
    """A number in [0, 1) that follows from the facts."""
    return _share(rank(seed, *facts)[:13])


def _share(digits: str) -> float:
    """13 hex digits as a number in [0, 1)."""
    return int(digits, 16) / 16**13


def _both(first: Placement) -> tuple[Placement, Placement]:
    return (first, "cover" if first == "free" else "free")


def _alike(place: Place, roster: Roster, rules: PartnerRules) -> Bools:
    """``(products,)``: which have a picture, used or not, that looks like B."""
    cosines = (roster.embeddings @ place.embeddings.T).max(axis=1)
    everything = np.ones(len(roster.pictures), np.bool_)
    return np.asarray(roster.best(cosines, everything) > rules.max_likeness, np.bool_)


def _picture(place: Place, roster: Roster, number: int, usable: Bools, weights: Reals, rules: PartnerRules) -> Seen:
    """The picture of a product that is shown: drawn by how well it suits the placement."""
    own = np.flatnonzero(usable & (roster.owners == number)).tolist()
    scores = {
        index: _score(float(weights[index]), unit(rules.seed, place.name, roster.pictures[index].picture.picture_id))
        for index in own
    }
    return roster.pictures[max(own, key=lambda index: (scores[index], index))]


def _weights(bare: Reals, placement: Placement) -> Reals:
    """How well pictures suit a placement, from the share of B that they leave bare at equal extent."""
    if placement == "cover":
        fit = np.exp(-bare / _COVERING)
    else:
        fit = np.exp(-np.abs(bare - np.clip(bare, *_FREE)) / _COVERING)
    return np.asarray(np.maximum(fit, _LEAST_WEIGHT), np.float32)


def _score(weight: float, u: float) -> float:
    return weight / -math.log(min(max(u, _LEAST_U), 1 - _LEAST_U))


def _order(rules: PartnerRules, name: str, number: int) -> list[Difficulty]:
    """Difficulties for one place to fill: drawn without replacement by weight, those without weight last."""
    drawn = {
        difficulty: _score(weight, unit(rules.seed, "difficulty", name, number, difficulty))
        for difficulty, weight in rules.difficulty.items()
    }
    return sorted(drawn, key=lambda difficulty: (-drawn[difficulty], difficulty))


def _difficulty(b: Product, a: Product, like_shape: bool) -> Difficulty:
    """Easy within a category, medium in a related or unknown one; else hard where the shapes are alike, and expert."""
    match kinship(b.words, a.words):
        case "same":
            return "easy"
        case "related" | "unknown":
            return "medium"
    return "hard" if like_shape else "expert"
