"""Texts of feeds inside Markdown: a title with an image in it must not fetch that image."""

from __future__ import annotations

import re

_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~:&@/$^=])")
_SPACE = re.compile(r"\s+")


def plain(text: str) -> str:
    """A text of one line as Markdown that shows it as it is."""
    return _MARKUP.sub(r"\\\1", _SPACE.sub(" ", text).strip())
