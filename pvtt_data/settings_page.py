"""Pages such as `docs/settings.md`: every setting, from the same schema that editors and error messages use."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

_HEAD = """\
# All settings of a recipe

`pvtt-data schema --page` writes this page from the code; a test compares the two. What recipes are, and which settings
people change: [recipe.md](recipe.md). `pvtt-data schema` gives the same to editors as JSON Schema.
"""
_PAGE_NAME = re.compile(r"\bdocs/([a-z_]+\.md)\b")


def settings_page(schema: Schema, head: str = _HEAD) -> str:
    """The page as Markdown.

    Args:
        schema: as `pvtt_data.recipe_file.recipe_schema` gives it.
        head: title of the page and what it says before the first table; by default that of recipes.
    """
    parts = [head]
    top = [name for name in schema["properties"] if _section(schema, schema["properties"][name]) is None]
    required = schema["then"]["required"]
    parts.append("## At the top\n\n" + _table(schema, {n: schema["properties"][n] for n in top}, "", required))
    for name, entry in schema["properties"].items():
        section = _section(schema, entry)
        if section is not None:
            parts.append("\n".join(_sections(schema, name, entry, section, level=2)))
    return "\n".join(parts)


def _sections(schema: Schema, path: str, entry: Schema, section: Schema, level: int) -> Iterator[str]:
    """A section's heading, words and table, then its subsections."""
    yield f"{'#' * level} `{path}`\n"
    words = _sentence(entry.get("description") or section.get("description", ""))
    if words:
        yield f"{_marked_up(words)}\n"
    inner = {name: _section(schema, child) for name, child in section["properties"].items()}
    plain = {name: child for name, child in section["properties"].items() if inner[name] is None}
    if plain:
        yield _table(schema, plain, f"{path}.", section.get("required", ()))
    for name, child in section["properties"].items():
        subsection = inner[name]
        if subsection is not None:
            yield from _sections(schema, f"{path}.{name}", child, subsection, min(level + 1, 4))


def _table(schema: Schema, properties: Schema, prefix: str, required: Collection[str]) -> str:
    lines = ["| setting | default | values | meaning |", "| --- | --- | --- | --- |"]
    for name, entry in properties.items():
        default = "required" if name in required else _default(entry)
        cells = (f"`{prefix}{name}`", default, _values(schema, entry), _marked_up(entry.get("description", "")))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _section(schema: Schema, entry: Schema) -> Schema | None:
    """What an entry refers to, where that is a section with settings of its own."""
    for one in (entry, *entry.get("anyOf", ()), *entry.get("allOf", ())):
        if "$ref" in one:
            found: Schema = schema["$defs"][one["$ref"].rpartition("/")[2]]
            if "properties" in found:
                return found
    return None


def _default(entry: Schema) -> str:
    value = entry.get("default")
    if value in (None, "", [], {}):
        return "–"
    if isinstance(value, list):
        return "<br>".join(f"`{item}`" for item in value)
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _values(schema: Schema, entry: Schema) -> str:
    """What may be written, in words."""
    alternatives = [one for one in entry.get("anyOf", [entry]) if one.get("type") != "null"]
    words = list(dict.fromkeys(_kind(schema, one) for one in alternatives))
    return ", ".join(filter(None, words))


def _kind(schema: Schema, entry: Schema) -> str:
    if "$ref" in entry:
        return _kind(schema, schema["$defs"][entry["$ref"].rpartition("/")[2]])
    if "const" in entry:
        return f"`{entry['const']}`"
    if "enum" in entry:
        return ", ".join(f"`{value}`" for value in entry["enum"])
    kind: str = entry.get("type", "")
    if kind in ("integer", "number"):
        return f"{kind}{_range(entry)}"
    if kind == "array":
        return f"list of {_kind(schema, entry.get('items', {})) or 'values'}"
    if kind == "object":
        values = entry.get("additionalProperties")
        return "names with " + (_kind(schema, values) if isinstance(values, Mapping) else "values")
    if kind == "string":
        return "path" if "path" in entry.get("format", "") else "text"
    return {"boolean": "`true`, `false`"}.get(kind, kind)


def _range(entry: Schema) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {entry[key]:g}" for key, sign in signs.items() if key in entry]
    return f" {', '.join(bounds)}" if bounds else ""


def _sentence(text: str) -> str:
    flat = " ".join(text.split())
    return flat if not flat or flat.endswith((".", ":")) else f"{flat}."


def _marked_up(text: str) -> str:
    """A docstring as Markdown that stays inside its table cell."""
    flat = " ".join(text.split()).replace("``", "`").replace("|", "\\|")
    pieces = flat.split("`")
    pieces[::2] = [piece.replace("<", "&lt;").replace(">", "&gt;") for piece in pieces[::2]]  # outside of code
    flat = "`".join(pieces)
    return _PAGE_NAME.sub(r"[\1](\1)", flat)
