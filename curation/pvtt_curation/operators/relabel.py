"""Say what a mined video shows: its category, its product."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pvtt_curation.operators.base import VerdictOperator, text_of
from pvtt_curation.operators.forms import Form
from pvtt_curation.operators.scope import Scope
from pvtt_data.reviews.records import Action

if TYPE_CHECKING:
    from pvtt_curation.app.context import ReviewContext

_MOST_SUGGESTIONS = 1000


class Relabel(VerdictOperator):
    """Category or product id of the mined video; all of its clips are paired anew."""

    name = "relabel"
    label = "Category, product"
    icon = "sell"
    action: ClassVar[Action] = "relabel"

    def ask_facts(self, ctx: Any, context: ReviewContext, form: Form, scope: Scope) -> None:
        """Ask for either or both."""
        known = context.subjects
        form.suggest(
            "category",
            "Category",
            sorted({subject.category for subject in known if subject.category}),
            hint=_now({subject.category for subject in scope.subjects}),
        )
        form.suggest(
            "product_id",
            "Product id",
            sorted({subject.product for subject in known if subject.product})[:_MOST_SUGGESTIONS],
            hint=_now({subject.product for subject in scope.subjects}),
        )
        form.text("comment", "Comment")
        if not text_of(ctx, "category") and not text_of(ctx, "product_id"):
            form.refuse("name a category, a product id or both; what is left empty stays")

    def facts(self, ctx: Any) -> dict[str, Any]:
        """What it shows."""
        labels = {name: text_of(ctx, name) for name in ("category", "product_id")}
        return {**labels, **super().facts(ctx)}


def _now(values: set[str]) -> str:
    return f"now {next(iter(values)) or 'none'}" if len(values) == 1 else f"now {len(values):,} different ones"
