"""What a format is, and what several of them do alike."""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pvtt_data.exports.folder import Files
from pvtt_data.records import Split
from pvtt_data.shards.format import SampleMeta
from pvtt_data.shards.reader import Sample
from pvtt_data.stage import StageConfig

Row = dict[str, Any]
"""What a format says of a sample that it wrote: JSON without nulls. ``left_out`` maps parts that it could not write to
the reason."""


class Format(StageConfig, ABC):
    """A layout that another tool reads; its fields are its settings.

    Attributes:
        name: as in ``--format``.
        layout: goes up when the same samples and settings give other files.
    """

    name: ClassVar[str]
    layout: ClassVar[int] = 1

    def prepare(self, metas: Sequence[SampleMeta]) -> None:
        """Look at what will be exported before anything is written.

        Raises:
            PreflightError: a library is missing.
        """

    @abstractmethod
    def make(self, sample: Sample, files: Files) -> Row:
        """Write the files of one sample. Equal samples and settings give equal bytes.

        Raises:
            InputError: the format cannot hold this sample; what was written of it is deleted.
        """

    @abstractmethod
    def finish(self, made: Mapping[Split, Sequence[tuple[SampleMeta, Row]]], files: Files) -> None:
        """Write the files that list the samples. Splits that have no sample are not there."""

    @abstractmethod
    def how_to_load(self, out: Path, made: Mapping[Split, Sequence[tuple[SampleMeta, Row]]]) -> str:
        """What a person types next."""


def encoded(encode: Callable[[Path], None]) -> bytes:
    """The bytes that an encoder of `pvtt_data.media` writes into a file."""
    with tempfile.TemporaryDirectory(prefix="pvtt-export-") as folder:
        path = Path(folder) / "clip.mp4"
        encode(path)
        return path.read_bytes()


def sizes_of(metas: Sequence[SampleMeta]) -> list[str]:
    """The different clips that there are, such as ``480×848, 49 frames``, in order."""
    return [f"{w}×{h}, {t} frames" for w, h, t in sorted({(m.width, m.height, m.frames) for m in metas})]
