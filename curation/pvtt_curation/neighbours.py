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


def mean_looks(looks: Iterable[Look]) -> dict[str, npt.NDArray[np.float32]]:
    """Track → the mean of its views' embeddings, ``(D,) float32`` of unit length; those without a view are left out.

    Args:
        looks: of tracks, by one embedder.
    """
    from pvtt_data.looks import embeddings

    means = {look.subject_id: embeddings(look.views).mean(axis=0) for look in looks if look.views}
    return {
        name: np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), np.float32) for name, mean in means.items()
    }


def alike_tracks(
    looks: Mapping[str, npt.NDArray[np.float32]], clip_of: Mapping[str, str]
) -> dict[str, tuple[Neighbour, ...]]:
    """Track → the tracks of other clips whose products look most like its own, at most `MOST`, the best first.

    Args:
        looks: of `mean_looks`; likeness is the cosine of two.
        clip_of: track → clip; tracks that are not in it are left out.
    """
    seen = [track for track in looks if track in clip_of]
    if len(seen) < 2:
        return {}
    means = np.stack([looks[track] for track in seen])
    clips = np.unique([clip_of[track] for track in seen], return_inverse=True)[1]
    found = {}
    for first in range(0, len(seen), _BLOCK_ROWS):
        block = slice(first, first + _BLOCK_ROWS)
        cosines = means[block] @ means.T
        cosines[clips[block, None] == clips[None]] = -np.inf
        for track, row in zip(seen[block], cosines, strict=True):
            found[track] = _best(seen, row)
    return found


def _best(tracks: Sequence[str], cosines: npt.NDArray[np.float32]) -> tuple[Neighbour, ...]:
    nearest = np.argsort(-cosines, kind="stable")[:MOST]
    return tuple(Neighbour(tracks[at], round(float(cosines[at]), 4), "looks") for at in nearest if cosines[at] > 0)


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
