"""Prompts are files of the package: ``NAME-VERSION.txt``, the system's part and the question, parted by a line ``---``.

A prompt is named by its file's stem and its digest, so that a file that was changed without a new number asks anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from pvtt_data.vlm.contact import SHEET_VERSION

_BREAK = "\n---\n"
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class PromptFile:
    """A prompt.

    Attributes:
        name: stem, digest and version of the contact sheets, as answers are kept under.
        system: what the model is told to be.
        question: what it is asked; `filled` puts data into it.
    """

    name: str
    system: str
    question: str

    def filled(self, data: Mapping[str, str]) -> str:
        """The question with texts from outside in the place of ``{{data}}``: as one line of JSON, so that no text can
        end the quotation or begin a line of its own."""
        # Angle brackets and backticks would let a text look like the marks around the data.
        line = json.dumps(dict(data), ensure_ascii=False, sort_keys=True)
        for mark in "<>`":
            line = line.replace(mark, f"\\u{ord(mark):04x}")
        return self.question.replace("{{data}}", line)


def read_prompt(package: str, stem: str) -> PromptFile:
    """A prompt of a package's folder ``prompts``."""
    text = resources.files(package).joinpath("prompts", f"{stem}.txt").read_text(encoding="utf-8")
    system, _, question = text.strip().partition(_BREAK)
    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
    return PromptFile(f"{stem}@{digest}+sheets-{SHEET_VERSION}", system.strip(), question.strip())
