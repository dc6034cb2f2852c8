"""Local models: the real classes with random weights answer, steadily; nothing is fetched, nothing is made up."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tiny_vlms import save_tiny_blip, save_tiny_qwen, without_a_weight

from pvtt_data.errors import PreflightError
from pvtt_data.vlm.answerer import describe_model
from pvtt_data.vlm.config import LocalConfig, ModelConfig
from pvtt_data.vlm.contact import contact_sheet
from pvtt_data.vlm.errors import AskingError
from pvtt_data.vlm.local import LocalModel

RNG = np.random.default_rng(0)
SHEETS = [contact_sheet(list(RNG.integers(0, 256, (2, 60, 80, 3), np.uint8)), 2, 160) for _ in range(3)]


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_qwen(tmp_path_factory.mktemp("models") / "qwen")


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PVTT_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def local(folder: Path) -> LocalModel:
    return LocalModel(LocalConfig(folder=folder, device="cpu", max_tokens=16))


def test_a_chat_model_reads_question_and_pictures_and_answers_the_same_again(qwen: Path) -> None:
    model = local(qwen)
    first = model.ask("be brief", "what is it?", SHEETS)
    assert first and "what is it?" not in first
    assert local(qwen).ask("be brief", "what is it?", SHEETS) == first
    others = [
        model.ask("be brief", "what is it?", SHEETS[:1]),
        model.ask("be brief", "and what is that over there?", SHEETS),
    ]
    assert any(other != first for other in others)


def test_a_captioner_goes_on_with_a_sentence(tmp_path: Path) -> None:
    model = local(save_tiny_blip(tmp_path / "blip"))
    assert model.continues
    said = model.ask("is not told", "a video of the product", SHEETS[:1])
    assert said.startswith("a video of the product")
    assert "is not told" not in said


def test_a_model_is_known_by_its_files(qwen: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(qwen, copy)
    facts = describe_model(ModelConfig(local=LocalConfig(folder=qwen)))
    assert facts == describe_model(ModelConfig(local=LocalConfig(folder=copy, device="cpu", max_tokens=99)))
    assert facts.name == f"local:qwen2_5_vl@{facts.weights[:12]}" and not facts.continues
    without_a_weight(copy)
    assert describe_model(ModelConfig(local=LocalConfig(folder=copy))).weights != facts.weights


def test_a_model_that_lacks_weights_is_no_model(qwen: Path, tmp_path: Path) -> None:
    shutil.copytree(qwen, tmp_path / "torn")
    name = without_a_weight(tmp_path / "torn")
    with pytest.raises(AskingError, match=f"lacks 1 weights of a qwen2_5_vl: {name}"):
        local(tmp_path / "torn").ask("", "", SHEETS)


def test_a_folder_that_holds_no_model_is_said_before_anything_is_loaded(qwen: Path, tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match=r"config\.json cannot be read"):
        local(tmp_path)
    shutil.copytree(qwen, tmp_path / "pickled")
    for weights in (tmp_path / "pickled").glob("*.safetensors"):
        weights.rename(weights.with_name("pytorch_model.bin"))
    with pytest.raises(PreflightError, match=r"holds no \*\.safetensors"):
        local(tmp_path / "pickled")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "../evil"}))
    with pytest.raises(PreflightError, match="names no model_type"):
        local(tmp_path)


def test_code_that_lies_beside_the_weights_is_not_run(qwen: Path, tmp_path: Path) -> None:
    folder = tmp_path / "code"
    shutil.copytree(qwen, folder)
    config = json.loads((folder / "config.json").read_bytes())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Config", "AutoModelForImageTextToText": "mine.M"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(AskingError, match="cannot be loaded"):
        local(folder).ask("", "", SHEETS)
    assert not (tmp_path / "ran").exists()


def test_a_gpu_that_is_asked_for_must_be_there(qwen: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("a GPU is here")
    with pytest.raises(AskingError, match="no GPU answers"):
        LocalModel(LocalConfig(folder=qwen, device="cuda")).ask("", "", SHEETS)
