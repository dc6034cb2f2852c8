"""Verdicts given and taken back: to the reviewer's file first, and only then to what the app shows."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from pvtt_curation.operators.targets import Target
from pvtt_data import __version__
from pvtt_data.errors import InputError
from pvtt_data.reviews.effective import taken_back
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
    return _give(folder, reviewer, seen_in, action, [(target, facts) for target in about])


def take_back(folder: Path, reviewer: str, seen_in: str, words: Sequence[Review]) -> list[Review]:
    """Take words of the reviewer back; the undos are on the disk when this returns.

    Raises:
        InputError: there are none.
        PreflightError: the file cannot be written; nothing was.
    """
    if not words:
        raise InputError("review", f"{reviewer} has said nothing here that could be taken back")
    return _give(folder, reviewer, seen_in, "undo", [(word, {"undoes": word.review_id}) for word in words])


def own_words(folder: Path, reviewer: str) -> list[Review]:
    """What the reviewer has said and not taken back, the latest last."""
    reviews = scan(folder).reviews
    back = taken_back(reviews)
    return [r for r in reviews if r.reviewer == reviewer and r.action != "undo" and r.review_id not in back]


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


def _give(
    folder: Path,
    reviewer: str,
    seen_in: str,
    action: Action,
    said: Sequence[tuple[Target | Review, Mapping[str, Any]]],
) -> list[Review]:
    """Write one verdict on each subject, all of one time, with the facts that go with it."""
    at = utc_now()
    reviews = [
        Review.made(
            about.kind,
            about.key,
            action,
            reviewer,
            at=at,
            tool=TOOL,
            name=about.name[:_LONGEST_NAME],
            seen_in=seen_in,
            **facts,
        )
        for about, facts in said
    ]
    with _writing:
        return _log(folder, reviewer).append_all(reviews)


@lru_cache(maxsize=4)
def _log(folder: Path, reviewer: str) -> ReviewLog:
    return ReviewLog(folder, reviewer)
