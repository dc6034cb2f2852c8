"""Recipe files: YAML with includes, variables and overrides, checked against a pydantic model.

Nothing here knows what a recipe contains. A recipe is read into a tree that remembers lines, included files and
overrides are merged into it, variables and paths are resolved, and the model validates the result. Everything
wrong on the way is collected and raised once.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pvtt_data.errors import RecipeError
from pvtt_data.recipe_errors import problems_of_model
from pvtt_data.recipe_shape import INCLUDE_KEY, Schemas, Shape, listed, recipe_schema
from pvtt_data.recipe_yaml import (
    MAX_DEPTH,
    MAX_TEXT_BYTES,
    Entry,
    KeyPath,
    ListNode,
    MapNode,
    Node,
    Place,
    Problem,
    Scalar,
    UnusableTextError,
    dotted,
    parse_yaml,
    shortened,
    shown,
)

__all__ = ["load_recipe", "recipe_schema"]

M = TypeVar("M", bound=BaseModel)

MAX_INCLUDE_DEPTH = 16
_SHOWN_OVERRIDE_CHARS = 120


def load_recipe(path: Path, model: type[M], overrides: Sequence[str] = ()) -> M:
    """Reads a recipe file and checks it against `model`.

    - ``include:`` at the top names one file or several, relative to the including file. They are merged in order;
      later files and the file's own keys win; mappings merge, everything else is replaced.
    - ``${NAME}`` and ``${NAME:-default}`` in text are replaced by environment variables (the default stands in for
      an unset or empty one); ``$$`` is a dollar sign.
    - In fields that hold paths, ``~`` at the beginning is the home folder, and relative paths are relative to the
      file that they are written in.
    - Plain numbers in fields that take only text are read as the text that was written.

    Args:
        path: the recipe file.
        model: the recipe's model; unknown keys are refused wherever the model has ``extra="forbid"``.
        overrides: texts such as ``filter.max_blur=3`` or ``sources[0].folder=~/clips``, applied in order after all
            files. The value is a YAML scalar or flow value; relative paths are relative to the current folder.

    Raises:
        RecipeError: the recipe cannot be used; the text has one line for each problem, with file, line, column,
            key path, value and what was expected.
    """
    shape = Shape.of(model)
    loading = _Loading(shape, path)
    tree = loading.tree(overrides)
    values = loading.values(tree, shape.root, ())
    result: M | None = None
    try:
        result = model.model_validate(values)
    except ValidationError as error:
        loading.add_model_errors(error.errors(include_url=False, include_input=False), tree)
    if result is None or loading.problems:
        raise loading.error()
    return result


class _Loading:
    """One recipe on its way from files to values, and the problems found so far."""

    def __init__(self, shape: Shape, path: Path) -> None:
        self.problems: list[Problem] = []
        self._shape = shape
        self._path = path
        self._sources: list[str] = []
        self._included: dict[Path, MapNode] = {}
        self._explained: set[tuple[KeyPath, Place]] = set()
        self._is_complete = True

    def error(self) -> RecipeError:
        """All problems, in the order of the files and of the lines in them."""
        rank = {source: number for number, source in reversed(list(enumerate(self._sources)))}
        ordered = sorted(self.problems, key=lambda each: (rank[each.place.source], each.place.line, each.place.column))
        return RecipeError("\n".join(dict.fromkeys(str(problem) for problem in ordered)))

    def add_model_errors(self, errors: Iterable[ErrorDetails], tree: MapNode) -> None:
        """Adds what the model found, less what follows from problems known already."""
        found = problems_of_model(errors, tree, self._shape, is_complete=self._is_complete)
        self.problems += [each for each in found if (each.path, each.place) not in self._explained]

    def tree(self, overrides: Sequence[str]) -> MapNode:
        """The recipe with its includes and overrides; raises if the recipe file itself yields nothing."""
        name = str(self._path)
        try:
            found = self._file(self._path, name, Problem(Place(name, Path()), (), ""), ())
        except UnusableTextError as unusable:
            self.problems.append(unusable.problem)
            raise self.error() from None
        for text in overrides:
            found = self._overridden(found, text)
        return found

    def _file(self, path: Path, name: str, asked: Problem, chain: tuple[Path, ...]) -> MapNode:
        """One file with what it includes.

        Args:
            path: the file.
            name: the file as shown to the user.
            asked: a problem without a message, at the place that asks for the file.
            chain: resolved paths of the files that are being read, outermost first.
        """
        if not chain:
            self._sources.append(name)
        identity, text = _read(path, asked)
        if identity in chain:
            circle = " → ".join(each.name for each in (*chain[chain.index(identity) :], identity))
            raise UnusableTextError(replace(asked, message=f"files include each other in a circle: {circle}"))
        if len(chain) > MAX_INCLUDE_DEPTH:
            message = f"more than {MAX_INCLUDE_DEPTH} files include one another"
            raise UnusableTextError(replace(asked, message=message))
        if identity in self._included:
            return self._included[identity]
        if name not in self._sources:
            self._sources.append(name)
        start = Place(name, _without_dots(Path.cwd() / path.parent), 1, 1)
        found_before = len(self.problems)
        root = parse_yaml(_decoded(text, start), start, self.problems)
        self._explained |= {(each.path, each.place) for each in self.problems[found_before:]}
        if not isinstance(root, MapNode):
            what = "the file is empty" if root is None else f"the file holds {shown(root)}"
            keys = listed(self._shape.keys(self._shape.root, MapNode({}, start)))
            raise UnusableTextError(Problem(start, (), f"{what}; expected a mapping with the keys {keys}"))
        own = MapNode({key: entry for key, entry in root.entries.items() if key != INCLUDE_KEY}, root.place)
        merged = MapNode({}, root.place)
        if INCLUDE_KEY in root.entries:
            for each in self._includes(root.entries[INCLUDE_KEY], path, name, (*chain, identity)):
                merged = _merged(merged, each)
        self._included[identity] = _merged(merged, own)
        return self._included[identity]

    def _includes(self, entry: Entry, path: Path, name: str, chain: tuple[Path, ...]) -> Iterator[MapNode]:
        is_list = isinstance(entry.node, ListNode)
        wanted = entry.node.items if isinstance(entry.node, ListNode) else (entry.node,)
        for number, node in enumerate(wanted):
            asked = Problem(node.place, (INCLUDE_KEY, number) if is_list else (INCLUDE_KEY,), "", shown(node))
            try:
                if not isinstance(node, Scalar) or not isinstance(node.value, str):
                    message = "expected the path of a recipe file, or a list of paths"
                    raise UnusableTextError(replace(asked, message=message))
                text = _without_variables(node.value, asked)
                target = _absolute_path(text, asked)
                shown_name = os.path.normpath(Path(name).parent / _home_expanded(text, asked))
                yield self._file(target, shown_name, asked, chain)
            except UnusableTextError as unusable:
                self.problems.append(unusable.problem)
                self._is_complete = False

    def values(self, node: Node, schemas: Schemas, path: KeyPath) -> Any:
        """Plain values for the model: variables replaced, paths absolute."""
        if isinstance(node, MapNode):
            return {
                key: self.values(entry.node, self._shape.child(schemas, node, key), (*path, key))
                for key, entry in node.entries.items()
            }
        if isinstance(node, ListNode):
            return [
                self.values(item, self._shape.child(schemas, node, number), (*path, number))
                for number, item in enumerate(node.items)
            ]
        try:
            return self._scalar(node, schemas, Problem(node.place, path, "", shown(node)))
        except UnusableTextError as unusable:
            self.problems.append(unusable.problem)
            self._explained.add((path, node.place))
            return None

    def _scalar(self, scalar: Scalar, schemas: Schemas, asked: Problem) -> str | int | float | bool | Path | None:
        value = scalar.value
        takes_numbers = self._shape.allows_type(schemas, "integer", "number")
        if isinstance(value, bool):
            if takes_numbers and not self._shape.allows_type(schemas, "boolean"):
                # Python counts True as 1, and so would the model.
                raise UnusableTextError(replace(asked, message=f"expected {self._shape.describe(schemas)}"))
            return value
        if isinstance(value, float) and math.isnan(value) and takes_numbers:
            raise UnusableTextError(replace(asked, message="expected a number; .nan is none"))
        is_text = self._shape.allows_type(schemas, "string")
        if isinstance(value, int | float) and is_text and not takes_numbers:
            value = scalar.text
        if not isinstance(value, str):
            return value
        text = _without_variables(value, asked)
        return _absolute_path(text, asked) if self._shape.is_path(schemas, text) else text

    def _overridden(self, tree: MapNode, text: str) -> MapNode:
        source = f"--set {shortened(text, _SHOWN_OVERRIDE_CHARS)}"
        self._sources.append(source)
        place = Place(source, Path.cwd())
        try:
            names, written = _split_override(text, place)
            place = replace(place, names=names)
            value = _override_value(written, Problem(place, names, ""), self.problems)
            changed = self._replaced(tree, self._shape.root, names, 0, value, Problem(place, names, ""))
        except UnusableTextError as unusable:
            self.problems.append(unusable.problem)
            return tree
        assert isinstance(changed, MapNode)
        return changed

    def _replaced(
        self, node: Node | None, schemas: Schemas, names: KeyPath, depth: int, value: Node, asked: Problem
    ) -> Node:
        """`node` with `value` at the place that ``names[depth:]`` leads to."""
        if depth == len(names):
            return value
        step, here = names[depth], f"'{dotted(names[:depth])}'"
        if isinstance(step, int):
            if not isinstance(node, ListNode) or step >= len(node.items):
                count = len(node.items) if isinstance(node, ListNode) else 0
                held = f"holds {count}, counted from 0" if count else "holds no items"
                raise UnusableTextError(replace(asked, message=f"no item [{step}]: {here} {held}"))
            below = self._shape.child(schemas, node, step)
            item = self._replaced(node.items[step], below, names, depth + 1, value, asked)
            return ListNode((*node.items[:step], item, *node.items[step + 1 :]), node.place)
        if isinstance(node, ListNode) or not self._shape.allows_mapping(schemas):
            held = f"holds {shown(node)}" if node is not None else f"takes {self._shape.describe(schemas)}"
            message = f"no key '{step}' can be set: {here} {held}, not a mapping"
            raise UnusableTextError(replace(asked, message=message))
        holder = node if isinstance(node, MapNode) else MapNode({}, asked.place)
        old = holder.entries.get(step)
        below = self._shape.child(schemas, holder, step)
        new = self._replaced(old.node if old else None, below, names, depth + 1, value, asked)
        is_new_place = old is None or depth + 1 == len(names)
        key_place = asked.place if is_new_place or old is None else old.key_place
        return MapNode({**holder.entries, step: Entry(key_place, new)}, holder.place)


def _read(path: Path, asked: Problem) -> tuple[Path, bytes]:
    """The file's resolved path and content."""
    try:
        identity = path.resolve()
        if not path.is_file():
            message = "a folder, not a recipe file" if path.is_dir() else f"no such file: {path}"
            raise UnusableTextError(replace(asked, message=message))
        with path.open("rb") as file:
            content = file.read(MAX_TEXT_BYTES + 1)
    except (OSError, RuntimeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UnusableTextError(replace(asked, message=f"cannot be read: {reason}")) from None
    if len(content) > MAX_TEXT_BYTES:
        message = f"larger than {MAX_TEXT_BYTES} bytes: this is no recipe"
        raise UnusableTextError(replace(asked, message=message))
    return identity, content


def _decoded(content: bytes, start: Place) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = 1 + before.count(b"\n")
        place = replace(start, line=line, column=error.start - before.rfind(b"\n"))
        message = f"byte 0x{content[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise UnusableTextError(Problem(place, (), message)) from None


def _merged(base: MapNode, top: MapNode) -> MapNode:
    """`base` with the keys of `top`; where both hold mappings, these are merged too."""
    entries = dict(base.entries)
    for key, entry in top.entries.items():
        below = entries[key].node if key in entries else None
        if isinstance(below, MapNode) and isinstance(entry.node, MapNode):
            entry = Entry(entry.key_place, _merged(below, entry.node))
        entries[key] = entry
    return MapNode(entries, top.place)


_VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<inside>[^}]*)\}|(?P<unclosed>\{))")
_VARIABLE_INSIDE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.DOTALL)


def _without_variables(text: str, asked: Problem) -> str:
    """`text` with environment variables put in; raises `asked` with the reason if one cannot be."""
    complaints: list[str] = []

    def value(match: re.Match[str]) -> str:
        if match["dollar"]:
            return "$"
        variable = _VARIABLE_INSIDE.fullmatch(match["inside"] or "")
        if variable is None:
            complaints.append(f"{shortened(match[0])} is no variable; write ${{NAME}}, or $$ for a dollar sign")
            return ""
        name, default = variable["name"], variable["default"]
        found = os.environ.get(name)
        if default is not None:
            return found or str(default)
        if found is None:
            complaints.append(f"the environment variable {name} is not set; set it or write ${{{name}:-default}}")
        return found or ""

    replaced = _VARIABLE.sub(value, text)
    if complaints:
        raise UnusableTextError(replace(asked, message="; ".join(dict.fromkeys(complaints))))
    return replaced


def _home_expanded(text: str, asked: Problem) -> str:
    try:
        expanded = str(Path(text).expanduser()) if text.startswith("~") else text
    except (RuntimeError, ValueError):
        message = f"the home folder of {text.partition('/')[0]} is not known; write ./~ for a name with a tilde"
        raise UnusableTextError(replace(asked, message=message)) from None
    return expanded


def _absolute_path(text: str, asked: Problem) -> Path:
    """A path as written, made absolute with the folder of the file that it is written in."""
    if not text.strip():
        raise UnusableTextError(replace(asked, message="expected a path, the text is empty"))
    if "\0" in text:
        raise UnusableTextError(replace(asked, message="expected a path; it cannot hold the character NUL"))
    if "://" in text:
        raise UnusableTextError(replace(asked, message="expected a path on this machine, not an address"))
    path = Path(_home_expanded(text, asked))
    return path if path.is_absolute() else _without_dots(asked.place.folder / path)


def _without_dots(path: Path) -> Path:
    """The same place without ``..``; links stay as they are unless ``..`` follows them."""
    if ".." not in path.parts:
        return path
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        return path


_OVERRIDE_STEP = re.compile(r'\[(?P<index>[0-9]{1,6})\]|(?P<dot>\.?)(?:"(?P<quoted>[^"]*)"|(?P<key>[^\s.\[\]="]+))')
_OVERRIDE_FORM = "expected KEY=VALUE, such as filter.max_blur=3 or sources[0].folder=clips"


def _split_override(text: str, place: Place) -> tuple[KeyPath, str]:
    names: list[str | int] = []
    position = 0
    while match := _OVERRIDE_STEP.match(text, position):
        if match["index"] is not None:
            names.append(int(match["index"]))
        elif bool(match["dot"]) == bool(names):
            names.append(match["key"] if match["quoted"] is None else match["quoted"])
        else:
            break
        position = match.end()
    rest = text[position:].lstrip()
    if not names or isinstance(names[0], int) or len(names) > MAX_DEPTH or not rest.startswith("="):
        raise UnusableTextError(Problem(place, (), _OVERRIDE_FORM))
    if names[0] == INCLUDE_KEY:
        raise UnusableTextError(Problem(place, (), f"'{INCLUDE_KEY}' works in recipe files only"))
    return tuple(names), rest[1:]


def _override_value(text: str, asked: Problem, problems: list[Problem]) -> Node:
    """The value of an override; unlike in a file, nothing of the text may be dropped as a comment."""
    written = text.strip()
    value = parse_yaml(written, asked.place, problems)
    if value is None:
        raise UnusableTextError(replace(asked, message='no value after "="; write null, or text in quotes'))
    is_plain = written[:1] not in ("[", "{", '"', "'", "&", "!")
    if is_plain and not (isinstance(value, Scalar) and value.text == written):
        message = "the value is not one YAML value; write text in quotes, lists as [a, b], mappings as {a: b}"
        raise UnusableTextError(replace(asked, message=message))
    return value
