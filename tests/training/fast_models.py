"""Tiny models with adapters whose gradients are not zero, and what they are asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from pvtt_train.wan.architecture import SIZES, WanVace, random_model
from torch import Tensor, nn

TARGETS = ("vace", "dit", "both")


@dataclass(frozen=True)
class Gradient:
    """Loss of a step and gradients by the name of the parameter."""

    loss: float
    of: dict[str, Tensor]


def adapted(targets: str = "vace", dtype: torch.dtype = torch.float32, dropout: float = 0.0) -> WanVace:
    """A tiny model with adapters of rank 4 on vace, dit or both, in float32."""
    from peft import LoraConfig, inject_adapter_in_model

    model = random_model(SIZES["tiny"], device=torch.device("cpu"), dtype=dtype).requires_grad_(False)
    wanted = LoraConfig(r=4, lora_alpha=8, target_modules=["q", "k", "v", "o", "ffn.0", "ffn.2"], lora_dropout=dropout)
    torch.manual_seed(5)
    for name in ("vace", "dit"):
        if targets in (name, "both"):
            inject_adapter_in_model(wanted, getattr(model, name))
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = parameter.data.float()
            if "lora_B" in name:
                nn.init.normal_(parameter, std=0.02)
    return model


def asked(dtype: torch.dtype = torch.float32, batch: int = 1) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Latents, timestep, text and VACE context of 9 frames of 64×112 with a reference."""
    made = torch.Generator().manual_seed(7)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=made).to(dtype)

    size = SIZES["tiny"]
    return (
        normal(batch, size.channels, 4, 8, 14),
        torch.tensor([500.0, 875.0][:batch]).to(dtype),
        normal(batch, size.text_tokens, size.text_dim),
        normal(batch, size.context_channels, 4, 8, 14),
    )


def gradient(forward: Callable[..., Tensor], model: WanVace, inputs: tuple[Tensor, ...]) -> Gradient:
    """Mean squared velocity as the loss, and its gradient."""
    model.zero_grad(set_to_none=True)
    loss = forward(*inputs).float().pow(2).mean()
    loss.backward()
    found = {name: p.grad.float().clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad(set_to_none=True)
    return Gradient(float(loss.detach()), found)


def difference(one: Gradient, other: Gradient) -> float:
    """The greatest relative difference: of the losses, and of each gradient in the 2-norm."""
    assert one.of.keys() == other.of.keys()
    apart = [abs(one.loss - other.loss) / abs(other.loss)]
    apart += [float((one.of[name] - wanted).norm() / wanted.norm()) for name, wanted in other.of.items()]
    return max(apart)


def distance(one: Gradient, other: Gradient) -> float:
    """Relative difference of the whole gradients in the 2-norm."""
    apart, length = (
        sum(float(part.norm()) ** 2 for part in parts)
        for parts in ((one.of[name] - other.of[name] for name in other.of), other.of.values())
    )
    return (apart / length) ** 0.5


@dataclass(frozen=True)
class Adapters:
    """What the estimates know of adapters."""

    targets: str = "vace"
    rank: int = 32
    fp32: bool = True
    modules: tuple[str, ...] = ("q", "k", "v", "o", "ffn.0", "ffn.2")


@dataclass(frozen=True)
class Clip:
    """What the estimates know of clips."""

    frames: int
    height: int
    width: int
    references: int = 1
