"""Captured or not, a gradient is added as backward adds it."""

from __future__ import annotations

import pytest
import torch
from pvtt_train.speed.graph import Gradients
from torch import Tensor, nn

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("captured", [False, True])
def test_loss_and_gradients_are_those_of_backward(device: str, captured: bool) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(8, 4, device=device)
    unused = nn.Parameter(torch.zeros(1, device=device))
    batches = [torch.randn(count, 8, device=device) for count in (3, 5, 3)]

    def loss(x: Tensor) -> Tensor:
        return layer(x).square().mean()

    wanted = []
    for batch in batches:
        value = loss(batch)
        value.backward()
        wanted.append(value.detach())
    del value
    gradient = layer.weight.grad.clone()
    layer.zero_grad(set_to_none=True)

    step = Gradients(loss, [*layer.parameters(), unused], captured=captured)
    losses = [step(batch) for batch in batches]
    assert torch.allclose(torch.stack(losses), torch.stack(wanted))
    assert not losses[0].requires_grad
    assert torch.allclose(layer.weight.grad, gradient)
    assert unused.grad is None
