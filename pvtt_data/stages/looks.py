"""Looks: what products look like in their pictures and in their clips, measured once, for pairing to compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pvtt_data.errors import InputError
from pvtt_data.images import read_rgba
from pvtt_data.looks import EMBEDDER, view_of, view_of_cutout
from pvtt_data.media import decode_masks, decode_video
from pvtt_data.records import Blob, Look
from pvtt_data.stage import MapStage, StageConfig
from pvtt_data.store import BlobStore

_FRAMES = 5


class _LookSettings(StageConfig):
    embedder: str = EMBEDDER


@dataclass(frozen=True, slots=True)
class PictureLookItem:
    """A cut-out, by content."""

    picture_id: str
    cutout: Blob


@dataclass(frozen=True, slots=True)
class TrackLookItem:
    """A clip and its mask, by content."""

    track_id: str
    video: Blob
    mask: Blob


class MeasurePictureLooks(MapStage[PictureLookItem]):
    """The look of one picture."""

    name = "picture_looks"
    version = 1
    kind = "picture"
    libraries = ("opencv-python-headless", "numpy", "pillow")

    def __init__(self) -> None:
        super().__init__(_LookSettings())

    def run(self, item: PictureLookItem, store: BlobStore) -> Sequence[Look]:
        """The `Look` of one picture: one view."""
        try:
            return [Look(item.picture_id, (view_of_cutout(read_rgba(store.path(item.cutout))),))]
        except ValueError as error:
            raise InputError("cutout-empty", "the cut-out is transparent everywhere") from error


class MeasureTrackLooks(MapStage[TrackLookItem]):
    """The look of one product in one clip, over time."""

    name = "track_looks"
    version = 1
    kind = "track"
    libraries = ("av", "opencv-python-headless", "numpy")

    def __init__(self) -> None:
        super().__init__(_LookSettings())

    def run(self, item: TrackLookItem, store: BlobStore) -> Sequence[Look]:
        """The `Look` of one track: views of up to five frames, evenly spaced over those that show the product."""
        masks = decode_masks(store.path(item.mask))
        shown = np.flatnonzero(masks.any(axis=(1, 2)))
        if not len(shown):
            raise InputError("mask-missing", "no frame of the clip has a mask")
        frames = decode_video(store.path(item.video))
        chosen = sorted({int(shown[round(share * (len(shown) - 1))]) for share in np.linspace(0.0, 1.0, _FRAMES)})
        views = []
        for index in chosen:
            # Masks are hard; the pixels on their edge are half background.
            sure = cv2.erode(masks[index].astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
            views.append(view_of(frames[index], sure if sure.any() else masks[index]))
        return [Look(item.track_id, tuple(views))]
