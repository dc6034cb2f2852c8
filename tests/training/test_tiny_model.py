"""The tiny model is DiffSynth's, faster: the same numbers, and adapters that leave it alone."""

from __future__ import annotations

import pytest
import torch
from pvtt_train.closed_loop.fit import Course, fit
from pvtt_train.closed_loop.model import ModelSize, TinyVace, add_lora, rope_apply
from pvtt_train.flow import Flow

pytestmark = pytest.mark.usefixtures("diffsynth")
SIZE = ModelSize(dim=64, layers=4, vace_every=2)
CHANNELS = 8


def lively(seed: int = 0) -> TinyVace:
    """A model whose quiet layers were given something to say."""
    torch.manual_seed(seed)
    model = TinyVace(CHANNELS, SIZE)
    for layer in (model.dit.head.head, *(block.after_proj for block in model.vace.vace_blocks)):
        torch.nn.init.normal_(layer.weight, std=0.1)
    return model.requires_grad_(False)


def inputs(frames: int = 4) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(7)
    latents = torch.randn(2, CHANNELS, frames, 6, 10)
    return latents, torch.tensor([300.0, 900.0]), torch.randn(2, 2 * CHANNELS + 64, frames, 6, 10)


def test_a_fresh_model_says_nothing() -> None:
    assert not TinyVace(CHANNELS, SIZE)(*inputs()).any()


def test_hints_equal_those_of_diffsynth() -> None:
    from diffsynth.models.wan_video_vace import VaceWanModel

    model = lively()
    ours = model(*inputs())
    model.vace.forward = VaceWanModel.forward.__get__(model.vace)
    stock = model(*inputs())
    assert stock.abs().mean() > 0.1
    assert torch.allclose(ours, stock, atol=1e-5)


def test_rotation_equals_diffsynths_complex_one() -> None:
    from diffsynth.models.wan_video_dit import precompute_freqs_cis

    table = precompute_freqs_cis(16, end=30).unsqueeze(1)
    x = torch.randn(2, 30, 4 * 16)
    pairs = torch.view_as_complex(x.double().reshape(2, 30, 4, 8, 2))
    stock = torch.view_as_real(pairs * table).flatten(2).float()
    real = torch.view_as_real(table).flatten(-2).float()
    assert torch.allclose(rope_apply(x, real, 4), stock, atol=1e-5)
    assert torch.allclose(rope_apply(x, table, 4), stock, atol=1e-5)


def test_the_context_reaches_what_is_said() -> None:
    model, (latents, timestep, context) = lively(), inputs()
    said = model(latents, timestep, context)
    assert (model(latents, timestep, context + 1) - said).abs().mean() > 1e-3


def test_fresh_adapters_change_nothing_and_training_leaves_the_base_alone() -> None:
    base = lively()
    model = TinyVace(CHANNELS, SIZE)
    model.load_state_dict(base.state_dict())
    trained = add_lora(model, rank=4, on_dit=False)
    names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert len(names) == len(trained) and all(name.startswith("vace.") and "lora_" in name for name in names)
    latents, timestep, context = inputs()
    assert torch.allclose(model(latents, timestep, context), base(latents, timestep, context), atol=1e-6)

    flow = Flow(torch.device("cpu"))
    ones = torch.ones(2, 1, 4, 6, 10)
    before = {name: value.clone() for name, value in model.named_parameters()}
    fit(lambda: (latents, context, ones), lambda *batch: flow.loss(model, *batch), trained, Course(3, 1e-2))
    changed = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    assert changed and all("lora_" in name for name in changed)


def test_adapters_can_lie_in_the_dit_too() -> None:
    model = lively()
    add_lora(model, rank=2, on_dit=True)
    assert any(p.requires_grad for name, p in model.named_parameters() if name.startswith("dit."))


def test_sampling_along_the_true_velocity_ends_at_the_data() -> None:
    flow = Flow(torch.device("cpu"))
    torch.manual_seed(3)
    clean, noise = torch.randn(2, CHANNELS, 3, 4, 4), torch.randn(2, CHANNELS, 3, 4, 4)
    made = flow.sample(lambda latents, timestep, context: noise - clean, noise, torch.zeros(1), steps=5)
    assert torch.allclose(made, clean, atol=1e-5)


def test_places_of_weight_zero_do_not_count() -> None:
    flow = Flow(torch.device("cpu"))
    clean = torch.randn(2, CHANNELS, 3, 4, 4)
    weights = torch.ones(2, 1, 3, 4, 4)
    weights[:, :, 0] = 0

    def wrong_first(latents: torch.Tensor, timestep: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        """Right everywhere but in the first frame: noise = (noisy − (1 − σ) clean) / σ."""
        sigma = (timestep / 1000).view(-1, 1, 1, 1, 1)
        velocity = (latents - clean) / sigma
        velocity[:, :, 0] += 100
        return velocity

    assert float(flow.loss(wrong_first, clean, torch.zeros(1), weights)) < 1e-3
    assert float(flow.loss(wrong_first, clean, torch.zeros(1), torch.ones_like(weights))) > 1000
