"""Who says what now: the latest word of each reviewer about each subject, and what follows where they disagree.

A reviewer has a word on up to three things about a subject: whether it may be used (accept, flag, reject), how to
segment it again, and what it shows (category and product id, each for itself). The latest word on each of them holds,
unless it was taken back; then the one before it holds again.

Of several reviewers the strictest verdict holds: reject before flag before accept. Of different labels or prompts the
latest holds. Where the recipe names an arbiter who has a word on the matter, that word decides alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pvtt_data.records import Verdict
from pvtt_data.reviews.records import Review, SubjectKind

Matter = Literal["verdict", "segment", "category", "product_id"]
"""What a word is on."""
MATTERS: tuple[Matter, ...] = ("verdict", "segment", "category", "product_id")

_STRICTNESS: Mapping[str, int] = {"accept": 0, "flag": 1, "reject": 2}


@dataclass(frozen=True, slots=True)
class Standing:
    """What is said of a subject now.

    Attributes:
        words: by matter, the word of each reviewer who has one, by reviewer's name.
        decisive: by matter, those words that hold; several reviewers may say the same.
        arbitrated: matters on which reviewers disagree and the arbiter's word decided.
    """

    kind: SubjectKind
    key: str
    words: Mapping[Matter, tuple[Review, ...]]
    decisive: Mapping[Matter, tuple[Review, ...]]
    arbitrated: tuple[Matter, ...] = ()

    @property
    def verdict(self) -> Verdict | None:
        """Whether it may be used; None if nobody said."""
        for review in self.decisive.get("verdict", ()):
            if review.action in ("accept", "flag", "reject"):
                return review.action
        return None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is flagged or rejected: the reasons of all whose word holds, sorted."""
        return tuple(sorted({review.reason for review in self.decisive.get("verdict", ()) if review.reason}))

    @property
    def resegment(self) -> Review | None:
        """How to segment it again; None if nobody said."""
        return next(iter(self.decisive.get("segment", ())), None)

    @property
    def category(self) -> str:
        """What it shows, where somebody said; else empty."""
        return next((review.category for review in self.decisive.get("category", ())), "")

    @property
    def product_id(self) -> str:
        """Whose it is, where somebody said; else empty."""
        return next((review.product_id for review in self.decisive.get("product_id", ())), "")

    @property
    def disagreements(self) -> tuple[Matter, ...]:
        """Matters on which reviewers say different things."""
        return tuple(
            matter for matter, words in self.words.items() if len({_said(matter, review) for review in words}) > 1
        )

    @property
    def is_conflict(self) -> bool:
        """Whether reviewers disagree and no arbiter decided."""
        return bool(set(self.disagreements) - set(self.arbitrated))

    @property
    def reviewers(self) -> tuple[str, ...]:
        """Who has a word on it, sorted."""
        return tuple(sorted({review.reviewer for words in self.words.values() for review in words}))

    @property
    def name(self) -> str:
        """What the latest word calls it."""
        words = [review for words in self.words.values() for review in words if review.name]
        return max(words, key=_order).name if words else self.key[:16]


Standings = Mapping[tuple[SubjectKind, str], Standing]
"""By kind and key."""


def standings(reviews: Iterable[Review], arbiter: str | None = None) -> dict[tuple[SubjectKind, str], Standing]:
    """What is said of each subject now, sorted by kind and key.

    Args:
        reviews: in any order, each once; of one reviewer's words about one subject at one time the later here holds.
        arbiter: the reviewer whose word decides.
    """
    reviews = list(reviews)
    back = taken_back(reviews)
    said: dict[tuple[SubjectKind, str], dict[tuple[Matter, str], Review]] = {}
    for review in sorted(reviews, key=lambda review: review.at):
        if review.action != "undo" and review.review_id not in back:
            words = said.setdefault(review.subject, {})
            for matter in _matters(review):
                words[matter, review.reviewer] = review
    return {subject: _standing(subject, said[subject], arbiter) for subject in sorted(said)}


def taken_back(reviews: Iterable[Review]) -> frozenset[str]:
    """Identifiers of the verdicts that their reviewers took back."""
    reviews = list(reviews)
    known = {review.review_id: review for review in reviews}
    return frozenset(r.undoes for r in reviews if r.action == "undo" and _takes_back(r, known.get(r.undoes)))


def idle_undos(reviews: Iterable[Review]) -> list[Review]:
    """Undos that take nothing back: what they name is not there, another's, about another subject, or an undo."""
    reviews = list(reviews)
    known = {review.review_id: review for review in reviews}
    return [r for r in reviews if r.action == "undo" and not _takes_back(r, known.get(r.undoes))]


def conflicts(found: Standings) -> list[Standing]:
    """Subjects on which reviewers disagree and no arbiter decided."""
    return [standing for standing in found.values() if standing.is_conflict]


def word_text(matter: Matter, review: Review) -> str:
    """What a word says on a matter, for a person."""
    if matter == "category":
        return f"category {review.category}"
    if matter == "product_id":
        return f"product {review.product_id}"
    if matter == "segment":
        box = "" if review.box is None else f"box {' '.join(f'{x:.3g}' for x in review.box)} at {review.box_frame}"
        return "segment again: " + ", ".join(part for part in (review.prompt, box) if part)
    return f"{review.action} ({review.reason})" if review.reason else review.action


def _standing(
    subject: tuple[SubjectKind, str], said: Mapping[tuple[Matter, str], Review], arbiter: str | None
) -> Standing:
    words = {
        matter: tuple(review for (on, _), review in sorted(said.items()) if on == matter)
        for matter in MATTERS
        if any(on == matter for on, _ in said)
    }
    decisive, arbitrated = {}, []
    for matter, given in words.items():
        judges = [review for review in given if review.reviewer == arbiter]
        decisive[matter] = _deciding(matter, judges or given)
        if judges and len({_said(matter, review) for review in given}) > 1:
            arbitrated.append(matter)
    return Standing(*subject, words, decisive, tuple(arbitrated))


def _deciding(matter: Matter, words: Iterable[Review]) -> tuple[Review, ...]:
    """Those that hold: of verdicts all that are strictest, of other words the latest and those that say the same."""
    words = list(words)
    if matter == "verdict":
        most = max(_STRICTNESS[review.action] for review in words)
        return tuple(review for review in words if _STRICTNESS[review.action] == most)
    latest = max(words, key=_order)
    same = [r for r in words if r is not latest and _said(matter, r) == _said(matter, latest)]
    return (latest, *same)


def _matters(review: Review) -> Iterator[Matter]:
    if review.action in _STRICTNESS:
        yield "verdict"
    if review.action == "resegment":
        yield "segment"
    if review.category.strip():
        yield "category"
    if review.product_id.strip():
        yield "product_id"


def _said(matter: Matter, review: Review) -> tuple[object, ...]:
    """What two words on a matter must have in common to say the same."""
    if matter == "category":
        return (review.category,)
    if matter == "product_id":
        return (review.product_id,)
    if matter == "segment":
        return review.prompt, review.box, review.box_frame
    return (review.action,)


def _order(review: Review) -> tuple[str, str, str]:
    return review.at, review.reviewer, review.review_id


def _takes_back(undo: Review, undone: Review | None) -> bool:
    return (
        undone is not None
        and undone.action != "undo"
        and undone.reviewer == undo.reviewer
        and undone.subject == undo.subject
    )
