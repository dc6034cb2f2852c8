"""Pools for numeric work: one thread a process, and the parent is left as it was."""

from __future__ import annotations

import os

import pytest

from pvtt_data.process_pool import single_threaded_pool


def _threads() -> tuple[str | None, int]:
    import cv2

    return os.environ.get("OMP_NUM_THREADS"), cv2.getNumThreads()


def test_processes_of_a_pool_have_one_numeric_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with single_threaded_pool(1) as pool:
        assert pool.submit(_threads).result() == ("1", 1)
    assert os.environ["OMP_NUM_THREADS"] == "7" and "MKL_NUM_THREADS" not in os.environ
