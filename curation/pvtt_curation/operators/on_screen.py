"""What is open in browsers: a sample and panels, whose content changes with a verdict, wherever it is given."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from pvtt_curation.app.documents import object_id
from pvtt_curation.app.standing import standing_fields
from pvtt_curation.operators.board import board
from pvtt_curation.operators.scope import by_sample
from pvtt_curation.operators.targets import keys_of

if TYPE_CHECKING:
    from pvtt_curation.app.context import ReviewContext
    from pvtt_data.reviews.records import SubjectKind

UPDATE_SAMPLES = "@pvtt/review/update_samples"
"""Of index.js."""
_MOST_OPEN = 32
_MOST_SENT = 1000
"""Subjects; for more of them all of the grid is loaded again."""
_open: dict[str, None] = {}
"""Their ids, the latest last. One browser does not mind what is sent to a panel of another."""


def panel_opened(panel_id: str) -> None:
    """A panel wants to hear of verdicts."""
    _open.pop(panel_id, None)
    _open[panel_id] = None
    while len(_open) > _MOST_OPEN:
        del _open[next(iter(_open))]


def panel_closed(panel_id: str) -> None:
    """It does not any more."""
    _open.pop(panel_id, None)


def tell_panels(ctx: Any, context: ReviewContext) -> list[Any]:
    """Send what there is to know now to all open panels.

    Returns:
        The messages, which an operator that streams has to hand on.
    """
    if not _open:
        return []
    data = panel_data(ctx, context)
    return [ctx.ops.patch_panel_data(data, panel_id=panel_id) for panel_id in list(_open)]


def tell_samples(ctx: Any, context: ReviewContext, changed: Collection[tuple[SubjectKind, str]]) -> list[Any]:
    """Send the fields that tell what people said to all samples on the screen that a verdict has a say in.

    The app itself fetches a sample that it has shown once not again.

    Args:
        ctx: FiftyOne's `ExecutionContext`.
        context: the review.
        changed: kinds and keys of what the verdicts are about.

    Returns:
        The messages, which an operator that streams has to hand on.
    """
    meant = set(changed)
    subjects = [subject for subject in context.subjects if meant & keys_of(subject)]
    if len(subjects) > _MOST_SENT:
        return [ctx.ops.reload_dataset()]
    names = list(standing_fields(context.subjects[0], {}))
    groups = {"group._id": {"$in": [object_id(subject.kind, subject.key) for subject in subjects]}}
    found: dict[Any, dict[str, Any]] = {}
    for row in ctx.dataset._sample_collection.find(groups, {"group._id": 1, **dict.fromkeys(names, 1)}):
        sample = found.setdefault(row["group"]["_id"], {"ids": [], "fields": {name: row.get(name) for name in names}})
        sample["ids"].append(str(row["_id"]))
    return [ctx.trigger(UPDATE_SAMPLES, {"samples": list(found.values())})]


def panel_data(ctx: Any, context: ReviewContext) -> dict[str, Any]:
    """What a panel shows: of the open sample, else of the one that is selected, and how far the review is."""
    ids = [ctx.current_sample] if ctx.current_sample else ctx.selected[:1] if len(ctx.selected) == 1 else []
    subjects = by_sample(ctx.dataset, context, ids) if ids else []
    return board(context, subjects[0] if subjects else None)
