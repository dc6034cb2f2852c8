#!/usr/bin/env python3
"""How many clips a minute does `pvtt-train precompute` encode?

    python benchmarks/precompute.py [--clips 6] [--variants 4] [--device cuda] [--json FILE]
    python benchmarks/precompute.py --smoke          # small and on the processor: does it run?

Drawn clips (49 frames at 480×848, one reference each) are written as a dataset version and precomputed with the real
`WanVideoVAE` in bf16, its weights random: speed does not depend on them. Embeddings come from a stand-in: the text
encoder sees each prompt once and is not what takes time.

- *clips a minute*: samples of the dataset, each with target, references and K conditionings.
- *videos a minute*: what went through the VAE: at most 9 of a clip for K = 4, as grey streams are encoded once.
- *VAE share*: of the time, in which the VAE was at work; the rest is decoding, masks and writing that it waited for.
- *serial*: the same work without anything done ahead, for comparison.

Then it is run again, to show that nothing is made twice. Each run gets a dataset and a folder of its own.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import stand_ins
import torch
from drawn_clips import draw_dataset
from pvtt_train.data import precompute as making
from pvtt_train.data.config import LatentSettings
from pvtt_train.data.precompute import PrecomputeReport, PrecomputeSettings, precompute


class TimedCodec:
    """A codec whose working time is measured.

    On a GPU, between events before and after each video: what the GPU does meanwhile for others counts, too.
    """

    def __init__(self, codec: Any, device: torch.device) -> None:
        self.codec, self.device = codec, device
        self.digest: str = codec.digest
        self.spans: list[tuple[Any, Any]] = []
        self.videos = 0

    def encode(self, video: torch.Tensor) -> torch.Tensor:
        """See `Codec`."""
        begin = self._mark()
        latents = self.codec.encode(video)
        self.spans.append((begin, self._mark()))
        self.videos += len(video) if video.shape[2] > 1 else 0
        return latents

    def _mark(self) -> Any:
        if self.device.type != "cuda":
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def seconds(self) -> float:
        """That it was at work; begins anew."""
        spans, self.spans, self.videos = self.spans, [], 0
        if self.device.type != "cuda":
            return sum(end - begin for begin, end in spans)
        torch.cuda.synchronize(self.device)
        return sum(begin.elapsed_time(end) for begin, end in spans) / 1000


class _Serial:
    """In the place of `Ahead`: each item is made when it is asked for."""

    def __init__(self, items: Iterator[Any], depth: int) -> None:
        self._items = items

    def __enter__(self) -> Iterator[Any]:
        return self._items

    def __exit__(self, *_: object) -> None:
        """Nothing to stop."""


def told(name: str, report: PrecomputeReport, codec: TimedCodec) -> dict[str, Any]:
    """Print and keep one measurement."""
    videos, busy = codec.videos, codec.seconds()
    found = {
        "run": name,
        "seconds": report.seconds,
        "clips_per_minute": report.samples / report.seconds * 60,
        "videos_per_minute": videos / report.seconds * 60,
        "vae_share": busy / report.seconds,
        "mb_per_clip": report.manifest.used_bytes / report.samples / 1e6,
        "rounding": report.manifest.rounding,
        "made": dict(report.made),
    }
    print(
        f"{name:<8} {report.seconds:7.1f} s  {found['clips_per_minute']:7.1f} clips a minute  "
        f"{found['videos_per_minute']:7.1f} videos a minute  VAE share {found['vae_share']:6.1%}  "
        f"{found['mb_per_clip']:.1f} MB a clip  rounding {report.manifest.rounding:.1e}",
        flush=True,
    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=6)
    parser.add_argument("--variants", type=int, default=4)
    parser.add_argument("--frames", type=int, default=49)
    parser.add_argument("--height", type=int, default=480)
    parser.add_argument("--width", type=int, default=848)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--smoke", action="store_true", help="small, on the processor")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if args.smoke:
        args.clips, args.variants, args.frames, args.height, args.width, args.device = 2, 2, 5, 64, 96, "cpu"
    stand_ins.install("modelscope", "ftfy")
    from pvtt_train.wan.text import StandInText
    from pvtt_train.wan.vae import WanVae, random_vae

    device = torch.device(args.device)
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    vae = random_vae("tiny" if args.smoke else "wan2.1-vace-1.3b", 0).to(device, dtype)
    codec = TimedCodec(WanVae(vae, device, "random"), device)
    settings = PrecomputeSettings(latents=LatentSettings(variants=args.variants))
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "processor"
    print(f"{args.clips} clips of {args.frames} frames of {args.width}×{args.height}, K = {args.variants}; {name}")
    results = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        dataset = draw_dataset(folder, args.clips, args.frames, [(args.height, args.width)])
        codec.encode(torch.zeros(1, 3, args.frames, args.height, args.width, device=device))
        codec.encode(torch.zeros(1, 3, 1, args.height, args.width, device=device))
        codec.seconds()
        text = StandInText(4096, 512)

        def run(what: str, out: str) -> None:
            report = precompute(dataset, folder / out, settings, codec, text, device)
            results.append(told(what, report, codec))

        run("ahead", "ahead")
        run("again", "ahead")
        ahead, making.Ahead = making.Ahead, _Serial  # type: ignore[misc, assignment]
        run("serial", "serial")
        making.Ahead = ahead  # type: ignore[misc]
        if device.type == "cuda":
            print(f"peak memory of the GPU: {torch.cuda.max_memory_allocated(device) / 1e9:.1f} GB")
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
