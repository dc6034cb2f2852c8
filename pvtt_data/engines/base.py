"""What every triple engine takes and gives.

An engine makes a pair of videos: the *source*, which shows product A where the *target* shows product B; where it only
rebuilds B, both are one. Engines are small classes; each takes a request of its own type and gives the same result
type, so that whatever comes after them knows one thing only. `pvtt_data.engines.mix` says how they share the work.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

RequestT = TypeVar("RequestT", contravariant=True)


@dataclass(frozen=True, slots=True)
class SwapResult:
    """A pair before encoding.

    Attributes:
        source: ``(T, H, W, 3) uint8`` RGB, shows A; of a reconstruction it is the target.
        source_mask: ``(T, H, W) bool``, where A is visible.
        target: ``(T, H, W, 3) uint8`` RGB, shows B; equal to ``source`` outside ``effect_mask``.
        target_mask: ``(T, H, W) bool``, where B is visible.
        effect_mask: ``(T, H, W) bool``, contains both masks and every pixel that may differ.
        numbers: what was measured on the way, finite; the same names in every result of an engine.
        flags: kebab-case slugs of what a person should look at, sorted.
    """

    source: npt.NDArray[np.uint8]
    source_mask: npt.NDArray[np.bool_]
    target: npt.NDArray[np.uint8]
    target_mask: npt.NDArray[np.bool_]
    effect_mask: npt.NDArray[np.bool_]
    numbers: dict[str, float] = field(default_factory=dict)
    flags: tuple[str, ...] = ()


class Engine(Protocol[RequestT]):
    """Makes pairs from requests.

    Attributes:
        name: as it stands in the sample's record.
        version: raised whenever the same request would give other pixels.
    """

    name: str
    version: int

    def make(self, request: RequestT) -> SwapResult:
        """Make one pair; equal requests give equal results.

        Raises:
            InputError: the request's material cannot become a pair, with the reason.
        """
        ...
