"""The log of one run, kept on the disk while the run goes on."""

from __future__ import annotations

import contextlib
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from pvtt_data.errors import InputError
from pvtt_data.experiment_log.entries import Entry, Experiment, Input, Picture, Status, Step
from pvtt_data.experiment_log.machine import (
    CODE,
    find_commit,
    find_device,
    find_environment,
    peak_gpu_memory_bytes,
    peak_memory_bytes,
)
from pvtt_data.experiment_log.page import Contents, Failure, after_yours, before_yours, yours
from pvtt_data.experiment_log.pictures import PICTURE_BOX_PX, THUMBNAIL_BOX_PX, free_path, save_picture, slug
from pvtt_data.experiment_log.privacy import Privacy
from pvtt_data.experiment_log.words import words_of
from pvtt_data.files import write_whole

_TRACEBACK_LINES = 40


def _now() -> datetime:
    return datetime.now().astimezone()


class ExperimentLog:
    """Writes the log of the run inside its ``with`` block.

    The file is there from the first moment and whole at each; what was added is on the disk when `add` returns. A run
    that raises is logged as failed, with the error, which goes on; one that is told to end (Ctrl-C, and SIGTERM under
    the command line) as interrupted. Nothing that exists is overwritten: names that are taken get a number.

    A log that cannot be written warns and lets the run go on: it must not cost a day of training.

    Example:
        >>> with ExperimentLog(Experiment(model="wan2.1-vace-1.3b", task="inpainting", subject="mug")) as log:
        ...     log.add(Input("source", path=Path("mug.mp4"), picture=frames))
        ...     with log.step("sampling", frames=49):
        ...         result = sample()
        ...     log.add(Table("Scores", ["method", "RSD"], [["vace", 0.61]]), Picture("mug result", result))

    Args:
        folder: gets ``logs/`` and ``results/``; paths are told relative to the folder that it lies in.
        now: the clock.

    Raises:
        ValueError: model or task cannot name a file, or the language is unknown.
    """

    def __init__(
        self, experiment: Experiment, folder: Path = Path("experiments"), *, now: Callable[[], datetime] = _now
    ) -> None:
        self._experiment = experiment
        self._words = words_of(experiment.language)
        self._folder = folder.absolute()
        self._model = slug(experiment.model)
        self._name = f"{self._model}-{slug(experiment.task)}"
        self._now = now
        self._contents: Contents | None = None
        self._path: Path | None = None
        self._written: tuple[bytes, bytes] | None = None
        self._begun = 0.0

    @property
    def path(self) -> Path:
        """The file of the log; another one from the moment on when a person edits it while the run goes on.

        Raises:
            RuntimeError: the block was not entered yet.
        """
        if self._path is None:
            raise RuntimeError("a log has no file before its with block is entered")
        return self._path

    @property
    def status(self) -> Status:
        """How it stands with the run."""
        return self._state.status

    @property
    def images(self) -> Path:
        """Where pictures of this model's results are kept."""
        return self._folder / "results" / self._model / "images"

    def result_path(self, case: str, suffix: str = ".mp4") -> Path:
        """A new empty file ``results/{model}/{case}.mp4`` for a result; a name that is taken gets a number."""
        return free_path(self._folder / "results" / self._model, slug(case), suffix)

    def add(self, *entries: Entry) -> None:
        """Add to the log and write it; pictures are stored at once.

        A picture that cannot be read or stored is told in its place.

        Raises:
            RuntimeError: the ``with`` block was not entered, or is left.
            ValueError: an array that is no picture.
        """
        contents = self._state
        if contents.status != "running":
            raise RuntimeError("the log was closed with its with block")
        for entry in entries:
            picture = self._stored(entry)
            if picture is not None:
                contents.pictures[len(contents.entries)] = picture
            contents.entries.append(entry)
        self._write()

    @contextlib.contextmanager
    def step(self, name: str, frames: int | None = None) -> Iterator[None]:
        """Measure the time and memory of a block and add it as a `Step`, also when it raises."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - begun
            self.add(Step(name, seconds, frames, peak_memory_bytes(), peak_gpu_memory_bytes()))

    def __enter__(self) -> Self:
        if self._contents is not None:
            raise RuntimeError("a log is entered once")
        started = self._now()
        self._begun = time.perf_counter()
        self._contents = Contents(
            experiment=self._experiment,
            words=self._words,
            privacy=Privacy([self._folder.parent, CODE]),
            started=started,
            written=started,
            seconds=0.0,
            device=self._experiment.device or find_device(),
            environment=find_environment(),
            commit=find_commit(),
        )
        self._path = self._free_path()
        self._write_or_raise()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        contents = self._state
        contents.status = _status_after(error)
        if error is not None and contents.status != "finished":
            lines = "".join(traceback.format_exception(error)).splitlines()
            message = "".join(traceback.format_exception_only(error)).strip()
            contents.failure = Failure(message, "\n".join(lines[-_TRACEBACK_LINES:]))
        self._write()

    @property
    def _state(self) -> Contents:
        if self._contents is None:
            raise RuntimeError("a log is written inside its with block")
        return self._contents

    def _stored(self, entry: Entry) -> Path | str | None:
        if isinstance(entry, Picture):
            pixels, description, box_px = entry.pixels, entry.description, PICTURE_BOX_PX
        elif isinstance(entry, Input) and entry.picture is not None:
            pixels, description, box_px = entry.picture, entry.name, THUMBNAIL_BOX_PX
        else:
            return None
        try:
            return save_picture(pixels, self.images, description, box_px)
        except (InputError, OSError) as error:
            return str(error)

    def _free_path(self) -> Path:
        return free_path(self._folder / "logs", f"{self._name}_{self._state.started:%Y-%m-%d}", ".md")

    def _write(self) -> None:
        try:
            self._write_or_raise()
        except OSError as error:
            warnings.warn(f"the experiment log could not be written: {error}", RuntimeWarning, stacklevel=3)

    def _write_or_raise(self) -> None:
        contents = self._state
        contents.written = self._now()
        contents.seconds = time.perf_counter() - self._begun
        contents.peak_memory_bytes = peak_memory_bytes()
        contents.peak_gpu_memory_bytes = peak_gpu_memory_bytes()
        written = self._text_of_a_person()
        if written is None:
            contents.continues, self._path = self.path.name, self._free_path()
            written = yours(self._words).encode()
        folder = self.path.parent
        above, below = before_yours(contents, folder).encode(), after_yours(contents, folder).encode()
        write_whole(self.path, above + written + below)
        self._written = (above, below)

    def _text_of_a_person(self) -> bytes | None:
        """What stands in the part that is left to a person; None if the rest is not as it was written."""
        if self._written is None or not self.path.exists():
            return yours(self._words).encode()
        above, below = self._written
        found = self.path.read_bytes()
        whole = found.rstrip() + b"\n"  # editors add and take away the last line's end
        if len(whole) < len(above) + len(below) or not (whole.startswith(above) and whole.endswith(below)):
            return None
        return whole[len(above) : len(whole) - len(below)]


def _status_after(error: BaseException | None) -> Status:
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return "finished"
    if isinstance(error, SystemExit):
        # As shells and the command line tell of a signal.
        return "interrupted" if isinstance(error.code, int) and error.code > 128 else "failed"
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
