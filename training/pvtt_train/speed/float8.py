"""Products of frozen weights in float8 (e4m3): a scale for each output of the weight and each token of what enters.

``y = x Wᵀ`` takes x with a scale for each of its rows, W with one for each of its rows. Its gradient ``dx = dy W`` sums
over the rows of W, so W's scales go into dy before that gets its own; one stored copy of W serves both. Scales are
dynamic: the greatest magnitude comes to lie at the greatest number of the format (Micikevicius et al. 2022).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from pvtt_train.speed.linear import FLOAT8

_FORMAT = torch.float8_e4m3fn
_GREATEST = torch.finfo(_FORMAT).max
_MULTIPLE = 16
"""Of which both sides of a weight must be multiples."""


class Float8Weight(nn.Module):
    """A frozen weight ``(out, in)`` in float8.

    Args:
        weight: in any precision.
    """

    stored: Tensor
    scale: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        stored, scale = quantise(weight.detach())
        self.register_buffer("stored", stored, persistent=False)
        self.register_buffer("scale", scale, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """``x Wᵀ``: ``(..., in)`` to ``(..., out)``, in the precision of ``x``."""
        rows: Tensor = _Product.apply(x.flatten(0, -2), self.stored, self.scale)
        return rows.unflatten(0, x.shape[:-1])


def quantise(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Rows ``(N, K)`` in float8, and the scales ``(N, 1)`` float32 that give them back."""
    rows = rows.float()
    scale = rows.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / _GREATEST
    return (rows / scale).to(_FORMAT).contiguous(), scale  # kernels take nothing but whole rows


@torch._dynamo.allow_in_graph  # followed into, it has no gradient in torch 2.11, and nothing says so
class _Product(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, stored: Tensor, scale: Tensor) -> Tensor:
        context.save_for_backward(stored, scale)
        return _multiply(x, stored.t(), scale.t(), x.dtype)

    @staticmethod
    def backward(context: Any, upstream: Tensor) -> tuple[Tensor, None, None]:
        stored, scale = context.saved_tensors
        columns = stored.t().contiguous().t()
        ones = torch.ones(1, columns.shape[1], device=scale.device)
        return _multiply(upstream * scale.t().to(upstream.dtype), columns, ones, upstream.dtype), None, None


def _multiply(rows: Tensor, columns: Tensor, column_scale: Tensor, dtype: torch.dtype) -> Tensor:
    """Rows ``(N, K)``, made float8, times float8 columns ``(K, M)`` that are stored column by column."""
    small, row_scale = quantise(rows)
    made: Tensor = torch._scaled_mm(
        small, columns, scale_a=row_scale, scale_b=column_scale.contiguous(), out_dtype=torch.bfloat16
    )
    return made.to(dtype)


def works(device: torch.device) -> str:
    """Empty if products of float8 with a scale for each row work on a device, otherwise why not."""
    torch_generator = torch.Generator().manual_seed(0)
    x, weight = (torch.randn(n, 64, generator=torch_generator).to(device) for n in (48, 32))
    try:
        with torch.no_grad():
            made, exact = Float8Weight(weight)(x), x @ weight.t()
    except (RuntimeError, NotImplementedError, ValueError) as error:
        return str(error).splitlines()[0]
    wrong = float((made - exact).norm() / exact.norm())
    return "" if wrong < 0.1 else f"its products are wrong by {wrong:.0%}"


def fits(weight: Tensor) -> bool:
    """Whether a weight can have a `Float8Weight`: frozen, and its sides are multiples of 16."""
    return not weight.requires_grad and all(side % _MULTIPLE == 0 for side in weight.shape)


def install(layer: nn.Linear, device: torch.device) -> None:
    """Let a frozen layer compute in float8 on a device; its exact weight waits in the memory of the processor."""
    setattr(layer, FLOAT8, Float8Weight(layer.weight.to(device)))
    layer.weight.data = layer.weight.data.cpu()


def remove(layer: nn.Linear, device: torch.device) -> None:
    """Undo `install`; the exact weight goes to a device."""
    layer.weight.data = layer.weight.data.to(device)
    delattr(layer, FLOAT8)
