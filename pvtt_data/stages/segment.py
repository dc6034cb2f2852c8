"""Segment: the product's mask in every frame of a clip, by the chosen backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pvtt_data.backends import ChosenBackend, open_backend
from pvtt_data.media import decode_video, encode_masks
from pvtt_data.records import Blob, MaskTrack, content_id
from pvtt_data.segmenters.base import Segmenter
from pvtt_data.stage import MapStage, Resources, StageConfig
from pvtt_data.store import BlobStore


class SegmentConfig(StageConfig):
    """Which model finds the product."""

    backend: Literal["auto", "u2net"] = "auto"
    """auto takes the best one that can run here, says which and why, and every sample stores it."""


@dataclass(frozen=True, slots=True)
class SegmentItem:
    """A clip's video."""

    clip_id: str
    video: Blob
    fps: float


class BackendSettings(StageConfig):
    """What of the backend a result depends on."""

    name: str
    version: str


class Segment(MapStage[SegmentItem]):
    """One clip's mask track."""

    name = "segment"
    version = 1
    kind = "clip"
    libraries = ("av", "opencv-python-headless", "numpy", "onnxruntime")
    resources = Resources(memory_bytes=8 * 2**30, timeout_s=900.0)

    def __init__(self, backend: ChosenBackend) -> None:
        super().__init__(BackendSettings(name=backend.name, version=backend.version))
        self.backend = backend
        self._segmenter: Segmenter | None = None

    @property
    def weights(self) -> Mapping[str, str]:
        """Digests of the backend's weights."""
        return self.backend.weights

    def setup(self) -> None:
        """Open the model."""
        self._segmenter = open_backend(self.backend)

    def run(self, item: SegmentItem, store: BlobStore) -> Sequence[MaskTrack]:
        """The `MaskTrack` of one clip."""
        assert self._segmenter is not None, "setup() runs first"
        frames = decode_video(store.path(item.video))
        found = self._segmenter.segment_video(frames)
        scratch = store.scratch_file("mp4")
        try:
            encode_masks(found.masks, item.fps, scratch)
            mask = store.put_file(scratch, "mp4")
        finally:
            scratch.unlink(missing_ok=True)
        numbers = {**found.numbers, "confidence_min": float(found.confidence.min())}
        return [
            MaskTrack(
                track_id=content_id("track", item.clip_id, mask.sha256),
                clip_id=item.clip_id,
                backend=self.backend.label,
                weights=dict(self.weights),
                mask=mask,
                verdict="accept",
                reasons=(),
                numbers=dict(sorted(numbers.items())),
            )
        ]
