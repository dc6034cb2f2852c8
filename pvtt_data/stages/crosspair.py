"""Crosspair: a real clip as its own source, to be rebuilt from pictures of its product that were taken elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

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
    """One reconstruction; the clip's own video is the source, byte for byte."""

    name = "crosspair"
    version = 1
    kind = "pair"
    libraries = ("av", "opencv-python-headless", "numpy", "pillow")
    resources = Resources(memory_bytes=6 * 2**30, timeout_s=300.0)

    def __init__(self, settings: CrosspairSettings) -> None:
        self.engine = CrosspairEngine(settings.engine_config())
        super().__init__(_CrosspairFingerprint(engine_version=self.engine.version, crosspair=settings))

    def run(self, item: CrosspairItem, store: BlobStore) -> Sequence[Swap]:
        """The `Swap` of one pair."""
        made = self.engine.make(
            CrosspairRequest(
                frames=decode_video(store.path(item.video)),
                masks=decode_masks(store.path(item.mask)),
                references=[read_rgba(store.path(blob)) for blob in item.references],
            )
        )
        return [Swap(item.pair_id, item.video, item.mask, item.mask, made.flags, dict(sorted(made.numbers.items())))]
