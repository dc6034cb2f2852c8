"""Take back what was said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pvtt_curation.operators.base import ReviewOperator, show, what
from pvtt_curation.operators.forms import Form
from pvtt_curation.operators.saying import last_action, latest_about, own_words, take_back
from pvtt_curation.operators.scope import check_dataset, offered, scope_of
from pvtt_curation.operators.targets import keys_of, part_label
from pvtt_curation.operators.words import in_words, when
from pvtt_curation.subjects import Subject
from pvtt_data.errors import InputError
from pvtt_data.reviews.records import Review

if TYPE_CHECKING:
    from pvtt_curation.app.context import ReviewContext

LAST_ACTION = "last-action"
"""In place of a word's id: all that was said at once, the last time that anything was said."""
_EACH = "latest"


class Undo(ReviewOperator):
    """Take back a word of one's own; what was said before it holds again."""

    name = "undo"
    label = "Undo"
    icon = "undo"

    def ask(self, ctx: Any, context: ReviewContext, form: Form) -> str:
        """Ask which word."""
        check_dataset(ctx, context)
        words = own_words(context.verdicts, context.reviewer)
        if not words:
            form.refuse(f"{context.reviewer} has said nothing yet that could be taken back")
            return self.label
        together = last_action(words)
        last = (LAST_ACTION, f"the last thing said, wherever: {in_words(together[-1])}, {what(together)}")
        wheres = [where for where in offered(ctx) if where != "view"]
        if not wheres:
            form.choose("word", "Take back", [last], default=LAST_ACTION)
            return self.label
        scope = scope_of(ctx, context, ctx.params.get("where"))
        form.scope(wheres, scope)
        one = len(scope.subjects) == 1
        choices = _choices(words, scope.subjects[0]) if one else _latest_of_each(words, scope.subjects)
        if not choices:
            form.say(f"{context.reviewer} has said nothing of this yet")
        choices.append(last)
        form.choose("word", "Take back", choices, default=choices[0][0])
        return self.label

    def run(self, ctx: Any, context: ReviewContext) -> None:
        """Take it back, and show what holds now."""
        check_dataset(ctx, context)
        words = own_words(context.verdicts, context.reviewer)
        chosen = ctx.params.get("word")
        if chosen == LAST_ACTION:
            gone = last_action(words)
        elif chosen and chosen != _EACH:
            gone = [word for word in words if word.review_id == chosen]
        else:
            scope = scope_of(ctx, context, ctx.params.get("where"))
            found = (latest_about(words, keys_of(subject)) for subject in scope.subjects)
            gone = list({word.review_id: word for word in found if word}.values())
        if not gone:
            raise InputError("review", f"{context.reviewer} has said nothing of this that could be taken back")
        undos = take_back(context.verdicts, context.reviewer, context.name, gone)
        show(ctx, context, undos, f"taken back: {in_words(gone[-1])}, {what(gone)}")


def _choices(words: Sequence[Review], subject: Subject) -> list[tuple[str, str]]:
    """Words about a subject or its parts, the latest first."""
    about = [word for word in reversed(words) if word.subject in keys_of(subject)]
    return [
        (word.review_id, f"{in_words(word)} of {part_label(subject, word.kind, word.key)}, {when(word)} UTC")
        for word in about
    ]


def _latest_of_each(words: Sequence[Review], subjects: Sequence[Subject]) -> list[tuple[str, str]]:
    count = sum(latest_about(words, keys_of(subject)) is not None for subject in subjects)
    return [(_EACH, f"the latest word on each of them: {count:,}")] if count else []
