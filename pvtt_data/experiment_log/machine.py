"""What a log tells of the code and the machine."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pvtt_data import __version__
from pvtt_data.gpu import find_gpu
from pvtt_data.stage import library_version
from pvtt_data.words import bytes_text

CODE = Path(__file__).resolve().parents[2]
"""The folder that holds the package: the checkout, where the program runs from one."""

_LIBRARIES = ("numpy", "torch", "diffsynth", "transformers", "sam2", "onnxruntime", "mitsuba", "av", "fiftyone")
_GIT_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Commit:
    """The commit that is checked out, and how many files differ from it; logs and results do not count."""

    sha: str
    changed_files: int


def find_commit(folder: Path = CODE) -> Commit | None:
    """What the code in ``folder`` is, or None where git does not keep it."""
    try:
        # A package installed into an environment inside some checkout is not that checkout.
        _git(folder, "ls-files", "--error-unmatch", "--", f"{folder / 'pyproject.toml'}")
        sha = _git(folder, "rev-parse", "HEAD").strip()
        changes = _git(folder, "status", "--porcelain", "--", ":/", ":(exclude,top)experiments")
    except (OSError, subprocess.SubprocessError):
        return None
    return Commit(sha, len(changes.splitlines()))


@cache
def find_device() -> str:
    """Processor and GPU of this machine."""
    gpu = find_gpu()
    parts = [f"{_processor()}, {os.cpu_count()} processors"]
    if not gpu.trouble:
        parts.insert(0, f"{gpu.name} ({gpu.architecture}, {bytes_text(gpu.memory_bytes)})")
    return "; ".join(parts)


def find_environment() -> str:
    """Versions of system, Python and the libraries that are installed."""
    versions = {name: library_version(name) for name in _LIBRARIES}
    told = [f"{name} {version}" for name, version in versions.items() if version != "absent"]
    system = platform.platform(terse=True)
    return ", ".join([f"pvtt {__version__}", f"Python {platform.python_version()}", *told, system])


def peak_memory_bytes() -> int:
    """The most memory that this process has held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def peak_gpu_memory_bytes() -> int | None:
    """The most GPU memory that PyTorch has held; None where it has not been at work."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return None
    return int(torch.cuda.max_memory_allocated())


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603
        ["git", "-C", str(folder), *arguments],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
        timeout=_GIT_TIMEOUT_S,
        env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
    )
    return done.stdout
