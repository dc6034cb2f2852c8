"""Footage for the near-duplicate benchmark: pieces of real and rendered clips, and what reposting shops do to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.media import Media, encode_clip, open_media, read_clip
from pvtt_data.records import Rectangle
from pvtt_data.series import Series, from_parquet, measure, to_parquet

SHORT_SIDE_PX = 288
CATALOGUE = Path(__file__).resolve().parents[1] / "samples" / "catalogue"

Frames = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of footage that shares no moment with any other piece.

    Attributes:
        name: what the tables call it.
        path: the medium.
        start_s: where it begins.
        end_s: where it ends at the latest.
        half: "tune" pieces set thresholds, "report" pieces are reported.
        fps: rate of a folder of frames.
    """

    name: str
    path: Path
    start_s: float
    end_s: float
    half: str
    fps: float | None = None


def pieces(data: Path) -> list[Piece]:
    """All pieces, by half in an order that puts like with like: each half has objects on the wooden table."""
    clips, bbb, davis = data / "clips", data / "multishot" / "bbb_480p_30s.mp4", data / "davis"
    return [
        Piece("frog", clips / "frog.mp4", 0, 8.2, "tune"),
        Piece("pig", clips / "pig.mp4", 0, 8, "report"),
        Piece("rabbit", clips / "rabbit.mp4", 0, 8, "tune"),
        Piece("crystal", clips / "crystal.mp4", 0, 8, "report"),
        Piece("coffee", clips / "coffee.mp4", 0, 8, "report"),
        Piece("bottles 0 s", clips / "bottles.mp4", 0, 8, "tune"),
        Piece("bottles 12 s", clips / "bottles.mp4", 12, 20, "tune"),
        Piece("bottles 24 s", clips / "bottles.mp4", 24, 32, "report"),
        Piece("bottles 32 s", clips / "bottles.mp4", 32, 39.8, "report"),
        Piece("bunny 2 s", bbb, 2.5, 8.2, "report"),
        Piece("bunny 16 s", bbb, 12, 19, "tune"),
        Piece("bunny 23 s", bbb, 23.1, 30, "report"),
        Piece("car-shadow", davis / "car-shadow" / "frames", 0, 9, "report", 10.0),
        Piece("scooter-black", davis / "scooter-black" / "frames", 0, 9, "tune", 10.0),
        *(
            Piece(path.stem, path, 0, 8.1, half)
            for path, half in (
                (CATALOGUE / "bottles/media/videos/P1001_ad.mp4", "tune"),
                (CATALOGUE / "bottles/media/videos/P1002_ad.mp4", "report"),
                (CATALOGUE / "groceries/media/videos/P3001_ad.mp4", "tune"),
                (CATALOGUE / "groceries/media/videos/P3002_ad.mp4", "report"),
                (CATALOGUE / "skincare/media/videos/P2001_ad.mp4", "report"),
                (CATALOGUE / "skincare/media/videos/P2002_ad.mp4", "tune"),
            )
        ),
    ]


def read_piece(piece: Piece) -> tuple[Frames, float]:
    """Frames ``(T, H, W, 3) uint8 RGB`` with a short side of at most 288 px, and their rate."""
    media: Media = open_media(piece.path, declared_fps=piece.fps)
    probe = media.probe
    width, height = probe.display_width_px, probe.display_height_px
    scale = min(1.0, SHORT_SIDE_PX / min(width, height))
    size = (round(width * scale / 2) * 2, round(height * scale / 2) * 2)
    rate = float(probe.fps)
    first = round(piece.start_s * rate)
    last = min(round(piece.end_s * rate), len(media.timeline))
    count = last - first - 1
    return read_clip(media, first, last, rate, count, Rectangle(0, 0, width, height), size), rate


def _resized(frames: Frames, width: int, height: int) -> Frames:
    return np.stack([cv2.resize(f, (width, height), interpolation=cv2.INTER_AREA) for f in frames])


def _cropped(frames: Frames, top: float, bottom: float, left: float, right: float) -> Frames:
    height, width = frames.shape[1:3]
    part = frames[
        :, round(top * height) : height - round(bottom * height), round(left * width) : width - round(right * width)
    ]
    return np.ascontiguousarray(part[:, : part.shape[1] // 2 * 2, : part.shape[2] // 2 * 2])


def _captioned(frames: Frames) -> Frames:
    """A price sticker in a corner and a changing subtitle on a dark band: 13 % of the picture."""
    height, width = frames.shape[1:3]
    made = frames.copy()
    for number, frame in enumerate(made):
        cv2.rectangle(frame, (round(0.72 * width), round(0.03 * height)),
                      (round(0.97 * width), round(0.19 * height)), (220, 30, 40), -1)  # fmt: skip
        cv2.putText(frame, "-40%", (round(0.74 * width), round(0.14 * height)), cv2.FONT_HERSHEY_SIMPLEX,
                    width / 500, (255, 255, 255), 2)  # fmt: skip
        cv2.rectangle(frame, (round(0.1 * width), round(0.84 * height)),
                      (round(0.9 * width), round(0.95 * height)), (20, 20, 20), -1)  # fmt: skip
        words = ("best quality ever", "order it today", "free delivery")[number // 45 % 3]
        cv2.putText(frame, words, (round(0.13 * width), round(0.92 * height)), cv2.FONT_HERSHEY_SIMPLEX,
                    width / 600, (255, 255, 255), 1)  # fmt: skip
    return made


def _logo(frames: Frames) -> Frames:
    """A half-transparent logo across a corner: 6 % of the picture."""
    height, width = frames.shape[1:3]
    layer = np.zeros((height, width), np.uint8)
    cv2.ellipse(layer, (round(0.16 * width), round(0.14 * height)), (round(0.14 * width), round(0.1 * height)),
                0, 0, 360, 255, -1)  # fmt: skip
    cv2.putText(layer, "SHOP", (round(0.06 * width), round(0.17 * height)), cv2.FONT_HERSHEY_SIMPLEX,
                width / 450, 60, 3)  # fmt: skip
    alpha = layer[..., None].astype(np.float32) / 255 * 0.7
    return np.stack([(f * (1 - alpha) + 255 * alpha).astype(np.uint8) for f in frames])


def _barred(frames: Frames) -> Frames:
    bar = round(0.25 * frames.shape[1] / 2) * 2
    return np.pad(frames, ((0, 0), (bar, bar), (0, 0), (0, 0)))


def _graded(frames: Frames) -> Frames:
    return (255 * (frames.astype(np.float32) / 255) ** 0.8 * 0.95).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Repost:
    """One way to repost footage: pictures, then time, then encoding."""

    name: str
    change: Callable[[Frames], Frames]
    drop_s: float = 0.0
    speed: float = 1.0
    crf: float = 24.0
    keep_s: float | None = None


def _same(frames: Frames) -> Frames:
    return frames


def _half(frames: Frames) -> Frames:
    return _resized(frames, frames.shape[2] // 4 * 2, frames.shape[1] // 4 * 2)


REPOSTS = (
    Repost("re-encoded, crf 38", _same, crf=38),
    Repost("half the size", _half),
    Repost("crop 5 % off top and left", lambda f: _cropped(f, 0.05, 0, 0.05, 0)),
    Repost("crop 10 % off bottom and right", lambda f: _cropped(f, 0, 0.1, 0, 0.1)),
    Repost("crop 10 % of the width off the left", lambda f: _cropped(f, 0, 0, 0.1, 0)),
    Repost("crop 5 % off each side", lambda f: _cropped(f, 0.05, 0.05, 0.05, 0.05)),
    Repost("slower, 0.95", _same, speed=0.95),
    Repost("faster, 1.05", _same, speed=1.05),
    Repost("sticker and subtitles", _captioned),
    Repost("logo", _logo),
    Repost("black bars", _barred),
    Repost("graded", _graded),
    Repost("starts 0.3 s later", _same, drop_s=0.3),
    Repost("starts 0.7 s later", _same, drop_s=0.7),
    Repost("3.5 s out of the middle", _same, drop_s=1.37, keep_s=3.5),
    Repost("crop 10 % + stickers + 0.7 s later", lambda f: _captioned(_cropped(f, 0.1, 0, 0.06, 0.04)), drop_s=0.7),
    Repost(
        "half + faster + crop 5 % + logo", lambda f: _logo(_half(_cropped(f, 0, 0.05, 0.05, 0))), speed=1.05, crf=32
    ),
    Repost("mirrored", lambda f: np.ascontiguousarray(f[:, :, ::-1])),
)


def repost(frames: Frames, fps: float, how: Repost) -> tuple[Frames, float]:
    """The reposted frames and their rate."""
    first = round(how.drop_s * fps)
    last = len(frames) if how.keep_s is None else min(len(frames), first + round(how.keep_s * fps))
    return how.change(frames[first:last]), fps * how.speed


def pasted(frames: Frames, of: Frames, share: float) -> Frames:
    """The same footage with another product in the middle: an oval of other footage, ``share`` of the picture."""
    height, width = frames.shape[1:3]
    layer = np.zeros((height, width), np.float32)
    axis = (share * height * width / np.pi) ** 0.5
    cv2.ellipse(layer, (width // 2, round(0.55 * height)), (round(axis * 0.85), round(axis / 0.85)), 0, 0, 360, 1, -1)
    alpha = cv2.GaussianBlur(layer, (0, 0), 1.5)[..., None]
    other = cv2.resize(of[0], (width, height), interpolation=cv2.INTER_AREA)
    return np.stack([(f * (1 - alpha) + other * alpha).astype(np.uint8) for f in frames])


def with_intro(frames: Frames, fps: float, intro: Frames) -> Frames:
    """A one-second animated logo on a gradient before the footage."""
    height, width = frames.shape[1:3]
    return np.concatenate([_resized(intro[: round(fps)], width, height), frames])


def cut_into(frames: Frames, fps: float, other: Frames) -> Frames:
    """4 s of the footage between two stretches of 2 s of other footage."""
    height, width = frames.shape[1:3]
    around = _resized(other[: round(4 * fps)], width, height)
    first, half = round(1.37 * fps), len(around) // 2
    return np.concatenate([around[:half], frames[first : first + round(4 * fps)], around[half:]])


def logo_animation(count: int) -> Frames:
    """``(count, 288, 288, 3)``: a shop's name that grows on a gradient."""
    made = np.zeros((count, 288, 288, 3), np.uint8)
    made[..., 0] = np.linspace(30, 200, 288)[None, None, :]
    made[..., 2] = np.linspace(160, 40, 288)[None, :, None]
    for number, frame in enumerate(made):
        cv2.putText(frame, "BRAND", (40 - number // 2, 160), cv2.FONT_HERSHEY_SIMPLEX, 1.4 + number / 40,
                    (255, 255, 255), 5)  # fmt: skip
    return made


def series_of(frames: Frames, fps: float, crf: float, kept: Path) -> Series:
    """Encode, decode and measure as a build would; ``kept`` holds the result for the next run."""
    if not kept.exists():
        video = kept.with_suffix(".mp4")
        encode_clip(frames, fps, video, crf=crf)
        series = measure(open_media(video))
        video.unlink()
        kept.write_bytes(to_parquet(series))
    return from_parquet(kept.read_bytes())


def all_series(data: Path, folder: Path) -> Iterator[tuple[Piece, str, Series]]:
    """Each piece as it is ("original"), as all reposts, and as parts of other videos ("other product …", "intro",
    "cut into other footage")."""
    folder.mkdir(parents=True, exist_ok=True)
    everything = pieces(data)
    intro = logo_animation(40)
    for number, piece in enumerate(everything):
        frames, fps = read_piece(piece)
        stem = piece.name.replace(" ", "-")
        yield piece, "original", series_of(frames, fps, 20, folder / f"{stem}.original.parquet")
        for index, how in enumerate(REPOSTS):
            kept = folder / f"{stem}.{index}.parquet"
            if kept.exists():
                yield piece, how.name, from_parquet(kept.read_bytes())
            else:
                yield piece, how.name, series_of(*repost(frames, fps, how), how.crf, kept)
        like = [other for other in everything if other.half == piece.half and other.path != piece.path]
        other, _ = read_piece(like[number % len(like)])
        for share in (0.1, 0.2):
            made = pasted(frames, other, share)
            name = f"other product, {share:.0%}"
            yield piece, name, series_of(made, fps, 24, folder / f"{stem}.pasted-{share}.parquet")
        made = with_intro(frames, fps, intro)
        yield piece, "intro", series_of(made, fps, 24, folder / f"{stem}.intro.parquet")
        made = cut_into(frames, fps, other)
        yield piece, "cut into other footage", series_of(made, fps, 24, folder / f"{stem}.inserted.parquet")
