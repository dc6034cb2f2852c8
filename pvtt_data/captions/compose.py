"""Sentences: a phrasing, the product, what is known of the scene. Source and target differ in the product alone.

Everything is drawn by a hash of the triple's id, so a triple keeps its prompts whatever else is in the dataset.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from pvtt_data.captions.product_phrase import FORMS, Form, ProductWords
from pvtt_data.captions.scene import SceneFacts

SLOT = "{product}"
"""Where the product stands in a phrasing."""
MAX_TOKENS = 512
"""What Wan's text encoder (UMT5) reads of a prompt."""
MAX_PROMPT_BYTES = MAX_TOKENS - 2
"""Longest prompt in UTF-8.

Counted without the tokenizer: UMT5's pieces come from SentencePiece with byte fallback, so each covers at least one
byte of the text; one more may stand for the space before the first word, and one ends the text. Prompts are in
Unicode's compatibility form (NFKC) already, so the tokenizer's own normalisation does not lengthen them.
"""

TEMPLATES = (
    "A product video of {product}",
    "A product shot of {product}",
    "A short shop video of {product}",
    "An advertising clip that shows {product}",
    "Product footage of {product}",
    "A commercial video of {product}",
    "A video that presents {product}",
    "A clip of {product}",
)
"""The package's phrasings; what is known of the scene follows after commas, then a full stop."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wording:
    """How prompts are worded.

    Attributes:
        templates: phrasings with `SLOT` once.
        form: how products are called; "mixed" draws one of all forms.
        facts: whether what is known of the scene is said.
        trigger: words that every prompt begins with.
        seed: another one draws other phrasings.
    """

    templates: Sequence[str] = TEMPLATES
    form: Literal["mixed"] | Form = "mixed"
    facts: bool = True
    trigger: str = ""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Prompts:
    """The two prompts of a triple.

    Attributes:
        target: describes the target video.
        source: the same with A's phrase in the place of B's.
        phrase_a, phrase_b: the products as they are called in them.
    """

    target: str
    source: str
    phrase_a: str
    phrase_b: str


def prompts(
    triple_id: str,
    a: ProductWords,
    b: ProductWords,
    scene: SceneFacts,
    wording: Wording,
    scene_words: str | None = None,
) -> Prompts:
    """Both prompts, of at most `MAX_PROMPT_BYTES` bytes each.

    Args:
        triple_id: what is drawn depends on it.
        a, b: what is known of the products' names.
        scene: of the clip.
        scene_words: a model's words for the scene, with `SLOT` once; they take the place of phrasing and facts.
    """

    def draw(purpose: str, options: Sequence[T]) -> T:
        return options[_number(wording.seed, purpose, triple_id) % len(options)]

    form = _separating(draw("form", FORMS) if wording.form == "mixed" else wording.form, a, b, wording.form == "mixed")
    phrases = (a.phrase(form), b.phrase(form))
    if scene_words is not None:
        made = _filled(_begun(wording.trigger, scene_words), phrases)
        if made is not None:
            return made
    template = draw("template", wording.templates)
    facts = [draw(f"fact {name}", words) for name, words in scene.facts] if wording.facts else []
    # Some prompts say less than is known: people write short ones too.
    facts = facts[: len(facts) - draw("left out", range(len(facts) + 1))] if draw("brief", (False, True)) else facts
    while True:
        made = _filled(_begun(wording.trigger, _sentence(template, facts)), phrases)
        if made is not None:
            return made
        if not facts:
            raise ValueError(f"a prompt of {template!r} does not fit into {MAX_PROMPT_BYTES} bytes")
        facts = facts[:-1]


def _separating(drawn: Form, a: ProductWords, b: ProductWords, free: bool) -> Form:
    """The drawn form, unless it calls two products the same and another one does not."""
    forms = [drawn, *(form for form in FORMS if form != drawn)] if free else [drawn]
    return next((form for form in forms if a.phrase(form) != b.phrase(form)), drawn)


def _sentence(template: str, facts: Sequence[str]) -> str:
    body = template.rstrip()
    stop = body[-1] if body[-1] in ".!?。" else ""
    head = body[: len(body) - len(stop)]
    return ", ".join([head, *facts]) + (stop or ".")


def _begun(trigger: str, sentence: str) -> str:
    return f"{trigger} {sentence}" if trigger else sentence


def _filled(sentence: str, phrases: tuple[str, str]) -> Prompts | None:
    """Both prompts; None if one is too long."""
    before, after = sentence.split(SLOT)
    source, target = (before + _fitting(phrase, before) + after for phrase in phrases)
    if max(len(source.encode()), len(target.encode())) > MAX_PROMPT_BYTES:
        return None
    return Prompts(target, source, *phrases)


def _fitting(phrase: str, before: str) -> str:
    """A product's phrase as it stands there: with a capital where it begins the sentence."""
    return phrase if before.strip() else phrase[:1].upper() + phrase[1:]


def _number(seed: int, purpose: str, triple_id: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}\0{purpose}\0{triple_id}".encode()).digest()[:8], "big")
