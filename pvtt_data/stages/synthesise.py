"""Synthesise: put product A in the place of B in a real clip, by the composite engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from pvtt_data.engines.composite import CompositeConfig, CompositeEngine, CompositeRequest
from pvtt_data.images import read_rgba
from pvtt_data.media import decode_masks, encode_clip, encode_masks
from pvtt_data.records import Blob, Cut, Swap
from pvtt_data.stage import MapStage, Resources, StageConfig
from pvtt_data.stages.crosspair import CrosspairSettings
from pvtt_data.stages.normalise import read_frames
from pvtt_data.stages.panzoom import PanzoomSettings
from pvtt_data.store import BlobStore


class CompositeSettings(StageConfig):
    """Reverse pairs from real video: A is pasted over B, the real clip is the target."""

    min_area: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Smallest share of the frame that B may take, in any frame."""
    max_area: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Largest share of the frame that B may take."""
    min_ratio: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Smallest extent of A relative to B."""
    max_ratio: Annotated[float, Field(ge=1, le=4)] = 1.4
    """Largest extent of A relative to B."""
    free_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of pairs in which part of B is meant to lie outside A, so that shapes both shrink and grow."""
    colour_strength: Annotated[float, Field(ge=0, le=1)] = 0.25
    """How far the colours of A move towards the scene's."""

    def engine_config(self) -> CompositeConfig:
        """The same settings, as the engine takes them."""
        return CompositeConfig(**self.model_dump())


class SynthesiseConfig(StageConfig):
    """Settings of the engines that work from mined material."""

    composite: CompositeSettings = Field(default_factory=CompositeSettings)
    """Reverse pairs from real video: A is pasted over B."""
    crosspair: CrosspairSettings = Field(default_factory=CrosspairSettings)
    """Real clips, rebuilt from pictures that were taken elsewhere."""
    panzoom: PanzoomSettings = Field(default_factory=PanzoomSettings)
    """Listing pictures under a moving window."""


class _SwapSettings(StageConfig):
    engine: str
    engine_version: int
    composite: CompositeSettings
    crf: int


@dataclass(frozen=True, slots=True)
class SwapItem:
    """The clip of B before its encode, B's mask, and the cut-out of A."""

    pair_id: str
    kind: Literal["swap", "noop"]
    placement: Literal["", "cover", "free"]
    media_sha256: str
    declared_fps: float | None
    cut: Cut
    mask: Blob
    cutout: Blob
    seed: int


class Synthesise(MapStage[SwapItem]):
    """One swap by the composite engine."""

    name = "synthesise"
    version = 1
    kind = "pair"
    libraries = ("av", "opencv-python-headless", "numpy", "pillow")
    resources = Resources(memory_bytes=8 * 2**30, timeout_s=900.0)

    def __init__(self, config: SynthesiseConfig, crf: int) -> None:
        engine = CompositeEngine(config.composite.engine_config())
        super().__init__(
            _SwapSettings(engine=engine.name, engine_version=engine.version, composite=config.composite, crf=crf)
        )
        self.engine = engine
        self.crf = crf

    def run(self, item: SwapItem, store: BlobStore) -> Sequence[Swap]:
        """The `Swap` of one pair."""
        frames = read_frames(item.cut, store.original(item.media_sha256), item.declared_fps)
        masks = decode_masks(store.path(item.mask))
        made = self.engine.make(
            CompositeRequest(
                frames=frames,
                masks=masks,
                product=read_rgba(store.path(item.cutout)) if item.kind == "swap" else None,
                seed=item.seed,
                kind=item.kind,
                placement=item.placement or None,
            )
        )
        with store.scratch_folder() as name:
            folder = Path(name)
            encode_clip(made.source, item.cut.fps, folder / "source.mp4", crf=self.crf)
            encode_masks(made.source_mask, item.cut.fps, folder / "source_mask.mp4")
            encode_masks(made.effect_mask, item.cut.fps, folder / "effect_mask.mp4")
            source, source_mask, effect_mask = (
                store.put_file(folder / f"{member}.mp4", "mp4") for member in ("source", "source_mask", "effect_mask")
            )
        return [Swap(item.pair_id, source, source_mask, effect_mask, made.flags, dict(sorted(made.numbers.items())))]
