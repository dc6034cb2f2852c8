"""Markdown out of texts that may come from a web page: nothing that is not `Safe` can become markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

_ENTITIES = {character: f"&#{ord(character)};" for character in "&<>|[]`*_~\\#$"}
_ADDRESS = re.compile(r"https?://[A-Za-z0-9][!#-;=?-Z_a-z~]*", re.ASCII)
_LONGEST = 300


class Safe(str):
    """Markdown that was made here."""

    __slots__ = ()


def escaped(value: Any) -> str:
    """Text that shows as it is: on one line, cut off after 300 characters, without markup, links and controls."""
    if isinstance(value, Safe):
        return str(value)
    flat = " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())
    if len(flat) > _LONGEST:
        flat = f"{flat[:_LONGEST]}…"
    flat = flat.replace("://", ":\u2060//").replace("www.", "www\u2060.").replace("@", "@\u2060")
    return "".join(_ENTITIES.get(character, character) for character in flat)


def paragraphs(text: str) -> Safe:
    """Plain text with its paragraphs, escaped."""
    parts = [part for part in text.replace("\r\n", "\n").split("\n\n") if part.strip()]
    return Safe("\n\n".join(" ".join(escaped(line) for line in _pieces(part)) for part in parts))


def _pieces(text: str) -> Iterable[str]:
    """Parts of a paragraph that are short enough to be escaped whole."""
    words = text.split()
    piece = ""
    for word in words:
        if piece and len(piece) + len(word) >= _LONGEST:
            yield piece
            piece = ""
        piece = f"{piece} {word}".strip()
    if piece:
        yield piece


def code(value: Any) -> Safe:
    """A name in a code span; inside one nothing but the backtick, and in tables the bar, means anything."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in str(value)).split()) or "–"
    return Safe("`" + flat.replace("`", "'").replace("|", "¦") + "`")


def link(address: str) -> Safe:
    """An http address as a link; as escaped text if it is anything else."""
    return Safe(f"<{address}>") if _ADDRESS.fullmatch(address) else Safe(escaped(address))


def contact(address: str) -> Safe:
    """An http or e-mail address as a link; its form was checked when the recipe was read."""
    return Safe(f"<{address}>")


def table(head: Sequence[Any], rows: Iterable[Sequence[Any]], numbers: int = 1) -> Safe:
    """A table whose cells are escaped.

    Args:
        numbers: how many of the last columns are set flush right.
    """
    marks = ["---"] * (len(head) - numbers) + ["---:"] * numbers
    lines = [f"| {' | '.join(escaped(cell) for cell in row)} |" for row in (head, *rows)]
    lines.insert(1, f"| {' | '.join(marks)} |")
    return Safe("\n".join(lines))
