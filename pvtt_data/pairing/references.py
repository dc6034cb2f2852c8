"""Which pictures of B may be shown with a clip or photo of B."""

from __future__ import annotations

from collections.abc import Sequence

from pvtt_data.looks import embeddings, likeness, view_distance
from pvtt_data.pairing.products import Seen
from pvtt_data.records import Clip, Picture, View
from pvtt_data.rendezvous import rank

GAP_S = 1.0
"""Footage of a product that is nearer in time shows the same moment."""


def references_for(clip: Clip, pictures: Sequence[Picture]) -> list[Picture]:
    """The pictures of B that may be shown with a clip of B: none from its own footage within ±1 s."""
    begin = clip.start_s - GAP_S
    end = clip.start_s + clip.cut.frames / clip.cut.fps + GAP_S
    return [
        picture
        for picture in pictures
        if picture.origin == "listing"
        or picture.image_sha256 != clip.media_sha256
        or not begin <= picture.time_s <= end
    ]


def admissible(clip: Clip, pictures: Sequence[Seen]) -> list[Seen]:
    """The same of pictures with their looks."""
    allowed = {picture.picture_id for picture in references_for(clip, [seen.picture for seen in pictures])}
    return [seen for seen in pictures if seen.picture.picture_id in allowed]


def in_order(seed: int, name: str, pictures: Sequence[Seen]) -> list[Seen]:
    """Listing pictures first, then frames of clips, each in the order of their hashes."""
    return sorted(
        pictures, key=lambda seen: (seen.picture.origin != "listing", rank(seed, name, seen.picture.picture_id))
    )


def nearest_view(seen: Seen, views: Sequence[View]) -> float:
    """Smallest distance of a picture to one of some views of the same product, 0..1."""
    return min(view_distance(seen.view, view) for view in views)


def of_the_look(seen: Seen, views: Sequence[View]) -> float:
    """How much a picture looks like the product of some views, by cosine."""
    return likeness(seen.embedding, embeddings(views))
