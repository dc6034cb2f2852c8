"""What DiffSynth's blocks compute, with the arithmetic that a `SpeedConfig` asks for.

`block` is `DiTBlock.forward`, `hint` is what `VaceWanAttentionBlock.forward` adds to the hints; their weights stay
where they are in the modules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend
from torch.nn.functional import rms_norm

from pvtt_train.speed.attention import attend
from pvtt_train.speed.linear import apply_linear


@dataclass(frozen=True)
class Arithmetic:
    """How a block computes; see `SpeedConfig`.

    Attributes:
        real_rope, fused_norms, cast_lora: as there.
        order: of attention kernels.
    """

    real_rope: bool
    fused_norms: bool
    cast_lora: bool
    order: tuple[SDPBackend, ...]


def block(how: Arithmetic, layer: Any, x: Tensor, text: Tensor, modulation: Tensor, freqs: Tensor) -> Tensor:
    """A block of the DiT, or the like part of one of VACE.

    Args:
        how: arithmetic.
        layer: the ``DiTBlock``.
        x: tokens ``(B, S, dim)``.
        text: embeddings ``(B, S', dim)``.
        modulation: from the timestep, ``(B, 6, dim)``.
        freqs: of `rotate`.

    Returns:
        ``(B, S, dim)``.
    """
    parts = (layer.modulation.to(modulation.dtype) + modulation).chunk(6, dim=1)
    shift_attention, scale_attention, gate_attention, shift_ffn, scale_ffn, gate_ffn = parts
    x = x + gate_attention * _self_attention(
        how, layer.self_attn, layer.norm1(x) * (1 + scale_attention) + shift_attention, freqs
    )
    x = x + _cross_attention(how, layer.cross_attn, layer.norm3(x), text)
    wide = apply_linear(layer.ffn[0], layer.norm2(x) * (1 + scale_ffn) + shift_ffn, how.cast_lora)
    return x + gate_ffn * apply_linear(layer.ffn[2], layer.ffn[1](wide), how.cast_lora)


def hint(
    how: Arithmetic,
    layer: Any,
    context: Tensor,
    x: Tensor | None,
    text: Tensor,
    modulation: Tensor,
    freqs: Tensor,
) -> tuple[Tensor, Tensor]:
    """A block of VACE.

    Args:
        how: arithmetic.
        layer: the ``VaceWanAttentionBlock``.
        context: its tokens ``(B, S, dim)``: embedded context for the first block, else what the one before gave.
        x: tokens of the latents, for the first block; None for the others.
        text, modulation, freqs: as of `block`.

    Returns:
        The hint and the tokens for the next block.
    """
    if x is not None:
        context = apply_linear(layer.before_proj, context, how.cast_lora) + x
    context = block(how, layer, context, text, modulation, freqs)
    return apply_linear(layer.after_proj, context, how.cast_lora), context


def rotate(x: Tensor, freqs: Tensor, heads: int) -> Tensor:
    """Turn each pair of values of ``x`` (B, S, heads × d) by the angle of its place; float32 inside.

    Args:
        x: queries or keys.
        freqs: ``(S, 1, d)``, cosine and sine alternating, from `real_tables`.
        heads: of attention.
    """
    pairs = x.unflatten(2, (heads, -1, 2)).float()
    cosine, sine = freqs.unflatten(2, (-1, 2)).unbind(-1)
    one, other = pairs.unbind(-1)
    turned = torch.stack((one * cosine - other * sine, one * sine + other * cosine), dim=-1)
    return turned.flatten(2).to(x.dtype)


def real_tables(tables: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """DiffSynth's complex tables ``(places, d')`` as float32 ``(places, 2 d')``, cosine and sine alternating."""
    return tuple(torch.view_as_real(table).flatten(-2).float() for table in tables)


def _self_attention(how: Arithmetic, layer: Any, x: Tensor, freqs: Tensor) -> Tensor:
    q, k, v = (apply_linear(part, x, how.cast_lora) for part in (layer.q, layer.k, layer.v))
    q, k = _norm(how, layer.norm_q, q), _norm(how, layer.norm_k, k)
    if how.real_rope:
        q, k = rotate(q, freqs, layer.num_heads), rotate(k, freqs, layer.num_heads)
    else:
        from diffsynth.models.wan_video_dit import rope_apply

        q, k = rope_apply(q, freqs, layer.num_heads), rope_apply(k, freqs, layer.num_heads)
    return apply_linear(layer.o, attend(q, k, v, layer.num_heads, how.order), how.cast_lora)


def _cross_attention(how: Arithmetic, layer: Any, x: Tensor, text: Tensor) -> Tensor:
    q = _norm(how, layer.norm_q, apply_linear(layer.q, x, how.cast_lora))
    k = _norm(how, layer.norm_k, apply_linear(layer.k, text, how.cast_lora))
    v = apply_linear(layer.v, text, how.cast_lora)
    return apply_linear(layer.o, attend(q, k, v, layer.num_heads, how.order), how.cast_lora)


def _norm(how: Arithmetic, layer: Any, x: Tensor) -> Tensor:
    if how.fused_norms:
        return rms_norm(x, layer.normalized_shape, layer.weight, layer.eps)
    return layer(x)
