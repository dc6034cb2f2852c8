"""Pools for numeric work: one thread a process, and the parent is left as it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pvtt_data.errors import BuildError
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


def test_a_pool_of_no_processes_works_in_this_one() -> None:
    with single_threaded_pool(0) as pool:
        assert pool.submit(os.getpid).result() == os.getpid()
        assert list(pool.map(abs, [-1, 2], chunksize=2)) == [1, 2]
        failed = pool.submit(int, "no number")
        with pytest.raises(ValueError, match="no number"):
            failed.result()


def test_a_worker_that_is_killed_ends_the_work_with_a_message() -> None:
    with pytest.raises(BuildError, match="one of 1 worker processes died: memory"), single_threaded_pool(1) as pool:
        pool.submit(os._exit, 137).result()


ASKED_TO_END = """
import os, signal
from pvtt_data.process_pool import _REQUESTS, _leave_group

signal.pthread_sigmask(signal.SIG_BLOCK, _REQUESTS)
group = os.getpgid(0)
os.kill(os.getpid(), signal.SIGTERM)
os.kill(os.getpid(), signal.SIGINT)
_leave_group()
assert os.getpgid(0) == os.getpid() != group and signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()
assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
os.kill(os.getpid(), signal.SIGTERM)
"""


def test_what_a_group_is_asked_reaches_no_process_apart() -> None:
    """Not even while it begins; it can still be ended by itself."""
    with single_threaded_pool(1, apart=True) as pool:
        group = pool.submit(os.getpgid, 0).result()
        assert group != os.getpgid(0) and group == pool.submit(os.getpid).result()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set(), "of this thread nothing is changed"
    done = subprocess.run([sys.executable, "-c", ASKED_TO_END], capture_output=True, text=True)
    assert done.returncode == -signal.SIGTERM, done.stderr


BEGINS = """
import signal
from multiprocessing import util
from pvtt_data.process_pool import _REQUESTS, single_threaded_pool

if __name__ == "__main__":
    masks, spawn = [], util.spawnv_passfds
    def told(*given):
        masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, []))
        return spawn(*given)
    util.spawnv_passfds = told
    with single_threaded_pool(1, apart=True) as pool:
        assert pool.submit(abs, -1).result() == 1
    assert masks[-1] == set(_REQUESTS), masks
"""


def test_a_process_apart_begins_deaf(tmp_path: Path) -> None:
    """What its group is asked before it has left that is not for it either."""
    (tmp_path / "begins.py").write_text(BEGINS)
    done = subprocess.run([sys.executable, tmp_path / "begins.py"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


PARENT = """
import threading, time
from pvtt_data.errors import BuildError
from pvtt_data.process_pool import single_threaded_pool

if __name__ == "__main__":
    with single_threaded_pool(2) as pool:
        # Begun in a thread that ends at once: the workers stay for those who wait.
        begin = threading.Thread(target=lambda: [pool.submit(time.sleep, 300) for _ in range(2)])
        begin.start()
        begin.join()
        print(*pool._processes, flush=True)
        time.sleep(300)
"""


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_killed_parent_leaves_no_worker_behind(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT, encoding="utf-8")
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    workers = [int(word) for word in parent.stdout.readline().split()]
    try:
        assert len(workers) == 2
        time.sleep(1.5)
        assert all(map(_alive, workers))
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        deadline = time.monotonic() + 30
        while any(map(_alive, workers)) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not any(map(_alive, workers))
    finally:
        parent.kill()
        for pid in filter(_alive, workers):
            os.kill(pid, signal.SIGKILL)
