"""Which of the things that make a step fast are in use; each can be switched off by name."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pvtt_data.stage import StageConfig

Checkpointing = Literal["full", "selective", "none", "offload"]
Attention = Literal["auto", "torch", "cudnn", "flash", "efficient", "math"]


class SpeedConfig(StageConfig):
    """How a step is computed. Nothing here but fp8 changes what is computed."""

    hints_as_list: bool = True
    """Make each VACE block's hint when the DiT asks for it. DiffSynth stacks all earlier hints anew in every VACE
    block and keeps each stack: with 15 VACE blocks, 7 GB more at 49 frames of 480×848."""
    real_rope: bool = True
    """Rotate queries and keys in real float32; DiffSynth goes through complex float64."""
    fused_norms: bool = True
    """Use torch's own RMS norm; DiffSynth writes it out in float32 steps."""
    cast_lora: bool = True
    """Let float32 adapters compute in the model's precision, as under autocast; gradients and weights stay float32.
    Otherwise peft casts all that enters an adapter up to float32."""
    checkpointing: Checkpointing = "selective"
    """What a block keeps for the gradient. full: only what enters it. selective: also what its self-attention gives,
    by far the dearest to compute again. none: everything. offload: as full, in the memory of the processor and not
    at the same time as computing, as DiffSynth's example script has it; for comparison."""
    keep_blocks: Annotated[int, Field(ge=0)] | Literal["fit"] = 0
    """So many blocks keep everything, the last ones first; `fit`: as many as the memory estimate has room for."""
    host_blocks: Annotated[int, Field(ge=0)] = 0
    """So many blocks have what they keep in the processor's memory, copied while others compute. They lie evenly among
    those that are not kept on the GPU, so that there is time for each copy."""
    host_whole: bool = False
    """Let those blocks keep everything, so that they are not computed again: some 1 GB each at 49 frames of 480×848."""
    compile: bool = False
    """Compile blocks by torch.compile: half a minute to two at the first step of each bucket."""
    tuned: bool = False
    """Let the compiler measure variants of its kernels: minutes at the first step."""
    attention: Attention = "auto"
    """Kernel of attention; where it cannot run, the next of cudnn, flash, efficient and math does. torch: its own
    choice, as DiffSynth has it. auto: cudnn on GPUs of compute capability 9.0 or later, otherwise as torch."""
    fp8: bool = False
    """Products of frozen weights in float8, a scale for each token and each output. Not exact: a few per cent of each
    product. Needs a GPU of compute capability 8.9 or later; elsewhere, and for shapes that it cannot do, the exact
    product is used."""
    graph: bool = False
    """Replay forward and backward as one CUDA graph. Pays where a step is so short that launching it takes longer. Each
    size of clips and number of references has a graph of its own, which keeps its activations."""
    adapters_only: bool = True
    """No gradient for anything but adapters: frozen weights get none, and what comes before the first adapter runs
    without recording."""

    @model_validator(mode="after")
    def _goes_together(self) -> SpeedConfig:
        if self.graph and self.host_blocks:
            raise ValueError("graph and host_blocks exclude each other: a graph cannot wait for the processor's memory")
        if self.graph and self.checkpointing == "offload":
            raise ValueError("graph and checkpointing: offload exclude each other")
        if self.graph and self.keep_blocks == "fit":
            raise ValueError(
                "graph and keep_blocks: fit exclude each other: each number of references has a graph that keeps its "
                "activations, which fit does not count; give a number of blocks"
            )
        return self
