"""`pvtt-data models`: nobody pulls gigabytes by accident, and groups say what goes together."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from grounded_stand_ins import registry_with

from pvtt_data.cli.models import models_command
from pvtt_data.model_list import MODELS

EVERYTHING = [model.name for model in MODELS]


def models(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str, here: list[str] | None = None) -> Result:
    registry = registry_with(folder, EVERYTHING if here is None else here)
    monkeypatch.setattr("pvtt_data.cli.models.ModelRegistry.default", lambda: registry)
    return CliRunner(env={"COLUMNS": "250"}).invoke(models_command, arguments)


def pulled(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return [line.split(":")[0] for line in result.output.splitlines()]


def test_pull_without_names_keeps_to_what_builds_without_a_gpu_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pulled(models(monkeypatch, tmp_path, "pull")) == ["u2net", "ppocrv4-det"]


def test_groups_and_names_can_be_mixed_and_nothing_is_pulled_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = models(monkeypatch, tmp_path, "pull", "grounded-sam2", "sam2.1-large", "owlv2-base")
    assert pulled(wanted) == ["grounding-dino-tiny", "bert-vocabulary", "sam2.1-large", "owlv2-base"]


def test_weights_to_train_are_pulled_by_name_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pulled_with_all = pulled(models(monkeypatch, tmp_path, "pull", "--all"))
    assert pulled_with_all == [name for name in EVERYTHING if not name.startswith(("wan", "umt5"))]
    assert pulled(models(monkeypatch, tmp_path, "pull", "wan2.1-vace-1.3b")) == [
        "wan2.1-vace-1.3b-dit",
        "wan2.1-vae",
        "umt5-xxl-encoder",
        "umt5-xxl-special-tokens-map",
        "umt5-xxl-spiece-model",
        "umt5-xxl-tokenizer",
        "umt5-xxl-tokenizer-config",
    ]


def test_unknown_names_and_contradictions_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "groups: core, grounded-sam2" in str(models(monkeypatch, tmp_path, "pull", "sam2").exception)
    both = models(monkeypatch, tmp_path, "pull", "--all", "u2net")
    assert both.exit_code == 2


def test_the_list_says_what_is_here_and_what_each_group_still_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = models(monkeypatch, tmp_path, "list", here=["u2net", "ppocrv4-det", "bert-vocabulary"]).output
    assert "group core (u2net, ppocrv4-det), what builds use without a GPU: all here" in shown
    assert "to fetch: pvtt-data models pull grounded-sam2" in shown
    row = next(line for line in shown.splitlines() if line.startswith("bert-vocabulary"))
    assert "yes" in row and "grounded-sam2" in row and "Apache-2.0" in row and "(BERT's tokenizer, uncased)" in row


def test_where_prints_the_files_of_a_group_or_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = models(monkeypatch, tmp_path, "where", "grounded-sam2").output.splitlines()
    assert [Path(path).name for path in found] == ["model.safetensors", "vocab.txt", "sam2.1_hiera_large.pt"]
    lacking = models(monkeypatch, tmp_path / "bare", "where", "core", here=["u2net"])
    assert lacking.exit_code == 1
    assert "ppocrv4-det not here; run: pvtt-data models pull ppocrv4-det" in lacking.output
