"""Measure: decode each medium once and write down all that later stages decide by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from pvtt_data.errors import InputError
from pvtt_data.media import Limits, Media, open_media
from pvtt_data.records import Measurement
from pvtt_data.series import measure, to_parquet
from pvtt_data.stage import MapStage, Resources, StageConfig
from pvtt_data.store import BlobStore


class MeasureConfig(StageConfig):
    """Bounds on what is decoded at all."""

    max_pixels: Annotated[int, Field(ge=256)] = 8192 * 4352
    """Largest frame, in pixels."""
    max_duration_s: Annotated[float, Field(gt=0)] = 1800.0
    """Longest source."""
    max_frames: Annotated[int, Field(ge=1)] = 200_000
    """Most frames of a source."""

    def limits(self) -> Limits:
        """The same bounds, as the decoder takes them."""
        return Limits(max_pixels=self.max_pixels, max_duration_s=self.max_duration_s, max_frames=self.max_frames)


@dataclass(frozen=True, slots=True)
class MediaItem:
    """A medium by its bytes; ``declared_fps`` belongs to folders of frames."""

    sha256: str
    declared_fps: float | None


class Measure(MapStage[MediaItem]):
    """One decode of one medium."""

    name = "measure"
    version = 2
    kind = "source"
    libraries = ("av", "opencv-python-headless", "scenedetect-headless", "numpy")
    resources = Resources(memory_bytes=6 * 2**30, timeout_s=1800.0)
    config: MeasureConfig

    def run(self, item: MediaItem, store: BlobStore) -> Sequence[Measurement]:
        """The `Measurement` of one medium."""
        path = store.original(item.sha256)
        media = open_media(path, self.config.limits(), declared_fps=item.declared_fps)
        _refuse_masks(media)
        series = measure(media)
        probe = media.probe
        return [
            Measurement(
                sha256=item.sha256,
                width_px=probe.display_width_px,
                height_px=probe.display_height_px,
                frames=len(series),
                fps=float(series.fps),
                duration_s=series.end_s,
                codec=probe.codec,
                decode_errors=series.decode_errors,
                series=store.put(to_parquet(series), "parquet"),
            )
        ]


def _refuse_masks(media: Media) -> None:
    """Refuse a folder of pictures that are masks: they lie beside frames in many datasets, and look like a video."""
    if media.probe.container != "frames":
        return
    first = next(iter(media.frames(0, 1)), None)
    if first is not None and set(np.unique(first.picture.to_ndarray(format="rgb24"))) <= {0, 1, 255}:
        raise InputError("masks-not-footage", "the pictures have two values only: these are masks, not footage")
