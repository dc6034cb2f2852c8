"""A build that is killed again and again, at any moment, ends in the same bytes as one that is left alone."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from catalogue_builds import ROOT, copy_products
from dataset_digests import dataset_digest

from pvtt_data.files import sha256_file
from pvtt_data.reviews.log import ReviewLog
from pvtt_data.reviews.records import Review

SETTINGS = (
    "render=null",
    "normalise.sizes=256x448",
    "normalise.frames=9",
    "normalise.fps=8",
    "split.max_windows=1",
    "pictures.min_side_px=48",
    "mine.max_images=2",
    "filter.min_side_px=200",
    "triple_qc.min_path_agreement=-1",
)
"""Small clips: a build of seconds, whose every phase is hit by some kill."""
PRODUCTS = ("P1001", "P2001")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two products of the sample catalogue, and beside them what a person said of a video."""
    folder = tmp_path_factory.mktemp("kills") / "feed"
    copy_products(PRODUCTS, folder)
    video = min(folder.rglob("P1001*.mp4"))
    said = Review.made("source", sha256_file(video), "relabel", "anna", category="flasks")
    ReviewLog(folder.parent / "verdicts", "anna").append(said)
    return folder


def command(feed: Path, folder: Path, *more: str) -> list[str]:
    overrides = [word for setting in (*SETTINGS, f"mine.folder={feed}") for word in ("--set", setting)]
    return [
        sys.executable, "-m", "pvtt_data.cli", "build", str(ROOT / "recipes" / "ecommerce.yaml"), *overrides,
        "--work", str(folder / "work"), "--out", str(folder / "shards"), "--workers", "2",
        "--verdicts", str(feed.parent / "verdicts"), *more,
    ]  # fmt: skip


def run(feed: Path, folder: Path) -> None:
    done = subprocess.run(command(feed, folder), capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def undisturbed(feed: Path, tmp_path_factory: pytest.TempPathFactory, u2net_path: Path) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("undisturbed")
    run(feed, folder)
    return dataset_digest(folder / "shards" / "v1")


def test_kills_at_random_moments_change_no_byte(
    feed: Path, undisturbed: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    kills = int(request.config.getoption("--kills"))
    moments = random.Random(20)
    killed, builds, folder = 0, 0, tmp_path / "0"
    while killed < kills:
        # Its own process group: what is killed is the build and not this test.
        process = subprocess.Popen(
            command(feed, folder), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT, start_new_session=True
        )
        try:
            process.wait(moments.uniform(1.0, 7.0))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            killed += 1
            versions = list((folder / "shards").glob("v*"))
            assert all(dataset_digest(version) == undisturbed for version in versions), "half a version is visible"
            continue
        _, errors = process.communicate()
        assert process.returncode == 0, errors.decode()
        assert dataset_digest(folder / "shards" / "v1") == undisturbed
        builds += 1
        folder = tmp_path / str(builds)
    run(feed, folder)
    assert dataset_digest(folder / "shards" / "v1") == undisturbed
    assert not list((folder / "shards").glob(".building*"))


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_a_request_to_end_leaves_a_clean_state(feed: Path, tmp_path: Path, number: int, status: int) -> None:
    process = subprocess.Popen(
        command(feed, tmp_path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        # A shell's background job and nohup hand down ignored signals.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    journal = tmp_path / "work" / "cache" / "measure" / "journal.jsonl"
    deadline = time.monotonic() + 120
    while not (journal.exists() and journal.stat().st_size):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == status
    assert errors.decode().strip() == "interrupted: what was finished is kept, the same command goes on from there"
    assert not list(tmp_path.rglob("*.tmp"))
    done = subprocess.run(
        command(feed, tmp_path, "--until", "measure"), capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("measure")]
    assert " cached" in line, "what was finished is not computed again"


def full_disk(folder: Path) -> bool:
    """Mount a small filesystem; needs the right to mount."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=500k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    return made.returncode == 0


def test_a_full_disk_is_a_clean_stop(feed: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    if os.geteuid() != 0 or not full_disk(small):
        pytest.skip("needs the right to mount a small tmpfs")
    try:
        program = (
            "import sys, pvtt_data.preflight as p, pvtt_data.cli as c; p._MIN_FREE_BYTES = 0; "
            "sys.argv[0] = 'pvtt-data'; c.main()"
        )
        arguments = command(feed, small, "--until", "normalise")[3:]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}

        def build() -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "-c", program, *arguments],
                capture_output=True,
                text=True,
                cwd=tmp_path,
                env=environment,
                check=False,
            )

        done = build()
        assert done.returncode == 1, done.stdout + done.stderr
        assert "the disk is full" in done.stderr
        assert "free some space and run the same command again" in done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        subprocess.run(["mount", "-o", "remount,size=200m", str(small)], check=True)
        done = build()
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        subprocess.run(["umount", str(small)], check=False)
