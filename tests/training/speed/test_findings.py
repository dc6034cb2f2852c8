"""What follows from a self-test: what is wrong is off and named, what saves memory stays, nothing is tried twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fast_models import Adapters, Clip
from pvtt_train.speed.config import SpeedConfig
from pvtt_train.speed.findings import UNTRIED, Finding, decide, found_once, turned_off
from pvtt_train.wan.architecture import SIZES
from pvtt_train.wan.memory import estimate

WANTED = SpeedConfig(compile=True, tuned=True, fp8=True, keep_blocks="fit")
KERNELS = [
    Finding("attention torch", 3.0, 0.01, ""),
    Finding("attention cudnn", 1.0, 0.01, "its gradient is wrong"),
    Finding("attention flash", 2.0, 0.01, ""),
]
FAST, SLOW = Finding("compiled", 1.5, 0.01, ""), Finding("compiled", 2.5, 0.01, "")
BROKEN, LATE = Finding("compiled", 0.0, 0.0, "InductorError: no compiler"), Finding("compiled", 0.0, 0.0, UNTRIED)


def float8(seconds: float = 0.0, fault: str = "") -> Finding:
    return Finding("float8", seconds, 0.04, fault)


@pytest.mark.parametrize(
    ("compiled", "room", "used", "told"),
    [
        (FAST, True, True, ""),
        (SLOW, True, False, ""),
        (SLOW, False, True, "no room without"),
        (BROKEN, False, False, ""),
        (LATE, True, True, "no time left"),
    ],
)
def test_compiled_blocks_are_used_if_right_and_faster_or_needed_for_room(
    compiled: Finding, room: bool, used: bool, told: str
) -> None:
    said: list[str] = []
    wanted = WANTED.model_copy(update={"fp8": False})
    found = decide(wanted, [*KERNELS, compiled], lambda speed: room, said.append)
    assert (found.attention, found.compile, found.tuned) == ("flash", used, used)
    assert found.keep_blocks == "fit" and not found.fp8
    assert [told in line for line in said] == ([True] if told else [])


@pytest.mark.parametrize(
    ("found_of_it", "used", "told"),
    [
        (float8(1.4), True, ""),
        (float8(1.6), True, "no faster here"),
        (float8(fault=UNTRIED), True, "not known"),
        (float8(fault="its gradient is 7.00% from float32's, more than 5.00%"), False, ""),
        (float8(fault="RuntimeError: no kernel"), False, ""),
    ],
)
def test_float8_is_turned_off_for_being_wrong_and_for_nothing_else(found_of_it: Finding, used: bool, told: str) -> None:
    said: list[str] = []
    found = decide(WANTED, [*KERNELS, FAST, found_of_it], told=said.append)
    assert (found.compile, found.fp8) == (True, used)
    assert [told in line for line in said] == ([True] if told else [])


def test_a_large_model_on_a_small_card_has_its_room_after_the_test_if_float8_is_slower_or_untried() -> None:
    wanted = SpeedConfig(compile=True, fp8=True, host_blocks=99)
    clip, size = Clip(49, 480, 848), SIZES["wan2.1-vace-14b"]

    def fits(speed: SpeedConfig) -> bool:
        return estimate(size, Adapters(), speed, clip).fits(34_000_000_000)

    for found_of_it in (float8(9.0), float8(fault=UNTRIED)):
        assert fits(decide(wanted, [*KERNELS, FAST, found_of_it], fits))
    assert not fits(decide(wanted, [*KERNELS, FAST, float8(fault="RuntimeError")], fits)), "this one must be told"


def test_what_was_turned_off_is_named_with_its_reason(tmp_path: Path) -> None:
    kept = tmp_path / "self_test.json"
    assert turned_off(WANTED, kept) == []
    found_once({}, lambda: [*KERNELS, BROKEN, float8(fault="RuntimeError: no kernel")], kept_in=kept)
    assert turned_off(WANTED, kept) == [
        "speed.compile was turned off by the self-test: InductorError: no compiler",
        "speed.fp8 was turned off by the self-test: RuntimeError: no kernel",
    ]
    assert turned_off(SpeedConfig(), kept) == [], "what nobody wanted"
    found_once({"gpu": "b"}, lambda: [*KERNELS, LATE, float8(9.0)], kept_in=kept)
    assert turned_off(WANTED, kept) == []


def test_the_same_question_is_answered_once(tmp_path: Path) -> None:
    asked: list[int] = []

    def tried() -> list[Finding]:
        asked.append(1)
        return KERNELS

    said: list[str] = []
    kept = tmp_path / "run" / "selftest.json"
    assert found_once({"gpu": "a"}, tried, kept_in=kept, told=said.append) == KERNELS
    assert [line.split(":")[0] for line in said] == [finding.name for finding in KERNELS]
    assert found_once({"gpu": "a"}, tried, kept_in=kept, told=said.append) == KERNELS
    assert len(asked) == 1 and "before" in said[-1]
    found_once({"gpu": "b"}, tried, kept_in=kept)
    assert len(asked) == 2


def test_a_file_of_an_earlier_version_that_had_turned_float8_off_for_want_of_time_does_so_no_longer(
    tmp_path: Path,
) -> None:
    kept = tmp_path / "self_test.json"
    findings = [
        {"name": "attention torch", "seconds": 3.0, "distance": 0.01, "fault": ""},
        {"name": "float8", "seconds": 0.0, "distance": 0.0, "fault": "not tried: no time left"},
    ]
    kept.write_text(json.dumps({"question": {}, "found": {"fp8": False}, "findings": findings}), encoding="utf-8")
    assert decide(WANTED, found_once({}, list, kept_in=kept)).fp8
