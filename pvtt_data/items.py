"""Items of stages, from rows: a build has just made the rows, a rebuild reads them from the tables of a version.

The same rows give the same items, and so the same results, whoever asks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from pvtt_data.backends import ChosenBackend
from pvtt_data.records import Blob, Clip, Pair, Source
from pvtt_data.reviews.resegment import Resegmentation
from pvtt_data.stage import Named
from pvtt_data.stages.crosspair import CrosspairItem
from pvtt_data.stages.pictures import ListingItem, TargetedListingItem
from pvtt_data.stages.segment import SegmentConfig, SegmentItem, TargetedSegmentItem, target_namer
from pvtt_data.stages.synthesise import MovingProduct, MovingSwapItem, SwapItem
from pvtt_data.stages.triple_qc import Shelf
from pvtt_data.vocabulary import NamedTarget


def named_targets(sources: Iterable[Source], backend: ChosenBackend, config: SegmentConfig) -> dict[str, NamedTarget]:
    """Source → what to look for in its clips and pictures; nothing for a backend that cannot be told."""
    if not backend.takes_target:
        return {}
    name = target_namer(config)
    return {source.source_id: name(source.category, source.title) for source in sources}


def segment_item(clip: Clip, told: NamedTarget | None, again: Resegmentation | None) -> SegmentItem:
    """A clip as an item of its stage.

    Args:
        told: what its source's category and title say; None for a backend that cannot be told.
        again: what a person says, where somebody wanted another mask.
    """
    if again is not None:
        return again.item(clip, told)
    if told is None:
        return SegmentItem(clip.clip_id, clip.video, clip.cut.fps)
    return TargetedSegmentItem(clip.clip_id, clip.video, clip.cut.fps, told.target)


def listing_items(
    sources: Iterable[Source], targets: Mapping[str, NamedTarget]
) -> dict[tuple[str, str], Named[ListingItem]]:
    """Product and SHA-256 of a listing image → the item of its stage, named by the image's path.

    Where several sources of a product list one image, the last says what to look for.

    Args:
        sources: in the order of their table.
        targets: see `named_targets`.
    """
    items = {}
    for source in sources:
        told = targets.get(source.source_id)
        for image in source.images:
            item = ListingItem(source.product_id, image.sha256)
            if told is not None:
                item = TargetedListingItem(source.product_id, image.sha256, told.target)
            items[source.product_id, image.sha256] = Named(item, f"{source.product_id}/{image.sha256}", image.path)
    return items


def swap_item(row: Pair, shelf: Shelf, distractor: Blob | None) -> SwapItem:
    """A composite pair as an item of its stage."""
    assert row.kind != "reconstruct", "of which nothing is pasted"
    clip = shelf.clips[row.clip_id]
    item = SwapItem(
        pair_id=row.pair_id,
        kind=row.kind,
        placement=row.placement,
        media_sha256=clip.media_sha256,
        declared_fps=clip.declared_fps,
        cut=clip.cut,
        mask=shelf.tracks[row.track_id].mask,
        cutout=None if row.track_id_a else shelf.pictures[row.cutout_id].cutout,
        seed=row.seed,
        distractor=distractor,
    )
    if not row.track_id_a:
        return item
    track = shelf.tracks[row.track_id_a]
    own = shelf.clips[track.clip_id]
    moving = MovingProduct(own.media_sha256, own.declared_fps, own.cut, track.mask)
    told = {entry.name: getattr(item, entry.name) for entry in dataclasses.fields(item)}
    return MovingSwapItem(**told, moving=moving)


def crosspair_item(row: Pair, shelf: Shelf) -> CrosspairItem:
    """A crosspair as an item of its stage."""
    return CrosspairItem(
        pair_id=row.pair_id,
        video=shelf.clips[row.clip_id].video,
        mask=shelf.tracks[row.track_id].mask,
        references=tuple(shelf.pictures[name].cutout for name in row.reference_ids),
    )
