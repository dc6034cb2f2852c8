"""Checkpoints of a run: folders that appear whole or not at all, of which the last few are kept.

``checkpoints/step-00000250/`` holds ``state.safetensors``, from which training goes on exactly, and whatever else the
caller puts beside it, such as the adapter as other programs take it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from pvtt_data.errors import InputError
from pvtt_data.files import sync_folder
from pvtt_data.stage import StageConfig
from pvtt_train.guards import no_room
from pvtt_train.standing import Standing

STATE = "state.safetensors"
_NAME = re.compile(r"step-([0-9]{8})")
_FORMAT = 1


class CheckpointConfig(StageConfig):
    """When a run is saved; it is always saved at its end, and when it is told to stop."""

    every_steps: int = Field(default=250, ge=0)
    """Steps from one checkpoint to the next; 0 to go by minutes alone."""
    every_minutes: float = Field(default=20.0, ge=0)
    """Minutes after which one is due too; 0 to go by steps alone."""
    keep: int = Field(default=3, ge=1)
    """So many of the latest are kept."""


def whole_checkpoints(folder: Path) -> list[Path]:
    """Of a run, the oldest first; what was half written is none."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name) and path.is_dir())


def step_of(path: Path) -> int:
    """Steps after which a checkpoint was made."""
    return int(path.name.removeprefix("step-"))


class Checkpoints:
    """The checkpoints of one run.

    Args:
        folder: that holds them.
        config: when, and how many.
        names: of the parameters that are trained, in the order of the standing.
        clock: seconds that go on.
    """

    def __init__(
        self,
        folder: Path,
        config: CheckpointConfig,
        names: Sequence[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder, self.config, self.names = folder, config, list(names)
        self._clock = clock
        self._last = clock()

    def all(self) -> list[Path]:
        """Whole ones, the oldest first."""
        return whole_checkpoints(self.folder)

    def latest(self) -> Path | None:
        """The one to go on from."""
        found = self.all()
        return found[-1] if found else None

    def due(self, step: int) -> bool:
        """Whether one is due after so many steps."""
        if self.config.every_steps and step % self.config.every_steps == 0:
            return True
        return bool(self.config.every_minutes) and self._clock() - self._last >= self.config.every_minutes * 60

    def save(
        self,
        step: int,
        standing: Standing,
        progress: Mapping[str, Any],
        beside: Callable[[Path], None] = lambda folder: None,
    ) -> Path:
        """Save after so many steps, and let the oldest go.

        Args:
            step: steps done.
            standing: weights, average, moments, dice.
            progress: whatever else is needed to go on; JSON.
            beside: writes further files into the folder it is given.

        Raises:
            DiskFullError: there is no room; earlier checkpoints are left as they were.
        """
        path = self.folder / f"step-{step:08d}"
        part = self.folder / f".{path.name}.{os.getpid()}.tmp"
        try:
            self._tidy()
            part.mkdir(parents=True)
            told = {"format": str(_FORMAT), "names": json.dumps(self.names), "progress": json.dumps(dict(progress))}
            save_file(standing.copy(), part / STATE, told)
            beside(part)
            for file in part.iterdir():
                _sync(file)
            sync_folder(part)
            if path.exists():
                self._drop(path)
            part.rename(path)
            sync_folder(self.folder)
        except (OSError, SafetensorError) as error:
            shutil.rmtree(part, ignore_errors=True)
            latest = self.latest()
            kept = f"the last checkpoint, {latest.name}, is good" if latest else "there is no checkpoint yet"
            full = no_room(error, kept)
            if full is None:
                raise
            raise full from error
        for old in self.all()[: -self.config.keep]:
            self._drop(old)
        self._last = self._clock()
        return path

    def restore(self, path: Path, standing: Standing) -> dict[str, Any]:
        """Go on from a checkpoint.

        Returns:
            The progress that was saved with it.

        Raises:
            InputError: ``other-checkpoint``, it is of something else; ``bad-checkpoint``, it cannot be read.
        """
        file = path / STATE
        try:
            with safe_open(file, framework="pt", device=str(standing.parameters[0].device)) as opened:
                told = opened.metadata() or {}
                found = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            raise InputError("bad-checkpoint", f"{file} cannot be read: {error}") from error
        if told.get("format") != str(_FORMAT) or json.loads(told.get("names", "[]")) != self.names:
            raise InputError("other-checkpoint", f"{file} is of another training, whose adapters lie elsewhere")
        try:
            standing.restore(found)
        except (KeyError, RuntimeError) as error:
            raise InputError("other-checkpoint", f"{file} is of another training: {error}") from error
        progress: dict[str, Any] = json.loads(told["progress"])
        return progress

    def _drop(self, path: Path) -> None:
        """Delete one under a name that nobody takes for a whole one."""
        gone = path.with_name(f".{path.name}.{os.getpid()}.gone")
        shutil.rmtree(gone, ignore_errors=True)
        path.rename(gone)
        shutil.rmtree(gone)

    def _tidy(self) -> None:
        """Delete what processes that were killed left half written; one run has one process that writes."""
        if self.folder.is_dir():
            for pattern in (".step-*.tmp", ".step-*.gone"):
                for left in self.folder.glob(pattern):
                    shutil.rmtree(left, ignore_errors=True)


def _sync(file: Path) -> None:
    handle = os.open(file, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
