"""What a run is going to do, before anything is loaded: data, steps, what is missing and what it will take."""

from __future__ import annotations

import math
import os
import shutil
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pvtt_data.errors import DatasetError, PreflightError
from pvtt_data.gpu import find_gpu
from pvtt_data.shards import ShardDataset
from pvtt_data.words import bytes_text, duration_text
from pvtt_train.config import TrainConfig, precision_of
from pvtt_train.data.buckets import Bucket
from pvtt_train.data.latents import LatentExamples
from pvtt_train.data.pieces import check_contents
from pvtt_train.data.pixels import read_facts
from pvtt_train.distributed import World
from pvtt_train.room import Room, gpu_lacks, host_lacks
from pvtt_train.settings import Settings
from pvtt_train.speed.config import SpeedConfig
from pvtt_train.timing import matmul_rate, step_seconds
from pvtt_train.validation.outlook import for_levels, held_out, outlook, require_trackers
from pvtt_train.wan.adapters import adapter_parameters
from pvtt_train.wan.architecture import SIZES
from pvtt_train.wan.memory import MemoryEstimate, estimate, fitted
from pvtt_train.wan.names import encoder_names, lacking_encoders
from pvtt_train.wan.weights import PARTS, Part, missing_files, registry

_SPARE_BYTES = 500 * 10**6
_NAMED = 8
"""Samples that are named of those that are left out; all are in `summary.json`."""
_COPIES = 5
"""Of the adapters in a checkpoint: weights, average, two moments, and the file for use."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is going to do.

    Attributes:
        settings: of the run.
        dataset: name and version.
        root: of the dataset's manifest.
        buckets: samples of each size, with the most references that they may show.
        left_out: samples that are not trained on, by key, and why: from pixels those whose metadata cannot be read,
            with latents those that `precompute` was allowed to skip.
        processes: how many share a step.
        on_gpu: whether it runs on GPUs.
        device: that it runs on, in words.
        checkpoint_bytes: of one checkpoint.
        parts: weights that it loads.
        missing: weights that have to be fetched.
        speed: how a step is computed: as set, with what is to fit the memory decided.
        memory: that a step takes, with the largest clips.
        room: that there is for it.
        validation: what is validated and when, and what cannot be, a line each.
        step_s: about how long a step takes; None where that is not known before.
    """

    settings: Settings
    dataset: str
    root: str
    buckets: Mapping[Bucket, int]
    left_out: Mapping[str, str]
    processes: int
    on_gpu: bool
    device: str
    checkpoint_bytes: int
    parts: tuple[Part, ...]
    missing: Sequence[str]
    speed: SpeedConfig
    memory: MemoryEstimate
    room: Room
    validation: Sequence[str]
    step_s: float | None

    @property
    def samples(self) -> int:
        """That can be trained on."""
        return sum(self.buckets.values())

    @property
    def largest(self) -> Bucket:
        """The size that takes most memory."""
        return _largest(self.buckets)

    @property
    def epochs(self) -> float:
        """How often each sample is shown."""
        return self.settings.config.run.steps * self.settings.config.data.global_batch / self.samples

    def lines(self) -> list[str]:
        """For a person."""
        config, lora = self.settings.config, self.settings.config.lora
        source = "precomputed latents"
        if not config.data.from_latents:
            source = "pixels, encoded beside the training (`pvtt-train precompute` does that once)"
        share = config.data.global_batch // (config.data.batch * self.processes)
        batches = f"{share} batch{'es' if share > 1 else ''} of {config.data.batch}"
        each = f", {batches} in each of {self.processes} processes" if self.processes > 1 else f", {batches}"
        needed = str(self.memory) if self.on_gpu else str(self.memory).replace(" of GPU memory", "")
        time = "known after the first steps"
        if self.step_s is not None:
            total_s = self.step_s * config.run.steps
            time = f"about {duration_text(total_s)}, {duration_text(self.step_s)} a step, by this GPU's matrix products"
        told = [
            f"settings   {self.settings.name}: {self.settings.why}",
            f"device     {self.device}",
            f"model      {config.model.size}, {config.model.weights} weights; LoRA rank {lora.rank} on {lora.targets}",
            f"data       {self.dataset}, root {self.root[:16]}, {self.samples} samples ({config.data.split}), {source}",
            *(f"           {count} × {bucket}" for bucket, count in sorted(self.buckets.items())),
            f"steps      {config.run.steps} of {_samples(config.data.global_batch)}{each}; {self.epochs:.1f} epochs",
            f"speed      {_told(self.speed)}",
            f"memory     {needed}; there are {bytes_text(max(0, self.room.available))}",
            f"time       {time}",
            *(line if line.startswith("NO ") else f"validation {line}" for line in self.validation),
            f"run        {self.settings.folder}; a checkpoint is {bytes_text(self.checkpoint_bytes)}",
        ]
        lacking = lacking_encoders(config.model) if config.data.from_latents else []
        if lacking:
            made = " and ".join(encoder.replace("_", " ") for encoder in lacking)
            told.append(f"unchecked  whose {made} made the latents: {config.model.folder} has none")
        remark = config.optimiser.schedule.remark(config.run.steps)
        if remark:
            told.append(f"remark     {remark}")
        told += [f"left out   {line}" for line in some_left_out(self.left_out)]
        if self.missing:
            told.append(f"to fetch   {', '.join(self.missing)}")
        return told


def make_plan(settings: Settings, world: World) -> Plan:
    """Look at data, weights and memory; nothing heavy is read.

    Raises:
        DatasetError: the shards or latents are damaged, or do not go with the settings.
        InputError: samples cannot be shown as the settings say.
        PreflightError: the global batch cannot be shared among so many processes.
    """
    config, processes = settings.config, world.size
    if config.data.global_batch % (config.data.batch * processes):
        raise PreflightError(
            f"data.global_batch ({config.data.global_batch}) must be divisible by data.batch ({config.data.batch}) "
            f"times the {processes} processes; set data.global_batch={config.data.batch * processes}"
        )
    dataset = ShardDataset(config.data.shards, config.data.split)
    _check_files(dataset)
    check_contents(config.conditioning)
    buckets, left_out = _samples_of(config, dataset)
    size, largest = SIZES[config.model.size], _largest(buckets)
    parts = needed_parts(config)
    room = Room.of(config, world.device, largest, parts)
    lora, batch, ema = config.lora, config.data.batch, bool(config.optimiser.ema.keep)
    weight_bytes = precision_of(config, world.device).itemsize
    speed = fitted(config.speed, size, lora, largest, batch, room.available, ema, weight_bytes)
    rate = matmul_rate(world.device) if world.device.type == "cuda" else None
    step_s = None if rate is None else step_seconds(config, speed, largest, rate, processes)
    return Plan(
        settings=settings,
        dataset=f"{dataset.manifest.name} {config.data.shards.name}",
        root=dataset.manifest.root,
        buckets=buckets,
        left_out=left_out,
        processes=processes,
        on_gpu=world.device.type == "cuda",
        device=_device_told(config, world),
        checkpoint_bytes=_COPIES * 4 * adapter_parameters(size, lora),
        parts=parts,
        missing=missing_files(config.model, parts),
        speed=speed,
        memory=_memory(config, speed, buckets, world),
        room=room,
        validation=outlook(config.validation, config.data.shards, config.flow),
        step_s=step_s,
    )


def with_speed(plan: Plan, speed: SpeedConfig, world: World) -> Plan:
    """The same plan with steps computed otherwise."""
    return replace(plan, speed=speed, memory=_memory(plan.settings.config, speed, plan.buckets, world))


def _memory(config: TrainConfig, speed: SpeedConfig, buckets: Collection[Bucket], world: World) -> MemoryEstimate:
    shown = _shown(buckets, config.conditioning.references.dropout)
    return estimate(
        SIZES[config.model.size],
        config.lora,
        speed,
        _largest(buckets),
        config.data.batch,
        ema=bool(config.optimiser.ema.keep),
        weight_bytes=precision_of(config, world.device).itemsize,
        shapes=len(shown) if world.device.type == "cuda" else 1,
        others=shown,
    )


def _shown(buckets: Collection[Bucket], dropout: float) -> set[Bucket]:
    """All sizes that batches may have: of several references, any but the first may be left out."""
    return {
        replace(bucket, references=count)
        for bucket in buckets
        for count in range(min(1, bucket.references) if dropout else bucket.references, bucket.references + 1)
    }


def needed_parts(config: TrainConfig) -> tuple[Part, ...]:
    """Weights that a run loads: without latents, and for samples of validation, VAE and text encoder too."""
    validated = held_out(for_levels(config.validation, config.flow), config.data.shards) is not None
    return PARTS if validated or not config.data.from_latents else ("model",)


def preflight(plan: Plan) -> None:
    """Check what a run needs before anything long is done.

    Raises:
        PreflightError: all that is missing, one line each, with what mends it.
    """
    config, problems = plan.settings.config, list[str]()
    require_trackers(config.validation)
    problems += _folder_problems(plan.settings.folder, (config.checkpoint.keep + 1) * plan.checkpoint_bytes)
    if plan.missing and (registry(config.model).offline or config.model.folder is not None):
        mend = f"run `pvtt-data models pull {config.model.size}` with a connection, or set model.folder"
        advice = "" if config.model.folder is not None else f"; {mend}"
        problems.append(f"weights are missing and may not be fetched: {', '.join(plan.missing)}{advice}")
    if not config.data.from_latents and len(plan.left_out) > config.data.allow_corrupt:
        problems.append(
            f"{len(plan.left_out)} samples are unreadable, data.allow_corrupt is {config.data.allow_corrupt}; run "
            f"`pvtt-data verify {config.data.shards}`"
        )
    problems += gpu_lacks(plan.memory, plan.room)
    if plan.on_gpu:
        problems += host_lacks(plan.memory)
    if problems:
        raise PreflightError("the training cannot start:\n" + "\n".join(f"  {problem}" for problem in problems))


def _check_files(dataset: ShardDataset) -> None:
    """Every shard is there with its stated size; bytes are hashed when they are read."""
    for name, size in dataset.manifest.listed_bytes().items():
        path = dataset.path / name
        found = path.stat().st_size if path.is_file() else None
        if found != size:
            what = "is missing" if found is None else f"has {found} bytes, not {size}"
            raise DatasetError(f"{path} {what}; run `pvtt-data verify {dataset.path}`, or copy the version again")


def _samples_of(config: TrainConfig, dataset: ShardDataset) -> tuple[dict[Bucket, int], dict[str, str]]:
    """How many samples there are of each size; and those that are not trained on, by key, with the reason."""
    if config.data.from_latents:
        tokens, weights = SIZES[config.model.size].text_tokens, encoder_names(config.model)
        latents = LatentExamples(config.data, config.conditioning, text_tokens=tokens, weights=weights)
        counts = Counter(latents.shape(number) for number in range(len(latents)))
        return dict(counts), {each.key: each.message for each in latents.skipped if each.key in dataset}
    known, unreadable = read_facts(dataset)
    most = config.conditioning.references.most
    counts = Counter(Bucket(one.frames, one.height, one.width, min(one.available, most)) for one in known)
    if not counts:
        raise DatasetError(f"no sample of {dataset.path} can be read; run `pvtt-data verify {dataset.path}`")
    return dict(counts), unreadable


def _largest(buckets: Collection[Bucket]) -> Bucket:
    return max(buckets, key=lambda each: (each.references + math.ceil(each.frames / 4)) * each.height * each.width)


def _folder_problems(folder: Path, needed_bytes: int) -> list[str]:
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return [f"{folder} cannot be written; name another folder with --run"]
    free = shutil.disk_usage(existing).free
    if free < needed_bytes + _SPARE_BYTES:
        return [
            f"{folder}: {bytes_text(free)} are free, checkpoints need {bytes_text(needed_bytes + _SPARE_BYTES)}; free "
            "some, name another disk with --run, or keep fewer with --set checkpoint.keep=1"
        ]
    return []


def _device_told(config: TrainConfig, world: World) -> str:
    if world.device.type == "cuda":
        return world.device_name if world.size == 1 else f"{world.device_name}, and {world.size - 1} more"
    why = "run.device says so" if config.run.device == "cpu" else f"no GPU works here: {find_gpu().trouble}"
    return f"the processor, {world.device_name} ({why})"


def some_left_out(left_out: Mapping[str, str]) -> list[str]:
    """Lines for a person: samples that are not trained on, the first ones by name, and why."""
    told = [f"sample {key} is not trained on: {why}" for key, why in sorted(left_out.items())]
    more = len(told) - _NAMED
    return told if more <= 0 else [*told[:_NAMED], f"and {more} more samples are not trained on"]


def _samples(count: int) -> str:
    return "1 sample" if count == 1 else f"{count} samples"


def _told(speed: SpeedConfig) -> str:
    """What is in use of it."""
    values = speed.model_dump(mode="json")
    on = [name for name, value in values.items() if value is True]
    set_to = [f"{name} {value}" for name, value in values.items() if not isinstance(value, bool)]
    return ", ".join([*set_to, *on])
