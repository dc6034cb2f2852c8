"""Latents of another VAE or text encoder, and another base model on going on, are refused before anything is done."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from pvtt_train.assemble import make_examples
from pvtt_train.cli import cli
from pvtt_train.config import TrainConfig
from pvtt_train.data import precompute as precomputing
from pvtt_train.data.latent_shards import read_manifest
from pvtt_train.distributed import World
from pvtt_train.plan import Plan, make_plan
from pvtt_train.settings import resolve
from pvtt_train.wan.weights import load_text_encoder, load_vae
from toy_triples import write_toy_dataset
from wan_files import lively_model, published_names, write_model, write_text, write_vae

from pvtt_data.errors import DatasetError, PreflightError

pytestmark = [
    pytest.mark.usefixtures("diffsynth", "own_cache"),
    pytest.mark.filterwarnings("ignore::pvtt_train.wan.weights.RandomWeightsWarning"),
]
CPU = torch.device("cpu")
ONCE = ("data.precompute.variants=1", "run.experiments=null", "validation.every=0", "lora.rank=2")


def words(shards: Path, *overrides: str) -> list[str]:
    given = [word for each in (*ONCE, *overrides) for word in ("--set", each)]
    return ["--shards", str(shards), "--preset", "tiny-cpu", *given]


def called(*arguments: str) -> Result:
    result = CliRunner().invoke(cli, list(arguments))
    assert result.exit_code == 0, (result.output, result.exception)
    return result


def config_of(shards: Path, *overrides: str) -> TrainConfig:
    return resolve(shards, "tiny-cpu", overrides=[*ONCE, *overrides]).config


def plan_of(shards: Path, *overrides: str) -> Plan:
    return make_plan(resolve(shards, "tiny-cpu", overrides=[*ONCE, *overrides]), World(CPU))


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory, diffsynth: object) -> Path:
    """Two triples; their latents, beside them, are those of random weights with seed 0."""
    folder = tmp_path_factory.mktemp("toys")
    made = write_toy_dataset(folder / "v1", folder / "media", train=2, test=1)
    called("precompute", *words(made))
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Weights of the tiny model under published names."""
    place = tmp_path / "weights"
    write_model(place, published_names(lively_model()))
    write_vae(place)
    write_text(place)
    return place


def from_folder(folder: Path) -> tuple[str, str]:
    return ("model.weights=published", f"model.folder={folder}")


RANDOM_VAE = "weights of the vae: random weights of tiny with seed 0 → "


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (
            ("model.seed=1",),
            [RANDOM_VAE + "random weights of tiny with seed 1", "text encoder: a stand-in with seed 0 →"],
        ),
        (
            ("model.weights=published", "model.size=wan2.1-vace-1.3b", "model.offline=true"),
            [RANDOM_VAE + "the published ones (38071ab59bd94681)", "a stand-in with seed 0 → the published ones ("],
        ),
        (("data.precompute.precision=bf16",), ["precompute.precision: fp16 → bf16"]),
    ],
)
def test_latents_made_with_something_else_are_refused_with_both_names(
    overrides: tuple[str, ...], said: list[str], shards: Path
) -> None:
    """By the plan and by loading; the published weights, which are not here, are not needed for that."""
    result = CliRunner().invoke(cli, [*words(shards, *overrides), "--dry-run"])
    assert isinstance(result.exception, DatasetError)
    with pytest.raises(DatasetError) as found:
        make_examples(config_of(shards, *overrides), CPU, torch.float32)
    for each in [*said, f"pvtt-train precompute --shards {shards}", "data.source=pixels"]:
        assert each in str(result.exception) and each in str(found.value)


def test_the_precision_of_the_encoders_is_not_what_is_compared(shards: Path, tmp_path: Path) -> None:
    """Latents made in bf16 on a GPU may be trained on in fp32; yet they are other pieces."""
    config = config_of(shards, f"data.latents={tmp_path / 'bf16'}")
    codec = load_vae(config.model, CPU, torch.float32)
    text = load_text_encoder(config.model, CPU, torch.float32)
    # It is only said to work in bf16: a processor would take ten seconds.
    codec.digest = load_vae(config.model, CPU, torch.bfloat16).digest
    settings = precomputing.PrecomputeSettings.of(config.data, config.conditioning)
    report = precomputing.precompute(shards, config.data.latents_folder, settings, codec, text, CPU)
    usual = read_manifest(config_of(shards).data.latents_folder)
    assert report.manifest.codec != usual.codec and report.manifest.text == usual.text
    assert plan_of(shards, f"data.latents={config.data.latents_folder}").samples == 2


def test_a_set_that_does_not_say_who_made_it_is_mended_by_precompute(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stated = precomputing._stated

    def silent(*given: Any) -> dict[str, Any]:
        return {name: value for name, value in stated(*given).items() if name != "weights"}

    monkeypatch.setattr(precomputing, "_stated", silent)
    other = f"data.latents={tmp_path / 'old'}"
    called("precompute", *words(shards, other))
    monkeypatch.undo()
    with pytest.raises(DatasetError, match="weights of the vae: not recorded → random weights of tiny with seed 0"):
        plan_of(shards, other)
    assert "made: nothing" in called("precompute", *words(shards, other)).output
    assert plan_of(shards, other).samples == 2


def test_latents_go_with_the_files_that_made_them_wherever_these_lie(
    shards: Path, folder: Path, tmp_path: Path
) -> None:
    other = f"data.latents={tmp_path / 'set'}"
    called("precompute", *words(shards, other, *from_folder(folder)))
    moved = folder.rename(tmp_path / "moved")
    assert "unchecked" not in "\n".join(plan_of(shards, other, *from_folder(moved)).lines())

    tokenizer = moved / "google" / "umt5-xxl" / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text().replace("teapot", "kettle"))
    with pytest.raises(DatasetError, match=r"weights of the text encoder: [0-9a-f:+]+ → [0-9a-f:+]+\)") as found:
        plan_of(shards, other, *from_folder(moved))
    assert "vae" not in str(found.value)

    shutil.rmtree(moved / "google")
    (moved / "Wan2.1_VAE.pth").unlink()
    told = "\n".join(plan_of(shards, other, *from_folder(moved)).lines())
    assert f"unchecked  whose vae and text encoder made the latents: {moved} has none" in told


def test_a_run_goes_on_with_the_same_model_from_another_place_and_with_no_other(
    shards: Path, folder: Path, tmp_path: Path
) -> None:
    latents = f"data.latents={tmp_path / 'set'}"
    called("precompute", *words(shards, latents, *from_folder(folder)))

    def train(folder: Path, steps: int) -> Result:
        given = words(shards, latents, *from_folder(folder), f"run.steps={steps}")
        return CliRunner().invoke(cli, [*given, "--run", str(tmp_path / "run")])

    assert train(folder, 1).exit_code == 0
    moved = folder.rename(tmp_path / "moved")
    went_on = train(moved, 2)
    assert went_on.exit_code == 0 and "goes on    after step 1" in went_on.output
    write_model(moved, published_names(lively_model(seed=9)))
    refused = train(moved, 3).exception
    assert isinstance(refused, PreflightError) and "name another folder with --run" in str(refused)
    line = str(refused).splitlines()[-1].strip()
    name, _, hashes = line.partition(": ")
    before, now = hashes.split(" → ")
    assert name == "weights of the model" and len(before) == len(now) == 16 and before != now
