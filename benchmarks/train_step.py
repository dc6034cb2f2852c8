"""One training step of a VACE LoRA, beside DiffSynth's own step in the same process: time, memory, same gradient.

    python benchmarks/train_step.py                          # 49 frames of 480×848, one GPU, under ten minutes
    python benchmarks/train_step.py --frames 81
    python benchmarks/train_step.py --cap-gb 31              # the allocator may have 31 GB: a 5090's room, emulated
    python benchmarks/train_step.py --variants stock,fast    # some of them
    python benchmarks/train_step.py --truth                  # and how far each gradient is from float32's
    python benchmarks/train_step.py --size wan2.1-vace-14b --steps 2 \
        --variants 'lean; selective, host; selective, fp8, host; lean, fp8, host'
    python benchmarks/train_step.py --size tiny --device cpu # a smoke test, seconds

Random weights of the real architecture, adapters put in by DiffSynth's own training module, batch 1, one reference. A
step is noise, forward, loss, backward and AdamW; its time is the median. `stock` is DiffSynth's loss and model with
plain checkpointing, `example` with checkpointing offloaded to the processor, as its example script for this model has
it. Before it is timed each variant computes one gradient from the same adapters and noise as stock did.

Targets, written down before the first run, on one H100 80 GB:

- fast, in at most 30 GB: at least 1.6 times as fast as stock at 49 frames, and 1.5 times at 81;
- lean: at least 1.4 times as fast as stock with at most 75 % of its memory at 49 frames, 70 % at 81;
- fast: at least 8 times as fast as the example script.

In the first run lean was what is `selective` now, twice as fast as stock in 83 to 85 % of its memory; since then lean
computes self-attention again, too. Before that was run: 1.7 times as fast in 67 and 63 % was expected.

MFU is operations that a step cannot do without (`pvtt_train.wan.flops`: nothing twice) over the GPU's dense bfloat16
peak, and over what a product of two 8192×8192 matrices reaches here. JSON, a table and profiles go below --out.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
for _name in ("PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF"):  # the later name and the earlier one
    os.environ.setdefault(_name, "expandable_segments:True")

import stand_ins  # noqa: E402
import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402

ABSENT = stand_ins.install("torchvision", "modelscope", "ftfy", "imageio")

from pvtt_train.speed.apply import Applied, apply  # noqa: E402
from pvtt_train.speed.attention import attend, kernels  # noqa: E402
from pvtt_train.speed.config import Attention, SpeedConfig  # noqa: E402
from pvtt_train.speed.graph import Gradients  # noqa: E402
from pvtt_train.wan.architecture import SIZES, WanSize, WanVace, random_model  # noqa: E402
from pvtt_train.wan.flops import StepFlops, step_flops  # noqa: E402
from pvtt_train.wan.memory import STOCK, estimate, fitted  # noqa: E402
from pvtt_train.wan.shape import latent_shape, tokens  # noqa: E402

from pvtt_data.experiment_log.markdown import table  # noqa: E402
from pvtt_data.stage import library_version  # noqa: E402

BEGUN = time.monotonic()
PEAKS = {"H100": 989.0, "H200": 989.0, "H800": 989.0, "A100": 312.0, "RTX 5090": 209.5, "RTX 4090": 165.2}
"""Dense bfloat16 TFLOP/s with float32 sums, by what the maker calls the card."""
EXAMPLE = STOCK.model_copy(update={"checkpointing": "offload"})
COMPILED = SpeedConfig(compile=True)
VARIANTS: dict[str, SpeedConfig] = {
    "stock": STOCK,
    "fast": COMPILED.model_copy(update={"keep_blocks": "fit"}),
    "lean": COMPILED.model_copy(update={"checkpointing": "full"}),
    "example": EXAMPLE,
    "selective": COMPILED,
    "lean, host": COMPILED.model_copy(update={"checkpointing": "full", "host_blocks": 99}),
    "fast, host": COMPILED.model_copy(update={"keep_blocks": "fit", "host_blocks": 8, "host_whole": True}),
    "fast, fp8": COMPILED.model_copy(update={"keep_blocks": "fit", "fp8": True}),
    "selective, host": COMPILED.model_copy(update={"host_blocks": 99}),
    "selective, fp8, host": COMPILED.model_copy(update={"fp8": True, "host_blocks": 99}),
    "lean, fp8, host": COMPILED.model_copy(update={"checkpointing": "full", "fp8": True, "host_blocks": 99}),
    "selective, not compiled": SpeedConfig(),
    "hints as list": STOCK.model_copy(update={"hints_as_list": True}),
    "hints, rope, norms": SpeedConfig(checkpointing="full", attention="torch"),
    "selective, flash": COMPILED.model_copy(update={"attention": "flash"}),
    "fast, tuned": COMPILED.model_copy(update={"keep_blocks": "fit", "tuned": True}),
    "fast, graph": COMPILED.model_copy(update={"keep_blocks": "fit", "graph": True}),
}
"""By name, the most important first."""
EXACT_RATE = 8e12
"""Operations a second that a gradient in float32 is expected to make, when time is planned."""
OWN = ("stock", "example")
"""Run by DiffSynth alone."""


@dataclass(frozen=True)
class Lora:
    """What DiffSynth's training module is asked for."""

    rank: int
    fp32: bool
    targets: str = "vace"
    modules: tuple[str, ...] = ("q", "k", "v", "o", "ffn.0", "ffn.2")


@dataclass(frozen=True)
class Clip:
    """Size of the clip."""

    frames: int
    height: int
    width: int
    references: int = 1


@dataclass
class Result:
    """What was measured of a variant; bytes are GB of 1e9, 0 without a GPU."""

    name: str
    seconds: float = 0.0
    fastest: float = 0.0
    slowest: float = 0.0
    steps: int = 0
    first_steps: float = 0.0
    allocated: float = 0.0
    reserved: float = 0.0
    estimated: float = 0.0
    kept_blocks: int = 0
    loss: float = 0.0
    loss_apart: float = 0.0
    gradient_apart: float = 0.0
    from_truth: float | None = None
    mfu: float | None = None
    share: float | None = None
    notes: list[str] = field(default_factory=list)
    failed: str = ""


class Bench:
    """The model, its inputs, and DiffSynth's pipeline around the same modules."""

    def __init__(self, chosen: argparse.Namespace) -> None:
        from diffsynth.diffusion import DiffusionTrainingModule
        from diffsynth.pipelines.wan_video import WanVideoPipeline

        self.chosen = chosen
        self.device = torch.device(chosen.device)
        self.cuda = self.device.type == "cuda"
        self.size: WanSize = SIZES[chosen.size]
        self.clip = Clip(chosen.frames, chosen.height, chosen.width)
        self.model: WanVace = random_model(self.size, device=self.device, dtype=torch.bfloat16)
        self.pipe = WanVideoPipeline(device=self.device, torch_dtype=torch.bfloat16)
        self.pipe.dit, self.pipe.vace = self.model.dit, self.model.vace
        module = DiffusionTrainingModule()
        module.pipe = self.pipe
        module.switch_pipe_to_training_mode(
            self.pipe, lora_base_model="vace", lora_target_modules="q,k,v,o,ffn.0,ffn.2", lora_rank=chosen.rank
        )
        self.adapters = {name: part for name, part in self.model.named_parameters() if part.requires_grad}
        torch.manual_seed(1)
        for name, part in self.adapters.items():
            if "lora_B" in name:  # zero at first, and then half of all gradients would be zero
                nn.init.normal_(part, std=1e-3)
        self.start = {name: part.detach().clone() for name, part in self.adapters.items()}
        self.inputs = self._inputs()

    def _inputs(self) -> dict[str, Tensor]:
        dice = torch.Generator().manual_seed(2)
        latent = latent_shape(self.clip)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=dice).to(self.device, torch.bfloat16)

        return {
            "input_latents": normal(1, self.size.channels, *latent),
            "vace_context": normal(1, self.size.context_channels, *latent),
            "context": normal(1, self.size.text_tokens, self.size.text_dim),
        }

    def restart(self, dtype: torch.dtype) -> None:
        """Adapters as they were at first, in a precision, without gradients."""
        for name, part in self.adapters.items():
            part.grad = None
            part.data = self.start[name].to(dtype, copy=True)

    def own_step(self, config: SpeedConfig) -> Callable[[], Tensor]:
        """DiffSynth's loss and backward."""
        from diffsynth.diffusion import FlowMatchSFTLoss

        how = {
            "use_gradient_checkpointing": config.checkpointing == "full",
            "use_gradient_checkpointing_offload": config.checkpointing == "offload",
        }
        size = {"height": self.clip.height, "width": self.clip.width, "num_frames": self.clip.frames}

        def step() -> Tensor:
            loss = FlowMatchSFTLoss(self.pipe, **self.inputs, **size, **how, vace_scale=1, cfg_scale=1)
            loss.backward()
            return loss.detach()

        return step

    def fast_step(self, applied: Applied) -> Callable[[], Tensor]:
        """The same loss; noise and timestep are drawn as DiffSynth's loss draws them."""
        scheduler, dtype = self.pipe.scheduler, self.inputs["input_latents"].dtype
        clean, text, context = (self.inputs[name] for name in ("input_latents", "context", "vace_context"))

        def loss(noisy: Tensor, timestep: Tensor, target: Tensor) -> Tensor:
            velocity = applied.forward(noisy, timestep, text, context)
            return nn.functional.mse_loss(velocity.float(), target.float())

        weights = {"value": torch.ones((), device=self.device)}
        gradients = Gradients(
            lambda *drawn: loss(*drawn) * weights["value"],
            list(self.adapters.values()),
            captured=applied.config.graph,
        )

        def step() -> Tensor:
            place = torch.randint(0, len(scheduler.timesteps), (1,))
            timestep = scheduler.timesteps[place].to(self.device, dtype)
            noise = torch.randn_like(clean)
            weights["value"].copy_(scheduler.training_weight(timestep))
            noisy = scheduler.add_noise(clean, noise, timestep)
            return gradients(noisy, timestep, scheduler.training_target(clean, noise, timestep))

        return step

    def speed(self, name: str) -> SpeedConfig:
        """Settings of a variant, with the number of blocks that are kept."""
        config = VARIANTS[name].model_copy(update={} if self.chosen.compile else {"compile": False})
        lora = Lora(self.chosen.rank, fp32=name not in OWN)
        return fitted(config, self.size, lora, self.clip, 1, int(self.chosen.fast_gb * 1e9), ema=False)

    def run(self, name: str, flops: StepFlops, gradients: dict[str, dict[str, Tensor]]) -> Result:
        """One gradient, and then steps."""
        own, config = name in OWN, self.speed(name)
        result = Result(name, kept_blocks=int(config.keep_blocks))
        gc.collect()
        if self.cuda:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        self.restart(torch.bfloat16 if own else torch.float32)
        lora = Lora(self.chosen.rank, fp32=not own)
        result.estimated = estimate(self.size, lora, config, self.clip, ema=False).total / 1e9
        begun = time.monotonic()
        applied = None if own else apply(self.model, config)
        try:
            step = self.own_step(config) if applied is None else self.fast_step(applied)
            torch.manual_seed(3)
            started = self.now()
            result.loss = float(step())
            slow = not config.compile and self.now() - started > 5  # neither worth many steps, nor uneven
            gradients[name] = {key: part.grad.float().cpu() for key, part in self.adapters.items()}
            parameters = list(self.adapters.values())
            optimiser = torch.optim.AdamW(parameters, lr=1e-4, weight_decay=1e-2, fused=self.cuda and not own)
            optimiser.zero_grad(set_to_none=True)

            def whole() -> float:
                started = self.now()
                step()
                optimiser.step()
                optimiser.zero_grad(set_to_none=True)
                return self.now() - started

            for _ in range(0 if slow else self.chosen.warmup):
                whole()
            result.first_steps = time.monotonic() - begun
            times = [whole()]
            while len(times) < (2 if slow else self.chosen.steps) and elapsed() + times[-1] < self.chosen.budget:
                times.append(whole())
            if name in self.chosen.profile.split(";"):
                self.profile(name, whole)
            result.notes = list(applied.notes) if applied else []
        finally:
            if applied:
                applied.undo()
        result.seconds, result.steps = statistics.median(times), len(times)
        result.fastest, result.slowest = min(times), max(times)
        if self.cuda:
            result.allocated = torch.cuda.max_memory_allocated() / 1e9
            result.reserved = torch.cuda.max_memory_reserved() / 1e9
            peak = self.chosen.peak or gpu_peak()
            result.mfu = flops.useful / result.seconds / peak / 1e12 if peak else None
        return result

    def truth(self) -> dict[str, Tensor]:
        """The gradient in float32 from the same adapters and noise, hints as a list to have room."""
        self.restart(torch.float32)
        self.model.to(torch.float32)
        inputs = self.inputs
        self.inputs = {name: value.float() for name, value in inputs.items()}
        config = STOCK.model_copy(update={"hints_as_list": True})
        try:
            with apply(self.model, config) as applied:
                torch.manual_seed(3)
                # The very noise and timestep of the others, which were drawn in bfloat16.
                place = torch.randint(0, len(self.pipe.scheduler.timesteps), (1,))
                timestep = self.pipe.scheduler.timesteps[place].to(self.device, torch.bfloat16)
                noise = torch.randn_like(inputs["input_latents"])
                scheduler, clean = self.pipe.scheduler, inputs["input_latents"]
                noisy = scheduler.add_noise(clean, noise, timestep).float()
                target = scheduler.training_target(clean, noise, timestep).float()
                said = applied.forward(noisy, timestep.float(), self.inputs["context"], self.inputs["vace_context"])
                (nn.functional.mse_loss(said, target) * scheduler.training_weight(timestep)).backward()
            return {key: part.grad.float().cpu() for key, part in self.adapters.items()}
        finally:
            self.inputs = inputs
            self.model.to(torch.bfloat16)

    def profile(self, name: str, step: Callable[[], float]) -> None:
        """Write where a step's time goes."""
        from torch.profiler import ProfilerActivity, profile

        with profile(activities=[ProfilerActivity.CUDA if self.cuda else ProfilerActivity.CPU]) as seen:
            step()
        order = "self_cuda_time_total" if self.cuda else "self_cpu_time_total"
        text = seen.key_averages().table(sort_by=order, row_limit=40, max_name_column_width=90)
        path = self.chosen.out / f"profile_{name.replace(', ', '_').replace(' ', '_')}_{self.clip.frames}.txt"
        path.write_text(text, encoding="utf-8")

    def now(self) -> float:
        """Seconds, once the GPU has done what it was told."""
        if self.cuda:
            torch.cuda.synchronize()
        return time.perf_counter()

    def rates(self) -> dict[str, float]:
        """TFLOP/s of a product of matrices and of attention's kernels, forward and backward, at this length."""
        if not self.cuda:
            return {}

        def seconds(work: Callable[[], object], count: int) -> float:
            for _ in range(2):
                work()
            started = self.now()
            for _ in range(count):
                work()
            return (self.now() - started) / count

        square = torch.randn(8192, 8192, device=self.device, dtype=torch.bfloat16)
        found = {"matmul 8192": 2 * 8192**3 / seconds(lambda: square @ square, 30) / 1e12}
        shape = (1, tokens(self.clip), self.size.dim)
        q, k, v = (torch.randn(shape, device=self.device, dtype=torch.bfloat16, requires_grad=True) for _ in range(3))
        upstream = torch.randn(shape, device=self.device, dtype=torch.bfloat16)
        operations = 4 * tokens(self.clip) ** 2 * self.size.dim / 1e12
        wanted: tuple[Attention, ...] = ("cudnn", "flash")
        for name in wanted:
            order = kernels(name, self.device)[:1]

            def forward(order: Any = order) -> Tensor:
                return attend(q, k, v, self.size.heads, order)

            def both(forward: Callable[[], Tensor] = forward) -> None:
                forward().backward(upstream)

            try:
                with torch.no_grad():
                    ahead = seconds(forward, 5)
                found[f"{name} forward"] = operations / ahead
                found[f"{name} backward"] = 2.5 * operations / (seconds(both, 5) - ahead)
            except RuntimeError as error:
                print(f"{name}: {str(error).splitlines()[0]}")
        return found


def main() -> None:
    """Measure, print the table and the targets, write everything below --out."""
    chosen = arguments()
    chosen.out.mkdir(parents=True, exist_ok=True)
    device = torch.device(chosen.device)
    if device.type == "cuda" and chosen.cap_gb:
        total = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, chosen.cap_gb * 1e9 / total))
    bench = Bench(chosen)
    flops = step_flops(bench.size, Lora(chosen.rank, True), bench.clip)
    where = (
        f"{torch.cuda.get_device_name() if bench.cuda else 'processor'}"
        + (f", allocator capped at {chosen.cap_gb:g} GB (emulates a smaller card)" if chosen.cap_gb else "")
        + f"; {', '.join(f'{name} {library_version(name)}' for name in ('torch', 'diffsynth', 'peft'))}"
    )
    told(f"{where}; {chosen.size}, {bench.clip}, {tokens(bench.clip)} tokens, {flops.useful / 1e12:.0f} TFLOP a step")
    if ABSENT:
        told(f"not installed, and not needed here: {', '.join(ABSENT)}")
    rates = bench.rates()
    told("TFLOP/s: " + ", ".join(f"{name} {rate:.0f}" for name, rate in rates.items()))
    results: list[Result] = []
    gradients: dict[str, dict[str, Tensor]] = {}
    for name in chosen.variants:
        result = measured(bench, name, flops, gradients, results)
        if result.seconds and rates:
            result.share = flops.useful / result.seconds / rates["matmul 8192"] / 1e12
        results.append(result)
        told(json.dumps({key: value for key, value in asdict(result).items() if value not in (None, [], "")}))
        write(chosen, where, flops, rates, results)
    if chosen.truth and elapsed() < chosen.budget - flops.useful / EXACT_RATE:
        exact = bench.truth()
        for result in results:
            if result.name in gradients:
                result.from_truth = apart(gradients[result.name], exact)
        told("compared with float32")
    print(write(chosen, where, flops, rates, results))


def measured(
    bench: Bench, name: str, flops: StepFlops, gradients: dict[str, dict[str, Tensor]], before: Sequence[Result]
) -> Result:
    """A variant, or why there is nothing to say of it."""
    chosen = bench.chosen
    later = flops.useful / EXACT_RATE if chosen.truth and bench.cuda else 0.0
    if elapsed() > chosen.budget - later - (90 if VARIANTS[name].compile and bench.cuda else 0):
        return Result(name, failed="no time left")
    try:
        result = bench.run(name, flops, gradients)
    except torch.OutOfMemoryError:
        return Result(name, failed="out of memory")
    except Exception as error:  # the others are still worth knowing
        traceback.print_exc()
        return Result(name, failed=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
    stock = next((other for other in before if other.name == "stock" and not other.failed), None)
    if stock:
        result.loss_apart = abs(result.loss - stock.loss) / abs(stock.loss)
        result.gradient_apart = apart(gradients[name], gradients["stock"])
    return result


def apart(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    """Distance of two gradients relative to the length of the second."""
    squares = [(float((one[key] - other[key]).norm()) ** 2, float(other[key].norm()) ** 2) for key in other]
    return (sum(far for far, _ in squares) / sum(long for _, long in squares)) ** 0.5


def write(
    chosen: argparse.Namespace, where: str, flops: StepFlops, rates: dict[str, float], results: Sequence[Result]
) -> str:
    """Write JSON and the table.

    Returns:
        The table and the targets, as Markdown.
    """
    by_name = {result.name: result for result in results if not result.failed}
    stock = by_name.get("stock")
    rows = []
    for result in results:
        if result.failed:
            rows.append([result.name, result.failed, *[""] * 9])
            continue
        times = f"{stock.seconds / result.seconds:.2f}" if stock else ""
        percent = ["" if value is None else f"{value:.1%}" for value in (result.share, result.mfu)]
        far = "" if result.from_truth is None else f"{result.from_truth:.2%}"
        rows.append(
            [
                result.name + (f" ({result.kept_blocks} blocks kept)" if result.kept_blocks else ""),
                f"{result.seconds:.3f}",
                times,
                *(f"{value:.1f}" for value in (result.allocated, result.reserved, result.estimated)),
                *percent,
                f"{result.loss_apart:.1e}",
                f"{result.gradient_apart:.2%}",
                far,
            ]
        )
    columns = [
        *("variant", "s/step", "× stock", "GB allocated", "GB reserved", "GB estimated", "of matmul rate", "MFU"),
        *("loss, to stock", "gradient, to stock", "gradient, to float32"),
    ]
    judged = [f"{'met   ' if met else 'MISSED'} {target}: {found}" for target, found, met in targets(chosen, by_name)]
    text = "\n".join([table(columns, rows), "", f"{where}; {elapsed():.0f} s.", "", *judged])
    record = {
        "where": where,
        "arguments": {key: str(value) if isinstance(value, Path) else value for key, value in vars(chosen).items()},
        "flops": {**asdict(flops), "useful": flops.useful},
        "rates_tflops": rates,
        "results": [asdict(result) for result in results],
    }
    stem = f"train_step_{chosen.size}_{chosen.frames}x{chosen.height}x{chosen.width}"
    stem += f"_cap{chosen.cap_gb:g}" if chosen.cap_gb else ""
    (chosen.out / f"{stem}.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
    (chosen.out / f"{stem}.md").write_text(text + "\n", encoding="utf-8")
    return text


def targets(chosen: argparse.Namespace, results: dict[str, Result]) -> list[tuple[str, str, bool]]:
    """Each target of this file's head that was measured, what was found, and whether it is met."""
    found: list[tuple[str, str, bool]] = []
    if not chosen.device.startswith("cuda"):
        return found
    stock, fast, lean, example = (results.get(name) for name in ("stock", "fast", "lean", "example"))
    long = chosen.frames > 49
    if stock and fast:
        wanted, times = (1.5 if long else 1.6), stock.seconds / fast.seconds
        met = times >= wanted and fast.reserved <= 30
        found.append((f"fast ≥ {wanted}× stock in ≤ 30 GB", f"{times:.2f}× in {fast.reserved:.1f} GB reserved", met))
    if stock and lean and stock.allocated:
        wanted, times, share = (0.70 if long else 0.75), stock.seconds / lean.seconds, lean.allocated / stock.allocated
        met = times >= 1.4 and share <= wanted
        found.append((f"lean ≥ 1.4× stock in ≤ {wanted:.0%} of its memory", f"{times:.2f}× in {share:.0%}", met))
    if fast and example:
        times = example.seconds / fast.seconds
        found.append(("fast ≥ 8× the example script", f"{times:.1f}×", times >= 8))
    return found


def gpu_peak() -> float | None:
    """The maker's figure for this card, if it is known."""
    name = torch.cuda.get_device_name()
    return next((peak for part, peak in PEAKS.items() if part in name), None)


def elapsed() -> float:
    """Seconds since the start."""
    return time.monotonic() - BEGUN


def told(words: str) -> None:
    """Say something, with the time."""
    print(f"[{elapsed():6.1f} s] {words}", flush=True)


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description="Time a training step beside DiffSynth's own.")
    parser.add_argument("--size", choices=sorted(SIZES), default="wan2.1-vace-1.3b")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--frames", type=int, help="49, or 9 of the tiny size")
    parser.add_argument("--height", type=int, help="480, or 64 of the tiny size")
    parser.add_argument("--width", type=int, help="848, or 112 of the tiny size")
    parser.add_argument(
        "--compile",
        action=argparse.BooleanOptionalAction,
        help="where a variant has it; not on a processor, if not said",
    )
    parser.add_argument("--rank", type=int, default=32)
    parser.add_argument("--steps", type=int, default=5, help="timed of each variant")
    parser.add_argument("--warmup", type=int, default=2, help="before them")
    parser.add_argument(
        "--variants", help=f"by semicolons, or by commas where no name has one, of: {'; '.join(VARIANTS)}"
    )
    parser.add_argument("--budget", type=float, default=540.0, help="seconds; what comes later is left out")
    parser.add_argument("--fast-gb", type=float, default=30.0, help="GPU memory that `fast` may take")
    parser.add_argument("--cap-gb", type=float, default=0.0, help="cap of torch's allocator; 0: none")
    parser.add_argument("--peak", type=float, help="TFLOP/s that MFU is measured by, for cards not known here")
    parser.add_argument("--profile", default="", help="variants to profile, by semicolons")
    parser.add_argument("--truth", action="store_true", help="compare gradients with float32's, at the end")
    parser.add_argument("--out", type=Path, default=Path("experiments/results/train-step"))
    chosen = parser.parse_args()
    small = chosen.size == "tiny"
    if chosen.compile is None:
        chosen.compile = chosen.device.startswith("cuda")
    for name, usual, tiny in (("frames", 49, 9), ("height", 480, 64), ("width", 848, 112)):
        if getattr(chosen, name) is None:
            setattr(chosen, name, tiny if small else usual)
    if chosen.variants is None:
        chosen.variants = [name for name in VARIANTS if chosen.frames <= 49 or name != "example"]
    else:
        separator = ";" if ";" in chosen.variants or chosen.variants in VARIANTS else ","
        chosen.variants = [name.strip() for name in chosen.variants.split(separator)]
    unknown = [name for name in chosen.variants if name not in VARIANTS]
    if unknown:
        parser.error(f"there is no variant {', '.join(unknown)}; there are: {'; '.join(VARIANTS)}")
    return chosen


if __name__ == "__main__":
    main()
