"""The loop: it learns, goes on exactly where it was killed or stopped, and says what went wrong."""

from __future__ import annotations

import errno
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pvtt_train import checkpoint as checkpoints
from pvtt_train.guards import NotFiniteError, OutOfMemoryError, no_room
from pvtt_train.lesson import Lesson
from pvtt_train.run_folder import RunFolder
from pvtt_train.stopping import Stop
from safetensors import SafetensorError
from safetensors.torch import load_file
from toy_runs import COURSE, ToyLessons, toy_parts, toy_run

from pvtt_data.errors import DiskFullError, InputError, PreflightError

pytestmark = pytest.mark.usefixtures("diffsynth")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, diffsynth: object) -> Path:
    """A run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    outcome = toy_run(folder)
    assert outcome.progress.step == COURSE.steps and outcome.stopped == 0
    return folder


def told(folder: Path) -> list[tuple[Any, ...]]:
    """What the metrics say of each step, but for times and memory."""
    names = ("step", "loss", "norm", "rate", "epochs", "keys")
    return [tuple(map(json.dumps, (entry[name] for name in names))) for entry in RunFolder(folder).metrics()]


def state(folder: Path) -> dict[str, torch.Tensor]:
    """Weights, average, moments and dice of the last checkpoint."""
    path = sorted((folder / "checkpoints").iterdir())[-1]
    assert path.name == f"step-{COURSE.steps:08d}"
    return load_file(path / checkpoints.STATE)


def assert_same(one: Path, other: Path) -> None:
    assert told(one) == told(other)
    first, second = state(one), state(other)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    last = f"checkpoints/step-{COURSE.steps:08d}/adapter.safetensors"
    assert (one / last).read_bytes() == (other / last).read_bytes()


def test_a_run_that_crashed_goes_on_to_the_same_bits(whole: Path, tmp_path: Path) -> None:
    """Without a checkpoint at the crash, with one half written, and with metrics of steps that are made again."""

    def crash(number: int, lesson: Lesson) -> Lesson:
        if number == 2 * 5:  # step 6, two batches each
            raise RuntimeError("the power failed")
        return lesson

    with pytest.raises(RuntimeError, match="the power failed"):
        toy_run(tmp_path, ToyLessons(crash))
    assert len(told(tmp_path)) == 5
    half = tmp_path / "checkpoints" / ".step-00000006.4711.tmp"
    half.mkdir()
    (half / checkpoints.STATE).write_bytes(b"half of it")
    (tmp_path / "metrics.jsonl").open("a").write('{"step": 6, "lo')
    assert toy_run(tmp_path).begun == 3 and not half.exists()
    assert_same(whole, tmp_path)


def test_sigterm_saves_and_the_run_goes_on_to_the_same_bits(whole: Path, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    outcome = toy_run(tmp_path, ToldToStop(5))
    assert outcome.stopped == signal.SIGTERM and outcome.progress.step == 5
    assert outcome.checkpoint is not None and outcome.checkpoint.name == "step-00000005"
    assert signal.getsignal(signal.SIGTERM) is before
    assert toy_run(tmp_path).begun == 5
    assert_same(whole, tmp_path)


@pytest.fixture
def heard() -> Iterator[None]:
    """Ctrl-C, which a process that was begun in the background does not hear."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
def test_only_a_second_ctrl_c_ends_at_once() -> None:
    """Launchers send SIGTERM more than once."""
    with Stop() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.asked == signal.SIGTERM
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)


class ToldToStop(ToyLessons):
    """SIGTERM comes while a step's batches are made."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step = step

    def __next__(self) -> Lesson:
        if self.number == 2 * (self.step - 1):  # two batches each
            os.kill(os.getpid(), signal.SIGTERM)
        return super().__next__()


class Validation:
    """Due at every second step; fails where it is told to."""

    def __init__(self, fails_at: int = -1) -> None:
        self.fails_at, self.seen = fails_at, list[int]()

    def due(self, step: int) -> bool:
        return step % 2 == 0

    def __call__(self, step: int, metrics: object) -> dict[str, float]:
        if step == self.fails_at:
            raise OSError(errno.EIO, "the disk of samples is gone")
        self.seen.append(step)
        return {"loss": 1.0}

    def close(self) -> None:
        """Nothing is open."""


def test_a_validation_that_fails_loses_no_step_and_is_made_up_for(whole: Path, tmp_path: Path) -> None:
    every = COURSE.checkpoint.model_copy(update={"every_steps": 2})
    with pytest.raises(OSError, match="samples is gone"):
        toy_run(tmp_path, validate=Validation(4), checkpoint=every)
    assert RunFolder(tmp_path).step == 4
    again = Validation()
    assert toy_run(tmp_path, validate=again, checkpoint=every).begun == 4
    assert again.seen == [4, 6, 8]
    assert_same(whole, tmp_path)
    nothing_more = Validation()
    toy_run(tmp_path, validate=nothing_more, checkpoint=every)
    assert nothing_more.seen == []


def test_a_stop_in_the_last_step_leaves_its_validation_to_the_next_start(whole: Path, tmp_path: Path) -> None:
    first, second = Validation(), Validation()
    outcome = toy_run(tmp_path, ToldToStop(COURSE.steps), validate=first)
    assert (outcome.progress.step, outcome.stopped) == (COURSE.steps, signal.SIGTERM)
    assert toy_run(tmp_path, validate=second).stopped == 0
    assert (first.seen, second.seen) == ([0, 2, 4, 6], [8])
    assert_same(whole, tmp_path)


def test_a_stop_in_the_last_step_of_a_run_without_validation_stops_nothing(whole: Path, tmp_path: Path) -> None:
    assert toy_run(tmp_path, ToldToStop(COURSE.steps)).stopped == 0
    assert_same(whole, tmp_path)


def test_only_the_latest_checkpoints_are_kept(whole: Path, tmp_path: Path) -> None:
    assert sorted(path.name for path in (whole / "checkpoints").iterdir()) == [
        "step-00000003",
        "step-00000006",
        "step-00000008",
    ]
    toy_run(tmp_path, checkpoint=COURSE.checkpoint.model_copy(update={"keep": 1, "every_steps": 2}))
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-00000008"]


def spoilt(at: int, name: str) -> ToyLessons:
    """Batches of which one has a value that is no number."""

    def change(number: int, lesson: Lesson) -> Lesson:
        if number != at:
            return lesson
        value = getattr(lesson, name).clone()
        value[1, 0, -1, 0, 0] = float("nan")
        return replace(lesson, **{name: value})

    return ToyLessons(change)


def test_a_loss_that_is_no_number_stops_with_the_key_and_changes_nothing(tmp_path: Path) -> None:
    lessons = spoilt(9, "clean")
    with pytest.raises(NotFiniteError, match=r"step 5: the loss of sample 0000000000000013 is nan.*no weight") as found:
        toy_run(tmp_path, lessons)
    assert "skip_not_finite" in str(found.value) and lessons.closed
    assert "NotFiniteError" in (tmp_path / "log.jsonl").read_text().splitlines()[-1]
    kept = load_file(tmp_path / "checkpoints" / "step-00000003" / checkpoints.STATE)
    assert all(torch.isfinite(value.float()).all() for value in kept.values())


def test_a_bad_step_is_left_out_and_counted_where_that_is_allowed(tmp_path: Path) -> None:
    outcome = toy_run(tmp_path, spoilt(9, "clean"), allowed=1)
    assert outcome.progress.step == COURSE.steps
    assert outcome.progress.left_out == [(5, ("0000000000000013",))]
    taken = [entry["taken"] for entry in RunFolder(tmp_path).metrics()]
    assert taken == [True] * 4 + [False] + [True] * 3
    assert all(torch.isfinite(value.float()).all() for value in state(tmp_path).values())


def test_bad_steps_are_counted_over_all_starts(tmp_path: Path) -> None:
    toy_run(tmp_path, spoilt(3, "clean"), allowed=1, steps=4)
    with pytest.raises(NotFiniteError, match="1 such steps were left out before"):
        toy_run(tmp_path, spoilt(13, "context"), allowed=1)


def test_memory_that_is_not_enough_is_told_with_the_estimate(tmp_path: Path) -> None:
    class TooLarge(ToyLessons):
        def __next__(self) -> Lesson:
            lesson = super().__next__()
            if self.number > 4:
                object.__setattr__(lesson, "text", _Exhausting())
            return lesson

    class _Exhausting:
        def to(self, *_: object) -> torch.Tensor:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3 GiB")

    with pytest.raises(OutOfMemoryError, match="step 3, latents 2×16×3×4×6: CUDA out of memory") as found:
        toy_run(tmp_path, TooLarge())
    assert "estimated: 1 GB" in str(found.value) and "try less" in str(found.value)

    def encode(number: int, lesson: Lesson) -> Lesson:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB")

    with pytest.raises(OutOfMemoryError, match="step 1, while its samples were made ready: CUDA out of memory"):
        toy_run(tmp_path / "pixels", ToyLessons(encode))


def test_another_process_is_refused_in_the_same_folder(tmp_path: Path) -> None:
    with RunFolder(tmp_path), pytest.raises(PreflightError, match=f"process {os.getpid()}.*--run"):
        toy_run(tmp_path)


def test_a_checkpoint_of_other_adapters_is_refused(whole: Path, tmp_path: Path) -> None:
    step = toy_parts(ToyLessons()).step
    names = [*[f"adapter {number}" for number in range(len(step.parameters) - 1)], "elsewhere"]
    store = checkpoints.Checkpoints(whole / "checkpoints", COURSE.checkpoint, names)
    latest = store.latest()
    assert latest is not None
    standing = checkpoints.Standing(step.parameters, step.ema.average, step.optimiser)
    with pytest.raises(InputError, match="of another training, whose adapters lie elsewhere"):
        store.restore(latest, standing)


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(tensors: object, path: Path, metadata: object) -> None:
        path.write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    lessons = ToyLessons(
        lambda number, lesson: monkeypatch.setattr(checkpoints, "save_file", full) or lesson if number == 8 else lesson
    )
    with pytest.raises(DiskFullError, match="step-00000003, is good"):
        toy_run(tmp_path, lessons)
    monkeypatch.undo()
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-00000003"]
    assert toy_run(tmp_path).begun == 3


def test_what_safetensors_says_of_a_full_disk_is_known() -> None:
    said = SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")
    told = no_room(said, "the last checkpoint is good")
    assert told is not None and "the last checkpoint is good" in str(told)
    assert no_room(SafetensorError("invalid header"), "") is None
