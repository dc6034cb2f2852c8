"""Pictures: products with their backgrounds removed, from listing images and from frames of clips.

They serve twice: as references of B for the model, and as the cut-out of A that an engine pastes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import Field

from pvtt_data.backends import BackendSettings, ChosenBackend, open_backend
from pvtt_data.errors import InputError
from pvtt_data.grounded_backend import BackendIdentity
from pvtt_data.images import read_image, write_png
from pvtt_data.matting import LIBRARIES as MATTING_LIBRARIES
from pvtt_data.matting import matted
from pvtt_data.media import decode_masks, decode_video
from pvtt_data.records import Blob, Clip, MaskTrack, Picture, content_id
from pvtt_data.segmenters.base import Segmenter, Target
from pvtt_data.stage import MapStage, StageConfig
from pvtt_data.store import BlobStore

_MARGIN = 0.04
"""Margin around the product, as a share of its longer side."""
_FEATHER_PX = 1.0
_PART_SHARE = 0.25


class PicturesConfig(StageConfig):
    """What a usable picture of a product is."""

    max_side_px: Annotated[int, Field(ge=64, le=2048)] = 768
    """Larger cut-outs are scaled down to this longer side."""
    min_side_px: Annotated[int, Field(ge=16)] = 96
    """Cut-outs whose longer side is shorter are rejected."""
    min_area_share: Annotated[float, Field(ge=0, le=1)] = 0.02
    """Smallest share of a listing image that the product may cover."""
    max_area_share: Annotated[float, Field(ge=0, le=1)] = 0.92
    """Largest share of a listing image that the product may cover."""
    matting: Literal["none", "closed-form"] = "none"
    """closed-form computes soft edges and clean colours along the outline (extra matting; some seconds a picture)."""
    matting_edge: Annotated[float, Field(gt=0, le=0.2)] = 0.012
    """Half the width of the band in which it does, as a share of the product's longer side."""
    per_clip: Annotated[int, Field(ge=0, le=8)] = 2
    """Frames of each clip that become pictures: references for other clips of the product, not for the same moment."""


class _CutoutSettings(StageConfig):
    pictures: PicturesConfig
    backend: BackendSettings | BackendIdentity


@dataclass(frozen=True, slots=True)
class ListingItem:
    """A listing image of a product."""

    product_id: str
    image_sha256: str


@dataclass(frozen=True, slots=True)
class TargetedListingItem(ListingItem):
    """A listing image and what to look for in it, for a backend that is told."""

    target: Target


class ListingPictures(MapStage[ListingItem]):
    """Cuts the product out of one listing image."""

    name = "listing_pictures"
    version = 3
    kind = "picture"
    libraries: tuple[str, ...] = ("pillow", "opencv-python-headless", "numpy", "onnxruntime")

    def __init__(self, config: PicturesConfig, backend: ChosenBackend) -> None:
        super().__init__(_CutoutSettings(pictures=config, backend=backend.key_settings))
        self.settings = config
        self.backend = backend
        self.numeric_class = backend.numeric_class
        self.resources = backend.resources(self.resources)
        if backend.takes_target:
            self.libraries = ("pillow", *backend.libraries)
        self.libraries += _matting_libraries(config)
        self._segmenter: Segmenter | None = None

    @property
    def weights(self) -> dict[str, str]:
        """Digests of the backend's weights."""
        return dict(self.backend.weights)

    def setup(self) -> None:
        """Open the model."""
        self._segmenter = open_backend(self.backend)

    def run(self, item: ListingItem, store: BlobStore) -> Sequence[Picture]:
        """The `Picture` of one listing image."""
        assert self._segmenter is not None, "setup() runs first"
        image = read_image(store.original(item.image_sha256))
        target = item.target if isinstance(item, TargetedListingItem) else None
        probability = self._segmenter.segment_image(image, target)
        share = float((probability > 0.5).mean())
        low, high = self.settings.min_area_share, self.settings.max_area_share
        if not low <= share <= high:
            raise InputError(
                "no-product-in-picture",
                f"the product covers {share:.1%} of the picture; between {low:.0%} and {high:.0%} is expected",
                {"area_share": share, "threshold_low": low, "threshold_high": high},
            )
        cutout, numbers = cut_out(image, probability, self.settings)
        return [
            Picture(
                picture_id=content_id("picture", item.product_id, item.image_sha256),
                product_id=item.product_id,
                origin="listing",
                image_sha256=item.image_sha256,
                source_id="",
                time_s=-1.0,
                cutout=store.put(write_png(cutout), "png"),
                backend=self.backend.label,
                numbers={**numbers, "area_share": share},
            )
        ]


@dataclass(frozen=True, slots=True)
class ClipPictureItem:
    """A clip and its mask, and what of its source the pictures must remember."""

    product_id: str
    source_id: str
    media_sha256: str
    clip_id: str
    start_s: float
    fps: float
    video: Blob
    mask: Blob
    backend: str

    @classmethod
    def of(cls, clip: Clip, track: MaskTrack, product_id: str) -> ClipPictureItem:
        """From a clip, its mask track and the product that it shows."""
        return cls(
            product_id=product_id,
            source_id=clip.source_id,
            media_sha256=clip.media_sha256,
            clip_id=clip.clip_id,
            start_s=clip.start_s,
            fps=clip.cut.fps,
            video=clip.video,
            mask=track.mask,
            backend=track.backend,
        )


class ClipPictures(MapStage[ClipPictureItem]):
    """Cuts the product out of a few frames of one clip."""

    name = "clip_pictures"
    version = 3
    kind = "picture"
    libraries: tuple[str, ...] = ("av", "opencv-python-headless", "numpy", "pillow")
    config: PicturesConfig

    def __init__(self, config: PicturesConfig) -> None:
        super().__init__(config)
        self.libraries += _matting_libraries(config)

    def run(self, item: ClipPictureItem, store: BlobStore) -> Sequence[Picture]:
        """The `Picture` records of one clip."""
        frames = decode_video(store.path(item.video))
        masks = decode_masks(store.path(item.mask))
        pictures = []
        for index in frames_to_cut(masks, self.config.per_clip):
            probability = cv2.GaussianBlur(masks[index].astype(np.float32), (0, 0), _FEATHER_PX)
            cutout, numbers = cut_out(frames[index], probability, self.config)
            pictures.append(
                Picture(
                    picture_id=content_id("picture", item.product_id, item.clip_id, index),
                    product_id=item.product_id,
                    origin="clip",
                    image_sha256=item.media_sha256,
                    source_id=item.source_id,
                    time_s=item.start_s + index / item.fps,
                    cutout=store.put(write_png(cutout), "png"),
                    backend=item.backend,
                    numbers={**numbers, "area_share": float(masks[index].mean())},
                )
            )
        return pictures


def _matting_libraries(config: PicturesConfig) -> tuple[str, ...]:
    return () if config.matting == "none" else MATTING_LIBRARIES


def frames_to_cut(masks: npt.NDArray[np.bool_], count: int) -> list[int]:
    """In each of ``count`` equal parts of the clip, the frame whose mask touches the border least, then is largest."""
    chosen = []
    for part in np.array_split(np.arange(len(masks)), count) if count else []:
        border = [masks[i, [0, -1]].sum() + masks[i, :, [0, -1]].sum() for i in part]
        area = [masks[i].sum() for i in part]
        chosen.append(int(min(zip(border, [-a for a in area], part, strict=True))[2]))
    return chosen


def cut_out(
    image: npt.NDArray[np.uint8], probability: npt.NDArray[np.float32], config: PicturesConfig
) -> tuple[npt.NDArray[np.uint8], dict[str, float]]:
    """The product with straight alpha, ``(h, w, 4) uint8 RGBA``, cropped with a margin, and its numbers.

    The numbers are its size, where in the image its upper left corner was, and by how much it was scaled then.

    Args:
        image: ``(H, W, 3) uint8 RGB``.
        probability: ``(H, W) float32``, 0 to 1, that a pixel is the product.

    Raises:
        InputError: the product is too small to be a reference, or too thin to be matted.
    """
    whole = whole_product(probability > 0.5)
    ys, xs = np.nonzero(whole)
    if len(ys) == 0:
        raise InputError("no-product-in-picture", "no product was found in the picture")
    side = int(max(np.ptp(ys), np.ptp(xs))) + 1
    if side < config.min_side_px:
        raise InputError(
            "picture-too-small",
            f"the product is {side} px long, below pictures.min_side_px = {config.min_side_px}",
            {"side_px": float(side), "threshold": float(config.min_side_px)},
        )
    margin = max(2, round(side * _MARGIN))
    top, left = max(0, ys.min() - margin), max(0, xs.min() - margin)
    bottom, right = ys.max() + 1 + margin, xs.max() + 1 + margin
    colours = image
    if config.matting == "none":
        # A ramp from 0.3 to 0.7 keeps soft edges and drops the faint haze that saliency leaves around the product.
        alpha = np.clip((probability - 0.3) / 0.4, 0.0, 1.0)
        alpha[~cv2.dilate(whole.astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)] = 0.0
    else:
        alpha, colours = matted(image, whole, max(2.0, config.matting_edge * side))
    rgba = np.dstack([colours, np.round(alpha * 255).astype(np.uint8)])[top:bottom, left:right]
    scale = min(1.0, config.max_side_px / max(rgba.shape[:2]))
    if scale < 1.0:
        size = (max(1, round(rgba.shape[1] * scale)), max(1, round(rgba.shape[0] * scale)))
        rgba = _resize_straight_alpha(rgba, size)
    numbers = {
        "width_px": float(rgba.shape[1]),
        "height_px": float(rgba.shape[0]),
        "left_px": float(left),
        "top_px": float(top),
        "scale": scale,
    }
    return np.ascontiguousarray(rgba), numbers


def whole_product(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The largest connected part of ``mask``, ``(H, W) bool``, and the parts at least a quarter as large.

    Smaller ones are props that stand out beside the product; a pair of shoes keeps both.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count <= 2:
        return mask
    areas = stats[1:, cv2.CC_STAT_AREA]
    kept = 1 + np.flatnonzero(areas >= _PART_SHARE * areas.max())
    return np.isin(labels, kept)


def _resize_straight_alpha(rgba: npt.NDArray[np.uint8], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Area-average with premultiplied colours, so that the background does not bleed into the edge."""
    alpha = rgba[..., 3:].astype(np.float32) / 255
    premultiplied = np.dstack([rgba[..., :3].astype(np.float32) * alpha, alpha])
    small = cv2.resize(premultiplied, size, interpolation=cv2.INTER_AREA)
    colour = small[..., :3] / np.maximum(small[..., 3:], 1e-6)
    result = np.dstack([colour, small[..., 3:] * 255])
    return np.clip(np.round(result), 0, 255).astype(np.uint8)
