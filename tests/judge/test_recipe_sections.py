"""The sections `captions` and `judge` of a recipe: what may stand there, and what of it a dataset states."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from catalogue_builds import ROOT

from pvtt_data.build import portable_recipe
from pvtt_data.errors import PreflightError, RecipeError
from pvtt_data.line import left_out
from pvtt_data.preflight import preflight
from pvtt_data.recipe import Recipe, read_recipe


def recipe(tmp_path: Path, text: str) -> Recipe:
    path = tmp_path / "mine.yaml"
    path.write_text(f"name: x\nrender: {{count: 1, optional: true}}\n{text}")
    return read_recipe(path)


def model_folder(folder: Path) -> Path:
    """What names a model and its weights; nobody loads it."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "qwen2_5_vl"}))
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PVTT_MODELS", str(tmp_path / "models"))


def test_the_shipped_recipes_ask_no_model() -> None:
    for path in sorted((ROOT / "recipes").glob("*.yaml")):
        found = read_recipe(path)
        assert found.judge is None and found.captions.captioner is None
        assert "judge" in left_out(found)


def test_a_bare_no_is_a_word_and_other_words_are_none(tmp_path: Path) -> None:
    endpoint = 'endpoint: {base_url: "https://a.example/v1", model: m}'
    good = recipe(tmp_path, f"judge:\n  {endpoint}\n  reject: {{target_shows_b: [no, unsure]}}\n")
    assert good.judge is not None and good.judge.reject.target_shows_b == ("no", "unsure")
    with pytest.raises(RecipeError, match=r"target_shows_bee.*did you mean 'target_shows_b'"):
        recipe(tmp_path, f"judge:\n  {endpoint}\n  reject: {{target_shows_bee: [unsure]}}\n")
    with pytest.raises(RecipeError, match=r"reject\.cut"):
        recipe(tmp_path, f"judge:\n  {endpoint}\n  reject: {{cut: [maybe]}}\n")


def test_a_dataset_names_the_model_and_neither_address_nor_folder(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "qwen")
    plain = portable_recipe(
        recipe(
            tmp_path,
            'judge: {endpoint: {base_url: "https://a.example/v1", model: m}}\n'
            f"captions: {{captioner: {{local: {{folder: {folder}}}}}}}\n",
        )
    )
    assert plain["judge"]["endpoint"] == {"model": "m"}
    assert set(plain["captions"]["captioner"]["local"]) == {"digest"}
    text = json.dumps(plain)
    assert "a.example" not in text and str(tmp_path) not in text
    (folder / "model.safetensors").write_bytes(b"other weights")
    other = portable_recipe(recipe(tmp_path, f"captions: {{captioner: {{local: {{folder: {folder}}}}}}}\n"))
    assert other["captions"] != plain["captions"]


def test_a_local_model_that_is_gone_is_said_before_any_work(tmp_path: Path) -> None:
    gone = recipe(tmp_path, f"judge: {{local: {{folder: {tmp_path / 'gone'}}}}}\n")
    with pytest.raises(PreflightError, match=r"judge\.local\.folder: .*config\.json cannot be read"):
        preflight(gone, tmp_path / "w", tmp_path / "s")
