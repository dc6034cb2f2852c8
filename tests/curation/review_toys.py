"""A few drawn subjects to review: a disc that slides over a ground, its mask, and a box that takes its place."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pvtt_curation.media import MediaRef
from pvtt_curation.subjects import Reviewed, Subject

from pvtt_data.images import write_png
from pvtt_data.media import encode_clip, encode_masks
from pvtt_data.reviews.records import clip_key, mask_key, triple_key
from pvtt_data.thresholds import Rule

FRAMES, HEIGHT, WIDTH, FPS = 9, 64, 48, 8
RULES = (Rule("bad-edge", "edge", 0.5, "below", "flag"), Rule("too-large", "area", 0.9, "above"))


def toy_masks(number: int, box: bool = False) -> npt.NDArray[np.bool_]:
    """``(T, H, W)`` bool: the disc, or the box in its place."""
    t, rows, columns = np.mgrid[0:FRAMES, 0:HEIGHT, 0:WIDTH]
    x, y = columns - 16 - t - number % 5, rows - 24 - number % 7
    masks: npt.NDArray[np.bool_] = (abs(x) <= 9) & (abs(y) <= 12) if box else x**2 + y**2 <= 110
    return masks


def toy_frames(number: int, box: bool = False) -> npt.NDArray[np.uint8]:
    """``(T, H, W, 3)`` uint8 RGB."""
    dice = np.random.default_rng(number + 1000 * box)
    ground = np.broadcast_to(dice.integers(60, 200, 3, np.uint8), (FRAMES, HEIGHT, WIDTH, 3))
    return np.where(toy_masks(number, box)[..., None], dice.integers(0, 255, 3, np.uint8), ground)


def ref_of(path: Path) -> MediaRef:
    """A file as it is."""
    data = path.read_bytes()
    return MediaRef(path, hashlib.sha256(data).hexdigest(), path.suffix[1:], 0, len(data))


def toy_media(folder: Path, number: int) -> dict[str, MediaRef]:
    """Members of a triple."""
    place = folder / f"toy-{number}"
    place.mkdir(parents=True)
    for name, box in (("source", True), ("target", False)):
        encode_clip(toy_frames(number, box), FPS, place / f"{name}.mp4")
        encode_masks(toy_masks(number, box), FPS, place / f"{name}_mask.mp4")
    encode_masks(toy_masks(number) | toy_masks(number, box=True), FPS, place / "effect_mask.mp4")
    cutout = np.dstack([toy_frames(number)[0], toy_masks(number)[0].astype(np.uint8) * 255])
    (place / "reference_0.png").write_bytes(write_png(cutout))
    return {path.stem: ref_of(path) for path in sorted(place.iterdir())}


def toy_subjects(folder: Path, number: int, text: str = "", **changes: Any) -> list[Subject]:
    """A triple, its mask of B and its clip of B.

    Args:
        text: put into everything that comes from a feed.
        changes: of the mask.
    """
    media = toy_media(folder, number)
    video, mask = media["target"].sha256, media["target_mask"].sha256
    key = triple_key({f"{name}.{ref.suffix}": ref.sha256 for name, ref in media.items()})
    source = hashlib.sha256(f"source {number}".encode()).hexdigest()
    parts = {"triple": key, "mask": mask_key(video, mask), "clip": clip_key(video), "source": source}
    shared: dict[str, Any] = {
        "name": f"{text}shop/{number}.mp4 [0:9)", "fps": float(FPS), "frames": FRAMES, "width": WIDTH, "height": HEIGHT,
        "category": f"discs{text}", "product": f"disc-{number}{text}", "product_b": f"disc-{number}{text}",
        "title_b": f"Disc {number}{text}", "split": "train",
    }  # fmt: skip
    triple = Subject(
        kind="triple", key=key, row_id=f"{number:016x}", verdict="accept", media=media, parts=parts,
        product_a=f"box-{number}{text}", title_a=f"Box {number}{text}", engine="composite", triple_kind="swap",
        difficulty="easy", numbers={"edge": 0.75, "other": 3.0}, rules=RULES, prompt=f"a disc{text}", **shared,
    )  # fmt: skip
    one = {"kind": "mask", "key": parts["mask"], "row_id": f"{number + 4096:016x}", "verdict": "accept"}
    own = {name: parts[name] for name in ("mask", "clip", "source")}
    mask_subject = Subject(
        **{**one, **shared, "numbers": {"edge": 0.75, "area": 0.25}, "rules": RULES, "parts": own, **changes},
        media={"video": media["target"], "mask": media["target_mask"]},
    )
    clip = Subject(
        kind="clip", key=parts["clip"], row_id=f"{number + 8192:016x}", verdict="accept", parts={
            name: parts[name] for name in ("clip", "source")
        }, media={"video": media["target"]}, **shared,
    )  # fmt: skip
    return [triple, mask_subject, clip]


def toy_reviewed(folder: Path, count: int = 3, text: str = "") -> Reviewed:
    """The first mask is flagged, the last rejected."""
    says: dict[int, dict[str, Any]] = {
        0: {"verdict": "flag", "reasons": ("bad-edge",), "numbers": {"edge": 0.25, "area": 0.25}},
        count - 1: {"verdict": "reject", "reasons": ("too-large",), "stage": "mask_qc", "message": f"area 0.95{text}"},
    }
    subjects = [s for number in range(count) for s in toy_subjects(folder, number, text, **says.get(number, {}))]
    return Reviewed(f"toys{text}", "0123456789abcdef", tuple(subjects))
