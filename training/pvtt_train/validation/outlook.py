"""What validation of a run will be, from its settings and the dataset alone: told before anything is loaded."""

from __future__ import annotations

from pathlib import Path

from pvtt_data.shards import ShardDataset, read_manifest
from pvtt_train.flow import FlowConfig
from pvtt_train.validation.cases import choose
from pvtt_train.validation.config import ValidationConfig
from pvtt_train.validation.trackers import require_libraries


def for_levels(config: ValidationConfig, flow: FlowConfig) -> ValidationConfig:
    """Without samples where a part of the noise levels is learnt: videos are made over all of them, so they and their
    scores would tell of what was not trained. The loss is measured at the levels that are.
    """
    return config.model_copy(update={"samples": 0}) if flow.is_partial else config


def held_out(config: ValidationConfig, shards: Path) -> ShardDataset | None:
    """The split that cases come from, or None where validation is off or there is no case for it.

    Raises:
        DatasetError: the dataset is damaged.
    """
    if not config.every or not (config.samples or config.loss_samples):
        return None
    return _with_cases(shards, config.split, config.seed)


def outlook(config: ValidationConfig, shards: Path, flow: FlowConfig) -> list[str]:
    """Lines for a person: what is validated and when; and what of it cannot be, why, and what to do.

    Args:
        config: settings.
        shards: folder of the dataset version.
        flow: noise levels that are learnt.

    Raises:
        DatasetError: the dataset is damaged.
    """
    if not config.every:
        return ["off: validation.every is 0"]
    told, wanted = [], for_levels(config, flow)
    if wanted.samples != config.samples:
        told.append(
            f"NO SAMPLES: the adapters learn a part of the noise levels (flow.first={flow.first:g}, "
            f"flow.last={flow.last:g}), videos go through all of them; the loss is measured in that part"
        )
    if not (wanted.samples or wanted.loss_samples):
        return [*told, "NO VALIDATION: no case is wanted; set validation.loss_samples (or validation.every=0)"]
    dataset = held_out(wanted, shards)
    if dataset is None:
        return [*told, _nothing(config, shards)]
    count = len(choose(dataset, max(wanted.samples, wanted.loss_samples), wanted.seed))
    shown, measured = min(count, wanted.samples), min(count, wanted.loss_samples)
    what = [f"videos of {shown}"] if shown else []
    what += [f"the loss of {measured}"] if measured else []
    cases = f"{count} case{'' if count == 1 else 's'} of the {config.split} split"
    start = "before the first step, " if config.at_start else ""
    return [f"{start}every {config.every} steps, and after the last: {cases}, {' and '.join(what)}", *told]


def require_trackers(config: ValidationConfig) -> None:
    """See that the libraries are installed that `validation.trackers` asks for, if there is any validation.

    Raises:
        PreflightError: one is not.
    """
    if config.every:
        require_libraries(config.trackers)


def _nothing(config: ValidationConfig, shards: Path) -> str:
    other = ""
    if config.split == "validation" and _with_cases(shards, "test", config.seed) is not None:
        other = ", or set validation.split=test, which is no test of the model then"
    return (
        f"NO VALIDATION: {shards.name} has no swapped pair in its {config.split} split; nothing but the training loss "
        f"will tell how it goes. Build the dataset with --set assign_split.{config.split}_share=0.2{other}; "
        "validation.every=0 says that this is meant"
    )


def _with_cases(shards: Path, split: str, seed: int) -> ShardDataset | None:
    if split not in read_manifest(shards).counts:
        return None
    dataset = ShardDataset(shards, split)
    return dataset if choose(dataset, 1, seed) else None
