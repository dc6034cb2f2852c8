"""Runs of the trainer in small: the tiny model with random weights, and lessons out of thin air."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from pvtt_train.checkpoint import CheckpointConfig
from pvtt_train.distributed import World
from pvtt_train.ema import EmaConfig
from pvtt_train.flow import Flow
from pvtt_train.guards import FiniteGuard
from pvtt_train.lesson import Lesson
from pvtt_train.loop import Course, Outcome, Parts, Validate, train
from pvtt_train.optimiser import OptimiserConfig
from pvtt_train.run_folder import RunFolder
from pvtt_train.schedule import ScheduleConfig
from pvtt_train.screen import Screen
from pvtt_train.step import Step
from pvtt_train.wan.architecture import SIZES, WanVace, random_model
from pvtt_train.wan.lora import LoraConfig, add_lora, lora_parameters
from safetensors.torch import save_file

CPU = torch.device("cpu")
SIZE = SIZES["tiny"]
COURSE = Course(steps=8, checkpoint=CheckpointConfig(every_steps=3, every_minutes=0))
OPTIMISER = OptimiserConfig(rate=1e-2, schedule=ScheduleConfig(kind="cosine"), ema=EmaConfig(keep=0.9))


class ToyLessons:
    """Batches of B = 2 that follow from their number alone; ``change`` may spoil them."""

    def __init__(self, change: Callable[[int, Lesson], Lesson] = lambda number, lesson: lesson) -> None:
        self.number = 0
        self.change = change
        self.corrupt: dict[str, str] = {}
        self.micro_batches = 2
        self.closed = False

    @property
    def epochs(self) -> float:
        return self.number / 4

    def __iter__(self) -> Iterator[Lesson]:
        return self

    def __next__(self) -> Lesson:
        made = self.change(self.number, toy_lesson(self.number))
        self.number += 1
        return made

    def state_dict(self) -> dict[str, Any]:
        return {"number": self.number}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.number = state["number"]

    def close(self) -> None:
        self.closed = True


def toy_lesson(number: int) -> Lesson:
    """Two samples, one reference and two latent frames each."""
    dice = torch.Generator().manual_seed(number)
    clean = torch.randn(2, SIZE.channels, 3, 4, 6, generator=dice)
    weights = torch.ones(2, 1, 3, 4, 6)
    weights[:, :, :1] = 0
    return Lesson(
        keys=(f"{2 * number:016x}", f"{2 * number + 1:016x}"),
        clean=clean,
        context=torch.randn(2, SIZE.context_channels, 3, 4, 6, generator=dice),
        weights=weights,
        text=torch.randn(2, SIZE.text_tokens, SIZE.text_dim, generator=dice),
        contents=("grey", "source"),
    )


def toy_parts(lessons: ToyLessons, steps: int = COURSE.steps, allowed: int = 0, dropout: float = 0.1) -> Parts:
    """The tiny model with adapters, whose dropout throws the process's own dice.

    Args:
        steps: of the whole run, for the schedule.
        allowed: steps that may be left out.
    """
    model: WanVace = random_model(SIZE, device=CPU, dtype=torch.float32)
    add_lora(model, LoraConfig(rank=2, dropout=dropout, modules=("q", "v", "ffn.0")))
    parameters = lora_parameters(model)

    def write_adapter(path: Path, step: int) -> None:
        save_file({name: value.detach() for name, value in parameters.items()}, path, {"step": str(step)})

    step = Step(
        model.train(),
        list(parameters.values()),
        Flow(CPU),
        OPTIMISER,
        steps=steps,
        samples=4,
        seed=3,
        dtype=torch.float32,
        world=World(CPU),
        guard=FiniteGuard(allowed),
    )
    return Parts(step, list(parameters), lessons, write_adapter, advice=("estimated: 1 GB", "try less"))


def toy_run(
    folder: Path, lessons: ToyLessons | None = None, allowed: int = 0, validate: Validate | None = None, **changes: Any
) -> Outcome:
    """Train in a folder; what it holds is gone on with."""
    course = replace(COURSE, **changes)
    with RunFolder(folder) as run:
        parts = replace(toy_parts(lessons or ToyLessons(), course.steps, allowed), validate=validate)
        return train(parts, course, run, World(CPU), Screen())
