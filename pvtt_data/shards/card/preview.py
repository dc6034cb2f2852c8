"""Pictures of a few samples: a small tar that the Hub's viewer shows, and one picture for the card.

The frames are the first, middle and last of a video: those that are looked at for faces before anything is published.
Only Pillow scales, with filters whose arithmetic is the same on every processor.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from PIL import Image, ImageDraw, ImageFont

from pvtt_data.errors import DatasetError, InputError
from pvtt_data.files import whole_file
from pvtt_data.images import read_image, write_png
from pvtt_data.media import decode_mask_frames, decode_video_frames
from pvtt_data.records import Split
from pvtt_data.shards.format import INDEX_FILE, JSON_MEMBER, canonical_json, tar_end, tar_header, tar_padding
from pvtt_data.shards.reader import MemberSpan, Sample

UInt8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]

PICTURES = ("source.jpg", "source_mask.png", "reference.jpg", "target.jpg", "target_mask.png")
"""Members that are pictures."""
PROMPT = "prompt.txt"
MEMBERS = (*PICTURES, PROMPT, JSON_MEMBER)
"""Members of each sample, in their order."""
TEXTS = ("split", "engine", "kind", "difficulty", "verdict", "category_a", "category_b", "source_prompt")
"""Fields of the preview's JSON; beside them the list of licences."""
SIDE_PX = 384
"""Longer side of a picture at most."""

_JPEG_QUALITY = 85
_CELL_HEIGHT_PX = 224
_CELL_WIDTH_PX = 260
_REFERENCE_PX = (150, 200)
_GAP_PX = 6
_GROUP_GAP_PX = 18
_HEAD_PX = 26
_FONT_PX = 15
_PAPER = (255, 255, 255)
_INK = (40, 40, 40)
_LINE = (214, 214, 214)
_TINT = np.asarray((255, 64, 64), np.float32)
_STRIP_REFERENCES = 2
_STRIP_QUALITY = 82


@dataclass(frozen=True, slots=True)
class PreviewFile:
    """What was written.

    Attributes:
        bytes: size of the file.
    """

    samples: int
    bytes: int


def preview_features() -> list[dict[str, Any]]:
    """The columns in the notation of a card's YAML head."""
    facts = [{"name": name, "dtype": "string"} for name in TEXTS]
    return [
        *({"name": name, "dtype": "image"} for name in PICTURES),
        {"name": PROMPT, "dtype": "string"},
        {"name": JSON_MEMBER, "struct": [*facts, {"name": "licences", "list": "string"}]},
        {"name": "__key__", "dtype": "string"},
        {"name": "__url__", "dtype": "string"},
    ]


def samples_at(dataset: Path, keys: Sequence[str]) -> dict[str, Sample]:
    """Some samples of a version whose manifest may be missing still, by key."""
    table = pq.read_table(dataset / INDEX_FILE, filters=[("key", "in", list(keys))]) if keys else None
    spans: dict[str, dict[str, MemberSpan]] = {}
    splits: dict[str, Split] = {}
    for row in table.to_pylist() if table is not None else ():
        span = MemberSpan(dataset / row["shard"], row["offset"], row["length"], row["sha256"])
        spans.setdefault(row["key"], {})[row["member"]] = span
        splits[row["key"]] = row["split"]
    return {key: Sample(key, splits[key], spans[key]) for key in keys if key in spans}


def write_preview(path: Path, samples: Sequence[Sample]) -> PreviewFile | None:
    """Write the pictures; None if there are none, since no sample can be decoded.

    They are a WebDataset tar, because `datasets` reads all configurations of a repository with one builder. A sample
    that cannot be decoded is left out: it is for `verify` to say so.
    """
    rows = []
    for sample in samples:
        try:
            rows.append((sample, _members(sample)))
        except (InputError, DatasetError):
            continue
    if not rows:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        size = 0
        for sample, members in rows:
            for name in MEMBERS:
                data = members[name]
                block = tar_header(f"{sample.key}.{name}", len(data)) + data + bytes(tar_padding(len(data)))
                size += file.write(block)
        file.write(bytes(tar_end(size)))
    return PreviewFile(len(rows), path.stat().st_size)


def preview_keys(path: Path) -> list[str]:
    """Keys of the samples that a preview shows, its pictures decoded to see whether they can be.

    Raises:
        DatasetError: it is no tar of a preview, or a picture is damaged.
    """
    found: dict[str, list[str]] = {}
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                key, _, name = member.name.partition(".")
                content = tar.extractfile(member)
                if content is None:
                    raise DatasetError(f"{member.name} is no file")
                data = content.read()
                found.setdefault(key, []).append(name)
                if name in PICTURES:
                    read_image(data)
    except (tarfile.TarError, OSError, InputError) as error:
        raise DatasetError(f"cannot be read: {error}") from error
    for key, names in found.items():
        if names != list(MEMBERS):
            raise DatasetError(f"{key} has the members {names}, expected {list(MEMBERS)}")
    return list(found)


def write_strip(path: Path, samples: Sequence[Sample]) -> list[str]:
    """Write the card's picture: a row for each sample, from left to right source, mask of A, references, target.

    Returns:
        Keys of the samples that are shown; no file is written where there are none.
    """
    rows, keys = [], []
    for sample in samples:
        try:
            rows.append(_strip_row(sample))
        except (InputError, DatasetError):
            continue
        keys.append(sample.key)
    if rows:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            file.write(_jpeg(_lay_out(rows), _STRIP_QUALITY))
    return keys


def _members(sample: Sample) -> dict[str, bytes]:
    meta = sample.meta
    middle = ((meta.frames - 1) // 2,)
    facts = {**{name: getattr(meta, name) for name in TEXTS}, "licences": list(meta.licences)}
    return {
        "source.jpg": _picture(decode_video_frames(sample.read("source.mp4"), middle)[0]),
        "source_mask.png": _mask(decode_mask_frames(sample.read("source_mask.mp4"), middle)[0]),
        "reference.jpg": _picture(read_image(sample.read("reference_0.png"))),
        "target.jpg": _picture(decode_video_frames(sample.read("target.mp4"), middle)[0]),
        "target_mask.png": _mask(decode_mask_frames(sample.read("target_mask.mp4"), middle)[0]),
        PROMPT: (meta.prompt or "-").encode(),
        JSON_MEMBER: canonical_json(facts),
    }


def _picture(pixels: UInt8) -> bytes:
    return _jpeg(_fitted(Image.fromarray(pixels), (SIDE_PX, SIDE_PX)), _JPEG_QUALITY)


def _mask(mask: Bool) -> bytes:
    picture = Image.fromarray(mask.astype(np.uint8) * 255)
    return write_png(np.asarray(_fitted(picture, (SIDE_PX, SIDE_PX), Image.Resampling.NEAREST)))


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality, subsampling=0)
    return file.getvalue()


def _fitted(
    picture: Image.Image, box: tuple[int, int], resample: Image.Resampling = Image.Resampling.BICUBIC
) -> Image.Image:
    """Scaled down to fit a box; never up."""
    scale = min(box[0] / picture.width, box[1] / picture.height, 1.0)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture if size == picture.size else picture.resize(size, resample)


@dataclass(frozen=True, slots=True)
class _StripRow:
    """Pictures of one sample, by what they show."""

    groups: tuple[tuple[str, tuple[Image.Image, ...]], ...]


def _strip_row(sample: Sample) -> _StripRow:
    meta = sample.meta
    ends = sorted({0, meta.frames - 1})
    source = decode_video_frames(sample.read("source.mp4"), ends)
    target = decode_video_frames(sample.read("target.mp4"), ends)
    mask = decode_mask_frames(sample.read("source_mask.mp4"), (ends[-1],))[0]
    if source.shape != target.shape or mask.shape != source.shape[1:3]:
        raise InputError("size-differs", "source, target and mask are not of one size")
    count = min(meta.reference_count, _STRIP_REFERENCES)
    references = [read_image(sample.read(f"reference_{number}.png")) for number in range(count)]
    return _StripRow(
        (
            ("source: A", tuple(_cell(frame) for frame in source)),
            ("mask of A", (_cell(_tinted(source[-1], mask)),)),
            ("pictures of B", tuple(_fitted(Image.fromarray(one), _REFERENCE_PX) for one in references)),
            ("target: B", tuple(_cell(frame) for frame in target)),
        )
    )


def _cell(pixels: UInt8) -> Image.Image:
    """A frame in a hairline, so that white ones end somewhere."""
    picture = _fitted(Image.fromarray(pixels), (_CELL_WIDTH_PX, _CELL_HEIGHT_PX))
    ImageDraw.Draw(picture).rectangle((0, 0, picture.width - 1, picture.height - 1), outline=_LINE)
    return picture


def _tinted(frame: UInt8, mask: Bool) -> UInt8:
    """The frame in grey, the mask of it in red."""
    grey = frame.mean(axis=2, keepdims=True, dtype=np.float32).repeat(3, axis=2) * 0.6
    mixed = np.where(mask[..., None], 0.5 * frame + 0.5 * _TINT, grey)
    return mixed.round().astype(np.uint8)


def _lay_out(rows: Sequence[_StripRow]) -> Image.Image:
    """All rows under one head; each group of pictures as wide as the widest row's."""
    names = [name for name, _ in rows[0].groups]
    widths = [max(_width(row.groups[column][1]) for row in rows) for column in range(len(names))]
    heights = [max(picture.height for _, pictures in row.groups for picture in pictures) for row in rows]
    width = sum(widths) + _GROUP_GAP_PX * (len(names) - 1) + 2 * _GAP_PX
    sheet = Image.new("RGB", (width, _HEAD_PX + sum(heights) + _GAP_PX * len(rows) + _GAP_PX), _PAPER)
    draw, face = ImageDraw.Draw(sheet), ImageFont.load_default(_FONT_PX)
    left = _GAP_PX
    for column, name in enumerate(names):
        draw.text((left, _GAP_PX), name, fill=_INK, font=face)
        top = _HEAD_PX + _GAP_PX
        for row, height in zip(rows, heights, strict=True):
            pictures = row.groups[column][1]
            at = left + (widths[column] - _width(pictures)) // 2
            for picture in pictures:
                sheet.paste(picture, (at, top + (height - picture.height) // 2))
                at += picture.width + _GAP_PX
            top += height + _GAP_PX
        left += widths[column] + _GROUP_GAP_PX
    return sheet


def _width(pictures: Sequence[Image.Image]) -> int:
    return sum(picture.width for picture in pictures) + _GAP_PX * max(len(pictures) - 1, 0)
