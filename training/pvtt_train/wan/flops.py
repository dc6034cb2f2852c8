"""Floating-point operations of a training step: a multiplication and an addition count two.

A linear layer of N tokens costs 2·N·in·out forward and as much for the gradient of what enters it; the gradient of a
weight, which only adapters have, costs as much again (Kaplan et al. 2020). Attention costs 4·N·N'·dim forward and twice
that backward; kernels that do not keep the scores compute them once more, half of a forward (Dao 2023,
FlashAttention-2, section 4). Norms, activations and rotations are left out. Backward counts for every block, though the
first of the DiT needs none where only VACE is trained.
"""

from __future__ import annotations

from dataclasses import dataclass

from pvtt_train.speed.config import SpeedConfig
from pvtt_train.wan.adapters import LoraLike, adapted_blocks, layer_sides
from pvtt_train.wan.architecture import PATCH, WanSize
from pvtt_train.wan.shape import BucketLike, tokens


@dataclass(frozen=True, slots=True)
class StepFlops:
    """Operations of a step, without the optimiser's.

    Attributes:
        linear: forward, of frozen linear layers.
        attention: forward.
        adapters: forward.
        recomputed: that are done a second time, as settings have it.
    """

    linear: float
    attention: float
    adapters: float
    recomputed: float

    @property
    def forward(self) -> float:
        """Of one forward."""
        return self.linear + self.attention + self.adapters

    @property
    def useful(self) -> float:
        """Forward and backward without doing anything twice: what MFU counts."""
        return 2 * self.linear + 3 * self.attention + 3 * self.adapters

    @property
    def done(self) -> float:
        """With what is computed again, by blocks and by the attention kernel's backward: what the GPU does."""
        return self.useful + self.recomputed + self.attention / 2


def step_flops(
    size: WanSize, lora: LoraLike, bucket: BucketLike, speed: SpeedConfig | None = None, batch: int = 1
) -> StepFlops:
    """Operations of one training step.

    Args:
        size: of the model.
        lora: which adapters are trained.
        bucket: size of the clips.
        speed: what is computed again; nothing if not given.
        batch: clips in a step.

    Raises:
        InputError: as `pvtt_train.wan.shape.tokens`.
    """
    count, text, dim, ffn = batch * tokens(bucket), batch * size.text_tokens, size.dim, size.ffn_dim
    vace, blocks = len(size.vace_layers), size.layers + len(size.vace_layers)
    block_linear = 12 * count * dim**2 + 4 * text * dim**2 + 4 * count * dim * ffn
    block_attention = 4 * count * tokens(bucket) * dim + 4 * count * size.text_tokens * dim
    patch = PATCH[0] * PATCH[1] * PATCH[2]
    embedded = 2 * count * patch * dim * (2 * size.channels + size.context_channels)
    linear = blocks * block_linear + (vace + 1) * 2 * count * dim**2 + embedded
    adapters = sum(adapted_blocks(size, lora)) * _block_adapters(size, lora, count, text)
    attention = float(blocks * block_attention)
    again = _again(speed, blocks)
    kept_attention = attention if speed is None or speed.checkpointing == "selective" else 0.0
    self_attention = kept_attention * tokens(bucket) / (tokens(bucket) + size.text_tokens)
    return StepFlops(
        linear, attention, adapters, again * (blocks * block_linear + adapters + attention - self_attention)
    )


def _block_adapters(size: WanSize, lora: LoraLike, count: int, text: int) -> float:
    """Forward of the adapters of one block; keys and values of text are few."""
    total = 0.0
    for module in lora.modules:
        for number, (entering, leaving) in enumerate(layer_sides(size, module)):
            of_text = number == 1 and module in ("k", "v")
            total += 2 * (text if of_text else count) * lora.rank * (entering + leaving)
    return total


def _again(speed: SpeedConfig | None, blocks: int) -> float:
    """Share of blocks that are computed again."""
    if speed is None or speed.checkpointing == "none":
        return 0.0
    kept = speed.keep_blocks if isinstance(speed.keep_blocks, int) else 0
    return 1 - min(kept, blocks) / blocks
