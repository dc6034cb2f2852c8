"""How much memory there is, in a container too."""

from __future__ import annotations

from pathlib import Path

import psutil

from pvtt_data.machine import memory_bytes


def test_a_container_has_what_it_may_take(tmp_path: Path) -> None:
    whole = memory_bytes(tmp_path)
    assert whole == psutil.virtual_memory().total
    for name, text, found in (
        ("memory.max", "max\n", whole),
        ("memory.max", "3000000000\n", 3 * 10**9),
        ("memory.max", f"{10 * whole}\n", whole),
        ("memory/memory.limit_in_bytes", "2000000000\n", 2 * 10**9),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        assert memory_bytes(tmp_path) == found
