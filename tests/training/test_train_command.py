"""`pvtt-train` from shards to the adapter: the tiny model on a processor, with all that a real run does."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from click.testing import CliRunner, Result
from pvtt_train.adapters import read_info
from pvtt_train.checkpoint import STATE
from pvtt_train.cli import cli
from pvtt_train.cli.train import train_command
from pvtt_train.data.examples import CorruptSampleError
from pvtt_train.distributed import World
from pvtt_train.metrics import Metrics
from pvtt_train.plan import some_left_out
from pvtt_train.run_folder import RunFolder
from pvtt_train.summary import use_in_words
from pvtt_train.wan.architecture import SIZES, WanVace, random_model
from safetensors.torch import load_file
from toy_triples import write_toy_dataset

from pvtt_data.errors import DiskFullError, InputError, PreflightError
from pvtt_data.shards import ShardDataset, read_manifest

if TYPE_CHECKING:
    from catalogue_builds import Builder

    from pvtt_data.build import BuildOutcome

pytestmark = [
    pytest.mark.usefixtures("diffsynth"),
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pvtt_train.wan.weights.RandomWeightsWarning"),
]
SMALL = (
    "data.precompute.variants=2",
    "run.steps=9",
    "run.experiments=null",
    "checkpoint.every_steps=3",
    "checkpoint.every_minutes=0",
    "lora.rank=2",
)


def with_settings(*overrides: str) -> list[str]:
    return [word for each in (*SMALL, *overrides) for word in ("--set", each)]


def arguments(shards: Path, folder: Path, *overrides: str) -> list[str]:
    return ["--shards", str(shards), "--preset", "tiny-cpu", "--run", str(folder), *with_settings(*overrides)]


def called(*words: str) -> Result:
    result = CliRunner().invoke(cli, list(words))
    assert result.exit_code == 0, (result.output, result.exception)
    return result


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory, diffsynth: object) -> Path:
    """Three triples, with their latents beside them."""
    folder = tmp_path_factory.mktemp("toys")
    made = write_toy_dataset(folder / "v1", folder / "media", train=3, test=1)
    done = called("precompute", "--shards", str(made), "--preset", "tiny-cpu", *with_settings())
    assert "3 samples, 2 variants each" in done.output
    return made


@pytest.fixture(scope="module")
def whole(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    called(*arguments(shards, folder))
    return folder


def told(folder: Path) -> list[tuple[Any, ...]]:
    names = ("step", "loss", "norm", "rate", "epochs", "keys", "contents")
    return [tuple(json.dumps(entry[name]) for name in names) for entry in RunFolder(folder).metrics()]


def environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}


def test_a_run_folder_tells_what_was_done(shards: Path, whole: Path) -> None:
    names = {path.name for path in whole.iterdir()}
    assert names == {
        "adapter.safetensors", "checkpoints", "config.yaml", "lock", "log.jsonl", "metrics.jsonl", "run.json",
        "summary.json", "summary.md", "tensorboard",
    }  # fmt: skip
    facts = json.loads((whole / "run.json").read_text())
    root = read_manifest(shards).root
    assert facts[0]["dataset"]["root"] == root and facts[0]["diffsynth"]["kind"] in ("package", "submodule", "variable")
    assert facts[0]["versions"]["torch"] == torch.__version__.partition("+")[0]
    summary = json.loads((whole / "summary.json").read_text())
    assert (summary["steps"], summary["samples"], summary["epochs"], summary["stopped"]) == (9, 18, 6.0, 0)
    assert summary["left_out"] == [] and summary["corrupt"] == {} and len(summary["losses"]) == 9
    assert "nothing was left out" in (whole / "summary.md").read_text()
    assert [json.loads(line)["event"] for line in (whole / "log.jsonl").open()] == ["begins", *["saved"] * 3]
    info = read_info(whole / "adapter.safetensors")
    assert (info.step, info.average, info.dataset, info.dataset_root) == (9, True, "toys v1", root)
    assert info.config["lora"]["rank"] == 2 and str(shards) not in json.dumps(info.config)


def test_a_finished_run_is_left_alone_and_other_settings_are_refused(shards: Path, whole: Path) -> None:
    before = told(whole)
    assert "all 9 steps are done" in called(*arguments(shards, whole)).output
    result = CliRunner().invoke(cli, arguments(shards, whole, "flow.shift=3"))
    assert isinstance(result.exception, PreflightError) and "flow.shift: 5.0 → 3.0" in str(result.exception)
    assert told(whole) == before


def test_what_a_finished_run_lacks_is_made_by_the_same_command(shards: Path, whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    (run / "adapter.safetensors").unlink()
    for told_before in ({}, {"steps": 9, "stopped": 15}):  # the latter lacks a validation
        (run / "summary.json").write_text(json.dumps(told_before))
        assert "nothing was left out" in called(*arguments(shards, run)).output
    assert (run / "adapter.safetensors").read_bytes() == (whole / "adapter.safetensors").read_bytes()
    assert json.loads((run / "summary.json").read_text())["steps"] == 9 and told(run) == told(whole)
    assert "all 9 steps are done" in called(*arguments(shards, run)).output


def test_an_error_of_one_process_ends_it_at_once(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others wait for it where only their launcher can end them, and leaving could wait for them."""
    left: list[int] = []
    monkeypatch.setattr(World, "join", classmethod(lambda cls, device: World(torch.device("cpu"), 1, 2)))
    monkeypatch.setattr(World, "leave", lambda self: left.append(self.rank))
    monkeypatch.setattr(os, "_exit", sys.exit)
    with pytest.raises(SystemExit) as ended:
        train_command(shards, "tiny-cpu", None, ["data.global_batch=3"], tmp_path, dry_run=False)
    assert ended.value.code == 1 and left == []
    assert "error: data.global_batch (3) must be divisible" in capsys.readouterr().err


def test_a_dry_run_makes_nothing(shards: Path, tmp_path: Path) -> None:
    output = called(*arguments(shards, tmp_path / "run"), "--dry-run").output
    for words in ("3 samples (train), precomputed latents", "9 of 2 samples", "memory", "dry run: nothing was trained"):
        assert words in output
    assert not (tmp_path / "run").exists()


def test_a_dry_run_looks_at_the_run_that_is_there(shards: Path, whole: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in whole.rglob("*") if path.name != "lock"}
    assert "all 9 steps are done" in called(*arguments(shards, whole), "--dry-run").output
    longer = called(*arguments(shards, whole, "run.steps=12"), "--dry-run").output
    assert "run.steps: 9 → 12" in longer and "goes on    after step 9" in longer
    result = CliRunner().invoke(cli, [*arguments(shards, whole, "flow.shift=3"), "--dry-run"])
    assert isinstance(result.exception, PreflightError) and "flow.shift: 5.0 → 3.0" in str(result.exception)
    with RunFolder(whole):
        result = CliRunner().invoke(cli, [*arguments(shards, whole, "run.steps=12"), "--dry-run"])
    assert isinstance(result.exception, PreflightError) and f"process {os.getpid()}) trains in" in str(result.exception)
    assert {path: path.stat().st_mtime_ns for path in whole.rglob("*") if path.name != "lock"} == before


def test_a_start_that_is_refused_leaves_the_settings_of_the_run(shards: Path, whole: Path, tmp_path: Path) -> None:
    """The order of samples is known to be another one only when they have been listed."""
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    before = [(run / name).read_bytes() for name in ("config.yaml", "run.json")]
    result = CliRunner().invoke(cli, arguments(shards, run, "data.source=pixels", "run.steps=10"))
    assert isinstance(result.exception, InputError) and result.exception.reason == "another-order"
    assert [(run / name).read_bytes() for name in ("config.yaml", "run.json")] == before


def test_options_of_training_are_not_dropped_before_another_command(shards: Path) -> None:
    result = CliRunner().invoke(cli, ["--dry-run", "--set", "lora.rank=4", "precompute", "--shards", str(shards)])
    assert result.exit_code == 2
    assert "--set, --dry-run: options before precompute are those of training" in result.output
    assert "pvtt-train precompute --help" in result.output


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU works here")
def test_a_gpu_that_was_asked_for_is_not_replaced_by_the_processor(shards: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, arguments(shards, tmp_path / "run", "run.device=cuda"))
    assert isinstance(result.exception, PreflightError) and "no GPU works here (" in str(result.exception)
    output = called(*arguments(shards, tmp_path / "run", "run.device=auto"), "--dry-run").output
    assert "device     the processor, " in output and "(no GPU works here: " in output


def test_the_summary_says_what_loads_the_adapter(shards: Path, whole: Path, tmp_path: Path) -> None:
    """Stock DiffSynth drops what is not meant for a part of the model without a word."""
    both = (whole / "summary.md").read_text()
    assert "(pipe.vace, 'adapter.safetensors')` and `pipe.load_lora(pipe.dit, 'adapter.safetensors')`" in both
    run = tmp_path / "one of them"
    called(*arguments(shards, run, "lora.targets=vace", "run.steps=1"))
    text = (run / "summary.md").read_text()
    assert "`pipe.load_lora(pipe.vace, 'adapter.safetensors')` in DiffSynth" in text and "pipe.dit" not in text
    assert f"`pvtt-train export '{run}' lora.safetensors`" in text
    words = use_in_words("dit", True, run)
    assert "load_lora(" not in words and "for diffusers" in words


KILLED_AFTER_STEP_5 = """
import os, signal
from pvtt_train.cli import main
from pvtt_train.metrics import Metrics
tell = Metrics.tell
def tell_and_die(self, step, numbers):
    tell(self, step, numbers)
    if step == 5:
        os.kill(os.getpid(), signal.SIGKILL)
Metrics.tell = tell_and_die
main()
"""


def test_a_run_that_is_killed_goes_on_to_the_same_bits(shards: Path, whole: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED_AFTER_STEP_5, *arguments(shards, tmp_path)]
    done = subprocess.run(command, capture_output=True, check=False, env=environment())
    assert done.returncode == -signal.SIGKILL and len(told(tmp_path)) == 5
    step = RunFolder(tmp_path).step
    assert step == 3
    output = called(*arguments(shards, tmp_path)).output
    assert f"goes on    after step {step}" in output
    assert told(tmp_path) == told(whole)
    last = Path("checkpoints") / "step-00000009" / STATE
    first, second = load_file(whole / last), load_file(tmp_path / last)
    assert first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
    assert load_file(whole / "adapter.safetensors").keys() == load_file(tmp_path / "adapter.safetensors").keys()
    assert [fact["from_step"] for fact in json.loads((tmp_path / "run.json").read_text())] == [0, step]


def test_a_disk_that_is_full_is_told_and_what_was_saved_is_good(
    shards: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell = Metrics.tell

    def tell_or_fail(self: Metrics, step: int, numbers: dict[str, Any]) -> None:
        if step == 5:
            raise OSError(errno.ENOSPC, "No space left on device", "metrics.jsonl")
        tell(self, step, numbers)

    monkeypatch.setattr(Metrics, "tell", tell_or_fail)
    result = CliRunner().invoke(cli, arguments(shards, tmp_path))
    assert isinstance(result.exception, DiskFullError) and "saved after step 3 is good" in str(result.exception)
    monkeypatch.undo()
    called(*arguments(shards, tmp_path))
    assert told(tmp_path) == told(whole)


def through_diffsynth(adapter: Path | None) -> WanVace:
    """The base model, after DiffSynth's own pipeline loaded an adapter into it."""
    from diffsynth.pipelines.wan_video import WanVideoPipeline

    model = random_model(SIZES["tiny"], device=torch.device("cpu"), dtype=torch.float32).eval()
    if adapter is not None:
        pipe = WanVideoPipeline(device="cpu", torch_dtype=torch.float32)
        pipe.dit, pipe.vace = model.dit, model.vace
        pipe.load_lora(pipe.vace, str(adapter))
        pipe.load_lora(pipe.dit, str(adapter))
    return model


def test_one_triple_is_learnt_by_heart_and_stock_diffsynth_takes_the_adapter(tmp_path: Path) -> None:
    shards = write_toy_dataset(tmp_path / "v1", tmp_path / "media", train=1, test=1)
    course = ("run.steps=40", "checkpoint.every_steps=0", "optimiser.rate=1e-2", "lora.rank=8")
    words = [word for each in (*course, "data.precompute.variants=1") for word in ("--set", each)]
    experiments = tmp_path / "experiments"
    called("precompute", "--shards", str(shards), "--preset", "tiny-cpu", *words)
    called("--shards", str(shards), "--preset", "tiny-cpu", "--run", str(tmp_path / "run"), *words,
           "--set", f"run.experiments={experiments}")  # fmt: skip
    losses = json.loads((tmp_path / "run" / "summary.json").read_text())["losses"]
    assert losses[-1] < 0.75 * losses[0], losses
    log = next((experiments / "logs").glob("tiny-train-lora_*.md")).read_text(encoding="utf-8")
    assert "finished" in log and "adapter.safetensors" in log

    size, dice = SIZES["tiny"], torch.Generator().manual_seed(0)
    given = (
        torch.randn(1, size.channels, 3, 8, 12, generator=dice),
        torch.tensor([500.0]),
        torch.randn(1, size.text_tokens, size.text_dim, generator=dice),
        torch.randn(1, size.context_channels, 3, 8, 12, generator=dice),
    )
    with torch.no_grad():
        base, adapted = (
            through_diffsynth(None)(*given),
            through_diffsynth(tmp_path / "run" / "adapter.safetensors")(*given),
        )
    assert (adapted - base).abs().mean() > 0.1 * base.abs().mean()


def spoilt(shards: Path, copy: Path) -> tuple[Path, str]:
    """A copy of a dataset in which a sample's video is damaged, and the sample's key."""
    shutil.copytree(shards, copy)
    sample = ShardDataset(copy, "train")[1]
    span = sample.spans["target.mp4"]
    with span.path.open("r+b") as tar:
        tar.seek(span.offset + span.length // 2)
        tar.write(b"spoilt by hand")
    return copy, sample.key


def test_what_precompute_skipped_is_told_by_plan_and_summary(shards: Path, tmp_path: Path) -> None:
    copy, key = spoilt(shards, tmp_path / "v1")
    given = with_settings("data.precompute.allow_skipped=1", "run.steps=1")
    called("precompute", "--shards", str(copy), "--preset", "tiny-cpu", *given)
    line = f"sample {key} is not trained on: "
    assert f"left out   {line}" in called(*arguments(copy, tmp_path / "run", "run.steps=1"), "--dry-run").output
    assert line in called(*arguments(copy, tmp_path / "run", "run.steps=1")).output
    summary, text = (json.loads((tmp_path / "run/summary.json").read_text()), (tmp_path / "run/summary.md").read_text())
    assert list(summary["not_trained_on"]) == [key] and "SHA-256 is not" in summary["not_trained_on"][key]
    assert line in text and "nothing was left out" not in text


def test_of_many_samples_that_are_left_out_some_are_named() -> None:
    lines = some_left_out({f"{number:016x}": "it is damaged" for number in range(20)})
    assert len(lines) == 9 and lines[-1] == "and 12 more samples are not trained on"
    assert some_left_out({}) == []


def test_a_sample_that_cannot_be_read_stops_or_is_counted(shards: Path, tmp_path: Path) -> None:
    copy, key = spoilt(shards, tmp_path / "v1")
    pixels = ["data.source=pixels", "run.steps=3", "validation.every=3", "validation.split=test"]
    pixels += [f"validation.{name}" for name in ("at_start=false", "steps=2", "workers=0", "loss_samples=1")]
    result = CliRunner().invoke(cli, arguments(copy, tmp_path / "run", *pixels))
    assert isinstance(result.exception, CorruptSampleError) and result.exception.key == key
    assert "--set data.allow_corrupt=1" in str(result.exception)
    called(*arguments(copy, tmp_path / "run", *pixels, "data.allow_corrupt=1"))
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert list(summary["corrupt"]) == [key] and "SHA-256 is not" in summary["corrupt"][key]
    assert [scores["step"] for scores in summary["validations"]] == [3] and summary["validations"][0]["loss"] > 0
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    (validated,) = (entry for entry in log if entry["event"] == "validated")
    assert 0 < validated["memory_bytes"] <= summary["peak_bytes"] and "memory_bytes" not in summary["validations"][0]
    told = (tmp_path / "run" / "summary.md").read_text()
    assert f"sample {key} was replaced" in told and "validation after step 3: loss" in told
    assert len(list((tmp_path / "run" / "samples").rglob("*-sheet.png"))) == 1


STOPPED_AFTER_STEP_4 = """
import os, signal, time
import pvtt_train.checkpoint
from pvtt_train.cli import main
from pvtt_train.metrics import Metrics

tell, save = Metrics.tell, pvtt_train.checkpoint.save_file
def tell_and_ask(self, step, numbers):
    tell(self, step, numbers)
    if step == 4:
        os.kill(os.getpid(), signal.SIGTERM)
def save_slowly(*given, **named):
    time.sleep(1)
    save(*given, **named)
Metrics.tell, pvtt_train.checkpoint.save_file = tell_and_ask, save_slowly
main()
"""


def launched(*program: str) -> subprocess.CompletedProcess[str]:
    """Two processes, as accelerate starts them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launch = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1"]
    launch += ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", str(port)]
    command = [sys.executable, *launch, *program]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment() | {"PYTHONWARNINGS": ""}
    )


def test_two_processes_give_the_same_curve_as_one(shards: Path, whole: Path, tmp_path: Path) -> None:
    """Each takes one sample of every step; without GPUs they talk through gloo. The first of them is asked to end on
    the way, and the others wait until it has saved: a launcher kills it once they have ended."""
    program = tmp_path / "stopped.py"
    program.write_text(STOPPED_AFTER_STEP_4)
    run = tmp_path / "run"
    stopped = launched(str(program), *arguments(shards, run))
    assert stopped.returncode != 0 and RunFolder(run).step == 4, stopped.stdout + stopped.stderr
    assert "stopped, saved; the same command goes on from there" in stopped.stdout
    done = launched("-m", "pvtt_train", *arguments(shards, run))
    assert done.returncode == 0, done.stdout + done.stderr
    one, two = (list(RunFolder(folder).metrics()) for folder in (whole, run))
    assert [len(entry["keys"]) for entry in one] == [2] * 9 and [len(entry["keys"]) for entry in two] == [1] * 9
    assert [entry["keys"][0] for entry in one] == [entry["keys"][0] for entry in two]
    assert [entry["loss"] for entry in two] == pytest.approx([entry["loss"] for entry in one], rel=1e-4)
    assert [start["machine"]["processes"] for start in json.loads((run / "run.json").read_text())] == [2, 2]
    assert done.stdout.count("adapter: ") == 1
    assert "\nwarning: RANDOM WEIGHTS" in f"\n{done.stderr}" and "load_model(" not in done.stderr


def test_what_a_build_made_of_product_videos_can_be_trained_on(
    catalogue_build: tuple[Builder, BuildOutcome], tmp_path: Path
) -> None:
    publication = catalogue_build[1].publication
    assert publication is not None
    words = ["--shards", str(publication.path), "--preset", "tiny-cpu", "--run", str(tmp_path / "run"), "--dry-run"]
    output = called(*words).output
    assert f"ecommerce {publication.path.name}, root {read_manifest(publication.path).root[:16]}" in output
    assert "frames of 256×448, 3 references" in output
