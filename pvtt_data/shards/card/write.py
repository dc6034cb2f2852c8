"""Writes what presents a version: the last files before its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pvtt_data.errors import BuildError
from pvtt_data.files import sha256_file, write_whole
from pvtt_data.records import Split
from pvtt_data.shards.card.config import CardConfig
from pvtt_data.shards.card.croissant import croissant_bytes
from pvtt_data.shards.card.facts import CardFacts
from pvtt_data.shards.card.facts_table import write_facts
from pvtt_data.shards.card.page import card_text, licences_text
from pvtt_data.shards.card.parts import CardParts
from pvtt_data.shards.card.preview import samples_at, write_preview, write_strip
from pvtt_data.shards.card.tables import BuildFacts
from pvtt_data.shards.card.terms import TermsFacts
from pvtt_data.shards.card.words import STAGES
from pvtt_data.shards.format import (
    CARD_FILE,
    CHINESE_CARD_FILE,
    CROISSANT_FILE,
    INDEX_FILE,
    LICENCES_FILE,
    PREVIEW_FILE,
    STRIP_FILE,
)
from pvtt_data.shards.manifest import FileEntry, ShardEntry, SplitCounts


def card_config(recipe: Mapping[str, Any]) -> CardConfig:
    """What the recipe of a version says about its page; the defaults where it says nothing.

    Raises:
        BuildError: it says something that is not understood.
    """
    try:
        return CardConfig.model_validate(recipe.get("card", {}), strict=False)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in ("card", *first["loc"]))
        raise BuildError(f"the recipe's {where} is not understood: {first['msg']}") from error


def write_card(
    dataset: Path,
    *,
    name: str,
    licence: str,
    config: CardConfig,
    recipe: Mapping[str, Any],
    tools: Mapping[str, str],
    weights: Mapping[str, str],
    counts: Mapping[Split, SplitCounts],
    shards: Mapping[str, ShardEntry],
    tables: Mapping[str, FileEntry],
    reference_count: int,
    heldout_count: int,
    facts: CardFacts,
) -> dict[str, FileEntry]:
    """Write the card in two languages, licences and credits, the preview and Croissant.

    Args:
        dataset: folder of the version, with its tars, index and tables.
        licence: the card's ``license``, an identifier that the Hub knows.

    Returns:
        The index and every file that was written, by path.
    """
    previewed, chosen = facts.choice.preview_keys(), facts.choice.strip_keys()
    shown = samples_at(dataset, list(dict.fromkeys((*previewed, *chosen))))
    preview = write_preview(dataset / PREVIEW_FILE, [shown[key] for key in previewed])
    pictured = write_strip(dataset / STRIP_FILE, [shown[key] for key in chosen])
    files = {INDEX_FILE: entry_of(dataset / INDEX_FILE)}
    pictures = [name for name in (PREVIEW_FILE, STRIP_FILE) if (dataset / name).is_file()]
    tables_of_facts = write_facts(dataset, list(counts), sorted(facts.number_names))
    files |= {name: entry_of(dataset / name) for name in (*pictures, *tables_of_facts)}
    parts = CardParts(
        name=name,
        config=config,
        licence=licence,
        recipe=recipe,
        tools=tools,
        weights=weights,
        reference_count=reference_count,
        heldout_count=heldout_count,
        counts=counts,
        shards=shards,
        tables=tables,
        files=dict(files),
        facts=facts,
        build=BuildFacts.read(dataset / "tables", facts.sources, facts.products, STAGES),
        terms=TermsFacts.of(facts, recipe, weights),
        preview=preview,
        pictured=pictured,
    )
    for path, content in (
        (CARD_FILE, card_text(parts, "en").encode()),
        (CHINESE_CARD_FILE, card_text(parts, "zh").encode()),
        (LICENCES_FILE, licences_text(parts).encode()),
        (CROISSANT_FILE, croissant_bytes(parts)),
    ):
        write_whole(dataset / path, content)
        files[path] = entry_of(dataset / path)
    return files


def entry_of(path: Path) -> FileEntry:
    """Hash and size of a file."""
    return FileEntry(sha256=sha256_file(path), bytes=path.stat().st_size)
