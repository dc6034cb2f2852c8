"""Which A comes as a moving cut-out, and of which of its own clips.

Whether a swap is one, and which clip is taken, are hashes of B's clip, A and A's track: a product that comes or goes
changes only pairs that mention it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pvtt_data.pairing.partners import unit
from pvtt_data.pairing.products import extent_px
from pvtt_data.records import Assignment, Clip, Look, MaskTrack, Pair, Source, Split
from pvtt_data.rendezvous import rank


@dataclass(frozen=True, slots=True)
class MovingRules:
    """When A moves.

    Attributes:
        seed: another seed draws others.
        share: of the swaps whose A has a clip for it, 0..1.
        flagged: whether tracks that mask QC flagged may be used.
        max_scale: how many times larger than in its own clip A may have to be shown.
    """

    seed: int
    share: float
    flagged: bool
    max_scale: float


@dataclass(frozen=True, slots=True)
class _Take:
    track_id: str
    extent_px: float


class MovingTakes:
    """Mask tracks that products can be cut out of, in motion.

    A track is passed over if it is ``flagged`` (and these are not asked for), ``cut-by-frame`` in any frame, or
    ``not-measured``: nothing tells where it touches the border, or how large its product is.

    Args:
        tracks: that passed mask QC.
        looks: of tracks.
    """

    def __init__(
        self,
        tracks: Sequence[MaskTrack],
        clips: Mapping[str, Clip],
        sources: Sequence[Source],
        assignments: Sequence[Assignment],
        looks: Mapping[str, Look],
        rules: MovingRules,
    ) -> None:
        self.rules = rules
        self.passed_over: Counter[str] = Counter()
        product_of = {source.source_id: source.product_id for source in sources}
        split_of = {row.source_id: row.split for row in assignments}
        self._takes: dict[tuple[str, Split], list[_Take]] = {}
        for track in sorted(tracks, key=lambda track: track.track_id):
            why = self._unfit(track, looks)
            if why:
                self.passed_over[why] += 1
                continue
            source_id = clips[track.clip_id].source_id
            views = looks[track.track_id].views
            take = _Take(track.track_id, extent_px(views[len(views) // 2]))
            self._takes.setdefault((product_of[source_id], split_of[source_id]), []).append(take)

    def _unfit(self, track: MaskTrack, looks: Mapping[str, Look]) -> str:
        if track.verdict != "accept" and not self.rules.flagged:
            return "flagged"
        contact = track.numbers.get("border_contact_max")
        if contact is None or track.track_id not in looks:
            return "not-measured"
        return "cut-by-frame" if contact > 0 else ""

    def wanted(self, place: str, product: str) -> bool:
        """Whether a product is to move where it is put into a place, if it has a clip for it."""
        return unit(self.rules.seed, "moving", place, product) < self.rules.share

    def choose(self, place: str, product: str, split: Split, extent: float) -> str:
        """The track of a product's clip that is pasted into a place; empty where a picture is.

        Args:
            place: the clip of B, by identifier.
            extent: of B there, px: see `extent_px`.
        """
        if not self.wanted(place, product):
            return ""
        fit = [
            take for take in self._takes.get((product, split), []) if extent <= self.rules.max_scale * take.extent_px
        ]
        return max((rank(self.rules.seed, "moving", place, t.track_id), t.track_id) for t in fit)[1] if fit else ""

    def notes(self, pairs: Sequence[Pair]) -> list[str]:
        """How many swaps move, and why clips were passed over; nothing where none is asked for."""
        swaps = [row for row in pairs if row.engine == "composite" and row.kind == "swap"]
        if not self.rules.share or not swaps:
            return []
        moving = sum(bool(row.track_id_a) for row in swaps)
        still = sum(not row.track_id_a and self.wanted(row.clip_id, row.product_a) for row in swaps)
        text = f"A is a moving cut-out in {moving} of {len(swaps)} composite swaps"
        if still:
            text += f"; {still} more were drawn, but no clip of A is usable or large enough"
        if self.passed_over:
            reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(self.passed_over.items()))
            text += f"; clips passed over as cut-outs: {reasons}"
        return [text]
