"""Everything that the files of a card are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pvtt_data.records import Split
from pvtt_data.shards.card.config import CardConfig
from pvtt_data.shards.card.facts import CardFacts
from pvtt_data.shards.card.preview import PreviewFile
from pvtt_data.shards.card.tables import BuildFacts
from pvtt_data.shards.card.terms import TermsFacts
from pvtt_data.shards.manifest import FileEntry, ShardEntry, SplitCounts


@dataclass(frozen=True, slots=True)
class CardParts:
    """What is known of a version when its card is written.

    Attributes:
        licence: what the Hub shows: an identifier that it knows, or other.
        preview: the table of pictures; None where no picture could be made.
        pictured: keys of the samples in the card's picture; empty where there is none.
        files: the index, the preview and the tables of facts.
    """

    name: str
    config: CardConfig
    licence: str
    recipe: Mapping[str, Any]
    tools: Mapping[str, str]
    weights: Mapping[str, str]
    reference_count: int
    heldout_count: int
    counts: Mapping[Split, SplitCounts]
    shards: Mapping[str, ShardEntry]
    tables: Mapping[str, FileEntry]
    files: Mapping[str, FileEntry]
    facts: CardFacts
    build: BuildFacts
    terms: TermsFacts
    preview: PreviewFile | None
    pictured: Sequence[str]

    @property
    def title(self) -> str:
        """Of the page."""
        return self.config.title or self.name

    @property
    def repository(self) -> str:
        """ORG/NAME as examples write it."""
        return self.config.repository or "ORG/NAME"
