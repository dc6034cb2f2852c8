"""Experiment logs: what was run, on what, how long it took and what came of it, as Markdown that stays readable.

`ExperimentLog` is a context manager. It writes ``experiments/logs/{model}-{task}_{date}.md`` when it is entered and
after each thing that is added, so that a run that is killed leaves what was known by then; a run that raises is logged
with its error. Key findings and conclusion are left for a person, and what a person wrote is never changed.
"""

from __future__ import annotations

from pvtt_data.experiment_log.entries import (
    Entry,
    Experiment,
    Input,
    Iteration,
    Output,
    Picture,
    Related,
    Remark,
    Setting,
    Status,
    Step,
    Table,
)
from pvtt_data.experiment_log.log import ExperimentLog

__all__ = [
    "Entry",
    "Experiment",
    "ExperimentLog",
    "Input",
    "Iteration",
    "Output",
    "Picture",
    "Related",
    "Remark",
    "Setting",
    "Status",
    "Step",
    "Table",
]
