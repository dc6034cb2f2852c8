"""Dedup: of windows that show the same footage keep one, and remember the link. A table stage: no pixels.

A window's signature is nine 64-bit perceptual hashes over its duration; two windows are near duplicates when the mean
Hamming distance of their hashes is small. The one with the most pixels stays (ties: the smallest id); the others are
rejected with a link to it, and the link keeps their sources in one split.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from pvtt_data.components import Components
from pvtt_data.records import Shot
from pvtt_data.shots import signature_hashes
from pvtt_data.stage import StageConfig, StageResult, reject

NAME = "dedup"
_BLOCK = 512


class DedupConfig(StageConfig):
    """When two windows count as the same footage."""

    max_distance_bits: Annotated[float, Field(ge=0, le=32)] = 8.0
    """Mean Hamming distance of the nine perceptual hashes (of 64 bits each) up to which they are duplicates."""


def dedup(shots: Sequence[Shot], config: DedupConfig) -> tuple[StageResult, list[tuple[str, str]]]:
    """The windows that stay, and all links between the sources of duplicates as (source id, source id)."""
    result = StageResult(NAME, items=len(shots), table=True)
    components: Components[str] = Components()
    for shot in shots:
        components.add(shot.shot_id)
    distances: dict[tuple[str, str], float] = {}
    for one, other, bits in near_duplicates(shots, config.max_distance_bits):
        components.link(one.shot_id, other.shot_id)
        distances[one.shot_id, other.shot_id] = distances[other.shot_id, one.shot_id] = bits
    by_id = {shot.shot_id: shot for shot in shots}
    links: set[tuple[str, str]] = set()
    for group in components.groups().values():
        ranked = sorted((by_id[name] for name in group), key=_rank)
        keeper = ranked[0]
        result.rows.append(keeper)
        for shot in ranked[1:]:
            low, high = sorted((keeper.source_id, shot.source_id))
            if low != high:
                links.add((low, high))
            bits = distances.get((keeper.shot_id, shot.shot_id), float("nan"))
            numbers = {"threshold": config.max_distance_bits} | ({} if bits != bits else {"distance_bits": bits})
            message = "shows the same footage as a window that stays"
            result.rejections.append(
                reject(NAME, "shot", shot.shot_id, "", "near-duplicate", message, numbers, linked_to=keeper.shot_id)
            )
    result.rows.sort(key=lambda shot: shot.shot_id)
    return result, sorted(links)


def _rank(shot: Shot) -> tuple[int, str]:
    return (-shot.letterbox.width * shot.letterbox.height, shot.shot_id)


def near_duplicates(shots: Sequence[Shot], max_distance_bits: float) -> list[tuple[Shot, Shot, float]]:
    """All pairs of windows within the distance, with the distance in bits."""
    if len(shots) < 2:
        return []
    signatures = np.array([signature_hashes(shot.signature) for shot in shots], dtype=np.uint64)
    pairs = []
    for start in range(0, len(shots), _BLOCK):
        block = signatures[start : start + _BLOCK]
        bits = np.zeros((len(block), len(shots)), dtype=np.float64)
        for k in range(signatures.shape[1]):
            bits += np.bitwise_count(block[:, k, None] ^ signatures[None, :, k])
        bits /= signatures.shape[1]
        for i, j in zip(*np.nonzero(bits <= max_distance_bits), strict=True):
            if start + i < j:
                pairs.append((shots[start + int(i)], shots[int(j)], float(bits[i, j])))
    return pairs
