"""Kernels are tried in order, and one that cannot run is known."""

from __future__ import annotations

import pytest
import torch
from pvtt_train.speed import attention
from pvtt_train.speed.attention import attend, cannot_run, kernels
from torch.nn.attention import SDPBackend

CPU = torch.device("cpu")


@pytest.mark.parametrize(("capability", "first"), [((9, 0), "cudnn"), ((12, 0), "cudnn"), ((8, 9), "torch")])
def test_auto_is_cudnn_from_hopper_on_and_else_torch_chooses(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], first: str
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    gpu = torch.device("cuda")
    order = kernels("auto", gpu)
    assert order[0] == SDPBackend.CUDNN_ATTENTION if first == "cudnn" else order == ()
    assert kernels("torch", gpu) == ()
    assert kernels("flash", gpu)[-1] == SDPBackend.MATH and SDPBackend.CUDNN_ATTENTION not in kernels("flash", gpu)


def test_a_kernel_that_the_device_lacks_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cannot_run("math", CPU, 4, 24) == cannot_run("auto", CPU, 4, 24) == ""
    monkeypatch.setattr(attention, "kernels", lambda wanted, device: (SDPBackend.EFFICIENT_ATTENTION,))
    assert cannot_run("efficient", CPU, 4, 24).startswith("cannot run here")


def test_attention_is_softmax_of_scores() -> None:
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, length, 3 * 8) for length in (5, 7, 7))
    heads = [x.view(2, -1, 3, 8).transpose(1, 2) for x in (q, k, v)]
    scores = (heads[0] @ heads[1].transpose(2, 3) / 8**0.5).softmax(-1)
    wanted = (scores @ heads[2]).transpose(1, 2).reshape(2, 5, 24)
    assert torch.allclose(attend(q, k, v, 3, ()), wanted, atol=1e-6)
    assert torch.allclose(attend(q, k, v, 3, (SDPBackend.MATH,)), wanted, atol=1e-6)
