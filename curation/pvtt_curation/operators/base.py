"""What all operators have in common: a form that says what is wrong with it, and errors that a person can act on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import fiftyone.operators as foo
from fiftyone.operators import types

from pvtt_curation.app.context import current
from pvtt_curation.app.index import refresh
from pvtt_curation.operators.forms import Form
from pvtt_curation.operators.on_screen import tell_panels, tell_samples
from pvtt_curation.operators.saying import say
from pvtt_curation.operators.scope import Scope, offered, scope_of
from pvtt_curation.operators.targets import ITSELF, Target, counted, parts_for, targets
from pvtt_curation.operators.words import in_words
from pvtt_data.errors import InputError, PvttError
from pvtt_data.reviews.records import Action, Review

if TYPE_CHECKING:
    from pvtt_curation.app.context import ReviewContext

_logger = logging.getLogger(__name__)


class ReviewOperator(foo.Operator):
    """An operator of the review; subclasses say what they ask for (`ask`) and what they do (`run`)."""

    name: ClassVar[str]
    label: ClassVar[str]
    icon: ClassVar[str]
    place: ClassVar[Any] = types.Places.SAMPLES_VIEWER_ACTIONS
    asks_first: ClassVar[bool] = True
    """Whether its button opens the form."""
    streams: ClassVar[bool] = False
    """Whether it tells the app something while it runs: `run` is a generator then."""

    @property
    def config(self) -> Any:
        """How the app lists it."""
        return foo.OperatorConfig(
            name=self.name,
            label=f"Review: {self.label.lower()}",
            dynamic=True,
            execute_as_generator=self.streams,
            view_target=False,
        )

    def resolve_placement(self, ctx: Any) -> Any:
        """Its button beside an open sample."""
        button = types.Button(label=self.label, icon=self.icon, prompt=self.asks_first)
        return types.Placement(self.place, button)

    def resolve_input(self, ctx: Any) -> Any:
        """Its form; what stands against it is said in the form."""
        form = Form(self.label)
        button = self.label
        try:
            button = self.ask(ctx, this_review(), form)
        except PvttError as error:
            form.refuse(str(error))
        return form.done(button)

    def execute(self, ctx: Any) -> Any:
        """Do it, or tell the person why not."""
        try:
            return self.run(ctx, this_review())
        except PvttError as error:
            ctx.ops.notify(str(error), variant="error")
            return None

    def ask(self, ctx: Any, context: ReviewContext, form: Form) -> str:
        """Fill in the form.

        Returns:
            What is on its button.

        Raises:
            PvttError: it cannot be done.
        """
        raise NotImplementedError

    def run(self, ctx: Any, context: ReviewContext) -> Any:
        """Do it.

        Raises:
            PvttError: it cannot be done, and nothing was.
        """
        raise NotImplementedError


class VerdictOperator(ReviewOperator):
    """An operator that says the same of one or many subjects."""

    action: ClassVar[Action]

    def ask(self, ctx: Any, context: ReviewContext, form: Form) -> str:
        """Ask which samples, which part of them, why, and whether that many are meant."""
        params = ctx.params
        scope = scope_of(ctx, context, params.get("where") or offered(ctx)[0])
        form.scope(offered(ctx), scope)
        parts = parts_for(scope.subjects, self.action)
        if not parts:
            form.refuse(f"one cannot say that of {counted(scope.subjects)}")
            return self.label
        form.part(parts, len(scope.subjects))
        self.ask_facts(ctx, context, form, scope)
        about = self._about(ctx, context, scope)
        if scope.where == "view":
            form.confirm("sure", f"yes, {counted(about)}", bool(params.get("sure")))
        return self.label if len(about) == 1 else f"{self.label}: {counted(about)}"

    def ask_facts(self, ctx: Any, context: ReviewContext, form: Form, scope: Scope) -> None:
        """Ask what else belongs to the verdict."""
        form.text("comment", "Comment")

    def facts(self, ctx: Any) -> dict[str, Any]:
        """What else belongs to the verdict, as `Review` has it."""
        return {"comment": text_of(ctx, "comment")}

    def run(self, ctx: Any, context: ReviewContext) -> Any:
        """Say it, and show that it was said."""
        self.say(ctx, context)

    def say(self, ctx: Any, context: ReviewContext) -> list[Any]:
        """Say it; what `show` returns."""
        params = ctx.params
        scope = scope_of(ctx, context, params.get("where") or ("view" if params.get("sure") else None))
        if scope.where == "view" and not ctx.params.get("sure"):
            raise InputError("review", f"nobody said that all of the view is meant: {counted(scope.subjects)}")
        about = self._about(ctx, context, scope)
        reviews = say(context.verdicts, context.reviewer, context.name, about, self.action, **self.facts(ctx))
        return show(ctx, context, reviews, f"{in_words(reviews[0])}: {what(about)}")

    def _about(self, ctx: Any, context: ReviewContext, scope: Scope) -> list[Target]:
        parts = parts_for(scope.subjects, self.action)
        likeliest = parts[0].name if parts else ITSELF
        return targets(scope.subjects, ctx.params.get("part") or likeliest, self.action, context.subject)


def show(ctx: Any, context: ReviewContext, reviews: Sequence[Review], text: str) -> list[Any]:
    """Bring what the app shows up to date with verdicts that are kept already, and tell the person that they are.

    Should the database be gone, the verdicts are there all the same: opening the review again shows them.

    Returns:
        The messages to the app, which an operator that streams has to hand on.
    """
    changed = {review.subject for review in reviews}
    try:
        refresh(context, changed)
        shown = [*tell_samples(ctx, context), *tell_panels(ctx, context)]
    except Exception as error:
        _logger.exception("the app could not be brought up to date")
        late = f"{text}: kept, but not shown yet ({error}); open the review again"
        return [ctx.ops.notify(late, variant="warning")]
    return [*shown, ctx.ops.notify(text, variant="success")]


def what(about: Sequence[Target] | Sequence[Review]) -> str:
    """The name of one thing, or how many there are of which kind."""
    return about[0].name if len(about) == 1 else counted(about)


def text_of(ctx: Any, name: str) -> str:
    """What was written into a field."""
    return str(ctx.params.get(name) or "").strip()


def this_review() -> ReviewContext:
    """The review that this process serves.

    Raises:
        InputError: there is none.
    """
    try:
        return current()
    except RuntimeError as error:
        raise InputError("review", str(error)) from error
