"""Training by steps: AdamW, warm-up and cosine, clipping, an average of the weights; on a GPU as a captured graph.

The graph holds the whole step, from drawing the batch to the optimiser, so that the processor has one thing to launch.
Nothing in it may copy from the processor or wait for it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from pvtt_train.closed_loop.checkpoint import Progress, read_standing, write_standing
from pvtt_train.ema import Ema, EmaConfig
from pvtt_train.schedule import ScheduleConfig
from pvtt_train.standing import Standing

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
        seconds: of the steps, without capturing; of all runs that took part.
    """

    losses: tuple[float, ...]
    seconds: float


def fit(
    draw: Callable[[], Batch],
    loss: Callable[..., Tensor],
    parameters: Sequence[nn.Parameter],
    course: Course,
    on_step: Report = lambda step, value: None,
    checkpoint: Path | None = None,
) -> Trained:
    """Train parameters; they hold their average at the end, if one is kept.

    Args:
        draw: draws a batch, always of the same shapes; on a GPU, without a look at anything on the processor.
        loss: the loss of a batch, taken as its arguments.
        parameters: on one device.
        course: how.
        on_step: called every so often with the number of steps done and the mean loss since the last call.
        checkpoint: a file that is written once a minute; where it exists, training goes on from it, to the same
            result. It is left where it is.

    Raises:
        FloatingPointError: the loss is no number any more.
    """
    device = parameters[0].device
    cuda = device.type == "cuda"
    rate = torch.tensor(course.rate_at(0), device=device) if cuda else course.rate_at(0)
    ema = Ema(parameters, EmaConfig(keep=course.keep, warm=False))
    made = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.01, betas=(0.9, 0.98), fused=cuda, capturable=cuda)

    def step() -> Tensor:
        value = loss(*draw())
        made.zero_grad(set_to_none=True)
        value.backward()
        nn.utils.clip_grad_norm_(parameters, course.clip)
        made.step()
        ema.update(step=0)
        return value.detach()

    standing = Standing(parameters, ema.average, made)
    progress = read_standing(standing, checkpoint) if checkpoint and checkpoint.exists() else Progress()
    run: Callable[[], Tensor] = _captured(step, made, standing) if cuda else step
    start, every = time.monotonic() - progress.seconds, max(1, course.steps // 10)
    kept = time.monotonic()
    total: Tensor = torch.full((), progress.total, device=device, dtype=torch.float64)
    losses = list(progress.losses)
    for number in range(progress.step, course.steps):
        if isinstance(rate, Tensor):
            rate.fill_(course.rate_at(number))
        else:
            made.param_groups[0]["lr"] = course.rate_at(number)
        total = total + run()
        if (number + 1) % every == 0:
            mean = float(total) / every
            if not math.isfinite(mean):
                raise FloatingPointError(f"the loss is {mean} after {number + 1} steps")
            losses.append(round(mean, 5))
            total = torch.zeros_like(total)
            on_step(number + 1, mean)
        if checkpoint and time.monotonic() - kept > _KEEP_EVERY_S:
            so_far = Progress(number + 1, tuple(losses), float(total), time.monotonic() - start)
            write_standing(standing, checkpoint, so_far)
            kept = time.monotonic()
    ema.put()
    return Trained(tuple(losses), round(time.monotonic() - start, 1))


def _captured(step: Callable[[], Tensor], optimiser: torch.optim.Optimizer, standing: Standing) -> Callable[[], Tensor]:
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
        value = step()
    standing.restore(before)

    def replay() -> Tensor:
        graph.replay()
        return value

    return replay
