"""Verdicts for tests."""

from __future__ import annotations

import hashlib
from typing import Any

from hypothesis import strategies as st

from pvtt_data.reviews.records import ACTIONS_OF, KINDS, REASONS, Review


def key(name: object) -> str:
    """A subject's key that belongs to a name."""
    return hashlib.sha256(str(name).encode()).hexdigest()


def said(action: str, reviewer: str = "anna", about: object = "mask 1", minute: int = 0, **facts: Any) -> Review:
    """A verdict; of a reject or flag the reason is drift unless told otherwise."""
    kind = facts.pop("kind", {"relabel": "source", "resegment": "clip"}.get(action, "mask"))
    if action in ("reject", "flag"):
        facts.setdefault("reason", "drift")
    at = facts.pop("at", f"2026-11-26T{10 + minute // 60:02d}:{minute % 60:02d}:00Z")
    return Review.made(kind, key(about), action, reviewer, at=at, **facts)  # type: ignore[arg-type]


def undo(review: Review, minute: int, reviewer: str = "") -> Review:
    """The undo of a verdict."""
    at = f"2026-11-26T{10 + minute // 60:02d}:{minute % 60:02d}:00Z"
    return Review.made(review.kind, review.key, "undo", reviewer or review.reviewer, at=at, undoes=review.review_id)


@st.composite
def reviews(draw: st.DrawFn, reviewers: tuple[str, ...] = ("anna", "ben", "cleo")) -> Review:
    """Any verdict but an undo, about a few subjects."""
    kind = draw(st.sampled_from(KINDS))
    action = draw(st.sampled_from([name for name in ACTIONS_OF[kind] if name != "undo"]))
    facts: dict[str, Any] = {"comment": draw(st.text('ab é"\\\n猫', max_size=6))}
    if action in ("reject", "flag"):
        facts["reason"] = draw(st.sampled_from(REASONS[:-1]))
    if action == "relabel":
        facts["product_id"] = draw(st.sampled_from(["mug", "bowl"]))
        facts["category"] = draw(st.sampled_from(["", "cups", "猫"]))
    if action == "resegment":
        facts["prompt"] = draw(st.sampled_from(["teapot.", ""]))
        if not facts["prompt"]:
            low, high = sorted(draw(st.lists(st.integers(0, 99), min_size=2, max_size=2, unique=True)))
            facts |= {"box": (low / 99, low / 99, high / 99, high / 99), "box_frame": draw(st.integers(0, 48))}
    name, minute = draw(st.sampled_from(reviewers)), draw(st.integers(0, 5))
    return said(action, name, about=draw(st.integers(0, 2)), minute=minute, kind=kind, **facts)
