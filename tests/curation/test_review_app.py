"""The app as a whole: it opens, guards its door, comes back after a kill, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from review_toys import toy_reviewed

if find_spec("fiftyone") is None:
    pytest.skip("FiftyOne is not installed: pip install 'pvtt[app]'", allow_module_level=True)

import psutil
from pvtt_curation.app.database import Database
from pvtt_curation.app.launch import is_loopback, running, welcome
from pvtt_curation.media import MediaCache

from pvtt_data.errors import PreflightError
from pvtt_data.reviews.log import ReviewLog
from pvtt_data.reviews.records import Review


def until(holds: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def status(url: str, cookie: str = "") -> tuple[int, str]:
    request = urllib.request.Request(url, headers={"Cookie": cookie} if cookie else {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, str(answer.headers.get("Set-Cookie", "")).partition(";")[0]
    except urllib.error.HTTPError as error:
        return error.code, ""


def test_only_loopback_is_private() -> None:
    assert [is_loopback(name) for name in ("127.0.0.1", "::1", "localhost")] == [True] * 3
    assert [is_loopback(name) for name in ("0.0.0.0", "::", "10.1.2.3", "gpu-server")] == [False] * 4
    inside = "\n".join(welcome("http://localhost:7000/?token=x", 7000, "127.0.0.1", Path("verdicts/ann.jsonl")))
    assert "ssh -N -L 7000:127.0.0.1:7000" in inside
    assert "Warning" not in inside
    assert "Warning" in "\n".join(welcome("http://x", 7000, "0.0.0.0", Path("v")))


def test_a_database_is_held_by_one_app_and_one_that_was_left_over_does_not_block_the_next(tmp_path: Path) -> None:
    with Database(tmp_path / "db") as database:
        assert database.socket.stat().st_mode & 0o077 == 0
        assert not psutil.Process(database.pid).net_connections("inet")
        with pytest.raises(PreflightError, match="in use"):
            Database(tmp_path / "db")
        left = database.pid
        database._lock.close()  # as if this process had been killed
        with Database(tmp_path / "db") as again:
            assert until(lambda: not database.running(), 5)
            assert again.pid != left
    assert not again.running()


@pytest.mark.slow
def test_the_app_opens_survives_its_database_and_ends_clean(tmp_path: Path) -> None:
    reviewed, media, verdicts = toy_reviewed(tmp_path / "toys"), MediaCache(tmp_path / "cache"), tmp_path / "verdicts"
    mask = next(subject for subject in reviewed.subjects if subject.kind == "mask")
    lines: list[str] = []
    with running(reviewed, media, verdicts=verdicts, reviewer="ann", echo=lines.append) as app:
        server, base = psutil.Process(app.server_pid), f"http://localhost:{app.port}"
        assert status(f"{base}/fiftyone")[0] == 403
        code, cookie = status(app.url)
        assert code == 200
        assert status(f"{base}/fiftyone", cookie)[0] == 200
        assert status(f"{base}/media?filepath=/etc/passwd", cookie)[0] == 404
        assert status(f"{base}/media?filepath=/pvtt/{mask.media['video'].name}", cookie)[0] == 200
        before = app.database_pid
        assert before is not None
        ReviewLog(verdicts, "ann").append(Review.made("mask", mask.key, "reject", "ann", reason="drift"))
        os.kill(before, signal.SIGKILL)

        def another() -> bool:  # some of its threads may outlive the first for a moment
            app.watch()
            return app.database_pid != before

        assert until(another)
        assert until(lambda: review_of(app.dataset, app_uri(app.database_pid), mask.key) == {"reject"})
    assert not server.is_running()
    assert not psutil.pid_exists(app.database_pid or 0)
    assert "9 subjects with 27 media" in " ".join(lines)


def app_uri(pid: int | None) -> str:
    command = psutil.Process(pid).cmdline()
    return "mongodb://" + command[command.index("--bind_ip") + 1].replace("/", "%2F")


def review_of(dataset: str, uri: str, key: str) -> set[str]:
    """What the samples of a subject say of people's verdicts."""
    from pymongo import MongoClient

    client: MongoClient[dict[str, str]] = MongoClient(uri, serverSelectionTimeoutMS=5000)
    with client:
        database = client["pvtt_review"]
        collection = database["datasets"].find_one({"name": dataset})
        assert collection is not None
        return set(database[collection["sample_collection_name"]].distinct("review", {"key": key}))
