"""Samples that were mended or left out since a run began: it does not go on as if nothing had happened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from mixed_triples import CONDITIONING, damaged, data_of, key_of, write_mixed_dataset
from pvtt_train.data.config import DataConfig
from pvtt_train.data.examples import CorruptSampleError, Examples
from pvtt_train.data.latents import LatentExamples
from pvtt_train.data.loader import Loader
from pvtt_train.data.pixels import PixelExamples
from pvtt_train.data.precompute import PrecomputeSettings, precompute
from tiny_encoders import CountingCodec, WordEncoder

from pvtt_data.errors import InputError

CPU = torch.device("cpu")
TOKENS = 8


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("changing")
    return write_mixed_dataset(folder / "v1", folder / "media", list(range(7)))


def settings_of(dataset: Path, tmp_path: Path) -> DataConfig:
    allowed = {"variants": 1, "allow_skipped": 1}
    return data_of(dataset, latents=tmp_path / "set", precompute=allowed, allow_corrupt=1, global_batch=2)


def latents(data: DataConfig) -> LatentExamples:
    """Of what can be read now; what was stored before is not kept."""
    settings = PrecomputeSettings.of(data, CONDITIONING)
    folder = data.latents_folder.with_name(f"set-{len(list(data.latents_folder.parent.iterdir()))}")
    precompute(data.shards, folder, settings, CountingCodec(), WordEncoder(), CPU)
    return LatentExamples(data.model_copy(update={"latents": folder}), CONDITIONING, text_tokens=TOKENS)


def pixels(data: DataConfig) -> PixelExamples:
    return PixelExamples(data, CONDITIONING, CountingCodec(), WordEncoder(), CPU, text_tokens=TOKENS)


def state_of(examples: Examples, data: DataConfig) -> dict[str, Any]:
    with Loader(examples, data, device=CPU, dtype=torch.float32) as loader:
        for _ in range(4):
            next(loader)
        return dict(json.loads(json.dumps(loader.state_dict())))


def go_on(examples: Examples, data: DataConfig, state: dict[str, Any]) -> None:
    with Loader(examples, data, device=CPU, dtype=torch.float32) as loader:
        loader.load_state_dict(state)
        next(loader)


@pytest.mark.parametrize(("make", "member"), [(latents, "target.mp4"), (pixels, "json")])
@pytest.mark.parametrize("grows", [True, False])
def test_a_run_does_not_go_on_with_more_or_fewer_samples(
    make: Any, member: str, grows: bool, dataset: Path, tmp_path: Path
) -> None:
    data = settings_of(dataset, tmp_path)
    with damaged(dataset, member, 2):
        fewer = make(data)
    whole = make(data)
    assert len(fewer) == len(whole) - 1
    before, now = (fewer, whole) if grows else (whole, fewer)
    state = state_of(before, data)
    with pytest.raises(InputError, match=r"a sample was mended or left out since.*begin a new run") as told:
        go_on(now, data, state)
    assert told.value.reason == "another-order"
    go_on(before, data, state)


def test_what_is_left_out_is_named_with_its_reason(dataset: Path, tmp_path: Path) -> None:
    with damaged(dataset, "target.mp4", 2):
        [sample] = latents(settings_of(dataset, tmp_path)).skipped
    assert sample.key == key_of(2) and sample.reason == "dataset-damaged"
    assert "target.mp4" in sample.message and "SHA-256" in sample.message
    with damaged(dataset, "json", 2):
        [(key, why)] = pixels(settings_of(dataset, tmp_path)).unreadable.items()
    assert key == key_of(2) and "json" in why and "SHA-256" in why


def test_what_has_no_readable_metadata_is_allowed_once(dataset: Path, tmp_path: Path) -> None:
    data = settings_of(dataset, tmp_path)
    with damaged(dataset, "json", 2, 4), pytest.raises(CorruptSampleError, match=key_of(4)):
        pixels(data)
    with damaged(dataset, "json", 2):
        examples = pixels(data)
        with (
            damaged(dataset, "target.mp4", 4),
            Loader(examples, data, device=CPU, dtype=torch.float32) as loader,
            pytest.raises(CorruptSampleError, match=key_of(4)),
        ):
            for _ in range(12):
                next(loader)
