"""Crosspair: a real clip as its own source, to be rebuilt from pictures of its product that were taken elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from pvtt_data.embedders.choose import ChosenEmbedder, open_for_stage
from pvtt_data.engines.crosspair import CrosspairConfig, CrosspairEngine, CrosspairRequest
from pvtt_data.images import read_rgba
from pvtt_data.media import decode_masks, decode_video
from pvtt_data.records import Blob, Swap
from pvtt_data.stage import MapStage, Resources, StageConfig
from pvtt_data.store import BlobStore


class CrosspairSettings(StageConfig):
    """Reconstructions: source and target are one real clip."""

    min_area: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Smallest share of the frame that B may take, in any frame."""
    max_area: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Largest share of the frame that B may take."""
    min_view_distance: Annotated[float, Field(ge=0, le=1)] = 0.1
    """How far the view of every reference must be from every view in the clip, looked at more closely than pairing
    does."""

    def engine_config(self) -> CrosspairConfig:
        """The same settings, as the engine takes them."""
        return CrosspairConfig(**self.model_dump())


class _CrosspairFingerprint(StageConfig):
    engine_version: int
    crosspair: CrosspairSettings


@dataclass(frozen=True, slots=True)
class CrosspairItem:
    """The clip of B, B's mask, and cut-outs of B for references."""

    pair_id: str
    video: Blob
    mask: Blob
    references: tuple[Blob, ...]


class Crosspair(MapStage[CrosspairItem]):
    """One reconstruction; the clip's own video is the source, byte for byte.

    Args:
        settings: of the engine.
        embedder: says how alike references and product look.
    """

    name = "crosspair"
    version = 2
    kind = "pair"
    resources = Resources(memory_bytes=6 * 2**30, timeout_s=300.0)

    def __init__(self, settings: CrosspairSettings, embedder: ChosenEmbedder) -> None:
        super().__init__(_CrosspairFingerprint(engine_version=CrosspairEngine.version, crosspair=settings))
        self.settings = settings
        self.embedder = embedder
        self.libraries = ("av", "opencv-python-headless", "numpy", "pillow", *embedder.libraries)
        self._engine: CrosspairEngine | None = None

    @property
    def weights(self) -> Mapping[str, str]:
        """The embedder's name and digest."""
        return {self.embedder.name: self.embedder.weights_sha256}

    def setup(self) -> None:
        """Load the embedder."""
        self._engine = CrosspairEngine(self.settings.engine_config(), open_for_stage(self.embedder))

    def run(self, item: CrosspairItem, store: BlobStore) -> Sequence[Swap]:
        """The `Swap` of one pair."""
        if self._engine is None:
            raise RuntimeError("setup() comes first")
        made = self._engine.make(
            CrosspairRequest(
                frames=decode_video(store.path(item.video)),
                masks=decode_masks(store.path(item.mask)),
                references=[read_rgba(store.path(blob)) for blob in item.references],
            )
        )
        return [Swap(item.pair_id, item.video, item.mask, item.mask, made.flags, dict(sorted(made.numbers.items())))]
