"""Batches for the training step, made in threads while the step before is at work."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from itertools import cycle
from typing import Any

import torch
from torch import Tensor

from pvtt_data.errors import InputError
from pvtt_train.data.buckets import Order, Turn, rank_share
from pvtt_train.data.config import DataConfig
from pvtt_train.data.encoders import indexed
from pvtt_train.data.examples import CorruptSampleError, Examples
from pvtt_train.lesson import Lesson

_TENSORS = tuple(field.name for field in fields(Lesson) if field.name not in ("keys", "contents"))


def collate(lessons: Sequence[Lesson]) -> Lesson:
    """One batch of lessons of one bucket."""
    if len(lessons) == 1:
        return lessons[0]
    joined = {name: torch.cat([getattr(lesson, name) for lesson in lessons]) for name in _TENSORS}
    return Lesson(
        keys=tuple(key for lesson in lessons for key in lesson.keys),
        contents=tuple(content for lesson in lessons for content in lesson.contents),
        **joined,
    )


@dataclass(slots=True)
class Times:
    """What loading took.

    Attributes:
        batches: that were handed out.
        last_wait_s: for which the last one was waited for.
        wait_s: the sum of that: time in which the step could have worked.
        cpu_s: processor time of the threads that made them.
    """

    batches: int = 0
    last_wait_s: float = 0.0
    wait_s: float = 0.0
    cpu_s: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Ready:
    lesson: Lesson
    copied: torch.cuda.Event | None
    cpu_s: float


class Loader:
    """An iterator of lessons on a device, without end. Nothing random is drawn but by `Order` and `Examples`.

    Of each global batch it gives the share of one of several GPUs, ``data.batch`` samples at a time. The state is that
    after the last batch which was handed out; what was made ahead is made again.

    Args:
        examples: the samples.
        data: batch, global batch, seed, threads, prefetch, allowed corrupt samples.
        device, dtype: of the lessons; loss weights stay float32.
        rank, world: which of how many GPUs.

    Raises:
        InputError: ``global-batch``, it cannot be shared among so many GPUs; ``no-samples``.
    """

    def __init__(
        self,
        examples: Examples,
        data: DataConfig,
        *,
        device: torch.device,
        dtype: torch.dtype,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        if data.global_batch % (data.batch * world):
            raise InputError(
                "global-batch",
                f"data.global_batch ({data.global_batch}) must be divisible by data.batch ({data.batch}) times the "
                f"number of GPUs ({world})",
            )
        self.examples, self.data = examples, data
        device = indexed(device)
        self.device, self.dtype, self.rank, self.world = device, dtype, rank, world
        self.times = Times()
        self._order = Order(examples.keys(), examples.bucket, data.seed, data.global_batch)
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._pool = ThreadPoolExecutor(data.threads, thread_name_prefix="loader")
        self._corrupt: dict[str, str] = {}
        self._guard = threading.Lock()
        self._pending: deque[tuple[Future[_Ready], dict[str, Any], float]] = deque()
        self._batch: list[list[Turn]] = []
        self._begun: dict[str, Any] = self._order.state_dict()
        self._done = 0
        self._place = {"order": self._begun, "done": 0}
        self._epochs = 0.0

    @property
    def micro_batches(self) -> int:
        """Batches that this GPU takes for one step of the optimiser."""
        return self.data.global_batch // (self.data.batch * self.world)

    @property
    def epochs(self) -> float:
        """How often the samples had been dealt when the last batch was put together."""
        return self._epochs

    @property
    def corrupt(self) -> Mapping[str, str]:
        """Keys of samples that could not be read and were replaced, and why; without `Examples.unreadable`."""
        with self._guard:
            return dict(self._corrupt)

    def __iter__(self) -> Iterator[Lesson]:
        return self

    def __next__(self) -> Lesson:
        """The next batch.

        Raises:
            CorruptSampleError: a sample cannot be read, and no more of those are allowed, or no sample is left that
                could stand in for it.
        """
        if not self._pending:
            self._submit()
        future, place, epochs = self._pending.popleft()
        while len(self._pending) < self.data.prefetch:
            self._submit()
        begun = time.perf_counter()
        ready = future.result()
        if ready.copied is not None:
            current = torch.cuda.current_stream(self.device)
            current.wait_event(ready.copied)
            for name in _TENSORS:
                getattr(ready.lesson, name).record_stream(current)
        self.times.last_wait_s = time.perf_counter() - begun
        self.times.wait_s += self.times.last_wait_s
        self.times.cpu_s += ready.cpu_s
        self.times.batches += 1
        self._place, self._epochs = place, epochs
        return ready.lesson

    def state_dict(self) -> dict[str, Any]:
        """Where it stands, as plain JSON values; the same on all GPUs between two steps, but for ``corrupt``."""
        return {
            "examples": self.examples.name,
            "batch": self.data.batch,
            "world": self.world,
            **self._place,
            "corrupt": dict(self.corrupt),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there. Between two steps the number of GPUs and ``data.batch`` may be others than before.

        Raises:
            InputError: ``another-order``, it is the state of other samples, or of more or fewer of them, of another
                seed or global batch, or lies within a step that was shared out otherwise.
        """
        if state["examples"] != self.examples.name:
            raise InputError(
                "another-order",
                f"the samples are those of {self.examples.name}, not of {state['examples']} as before: another dataset "
                "version, settings or encoders, or a sample was mended or left out since; bring back the samples as "
                "they were, or begin a new run (--run)",
            )
        if state["done"] and (state["batch"], state["world"]) != (self.data.batch, self.world):
            raise InputError(
                "another-order",
                f"the state lies within a step that {state['world']} GPUs did {state['batch']} samples at a time",
            )
        self._drop_pending()
        self._order.load_state_dict(state["order"])
        self._begun = self._order.state_dict()
        self._batch, self._done = [], int(state["done"])
        self._place = {"order": self._begun, "done": self._done}
        self._epochs = self._order.epochs
        with self._guard:
            self._corrupt = dict(state["corrupt"])

    def close(self) -> None:
        """Stop the threads."""
        self._drop_pending()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Loader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _drop_pending(self) -> None:
        for future, _, _ in self._pending:
            future.cancel()
        for future, _, _ in self._pending:
            if not future.cancelled():
                future.exception()
        self._pending.clear()

    def _submit(self) -> None:
        if not self._batch:
            self._begun = self._order.state_dict()
            self._batch = rank_share(next(self._order), self.data.batch, self.rank, self.world)
        turns = self._batch[self._done]
        self._done += 1
        if self._done == len(self._batch):
            self._batch, self._done = [], 0
            self._begun = self._order.state_dict()
        place = {"order": self._begun, "done": self._done}
        self._pending.append((self._pool.submit(self._make, turns), place, self._order.epochs))

    def _make(self, turns: Sequence[Turn]) -> _Ready:
        begun = time.thread_time()
        lesson = collate(self._lessons(turns))
        if self._stream is None:
            return _Ready(lesson.to(self.device, self.dtype), None, time.thread_time() - begun)
        with torch.cuda.device(self.device), torch.cuda.stream(self._stream):
            moved = _pinned(lesson).to(self.device, self.dtype)
            copied = torch.cuda.Event()
            copied.record(self._stream)
        return _Ready(moved, copied, time.thread_time() - begun)

    def _lessons(self, turns: Sequence[Turn]) -> list[Lesson]:
        """The lessons of a batch. Where one cannot be read, and that is allowed, the next sample of its bucket stands
        in for it, else another one of the batch; where none of the batch can, the next sample of any bucket does.
        """
        found = [self._readable(turn, same_bucket=True) for turn in turns]
        others = [lesson for lesson in found if lesson is not None]
        if not others:
            other = self._readable(turns[0], same_bucket=False)
            if other is None:
                key = self.examples.keys()[turns[0].number]
                raise self._irreplaceable(CorruptSampleError(key, self.corrupt[key]))
            others = [other]
        stand_ins = cycle(others)
        return [next(stand_ins) if lesson is None else lesson for lesson in found]

    def _readable(self, turn: Turn, *, same_bucket: bool) -> Lesson | None:
        """The first lesson that can be read, from that of a turn on, of its bucket or of the other ones; or None."""
        bucket = self.examples.bucket(turn.number, turn.epoch)
        count = len(self.examples)
        for number in ((turn.number + step) % count for step in range(count)):
            if (self.examples.bucket(number, turn.epoch) == bucket) != same_bucket:
                continue
            try:
                return self.examples.example(number, turn.epoch)
            except CorruptSampleError as error:
                self._allow(error)
            except Exception as error:
                error.add_note(f"while sample {self.examples.keys()[number]} was loaded")
                raise
        return None

    def _allow(self, error: CorruptSampleError) -> None:
        with self._guard:
            if error.key in self._corrupt:
                return
            if len(self._corrupt) + len(self.examples.unreadable) >= self.data.allow_corrupt:
                raise error if len(self._corrupt) + 1 < len(self.examples) else self._irreplaceable(error)
            self._corrupt[error.key] = error.why

    def _irreplaceable(self, error: CorruptSampleError) -> CorruptSampleError:
        advice = f"run `pvtt-data verify {self.data.shards}`, and copy the version again or build it anew"
        if self.data.from_latents:
            advice += "; `pvtt-train precompute --set data.precompute.check_stored=true` makes damaged latents anew"
        why = f"{error.why}; no other sample can be read that could stand in for it: {advice}"
        return CorruptSampleError(error.key, why, replaceable=False)


def _pinned(lesson: Lesson) -> Lesson:
    """The same in memory that a GPU can fetch from while the processor goes on."""
    pinned: dict[str, Tensor] = {name: getattr(lesson, name).pin_memory() for name in _TENSORS}
    return replace(lesson, **pinned)
