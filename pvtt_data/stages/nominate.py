"""Nominate: which fingerprints are worth comparing. A table stage on sketches: no pixels, no fingerprint in full.

One picture a second of each source, in nine crops, is looked for among two pictures a second of all others: coarse
saturated gradients, whose cosine survives crops, stickers and small shifts of time. Two hits of one crop nominate a
pair. Nomination only saves time: what it lets through is compared in full, and what it misses is not found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from pvtt_data.footage import UNIT, Gradients, Sketch

_ALIKE = np.float32(round(0.58 * UNIT**2))
_HITS = 2
_QUERY_ROWS = 4096
_TARGET_ROWS = 1024


def nominate(sketches: Mapping[str, Sketch]) -> list[tuple[str, str]]:
    """Pairs of different names whose footage may be shared, both in each pair and all pairs sorted.

    Products are exact (see `pvtt_data.footage.products`), so neither block sizes nor the BLAS nor other sources change
    what is found for a pair.
    """
    names = sorted(sketches)
    targets, target_source = _targets([sketches[name] for name in names])
    found: set[tuple[str, str]] = set()
    for block in _blocks([sketches[name] for name in names]):
        seen = _seen(block, sketches, names, targets, target_source)
        for row, source in enumerate(block):
            for other in np.flatnonzero(seen[row]):
                if other != source:
                    low, high = sorted((source, int(other)))
                    found.add((names[low], names[high]))
    return sorted(found)


def _targets(sketches: Sequence[Sketch]) -> tuple[Gradients, npt.NDArray[np.intp]]:
    """All targets that show something, and the number of the source of each."""
    kept = [sketch.targets[sketch.targets.any(axis=1)] for sketch in sketches]
    return np.concatenate(kept) if kept else np.zeros((0, 0), np.int8), np.repeat(
        np.arange(len(kept)), [len(rows) for rows in kept]
    )


def _blocks(sketches: Sequence[Sketch]) -> Iterator[list[int]]:
    """Numbers of sources, in order, with about so many query rows together that are multiplied at once."""
    block: list[int] = []
    rows = 0
    for number, sketch in enumerate(sketches):
        block.append(number)
        rows += sketch.queries.shape[0] * sketch.queries.shape[1]
        if rows >= _QUERY_ROWS:
            yield block
            block, rows = [], 0
    if block:
        yield block


def _seen(
    block: Sequence[int],
    sketches: Mapping[str, Sketch],
    names: Sequence[str],
    targets: Gradients,
    target_source: npt.NDArray[np.intp],
) -> npt.NDArray[np.bool_]:
    """``(len(block), len(names))``: whether enough queries of one view of a source hit another source."""
    parts = [sketches[names[source]].queries for source in block]
    queries = np.concatenate([part.reshape(-1, part.shape[2]) for part in parts]).astype(np.float32)
    hits = np.zeros((len(queries), len(names)), bool)
    for start in range(0, len(targets), _TARGET_ROWS):
        chunk = slice(start, start + _TARGET_ROWS)
        alike = queries @ targets[chunk].astype(np.float32).T
        row, column = np.divmod(np.flatnonzero(alike >= _ALIKE), alike.shape[1])
        hits[row, target_source[chunk][column]] = True
    seen = np.zeros((len(block), len(names)), bool)
    first = 0
    for number, part in enumerate(parts):
        views, count = part.shape[:2]
        of_views = hits[first : first + views * count].reshape(views, count, len(names))
        seen[number] = (of_views.sum(axis=1) >= _HITS).any(axis=0)
        first += views * count
    return seen
