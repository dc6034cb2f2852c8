"""What a recipe says about verdicts of people."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from pvtt_data.errors import InputError
from pvtt_data.reviews.records import check_reviewer
from pvtt_data.stage import StageConfig


def _is_a_reviewer(name: str) -> str:
    try:
        return check_reviewer(name)
    except InputError as error:
        raise ValueError(error.message) from error


class ReviewConfig(StageConfig):
    """How verdicts of people are weighed."""

    arbiter: Annotated[str, AfterValidator(_is_a_reviewer)] | None = None
    """The reviewer whose word decides where reviewers disagree; null lets the strictest verdict hold (reject before
    flag before accept)."""
