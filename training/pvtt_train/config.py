"""Everything that a person decides about a training, as one frozen tree of settings: YAML files and the command line
have this one schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import Field

from pvtt_data.recipe_file import load_recipe
from pvtt_data.stage import StageConfig
from pvtt_data.vace.conditioning import ConditioningConfig
from pvtt_train.checkpoint import CheckpointConfig
from pvtt_train.data.config import DataConfig
from pvtt_train.flow import FlowConfig
from pvtt_train.guards import GuardConfig
from pvtt_train.optimiser import OptimiserConfig
from pvtt_train.speed.config import SpeedConfig
from pvtt_train.validation.config import ValidationConfig
from pvtt_train.wan.lora import LoraConfig
from pvtt_train.wan.weights import WeightsConfig


class RunConfig(StageConfig):
    """One run: how long, where, on what."""

    steps: int = Field(default=2000, ge=1)
    """Steps of the optimiser, `data.global_batch` samples each."""
    seed: int = 0
    """Of adapters, noise, noise levels and dropout. The order of samples has `data.seed`."""
    folder: Path | None = None
    """What the run leaves behind; ``runs/<dataset>-<version>-<preset>`` if not given. The same command goes on with
    what is there."""
    device: Literal["auto", "cuda", "cpu"] = "auto"
    """Auto: a GPU where there is one."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Of the frozen model and of what it computes. Auto: bf16 on a GPU, fp32 on a processor."""
    self_test: bool = True
    """On a GPU, compare kernels and compiled blocks for parity and speed before the first step: `attention: auto`
    becomes the fastest that is right, and what is set under `speed` but wrong here is turned off."""
    max_memory_gb: Annotated[float, Field(gt=0)] | None = None
    """Use no more of a GPU than that, in 10⁹ bytes; all of it if not given."""
    experiments: Path | None = Path("experiments")
    """Where the experiment log goes; null for none."""


class TrainConfig(StageConfig):
    """Settings of `pvtt-train`, in the order in which they take effect."""

    model: WeightsConfig = Field(default_factory=WeightsConfig)
    lora: LoraConfig = Field(default_factory=LoraConfig)
    data: DataConfig
    conditioning: ConditioningConfig = Field(default_factory=ConditioningConfig)
    flow: FlowConfig = Field(default_factory=FlowConfig)
    optimiser: OptimiserConfig = Field(default_factory=OptimiserConfig)
    speed: SpeedConfig = Field(default_factory=SpeedConfig)
    guards: GuardConfig = Field(default_factory=GuardConfig)
    checkpoint: CheckpointConfig = Field(default_factory=CheckpointConfig)
    validation: ValidationConfig = Field(default_factory=ValidationConfig)
    run: RunConfig = Field(default_factory=RunConfig)


def read_config(path: Path, overrides: Sequence[str] = ()) -> TrainConfig:
    """The settings of a YAML file, with ``key=value`` overrides.

    Raises:
        RecipeError: all that is wrong with it, by file, line and key.
    """
    return load_recipe(path, TrainConfig, overrides)


def precision_of(config: TrainConfig, device: torch.device) -> torch.dtype:
    """Of the frozen model."""
    if config.run.precision == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    return {"bf16": torch.bfloat16, "fp32": torch.float32}[config.run.precision]
