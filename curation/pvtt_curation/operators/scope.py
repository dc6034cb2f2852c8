"""What an operator works on: the sample that is open, those that are selected, or all of the view."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from pvtt_curation.subjects import Subject
from pvtt_data.errors import InputError

if TYPE_CHECKING:
    from pvtt_curation.app.context import ReviewContext

Where = Literal["open", "selected", "view"]
WHERES: tuple[Where, ...] = get_args(Where)


@dataclass(frozen=True, slots=True)
class Scope:
    """Some subjects, and how a person chose them."""

    where: Where
    subjects: tuple[Subject, ...]


def offered(ctx: Any) -> list[Where]:
    """What there is to work on, the likeliest first; a view is always last.

    Args:
        ctx: FiftyOne's `ExecutionContext`.
    """
    found: list[Where] = []
    if ctx.current_sample:
        found.append("open")
    if ctx.selected:
        found.append("selected")
    return [*found, "view"]


def scope_of(ctx: Any, context: ReviewContext, where: str | None) -> Scope:
    """The subjects to work on.

    Args:
        ctx: FiftyOne's `ExecutionContext`.
        context: the review.
        where: of `WHERES`; the likeliest if not given, which is never the whole view.

    Raises:
        InputError: nothing is open or selected, or another dataset is.
    """
    check_dataset(ctx, context)
    chosen = next((one for one in WHERES if one == where), None) if where else offered(ctx)[0]
    if chosen is None:
        raise InputError("review", f"{where!r} is none of {', '.join(WHERES)}")
    if chosen == "view" and not where:
        raise InputError("review", "open a sample or select some first")
    if chosen == "view":
        subjects = _known(context, zip(*ctx.view.values(["kind", "key"]), strict=True))
    else:
        ids = ctx.selected if chosen == "selected" else [one for one in [ctx.current_sample] if one]
        subjects = by_sample(ctx.dataset, context, ids)
    if not subjects:
        missing = {"open": "no sample is open", "selected": "nothing is selected", "view": "the view is empty"}
        raise InputError("review", missing[chosen])
    return Scope(chosen, tuple(subjects))


def check_dataset(ctx: Any, context: ReviewContext) -> None:
    """Whether the app shows what is reviewed.

    Raises:
        InputError: another dataset.
    """
    if ctx.dataset_name != context.dataset:
        raise InputError("review", f"this is not what is reviewed: open the dataset {context.dataset}")


def by_sample(dataset: Any, context: ReviewContext, ids: Sequence[str]) -> list[Subject]:
    """The subjects that samples show, each once.

    Args:
        dataset: FiftyOne's.
        context: the review.
        ids: of samples, of any slice.

    Raises:
        InputError: the ids are not those of samples, as in a view of clips or frames.
    """
    from bson import ObjectId

    wanted = {"_id": {"$in": [ObjectId(one) for one in ids]}}
    rows = {str(row["_id"]): row for row in dataset._sample_collection.find(wanted, {"kind": 1, "key": 1})}
    if any(one not in rows for one in ids):
        raise InputError("review", "these are parts of samples: go back to a view of whole samples")
    return _known(context, ((rows[one].get("kind"), rows[one].get("key")) for one in ids))


def _known(context: ReviewContext, named: Iterable[tuple[Any, ...]]) -> list[Subject]:
    found: dict[tuple[str, str], Subject] = {}
    for kind, key in named:
        subject = context.subject(kind or "", key or "")
        if subject is None:
            raise InputError("review", "a sample here belongs to nothing that is reviewed: open the review again")
        found[kind, key] = subject
    return list(found.values())
