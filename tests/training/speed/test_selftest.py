"""The start-up test uses what is right and fast, and says what it found."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from fast_models import Adapters, Clip
from pvtt_train.guards import OutOfMemoryError
from pvtt_train.speed import block, float8, selftest
from pvtt_train.speed.config import SpeedConfig
from pvtt_train.speed.selftest import Finding, Trial, choose, found_once
from pvtt_train.wan.architecture import SIZES

pytestmark = pytest.mark.usefixtures("diffsynth")
CPU = torch.device("cpu")
CLIP = Clip(9, 64, 112)
WANTED = SpeedConfig(compile=True, keep_blocks="fit")


def trial(limit_s: float = 60.0) -> Trial:
    return Trial(SIZES["tiny"], Adapters(rank=4), CLIP, CPU, limit_s)


def test_without_a_gpu_nothing_is_tried_and_that_is_said() -> None:
    said: list[str] = []
    chosen = choose(SIZES["tiny"], Adapters(), CLIP, CPU, told=said.append)
    assert not chosen.compile and chosen.keep_blocks == 0
    assert len(said) == 1 and "no GPU" in said[0]


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


FOUND = [
    Finding("attention torch", 3.0, 0.01, ""),
    Finding("attention cudnn", 1.0, 0.01, "its gradient is wrong"),
    Finding("attention flash", 2.0, 0.01, ""),
]


@pytest.mark.parametrize(
    ("more", "compiled", "small"),
    [
        ([], False, False),
        ([Finding("compiled", 1.5, 0.01, "")], True, False),
        ([Finding("compiled", 2.5, 0.01, "")], False, False),
        ([Finding("compiled", 0.5, 0.01, "InductorError")], False, False),
        ([Finding("compiled", 1.5, 0.01, ""), Finding("float8", 1.4, 0.04, "")], True, True),
        ([Finding("compiled", 1.5, 0.01, ""), Finding("float8", 1.6, 0.04, "")], True, False),
    ],
)
def test_what_is_right_and_faster_is_used(more: list[Finding], compiled: bool, small: bool) -> None:
    wanted = WANTED.model_copy(update={"fp8": True})
    found = found_once(wanted, {}, lambda: FOUND + more)
    assert (found.attention, found.compile, found.fp8) == ("flash", compiled, small)
    assert found.keep_blocks == "fit"


def test_the_same_question_is_answered_once(tmp_path: Path) -> None:
    asked: list[int] = []

    def tried() -> list[Finding]:
        asked.append(1)
        return FOUND

    said: list[str] = []
    kept = tmp_path / "run" / "selftest.json"
    first = found_once(WANTED, {"gpu": "a"}, tried, kept_in=kept, told=said.append)
    assert [line.split(":")[0] for line in said] == [finding.name for finding in FOUND]
    assert found_once(WANTED, {"gpu": "a"}, tried, kept_in=kept, told=said.append) == first
    assert len(asked) == 1 and "before" in said[-1]
    found_once(WANTED, {"gpu": "b"}, tried, kept_in=kept)
    assert len(asked) == 2
