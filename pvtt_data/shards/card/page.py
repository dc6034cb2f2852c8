"""The text of the card, in English and in Chinese, and the licences and credits beside it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import jinja2

from pvtt_data.captions.counts import count_prompts
from pvtt_data.shards.card.head import head_text, languages
from pvtt_data.shards.card.markdown import Safe, code, contact, escaped, link, paragraphs, table
from pvtt_data.shards.card.parts import CardParts
from pvtt_data.shards.card.sections import Sections
from pvtt_data.shards.card.words import Language
from pvtt_data.words import bytes_text

_TEMPLATES: Mapping[Language, str] = {"en": "README.md.jinja", "zh": "README.zh-CN.md.jinja"}
_GAPS = re.compile(r"\n{3,}")
_CHINESE = r"\u3000-\u303f\u4e00-\u9fff\uff00-\uffef“”"
_WRAPPED = re.compile(
    rf"(?<=[{_CHINESE}])\n(?=[{_CHINESE}A-Za-z0-9*`])(?!\d+\. |[*] )|(?<=[A-Za-z0-9*`])\n(?=[{_CHINESE}])"
)


def card_text(parts: CardParts, language: Language) -> str:
    """The page; the English one begins with the head that `datasets` and the Hub read."""
    body = _rendered(_TEMPLATES[language], _context(parts, language))
    return f"---\n{head_text(parts)}---\n\n{body}" if language == "en" else _unwrapped(body)


def licences_text(parts: CardParts) -> str:
    """`LICENSE.md`: which licences there are, and whom to name for what."""
    return _rendered("LICENSE.md.jinja", _context(parts, "en"))


def _unwrapped(text: str) -> str:
    """Lines of a Chinese paragraph joined: a line break inside one would show as a space. Code stays as it is."""
    parts = text.split("```")
    return "```".join(part if number % 2 else _WRAPPED.sub("", part) for number, part in enumerate(parts))


def _rendered(name: str, context: Mapping[str, Any]) -> str:
    return _GAPS.sub("\n\n", _environment().get_template(name).render(context)).strip() + "\n"


@cache
def _environment() -> jinja2.Environment:
    """Templates that escape whatever is not `Safe`."""
    folder = resources.files("pvtt_data.shards.card") / "templates"

    def load(name: str) -> str:
        return folder.joinpath(name).read_text(encoding="utf-8")

    return jinja2.Environment(  # noqa: S701 - Markdown, escaped by finalize
        loader=jinja2.FunctionLoader(load),
        finalize=escaped,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )


def _context(parts: CardParts, language: Language) -> dict[str, Any]:
    facts, recipe = parts.facts, parts.recipe
    sections = Sections(parts, language)
    return {
        **sections.all(),
        "p": parts,
        "f": facts,
        "b": parts.build,
        "t": parts.terms,
        "c": parts.config,
        "table": table,
        "code": code,
        "link": link,
        "contact": contact,
        "paragraphs": paragraphs,
        "safe": Safe,
        "bytes": bytes_text,
        "percent": lambda share: f"{share:.0%}",
        "listed_counter": _listed,
        "keys": lambda counter: Safe(", ".join(str(code(name or "–")) for name, _ in _ranked(counter))),
        "listed_map": lambda names: ", ".join(f"{name} {version}" for name, version in sorted(names.items())),
        "listed": lambda counts, name: (
            f"{facts.samples} ({', '.join(f'{getattr(c, name)} {s}' for s, c in counts.items())})"
        ),
        "prompts": count_prompts(facts.prompts).distinct,
        "repeated": count_prompts(facts.prompts).most_frequent,
        "languages": languages(facts),
        "repository": Safe(parts.repository),
        "mined": isinstance(recipe.get("mine"), Mapping),
        "rendered": isinstance(recipe.get("render"), Mapping),
    }


def _ranked(counter: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))


def _listed(counter: Counter[str]) -> Safe:
    return Safe(", ".join(f"{code(name or '–')} {count}" for name, count in _ranked(counter)))
