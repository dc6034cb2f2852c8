"""Segment: the product's mask in every frame of a clip, by the chosen backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from pvtt_data.backends import UNTOLD, BackendSettings, ChosenBackend, choose_backend, open_backend
from pvtt_data.errors import InputError
from pvtt_data.grounded_backend import BackendIdentity
from pvtt_data.media import decode_video, encode_masks
from pvtt_data.mirrors import Progress
from pvtt_data.models import ModelRegistry
from pvtt_data.records import Blob, MaskTrack, content_id
from pvtt_data.segmenters.base import Job, Segmentation, Segmenter, Target
from pvtt_data.segmenters.box_prompt import BoxPrompt
from pvtt_data.segmenters.finish import smoothed
from pvtt_data.segmenters.grounded.settings import GroundedSettings
from pvtt_data.stage import MapStage, Resources, StageConfig
from pvtt_data.store import BlobStore
from pvtt_data.vocabulary import NamedTarget, load_vocabulary, target_for


def _names_something(prompt: str) -> str:
    Target.of_prompt(prompt)
    return prompt


class SegmentConfig(StageConfig):
    """Which model finds the product, and what it is told."""

    backend: Literal["auto", "grounded-sam2", "u2net"] = "auto"
    """auto takes grounded-sam2 where its libraries, its weights and a GPU are here, else u2net; it says which and why,
    and every sample stores it."""
    prompt: Annotated[str, AfterValidator(_names_something)] | None = None
    """What grounded-sam2 looks for in all clips, such as "teapot." or "teapot. kettle."; else each product's category
    and title say it."""
    vocabulary: Path | None = None
    """A file of kinds of products, besides those that are known or in their place: see docs/segmentation.md."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where grounded-sam2 runs; auto is the GPU if there is one."""
    grounded: GroundedSettings = Field(default_factory=GroundedSettings)
    smoothing_px: Annotated[float, Field(ge=0, le=10)] = 0.0
    """Outlines of masks are smoothed by so much (standard deviation); they stay binary, and thinner things are lost."""

    @model_validator(mode="after")
    def _can_be_told(self) -> SegmentConfig:
        if self.backend == "u2net" and self.prompt is not None:
            raise ValueError(UNTOLD)
        return self


@dataclass(frozen=True, slots=True)
class SegmentItem:
    """A clip's video."""

    clip_id: str
    video: Blob
    fps: float


@dataclass(frozen=True, slots=True)
class TargetedSegmentItem(SegmentItem):
    """A clip's video and what to look for in it, for a backend that is told."""

    target: Target


@dataclass(frozen=True, slots=True)
class BoxedSegmentItem(SegmentItem):
    """A clip's video and where a person says that the product is, perhaps with words for it."""

    target: Target | None
    box: BoxPrompt


class _SmoothedSettings(StageConfig):
    backend: BackendSettings | BackendIdentity
    smoothing_px: float


class Segment(MapStage[SegmentItem]):
    """One clip's mask track.

    Args:
        backend: finds the product.
        smoothing_px: see `SegmentConfig.smoothing_px`.
    """

    name = "segment"
    version = 1
    kind = "clip"
    resources = Resources(memory_bytes=8 * 2**30, timeout_s=900.0)

    def __init__(self, backend: ChosenBackend, smoothing_px: float = 0.0) -> None:
        key = backend.key_settings
        super().__init__(_SmoothedSettings(backend=key, smoothing_px=smoothing_px) if smoothing_px else key)
        self.backend = backend
        self._smoothing_px = smoothing_px
        self.numeric_class = backend.numeric_class
        self.libraries = backend.libraries
        self.resources = backend.resources(self.resources)
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
        job = self._job(item, store)
        return [self._track(item, self._segmenter.segment_video(job.frames, job.target, box=job.box), store)]

    def run_many(self, items: Sequence[SegmentItem], store: BlobStore) -> list[Sequence[MaskTrack] | InputError]:
        """The `MaskTrack` of each clip, all worked on together."""
        assert self._segmenter is not None, "setup() runs first"
        outcomes: dict[int, Segmentation | InputError] = {}
        jobs: dict[int, Job] = {}
        for n, item in enumerate(items):
            try:
                jobs[n] = self._job(item, store)
            except InputError as error:
                outcomes[n] = error
        outcomes |= zip(jobs, self._segmenter.segment_videos(list(jobs.values())), strict=True)
        return [
            outcome if isinstance(outcome := outcomes[n], InputError) else [self._track(item, outcome, store)]
            for n, item in enumerate(items)
        ]

    def _job(self, item: SegmentItem, store: BlobStore) -> Job:
        target = item.target if isinstance(item, (TargetedSegmentItem, BoxedSegmentItem)) else None
        box = item.box if isinstance(item, BoxedSegmentItem) else None
        check_told(self.backend, target, box)
        return Job(decode_video(store.path(item.video)), target, box)

    def _track(self, item: SegmentItem, found: Segmentation, store: BlobStore) -> MaskTrack:
        scratch = store.scratch_file("mp4")
        try:
            encode_masks(smoothed(found.masks, self._smoothing_px), item.fps, scratch)
            mask = store.put_file(scratch, "mp4")
        finally:
            scratch.unlink(missing_ok=True)
        numbers = {**found.numbers, "confidence_min": float(found.confidence.min())}
        return MaskTrack(
            track_id=content_id("track", item.clip_id, mask.sha256),
            clip_id=item.clip_id,
            backend=self.backend.label,
            weights=dict(self.weights),
            mask=mask,
            verdict="accept",
            reasons=(),
            numbers=dict(sorted(numbers.items())),
        )


def check_told(backend: ChosenBackend, target: Target | None, box: BoxPrompt | None) -> None:
    """Whether a backend can do what it is told.

    Raises:
        InputError: ``cannot-be-told``, there is a target and the backend takes none; ``bad-prompt``, the target has no
            words and there is no box.
    """
    if target is None:
        return
    if not backend.takes_target:
        raise InputError("cannot-be-told", f"a person asks for a prompt, and {UNTOLD}; a box says it without words")
    if not target.phrases and box is None:
        raise InputError("bad-prompt", 'the prompt names nothing to look for; write "teapot." or "teapot. kettle."')


def backend_for(
    config: SegmentConfig,
    registry: ModelRegistry,
    progress: Progress = lambda done, total: None,
    fetch: bool = True,
) -> tuple[ChosenBackend, str]:
    """The backend that the settings ask for and, in words, why; see `choose_backend`.

    Raises:
        PreflightError: it cannot run here.
    """
    told = config.prompt is not None
    return choose_backend(config.backend, registry, progress, config.grounded, config.device, told, fetch)


def target_namer(config: SegmentConfig) -> Callable[[str, str], NamedTarget]:
    """From a product's category and title to what to look for: the recipe's prompt, or what its words say.

    Raises:
        RecipeError: all that is wrong with the recipe's vocabulary.
    """
    if config.prompt is not None:
        told = NamedTarget(Target.of_prompt(config.prompt), "prompt")
        return lambda category, title: told
    vocabulary = load_vocabulary(config.vocabulary)
    return lambda category, title: target_for(category, title, vocabulary)
