"""What a recipe model allows at each place, read from the model's own JSON Schema.

The schema is what editors get; errors, path fields and overrides look up keys, types and limits in the same one, so
that the three never disagree. A place of a recipe is described by `Schemas`, the schemas that a value there may
follow.
"""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from pvtt_data.recipe_yaml import KeyPath, ListNode, MapNode, Node, Scalar, dotted

Schema: TypeAlias = Mapping[str, Any]
Schemas: TypeAlias = tuple[Schema, ...]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
INCLUDE_KEY = "include"
PATH_FORMATS = frozenset({"path", "file-path", "directory-path"})

_INCLUDE_SCHEMA: Schema = {
    "title": "Include",
    "description": (
        "Recipe files to start from, relative to this file. They are merged in order, later ones and the keys of "
        "this file win; mappings merge, lists are replaced."
    ),
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
}


class _LenientJsonSchema(GenerateJsonSchema):
    """Gives types that JSON Schema cannot state an empty schema instead of failing."""

    def handle_invalid_for_json_schema(self, schema: core_schema.CoreSchema, error_info: str) -> JsonSchemaValue:
        return {}


def recipe_schema(model: type[BaseModel]) -> dict[str, Any]:
    """JSON Schema 2020-12 of recipe files for `model`, for editors; it has the key ``include`` at the top.

    Raises:
        TypeError: the model has a field of its own named ``include``.
    """
    schema = model.model_json_schema(schema_generator=_LenientJsonSchema)
    if "$ref" in schema:
        # A model that contains itself is only a reference at the top.
        schema = {**schema["$defs"][schema["$ref"].rpartition("/")[2]], "$defs": schema["$defs"]}
    properties = schema.get("properties", {})
    if INCLUDE_KEY in properties:
        raise TypeError(f"{model.__name__} may not have a field named '{INCLUDE_KEY}'")
    schema["properties"] = {INCLUDE_KEY: copy.deepcopy(_INCLUDE_SCHEMA), **properties}
    required = schema.pop("required", None)
    if required:
        # What a file includes may hold the required keys.
        schema |= {"if": {"not": {"required": [INCLUDE_KEY]}}, "then": {"required": required}}
    return {"$schema": DIALECT, "title": model.__name__, **schema}


class Shape:
    """Looks up what a recipe model allows; every method takes and gives `Schemas`."""

    def __init__(self, schema: Schema) -> None:
        self.root: Schemas = (schema,)
        self._definitions: Schema = schema.get("$defs", {})

    @staticmethod
    @functools.cache
    def of(model: type[BaseModel]) -> Shape:
        """The shape of `model`, made once."""
        return Shape(recipe_schema(model))

    def members(self, schemas: Schemas) -> Schemas:
        """The alternatives one level down: a single union is replaced by its members; null is left out."""
        if len(schemas) != 1:
            return schemas
        schema = self._resolved(schemas[0])
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                parts = tuple(part for part in schema[keyword] if part.get("type") != "null")
                return self.members(parts) if len(parts) == 1 else parts
        return (schema,)

    def is_union(self, schemas: Schemas) -> bool:
        """Whether pydantic puts the name of a union member into the location of errors below this place."""
        return len(schemas) == 1 and len(self.members(schemas)) > 1

    def pick(self, schemas: Schemas, tag: str) -> Schemas:
        """The members of a union that pydantic calls `tag`; all of them if none can be told by it."""
        mapping = self._discriminator(schemas).get("mapping", {})
        if tag in mapping:
            target = mapping[tag]
            return (target if isinstance(target, Mapping) else {"$ref": target},)
        members = self.members(schemas)
        if tag.startswith(("tagged-union[", "union[")):
            nested = tuple(member for member in members if self.is_union((member,)))
            return nested or members
        titles = [(self._resolved(member).get("title"), member) for member in members if "$ref" in member]
        exact = tuple(member for title, member in titles if title == tag)
        if exact:
            return exact
        named = (re.search(rf"(?<!\w){re.escape(str(title))}(?!\w)", tag) for title, _ in titles)
        return tuple(member for found, (_, member) in zip(named, titles, strict=True) if found) or members

    def leaves(self, schemas: Iterable[Schema]) -> list[Schema]:
        """All alternatives with references and unions taken apart, null included."""
        found: list[Schema] = []
        for schema in schemas:
            schema = self._resolved(schema)
            parts = schema.get("anyOf") or schema.get("oneOf")
            found += self.leaves(parts) if parts else [schema]
        return found

    def narrowed(self, schemas: Schemas, node: MapNode) -> list[Schema]:
        """The mappings among the alternatives whose fixed values (such as ``kind: folder``) agree with `node`."""
        mappings = [leaf for leaf in self.leaves(schemas) if leaf.get("type") == "object"]
        agreeing = [leaf for leaf in mappings if self._agrees(leaf, node)]
        return agreeing or mappings

    def _agrees(self, leaf: Schema, node: MapNode) -> bool:
        for key, schema in leaf.get("properties", {}).items():
            entry = node.entries.get(key)
            if entry is None or not isinstance(entry.node, Scalar):
                continue
            alternatives = self.leaves([schema])
            if all(fixed_values(each) for each in alternatives) and not any(
                str(entry.node.value) == str(value) for each in alternatives for value in fixed_values(each)
            ):
                return False
        return True

    def child(self, schemas: Schemas, node: Node, step: str | int) -> Schemas:
        """What is allowed for one key or list item of `node`; empty if nothing is known."""
        found: list[Schema] = []
        if isinstance(node, ListNode) and isinstance(step, int):
            for leaf in self.leaves(schemas):
                fixed = leaf.get("prefixItems", [])
                item = fixed[step] if step < len(fixed) else leaf.get("items")
                found += [item] if isinstance(item, Mapping) else []
        elif isinstance(node, MapNode) and isinstance(step, str):
            for leaf in self.narrowed(schemas, node):
                found += self._values(leaf, step)
        return tuple(found)

    def _values(self, leaf: Schema, key: str) -> list[Schema]:
        if key in leaf.get("properties", {}):
            return [leaf["properties"][key]]
        patterns = [value for pattern, value in leaf.get("patternProperties", {}).items() if re.search(pattern, key)]
        if patterns:
            return patterns
        rest = leaf.get("additionalProperties")
        return [rest] if isinstance(rest, Mapping) else []

    def keys(self, schemas: Schemas, node: MapNode) -> list[str]:
        """The keys that the model knows for the mapping `node`, in the model's order."""
        return list(dict.fromkeys(key for leaf in self.narrowed(schemas, node) for key in leaf.get("properties", {})))

    def allows_mapping(self, schemas: Schemas) -> bool:
        return not schemas or any(leaf.get("type", "object") == "object" for leaf in self.leaves(schemas))

    def discriminator(self, schemas: Schemas) -> tuple[str, list[str]] | None:
        """The key that tells the members of a union apart, and its values."""
        found = self._discriminator(schemas)
        return (found["propertyName"], list(found.get("mapping", {}))) if found else None

    def _discriminator(self, schemas: Schemas) -> Schema:
        while len(schemas) == 1:
            schema = self._resolved(schemas[0])
            if "discriminator" in schema:
                found: Schema = schema["discriminator"]
                return found
            schemas = tuple(part for part in schema.get("anyOf", ()) if part.get("type") != "null")
        return {}

    def parents(self, key: str) -> list[str]:
        """Dotted paths of the mappings that know `key`, such as ``sources[]``; the top level is the empty text."""
        return list(dict.fromkeys(parent for name, parent in self._all_keys if name == key))

    @functools.cached_property
    def known_keys(self) -> list[str]:
        """Every key that any mapping of the model knows."""
        return list(dict.fromkeys(name for name, _ in self._all_keys))

    @functools.cached_property
    def _all_keys(self) -> list[tuple[str, str]]:
        return list(self._walk(self.root[0], "", frozenset()))

    def _walk(self, schema: Schema, path: str, inside: frozenset[str]) -> Iterator[tuple[str, str]]:
        reference = schema.get("$ref")
        if reference is not None:
            if reference in inside:
                return
            inside |= {reference}
            schema = self._resolved(schema)
        for part in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
            yield from self._walk(part, path, inside)
        for key, value in schema.get("properties", {}).items():
            yield key, path
            yield from self._walk(value, f"{path}.{key}" if path else key, inside)
        for item in (*schema.get("prefixItems", ()), schema.get("items")):
            if isinstance(item, Mapping):
                yield from self._walk(item, f"{path}[]", inside)
        for value in (*schema.get("patternProperties", {}).values(), schema.get("additionalProperties")):
            if isinstance(value, Mapping):
                yield from self._walk(value, f"{path}.*", inside)

    def _resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            schema = self._definitions[schema["$ref"].rpartition("/")[2]]
        return schema

    def describe(self, schemas: Iterable[Schema]) -> str:
        """What may stand here, in plain words; empty if the model says nothing."""
        leaves = self.leaves(schemas)
        values = [quoted(value) for leaf in leaves for value in fixed_values(leaf)]
        words = [", ".join(dict.fromkeys(values))] if values else []
        if len(values) > 1:
            words = [f"one of {words[0]}"]
        words += [self._describe_leaf(leaf) for leaf in leaves if not fixed_values(leaf)]
        return " or ".join(dict.fromkeys(words)) if all(words) else ""

    def _describe_leaf(self, leaf: Schema) -> str:
        match leaf.get("type"):
            case "integer":
                return "a whole number" + _limits(leaf)
            case "number":
                return "a number" + _limits(leaf)
            case "boolean":
                return "true or false"
            case "null":
                return "null"
            case "string":
                return _text_words(leaf)
            case "array":
                return self._describe_list(leaf)
            case "object":
                return self._describe_mapping(leaf)
        return ""

    def _describe_list(self, leaf: Schema) -> str:
        if "prefixItems" in leaf:
            parts = [self.describe([part]) or "anything" for part in leaf["prefixItems"]]
            return f"a list of {_plural(len(parts), 'item')} ({', '.join(parts)})"
        items = leaf.get("items")
        inner = self.describe([items]) if isinstance(items, Mapping) else ""
        size = _size(leaf.get("minItems"), leaf.get("maxItems"), "item")
        return "a list" + (f" of {inner}" if inner else "") + (f", with {size}" if size else "")

    def _describe_mapping(self, leaf: Schema) -> str:
        if leaf.get("properties"):
            return f"a mapping with the keys {listed(leaf['properties'])}"
        rest = [*leaf.get("patternProperties", {}).values(), leaf.get("additionalProperties")]
        inner = self.describe([value for value in rest if isinstance(value, Mapping)])
        return "a mapping" + (f" of names to {inner}" if inner else "")

    def is_path(self, schemas: Schemas, text: str) -> bool:
        """Whether `text` is a path here: not if it is one of the fixed values, or if any text may stand here."""
        leaves = self.leaves(schemas)
        if not any(leaf.get("format") in PATH_FORMATS for leaf in leaves):
            return False
        if any(text == value for leaf in leaves for value in fixed_values(leaf)):
            return False
        others = [leaf for leaf in leaves if leaf.get("type") == "string" and not fixed_values(leaf)]
        others = [leaf for leaf in others if leaf.get("format") not in PATH_FORMATS]
        if "://" in text:
            return not others
        return not any("format" not in leaf for leaf in others)

    def allows_list_of_one(self, schemas: Schemas) -> bool:
        lists = [leaf for leaf in self.leaves(schemas) if leaf.get("type") == "array" and "prefixItems" not in leaf]
        return any(leaf.get("minItems", 1) <= 1 for leaf in lists)

    def allows_type(self, schemas: Schemas, *types: str) -> bool:
        """Whether a value of one of the JSON types may stand here; also true if the model says nothing."""
        leaves = self.leaves(schemas)
        return not leaves or any(
            leaf.get("type") in types or (not leaf.get("type") and not fixed_values(leaf)) for leaf in leaves
        )


def fixed_values(leaf: Schema) -> list[Any]:
    """The values that a constant or an enumeration allows; empty for other schemas."""
    return [leaf["const"]] if "const" in leaf else list(leaf.get("enum", ()))


def quoted(value: object) -> str:
    """A fixed value as the user has to write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"'{value}'" if isinstance(value, str) else str(value)


def listed(names: Iterable[str], limit: int = 16) -> str:
    """Key names separated by commas, cut after `limit` of them."""
    texts = [dotted((name,)) for name in names]
    return ", ".join(texts[:limit] + (["…"] if len(texts) > limit else []))


def pattern_of(path: KeyPath) -> str:
    """A key path in the form of `Shape.parents`, without list indices."""
    return re.sub(r"\[[0-9]+\]", "[]", dotted(path))


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


def _size(least: int | None, most: int | None, noun: str) -> str:
    if least is not None and least == most:
        return f"exactly {_plural(least, noun)}"
    bounds = [f"at least {_plural(least, noun)}"] if least else []
    bounds += [f"at most {_plural(most, noun)}"] if most is not None else []
    return " and ".join(bounds)


def _limits(leaf: Schema) -> str:
    low, high = leaf.get("minimum"), leaf.get("maximum")
    if low is not None and high is not None:
        words = [f"from {low} to {high}"]
    else:
        above, below = leaf.get("exclusiveMinimum"), leaf.get("exclusiveMaximum")
        words = [f"of at least {low}"] if low is not None else []
        words += [f"greater than {above}"] if above is not None else []
        words += [f"of at most {high}"] if high is not None else []
        words += [f"less than {below}"] if below is not None else []
    words += [f"divisible by {leaf['multipleOf']}"] if "multipleOf" in leaf else []
    return f" {' and '.join(words)}" if words else ""


_FORMATS = {
    "path": "a path",
    "file-path": "the path of an existing file",
    "directory-path": "the path of an existing folder",
    "date": "a date such as 2024-12-31",
    "date-time": "a date and time such as 2024-12-31T23:59:00Z",
    "uri": "an address such as https://example.com/a",
}


def _text_words(leaf: Schema) -> str:
    form = leaf.get("format")
    if form is not None:
        return _FORMATS.get(form, f"text in the form of a {form}")
    size = _size(leaf.get("minLength"), leaf.get("maxLength"), "character")
    pattern = leaf.get("pattern")
    return "text" + (f" of {size}" if size else "") + (f" that matches {pattern}" if pattern else "")
