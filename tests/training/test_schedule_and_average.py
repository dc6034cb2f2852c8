"""Learning rates, the average of the weights, and when a checkpoint is due."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from pvtt_train.checkpoint import CheckpointConfig, Checkpoints
from pvtt_train.ema import Ema, EmaConfig
from pvtt_train.schedule import ScheduleConfig
from torch import nn


def test_rates_warm_up_and_stay_or_fall_to_the_floor() -> None:
    constant, cosine = ScheduleConfig(warmup=4), ScheduleConfig(kind="cosine", warmup=4, floor=0.1)
    assert [constant.rate_at(8.0, step, 100) for step in (0, 1, 3, 50, 99)] == [2, 4, 8, 8, 8]
    assert cosine.rate_at(8.0, 50, 100) == pytest.approx(8 * (0.1 + 0.9 * 0.5))
    assert cosine.rate_at(8.0, 99, 100) == pytest.approx(0.8, rel=0.01)
    assert ScheduleConfig(kind="cosine", warmup=50, floor=1).rate_at(8.0, 1, 20) == 8, "a tenth of all steps at most"


@pytest.mark.parametrize("step", [0, 10, 19, 20, 49, 50, 400])
def test_a_constant_rate_is_the_same_when_a_run_goes_on_to_more_steps(step: int) -> None:
    schedule = ScheduleConfig(warmup=50)
    assert schedule.rate_at(1e-3, step, 20) == schedule.rate_at(1e-3, step, 500) == 1e-3 * min(1, (step + 1) / 50)


def test_a_run_that_is_shorter_than_its_warm_up_is_told() -> None:
    schedule = ScheduleConfig(warmup=50)
    assert "warmup is 50 steps, run.steps 20" in schedule.remark(20) and "warmup=2" in schedule.remark(20)
    assert schedule.remark(50) == "" and schedule.rate_at(8.0, 49, 50) == 8
    assert ScheduleConfig(kind="cosine", warmup=50).remark(20) == ""
    assert ScheduleConfig(warmup=0).remark(1) == "" and ScheduleConfig(warmup=0).rate_at(8.0, 0, 1) == 8


def test_an_average_is_lent_and_taken_back_to_the_bit() -> None:
    parameter = nn.Parameter(torch.zeros(3))
    ema = Ema([parameter], EmaConfig(keep=0.75, warm=False))
    with torch.no_grad():
        parameter.copy_(torch.tensor([1.0, 0.1, -3.0]))
    before = parameter.detach().clone()
    ema.update(0)
    with pytest.raises(RuntimeError), ema.in_place():
        assert torch.allclose(parameter, before / 4)
        raise RuntimeError("while it was lent")
    assert torch.equal(parameter, before)


def test_an_average_of_rounded_weights_is_not_rounded() -> None:
    parameter = nn.Parameter(torch.ones(1, dtype=torch.bfloat16))
    ema = Ema([parameter], EmaConfig(keep=0.999, warm=False))
    with torch.no_grad():
        parameter.fill_(1.5)
    for step in range(1000):
        ema.update(step)
    assert float(ema.average[0]) == pytest.approx(1.5 - 0.5 * 0.999**1000, abs=1e-4)
    with ema.in_place():
        assert parameter.dtype == torch.bfloat16 and 1.3 < float(parameter.detach()) < 1.33
    assert float(parameter.detach()) == 1.5


def test_a_warm_average_soon_leaves_its_start_and_none_is_none() -> None:
    parameter = nn.Parameter(torch.zeros(1))
    warm, cold, none = (Ema([parameter], config) for config in (EmaConfig(), EmaConfig(warm=False), EmaConfig(keep=0)))
    with torch.no_grad():
        parameter.fill_(1.0)
    for step in range(20):
        for ema in (warm, cold, none):
            ema.update(step)
    assert float(warm.average[0]) > 0.99 and float(cold.average[0]) < 0.03 and none.average == []
    with none.in_place():
        assert float(parameter.detach()) == 1.0


def test_checkpoints_are_due_by_steps_and_by_minutes(tmp_path: Path) -> None:
    now = 0.0
    both = Checkpoints(tmp_path, CheckpointConfig(every_steps=10, every_minutes=2), [], clock=lambda: now)
    never = Checkpoints(tmp_path, CheckpointConfig(every_steps=0, every_minutes=0), [], clock=lambda: now)
    assert [step for step in range(1, 21) if both.due(step)] == [10, 20]
    now = 120.0
    assert both.due(3) and not never.due(3) and not never.due(1000)
