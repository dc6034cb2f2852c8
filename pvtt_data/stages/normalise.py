"""Normalise: cut, crop, scale and resample a kept window straight from the original, in one encode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, StringConstraints, field_validator

from pvtt_data.errors import InputError
from pvtt_data.media import encode_clip, open_media, read_clip
from pvtt_data.records import Blob, Clip, Cut, Rectangle, Shot, content_id
from pvtt_data.stage import MapStage, Resources, StageConfig
from pvtt_data.store import BlobStore

Size = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{1,4}x[1-9][0-9]{1,4}$")]


class NormaliseConfig(StageConfig):
    """The one format of all clips."""

    sizes: Annotated[tuple[Size, ...], Field(min_length=1)] = ("480x848",)
    """Sizes as width x height, multiples of 16; with several, each clip takes the one nearest to its shape."""
    frames: Annotated[int, Field(ge=5, le=1001)] = 49
    """Frames of a clip: 4n + 1, as the video model wants."""
    fps: Annotated[float, Field(gt=0, le=120)] = 16.0
    """Frame rate of clips."""
    fit: Literal["fill", "pad"] = "fill"
    """fill crops the sides that do not fit; pad keeps them and adds bars (which a model may learn)."""
    max_cropped_share: Annotated[float, Field(ge=0, le=1)] = 0.72
    """With fill: share of the picture that may be cropped away."""
    crf: Annotated[int, Field(ge=0, le=40)] = 14
    """Quality of the H.264 encode of all videos in the shards; smaller is better."""

    @field_validator("sizes", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("sizes")
    @classmethod
    def _multiples_of_16(cls, sizes: tuple[str, ...]) -> tuple[str, ...]:
        for size in sizes:
            if any(int(side) % 16 for side in size.split("x")):
                raise ValueError(f"{size}: width and height must be multiples of 16")
        return sizes

    @field_validator("frames")
    @classmethod
    def _four_n_plus_one(cls, frames: int) -> int:
        if frames % 4 != 1:
            raise ValueError("the number of frames must be 4n + 1, such as 49 or 81")
        return frames

    @property
    def duration_s(self) -> float:
        """Time from the first to one past the last frame of a clip."""
        return self.frames / self.fps

    def size_for(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) of the clip for a picture of this shape."""
        sizes = [tuple(int(side) for side in size.split("x")) for size in self.sizes]
        best = min(sizes, key=lambda s: (abs(np.log((s[0] / s[1]) / (width / height))), s))
        return best[0], best[1]


def crop_to_fill(picture: Rectangle, width: int, height: int) -> Rectangle:
    """The largest centred part of ``picture`` with the shape ``width : height``, to the nearest even pixels."""
    scale = min(picture.width / width, picture.height / height)
    x, kept_width = _centred_even(picture.x, picture.width, width * scale)
    y, kept_height = _centred_even(picture.y, picture.height, height * scale)
    return Rectangle(x, y, kept_width, kept_height)


def _centred_even(start: int, length: int, wanted: float) -> tuple[int, int]:
    """(first pixel, length) near ``wanted`` in the middle of ``length`` pixels from ``start``; both are even."""
    first = start + start % 2
    room = (start + length - first) // 2 * 2
    kept = min(room, max(2, round(wanted / 2) * 2))
    return first + (room - kept) // 4 * 2, kept


def fit_inside(picture: Rectangle, width: int, height: int) -> Rectangle:
    """Where ``picture`` lies, whole and centred, inside a clip of ``width`` × ``height``, on even pixels."""
    scale = min(width / picture.width, height / picture.height)
    inner_width = min(width, max(2, round(picture.width * scale / 2) * 2))
    inner_height = min(height, max(2, round(picture.height * scale / 2) * 2))
    return Rectangle((width - inner_width) // 4 * 2, (height - inner_height) // 4 * 2, inner_width, inner_height)


def read_frames(cut: Cut, path: Path, declared_fps: float | None) -> npt.NDArray[np.uint8]:
    """A clip's frames before any encode, ``(T, H, W, 3) uint8 RGB``, from its original.

    Engines read their pixels here, so that what they make and the real clip have the same number of encodes.
    """
    crop, pad = cut.crop, cut.pad
    inner = read_clip(
        open_media(path, declared_fps=declared_fps),
        first_frame=cut.first_frame,
        last_frame=cut.last_frame,
        fps=cut.fps,
        n_frames=cut.frames,
        crop=crop,
        size=(pad.width, pad.height),
    )
    if (pad.width, pad.height) == (cut.width_px, cut.height_px):
        return inner
    frames = np.zeros((cut.frames, cut.height_px, cut.width_px, 3), dtype=np.uint8)
    frames[:, pad.y : pad.y + pad.height, pad.x : pad.x + pad.width] = inner
    return frames


def store_clip(cut: Cut, media_sha256: str, declared_fps: float | None, crf: int, store: BlobStore) -> Blob:
    """A clip's video, encoded once from its original."""
    frames = read_frames(cut, store.original(media_sha256), declared_fps)
    scratch = store.scratch_file("mp4")
    try:
        encode_clip(frames, cut.fps, scratch, crf=crf)
        return store.put_file(scratch, "mp4")
    finally:
        scratch.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class NormaliseItem:
    """A window, and the rate of its medium if that is a folder of frames."""

    shot: Shot
    declared_fps: float | None


class Normalise(MapStage[NormaliseItem]):
    """One window, as a clip."""

    name = "normalise"
    version = 2
    kind = "shot"
    libraries = ("av", "numpy")
    resources = Resources(memory_bytes=6 * 2**30, timeout_s=600.0)
    config: NormaliseConfig

    def run(self, item: NormaliseItem, store: BlobStore) -> Sequence[Clip]:
        """The `Clip` of one window."""
        shot, config = item.shot, self.config
        width, height = config.size_for(shot.letterbox.width, shot.letterbox.height)
        crop, pad = shot.letterbox, Rectangle(0, 0, width, height)
        if config.fit == "fill":
            crop = crop_to_fill(shot.letterbox, width, height)
            lost = 1 - crop.width * crop.height / (shot.letterbox.width * shot.letterbox.height)
            if lost > config.max_cropped_share:
                raise InputError(
                    "shape-too-far",
                    f"filling {width}x{height} would crop {lost:.0%} of the picture away",
                    {"cropped_share": lost, "threshold": config.max_cropped_share},
                )
        else:
            pad = fit_inside(shot.letterbox, width, height)
        cut = Cut(shot.first_frame, shot.last_frame, crop, pad, width, height, config.frames, config.fps)
        video = store_clip(cut, shot.media_sha256, item.declared_fps, config.crf, store)
        return [
            Clip(
                clip_id=content_id("clip", shot.source_id, cut),
                source_id=shot.source_id,
                media_sha256=shot.media_sha256,
                declared_fps=item.declared_fps,
                source_width_px=shot.source_width_px,
                source_height_px=shot.source_height_px,
                start_s=shot.start_s,
                cut=cut,
                video=video,
                numbers=shot.numbers,
            )
        ]
