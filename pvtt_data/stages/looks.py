"""Looks: what products look like in their pictures and in their clips, measured once, for pairing to compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np

from pvtt_data.embedders.base import Embedder
from pvtt_data.embedders.choose import ChosenEmbedder, EmbedderKind, choose_embedder, open_for_stage
from pvtt_data.errors import InputError
from pvtt_data.images import read_rgba
from pvtt_data.looks import view_of_cutout, views_of
from pvtt_data.media import decode_masks, decode_video
from pvtt_data.pairing.alike import measured_limits
from pvtt_data.records import Blob, Look
from pvtt_data.stage import MapStage, NoConfig, StageConfig
from pvtt_data.store import BlobStore

_Item = TypeVar("_Item")
_FRAMES = 5


class LooksConfig(StageConfig):
    """What says how alike two products look, when clips and pictures are paired."""

    embedder: EmbedderKind = "auto"
    """auto (the better of mobilenet-histogram and colour-histogram that is here), or any of those two, colour-shape,
    mobilenet, mobilenet-colour, dinov2 and clip."""
    embedder_weights: str = ""
    """Its weights: a file for mobilenet, a folder or a repository for dinov2 and clip; empty where they are known."""

    def chosen_embedder(self) -> tuple[ChosenEmbedder, str]:
        """The embedder to use and, in words, why.

        Raises:
            PreflightError: the named one cannot be had.
        """
        chosen, why = choose_embedder(
            self.embedder,
            self.embedder_weights,
            lambda *identity: measured_limits(*identity) is not None,
            ("mobilenet-histogram", "colour-histogram"),
        )
        return chosen, f"looks are compared with {why}"


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


class _MeasureLooks(MapStage[_Item]):
    """What both stages share: an embedder, by name and digest.

    Args:
        embedder: says how alike products look.
    """

    def __init__(self, embedder: ChosenEmbedder) -> None:
        super().__init__(NoConfig())
        self.embedder = embedder
        self.libraries = ("av", "opencv-python-headless", "numpy", "pillow", *embedder.libraries)
        self._opened: Embedder | None = None

    @property
    def weights(self) -> Mapping[str, str]:
        """The embedder's name and digest."""
        return {self.embedder.name: self.embedder.weights_sha256}

    def setup(self) -> None:
        """Load the embedder."""
        self._opened = open_for_stage(self.embedder)

    @property
    def opened(self) -> Embedder:
        """The embedder, after `setup`."""
        if self._opened is None:
            raise RuntimeError("setup() comes first")
        return self._opened


class MeasurePictureLooks(_MeasureLooks[PictureLookItem]):
    """The look of one picture."""

    name = "picture_looks"
    version = 2
    kind = "picture"

    def run(self, item: PictureLookItem, store: BlobStore) -> Sequence[Look]:
        """The `Look` of one picture: one view."""
        cutout = read_rgba(store.path(item.cutout))
        try:
            return [Look(item.picture_id, (view_of_cutout(cutout, self.opened),))]
        except ValueError as error:
            raise InputError("cutout-empty", "the cut-out is transparent everywhere") from error


class MeasureTrackLooks(_MeasureLooks[TrackLookItem]):
    """The look of one product in one clip, over time."""

    name = "track_looks"
    version = 2
    kind = "track"

    def run(self, item: TrackLookItem, store: BlobStore) -> Sequence[Look]:
        """The `Look` of one track: views of up to five frames, evenly spaced over those that show the product."""
        masks = decode_masks(store.path(item.mask))
        shown = np.flatnonzero(masks.any(axis=(1, 2)))
        if not len(shown):
            raise InputError("mask-missing", "no frame of the clip has a mask")
        frames = decode_video(store.path(item.video))
        chosen = sorted({int(shown[round(share * (len(shown) - 1))]) for share in np.linspace(0.0, 1.0, _FRAMES)})
        # Masks are hard; the pixels on their edge are half background.
        sure = [cv2.erode(masks[i].astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) for i in chosen]
        seen = [inner if inner.any() else masks[i] for inner, i in zip(sure, chosen, strict=True)]
        return [Look(item.track_id, tuple(views_of([frames[i] for i in chosen], seen, self.opened)))]
