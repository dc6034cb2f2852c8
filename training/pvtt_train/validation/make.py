"""A validator from settings: finds the cases, loads what prepares them, and lets go of the text encoder again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pvtt_data.shards import ShardDataset, read_manifest
from pvtt_data.vace.conditioning import ConditioningConfig
from pvtt_train.flow import FlowConfig
from pvtt_train.validation.cases import VideoCodec, Words, prepare
from pvtt_train.validation.config import ValidationConfig
from pvtt_train.validation.outlook import for_levels, held_out, require_trackers
from pvtt_train.validation.sampling import Forward
from pvtt_train.validation.validator import Validator
from pvtt_train.wan.architecture import SIZES
from pvtt_train.wan.weights import WeightsConfig, load_text_encoder, load_vae


def make_validator(
    config: ValidationConfig,
    conditioning: ConditioningConfig,
    shards: Path,
    weights: WeightsConfig,
    forward: Forward,
    module: nn.Module,
    folder: Path,
    *,
    device: torch.device,
    dtype: torch.dtype,
    codec: VideoCodec | None = None,
    text: Words | None = None,
    trigger: str = "",
    flow: FlowConfig | None = None,
    step: int = 0,
    end: int | None = None,
    run: str = "",
    settings: Mapping[str, Any] | None = None,
) -> Validator | None:
    """What validates a run; None if validation is off, or there is nothing to validate on, of which
    `pvtt_train.validation.outlook.outlook` tells.

    Args:
        config, conditioning: settings.
        shards: folder of the dataset version.
        weights: where autoencoder and text encoder come from, if they are not given.
        forward, module: the model.
        folder: of the samples.
        device, dtype: of the model.
        codec, text: those that training has anyway; ``text`` must know the prompts of the held-out split.
        trigger: put before each prompt.
        flow, step, end, run, settings: as of `Validator`.

    Raises:
        PreflightError: a tracker's library is not installed, or weights are not to be had.
        InputError: weights or a sample cannot be used.
    """
    if not config.every:
        return None
    require_trackers(config)
    flow = flow or FlowConfig()
    config = for_levels(config, flow)
    dataset = held_out(config, shards)
    if dataset is None:
        return None
    codec = codec or load_vae(weights, device, dtype)
    if text is None:
        # 11 GB: beside the large model there is no room for it on the device.
        place = torch.device("cpu") if weights.size == "wan2.1-vace-14b" else device
        text = load_text_encoder(weights, place, dtype)
    tokens = SIZES[weights.size].text_tokens
    cases = list(prepare(config, conditioning, dataset, codec, text, tokens, trigger=trigger, device=device))
    del text
    if device.type == "cuda":
        torch.cuda.empty_cache()
    return Validator(
        config,
        cases,
        forward,
        module,
        codec,
        folder,
        device=device,
        dtype=dtype,
        training=ShardDataset(shards, "train") if "train" in read_manifest(shards).counts else None,
        flow=flow,
        step=step,
        end=end,
        run=run,
        settings=settings,
    )
