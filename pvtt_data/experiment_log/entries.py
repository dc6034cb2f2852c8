"""What an experiment log is made of: plain values, to be written down as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Language: TypeAlias = Literal["en", "zh"]
Status: TypeAlias = Literal["running", "finished", "failed", "interrupted"]
Value: TypeAlias = str | int | float | bool | Path | None
"""What a cell of a table can hold; None is shown as a dash."""
Pixels: TypeAlias = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What is known before the run begins.

    Attributes:
        model: names the file and the folder of results, such as ``wan2.1-vace-1.3b``.
        task: names the file, such as ``inpainting``.
        title: heading of the log; left empty, model and task.
        subject: what is looked at.
        test_case: the case that it is tried on.
        background: why the run was made.
        device: where it runs; left empty, this machine's processor and GPU.
        environment: facts to be told beside the versions of Python and libraries, which are found out.
        command: how it was started; left out, the command line of this process. Secrets in it are not written.
        settings: key settings.
        language: of headings and fixed words.
    """

    model: str
    task: str
    title: str = ""
    subject: str = ""
    test_case: str = ""
    background: str = ""
    device: str = ""
    environment: Mapping[str, Value] = field(default_factory=dict)
    command: Sequence[str] | str | None = None
    settings: Mapping[str, Value] = field(default_factory=dict)
    language: Language = "en"


@dataclass(frozen=True, slots=True, eq=False)
class Input:
    """Something that the run was given.

    Attributes:
        picture: what it looks like: as in `Picture`, or the path of a JPEG, PNG or WebP.
    """

    name: str
    description: str = ""
    path: Path | None = None
    picture: Pixels | Path | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A part of the run and what it took; `ExperimentLog.step` measures one.

    Attributes:
        frames: video frames that it made or read; frames a second follow from them.
        memory_bytes: the most main memory that the process held so far.
        gpu_memory_bytes: the most GPU memory that PyTorch held so far.
    """

    name: str
    seconds: float
    frames: int | None = None
    memory_bytes: int | None = None
    gpu_memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table of results.

    Raises:
        ValueError: there is no column, or a row has more or fewer cells than there are columns.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Value]]
    note: str = ""

    def __post_init__(self) -> None:
        if not self.columns:
            raise ValueError(f"the table {self.title!r} has no columns")
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise ValueError(
                    f"row {number} of the table {self.title!r} has {len(row)} cells for {len(self.columns)} columns"
                )


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture among the results.

    Attributes:
        description: names the file in ``results/{model}/images/``, and stands below the picture.
        pixels: ``(H, W, 3)`` RGB or ``(H, W)`` grey uint8; ``(T, H, W, 3)`` or ``(T, H, W)`` for frames of a video,
            of which a few are shown side by side; or the path of a JPEG, PNG or WebP.
    """

    description: str
    pixels: Pixels | Path


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence among the results."""

    text: str


@dataclass(frozen=True, slots=True)
class Iteration:
    """Something that was tried.

    Attributes:
        why_it_failed: empty for what worked.
    """

    tried: str
    outcome: str
    why_it_failed: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """A file that the run made.

    Attributes:
        path: on this machine.
        remote: where a copy lies elsewhere, such as ``server:/data/duck.mp4``; written as it is.
    """

    path: Path
    description: str = ""
    remote: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """A technical detail that came up during the run."""

    name: str
    value: Value


@dataclass(frozen=True, slots=True)
class Related:
    """A file, or an address, that belongs to the experiment."""

    target: Path | str
    description: str = ""


Entry: TypeAlias = Input | Step | Table | Picture | Remark | Iteration | Output | Setting | Related
