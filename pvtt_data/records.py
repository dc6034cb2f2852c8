"""The records that flow through the pipeline, each with its Arrow schema.

Records are frozen dataclasses. Rows hold hashes, sizes and numbers, never bytes: those live in the blob store. The
Arrow schema of a record is derived from its annotations, never inferred from data, so a column keeps its type whether
the table has a million rows or none.

Identifiers are the first 16 hex digits of a SHA-256 over the facts that make the thing what it is (see `content_id`).
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import types
import typing
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar, Union

Verdict = Literal["accept", "flag", "reject"]
Split = Literal["train", "validation", "test"]
Difficulty = Literal["easy", "medium", "hard", "expert"]
Kind = Literal["swap", "noop", "reconstruct"]
"""What a source shows beside its target: A for B; B over itself; the very same video."""


def canonical_json(value: Any) -> str:
    """JSON text that is equal for equal values: sorted keys, no spaces, finite numbers, records as objects."""
    return json.dumps(to_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def content_id(*facts: Any) -> str:
    """First 16 hex digits of SHA-256 over the canonical JSON of ``facts``."""
    return hashlib.sha256(canonical_json(facts).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes in the content-addressed store."""

    sha256: str
    size_bytes: int
    suffix: str


@dataclass(frozen=True, slots=True)
class ListingImage:
    """One picture of a shop listing, as mined."""

    sha256: str
    size_bytes: int
    path: str


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Pixels ``[x, x + width) × [y, y + height)``, origin at the top left."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Source:
    """One mined video (a file, or a folder of frames) and where it came from."""

    key_field: ClassVar[str] = "source_id"

    source_id: str
    sha256: str
    size_bytes: int
    kind: Literal["video", "frames", "render", "photo"]
    """A rendered source is a product, and a photo a listing picture: clips of both are made, not cut out of a video."""
    declared_fps: float | None
    """Frame rate of a folder of frames; None for video files, which carry their own."""
    feed: str
    path: str
    """Path relative to the feed, with forward slashes."""
    product_id: str
    title: str
    category: str
    licence: str
    url: str
    platform: str
    shop: str
    images: tuple[ListingImage, ...]


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one decode of a medium yields; depends on its bytes alone."""

    key_field: ClassVar[str] = "sha256"

    sha256: str
    width_px: int
    height_px: int
    frames: int
    fps: float
    duration_s: float
    codec: str
    decode_errors: int
    series: Blob
    """Parquet, one row per frame: see `pvtt_data.series`."""


@dataclass(frozen=True, slots=True)
class TransitionTrack:
    """How likely each frame of a medium belongs to a transition between shots."""

    key_field: ClassVar[str] = "sha256"

    sha256: str
    levels: Blob
    """Parquet, one row per frame: see `pvtt_data.stages.transitions`."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A window inside one shot: a candidate for a clip."""

    key_field: ClassVar[str] = "shot_id"

    shot_id: str
    source_id: str
    media_sha256: str
    source_width_px: int
    source_height_px: int
    first_frame: int
    last_frame: int
    """One past the last frame, in the source's own frames."""
    start_s: float
    duration_s: float
    shot_index: int
    letterbox: Rectangle
    """The picture without bars, in the source's display pixels."""
    numbers: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What of a medium is compared to find near duplicates."""

    key_field: ClassVar[str] = "sha256"

    sha256: str
    footage: Blob
    """Parquet, one row per picture: see `pvtt_data.footage`."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A run of pictures of one source that may be a run of another: when, and how well they agree."""

    one_start_ms: int
    """After the first frame."""
    one_end_ms: int
    other_start_ms: int
    other_end_ms: int
    pictures: int
    """Pictures in the run, four a second."""
    alike: float
    """Mean cosine of their gradients."""
    blocks: int
    """Blocks of the picture, of 64, that show something."""
    agreeing: float
    """Share of them that agree."""
    moving: int
    """Agreeing blocks in which something moves."""
    moving_alike: float
    """Share of them in which it moves alike; 1 where nothing moves."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two fingerprints may have in common."""

    key_field: ClassVar[str] = "comparison_id"

    comparison_id: str
    one: str
    """SHA-256 of the footage of the one fingerprint, the smaller."""
    other: str
    """The same of the other, or of the same again."""
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """Two sources that share footage and so belong to one split."""

    key_field: ClassVar[str] = "link_id"

    link_id: str
    one: str
    """Id of the source that sorts first."""
    other: str
    numbers: Mapping[str, float]
    """How well the footage agrees, and when each source shows it."""


@dataclass(frozen=True, slots=True)
class Cut:
    """How a clip is taken from its original."""

    first_frame: int
    last_frame: int
    """One past the last frame, in the source's own frames."""
    crop: Rectangle
    """What is kept of the source's display pixels."""
    pad: Rectangle
    """Where the picture lies inside the clip; the whole clip unless padded."""
    width_px: int
    height_px: int
    frames: int
    fps: float


@dataclass(frozen=True, slots=True)
class Clip:
    """One window of one shot, cut, cropped, scaled and resampled to the recipe's format."""

    key_field: ClassVar[str] = "clip_id"

    clip_id: str
    source_id: str
    media_sha256: str
    declared_fps: float | None
    """Frame rate of a folder of frames; None for video files."""
    source_width_px: int
    source_height_px: int
    start_s: float
    cut: Cut
    video: Blob
    numbers: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class MaskTrack:
    """Binary mask of one product in every frame of one clip."""

    key_field: ClassVar[str] = "track_id"

    track_id: str
    clip_id: str
    backend: str
    weights: Mapping[str, str]
    mask: Blob
    verdict: Verdict
    reasons: tuple[str, ...]
    numbers: Mapping[str, float]
    choice: str = ""
    """How the backend came to be used: named, auto, or auto without the better one; empty for rendered masks."""
    target: str = ""
    """What the backend was told to look for, such as "bracelet. bangle."; empty if nothing."""
    target_rule: str = ""
    """What named the target: see `pvtt_data.vocabulary.RULES`."""

    @property
    def segmenter(self) -> str:
        """The backend, and how it was chosen if nobody named it, as samples state it."""
        return f"{self.backend} ({self.choice})" if self.choice.startswith("auto") else self.backend


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a product with its background removed, from a listing or from a frame of a clip."""

    key_field: ClassVar[str] = "picture_id"

    picture_id: str
    product_id: str
    origin: Literal["listing", "clip", "render"]
    image_sha256: str
    """The listing image it was cut from; for a frame, the source video; for a rendered view, itself."""
    source_id: str
    """The source whose frame it is; empty for listing pictures."""
    time_s: float
    """When that frame is shown in its source; -1 for listing pictures."""
    cutout: Blob
    """PNG, RGBA, straight alpha, cropped to the product with a margin."""
    backend: str
    numbers: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class View:
    """A product in one picture: see `pvtt_data.looks`."""

    width_px: int
    """Of the box around the product."""
    height_px: int
    cut_sides: int
    """Sides of the picture that the product touches, 0 to 4."""
    embedding: str
    """An embedder's vector, a signed byte (hex) for each component; a cosine says how alike two products look."""
    outline: str
    """16 × 16 bytes (hex), row by row: how much of each cell of the box the product covers, 0 to 255."""
    shading: str
    """The same of its luma."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a product looks like in a picture, or over the time of a clip."""

    key_field: ClassVar[str] = "subject_id"

    subject_id: str
    """Of the picture or of the mask track."""
    views: tuple[View, ...]
    """One of a picture; of a track up to five, in the order of time."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Numbers that quality control judges by, taken from the pixels of a mask track or of a swap."""

    key_field: ClassVar[str] = "subject_id"

    subject_id: str
    numbers: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which split a source belongs to, and the component that decided it."""

    key_field: ClassVar[str] = "source_id"

    source_id: str
    product_id: str
    component_id: str
    split: Split


@dataclass(frozen=True, slots=True)
class Pair:
    """What an engine is asked to make: the clip of B, and product A to put in its place."""

    key_field: ClassVar[str] = "pair_id"

    pair_id: str
    engine: str
    kind: Kind
    split: Split
    difficulty: Difficulty
    """How far A is from B; easy where both are one product."""
    product_a: str
    product_b: str
    clip_id: str
    track_id: str
    cutout_id: str
    """The picture of A that is pasted; empty where none is."""
    reference_ids: tuple[str, ...]
    """Pictures of B given to the model."""
    heldout_ids: tuple[str, ...]
    """Pictures of B kept for the metrics' ceilings; validation and test only."""
    seed: int
    placement: Literal["", "cover", "free"] = ""
    """How A is meant to stand: it hides B, or leaves part of B bare; empty where nobody asked."""
    photo_id: str = ""
    """The listing picture of B that becomes the target; empty where a clip is the target."""
    track_id_a: str = ""
    """The mask track of the clip of A that is cut out and pasted in motion; empty where a picture is pasted."""


@dataclass(frozen=True, slots=True)
class Swap:
    """What an engine made of a pair: the source video that shows A."""

    key_field: ClassVar[str] = "pair_id"

    pair_id: str
    source: Blob
    source_mask: Blob
    effect_mask: Blob
    flags: tuple[str, ...]
    numbers: Mapping[str, float]
    target: Blob | None = None
    """What shows B, where the engine made that, too; else the clip does."""
    target_mask: Blob | None = None


@dataclass(frozen=True, slots=True)
class Article:
    """A product that can be rendered: a procedural identity, or a model from a folder."""

    key_field: ClassVar[str] = "product_id"

    product_id: str
    category: str
    group: str
    """Related categories share it."""
    form: str
    """What it looks like from afar; empty if unknown."""
    family: str
    """Of a procedural identity; empty for a model."""
    shape_seed: int
    finish_seed: int
    label_seed: int
    model_sha256: str
    """Of a model's main file or folder; empty for a procedural identity."""
    model_digest: str
    """Of all files of a model; empty for a procedural identity."""
    title: str
    """Of a model; a procedural identity's comes out when it is built."""
    licence: str


@dataclass(frozen=True, slots=True)
class RenderPlan:
    """What the render engine is asked to make: who plays A and B, and the seed of all else."""

    key_field: ClassVar[str] = "sample_id"

    sample_id: str
    seed: int
    a: Article
    b: Article
    split: Split
    difficulty: Difficulty
    near_identity: str
    """What differs where A is a near-identity of B: "finish" or "label"; else empty."""
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class RenderedView:
    """A picture of B away from the clip."""

    cutout: Blob
    azimuth_deg: float
    """From the product's front, positive to its right."""
    elevation_deg: float


@dataclass(frozen=True, slots=True)
class Rendered:
    """What the render engine made of a plan: both halves of a pair, exact masks, pictures of B."""

    key_field: ClassVar[str] = "sample_id"

    sample_id: str
    title_a: str
    title_b: str
    source: Blob
    source_mask: Blob
    target: Blob
    target_mask: Blob
    effect_mask: Blob
    references: tuple[RenderedView, ...]
    heldout: tuple[RenderedView, ...]
    style: str
    camera: str
    motion: str
    geometry: Blob | None
    """Depth and flow, where they were asked for: NumPy's npz, without pickles."""
    numbers: Mapping[str, float]
    shadowless: Blob | None = None
    """The target without B's shadow, where it was asked for."""


@dataclass(frozen=True, slots=True)
class AdvertPlan:
    """An advert that the render engine is asked to film: of which product, in which shape, and the seed of all else."""

    key_field: ClassVar[str] = "advert_id"

    advert_id: str
    seed: int
    article: Article
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class FrameSpan:
    """Frames ``[first, last)``."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class AdvertShot:
    """What is known of the frames of an advert that show one shot alone."""

    frames: FrameSpan
    style: str
    camera: str
    motion: str
    close: bool
    """Whether it is a close view, which may cut the product off."""
    occluded: bool
    """Whether something passes in front."""
    whole_product: bool
    """Whether the product never touches the picture's edge."""
    least_area: float
    most_area: float
    """Smallest and largest share of the picture that the product covers."""


@dataclass(frozen=True, slots=True)
class FilmedAdvert:
    """What the render engine made of an advert's plan: a video of several shots, exact masks, listing pictures."""

    key_field: ClassVar[str] = "advert_id"

    advert_id: str
    title: str
    video: Blob
    mask: Blob
    pictures: tuple[Blob, ...]
    fps: int
    frames: int
    cuts: tuple[int, ...]
    """First frames of shots that follow a hard cut."""
    dissolves: tuple[FrameSpan, ...]
    shots: tuple[AdvertShot, ...]


@dataclass(frozen=True, slots=True)
class Triple:
    """A training sample: source with A, references of B, target with B."""

    key_field: ClassVar[str] = "triple_id"

    triple_id: str
    engine: str
    kind: Kind
    split: Split
    difficulty: Difficulty
    product_a: str
    product_b: str
    source_id: str
    clip_id: str
    track_id: str
    source: Blob
    source_mask: Blob
    target: Blob
    target_mask: Blob
    effect_mask: Blob
    references: tuple[Blob, ...]
    reference_source: tuple[str, ...]
    heldout: tuple[Blob, ...]
    prompt: str
    """Describes the target."""
    source_prompt: str
    """Describes the source: the same words with A's name in the place of B's."""
    captioner: str
    """Who put the scene into words: "template", or a model."""
    judge: str
    """The model that looked at it; empty if none did."""
    frames: int
    fps: float
    width_px: int
    height_px: int
    segmenter: str
    models: tuple[str, ...]
    verdict: Verdict
    reasons: tuple[str, ...]
    numbers: Mapping[str, float]
    track_id_a: str = ""
    """The mask track of the clip that A was cut out of; empty where it was none."""
    cutout_id: str = ""
    """The picture of A that was pasted; empty where none was."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a vision-language model said about a triple or a clip."""

    key_field: ClassVar[str] = "answer_id"

    answer_id: str
    """Of task, prompt, model, and the content of all that was shown and quoted."""
    task: str
    subject_id: str
    """The triple, or the clip, that was asked about when the answer came."""
    prompt: str
    """Name, version and digest of the prompt."""
    model: str
    understood: bool
    """Whether the text has the form that was asked for."""
    values: Mapping[str, str]
    """What it says, by question; empty if it was not understood."""
    text: str
    """The model's own words, as far as they are kept."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Something that was dropped, by which stage, and why."""

    key_field: ClassVar[str] = "rejection_id"

    rejection_id: str
    stage: str
    kind: str
    """What was dropped: source, shot, clip, track, picture, pair or triple."""
    subject_id: str
    subject: str
    """What a person knows it by: a path, a product, a clip and its frames."""
    reason: str
    message: str
    linked_to: str
    """For duplicates: the row that stays in its place; else empty."""
    numbers: Mapping[str, float] = field(default_factory=dict)


RECORD_TYPES: tuple[type, ...] = (
    Source,
    Measurement,
    TransitionTrack,
    Shot,
    Fingerprint,
    Comparison,
    Link,
    Clip,
    MaskTrack,
    Picture,
    Look,
    Quality,
    Assignment,
    Pair,
    Swap,
    Article,
    RenderPlan,
    Rendered,
    AdvertPlan,
    FilmedAdvert,
    Triple,
    Answer,
    Rejection,
)
RECORDS: dict[str, type] = {record.__name__: record for record in RECORD_TYPES}

R = TypeVar("R")


def to_plain(value: Any) -> Any:
    """Records, tuples and mappings as JSON-ready dicts and lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): to_plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(v) for v in value]
    return value


def from_plain(record: type[R], row: Mapping[str, Any]) -> R:
    """The record that `to_plain` made ``row`` from.

    Raises:
        TypeError: a field is missing or unknown.
    """
    hints = _hints(typing.cast(Hashable, record))  # as mypy does not see it
    unknown = set(row) - set(hints)
    if unknown:
        raise TypeError(f"{record.__name__} has no field {', '.join(sorted(unknown))}")
    return record(**{name: _build(hints[name], value) for name, value in row.items()})


@functools.cache
def _hints(record: type) -> Mapping[str, Any]:
    hints = typing.get_type_hints(record)
    return {f.name: hints[f.name] for f in dataclasses.fields(record)}


def _build(hint: Any, value: Any) -> Any:
    inner = _unwrap_optional(hint)
    if value is None:
        return None
    if dataclasses.is_dataclass(inner):
        return from_plain(typing.cast(type, inner), value)
    origin = typing.get_origin(inner)
    if origin is tuple:
        item = typing.get_args(inner)[0]
        return tuple(_build(item, v) for v in value)
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        item = typing.get_args(inner)[1]
        pairs = value.items() if isinstance(value, Mapping) else value
        return {k: _build(item, v) for k, v in pairs}
    if inner is float:
        return float(value)
    return value


def _unwrap_optional(hint: Any) -> Any:
    if typing.get_origin(hint) in (Union, types.UnionType):
        inner = [a for a in typing.get_args(hint) if a is not type(None)]
        return inner[0]
    return hint


def record_key(row: Any) -> str:
    """The identifier of a record."""
    return str(getattr(row, type(row).key_field))


def sort_records(rows: Iterable[R]) -> list[R]:
    """Rows in the order of their identifiers, the order of every stored table."""
    return sorted(rows, key=record_key)


def arrow_schema(record: type) -> Any:
    """The `pyarrow.Schema` of a record type."""
    import pyarrow as pa

    return pa.schema(
        [
            pa.field(name, _arrow_type(hint), nullable=_unwrap_optional(hint) is not hint)
            for name, hint in _hints(record).items()
        ],
        metadata={"record": record.__name__},
    )


def _arrow_type(hint: Any) -> Any:
    import pyarrow as pa

    hint = _unwrap_optional(hint)
    if dataclasses.is_dataclass(hint):
        return pa.struct(
            [pa.field(n, _arrow_type(h), nullable=False) for n, h in _hints(typing.cast(type, hint)).items()]
        )
    origin = typing.get_origin(hint)
    if origin is Literal:
        return pa.string()
    if origin is tuple:
        return pa.list_(_arrow_type(typing.get_args(hint)[0]))
    if origin is not None and issubclass(origin, Mapping):
        return pa.map_(pa.string(), _arrow_type(typing.get_args(hint)[1]), keys_sorted=True)
    return {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}[hint]


def to_arrow(record: type, rows: Sequence[Any]) -> Any:
    """Rows as a sorted `pyarrow.Table` with the record's schema."""
    import pyarrow as pa

    plain = [_maps_to_items(_hints(record), to_plain(row)) for row in sort_records(rows)]
    return pa.Table.from_pylist(plain, schema=arrow_schema(record))


def _maps_to_items(hints: Mapping[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    for name, hint in hints.items():
        origin = typing.get_origin(_unwrap_optional(hint))
        if isinstance(origin, type) and issubclass(origin, Mapping):
            row[name] = sorted(row[name].items())
    return row


def from_arrow(record: type[R], table: Any) -> list[R]:
    """Rows of a `pyarrow.Table` written by `to_arrow`."""
    return [from_plain(record, row) for row in table.to_pylist()]
