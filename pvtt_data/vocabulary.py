"""What to tell a detector about a product: its kind is read from the words of its category and title.

The kinds are data (`vocabulary.yaml`): how a detector should be told, how many things make up one product, how large it
usually is, whether background shows through it, where it is worn. A recipe may name a file of its own, whose kinds are
added or replace those of the same name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from pvtt_data.recipe_file import load_recipe
from pvtt_data.segmenters.base import Target
from pvtt_data.stage import StageConfig

PACKAGED = Path(__file__).with_name("vocabulary.yaml")
"""The vocabulary that comes with the package."""

Rule = Literal[
    "review", "prompt", "category", "title", "category-department", "title-department", "category-words", "none"
]
"""What named the target: see `RULES`."""

RULES: Mapping[Rule, str] = {
    "review": "a person named it, or drew a box around it",
    "prompt": "the prompt names it",
    "category": "the category names its kind",
    "title": "the title names its kind",
    "category-department": "the category names its department and the title no kind",
    "title-department": "the title names its department and nothing names its kind",
    "category-words": "no kind is known, so the category's own words are used",
    "none": "neither category nor title says what it is",
}
"""Rules in words."""

_ANYTHING = "product"
_LONGEST_OWN_WORDS = 40

_Phrase = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[a-z0-9]([a-z0-9' -]*[a-z0-9])?$")]
_Word = Annotated[str, StringConstraints(min_length=1, max_length=40)]
_Share = Annotated[float, Field(gt=0, le=1)]
_Department = Annotated[str, StringConstraints(max_length=40, pattern=r"^([a-z0-9]+(-[a-z0-9]+)*)?$")]


class Kind(StageConfig):
    """One kind of product."""

    phrases: Annotated[tuple[_Phrase, ...], Field(min_length=1, max_length=6)]
    """What the detector is told, the best name first: lower-case English without full stops."""
    words: tuple[_Word, ...] = ()
    """Words of categories and titles that mean this kind, besides its name."""
    instances: Annotated[int, Field(ge=1, le=8)] = 1
    """Most things that make up one product."""
    area_share: tuple[_Share, _Share] = (0.003, 0.5)
    """Smallest and largest usual share of the frame that one of them covers."""
    holed: bool = False
    """Background shows through it."""
    worn_on: tuple[_Phrase, ...] = ()
    """Parts of a body that it may be worn on."""
    broad: bool = False
    """A whole department, such as jewellery: a kind that is named elsewhere counts more."""
    department: _Department = ""
    """Kinds of one department are related."""

    @field_validator("words")
    @classmethod
    def _words_say_something(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        for word in words:
            if not _units(word):
                raise ValueError(f"{word!r} holds neither letters nor digits")
        return words

    @model_validator(mode="after")
    def _ordered(self) -> Kind:
        if self.area_share[0] > self.area_share[1]:
            raise ValueError("area_share: the smallest share comes first")
        return self

    def target(self) -> Target:
        """What a segmenter is told."""
        return Target(self.phrases, self.instances, self.area_share, self.holed, self.worn_on)


_KindName = Annotated[str, StringConstraints(max_length=40, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]


class VocabularyFile(StageConfig):
    """A file of kinds."""

    kinds: dict[_KindName, Kind]
    """Name → kind; the name is one of its words."""

    @field_validator("kinds")
    @classmethod
    def _no_word_means_two_kinds(cls, kinds: dict[str, Kind]) -> dict[str, Kind]:
        owner: dict[tuple[str, ...], str] = {}
        for name, kind in kinds.items():
            for key in set(_keys(name, kind)):
                if key in owner:
                    raise ValueError(f"{' '.join(key)!r} means both {owner[key]} and {name}; a word has one meaning")
                owner[key] = name
        return kinds


@dataclass(frozen=True)
class Vocabulary:
    """Kinds by name. Of kinds that know the same word, the later one is meant."""

    kinds: Mapping[str, Kind]

    @cached_property
    def _by_first_form(self) -> Mapping[str, Sequence[tuple[tuple[frozenset[str], ...], str]]]:
        """Form of a word's first unit → the forms of all its units, and the kind: titles come by the thousand."""
        meant = {key: name for name, kind in self.kinds.items() for key in _keys(name, kind)}
        index: dict[str, list[tuple[tuple[frozenset[str], ...], str]]] = {}
        for key, name in meant.items():
            forms = tuple(_key_forms(unit) for unit in key)
            for form in forms[0]:
                index.setdefault(form, []).append((forms, name))
        return index

    def named_in(self, text: str) -> list[str]:
        """Names of the kinds that a text mentions, in the order in which their words end; the longer word later."""
        units = [_forms(unit) for unit in _units(text)]
        found = set()
        for start, first in enumerate(units):
            for form in first:
                for key, name in self._by_first_form.get(form, ()):
                    here = units[start : start + len(key)]
                    if len(here) == len(key) and all(map(frozenset.__and__, key, here)):
                        found.add((start + len(key), len(key), name))
        return [name for _, _, name in sorted(found)]


@dataclass(frozen=True, slots=True)
class NamedTarget:
    """What to look for, and what named it."""

    target: Target
    rule: Rule

    @property
    def prompt(self) -> str:
        """The target in the detector's notation: ``bracelet. bangle.``"""
        return " ".join(f"{phrase}." for phrase in self.target.phrases)


def load_vocabulary(own: Path | None = None) -> Vocabulary:
    """The packaged vocabulary, with the kinds of a file of one's own added or in place of those of the same name.

    Raises:
        RecipeError: all that is wrong with the file, by file, line and key.
    """
    kinds = dict(load_recipe(PACKAGED, VocabularyFile).kinds)
    if own is not None:
        added = load_recipe(own, VocabularyFile).kinds
        kinds = {**{name: kind for name, kind in kinds.items() if name not in added}, **added}
    return Vocabulary(kinds)


def target_for(category: str, title: str, vocabulary: Vocabulary) -> NamedTarget:
    """What to look for in a product's pictures.

    A kind that the category names comes first, then one that the title names, then a department ("jewellery") of
    either, then the category's own words, else "product". Of several kinds in a category's deepest level, the one that
    the title names too is meant. In a title, what stands before "for", "with", a comma and the like counts first; in
    it the last kind named is meant, as in "coffee mug".
    """
    name, rule = kind_of(category, title, vocabulary)
    if name:
        return NamedTarget(vocabulary.kinds[name].target(), rule)
    words = _own_words(category)
    if words:
        return NamedTarget(Target((words,)), "category-words")
    return NamedTarget(Target((_ANYTHING,)), "none")


def kind_of(category: str, title: str, vocabulary: Vocabulary) -> tuple[str, Rule]:
    """Name of a product's kind, and what named it; empty and ``none`` where no kind is known. See `target_for`."""
    in_category = [vocabulary.named_in(level) for level in category_levels(category)]
    in_title = [vocabulary.named_in(part) for part in _parts(title)]
    mentioned = {name for names in in_title for name in names}
    found: list[tuple[Rule, str | None]] = [
        ("category", _meant(in_category, mentioned, vocabulary, broad=False)),
        ("title", _meant(in_title, set(), vocabulary, broad=False)),
        ("category-department", _meant(in_category, mentioned, vocabulary, broad=True)),
        ("title-department", _meant(in_title, set(), vocabulary, broad=True)),
    ]
    return next(((name, rule) for rule, name in found if name is not None), ("", "none"))


def says_something(level: str) -> bool:
    """Whether a level of a category is more than "all", "other" or "products"."""
    return any(unit not in _SAYS_NOTHING for unit in _units(level))


def _meant(parts: Iterable[list[str]], preferred: set[str], vocabulary: Vocabulary, broad: bool) -> str | None:
    for names in parts:
        fitting = [name for name in names if vocabulary.kinds[name].broad == broad]
        if fitting:
            return next((name for name in reversed(fitting) if name in preferred), fitting[-1])
    return None


_LEVEL_ENDS = re.compile(r"[>/|»:›]")
_PART_ENDS = re.compile(r"[,;|()\[\]（）【】，、；]|\s[-–—]\s|\b(?:for|with|in|of|on|from|by|to)\b|\bw/", re.IGNORECASE)


def category_levels(category: str) -> list[str]:
    """Levels of a category such as "Home > Kitchen > Teapots", the deepest first."""
    return [level for level in reversed(_LEVEL_ENDS.split(unicodedata.normalize("NFKC", category))) if level.strip()]


def _parts(title: str) -> list[str]:
    return [part for part in _PART_ENDS.split(title) if part.strip()]


_SAYS_NOTHING = frozenset(
    [
        "all",
        "and",
        "default",
        "item",
        "items",
        "misc",
        "miscellaneous",
        "new",
        "none",
        "other",
        "others",
        "product",
        "products",
        "sale",
        "shop",
        "uncategorised",
        "uncategorized",
        "unknown",
        "various",
    ]
)


def _own_words(category: str) -> str:
    """Words of the deepest level that is in Latin letters and says something; empty if none is."""
    for level in category_levels(category):
        units = _units(level)
        plain = [unit for unit in units if unit.isascii()]
        text = " ".join(plain)
        says = any(unit not in _SAYS_NOTHING and len(unit) > 1 and unit.isalpha() for unit in plain)
        if len(plain) == len(units) and says and len(text) <= _LONGEST_OWN_WORDS:
            return text
    return ""


# Chinese, Japanese and Korean are written without spaces: each of their characters is a unit of its own.
_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_UNIT = re.compile(rf"[{_IDEOGRAPHS}]|[^\W_{_IDEOGRAPHS}]+")


def _units(text: str) -> list[str]:
    return _UNIT.findall(unicodedata.normalize("NFKC", text).casefold())


def _keys(name: str, kind: Kind) -> Iterator[tuple[str, ...]]:
    for text in (name, *kind.words):
        yield tuple(_units(text))


_ALWAYS_PLURAL = frozenset(
    [
        "binoculars",
        "earbuds",
        "earphones",
        "eyeglasses",
        "glasses",
        "headphones",
        "jeans",
        "leggings",
        "pants",
        "scissors",
        "shorts",
        "sunglasses",
        "tights",
        "tongs",
        "trousers",
        "tweezers",
    ]
)
_IRREGULAR = {
    "children": "child",
    "feet": "foot",
    "geese": "goose",
    "knives": "knife",
    "leaves": "leaf",
    "loaves": "loaf",
    "men": "man",
    "mice": "mouse",
    "people": "person",
    "scarves": "scarf",
    "shelves": "shelf",
    "teeth": "tooth",
    "women": "woman",
}
_SHORTEST_PLURAL = 3


def _key_forms(unit: str) -> frozenset[str]:
    """Forms of a unit of the vocabulary: "glasses" are not a glass, though "wine glasses" are wine glasses."""
    return frozenset((unit,)) if unit in _ALWAYS_PLURAL else _forms(unit)


def _forms(unit: str) -> frozenset[str]:
    """The unit and what may be its singular: rather too many forms than too few, they only meet those of a word."""
    forms = {unit}
    if unit in _IRREGULAR:
        forms.add(_IRREGULAR[unit])
    elif len(unit) >= _SHORTEST_PLURAL and unit.endswith("s") and not unit.endswith("ss"):
        forms.add(unit[:-1])
        if unit.endswith("ies"):
            forms.add(unit[:-3] + "y")
        elif unit.endswith("es"):
            forms.add(unit[:-2])
    return frozenset(forms)
