"""YAML text to a tree of values that remember where they were written.

The tree is built from PyYAML's event stream, so no tag is ever constructed. Scalars follow the core schema of
YAML 1.2 (section 10.3.2): only ``true`` and ``false`` are booleans; ``on``, ``yes``, ``16:9``, ``480x848`` and
``2024-01-01`` are text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import yaml

from pvtt_data.words import printable

MAX_TEXT_BYTES = 1 << 20
MAX_DEPTH = 40
MAX_NODES = 20_000
SHOWN_CHARS = 60

KeyPath: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key or value was written.

    Attributes:
        source: file name as shown to the user, or the whole override such as ``--set filter.max_blur=3``.
        folder: absolute folder that relative paths written here are relative to.
        line: 1 for the first line; 0 if the source has no lines (an override).
        column: 1 for the first character; 0 if unknown.
        names: for an override, the key path that `source` already spells out.
    """

    source: str
    folder: Path
    line: int = 0
    column: int = 0
    names: KeyPath | None = None

    def __str__(self) -> str:
        return ":".join([self.source, *(str(number) for number in (self.line, self.column) if number)])


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value; `text` is what stands in the file, without quotes."""

    value: str | int | float | bool | None
    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class ListNode:
    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class MapNode:
    entries: dict[str, Entry]
    place: Place


@dataclass(frozen=True, slots=True)
class Entry:
    """A value of a mapping, and where its key was written."""

    key_place: Place
    node: Node


Node: TypeAlias = Scalar | ListNode | MapNode


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a recipe; `str` gives the line that the user reads."""

    place: Place
    path: KeyPath
    message: str
    value: str | None = None

    def __str__(self) -> str:
        if not self.path or self.path == self.place.names:
            subject = ""
        else:
            subject = "  " + dotted(self.path)
            if self.value is not None:
                subject += f" = {self.value}"
        return printable(f"{self.place}{subject} — {self.message}", spaces=False)


class UnusableTextError(Exception):
    """A file or text yields no tree at all; `problem` says where and why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def shortened(text: str, limit: int = SHOWN_CHARS) -> str:
    """`text` on one line, cut to `limit` characters."""
    line = printable(" ".join(text.split("\n")), spaces=False)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def dotted(path: KeyPath) -> str:
    """A key path as people write it: ``sources[1].folder``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            plain = re.fullmatch(r'[^\s.\[\]="]+', step) is not None
            text += ("." if text else "") + (step if plain else json.dumps(step, ensure_ascii=False))
    return text


def shown(node: Node) -> str:
    """A value as written, on one line, cut to 60 characters; text stands in double quotes."""
    return shortened("".join(_fragments(node, SHOWN_CHARS)))


def _fragments(node: Node, budget: int) -> Iterator[str]:
    if isinstance(node, Scalar):
        is_text = isinstance(node.value, str)
        yield json.dumps(node.value, ensure_ascii=False) if is_text else node.text or "null"
        return
    opening, closing = ("[", "]") if isinstance(node, ListNode) else ("{", "}")
    length = 1
    yield opening
    children: list[tuple[str, Node]] = (
        [("", item) for item in node.items]
        if isinstance(node, ListNode)
        else [(f"{key}: ", entry.node) for key, entry in node.entries.items()]
    )
    for number, (label, child) in enumerate(children):
        if length > budget:
            break
        piece = (", " if number else "") + label + "".join(_fragments(child, budget - length))
        length += len(piece)
        yield piece
    yield closing


_CORE_INT = re.compile(r"[-+]?[0-9]+")
_CORE_OCTAL = re.compile(r"0o[0-7]+")
_CORE_HEX = re.compile(r"0x[0-9a-fA-F]+")
_CORE_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_CORE_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_CORE_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_LONGEST_INT = 4000


def core_scalar(text: str) -> str | int | float | bool | None:
    """The value of an unquoted scalar under the core schema of YAML 1.2."""
    if text in _CORE_WORDS:
        return _CORE_WORDS[text]
    if len(text) <= _LONGEST_INT:
        if _CORE_INT.fullmatch(text):
            return int(text)
        if _CORE_OCTAL.fullmatch(text):
            return int(text[2:], 8)
        if _CORE_HEX.fullmatch(text):
            return int(text[2:], 16)
        if _CORE_FLOAT.fullmatch(text):
            return float(text)
        if _CORE_NOT_FINITE.fullmatch(text):
            return float(text.replace(".", ""))
    return text


def parse_yaml(text: str, start: Place, problems: list[Problem]) -> Node | None:
    """Builds the tree of one YAML document.

    Args:
        text: the whole document.
        start: place of the text's first character; lines are counted from it unless it has none.
        problems: gets duplicate keys (the tree has the first), keys that are not text (the tree has their text),
            tags (the tree ignores them) and further documents.

    Returns:
        The tree, or None if the text holds nothing but comments.

    Raises:
        UnusableTextError: syntax error, undefined or self-containing alias, too deep, or too many values.
    """
    return _TreeBuilder(text, start, problems).build()


class _TreeBuilder:
    """Consumes parser events; an alias yields the anchored node again, and counts as often as it is used."""

    def __init__(self, text: str, start: Place, problems: list[Problem]) -> None:
        self._text = text
        self._start = start
        self._problems = problems
        self._last = start
        self._nodes = 0
        self._anchors: dict[str, tuple[Node, int, int]] = {}
        self._open_anchors: set[str] = set()

    def build(self) -> Node | None:
        try:
            self._events = yaml.parse(self._text, Loader=yaml.SafeLoader)
            return self._document()
        except yaml.reader.ReaderError as error:
            before = self._text[: error.position]
            place = self._at_line(before.count("\n"), len(before) - before.rfind("\n") - 1)
            raise self._unreadable(place, f"character U+{error.character:04X} is not allowed in YAML") from None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            place = self._last if mark is None else self._at_line(mark.line, mark.column)
            raise self._unreadable(place, _syntax_message(error)) from None
        except (ValueError, OverflowError):
            # PyYAML lets the error of `chr` through when an escape such as "\\UFFFFFFFF" names no character.
            message = "an escape sequence after this place names no character"
            raise self._unreadable(self._last, message) from None

    def _document(self) -> Node | None:
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        root = self._node(next(self._events), (), 0)
        next(self._events)
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            message = "a second YAML document begins here; expected one document"
            self._problems.append(Problem(self._place(after), (), message))
        if isinstance(root, Scalar) and root.value is None and not root.text:
            return None
        return root

    def _node(self, event: yaml.Event, path: KeyPath, depth: int) -> Node:
        self._last = place = self._place(event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor or "", place, path, depth)
        if depth > MAX_DEPTH:
            raise self._unreadable(place, f"more than {MAX_DEPTH} levels of nesting")
        self._count(1, place)
        assert isinstance(event, yaml.NodeEvent)
        anchor: str | None = event.anchor
        first = self._nodes
        if anchor is not None:
            self._open_anchors.add(anchor)
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            node = Scalar(self._scalar(event, path), event.value, place)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._refuse_tag(event.tag, place, path)
            node = self._list(place, path, depth)
        else:
            assert isinstance(event, yaml.MappingStartEvent)
            self._refuse_tag(event.tag, place, path)
            node = self._mapping(place, path, depth)
        if anchor is not None:
            self._open_anchors.discard(anchor)
            self._anchors[anchor] = (node, self._nodes - first + 1, _height(node))
        return node

    def _alias(self, anchor: str, place: Place, path: KeyPath, depth: int) -> Node:
        if anchor in self._open_anchors:
            raise self._unreadable(place, f"alias *{anchor} stands inside the value that it repeats", path)
        if anchor not in self._anchors:
            raise self._unreadable(place, f"alias *{anchor} has no anchor &{anchor} before it", path)
        node, size, height = self._anchors[anchor]
        if depth + height > MAX_DEPTH:
            raise self._unreadable(place, f"more than {MAX_DEPTH} levels of nesting", path)
        self._count(size, place)
        return node

    def _list(self, place: Place, path: KeyPath, depth: int) -> ListNode:
        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, (*path, len(items)), depth + 1))
        return ListNode(tuple(items), place)

    def _mapping(self, place: Place, path: KeyPath, depth: int) -> MapNode:
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key_place = self._place(event)
            key, complaint = self._key(event, path, depth)
            value_path = (*path, key)
            value = self._node(next(self._events), value_path, depth + 1)
            if complaint is None and key in entries:
                first = entries[key].key_place
                complaint = "the key is given twice" + (f"; line {first.line} has it already" if first.line else "")
            if complaint is not None:
                self._problems.append(Problem(key_place, value_path, complaint, shown(value)))
            entries.setdefault(key, Entry(key_place, value))
        return MapNode(entries, place)

    def _key(self, event: yaml.Event, path: KeyPath, depth: int) -> tuple[str, str | None]:
        """The key, and what is wrong with it."""
        if not isinstance(event, yaml.ScalarEvent):
            name = f"*{event.anchor}" if isinstance(event, yaml.AliasEvent) else "?"
            self._node(event, (*path, name), depth + 1)
            return name, "expected text as the key, not an alias, a list or a mapping"
        key = self._scalar(event, (*path, event.value))
        if key == "<<" and event.implicit[0]:
            return "<<", "merge keys are not part of YAML 1.2; repeat the keys or use 'include'"
        if isinstance(key, str):
            return key, None
        return event.value, f'expected text as the key; write it in quotes: "{event.value}"'

    def _scalar(self, event: yaml.ScalarEvent, path: KeyPath) -> str | int | float | bool | None:
        if event.tag in (None, "!"):
            return core_scalar(event.value) if event.implicit[0] else event.value
        self._refuse_tag(event.tag, self._place(event), path)
        return event.value

    def _refuse_tag(self, tag: str | None, place: Place, path: KeyPath) -> None:
        if tag not in (None, "!", *_HARMLESS_TAGS):
            message = f"the tag {shortened(tag or '')} is not allowed; write the plain value"
            self._problems.append(Problem(place, path, message))

    def _count(self, nodes: int, place: Place) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise self._unreadable(place, f"more than {MAX_NODES} values, counting repeated aliases")

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return self._last if mark is None else self._at_line(mark.line, mark.column)

    def _at_line(self, line: int, column: int) -> Place:
        start = self._start
        if not start.line:
            return start
        return Place(start.source, start.folder, start.line + line, column + 1)

    def _unreadable(self, place: Place, message: str, path: KeyPath = ()) -> UnusableTextError:
        return UnusableTextError(Problem(place, path, message))


_HARMLESS_TAGS = tuple(f"tag:yaml.org,2002:{name}" for name in ("str", "map", "seq"))

_SYNTAX_HINTS = (
    ("mapping values are not allowed here", "text that contains ': ' needs quotes"),
    ("'\\t' that cannot start", "indent with spaces, not tabs"),
    ("cannot start any token", "text that begins with this character needs quotes"),
    ("found '<block mapping start>'", "the indentation differs from the lines above"),
    ("found '<block sequence start>'", "the indentation differs from the lines above"),
    ("found '<scalar>'", "a quote may end too early"),
    ("but got '{'", "inside [ ] and { } text with ${NAME} needs quotes"),
    ("could not find expected ':'", "a key needs ': ' and a value"),
)


def _syntax_message(error: yaml.MarkedYAMLError) -> str:
    problem = ": ".join(part for part in (error.context, error.problem) if part)
    hints = [hint for words, hint in _SYNTAX_HINTS if words in problem]
    begun = error.context_mark
    since = f" (begun in line {begun.line + 1})" if begun and begun is not error.problem_mark else ""
    return f"YAML syntax error: {problem}{since}" + "".join(f"; {hint}" for hint in hints)


def _height(node: Node) -> int:
    if isinstance(node, Scalar):
        return 0
    children = node.items if isinstance(node, ListNode) else [entry.node for entry in node.entries.values()]
    return 1 + max((_height(child) for child in children), default=0)
