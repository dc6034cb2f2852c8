"""What the rows of each stage took: processor time, memory, disk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pvtt_data.stage import StageResult


@dataclass(frozen=True, slots=True)
class StageCost:
    """What one stage took, over the rows that were measured, those from the cache included.

    Attributes:
        measured: rows with a measurement.
        cpu_s: mean processor seconds of a row.
        wall_s: mean seconds of a row in its worker.
        slowest: the row that took longest on the clock.
        slowest_s: how long.
        peak_rss_bytes: the most memory that a worker held.
        stored_bytes: bytes of the blobs in all rows.
    """

    stage: str
    measured: int
    cpu_s: float
    wall_s: float
    slowest: str
    slowest_s: float
    peak_rss_bytes: int
    stored_bytes: int


def stage_costs(results: Sequence[StageResult]) -> list[StageCost]:
    """One line for each stage that has measured rows, in order."""
    return [_cost(result) for result in results if result.costs]


def _cost(result: StageResult) -> StageCost:
    costs = result.costs
    slowest = min(costs, key=lambda item: (-item.cost.wall_s, item.name))
    return StageCost(
        stage=result.stage,
        measured=len(costs),
        cpu_s=math.fsum(item.cost.cpu_s for item in costs) / len(costs),
        wall_s=math.fsum(item.cost.wall_s for item in costs) / len(costs),
        slowest=slowest.name,
        slowest_s=slowest.cost.wall_s,
        peak_rss_bytes=max(item.cost.peak_rss_bytes for item in costs),
        stored_bytes=sum(item.stored_bytes for item in costs),
    )
