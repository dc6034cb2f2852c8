"""These tests need torch; those of the model need DiffSynth too."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install 'pvtt[gpu]'")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Beside other test processes, more threads wait for each other."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def diffsynth() -> object:
    """Import once, and only where a test needs it: it takes seconds."""
    return pytest.importorskip("diffsynth", reason="diffsynth is not installed: pip install 'pvtt[gpu]'")
