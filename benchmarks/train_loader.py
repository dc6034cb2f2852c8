#!/usr/bin/env python3
"""How fast are latents read for training, and does reading cost the step anything?

    python benchmarks/train_loader.py [--samples 8] [--variants 1 4 8] [--step-s 1.5] [--device cuda] [--json FILE]

Writes sets of random latents in the shapes of 49 frames at 480×848, two references, 120 words, and reads them back by
`pvtt_train`'s loader (threads) and, in the same run, by `torch.utils.data.DataLoader` with worker processes over the
same samples in the same order. Files are dropped from the page cache before each measurement, as far as the system
does so when asked.

- *samples/s*: as fast as they come, on the device, each read, checked against its SHA-256, put together and converted.
- *CPU ms*: processor time of all threads and processes for each of these, start of the workers included.
- *wait*: share of a run of steps that was waited for a batch. A step is a stand-in that keeps the interpreter busy, as
  launching kernels does.
- *stretch*: by how much the first half of a step, in which the next batch is made, takes longer than the second:
  threads share the interpreter with it, and everything shares the cores. Median, as a share of the whole step.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pvtt_train.data.buckets import Order, Turn
from pvtt_train.data.config import DataConfig, LatentSettings
from pvtt_train.data.latent_shards import LatentStore, SampleRow, VariantRow
from pvtt_train.data.latents import LatentExamples, shaping
from pvtt_train.data.loader import Loader
from pvtt_train.data.pieces import Made
from pvtt_train.lesson import Lesson
from torch.utils.data import DataLoader, Dataset, Sampler

from pvtt_data.images import write_png
from pvtt_data.media import encode_clip, encode_masks
from pvtt_data.shards import DatasetSettings, ShardSample, write_dataset
from pvtt_data.vace.conditioning import ConditioningConfig

FRAMES, HEIGHT, WIDTH = 49, 480, 848
LATENT = (16, 13, HEIGHT // 8, WIDTH // 8)
REFERENCES, WORDS, TEXT_TOKENS, TEXT_DIM = 2, 120, 512, 4096
CONDITIONING = ConditioningConfig()


def tiny_dataset(folder: Path) -> Path:
    """A dataset version whose manifest a set can name; none of its pixels are read."""
    video, mask = np.zeros((5, 32, 32, 3), np.uint8), np.zeros((5, 32, 32), np.bool_)
    members: dict[str, Path | bytes] = {"reference_0.png": write_png(video[0])}
    for name in ("source", "target"):
        encode_clip(video, 8, folder / f"{name}.mp4", crf=30)
    for name in ("source_mask", "target_mask", "effect_mask"):
        encode_masks(mask, 8, folder / f"{name}.mp4")
    members |= {path.name: path for path in folder.glob("*.mp4")}
    meta: dict[str, Any] = {
        **dict.fromkeys(("category_a", "category_b", "title_a", "title_b", "prompt", "source_prompt"), "-"),
        **dict.fromkeys(("captioner", "judge", "segmenter", "source_id", "clip_id", "source_url"), "-"),
        "triple_id": "0" * 16, "engine": "render", "kind": "swap", "split": "train", "difficulty": "easy",
        "product_a": "a", "product_b": "b", "fps": 8.0, "frames": 5, "height": 32, "width": 32,
        "reference_source": ["listing"], "verdict": "accept", "reasons": [], "numbers": {"n": 1.0},
        "first_frame": 0, "last_frame": 5, "licences": ["CC0-1.0"], "models": [],
    }  # fmt: skip
    sample = ShardSample(key="0" * 16, split="train", members=members, meta=meta)
    write_dataset(folder / "v1", [sample], DatasetSettings("loader-benchmark", {}, reference_count=1))
    return folder / "v1"


def digest(*names: object) -> str:
    return hashlib.sha256(json.dumps(names).encode()).hexdigest()


def write_set(dataset: Path, folder: Path, samples: int, variants: int) -> DataConfig:
    """Random latents in the shapes of real ones."""
    data = DataConfig(shards=dataset, latents=folder, precompute=LatentSettings(variants=variants))
    from pvtt_data.shards import read_manifest

    dice = torch.Generator().manual_seed(0)

    def latents(frames: int = LATENT[1]) -> torch.Tensor:
        return torch.randn(LATENT[0], frames, *LATENT[2:], generator=dice).half()

    def positions() -> torch.Tensor:
        return torch.rand(1, *LATENT[1:], generator=dice) > 0.5

    rows = []
    with LatentStore(folder) as store:

        def keep(kind: str, made: dict[str, torch.Tensor], *names: object) -> str:
            store.add(digest(kind, *names), kind, Made(made))
            return digest(kind, *names)

        empty = keep("text", {"text": torch.randn(1, TEXT_DIM, generator=dice).half()}, "")
        for number in range(samples):
            references = [keep("reference", {"latents": latents(1)}, number, place) for place in range(REFERENCES)]
            shown = []
            for step in range(variants):
                bits = torch.randint(0, 256, (8 * int(np.prod(LATENT[1:])),), dtype=torch.uint8, generator=dice)
                streams = {"inactive": latents(), "reactive": latents(), "mask": bits, "inside": positions()}
                shown.append(VariantRow(keep("variant", streams, number, step), "grey", tuple(references)))
            rows.append(
                SampleRow(
                    key=f"{number:016x}",
                    split="train",
                    frames=FRAMES,
                    height=HEIGHT,
                    width=WIDTH,
                    target=keep("target", {"latents": latents()}, number),
                    effect=keep("effect", {"effect": positions()}, number),
                    text=keep("text", {"text": torch.randn(WORDS, TEXT_DIM, generator=dice).half()}, number),
                    variants=tuple(shown),
                )
            )
        store.finish(
            rows,
            dataset="loader-benchmark",
            root=read_manifest(dataset).root,
            settings={**shaping(CONDITIONING, data.text), "latents": data.precompute.model_dump(mode="json")},
            codec="random",
            text="random",
            numeric_class="cpu",
            versions={},
            empty_text=empty,
            skipped=[],
        )
    return data


def drop_from_cache(folder: Path) -> None:
    for path in (folder / "data").iterdir():
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class _Turns(Sampler[Turn]):
    def __init__(self, order: Order) -> None:
        self.order = order

    def __iter__(self) -> Iterator[Turn]:
        return chain.from_iterable(self.order)


class _Lessons(Dataset[Lesson]):
    def __init__(self, examples: LatentExamples) -> None:
        self.examples = examples

    def __getitem__(self, turn: Turn) -> Lesson:
        return self.examples.example(turn.number, turn.epoch)


@contextmanager
def by_threads(examples: LatentExamples, data: DataConfig, device: torch.device) -> Iterator[Iterator[Lesson]]:
    with Loader(examples, data, device=device, dtype=torch.bfloat16) as loader:
        yield loader


@contextmanager
def by_processes(examples: LatentExamples, data: DataConfig, device: torch.device) -> Iterator[Iterator[Lesson]]:
    """PyTorch's own, with as many workers as ours has threads, and as many batches made ahead."""
    order = Order(examples.keys(), examples.bucket, data.seed, data.global_batch)
    ahead = max(1, data.prefetch // data.threads)
    plain = DataLoader(
        _Lessons(examples), batch_size=None, sampler=_Turns(order), num_workers=data.threads, prefetch_factor=ahead
    )
    batches = iter(plain)
    moved = (_moved(lesson, device) for lesson in batches)
    try:
        yield moved
    finally:
        # The workers end, and their time can be counted, when nothing refers to the iterator any more.
        moved.close()
        del batches


def _moved(lesson: Lesson, device: torch.device) -> Lesson:
    return lesson.to(device, torch.bfloat16)


WAYS: dict[str, Callable[..., Any]] = {"threads (ours)": by_threads, "DataLoader": by_processes}


def cpu_s() -> float:
    """Of this process and of children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def flat_out(way: Callable[..., Any], examples: LatentExamples, data: DataConfig, device: torch.device, count: int):
    """Samples a second, and milliseconds of the processor for each."""
    before = cpu_s()
    with way(examples, data, device) as batches:
        next(batches)
        begun = time.perf_counter()
        for lesson in islice(batches, count):
            assert bool(lesson.weights[0, 0, -1, 0, 0] > 0)
        synchronise(device)
        took = time.perf_counter() - begun
    return count / took, (cpu_s() - before) / (count + 1) * 1000


def busy(rounds: int) -> None:
    """Holds the interpreter."""
    total = 0
    for number in range(rounds):
        total += number & 7


def timed(rounds: int) -> float:
    begun = time.perf_counter()
    busy(rounds)
    return time.perf_counter() - begun


def calibrated(seconds: float) -> int:
    rounds = 1_000_000
    return int(rounds * seconds / min(timed(rounds) for _ in range(5)))


def stepping(way: Callable[..., Any], examples: LatentExamples, data: DataConfig, device: torch.device, args: Any):
    """Share of the time that was waited, and by how much making a batch stretched a step."""
    rounds = calibrated(args.step_s / 2)
    stretched = []
    waited = 0.0
    with way(examples, data, device) as batches:
        next(batches)
        begun = time.perf_counter()
        for _ in range(args.steps):
            first, second = timed(rounds), timed(rounds)
            stretched.append((first - second) / (2 * second))
            start = time.perf_counter()
            next(batches)
            synchronise(device)
            waited += time.perf_counter() - start
        whole = time.perf_counter() - begun
    return waited / whole, statistics.median(stretched)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--variants", type=int, nargs="+", default=[1, 4, 8])
    parser.add_argument("--count", type=int, default=60, help="samples that are read as fast as they come")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--step-s", type=float, default=1.5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--folder", type=Path, help="where the sets are written; a temporary one by default")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    device = torch.device(args.device)
    torch.set_num_threads(1)
    results = []
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        dataset = tiny_dataset(folder)
        print(f"{FRAMES} frames of {WIDTH}×{HEIGHT}, {REFERENCES} references, {WORDS} words, fp16; {device}")
        for variants in args.variants:
            begun = time.perf_counter()
            data = write_set(dataset, folder / f"k{variants}", args.samples, variants)
            data = data.model_copy(update={"threads": args.threads})
            examples = LatentExamples(data, CONDITIONING, text_tokens=TEXT_TOKENS)
            stored = sum(path.stat().st_size for path in (folder / f"k{variants}" / "data").iterdir())
            print(
                f"K = {variants}: {stored / args.samples / 1e6:.1f} MB a sample on disk, "
                f"{examples.bytes_of(0, 0) / 1e6:.1f} MB read for a lesson; "
                f"written at {stored / 1e6 / (time.perf_counter() - begun):.0f} MB/s"
            )
            for way, open_it in WAYS.items():
                drop_from_cache(folder / f"k{variants}")
                rate, milliseconds = flat_out(open_it, examples, data, device, args.count)
                drop_from_cache(folder / f"k{variants}")
                waited, stretch = stepping(open_it, examples, data, device, args)
                results.append(
                    {
                        "variants": variants,
                        "loader": way,
                        "disk_mb_per_sample": stored / args.samples / 1e6,
                        "samples_per_s": rate,
                        "cpu_ms_per_sample": milliseconds,
                        "wait_share": waited,
                        "step_stretch": stretch,
                    }
                )
                print(
                    f"  {way:<15} {rate:6.1f} samples/s  {milliseconds:6.1f} CPU ms a sample  "
                    f"waits {waited:7.3%} of steps of {args.step_s} s  stretches them by {stretch:+.1%}"
                )
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
