"""The YAML head of the card, which `datasets` and the Hub read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from pvtt_data.records import Split
from pvtt_data.shards.card.facts import CardFacts
from pvtt_data.shards.card.features import card_features
from pvtt_data.shards.card.parts import CardParts
from pvtt_data.shards.card.preview import preview_features
from pvtt_data.shards.format import LICENCES_FILE, PREVIEW_FILE
from pvtt_data.shards.manifest import ShardEntry, SplitCounts

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_LARGEST = "1M<n<10M"
_TAGS = ("webdataset", "video", "video-editing", "video-inpainting", "object-replacement", "product-video", "vace")
_HAN, _KANA, _HANGUL, _LATIN = (
    re.compile(f"[{letters}]") for letters in ("\u4e00-\u9fff", "\u3040-\u30ff", "\uac00-\ud7af", "A-Za-z")
)
SEVERAL = "several-licences"


def head_text(parts: CardParts) -> str:
    """The head, without its two lines of dashes."""
    text: str = yaml.safe_dump(_head(parts), sort_keys=False, allow_unicode=True, width=1000)
    return text


def _head(parts: CardParts) -> dict[str, Any]:
    config, facts = parts.config, parts.facts
    head: dict[str, Any] = {"pretty_name": config.title or parts.name, "license": parts.licence}
    if parts.licence == "other":
        head["license_name"] = config.licence_name or SEVERAL
        head["license_link"] = config.licence_link or LICENCES_FILE
    people = any(row.seen for row in parts.build.judged)
    head |= {
        "language": languages(facts),
        "task_categories": ["image-to-video"],
        "size_categories": [next((text for limit, text in _SIZES if facts.samples < limit), _LARGEST)],
        "annotations_creators": ["machine-generated", *(["expert-generated"] if people else [])],
        "language_creators": ["machine-generated"],
        "source_datasets": ["original"],
        "tags": list(dict.fromkeys((*_TAGS, *(["synthetic"] if "render" in facts.engines else []), *config.tags))),
    }
    configs = [{"config_name": "default", "data_files": _data_files(parts.counts, parts.shards), "default": True}]
    infos = [_info(parts)]
    if parts.preview is not None:
        configs.append({"config_name": "preview", "data_files": [{"split": "preview", "path": PREVIEW_FILE}]})
        size = parts.preview.bytes
        infos.append(
            {
                "config_name": "preview",
                "features": preview_features(),
                "splits": [{"name": "preview", "num_bytes": size, "num_examples": parts.preview.samples}],
                "dataset_size": size,
                "download_size": size,
            }
        )
    return head | {"configs": configs, "dataset_info": infos}


def languages(facts: CardFacts) -> list[str]:
    """Languages of the prompts, by their letters: ISO 639-1, sorted."""
    found = set()
    for prompt in facts.prompts:
        if _KANA.search(prompt):
            found.add("ja")
        elif _HAN.search(prompt):
            found.add("zh")
        if _HANGUL.search(prompt):
            found.add("ko")
        if _LATIN.search(prompt):
            found.add("en")
    return sorted(found) or ["en"]


def _info(parts: CardParts) -> dict[str, Any]:
    counts = parts.counts
    size = sum(c.bytes for c in counts.values())
    return {
        "config_name": "default",
        "features": card_features(
            list(counts), parts.reference_count, parts.heldout_count, sorted(parts.facts.number_names)
        ),
        "splits": [{"name": split, "num_bytes": c.bytes, "num_examples": c.samples} for split, c in counts.items()],
        "dataset_size": size,
        "download_size": size,
    }


def _data_files(counts: Mapping[Split, SplitCounts], shards: Mapping[str, ShardEntry]) -> list[dict[str, Any]]:
    return [{"split": split, "path": _paths(split, counts[split], shards)} for split in counts]


def _paths(split: Split, counts: SplitCounts, shards: Mapping[str, ShardEntry]) -> str | list[str]:
    """A pattern; where shards are empty, the list of those that are not."""
    filled = [p for p, entry in sorted(shards.items()) if p.startswith(f"data/{split}-") and entry.samples]
    return f"data/{split}-*-of-{counts.shards:05d}.tar" if len(filled) == counts.shards else filled
