"""Items are made ahead in a thread, in order, and no more of them than may wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from pvtt_train.data.ahead import Ahead


def test_items_come_in_order() -> None:
    with Ahead(range(50), 3) as items:
        assert list(items) == list(range(50))


def test_at_most_so_many_wait() -> None:
    begun, more = threading.Semaphore(0), threading.Semaphore(0)

    def items() -> Iterator[int]:
        for number in range(10):
            begun.release()
            yield number
        more.release()

    with Ahead(items(), 2) as ahead:
        assert next(ahead) == 0
        # The one that was taken, and two that may wait.
        assert all(begun.acquire(timeout=10) for _ in range(3))
        assert not begun.acquire(timeout=0.05)
        assert list(ahead) == list(range(1, 10))
        assert more.acquire(timeout=10)


def test_an_error_comes_after_what_was_made_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise KeyError("lost")

    taken = []
    with pytest.raises(KeyError, match="lost"), Ahead(items(), 4) as ahead:
        taken += ahead
    with Ahead(items(), 4) as ahead:
        assert next(ahead) == 1


def test_leaving_early_stops_the_thread() -> None:
    threads = threading.active_count()
    with Ahead(iter(int, 1), 2) as ahead:
        next(ahead)
        assert threading.active_count() == threads + 1
    assert threading.active_count() == threads
