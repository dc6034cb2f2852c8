"""Verdicts in words, for a person."""

from __future__ import annotations

from pvtt_data.reviews.records import Review


def in_words(review: Review) -> str:
    """What a verdict says: ``reject (drift)``, ``segment again: mug.``, ``category mug``."""
    if review.action == "relabel":
        labels = (("category", review.category), ("product", review.product_id))
        return ", ".join(f"{name} {value}" for name, value in labels if value)
    if review.action == "resegment":
        box = f"the box in frame {review.box_frame}" if review.box is not None else ""
        return "segment again: " + ", ".join(part for part in (review.prompt, box) if part)
    return f"{review.action} ({review.reason})" if review.reason else review.action


def when(review: Review) -> str:
    """When it was given, to the minute."""
    return review.at[:16].replace("T", " ")
