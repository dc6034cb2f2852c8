"""Adapters: fresh ones change nothing, only they are trained, and their state goes out and in."""

from __future__ import annotations

import pytest
import torch
from pvtt_train.wan.architecture import WanVace
from pvtt_train.wan.lora import LoraConfig, add_lora, load_lora_state, lora_parameters, lora_state
from torch import Tensor
from wan_files import inputs, lively_model

from pvtt_data.errors import InputError

pytestmark = pytest.mark.usefixtures("diffsynth")


def trained(config: LoraConfig, seed: int = 0, dtype: torch.dtype = torch.float32) -> WanVace:
    """A model whose adapters were given something to say."""
    model = lively_model().to(dtype)
    add_lora(model, config, seed=seed)
    generator = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for name, value in lora_parameters(model).items():
            if ".lora_A." not in name:
                value.add_(torch.randn(value.shape, generator=generator) * 0.1)
    return model


@pytest.mark.parametrize("dora", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_fresh_adapters_change_nothing(dora: bool, dtype: torch.dtype) -> None:
    base, model = lively_model().to(dtype), lively_model().to(dtype)
    add_lora(model, LoraConfig(targets="both", rank=4, dora=dora))
    assert torch.equal(model(*inputs(dtype=dtype)), base(*inputs(dtype=dtype)))


@pytest.mark.parametrize(
    ("targets", "parts"), [("vace", {"vace_blocks"}), ("dit", {"blocks"}), ("both", {"blocks", "vace_blocks"})]
)
def test_adapters_go_where_they_are_asked_for(targets: str, parts: set[str]) -> None:
    model = lively_model()
    found = add_lora(model, LoraConfig.model_validate({"targets": targets, "rank": 4, "modules": ["q", "ffn.2"]}))
    names = list(lora_parameters(model))
    assert {name.split(".")[0] for name in names} == parts
    assert {name.split(".lora_")[0].split(".", 2)[2] for name in names} == {"self_attn.q", "cross_attn.q", "ffn.2"}
    assert [id(value) for value in found] == [id(value) for value in lora_parameters(model).values()]
    assert {id(value) for value in model.parameters() if value.requires_grad} == {id(value) for value in found}


def test_keys_are_the_published_names_without_the_adapters_own() -> None:
    model = lively_model()
    add_lora(model, LoraConfig(rank=4, dora=True, modules=("q",)))
    assert set(lora_state(model)) == {
        f"vace_blocks.{block}.{attention}.q.{what}"
        for block in (0, 1)
        for attention in ("self_attn", "cross_attn")
        for what in ("lora_A.weight", "lora_B.weight", "lora_magnitude_vector")
    }


def test_float32_adapters_compute_in_the_models_precision_and_learn_in_their_own() -> None:
    model = lively_model().bfloat16()
    add_lora(model, LoraConfig(rank=4, modules=("q", "ffn.0")))
    seen: list[torch.dtype] = []
    for module in model.modules():
        if type(module).__name__ == "CastLinear":
            module.register_forward_hook(lambda _module, given, made: seen.extend([given[0].dtype, made.dtype]))
    said = model(*inputs(dtype=torch.bfloat16))
    assert said.dtype == torch.bfloat16 and set(seen) == {torch.bfloat16}
    said.float().square().mean().backward()
    found = lora_parameters(model).values()
    assert {value.dtype for value in found} == {torch.float32}
    assert {value.grad.dtype for value in found if value.grad is not None} == {torch.float32}
    assert any(bool(value.grad.any()) for value in found if value.grad is not None)


def test_adapters_may_have_the_models_precision() -> None:
    model = lively_model().bfloat16()
    add_lora(model, LoraConfig(rank=4, fp32=False, dora=True))
    assert {value.dtype for value in lora_parameters(model).values()} == {torch.bfloat16}
    assert model(*inputs(dtype=torch.bfloat16)).isfinite().all()


@pytest.mark.parametrize("dora", [False, True])
def test_gradients_equal_those_of_a_merged_weight(dora: bool) -> None:
    """What peft computes, by autograd through the plain formula."""
    config = LoraConfig(rank=4, alpha=8, dora=dora, modules=("ffn.0",))
    model = trained(config)
    layer = model.vace.vace_blocks[1].ffn[0]
    x = torch.randn(2, 5, 96, generator=torch.Generator().manual_seed(1))
    made = layer(x)
    first, second = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    weight = layer.base_layer.weight + 2 * second @ first
    if dora:
        # The norm is taken as a constant (Liu et al. 2024, section 4.3).
        norm = weight.norm(dim=1, keepdim=True).detach()
        weight = layer.lora_magnitude_vector["default"].weight[:, None] * weight / norm
    plain = torch.nn.functional.linear(x, weight, layer.base_layer.bias)
    assert torch.allclose(made, plain, atol=1e-5)
    wanted: list[Tensor] = list(torch.autograd.grad(plain.square().sum(), [first, second], retain_graph=True))
    found = torch.autograd.grad(made.square().sum(), [first, second])
    for one, other in zip(found, wanted, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-4)


def test_first_matrices_follow_from_the_seed_and_leave_other_dice_alone() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    one = lively_model()
    torch.set_rng_state(before)
    add_lora(one, LoraConfig(rank=4), seed=5)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(99)
    two, three = lively_model(), lively_model()
    add_lora(two, LoraConfig(rank=4), seed=5)
    add_lora(three, LoraConfig(rank=4), seed=6)
    states = [lora_state(model) for model in (one, two, three)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    name = "vace_blocks.0.ffn.0.lora_A.weight"
    assert not torch.equal(states[0][name], states[2][name])
    assert states[0][name].abs().max() <= 96**-0.5


def test_dropout_works_in_training_only() -> None:
    model = trained(LoraConfig(rank=4, dropout=0.5))
    given = inputs()
    model.eval()
    assert torch.equal(model(*given), model(*given))
    model.train()
    assert not torch.equal(model(*given), model(*given))


@pytest.mark.parametrize("dora", [False, True])
def test_a_state_goes_out_and_in(dora: bool) -> None:
    config = LoraConfig(targets="both", rank=4, dora=dora)
    model, other = trained(config), lively_model()
    add_lora(other, config, seed=8)
    state = lora_state(model)
    load_lora_state(other, state)
    assert torch.equal(other(*inputs()), model(*inputs()))
    # It is a copy: training on does not change it.
    with torch.no_grad():
        next(iter(lora_parameters(model).values())).add_(1)
    assert torch.equal(next(iter(lora_state(other).values())), next(iter(state.values())))


def test_a_state_of_other_adapters_is_refused_whole() -> None:
    model = trained(LoraConfig(rank=4))
    before = lora_state(model)
    with pytest.raises(InputError, match=r"other shapes, such as .* check rank and size") as told:
        load_lora_state(model, lora_state(trained(LoraConfig(rank=8))))
    assert told.value.reason == "lora-shapes"
    with pytest.raises(InputError, match=r"0 missing .* unexpected .*check targets, modules and dora") as told:
        load_lora_state(model, lora_state(trained(LoraConfig(rank=4, targets="both"))))
    assert told.value.reason == "lora-keys"
    assert all(torch.equal(value, before[name]) for name, value in lora_state(model).items())


def test_a_model_takes_adapters_once() -> None:
    with pytest.raises(ValueError, match="has adapters already"):
        add_lora(trained(LoraConfig(rank=4)), LoraConfig(rank=4))
