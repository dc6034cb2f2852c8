"""Records for tests: plausible ones by number, and Hypothesis strategies for arbitrary ones."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import random
import typing
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal

import numpy as np
from hypothesis import strategies as st

from pvtt_data.looks import packed_embedding
from pvtt_data.pairing.alike import AlikeLimits
from pvtt_data.records import (
    Assignment,
    Blob,
    Clip,
    Comparison,
    Cut,
    ListingImage,
    Look,
    MaskTrack,
    Picture,
    Rectangle,
    Shot,
    Source,
    Split,
    Stretch,
    View,
    content_id,
)
from pvtt_data.same_footage import mirrored

ALIKE = AlikeLimits(max_likeness=0.9, min_reference_likeness=0.5)
"""Limits for the made-up embeddings of `view`."""


def sha(name: object) -> str:
    """A SHA-256 that belongs to a name."""
    return hashlib.sha256(str(name).encode()).hexdigest()


def short(name: object) -> str:
    """An identifier that belongs to a name."""
    return sha(name)[:16]


def blob(name: object, suffix: str = "mp4") -> Blob:
    return Blob(sha(name), 1000, suffix)


def source(name: str, product: str = "", images: tuple[str, ...] = (), **fields: Any) -> Source:
    facts: dict[str, Any] = {
        "source_id": short(name),
        "sha256": sha(f"bytes of {name}"),
        "size_bytes": 1000,
        "kind": "video",
        "declared_fps": None,
        "feed": "folder",
        "path": f"{name}.mp4",
        "product_id": product or name,
        "title": "",
        "category": "",
        "licence": "",
        "url": "",
        "platform": "",
        "shop": "",
        "images": tuple(ListingImage(sha(image), 10, f"{image}.jpg") for image in images),
    }
    return Source(**{**facts, **fields})


GOOD_NUMBERS = {
    "fps": 25.0, "luma": 120.0, "contrast": 40.0, "sharpness": 100.0, "motion_px_per_s": 12.0, "shake_px_per_s": 12.0,
}  # fmt: skip


def shot(name: str, of: Source, first_frame: int = 0, **fields: Any) -> Shot:
    facts: dict[str, Any] = {
        "shot_id": short(name),
        "source_id": of.source_id,
        "media_sha256": of.sha256,
        "source_width_px": 1280,
        "source_height_px": 720,
        "first_frame": first_frame,
        "last_frame": first_frame + 77,
        "start_s": first_frame / 25,
        "duration_s": 49 / 16,
        "shot_index": 0,
        "letterbox": Rectangle(0, 0, 1280, 720),
        "numbers": GOOD_NUMBERS,
    }
    return Shot(**{**facts, **fields})


def comparison(one: Source, other: Source, shift_ms: int = 0, length_ms: int = 20_000, **fields: Any) -> Comparison:
    """Footage that two sources share: so much of it, later in the one by so much; media stand for their footage."""
    facts: dict[str, Any] = {
        "one_start_ms": max(0, shift_ms),
        "one_end_ms": max(0, shift_ms) + length_ms,
        "other_start_ms": max(0, -shift_ms),
        "other_end_ms": max(0, -shift_ms) + length_ms,
        "pictures": length_ms // 250,
        "alike": 0.98,
        "blocks": 60,
        "agreeing": 1.0,
        "moving": 30,
        "moving_alike": 1.0,
    }
    stretch = Stretch(**{**facts, **fields})
    if one.sha256 > other.sha256:
        one, other, stretch = other, one, mirrored(stretch)
    return Comparison(content_id("comparison", one.sha256, other.sha256), one.sha256, other.sha256, (stretch,))


def clip(name: str, of: Source, first_frame: int = 0, start_s: float | None = None) -> Clip:
    cut = Cut(
        first_frame=first_frame,
        last_frame=first_frame + 77,
        crop=Rectangle(436, 0, 408, 720),
        pad=Rectangle(0, 0, 480, 848),
        width_px=480,
        height_px=848,
        frames=49,
        fps=16.0,
    )
    return Clip(
        clip_id=short(name),
        source_id=of.source_id,
        media_sha256=of.sha256,
        declared_fps=None,
        source_width_px=1280,
        source_height_px=720,
        start_s=first_frame / 25 if start_s is None else start_s,
        cut=cut,
        video=blob(name),
        numbers=GOOD_NUMBERS,
    )


def track(of: Clip) -> MaskTrack:
    return MaskTrack(
        track_id=short(f"track {of.clip_id}"),
        clip_id=of.clip_id,
        backend="u2net",
        weights={"u2net": "ab" * 32},
        mask=blob(f"mask {of.clip_id}"),
        verdict="accept",
        reasons=(),
        numbers={"area": 0.2},
    )


def listing_picture(name: str, product: str) -> Picture:
    return Picture(short(name), product, "listing", sha(name), "", -1.0, blob(name, "png"), "u2net", {})


def clip_picture(name: str, of: Source, time_s: float) -> Picture:
    return Picture(short(name), of.product_id, "clip", of.sha256, of.source_id, time_s, blob(name, "png"), "u2net", {})


LOOK_DIMENSIONS = 64


@cache
def view(product: str, angle: int = 0, aspect: float = 1.0, likeness: float = 1.0) -> View:
    """A look of its own for each product: ``likeness`` is the cosine with its other views; angles show other outlines.

    Products are unlike each other, as random directions are.
    """
    own, odd = (_direction(f"{product} {word}") for word in ("look", f"odd {angle}"))
    mixed = [likeness * a + math.sqrt(1 - likeness**2) * b for a, b in zip(own, odd, strict=True)]
    length = math.sqrt(sum(value * value for value in mixed))
    filled = bytes(
        255 if (x - 8) ** 2 + (y - 8) ** 2 < (8 - angle % 6) ** 2 else 0 for y in range(16) for x in range(16)
    )
    shades = bytes((x * (7 * angle + 3) + y * 5 * angle) % 256 for y in range(16) for x in range(16))
    return View(
        width_px=round(200 * aspect),
        height_px=200,
        cut_sides=0,
        embedding=packed_embedding(np.array(mixed, np.float32) / length),
        outline=filled.hex(),
        shading=shades.hex(),
    )


@cache
def _direction(name: str) -> list[float]:
    generator = random.Random(name)
    values = [generator.gauss(0, 1) for _ in range(LOOK_DIMENSIONS)]
    length = math.sqrt(sum(value * value for value in values))
    return [value / length for value in values]


def looks_of(
    tracks: Sequence[MaskTrack], clips: Sequence[Clip], sources: Sequence[Source], pictures: Sequence[Picture]
) -> list[Look]:
    """Every picture shows its product from another side than every clip."""
    product = {s.source_id: s.product_id for s in sources}
    clip_of = {c.clip_id: c for c in clips}
    looks = [
        Look(
            p.picture_id,
            (view(p.product_id, 1 + int(p.picture_id[:4], 16) % 5, 0.6 + int(p.product_id[-2:] or 0, 36) % 7 / 7),),
        )
        for p in pictures
    ]
    return looks + [Look(t.track_id, (view(product[clip_of[t.clip_id].source_id]),)) for t in tracks]


def assignment(of: Source, component: str, split: Split) -> Assignment:
    return Assignment(of.source_id, of.product_id, component, split)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
finite_floats = st.floats(allow_nan=False, allow_infinity=False)


def records(record: type) -> st.SearchStrategy[Any]:
    """Any record of a type, within what its annotations allow."""
    hints = typing.get_type_hints(record)
    return st.builds(record, **{f.name: _values(hints[f.name]) for f in dataclasses.fields(record)})


def _values(hint: Any) -> st.SearchStrategy[Any]:
    options = typing.get_args(hint)
    origin = typing.get_origin(hint)
    if type(None) in options:
        return st.none() | _values(next(o for o in options if o is not type(None)))
    if origin is Literal:
        return st.sampled_from(options)
    if origin is tuple:
        return st.lists(_values(options[0]), max_size=3).map(tuple)
    if origin is not None and issubclass(origin, Mapping):
        return st.dictionaries(texts, _values(options[1]), max_size=3)
    if dataclasses.is_dataclass(hint):
        return records(typing.cast(type, hint))
    return {str: texts, int: st.integers(-(2**63), 2**63 - 1), float: finite_floats, bool: st.booleans()}[hint]
