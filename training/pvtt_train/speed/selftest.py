"""What is fast and right on the GPU that is there, found by trying it at the start of a run.

Three blocks with random weights, as wide as the model, stand for all of it, on a clip of the size to be trained. Each
candidate computes a gradient, which must be as near to that of DiffSynth's arithmetic in float32 as DiffSynth's own
bfloat16 is, and is then timed. What raises, or is further off, is not used; `pvtt_train.speed.findings` says what else
follows. What is compiled here need not be compiled again by the run that follows in the same process.
"""

from __future__ import annotations

import gc
import time
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from pvtt_train.guards import memory_told
from pvtt_train.speed.apply import ADAPTER, apply
from pvtt_train.speed.attention import cannot_run
from pvtt_train.speed.config import SpeedConfig
from pvtt_train.speed.findings import (
    COMPILED,
    FLOAT8,
    KERNELS,
    UNTRIED,
    Finding,
    Told,
    attention_name,
    decide,
    fastest_attention,
    found_once,
)
from pvtt_train.wan.adapters import LoraLike
from pvtt_train.wan.architecture import WanSize, WanVace, random_model
from pvtt_train.wan.memory import STOCK, estimate, fitted
from pvtt_train.wan.shape import BucketLike, latent_shape

NEARNESS = 1.25
"""A candidate's gradient may be so many times as far from float32's as DiffSynth's bfloat16 one is."""
FLOAT8_NEARNESS = 0.05
"""For float8, which is never that near: distance relative to the gradient."""
_TIMED = 3
_WITHOUT = ("--set run.self_test=false trains without it, with what is set under speed",)
"""What to do where there is no room for it; its gradient in float32 may take more than a step."""


def choose(
    size: WanSize,
    lora: LoraLike,
    bucket: BucketLike,
    device: torch.device,
    *,
    wanted: SpeedConfig | None = None,
    batch: int = 1,
    available: int | None = None,
    ema: bool = True,
    weight_bytes: int = 2,
    limit_s: float = 120.0,
    kept_in: Path | None = None,
    told: Told = lambda words: None,
) -> SpeedConfig:
    """Settings for a GPU: the fastest attention kernel that is right, what is wanted but wrong turned off
    (`pvtt_train.speed.findings.decide`), and as many blocks that keep everything as memory allows.

    What saves memory and is turned off for being wrong (`pvtt_train.speed.findings.turned_off` names it) may leave too
    little room for the rest: that is not checked here.

    Args:
        size: of the model.
        lora: which adapters are trained.
        bucket: size of the clips, the largest of them.
        device: to train on. On anything but a GPU nothing is tried, and nothing is compiled.
        wanted: settings to start from; `attention` is looked for only where it is `auto`, `compile` only where it is
            true, `fp8` only where that is true: it is switched off if it raises or its gradient is more than 5 % off.
        batch: clips in a step.
        available: bytes of GPU memory to use; what is free on the device if not given.
        ema: whether an average of the adapters is kept, for what fits.
        weight_bytes: of a number in the model, for what fits.
        limit_s: seconds after which no further candidate is tried.
        kept_in: a file that keeps what was found; with the same GPU, versions and question nothing is tried again.
        told: is told what was found, a line at a time.

    Raises:
        OutOfMemoryError: as `Trial`.
    """
    wanted = wanted or SpeedConfig(compile=True, keep_blocks="fit")
    if device.type != "cuda":
        exact = ", weights are not made float8" if wanted.fp8 else ""
        told(f"no GPU: nothing was tried; blocks are not compiled{exact}, and attention is torch's")
        return wanted.model_copy(update=_PLAIN | ({"keep_blocks": 0} if wanted.keep_blocks == "fit" else {}))
    question = _question(size, lora, bucket, batch, device, wanted)

    def tried() -> list[Finding]:
        with torch.random.fork_rng([device]):  # so that a run draws the same with and without a trial
            return Trial(size, lora, bucket, device, limit_s).run(wanted)

    findings = found_once(question, tried, kept_in=kept_in, told=told)
    gc.collect()
    torch.cuda.empty_cache()
    room = free_bytes(device) if available is None else available

    def needed(config: SpeedConfig) -> int:
        return estimate(size, lora, config, bucket, batch, ema=ema, weight_bytes=weight_bytes).needed

    found = decide(wanted, findings, lambda config: needed(config) <= room, told)
    chosen = fitted(found, size, lora, bucket, batch, room, ema, weight_bytes)
    if wanted.keep_blocks == "fit" and needed(chosen) > room:
        full = chosen.model_copy(update={"checkpointing": "full", "keep_blocks": 0})
        chosen = min(chosen, full, key=needed)
    told(
        f"attention {chosen.attention}, {'compiled' if chosen.compile else 'not compiled'}, checkpointing "
        f"{chosen.checkpointing}, {chosen.keep_blocks} blocks kept whole{', float8' if chosen.fp8 else ''}"
    )
    return chosen


def free_bytes(device: torch.device) -> int:
    """Of a GPU: what is free, and what torch holds in this process without using it."""
    free, _ = torch.cuda.mem_get_info(device)
    return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


class Trial:
    """Tries candidates on three blocks.

    Args:
        size, lora, bucket: as of `choose`.
        device: to try on; a processor serves for tests.
        limit_s: seconds after which no further candidate is tried.

    Raises:
        OutOfMemoryError: there is no room for what candidates are compared with.
    """

    def __init__(self, size: WanSize, lora: LoraLike, bucket: BucketLike, device: torch.device, limit_s: float) -> None:
        self._until = time.monotonic() + limit_s
        self._device = device
        self._size = replace(size, layers=2, vace_layers=(0,))
        frames, rows, columns = latent_shape(bucket)
        with memory_told(f"the self-test, {bucket.frames} frames of {bucket.width}×{bucket.height}", _WITHOUT):
            self._model = random_model(self._size, device=device, dtype=torch.bfloat16)
            self._adapters = _adapt(self._model, lora)
            self._inputs = self._clip(frames, rows, columns)
            self._truth = self._exact()
            self._nearest = _distance(self._gradient(STOCK)[0], self._truth)

    def run(self, wanted: SpeedConfig) -> list[Finding]:
        """Findings of all candidates for which there was time: attention kernels, compiled blocks, float8."""
        findings: list[Finding] = []
        plain = wanted.model_copy(update={**_PLAIN, "keep_blocks": 0, "graph": False})
        for kernel in KERNELS if wanted.attention == "auto" else (wanted.attention,):
            name = attention_name(kernel)
            if fault := cannot_run(kernel, self._device, self._size.heads, self._size.dim // self._size.heads):
                findings.append(Finding(name, 0.0, 0.0, fault))  # or the next kernel would be timed for it
            else:
                self._try(name, plain.model_copy(update={"attention": kernel}), findings)
        best = plain.model_copy(update={"attention": fastest_attention(wanted, findings)})
        if wanted.compile:
            self._try(COMPILED, best.model_copy(update={"compile": True, "tuned": wanted.tuned}), findings)
            if not findings[-1].fault:
                best = best.model_copy(update={"compile": True, "tuned": wanted.tuned})
        if wanted.fp8:
            self._try(FLOAT8, best.model_copy(update={"fp8": True}), findings, FLOAT8_NEARNESS)
        return findings

    @property
    def nearest(self) -> float:
        """How far DiffSynth's own bfloat16 gradient is from float32's."""
        return self._nearest

    def _try(self, name: str, config: SpeedConfig, findings: list[Finding], bound: float = 0.0) -> None:
        if time.monotonic() > self._until:
            findings.append(Finding(name, 0.0, 0.0, UNTRIED))
            return
        bound = max(bound, NEARNESS * self._nearest)
        try:
            gradient, notes = self._gradient(config)
            distance = _distance(gradient, self._truth)
            if notes:  # it did not do what it was asked
                findings.append(Finding(name, 0.0, distance, "; ".join(notes)))
                return
            if distance > bound:
                fault = f"its gradient is {distance:.2%} from float32's, more than {bound:.2%}"
                findings.append(Finding(name, 0.0, distance, fault))
                return
            findings.append(Finding(name, self._seconds(config), distance, ""))
        except Exception as error:  # whatever a kernel or compiler raises, others may work
            words = str(error).splitlines()
            findings.append(Finding(name, 0.0, 0.0, f"{type(error).__name__}: {words[0] if words else ''}"))
            self._model.zero_grad(set_to_none=True)

    def _clip(self, frames: int, rows: int, columns: int) -> tuple[Tensor, ...]:
        dice = torch.Generator().manual_seed(frames * rows * columns)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=dice).to(self._device, torch.bfloat16)

        size = self._size
        return (
            normal(1, size.channels, frames, rows, columns),
            torch.tensor([500.0], device=self._device),
            normal(1, size.text_tokens, size.text_dim),
            normal(1, size.context_channels, frames, rows, columns),
        )

    def _exact(self) -> Tensor:
        """DiffSynth's arithmetic in float32."""
        inputs = self._inputs
        self._model.float()
        self._inputs = tuple(part.float() for part in inputs)
        try:
            return self._gradient(STOCK)[0]
        finally:
            self._inputs = inputs
            for name, part in self._model.named_parameters():
                part.data = part.data if ADAPTER in name else part.data.to(torch.bfloat16)

    def _gradient(self, config: SpeedConfig) -> tuple[Tensor, tuple[str, ...]]:
        """Of all adapters, in a row; and what could not be done as asked."""
        # Stock casts what enters float32 adapters up to float32; as bfloat16 is what it trains with, cast them.
        with apply(self._model, config.model_copy(update={"cast_lora": True})) as applied:
            applied.forward(*self._inputs).float().square().mean().backward()
        made = torch.cat([part.grad.flatten().float() for part in self._adapters])
        self._model.zero_grad(set_to_none=True)
        return made, applied.notes

    def _seconds(self, config: SpeedConfig) -> float:
        times = []
        with apply(self._model, config) as applied:
            for _ in range(_TIMED):
                self._wait()
                begun = time.perf_counter()
                applied.forward(*self._inputs).float().square().mean().backward()
                self._wait()
                times.append(time.perf_counter() - begun)
                self._model.zero_grad(set_to_none=True)
        gc.collect()
        return min(times)

    def _wait(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)


_PLAIN: dict[str, object] = {"compile": False, "tuned": False, "fp8": False}


def _adapt(model: WanVace, lora: LoraLike) -> list[nn.Parameter]:
    """Float32 adapters whose gradients are not zero."""
    from peft import LoraConfig, inject_adapter_in_model

    model.requires_grad_(False)
    wanted = LoraConfig(r=lora.rank, lora_alpha=lora.rank, target_modules=list(lora.modules))
    for name in ("vace", "dit"):
        if lora.targets in (name, "both"):
            inject_adapter_in_model(wanted, getattr(model, name))
    adapters = [(name, part) for name, part in model.named_parameters() if ADAPTER in name]
    torch.manual_seed(0)
    for name, part in adapters:
        part.data = part.data.to(torch.bfloat16).float()  # values that both precisions have
        if "lora_B" in name:
            nn.init.normal_(part, std=1e-3)
            part.data = part.data.to(torch.bfloat16).float()
    return [part for _, part in adapters]


def _distance(one: Tensor, other: Tensor) -> float:
    return float((one - other).norm() / other.norm())


def _question(
    size: WanSize, lora: LoraLike, bucket: BucketLike, batch: int, device: torch.device, wanted: SpeedConfig
) -> dict[str, object]:
    """All that findings depend on."""
    return {
        "gpu": torch.cuda.get_device_name(device) if device.type == "cuda" else "",
        "torch": torch.__version__,
        "cudnn": torch.backends.cudnn.version() if device.type == "cuda" else None,
        "size": {**asdict(size), "vace_layers": list(size.vace_layers)},
        "lora": [lora.targets, lora.rank, list(lora.modules)],
        "bucket": [bucket.frames, bucket.height, bucket.width, bucket.references, batch],
        "wanted": wanted.model_dump(mode="json"),
    }
