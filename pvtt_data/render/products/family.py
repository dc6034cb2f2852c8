"""What a family of procedural products is: a builder that turns seeds into an article."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pvtt_data.render.material import Part

Dice = np.random.Generator


@dataclass(frozen=True, slots=True)
class Seeds:
    """The three things that make an identity. Near-identities share two of them.

    Attributes:
        shape: proportions and construction.
        finish: materials and colours.
        label: brand, name, print.
    """

    shape: int
    finish: int
    label: int


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """What a builder gives.

    Attributes:
        title: as a shop would list it, brand and all; ASCII.
        parts: the article, in any size, resting as it would on a table, its front to -y, z up.
    """

    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of article.

    Attributes:
        name: "bottle", "ring".
        category: as shops file it: "bottles", "rings".
        group: related categories share it: "drinks", "beauty", "kitchen", "groceries", "jewellery", "fashion".
        build: makes the article from three independent dice: (shape, finish, label).
    """

    name: str
    category: str
    group: str
    build: Callable[[Dice, Dice, Dice], Made]
