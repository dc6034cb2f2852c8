"""Segment a clip again: by other words, by a box drawn in one of its frames, or both; to be tried before it is said."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pvtt_curation.app.shelf import name_of
from pvtt_curation.media import MediaRef
from pvtt_curation.operators.base import VerdictOperator, text_of
from pvtt_curation.operators.forms import Form
from pvtt_curation.operators.scope import Scope, scope_of
from pvtt_curation.operators.targets import Target
from pvtt_curation.subjects import Subject
from pvtt_data.errors import InputError, PvttError
from pvtt_data.reviews.records import Action

if TYPE_CHECKING:
    from pvtt_curation.app.context import ReviewContext

_TRY, _SAY = "try", "say"


@dataclass(frozen=True, slots=True)
class _Film:
    """The clip that is to be segmented, and what is known of its product."""

    video: MediaRef
    subject: Subject


class Resegment(VerdictOperator):
    """Other words or a box for the next build to find the product by; the mask is made anew from there."""

    name = "resegment"
    label = "Segment again"
    icon = "auto_fix_high"
    action: ClassVar[Action] = "resegment"
    streams = True

    def ask_facts(self, ctx: Any, context: ReviewContext, form: Form, scope: Scope) -> None:
        """Ask for words, for a box if one clip is meant, and whether to try it first."""
        about = self._about(ctx, context, scope)
        subject = scope.subjects[0] if len(scope.subjects) == 1 else None
        tried = ctx.params.get("tried") or {}
        seen = tried.get("of") == _asked(ctx)
        if seen:
            label = f"This is what comes out, by {tried['by']}"
            form.component("trial", "LoopedVideo", label=label, url=tried["url"])
        form.text("prompt", "What to look for", hint="in plain English, such as: teapot. Empty if a box is enough.")
        film = _film(context, subject, about[0]) if subject and len(about) == 1 else None
        if film is None:
            form.say("words only: a box is drawn in one clip, which has to be shown here")
        else:
            form.component(
                "box",
                "BoxOnVideo",
                label="Draw a box around the product, in a frame that shows it well",
                url=_address(film.video),
                fps=film.subject.fps,
                frames=film.subject.frames,
            )
        if not text_of(ctx, "prompt") and not ctx.params.get("box"):
            form.refuse("say what to look for, draw a box, or both")
        form.text("comment", "Comment")
        if film is not None:
            self._choose(form, _SAY if seen else _TRY)

    def run(self, ctx: Any, context: ReviewContext) -> Iterator[Any]:
        """Try it and ask again, or say it."""
        try:
            if ctx.params.get("do") == _TRY:
                yield from self._try(ctx, context)
            else:
                yield from self.say(ctx, context)
        except PvttError as error:
            yield ctx.ops.notify(str(error), variant="error")

    def facts(self, ctx: Any) -> dict[str, Any]:
        """What to look for, and where."""
        box = ctx.params.get("box")
        facts: dict[str, Any] = {"prompt": text_of(ctx, "prompt"), **super().facts(ctx)}
        if box:
            facts |= {"box": _edges(box), "box_frame": int(box["frame"])}
        return facts

    def _choose(self, form: Form, first: str) -> None:
        choices = [(_TRY, "try it first, which takes a minute"), (_SAY, "say so to the next build")]
        form.choose("do", "Then", choices, default=first)

    def _try(self, ctx: Any, context: ReviewContext) -> Iterator[Any]:
        from pvtt_data.reviews.resegment import try_resegment

        scope = scope_of(ctx, context, ctx.params.get("where"))
        (target,) = self._about(ctx, context, scope)
        film = _film(context, scope.subjects[0], target)
        if film is None:
            raise InputError("review", "the clip is not shown here")
        video, subject = context.cache.file(film.video), film.subject
        facts = self.facts(ctx)

        def work(progress: Callable[[int, int], None]) -> Any:
            return try_resegment(
                video,
                context.cache.folder / "trials",
                prompt=facts["prompt"],
                box=facts.get("box"),
                box_frame=facts.get("box_frame", 0),
                settings=context.reviewed.segment,
                category=subject.category,
                title=subject.title_b,
                on_progress=progress,
            )

        trial = yield from _with_progress(ctx, work)
        tried = {"url": context.show(trial.overlay), "by": trial.backend, "of": _asked(ctx)}
        params = {name: value for name, value in ctx.params.items() if name in _KEPT}
        yield ctx.prompt(self.uri, params={**params, "do": _SAY, "tried": tried})


_KEPT = ("where", "part", "prompt", "box", "comment")


def _with_progress(ctx: Any, work: Callable[[Callable[[int, int], None]], Any]) -> Generator[Any, None, Any]:
    """Do something long in a thread, and tell the app how far it is.

    Returns:
        What came of it.
    """
    reports: queue.Queue[tuple[int, int] | None] = queue.Queue()
    outcome: dict[str, Any] = {}

    def run() -> None:
        try:
            outcome["result"] = work(lambda done, planned: reports.put((done, planned)))
        except BaseException as error:
            outcome["error"] = error
        reports.put(None)

    yield ctx.ops.set_progress(label="Segmenting", progress=0.0)
    threading.Thread(target=run, daemon=True).start()
    while (report := reports.get()) is not None:
        done, planned = report
        if reports.empty():
            yield ctx.ops.set_progress(label=f"Segmenting, {done} of {planned}", progress=done / max(planned, 1))
    if "error" in outcome:
        raise outcome["error"]
    return outcome["result"]


def _film(context: ReviewContext, subject: Subject, target: Target) -> _Film | None:
    """The video of the clip that is meant, if it is shown here."""
    clip = context.subject("clip", target.key)
    if clip is not None:
        return _Film(clip.media["video"], clip)
    if subject.parts.get("clip") == target.key:
        video = subject.media.get("video") or subject.media.get("target")
        return _Film(video, subject) if video else None
    return None


def _address(ref: MediaRef) -> str:
    return f"/media?filepath={name_of(ref)}"


def _edges(box: Mapping[str, Any]) -> tuple[float, ...]:
    return tuple(float(box[name]) for name in ("x0", "y0", "x1", "y1"))


def _asked(ctx: Any) -> list[Any]:
    """What a trial is of: other words or another box need another."""
    box = ctx.params.get("box")
    return [text_of(ctx, "prompt"), [*_edges(box), box["frame"]] if box else None, ctx.params.get("part")]
