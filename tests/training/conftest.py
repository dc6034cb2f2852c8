"""These tests need torch; those of the model need DiffSynth too."""

from __future__ import annotations

from pathlib import Path

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


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights are looked for in empty folders, whatever this machine has."""
    for name in ("PVTT_MODELS", "HF_HUB_CACHE", "MODELSCOPE_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / "cache" / name))
    for name in ("PVTT_MODEL_FOLDERS", "DIFFSYNTH_MODEL_BASE_PATH", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
