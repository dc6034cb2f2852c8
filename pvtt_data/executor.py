"""The local executor: map stages in worker processes that may crash, hang or eat memory without taking the run along.

Processes are spawned, not forked; each works on one row at a time with one codec thread and one numeric thread. A
worker that dies or overruns its time is replaced and its row is tried once more, alone, when all others are done; if it
fails again the row is rejected as ``crashed`` or ``timeout``. When the parent dies, its workers die with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import errno
import multiprocessing
import os
import resource
import signal
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from pvtt_data.errors import BuildError, InputError, causes, disk_full
from pvtt_data.process_pool import one_numeric_thread
from pvtt_data.records import canonical_json
from pvtt_data.stage import Cost, MapStage, Named, Outcome, reject
from pvtt_data.store import BlobStore

_SETUP_TIMEOUT_S = 600.0
_OPENCV_NO_MEMORY = -4
_ATTEMPTS = 2


class Executor(Protocol):
    """Runs a map stage over items; outcomes come in any order."""

    def map(self, stage: MapStage[Any], items: Sequence[Named[Any]]) -> Iterator[tuple[Named[Any], Outcome]]: ...

    def close(self) -> None: ...


@dataclass
class _Worker:
    process: Any
    pipe: Connection
    stage: MapStage[Any] | None = None
    tasks: list[tuple[Named[Any], int]] = field(default_factory=list)
    """The items in hand and how often each was started."""
    started: bool = False
    """Whether the worker has begun to work on them."""
    deadline: float = 0.0


class LocalExecutor:
    """Worker processes on this machine.

    Args:
        workers: number of processes.
        store: the blob store that stages read and write.
    """

    def __init__(self, workers: int, store: BlobStore) -> None:
        if workers < 1:
            raise ValueError("workers must be at least 1")
        self.workers = workers
        self.store = store
        self._pool: list[_Worker] = []
        self._context = multiprocessing.get_context("spawn")

    def map(self, stage: MapStage[Any], items: Sequence[Named[Any]]) -> Iterator[tuple[Named[Any], Outcome]]:
        """Outcomes of ``stage`` for ``items``, as they are finished.

        Raises:
            BuildError: the stage's set-up failed in a worker, or a worker cannot even begin with a row.
        """
        waiting: deque[tuple[Named[Any], int]] = deque((item, 1) for item in items)
        again: deque[tuple[Named[Any], int]] = deque()
        if stage.resources.isolated:
            self.close()
        try:
            while waiting or again or self._busy():
                self._hand_out(stage, waiting, again)
                busy = self._busy()
                next_deadline = min(worker.deadline for worker in busy)
                ready = wait([worker.pipe for worker in busy], timeout=max(0.0, next_deadline - time.monotonic()))
                for worker in busy:
                    if worker.pipe in ready:
                        yield from self._receive(worker, stage, again)
                    elif time.monotonic() >= worker.deadline:
                        yield from self._replace(worker, stage, again, "timeout")
        finally:
            if self._busy() or stage.resources.isolated:
                self.close()

    def close(self) -> None:
        """End all workers at once."""
        for worker in self._pool:
            self._kill(worker)
        self._pool.clear()

    def _kill(self, worker: _Worker) -> None:
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()
        if worker.tasks:
            self.store.drop_unfinished(worker.process.pid)

    def _busy(self) -> list[_Worker]:
        return [worker for worker in self._pool if worker.tasks]

    def _hand_out(
        self,
        stage: MapStage[Any],
        waiting: deque[tuple[Named[Any], int]],
        again: deque[tuple[Named[Any], int]],
    ) -> None:
        """Give every idle worker a row, or as many as the stage takes at a time.

        A row that is tried again gets the machine for itself.
        """
        for index in range(min(self.workers, stage.resources.processes or self.workers)):
            if not waiting:
                break
            worker = self._worker(index)
            if not worker.tasks:
                count = min(stage.resources.batch, len(waiting))
                self._start(worker, stage, [waiting.popleft() for _ in range(count)])
        if again and not self._busy():
            self._start(self._worker(0), stage, [again.popleft()])

    def _worker(self, index: int) -> _Worker:
        while len(self._pool) <= index:
            ours, theirs = self._context.Pipe()
            process = self._context.Process(
                target=_work, args=(theirs, self.store, os.getpid()), daemon=True, name="pvtt-worker"
            )
            with one_numeric_thread():
                process.start()
            theirs.close()
            self._pool.append(_Worker(process, ours))
        return self._pool[index]

    def _start(self, worker: _Worker, stage: MapStage[Any], tasks: list[tuple[Named[Any], int]]) -> None:
        try:
            if worker.stage is not stage:
                worker.pipe.send(("stage", stage))
                worker.stage = stage
            worker.pipe.send(("rows", [named for named, _ in tasks]))
        except (BrokenPipeError, ConnectionResetError):
            pass  # the dead worker is noticed, replaced and its rows retried when its pipe is read
        worker.tasks, worker.started = tasks, False
        worker.deadline = time.monotonic() + self._allowed_s(worker, stage) + _SETUP_TIMEOUT_S

    def _allowed_s(self, worker: _Worker, stage: MapStage[Any]) -> float:
        return stage.resources.timeout_s * len(worker.tasks)

    def _receive(
        self, worker: _Worker, stage: MapStage[Any], again: deque[tuple[Named[Any], int]]
    ) -> list[tuple[Named[Any], Outcome]]:
        try:
            message, payload = worker.pipe.recv()
        except (EOFError, OSError):  # an end in the middle of a message is an OSError
            return self._replace(worker, stage, again, "crashed")
        if message == "started":
            worker.started = True
            worker.deadline = time.monotonic() + self._allowed_s(worker, stage)
            return []
        if message == "setup-failed":
            raise BuildError(f"stage {stage.name} cannot start:\n{payload}")
        items = [named for named, _ in worker.tasks]
        worker.tasks = []
        return list(zip(items, payload, strict=True))

    def _replace(
        self, worker: _Worker, stage: MapStage[Any], again: deque[tuple[Named[Any], int]], why: str
    ) -> list[tuple[Named[Any], Outcome]]:
        """Another process for one that died or overran its time; its rows are tried once more, each alone."""
        tasks = worker.tasks
        self._kill(worker)
        exit_code = worker.process.exitcode
        self._pool.remove(worker)
        retried = [task for task in tasks if task[1] < _ATTEMPTS]
        again.extend((named, attempt + 1) for named, attempt in retried)
        if len(retried) == len(tasks):
            return []
        if not worker.started:
            raise BuildError(
                f"stage {stage.name} cannot start: a worker process {'hung' if why == 'timeout' else 'died'} "
                f"({_exit_text(exit_code)}) before it began with a row"
            )
        message = (
            f"took longer than {stage.resources.timeout_s:g} s, {_ATTEMPTS} times"
            if why == "timeout"
            else f"the worker process died ({_exit_text(exit_code)}), {_ATTEMPTS} times"
        )
        return [
            (item, Outcome(rejection=reject(stage.name, stage.kind, item.item_id, item.name, why, message)))
            for item, attempt in tasks
            if attempt >= _ATTEMPTS
        ]


def run_rows(stage: MapStage[Any], rows: Sequence[Named[Any]], store: BlobStore) -> list[Outcome]:
    """Rows of a map stage that takes several at a time; each bears its share of what they took.

    What cannot be done together, for want of memory above all, is done one by one.
    """
    if len(rows) == 1:
        return [run_row(stage, rows[0], store)]
    _reset_peak_rss()
    wall_s, cpu_s = time.monotonic(), time.process_time()
    try:
        results = stage.run_many([named.item for named in rows], store)
    except Exception:
        return [run_row(stage, named, store) for named in rows]
    outcomes = [_outcome(stage, named, partial(_given, made)) for named, made in zip(rows, results, strict=True)]
    share = 1 / len(rows)
    cost = Cost(
        round((time.monotonic() - wall_s) * share, 4),
        round((time.process_time() - cpu_s) * share, 4),
        _peak_rss_bytes(),
    )
    return [dataclasses.replace(outcome, cost=cost) for outcome in outcomes]


def _given(made: Sequence[Any] | InputError) -> Sequence[Any]:
    if isinstance(made, InputError):
        raise made
    return made


def run_row(stage: MapStage[Any], named: Named[Any], store: BlobStore) -> Outcome:
    """One row of a map stage, with what it took.

    Typed input errors become rejections, a full disk stops the build, all else is a fault with its traceback.
    """
    _reset_peak_rss()
    wall_s, cpu_s = time.monotonic(), time.process_time()
    outcome = _outcome(stage, named, lambda: stage.run(named.item, store))
    cost = Cost(round(time.monotonic() - wall_s, 4), round(time.process_time() - cpu_s, 4), _peak_rss_bytes())
    return dataclasses.replace(outcome, cost=cost)


def _outcome(stage: MapStage[Any], named: Named[Any], make: Callable[[], Sequence[Any]]) -> Outcome:
    try:
        rows = tuple(make())
        canonical_json(rows).encode()  # what cannot be stored is a fault of this row, not an end of the build
        return Outcome(rows=rows)
    except Exception as error:
        full = disk_full(error)
        if full is not None:
            return Outcome(halt=f"the disk is full: {full}")
        if out_of_memory(error):
            reason, message = "memory-limit", "needs more memory than the stage may use"
            numbers = {"limit_bytes": float(stage.resources.memory_bytes or 0)}
        elif isinstance(error, InputError):
            reason, message, numbers = error.reason, error.message, error.numbers
        else:
            return Outcome(fault=traceback.format_exc())
    return Outcome(rejection=reject(stage.name, stage.kind, named.item_id, named.name, reason, message, numbers))


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says, in Python's words or in a library's, that memory could not be had."""
    for cause in causes(error):
        if isinstance(cause, MemoryError) or getattr(cause, "errno", None) == errno.ENOMEM:
            return True
        # Of a GPU's memory; PyTorch is not imported to ask.
        if type(cause).__name__ == "OutOfMemoryError" and type(cause).__module__.startswith("torch"):
            return True
        # OpenCV has one error class for all; StsNoMem is its code for a failed allocation.
        if type(cause).__module__ == "cv2" and getattr(cause, "code", None) == _OPENCV_NO_MEMORY:
            return True
    return False


def _exit_text(code: int | None) -> str:
    if code is not None and code < 0:
        return f"signal {signal.strsignal(-code) or -code}"
    return f"exit status {code}"


def _work(pipe: Connection, store: BlobStore, parent_pid: int) -> None:
    """Main loop of a worker process."""
    _die_with_parent(parent_pid)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    import cv2

    cv2.setNumThreads(1)
    stage: MapStage[Any] | None = None
    while True:
        try:
            message, payload = pipe.recv()
        except EOFError:
            return
        if message == "stage":
            try:
                stage = payload
                assert stage is not None
                _limit_memory(stage.resources.memory_bytes)
                stage.setup()
            except Exception:
                pipe.send(("setup-failed", traceback.format_exc()))
                return
            continue
        assert stage is not None
        pipe.send(("started", None))
        pipe.send(("done", run_rows(stage, payload, store)))


def _reset_peak_rss() -> None:
    """Let the peak be measured afresh (proc(5), clear_refs); kernels that refuse count it from the worker's start."""
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w", encoding="ascii") as file:  # noqa: PTH123 - procfs
        file.write("5")


def _peak_rss_bytes() -> int:
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:  # noqa: PTH123 - procfs
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def _limit_memory(added_bytes: int | None) -> None:
    """Let the address space grow by ``added_bytes`` and no further; beyond that allocation fails. None: no bound."""
    if added_bytes is None:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
        return
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - procfs
        used = int(file.read().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + added_bytes, hard))


def _die_with_parent(parent_pid: int) -> None:
    """Ask Linux to kill this process when its parent dies (prctl PR_SET_PDEATHSIG), so that no orphan works on."""
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(1)
