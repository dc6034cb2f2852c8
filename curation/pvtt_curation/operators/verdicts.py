"""Accept, reject, flag."""

from __future__ import annotations

from typing import Any, ClassVar

from pvtt_curation.operators.base import VerdictOperator
from pvtt_curation.operators.forms import Form
from pvtt_curation.operators.scope import Scope
from pvtt_data.errors import InputError
from pvtt_data.reviews.records import Action


class Accept(VerdictOperator):
    """It is right: flags are taken away, and a threshold that rejected it is overruled."""

    name = "accept"
    label = "Accept"
    icon = "thumb_up"
    action: ClassVar[Action] = "accept"
    asks_first = False


class Reject(VerdictOperator):
    """It must not be in the next version."""

    name = "reject"
    label = "Reject"
    icon = "thumb_down"
    action: ClassVar[Action] = "reject"

    def ask_facts(self, ctx: Any, context: Any, form: Form, scope: Scope) -> None:
        """Ask why."""
        form.reason(ctx.params.get("reason"), str(ctx.params.get("comment") or ""))

    def facts(self, ctx: Any) -> dict[str, Any]:
        """Why."""
        reason = ctx.params.get("reason")
        if not reason:
            raise InputError("review", f"to {self.action} needs a reason")
        return {"reason": reason, **super().facts(ctx)}


class Flag(Reject):
    """It is doubtful: it stays, and says so."""

    name = "flag"
    label = "Flag"
    icon = "flag"
    action: ClassVar[Action] = "flag"
