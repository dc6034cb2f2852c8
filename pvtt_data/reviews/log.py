"""The verdicts folder: one append-only file for each reviewer, ``<reviewer>.jsonl``, one verdict a line.

A verdict is on the disk when `ReviewLog.append` returns. Each line carries the digest of its own content, so a line
that was damaged or half written is told from a whole one; whatever a kill leaves at the end of a file was never
acknowledged and is cut off by the next append. Several processes may append at once. Nothing is ever changed in place:
who thinks otherwise later says so in another line.

Files can be copied between folders, renamed and put together: what counts is the content of the lines, and a line that
is there twice counts once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from pvtt_data.errors import InputError, PreflightError
from pvtt_data.files import sync_folder
from pvtt_data.reviews.records import Review, SubjectKind, check, check_reviewer, review_from_plain, review_line

SUFFIX = ".jsonl"


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that holds no verdict.

    Attributes:
        torn: it is the last one and has no end: what a kill left of a line that was never acknowledged.
    """

    path: Path
    line: int
    problem: str
    torn: bool

    def text(self) -> str:
        """For a person."""
        return f"{self.path}:{self.line}: {self.problem}"


@dataclass
class FolderContent:
    """What a verdicts folder holds.

    Attributes:
        reviews: all verdicts, each once, by time; of one time, as they lie in the files.
        bad: all lines that hold none.
    """

    reviews: list[Review] = field(default_factory=list)
    bad: list[BadLine] = field(default_factory=list)

    @property
    def damaged(self) -> list[BadLine]:
        """Lines that may have been a verdict that somebody relies on; torn ones never were."""
        return [line for line in self.bad if not line.torn]


def read_folder(folder: Path) -> list[Review]:
    """All verdicts of a folder, each once, by time; none where there is no folder.

    Raises:
        PreflightError: a line is damaged, so a verdict may be missing; every one is named by file and line. `scan`
            reads the others all the same.
    """
    content = scan(folder)
    if content.damaged:
        raise PreflightError(damage_text(content.damaged))
    return content.reviews


def scan(folder: Path) -> FolderContent:
    """All verdicts of a folder, and all lines that hold none."""
    content = FolderContent()
    seen: set[str] = set()
    for path in log_files(folder):
        reviews, bad = read_log(path)
        content.bad += bad
        for review in reviews:
            if review.review_id not in seen:
                seen.add(review.review_id)
                content.reviews.append(review)
    content.reviews.sort(key=lambda review: review.at)
    return content


def log_files(folder: Path) -> list[Path]:
    """The files that verdicts are read from, by name."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix == SUFFIX and path.is_file())


def damage_text(damaged: Sequence[BadLine]) -> str:
    """What to do about damaged lines."""
    lines = "\n  ".join(line.text() for line in damaged)
    return (
        f"{len(damaged)} lines of verdicts cannot be read, so what somebody said may be missing; restore the files, "
        f"or delete the lines and give the verdicts again:\n  {lines}"
    )


def read_log(path: Path) -> tuple[list[Review], list[BadLine]]:
    """Verdicts of one file in the order of its lines, and the lines that hold none.

    Raises:
        PreflightError: the file cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PreflightError(f"{path} cannot be read: {error.strerror}") from error
    reviews, bad = [], []
    for number, line, ended in _lines(data):
        try:
            reviews.append(parse_line(line))
        except InputError as error:
            bad.append(BadLine(path, number, error.message, torn=not ended))
    return reviews, bad


def parse_line(line: bytes) -> Review:
    """The verdict of a line.

    Raises:
        InputError: it holds none.
    """
    return review_from_plain(plain_line(line))


def plain_line(line: bytes) -> dict[str, object]:
    """The JSON object of a line.

    Raises:
        InputError: it is none.
    """
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError("review", f"not JSON ({error})") from error
    if not isinstance(row, dict):
        raise InputError("review", "not a JSON object")
    return row


def _lines(data: bytes) -> Iterator[tuple[int, bytes, bool]]:
    """Number of each line that is not empty, its bytes, and whether it has an end."""
    lines = data.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, line, number < len(lines)


class ReviewLog:
    """The file of one reviewer; any number of processes may hold one.

    Args:
        folder: the verdicts folder; made by the first verdict.
        reviewer: whose word it is.

    Raises:
        InputError: the name cannot be a reviewer's.
    """

    def __init__(self, folder: Path, reviewer: str) -> None:
        self.folder = folder
        self.reviewer = check_reviewer(reviewer)
        self.path = folder / f"{reviewer}{SUFFIX}"
        self._file = (0, 0)
        self._read_bytes = 0
        self._ids: set[str] = set()
        self._latest: dict[tuple[SubjectKind, str], str] = {}

    def append(self, review: Review) -> Review:
        """Add a verdict; it is on the disk when this returns.

        Returns:
            The verdict as it is stored: where the reviewer's latest one about the same subject is not older, by the
            clock, it is dated one second after that, so that the later word is the one that holds.

        Raises:
            InputError: it cannot be followed, or is another reviewer's.
            PreflightError: the file cannot be written; it is as it was.
        """
        return self.append_all([review])[0]

    def append_all(self, reviews: Sequence[Review]) -> list[Review]:
        """Add verdicts as `append` does, with one write: all of them are on the disk when this returns."""
        for review in reviews:
            self._check(review)
        with self._open() as file:
            self._catch_up(file)
            latest = dict(self._latest)
            dated = []
            for review in reviews:
                review = _dated_after(review, latest.get(review.subject, ""))
                latest[review.subject] = review.at
                dated.append(review)
            self._write(file, dated)
        return dated

    def merge(self, reviews: Iterable[Review]) -> list[Review]:
        """Add verdicts from elsewhere as they are, but those that are there already.

        Returns:
            Those that were added.

        Raises:
            InputError: one cannot be followed, or is another reviewer's; nothing is added.
            PreflightError: the file cannot be written; it is as it was.
        """
        reviews = list(reviews)
        for review in reviews:
            self._check(review)
        with self._open() as file:
            self._catch_up(file)
            new = list({r.review_id: r for r in reviews if r.review_id not in self._ids}.values())
            self._write(file, new)
        return new

    def _check(self, review: Review) -> None:
        check(review)
        if review.reviewer != self.reviewer:
            raise InputError("review", f"a verdict of {review.reviewer} does not belong into the file of {self.path}")

    @contextlib.contextmanager
    def _open(self) -> Iterator[BinaryIO]:
        """The file, held against other processes, with whatever a kill left at its end cut off."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # Without a buffer, so that a line that did not fit is not tried again when the file is closed.
            with self.path.open("a+b", buffering=0) as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield file
        except OSError as error:
            raise PreflightError(f"{self.path} cannot be written: {error.strerror}; nothing was added") from error

    def _catch_up(self, file: BinaryIO) -> None:
        """Read what was appended since the last time, by anyone."""
        stat = os.fstat(file.fileno())
        if (stat.st_dev, stat.st_ino) != self._file or stat.st_size < self._read_bytes:  # another file took its place
            self._file, self._read_bytes, self._ids, self._latest = (stat.st_dev, stat.st_ino), 0, set(), {}
        file.seek(self._read_bytes)
        data = file.read(stat.st_size - self._read_bytes)
        for _, line, ended in _lines(data):
            try:
                review = parse_line(line)
            except InputError:
                continue  # reading the folder reports it
            if not ended:
                file.write(b"\n")
                data += b"\n"
            self._note(review)
        kept = data.rfind(b"\n") + 1
        if kept < len(data):
            file.truncate(self._read_bytes + kept)
        self._read_bytes += kept

    def _note(self, review: Review) -> None:
        self._ids.add(review.review_id)
        self._latest[review.subject] = max(review.at, self._latest.get(review.subject, ""))

    def _write(self, file: BinaryIO, reviews: Sequence[Review]) -> None:
        data = b"".join(map(review_line, reviews))
        begin = file.seek(0, os.SEEK_END)
        try:
            written = 0
            while written < len(data):
                written += file.write(data[written:])
            os.fsync(file.fileno())
        except OSError:
            file.truncate(begin)
            raise
        if begin == 0:
            sync_folder(self.folder)
        self._read_bytes = begin + len(data)
        for review in reviews:
            self._note(review)


def _dated_after(review: Review, latest: str) -> Review:
    if review.at > latest:
        return review
    later = datetime.fromisoformat(latest) + timedelta(seconds=1)
    return dataclasses.replace(review, at=later.strftime("%Y-%m-%dT%H:%M:%SZ")).named_by_content()
