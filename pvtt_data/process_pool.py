"""Processes for numeric work, one thread each: as many threads as processors in every process would fight over them.

Scoring small videos this way on two processors took a sixth of the CPU time, and on sixteen a twentieth of the time.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


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
def single_threaded_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of spawned processes; what has not begun when the context ends is not begun.

    Args:
        workers: processes, at most.
    """
    with one_numeric_thread():
        pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_one_opencv_thread)
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)


def _one_opencv_thread() -> None:
    import cv2

    cv2.setNumThreads(1)
