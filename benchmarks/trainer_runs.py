"""Commands of the trainer, run as a user runs them, on random weights."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

BEGUN = time.monotonic()
ALWAYS = ("model.weights=random", "run.experiments=null")


def run(shards: Path, preset: str, program: Sequence[str], settings: Sequence[str], *more: str) -> str:
    """Run a command; leave, with what it said, if it fails.

    Args:
        shards: dataset version.
        preset: name of it.
        program: after the interpreter.
        settings: ``key=value``.
        more: arguments.

    Returns:
        What it printed.
    """
    given = [part for setting in (*ALWAYS, *settings) for part in ("--set", setting)]
    command = [sys.executable, *program, "--shards", str(shards), "--preset", preset, *given, *more]
    print(f"[{time.monotonic() - BEGUN:6.1f} s] " + " ".join(command), file=sys.stderr, flush=True)
    done = subprocess.run(command, capture_output=True, text=True)
    print(f"[{time.monotonic() - BEGUN:6.1f} s] done", file=sys.stderr, flush=True)
    if done.returncode:
        sys.exit(f"ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout
