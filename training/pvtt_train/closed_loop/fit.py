"""Training by the loop of `pvtt-train`, with a step of its own: AdamW, warm-up and cosine, clipping, an average of the
weights; on a GPU as a captured graph.

The graph holds the whole step, from drawing the batch to the optimiser, so that the processor has one thing to launch.
Nothing in it may copy from the processor or wait for it.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from pvtt_train import loop
from pvtt_train.checkpoint import CheckpointConfig
from pvtt_train.distributed import World
from pvtt_train.ema import Ema, EmaConfig
from pvtt_train.guards import NotFiniteError
from pvtt_train.lesson import Lesson
from pvtt_train.run_folder import RunFolder
from pvtt_train.schedule import ScheduleConfig
from pvtt_train.screen import Screen
from pvtt_train.standing import Standing
from pvtt_train.step import Done

Batch = tuple[Tensor, ...]
Report = Callable[[int, float], None]
_KEEP_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Course:
    """How something is trained.

    Attributes:
        steps: how many.
        rate: highest learning rate.
        warm: steps until it is reached, a tenth of all at most; half a cosine to 2 % of it runs along.
        clip: largest norm of the gradient.
        keep: share of the average that stays at each step; 0 for no average.
    """

    steps: int
    rate: float
    warm: int = 100
    clip: float = 1.0
    keep: float = 0.0

    def rate_at(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        return ScheduleConfig(kind="cosine", warmup=self.warm, floor=0.02).rate_at(self.rate, step, self.steps)


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of it.

    Attributes:
        losses: mean over each tenth of the steps.
        seconds: of the steps; of all runs that took part.
    """

    losses: tuple[float, ...]
    seconds: float


def fit(
    draw: Callable[[], Batch],
    loss: Callable[..., Tensor],
    parameters: Sequence[nn.Parameter],
    course: Course,
    on_step: Report = lambda step, value: None,
    folder: Path | None = None,
) -> Trained:
    """Train parameters, by the loop of `pvtt-train`; they hold their average at the end, if one is kept.

    Args:
        draw: draws a batch, always of the same shapes; on a GPU, without a look at anything on the processor.
        loss: the loss of a batch, taken as its arguments.
        parameters: on one device.
        course: how.
        on_step: called at each tenth of the steps with the number of steps done and the mean loss since the last call.
        folder: of the run, which is saved once a minute; where it holds one, training goes on from it, to the same
            result. It is left where it is.

    Raises:
        NotFiniteError: the loss is no number any more.
        InputError: ``other-checkpoint``, the folder holds another training.
        SystemExit: it was told to stop; the run is saved.
    """
    if folder is None:
        with tempfile.TemporaryDirectory() as kept:
            return fit(draw, loss, parameters, course, on_step, Path(kept))
    step = _FitStep(draw, loss, parameters, course)
    keep = CheckpointConfig(every_steps=0, every_minutes=_KEEP_EVERY_S / 60, keep=1)
    names = [f"{place} {tuple(value.shape)}" for place, value in enumerate(parameters)]
    every = max(1, course.steps // 10)
    steps, parts = loop.Course(course.steps, keep, board=False), loop.Parts(step, names, _Drawn())
    with RunFolder(folder) as run:
        outcome = loop.train(parts, steps, run, World(parameters[0].device), _EverySoOften(every, on_step))
        if outcome.stopped:
            raise SystemExit(128 + outcome.stopped)
        losses = [entry["loss"] for entry in run.metrics()]
    step.ema.put()
    ends = range(every, course.steps + 1, every)
    means = tuple(round(sum(losses[end - every : end]) / every, 5) for end in ends)
    return Trained(means, round(outcome.progress.seconds, 1))


class _FitStep:
    """Draws a batch and changes the weights by it; on a GPU one captured graph."""

    def __init__(
        self,
        draw: Callable[[], Batch],
        loss: Callable[..., Tensor],
        parameters: Sequence[nn.Parameter],
        course: Course,
    ) -> None:
        self.draw, self.loss, self.parameters, self.course = draw, loss, parameters, course
        self.left_out: list[tuple[int, tuple[str, ...]]] = []
        self.ema = Ema(parameters, EmaConfig(keep=course.keep, warm=False))
        device = parameters[0].device
        self._cuda = cuda = device.type == "cuda"
        rate = torch.tensor(course.rate_at(0), device=device) if cuda else course.rate_at(0)
        self._rate = rate
        self.optimiser = torch.optim.AdamW(
            parameters, lr=rate, weight_decay=0.01, betas=(0.9, 0.98), fused=cuda, capturable=cuda
        )
        self._run: Callable[[], tuple[Tensor, Tensor]] | None = None

    def rate_at(self, number: int) -> float:
        """See `pvtt_train.loop.Stepper`."""
        return self.course.rate_at(number)

    def __call__(self, lessons: Sequence[Lesson], number: int) -> Done:
        """See `pvtt_train.loop.Stepper`; ``lessons`` is empty, since the step draws its batch itself."""
        if self._run is None:
            standing = Standing(self.parameters, self.ema.average, self.optimiser)
            self._run = _captured(self._step, self.optimiser, standing) if self._cuda else self._step
        if isinstance(self._rate, Tensor):
            self._rate.fill_(self.rate_at(number))
        else:
            self.optimiser.param_groups[0]["lr"] = self.rate_at(number)
        value, norm = self._run()
        done = Done(float(value), float(norm), taken=True)
        if not math.isfinite(done.loss):
            raise NotFiniteError(f"the loss is {done.loss} after {number + 1} steps")
        return done

    def _step(self) -> tuple[Tensor, Tensor]:
        value = self.loss(*self.draw())
        self.optimiser.zero_grad(set_to_none=True)
        value.backward()
        norm = nn.utils.clip_grad_norm_(self.parameters, self.course.clip)
        self.optimiser.step()
        self.ema.update(step=0)
        return value.detach(), norm.detach()


class _Drawn:
    """No batches for the loop: steps draw their own, by the process's dice, which are saved with the weights."""

    micro_batches = 0
    epochs = 0.0
    corrupt: Mapping[str, str] = MappingProxyType({})

    def __iter__(self) -> Iterator[Lesson]:
        return self

    def __next__(self) -> Lesson:
        raise StopIteration

    def state_dict(self) -> dict[str, Any]:
        """See `pvtt_train.loop.Lessons`."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `pvtt_train.loop.Lessons`."""

    def close(self) -> None:
        """See `pvtt_train.loop.Lessons`."""


class _EverySoOften(Screen):
    """Reports the mean loss of every so many steps."""

    def __init__(self, every: int, report: Report) -> None:
        super().__init__()
        self._every, self._report = every, report
        self._losses: list[float] = []

    def step(self, step: int, loss: float, step_s: float, wait_s: float, memory_bytes: int) -> None:
        """See `Screen`."""
        self._losses.append(loss)
        if step % self._every == 0:
            self._report(step, sum(self._losses) / len(self._losses))
            self._losses.clear()


def _captured(
    step: Callable[[], tuple[Tensor, Tensor]], optimiser: torch.optim.Optimizer, standing: Standing
) -> Callable[[], tuple[Tensor, Tensor]]:
    """The step as one CUDA graph: batch, forward, backward, optimiser. Random numbers are new at each replay.

    The steps that a capture needs beforehand are undone.
    """
    before = standing.copy()
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    optimiser.zero_grad(set_to_none=True)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        made = step()
    standing.restore(before)

    def replay() -> tuple[Tensor, Tensor]:
        graph.replay()
        return made

    return replay
