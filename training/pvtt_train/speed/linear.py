"""Linear layers of a block: plain, with an adapter, in float8."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn.functional import linear

FLOAT8 = "pvtt_float8"
"""Name under which a layer has its `pvtt_train.speed.float8.Float8Weight`."""


def apply_linear(layer: nn.Module, x: Tensor, cast_lora: bool) -> Tensor:
    """What a linear layer makes of ``x`` (..., in): (..., out), in its precision.

    Args:
        layer: an ``nn.Linear``, or one that peft put an adapter on.
        x: activations.
        cast_lora: let an adapter of another precision compute in that of ``x``.
    """
    base: nn.Module | None = getattr(layer, "base_layer", None)
    if base is None:
        return _plain(layer, x)
    adapter = plain_adapter(layer)
    if adapter is None or not (cast_lora or hasattr(base, FLOAT8)):
        return layer(x)
    kept = _plain(base, x)
    if adapter == "":
        return kept
    down, up = layer.lora_A[adapter].weight, layer.lora_B[adapter].weight
    entering = layer.lora_dropout[adapter](x)
    dtype = x.dtype if cast_lora else down.dtype
    learnt = linear(linear(entering.to(dtype), down.to(dtype)), up.to(dtype)) * layer.scaling[adapter]
    return (kept + learnt).to(kept.dtype)


def plain_adapter(layer: Any) -> str | None:
    """Name of the one adapter that a layer uses; empty if it uses none; None if only peft knows what it computes
    (several adapters, DoRA, an adapter merged into the weight).
    """
    if layer.merged:
        return None
    if layer.disable_adapters:
        return ""
    active = [name for name in layer.active_adapters if name in layer.lora_A]
    if len(active) > 1 or any(name in layer.lora_variant for name in active):
        return None
    return active[0] if active else ""


def _plain(layer: Any, x: Tensor) -> Tensor:
    float8 = getattr(layer, FLOAT8, None)
    if float8 is None:
        return layer(x)
    made = float8(x)
    return made if layer.bias is None else made + layer.bias
