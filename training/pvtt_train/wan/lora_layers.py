"""Layers in place of peft's: weights in float32 that compute in the precision of what they are given."""

from __future__ import annotations

from typing import Any

import torch
from peft.tuners.lora.dora import DoraLinearLayer
from torch import Tensor, nn
from torch.nn import functional


class CastLinear(nn.Linear):
    """A product with a weight that is cast to the input's precision. Its gradient arrives in the weight's own."""

    @classmethod
    def around(cls, weight: nn.Parameter) -> CastLinear:
        """Of a weight ``(out, in)``."""
        layer = cls(weight.shape[1], weight.shape[0], bias=False, device="meta")
        layer.weight = weight
        return layer

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight.to(x.dtype))


class ExactDora(DoraLinearLayer):
    """peft's DoRA with norms in float32.

    In bfloat16 a norm is off by up to 0.4 %, and so is every weight: more than fresh adapters should change.
    """

    @classmethod
    def of(cls, weight: Tensor, precision: torch.dtype) -> ExactDora:
        """With the norms of the rows of a weight ``(out, in)`` as magnitudes."""
        layer = cls(fan_in_fan_out=False)
        layer.weight = nn.Parameter(torch.linalg.norm(weight.detach().float(), dim=1).to(precision))
        return layer

    def get_weight_norm(self, weight: Tensor, lora_weight: Tensor, scaling: float, **_: Any) -> Tensor:
        norm: Tensor = torch.linalg.norm(weight.float() + scaling * lora_weight.float(), dim=1)
        return norm
