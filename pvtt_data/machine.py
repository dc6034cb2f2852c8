"""What this machine has beside GPUs."""

from __future__ import annotations

import os
from pathlib import Path

_LIMITS = ("memory.max", "memory/memory.limit_in_bytes")
"""Files of a control group, version 2 and 1, that say how much a container may take."""


def memory_bytes(groups: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes of the processor's memory that all processes here may take: the machine's, or a container's if less.

    Args:
        groups: where control groups are told.
    """
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for name in _LIMITS:
        try:
            found = min(found, int((groups / name).read_text(encoding="ascii")))
        except (OSError, ValueError):
            continue  # there is no such file, or it says "max"
    return found
