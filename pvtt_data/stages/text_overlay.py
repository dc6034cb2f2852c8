"""Text overlay: how much of a clip is covered by text laid over it. Runs only where the recipe asks for it.

The numbers come from here, the verdict from mask QC by its threshold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pvtt_data.backends import BackendSettings, ChosenBackend, open_text_detector
from pvtt_data.media import decode_masks, decode_video
from pvtt_data.records import Blob, Quality
from pvtt_data.stage import MapStage
from pvtt_data.store import BlobStore
from pvtt_data.text_detection import TextDetector
from pvtt_data.text_overlay import find_overlays, overlay_numbers


@dataclass(frozen=True, slots=True)
class TextOverlayItem:
    """A clip and its mask, by content."""

    track_id: str
    video: Blob
    mask: Blob
    fps: float


class MeasureTextOverlay(MapStage[TextOverlayItem]):
    """The overlay numbers of one clip, outside the product's mask."""

    name = "text_overlay"
    version = 1
    kind = "track"
    libraries = ("av", "opencv-python-headless", "numpy", "onnxruntime")

    def __init__(self, chosen: ChosenBackend) -> None:
        super().__init__(BackendSettings(name=chosen.name, version=chosen.version))
        self.chosen = chosen
        self._detector: TextDetector | None = None

    @property
    def weights(self) -> Mapping[str, str]:
        """The network's digest."""
        return self.chosen.weights

    def setup(self) -> None:
        """Open the network."""
        self._detector = self.open_detector()

    def open_detector(self) -> TextDetector:
        """The detector that `run` asks."""
        return open_text_detector(self.chosen)

    def run(self, item: TextOverlayItem, store: BlobStore) -> Sequence[Quality]:
        """The `Quality` of one track: see `overlay_numbers`."""
        assert self._detector is not None, "setup() runs first"
        frames = decode_video(store.path(item.video))
        masks = decode_masks(store.path(item.mask))
        return [Quality(item.track_id, overlay_numbers(find_overlays(frames, masks, item.fps, self._detector)))]
