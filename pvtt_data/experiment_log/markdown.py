"""Text from anywhere as Markdown (GitHub's flavour) that shows exactly that text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

# Control characters, and marks that turn the direction of what follows: they would garble the text around them.
_UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_SPECIAL = re.compile(r"[\\`*\[\]<>|~&$]")
_UNDERSCORE = re.compile(r"(?<![^\W_])_+|_+(?![^\W_])")
"""Underscores inside a word mean nothing; those at its ends are emphasis."""
_LINE_START = re.compile(r"^(?=[#+=-])|^(\d{1,9})(?=[.)])")
_HEADING_END = re.compile(r"(?<=\s)#(?=#*$)")
"""Hashes behind a heading are no part of it."""
_BACKTICKS = re.compile("`+")
_SHORTEST_FENCE = 3


def text(words: str) -> str:
    """A paragraph, or several where blank lines part them."""
    lines = [_inline(line.strip()) for line in _printable(words).split("\n")]
    return "\n".join(_LINE_START.sub(lambda found: f"{found[1] or ''}\\", line) for line in lines).strip("\n")


def line(words: str) -> str:
    """Text in one line: for headings, captions and the like."""
    start = _LINE_START.sub(lambda found: f"{found[1] or ''}\\", _inline(" ".join(_printable(words).split())))
    return _HEADING_END.sub("\\\\#", start)


def cell(words: str) -> str:
    """Text in a cell of a table."""
    lines = [" ".join(part.split()) for part in _printable(words).strip().split("\n")]
    # Parsers of tables do not agree on what a backslash before a pipe means; an entity they all leave alone.
    return "<br>".join(_inline(part).replace("\\|", "&#124;") for part in lines)


def code(words: str) -> str:
    """A name or a path in a line or a cell, as code where that shows it as it is."""
    plain = bool(words) and words == words.strip() and not re.search(r"[`|\\\n]", words)
    return f"`{words}`" if plain and words == _printable(words) else cell(words)


def fenced(words: str, language: str = "") -> str:
    """A block of code that nothing in it can end."""
    content = _printable(words).strip("\n")
    longest = max((len(run) for run in _BACKTICKS.findall(content)), default=0)
    fence = "`" * max(_SHORTEST_FENCE, longest + 1)
    return f"{fence}{language}\n{content}\n{fence}"


def link(words: str, target: str) -> str:
    """A link; ``target`` is a relative path with forward slashes, or an address."""
    return f"[{line(words)}]({_target(target)})"


def image(words: str, target: str) -> str:
    """A picture with its alternative text."""
    return f"![{line(words)}]({_target(target)})"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool] = ()) -> str:
    """A table whose cells are Markdown already, made by `cell` or `code`.

    Args:
        right: which columns are aligned to the right.
    """
    rules = ["---:" if place < len(right) and right[place] else "---" for place in range(len(columns))]
    # A row of nothing but pipes could be taken for the end of the table.
    return "\n".join("| " + " | ".join(part or " " for part in row) + " |" for row in (columns, rules, *rows))


def _printable(words: str) -> str:
    lines = words.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", lines)


def _inline(words: str) -> str:
    marked = {place for found in _UNDERSCORE.finditer(words) for place in range(*found.span())}
    marked |= {found.start() for found in _SPECIAL.finditer(words)}
    return "".join(f"\\{letter}" if place in marked else letter for place, letter in enumerate(words))


def _target(target: str) -> str:
    return quote(target, safe="/:#?=&%+,;@!~.-_")
