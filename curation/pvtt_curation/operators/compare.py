"""Compare the version that is shown with another one of the same dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fiftyone.operators import types

from pvtt_curation.operators.base import ReviewOperator
from pvtt_curation.operators.forms import Form
from pvtt_curation.operators.plain_text import plain
from pvtt_curation.operators.scope import check_dataset
from pvtt_data.errors import InputError
from pvtt_data.shards.diff import VersionDiff, diff_versions
from pvtt_data.shards.versions import version_numbers

if TYPE_CHECKING:
    from pvtt_curation.app.context import ReviewContext

_MOST_LINES = 12


class Compare(ReviewOperator):
    """What came, went and changed between two versions; and those of them that are shown here, as a view."""

    name = "compare"
    label = "Compare versions"
    icon = "compare_arrows"
    place = types.Places.SAMPLES_GRID_SECONDARY_ACTIONS

    def ask(self, ctx: Any, context: ReviewContext, form: Form) -> str:
        """Ask for the other version."""
        check_dataset(ctx, context)
        here, others = _versions(context)
        form.say(f"{here.name} is shown here")
        default = ctx.params.get("other") or _likeliest(here, others)
        form.choose("other", "Compare with", [(name, name) for name in others], default=default)
        return self.label

    def run(self, ctx: Any, context: ReviewContext) -> dict[str, Any]:
        """Compare, and show the triples that differ."""
        check_dataset(ctx, context)
        here, others = _versions(context)
        other = ctx.params.get("other") or _likeliest(here, others)
        if other not in others:
            raise InputError("review", f"there is no version {other}")
        before, after = sorted((here, here.with_name(other)), key=_number)
        diff = diff_versions(before, after)
        triples = _shown(context, diff, here_is_before=here == before)
        if triples:
            ctx.ops.set_view(ctx.dataset.match({"row_id": {"$in": sorted(triples)}}))
        return {"text": as_markdown(diff, shown=len(triples), here=here.name)}

    def resolve_output(self, ctx: Any) -> Any:
        """What differs."""
        outputs = types.Object()
        outputs.str("text", view=types.MarkdownView())
        return types.Property(outputs, view=types.View(label=self.label))


def as_markdown(diff: VersionDiff, *, shown: int, here: str) -> str:
    """A comparison for a person.

    Args:
        diff: of two versions.
        shown: triples that differ and are in the version that is shown.
        here: the name of that version.
    """
    if diff.same:
        return f"**{plain(diff.before)} → {plain(diff.after)}**: the same content"
    counts = f"{len(diff.added)} came, {len(diff.removed)} went, {len(diff.changed)} changed"
    lines = [f"**{plain(diff.before)} → {plain(diff.after)}**: {counts}", ""]
    for sign, found in (("+", diff.added), ("−", diff.removed)):
        reasons = Counter(line.review or line.why for line in found)
        lines += [f"- {sign}{count} {plain(why)}" for why, count in sorted(reasons.items())]
    names = [
        f"{plain(line.product_a)} into {plain(line.product_b)}, went: {plain(line.review or line.why)}"
        for line in diff.removed
    ]
    names += [
        f"{plain(line.product_a)} into {plain(line.product_b)}, came: {plain(line.review or line.why)}"
        for line in diff.added
    ]
    lines += ["", *_listed(names)]
    lines += ["", f"{shown} of them are in {plain(here)}, and the grid shows those." if shown else ""]
    return "\n".join(lines)


def _listed(names: list[str]) -> Iterable[str]:
    yield from (f"1. {name}" for name in names[:_MOST_LINES])
    if len(names) > _MOST_LINES:
        yield f"\n… and {len(names) - _MOST_LINES} more: `pvtt-data diff --all`"


def _versions(context: ReviewContext) -> tuple[Path, list[str]]:
    """The folder of the version that is shown, and the names of the others beside it."""
    here = context.reviewed.version
    if here is None:
        raise InputError("review", "a build is shown here: open one of its versions to compare it with another")
    here = here.resolve()
    names = [f"v{number}" for number in version_numbers(here.parent)]
    others = [name for name in names if name != here.name]
    if not others or here.name not in names:
        raise InputError("review", f"there is no other version beside {here.name}")
    return here, others


def _likeliest(here: Path, others: list[str]) -> str:
    """The next version, or else the one before."""
    later = [name for name in others if _number(Path(name)) > _number(here)]
    return later[0] if later else others[-1]


def _number(version: Path) -> int:
    return int(version.name.removeprefix("v"))


def _shown(context: ReviewContext, diff: VersionDiff, *, here_is_before: bool) -> set[str]:
    """Ids of triples that differ and are shown; a sample's key begins its triple's id."""
    lines = diff.removed if here_is_before else diff.added
    keys = {line.key for line in lines}
    keys |= {change.key_before if here_is_before else change.key for change in diff.changed}
    return {subject.row_id for subject in context.subjects if subject.kind == "triple" and subject.row_id[:16] in keys}
