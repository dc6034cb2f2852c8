"""Listing likeness: has what a mask covers the colours of the product's listing pictures?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pvtt_data.images import read_rgba
from pvtt_data.listing_likeness import listing_likeness
from pvtt_data.media import decode_masks, decode_video
from pvtt_data.records import Blob, Quality
from pvtt_data.stage import MapStage
from pvtt_data.store import BlobStore


@dataclass(frozen=True, slots=True)
class LikenessItem:
    """A clip, its mask and cut-outs of the product's listing pictures, by content."""

    track_id: str
    video: Blob
    mask: Blob
    cutouts: tuple[Blob, ...]


class MeasureListingLikeness(MapStage[LikenessItem]):
    """The likeness of one mask track to its product's listing pictures."""

    name = "listing_likeness"
    version = 1
    kind = "track"
    libraries = ("av", "opencv-python-headless", "numpy", "pillow")

    def run(self, item: LikenessItem, store: BlobStore) -> Sequence[Quality]:
        """The `Quality` of one track; without a number where no frame has a mask."""
        masks = decode_masks(store.path(item.mask))
        if not masks.any():
            return [Quality(item.track_id, {})]
        pictures = [read_rgba(store.read(blob)) for blob in item.cutouts]
        likeness = listing_likeness(decode_video(store.path(item.video)), masks, pictures)
        return [Quality(item.track_id, {"listing_likeness": likeness})]
