"""What a stage is.

*Map* stages turn one item into records, or reject it. What a map stage is handed, its *item*, is all it may depend on:
the cache key covers the whole item, so whatever can change the result must be in the item, the config, the version, the
weights or the libraries, and whatever must not (paths, clocks, worker counts) must not be in it.

*Table* stages see whole tables and decide: cheap, without pixels, run afresh on every build. They are plain functions
and live in the stage files that need them.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from pvtt_data.errors import InputError
from pvtt_data.records import Rejection, canonical_json, content_id

if TYPE_CHECKING:
    from pvtt_data.store import BlobStore


class StageConfig(BaseModel):
    """Base of every stage's settings: frozen, typed, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class NoConfig(StageConfig):
    """Of stages that have nothing to set."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What one worker may use for one row.

    Attributes:
        memory_bytes: address space a worker may add while it works on the stage; None for no bound.
        timeout_s: wall time after which a row counts as hung.
        isolated: run in fresh processes that no other stage shares; for libraries that change global state.
        processes: most worker processes at a time, however many there are; None for no bound.
        batch: most rows that a worker is given at a time, for models that work faster on several; `MapStage.run_many`
            gets them.
    """

    memory_bytes: int | None = 8 * 2**30
    timeout_s: float = 600.0
    isolated: bool = False
    processes: int | None = None
    batch: int = 1


Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Named(Generic[Item]):
    """An item, and what a person calls it.

    The name goes into messages and rejections, never into the cache key.
    """

    item: Item
    item_id: str
    name: str


class MapStage(ABC, Generic[Item]):
    """One step that looks at pixels. Subclasses set the class attributes and write `run`."""

    name: ClassVar[str]
    version: ClassVar[int]
    """Bump it when the code changes what the stage makes: older results become stale."""
    kind: ClassVar[str]
    """What the items are, for rejections: source, shot, clip, track, picture, pair or triple."""
    numeric_class: str = "cpu"
    """What kind of processor works; another kind may give other bits."""
    libraries: tuple[str, ...] = ()
    """Distributions whose version shapes the bytes this stage makes."""
    resources: Resources = Resources()

    def __init__(self, config: BaseModel) -> None:
        self.config = config

    @property
    def weights(self) -> Mapping[str, str]:
        """Digests of the model weights in use, by role."""
        return {}

    def setup(self) -> None:
        """Load what `run` needs; called once in every worker before its first row."""

    @abstractmethod
    def run(self, item: Item, store: BlobStore) -> Sequence[Any]:
        """Records made from ``item``.

        Raises:
            InputError: the item cannot be used; it is rejected and the build goes on.
        """

    def run_many(self, items: Sequence[Item], store: BlobStore) -> Sequence[Sequence[Any] | InputError]:
        """Records of several items at a time, or why an item cannot be used; for stages with a `Resources.batch`.

        Raises:
            Exception: they cannot be done together; the items are then run one by one.
        """
        results: list[Sequence[Any] | InputError] = []
        for item in items:
            try:
                results.append(self.run(item, store))
            except InputError as error:
                results.append(error)
        return results

    def fingerprint(self) -> dict[str, Any]:
        """Everything but the item that a result depends on."""
        return {
            "stage": self.name,
            "version": self.version,
            "config": self.config.model_dump(mode="json"),
            "weights": dict(self.weights),
            "libraries": {name: library_version(name) for name in self.libraries},
            "numeric_class": self.numeric_class,
        }

    def cache_key(self, item: Item, fingerprint: Mapping[str, Any]) -> str:
        """SHA-256 (hex) over the fingerprint and the item."""
        return hashlib.sha256(canonical_json([fingerprint, item]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Cost:
    """What working on one item took.

    Attributes:
        wall_s: time on the clock.
        cpu_s: processor time of the worker, user and system.
        peak_rss_bytes: the most memory that the worker held meanwhile.
    """

    wall_s: float
    cpu_s: float
    peak_rss_bytes: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item: records, or a rejection, or a fault.

    ``cost`` is None where it was not measured; it is no part of the result and takes no part in comparisons.
    ``halt`` says why the whole build must stop: the machine failed and not the item.
    """

    rows: tuple[Any, ...] = ()
    rejection: Rejection | None = None
    fault: str = ""
    halt: str = ""
    cost: Cost | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ItemCost:
    """Cost of one item of a stage, measured in this build or, if ``cached``, in the build that computed it."""

    name: str
    cost: Cost
    cached: bool
    stored_bytes: int
    """Size of the blobs in its rows."""


@dataclass
class StageResult:
    """All outcomes of one stage in one build."""

    stage: str
    rows: list[Any] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)
    """(name of the item, traceback)"""
    items: int = 0
    cached: int = 0
    seconds: float = 0.0
    table: bool = False
    costs: list[ItemCost] = field(default_factory=list)
    """Of map stages: what each item took, those from the cache too."""


def reject(
    stage: str,
    kind: str,
    subject_id: str,
    subject: str,
    reason: str,
    message: str,
    numbers: Mapping[str, float] | None = None,
    linked_to: str = "",
) -> Rejection:
    """A rejection with its identifier; bytes of file names that are not UTF-8 are written as escapes."""
    subject, message = printable(subject), printable(message)
    return Rejection(
        rejection_id=content_id("rejection", stage, kind, subject_id, subject, reason),
        stage=stage,
        kind=kind,
        subject_id=subject_id,
        subject=subject,
        reason=reason,
        message=message,
        linked_to=linked_to,
        numbers={k: float(v) for k, v in sorted((numbers or {}).items())},
    )


def printable(text: str) -> str:
    """Text that can be stored: what has no UTF-8, such as odd bytes in a file's name, is written as an escape."""
    return text.encode("utf-8", "backslashreplace").decode()


def count_reasons(rejections: Iterable[Rejection]) -> dict[str, int]:
    """How often each reason was given, most frequent first."""
    counts: dict[str, int] = {}
    for rejection in rejections:
        counts[rejection.reason] = counts.get(rejection.reason, 0) + 1
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


@cache
def library_version(distribution: str) -> str:
    """Version of an installed distribution, or "absent"."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "absent"
