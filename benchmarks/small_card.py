#!/usr/bin/env python3
"""Do the presets for a 5090 stay within its memory: precompute, steps in both orientations, and validation?

    python benchmarks/small_card.py                # 49 and 81 frames; torch may have 31 GB: a 5090's room, emulated
    python benchmarks/small_card.py --cap-gb 0     # on the card itself
    python benchmarks/small_card.py --preset rtx5090-480p49 --frames 49 --cap-gb 33 --set model.size=wan2.1-vace-14b \
        --set speed.fp8=true --set speed.host_blocks=99 --set speed.keep_blocks=0
    python benchmarks/small_card.py --preset tiny-cpu --frames 5 --sizes 64x96,96x64     # a smoke test

`pvtt-train precompute` and `pvtt-train`, as a user calls them, with the self-test, on drawn clips whose sizes take
turns; two held-out ones, of either size, are sampled after the last step, in four steps. Weights are random.

- *estimate*: of a step, with CUDA's context; *step*, *validation*: the most that torch had given out in each.
- *card*: the most that the driver says was in use on the whole GPU while a command ran, CUDA's context included. What
  is in use before anything runs is told first.
- *s a step*: median of the second half, in which nothing is compiled any more.

The target, written down before the first run: with 31 GB for torch, nothing runs out of memory, and the card has never
more than 32 GB in use.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from drawn_clips import draw_dataset
from pvtt_train.run_folder import RunFolder
from trainer_runs import run

from pvtt_data.experiment_log.markdown import table
from pvtt_data.stage import library_version

PRESETS = {"rtx5090-480p49": 49, "rtx5090-480p81": 81}
ONCE = "data.precompute.variants=1"
SHORT = ("validation.at_start=false", "validation.steps=4", "checkpoint.every_minutes=0")
TITLES = ("preset", "frames", "s a step", "estimate", "step", "validation", "card: precompute", "card: training")


def main() -> None:
    """Print the table as Markdown."""
    chosen = arguments()
    presets = {chosen.preset: chosen.frames} if chosen.preset else PRESETS
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "processor"
    capped = torch.cuda.is_available() and chosen.cap_gb
    cap = f", torch's allocator capped at {chosen.cap_gb:g} GB (emulates a smaller card)" if capped else ""
    print(f"{name}{cap}; torch {library_version('torch')}, diffsynth {library_version('diffsynth')}")
    with CardMemory() as idle:
        pass
    print(f"in use before: {gb(idle.most)}", flush=True)
    found = []
    for preset, frames in presets.items():
        found.append(measured(chosen, preset, frames))
        print(", ".join(row(found[-1])), flush=True)
    print(table(list(TITLES), [row(one) for one in found]))
    if chosen.json:
        record = {"device": name, "cap_gb": chosen.cap_gb, "idle_bytes": idle.most, "runs": found}
        chosen.json.write_text(json.dumps(record, indent=1), encoding="utf-8")


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", help=f"one, with --frames; {' and '.join(PRESETS)} by default")
    parser.add_argument("--frames", type=int)
    parser.add_argument("--sizes", default="480x848,832x480", help="height by width, by commas")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--cap-gb", type=float, default=31.0, help="for torch's allocator; 0: no cap")
    parser.add_argument("--set", dest="overrides", action="append", default=[], help="as of pvtt-train")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    if (chosen.preset is None) != (chosen.frames is None):
        parser.error("--preset and --frames belong together")
    chosen.sizes = [tuple(int(side) for side in size.split("x")) for size in chosen.sizes.split(",")]
    return chosen


def measured(chosen: argparse.Namespace, preset: str, frames: int) -> dict[str, Any]:
    """Train with a preset, and say what it took."""
    capped = [f"run.max_memory_gb={chosen.cap_gb}"] if chosen.cap_gb else []
    lasting = [f"run.steps={chosen.steps}", f"validation.every={chosen.steps}"]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "run"
        shards = draw_dataset(Path(scratch), 3 * len(chosen.sizes), frames, chosen.sizes, held_out=len(chosen.sizes))
        with CardMemory() as precomputing:
            run(shards, preset, ("-m", "pvtt_train", "precompute"), [ONCE, *capped, *chosen.overrides])
        settings = [ONCE, *capped, *SHORT, *lasting, *chosen.overrides]
        with CardMemory() as training:
            told = run(shards, preset, ("-m", "pvtt_train"), settings, "--run", str(folder))
        steps, validations = list(RunFolder(folder).metrics()), list(RunFolder(folder).events("validated"))
    estimate = re.search(r"^memory +(\S+) GB", told, re.MULTILINE)
    return {
        "preset": preset,
        "frames": frames,
        "step_s": statistics.median(step["step_s"] for step in steps[len(steps) // 2 :]),
        "estimate_bytes": int(float(estimate[1]) * 1e9) if estimate else None,
        "step_bytes": max(step["memory_bytes"] for step in steps),
        "validation_bytes": max(entry["memory_bytes"] for entry in validations),
        "precompute_card_bytes": precomputing.most,
        "training_card_bytes": training.most,
        "validations": validations,
        "told": told.splitlines(),
    }


def row(one: dict[str, Any]) -> list[str]:
    """Of the table."""
    memory = ("estimate", "step", "validation", "precompute_card", "training_card")
    return [one["preset"], str(one["frames"]), f"{one['step_s']:.2f}", *(gb(one[f"{name}_bytes"]) for name in memory)]


def gb(size: int | None) -> str:
    """10⁹ bytes, or that it is not known."""
    return "—" if size is None else f"{size / 1e9:.1f} GB"


class CardMemory:
    """Looks, ten times a second, at how much of the first GPU is in use.

    Attributes:
        most: bytes; None without a GPU.
    """

    def __init__(self) -> None:
        self.most: int | None = None
        self._watch: subprocess.Popen[str] | None = None

    def __enter__(self) -> CardMemory:
        if torch.cuda.is_available():
            command = [
                "nvidia-smi",
                "--id=0",
                "--query-gpu=memory.used",
                "--format=csv,noheader,nounits",
                "-lms",
                "100",
            ]
            self._watch = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            self._first = threading.Event()
            self._reader = threading.Thread(target=self._read, args=(self._watch,), daemon=True)
            self._reader.start()
            self._first.wait(10)
        return self

    def _read(self, watch: subprocess.Popen[str]) -> None:
        assert watch.stdout is not None
        for line in watch.stdout:
            self.most = max(self.most or 0, int(line) * 2**20)
            self._first.set()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watch is not None:
            self._watch.terminate()
            self._watch.wait()
            self._reader.join()


if __name__ == "__main__":
    main()
