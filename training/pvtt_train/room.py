"""Memory that there is for a training, what lies beside it, and what to say where it is not enough."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch

from pvtt_data.machine import memory_bytes
from pvtt_data.words import bytes_text
from pvtt_train.config import TrainConfig, precision_of
from pvtt_train.data.buckets import Bucket
from pvtt_train.wan.encode_memory import encoding_bytes
from pvtt_train.wan.memory import MemoryEstimate
from pvtt_train.wan.weights import Part

_WORKSPACE_BYTES = 10**9
"""Allowed for what kernels take for themselves while a VAE encodes; not measured."""
_IDLE_VAE_BYTES = 300_000_000
"""Of a VAE that waits for the next validation: its 127 million weights in bfloat16, and some batches that are ready."""


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes of the memory that a model is trained in.

    Attributes:
        available: for the model and its training.
        encoding: that are not, because clips are encoded beside the training; 0 with latents.
    """

    available: int
    encoding: int = 0

    @classmethod
    def of(cls, config: TrainConfig, device: torch.device, largest: Bucket, parts: Collection[Part]) -> Room:
        """What is free on the GPU, or all that the machine has; less what a VAE takes that works, or waits, beside it.

        Args:
            config: settings.
            device: to train on.
            largest: size of the clips.
            parts: weights that are loaded; with latents, the VAE only where validation needs it.
        """
        found = int(torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else memory_bytes()
        if config.run.max_memory_gb is not None:
            found = min(found, int(config.run.max_memory_gb * 1e9))
        if config.model.size == "tiny":
            return cls(found)
        if not config.data.from_latents:
            itemsize = precision_of(config, device).itemsize
            encoding = encoding_bytes(largest, config.data.threads, itemsize) + _WORKSPACE_BYTES
            return cls(found - encoding, encoding)
        return cls(found - (_IDLE_VAE_BYTES if "vae" in parts else 0))


def gpu_lacks(memory: MemoryEstimate, room: Room, why: Sequence[str] = ()) -> list[str]:
    """One problem, with what helps, if a training does not fit; else none.

    Args:
        memory: that it takes.
        room: that there is.
        why: lines that say what made it take more than was planned.
    """
    if memory.fits(room.available):
        return []
    advice = memory.advice(room.available, vae=room.encoding)
    told = "".join(f"\n    {line}" for line in advice)
    reasons = "".join(f"; {line}" for line in why)
    return [f"memory: {memory}; there are {bytes_text(max(0, room.available))}{reasons}; what helps:{told}"]


def host_lacks(memory: MemoryEstimate) -> list[str]:
    """The same of the processor's memory, which all processes of this machine share."""
    processes, there = int(os.environ.get("LOCAL_WORLD_SIZE", "1")), memory_bytes()
    if memory.host * processes <= there:
        return []
    each = f" in each of {processes} processes" if processes > 1 else ""
    advice = memory.host_advice(there // processes) + (["fewer processes"] if processes > 1 else [])
    told = "".join(f"\n    {line}" for line in advice)
    return [
        f"memory of the processor: {bytes_text(memory.host)}{each} for weights and for what blocks keep there; the "
        f"machine has {bytes_text(there)}; what helps:{told}"
    ]
