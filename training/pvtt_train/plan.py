"""What a run is going to do, before anything is loaded: data, steps, what is missing and what it will take."""

from __future__ import annotations

import math
import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pvtt_data.errors import DatasetError, PreflightError, PvttError
from pvtt_data.shards import ShardDataset
from pvtt_data.words import bytes_text
from pvtt_train.config import TrainConfig
from pvtt_train.data.buckets import Bucket
from pvtt_train.data.latents import LatentExamples
from pvtt_train.data.pieces import Facts
from pvtt_train.settings import Settings
from pvtt_train.wan.architecture import SIZES, WanSize
from pvtt_train.wan.lora import LoraConfig
from pvtt_train.wan.weights import PARTS, Part, missing_files

_SPARE_BYTES = 500 * 10**6
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
        unreadable: samples whose metadata cannot be read.
        processes: how many share a step.
        checkpoint_bytes: of one checkpoint.
        missing: weights that have to be fetched.
    """

    settings: Settings
    dataset: str
    root: str
    buckets: Mapping[Bucket, int]
    unreadable: int
    processes: int
    checkpoint_bytes: int
    missing: Sequence[str]

    @property
    def samples(self) -> int:
        """That can be trained on."""
        return sum(self.buckets.values())

    @property
    def largest(self) -> Bucket:
        """The size that takes most memory."""
        return max(self.buckets, key=_latents)

    @property
    def epochs(self) -> float:
        """How often each sample is shown."""
        return self.settings.config.run.steps * self.settings.config.data.global_batch / self.samples

    def lines(self) -> list[str]:
        """For a person."""
        config, lora = self.settings.config, self.settings.config.lora
        source = "precomputed latents" if config.data.from_latents else "pixels, encoded beside the training"
        share = config.data.global_batch // (config.data.batch * self.processes)
        each = "process" if self.processes == 1 else f"each of {self.processes} processes"
        told = [
            f"settings   {self.settings.name}: {self.settings.why}",
            f"model      {config.model.size}, {config.model.weights} weights; LoRA rank {lora.rank} on {lora.targets}",
            f"data       {self.dataset}, root {self.root[:16]}, {self.samples} samples ({config.data.split}), {source}",
            *(f"           {count} × {bucket}" for bucket, count in sorted(self.buckets.items())),
            f"steps      {config.run.steps} of {config.data.global_batch} samples ({share} × {config.data.batch} in "
            f"{each}), {self.epochs:.1f} epochs",
            f"run        {self.settings.folder}; a checkpoint is {bytes_text(self.checkpoint_bytes)}",
        ]
        if self.unreadable:
            told.append(f"unreadable {self.unreadable} samples")
        if self.missing:
            told.append(f"to fetch   {', '.join(self.missing)}")
        return told


def make_plan(settings: Settings, processes: int = 1) -> Plan:
    """Look at data and weights; nothing heavy is read.

    Raises:
        DatasetError: the shards or latents are damaged, or do not go with the settings.
        PreflightError: the global batch cannot be shared among so many processes.
    """
    config = settings.config
    if config.data.global_batch % (config.data.batch * processes):
        raise PreflightError(
            f"data.global_batch ({config.data.global_batch}) must be divisible by data.batch ({config.data.batch}) "
            f"times the {processes} processes; set data.global_batch={config.data.batch * processes}"
        )
    dataset = ShardDataset(config.data.shards, config.data.split)
    _check_files(dataset)
    buckets, unreadable = _buckets(config, dataset)
    return Plan(
        settings=settings,
        dataset=f"{dataset.manifest.name} {config.data.shards.name}",
        root=dataset.manifest.root,
        buckets=buckets,
        unreadable=unreadable,
        processes=processes,
        checkpoint_bytes=_COPIES * 4 * adapter_parameters(SIZES[config.model.size], config.lora),
        missing=missing_files(config.model, needed_parts(config)),
    )


def needed_parts(config: TrainConfig) -> tuple[Part, ...]:
    """Weights that a run loads: without latents, and for samples of validation, VAE and text encoder too."""
    sampling = config.validation.every > 0
    return PARTS if sampling or not config.data.from_latents else ("model",)


def preflight(plan: Plan) -> None:
    """Check what a run needs before anything long is done.

    Raises:
        PreflightError: all that is missing, one line each, with what mends it.
    """
    config, problems = plan.settings.config, []
    problems += _folder_problems(plan.settings.folder, (config.checkpoint.keep + 1) * plan.checkpoint_bytes)
    if plan.missing and (config.model.offline or config.model.folder is not None):
        problems.append(f"weights are missing and may not be fetched: {', '.join(plan.missing)}")
    if plan.unreadable > config.data.allow_corrupt:
        problems.append(
            f"{plan.unreadable} samples are unreadable, data.allow_corrupt is {config.data.allow_corrupt}; run "
            f"`pvtt-data verify {config.data.shards}`"
        )
    if problems:
        raise PreflightError("the training cannot start:\n" + "\n".join(f"  {problem}" for problem in problems))


def adapter_parameters(size: WanSize, lora: LoraConfig) -> int:
    """Numbers in the adapters of a model."""
    blocks = {"vace": len(size.vace_layers), "dit": size.layers, "both": len(size.vace_layers) + size.layers}
    ends = {"ffn.0": size.dim + size.ffn_dim, "ffn.2": size.dim + size.ffn_dim}
    outputs = {"ffn.0": size.ffn_dim, "ffn.2": size.dim}
    total = 0
    for module in lora.modules:
        # q, k, v and o are those of self-attention and of attention to the text.
        layers = 1 if module in ends else 2
        total += layers * lora.rank * ends.get(module, 2 * size.dim)
        total += layers * outputs.get(module, size.dim) if lora.dora else 0
    return blocks[lora.targets] * total


def _check_files(dataset: ShardDataset) -> None:
    """Every shard is there with its stated size; bytes are hashed when they are read."""
    for name, size in dataset.manifest.listed_bytes().items():
        path = dataset.path / name
        found = path.stat().st_size if path.is_file() else None
        if found != size:
            what = "is missing" if found is None else f"has {found} bytes, not {size}"
            raise DatasetError(f"{path} {what}; run `pvtt-data verify {dataset.path}`, or copy the version again")


def _buckets(config: TrainConfig, dataset: ShardDataset) -> tuple[dict[Bucket, int], int]:
    counts: Counter[Bucket] = Counter()
    if config.data.from_latents:
        latents = LatentExamples(config.data, config.conditioning, text_tokens=SIZES[config.model.size].text_tokens)
        counts.update(latents.shape(number) for number in range(len(latents)))
        return dict(counts), 0
    unreadable = 0
    for sample in dataset:
        try:
            facts = Facts.of(sample, members=False)
        except PvttError:
            unreadable += 1
            continue
        shown = min(facts.available, config.conditioning.references.most)
        counts[Bucket(facts.frames, facts.height, facts.width, shown)] += 1
    if not counts:
        raise DatasetError(f"no sample of {dataset.path} can be read; run `pvtt-data verify {dataset.path}`")
    return dict(counts), unreadable


def _latents(bucket: Bucket) -> int:
    return (bucket.references + math.ceil(bucket.frames / 4)) * bucket.height * bucket.width


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
