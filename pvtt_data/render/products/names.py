"""Invented brands and the words on packages. Everything is ASCII."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from pvtt_data.render.products.family import Dice
from pvtt_data.render.products.kinds import KINDS
from pvtt_data.render.products.variants import Variant

_ONSETS = (
    "b",
    "br",
    "c",
    "d",
    "f",
    "fl",
    "g",
    "h",
    "k",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "s",
    "st",
    "t",
    "tr",
    "v",
    "z",
    "th",
)
_VOWELS = ("a", "a", "a", "e", "e", "e", "i", "i", "o", "o", "o", "u", "ae", "io")
_CODAS = ("", "", "", "l", "n", "r", "s", "nd", "rt", "lm", "sk", "rn", "m")
_ENDINGS = (
    "a",
    "o",
    "e",
    "is",
    "en",
    "une",
    "elle",
    "ari",
    "ova",
    "um",
    "ight",
    "ondo",
    "eth",
    "ielle",
    "ak",
    "ora",
    "une",
)
_TAKEN = frozenset(
    [
        "dove",
        "nivea",
        "lush",
        "olay",
        "avon",
        "fanta",
        "pepsi",
        "sprite",
        "nestle",
        "danone",
        "evian",
        "volvic",
        "sony",
        "nokia",
        "rolex",
        "gucci",
        "prada",
        "zara",
        "fila",
        "puma",
        "tesla",
        "roma",
        "latina",
        "persil",
        "ariel",
        "sanex",
        "bose",
        "lego",
        "ikea",
        "aldi",
        "lidl",
        "mars",
        "mora",
        "rada",
        "sensodyne",
        "canada",
        "moroni",
        "boots",
        "soren",
        "clarins",
        "lancome",
        "loreal",
        "chanel",
        "dior",
        "kenzo",
        "hermes",
        "fossil",
        "pandora",
        "braun",
        "bodum",
        "zippo",
        "milka",
        "balea",
        "alverde",
    ]
)
_SECOND_WORDS = MappingProxyType(
    {
        "beauty": ("Botanics", "Skin", "Apothecary", "Paris Sud", "Atelier", "Remedies", "Lab"),
        "food": ("Farms", "Kitchen", "Orchard", "& Sons", "Pantry", "Mill", "Provisions"),
        "home": ("Studio", "House", "Ceramics", "Goods", "Works", "Living"),
        "plain": ("Co.", "Atelier", "Studio", "& Daughters", "Maison", "Works"),
    }
)


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of one article, and what to draw beside them."""

    brand: str
    line: str
    variant: Variant
    quantity: str
    claims: tuple[str, str]
    panel: str

    @property
    def title(self) -> str:
        """As a shop would list it."""
        return f"{self.brand} {self.variant.name} {self.line} {self.quantity}"


def brand_word(dice: Dice) -> str:
    """One invented word, capitalised, 4 to 10 letters."""
    while True:
        word = ""
        for _ in range(int(dice.choice([1, 2, 2]))):
            word += str(dice.choice(_ONSETS)) + str(dice.choice(_VOWELS))
        word += str(dice.choice(_CODAS)) if dice.uniform() < 0.35 else str(dice.choice(_ONSETS))
        word += str(dice.choice(_ENDINGS))
        if 4 <= len(word) <= 10 and word not in _TAKEN:
            return word.capitalize()


def brand_name(dice: Dice, field: str = "plain") -> str:
    """An invented brand: mostly one word, at times two."""
    word, form = brand_word(dice), float(dice.uniform())
    other, second = brand_word(dice), str(dice.choice(_SECOND_WORDS[field]))
    if form < 0.68:
        return word
    if form < 0.84:
        return f"{word} {second}"
    if form < 0.92:
        return f"{word} & {other}" if len(word) + len(other) <= 13 else word
    return f"Maison {word}" if form < 0.96 else f"Studio {word}"


def draw_wording(dice: Dice, kind: str) -> Wording:
    """The words of an article of a kind."""
    pool = KINDS[kind]
    first, second = dice.permutation(len(pool.claims))[:2]
    return Wording(
        brand_name(dice, pool.field),
        str(dice.choice(pool.lines)),
        pool.variants[int(dice.integers(len(pool.variants)))],
        str(dice.choice(pool.quantities)),
        (pool.claims[int(first)], pool.claims[int(second)]),
        pool.panel,
    )
