"""VACE models of DiffSynth's own classes, in the published sizes and a tiny one; weights are random until loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pvtt_data.vace.latents import SPATIAL

PATCH = (1, 2, 2)
"""Latent frames, rows and columns to a token."""


@dataclass(frozen=True, slots=True)
class WanSize:
    """Dimensions of a model.

    Attributes:
        dim: width.
        ffn_dim: width of the feed-forward layers.
        heads: of attention; ``dim / heads`` must not be 64, which DiffSynth's rotary embedding cannot split.
        layers: blocks of the DiT.
        vace_layers: numbers of the blocks that get a hint, one VACE block each.
        text_dim: width of a text embedding.
        text_tokens: to which text embeddings are padded with zeros.
        freq_dim: of the timestep's embedding.
        channels: of a latent.
    """

    dim: int
    ffn_dim: int
    heads: int
    layers: int
    vace_layers: tuple[int, ...]
    text_dim: int = 4096
    text_tokens: int = 512
    freq_dim: int = 256
    channels: int = 16

    @property
    def context_channels(self) -> int:
        """Of the VACE context: inactive and reactive latents, and the packed mask."""
        return 2 * self.channels + SPATIAL * SPATIAL


SIZES: Mapping[str, WanSize] = {
    "wan2.1-vace-1.3b": WanSize(dim=1536, ffn_dim=8960, heads=12, layers=30, vace_layers=tuple(range(0, 30, 2))),
    "wan2.1-vace-14b": WanSize(dim=5120, ffn_dim=13824, heads=40, layers=40, vace_layers=tuple(range(0, 40, 5))),
    "tiny": WanSize(dim=96, ffn_dim=128, heads=4, layers=4, vace_layers=(0, 2), text_dim=32, freq_dim=32),
}
"""By name. DiffSynth's `model_configs.py` states the same; Wan2.2-VACE-Fun-A14B is two of the 14B."""


class WanVace(nn.Module):
    """A DiT with its VACE blocks.

    Attributes:
        size: dimensions.
        dit: DiffSynth's ``WanModel``.
        vace: DiffSynth's ``VaceWanModel``.
    """

    def __init__(self, size: WanSize) -> None:
        from diffsynth.models.wan_video_dit import WanModel
        from diffsynth.models.wan_video_vace import VaceWanModel

        super().__init__()
        self.size = size
        self.dit = WanModel(
            dim=size.dim,
            in_dim=size.channels,
            ffn_dim=size.ffn_dim,
            out_dim=size.channels,
            text_dim=size.text_dim,
            freq_dim=size.freq_dim,
            eps=1e-6,
            patch_size=PATCH,
            num_heads=size.heads,
            num_layers=size.layers,
            has_image_input=False,
        )
        self.dit.time_embedding.register_forward_pre_hook(_in_own_precision)
        self.vace = VaceWanModel(
            vace_layers=size.vace_layers,
            vace_in_dim=size.context_channels,
            patch_size=PATCH,
            dim=size.dim,
            num_heads=size.heads,
            ffn_dim=size.ffn_dim,
        )

    def _apply(self, fn: Any, recurse: bool = True) -> WanVace:
        # DiffSynth's rotary tables are a plain tuple, which `Module.to` passes by.
        device = next(self.parameters()).device
        super()._apply(fn, recurse)
        moved = next(self.parameters()).device
        if moved != device:
            self.dit.freqs = tuple(table.to(moved) for table in self.dit.freqs)
        return self

    def forward(
        self, latents: Tensor, timestep: Tensor, text: Tensor, vace_context: Tensor, *, checkpointing: bool = False
    ) -> Tensor:
        """Velocity, noise minus data, of noisy latents.

        Args:
            latents: ``(B, C, R + T', h, w)``, references first.
            timestep: ``(B,)`` float32, 0 to 1000.
            text: embeddings ``(B, text_tokens, text_dim)``.
            vace_context: ``(B, 2C + 64, R + T', h, w)``; see `pvtt_data.vace.context.vace_context`.
            checkpointing: keep no activations within a block, compute them again for the gradient.

        Returns:
            ``(B, C, R + T', h, w)``, in the model's precision.
        """
        from diffsynth.pipelines.wan_video import model_fn_wan_video

        velocity: Tensor = model_fn_wan_video(
            dit=self.dit,
            vace=self.vace,
            latents=latents,
            timestep=timestep,
            context=text,
            vace_context=vace_context,
            vace_scale=1.0,
            use_gradient_checkpointing=checkpointing,
        )
        return velocity


def _in_own_precision(module: nn.Sequential, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Timesteps stay float32 until their sines are made; rounded before, 294 of 1000 are left in bfloat16."""
    return (inputs[0].to(module[0].weight.dtype),)


def random_model(size: WanSize, *, device: torch.device, dtype: torch.dtype, seed: int = 0) -> WanVace:
    """A model with random weights, made on the device."""
    before = torch.get_default_dtype()
    torch.manual_seed(seed)
    torch.set_default_dtype(dtype)
    try:
        with device:
            model = WanVace(size)
    finally:
        torch.set_default_dtype(before)
    return model.to(device)
