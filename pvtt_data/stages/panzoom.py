"""Panzoom: a listing picture of B and its double with A, as videos under one camera path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from pvtt_data.engines.panzoom import PanzoomConfig, PanzoomEngine, PanzoomRequest
from pvtt_data.images import read_image, read_rgba
from pvtt_data.records import (
    Assignment,
    Blob,
    Clip,
    Cut,
    MaskTrack,
    Pair,
    Picture,
    Rectangle,
    Source,
    Swap,
    content_id,
)
from pvtt_data.stage import MapStage, Resources, StageConfig
from pvtt_data.stages.normalise import NormaliseConfig
from pvtt_data.stages.pair_videos import PAIR_VIDEOS, store_videos
from pvtt_data.store import BlobStore


class PanzoomSettings(StageConfig):
    """Pairs from listing pictures."""

    min_zoom: Annotated[float, Field(ge=1, le=3)] = 1.08
    """Smallest zoom of a camera path, its widest window over its narrowest."""
    max_zoom: Annotated[float, Field(ge=1, le=3)] = 1.35
    """Largest zoom of a camera path."""
    max_pan: Annotated[float, Field(ge=0, le=0.4)] = 0.12
    """How far from the product the middle of the picture may be, as a share of the picture's sides."""
    min_fill: Annotated[float, Field(gt=0, le=0.9)] = 0.5
    """Smallest share of the closest picture that the products fill, along the side where they fill more of it."""
    max_fill: Annotated[float, Field(gt=0, le=0.9)] = 0.8
    """Largest such share."""
    min_ratio: Annotated[float, Field(gt=0, le=1)] = 0.85
    """Smallest extent of A relative to B."""
    max_ratio: Annotated[float, Field(ge=1, le=4)] = 1.2
    """Largest extent of A relative to B."""
    max_upscale: Annotated[float, Field(ge=1, le=4)] = 1.5
    """How much larger than in its photo a product may be shown."""

    @model_validator(mode="after")
    def _ordered(self) -> PanzoomSettings:
        if self.min_zoom > self.max_zoom or self.min_fill > self.max_fill:
            raise ValueError("min_zoom and min_fill must not be above max_zoom and max_fill")
        return self

    def engine_config(self) -> PanzoomConfig:
        """The same settings, as the engine takes them."""
        return PanzoomConfig(**self.model_dump())


class _PanzoomFingerprint(StageConfig):
    engine_version: int
    panzoom: PanzoomSettings
    crf: int


@dataclass(frozen=True, slots=True)
class PanzoomItem:
    """A listing picture of B, B's cut-out and its place in it, a cut-out of A, and the wanted format."""

    pair_id: str
    photo_sha256: str
    photo_cutout: Blob
    left_px: float
    top_px: float
    scale: float
    cutout: Blob
    width_px: int
    height_px: int
    frames: int
    fps: float
    seed: int


class Panzoom(MapStage[PanzoomItem]):
    """One pair from stills; both videos are encoded once, with the settings of all others."""

    name = "panzoom"
    version = 1
    kind = "pair"
    libraries = ("av", "opencv-python-headless", "numpy", "pillow")
    resources = Resources(memory_bytes=6 * 2**30, timeout_s=300.0)

    def __init__(self, settings: PanzoomSettings, crf: int) -> None:
        self.engine = PanzoomEngine(settings.engine_config())
        super().__init__(_PanzoomFingerprint(engine_version=self.engine.version, panzoom=settings, crf=crf))
        self.crf = crf

    def run(self, item: PanzoomItem, store: BlobStore) -> Sequence[Swap]:
        """The `Swap` of one pair, with its target."""
        photo = read_image(store.original(item.photo_sha256))
        cutout = read_rgba(store.path(item.photo_cutout))
        made = self.engine.make(
            PanzoomRequest(
                photo=photo,
                alpha=alpha_in_photo(cutout[..., 3], (item.left_px, item.top_px), item.scale, photo.shape[:2]),
                product=read_rgba(store.path(item.cutout)),
                size=(item.width_px, item.height_px),
                frames=item.frames,
                seed=item.seed,
            )
        )
        blobs = store_videos(made, PAIR_VIDEOS, item.fps, self.crf, store)
        return [Swap(pair_id=item.pair_id, flags=made.flags, numbers=dict(sorted(made.numbers.items())), **blobs)]


def alpha_in_photo(
    alpha: npt.NDArray[np.uint8], corner: tuple[float, float], scale: float, shape: tuple[int, ...]
) -> npt.NDArray[np.float32]:
    """``(H, W) float32`` in 0..1: the alpha of a cut-out where it was in its photo.

    Args:
        alpha: ``(h, w) uint8``, of the cut-out.
        corner: left and top of the cut-out in the photo, px.
        scale: pixels of the cut-out for one of the photo, at most 1.
        shape: height and width of the photo.
    """
    size = (round(alpha.shape[1] / scale), round(alpha.shape[0] / scale))
    whole = alpha if scale >= 1 else cv2.resize(alpha, size, interpolation=cv2.INTER_LINEAR)
    left, top = round(corner[0]), round(corner[1])
    height, width = min(whole.shape[0], shape[0] - top), min(whole.shape[1], shape[1] - left)
    result = np.zeros(shape, np.float32)
    result[top : top + height, left : left + width] = whole[:height, :width].astype(np.float32) / 255.0
    return result


def panzoom_item(pair: Pair, pictures: Mapping[str, Picture], clip: NormaliseConfig) -> PanzoomItem:
    """A pair as an item of the stage; of several sizes one is dealt."""
    photo = pictures[pair.photo_id]
    sizes = sorted(tuple(int(side) for side in size.split("x")) for size in clip.sizes)
    width, height = sizes[pair.seed % len(sizes)]
    return PanzoomItem(
        pair_id=pair.pair_id,
        photo_sha256=photo.image_sha256,
        photo_cutout=photo.cutout,
        left_px=photo.numbers["left_px"],
        top_px=photo.numbers["top_px"],
        scale=photo.numbers["scale"],
        cutout=pictures[pair.cutout_id].cutout,
        width_px=width,
        height_px=height,
        frames=clip.frames,
        fps=clip.fps,
        seed=pair.seed,
    )


@dataclass
class PhotoRows:
    """Photos as rows of the tables that all engines share."""

    sources: list[Source] = field(default_factory=list)
    clips: list[Clip] = field(default_factory=list)
    tracks: list[MaskTrack] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)


def photo_rows(
    swaps: Sequence[Swap],
    pairs: Mapping[str, Pair],
    pictures: Mapping[str, Picture],
    items: Mapping[str, PanzoomItem],
    sources: Sequence[Source],
    assignments: Sequence[Assignment],
    weights: Mapping[str, str],
    choice: str,
) -> PhotoRows:
    """A source for each photo, and a clip and a mask track for each pair.

    Args:
        swaps: what the stage made.
        pairs, items: pair id → what was asked for.
        pictures: picture id → picture.
        sources, assignments: of the mined videos.
        weights: role → digest of the models that cut the products out.
        choice: how their backend came to be used.
    """
    rows = PhotoRows()
    mined = {}
    for source in sorted(sources, key=lambda source: source.source_id, reverse=True):
        mined[source.product_id] = source
    assigned = {row.source_id: row for row in assignments}
    known: dict[str, Source] = {}
    for swap in swaps:
        pair, item = pairs[swap.pair_id], items[swap.pair_id]
        photo = pictures[pair.photo_id]
        assert swap.target is not None and swap.target_mask is not None, "the stage makes both"
        if photo.picture_id not in known:
            known[photo.picture_id] = _photo_source(photo, mined[pair.product_b])
            of = assigned[mined[pair.product_b].source_id]
            photo_id = known[photo.picture_id].source_id
            rows.assignments.append(Assignment(photo_id, pair.product_b, of.component_id, of.split))
        source = known[photo.picture_id]
        whole = Rectangle(0, 0, item.width_px, item.height_px)
        rows.clips.append(
            Clip(
                clip_id=pair.clip_id,
                source_id=source.source_id,
                media_sha256=photo.image_sha256,
                declared_fps=None,
                source_width_px=item.width_px,
                source_height_px=item.height_px,
                start_s=0.0,
                cut=Cut(0, item.frames, whole, whole, item.width_px, item.height_px, item.frames, item.fps),
                video=swap.target,
                numbers={},
            )
        )
        rows.tracks.append(
            MaskTrack(
                track_id=pair.track_id,
                clip_id=pair.clip_id,
                backend=photo.backend,
                weights=dict(sorted(weights.items())),
                mask=swap.target_mask,
                verdict="accept",
                reasons=(),
                numbers={},
                choice=choice,
            )
        )
    rows.sources = list(known.values())
    return rows


def _photo_source(photo: Picture, mined: Source) -> Source:
    """The photo as a source: its product's facts, its own bytes and path."""
    image = next((image for image in mined.images if image.sha256 == photo.image_sha256), None)
    return Source(
        source_id=content_id("photo", photo.picture_id),
        sha256=photo.image_sha256,
        size_bytes=image.size_bytes if image else 0,
        kind="photo",
        declared_fps=None,
        feed=mined.feed,
        path=image.path if image else f"{mined.product_id}/{photo.image_sha256[:16]}",
        product_id=mined.product_id,
        title=mined.title,
        category=mined.category,
        licence=mined.licence,
        url=mined.url,
        platform=mined.platform,
        shop=mined.shop,
        images=(),
    )
