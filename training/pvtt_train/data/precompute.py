"""Encodes a dataset version once: latents, conditionings and text embeddings, into a set of latent shards.

What is stored already is not made again, whoever stored it: an earlier set, or a run that was killed. The processor
decodes, draws masks and fills them while the GPU encodes what was prepared before.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from pvtt_data.errors import BuildError, DatasetError, InputError, PreflightError
from pvtt_data.shards import Sample, ShardDataset
from pvtt_data.shards.format import MANIFEST_FILE as DATASET_MANIFEST
from pvtt_data.stage import StageConfig
from pvtt_data.vace.conditioning import Choice, ConditioningConfig
from pvtt_train.data.ahead import Ahead
from pvtt_train.data.config import DataConfig, LatentSettings, TextConfig
from pvtt_train.data.encoders import (
    Codec,
    GreyOnce,
    TextEncoder,
    digest_of,
    indexed,
    name_of,
    numeric_class,
    training_text,
)
from pvtt_train.data.latent_shards import (
    LatentManifest,
    LatentStore,
    SampleRow,
    SkippedSample,
    VariantRow,
)
from pvtt_train.data.latents import differences, shaping
from pvtt_train.data.pieces import (
    KINDS,
    Facts,
    Kind,
    Made,
    Makers,
    Streams,
    check_contents,
    effect_piece,
    latents_piece,
    reference_pixels,
    streams,
    target_pixels,
    text_piece,
    variant_piece,
)
from pvtt_train.diffsynth_source import encoders_version
from pvtt_train.guards import memory_told

_PREPARED_AHEAD = 2
"""Videos that wait in the memory of the GPU: two streams of 49 frames at 480×848 are half a gigabyte."""
MORE_ROOM = (
    "other programs on the GPU may hold its memory, and run.max_memory_gb, if set, is the most that is used of it",
    "--set run.device=cpu takes the processor's memory and far longer; pieces that a GPU made are made anew",
)
"""Where memory is not enough: how there may be more of it."""
_KEPT = "what was stored is kept: the same command goes on from there"
_SMALLER = "a dataset of fewer frames (normalise.frames in its recipe) or smaller ones (normalise.sizes) takes less"
"""Videos are encoded whole: no setting of a training makes one take less."""
_ADVICE = (_KEPT, _SMALLER, *MORE_ROOM)


class PrecomputeSettings(StageConfig):
    """Everything that decides what is stored."""

    latents: LatentSettings = LatentSettings()
    """How much, and how."""
    conditioning: ConditioningConfig = ConditioningConfig()
    """How samples are shown; the loss weights do not matter."""
    text: TextConfig = TextConfig()
    """Words; how many prompts are dropped does not matter."""

    @classmethod
    def of(cls, data: DataConfig, conditioning: ConditioningConfig) -> PrecomputeSettings:
        """Those that training needs."""
        return cls(latents=data.precompute, conditioning=conditioning, text=data.text)


class Progress(Protocol):
    """Told what `precompute` does; not always by the same thread."""

    def started(self, pieces: int, stored: int) -> None:
        """So many pieces are needed, of which so many are stored already."""
        ...

    def made(self, kind: Kind, size_bytes: int) -> None:
        """One more is stored."""
        ...

    def skipped(self, key: str, message: str) -> None:
        """A sample cannot be used."""
        ...


class Silent:
    """Tells nobody."""

    def started(self, pieces: int, stored: int) -> None:
        """Nothing to say."""

    def made(self, kind: Kind, size_bytes: int) -> None:
        """Nothing to say."""

    def skipped(self, key: str, message: str) -> None:
        """Nothing to say."""


@dataclass(frozen=True, slots=True)
class PrecomputeReport:
    """What `precompute` did.

    Attributes:
        folder: of the set.
        manifest: of the set.
        samples: that it holds.
        made, reused: pieces by kind.
        damaged: stored pieces whose bytes had changed and that were made anew; looked for on request only.
        changed: what differs from the set that was in the folder before, each as ``place: before → now``.
        contents, policies: how often variants show each reactive content, and were masked by each policy.
        seconds: that it took.
    """

    folder: Path
    manifest: LatentManifest
    samples: int
    made: Mapping[Kind, int]
    reused: Mapping[Kind, int]
    damaged: int
    changed: tuple[str, ...]
    contents: Mapping[str, int]
    policies: Mapping[str, int]
    seconds: float

    @property
    def skipped(self) -> tuple[SkippedSample, ...]:
        """Samples that cannot be used, and why."""
        return tuple(self.manifest.skipped)

    def lines(self) -> list[str]:
        """For a person."""
        manifest = self.manifest
        size = manifest.used_bytes
        told = [
            f"{self.samples} samples, {manifest.settings['latents']['variants']} variants each, in {self.folder}",
            f"made: {_counted(self.made)}",
            f"taken over: {_counted(self.reused)}",
            f"{_size(size)}, {_size(size / max(1, self.samples))} a sample; largest relative error of "
            f"{manifest.settings['latents']['precision']}: {manifest.rounding:.1e}",
            f"reactive contents: {_counted(self.contents)}; masks: {_counted(self.policies)}",
            f"{self.seconds:.1f} s",
        ]
        if self.changed:
            told.append(f"other than before: {'; '.join(self.changed)}")
        if self.damaged:
            told.append(f"{self.damaged} stored pieces were damaged and were made anew")
        if manifest.unused_bytes:
            told.append(f"{_size(manifest.unused_bytes)} are no longer used; prune gives them back")
        for sample in self.skipped:
            told.append(f"skipped {sample.key}: {sample.reason}: {sample.message}")
        return told


def _counted(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing"


def _size(size_bytes: float) -> str:
    return f"{size_bytes / 1e9:.2f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.2f} MB"


def check_asked(out: Path, settings: PrecomputeSettings) -> None:
    """Whether a set with such settings may be made in a folder; nothing is loaded or written.

    Raises:
        InputError: as `check_contents`.
        PreflightError: the folder is a dataset version.
    """
    check_contents(settings.conditioning)
    if (out / DATASET_MANIFEST).exists():
        raise PreflightError(
            f"{out} is a dataset version; latents lie in a folder of their own, such as {out}.latents: name another "
            "with --out, or leave it out"
        )


def precompute(
    shards: Path,
    out: Path,
    settings: PrecomputeSettings,
    codec: Codec,
    text: TextEncoder,
    device: torch.device,
    progress: Progress | None = None,
) -> PrecomputeReport:
    """Make a set of latents, or bring one up to date.

    Args:
        shards: folder of the dataset version.
        out: folder of the set; what it holds already is used as far as it fits.
        settings: what to store.
        codec: VAE on the device. Its ``digest`` tells its results from another's; see `digest_of`.
        text: text encoder, as the codec.
        device: where pixels are prepared and encoded.
        progress: told what happens.

    Raises:
        DatasetError: the dataset version is damaged or lacks a split, or the set in the folder is damaged; a stored
            piece only where it has to be moved by ``settings.latents.prune``.
        InputError, PreflightError: as `check_asked`.
        BuildError: more samples cannot be used than ``settings.latents.allow_skipped``, or none is left; what was made
            is kept for the next run.
        DiskFullError: as `LatentStore.add`.
        PreflightError: another process is at work in the folder, or reads it and ``settings.latents.prune`` is set, or
            it cannot be written.
        OutOfMemoryError: the device's memory was not enough; what was made is kept.
    """
    check_asked(out, settings)
    begun = time.perf_counter()
    told, device = progress or Silent(), indexed(device)
    makers = Makers(digest_of(codec), digest_of(text), settings.latents.precision, numeric_class(device))
    datasets = [ShardDataset(shards, split, check_sha256=True) for split in dict.fromkeys(settings.latents.splits)]
    root, name = datasets[0].manifest.root, datasets[0].manifest.name
    with LatentStore(out) as store:
        if settings.latents.prune:
            store.check_unread()
        before = store.manifest
        damaged = store.forget_damaged() if settings.latents.check_stored else []
        plans, skipped = _plans(datasets, settings, makers)
        empty = makers.embedding("")
        wanted: dict[str, Kind] = {empty: "text"}
        for plan in plans:
            wanted |= plan.kinds()
        missing = {digest for digest in wanted if digest not in store}
        told.started(len(wanted), len(wanted) - len(missing))
        work = _Work(settings, makers, GreyOnce(codec), device, store, missing, told)
        work.embed(text, ["", *(plan.prompt for plan in plans)])
        work.encode(plans)
        rows = []
        for plan in plans:
            lacking = {digest for digest in plan.row.pieces() if digest not in store}
            if lacking:
                skipped.append(_skipped(plan.row.key, work.reason(plan.row.key, lacking)))
            else:
                rows.append(plan.row)
        for sample in skipped:
            told.skipped(sample.key, sample.message)
        if len(skipped) > settings.latents.allow_skipped:
            first = skipped[0]
            raise BuildError(
                f"{len(skipped)} samples cannot be used, {settings.latents.allow_skipped} are allowed "
                f"(precompute.allow_skipped); the first is {first.key}: {first.reason}: {first.message}"
            )
        if not rows:
            raise BuildError(f"no sample of {shards} can be used: nothing to train on")
        manifest = store.finish(
            rows,
            prune=settings.latents.prune,
            dataset=name,
            root=root,
            settings=_stated(settings, codec, text),
            codec=makers.codec,
            text=makers.text,
            numeric_class=makers.numeric_class,
            versions={**makers.libraries, "diffsynth": encoders_version()},
            empty_text=empty,
            skipped=sorted(skipped, key=lambda sample: sample.key),
        )
        used = {empty}.union(*(row.pieces() for row in rows))
        notes = [store.note(variant.piece) for row in rows for variant in row.variants]
    return PrecomputeReport(
        folder=out,
        manifest=manifest,
        samples=len(rows),
        made=_by_kind(wanted[digest] for digest in used & missing),
        reused=_by_kind(wanted[digest] for digest in used - missing),
        damaged=len(damaged),
        changed=tuple(_changed(before, manifest)),
        contents=_sorted_counts(note["content"] for note in notes),
        policies=_sorted_counts(note["policy"] for note in notes),
        seconds=time.perf_counter() - begun,
    )


def _stated(settings: PrecomputeSettings, codec: Codec, text: TextEncoder) -> dict[str, Any]:
    """The settings that tell one set from another, and whose weights made it, for its manifest."""
    latents = settings.latents.model_dump(mode="json", include={"splits", "variants", "precision"})
    weights = {"vae": name_of(codec), "text_encoder": name_of(text)}
    return {**shaping(settings.conditioning, settings.text), "latents": latents, "weights": weights}


def _changed(before: LatentManifest | None, now: LatentManifest) -> list[str]:
    if before is None:
        return []
    names = {"dataset", "root", "settings", "codec", "text", "numeric_class", "versions"}
    return differences(before.model_dump(include=names), now.model_dump(include=names))


def _by_kind(kinds: Iterator[Kind]) -> dict[Kind, int]:
    counts = Counter(kinds)
    return {kind: counts[kind] for kind in KINDS}


def _sorted_counts(names: Iterator[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items(), key=lambda pair: (-pair[1], pair[0])))


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a sample needs: its row, and what each digest in it stands for."""

    dataset: ShardDataset
    prompt: str
    row: SampleRow
    references: Mapping[str, int]
    """Number of the reference by digest."""
    variants: Mapping[str, Choice]
    """What was drawn, by digest."""

    def kinds(self) -> dict[str, Kind]:
        """Of all pieces, by digest."""
        return {
            self.row.target: "target",
            self.row.effect: "effect",
            self.row.text: "text",
            **dict.fromkeys(self.references, "reference"),
            **dict.fromkeys(self.variants, "variant"),
        }


def _plans(
    datasets: Sequence[ShardDataset], settings: PrecomputeSettings, makers: Makers
) -> tuple[list[_Plan], list[SkippedSample]]:
    plans, skipped = [], []
    for dataset in datasets:
        for sample in dataset:
            try:
                plans.append(_plan(dataset, sample, settings, makers))
            except (InputError, DatasetError) as error:
                skipped.append(_skipped(sample.key, error))
    return plans, skipped


def _plan(dataset: ShardDataset, sample: Sample, settings: PrecomputeSettings, makers: Makers) -> _Plan:
    facts, conditioning = Facts.of(sample), settings.conditioning
    facts.check_size()
    references: dict[str, int] = {}
    variants: dict[str, Choice] = {}
    rows = []
    for step in range(settings.latents.variants):
        choice = facts.choice(conditioning, step)
        shown = [makers.reference(facts, number, conditioning) for number in choice.references]
        digest = makers.variant(facts, choice, conditioning)
        rows.append(VariantRow(digest, choice.content, tuple(shown)))
        references |= zip(shown, choice.references, strict=True)
        variants[digest] = choice
    prompt = training_text(facts.prompt, settings.text.trigger)
    row = SampleRow(
        key=facts.key,
        split=sample.split,
        frames=facts.frames,
        height=facts.height,
        width=facts.width,
        target=makers.target(facts),
        effect=makers.effect(facts),
        text=makers.embedding(prompt),
        variants=tuple(rows),
    )
    return _Plan(dataset, prompt, row, references, variants)


def _skipped(key: str, error: InputError | DatasetError) -> SkippedSample:
    reason = error.reason if isinstance(error, InputError) else "dataset-damaged"
    return SkippedSample(key=key, reason=reason, message=str(error))


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """A piece before the VAE has seen it: pixels on the device, or the piece itself where there is nothing to encode,
    or why the sample cannot be used."""

    key: str
    digest: str
    kind: Kind
    pixels: Tensor | Streams | Made | InputError | DatasetError
    ready: Any = None
    """Event on the GPU after which the pixels are there."""

    def __str__(self) -> str:
        video = self.pixels.inactive if isinstance(self.pixels, Streams) else self.pixels
        size = ""
        if isinstance(video, Tensor):
            frames, height, width = video.shape[1:]
            size = f", {frames} frames of {width}×{height}," if frames > 1 else f", {width}×{height},"
        return f"the {self.kind} of sample {self.key}{size}"


@dataclass(slots=True)
class _Work:
    """Makes what is missing and stores it."""

    settings: PrecomputeSettings
    makers: Makers
    codec: Codec
    device: torch.device
    store: LatentStore
    missing: set[str]
    told: Progress
    failed: dict[str, InputError | DatasetError] = field(default_factory=dict)
    """Why something could not be made, by digest of a piece and by key of a sample."""

    def reason(self, key: str, lacking: Iterable[str]) -> InputError | DatasetError:
        """Why a sample lacks pieces."""
        return self.failed.get(key) or next(self.failed[digest] for digest in sorted(lacking) if digest in self.failed)

    def embed(self, text: TextEncoder, prompts: Sequence[str]) -> None:
        """Embed each prompt once.

        Raises:
            InputError: the empty prompt cannot be embedded, or that cannot be kept.
        """
        by_digest = {self.makers.embedding(prompt): prompt for prompt in dict.fromkeys(prompts)}
        for digest, prompt in by_digest.items():
            if digest not in self.missing:
                continue
            try:
                with torch.no_grad(), memory_told("while a prompt was embedded", (_KEPT, *MORE_ROOM)):
                    [embedding] = text.embed([prompt])
                self._keep(digest, "text", text_piece(embedding, self.makers.precision))
            except InputError as error:
                if not prompt:
                    raise
                self.failed[digest] = error

    def encode(self, plans: Sequence[_Plan]) -> None:
        """Encode what samples lack."""
        # One thread writes, so that the GPU does not wait for the disk; at most two pieces wait for it.
        with ThreadPoolExecutor(1) as writer, Ahead(self._prepared(plans), _PREPARED_AHEAD) as prepared:
            writing: list[Future[None]] = []
            for piece in prepared:
                try:
                    with memory_told(f"while {piece} was encoded", _ADVICE):
                        made = self._made(piece)
                except (InputError, DatasetError) as error:
                    self.failed[piece.key] = self.failed[piece.digest] = error
                    continue
                writing.append(writer.submit(self._keep, piece.digest, piece.kind, made))
                while len(writing) > 2:
                    writing.pop(0).result()
            for future in writing:
                future.result()

    def _made(self, piece: _Prepared) -> Made:
        pixels, precision = piece.pixels, self.makers.precision
        if isinstance(pixels, Made):
            return pixels
        if isinstance(pixels, (InputError, DatasetError)):
            raise pixels
        if piece.ready is not None:
            current = torch.cuda.current_stream(self.device)
            current.wait_event(piece.ready)
            for tensor in (pixels.inactive, pixels.reactive, pixels.mask) if isinstance(pixels, Streams) else (pixels,):
                tensor.record_stream(current)
        if isinstance(pixels, Streams):
            return variant_piece(pixels, self.codec, precision)
        return latents_piece(pixels, self.codec, precision)

    def _prepared(self, plans: Sequence[_Plan]) -> Iterator[_Prepared]:
        """Runs in a thread of its own, ahead of the encoder."""
        stream = torch.cuda.Stream(self.device) if self.device.type == "cuda" else None
        claimed: set[str] = set()
        for plan in plans:
            sample = plan.dataset[plan.row.key]
            for digest, kind in plan.kinds().items():
                if kind == "text" or digest not in self.missing or digest in claimed:
                    continue
                try:
                    with memory_told(f"while the {kind} of sample {plan.row.key} was prepared", _ADVICE):
                        pixels, ready = self._pixels(sample, plan, digest, kind, stream)
                except (InputError, DatasetError) as error:
                    # Another sample that shows the same picture may still be able to give it.
                    yield _Prepared(plan.row.key, digest, kind, error)
                    break
                except Exception as error:
                    error.add_note(f"while the {kind} of sample {plan.row.key} was prepared")
                    raise
                claimed.add(digest)
                yield _Prepared(plan.row.key, digest, kind, pixels, ready)

    def _pixels(
        self, sample: Sample, plan: _Plan, digest: str, kind: Kind, stream: Any
    ) -> tuple[Tensor | Streams | Made, Any]:
        conditioning = self.settings.conditioning
        if kind == "effect":
            return effect_piece(sample), None
        with nullcontext() if stream is None else torch.cuda.stream(stream):
            pixels: Tensor | Streams
            if kind == "target":
                pixels = target_pixels(sample, self.device)
            elif kind == "reference":
                pixels = reference_pixels(sample, plan.references[digest], conditioning, self.device)
            else:
                pixels = streams(sample, plan.variants[digest], conditioning, self.device)
            if stream is None:
                return pixels, None
            ready = torch.cuda.Event()
            ready.record(stream)
            return pixels, ready

    def _keep(self, digest: str, kind: Kind, made: Made) -> None:
        piece = self.store.add(digest, kind, made)
        self.told.made(kind, piece.length)
