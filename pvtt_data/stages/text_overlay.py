"""Text overlay: how much of a clip, or of a photo to be filmed, is covered by text. Runs only where the recipe asks.

The numbers come from here, the verdict by mask QC's threshold: of clips from mask QC, of photos from pairing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pvtt_data.backends import BackendSettings, ChosenBackend, open_text_detector
from pvtt_data.images import read_image, read_rgba
from pvtt_data.media import decode_masks, decode_video
from pvtt_data.records import Blob, Picture, Quality
from pvtt_data.stage import MapStage
from pvtt_data.stages.panzoom import alpha_in_photo
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


@dataclass(frozen=True, slots=True)
class PhotoTextItem:
    """A listing picture, and its product's cut-out with its place in it, as in `Picture`."""

    picture_id: str
    photo_sha256: str
    cutout: Blob
    left_px: float
    top_px: float
    scale: float

    @classmethod
    def of(cls, picture: Picture) -> PhotoTextItem:
        """A listing picture as an item."""
        numbers = picture.numbers
        return cls(
            picture.picture_id,
            picture.image_sha256,
            picture.cutout,
            numbers["left_px"],
            numbers["top_px"],
            numbers["scale"],
        )


Item = TypeVar("Item")


class _TextStage(MapStage[Item]):
    """What stages that look for text have in common: the detector."""

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

    @property
    def detector(self) -> TextDetector:
        """The detector that `setup` opened."""
        assert self._detector is not None, "setup() runs first"
        return self._detector


class MeasureTextOverlay(_TextStage[TextOverlayItem]):
    """The overlay numbers of one clip, outside the product's mask."""

    name = "text_overlay"
    version = 1
    kind = "track"
    libraries = ("av", "opencv-python-headless", "numpy", "onnxruntime")

    def run(self, item: TextOverlayItem, store: BlobStore) -> Sequence[Quality]:
        """The `Quality` of one track: see `overlay_numbers`."""
        frames = decode_video(store.path(item.video))
        masks = decode_masks(store.path(item.mask))
        return [Quality(item.track_id, overlay_numbers(find_overlays(frames, masks, item.fps, self.detector)))]


class MeasurePhotoText(_TextStage[PhotoTextItem]):
    """The same numbers of one photo: nothing in it moves, so that all text beside the product counts."""

    name = "photo_text"
    version = 1
    kind = "picture"
    libraries = ("opencv-python-headless", "numpy", "onnxruntime", "pillow")

    def run(self, item: PhotoTextItem, store: BlobStore) -> Sequence[Quality]:
        """The `Quality` of one photo."""
        photo = read_image(store.original(item.photo_sha256))
        alpha = read_rgba(store.path(item.cutout))[..., 3]
        mask = alpha_in_photo(alpha, (item.left_px, item.top_px), item.scale, photo.shape[:2]) > 0.5
        return [Quality(item.picture_id, overlay_numbers(find_overlays(photo[None], mask[None], 1.0, self.detector)))]
