"""Verdicts given and taken back: to the reviewer's file first, and only then to what the app shows."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from pvtt_curation.operators.targets import Target
from pvtt_data import __version__
from pvtt_data.errors import InputError
from pvtt_data.reviews.log import ReviewLog, scan
from pvtt_data.reviews.records import Action, Review, SubjectKind, utc_now

TOOL = f"pvtt review {__version__}, FiftyOne"
"""What verdicts from the app say that they were given with."""

_LONGEST_NAME = 500
_writing = threading.Lock()


def say(
    folder: Path, reviewer: str, seen_in: str, about: Sequence[Target], action: Action, **facts: Any
) -> list[Review]:
    """Give one verdict on each target; all of them are on the disk when this returns.

    Args:
        folder: the verdicts folder.
        reviewer: whose word it is.
        seen_in: the dataset version or recipe that is looked at.
        about: what it is about.
        action: what is said, with its ``facts``: see `Review`.

    Raises:
        InputError: there is nothing to say it of, or it cannot be followed; nothing was written.
        PreflightError: the file cannot be written; nothing was.
    """
    if not about:
        raise InputError("review", f"nothing here can be given the verdict {action}")
    at = utc_now()
    reviews = [
        Review.made(
            target.kind,
            target.key,
            action,
            reviewer,
            at=at,
            tool=TOOL,
            name=target.name[:_LONGEST_NAME],
            seen_in=seen_in,
            **facts,
        )
        for target in about
    ]
    return _append(folder, reviewer, reviews)


def take_back(folder: Path, reviewer: str, seen_in: str, words: Sequence[Review]) -> list[Review]:
    """Take words of the reviewer back; the undos are on the disk when this returns.

    Raises:
        InputError: there are none.
        PreflightError: the file cannot be written; nothing was.
    """
    if not words:
        raise InputError("review", f"{reviewer} has said nothing here that could be taken back")
    at = utc_now()
    undos = [
        Review.made(
            word.kind,
            word.key,
            "undo",
            reviewer,
            at=at,
            tool=TOOL,
            undoes=word.review_id,
            name=word.name,
            seen_in=seen_in,
        )
        for word in words
    ]
    return _append(folder, reviewer, undos)


def own_words(folder: Path, reviewer: str) -> list[Review]:
    """What the reviewer has said and not taken back, the latest last."""
    own = [review for review in scan(folder).reviews if review.reviewer == reviewer]
    gone = {review.undoes for review in own}
    return [review for review in own if review.action != "undo" and review.review_id not in gone]


def latest_about(words: Iterable[Review], subjects: Collection[tuple[SubjectKind, str]]) -> Review | None:
    """The last of these words that is about one of some subjects, by kind and key."""
    return next((word for word in reversed(list(words)) if word.subject in subjects), None)


def last_action(words: Sequence[Review]) -> list[Review]:
    """The words that were given together with the last one: of one time, saying the same."""
    if not words:
        return []
    last = _said(words[-1])
    return [word for word in words if _said(word) == last]


def _said(word: Review) -> tuple[object, ...]:
    facts = (word.action, word.reason, word.comment, word.prompt, word.box, word.category, word.product_id)
    return (word.at, *facts)


def _append(folder: Path, reviewer: str, reviews: Sequence[Review]) -> list[Review]:
    with _writing:
        return _log(folder, reviewer).append_all(reviews)


@lru_cache(maxsize=4)
def _log(folder: Path, reviewer: str) -> ReviewLog:
    return ReviewLog(folder, reviewer)
