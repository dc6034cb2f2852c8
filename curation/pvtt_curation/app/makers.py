"""Processes that draw overlays for the app: those that somebody asks for, and before that the first ones to be seen."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from pvtt_curation.app.shelf import Overlay
from pvtt_curation.media import MediaCache
from pvtt_data.errors import PvttError


class OverlayMakers:
    """Makes each overlay once, however often it is asked for; a crash of a decoder ends one process, not the app.

    Args:
        cache: where overlays are kept.
        count: of processes; three of four processors by default.
    """

    def __init__(self, cache: MediaCache, count: int | None = None) -> None:
        self._cache = cache
        self._count = count or max(1, (os.cpu_count() or 2) * 3 // 4)
        self._pool: ProcessPoolExecutor | None = None
        self._making: dict[Path, Future[Path]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def make(self, overlay: Overlay) -> Future[Path]:
        """An overlay's file, made if it is not there.

        Raises (the future):
            PvttError: what `MediaCache.overlay` raises, or that the process crashed.
        """
        path = self._cache.overlay_path(overlay.video, overlay.mask, overlay.whose)
        with self._lock:
            if path in self._making:
                return self._making[path]
            done: Future[Path] = Future()
            if path.is_file():
                done.set_result(path)
                return done
            if self._closed:
                done.set_exception(PvttError("the app is closing"))
                return done
            if self._pool is None:
                spawn = multiprocessing.get_context("spawn")
                self._pool = ProcessPoolExecutor(self._count, mp_context=spawn, initializer=_prepare)
            pool = self._pool
            try:
                made = pool.submit(_make, self._cache.folder, overlay)
            except BrokenProcessPool:
                self._pool = None
                done.set_exception(PvttError("a process that draws overlays crashed; ask again"))
                return done
            self._making[path] = done
        made.add_done_callback(lambda future: self._finish(path, pool, future, done))
        return done

    def warm(self, overlays: Sequence[Overlay]) -> None:
        """Make overlays in a thread behind, one for each process at a time, so that those asked for come first."""
        threading.Thread(target=self._warm, args=(overlays,), daemon=True).start()

    def close(self) -> None:
        """End the processes; what they were at is lost, and made when it is asked for again."""
        with self._lock:
            self._closed = True
            pool, self._pool = self._pool, None
        if pool is not None:
            for process in multiprocessing.active_children():
                process.terminate()
            pool.shutdown(wait=True, cancel_futures=True)
            del pool
            gc.collect()  # gives semaphores back, of which Python would complain in the terminal

    def _warm(self, overlays: Sequence[Overlay]) -> None:
        for first in range(0, len(overlays), self._count):
            if self._closed:
                return
            wait([self.make(overlay) for overlay in overlays[first : first + self._count]])

    def _finish(self, path: Path, pool: ProcessPoolExecutor, made: Future[Path], done: Future[Path]) -> None:
        with self._lock:
            self._making.pop(path, None)
            error = PvttError("the app is closing") if made.cancelled() else made.exception()
            if isinstance(error, BrokenProcessPool):
                error = PvttError("the process that drew it crashed")
                if self._pool is pool:
                    self._pool = None
        if error is None:
            done.set_result(made.result())
        else:
            done.set_exception(error)


def _make(cache: Path, overlay: Overlay) -> Path:
    return MediaCache(cache).overlay(overlay.video, overlay.mask, overlay.whose)


def _prepare() -> None:
    with contextlib.suppress(OSError):
        os.nice(5)  # the server answers first
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A server that was killed cannot tell its processes to end."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)
