"""What a triple was made of, beyond what its own row says: the pair behind it, and the third product that it shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pvtt_data.records import Assignment, Pair, Picture, Triple, content_id
from pvtt_data.stages.synthesise import draw_distractors

DISTRACTOR = "distractor"
"""Reason that a triple carries where a third product stands beside B."""


def pairs_of(triples: Iterable[Triple], pairs: Iterable[Pair]) -> dict[str, Pair]:
    """Triple → the pair that it was made of: the one whose identifiers give the triple its own."""
    by_clip: dict[tuple[str, str], list[Pair]] = {}
    for pair in pairs:
        by_clip.setdefault((pair.clip_id, pair.track_id), []).append(pair)
    found = {}
    for triple in triples:
        for pair in by_clip.get((triple.clip_id, triple.track_id), []):
            made = content_id(
                "triple",
                pair.engine,
                pair.kind,
                triple.source.sha256,
                triple.target.sha256,
                triple.target_mask.sha256,
                [blob.sha256 for blob in triple.references],
                pair.pair_id,
            )
            if made == triple.triple_id:
                found[triple.triple_id] = pair
    return found


def drawn_pictures(
    pairs: Sequence[Pair], pictures: Sequence[Picture], assignments: Sequence[Assignment], share: float
) -> dict[str, Picture]:
    """Composite pair → the picture of the third product that was drawn for it.

    Args:
        share: the recipe's ``synthesise.composite.distractor_share``.
    """
    composites = [pair for pair in pairs if pair.engine == "composite"]
    picture_of = {picture.cutout.sha256: picture for picture in pictures}
    drawn = draw_distractors(composites, pictures, assignments, share)
    return {pair_id: picture_of[cutout.sha256] for pair_id, cutout in drawn.items()}


def third_products(
    triples: Sequence[Triple],
    pairs: Sequence[Pair],
    pictures: Sequence[Picture],
    assignments: Sequence[Assignment],
    share: float,
) -> dict[str, str]:
    """Triple → the third product that it shows, where it shows one."""
    drawn = drawn_pictures(pairs, pictures, assignments, share)
    of_triple = pairs_of((triple for triple in triples if DISTRACTOR in triple.reasons), pairs)
    return {triple_id: drawn[pair.pair_id].product_id for triple_id, pair in of_triple.items() if pair.pair_id in drawn}
