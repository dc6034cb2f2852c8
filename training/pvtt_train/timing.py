"""How long a step will take, from this GPU's rate of matrix products, measured in half a second."""

from __future__ import annotations

import time

import torch

from pvtt_train.config import TrainConfig
from pvtt_train.data.buckets import Bucket
from pvtt_train.guards import is_of_memory
from pvtt_train.speed.config import SpeedConfig
from pvtt_train.wan.architecture import SIZES
from pvtt_train.wan.flops import step_flops

COMPILED, EAGER = 0.65, 0.5
"""Share of the rate of bfloat16 products that a step reaches, all that it computes counted, also what it computes
again: seen on one H100 at 49 and 81 frames of 480×848 with torch 2.11; on other GPUs a guess."""
_SIDE = 8192
_TIMES = 10


def matmul_rate(device: torch.device) -> float | None:
    """Operations per second of bfloat16 matrix products on a GPU; None if it has no memory free to try them."""
    try:
        return _measured_rate(device)
    except RuntimeError as error:
        if not is_of_memory(error):
            raise
        return None


def _measured_rate(device: torch.device) -> float:
    one = torch.randn(_SIDE, _SIDE, device=device, dtype=torch.bfloat16)
    for _ in range(3):
        one @ one
    torch.cuda.synchronize(device)
    begun = time.perf_counter()
    for _ in range(_TIMES):
        one @ one
    torch.cuda.synchronize(device)
    return _TIMES * 2 * _SIDE**3 / (time.perf_counter() - begun)


def step_seconds(config: TrainConfig, speed: SpeedConfig, bucket: Bucket, rate: float, processes: int) -> float:
    """About how long a step takes.

    Args:
        config: settings.
        speed: how it is computed.
        bucket: size of the clips.
        rate: of matrix products, operations per second.
        processes: that share it.
    """
    samples = config.data.global_batch / processes
    done = step_flops(SIZES[config.model.size], config.lora, bucket, speed).done
    return samples * done / (rate * (COMPILED if speed.compile else EAGER))
