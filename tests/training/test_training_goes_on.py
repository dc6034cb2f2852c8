"""Training that was stopped goes on to the same weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from pvtt_train.closed_loop import compiling
from pvtt_train.closed_loop import fit as fitting
from pvtt_train.closed_loop.fit import Course, Trained, fit
from pvtt_train.run_folder import RunFolder
from torch import nn

from pvtt_data.errors import InputError

COURSE = Course(steps=20, rate=0.05, keep=0.9)


class StoppedError(Exception):
    pass


def trained(folder: Path | None = None, stop_after: int | None = None) -> tuple[nn.Linear, Trained | None]:
    """A small model after its course, whose batches are thrown by the dice."""
    torch.manual_seed(4)
    model = nn.Linear(3, 2)
    drawn = 0

    def draw() -> tuple[torch.Tensor, ...]:
        nonlocal drawn
        drawn += 1
        if drawn - 1 == stop_after:
            raise StoppedError
        return (torch.randn(5, 3),)

    def loss(batch: torch.Tensor) -> torch.Tensor:
        return (model(batch) - batch[:, :2]).square().mean()

    try:
        return model, fit(draw, loss, list(model.parameters()), COURSE, folder=folder)
    except StoppedError:
        return model, None


def test_a_stopped_training_goes_on_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "_KEEP_EVERY_S", 1e-6)
    whole, told = trained()
    _, nothing = trained(tmp_path, stop_after=13)
    assert nothing is None and RunFolder(tmp_path).step == 13
    after, again = trained(tmp_path)
    assert told is not None and again is not None and again.losses == told.losses
    for one, other in zip(whole.parameters(), after.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_checkpoint_of_another_model_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "_KEEP_EVERY_S", 1e-6)
    trained(tmp_path, stop_after=3)
    other = nn.Linear(4, 2)
    with pytest.raises(InputError, match="another training"):
        fit(lambda: (), lambda: torch.zeros(()), list(other.parameters()), COURSE, folder=tmp_path)


def test_functions_are_compiled_for_the_time_being_only() -> None:
    class Owner:
        @staticmethod
        def work() -> int:
            return 1

    plain = Owner.work
    with compiling.compiled((Owner, "work")):
        assert Owner.work is not plain
    assert Owner.work is plain
