"""However a step is computed, loss and adapter gradients are those of DiffSynth's own step."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

import pytest
import torch
from fast_models import TARGETS, adapted, asked, difference, distance, gradient
from pvtt_train.speed import host
from pvtt_train.speed.apply import Applied, apply, host_blocks, kept_blocks, recorded_blocks
from pvtt_train.speed.config import SpeedConfig
from pvtt_train.wan.architecture import WanVace
from pvtt_train.wan.memory import STOCK
from torch import Tensor

from pvtt_data.errors import InputError

pytestmark = pytest.mark.usefixtures("diffsynth")
EXACT = 1e-5
"""Relative, float32; some 7e-7 is seen."""
SWITCHES: dict[str, dict[str, Any]] = {
    "none of them": {},
    "hints": {"hints_as_list": True},
    "rope": {"real_rope": True},
    "norms": {"fused_norms": True},
    "cast": {"cast_lora": True},
    "adapters only": {"adapters_only": True},
    "selective": {"checkpointing": "selective"},
    "no checkpointing": {"checkpointing": "none"},
    "offload": {"checkpointing": "offload"},
    "kept blocks": {"keep_blocks": 2},
    "host": {"host_blocks": 3},
    "host, whole": {"host_blocks": 3, "host_whole": True, "keep_blocks": 1},
    "math": {"attention": "math"},
    "all": {**SpeedConfig().model_dump(), "keep_blocks": 2},
}


def stock(model: WanVace) -> Any:
    return partial(model, checkpointing=True)


def fast(model: WanVace, **settings: Any) -> Applied:
    return apply(model, STOCK.model_copy(update=settings))


@pytest.fixture(scope="module", params=TARGETS)
def model(request: pytest.FixtureRequest) -> WanVace:
    return adapted(request.param)


@pytest.mark.parametrize("switch", SWITCHES)
def test_loss_and_gradients_are_those_of_diffsynth(
    model: WanVace, switch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "_LEAST", 16)  # send all but scalars away
    inputs = asked(batch=2)
    wanted = gradient(stock(model), model, inputs)
    assert all(value.norm() > 0 for value in wanted.of.values()) and wanted.of
    with fast(model, **SWITCHES[switch]) as applied:
        found = gradient(applied.forward, model, inputs)
    assert difference(found, wanted) < EXACT
    assert difference(gradient(stock(model), model, inputs), wanted) == 0, "not undone"


def without_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile without the code generator, which takes a minute."""
    compile_, backend = torch.compile, "aot_eager_decomp_partition"
    monkeypatch.setattr(
        torch, "compile", lambda function, *, options, **how: compile_(function, backend=backend, **how)
    )


def test_compiled_blocks_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the compiler's own partition into what is kept and what is made again."""
    without_code(monkeypatch)
    model, inputs = adapted(), asked()
    wanted = gradient(stock(model), model, inputs)
    with apply(model, SpeedConfig(compile=True, keep_blocks=1, host_blocks=1, host_whole=True)) as applied:
        found = gradient(applied.forward, model, inputs)
    torch.compiler.reset()
    assert difference(found, wanted) < EXACT


def test_torch_does_not_warn_of_what_is_meant(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It reminds of tensors that are changed in place at every start; other words of it get through."""
    logger = logging.getLogger("torch._higher_order_ops.wrap")
    torch._logging._internal.warning_once.cache_clear()
    without_code(monkeypatch)
    model = adapted("vace")
    with fast(model, checkpointing="selective", compile=True, hints_as_list=True) as applied:
        gradient(applied.forward, model, asked())
    torch.compiler.reset()
    logger.warning("something else")
    assert [record.getMessage() for record in caplog.records if record.name == logger.name] == ["something else"]


def test_in_bfloat16_it_is_as_near_to_float32_as_diffsynth_is() -> None:
    """Whole gradient, relative to that in float32: 0.7 % off by DiffSynth's own step, 0.7 % by the fast one."""
    whole, inputs = adapted("both"), asked(torch.bfloat16)
    exact = gradient(stock(whole), whole, asked())
    half = adapted("both", torch.bfloat16)
    half.load_state_dict(whole.state_dict())
    with apply(half, SpeedConfig(keep_blocks=2)) as applied:
        quick = gradient(applied.forward, half, inputs)
    half.to(torch.bfloat16)  # DiffSynth has its adapters so
    own = gradient(stock(half), half, inputs)
    assert distance(own, exact) < 0.01
    assert distance(quick, exact) < 1.25 * distance(own, exact)
    assert abs(quick.loss - exact.loss) < 1e-3 * exact.loss


def test_float32_adapters_compute_as_bfloat16_ones_do() -> None:
    """Values that bfloat16 can hold give the very gradient that DiffSynth's bfloat16 adapters give, rounded less."""
    half, inputs = adapted("vace", torch.bfloat16), asked(torch.bfloat16)
    for parameter in half.parameters():
        parameter.data = parameter.data.to(torch.bfloat16)
    wanted = gradient(stock(half), half, inputs)
    for name, parameter in half.named_parameters():
        parameter.data = parameter.data.float() if "lora_" in name else parameter.data
    with fast(half, cast_lora=True) as applied:
        found = gradient(applied.forward, half, inputs)
        assert all(p.dtype == torch.float32 for name, p in half.named_parameters() if "lora_" in name)
    assert found.loss == wanted.loss
    assert difference(found, wanted) < 2**-8


def test_other_models_and_diffsynth_itself_are_not_touched() -> None:
    import diffsynth.models.wan_video_dit as dit
    import diffsynth.models.wan_video_vace as vace
    import diffsynth.pipelines.wan_video as pipeline

    watched = [dit.rope_apply, dit.flash_attention, dit.DiTBlock.forward, vace.VaceWanModel.forward]
    watched += [vace.gradient_checkpoint_forward, pipeline.gradient_checkpoint_forward, pipeline.model_fn_wan_video]
    one, other, inputs = adapted(), adapted(), asked()
    before = gradient(stock(other), other, inputs)
    with apply(one, SpeedConfig()):
        assert difference(gradient(stock(other), other, inputs), before) == 0
        assert watched == [
            *(dit.rope_apply, dit.flash_attention, dit.DiTBlock.forward, vace.VaceWanModel.forward),
            *(vace.gradient_checkpoint_forward, pipeline.gradient_checkpoint_forward, pipeline.model_fn_wan_video),
        ]


def test_undone_a_model_has_nothing_left_of_it() -> None:
    def seen(model: WanVace) -> dict[str, list[str]]:
        return {name: sorted(vars(part)) for name, part in model.named_modules()}

    model = adapted("both")
    model.dit.head.requires_grad_(True)
    before, state, tables = seen(model), model.state_dict(), model.dit.freqs
    hooks = list(model.dit.time_embedding._forward_pre_hooks)
    applied = apply(model, SpeedConfig(fp8=True))
    assert model.state_dict().keys() == state.keys()
    applied.undo()
    applied.undo()
    assert seen(model) == before
    assert model.dit.freqs is tables and list(model.dit.time_embedding._forward_pre_hooks) == hooks
    assert all(p.requires_grad for p in model.dit.head.parameters())
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_it_cannot_be_applied_twice_nor_undecided() -> None:
    model = adapted()
    with pytest.raises(InputError, match="fit"):
        apply(model, SpeedConfig(keep_blocks="fit"))
    with apply(model, SpeedConfig()), pytest.raises(InputError, match="already"):
        apply(model, SpeedConfig())
    apply(model, SpeedConfig()).undo()


def test_only_adapters_get_gradients_and_nothing_is_recorded_before_the_first() -> None:
    model = adapted("vace")
    model.requires_grad_(True)
    recorded: list[Any] = []
    with apply(model, SpeedConfig()) as applied:
        forward = model.dit.blocks[0].forward
        model.dit.blocks[0].forward = lambda *x: recorded.append(forward(*x)) or recorded[-1]
        found = gradient(applied.forward, model, asked())
        model.dit.blocks[0].forward = forward
    assert found.of and all(name.startswith("vace.") and "lora_" in name for name in found.of)
    assert not recorded[0].requires_grad


@pytest.mark.parametrize(("targets", "vace", "dit"), [("vace", 2, 3), ("dit", 0, 4), ("both", 2, 4)])
def test_the_last_blocks_are_kept_first(targets: str, vace: int, dit: int) -> None:
    model = adapted(targets)
    recorded = recorded_blocks(model)
    assert [sum(part == name for part, _ in recorded) for name in ("vace", "dit")] == [vace, dit]
    assert kept_blocks(model, SpeedConfig(keep_blocks=1)) == {("dit", 3)}
    assert kept_blocks(model, SpeedConfig(keep_blocks=99)) == set(recorded)


def test_blocks_whose_activations_leave_the_gpu_lie_far_apart() -> None:
    model = adapted("both")  # runs dit 0, vace 0, dit 1, dit 2, vace 1, dit 3
    assert host_blocks(model, SpeedConfig(host_blocks=2)) == {("dit", 0), ("dit", 2)}
    assert host_blocks(model, SpeedConfig(host_blocks=3, keep_blocks=1)) == {("dit", 0), ("vace", 0), ("dit", 2)}
    assert host_blocks(model, SpeedConfig(host_blocks=99)) == set(recorded_blocks(model))


def saved_bytes(applied: Applied, inputs: tuple[Tensor, ...]) -> int:
    """Size of what a forward keeps for the gradient, without weights and inputs of the step."""
    model = applied.model
    known = {part.untyped_storage().data_ptr() for part in (*model.parameters(), *inputs, *model.dit.freqs)}
    kept: dict[int, Tensor] = {}

    def see(x: Tensor) -> Tensor:
        if x.untyped_storage().data_ptr() not in known:
            kept[x.untyped_storage().data_ptr()] = x
        return x

    # Checkpointing hides what it keeps from hooks set around it; what is left is counted on what enters blocks.
    with torch.autograd.graph.saved_tensors_hooks(see, lambda x: x):
        applied.forward(*inputs)
    return sum(x.untyped_storage().nbytes() for x in kept.values())


def test_each_block_made_again_keeps_less() -> None:
    model, inputs = adapted(), asked()
    sizes = []
    for settings in ({"checkpointing": "none"}, {"keep_blocks": 3}, {"keep_blocks": 1}, {"checkpointing": "full"}):
        with apply(model, SpeedConfig(**settings)) as applied:
            sizes.append(saved_bytes(applied, inputs))
    assert sizes == sorted(sizes, reverse=True) and len(set(sizes)) == 4


def test_timesteps_keep_their_precision() -> None:
    """1000 timesteps are 294 in bfloat16."""
    model = adapted("vace", torch.bfloat16)
    latents, _, text, context = asked(torch.bfloat16)
    with apply(model, SpeedConfig()) as applied, torch.no_grad():
        near, other = (applied.forward(latents, torch.tensor([t]), text, context) for t in (900.0, 901.0))
        rounded = applied.forward(latents, torch.tensor([901.0]).bfloat16(), text, context)
    assert not torch.equal(near, other)
    assert torch.equal(near, rounded)


def test_dropout_draws_the_same_when_a_block_is_made_again() -> None:
    model, inputs = adapted(dropout=0.5), asked()
    with apply(model, SpeedConfig(checkpointing="none")) as applied:
        torch.manual_seed(3)
        wanted = gradient(applied.forward, model, inputs)
    with apply(model, SpeedConfig(checkpointing="selective")) as applied:
        torch.manual_seed(3)
        found = gradient(applied.forward, model, inputs)
    assert difference(found, wanted) < EXACT


def test_adapters_that_only_peft_knows_and_switched_off_ones_are_peft_s() -> None:
    model, inputs = adapted("vace"), asked()
    layers = [part for part in model.modules() if hasattr(part, "disable_adapters")]
    with torch.no_grad(), apply(model, SpeedConfig()) as applied:
        on = applied.forward(*inputs)
        for part in layers:
            part.enable_adapters(False)
        off = applied.forward(*inputs)
        for part in layers:
            part.enable_adapters(True)
            part.merge()
        merged = applied.forward(*inputs)
        for part in layers:
            part.unmerge()
    assert (on - off).norm() > 1e-3 * on.norm()
    assert torch.allclose(on, merged, atol=1e-5)
