"""One start of a run, from settings to summary. Read it from top to bottom."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from pvtt_data.errors import PreflightError
from pvtt_data.experiment_log import Experiment, ExperimentLog, Input
from pvtt_data.words import bytes_text
from pvtt_train.assemble import assemble
from pvtt_train.config import precision_of
from pvtt_train.data.examples import CorruptSampleError
from pvtt_train.diffsynth_source import DiffSynthSource
from pvtt_train.distributed import World
from pvtt_train.facts import start_facts
from pvtt_train.guards import memory_told, room_told
from pvtt_train.loop import Outcome, train
from pvtt_train.plan import Plan, preflight, with_speed
from pvtt_train.room import gpu_lacks
from pvtt_train.run_folder import SELF_TEST, RunFolder
from pvtt_train.screen import Screen
from pvtt_train.settings import Settings, check_unchanged
from pvtt_train.speed.findings import turned_off
from pvtt_train.speed.selftest import choose
from pvtt_train.summary import Summary, keep_adapter
from pvtt_train.wan.architecture import SIZES


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
        if not _goes_on(settings, run, console):
            return None
        world.limit_memory(config.run.max_memory_gb)
        plan = _with_self_test(plan, world, run, console)
        with _logged(plan, world) as log:
            outcome = _trained(plan, world, run, console, diffsynth)
            if world.is_first:
                _tell(plan, outcome, run, log, console)
            world.wait()  # a launcher ends the others as soon as one has been stopped
            if outcome.stopped:
                console.print("stopped, saved; the same command goes on from there", highlight=False)
                sys.exit(128 + outcome.stopped)
    return outcome


def rehearse(plan: Plan, console: Console) -> None:
    """Check and tell what `start` checks and tells before anything is loaded; nothing is written.

    Raises:
        PreflightError: as of `start`.
    """
    preflight(plan)
    run = RunFolder(plan.settings.folder)
    run.check_free()
    _goes_on(plan.settings, run, console)


def _goes_on(settings: Settings, run: RunFolder, console: Console) -> bool:
    """Tell how a run stands that is in the folder already; whether there is anything left to do.

    Raises:
        PreflightError: it is another run.
    """
    changes, step = check_unchanged(settings, run), run.step
    if step >= settings.config.run.steps and run.is_finished(step):
        console.print(f"all {step} steps are done: {run.path}; give more with --set run.steps", highlight=False)
        return False
    for line in [f"changed    {line}" for line in changes] + ([f"goes on    after step {step}"] if step else []):
        console.print(line, highlight=False, markup=False)
    return True


def _with_self_test(plan: Plan, world: World, run: RunFolder, console: Console) -> Plan:
    """The plan with what is fast and right on the GPU; the first process finds out for all. A run that goes on keeps
    what it found.

    Raises:
        PreflightError: without what is not right, there is too little memory.
    """
    config = plan.settings.config
    if world.device.type != "cuda" or not config.run.self_test:
        return plan
    found = plan.speed
    if world.is_first:
        found = choose(
            SIZES[config.model.size],
            config.lora,
            plan.largest,
            world.device,
            wanted=config.speed,
            batch=config.data.batch,
            available=plan.room.available,
            ema=bool(config.optimiser.ema.keep),
            weight_bytes=precision_of(config, world.device).itemsize,
            kept_in=run.path / SELF_TEST,
            told=lambda words: console.print(f"self-test  {words}", highlight=False, markup=False),
        )
    found_plan = with_speed(plan, world.same(found), world)
    wrong = world.same(turned_off(config.speed, run.path / SELF_TEST) if world.is_first else [])
    lacking = gpu_lacks(found_plan.memory, plan.room, wrong)
    if lacking:
        if world.is_first:
            (run.path / SELF_TEST).unlink(missing_ok=True)  # what is wrong may be mended before the next start
        raise PreflightError(lacking[0])
    return found_plan


def _trained(plan: Plan, world: World, run: RunFolder, console: Console, diffsynth: DiffSynthSource) -> Outcome:
    """Load and train; errors say what may be changed."""
    config, step = plan.settings.config, run.step
    advice = [f"estimated: {plan.memory}", "what takes less:", *plan.memory.advice(vae=plan.room.encoding)]

    def tell(line: str) -> None:
        console.print(line, highlight=False, markup=False)

    facts = start_facts(plan, world, diffsynth, step) if world.is_first else {}

    def begin() -> None:
        """A start that is refused until here leaves the run's settings as they are."""
        if world.is_first:
            run.write_config(config)
            run.add_facts(facts)

    with memory_told(f"step {step + 1}, while the model was loaded", advice):
        parts, course = assemble(config, plan.speed, world, run, advice, tell)
    try:
        with room_told(lambda: f"what was saved after step {run.step} is good"):
            return train(parts, course, run, world, Screen(console if world.is_first else None), begin)
    except CorruptSampleError as error:
        if not error.replaceable:
            raise
        allowed = config.data.allow_corrupt
        more = f"--set data.allow_corrupt={allowed + 1} lets one more such sample be replaced by another"
        raise CorruptSampleError(error.key, f"{error.why}; {allowed} were allowed, {more}") from error


def _tell(plan: Plan, outcome: Outcome, run: RunFolder, log: ExperimentLog | None, console: Console) -> None:
    """The adapter where it is looked for, and the summary."""
    with room_told(lambda: f"all {outcome.progress.step} steps are saved"):
        adapter = keep_adapter(outcome, run)
        summary = Summary.of_run(plan, outcome, run)
        summary.write(run, plan)
    for line in summary.lines():
        console.print(line, highlight=False, markup=False)
    if adapter is not None:
        console.print(f"adapter: {adapter} ({bytes_text(adapter.stat().st_size)})", highlight=False, markup=False)
    if log is not None:
        log.add(*summary.entries(run))


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
