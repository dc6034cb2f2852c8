"""The panel beside samples: numbers, verdicts, progress, and buttons for those who do not like hotkeys."""

from __future__ import annotations

from typing import Any

import fiftyone.operators as foo
from fiftyone.operators import types

from pvtt_curation.operators.base import this_review
from pvtt_curation.operators.on_screen import panel_closed, panel_data, panel_opened
from pvtt_curation.operators.plain_text import plain
from pvtt_curation.operators.scope import check_dataset
from pvtt_data.errors import PvttError

PLUGIN = "@pvtt/review"
_BUTTONS = (
    ("accept", "Accept (a)"),
    ("reject", "Reject (r)"),
    ("flag", "Flag (f)"),
    ("undo", "Undo (u)"),
    ("resegment", "Segment again (g)"),
    ("relabel", "Category, product (l)"),
)
_TABLES = {
    "words": (("who", "who"), ("says", "says"), ("of", "of"), ("comment", "comment"), ("when", "when"), ("holds", "")),
    "numbers": (("number", "number"), ("value", "value"), ("limit", "has to be"), ("says", "")),
}


class ReviewPanel(foo.Panel):
    """Of the open or selected sample: its numbers with their thresholds, and who said what."""

    @property
    def config(self) -> Any:
        """How the app lists it."""
        return foo.PanelConfig(name="review", label="Verdicts", icon="rule", surfaces="grid modal")

    def on_load(self, ctx: Any) -> None:
        """It was opened."""
        panel_opened(ctx.panel.id)
        self._update(ctx)

    def on_unload(self, ctx: Any) -> None:
        """It was closed."""
        panel_closed(ctx.panel.id)

    def on_change_current_sample(self, ctx: Any) -> None:
        """Another sample is open."""
        self._update(ctx)

    def on_change_selected(self, ctx: Any) -> None:
        """Others are selected."""
        self._update(ctx)

    def on_change_dataset(self, ctx: Any) -> None:
        """Another dataset is open."""
        self._update(ctx)

    def render(self, ctx: Any) -> Any:
        """Where things stand."""
        panel = types.Object()
        buttons = panel.h_stack("buttons", gap=1, wrap=True)
        for name, label in _BUTTONS:
            buttons.btn(name, label=label, on_click=f"{PLUGIN}/{name}", prompt=name != "accept", variant="outlined")
        panel.str("about", view=types.MarkdownView())
        for name, columns in _TABLES.items():
            table = types.TableView()
            for key, label in columns:
                table.add_column(key, label=label)
            panel.list(name, types.Object(), view=table)
        panel.str("progress", view=types.MarkdownView())
        return types.Property(panel, view=types.GridView(orientation="vertical", padding=2, gap=2))

    def _update(self, ctx: Any) -> None:
        try:
            context = this_review()
            check_dataset(ctx, context)
            data = panel_data(ctx, context)
        except PvttError as error:
            data = {"about": plain(str(error)), "numbers": [], "words": [], "progress": ""}
        for name, value in data.items():
            ctx.panel.set_data(name, value)
