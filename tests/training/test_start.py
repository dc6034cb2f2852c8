"""A start of a run, in what only GPUs come to: simulated as far as it decides."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pvtt_train import start as start_module
from pvtt_train.distributed import World
from pvtt_train.plan import make_plan
from pvtt_train.room import Room
from pvtt_train.run_folder import SELF_TEST, RunFolder
from pvtt_train.settings import resolve
from pvtt_train.speed.findings import FLOAT8, Finding
from rich.console import Console
from toy_triples import write_toy_dataset

from pvtt_data.errors import PreflightError

FAULT = "its gradient is 7.00% from float32's, more than 5.00%"


def test_a_self_test_that_leaves_too_little_memory_ends_the_run_with_its_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shards = write_toy_dataset(tmp_path / "v1", tmp_path / "media", train=1, test=1)
    words = ("model.size=wan2.1-vace-14b", "model.weights=random", "speed.fp8=true", "speed.keep_blocks=0")
    plan = make_plan(resolve(shards, "rtx5090-480p49", overrides=words), World(torch.device("cpu")))
    exact = plan.settings.config.speed.model_copy(update={"fp8": False})

    def chosen(*_: object, kept_in: Path, **__: Any) -> Any:
        kept = {"question": {}, "findings": [asdict(Finding(FLOAT8, 1.0, 0.07, FAULT))]}
        kept_in.write_text(json.dumps(kept))
        return exact

    monkeypatch.setattr(start_module, "choose", chosen)
    gpu = World(torch.device("cuda", 0))
    with RunFolder(tmp_path / "run") as run:
        roomy = replace(plan, room=Room(40 * 10**9))
        assert start_module._with_self_test(roomy, gpu, run, Console(quiet=True)).speed == exact
        assert (run.path / SELF_TEST).exists()
        tight = replace(plan, room=Room(plan.memory.needed))
        with pytest.raises(
            PreflightError, match=r"there are 2.*speed\.fp8 was turned off by the self-test: its gradient"
        ):
            start_module._with_self_test(tight, gpu, run, Console(quiet=True))
        assert not (run.path / SELF_TEST).exists(), "the next start tries again"
