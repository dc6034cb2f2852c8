"""Whether PyTorch can work on a GPU here, found out without loading it into this process."""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec

_PROBE_TIMEOUT_S = 180
_DRIVER = "libcuda.so.1"

# An operation is the only proof: a GPU that is too old for the installed PyTorch is "available" too.
_PROBE = """
import json, torch
answer = {"trouble": ""}
try:
    if not torch.version.cuda:
        answer["trouble"] = f"the installed torch {torch.__version__} has no CUDA"
    elif not torch.cuda.is_available():
        answer["trouble"] = "PyTorch finds no GPU that answers"
    else:
        (torch.zeros(2, device="cuda") + 1).sum().item()
        properties = torch.cuda.get_device_properties(0)
        answer |= {
            "name": properties.name,
            "architecture": f"sm_{properties.major}{properties.minor}",
            "memory_bytes": properties.total_memory,
            "has_bfloat16": properties.major >= 8,
        }
except Exception as error:
    answer["trouble"] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
print(json.dumps(answer))
"""


@dataclass(frozen=True, slots=True)
class Gpu:
    """The first GPU, or why there is none.

    Attributes:
        trouble: why PyTorch cannot work on a GPU; empty if it can.
        name: the product's name.
        architecture: what its kernels are compiled for, such as ``sm_90``.
        memory_bytes: in all.
        has_bfloat16: whether it calculates in bfloat16.
    """

    trouble: str
    name: str = ""
    architecture: str = ""
    memory_bytes: int = 0
    has_bfloat16: bool = False


@cache
def find_gpu() -> Gpu:
    """The GPU that PyTorch would use; a process of its own asks, so that this one keeps no memory there."""
    if sys.platform == "linux":
        try:
            ctypes.CDLL(_DRIVER)
        except OSError:
            return Gpu(f"the NVIDIA driver's {_DRIVER} is not there")
    if find_spec("torch") is None:
        return Gpu("torch is not installed, which would use it")
    command = [sys.executable, "-c", _PROBE]
    try:
        done = subprocess.run(  # noqa: S603 - fixed words
            command, capture_output=True, text=True, check=False, timeout=_PROBE_TIMEOUT_S
        )
        answer = json.loads(done.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        return Gpu(f"PyTorch did not answer within {_PROBE_TIMEOUT_S} s")
    except (IndexError, ValueError):
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        return Gpu(f"PyTorch does not start: {last}")
    return Gpu(**answer)
