"""Scores of samples: does the object look like B, and was the rest kept? In other processes, while a GPU goes on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pvtt_eval.background import background
from pvtt_eval.case import RenderedCase, Row, score_case
from pvtt_eval.regions import case_regions

from pvtt_data.embedders.base import Vectors, embed_groups
from pvtt_data.embedders.colour_shape import ColourShape
from pvtt_data.embedders.crops import crop_references, crop_video
from pvtt_data.embedders.likeness import Gate, fit_gate, likeness
from pvtt_data.process_pool import single_threaded_pool
from pvtt_data.shards import ShardDataset

LEAST_GATE_CASES = 20
_GATE_FRAMES = 9
_LOOKED_AT = 20
"""So many times the wanted number of samples are looked at, at most."""
SCALARS = (
    "rsd",
    "rsd_px",
    "ref_gain",
    "src_leak",
    "axis",
    "background_psnr_db",
    "background_ssim",
    "background_below_ceiling_db",
    "spill",
)
"""Of a row's numbers, those whose mean over the cases is tracked."""


class Scorer:
    """Scores results; a context manager.

    Args:
        workers: processes; 0 to work in this one.
        training: samples to fit the gate on.
        gate_samples: at most so many of them; under `LEAST_GATE_CASES` there is no gate.
    """

    def __init__(self, workers: int, training: ShardDataset | None, gate_samples: int) -> None:
        self._stack = ExitStack()
        self._pool = self._stack.enter_context(single_threaded_pool(workers, apart=True))
        self._training, self._gate_samples = training, gate_samples
        self._fitting: Future[Gate | None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes."""
        self._stack.close()

    def fit_gate(self) -> None:
        """Begin to measure the gate, if that has not begun."""
        if self._fitting is None:
            self._fitting = self._pool.submit(_gate, self._training, self._gate_samples)

    @property
    def gate(self) -> Gate | None:
        """Waits for it."""
        self.fit_gate()
        assert self._fitting is not None
        return self._fitting.result()

    def score(self, case: RenderedCase, result: NDArray[np.uint8], ceiling_db: float) -> Future[Row]:
        """`score` of a case's result ``(T, H, W, 3) uint8``."""
        return self._pool.submit(score, case, result, ceiling_db, self.gate)


def score(case: RenderedCase, result: NDArray[np.uint8], ceiling_db: float, gate: Gate | None) -> Row:
    """`pvtt_eval.score_case`, and ``background_below_ceiling_db``: what was lost beyond the autoencoder's own loss.

    A case that cannot be scored wholly, such as one whose references have no alpha, gets what can be had and
    ``unscored``, the reason.
    """
    row: Row
    try:
        row = {**score_case(case, result, ColourShape(), gate=gate), "unscored": ""}
    except ValueError as error:
        row = {"case_id": case.case_id, "product_b": case.product_b, "testable": False, "unscored": str(error)}
        try:
            where = case_regions(case.source_mask, case.conditioning_mask).background
        except ValueError:
            return row
        kept = background(result, case.source, where)
        row |= {"background_psnr_db": kept.psnr_db, "background_ssim": kept.ssim, "background_share": kept.share}
    return row | {"background_below_ceiling_db": ceiling_db - float(row["background_psnr_db"])}


def means(rows: Sequence[Row]) -> dict[str, float]:
    """Mean of each of `SCALARS` over the cases that have it, and how many have an RSD."""
    found: dict[str, float] = {"testable": float(sum(bool(row.get("testable")) for row in rows))}
    for name in SCALARS:
        values = [float(row[name]) for row in rows if name in row and math.isfinite(float(row[name]))]
        if values:
            found[name] = sum(values) / len(values)
    return found


def _gate(training: ShardDataset | None, most: int) -> Gate | None:
    """From some frames of some training cases, as `pvtt_eval.calibrate` measures it: crops of B in the scene against
    references of the same and of other products.
    """
    if training is None or most < LEAST_GATE_CASES:
        return None
    vectors: list[tuple[Vectors, Vectors]] = []
    products: list[str] = []
    embedder = ColourShape()
    for number in training.order(seed=0)[: _LOOKED_AT * most]:
        sample = training[int(number)]
        meta = sample.meta
        pictures = sample.references[: meta.reference_count]
        if meta.engine != "render" or meta.kind != "swap" or any(picture.shape[2] != 4 for picture in pictures):
            continue
        apart = max(1, len(sample.target) // _GATE_FRAMES)
        scene = crop_video(sample.target[::apart], sample.target_mask[::apart])
        references = crop_references(pictures)
        if len(scene) and len(references):
            first, second = embed_groups(embedder, [scene.pictures, references.pictures])
            vectors.append((first, second))
            products.append(meta.product_b)
        if len(vectors) == most:
            break
    same = [likeness(scene, references) for scene, references in vectors]
    different = [
        likeness(scene, references)
        for (scene, _), one in zip(vectors, products, strict=True)
        for (_, references), other in zip(vectors, products, strict=True)
        if one != other
    ]
    enough = min(len(same), len(different)) >= LEAST_GATE_CASES
    return fit_gate(embedder, same, different) if enough else None
