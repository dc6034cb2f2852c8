"""Products in float8 are near, go both ways, and give way to exact ones where they cannot be had."""

from __future__ import annotations

import sys

import pytest
import torch
from fast_models import adapted, asked, distance, gradient
from pvtt_train.speed import float8
from pvtt_train.speed.apply import apply
from pvtt_train.speed.config import SpeedConfig
from torch import nn

CPU = torch.device("cpu")


@pytest.fixture
def _works() -> None:
    if reason := float8.works(CPU):
        pytest.skip(reason)


def test_rows_keep_their_size_whatever_others_have() -> None:
    """One scale for all would round the small row to nothing."""
    rows = torch.randn(2, 64) * torch.tensor([[1e-4], [1e4]])
    stored, scale = float8.quantise(rows)
    back = stored.float() * scale
    assert ((back - rows).norm(dim=1) / rows.norm(dim=1)).max() < 0.04
    assert torch.equal(float8.quantise(torch.zeros(1, 16))[0].float(), torch.zeros(1, 16))


@pytest.mark.usefixtures("_works")
def test_product_and_gradient_are_near_the_exact_ones() -> None:
    torch.manual_seed(0)
    weight = torch.randn(32, 64) * torch.logspace(-3, 0, 32)[:, None]
    x, upstream = torch.randn(2, 20, 64), torch.randn(2, 20, 32)
    made = []
    for product in (float8.Float8Weight(weight), lambda x: x @ weight.t()):
        leaf = x.clone().requires_grad_(True)
        y = product(leaf)
        y.backward(upstream)
        made.append((y.detach(), leaf.grad))
    for near, exact in zip(*made, strict=True):
        assert near.dtype == exact.dtype and near.shape == exact.shape
        assert 0 < (near - exact).norm() / exact.norm() < 0.06


@pytest.mark.usefixtures("_works")
def test_the_gradient_goes_through_a_compiled_product() -> None:
    """Where what is multiplied has the precision of the product, too; torch 2.11 dropped it then."""
    torch.manual_seed(0)
    product = float8.Float8Weight(torch.randn(32, 64))
    x = torch.randn(20, 64).bfloat16()
    found = []
    for run in (product, torch.compile(product, backend="aot_eager", fullgraph=True)):
        leaf = x.clone().requires_grad_(True)
        run(leaf.tanh()).square().mean().backward()
        found.append(leaf.grad)
    assert found[0].norm() > 0
    assert torch.allclose(found[0], found[1])


@pytest.mark.usefixtures("diffsynth", "_works")
def test_gradients_of_adapters_stay_near() -> None:
    """3 % of the whole gradient is seen on the tiny model in bfloat16."""
    model, inputs = adapted("both", torch.bfloat16), asked(torch.bfloat16)
    with apply(model, SpeedConfig()) as applied:
        exact = gradient(applied.forward, model, inputs)
    weight = model.dit.blocks[1].ffn[0].base_layer.weight
    before = weight.clone()
    with apply(model, SpeedConfig(fp8=True)) as applied:
        assert hasattr(model.dit.blocks[1].ffn[0].base_layer, "pvtt_float8") and not applied.notes
        near = gradient(applied.forward, model, inputs)
    assert 0.005 < distance(near, exact) < 0.06
    assert torch.equal(model.dit.blocks[1].ffn[0].base_layer.weight, before)


@pytest.mark.usefixtures("diffsynth", "_works")
def test_a_device_without_room_for_the_exact_weights_gets_all_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The device called meta stands for a GPU; to which parameters are moved is written down."""
    moved: list[tuple[int, str]] = []
    monkeypatch.setattr(float8, "works", lambda device: "")
    monkeypatch.setattr(
        sys.modules[apply.__module__], "_set_data", lambda part, device: moved.append((id(part), device.type))
    )
    model = adapted("vace", torch.bfloat16)
    names = {id(part): name for name, part in model.named_parameters()}
    with apply(model, SpeedConfig(fp8=True), torch.device("meta")):
        there = {names[part] for part, kind in moved if kind == "meta"}
        away = set(names.values()) - there
        assert {"dit.blocks.0.ffn.0.weight", "vace.vace_blocks.0.self_attn.q.base_layer.weight"} <= away
        assert {"vace.vace_blocks.0.self_attn.q.lora_A.default.weight", "dit.head.head.weight"} <= there
        assert not any("bias" in name or "lora_" in name for name in away)
        assert model.dit.blocks[0].ffn[0].pvtt_float8.stored.device.type == "meta"
        assert all(table.device.type == "meta" for table in model.dit.freqs)
    assert {names[part] for part, kind in moved if kind == "cpu"} == there
    assert model.dit.freqs[0].device.type == "cpu"


@pytest.mark.usefixtures("diffsynth")
def test_where_there_are_no_such_products_they_stay_exact_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object, **__: object) -> torch.Tensor:
        raise RuntimeError("torch._scaled_mm is only supported on CUDA devices with compute capability >= 8.9")

    monkeypatch.setattr(torch, "_scaled_mm", absent)
    model, inputs = adapted("vace", torch.bfloat16), asked(torch.bfloat16)
    with apply(model, SpeedConfig()) as applied:
        exact = gradient(applied.forward, model, inputs)
    with apply(model, SpeedConfig(fp8=True)) as applied:
        found = gradient(applied.forward, model, inputs)
        assert len(applied.notes) == 1 and "compute capability" in applied.notes[0]
    assert distance(found, exact) == 0


def test_weights_that_are_trained_or_of_odd_sides_are_left() -> None:
    assert float8.fits(nn.Linear(32, 48).requires_grad_(False).weight)
    assert not float8.fits(nn.Linear(32, 48).weight)
    assert not float8.fits(nn.Linear(32, 50).requires_grad_(False).weight)
