"""What pydantic found wrong with a recipe, in the words and at the place where the user wrote it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, get_args

from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType

from pvtt_data.recipe_shape import Schemas, Shape, fixed_values, listed, pattern_of
from pvtt_data.recipe_yaml import KeyPath, ListNode, MapNode, Node, Place, Problem, Scalar, shown

_MISSING = frozenset({"missing", "union_tag_not_found"})
_SAID_BY_A_VALIDATOR = frozenset({"value_error", "assertion_error"})
_SAID_BEST_BY_PYDANTIC = frozenset({"finite_number", "int_parsing_size", "string_unicode", "string_not_ascii"})
_OF_PATHS = frozenset({"path_type", "path_not_file", "path_not_directory"})
_DESCRIBED = (frozenset(get_args(ErrorType)) | _OF_PATHS) - _SAID_BEST_BY_PYDANTIC
_NO_MEMBER = "union"
_KEY_ITSELF = "[key]"
_SIMILAR = 0.6
_VERY_SIMILAR = 0.8
_WRONG_KIND_COST = 10


class _Union(NamedTuple):
    """One union that an error's location passes through: where, which member it is about, and all members."""

    path: KeyPath
    tag: str
    schemas: Schemas


@dataclass(frozen=True, slots=True)
class _Located:
    """A pydantic error and the value that it is about.

    Attributes:
        kind: pydantic's error type, or `_NO_MEMBER`, or `_KEY_ITSELF` if the key is wrong and not the value.
        message: pydantic's text.
        context: pydantic's ``ctx``.
        path: key path, without the names of union members that pydantic mixes in.
        node: the value; None if it is missing.
        key_place: where the value's key was written; the value itself for list items.
        schemas: what is allowed for the value.
        holder: the mapping or list that holds the value.
        holder_place: where the holder's key was written.
        holder_schemas: what is allowed for the holder.
        unions: the unions passed, outermost first.
    """

    kind: str
    message: str
    context: Mapping[str, Any]
    path: KeyPath
    node: Node | None
    key_place: Place
    schemas: Schemas
    holder: Node
    holder_place: Place
    holder_schemas: Schemas
    unions: tuple[_Union, ...]


def problems_of_model(
    errors: Iterable[ErrorDetails], tree: MapNode, shape: Shape, *, is_complete: bool = True
) -> list[Problem]:
    """Translates pydantic's errors about the values in `tree`.

    Of the members of a union only the one that the value comes closest to is reported. A misspelt key and the
    required key that is missing because of it are one problem.

    Args:
        errors: what pydantic found; inputs and addresses of its documentation are not needed.
        tree: the values that were validated.
        shape: the model's shape.
        is_complete: whether all files were read; if not, missing keys are not reported.
    """
    located = _closest_members([_locate(error, tree, shape) for error in errors], shape, 0)
    problems: list[Problem] = []
    explained: set[KeyPath] = set()
    for error in located:
        if error.kind == "extra_forbidden" and isinstance(error.holder, MapNode):
            key = str(error.path[-1])
            meant = _meant_key(key, error.holder, error.holder_schemas, shape)
            problems.append(_unknown_key(error, error.holder, key, meant, shape))
            if meant is not None:
                explained.add((*error.path[:-1], meant))
        elif error.kind not in _MISSING:
            problems.append(_wrong_value(error, shape))
    for error in located:
        if error.kind == "missing" and is_complete and error.path not in explained:
            problems.append(_missing(error, shape.describe(error.schemas)))
        elif error.kind == "union_tag_not_found":
            problem = _misspelt_discriminator(error, shape)
            if problem is None and is_complete:
                problem = _missing_discriminator(error, shape)
            problems += [problem] if problem is not None else []
    return problems


def _locate(error: ErrorDetails, tree: MapNode, shape: Shape) -> _Located:
    """Follows pydantic's location through the tree and the schema side by side."""
    kind = error["type"]
    path: KeyPath = ()
    node: Node | None = tree
    holder: Node = tree
    key_place = holder_place = tree.place
    schemas = holder_schemas = shape.root
    unions: list[_Union] = []
    for step in error["loc"]:
        if step == "[key]" and isinstance(holder, MapNode) and path:
            kind = _KEY_ITSELF
        elif isinstance(step, str) and (isinstance(node, Scalar) or shape.is_union(schemas)):
            unions.append(_Union(path, step, schemas))
            schemas = shape.pick(schemas, step)
        elif node is None or isinstance(node, Scalar):
            break
        else:
            holder, holder_place, holder_schemas = node, key_place, schemas
            schemas = shape.child(schemas, holder, step)
            path = (*path, step)
            node, key_place = _value_at(holder, step, key_place)
    return _Located(
        kind=kind,
        message=error["msg"],
        context=error.get("ctx", {}),
        path=path,
        node=node,
        key_place=key_place,
        schemas=schemas,
        holder=holder,
        holder_place=holder_place,
        holder_schemas=holder_schemas,
        unions=tuple(unions),
    )


def _value_at(holder: MapNode | ListNode, step: str | int, holder_place: Place) -> tuple[Node | None, Place]:
    if isinstance(holder, MapNode) and isinstance(step, str) and step in holder.entries:
        entry = holder.entries[step]
        return entry.node, entry.key_place
    if isinstance(holder, ListNode) and isinstance(step, int) and step < len(holder.items):
        return holder.items[step], holder.items[step].place
    return None, holder_place


def _closest_members(errors: Sequence[_Located], shape: Shape, level: int) -> list[_Located]:
    """Keeps, for every union at nesting `level`, the errors of the member that the value comes closest to."""
    kept = [error for error in errors if len(error.unions) <= level]
    unions: dict[KeyPath, dict[str, list[_Located]]] = {}
    for error in errors:
        if len(error.unions) > level:
            union = error.unions[level]
            unions.setdefault(union.path, {}).setdefault(union.tag, []).append(error)
    for path, by_tag in unions.items():
        members = [_closest_members(member, shape, level + 1) for member in by_tag.values()]
        close = [member for member in members if any(_got_inside(error, path) for error in member)]
        if close or len(members) == 1:
            kept += min(close or members, key=lambda member: sum(_cost(error, shape) for error in member))
        else:
            first = next(iter(by_tag.values()))[0]
            schemas = first.unions[level].schemas
            kept.append(replace(first, kind=_NO_MEMBER, schemas=schemas, unions=first.unions[:level]))
    return kept


def _got_inside(error: _Located, union_path: KeyPath) -> bool:
    """Whether the value had at least the right type for this member of the union."""
    return len(error.path) > len(union_path) or error.kind in _SAID_BY_A_VALIDATOR


def _cost(error: _Located, shape: Shape) -> int:
    """How far an error puts the value from a member; a wrong ``kind`` weighs more than any wrong setting."""
    only_choice = sum(len(fixed_values(leaf)) for leaf in shape.leaves(error.schemas)) == 1
    return _WRONG_KIND_COST if error.kind == "literal_error" and only_choice else 1


def _wrong_value(error: _Located, shape: Shape) -> Problem:
    if error.kind == "union_tag_invalid":
        return _wrong_discriminator(error, shape)
    if error.kind == _KEY_ITSELF:
        return Problem(error.key_place, error.path, _wrong_key(error, shape))
    place = error.node.place if isinstance(error.node, Scalar) else error.key_place
    value = None if error.node is None else shown(error.node)
    if error.kind in _SAID_BY_A_VALIDATOR:
        return Problem(place, error.path, str(error.context.get("error", error.message)), value)
    expected = shape.describe(error.schemas) if error.kind in _DESCRIBED or error.kind == _NO_MEMBER else ""
    if not expected:
        return Problem(place, error.path, _pydantic_words(error), value)
    choices = [fixed for leaf in shape.leaves(error.schemas) for fixed in fixed_values(leaf)]
    message = f"expected {expected}" + _hint(error.node, choices, error.schemas, shape)
    return Problem(place, error.path, message, value)


def _pydantic_words(error: _Located) -> str:
    text = error.message.replace("Input should be", "expected")
    return text[:1].lower() + text[1:]


def _hint(node: Node | None, choices: Sequence[object], schemas: Schemas, shape: Shape) -> str:
    if isinstance(node, Scalar):
        near = nearest(str(node.value), [choice for choice in choices if isinstance(choice, str)])
        if near is not None:
            return f"; did you mean '{near}'?"
        if node.value is None and node.text == "~" and any("format" in leaf for leaf in shape.leaves(schemas)):
            return '; a lone ~ is null in YAML, write "~" in quotes for the home folder'
        if isinstance(node.value, bool) and shape.allows_type(schemas, "string") and not choices:
            return f'; write it in quotes: "{node.text}"'
        if node.value is not None and shape.allows_list_of_one(schemas):
            return f"; write [{shown(node)}] for a list of one"
    return ""


def _wrong_key(error: _Located, shape: Shape) -> str:
    leaves = shape.leaves(error.holder_schemas)
    patterns = [pattern for leaf in leaves for pattern in leaf.get("patternProperties", {})]
    expected = " or ".join(f"text that matches {pattern}" for pattern in patterns)
    expected = expected or shape.describe(leaf["propertyNames"] for leaf in leaves if "propertyNames" in leaf)
    return f"as a key expected {expected}" if expected else f"wrong key: {_pydantic_words(error)}"


def _wrong_discriminator(error: _Located, shape: Shape) -> Problem:
    discriminator = shape.discriminator(error.schemas)
    if discriminator is None or not isinstance(error.node, MapNode) or discriminator[0] not in error.node.entries:
        expected = str(error.context.get("expected_tags", ""))
        return Problem(error.key_place, error.path, f"expected a mapping of one of the kinds {expected}")
    key, choices = discriminator
    node = error.node.entries[key].node
    expected = ", ".join(f"'{choice}'" for choice in choices)
    message = f"expected one of {expected}" + _hint(node, choices, (), shape)
    return Problem(node.place, (*error.path, key), message, shown(node))


def _missing(error: _Located, expected: str) -> Problem:
    what = "the item" if error.path and isinstance(error.path[-1], int) else "the key"
    message = f"{what} is missing" + (f"; expected {expected}" if expected else "")
    return Problem(error.holder_place, error.path, message)


def _misspelt_discriminator(error: _Located, shape: Shape) -> Problem | None:
    """The problem with the key that most likely stands for the missing discriminator."""
    discriminator = shape.discriminator(error.schemas)
    if discriminator is None or not isinstance(error.node, MapNode):
        return None
    known = shape.keys(error.schemas, error.node)
    misspelt = nearest(discriminator[0], [name for name in error.node.entries if name not in known])
    if misspelt is None:
        return None
    below = replace(error, path=(*error.path, misspelt), holder_schemas=error.schemas)
    return _unknown_key(below, error.node, misspelt, discriminator[0], shape)


def _missing_discriminator(error: _Located, shape: Shape) -> Problem:
    discriminator = shape.discriminator(error.schemas)
    if discriminator is None:
        return Problem(error.key_place, error.path, f"expected {shape.describe(error.schemas)}")
    key, choices = discriminator
    expected = "one of " + ", ".join(f"'{choice}'" for choice in choices)
    return _missing(replace(error, path=(*error.path, key), holder_place=error.key_place), expected)


def _meant_key(key: str, holder: MapNode, schemas: Schemas, shape: Shape) -> str | None:
    """The key of this mapping that an unknown key most likely stands for."""
    known = shape.keys(schemas, holder)
    unused = [name for name in known if name not in holder.entries]
    similarity = _VERY_SIMILAR if shape.parents(key) else _SIMILAR
    return nearest(key, unused, similarity) or nearest(key, known, similarity)


def _unknown_key(error: _Located, holder: MapNode, key: str, meant: str | None, shape: Shape) -> Problem:
    entry = holder.entries[key]
    hints = [f"did you mean '{meant}'?"] if meant is not None else []
    kind = _kind_with_key(error, key, shape)
    if kind is not None:
        hints.append(f"it goes with {kind}")
    own = pattern_of(error.path[:-1])
    elsewhere = [parent for parent in shape.parents(key) if parent != own]
    if elsewhere and kind is None:
        hints.append("it belongs " + _places(elsewhere))
    elif not hints:
        similar = nearest(key, shape.known_keys, _VERY_SIMILAR)
        if similar is not None:
            hints.append(f"did you mean '{similar}', which belongs {_places(shape.parents(similar))}?")
    here = listed(shape.keys(error.holder_schemas, holder))
    message = "; ".join(["unknown key", *hints]) + (f" (keys here: {here})" if here else "")
    return Problem(entry.key_place, error.path, message, shown(entry.node))


def _kind_with_key(error: _Located, key: str, shape: Shape) -> str | None:
    """``kind: 'url'`` if the key belongs to another member of the union that holds it."""
    for union in error.unions:
        discriminator = shape.discriminator(union.schemas)
        if union.path != error.path[:-1] or discriminator is None:
            continue
        for value in discriminator[1]:
            if any(key in leaf.get("properties", {}) for leaf in shape.leaves(shape.pick(union.schemas, value))):
                return f"{discriminator[0]}: '{value}'"
    return None


def _places(parents: Sequence[str], limit: int = 3) -> str:
    names = [f"under '{parent}'" if parent else "at the top level" for parent in parents]
    return " or ".join(names[:limit])


def nearest(word: str, known: Iterable[str], similarity: float = _SIMILAR) -> str | None:
    """The most similar of the known words; case, ``-`` and ``_`` do not matter."""
    plain = {_plain(name): name for name in reversed(list(known))}
    found = difflib.get_close_matches(_plain(word), plain, n=1, cutoff=similarity)
    return plain[found[0]] if found else None


def _plain(word: str) -> str:
    return word.lower().replace("-", "_").replace(" ", "_")
