"""The mix of engines: what share of the triples each is meant to make, and what share it made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pvtt_data.stage import StageConfig

MinedEngine = Literal["composite", "crosspair", "panzoom"]
"""Engines that work from mined videos and listing pictures, on processors."""


class EngineShares(StageConfig):
    """Wished shares of the engines that work from mined material; weights, which need not add up to 1.

    Rendered triples have a section and a share of their own, which counts in all triples; these share what is left.
    """

    composite: Annotated[float, Field(ge=0)] = 30.0
    """Another product pasted into a real clip; the real clip is the target."""
    crosspair: Annotated[float, Field(ge=0)] = 15.0
    """A real clip rebuilt from pictures of its product that were taken elsewhere."""
    panzoom: Annotated[float, Field(ge=0)] = 10.0
    """A listing picture and its double with another product, filmed by one moving window."""

    @model_validator(mode="after")
    def _something(self) -> EngineShares:
        if not any(self.weights().values()):
            raise ValueError("at least one engine must have a share above 0; to render only, leave mine out")
        return self

    def weights(self) -> dict[MinedEngine, float]:
        """Engine → its weight."""
        return {"composite": self.composite, "crosspair": self.crosspair, "panzoom": self.panzoom}

    def rates(self, most: float) -> dict[MinedEngine, float]:
        """Engine → how many triples it makes of a clip: ``most`` for the largest weight, the others in proportion."""
        weights = self.weights()
        return {engine: most * weight / max(weights.values()) for engine, weight in weights.items()}


@dataclass(frozen=True, slots=True)
class MixLine:
    """What became of one engine's share.

    Attributes:
        wanted: share of the triples that the recipe wishes, renormalised over the engines that could make any; None
            where it gives a number of renders instead of a share.
        pairs: what the engine was asked to make.
        triples: what passed.
        found: share of all triples.
    """

    engine: str
    wanted: float | None
    pairs: int
    triples: int
    found: float

    def text(self) -> str:
        """For a person: ``composite 55 % (found 52 %, 12 of 14 pairs)``."""
        wish = "" if self.wanted is None else f" {self.wanted:.0%} wanted,"
        return f"{self.engine}{wish} {self.found:.0%} found ({self.triples} of {self.pairs} pairs)"


def mix_lines(
    shares: EngineShares | None, render_share: float | None, pairs: Iterable[str], triples: Iterable[str]
) -> list[MixLine]:
    """One line for each engine that has a share or made something; wanted shares first, the largest first.

    Args:
        shares: of the engines that work from mined material; None where nothing is mined.
        render_share: of renders in all triples; None where a number of them is given, or none are.
        pairs: the engine of each pair.
        triples: the engine of each triple.
    """
    asked, made = Counter(pairs), Counter(triples)
    weights: dict[str, float] = {}
    if shares is not None:
        weights.update({str(engine): weight for engine, weight in shares.weights().items()})
    able = {engine: weight for engine, weight in weights.items() if weight and asked[engine]}
    left = 1.0 - (render_share or 0.0) if asked["render"] else 1.0
    wanted: dict[str, float | None] = {
        engine: left * able[engine] / sum(able.values()) if engine in able else 0.0
        for engine, weight in weights.items()
        if weight
    }
    if asked["render"]:
        wanted["render"] = render_share
        if render_share is None:
            wanted = dict.fromkeys(wanted)
    total = max(1, sum(made.values()))
    lines = [
        MixLine(engine, wanted.get(engine), asked[engine], made[engine], made[engine] / total)
        for engine in dict.fromkeys([*wanted, *sorted(asked)])
    ]
    return sorted(lines, key=lambda line: (line.wanted is None, -(line.wanted or 0.0), line.engine))
