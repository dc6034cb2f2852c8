"""Throws of the dice that families share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from pvtt_data.render.products.family import Dice

T = TypeVar("T")


def pick(dice: Dice, choices: Sequence[T]) -> T:
    """One of several things, all equally likely."""
    return choices[int(dice.integers(len(choices)))]


def chance(dice: Dice, share: float) -> bool:
    """Whether something happens that happens in this share of cases."""
    return bool(dice.random() < share)
