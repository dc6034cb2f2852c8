"""A video from disk for a segmenter, and its masks to disk: PNG a frame, an overlay to look at, a log."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data import __version__
from pvtt_data.backends import ChosenBackend
from pvtt_data.errors import InputError
from pvtt_data.files import write_whole
from pvtt_data.images import write_png
from pvtt_data.media import encode_clip, open_media, read_range
from pvtt_data.records import to_plain
from pvtt_data.segmenters.base import Segmentation, Target
from pvtt_data.segmenters.box_prompt import BoxPrompt
from pvtt_data.stage import library_version

_TINT = np.array([255, 64, 32], np.float32)
_OUTLINE = (255, 255, 0)
_BOX = (0, 255, 255)


@dataclass(frozen=True, slots=True)
class LoadedClip:
    """Frames in memory, ``(T, H, W, 3) uint8 RGB``, with the names of their masks."""

    frames: npt.NDArray[np.uint8]
    names: list[str]
    fps: float


def read_all_frames(path: Path, fps: float, max_frames: int) -> LoadedClip:
    """All frames of a video file or of a folder of numbered pictures.

    Raises:
        InputError: not readable media, or more than ``max_frames``.
    """
    media = open_media(path, declared_fps=fps if path.is_dir() else None)
    count = len(media.timeline)
    if count > max_frames:
        raise InputError(
            "too-many-frames",
            f"{path.name} has {count} frames, more than {max_frames}; cut it first or raise --max-frames",
            {"frames": float(count), "threshold": float(max_frames)},
        )
    return LoadedClip(read_range(media, 0, count), media.frame_names(), float(media.probe.fps))


def write_masks(clip: LoadedClip, found: Segmentation, out: Path, box: BoxPrompt | None = None) -> None:
    """``{name}.png`` for each frame, 0 or 255, and ``overlay.mp4``, with a person's box in its frame."""
    out.mkdir(parents=True, exist_ok=True)
    for name, mask in zip(clip.names, found.masks, strict=True):
        write_whole(out / f"{name}.png", write_png(np.where(mask, 255, 0).astype(np.uint8)))
    height, width = found.masks.shape[1] // 2 * 2, found.masks.shape[2] // 2 * 2
    encode_clip(draw_masks(clip.frames, found.masks, box)[:, :height, :width], clip.fps, out / "overlay.mp4")


@dataclass(frozen=True, slots=True)
class Told:
    """What a segmenter was asked.

    Attributes:
        video: name of the file or folder.
        why: in words, why this backend.
        prompt: as it was typed; empty if there was none.
        target: what the prompt means; None if the backend was told nothing.
        box: that a person drew; None if nobody did.
    """

    video: str
    backend: ChosenBackend
    why: str
    prompt: str
    target: Target | None
    box: BoxPrompt | None = None


def write_log(clip: LoadedClip, found: Segmentation, told: Told, out: Path) -> None:
    """``segment.json``: what was asked of which models, and how sure they are of each frame."""
    backend = told.backend
    share = found.masks.mean(axis=(1, 2))
    log = {
        "video": told.video,
        "frames": len(found.masks),
        "fps": clip.fps,
        "width_px": found.masks.shape[2],
        "height_px": found.masks.shape[1],
        "backend": {
            "name": backend.name,
            "version": backend.version,
            "why": told.why,
            "device": backend.device,
            "numeric_class": backend.numeric_class,
            "settings": backend.key_settings.model_dump(mode="json"),
            "weights": dict(backend.weights),
            "libraries": {"pvtt": __version__, **{name: library_version(name) for name in backend.libraries}},
        },
        "prompt": told.prompt,
        "target": to_plain(told.target),
        "box": to_plain(told.box),
        "numbers": dict(sorted(found.numbers.items())),
        "per_frame": [
            {"name": f"{name}.png", "confidence": round(float(sure), 4), "area_share": round(float(area), 6)}
            for name, sure, area in zip(clip.names, found.confidence, share, strict=True)
        ],
    }
    write_whole(out / "segment.json", (json.dumps(log, indent=2, ensure_ascii=False) + "\n").encode())


def draw_masks(
    frames: npt.NDArray[np.uint8], masks: npt.NDArray[np.bool_], box: BoxPrompt | None = None
) -> npt.NDArray[np.uint8]:
    """Frames with their masks tinted and outlined, and a box in its frame, for people.

    Raises:
        InputError: ``bad-box``, there is no such frame.
    """
    drawn = frames.copy()
    for picture, mask in zip(drawn, masks, strict=True):
        picture[mask] = np.round(0.6 * picture[mask] + 0.4 * _TINT).astype(np.uint8)
        outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        cv2.drawContours(picture, outlines, -1, _OUTLINE, 1)
    if box is not None:
        left, top, right, bottom = (round(edge) for edge in box.within(*masks.shape))
        cv2.rectangle(drawn[box.frame], (left, top), (right - 1, bottom - 1), _BOX, 2)
    return drawn
