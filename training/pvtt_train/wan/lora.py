"""Adapters in a VACE model, by peft: where they go, and their state under names that others know.

Weights and so Adam's moments are float32; what they compute is in the precision of the model, as a float32 master
copy cast at use would give: a step of 1e-4 on a weight of 1e-2 is below the resolution of bfloat16.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from pvtt_data.errors import InputError
from pvtt_data.stage import StageConfig

if TYPE_CHECKING:
    from torch import Tensor, nn

    from pvtt_train.wan.architecture import WanVace

NAME = "default"
"""Of the adapter in peft; no key outside says it."""
Target = Literal["q", "k", "v", "o", "ffn.0", "ffn.2"]


class LoraConfig(StageConfig):
    """Which low-rank adapters are trained."""

    targets: Literal["vace", "dit", "both"] = "vace"
    """The blocks that get adapters: VACE's, the DiT's, or both."""
    rank: int = Field(default=32, ge=1)
    """Of each adapter."""
    alpha: float | None = Field(default=None, gt=0)
    """The adapter counts alpha / rank times; the rank itself if not given, so once."""
    dora: bool = False
    """Learn the length of each row of a weight beside its direction (Liu et al. 2024). Costs a product of the whole
    weight in every step, and DiffSynth and ComfyUI cannot load it."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of an adapter's inputs that are left out in training."""
    modules: tuple[Target, ...] = Field(default=("q", "k", "v", "o", "ffn.0", "ffn.2"), min_length=1)
    """The layers of a block that get adapters; q, k, v and o of both attentions."""
    fp32: bool = True
    """Keep the adapters in float32. Otherwise they have the precision of the model, as DiffSynth's own script does."""

    @property
    def scale(self) -> float:
        """How often an adapter counts."""
        return 1.0 if self.alpha is None else self.alpha / self.rank


def add_lora(model: WanVace, config: LoraConfig, *, seed: int = 0) -> list[nn.Parameter]:
    """Freeze a model and put adapters into it; fresh ones change nothing.

    Args:
        model: without adapters.
        config: which.
        seed: of the first matrices of the adapters; equal seeds give equal ones, whatever was drawn before.

    Returns:
        What can be trained now, in the order of `lora_parameters`.

    Raises:
        ValueError: it has adapters already.
    """
    import torch
    from peft import LoraConfig as PeftConfig
    from peft import inject_adapter_in_model

    if lora_parameters(model):
        raise ValueError("the model has adapters already")
    model.requires_grad_(False)
    wanted = PeftConfig(
        r=config.rank,
        lora_alpha=config.rank if config.alpha is None else config.alpha,
        lora_dropout=config.dropout,
        use_dora=config.dora,
        target_modules=list(config.modules),
    )
    parts = {"vace": (model.vace,), "dit": (model.dit,), "both": (model.dit, model.vace)}[config.targets]
    device = next(model.parameters()).device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        for part in parts:
            inject_adapter_in_model(wanted, part, adapter_name=NAME)
    generator = torch.Generator().manual_seed(seed)
    for layer in _layers(model):
        _prepare(layer, config, generator)
    model.train(model.training)
    found = list(lora_parameters(model).values())
    for parameter in found:
        parameter.requires_grad_(True)
    return found


def lora_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """Parameters of a model's adapters by their outer names; empty without adapters.

    An outer name is that of the layer in the published files, and what belongs to it:
    ``vace_blocks.0.self_attn.q.lora_A.weight``, ``.lora_B.weight`` and, of DoRA, ``.lora_magnitude_vector``.
    """
    return {_outer(name): value for name, value in model.named_parameters() if ".lora_" in name}


def lora_state(model: nn.Module) -> dict[str, Tensor]:
    """A copy of the adapters by their outer names, on their device and in their precision."""
    return {name: value.detach().clone() for name, value in lora_parameters(model).items()}


def load_lora_state(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Put a state into a model's adapters.

    Raises:
        InputError: ``lora-keys`` or ``lora-shapes``, it is of other adapters; nothing was changed then.
    """
    import torch

    own = lora_parameters(model)
    missing, left = sorted(set(own) - set(state)), sorted(set(state) - set(own))
    if missing or left:
        raise InputError(
            "lora-keys",
            f"the adapters are others than the model's: {len(missing)} missing ({', '.join(missing[:4])}), "
            f"{len(left)} unexpected ({', '.join(left[:4])}); check targets, modules and dora",
        )
    wrong = [name for name, value in own.items() if value.shape != state[name].shape]
    if wrong:
        name = wrong[0]
        raise InputError(
            "lora-shapes",
            f"{len(wrong)} adapters have other shapes, such as {name}: {list(state[name].shape)} for "
            f"{list(own[name].shape)}; check rank and size",
        )
    with torch.no_grad():
        for name, value in own.items():
            value.copy_(state[name])


def _outer(name: str) -> str:
    """``vace.vace_blocks.0.ffn.0.lora_A.default.weight`` to ``vace_blocks.0.ffn.0.lora_A.weight``."""
    steps = [step for step in name.split(".") if step not in (NAME, "_orig_mod")]
    if steps[0] in ("dit", "vace"):
        steps = steps[1:]
    # peft's own files write the magnitudes without ".weight".
    return ".".join(steps[:-1] if steps[-2] == "lora_magnitude_vector" else steps)


def _layers(model: nn.Module) -> list[Any]:
    from peft.tuners.lora import LoraLayer

    return [module for module in model.modules() if isinstance(module, LoraLayer)]


def _prepare(layer: Any, config: LoraConfig, generator: Any) -> None:
    """Draw the first matrix of an adapter from a generator; let float32 weights compute in the input's precision."""
    import torch

    from pvtt_train.wan.lora_layers import CastLinear, ExactDora

    first, second = layer.lora_A[NAME].weight, layer.lora_B[NAME].weight
    precision = torch.float32 if config.fp32 else layer.get_base_layer().weight.dtype
    with torch.no_grad():
        # As peft draws it: Kaiming's uniform with a = √5.
        drawn = torch.empty(first.shape).uniform_(-1, 1, generator=generator) * first.shape[1] ** -0.5
        first.data = drawn.to(first.device, precision)
        second.data = second.data.to(precision)
    layer.cast_input_dtype_enabled = False
    for matrices in (layer.lora_A, layer.lora_B):
        matrices[NAME] = CastLinear.around(matrices[NAME].weight)
    if config.dora:
        layer.lora_magnitude_vector[NAME] = ExactDora.of(layer.get_base_layer().weight, precision)
