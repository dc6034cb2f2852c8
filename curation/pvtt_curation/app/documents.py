"""Samples of the app as documents of FiftyOne's database."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from bson import ObjectId

from pvtt_curation.app.context import ReviewContext
from pvtt_curation.app.shelf import Overlay, name_of, name_of_overlay
from pvtt_curation.app.standing import standing_fields
from pvtt_curation.media import MediaCache, MediaRef
from pvtt_curation.subjects import Subject
from pvtt_data.reviews.effective import Standings

SLICES = ("overlay", "target", "source", "overlay_a")
"""Videos of a group, in the order in which they are shown; pictures of B follow as ``reference_0``, …"""
LEAK_REASONS = ("reference-leak", "residue", "copied-reference")
"""Reasons that say that something was copied which a model would learn to copy."""

TEXTS = (
    "kind",
    "key",
    "row_id",
    "name",
    "verdict",
    "stage",
    "message",
    "engine",
    "triple_kind",
    "difficulty",
    "split",
    "category",
    "product",
    "product_a",
    "product_b",
    "title_a",
    "title_b",
    "prompt",
    "source_prompt",
)
_PNG = b"\x89PNG\r\n\x1a\n"
_BITS = 64
"""Of a perceptual hash."""


def object_id(*facts: str) -> ObjectId:
    """The id that belongs to some facts."""
    return ObjectId(hashlib.sha256("\0".join(facts).encode()).digest()[:12])


def documents(dataset: ObjectId, context: ReviewContext, said: Standings) -> Iterator[dict[str, Any]]:
    """All samples of a review.

    Args:
        dataset: id of FiftyOne's dataset.
        said: by kind and key.
    """
    now = datetime.now(UTC)
    sizes = _PictureSizes()
    with sizes:
        for order, subject in enumerate(context.subjects):
            facts = _facts(subject, order) | standing_fields(subject, said)
            group = object_id(subject.kind, subject.key)
            for name, (filepath, ref) in slices(subject, context.cache).items():
                picture = name.startswith("reference_")
                sample = object_id(subject.kind, subject.key, name)
                yield {
                    "_id": sample,
                    "_dataset_id": dataset,
                    "_media_type": "image" if picture else "video",
                    "_rand": int(str(sample)[:8], 16) / 2**32,
                    "filepath": filepath,
                    "group": {"_cls": "Group", "_id": group, "name": name},
                    "metadata": sizes.of(ref) if picture and ref else _video_metadata(subject, ref),
                    "created_at": now,
                    "last_modified_at": now,
                    **facts,
                }


def slices(subject: Subject, cache: MediaCache) -> dict[str, tuple[str, MediaRef | None]]:
    """By slice of a group, the name under which a medium is served, and the medium unless it is an overlay.

    A clip has no mask: it stands in the place of the overlay too, so that it is seen beside masks and triples.
    """
    target = subject.media["target"] if "target" in subject.media else subject.media["video"]
    found: dict[str, tuple[str, MediaRef | None]] = {
        "overlay": (name_of(target), target),
        "target": (name_of(target), target),
    }
    if "source" in subject.media:
        found["source"] = (name_of(subject.media["source"]), subject.media["source"])
    for name, parts in subject.overlays.items():
        found[name] = (name_of_overlay(cache, Overlay(*parts)), None)
    for number, ref in enumerate(subject.references):
        found[f"reference_{number}"] = (name_of(ref), ref)
    return found


def leak(subject: Subject) -> float | None:
    """How near a triple is to the threshold of a leak: 1 is on it, more is beyond; None where none is measured."""
    shares = []
    for rule in subject.rules:
        value = subject.numbers.get(rule.number)
        if rule.reason not in LEAK_REASONS or value is None:
            continue
        limit = float(rule.limit)
        if rule.broken == "below":  # bits that differ
            value, limit = _BITS - value, _BITS - limit
        if limit > 0:
            shares.append(value / limit)
    if set(subject.reasons) & set(LEAK_REASONS):
        shares.append(1.0)
    return round(max(shares), 4) if shares else None


def number_field(name: str) -> str:
    """The field of a number: MongoDB takes a point for a step into a document."""
    return name.replace(".", "_").replace("$", "_").lstrip("_") or "number"


def _facts(subject: Subject, order: int) -> dict[str, Any]:
    texts = {name: getattr(subject, name) or None for name in TEXTS}
    alike = [neighbour.likeness for neighbour in subject.nearest]
    return {
        **texts,
        "order": order,
        "reasons": list(subject.reasons),
        "numbers": {
            "_cls": "DynamicEmbeddedDocument",
            **{number_field(name): float(value) for name, value in subject.numbers.items()},
        },
        "leak": leak(subject) if subject.kind == "triple" else None,
        "nearest": [neighbour.row_id for neighbour in subject.nearest],
        "nearest_likeness": max(alike) if alike else None,
    }


def _video_metadata(subject: Subject, ref: MediaRef | None) -> dict[str, Any]:
    """All that the app asks for, or it would look for ffprobe and read the file."""
    return {
        "_cls": "VideoMetadata",
        "mime_type": "video/mp4",
        "size_bytes": ref.length if ref else None,
        "frame_width": subject.width,
        "frame_height": subject.height,
        "frame_rate": float(subject.fps),
        "total_frame_count": subject.frames,
        "duration": subject.frames / subject.fps,
    }


class _PictureSizes:
    """Width and height of pictures, from their first bytes; a tar stays open while its pictures are asked for."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._file: BinaryIO | None = None
        self._known: dict[str, tuple[int, int]] = {}

    def of(self, ref: MediaRef) -> dict[str, Any]:
        """Metadata of a picture."""
        if ref.sha256 not in self._known:
            self._known[ref.sha256] = self._read(ref)
        width, height = self._known[ref.sha256]
        return {
            "_cls": "ImageMetadata",
            "mime_type": "image/png",
            "size_bytes": ref.length,
            "width": width,
            "height": height,
        }

    def _read(self, ref: MediaRef) -> tuple[int, int]:
        try:
            if self._file is None or self._path != ref.path:
                self.__exit__()
                self._path, self._file = ref.path, ref.path.open("rb")
            self._file.seek(ref.offset)
            head = self._file.read(24)
        except OSError:
            return 1, 1  # the picture itself will not be shown either
        if len(head) < 24 or not head.startswith(_PNG):
            return 1, 1
        width, height = struct.unpack(">II", head[16:24])
        return int(width), int(height)

    def __enter__(self) -> _PictureSizes:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
