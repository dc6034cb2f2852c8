"""Format ``davis``: the folders of DAVIS 2017, for trackers and segmenters of video objects.

Layout, file names and palette are those of the benchmark (Pont-Tuset et al., "The 2017 DAVIS Challenge on Video Object
Segmentation"). A triple gives two sequences: its source with A as object 1, and its target with B as object 1.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import Field

from pvtt_data.errors import InputError
from pvtt_data.exports.folder import Files
from pvtt_data.exports.formats import Format, Row
from pvtt_data.records import Split
from pvtt_data.shards.format import SampleMeta
from pvtt_data.shards.reader import Sample

SET_NAMES: Mapping[Split, str] = {"train": "train", "validation": "val", "test": "test-dev"}
"""Names of the lists in ``ImageSets/2017`` by split."""
RESOLUTION = "480p"
"""The folder that readers of DAVIS look into if they are told nothing else; frames keep the size of the clip."""


def voc_palette() -> list[int]:
    """256 colours, RGB after RGB: bits of the index, spread over the colours' high bits, as in PASCAL VOC and DAVIS."""
    colours = []
    for index in range(256):
        colour = [0, 0, 0]
        for bit in range(8):
            for channel in range(3):
                colour[channel] |= (index >> (3 * bit + channel) & 1) << (7 - bit)
        colours += colour
    return colours


class DavisExport(Format):
    """``JPEGImages/480p``, ``Annotations/480p`` and ``ImageSets/2017``."""

    name: ClassVar[str] = "davis"

    jpeg_quality: int = Field(default=95, ge=1, le=100)
    """Of the frames; colours are not subsampled."""

    def make(self, sample: Sample, files: Files) -> Row:
        """See `Format.make`.

        A sequence whose object is not in its first frame is left out: trackers are shown that frame. The source of a
        reconstruction is its target, so there is one sequence only.
        """
        sequences, left_out = [], {}
        parts = ("target",) if sample.meta.kind == "reconstruct" else ("source", "target")
        for part in parts:
            name = f"{sample.key}-{part}"
            masks: npt.NDArray[np.bool_] = getattr(sample, f"{part}_mask")
            if not masks[0].any():
                left_out[part] = "object-not-in-first-frame"
                continue
            for number, (frame, mask) in enumerate(zip(getattr(sample, part), masks, strict=True)):
                files.write(f"JPEGImages/{RESOLUTION}/{name}/{number:05d}.jpg", self._jpeg(frame))
                files.write(f"Annotations/{RESOLUTION}/{name}/{number:05d}.png", _annotation(mask))
            sequences.append(name)
        if not sequences:
            raise InputError("object-not-in-first-frame", "neither A nor B is in the first frame of its video")
        return {"sequences": sequences, "left_out": left_out}

    def finish(self, made: Mapping[Split, Sequence[tuple[SampleMeta, Row]]], files: Files) -> None:
        """See `Format.finish`."""
        for split, rows in made.items():
            names = [name for _, row in rows for name in row["sequences"]]
            files.write(f"ImageSets/2017/{SET_NAMES[split]}.txt", "".join(f"{name}\n" for name in names).encode())

    def how_to_load(self, out: Path, made: Mapping[Split, Sequence[tuple[SampleMeta, Row]]]) -> str:
        """See `Format.how_to_load`."""
        lists = ", ".join(f"{SET_NAMES[split]}.txt" for split in made)
        return f"point the tool's DAVIS 2017 root at {out}; the sequences are listed in ImageSets/2017/{lists}"

    def _jpeg(self, frame: npt.NDArray[np.uint8]) -> bytes:
        file = io.BytesIO()
        Image.fromarray(frame).save(file, "JPEG", quality=self.jpeg_quality, subsampling=0)
        return file.getvalue()


_PALETTE = voc_palette()


def _annotation(mask: npt.NDArray[np.bool_]) -> bytes:
    """A palette PNG: index 0 is background, 1 the object."""
    picture = Image.fromarray(mask.astype(np.uint8), "L")
    picture.putpalette(_PALETTE)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
