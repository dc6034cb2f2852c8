"""Work that is done ahead in a thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """Iterates over what a thread takes from an iterable, at most ``depth`` items ahead.

    Errors of the iterable are raised where its items are taken. Leaving the ``with`` block stops the thread.

    Args:
        items: used in the thread alone.
        depth: items that may wait.
    """

    def __init__(self, items: Iterable[T], depth: int) -> None:
        self._items = items
        # The semaphore, not the queue, keeps the thread from starting on one item more than may wait.
        self._room = threading.Semaphore(depth)
        self._ready: queue.SimpleQueue[tuple[str, T | BaseException | None]] = queue.SimpleQueue()
        self._stopped = False
        self._thread = threading.Thread(target=self._work, name="ahead", daemon=True)

    def __enter__(self) -> Iterator[T]:
        self._thread.start()
        return self._taken()

    def __exit__(self, *_: object) -> None:
        self._stopped = True
        self._room.release()
        self._thread.join()

    def _work(self) -> None:
        try:
            items = iter(self._items)
            while True:
                self._room.acquire()
                if self._stopped:
                    return
                try:
                    item = next(items)
                except StopIteration:
                    break
                self._ready.put(("item", item))
            self._ready.put(("end", None))
        except BaseException as error:
            self._ready.put(("error", error))

    def _taken(self) -> Iterator[T]:
        while True:
            what, item = self._ready.get()
            if what == "end":
                return
            if what == "error":
                assert isinstance(item, BaseException)
                raise item
            self._room.release()
            yield item  # type: ignore[misc]
