"""From what a person gave to all settings: preset or file, overrides, folder of the run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pvtt_data.errors import DatasetError, PreflightError
from pvtt_data.gpu import find_gpu
from pvtt_data.shards import ShardDataset, read_manifest
from pvtt_train.config import TrainConfig, read_config
from pvtt_train.presets import Preset, choose
from pvtt_train.run_folder import CONFIG, RunFolder, differences
from pvtt_train.wan.names import in_words
from pvtt_train.wan.weights import WeightsConfig, identity

_SAME = (
    "model.size",
    "model.weights",
    "model.seed",
    "lora",
    "data.split",
    "data.text",
    "data.seed",
    "data.global_batch",
    "data.precompute.variants",
    "data.precompute.precision",
    "conditioning",
    "flow",
    "optimiser",
    "run.seed",
    "run.precision",
)
"""What a run that goes on must have as it began; the rest changes how it is computed, saved or looked at."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a run.

    Attributes:
        config: the settings; ``run.folder`` is set.
        name: of the preset or file.
        why: it was taken, in words.
    """

    config: TrainConfig
    name: str
    why: str

    @property
    def folder(self) -> Path:
        """Of the run."""
        assert self.config.run.folder is not None
        return self.config.run.folder


def resolve(
    shards: Path | None,
    preset: str | None = None,
    file: Path | None = None,
    overrides: Sequence[str] = (),
    folder: Path | None = None,
) -> Settings:
    """Settings from the command line.

    Args:
        shards: folder of the dataset version; None if the file names it.
        preset: name of one; chosen by the GPU that is found if neither it nor a file is given.
        file: YAML with settings.
        overrides: ``key=value``.
        folder: of the run; named by dataset, version and preset if not given.

    Raises:
        PreflightError: there is no such preset, or both preset and file are given.
        RecipeError: what is wrong with the settings, by file, line and key.
        DatasetError: the shards are no dataset version.
    """
    if preset is not None and file is not None:
        raise PreflightError("give --preset or --config, not both; `pvtt-train presets NAME` prints one to start from")
    if file is not None:
        path, name, why = file, file.stem, f"{file} was given"
    else:
        chosen = Preset(preset, "it was asked for") if preset is not None else _chosen(shards)
        path, name, why = chosen.path, chosen.name, chosen.why
    given = [f"data.shards={_quoted(shards)}"] if shards is not None else []
    config = read_config(path, [*given, *overrides])
    folder = folder or config.run.folder or _folder(config, name)
    experiments = config.run.experiments and config.run.experiments.absolute()
    run = config.run.model_copy(update={"folder": folder.absolute(), "experiments": experiments})
    return Settings(config.model_copy(update={"run": run}), name, why)


def check_unchanged(settings: Settings, run: RunFolder) -> list[str]:
    """What differs from the run that is in a folder already, as lines; nothing in a new folder.

    Raises:
        PreflightError: something differs that must not: settings, or the bytes of the model's files, wherever they lie.
    """
    if not run.has_run:
        return []
    before = read_config(run.path / CONFIG)
    found = differences(before, settings.config)
    told = {key: f"{key}: {old} → {new}" for key, (old, new) in found.items() if key != "run.folder"}
    refused = [line for key, line in told.items() if any(key == name or key.startswith(f"{name}.") for name in _SAME)]
    refused += _other_model(settings.config.model, run)
    if refused:
        listed = "\n".join(f"  {line}" for line in refused)
        raise PreflightError(
            f"{run.path} holds a run with other settings; give the same ones to go on with it, or name another folder "
            f"with --run:\n{listed}"
        )
    if "run.steps" in told and settings.config.optimiser.schedule.kind == "cosine":
        told["run.steps"] += " (the cosine falls over all steps: the rate jumps)"
    return list(told.values())


def _other_model(config: WeightsConfig, run: RunFolder) -> list[str]:
    """A line if the files of the model are not those that the latest start recorded; `_SAME` covers random weights."""
    files = run.latest_facts().get("weights", {}).get("files", [])
    before = "+".join(file["sha256"] for file in files if file["part"] == "model")
    if not before or config.weights == "random":
        return []
    now = identity(config, "model")
    return [] if now == before else [f"weights of the model: {in_words(before)} → {in_words(now)}"]


def _chosen(shards: Path | None) -> Preset:
    frames = _longest(shards) if shards is not None else 0
    return choose(find_gpu(), frames)


def _longest(shards: Path) -> int:
    """Frames of the longest clip for training; unreadable samples are left to the loader."""
    frames = [0]
    dataset = ShardDataset(shards)
    for sample in dataset:
        try:
            frames.append(sample.meta.frames)
        except DatasetError:
            continue
    return max(frames)


def _folder(config: TrainConfig, name: str) -> Path:
    manifest = read_manifest(config.data.shards)
    return Path("runs") / f"{manifest.name}-{config.data.shards.name}-{name}"


def _quoted(path: Path) -> str:
    return json.dumps(str(path).replace("$", "$$"), ensure_ascii=False)
