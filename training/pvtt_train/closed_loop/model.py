"""A tiny VACE model: DiffSynth's own classes at small size, and what it says of noisy latents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pvtt_data.vace.latents import SPATIAL
from pvtt_train.speed.block import real_tables, rotate

_TEXT_TOKENS = 4
_TEXT_DIM = 16


@dataclass(frozen=True, slots=True)
class ModelSize:
    """Dimensions of the tiny model.

    Attributes:
        dim: width; 32 of it to a head.
        layers: blocks of the DiT.
        vace_every: every so many of them gets a hint from a VACE block.
        patch: latent positions to a token along each side; at this width, four positions of noise in one token leave
            little room for anything else.
    """

    dim: int = 256
    layers: int = 8
    vace_every: int = 2
    patch: int = 1

    @property
    def heads(self) -> int:
        """Heads of 32; 64 breaks DiffSynth's rotary embedding."""
        return self.dim // 32


class TinyVace(nn.Module):
    """`WanModel` and `VaceWanModel` of DiffSynth.

    Args:
        channels: of a latent.
        size: dimensions.
    """

    def __init__(self, channels: int, size: ModelSize) -> None:
        from diffsynth.models.wan_video_dit import RMSNorm, WanModel
        from diffsynth.models.wan_video_vace import VaceWanModel

        super().__init__()
        self.channels = channels
        self.dit = WanModel(
            dim=size.dim,
            in_dim=channels,
            ffn_dim=4 * size.dim,
            out_dim=channels,
            text_dim=_TEXT_DIM,
            freq_dim=64,
            eps=1e-6,
            patch_size=(1, size.patch, size.patch),
            num_heads=size.heads,
            num_layers=size.layers,
            has_image_input=False,
        )
        self.vace = VaceWanModel(
            vace_layers=tuple(range(0, size.layers, size.vace_every)),
            vace_in_dim=2 * channels + SPATIAL * SPATIAL,
            patch_size=(1, size.patch, size.patch),
            dim=size.dim,
            num_heads=size.heads,
            ffn_dim=4 * size.dim,
        )
        # A fresh model says nothing and hints nothing: without that, pretraining begins with large wrong steps.
        quiet: Sequence[nn.Linear] = [self.dit.head.head, *[block.after_proj for block in self.vace.vace_blocks]]
        for layer in quiet:
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        for module in self.modules():
            if isinstance(module, RMSNorm):
                module.use_torch_norm = True
        use_real_rope(self.dit)
        self.vace.forward = self._hints

    def _hints(self, x: Tensor, vace_context: Tensor, context: Tensor, t_mod: Tensor, freqs: Tensor, **_: Any) -> Any:
        """What `VaceWanModel.forward` gives; it embeds clip by clip and stacks all earlier hints in every block."""
        tokens = self.vace.vace_patch_embedding(vace_context).flatten(2).transpose(1, 2)
        tokens = nn.functional.pad(tokens, (0, 0, 0, x.shape[1] - tokens.shape[1]))
        hints = []
        for block in self.vace.vace_blocks:
            if block.block_id == 0:
                tokens = block.before_proj(tokens) + x
            tokens = super(type(block), block).forward(tokens, context, t_mod, freqs)
            hints.append(block.after_proj(tokens))
        return hints

    def _apply(self, fn: Any, recurse: bool = True) -> TinyVace:
        # The frequencies are a plain tuple, which `Module.to` passes by.
        super()._apply(fn, recurse)
        self.dit.freqs = tuple(fn(table) for table in self.dit.freqs)
        return self

    def forward(self, latents: Tensor, timestep: Tensor, context: Tensor) -> Tensor:
        """Velocity, noise minus data, of noisy latents.

        Args:
            latents: ``(B, C, R + T', h, w)``, references first.
            timestep: ``(B,)``, 0 to 1000.
            context: the VACE context ``(B, 2C + 64, R + T', h, w)``.

        Returns:
            ``(B, C, R + T', h, w) float32``.
        """
        from diffsynth.pipelines.wan_video import model_fn_wan_video

        text = torch.zeros(latents.shape[0], _TEXT_TOKENS, _TEXT_DIM, device=latents.device)
        velocity: Tensor = model_fn_wan_video(
            dit=self.dit,
            vace=self.vace,
            latents=latents,
            timestep=timestep,
            context=text,
            vace_context=context,
            vace_scale=1.0,
        )
        return velocity.float()


def use_real_rope(dit: nn.Module) -> None:
    """Rotate queries and keys by real float32 arithmetic, where DiffSynth goes through complex float64.

    The replacement holds for the whole process, and takes DiffSynth's complex tables too.
    """
    import diffsynth.models.wan_video_dit as stock

    if stock.rope_apply is not rope_apply:
        stock.rope_apply = rope_apply
    dit.freqs = real_tables(dit.freqs)


def dit_block() -> type[nn.Module]:
    """The class of the blocks of DiT and VACE."""
    from diffsynth.models.wan_video_dit import DiTBlock

    return DiTBlock


def rope_apply(x: Tensor, freqs: Tensor, num_heads: int) -> Tensor:
    """`x` (B, S, heads × d), each pair of values turned by its angle.

    Args:
        freqs: ``(S, 1, d)``, cosine and sine alternating; or complex ``(S, 1, d / 2)`` as DiffSynth has it.
    """
    if freqs.is_complex():
        freqs = torch.view_as_real(freqs).flatten(-2).float()
    return rotate(x, freqs.to(x.device), num_heads)


def add_lora(model: TinyVace, rank: int, on_dit: bool) -> list[nn.Parameter]:
    """Freeze the model and put adapters of a rank into its VACE blocks, and into the DiT's too where asked for.

    Returns:
        What can be trained now.
    """
    from peft import LoraConfig, inject_adapter_in_model

    model.requires_grad_(False)
    wanted = LoraConfig(r=rank, lora_alpha=rank, target_modules=["q", "k", "v", "o", "ffn.0", "ffn.2"])
    for part in (model.vace, model.dit) if on_dit else (model.vace,):
        inject_adapter_in_model(wanted, part)
    trained = [parameter for name, parameter in model.named_parameters() if "lora_" in name]
    for parameter in trained:
        parameter.requires_grad_(True)
    return trained
