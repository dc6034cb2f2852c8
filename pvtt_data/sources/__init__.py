"""Where product videos come from.

A feed finds products with their files; the stage `mine` turns them into records. To add one (a crawler, a bucket, a
marketplace's export), write a class with the one method of `Feed`, give it a section in
`pvtt_data.stages.mine.MineConfig`, and list it in `MineConfig.feeds`. Whatever it finds must be local files by the
time it yields them; names and texts from outside stay data: they are never used as paths or shell words.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

TEXT_LIMIT = 500


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file (or a folder of frames) of a product.

    Attributes:
        path: where it lies now.
        name: its address within the feed, forward slashes, printable.
    """

    path: Path
    name: str
    kind: Literal["video", "frames", "image"]
    fps: float | None = None


@dataclass(frozen=True, slots=True)
class FoundProduct:
    """A product as the feed describes it; texts are empty where the feed is silent."""

    product_id: str
    title: str = ""
    category: str = ""
    licence: str = ""
    url: str = ""
    platform: str = ""
    shop: str = ""
    videos: tuple[FoundFile, ...] = ()
    images: tuple[FoundFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Unusable:
    """Something the feed holds that cannot be used, and why."""

    name: str
    reason: str
    message: str


@dataclass(slots=True)
class Notes:
    """What a person should know about how a feed was read."""

    lines: list[str] = field(default_factory=list)
    ignored: dict[str, int] = field(default_factory=dict)
    """Files that are no media, by suffix."""


class Feed(Protocol):
    """Finds products, in a stable order."""

    name: str
    notes: Notes

    def products(self) -> Iterator[FoundProduct | Unusable]:
        """All products and all that cannot be used."""
        ...


def clean_text(value: object) -> str:
    """Text of a feed as one bounded line without control characters; anything but text and numbers is silence."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    line = " ".join(str(value).split())
    return "".join(c for c in line if unicodedata.category(c) not in ("Cc", "Cs"))[:TEXT_LIMIT]
