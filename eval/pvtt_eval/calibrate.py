"""How far an embedder can be trusted on rendered cases: its gate, and what the true target scores.

python -m pvtt_eval.calibrate shards/v1 train
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from pvtt_data.embedders.base import Embedder, embed_groups
from pvtt_data.embedders.colour_shape import ColourShape
from pvtt_data.embedders.crops import Crops, crop_references, crop_video
from pvtt_data.embedders.likeness import Gate, fit_gate, likeness
from pvtt_data.shards import ShardDataset
from pvtt_eval.bootstrap import Interval, bootstrap_mean, wilson
from pvtt_eval.case import RenderedCase, case_dominance

WANTED_RSD = 0.7
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, slots=True)
class Calibration:
    """What an embedder makes of true targets.

    Attributes:
        gate: fitted on these cases.
        same, different: quantiles 5, 25, 50, 75 and 95 % of s(B in the scene, references) of the same and of different
            products.
        told_apart: share of (same, different) pairs of similarities in the right order, the area under the ROC curve.
        testable: share of the cases with an RSD under this gate.
        truth_rsd: mean RSD of the true target over these.
        truth_rsd_quantiles: of the same.
        truth_passes: share of them above 0.7.
        truth_axis_quantiles: of the mean position on the axis, over all cases.
    """

    gate: Gate
    same: tuple[float, ...]
    different: tuple[float, ...]
    told_apart: float
    testable: Interval
    truth_rsd: Interval
    truth_rsd_quantiles: tuple[float, ...]
    truth_passes: Interval
    truth_axis_quantiles: tuple[float, ...]


def calibrate(cases: Sequence[RenderedCase], embedder: Embedder) -> Calibration:
    """Measure an embedder on the true targets of rendered cases.

    The gate is fitted on the products that it is then used on: fit it on training products, use it on test products.

    Args:
        cases: 20 at least; two of one product count as different products' pairs only if their identities differ.

    Raises:
        ValueError: too few cases, or a product too small to be cropped everywhere.
    """
    shown = [crop_video(case.target, case.target_mask) for case in cases]
    pictures = [crop_references(case.references) for case in cases]
    vectors = [
        embed_groups(embedder, [one.pictures, other.pictures]) for one, other in zip(shown, pictures, strict=True)
    ]
    same = [likeness(scene, references) for scene, references in vectors]
    different = [
        likeness(vectors[i][0], vectors[j][1])
        for i, one in enumerate(cases)
        for j, other in enumerate(cases)
        if one.product_b != other.product_b
    ]
    if not np.isfinite([*same, *different]).all():
        raise ValueError("a case shows nothing of its product")
    gate = fit_gate(embedder, same, different)
    found = [_truth(*facts, embedder, gate) for facts in zip(cases, shown, pictures, strict=True)]
    scores = np.array([rsd for rsd, _ in found])
    told = scores[~np.isnan(scores)]
    return Calibration(
        gate,
        _quantiles(same),
        _quantiles(different),
        float(np.mean(np.asarray(same)[:, None] > np.asarray(different)[None])),
        wilson(len(told), len(scores)),
        bootstrap_mean(list(scores), [case.product_b for case in cases]),
        _quantiles(told),
        wilson(int((told > WANTED_RSD).sum()), len(told)),
        _quantiles([axis for _, axis in found]),
    )


def _truth(case: RenderedCase, shown: Crops, references: Crops, embedder: Embedder, gate: Gate) -> tuple[float, float]:
    found = case_dominance(case, shown, references, embedder, gate)
    return found.rsd, found.axis


def _quantiles(values: Sequence[float] | np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in np.quantile(values, _QUANTILES))


def main() -> None:
    """Calibrate `ColourShape` on a split of a dataset, and print it as JSON."""
    folder, split = sys.argv[1:]
    samples = [sample for sample in ShardDataset(Path(folder)) if sample.split == split]
    cases = [RenderedCase.of(sample, sample.source_mask) for sample in samples if sample.meta.engine == "render"]
    print(json.dumps(asdict(calibrate(cases, ColourShape())), indent=1))


if __name__ == "__main__":
    main()
