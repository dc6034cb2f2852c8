"""What the head of a version's card says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from pvtt_data.errors import DatasetError
from pvtt_data.shards.format import CARD_FILE


def card_licence(dataset: Path) -> str:
    """The ``license`` of the card's head; empty if it has none.

    Raises:
        DatasetError: there is no card.
    """
    try:
        head = (dataset / CARD_FILE).read_text(encoding="utf-8").split("---\n")
    except (OSError, ValueError) as error:
        raise DatasetError(f"{dataset.name} has no {CARD_FILE} that can be read") from error
    try:
        facts: Any = yaml.safe_load(head[1]) if len(head) > 2 and not head[0] else None
    except yaml.YAMLError:
        facts = None
    return str(facts.get("license") or "") if isinstance(facts, dict) else ""
