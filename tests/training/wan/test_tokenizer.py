"""Prompts become the tokens that the tokenizer's own file says, or it is said why they cannot."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pvtt_train.wan.text import StandInText
from pvtt_train.wan.tokenizer import load_tokenizer
from pvtt_train.wan.weights import WeightsConfig, load_text_encoder, missing_files
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from wan_files import CPU, write_text

from pvtt_data.errors import InputError

pytestmark = pytest.mark.usefixtures("diffsynth", "own_cache")
END = "</s>"
PIECES = [("<pad>", 0.0), (END, 0.0), ("<unk>", 0.0), *((f"<0x{byte:02X}>", -10.0) for byte in range(256))]
WORDS = [("▁a", -1.0), ("▁red", -1.5), ("▁pot", -1.5), ("▁", -3.0)]
VOCABULARY = 300


def described() -> Any:
    """A tokenizer that spells what it does not know in bytes, and writes everything small, as T5's kin may."""
    made = Tokenizer(models.Unigram([*PIECES, *WORDS], unk_id=2, byte_fallback=True))
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.post_processor = processors.TemplateProcessing(single=f"$A {END}", special_tokens=[(END, 1)])
    return made


def write(folder: Path, made: Any, **stated: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    made.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "T5Tokenizer", "extra_ids": 0, "pad_token": "<pad>", "eos_token": END, **stated}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize(
    ("prompt", "cleaned"),
    [
        ("a red pot", "a red pot"),
        ("a red 🍣", "a red 🍣"),
        ("A RED 龘", "A RED 龘"),
        ("  a\n red &amp; pot ", "a red & pot"),
        ("", ""),
    ],
)
def test_prompts_become_the_tokens_that_the_file_says(prompt: str, cleaned: str, tmp_path: Path) -> None:
    """Though the configuration asks for a class that transformers would make from the vocabulary alone."""
    tokenizer = load_tokenizer(write(tmp_path, described()), 32, VOCABULARY)
    ids, mask = tokenizer(prompt, return_mask=True, add_special_tokens=True)
    expected = described().encode(cleaned).ids
    assert ids.tolist() == [expected + [0] * (32 - len(expected))]
    assert mask.sum() == len(expected) and expected[-1] == 1 and 2 not in expected


def test_special_tokens_may_be_spelt_out(tmp_path: Path) -> None:
    folder = write(tmp_path, described(), eos_token={"content": END, "lstrip": False, "__type": "AddedToken"})
    assert load_tokenizer(folder, 4, VOCABULARY)("a")[0].tolist() == [259, 1, 0, 0]


def without_end(made: Any) -> Any:
    made.post_processor = processors.TemplateProcessing(single="$A", special_tokens=[])
    return made


def of_few_words(_: Any) -> Any:
    made = Tokenizer(models.Unigram(PIECES[:3], unk_id=2))
    made.post_processor = processors.TemplateProcessing(single=f"$A {END}", special_tokens=[(END, 1)])
    return made


def of_many_words(made: Any) -> Any:
    made.add_tokens([f"word {number}" for number in range(40)])
    return made


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without_end, r"does not end a prompt with </s>"),
        (of_few_words, r"knows 3 tokens, the text encoder 300"),
        (of_many_words, r"knows 303 tokens, the text encoder 300"),
    ],
)
def test_a_tokenizer_of_another_model_is_refused(change: Callable[[Any], Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said) as told:
        load_tokenizer(write(tmp_path, change(described())), 16, VOCABULARY)
    assert told.value.reason == "tokenizer-other"


def test_an_end_that_is_no_token_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"does not know <end>"):
        load_tokenizer(write(tmp_path, described(), eos_token="<end>"), 16, VOCABULARY)


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json"])
def test_torn_files_are_named(name: str, tmp_path: Path) -> None:
    folder = write(tmp_path, described())
    (folder / name).write_text("{")
    with pytest.raises(InputError, match=name) as told:
        load_tokenizer(folder, 16, VOCABULARY)
    assert told.value.reason == "weights-broken"


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json"])
def test_a_tokenizer_without_one_of_its_files_is_missed(name: str, tmp_path: Path) -> None:
    """transformers would make one of four tokens up, for which all prompts are the same."""
    write_text(tmp_path)
    (tmp_path / "google" / "umt5-xxl" / name).unlink()
    config = WeightsConfig(size="tiny", folder=tmp_path)
    assert missing_files(config, ["text_encoder", "tokenizer"]) == [f"google/umt5-xxl/{name}"]
    with pytest.raises(InputError, match=rf"lacks google/umt5-xxl/{name}"):
        load_text_encoder(config, CPU, torch.float32)


def test_no_prompt_is_cut(tmp_path: Path) -> None:
    write_text(tmp_path)
    text = load_text_encoder(WeightsConfig(size="tiny", folder=tmp_path), CPU, torch.float32)
    for encoder in (text, StandInText(8, text.tokens)):
        [most] = encoder.embed(["a " * (text.tokens - 1)])
        assert len(most) == text.tokens == 512
        with pytest.raises(InputError, match="the prompt has 513 tokens; the model takes 512") as told:
            encoder.embed(["a bottle", "a " * text.tokens])
        assert told.value.reason == "text-long"


def test_a_tokenizer_that_does_not_go_with_the_encoder_is_refused_with_it(tmp_path: Path) -> None:
    write_text(tmp_path)
    write(tmp_path / "google" / "umt5-xxl", of_few_words(None))
    with pytest.raises(InputError, match="knows 3 tokens, the text encoder 64"):
        load_text_encoder(WeightsConfig(size="tiny", folder=tmp_path), CPU, torch.float32)
