"""Verdicts in and out: files that colleagues and the static page give, and one table of everything."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from pvtt_data.errors import InputError, PreflightError
from pvtt_data.files import whole_file
from pvtt_data.records import to_arrow
from pvtt_data.reviews.log import BadLine, ReviewLog, plain_line, read_folder
from pvtt_data.reviews.records import Review, review_from_plain

TABLE = "verdicts.parquet"
"""Name of the table beside the reviewers' files."""


@dataclass
class Imported:
    """What became of the lines of a file.

    Attributes:
        added: by reviewer.
        known: lines that were there already.
        bad: lines that hold no verdict; they were left out.
    """

    added: Counter[str] = field(default_factory=Counter)
    known: int = 0
    bad: list[BadLine] = field(default_factory=list)


def import_file(path: Path, folder: Path) -> Imported:
    """Add the verdicts of a file to a verdicts folder, each to its reviewer's own file.

    Lines need no ``review_id``; one that is stated must be right. A line that is there already is not added again, so
    the same file can be imported twice.

    Raises:
        PreflightError: the file cannot be read, or a reviewer's file cannot be written.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise PreflightError(f"{path} cannot be read: {error.strerror}") from error
    result = Imported()
    found: dict[str, list[Review]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            review = _review_of(line)
        except InputError as error:
            result.bad.append(BadLine(path, number, error.message, torn=False))
            continue
        found.setdefault(review.reviewer, []).append(review)
    for reviewer, reviews in sorted(found.items()):
        added = ReviewLog(folder, reviewer).merge(reviews)
        result.added[reviewer] = len(added)
        result.known += len(reviews) - len(added)
    return result


def export_table(folder: Path) -> Path:
    """Write all verdicts of a folder as Parquet beside their files.

    Raises:
        PreflightError: a line is damaged.
    """
    path = folder / TABLE
    reviews = read_folder(folder)
    with whole_file(path) as file:
        pq.write_table(to_arrow(Review, reviews), file, compression="zstd")
    return path


def _review_of(line: bytes) -> Review:
    row = plain_line(line)
    return review_from_plain(row, named=bool(row.get("review_id")))
