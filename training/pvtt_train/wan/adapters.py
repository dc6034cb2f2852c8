"""How many numbers the adapters of a model are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pvtt_train.wan.architecture import WanSize


class LoraLike(Protocol):
    """Which adapters are trained; `pvtt_train.wan.lora.LoraConfig` is one."""

    @property
    def targets(self) -> str:
        """vace, dit or both."""
        ...

    @property
    def rank(self) -> int:
        """Of each adapter."""
        ...

    @property
    def modules(self) -> Sequence[str]:
        """Layers of a block that get one: some of q, k, v, o, ffn.0, ffn.2; the first four in both attentions."""
        ...

    @property
    def fp32(self) -> bool:
        """Whether they are float32, or as precise as the model."""
        ...


def layer_sides(size: WanSize, module: str) -> list[tuple[int, int]]:
    """Inputs and outputs of the layers of one block that a name stands for."""
    if module == "ffn.0":
        return [(size.dim, size.ffn_dim)]
    if module == "ffn.2":
        return [(size.ffn_dim, size.dim)]
    return [(size.dim, size.dim)] * 2


def adapted_blocks(size: WanSize, lora: LoraLike) -> tuple[int, int]:
    """Blocks of the DiT and of VACE that get adapters."""
    return (size.layers if lora.targets in ("dit", "both") else 0), (
        len(size.vace_layers) if lora.targets in ("vace", "both") else 0
    )


def adapter_parameters(size: WanSize, lora: LoraLike) -> int:
    """Numbers that are trained."""
    of_block = sum(lora.rank * (i + o) for module in lora.modules for i, o in layer_sides(size, module))
    return sum(adapted_blocks(size, lora)) * of_block
