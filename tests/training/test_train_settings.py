"""Settings of a training: one schema for files and command line, presets, and what a run may change on its way."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from click.testing import CliRunner
from pvtt_train import plan as plan_module
from pvtt_train import settings as settings_module
from pvtt_train import timing
from pvtt_train.cli import cli
from pvtt_train.config import TrainConfig, read_config
from pvtt_train.data.buckets import Bucket
from pvtt_train.distributed import World
from pvtt_train.plan import make_plan, preflight
from pvtt_train.presets import Preset, choose, names
from pvtt_train.room import Room
from pvtt_train.run_folder import CONFIG, RunFolder
from pvtt_train.settings import Settings, check_unchanged, resolve
from toy_triples import write_toy_dataset

from pvtt_data.errors import DatasetError, PreflightError, RecipeError
from pvtt_data.gpu import Gpu
from pvtt_data.recipe_file import recipe_schema

CPU = World(torch.device("cpu"))
PAGE = Path(__file__).resolve().parents[2] / "docs" / "training_settings.md"


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toys")
    return write_toy_dataset(folder / "v1", folder / "media", train=3, test=1)


def gpu(name: str, gigabytes: float) -> Gpu:
    return Gpu("", name, "sm_120", int(gigabytes * 1e9), True)


@pytest.mark.parametrize(
    ("found", "frames", "name", "why"),
    [
        (gpu("NVIDIA GeForce RTX 5090", 33.7), 49, "rtx5090-480p49", "RTX 5090 with 34 GB.*up to 49 frames"),
        (gpu("NVIDIA GeForce RTX 5090", 33.7), 81, "rtx5090-480p81", "up to 81 frames"),
        (gpu("NVIDIA H100 80GB HBM3", 85.0), 81, "h100", "H100"),
        (Gpu("no driver"), 49, "tiny-cpu", "no driver.*only a tiny model"),
    ],
)
def test_the_preset_follows_from_the_gpu(found: Gpu, frames: int, name: str, why: str) -> None:
    chosen = choose(found, frames)
    assert chosen.name == name
    assert re.search(why, chosen.why)


def test_shards_alone_are_enough(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings_module, "find_gpu", lambda: gpu("NVIDIA GeForce RTX 5090", 33.7))
    found = resolve(shards)
    assert found.name == "rtx5090-480p49" and "5 frames" in found.why
    assert found.config.data.shards == shards and found.config.model.size == "wan2.1-vace-1.3b"
    assert found.folder == (Path("runs") / "toys-v1-rtx5090-480p49").absolute()


def test_every_preset_is_valid_and_can_be_printed_and_kept(tmp_path: Path) -> None:
    assert names() == ["h100", "rtx5090-480p49", "rtx5090-480p81", "tiny-cpu"]
    for name in names():
        kept = tmp_path / f"{name}.yaml"
        kept.write_text(Preset(name, "").printed(), encoding="utf-8")
        given = ["data.shards=v1"]
        assert read_config(kept, given) == read_config(Preset(name, "").path, given)
        assert len(Preset(name, "").told()) < 90
        assert "include:" not in kept.read_text(encoding="utf-8"), "it works on another machine, too"


def test_the_page_of_settings_is_what_the_code_says() -> None:
    page, schema, alone = (
        CliRunner().invoke(cli, ["presets", *options]) for options in (["--schema", "--page"], ["--schema"], ["--page"])
    )
    assert page.output == PAGE.read_text(encoding="utf-8"), (
        "write it anew: pvtt-train presets --schema --page > docs/training_settings.md"
    )
    assert json.loads(schema.output) == recipe_schema(TrainConfig)
    assert alone.exit_code == 2


def test_a_wrong_setting_names_file_line_key_and_the_nearest(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("lora:\n  rnak: 8\noptimiser: {rate: fast}\n", encoding="utf-8")
    with pytest.raises(RecipeError) as found:
        resolve(tmp_path, file=file, overrides=["flow.sampling=logitnormal"])
    lines = str(found.value).splitlines()
    assert f"{file}:2:3  lora.rnak" in lines[0] and "did you mean 'rank'?" in lines[0]
    assert f"{file}:3:" in lines[1] and "expected a number" in lines[1]
    assert "--set flow.sampling=logitnormal" in lines[2] and "did you mean 'logit-normal'?" in lines[2]


def test_an_unknown_preset_and_two_sources_of_settings_are_refused(shards: Path, tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match="did you mean h100"):
        resolve(shards, preset="h10")
    with pytest.raises(PreflightError, match="not both"):
        resolve(shards, preset="h100", file=tmp_path / "mine.yaml")


def test_settings_are_kept_as_they_were_resolved(shards: Path, tmp_path: Path) -> None:
    overrides = ["model.folder=$${HOME}/yes", "data.text.trigger='on'", "run.max_memory_gb=31", "lora.alpha=1e-3"]
    found = resolve(shards, "h100", overrides=overrides, folder=tmp_path / "run $1")
    with RunFolder(found.folder) as run:
        run.write_config(found.config)
        assert read_config(run.path / CONFIG) == found.config
        assert check_unchanged(found, run) == []


def changed(found: Settings, *overrides: str) -> Settings:
    shards = found.config.data.shards
    return resolve(shards, "tiny-cpu", overrides=overrides, folder=found.folder)


def test_a_run_goes_on_with_what_it_began_with(shards: Path, tmp_path: Path) -> None:
    found = resolve(shards, "tiny-cpu", folder=tmp_path / "run")
    with RunFolder(found.folder) as run:
        run.write_config(found.config)
        told = check_unchanged(changed(found, "checkpoint.keep=9", "run.steps=70", "data.threads=2"), run)
        assert told == [
            "data.threads: 1 → 2",
            "checkpoint.keep: 2 → 9",
            "run.steps: 60 → 70 (the cosine falls over all steps: the rate jumps)",
        ]
        with pytest.raises(PreflightError, match=r"other settings(.|\n)*lora.rank: 8 → 4(.|\n)*optimiser.rate"):
            check_unchanged(changed(found, "lora.rank=4", "optimiser.rate=1e-4"), run)


def test_a_plan_counts_sizes_steps_and_memory(shards: Path) -> None:
    overrides = ["data.global_batch=6", "run.steps=10", "speed.keep_blocks=fit", "model.weights=random"]
    plan = make_plan(resolve(shards, "h100", overrides=overrides), CPU)
    preflight(plan)
    assert plan.samples == 3 and plan.epochs == 20
    text = "\n".join(plan.lines())
    assert "3 × 5 frames of 96×64, 1 reference" in text and "6 batches of 1; 20.0 epochs" in text
    assert plan.speed.keep_blocks == 44, "everything fits for such small clips"
    # 15 VACE blocks of rank 32: 8 square layers and 2 of the feed-forward part.
    adapters = 15 * 32 * (8 * 2 * 1536 + 2 * (1536 + 8960))
    assert plan.checkpoint_bytes == 5 * 4 * adapters
    assert plan.memory.adapters == 5 * 4 * adapters


@pytest.fixture
def full_gpu(monkeypatch: pytest.MonkeyPatch) -> World:
    """A GPU with 24 GB, as far as a plan looks, of which nothing can be had."""

    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 128 MiB")

    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (24 * 10**9, 24 * 10**9))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a full one")
    monkeypatch.setattr(timing.torch, "randn", full)
    return World(torch.device("cuda", 0))


def test_a_gpu_too_full_to_be_timed_gets_a_plan_without_times(shards: Path, full_gpu: World) -> None:
    plan = make_plan(resolve(shards, "rtx5090-480p49", overrides=["model.weights=random"]), full_gpu)
    assert plan.on_gpu and plan.step_s is None
    assert any(re.match("time +known after the first steps", line) for line in plan.lines())


def test_a_plan_counts_a_graph_for_each_number_of_references(
    shards: Path, full_gpu: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = {Bucket(5, 64, 96, references=1): 1, Bucket(5, 64, 96, references=3): 2}
    monkeypatch.setattr(plan_module, "_samples_of", lambda *_: (sizes, {}))

    def activations(*overrides: str) -> int:
        given = ["model.weights=random", "speed.keep_blocks=0", *overrides]
        return make_plan(resolve(shards, "h100", overrides=given), full_gpu).memory.activations

    plain, captured = activations(), activations("speed.graph=true")
    assert captured == pytest.approx(3 * plain, rel=1e-6), "one, two or three of them"
    always = "conditioning.references.dropout=0"
    assert activations("speed.graph=true", always) == pytest.approx(2 * plain, rel=1e-6), "one, or three"


def test_what_cannot_fit_is_refused_with_what_helps(shards: Path) -> None:
    overrides = ["model.size=wan2.1-vace-14b", "model.weights=random", "run.max_memory_gb=24", "run.steps=1"]
    plan = make_plan(resolve(shards, "rtx5090-480p49", overrides=overrides), CPU)
    with pytest.raises(PreflightError, match=r"memory: \d+\.\d GB.*weights 3\d\.\d GB(.|\n)*fp8") as found:
        preflight(plan)
    assert "latents made beforehand, `pvtt-train precompute`: " in str(found.value)


def test_a_limit_of_memory_is_a_share_of_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to: list[tuple[float, torch.device]] = []
    properties = SimpleNamespace(total_memory=80 * 10**9)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda *given: set_to.append(given))
    gpu = World(torch.device("cuda", 1))
    gpu.limit_memory(None)
    CPU.limit_memory(20)
    gpu.limit_memory(20)
    gpu.limit_memory(100)
    assert set_to == [(0.25, gpu.device), (1.0, gpu.device)]


def test_a_global_batch_that_cannot_be_shared_is_refused(shards: Path) -> None:
    with pytest.raises(PreflightError, match=r"global_batch \(4\).*3 processes; set data.global_batch=3"):
        make_plan(resolve(shards, "rtx5090-480p49"), World(torch.device("cpu"), 0, 3))


def test_missing_shards_and_weights_are_told_before_the_work(shards: Path, tmp_path: Path) -> None:
    copy = tmp_path / "v1"
    shutil.copytree(shards, copy)
    config = ["model.offline=true", f"model.folder={tmp_path / 'nothing'}"]
    with pytest.raises(PreflightError, match="weights are missing and may not be fetched: everything: there is no"):
        preflight(make_plan(resolve(copy, "rtx5090-480p49", overrides=config), CPU))
    tar = next(copy.glob("data/*.tar"))
    tar.write_bytes(tar.read_bytes()[:-512])
    with pytest.raises(DatasetError, match=r"bytes, not \d+; run `pvtt-data verify"):
        make_plan(resolve(copy, "rtx5090-480p49"), CPU)


@pytest.mark.parametrize("name", ["PVTT_OFFLINE", "HF_HUB_OFFLINE"])
def test_weights_that_the_environment_forbids_to_fetch_are_told_before_the_work(
    name: str, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("PVTT_MODELS", "HF_HUB_CACHE", "MODELSCOPE_CACHE"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    for variable in ("PVTT_OFFLINE", "HF_HUB_OFFLINE", "PVTT_MODEL_FOLDERS", "DIFFSYNTH_MODEL_BASE_PATH"):
        monkeypatch.delenv(variable, raising=False)
    plan = make_plan(resolve(shards, "rtx5090-480p49", folder=tmp_path / "run"), CPU)
    assert any("wan2.1-vace-1.3b-dit" in missing for missing in plan.missing)
    preflight(replace(plan, room=Room(10**12)))
    monkeypatch.setenv(name, "1")
    with pytest.raises(PreflightError, match=r"may not be fetched: wan2\.1-vace(.|\n)*models pull wan2\.1-vace-1\.3b`"):
        preflight(replace(plan, room=Room(10**12)))


def test_defaults_alone_make_settings() -> None:
    config = TrainConfig.model_validate({"data": {"shards": "v1"}})
    assert config.lora.fp32 and config.guards.skip_not_finite == 0 and config.data.allow_corrupt == 0
