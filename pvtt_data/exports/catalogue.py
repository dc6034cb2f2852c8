"""The formats by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pvtt_data.exports.davis import DavisExport
from pvtt_data.exports.diffsynth import DiffsynthExport
from pvtt_data.exports.ffgo import FfgoExport
from pvtt_data.exports.formats import Format
from pvtt_data.exports.frames import FramesExport
from pvtt_data.exports.videofolder import VideofolderExport

FormatName = Literal["diffsynth", "ffgo", "videofolder", "frames", "davis"]

FORMATS: Mapping[FormatName, type[Format]] = {
    "diffsynth": DiffsynthExport,
    "ffgo": FfgoExport,
    "videofolder": VideofolderExport,
    "frames": FramesExport,
    "davis": DavisExport,
}
