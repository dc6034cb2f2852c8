"""What the card counts over all samples, in bounded memory."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from pvtt_data.records import Split
from pvtt_data.shards.card.choice import PreviewChoice
from pvtt_data.shards.format import NOT_MEASURED, SampleMeta

MEASURED_SAMPLES = 20_000
"""Of so many samples the numbers are kept for quantiles; of more, those whose keys hash lowest."""
QUANTILES = (5, 50, 95)


@dataclass
class SplitFacts:
    """What one split holds."""

    samples: int = 0
    products: set[str] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)
    frames: Counter[float] = field(default_factory=Counter)
    """Frame rate → frames of all targets together."""
    engines: Counter[str] = field(default_factory=Counter)
    difficulties: Counter[str] = field(default_factory=Counter)

    @property
    def seconds(self) -> float:
        """Length of all targets together."""
        return sum(self.frames[fps] / fps for fps in sorted(self.frames))


@dataclass(frozen=True, slots=True)
class NumberLine:
    """How one number is distributed: over how many samples, and its `QUANTILES`."""

    name: str
    samples: int
    values: tuple[float, ...]


class CardFacts:
    """Counts samples; the order in which they come does not matter.

    Args:
        preview_samples: how many samples the preview shows.
    """

    def __init__(self, preview_samples: int = 50) -> None:
        self.samples = 0
        self.number_names: set[str] = set()
        self.splits: dict[Split, SplitFacts] = {}
        self.kinds: Counter[str] = Counter()
        self.verdicts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.segmenters: Counter[str] = Counter()
        self.licences: Counter[str] = Counter()
        self.models: Counter[str] = Counter()
        self.sizes: Counter[tuple[int, int, int, float]] = Counter()
        """(width, height, frames, frame rate) → samples."""
        self.captioners: Counter[str] = Counter()
        self.judges: Counter[str] = Counter()
        self.prompts: Counter[str] = Counter()
        self.categories: Counter[str] = Counter()
        """By category of B."""
        self.reference_sources: Counter[str] = Counter()
        """Different references, by what they are."""
        self.terms: Counter[tuple[tuple[str, ...], tuple[str, ...]]] = Counter()
        """(licences, models that made or worded something) of a sample."""
        self.moving = 0
        """Samples whose A was cut out of a clip."""
        self.choice = PreviewChoice(preview_samples)
        self._numbers = _Numbers()

    def add(self, meta: SampleMeta) -> None:
        """Count one sample."""
        self.samples += 1
        self.number_names.update(meta.numbers)
        split = self.splits.setdefault(meta.split, SplitFacts())
        split.samples += 1
        split.products.update((meta.product_a, meta.product_b))
        split.sources.update(filter(None, (meta.source_id, meta.source_id_a)))
        split.frames[meta.fps] += meta.frames
        split.engines[meta.engine] += 1
        split.difficulties[meta.difficulty] += 1
        self.kinds[meta.kind] += 1
        self.verdicts[meta.verdict] += 1
        self.reasons.update(meta.reasons)
        self.segmenters[meta.segmenter] += 1
        self.licences.update(set(meta.licences))
        self.models.update(set(meta.models))
        self.captioners[meta.captioner] += 1
        self.judges[meta.judge] += 1
        self.prompts[meta.prompt] += 1
        self.categories[meta.category_b] += 1
        self.sizes[meta.width, meta.height, meta.frames, meta.fps] += 1
        self.reference_sources.update(meta.reference_source[: meta.reference_count])
        captioner = () if meta.captioner in ("", "template") else (f"{meta.captioner}@",)
        self.terms[tuple(sorted(meta.licences)), (*sorted(meta.models), *captioner)] += 1
        self.moving += bool(meta.clip_id_a)
        self.choice.add(meta)
        self._numbers.add(meta.key, meta.numbers)

    @property
    def engines(self) -> Counter[str]:
        """Engine → samples."""
        return sum((split.engines for split in self.splits.values()), Counter())

    @property
    def products(self) -> set[str]:
        """Ids of all products."""
        return set[str]().union(*(split.products for split in self.splits.values()))

    @property
    def sources(self) -> set[str]:
        """Ids of all sources."""
        return set[str]().union(*(split.sources for split in self.splits.values()))

    @property
    def seconds(self) -> float:
        """Length of all targets together."""
        return sum(self.splits[name].seconds for name in sorted(self.splits))

    def numbers(self) -> tuple[list[NumberLine], int]:
        """Quantiles of every number that was measured somewhere, by name; and of how many samples they are."""
        return self._numbers.lines()


class _Numbers:
    """Numbers of the samples whose keys hash lowest."""

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self._kept: dict[bytes, array[float]] = {}
        self._below = b"\xff" * 33

    def add(self, key: str, numbers: Mapping[str, float]) -> None:
        self._names = self._names or tuple(sorted(numbers))
        place = hashlib.sha256(f"numbers {key}".encode()).digest()
        if place >= self._below:
            return
        self._kept[place] = array("d", (numbers[name] for name in self._names))
        if len(self._kept) >= 2 * MEASURED_SAMPLES:
            self._below = sorted(self._kept)[MEASURED_SAMPLES]
            self._kept = {place: row for place, row in self._kept.items() if place < self._below}

    def lines(self) -> tuple[list[NumberLine], int]:
        places = sorted(self._kept)[:MEASURED_SAMPLES]
        if not places:
            return [], 0
        table = np.stack([np.asarray(self._kept[place]) for place in places])
        made = []
        for column, name in enumerate(self._names):
            values = np.sort(table[:, column][table[:, column] != NOT_MEASURED])
            if len(values):
                found = np.percentile(values, QUANTILES)
                made.append(NumberLine(name, len(values), tuple(float(value) for value in found)))
        return made, len(places)
