"""One verdict of one person about one subject, and the keys that subjects have.

A subject is known by the content hash of what was looked at. A verdict therefore holds wherever the same pixels are
shown, in any recipe, work directory or dataset version, and for nothing else: a mask that was made anew, even of the
same clip, is another subject.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal, get_args

from pvtt_data import __version__
from pvtt_data.errors import InputError
from pvtt_data.records import canonical_json, content_id, from_plain, to_plain

SubjectKind = Literal["source", "clip", "mask", "triple"]
"""What a verdict is about: a mined file, the video of a clip, a mask over a clip, a triple."""
Action = Literal["accept", "reject", "flag", "resegment", "relabel", "undo"]

KINDS: tuple[SubjectKind, ...] = get_args(SubjectKind)
ACTIONS: tuple[Action, ...] = get_args(Action)
REASONS = (
    "wrong-object",
    "bad-edges",
    "drift",
    "hand-included",
    "copied-reference",
    "bad-composite",
    "not-the-product",
    "privacy",
    "other",
)
"""Why something is rejected or flagged; "other" needs a comment."""
ACTIONS_OF: Mapping[SubjectKind, tuple[Action, ...]] = {
    "source": ("relabel", "undo"),
    "clip": ("accept", "reject", "flag", "resegment", "undo"),
    "mask": ("accept", "reject", "flag", "undo"),
    "triple": ("accept", "reject", "flag", "undo"),
}
"""What may be said of which kind of subject."""
VIDEO_MEMBERS = ("source.mp4", "source_mask.mp4", "target.mp4", "target_mask.mp4", "effect_mask.mp4")
"""The members of a sample that make its triple's key, besides its references."""
TOOL = f"pvtt {__version__}"
"""What this program calls itself in a verdict."""
MAX_TEXT_CHARS = 2000
"""Longest comment, prompt or name."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_REVIEW_ID = re.compile(r"[0-9a-f]{16}")
_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_REVIEWER = re.compile(r"[^\W_][\w.@+-]{0,47}")
_REFERENCE = re.compile(r"reference_(0|[1-9]\d?)\.png")
_TEXTS = ("comment", "prompt", "category", "product_id", "tool", "name", "seen_in")


@dataclass(frozen=True, slots=True)
class Review:
    """One verdict.

    Make it with `Review.made`, which fills in the identifier and the time.
    """

    key_field: ClassVar[str] = "review_id"

    review_id: str
    """`content_id` of all other fields, so that a damaged line is noticed."""
    kind: SubjectKind
    key: str
    """Of the subject, 64 hex digits: a source's `Source.sha256`, or `clip_key`, `mask_key`, `triple_key`."""
    action: Action
    reason: str = ""
    """Of a reject or a flag: one of `REASONS`."""
    comment: str = ""
    prompt: str = ""
    """Of a resegment: what to look for, such as "teapot."; may be empty where a box is given."""
    box: tuple[float, ...] | None = None
    """Of a resegment: x0, y0, x1, y1 around the product, in shares of the clip's width and height, 0 to 1."""
    box_frame: int | None = None
    """The clip's frame, counted from 0, in which the box lies."""
    category: str = ""
    """Of a relabel; empty changes nothing."""
    product_id: str = ""
    """Of a relabel; empty changes nothing."""
    undoes: str = ""
    """Of an undo: the verdict of the same reviewer about the same subject that is taken back; never an undo."""
    reviewer: str = ""
    at: str = ""
    """UTC, to the second: 2026-11-26T09:10:00Z. Among verdicts of one reviewer about one subject the latest holds."""
    tool: str = ""
    """What the verdict was given with, and its version."""
    name: str = ""
    """What a person knows the subject by; nothing depends on it."""
    seen_in: str = ""
    """Where it was seen: a dataset version, or a recipe; nothing depends on it."""

    @classmethod
    def made(
        cls, kind: SubjectKind, key: str, action: Action, reviewer: str, *, at: str = "", tool: str = "", **facts: Any
    ) -> Review:
        """A checked verdict, of now unless ``at`` says when.

        Raises:
            InputError: it says nothing that can be followed; see `check`.
        """
        facts = {"at": at or utc_now(), "tool": tool or TOOL, **facts}
        if facts.get("box") is not None:
            facts["box"] = tuple(float(share) for share in facts["box"])
        review = cls(review_id="", kind=kind, key=key, action=action, reviewer=reviewer, **facts)
        check_content(review)
        return review.named_by_content()

    def named_by_content(self) -> Review:
        """The same with the identifier that its content gives it."""
        return dataclasses.replace(self, review_id=review_id_of(self))

    @property
    def subject(self) -> tuple[SubjectKind, str]:
        """Kind and key of what it is about."""
        return self.kind, self.key


def clip_key(video_sha256: str) -> str:
    """Key of a clip: the SHA-256 of its video.

    Raises:
        InputError: not 64 hex digits.
    """
    return _checked_sha256("clip", video_sha256)


def mask_key(video_sha256: str, mask_sha256: str) -> str:
    """Key of a mask: a digest over the SHA-256 of the clip's video and of the mask's.

    Raises:
        InputError: not 64 hex digits.
    """
    return _digest("mask", _checked_sha256("clip", video_sha256), _checked_sha256("mask", mask_sha256))


def triple_key(members: Mapping[str, str]) -> str:
    """Key of a triple: a digest over its five videos and its references.

    Held-out pictures and the JSON take no part. A picture that is repeated to fill a dataset's members counts once.

    Args:
        members: SHA-256 by the member names of a dataset: ``source.mp4``, ..., ``reference_0.png``, ....

    Raises:
        InputError: a member is missing, references are not numbered from 0, or a hash has not 64 hex digits.
    """
    missing = [name for name in VIDEO_MEMBERS if name not in members]
    if missing:
        raise InputError("review-key", f"a triple's key needs the hash of {missing[0]}")
    numbered = {int(match[1]): sha256 for name, sha256 in members.items() if (match := _REFERENCE.fullmatch(name))}
    if not numbered or set(numbered) != set(range(len(numbered))):
        raise InputError("review-key", "a triple's key needs the hashes of its references, numbered from 0")
    references = [numbered[number] for number in range(len(numbered))]
    while len(references) > 1 and references[-1] == references[-2]:
        references.pop()
    videos = [_checked_sha256(name, members[name]) for name in VIDEO_MEMBERS]
    return _digest("triple", *videos, *(_checked_sha256("reference", sha256) for sha256 in references))


def review_id_of(review: Review) -> str:
    """The identifier that a verdict's content gives it."""
    facts = to_plain(review)
    del facts["review_id"]
    return content_id("review", facts)


def utc_now() -> str:
    """The time, as verdicts state it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def check_reviewer(name: str) -> str:
    """A reviewer's name, which also names a file.

    Raises:
        InputError: it is not one.
    """
    if not _REVIEWER.fullmatch(name) or unicodedata.normalize("NFC", name) != name:
        raise InputError(
            "review-reviewer",
            f"a reviewer's name has up to 48 letters, digits and . _ @ + -, and begins with a letter or digit, not "
            f"{name!r}",
        )
    return name


def check(review: Review) -> None:
    """Whether a verdict says something that can be followed, and nothing else, and has its content's identifier.

    Raises:
        InputError: what is wrong with it.
    """
    check_content(review)
    expected = review_id_of(review)
    _need(review.review_id == expected, f"review_id is {review.review_id!r}, but the content has {expected}")


def check_content(review: Review) -> None:
    """`check`, but for the identifier.

    Raises:
        InputError: what is wrong with it.
    """
    _need(review.kind in KINDS, f"kind must be one of {', '.join(KINDS)}, not {review.kind!r}")
    allowed = ACTIONS_OF[review.kind]
    _need(review.action in allowed, f"of a {review.kind} one says {', '.join(allowed)}, not {review.action!r}")
    _need(bool(_SHA256.fullmatch(review.key)), f"key must have 64 hex digits, not {review.key!r}")
    check_reviewer(review.reviewer)
    _need(_is_time(review.at), f"at must be a UTC time such as 2026-11-26T09:10:00Z, not {review.at!r}")
    for field in _TEXTS:
        text = getattr(review, field)
        _need(len(text) <= MAX_TEXT_CHARS, f"{field} is longer than {MAX_TEXT_CHARS} characters")
        _need(_storable(text), f"{field} holds half a surrogate pair, which no file can")
    _check_reason(review)
    _check_resegment(review)
    labelled = bool(review.category.strip() or review.product_id.strip())
    _need(labelled == (review.action == "relabel"), "a relabel, and nothing else, gives a category or a product id")
    undone = bool(_REVIEW_ID.fullmatch(review.undoes))
    _need(undone or not review.undoes, f"undoes must be the 16 hex digits of a verdict, not {review.undoes!r}")
    _need(undone == (review.action == "undo"), "an undo, and nothing else, names the verdict that it takes back")


def review_from_plain(row: Mapping[str, Any], named: bool = True) -> Review:
    """The checked verdict of a JSON object.

    Args:
        row: the fields of `Review`; those with a default may be absent.
        named: whether it states its identifier; else it gets the one of its content.

    Raises:
        InputError: a field is missing, unknown or of another type, or the verdict cannot be followed.
    """
    row = row if named else {**row, "review_id": ""}
    lacking = [name for name in ("review_id", "kind", "key", "action") if name not in row]
    _need(not lacking, f"{', '.join(lacking)} is missing")
    for field in dataclasses.fields(Review):
        value = row.get(field.name)
        if field.name == "box":
            right = value is None or (isinstance(value, (list, tuple)) and all(map(_is_number, value)))
        elif field.name == "box_frame":
            right = value is None or (isinstance(value, int) and not isinstance(value, bool))
        else:
            right = isinstance(row.get(field.name, ""), str)
        _need(right, f"{field.name} has another type than it should: {value!r}")
    try:
        review = from_plain(Review, row)
    except TypeError as error:
        raise InputError("review", str(error)) from error
    if named:
        check(review)
        return review
    check_content(review)
    return review.named_by_content()


def review_line(review: Review) -> bytes:
    """A verdict as a line of a file, with its end."""
    return canonical_json(review).encode() + b"\n"


def _check_reason(review: Review) -> None:
    if review.action in ("reject", "flag"):
        _need(review.reason in REASONS, f"a {review.action} has one of the reasons {', '.join(REASONS)}")
        _need(review.reason != "other" or bool(review.comment.strip()), "the reason other needs a comment")
    else:
        _need(not review.reason, f"a {review.action} has no reason; a comment may say why")


def _check_resegment(review: Review) -> None:
    if review.action != "resegment":
        told = bool(review.prompt) or review.box is not None or review.box_frame is not None
        _need(not told, "a prompt or a box goes with a resegment only")
        return
    _need(bool(review.prompt.strip()) or review.box is not None, "a resegment needs a prompt or a box")
    _need((review.box is None) == (review.box_frame is None), "a box needs the frame in which it lies")
    if review.box is not None and review.box_frame is not None:
        right = len(review.box) == 4 and all(math.isfinite(share) for share in review.box)
        _need(right, "a box is four shares: x0, y0, x1, y1")
        x0, y0, x1, y1 = review.box
        _need(0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1, "a box has 0 ≤ x0 < x1 ≤ 1 and 0 ≤ y0 < y1 ≤ 1")
        _need(review.box_frame >= 0, "frames are counted from 0")


def _is_time(text: str) -> bool:
    if not _AT.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _need(holds: bool, message: str) -> None:
    if not holds:
        raise InputError("review", message)


def _checked_sha256(what: str, sha256: str) -> str:
    if not _SHA256.fullmatch(sha256):
        raise InputError("review-key", f"the hash of the {what} must have 64 lower-case hex digits, not {sha256!r}")
    return sha256


def _digest(*facts: str) -> str:
    return hashlib.sha256(canonical_json(list(facts)).encode()).hexdigest()
