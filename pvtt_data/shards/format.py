"""What a shard holds: member names and their order, the sample's JSON, tar headers, and which shard a key lives in.

Nothing here reads or writes a file. The writer, the reader and the verifier all take their rules from this module.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import tarfile
import typing
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from pvtt_data.records import Difficulty, Split

SCHEMA_VERSION: Literal[1] = 1

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
HELDOUT_SPLITS: tuple[Split, ...] = ("validation", "test")

VIDEO_MEMBERS = ("source.mp4", "target.mp4")
MASK_MEMBERS = ("source_mask.mp4", "target_mask.mp4", "effect_mask.mp4")
CLIP_MEMBERS = ("source.mp4", "source_mask.mp4", "target.mp4", "target_mask.mp4", "effect_mask.mp4")
JSON_MEMBER = "json"

MANIFEST_FILE = "manifest.json"
LINEAGE_FILE = "lineage.json"
INDEX_FILE = "index.parquet"
CARD_FILE = "README.md"
CHINESE_CARD_FILE = "README.zh-CN.md"
LICENCES_FILE = "LICENSE.md"
CROISSANT_FILE = "croissant.json"
PREVIEW_FILE = "preview/samples.tar"
STRIP_FILE = "preview/strip.jpg"
PRESENTING_FILES = (CARD_FILE, CHINESE_CARD_FILE, LICENCES_FILE, CROISSANT_FILE)
"""What presents a version; versions written before there was more have the card alone."""
PICTURE_FILES = (PREVIEW_FILE, STRIP_FILE)
"""Pictures for the card and the Hub's viewer; a version may have none of them."""

HUB_LEFTOVERS = (".gitattributes", ".cache")
"""What a download from the Hub puts beside a version's files; no part of it."""

MAX_PICTURES = 64
MAX_SHARDS = 99_999
TARGET_SHARD_BYTES = 768 << 20

TAR_BLOCK_BYTES = 512
TAR_RECORD_BYTES = 10_240
MAX_MEMBER_BYTES = 0o77777777777
"""Largest size that a USTAR header can state (8 GiB - 1)."""

_PLAIN = json.JSONEncoder(ensure_ascii=False)
_KEY = re.compile(r"[0-9a-f]{16}")
_SHARD = re.compile(r"data/(train|validation|test)-(\d{5})-of-(\d{5})\.tar")

Key = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
NumberName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$")]
Text = Annotated[str, StringConstraints(max_length=20_000)]
FilledText = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
FiniteFloat = Annotated[float, Field(allow_inf_nan=False)]

NOT_MEASURED = -1000.0
"""Stands among a sample's numbers for one that its engine does not have, because all samples have the same names."""
ONE_PRODUCT_KINDS = ("noop", "reconstruct")
"""Kinds of samples whose A is B."""
PSEUDO_VIDEO_ENGINES = ("panzoom",)
"""Engines whose videos are stills under a moving window."""


class SampleMeta(BaseModel):
    """The JSON member of a sample. Every field is in every sample and never null; unknown texts are empty.

    ``numbers`` has the same names in every sample of a dataset; `measured` leaves out those that the sample's engine
    does not have. ``reference_source`` says for each of the R reference
    members what it is (``listing-image``, ``other-shot``, ...); where fewer than R pictures exist, the last member and
    its entry repeat and ``reference_count`` says how many are different ones.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    triple_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16,64}$")]
    engine: Word
    kind: Word
    split: Split
    difficulty: Difficulty
    product_a: FilledText
    product_b: FilledText
    category_a: Text
    category_b: Text
    title_a: Text
    title_b: Text
    prompt: Text
    source_prompt: Text
    captioner: Text
    judge: Text
    fps: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
    frames: Annotated[int, Field(ge=1)]
    height: Annotated[int, Field(ge=2)]
    width: Annotated[int, Field(ge=2)]
    reference_count: Annotated[int, Field(ge=1, le=MAX_PICTURES)]
    reference_source: Annotated[list[FilledText], Field(min_length=1, max_length=MAX_PICTURES)]
    heldout_count: Annotated[int, Field(ge=0, le=MAX_PICTURES)]
    segmenter: Text
    verdict: Literal["accept", "flag"]
    reasons: list[FilledText]
    numbers: Annotated[dict[NumberName, FiniteFloat], Field(min_length=1)]
    source_id: Text
    clip_id: Text
    first_frame: Annotated[int, Field(ge=0)]
    last_frame: Annotated[int, Field(ge=0)]
    source_url: Text
    source_id_a: Text = ""
    clip_id_a: Text = ""
    source_url_a: Text = ""
    licences: Annotated[list[FilledText], Field(min_length=1)]
    models: list[Annotated[str, StringConstraints(pattern=r"^\S+@[0-9a-f]{12}$")]]

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> SampleMeta:
        if self.reference_count > len(self.reference_source):
            raise ValueError("reference_count is above the number of reference members")
        if self.last_frame < self.first_frame:
            raise ValueError("last_frame lies before first_frame")
        if self.verdict == "flag" and not self.reasons:
            raise ValueError("a flagged sample must say why in reasons")
        return self

    @property
    def key(self) -> str:
        """Key of the sample: the first 16 hex digits of the triple's id."""
        return self.triple_id[:16]

    @property
    def measured(self) -> dict[str, float]:
        """The numbers that were measured of this sample."""
        return {name: value for name, value in self.numbers.items() if value != NOT_MEASURED}

    @property
    def is_pseudo_video(self) -> bool:
        """Whether it is a still under a moving window: no parallax, nothing moves by itself."""
        return self.engine in PSEUDO_VIDEO_ENGINES

    def to_bytes(self) -> bytes:
        """The canonical bytes of the JSON member."""
        return canonical_json(self.model_dump(mode="python"))

    @classmethod
    def from_bytes(cls, data: bytes) -> SampleMeta:
        """Parse a JSON member.

        Raises:
            ValueError: not UTF-8, not JSON, or not this schema (pydantic's error says where).
        """
        return cls.model_validate_json(data)


def canonical_json(value: Any) -> bytes:
    """UTF-8 JSON that is equal for equal values: sorted keys, no spaces, and a point in every float.

    The point keeps ``1.0`` a float for readers that infer a column's type from the first value they meet.

    Raises:
        ValueError: a float is not finite, or a text holds half of a surrogate pair.
        TypeError: a value that JSON cannot say, or a key that is not a string.
    """
    return _encode(value).encode()


def _encode(value: Any) -> str:
    if value is None or isinstance(value, (bool, int, str)):
        return _PLAIN.encode(value)
    if isinstance(value, float):
        return _encode_float(value)
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(_encode(item) for item in value) + "]"
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise TypeError("the keys of a JSON object must be strings")
        return "{" + ",".join(f"{_encode(name)}:{_encode(value[name])}" for name in sorted(value)) + "}"
    raise TypeError(f"JSON cannot hold a {type(value).__name__}")


def _encode_float(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number")
    text = float.__repr__(value)
    if "." in text:
        return text
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}.0e{exponent}"


def readable_json(value: Any) -> bytes:
    """UTF-8 JSON for files that people read: sorted keys, two spaces, a final newline.

    Raises:
        ValueError: a float is not finite.
        TypeError: a value that JSON cannot say.
    """
    return (json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def is_key(text: str) -> bool:
    """Whether ``text`` can be a sample's key: 16 lower-case hex digits."""
    return _KEY.fullmatch(text) is not None


def reference_member(number: int) -> str:
    """Name of the reference picture ``number``, counted from 0."""
    return f"reference_{number}.png"


def heldout_member(number: int) -> str:
    """Name of the held-out view ``number``, counted from 0."""
    return f"heldout_{number}.png"


def member_names(split: Split, reference_count: int, heldout_count: int) -> tuple[str, ...]:
    """Members of every sample of a split, in the order in which they lie in the tar."""
    return (
        *CLIP_MEMBERS,
        *(reference_member(i) for i in range(reference_count)),
        *(heldout_member(i) for i in range(heldout_count if split in HELDOUT_SPLITS else 0)),
        JSON_MEMBER,
    )


def shard_path(split: Split, number: int, count: int) -> str:
    """Path of a shard inside the dataset, with forward slashes."""
    return f"data/{split}-{number:05d}-of-{count:05d}.tar"


def facts_path(split: str) -> str:
    """Path of the table that has the JSON of all samples of a split."""
    return f"facts/{split}.parquet"


def parse_shard_path(path: str) -> tuple[Split, int, int] | None:
    """Split, number and count of shards that a shard's path states; None if it is no shard's path."""
    match = _SHARD.fullmatch(path)
    if match is None:
        return None
    split, number, count = typing.cast(Split, match[1]), int(match[2]), int(match[3])
    return (split, number, count) if number < count else None


def shard_of(key: str, count: int) -> int:
    """Number of the shard that holds ``key``: the first 8 bytes of its SHA-256, big-endian, modulo ``count``."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % count


def shard_count_for(split_bytes: int, target_bytes: int = TARGET_SHARD_BYTES) -> int:
    """How many shards a split of an estimated size should have: a power of two, shards near ``target_bytes``.

    Ask once and keep the answer in the recipe: another count moves almost every sample to another shard.
    """
    count = 1
    while count * 2 <= MAX_SHARDS and split_bytes / count > target_bytes * math.sqrt(2):
        count *= 2
    return count


def tar_header(name: str, size_bytes: int) -> bytes:
    """The 512-byte USTAR header of a member: mode 0644, owner 0/0 without names, modified at 0.

    Raises:
        ValueError: the name or the size does not fit a plain USTAR header.
    """
    if len(name.encode()) > 100:
        raise ValueError(f"member name {name!r} is longer than 100 bytes")
    if not 0 <= size_bytes <= MAX_MEMBER_BYTES:
        raise ValueError(f"member {name} has {size_bytes} bytes; a tar member holds at most {MAX_MEMBER_BYTES}")
    info = tarfile.TarInfo(name)
    info.size = size_bytes
    info.mode = 0o644
    return info.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict")


def tar_padding(size_bytes: int) -> int:
    """Zero bytes that follow a member of this size."""
    return -size_bytes % TAR_BLOCK_BYTES


def tar_end(size_bytes: int) -> int:
    """Zero bytes that end a tar whose members take ``size_bytes``: two blocks, then up to a whole record."""
    return 2 * TAR_BLOCK_BYTES + -(size_bytes + 2 * TAR_BLOCK_BYTES) % TAR_RECORD_BYTES
