"""Who is told of a validation: a JSONL file always, TensorBoard, W&B and SwanLab if asked for."""

from __future__ import annotations

import importlib
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from pvtt_data.errors import PreflightError
from pvtt_data.files import write_whole

JOURNAL = "validation.jsonl"


@dataclass(frozen=True, slots=True)
class Shown:
    """Files of one case.

    Attributes:
        key: of the sample.
        result: the result alone, MP4.
        panels: side by side, MP4.
        animation: the same as GIF.
        sheet: some frames of it, PNG.
    """

    key: str
    result: Path
    panels: Path
    animation: Path
    sheet: Path


@dataclass(frozen=True, slots=True)
class Findings:
    """What a validation found.

    Attributes:
        step: steps that were done.
        scalars: by name.
        cases: all numbers of each case.
        shown: files.
        seconds: that it took.
        gate: from which similarity on A and B are too alike for an RSD; None if that was not measured.
    """

    step: int
    scalars: Mapping[str, float]
    cases: Sequence[Mapping[str, Any]] = ()
    shown: Sequence[Shown] = field(default=())
    seconds: float = 0.0
    gate: float | None = None


class Tracker(Protocol):
    """Is told of validations."""

    def tell(self, found: Findings) -> None: ...

    def close(self) -> None: ...


class Journal:
    """A file with one line of JSON for each validation; numbers that are none are null.

    Args:
        folder: the samples' folder; paths in the file are relative to it.
        step: steps that are done when a run goes on; what was written of later ones is dropped.
    """

    def __init__(self, folder: Path, step: int = 0) -> None:
        self.folder, self.path = folder, folder / JOURNAL
        folder.mkdir(parents=True, exist_ok=True)
        lines = self.path.read_text("utf-8").splitlines() if self.path.is_file() else []
        kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= step]
        if kept != lines:
            write_whole(self.path, "".join(f"{line}\n" for line in kept).encode())

    def tell(self, found: Findings) -> None:
        """Write a line."""
        line = {
            "step": found.step,
            "seconds": round(found.seconds, 3),
            "scalars": found.scalars,
            "cases": found.cases,
            "gate": found.gate,
            "files": [
                {
                    name: str(getattr(one, name).relative_to(self.folder))
                    for name in ("result", "panels", "animation", "sheet")
                }
                | {"key": one.key}
                for one in found.shown
            ],
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(_plain(line), sort_keys=True, allow_nan=False) + "\n")

    def close(self) -> None:
        """Nothing is open."""


class Board:
    """TensorBoard: scalars, sheets, and animations as pictures that move.

    Args:
        writer: torch's ``SummaryWriter``; it is not closed here.
    """

    def __init__(self, writer: Any) -> None:
        self.writer = writer

    def tell(self, found: Findings) -> None:
        """Write scalars and pictures."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        for name, value in found.scalars.items():
            self.writer.add_scalar(f"validation/{name}", value, found.step)
        for one in found.shown:
            for tag, path in (("video", one.animation), ("sheet", one.sheet)):
                # `add_video` of torch would need moviepy; the board shows an encoded GIF as it is.
                image = Summary.Image(encoded_image_string=path.read_bytes(), colorspace=3)
                value = Summary.Value(tag=f"validation/{tag}/{one.key}", image=image)
                self.writer._get_file_writer().add_summary(Summary(value=[value]), found.step)
        self.writer.flush()

    def close(self) -> None:
        """Whoever made the writer closes it."""
        self.writer.flush()


class Wandb:
    """Weights & Biases.

    Args:
        project, run: names.
        folder: where its own files go.
        config: settings to show.
    """

    def __init__(self, project: str, run: str, folder: Path, config: Mapping[str, Any]) -> None:
        self.wandb = importlib.import_module("wandb")
        self.run = self.wandb.init(project=project, name=run, dir=str(folder), config=dict(config), resume="allow")

    def tell(self, found: Findings) -> None:
        """Log scalars, videos and sheets."""
        videos = {f"validation/video/{one.key}": self.wandb.Video(str(one.panels), format="mp4") for one in found.shown}
        sheets = {f"validation/sheet/{one.key}": self.wandb.Image(str(one.sheet)) for one in found.shown}
        self.run.log({**_named(found.scalars), **videos, **sheets}, step=found.step)

    def close(self) -> None:
        """End the run."""
        self.run.finish()


class SwanLab:
    """SwanLab. Arguments as `Wandb`."""

    def __init__(self, project: str, run: str, folder: Path, config: Mapping[str, Any]) -> None:
        self.swanlab = importlib.import_module("swanlab")
        self.run = self.swanlab.init(
            project=project, experiment_name=run, logdir=str(folder / "swanlog"), config=dict(config)
        )

    def tell(self, found: Findings) -> None:
        """Log scalars and sheets; where it knows videos, the animations, too, which must be GIFs."""
        media = {f"validation/sheet/{one.key}": self.swanlab.Image(str(one.sheet)) for one in found.shown}
        if hasattr(self.swanlab, "Video"):
            media |= {f"validation/video/{one.key}": self.swanlab.Video(str(one.animation)) for one in found.shown}
        self.swanlab.log({**_named(found.scalars), **media}, step=found.step)

    def close(self) -> None:
        """End the run."""
        self.swanlab.finish()


def require_libraries(names: Sequence[str]) -> None:
    """See that what trackers need is installed; imports nothing.

    Raises:
        PreflightError: it is not; the text says how to get it.
    """
    for name in names:
        if name in ("wandb", "swanlab") and name not in sys.modules and find_spec(name) is None:
            raise PreflightError(
                f"validation.trackers asks for {name}, which is not installed: `pip install {name}`, or leave it out"
            )


def open_trackers(
    names: Sequence[str], folder: Path, *, step: int, board: Any, project: str, run: str, config: Mapping[str, Any]
) -> list[Tracker]:
    """The journal and the trackers that are asked for.

    Args:
        names: of trackers.
        folder: of the samples.
        step: steps that are done.
        board: torch's ``SummaryWriter``, or None if there is none to share: one is made in ``folder/tensorboard``.
        project, run, config: for W&B and SwanLab.

    Raises:
        PreflightError: as `require_libraries`.
    """
    require_libraries(names)
    trackers: list[Tracker] = [Journal(folder, step)]
    for name in names:
        match name:
            case "tensorboard":
                trackers.append(Board(board if board is not None else _own_writer(folder, step)))
            case "wandb":
                trackers.append(Wandb(project, run, folder, config))
            case "swanlab":
                trackers.append(SwanLab(project, run, folder, config))
    return trackers


def _own_writer(folder: Path, step: int) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)


def _named(scalars: Mapping[str, float]) -> dict[str, float]:
    return {f"validation/{name}": value for name, value in scalars.items()}


def _plain(value: Any) -> Any:
    """For JSON: infinities and NaN become null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "item"):
        return _plain(value.item())
    return value
