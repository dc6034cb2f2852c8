"""Processes for numeric work, one thread each: as many threads as processors in every process would fight over them.

Scoring small videos this way on two processors took a sixth of the CPU time, and on sixteen a twentieth of the time.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from typing import Any

from pvtt_data.errors import BuildError

_REQUESTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""To end."""


@contextlib.contextmanager
def one_numeric_thread() -> Iterator[None]:
    """What is spawned inside does arithmetic in one thread; libraries read this when they are first imported."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def single_threaded_pool(workers: int, *, apart: bool = False) -> Iterator[Executor]:
    """A pool of spawned processes; what has not begun when the context ends is not begun, and none outlives its parent.

    Args:
        workers: processes, at most; 0 to work in this one, at once, which saves a small job their start.
        apart: each in a process group of its own, where Ctrl-C, a closed terminal and a launcher's signals, which go to
            whole groups, do not reach it: for work that the parent still needs when it was asked to end.

    Raises:
        BuildError: one of them died, killed by the system where memory ran out for one.
    """
    if not workers:
        yield _ThisProcess()
        return
    with one_numeric_thread():
        kind = _Apart if apart else ProcessPoolExecutor
        pool = kind(workers, mp_context=get_context("spawn"), initializer=_begin, initargs=(apart,))
        try:
            yield pool
        except BrokenProcessPool as error:
            raise BuildError(
                f"one of {workers} worker processes died: memory ran out, so that fewer of them may do, or they were "
                'begun by a script without if __name__ == "__main__"'
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


class _ThisProcess(Executor):
    def submit(self, work: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(work(*given, **named))
        except Exception as error:
            future.set_exception(error)
        return future


class _Apart(ProcessPoolExecutor):
    def submit(self, work: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        # A process begins with the mask of the thread that begins it, and is in this group until `_begin`.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _REQUESTS)
        try:
            return super().submit(work, *given, **named)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(apart: bool) -> None:
    if apart:
        _leave_group()
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    import cv2

    cv2.setNumThreads(1)


def _leave_group() -> None:
    """Go into a group of its own, and forget what the old one was asked in the meantime."""
    os.setpgid(0, 0)
    before = [signal.signal(number, signal.SIG_IGN) for number in _REQUESTS]
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _REQUESTS)
    for number, handler in zip(_REQUESTS, before, strict=True):
        signal.signal(number, handler)


def _end_with_parent() -> None:
    """Wait for the parent's end and end as well: a parent that is killed cannot tell its pool.

    Linux's own signal for this (PR_SET_PDEATHSIG) comes when the *thread* that began the process ends, too early for
    pools that were begun in a thread.
    """
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
