"""The GPU is found by asking PyTorch in a process of its own; whatever goes wrong there becomes a reason in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pvtt_data.gpu import Gpu, find_gpu

TORCH = """
from types import SimpleNamespace
__version__ = "2.14.1"
version = SimpleNamespace(cuda={cuda!r})
class Tensor:
    def __add__(self, other): return self
    def sum(self): return self
    def item(self): {operation}
def zeros(*size, device): return Tensor()
gpu = SimpleNamespace(name="A GPU", major={major}, minor=0, total_memory=24_000_000_000)
cuda = SimpleNamespace(is_available=lambda: {available}, get_device_properties=lambda index: gpu)
"""


@pytest.fixture
def torch_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Puts a torch of so many lines where the process that is asked finds it; the driver is there."""
    monkeypatch.setattr("pvtt_data.gpu.ctypes.CDLL", lambda name: object())
    monkeypatch.setattr("pvtt_data.gpu.find_spec", lambda name: object())
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    find_gpu.cache_clear()
    yield lambda text: (tmp_path / "torch.py").write_text(text) and None
    find_gpu.cache_clear()


def fake(cuda: str | None = "13.0", available: bool = True, operation: str = "return 2.0", major: int = 9) -> str:
    return TORCH.format(cuda=cuda, available=available, operation=operation, major=major)


def test_a_gpu_that_calculates_is_described(torch_that: Callable[[str], None]) -> None:
    torch_that(fake())
    assert find_gpu() == Gpu("", "A GPU", "sm_90", 24_000_000_000, has_bfloat16=True)


def test_an_older_gpu_has_no_bfloat16(torch_that: Callable[[str], None]) -> None:
    torch_that(fake(major=7))
    assert not find_gpu().has_bfloat16


@pytest.mark.parametrize(
    ("torch", "trouble"),
    [
        (fake(cuda=None), "the installed torch 2.14.1 has no CUDA"),
        (fake(available=False), "PyTorch finds no GPU that answers"),
        (fake(operation="raise RuntimeError('no kernel image\\nlong story')"), "RuntimeError: no kernel image"),
        ("raise ImportError('libcudart.so.13: cannot open')", "PyTorch does not start: ImportError: libcudart.so.13"),
        ("import os; os._exit(3)", "PyTorch does not start: exit status 3"),
        ("print('{')\n" + fake(available=False), "PyTorch finds no GPU that answers"),
    ],
)
def test_what_keeps_a_gpu_from_working_is_said(torch_that: Callable[[str], None], torch: str, trouble: str) -> None:
    torch_that(torch)
    assert find_gpu().trouble.startswith(trouble)


def test_without_a_driver_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> object:
        raise OSError(name)

    monkeypatch.setattr("pvtt_data.gpu.ctypes.CDLL", absent)
    monkeypatch.setattr("pvtt_data.gpu.sys.platform", "linux")
    monkeypatch.setattr("pvtt_data.gpu.subprocess.run", lambda *a, **k: pytest.fail("a process was started"))
    find_gpu.cache_clear()
    assert "libcuda.so.1 is not there" in find_gpu().trouble
    find_gpu.cache_clear()
