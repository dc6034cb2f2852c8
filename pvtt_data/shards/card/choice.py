"""Which samples the preview shows: some of every kind, the same ones for the same samples, hardly others for others."""

from __future__ import annotations

import hashlib
import heapq

from pvtt_data.shards.format import SampleMeta

STRIP_SAMPLES = 4


class PreviewChoice:
    """Takes samples in any order.

    Of every (engine, category of B, split) the keys that hash lowest are kept. The preview takes the first of each,
    then the second of each, and so on; so a sample that comes or goes changes it by one sample.

    Args:
        count: how many samples the preview shows at most.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._groups: dict[tuple[str, str, str], list[tuple[int, str]]] = {}
        self._strip: dict[tuple[bool, str], list[tuple[int, str]]] = {}

    def add(self, meta: SampleMeta) -> None:
        """Consider one sample."""
        place = int.from_bytes(hashlib.sha256(f"preview {meta.key}".encode()).digest()[:8], "big")
        group = self._groups.setdefault((meta.engine, meta.category_b, meta.split), [])
        _keep(group, (-place, meta.key), self.count)
        if meta.kind == "swap" and meta.verdict == "accept":
            group = self._strip.setdefault((meta.is_pseudo_video, meta.engine), [])
            _keep(group, (-place, meta.key), STRIP_SAMPLES)

    def preview_keys(self) -> list[str]:
        """Keys of the preview's samples, sorted."""
        return sorted(_dealt(list(self._groups.values()), self.count))

    def strip_keys(self) -> list[str]:
        """Keys of the samples that the card's picture shows: accepted swaps, of every engine in turn, stills last."""
        chosen = set(_dealt(list(self._strip.values()), min(STRIP_SAMPLES, self.count)))
        ordered = [
            (pseudo, engine, -place, key) for (pseudo, engine), heap in self._strip.items() for place, key in heap
        ]
        return [key for *_, key in sorted(ordered) if key in chosen]


def _keep(heap: list[tuple[int, str]], entry: tuple[int, str], count: int) -> None:
    """Keep the ``count`` entries with the smallest hash; entries hold it negative, since heapq pops the smallest."""
    if count <= 0:
        return
    if len(heap) < count:
        heapq.heappush(heap, entry)
    else:
        heapq.heappushpop(heap, entry)


def _dealt(groups: list[list[tuple[int, str]]], count: int) -> list[str]:
    ranked = []
    for group in groups:
        ranked += [(rank, -place, key) for rank, (place, key) in enumerate(sorted(group, reverse=True))]
    return [key for _, _, key in sorted(ranked)[:count]]
