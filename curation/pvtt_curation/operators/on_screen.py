"""What is open in browsers: a sample and panels, whose content changes with a verdict, wherever it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pvtt_curation.app.documents import object_id
from pvtt_curation.app.standing import standing_fields
from pvtt_curation.operators.board import board
from pvtt_curation.operators.scope import by_sample

if TYPE_CHECKING:
    from pvtt_curation.app.context import ReviewContext

UPDATE_SAMPLES = "@pvtt/review/update_samples"
"""Of index.js."""
_MOST_OPEN = 32
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


def tell_samples(ctx: Any, context: ReviewContext) -> list[Any]:
    """Have the grid loaded again, and send what people say now to the sample that is open, all slices of it.

    The app itself does not fetch a sample again that was open once.

    Returns:
        The messages, which an operator that streams has to hand on.
    """
    grid = ctx.ops.reload_dataset()
    if not ctx.current_sample:
        return [grid]
    names = list(standing_fields(context.subjects[0], {}))
    samples = ctx.dataset._sample_collection
    (subject,) = by_sample(ctx.dataset, context, [ctx.current_sample])
    rows = list(samples.find({"group._id": object_id(subject.kind, subject.key)}, dict.fromkeys(names, 1)))
    fields = {name: rows[0].get(name) for name in names}
    return [grid, ctx.trigger(UPDATE_SAMPLES, {"ids": [str(row["_id"]) for row in rows], "fields": fields})]


def panel_data(ctx: Any, context: ReviewContext) -> dict[str, Any]:
    """What a panel shows: of the open sample, else of the one that is selected, and how far the review is."""
    ids = [ctx.current_sample] if ctx.current_sample else ctx.selected[:1] if len(ctx.selected) == 1 else []
    subjects = by_sample(ctx.dataset, context, ids) if ids else []
    return board(context, subjects[0] if subjects else None)
