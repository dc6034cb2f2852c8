"""Flow matching: noise levels, how they are drawn, what counts in the loss."""

from __future__ import annotations

import pytest
import torch
from pvtt_train.flow import LEVELS, Flow, FlowConfig, lesson_dice
from pvtt_train.wan.architecture import SIZES, random_model

pytestmark = pytest.mark.usefixtures("diffsynth")
CPU = torch.device("cpu")


def test_the_tables_are_diffsynths_and_stay_float32() -> None:
    from diffsynth.diffusion.flow_match import FlowMatchScheduler

    scheduler = FlowMatchScheduler("Wan")
    scheduler.set_timesteps(LEVELS, training=True, shift=5.0)
    flow = Flow(CPU, FlowConfig(weighting="scheduler"))
    assert torch.equal(flow.sigmas, scheduler.sigmas) and torch.equal(flow.timesteps, scheduler.timesteps)
    assert torch.equal(flow.counts, scheduler.linear_timesteps_weights)
    assert flow.timesteps.dtype == torch.float32 and len(flow.timesteps.unique()) == LEVELS
    assert len(flow.timesteps.bfloat16().unique()) < LEVELS / 3


def test_a_model_in_bfloat16_tells_timesteps_apart_that_bfloat16_does_not() -> None:
    size = SIZES["tiny"]
    model = random_model(size, device=CPU, dtype=torch.bfloat16)
    seen = []
    model.dit.time_embedding.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    latents = torch.randn(1, size.channels, 2, 4, 4).bfloat16()
    text = torch.randn(1, size.text_tokens, size.text_dim).bfloat16()
    context = torch.randn(1, size.context_channels, 2, 4, 4).bfloat16()
    for timestep in (991.0, 992.0):
        assert torch.tensor(991.0).bfloat16() == torch.tensor(992.0).bfloat16()
        model(latents, torch.tensor([timestep]), text, context)
    assert seen[0].dtype == torch.bfloat16 and not torch.equal(seen[0], seen[1])


@pytest.mark.parametrize(
    ("config", "mean", "tail"),
    [
        (FlowConfig(), 0.5, 0.2),
        (FlowConfig(sampling="logit-normal"), 0.5, 0.083),
        (FlowConfig(sampling="logit-normal", location=1.0), 0.697, 0.0085),
        (FlowConfig(sampling="mode"), 0.5, 0.102),
        (FlowConfig(sampling="mode", mode_scale=-0.8), 0.5, 0.279),
        (FlowConfig(first=0.0, last=0.358), 0.821, 0.0),
    ],
)
def test_levels_are_drawn_as_asked(config: FlowConfig, mean: float, tail: float) -> None:
    """`mean` of the noise level before the shift, and `tail`, the share of levels in the lowest fifth."""
    torch.manual_seed(1)
    levels = 1 - Flow(CPU, config).levels(20_000) / LEVELS
    assert float(levels.mean()) == pytest.approx(mean, abs=0.01)
    low = float((levels < 0.2).float().mean())
    assert low == pytest.approx(tail, abs=0.01)


def test_an_empty_range_of_levels_is_refused() -> None:
    with pytest.raises(ValueError, match=r"first \(0\.5\) must be below last"):
        FlowConfig(first=0.5, last=0.5)


def test_dice_follow_from_seed_step_sample_and_place_alone() -> None:
    def shown(seed: int, step: int, keys: str, first: int = 0) -> list[float]:
        dice = lesson_dice(seed, step, list(keys), range(first, first + len(keys)), CPU)
        return [float(torch.rand(1, generator=one)) for one in dice]

    together = shown(1, 5, "aba")
    assert shown(1, 5, "a") + shown(1, 5, "b", 1) + shown(1, 5, "a", 2) == together
    assert len({*together, *shown(2, 5, "ab"), *shown(1, 6, "ab")}) == 7


def test_references_do_not_count_and_weights_are_relative() -> None:
    flow = Flow(CPU)
    clean, noise = torch.randn(2, 16, 3, 4, 4), torch.randn(2, 16, 3, 4, 4)
    weights = torch.rand(2, 1, 3, 4, 4)
    weights[:, :, 0] = 0
    said = noise - clean
    said[:, :, 0] += 100
    levels = flow.levels(2)
    assert float(flow.errors(said, clean, noise, weights, levels).max()) == 0
    said[:, :, 1:] += 2
    assert torch.allclose(flow.errors(said, clean, noise, weights * 7, levels), torch.tensor(4.0))
    assert float(flow.errors(said, clean, noise, weights * 0, levels).max()) == 0
