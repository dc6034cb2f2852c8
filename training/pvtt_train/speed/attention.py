"""Attention by torch's kernels, in an order of preference."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from pvtt_train.speed.config import Attention

_ORDER: tuple[tuple[Attention, SDPBackend], ...] = (
    ("cudnn", SDPBackend.CUDNN_ATTENTION),
    ("flash", SDPBackend.FLASH_ATTENTION),
    ("efficient", SDPBackend.EFFICIENT_ATTENTION),
    ("math", SDPBackend.MATH),
)


def kernels(wanted: Attention, device: torch.device) -> tuple[SDPBackend, ...]:
    """Kernels to try, best first; empty: leave the choice to torch."""
    if device.type != "cuda":
        return (SDPBackend.MATH,) if wanted == "math" else ()
    if wanted == "auto":
        wanted = "cudnn" if torch.cuda.get_device_capability(device) >= (9, 0) else "torch"
    if wanted == "torch":
        return ()
    names = [name for name, _ in _ORDER]
    return tuple(kernel for _, kernel in _ORDER[names.index(wanted) :])


def attend(q: Tensor, k: Tensor, v: Tensor, heads: int, order: tuple[SDPBackend, ...]) -> Tensor:
    """Attention of queries ``(B, S, heads × d)`` over keys and values ``(B, S', heads × d)``.

    Returns:
        ``(B, S, heads × d)``.
    """
    q, k, v = (x.unflatten(2, (heads, -1)).transpose(1, 2) for x in (q, k, v))
    if torch.compiler.is_compiling():
        return scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
    with preferring(order):
        return scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


def preferring(order: tuple[SDPBackend, ...]) -> AbstractContextManager[None]:
    """Let torch choose in an order. What is compiled meanwhile keeps the choice, backward too; what is not must be in
    such a context each time, also when it is computed again for the gradient.
    """
    return sdpa_kernel(list(order), set_priority=True) if order else nullcontext()


def cannot_run(wanted: Attention, device: torch.device, heads: int, width: int) -> str:
    """Why a kernel cannot compute bfloat16 attention and its gradient on a device; empty if it can, or if torch is to
    choose.

    Args:
        wanted: the kernel.
        device: to try on.
        heads: of attention.
        width: of a head.
    """
    alone = kernels(wanted, device)[:1]
    if not alone:
        return ""
    x = torch.randn(1, 256, heads * width, device=device, dtype=torch.bfloat16, requires_grad=True)
    try:
        attend(x, x, x, heads, alone).sum().backward()
    except RuntimeError as error:
        return f"cannot run here: {str(error).splitlines()[0]}"
    return ""


@cache
def attention_operators() -> frozenset[Any]:
    """The operators that `attend` comes down to; they take queries and keys first."""
    names = (
        "_scaled_dot_product_cudnn_attention",
        "_scaled_dot_product_flash_attention",
        "_scaled_dot_product_efficient_attention",
        "_scaled_dot_product_flash_attention_for_cpu",
    )
    return frozenset(getattr(torch.ops.aten, name).default for name in names if hasattr(torch.ops.aten, name))
