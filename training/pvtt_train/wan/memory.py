"""Memory of a training step, before anything is loaded.

Weights, adapters and their optimiser are counted exactly. Activations are counted in units of the tokens of one place
in the model, ``B · S · dim`` numbers: how many units a block keeps is known from what it computes, and how many it
needs while its gradient is computed was fitted to peaks of `torch.cuda.max_memory_allocated` that were measured on one
H100 (torch 2.11, 480×848, batch 1, adapters of rank 32 on vace): see `MEASURED` and what follows it. The estimate is
within 2 % of those peaks. Other GPUs have not been measured. What neither it nor torch counts (CUDA's context,
fragments) is what `RESERVE` and `FRAGMENTS` allow for. Memory of the processor has not been measured at all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pvtt_train.speed.config import SpeedConfig
from pvtt_train.speed.host import page_locked_bytes
from pvtt_train.speed.spread import spread
from pvtt_train.wan.adapters import LoraLike, adapted_blocks, adapter_parameters
from pvtt_train.wan.architecture import PATCH, WanSize
from pvtt_train.wan.memory_advice import gigabytes, gpu_advice, host_advice
from pvtt_train.wan.shape import BucketLike, tokens

RESERVE = 700_000_000
"""Bytes of CUDA's context and libraries."""
FRAGMENTS = 0.03
"""Share of activations that is lost between blocks of the allocator, with expandable segments."""

STOCK = SpeedConfig(
    hints_as_list=False,
    real_rope=False,
    fused_norms=False,
    cast_lora=False,
    checkpointing="full",
    attention="torch",
    adapters_only=False,
)
"""DiffSynth's own step with plain checkpointing."""

MEASURED: Mapping[tuple[str, int], float] = MappingProxyType(
    {
        ("stock", 49): 17.0,
        ("stock", 81): 24.2,
        ("stock offload", 49): 9.5,
        ("list", 49): 9.9,
        ("list", 81): 12.9,
        ("list, real rope, fused norms", 49): 9.7,
        ("selective", 49): 12.7,
    }
)
"""Peaks in GB by variant and frames that the estimate was fitted to; adapters in bfloat16, without an average."""
MEASURED_COMPILED: Mapping[tuple[int, int], float] = MappingProxyType(
    {(49, 0): 14.49, (49, 13): 27.55, (49, 15): 29.72, (81, 0): 20.09, (81, 5): 26.92, (81, 7): 30.33}
)
"""Peaks in GB of selective, compiled blocks by frames and `keep_blocks`; adapters in float32, without an average."""
MEASURED_LEAN: Mapping[tuple[int, int], float] = MappingProxyType(
    {(49, 0): 12.13, (81, 0): 16.37, (49, 99): 9.33, (81, 99): 11.94}
)
"""The same of compiled blocks that compute everything again, by frames and `host_blocks`."""
MEASURED_LARGE: Mapping[tuple[str, int, bool, int], float] = MappingProxyType(
    {
        ("full", 49, False, 0): 54.79,
        ("selective", 49, False, 99): 43.70,
        ("selective", 49, True, 99): 30.06,
        ("full", 49, True, 99): 31.66,
        ("selective", 81, True, 99): 35.42,
        ("full", 81, True, 99): 37.93,
    }
)
"""The same of the 14B, by checkpointing, frames, `fp8` and `host_blocks`. What was known of the 1.3B foresaw the first
two within 1 %; `_FLOAT8` was learnt from the others."""
_COMPILED_ADAPTED = 2.0
"""Units more that a compiled VACE block takes than what saved-tensor hooks count of it: 30.1 and 30.0 units for 15
blocks at 49 and 81 frames, whatever the DiT keeps. They do not leave the GPU with `host_blocks`. Where they lie has not
been found."""
_COMPILED_FULL = 0.69
"""And still more where self-attention is computed again, too: 10.5 and 10.2 units for 15 blocks."""
_FLOAT8 = 3.2
"""Units that a block needs more while its gradient is computed with float8: quantised copies."""
_FLOAT8_FULL = 6.5
"""The same where self-attention is computed again, too."""


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """What a training step takes of a GPU's memory at its peak, in bytes.

    Attributes:
        weights: of the model, frozen.
        adapters: their weights, gradients, Adam's two moments and the average.
        saved: activations kept until their gradient is computed, at the peak.
        working: what a block needs while its gradient is computed.
        host: in the memory of the processor, of each process that shares it: exact weights that float8 replaces, which
            wait there, and what `host_blocks` sends there; or, if that is more, the model as it is loaded for float8.
            Rough with `host_whole`, which sends tensors of two sizes. Not counted: programs, batches that are ready,
            and a text encoder for validation.
        setting: what was estimated, for `advice`.
    """

    weights: int
    adapters: int
    saved: int
    working: int
    host: int
    setting: Setting

    @property
    def activations(self) -> int:
        """Saved and working."""
        return self.saved + self.working

    @property
    def total(self) -> int:
        """Peak that torch will report as allocated."""
        return self.weights + self.adapters + self.activations

    @property
    def needed(self) -> int:
        """Memory that a GPU must have free for it, with what torch does not report."""
        return self.total + RESERVE + int(FRAGMENTS * self.activations)

    def fits(self, available: int) -> bool:
        """Whether so many bytes are enough."""
        return self.needed <= available

    def advice(self, available: int | None = None, *, vae: int = 0) -> list[str]:
        """What to change for less memory, and what it would take then, the least painful first.

        Args:
            available: bytes that there are: changes that are not enough alone are said to be so, and if none is, how
                many of them are together.
            vae: bytes that are not available because a VAE encodes beside the training: latents made beforehand are
                then the first advice.
        """
        return gpu_advice(self.setting, available, vae)

    def host_advice(self, available: int | None = None) -> list[str]:
        """What to change for less of the processor's memory, and what of both it would take then.

        Args:
            available: bytes that a process has: changes that are not enough are said to be so.
        """
        return host_advice(self.setting, available)

    def __str__(self) -> str:
        host = f"; {gigabytes(self.host)} of the processor's memory" if self.host else ""
        return (
            f"{gigabytes(self.needed)} of GPU memory: weights {gigabytes(self.weights)}, adapters and optimiser "
            f"{gigabytes(self.adapters)}, activations {gigabytes(self.activations)}, "
            f"context and fragments {gigabytes(self.needed - self.total)}{host}"
        )


@dataclass(frozen=True, slots=True)
class Setting:
    """What `estimate` was asked."""

    size: WanSize
    lora: LoraLike
    speed: SpeedConfig
    bucket: BucketLike
    batch: int
    ema: bool
    weight_bytes: int
    resident_blocks: int | None
    shapes: int = 1
    others: tuple[BucketLike, ...] = ()

    def estimate(self) -> MemoryEstimate:
        """The estimate."""
        weights, host = _weights(self)
        of_adapter = 4 if self.lora.fp32 else self.weight_bytes
        captures = self.shapes if self.speed.graph else 0
        copies = (4 + captures) * of_adapter + (4 if self.ema else 0)
        trained = adapter_parameters(self.size, self.lora)
        saved, working, offloaded = _activations(self)
        tensor = self._tensor(self.bucket)
        unit = tensor * max(1, captures)
        # Memory is used again for smaller tensors only: in the worst case each power of two has some of its own.
        kinds = {page_locked_bytes(self._tensor(bucket)) for bucket in (self.bucket, *self.others)}
        host += round(offloaded * (tensor if self.speed.checkpointing == "offload" else sum(kinds)))
        if self.speed.fp8:
            host = max(host, sum(parameters(self.size)) * self.weight_bytes + trained * of_adapter)
        return MemoryEstimate(weights, trained * copies, round(saved * unit), round(working * unit), host, self)

    def _tensor(self, bucket: BucketLike) -> int:
        """Bytes of the tokens of a batch at one place in the model."""
        return self.batch * tokens(bucket) * self.size.dim * self.weight_bytes


def estimate(
    size: WanSize,
    lora: LoraLike,
    speed: SpeedConfig,
    bucket: BucketLike,
    batch: int = 1,
    *,
    ema: bool = True,
    weight_bytes: int = 2,
    resident_blocks: int | None = None,
    shapes: int = 1,
    others: Collection[BucketLike] = (),
) -> MemoryEstimate:
    """Memory of a training step; neither VAE nor text encoder is loaded.

    Args:
        size: of the model.
        lora: which adapters are trained, by AdamW.
        speed: how a step is computed; `keep_blocks: fit` counts as 0.
        bucket: size of the clips, the largest of them.
        batch: clips in a step.
        ema: keep an average of the adapters on the GPU.
        weight_bytes: of a number in the model.
        resident_blocks: for what-if estimates: so many blocks' weights are on the GPU at a time and the others come
            from the processor's memory. `pvtt-train` itself keeps all of them on the GPU.
        shapes: of batches, at most as large as `bucket`. With `speed.graph` each has a captured graph, which keeps
            activations and gradients of its own; not measured.
        others: further sizes of clips, at most as large as `bucket`. With `host_blocks` they may have memory of the
            processor of their own.

    Raises:
        InputError: as `pvtt_train.wan.shape.tokens`.
    """
    return Setting(
        size, lora, speed, bucket, batch, ema, weight_bytes, resident_blocks, shapes, tuple(others)
    ).estimate()


def fitted(
    speed: SpeedConfig,
    size: WanSize,
    lora: LoraLike,
    bucket: BucketLike,
    batch: int,
    available: int,
    ema: bool = True,
    weight_bytes: int = 2,
) -> SpeedConfig:
    """The same with `keep_blocks: fit` turned into the greatest number for which the estimate fits, perhaps 0.

    Args:
        speed: as asked for.
        size, lora, bucket, batch, ema, weight_bytes: as of `estimate`.
        available: bytes of GPU memory.
    """
    if speed.keep_blocks != "fit":
        return speed
    blocks = _recorded_counts(size, lora)
    for number in range(sum(blocks), 0, -1):
        kept = speed.model_copy(update={"keep_blocks": number})
        if estimate(size, lora, kept, bucket, batch, ema=ema, weight_bytes=weight_bytes).fits(available):
            return kept
    return speed.model_copy(update={"keep_blocks": 0})


def parameters(size: WanSize) -> tuple[int, int]:
    """Numbers in the DiT and in VACE, without adapters."""
    dim, patch = size.dim, PATCH[0] * PATCH[1] * PATCH[2]
    norms = 4 * dim + 2 * dim + 6 * dim
    block = 8 * dim**2 + 8 * dim + 2 * dim * size.ffn_dim + size.ffn_dim + dim + norms
    embeddings = (size.channels * patch + size.text_dim + size.freq_dim + 2 * dim + 5) * dim + 6 * dim**2 + 6 * dim
    head = (dim + 1) * size.channels * patch + 2 * dim
    vace = len(size.vace_layers)
    projections = (vace + (0 in size.vace_layers)) * (dim**2 + dim)
    return size.layers * block + embeddings + head, vace * block + projections + (
        size.context_channels * patch + 1
    ) * dim


def _weights(setting: Setting) -> tuple[int, int]:
    """Bytes on the GPU and in the processor's memory."""
    size, speed = setting.size, setting.speed
    blocks = size.layers + len(size.vace_layers)
    everything = sum(parameters(size)) * setting.weight_bytes
    replaced = 6 * size.dim**2 + 2 * size.dim * size.ffn_dim
    of_block = (8 * size.dim**2 + 2 * size.dim * size.ffn_dim) * setting.weight_bytes
    host = 0
    if speed.fp8:
        everything -= blocks * replaced * (setting.weight_bytes - 1)
        of_block -= replaced * (setting.weight_bytes - 1)
        host = blocks * replaced * setting.weight_bytes
    if setting.resident_blocks is not None:
        away = max(0, blocks - setting.resident_blocks) * of_block
        return everything - away, host + away
    return everything, host


def _recorded_counts(size: WanSize, lora: LoraLike) -> tuple[int, int]:
    """Blocks of the DiT and of VACE that have a gradient: those from the first adapter on."""
    if lora.targets == "vace":
        return size.layers - size.vace_layers[0] - 1, len(size.vace_layers)
    return size.layers, len(size.vace_layers) if lora.targets == "both" else 0


def _activations(setting: Setting) -> tuple[float, float, float]:
    """Saved and working at the peak, and what lies in the processor's memory, in units.

    Goes through the blocks as the gradient does, from the last that ran to the first. DiffSynth runs all of VACE's
    first; the gradients of its hints wait until VACE's turn.
    """
    size, speed = setting.size, setting.speed
    rho = size.ffn_dim / size.dim
    working = 11.1 + 2 * rho if speed.compile else 12.8 + 3 * rho
    if not speed.compile and not (speed.real_rope and speed.fused_norms):
        working += 2.7
    if speed.fp8:
        working += _FLOAT8_FULL if speed.checkpointing == "full" else _FLOAT8
    dit_adapters, vace_adapters = (count > 0 for count in adapted_blocks(size, setting.lora))
    dit, vace = _recorded_counts(size, setting.lora)
    hinted = dict(zip(size.vace_layers, range(len(size.vace_layers)), strict=True)) if vace else {}
    in_dit = range(size.layers - dit, size.layers)
    in_vace = range(len(size.vace_layers) - vace, len(size.vace_layers))

    wanted = speed.keep_blocks if isinstance(speed.keep_blocks, int) else 0
    by_kind = [*(("vace", number) for number in in_vace), *(("dit", number) for number in in_dit)]
    kept = set(by_kind if speed.checkpointing == "none" else by_kind[::-1][:wanted])
    run = by_kind
    if speed.hints_as_list:
        run = sorted(by_kind, key=lambda block: (block[1], 0) if block[0] == "dit" else (size.vace_layers[block[1]], 1))
    away = set(
        run if speed.checkpointing == "offload" else spread([b for b in run if b not in kept], speed.host_blocks)
    )

    saved, needed, sent = {}, {}, {}
    for block in run:
        entering = 1 if block[0] == "dit" or speed.hints_as_list else block[1] + 1
        whole = block in kept or (block in away and speed.host_whole)
        adapters = dit_adapters if block[0] == "dit" else vace_adapters
        saved[block] = _kept(speed, rho, adapters) + entering - 1 if whole else _dropped(speed, entering, adapters)
        needed[block] = _while_kept(working, saved[block], whole)
        if block in away:
            sent[block] = saved[block] - (0.0 if whole else _unseen(speed, adapters))

    # Tokens of the latents as they enter, and those of the head; and blocks on their way to or from the processor.
    ends = 2.0
    if speed.host_blocks and away:
        ends += 2 * max(sent.values())
    hosted = sum(sent.values())
    remaining, arrived, peak = sum(saved.values()) - hosted, 0.0, (0.0, 0.0)
    for block in reversed(run):
        peak = max(peak, (ends + arrived + remaining, needed[block]), key=sum)
        remaining -= saved[block] - sent.get(block, 0.0)
        arrived += block[0] == "dit" and block[1] in hinted and not speed.hints_as_list
    if speed.checkpointing == "offload":
        # Stacks of hints are there more than twice while the gradient of the last one is computed.
        stacks = 0.0 if speed.hints_as_list or not vace else 2.5 * (vace + 1)
        peak = max(peak[0], ends + stacks), peak[1]
    return *peak, hosted


def _dropped(speed: SpeedConfig, entering: float, adapters: bool) -> float:
    """Units that a block keeps that is computed again: what enters it, and what selective checkpointing keeps."""
    return entering + _unseen(speed, adapters) + (1.02 if speed.checkpointing == "selective" else 0.0)


def _unseen(speed: SpeedConfig, adapters: bool) -> float:
    """Units of a compiled block with adapters that no hook sees."""
    if not (speed.compile and adapters):
        return 0.0
    return _COMPILED_ADAPTED + (_COMPILED_FULL if speed.checkpointing == "full" else 0.0)


def _kept(speed: SpeedConfig, rho: float, adapters: bool) -> float:
    """Units that a block keeps that keeps everything: counted by saved-tensor hooks, compiled and not."""
    units = 12.2 + rho if speed.compile else 15.2 + rho
    return units + 3.1 + rho if adapters else units


def _while_kept(working: float, saved: float, kept: bool) -> float:
    """Units in work: those that a block has kept already need not be made again."""
    return max(working - saved, working / 4) if kept else working
