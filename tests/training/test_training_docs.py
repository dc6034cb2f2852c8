"""The examples of docs/training.md and eval/README.md run as they are written, on DiffSynth's classes in small with
random weights."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pvtt_train.adapters import AdapterInfo, read_adapters, write_adapters
from pvtt_train.config import TrainConfig, read_config
from pvtt_train.presets import Preset
from pvtt_train.run_folder import ADAPTER, RunFolder
from pvtt_train.validation.cases import choose, prepare
from pvtt_train.validation.sampling import sample
from pvtt_train.wan.architecture import SIZES
from pvtt_train.wan.lora import add_lora, load_lora_state, lora_state
from pvtt_train.wan.text import TEXT_SIZES
from pvtt_train.wan.vae import new_vae
from pvtt_train.wan.weights import load_model, load_text_encoder, load_vae
from test_lora import trained
from torch import nn
from toy_triples import toy_triple, write_toy_dataset
from wan_files import CPU, lively_model, published_names, write_model, write_text, write_vae

from pvtt_data.images import read_image, write_png
from pvtt_data.media import decode_video, encode_clip
from pvtt_data.shards import ShardDataset
from pvtt_data.vace.context import from_unit

pytestmark = pytest.mark.usefixtures("diffsynth", "own_cache")
ROOT = Path(__file__).resolve().parents[2]


def blocks(page: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def tiny_vae() -> nn.Module:
    """As DiffSynth's loader makes a class."""
    return new_vae("tiny")


def known_to_diffsynth(folder: Path) -> list[dict[str, Any]]:
    """Entries of DiffSynth's list of models for the tiny files, which it tells apart by their keys and shapes."""
    from diffsynth.core.loader import hash_model_file

    size, text = SIZES["tiny"], TEXT_SIZES["tiny"]
    converters = "diffsynth.utils.state_dict_converters"
    shared = {"dim": size.dim, "ffn_dim": size.ffn_dim, "num_heads": size.heads, "eps": 1e-6, "has_image_input": False}
    dit = {"in_dim": size.channels, "out_dim": size.channels, "num_layers": size.layers, "freq_dim": size.freq_dim}
    vace = {"vace_layers": size.vace_layers, "vace_in_dim": size.context_channels, "patch_size": (1, 2, 2)}
    words = {"vocab": text.vocabulary, "dim": text.dim, "dim_attn": text.dim, "dim_ffn": text.dim_ffn}
    entries = (
        ("diffusion_pytorch_model.safetensors", "wan_video_dit", "diffsynth.models.wan_video_dit.WanModel",
         {**shared, **dit, "text_dim": size.text_dim, "patch_size": [1, 2, 2]},
         f"{converters}.wan_video_dit.WanVideoDiTStateDictConverter"),
        ("diffusion_pytorch_model.safetensors", "wan_video_vace", "diffsynth.models.wan_video_vace.VaceWanModel",
         {**shared, **vace}, f"{converters}.wan_video_vace.VaceWanModelDictConverter"),
        ("Wan2.1_VAE.pth", "wan_video_vae", f"{__name__}.tiny_vae", {},
         f"{converters}.wan_video_vae.WanVideoVAEStateDictConverter"),
        ("models_t5_umt5-xxl-enc-bf16.pth", "wan_video_text_encoder",
         "diffsynth.models.wan_video_text_encoder.WanTextEncoder",
         {**words, "num_heads": text.heads, "num_layers": text.layers}, None),
    )  # fmt: skip
    return [
        {
            "model_hash": hash_model_file(str(folder / file)),
            "model_name": name,
            "model_class": made_by,
            "extra_kwargs": values,
            **({"state_dict_converter": converter} if converter else {}),
        }
        for file, name, made_by, values, converter in entries
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, diffsynth: object) -> Path:
    """A folder with a version, the files of a model, a finished run, and what a user brings along."""
    made = tmp_path_factory.mktemp("docs")
    weights = made / "Wan2.1-VACE-tiny"
    write_model(weights, published_names(lively_model()))
    write_vae(weights)
    write_text(weights)
    config = TrainConfig.model_validate(
        {
            "model": {"size": "tiny", "folder": weights},
            "lora": {"targets": "both", "rank": 4},
            "data": {
                "shards": write_toy_dataset(made / "shards" / "v1", made / "media", train=1, test=3),
                "text": {"trigger": "teapot"},
            },
            "validation": {"split": "test", "steps": 3, "seed": 4, "samples": 3, "loss_samples": 0},
        }
    )
    with RunFolder(made / "runs" / "NAME") as run:
        run.write_config(config)
        info = AdapterInfo.of(config.lora, "tiny", "tiny")
        write_adapters(run.path / ADAPTER, lora_state(trained(config.lora)), info)
    triple = toy_triple(9)
    encode_clip(triple.source, 8, made / "clip.mp4", crf=10)
    (made / "masks").mkdir()
    for number, mask in enumerate(triple.source_mask):
        (made / "masks" / f"{number:05}.png").write_bytes(write_png(mask.astype(np.uint8) * 255))
    (made / "b.png").write_bytes(write_png(triple.references[0]))
    return made


def test_a_run_makes_videos_and_is_scored(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the page's words nothing but the device and the precision is changed."""
    import diffsynth.models.model_loader as loader
    from diffsynth.pipelines.wan_video import WanVideoPipeline

    real = WanVideoPipeline.from_pretrained
    small = {"device": "cpu", "torch_dtype": torch.float32}
    monkeypatch.setattr(WanVideoPipeline, "from_pretrained", staticmethod(lambda **named: real(**named | small)))
    monkeypatch.setattr(loader, "MODEL_CONFIGS", known_to_diffsynth(folder / "Wan2.1-VACE-tiny"))
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {"__name__": "example"}
    examples = blocks("docs/training.md")
    assert len(examples) == 4
    for number, code in enumerate(examples, start=1):
        exec(compile(code, f"training.md, block {number}", "exec"), names)

    assert decode_video(Path("result.mp4")).shape == toy_triple(9).source.shape
    assert [row["case_id"] for row in names["rows"]] == choose(names["samples"], 3, seed=0)
    assert "rsd Interval(estimate=" in capsys.readouterr().out

    assert {path.name: len(list(path.iterdir())) for path in Path("comfyui").iterdir()} == {
        "video": 5, "mask": 5, "reference": 1,
    }  # fmt: skip
    assert set(np.unique(read_image(Path("comfyui/mask/0002.png")))) == {0, 255}

    ours, base = (as_validation_does(names["config"], path) for path in (Path("runs/NAME") / ADAPTER, None))
    for key, result in ours.items():
        shown = names["samples"][key]
        given = names["inputs"](shown.source, shown.source_mask, shown.references[:1])
        made = names["swapped"](given, shown.meta.prompt).astype(int)
        assert np.abs(made - result).max() <= 1, "DiffSynth cuts off where we round"
        assert np.abs(made - base[key]).max() > 10, "the adapter says something"


@pytest.mark.parametrize("page", ["docs/training.md", "docs/faq.md", "docs/faq.zh-CN.md"])
def test_settings_that_commands_give_are_taken(page: str) -> None:
    """By the preset that they name, or by that for the card that training is made for."""
    text = (ROOT / page).read_text(encoding="utf-8").replace("\\\n", " ")
    sections = "|".join(TrainConfig.model_fields)
    commands = re.findall(r"^ {4}(pvtt-train .*)$", text, re.MULTILINE)
    commands += re.findall(rf"`(--set (?:{sections})\.[^`…]+)`", text)
    tried = 0
    for words in (shlex.split(command, comments=True) for command in commands):
        given = [words[place + 1] for place, word in enumerate(words[:-1]) if word == "--set"]
        name = words[words.index("--preset") + 1] if "--preset" in words else "rtx5090-480p49"
        read_config(Preset(name, "").path, ["data.shards=v1", *given])
        tried += bool(given)
    assert tried >= (8 if page == "docs/training.md" else 1)


def test_a_model_that_changes_nothing_is_scored(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (code,) = blocks("eval/README.md")
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(code, "eval/README.md", "exec"), names)
    assert len(names["rows"]) == 3
    assert all(row["rsd_px"] < -0.9 for row in names["rows"]), "A is what it shows"


def as_validation_does(config: TrainConfig, adapter: Path | None) -> dict[str, Any]:
    """Results of the test split by key, from our own classes, with an adapter or without."""
    model = load_model(config.model, CPU, torch.float32)
    if adapter is not None:
        add_lora(model, config.lora)
        load_lora_state(model, read_adapters(adapter)[0])
    codec, text = load_vae(config.model, CPU, torch.float32), load_text_encoder(config.model, CPU, torch.float32)
    dataset, look = ShardDataset(config.data.shards, "test"), config.validation
    trigger = config.data.text.trigger
    return {
        case.key: from_unit(
            codec.decode(
                sample(model.eval(), case, steps=look.steps, shift=look.shift, cfg=look.cfg, seed=look.seed,
                       device=CPU, dtype=torch.float32)
            )
        )[0].numpy().astype(int)
        for case in prepare(look, config.conditioning, dataset, codec, text, 512, trigger=trigger)
    }  # fmt: skip
