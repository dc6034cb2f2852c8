"""One start of a run, from settings to summary. Read it from top to bottom."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from rich.console import Console

from pvtt_data.experiment_log import Experiment, ExperimentLog, Input
from pvtt_data.words import bytes_text
from pvtt_train.assemble import assemble
from pvtt_train.data.examples import CorruptSampleError
from pvtt_train.diffsynth_source import DiffSynthSource
from pvtt_train.distributed import World
from pvtt_train.facts import start_facts
from pvtt_train.guards import ran_out_of_memory
from pvtt_train.loop import Outcome, train
from pvtt_train.plan import Plan, preflight
from pvtt_train.run_folder import RunFolder
from pvtt_train.screen import Screen
from pvtt_train.settings import check_unchanged
from pvtt_train.summary import Summary, keep_adapter


def start(plan: Plan, world: World, diffsynth: DiffSynthSource, console: Console) -> Outcome | None:
    """Begin a run, or go on with it, until all steps are done or it is told to stop.

    Returns:
        What came of it; None if all steps had been done before.

    Raises:
        PreflightError: something is missing, or the folder holds another run or is in use.
        PvttError: as `pvtt_train.loop.train`.
    """
    settings, config = plan.settings, plan.settings.config
    preflight(plan)
    with _held(settings.folder, world) as run:
        changes = check_unchanged(settings, run)
        step = run.step
        if step >= config.run.steps:
            console.print(f"all {step} steps are done: {run.path}; give more with --set run.steps", highlight=False)
            return None
        for line in changes:
            console.print(f"changed    {line}", highlight=False, markup=False)
        if step:
            console.print(f"goes on    after step {step}", highlight=False)
        if world.is_first:
            run.write_config(config)
            run.add_facts(start_facts(plan, world, diffsynth, step))
        if config.run.max_memory_gb is not None and world.device.type == "cuda":
            total = torch.cuda.get_device_properties(world.device).total_memory
            torch.cuda.set_per_process_memory_fraction(min(1.0, config.run.max_memory_gb * 1e9 / total), world.device)
        advice = [f"estimated: {plan.memory}", "what takes less:", *plan.memory.advice()]
        with _logged(plan, world) as log:
            try:
                made = assemble(config, world, run, advice, lambda line: console.print(line, highlight=False))
            except (RuntimeError, MemoryError) as error:
                told = ran_out_of_memory(error, step + 1, "while the model was loaded", advice)
                if told is None:
                    raise
                raise told from error
            try:
                outcome = train(made.parts, made.course, run, world, Screen(console if world.is_first else None))
            except CorruptSampleError as error:
                allowed = config.data.allow_corrupt
                more = f"--set data.allow_corrupt={allowed + 1} lets one more such sample be replaced by another"
                raise CorruptSampleError(error.key, f"{error.why}; {allowed} were allowed, {more}") from error
            if world.is_first:
                adapter = keep_adapter(outcome, run)
                summary = Summary.of_run(plan, outcome, run)
                summary.write(run, plan)
                for line in summary.lines():
                    console.print(line, highlight=False, markup=False)
                if adapter is not None:
                    size = bytes_text(adapter.stat().st_size)
                    console.print(f"adapter: {adapter} ({size})", highlight=False, markup=False)
                if log is not None:
                    log.add(*summary.entries(run))
            if outcome.stopped:
                console.print("stopped, saved; the same command goes on from there", highlight=False)
                sys.exit(128 + outcome.stopped)
    return outcome


@contextlib.contextmanager
def _held(folder: Path, world: World) -> Iterator[RunFolder]:
    """The run's folder; the first process holds it for all."""
    run = RunFolder(folder)
    if not world.is_first:
        yield run
        return
    with run:
        yield run


@contextlib.contextmanager
def _logged(plan: Plan, world: World) -> Iterator[ExperimentLog | None]:
    """The experiment log of this start, if one is wanted; the first process writes it."""
    config = plan.settings.config
    if config.run.experiments is None or not world.is_first:
        yield None
        return
    lora, optimiser = config.lora, config.optimiser
    experiment = Experiment(
        model=config.model.size,
        task="train-lora",
        subject=f"LoRA rank {lora.rank} on {lora.targets}",
        test_case=plan.dataset,
        background=f"Adapters for product swaps, trained on {plan.samples} triples for {plan.epochs:.1f} epochs.",
        settings={
            "steps": config.run.steps,
            "samples in a step": config.data.global_batch,
            "learning rate": optimiser.rate,
            "schedule": optimiser.schedule.kind,
            "average": optimiser.ema.keep,
            "timesteps": f"{config.flow.sampling}, shift {config.flow.shift}",
            "seed": config.run.seed,
            "settings": f"{plan.settings.name}: {plan.settings.why}",
            "estimated memory": str(plan.memory),
            "run": plan.settings.folder,
        },
    )
    with ExperimentLog(experiment, config.run.experiments) as log:
        log.add(Input(plan.dataset, f"{plan.samples} triples, root {plan.root[:16]}", config.data.shards))
        yield log
