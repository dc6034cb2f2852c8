"""The start-up test uses what is right and fast, and says what it found."""

from __future__ import annotations

import pytest
import torch
from fast_models import Adapters, Clip
from pvtt_train.guards import OutOfMemoryError
from pvtt_train.speed import block, float8, selftest
from pvtt_train.speed.config import SpeedConfig
from pvtt_train.speed.selftest import Trial, choose
from pvtt_train.wan.architecture import SIZES

pytestmark = pytest.mark.usefixtures("diffsynth")
CPU = torch.device("cpu")
CLIP = Clip(9, 64, 112)


def trial(limit_s: float = 60.0) -> Trial:
    return Trial(SIZES["tiny"], Adapters(rank=4), CLIP, CPU, limit_s)


def test_without_a_gpu_nothing_is_tried_and_that_is_said() -> None:
    said: list[str] = []
    chosen = choose(SIZES["tiny"], Adapters(), CLIP, CPU, told=said.append)
    assert not chosen.compile and chosen.keep_blocks == 0
    assert len(said) == 1 and "no GPU" in said[0] and "float8" not in said[0]
    choose(SIZES["tiny"], Adapters(), CLIP, CPU, wanted=SpeedConfig(fp8=True), told=said.append)
    assert "not made float8" in said[1]


def test_kernels_are_as_near_to_float32_as_diffsynth_and_timed() -> None:
    tried = trial()
    findings = tried.run(SpeedConfig(fp8=True))
    names = [finding.name for finding in findings]
    assert names == ["attention torch", "attention cudnn", "attention flash", "attention efficient", "float8"]
    for finding in findings[:-1]:
        assert not finding.fault and finding.seconds > 0
        assert 0 < finding.distance <= 1.25 * tried.nearest < 0.02
    if float8.works(CPU):
        assert "not in use" in findings[-1].fault
    else:
        assert findings[-1].distance > 2 * findings[0].distance, "float8 is further off"


def test_a_kernel_that_computes_something_else_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = trial()
    right = block.attend
    monkeypatch.setattr(block, "attend", lambda *x: 1.02 * right(*x))
    (finding,) = tried.run(SpeedConfig(attention="flash"))
    assert "from float32" in finding.fault

    def broken(*_: object) -> torch.Tensor:
        raise RuntimeError("no kernel image is available\nfor execution")

    monkeypatch.setattr(block, "attend", broken)
    (finding,) = tried.run(SpeedConfig(attention="flash"))
    assert finding.fault == "RuntimeError: no kernel image is available"


def test_no_candidate_is_tried_after_its_time() -> None:
    findings = trial(limit_s=0.0).run(SpeedConfig())
    assert all("no time left" in finding.fault for finding in findings)


@pytest.mark.parametrize("where", ["random_model", "_distance"])
def test_a_trial_that_has_no_room_says_how_to_train_without_it(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")

    monkeypatch.setattr(selftest, where, too_large)
    with pytest.raises(OutOfMemoryError, match=r"self-test, 9 frames of 112×64: CUDA.*\n.*run\.self_test=false"):
        trial()
