"""What is kept in the processor's memory comes back as it was, and its memory is used again."""

from __future__ import annotations

import gc

import pytest
import torch
from pvtt_train.speed import host as host_module
from pvtt_train.speed.host import Host
from torch import Tensor, nn

CUDA = pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))


def chain(layers: list[nn.Linear], host: Host | None, x: Tensor) -> Tensor:
    for layer in layers:
        if host is None:
            x = layer(x).tanh().square()
        else:
            with host.block([layer.weight]):
                x = layer(x).tanh().square()
    return x


@pytest.mark.parametrize("device", ["cpu", CUDA])
def test_gradients_are_the_same_and_memory_is_used_again(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    monkeypatch.setattr(host_module, "_LEAST", 64)
    torch.manual_seed(0)
    layers = [nn.Linear(32, 32, device=device) for _ in range(5)]
    inputs = [torch.randn(16, 32, device=device) for _ in range(3)]
    host = Host(torch.device(device))
    taken = []
    for x in inputs:
        wanted = torch.autograd.grad(chain(layers, None, x).sum(), [layer.weight for layer in layers])
        host.begin()
        said = host.watch(chain(layers, host, x))
        found = torch.autograd.grad(said.sum(), [layer.weight for layer in layers])
        del said
        assert all(torch.equal(one, other) for one, other in zip(found, wanted, strict=True))
        taken.append(host.spare_bytes)
    assert taken[0] > 5 * 16 * 32 * 4
    assert len(set(taken)) == 1


def test_what_was_sent_away_is_not_kept_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "_LEAST", 64)
    host, layer = Host(torch.device("cpu")), nn.Linear(32, 32)
    with host.block([layer.weight]):
        entering = torch.randn(16, 32)
        said = layer(entering).sum()
    place = entering.data_ptr()
    del entering
    host.begin()
    alive = [x for x in gc.get_objects() if type(x) is Tensor and x.numel() and x.data_ptr() == place]
    assert said.requires_grad and not alive


def test_transposed_tensors_shared_ones_and_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "_LEAST", 64)
    host = Host(torch.device("cpu"))
    weight, shared = nn.Parameter(torch.randn(8, 8)), torch.randn(12, 8)
    x = torch.randn(8, 12, requires_grad=True)
    with host.block([shared, weight]):
        y = (x.t() @ weight * shared).exp()
    y.sum().backward()
    found = x.grad.clone()
    x.grad = None
    (x.t() @ weight * shared).exp().sum().backward()
    assert torch.equal(found, x.grad)
    del y
    assert host.spare_bytes and 8 * 8 * 4 not in host._pool, "the parameter stayed where it is"


def test_clips_of_another_size_use_the_same_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "_LEAST", 64)
    layers, host = [nn.Linear(32, 32) for _ in range(3)], Host(torch.device("cpu"))
    weights = [layer.weight for layer in layers]
    taken = []
    for rows in (16, 13, 9, 16, 3, 8, 15):  # 3 and 8 rows take memory that is larger than they need
        x = torch.randn(rows, 32)
        wanted = torch.autograd.grad(chain(layers, None, x).sum(), weights)
        host.begin()
        found = torch.autograd.grad(chain(layers, host, x).sum(), weights)
        assert all(torch.equal(*pair) for pair in zip(found, wanted, strict=True))
        taken.append(host.spare_bytes)
    assert len(set(taken)) == 1 and taken[0] > 0


def test_two_forwards_may_run_before_their_backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "_LEAST", 64)
    layers, host = [nn.Linear(32, 32) for _ in range(3)], Host(torch.device("cpu"))
    weights = [layer.weight for layer in layers]
    inputs = [torch.randn(16, 32) for _ in range(2)]
    wanted = [torch.autograd.grad(chain(layers, None, x).sum(), weights) for x in inputs]
    said = []
    for x in inputs:
        host.begin()
        said.append(host.watch(chain(layers, host, x)))
    found = [torch.autograd.grad(value.sum(), weights) for value in said]
    for one, other in zip(found, wanted, strict=True):
        assert all(torch.equal(*pair) for pair in zip(one, other, strict=True))


def test_a_forward_without_backward_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "_LEAST", 64)
    layers = [nn.Linear(32, 32)]
    host = Host(torch.device("cpu"))
    sizes = []
    for _ in range(3):
        host.begin()
        said = host.watch(chain(layers, host, torch.randn(16, 32)))
        del said
        sizes.append(host.spare_bytes)
    assert len(set(sizes)) == 1
