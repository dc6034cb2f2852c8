"""What a product is called in a sentence: by its cleaned title, by its kind, or both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from pvtt_data.captions.titles import clean_title
from pvtt_data.vocabulary import Kind, Vocabulary, target_for

Form = Literal["title", "kind", "kind-and-title"]
FORMS: tuple[Form, ...] = ("title", "kind", "kind-and-title")
ANYTHING = "a product"
"""A product of which neither title nor kind is known."""

_NO_ARTICLE = frozenset(
    ["clothing", "footwear", "jewellery", "jewelry", "kitchenware", "luggage", "underwear", "swimwear"]
)


@dataclass(frozen=True, slots=True)
class ProductWords:
    """What is known of a product's name.

    Attributes:
        title: cleaned; empty if it said nothing.
        kind: with its article, such as "a teapot"; empty if neither category nor title names a kind.
            The word is one that they use themselves.
    """

    title: str
    kind: str

    def phrase(self, form: Form) -> str:
        """The product in a sentence; where the wished form needs what is not known, the other; never empty."""
        if form == "kind-and-title" and self.title and self.kind:
            return f"{self.kind}, {self.title}"
        wished = self.kind if form == "kind" else self.title
        return wished or self.title or self.kind or ANYTHING


def words_for(vocabulary: Vocabulary, max_chars: int) -> Callable[[str, str], ProductWords]:
    """A function from (title, category) to what a product is called.

    Args:
        vocabulary: kinds of products, by the words of categories and titles.
        max_chars: longest title.
    """

    @cache
    def words(title: str, category: str) -> ProductWords:
        cleaned = clean_title(title, max_chars)
        named = target_for(category, cleaned, vocabulary)
        # A department ("jewellery") and a category's own words are shelves of a shop, not what the thing is.
        known = named.target.phrases if named.rule in ("category", "title") else ()
        said = [phrase for phrase in known if _mentioned(phrase, category) or _mentioned(phrase, cleaned)]
        # "Earrings" are earrings: the form that the title has itself comes first.
        kind = min(said, key=lambda phrase: f" {phrase} " not in f" {cleaned.casefold()} ", default="")
        return ProductWords(cleaned, with_article(kind))

    return words


def _mentioned(noun: str, text: str) -> bool:
    """Whether a text has these words, singular or plural. A detector is told "pouch" of groceries; nobody said so."""
    return bool(Vocabulary({noun: Kind(phrases=(noun,), words=(noun,))}).named_in(text))


def with_article(noun: str) -> str:
    """A noun with "a" or "an"; plurals and uncountable ones go without."""
    last = noun.rpartition(" ")[2]
    if not noun or last in _NO_ARTICLE or (last.endswith("s") and not last.endswith(("ss", "us", "is"))):
        return noun
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
