"""What a run made, and what it left out and why."""

from __future__ import annotations

import itertools
import json
import math
import shlex
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pvtt_data.experiment_log import Entry, Output, Picture, Related, Remark, Setting, Table
from pvtt_data.files import write_whole
from pvtt_data.words import bytes_text, duration_text
from pvtt_train.loop import Outcome
from pvtt_train.plan import Plan, some_left_out
from pvtt_train.run_folder import ADAPTER, CONFIG, METRICS, SUMMARY, SUMMARY_NUMBERS, RunFolder

_PARTS = 10
_SHOWN = ("loss", "rsd", "rsd_px", "background_psnr_db")
_NO_SCORES = ("time", "event", "seconds", "memory_bytes")


@dataclass(frozen=True, slots=True)
class Summary:
    """Numbers of a run, over all its starts.

    Attributes:
        steps, of: steps done, and of how many.
        samples: that they took.
        epochs: how often each sample was shown.
        seconds: that the steps took.
        losses: mean over each tenth of the steps done.
        step_s: median of a step.
        wait_share: of the steps' time in which they waited for the loader.
        peak_bytes: the most memory that was held, in steps and in validations.
        left_out: steps whose loss or gradient was no number, and the keys of their samples.
        corrupt: samples that could not be read and were replaced, and why.
        not_trained_on: samples that were left out from the beginning, and why.
        validations: scores of the first validation and of the last one, with the step of each.
        stopped: number of the signal that ended the run early; 0 if it is finished.
    """

    steps: int
    of: int
    samples: int
    epochs: float
    seconds: float
    losses: tuple[float, ...]
    step_s: float
    wait_share: float
    peak_bytes: int
    left_out: tuple[tuple[int, tuple[str, ...]], ...]
    corrupt: dict[str, str]
    not_trained_on: dict[str, str]
    validations: tuple[dict[str, float], ...]
    stopped: int

    @classmethod
    def of_run(cls, plan: Plan, outcome: Outcome, run: RunFolder) -> Summary:
        """From the metrics of a run."""
        told = list(run.metrics())
        times, waits = [entry["step_s"] for entry in told], [entry["wait_s"] for entry in told]
        samples = outcome.progress.step * plan.settings.config.data.global_batch
        return cls(
            steps=outcome.progress.step,
            of=plan.settings.config.run.steps,
            samples=samples,
            epochs=round(samples / plan.samples, 2),
            seconds=round(outcome.progress.seconds, 1),
            losses=_tenths([entry["loss"] for entry in told if entry["taken"]]),
            step_s=statistics.median(times) if times else 0.0,
            wait_share=round(sum(waits) / sum(times), 4) if sum(times) else 0.0,
            peak_bytes=max((entry["memory_bytes"] for entry in (*told, *run.events("validated"))), default=0),
            left_out=tuple(outcome.progress.left_out),
            corrupt=dict(outcome.progress.corrupt),
            not_trained_on=dict(plan.left_out),
            validations=_first_and_last(run),
            stopped=outcome.stopped,
        )

    def lines(self) -> list[str]:
        """For a person."""
        head = f"{self.steps} of {self.of} steps, {self.samples} samples, {self.epochs} epochs"
        first, last = (self.losses[0], self.losses[-1]) if self.losses else (math.nan, math.nan)
        told = [
            f"{head} in {duration_text(self.seconds)}"
            + (f"; stopped by signal {self.stopped}" if self.stopped else ""),
            f"loss {first:.4f} in the first tenth, {last:.4f} in the last",
            f"{self.step_s:.2f} s a step (median), {100 * self.wait_share:.1f} % of the time waiting for the loader, "
            f"{bytes_text(self.peak_bytes)} at most",
        ]
        for scores in self.validations:
            numbers = ", ".join(f"{name} {scores[name]:.4g}" for name in _SHOWN if name in scores)
            told.append(f"validation after step {scores['step']}: {numbers}")
        told += [f"step {step} was left out: no number; samples {', '.join(keys)}" for step, keys in self.left_out]
        told += [f"sample {key} was replaced: {why}" for key, why in sorted(self.corrupt.items())]
        told += some_left_out(self.not_trained_on)
        if not (self.left_out or self.corrupt or self.not_trained_on):
            told.append("nothing was left out")
        return told

    def write(self, run: RunFolder, plan: Plan) -> None:
        """Into the run's folder, for people and for programs."""
        lora = plan.settings.config.lora
        use = use_in_words(lora.targets, lora.dora, plan.settings.folder)
        text = [f"# {plan.settings.folder.name}", "", *(f"- {line}" for line in self.lines()), "", "## What it was", ""]
        text += ["```", *plan.lines(), "```", "", "## What it made", ""]
        text.append(f"`{ADAPTER}`: {use}" if self.steps else "nothing: no step was done")
        write_whole(run.path / SUMMARY, "\n".join([*text, ""]).encode())
        write_whole(run.path / SUMMARY_NUMBERS, json.dumps(asdict(self), indent=2).encode())

    def entries(self, run: RunFolder) -> list[Entry]:
        """For the experiment log."""
        rows: list[list[str | float | int]] = [
            [f"{number + 1} of {len(self.losses)}", loss] for number, loss in enumerate(self.losses)
        ]
        found: list[Entry] = [Remark(line) for line in self.lines()]
        if rows:
            found.append(Table("Loss", ["part of the steps", "mean loss"], rows))
        if self.validations:
            first, last = self.validations[0], self.validations[-1]
            found.append(
                Table(
                    "Validation",
                    ["score", f"after step {first['step']}", f"after step {last['step']}"],
                    [[name, first.get(name), last.get(name)] for name in last if name != "step"],
                )
            )
            found += [
                Picture(f"{run.path.name} step {last['step']} {sheet.stem}", sheet)
                for sheet in sorted(run.samples.glob(f"step-{last['step']:06}/*-sheet.png"))
            ]
        found.append(Setting("seconds per step", round(self.step_s, 3)))
        if (run.path / ADAPTER).is_file():
            found.append(Output(run.path / ADAPTER, "adapter; the summary says what loads it"))
        named = ((METRICS, "numbers of each step"), (CONFIG, "all settings"), (SUMMARY, "summary"))
        return [*found, *(Related(run.path / name, words) for name, words in named)]


def use_in_words(targets: str, dora: bool, run: Path) -> str:
    """How a run's adapter is used, in one line: what loads it, or what writes it anew for other programs.

    Args:
        targets: vace, dit or both.
        dora: whether it has magnitudes.
        run: folder of the run.
    """
    command = f"`pvtt-train export {shlex.quote(str(run))} lora.safetensors`"
    if dora:
        return f"DoRA: {command} for diffusers; DiffSynth and ComfyUI cannot use it"
    parts = ("vace", "dit") if targets == "both" else (targets,)
    loads = " and ".join(f"`pipe.load_lora(pipe.{part}, {ADAPTER!r})`" for part in parts)
    return f"{loads} in DiffSynth; {command} for diffusers, with `--format comfyui` for ComfyUI"


def keep_adapter(outcome: Outcome, run: RunFolder) -> Path | None:
    """Copy the adapter of the last checkpoint to where it is looked for; None if there is none."""
    if outcome.checkpoint is None:
        return None
    write_whole(run.path / ADAPTER, (outcome.checkpoint / ADAPTER).read_bytes())
    return run.path / ADAPTER


def _first_and_last(run: RunFolder) -> tuple[dict[str, float], ...]:
    """Validations that are in the log; one if there is only one."""
    found: dict[int, dict[str, float]] = {}
    for entry in run.events("validated"):
        scores = {name: value for name, value in entry.items() if name not in _NO_SCORES}
        found[int(entry["step"])] = scores
    steps = sorted(found)
    return tuple(found[step] for step in dict.fromkeys((steps[0], steps[-1]))) if steps else ()


def _tenths(losses: Sequence[float]) -> tuple[float, ...]:
    """Means of equal parts, at most ten."""
    parts = min(_PARTS, len(losses))
    ends = [len(losses) * number // parts for number in range(parts + 1)] if parts else []
    return tuple(round(statistics.fmean(losses[begin:end]), 6) for begin, end in itertools.pairwise(ends))
