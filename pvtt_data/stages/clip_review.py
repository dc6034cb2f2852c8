"""Clip review: clips that people rejected leave the line before anything is made of them. A table stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pvtt_data.records import Clip
from pvtt_data.reviews.book import ReviewBook, Ruling
from pvtt_data.stage import StageResult, reject

NAME = "clip_review"


def clip_review(clips: Sequence[Clip], reviews: ReviewBook, names: Mapping[str, str]) -> StageResult:
    """Clips that nobody rejected. A flag goes on to the triples of the clip.

    Args:
        names: clip → what a person knows it by.
    """
    result = StageResult(NAME, items=len(clips), table=True)
    for clip in clips:
        ruling = reviews.rule(reviews.of_clip(clip), clip.clip_id, Ruling("accept", (), ""))
        if ruling.verdict == "reject":
            result.rejections.append(
                reject(NAME, "clip", clip.clip_id, names[clip.clip_id], ruling.reasons[0], ruling.message)
            )
        else:
            result.rows.append(clip)
    return result
