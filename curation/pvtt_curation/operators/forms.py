"""Forms of operators, in the app's own types."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fiftyone.operators import types

from pvtt_curation.operators.scope import Scope, Where
from pvtt_curation.operators.targets import Part, counted
from pvtt_data.reviews.records import REASONS

_WHERES: dict[Where, str] = {"open": "the open sample", "selected": "the selected samples", "view": "all of the view"}


class Form:
    """A form, built field by field.

    Args:
        title: over it.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._fields = types.Object()
        self._notices = 0

    def say(self, text: str, *, more: str = "") -> None:
        """Tell something; text is shown as it is."""
        self._notice(types.Notice, text, more)

    def warn(self, text: str, *, more: str = "") -> None:
        """Tell something that matters."""
        self._notice(types.Warning, text, more)

    def refuse(self, text: str) -> None:
        """Say why this cannot be done; the form cannot be sent."""
        notice = self._notice(types.Error, text, "")
        notice.invalid = True
        notice.error_message = text

    def choose(
        self,
        name: str,
        label: str,
        choices: Iterable[tuple[str, str]],
        *,
        default: str | None = None,
        beside: bool = False,
    ) -> None:
        """One of several, all of them seen, one below or ``beside`` the other; value and label of each.

        What has a default need not be answered: a hotkey sends no form.
        """
        view = types.RadioGroup(orientation="horizontal" if beside else "vertical")
        for value, text in choices:
            view.add_choice(value, label=text)
        self._fields.enum(name, view.values(), label=label, default=default, required=default is None, view=view)

    def text(self, name: str, label: str, *, hint: str = "", required: bool = False) -> None:
        """A line of text."""
        self._fields.str(name, label=label, description=hint or None, required=required)

    def suggest(self, name: str, label: str, values: Sequence[str], *, hint: str = "") -> None:
        """A text, with suggestions."""
        view = types.AutocompleteView(allow_user_input=True, allow_clearing=True)
        for value in values:
            view.add_choice(value, label=value)
        self._fields.str(name, label=label, description=hint or None, view=view)

    def confirm(self, name: str, label: str, given: bool) -> None:
        """A box to tick before the form can be sent."""
        field = self._fields.bool(name, label=label, required=True, default=False)
        if not given:
            field.invalid = True
            field.error_message = "tick this first"

    def component(self, name: str, component: str, **settings: Any) -> None:
        """A field of the plugin's own; see its index.js."""
        self._fields.obj(name, view=types.View(component=component, composite_view=True, **settings))

    def reason(self, given: str | None, comment: str) -> None:
        """Why something is rejected or flagged, and a comment."""
        self.choose("reason", "Reason", [(reason, REASON_TEXTS[reason]) for reason in REASONS])
        needed = given == "other" and not comment.strip()
        self.text("comment", "Comment", hint="says what is wrong" if given == "other" else "", required=needed)

    def scope(self, offered: Sequence[Where], scope: Scope) -> None:
        """Which samples are meant."""
        if scope.where == "open":
            subject = scope.subjects[0]
            judged = f"{subject.verdict}ed" if subject.verdict != "flag" else "flagged"
            why = ", ".join(subject.reasons)
            self.say(subject.name, more=f"{subject.kind}, {judged} by the build" + (f": {why}" if why else ""))
        else:
            self.say(f"{counted(scope.subjects)}, {_WHERES[scope.where]}")
        if len(offered) > 1:
            choices = [(where, _WHERES[where]) for where in offered]
            self.choose("where", "On", choices, default=scope.where, beside=True)

    def part(self, parts: Sequence[Part], total: int) -> None:
        """What of them is meant."""
        if len(parts) > 1 or (parts and parts[0].count < total):
            labels = ((p.name, p.label + ("" if p.count == total else f" ({p.count:,} have one)")) for p in parts)
            self.choose("part", "What is meant", labels, default=parts[0].name, beside=True)

    def done(self, button: str) -> Any:
        """The form for the app."""
        return types.Property(self._fields, view=types.PromptView(label=self._title, submit_button_label=button))

    def _notice(self, view: Any, text: str, more: str) -> Any:
        self._notices += 1
        return self._fields.define_property(
            f"notice_{self._notices}", types.String(), view=view(label=text, description=more or None)
        )


REASON_TEXTS = {
    "wrong-object": "wrong object: another thing than the product",
    "bad-edges": "bad edges: too tight, too loose or ragged",
    "drift": "drift: it slides off the product",
    "hand-included": "hand included: skin or cloth counts as product",
    "copied-reference": "copied reference: a picture of B shows in the video",
    "bad-composite": "bad composite: A looks pasted",
    "not-the-product": "not the product: the clip shows something else",
    "privacy": "privacy: a person, a number plate, a letter",
    "other": "other: the comment says what",
}
"""Reasons in words."""
