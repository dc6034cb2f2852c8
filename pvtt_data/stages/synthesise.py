"""Synthesise: put product A in the place of B in a real clip, by the composite engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from pvtt_data.engines.composite import CompositeConfig, CompositeEngine, CompositeRequest
from pvtt_data.engines.moving import steady_cutout
from pvtt_data.errors import InputError
from pvtt_data.files import sha256_file
from pvtt_data.fillers import CommandFiller, OnnxFiller
from pvtt_data.images import read_rgba
from pvtt_data.inpaint import Filler
from pvtt_data.media import decode_masks
from pvtt_data.records import Assignment, Blob, Cut, Pair, Picture, Swap, content_id
from pvtt_data.rendezvous import rank
from pvtt_data.stage import MapStage, Resources, StageConfig
from pvtt_data.stages.crosspair import CrosspairSettings
from pvtt_data.stages.normalise import read_frames
from pvtt_data.stages.pair_videos import store_videos
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

    find_occluders: bool = True
    """Look for hands and other things in front of B, which then stay in front of A."""
    distractor_share: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Share of pairs with a third product beside B, in source and target, that has to survive the swap."""
    fill_model: Path | None = None
    """An inpainting network (ONNX, LaMa's interface) for background that no frame shows; texture is copied without."""
    fill_command: tuple[str, ...] = ()
    """A program that fills it instead, with ``{frames}``, ``{masks}`` and ``{output}`` for folders: docs/composite.md.
    Results are kept by these words: put the program's version among them."""
    fill_timeout_s: Annotated[float, Field(gt=0)] = 600.0
    """How long that program may take for a clip."""

    @model_validator(mode="after")
    def _one_filler(self) -> CompositeSettings:
        if self.fill_model is not None and self.fill_command:
            raise ValueError("either fill_model or fill_command, not both")
        return self

    def engine_config(self) -> CompositeConfig:
        """The same settings, as the engine takes them."""
        return CompositeConfig(**self.model_dump(include={entry.name for entry in fields(CompositeConfig)}))

    @property
    def filled_by(self) -> dict[str, Any]:
        """``fill_model`` and ``fill_command`` by what they are and not where: for datasets, which name no file of a
        machine and no program that somebody else would then run."""
        words = [content_id("fill_command", *self.fill_command)] if self.fill_command else []
        return {
            "fill_model": None if self.fill_model is None else sha256_file(self.fill_model),
            "fill_command": words,
        }

    def filler(self) -> Filler | None:
        """What fills background that no frame shows.

        Raises:
            PreflightError: the network or the command cannot be used.
        """
        if self.fill_model is not None:
            return OnnxFiller(self.fill_model)
        return CommandFiller(self.fill_command, self.fill_timeout_s) if self.fill_command else None


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
    media_sha256: str
    declared_fps: float | None
    cut: Cut
    mask: Blob
    cutout: Blob | None
    """None where A is no picture."""
    seed: int
    distractor: Blob | None = None
    """The cut-out of a third product, put beside B in source and target."""
    placement: Literal["", "cover", "free"] = ""
    """How A is meant to stand; empty: the engine draws it."""


@dataclass(frozen=True, slots=True)
class MovingProduct:
    """The clip of A before its encode, and A's mask."""

    media_sha256: str
    declared_fps: float | None
    cut: Cut
    mask: Blob


@dataclass(frozen=True, slots=True, kw_only=True)
class MovingSwapItem(SwapItem):
    """A swap whose A is cut out of a clip of its own."""

    moving: MovingProduct


def draw_distractors(
    pairs: Sequence[Pair], pictures: Sequence[Picture], assignments: Sequence[Assignment], share: float
) -> dict[str, Blob]:
    """Which pairs get a third product beside B, and its cut-out.

    A swap is drawn by the hash of its pair; the thing is a listing picture of another family of the same split, the one
    of highest rank, so that products that come and go disturb no other pair's.

    Args:
        share: of the swaps, 0..1.

    Returns:
        Pair → cut-out.
    """
    split_of = {row.product_id: row.split for row in assignments}
    family_of = {row.product_id: row.component_id for row in assignments}
    listed = [row for row in pictures if row.origin == "listing" and row.product_id in split_of]
    drawn = {}
    for pair in pairs:
        if pair.kind != "swap" or int(rank("distractor", pair.pair_id)[:16], 16) / 2**64 >= share:
            continue
        own = {family_of.get(pair.product_a), family_of.get(pair.product_b)}
        others = [
            row for row in listed if split_of[row.product_id] == pair.split and family_of[row.product_id] not in own
        ]
        if others:
            best = max(others, key=lambda row: (rank("distractor", pair.pair_id, row.picture_id), row.picture_id))
            drawn[pair.pair_id] = best.cutout
    return drawn


class Synthesise(MapStage[SwapItem]):
    """One swap by the composite engine."""

    name = "synthesise"
    version = 2
    kind = "pair"
    libraries: tuple[str, ...] = ("av", "opencv-python-headless", "numpy", "pillow")
    resources = Resources(memory_bytes=8 * 2**30, timeout_s=900.0)

    def __init__(self, config: SynthesiseConfig, crf: int) -> None:
        settings = config.composite
        kept = settings.model_copy(update={"fill_model": None, "distractor_share": 0.0})  # not where, not how many
        super().__init__(
            _SwapSettings(engine=CompositeEngine.name, engine_version=CompositeEngine.version, composite=kept, crf=crf)
        )
        self.settings = settings
        self.crf = crf
        if settings.fill_model is not None:
            self.libraries += ("onnxruntime",)
        self._weights = {} if settings.fill_model is None else {"fill_model": sha256_file(settings.fill_model)}
        self._engine: CompositeEngine | None = None

    @property
    def weights(self) -> dict[str, str]:
        """The digest of the inpainting network, if there is one."""
        return dict(self._weights)

    def setup(self) -> None:
        """Open the engine, and with it the inpainting network."""
        self._engine = CompositeEngine(self.settings.engine_config(), self.settings.filler())

    def run(self, item: SwapItem, store: BlobStore) -> Sequence[Swap]:
        """The `Swap` of one pair."""
        assert self._engine is not None, "setup() runs first"
        frames = read_frames(item.cut, store.original(item.media_sha256), item.declared_fps)
        masks = decode_masks(store.path(item.mask))
        made = self._engine.make(
            CompositeRequest(
                frames=frames,
                masks=masks,
                product=_product(item, store),
                seed=item.seed,
                kind=item.kind,
                placement=item.placement or None,
                distractor=read_rgba(store.path(item.distractor)) if item.distractor is not None else None,
            )
        )
        names = ["source", "source_mask", "effect_mask"]
        if made.target is not frames:  # with a distractor in it
            names.append("target")
        blobs = store_videos(made, names, item.cut.fps, self.crf, store)
        return [Swap(pair_id=item.pair_id, flags=made.flags, numbers=dict(sorted(made.numbers.items())), **blobs)]


def _product(item: SwapItem, store: BlobStore) -> npt.NDArray[np.uint8] | None:
    """What is pasted, as the engine takes it."""
    if item.kind == "noop":
        return None
    if isinstance(item, MovingSwapItem):
        return _cut_out(item.moving, store)
    if item.cutout is None:
        raise ValueError(f"pair {item.pair_id} has nothing to paste")
    return read_rgba(store.path(item.cutout))


def _cut_out(moving: MovingProduct, store: BlobStore) -> npt.NDArray[np.uint8]:
    """``(S, h, w, 4) uint8`` RGBA: A, steady.

    Raises:
        InputError: ``a-`` and the reason of `steady_cutout`, so that nobody looks for it in the clip of B.
    """
    frames = read_frames(moving.cut, store.original(moving.media_sha256), moving.declared_fps)
    masks = decode_masks(store.path(moving.mask))
    pad = moving.cut.pad  # what lies around the picture is no place where a product can be whole
    inside = (slice(None), slice(pad.y, pad.y + pad.height), slice(pad.x, pad.x + pad.width))
    try:
        return steady_cutout(frames[inside], masks[inside])
    except InputError as error:
        raise InputError(f"a-{error.reason}", f"the clip of A: {error.message}", error.numbers) from error
