"""The loop: batches, a step, numbers, a checkpoint. Read it from top to bottom."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import torch
from torch import nn

from pvtt_train.checkpoint import CheckpointConfig, Checkpoints
from pvtt_train.distributed import World
from pvtt_train.ema import Ema
from pvtt_train.guards import memory_told
from pvtt_train.lesson import Lesson
from pvtt_train.metrics import Metrics
from pvtt_train.run_folder import ADAPTER, RunFolder
from pvtt_train.screen import Screen
from pvtt_train.standing import Standing
from pvtt_train.step import Done
from pvtt_train.stopping import Stop
from pvtt_train.teller import Teller


class Lessons(Protocol):
    """Batches without end, and where they stand; `pvtt_train.data.loader.Loader` is one."""

    @property
    def micro_batches(self) -> int:
        """That this process takes for one step."""
        ...

    @property
    def epochs(self) -> float:
        """How often the samples have been dealt."""
        ...

    @property
    def corrupt(self) -> Mapping[str, str]:
        """Samples that could not be read and were replaced, and why."""
        ...

    def __iter__(self) -> Iterator[Lesson]: ...

    def __next__(self) -> Lesson: ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...

    def close(self) -> None: ...


class Validate(Protocol):
    """Samples and scores after so many steps, with the average in the adapters' place."""

    def due(self, step: int) -> bool: ...

    def __call__(self, step: int, metrics: Metrics) -> Mapping[str, float]: ...

    def close(self) -> None: ...


class Stepper(Protocol):
    """Changes weights by one step at a time; `pvtt_train.step.Step` is one."""

    @property
    def parameters(self) -> Sequence[nn.Parameter]:
        """That are trained."""
        ...

    @property
    def ema(self) -> Ema:
        """Their average."""
        ...

    @property
    def optimiser(self) -> torch.optim.AdamW:
        """Of them."""
        ...

    @property
    def left_out(self) -> list[tuple[int, tuple[str, ...]]]:
        """Steps that changed nothing, and the keys of their samples; lengthened in place."""
        ...

    def rate_at(self, number: int) -> float:
        """Learning rate of a step, counted from 0."""
        ...

    def __call__(self, lessons: Sequence[Lesson], number: int) -> Done: ...


@dataclass(frozen=True)
class Course:
    """How long it is trained, and when it is saved.

    Attributes:
        steps: in all.
        checkpoint: settings.
        board: tell TensorBoard, too.
    """

    steps: int
    checkpoint: CheckpointConfig
    board: bool = True


@dataclass(frozen=True)
class Parts:
    """What is trained, on what.

    Attributes:
        step: that is done again and again.
        names: of the parameters that it changes.
        lessons: batches.
        write_adapter: writes the adapters, as they are after so many steps, to a file that other programs take.
        validate: looks at the model now and then; only the first process has one.
        advice: lines to tell when memory is not enough.
    """

    step: Stepper
    names: Sequence[str]
    lessons: Lessons
    write_adapter: Callable[[Path, int], None] = lambda path, step: None
    validate: Validate | None = None
    advice: Sequence[str] = ()

    def __enter__(self) -> Parts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop threads and processes."""
        self.lessons.close()
        if self.validate is not None:
            self.validate.close()


@dataclass
class Progress:
    """How far a run has come; saved with every checkpoint.

    Attributes:
        step: steps done.
        seconds: that they took, over all starts.
        left_out: steps whose loss or gradient was no number, and the keys of their samples.
        lessons: where each process's batches stand.
        corrupt: samples that could not be read, and why.
    """

    step: int = 0
    seconds: float = 0.0
    left_out: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    lessons: list[dict[str, Any]] = field(default_factory=list)
    corrupt: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        progress: at the end.
        begun: step that this start went on from.
        checkpoint: the last one.
        stopped: number of the signal that ended it early; 0 if all steps and validations are done.
    """

    progress: Progress
    begun: int
    checkpoint: Path | None
    stopped: int


def train(
    parts: Parts,
    course: Course,
    run: RunFolder,
    world: World,
    screen: Screen,
    begin: Callable[[], None] = lambda: None,
) -> Outcome:
    """Train until all steps are done, or until told to stop; go on from the run's last checkpoint, if there is one.

    Args:
        parts, course: what is trained, on what, and how long.
        run: the folder.
        world: the processes.
        screen: where a person sees how it goes.
        begin: called once the last checkpoint has turned out to be one of this run: nothing was written before.

    Raises:
        NotFiniteError, OutOfMemoryError, DiskFullError: see there; the last checkpoint is good.
        InputError: the checkpoint is of another run.
        CorruptSampleError: a sample cannot be read, and no more of them may be passed over.
    """
    step = parts.step
    with parts, Stop() as stop:
        world.share(step.parameters)
        keeper = _Keeper(parts, Checkpoints(run.checkpoints, course.checkpoint, parts.names), world)
        progress = keeper.go_on()
        begin()
        begun, asked = progress.step, 0
        with Teller(run, world, screen, begun, course.steps, board=course.board) as teller:
            lessons = iter(parts.lessons)
            if begun not in {entry["step"] for entry in run.events("validated")}:
                _validate(parts, teller, begun)
            while progress.step < course.steps and not asked:
                number, start = progress.step, time.perf_counter()
                with memory_told(f"step {number + 1}, while its samples were made ready", parts.advice):
                    batches = [next(lessons) for _ in range(parts.lessons.micro_batches)]
                waited_s = time.perf_counter() - start
                with memory_told(f"step {number + 1}, {_shapes(batches)}", parts.advice):
                    done = step(batches, number)
                took_s = time.perf_counter() - start
                progress.step, progress.seconds = number + 1, progress.seconds + took_s
                teller.step(
                    progress.step,
                    done,
                    batches,
                    rate=step.rate_at(number),
                    epochs=parts.lessons.epochs,
                    took_s=took_s,
                    waited_s=waited_s,
                )
                asked, due = _agreed(world, stop.asked, keeper.checkpoints.due(progress.step))
                if due or asked or progress.step == course.steps:
                    keeper.save(progress)
                    teller.note("saved", step=progress.step)
                if not asked:
                    _validate(parts, teller, progress.step)
            # Told to stop in the very last step, it leaves that validation to the next start.
            missed = parts.validate is not None and parts.validate.due(progress.step)
            if asked and progress.step == course.steps and not world.same(missed):
                asked = 0
            if asked:
                teller.note("stopped", step=progress.step, signal=asked)
    return Outcome(progress, begun, keeper.checkpoints.latest(), asked)


class _Keeper:
    """Saves a run and goes on with it; files are the first process's business."""

    def __init__(self, parts: Parts, checkpoints: Checkpoints, world: World) -> None:
        self.parts, self.step, self.checkpoints, self.world = parts, parts.step, checkpoints, world
        self.standing = Standing(self.step.parameters, self.step.ema.average, self.step.optimiser)

    def go_on(self) -> Progress:
        latest = self.world.same(self.checkpoints.latest())
        if latest is None:
            return Progress()
        told = self.checkpoints.restore(latest, self.standing)
        states = told["lessons"]
        # Between two steps all processes stand at the same place, so that there may be more or fewer of them now.
        self.parts.lessons.load_state_dict(states[self.world.rank % len(states)])
        self.step.left_out.extend((step, tuple(keys)) for step, keys in told["left_out"])
        return Progress(told["step"], told["seconds"], self.step.left_out, states, told["corrupt"])

    def save(self, progress: Progress) -> None:
        progress.lessons = self.world.gather(self.parts.lessons.state_dict())
        for corrupt in self.world.gather(dict(self.parts.lessons.corrupt)):
            progress.corrupt |= corrupt
        progress.left_out = self.step.left_out
        if self.world.is_first:
            self.checkpoints.save(progress.step, self.standing, vars(progress), self._write_adapter(progress.step))

    def _write_adapter(self, step: int) -> Callable[[Path], None]:
        def write(folder: Path) -> None:
            with self.step.ema.in_place():
                self.parts.write_adapter(folder / ADAPTER, step)

        return write


def _shapes(batches: Sequence[Lesson]) -> str:
    return " and ".join(dict.fromkeys(f"latents {'×'.join(map(str, batch.clean.shape))}" for batch in batches))


def _agreed(world: World, asked: int, due: bool) -> tuple[int, bool]:
    """The signal that any process got, and whether the first one's clock says that a checkpoint is due."""
    if world.size == 1:
        return asked, due
    signals = world.gather((asked, due and world.is_first))
    return max(signal for signal, _ in signals), any(due for _, due in signals)


def _validate(parts: Parts, teller: Teller, number: int) -> None:
    """Look at the model after so many steps, with the average of the adapters in their place."""
    if parts.validate is None or not parts.validate.due(number) or teller.metrics is None:
        return
    with (
        teller.validation(number) as scores,
        parts.step.ema.in_place(),
        memory_told(f"step {number}, validation", parts.advice),
    ):
        scores |= parts.validate(number, teller.metrics)
