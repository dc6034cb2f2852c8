"""How long a build will take and how much it will store, from what its stages took before.

Rates come from the results in the work directory; a stage without any takes the rates below, measured on
the sample catalogue. How many rows reach a stage whose input is not made yet is taken from the latest build of the same
recipe, in proportion to the number of media, or from the sample catalogue.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pvtt_data.stage import ItemCost


@dataclass(frozen=True, slots=True)
class Rate:
    """What a row of a stage takes.

    Attributes:
        wall_s: seconds of one worker.
        stored_bytes: bytes added to the blob store.
        rows_per_medium: rows of the stage for each measured medium.
    """

    wall_s: float
    stored_bytes: float
    rows_per_medium: float


# The sample catalogue (7 media) on two x86-64 cores, clips of 49 frames at 480×848, U²-Net.
SAMPLE_RATES: Mapping[str, Rate] = {
    "measure": Rate(1.3, 0.4e6, 1.0),
    "split": Rate(0.03, 0.0, 1.0),
    "fingerprint": Rate(0.03, 0.1e6, 1.0),
    "compare": Rate(0.06, 0.0, 1.3),
    "normalise": Rate(1.7, 1.2e6, 1.6),
    "segment": Rate(24.0, 0.05e6, 1.6),
    "mask_numbers": Rate(3.6, 0.0, 1.6),
    "text_overlay": Rate(1.5, 0.0, 1.6),
    "photo_text": Rate(0.4, 0.0, 2.6),
    "listing_pictures": Rate(1.6, 0.3e6, 2.6),
    "listing_likeness": Rate(0.6, 0.0, 1.6),
    "clip_pictures": Rate(0.5, 0.5e6, 1.6),
    "picture_looks": Rate(0.1, 0.0, 5.0),
    "track_looks": Rate(0.65, 0.0, 1.6),
    "synthesise": Rate(10.0, 1.8e6, 1.4),
    "crosspair": Rate(1.0, 0.0, 0.7),
    "panzoom": Rate(4.0, 2.0e6, 0.5),
    "render": Rate(250.0, 3.0e6, 0.0),
    "triple_numbers": Rate(5.5, 0.0, 0.9),
}
_OTHER = Rate(1.0, 0.1e6, 1.0)
SAMPLE_BYTES_PER_TRIPLE = 4.0e6
"""Size of one sample in a shard, on the sample catalogue."""

Basis = Literal["measured here", "from the sample catalogue"]


@dataclass(frozen=True, slots=True)
class StageEstimate:
    """What a stage is going to take."""

    rows: int
    """Rows to run, those that depend on rows which have to run first included."""
    wall_s: float
    stored_bytes: float
    basis: Basis


def estimate_stage(
    stage: str,
    missing: int,
    cached: int,
    waits: bool,
    media: int,
    costs: Sequence[ItemCost],
    earlier_rows_per_medium: float | None,
    workers: int,
) -> StageEstimate:
    """What is left to do in one stage.

    Args:
        stage: its name.
        missing: rows that are known to have to run.
        cached: rows that are known and done.
        waits: whether further rows depend on stages that have to run first.
        media: media that are measured or will be.
        costs: what rows of the stage took in the work directory, with any settings.
        earlier_rows_per_medium: rows for each medium in the latest build of the recipe, if there was one.
        workers: worker processes.
    """
    default = SAMPLE_RATES.get(stage, _OTHER)
    rows = missing
    if waits:
        per_medium = default.rows_per_medium if earlier_rows_per_medium is None else earlier_rows_per_medium
        rows = max(missing, round(per_medium * media) - cached)
    basis: Basis = "measured here" if costs else "from the sample catalogue"
    wall_s = _mean([item.cost.wall_s for item in costs]) if costs else default.wall_s
    stored_bytes = _mean([item.stored_bytes for item in costs]) if costs else default.stored_bytes
    return StageEstimate(rows, wall_s * math.ceil(rows / workers), stored_bytes * rows, basis)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
