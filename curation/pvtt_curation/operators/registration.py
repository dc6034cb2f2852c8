"""All that the plugin brings to the app."""

from __future__ import annotations

from typing import Any

from pvtt_curation.operators.compare import Compare
from pvtt_curation.operators.hotkeys import HotkeysOn
from pvtt_curation.operators.panel import ReviewPanel
from pvtt_curation.operators.relabel import Relabel
from pvtt_curation.operators.resegment import Resegment
from pvtt_curation.operators.undo import Undo
from pvtt_curation.operators.verdicts import Accept, Flag, Reject

OPERATORS = (Accept, Reject, Flag, Undo, Resegment, Relabel, Compare, HotkeysOn, ReviewPanel)


def register(plugin: Any) -> None:
    """Hand operators and panel to FiftyOne."""
    for operator in OPERATORS:
        plugin.register(operator)
