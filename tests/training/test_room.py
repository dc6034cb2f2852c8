"""Memory for a training: what is left of it, and what is said where it is not enough."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pvtt_train import room as room_module
from pvtt_train.data.buckets import Bucket
from pvtt_train.plan import needed_parts
from pvtt_train.room import Room, gpu_lacks, host_lacks
from pvtt_train.settings import resolve
from pvtt_train.wan.architecture import SIZES
from pvtt_train.wan.encode_memory import encoding_bytes
from pvtt_train.wan.memory import MemoryEstimate, estimate
from toy_triples import write_toy_dataset

CPU = torch.device("cpu")
CLIPS = Bucket(49, 480, 848, references=1)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toys")
    return write_toy_dataset(folder / "v1", folder / "media", train=1, test=1)


def room(shards: Path, *overrides: str) -> Room:
    given = ["run.max_memory_gb=9", "run.precision=bf16", "validation.split=test", *overrides]
    config = resolve(shards, "rtx5090-480p49", overrides=given).config
    return Room.of(config, CPU, CLIPS, needed_parts(config))


def test_room_is_left_for_what_lies_beside_the_training(shards: Path) -> None:
    assert room(shards, "data.source=latents", "validation.every=0") == Room(9 * 10**9)
    assert room(shards, "data.source=latents").available == pytest.approx(8.7e9), "the VAE of validation"
    whole_table = room(shards, "data.source=latents", "validation.loss_samples=0")
    expert = room(shards, "data.source=latents", "validation.loss_samples=0", "flow.last=0.358")
    assert whole_table.available < expert.available == 9e9, "no videos are made of an expert"
    one, two = (room(shards, "data.source=pixels", f"data.threads={count}") for count in (1, 2))
    for found, threads in ((one, 1), (two, 2)):
        assert found.available + found.encoding == 9e9
        assert encoding_bytes(CLIPS, threads) < found.encoding < encoding_bytes(CLIPS, threads) + 2e9
    assert two.encoding > one.encoding


@pytest.fixture
def memory(shards: Path) -> MemoryEstimate:
    config = resolve(shards, "rtx5090-480p49", overrides=["speed.keep_blocks=0"]).config
    return estimate(SIZES["wan2.1-vace-1.3b"], config.lora, config.speed, CLIPS)


def test_what_a_gpu_lacks_is_told_with_the_reason_and_what_helps(memory: MemoryEstimate) -> None:
    assert gpu_lacks(memory, Room(memory.needed)) == []
    reason = "speed.fp8 was turned off by the self-test: its gradient is 7.00% from float32's, more than 5.00%"
    [told] = gpu_lacks(memory, Room(memory.needed - 10**9, 5 * 10**9), [reason])
    assert reason in told and "latents made beforehand, `pvtt-train precompute`: 5.0 GB more room" in told
    [told] = gpu_lacks(memory, Room(-(10**9), 5 * 10**9))
    assert "there are 0" in told, "a VAE alone would take more than there is"


def test_what_the_processors_memory_cannot_hold_is_refused(
    memory: MemoryEstimate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel would end the process without a word."""
    monkeypatch.setattr(room_module, "memory_bytes", lambda: 64 * 10**9)
    assert host_lacks(replace(memory, host=64 * 10**9)) == []
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert host_lacks(replace(memory, host=32 * 10**9)) == []
    [told] = host_lacks(replace(memory, host=33 * 10**9))
    assert "33 GB in each of 2 processes" in told and "has 64 GB" in told and told.endswith("fewer processes")
