#!/usr/bin/env python3
"""Does training on several GPUs pay, and is its curve that of one?

    python benchmarks/scaling.py                             # all GPUs of this machine, drawn clips
    python benchmarks/scaling.py --shards shards/v1          # a dataset of yours, with its latents if they are there
    python benchmarks/scaling.py --preset tiny-cpu --processes 2 --height 64 --width 96 --frames 9  # the curve alone

Trains the same run twice through `pvtt-train`, by one process and by one for each GPU, with the same global batch (as
many samples as there are processes) and nothing of it kept. Weights are random, so losses mean nothing but that they
must be the same. Drawn clips are precomputed first, so that nothing but the step is measured.

- *s a step*: median of all steps but the first three.
- *efficiency*: seconds of one process over seconds of N, divided by N.
- *curve*: the largest difference of two losses of the same step, relative.

The target, written down before the first run: at least 90 % on two GPUs of one machine, and curves within 1 %.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import torch
from drawn_clips import draw_dataset
from pvtt_train.run_folder import RunFolder
from trainer_runs import run

from pvtt_data.experiment_log.markdown import table
from pvtt_data.stage import library_version

Steps = list[dict[str, Any]]
SKIPPED = 3
ONCE = "data.precompute.variants=1"


def main() -> None:
    """Print the table as Markdown."""
    chosen = arguments()
    count = chosen.processes
    with tempfile.TemporaryDirectory() as scratch:
        if chosen.shards is None:
            size = (chosen.height, chosen.width)
            chosen.shards = draw_dataset(Path(scratch), max(6, 2 * count), chosen.frames, [size])
            precompute = ("-m", "pvtt_train", "precompute")
            run(chosen.shards, chosen.preset, precompute, [ONCE, *chosen.overrides])
        runs = {n: trained(chosen, n, Path(scratch) / f"run{n}") for n in (1, count)}
    seconds = {n: statistics.median(step["step_s"] for step in steps[SKIPPED:]) for n, steps in runs.items()}
    efficiency = seconds[1] / seconds[count] / count
    curve = max(abs(b["loss"] - a["loss"]) / abs(a["loss"]) for a, b in zip(runs[1], runs[count], strict=True))
    rows = [[str(n), f"{seconds[n]:.3f}", f"{waiting(steps):.2%}"] for n, steps in runs.items()]
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "processor"
    print(table(["processes", "s a step", "waiting for the loader"], rows))
    print(f"\nefficiency {efficiency:.1%}; curve within {curve:.1e}; {chosen.steps} steps of {count} samples")
    print(f"{name}; torch {library_version('torch')}, accelerate {library_version('accelerate')}")
    if chosen.json:
        record = {"seconds": seconds, "efficiency": efficiency, "curve": curve, "device": name, "steps": runs}
        chosen.json.write_text(json.dumps(record, indent=1), encoding="utf-8")


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=Path, help="dataset version to train on; drawn clips by default")
    parser.add_argument("--frames", type=int, default=49, help="of drawn clips")
    parser.add_argument("--height", type=int, default=480)
    parser.add_argument("--width", type=int, default=848)
    parser.add_argument("--preset", default="h100")
    parser.add_argument("--processes", type=int, default=torch.cuda.device_count(), help="one a GPU by default")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--set", dest="overrides", action="append", default=[], help="as of pvtt-train")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    if chosen.processes < 2:
        parser.error("there is nothing to compare: --processes must be at least 2")
    if chosen.steps <= SKIPPED:
        parser.error(f"--steps must be more than the {SKIPPED} that are left out")
    return chosen


def trained(chosen: argparse.Namespace, count: int, folder: Path) -> Steps:
    """Numbers of each step of a run by so many processes."""
    launch = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", str(count), "--num_machines", "1"]
    launch += ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    settings = [ONCE, f"run.steps={chosen.steps}", f"data.global_batch={chosen.processes}"]
    settings += ["validation.every=0", "checkpoint.every_minutes=0", f"checkpoint.every_steps={chosen.steps}"]
    settings += chosen.overrides
    program = [*(launch if count > 1 else []), "-m", "pvtt_train"]
    run(chosen.shards, chosen.preset, program, settings, "--run", str(folder))
    return list(RunFolder(folder).metrics())


def waiting(steps: Steps) -> float:
    """Share of the time that the loader was waited for."""
    return sum(step["wait_s"] for step in steps[SKIPPED:]) / sum(step["step_s"] for step in steps[SKIPPED:])


if __name__ == "__main__":
    main()
