"""Hotkeys: the browser's half of the plugin is told which dataset they are for."""

from __future__ import annotations

from typing import Any

import fiftyone.operators as foo

from pvtt_curation.app.context import current

HOTKEYS = "@pvtt/review/hotkeys"


class HotkeysOn(foo.Operator):
    """Runs when a dataset opens: keys mean verdicts in the one that is reviewed, and in no other."""

    @property
    def config(self) -> Any:
        """How the app lists it: not at all."""
        return foo.OperatorConfig(name="hotkeys_on", unlisted=True, on_dataset_open=True, view_target=False)

    def execute(self, ctx: Any) -> None:
        """Tell the browser."""
        try:
            dataset = current().dataset
        except RuntimeError:
            return  # an app of somebody's own that has found the plugin
        ctx.trigger(HOTKEYS, {"dataset": dataset})
