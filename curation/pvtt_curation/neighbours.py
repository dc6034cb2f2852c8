"""Which subjects show the same or nearly the same: by the looks of their products, and by footage that they share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from pvtt_data.records import Clip, Link, Look

MOST = 3
"""Neighbours that a subject is given."""
_BLOCK_ROWS = 1024


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A row of the same kind that shows the same or nearly the same.

    Attributes:
        row_id: of the clip, mask track or triple.
        likeness: 1 for the same; a cosine of embeddings, or the share of the picture that agrees.
        why: what is alike.
    """

    row_id: str
    likeness: float
    why: Literal["looks", "footage"]


def alike_tracks(looks: Iterable[Look], clip_of: Mapping[str, str]) -> dict[str, tuple[Neighbour, ...]]:
    """Track → the tracks of other clips whose products look most like its own, at most `MOST`, the best first.

    A track's look is the mean of its views; likeness is the cosine of two.

    Args:
        looks: of tracks, by one embedder.
        clip_of: track → clip; tracks that are not in it are left out.
    """
    from pvtt_data.looks import embeddings

    seen = [look for look in looks if look.subject_id in clip_of and look.views]
    if len(seen) < 2:
        return {}
    means = np.stack([embeddings(look.views).mean(axis=0) for look in seen])
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    clips = np.unique([clip_of[look.subject_id] for look in seen], return_inverse=True)[1]
    found = {}
    for first in range(0, len(seen), _BLOCK_ROWS):
        block = slice(first, first + _BLOCK_ROWS)
        cosines = means[block] @ means.T
        cosines[clips[block, None] == clips[None]] = -np.inf
        for look, row in zip(seen[block], cosines, strict=True):
            found[look.subject_id] = _best(seen, row)
    return found


def _best(looks: Sequence[Look], cosines: npt.NDArray[np.float32]) -> tuple[Neighbour, ...]:
    nearest = np.argsort(-cosines, kind="stable")[:MOST]
    return tuple(
        Neighbour(looks[at].subject_id, round(float(cosines[at]), 4), "looks") for at in nearest if cosines[at] > 0
    )


def clips_sharing_footage(clips: Iterable[Clip], links: Iterable[Link]) -> dict[str, tuple[Neighbour, ...]]:
    """Clip → clips of sources that share footage with its own, at most `MOST`, the most alike first."""
    of_source: dict[str, list[str]] = defaultdict(list)
    for clip in clips:
        of_source[clip.source_id].append(clip.clip_id)
    found: dict[str, list[Neighbour]] = defaultdict(list)
    for link in links:
        alike = link.numbers.get("agreeing", 1.0)
        for one, other in ((link.one, link.other), (link.other, link.one)):
            for clip_id in of_source.get(one, ()):
                found[clip_id] += [Neighbour(name, alike, "footage") for name in of_source.get(other, ())]
    return {
        clip_id: tuple(sorted(neighbours, key=lambda n: (-n.likeness, n.row_id))[:MOST])
        for clip_id, neighbours in found.items()
    }
