"""Quarantine: rows that crashed their worker, hung or ran out of memory are kept apart until a person lets them in."""

from __future__ import annotations

from dataclasses import dataclass

from pvtt_data.journal import QUARANTINE_REASONS
from pvtt_data.ledger import read_ledgers
from pvtt_data.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One row that a build will pass over."""

    stage: str
    key: str
    name: str
    """What a person calls it; empty when no latest build asked for it."""
    reason: str
    message: str


def quarantined(workspace: Workspace, stage: str | None = None, reason: str | None = None) -> list[Quarantined]:
    """Rows in quarantine, by stage and name; of one stage or one reason if asked.

    Raises:
        BuildError: a stage's results are damaged.
    """
    rows = []
    for found in workspace.stages() if stage is None else [stage]:
        cache = workspace.cache(found)
        ledgers = [ledger for ledger in read_ledgers(cache.folder).values() if ledger is not None]
        names = {entry.key: entry.name for ledger in ledgers for entry in ledger.entries.values()}
        for key, dropped in cache.rejected():
            if dropped["reason"] in QUARANTINE_REASONS and reason in (None, dropped["reason"]):
                rows.append(Quarantined(found, key, names.get(key, ""), dropped["reason"], dropped["message"]))
    return sorted(rows, key=lambda row: (row.stage, row.name, row.key))


def release(workspace: Workspace, rows: list[Quarantined]) -> None:
    """Forget the rows' rejections, so that the next build runs them again; the caller holds the work directory."""
    for stage in sorted({row.stage for row in rows}):
        workspace.cache(stage).forget({row.key for row in rows if row.stage == stage})
