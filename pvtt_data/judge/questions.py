"""What the judge is asked of a triple, and the strict reading of what it answers."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from pvtt_data.vlm.prompt_file import PromptFile, read_prompt

Reply = Literal["yes", "no", "unsure"]

PROMPT_STEM = "triple-1"

REASONS = {
    "target_shows_b": "judge-wrong-product",
    "source_shows_other": "judge-same-product",
    "leftovers": "judge-leftovers",
    "floating": "judge-floating",
    "wrong_scale": "judge-wrong-scale",
    "cut": "judge-cut",
    "hands_wrong": "judge-hands-wrong",
    "text_overlay": "judge-text-overlay",
}
"""Question → the reason of a triple that is dropped or flagged for its answer."""

_FENCE = re.compile(r"\A```(?:json)?\s*\n(.*)\n\s*```\Z", re.DOTALL)


class Opinion(BaseModel):
    """The JSON object that the prompt asks for: every key, no other, nothing but the words that it allows."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    target_shows_b: Reply
    source_shows_other: Reply
    leftovers: Reply
    floating: Reply
    wrong_scale: Reply
    cut: Reply
    hands_wrong: Reply
    text_overlay: Reply
    note: Annotated[str, StringConstraints(max_length=1000)] = ""


def triple_prompt() -> PromptFile:
    """The prompt that triples are judged with."""
    return read_prompt("pvtt_data.judge", PROMPT_STEM)


def read_opinion(text: str) -> dict[str, str] | None:
    """Question → reply; None if the text is anything but the object that was asked for.

    White space around it and one code fence are forgiven; a word before it, a key too many or twice are not.
    """
    body = text.strip()
    fenced = _FENCE.match(body)
    try:
        plain = json.loads(fenced[1] if fenced else body, object_pairs_hook=_no_key_twice)
        opinion = Opinion.model_validate(plain)
    except (ValidationError, ValueError, RecursionError):
        return None
    return {question: getattr(opinion, question) for question in REASONS}


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands there twice")
    return found
