"""The recipe's section `judge`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pvtt_data.judge.questions import Reply
from pvtt_data.stage import StageConfig
from pvtt_data.vlm.config import ModelConfig

Replies = tuple[Reply, ...]


class Rulings(StageConfig):
    """Question → the answers that count against a triple."""

    target_shows_b: Replies = ()
    """Whether the target shows the product of the references."""
    source_shows_other: Replies = ()
    """Whether the source shows another product."""
    leftovers: Replies = ()
    """Whether ghosts, smears or stray shadows are left of a removed product."""
    floating: Replies = ()
    """Whether the product floats, sinks in or slides."""
    wrong_scale: Replies = ()
    """Whether the product is impossibly large or small."""
    cut: Replies = ()
    """Whether part of the product is missing inside the frame."""
    hands_wrong: Replies = ()
    """Whether hands or things in front are deformed, cut or wrongly behind."""
    text_overlay: Replies = ()
    """Whether text is laid over the video."""


class JudgeConfig(ModelConfig):
    """A vision-language model's opinion of triples; `pvtt-data judge` asks, a build reads what was answered."""

    reject: Rulings = Field(default_factory=lambda: Rulings(target_shows_b=("no",)))
    """Answers for which a triple is dropped."""
    flag: Rulings = Field(
        default_factory=lambda: Rulings(
            target_shows_b=("unsure",),
            source_shows_other=("no",),
            leftovers=("yes",),
            floating=("yes",),
            wrong_scale=("yes",),
            cut=("yes",),
            hands_wrong=("yes",),
            text_overlay=("yes",),
        )
    )
    """Answers for which a triple is flagged."""
    unanswered: Literal["flag", "keep"] = "flag"
    """What becomes of a triple that was not asked about, or whose answer could not be understood."""
