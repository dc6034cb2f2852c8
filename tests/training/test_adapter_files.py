"""The adapter's file: DiffSynth's own loader takes it, and it comes back from every program's names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pvtt_train.adapters import AdapterInfo, read_adapters, read_info, write_adapters
from pvtt_train.export import FORMATS, Format, export, format_of, inside, outside, read_exported
from pvtt_train.wan.architecture import WanVace
from pvtt_train.wan.lora import LoraConfig, add_lora, load_lora_state, lora_state
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from test_lora import trained
from torch import Tensor, nn
from wan_files import inputs, lively_model

from pvtt_data.errors import InputError

pytestmark = pytest.mark.usefixtures("diffsynth")
BOTH = LoraConfig(targets="both", rank=4)
HALF = LoraConfig(targets="both", rank=4, alpha=2)


def info_of(lora: LoraConfig, **more: Any) -> AdapterInfo:
    return AdapterInfo.of(lora, "tiny", "random:tiny:0", **more)


def written(folder: Path, config: LoraConfig) -> tuple[WanVace, Path]:
    model = trained(config)
    path = folder / "adapter.safetensors"
    write_adapters(path, lora_state(model), info_of(config))
    return model, path


def through_diffsynth(path: Path, alpha: float = 1.0) -> WanVace:
    """The base model after DiffSynth's pipeline loaded a file into both of its parts."""
    from diffsynth.pipelines.wan_video import WanVideoPipeline

    model = lively_model()
    pipe = WanVideoPipeline(device="cpu", torch_dtype=torch.float32)
    # Weights of this size are in no list of DiffSynth's, so the pipeline gets its parts directly.
    pipe.dit, pipe.vace = model.dit, model.vace
    pipe.load_lora(pipe.vace, str(path), alpha=alpha)
    pipe.load_lora(pipe.dit, str(path), alpha=alpha)
    return model


@pytest.mark.parametrize("config", [BOTH, HALF, LoraConfig(rank=8, targets="dit")], ids=["once", "half", "dit"])
@pytest.mark.filterwarnings("error:Alpha detected")
def test_stock_diffsynth_says_the_same_with_the_file(tmp_path: Path, config: LoraConfig) -> None:
    model, path = written(tmp_path, config)
    said, base = through_diffsynth(path)(*inputs()), lively_model()(*inputs())
    assert torch.allclose(said, model(*inputs()), atol=1e-5)
    assert (said - base).abs().mean() > 1e-2


def test_diffsynth_changes_every_adapted_layer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, path = written(tmp_path, BOTH)
    through_diffsynth(path)
    per_block = 4 + 4 + 2
    lines = [line for line in capsys.readouterr().out.splitlines() if "fused by LoRA" in line]
    assert [int(line.split()[0]) for line in lines] == [2 * per_block, 4 * per_block]
    assert len(lora_state(model)) == 2 * 6 * per_block


def test_an_alpha_in_a_file_means_alpha_over_rank_to_diffsynth(tmp_path: Path) -> None:
    """Its rule for files of others; ours have none, because the factor is in the weights."""
    model, path = written(tmp_path, HALF)
    assert not any("alpha" in name for name in load_file(path))
    plain = lora_state(model)
    alphas = {name.replace("lora_B.weight", "alpha"): torch.tensor(2.0) for name in plain if ".lora_B." in name}
    save_file({**plain, **alphas}, tmp_path / "others.safetensors")
    with pytest.warns(UserWarning, match="Alpha detected"):
        said = through_diffsynth(tmp_path / "others.safetensors")(*inputs())
    assert torch.allclose(said, through_diffsynth(path)(*inputs()), atol=1e-5)


@pytest.mark.parametrize("config", [BOTH, HALF, LoraConfig(rank=4, dora=True)], ids=["once", "half", "dora"])
def test_training_goes_on_from_a_file(tmp_path: Path, config: LoraConfig) -> None:
    model, path = written(tmp_path, config)
    other = lively_model()
    add_lora(other, config, seed=9)
    state, info = read_adapters(path)
    load_lora_state(other, state)
    assert torch.equal(other(*inputs()), model(*inputs()))
    assert (info.rank, info.alpha, info.dora) == (4, 4 if config.alpha is None else config.alpha, config.dora)


def test_everything_beside_the_weights_comes_back(tmp_path: Path) -> None:
    info = info_of(
        HALF,
        step=1200,
        average=True,
        trigger="pvtt",
        dataset="toys/v3",
        dataset_root="ab12",
        config={"optimiser": {"rate": 1e-4}},
        versions={"torch": "2"},
    )
    path = tmp_path / "adapter.safetensors"
    write_adapters(path, lora_state(trained(HALF)), info, torch.bfloat16)
    assert read_info(path) == info
    with safe_open(path, framework="pt") as file:
        assert file.metadata()["trigger"] == "pvtt"
    assert {value.dtype for value in load_file(path).values()} == {torch.bfloat16}


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    state = lora_state(trained(BOTH))
    name = next(iter(state))
    state[name][0, 0] = float("nan")
    with pytest.raises(InputError, match=f"1 adapters are NaN or infinite, such as {name}"):
        write_adapters(tmp_path / "adapter.safetensors", state, info_of(BOTH))
    assert list(tmp_path.iterdir()) == []


def test_files_of_others_are_not_taken_for_ours(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    (tmp_path / "text.safetensors").write_text("no")
    for name, says in (("other", "does not say"), ("text", "cannot be read"), ("none", "cannot be read")):
        with pytest.raises(InputError, match=says) as told:
            read_info(tmp_path / f"{name}.safetensors")
        assert told.value.reason == "no-adapter"


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("config", [BOTH, HALF], ids=["once", "half"])
def test_an_export_comes_back_the_same(tmp_path: Path, format: Format, config: LoraConfig) -> None:
    model, path = written(tmp_path, config)
    out = tmp_path / f"{format}.safetensors"
    assert export(path, format, out) == read_info(out) == info_of(config)
    assert format_of(out) == format
    state, _ = read_exported(out)
    assert set(state) == set(lora_state(model))
    other = lively_model()
    add_lora(other, config, seed=9)
    load_lora_state(other, state)
    assert torch.equal(other(*inputs()), model(*inputs()))


def test_keys_are_those_that_diffusers_uses(tmp_path: Path) -> None:
    """As `WanVACETransformer3DModel` names its layers (diffusers, models/transformers/transformer_wan_vace.py)."""
    _, path = written(tmp_path, BOTH)
    export(path, "diffusers", tmp_path / "out.safetensors")
    layers = [f"attn{number}.{name}" for number in (1, 2) for name in ("to_q", "to_k", "to_v", "to_out.0")]
    blocks = [*(f"blocks.{number}" for number in range(4)), *(f"vace_blocks.{number}" for number in range(2))]
    assert set(load_file(tmp_path / "out.safetensors")) == {
        f"transformer.{block}.{layer}.lora_{matrix}.weight"
        for block in blocks
        for layer in (*layers, "ffn.net.0.proj", "ffn.net.2")
        for matrix in "AB"
    }


class Nested(nn.Module):
    """Modules under names with dots."""

    def __init__(self, layers: dict[str, nn.Module]) -> None:
        super().__init__()
        for name, layer in layers.items():
            holder: nn.Module = self
            *steps, last = name.split(".")
            for step in steps:
                if not hasattr(holder, step):
                    holder.add_module(step, nn.Module())
                holder = getattr(holder, step)
            holder.add_module(last, layer)


@pytest.mark.parametrize("config", [BOTH, HALF, LoraConfig(rank=4, dora=True)], ids=["once", "half", "dora"])
def test_peft_loads_it_as_diffusers_lets_it(tmp_path: Path, config: LoraConfig) -> None:
    """diffusers takes rank and DoRA from the weights, an alpha equal to the rank, and hands the rest to peft."""
    from peft import LoraConfig as PeftConfig
    from peft import inject_adapter_in_model, set_peft_model_state_dict

    model, path = written(tmp_path, config)
    export(path, "diffusers", tmp_path / "out.safetensors")
    state = {
        name.removeprefix("transformer."): value for name, value in load_file(tmp_path / "out.safetensors").items()
    }
    targets = sorted({name.split(".lora_")[0] for name in state})
    base = lively_model()
    theirs = Nested({name: own(base, inside(f"transformer.{name}.lora_A.weight", "diffusers")) for name in targets})
    rank = next(value.shape[0] for name, value in state.items() if "lora_A" in name)
    wanted = PeftConfig(r=rank, lora_alpha=rank, target_modules=targets, use_dora=config.dora)
    inject_adapter_in_model(wanted, theirs, "a")
    loaded = set_peft_model_state_dict(theirs, state, "a")
    assert not loaded.unexpected_keys
    for name in targets:
        ours = own(model, inside(f"transformer.{name}.lora_A.weight", "diffusers"))
        x = torch.randn(3, ours.in_features, generator=torch.Generator().manual_seed(2))
        assert torch.allclose(theirs.get_submodule(name)(x), ours(x), atol=1e-5)


def own(model: WanVace, key: str) -> Any:
    """Our layer of an adapter's key."""
    part = model.vace if key.startswith("vace_") else model.dit
    return part.get_submodule(key.split(".lora_")[0])


def test_comfyui_patches_the_weights_that_it_finds_by_these_keys(tmp_path: Path) -> None:
    """Its rule for ``diffusion_model.<layer>.lora_B.weight``: weight + B·A · alpha / rank, and no alpha means once
    (comfy/lora.py, comfy/weight_adapter/lora.py)."""
    model, path = written(tmp_path, HALF)
    export(path, "comfyui", tmp_path / "out.safetensors")
    lora = load_file(tmp_path / "out.safetensors")
    patched = lively_model()
    weights: dict[str, Tensor] = {
        **{f"diffusion_model.{name}": value for name, value in patched.dit.state_dict().items()},
        **{f"diffusion_model.{name}": value for name, value in patched.vace.state_dict().items()},
    }
    used = set()
    for key, weight in weights.items():
        layer = key.removesuffix(".weight")
        pair = (f"{layer}.lora_B.weight", f"{layer}.lora_A.weight")
        if key.endswith(".weight") and pair[0] in lora:
            used |= set(pair)
            weight += lora[pair[0]] @ lora[pair[1]]
    assert used == set(lora)
    assert torch.allclose(patched(*inputs()), model(*inputs()), atol=1e-5)


def test_dora_is_written_only_where_it_is_understood(tmp_path: Path) -> None:
    model, path = written(tmp_path, LoraConfig(rank=4, dora=True))
    for format, why in (("diffsynth", "leaves DoRA's magnitudes out"), ("comfyui", "norms of the unchanged weight")):
        with pytest.raises(InputError, match=why) as told:
            export(path, format, tmp_path / "out.safetensors")  # type: ignore[arg-type]
        assert told.value.reason == "export-dora"
    assert not (tmp_path / "out.safetensors").exists()
    export(path, "diffusers", tmp_path / "out.safetensors")
    state, _ = read_exported(tmp_path / "out.safetensors")
    assert all(torch.equal(value, state[name]) for name, value in lora_state(model).items())


def test_diffsynth_takes_nothing_of_a_dora(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Half of it would be another model."""
    _, path = written(tmp_path, LoraConfig(rank=4, dora=True))
    said = through_diffsynth(path)(*inputs())
    assert torch.equal(said, lively_model()(*inputs()))
    assert "0 tensors are fused" in capsys.readouterr().out


@pytest.mark.parametrize("format", FORMATS)
def test_names_that_are_no_adapters_are_refused(format: Format) -> None:
    for name in ("head.head.lora_A.weight", "blocks.0.self_attn.q.weight", "blocks.x.self_attn.q.lora_A.weight"):
        with pytest.raises(InputError, match="no key of an adapter"):
            outside(name, format)
    with pytest.raises(InputError, match=r"does not begin with|no key of an adapter"):
        inside("unet.blocks.0.self_attn.q.lora_A.weight", format)
    key = "vace_blocks.11.cross_attn.o.lora_B.weight"
    assert inside(outside(key, format), format) == key


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    _, path = written(tmp_path, BOTH)
    with pytest.raises(InputError, match="'kohya' is none of diffsynth, diffusers, comfyui"):
        export(path, "kohya", tmp_path / "out")  # type: ignore[arg-type]
    out = tmp_path / "later.safetensors"
    write_adapters(out, lora_state(trained(BOTH)), replace(info_of(BOTH), step=3))
    assert read_info(out).step == 3
