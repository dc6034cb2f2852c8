"""The recipe's section `captions`."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from pvtt_data.captions.compose import SLOT, TEMPLATES, Wording
from pvtt_data.captions.product_phrase import Form
from pvtt_data.captions.titles import DEFAULT_CHARS
from pvtt_data.stage import StageConfig
from pvtt_data.vlm.config import ModelConfig

_TEMPLATE_BYTES = 160
_TRIGGER_BYTES = 64


def _one_line(text: str) -> str:
    line = " ".join(unicodedata.normalize("NFKC", text).split())
    if not line.isprintable():
        raise ValueError("expected one line without control characters")
    return line


def _is_template(text: str) -> str:
    line = _one_line(text)
    if line.count(SLOT) != 1 or "{" in line.replace(SLOT, "") or "}" in line.replace(SLOT, ""):
        raise ValueError(f"expected {SLOT} once, and no other braces")
    if len(line.encode()) > _TEMPLATE_BYTES:
        raise ValueError(f"expected at most {_TEMPLATE_BYTES} bytes")
    return line


def _is_trigger(text: str) -> str:
    line = _one_line(text)
    if "{" in line or "}" in line or len(line.encode()) > _TRIGGER_BYTES:
        raise ValueError(f"expected at most {_TRIGGER_BYTES} bytes, without braces")
    return line


class CaptionsConfig(StageConfig):
    """The text prompts of samples: docs/captions.md."""

    templates: Annotated[
        tuple[Annotated[str, AfterValidator(_is_template)], ...], Field(min_length=1, max_length=100)
    ] = TEMPLATES
    """Phrasings, each with {product} once; a triple keeps the one that its id's hash draws."""
    product: Literal["mixed"] | Form = "mixed"
    """What stands for {product}: title, kind ("a teapot"), kind-and-title, or mixed, which draws one of them."""
    scene: bool = True
    """Whether what is known of the scene is said: how large the product is, light, set, camera."""
    trigger: Annotated[str, AfterValidator(_is_trigger)] = ""
    """Words that every prompt begins with, to call what a model learns from this dataset."""
    max_title_chars: Annotated[int, Field(ge=8, le=160)] = DEFAULT_CHARS
    """Longest title of a product; longer ones end at a word."""
    seed: int = 0
    """Another seed draws other phrasings."""
    max_repeat_share: Annotated[float, Field(gt=0, le=1)] = 0.05
    """Share of the samples that may have one and the same prompt before the build warns; ten may in any case."""
    captioner: ModelConfig | None = None
    """A vision-language model that puts scenes into words; `pvtt-data caption` asks it, a build reads what it said."""

    def wording(self) -> Wording:
        """The same settings, as prompts are composed with."""
        return Wording(self.templates, self.product, self.scene, self.trigger, self.seed)
