"""Runs stages one after the other: looks results up, computes what is missing, keeps the books."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pvtt_data.errors import BuildError, DiskFullError
from pvtt_data.executor import Executor
from pvtt_data.journal import StageCache, blobs_of, outcome_from_plain, stored_bytes
from pvtt_data.ledger import write_ledger
from pvtt_data.progress import Reporter, RunLog
from pvtt_data.records import record_key
from pvtt_data.reviews.book import PREFIX
from pvtt_data.stage import ItemCost, MapStage, Named, Outcome, StageResult, count_reasons
from pvtt_data.store import PASSING_REASONS
from pvtt_data.workspace import Workspace

FREE_AND_GO_ON = "what was finished is kept: free some space and run the same command again"
"""What to do about a full disk."""


class StopBuildError(Exception):
    """Raised where the next stage would begin after the one that `--until` names; what was made so far is kept."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """When a stage's outcome is a failure of the build.

    Attributes:
        max_fault_share: share of rows that may fail with a fault.
        max_reject: stage → share of rows that it may reject.
    """

    max_fault_share: float = 0.005
    max_reject: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Missing:
    """Items of a stage that a plan found not to be cached, and the stage's folder and fingerprint."""

    folder: Path
    fingerprint: Mapping[str, Any]
    items: Sequence[Named[Any]]


class Runner:
    """Takes each stage through the build.

    Args:
        workspace: where caches and blobs are.
        executor: what computes rows; None computes nothing, for a plan: rows that are not cached count as missing.
        reporter: told about progress.
        log: the run's log, or None.
        bounds: when to give up.
        until: name of the last stage to run.
        recipe: the recipe's name, under which is noted what each stage was asked for.
    """

    def __init__(
        self,
        workspace: Workspace,
        executor: Executor | None,
        reporter: Reporter,
        log: RunLog | None = None,
        bounds: Bounds | None = None,
        until: str | None = None,
        recipe: str = "recipe",
    ) -> None:
        self.workspace = workspace
        self.recipe = recipe
        self.executor = executor
        self.reporter = reporter
        self.log = log
        self.bounds = bounds or Bounds()
        self.until = until
        self.results: list[StageResult] = []
        self.notes: list[str] = []
        self.weights: dict[str, str] = {}
        """Role → digest of the weights of all models whose stages ran, or had their results at hand."""
        self.libraries: set[str] = set()
        """Libraries that shape the bytes of these stages."""
        self.missing: dict[str, Missing] = {}
        """Stage → what a plan found not to be cached."""

    def note(self, text: str) -> None:
        """Something a person should know, shown at once and kept for the report."""
        self.notes.append(text)
        self.reporter.note(text)

    def map(self, stage: MapStage[Any], items: Sequence[Named[Any]]) -> list[Any]:
        """Rows of a map stage, sorted by their identifiers.

        Raises:
            BuildError: too many faults or rejections.
            DiskFullError: there is no room for results.
            StopBuildError: the stage before was the last one asked for.
        """
        self._stop_if_done()
        begun = time.monotonic()
        result = StageResult(stage.name, items=len(items))
        cache = self.workspace.cache(stage.name)
        fingerprint = stage.fingerprint()
        self.weights.update(stage.weights)
        self.libraries.update(stage.libraries)
        keys = {named.item_id: stage.cache_key(named.item, fingerprint) for named in items}
        if len(keys) != len(items):
            raise ValueError(f"stage {stage.name}: two items have the same id")
        todo = []
        for named in items:
            outcome = self._lookup(cache, stage, keys[named.item_id], named)
            if outcome is None:
                todo.append(named)
            else:
                result.cached += 1
                _count(result, named, outcome, cached=True)
        self.reporter.started(stage.name, len(items), result.cached)
        if self.executor is None:
            self.missing[stage.name] = Missing(cache.folder, fingerprint, todo)
        else:
            if todo:
                self._compute(self.executor, cache, stage, todo, keys, result)
            write_ledger(cache.folder, self.recipe, fingerprint, items, keys)
        result.seconds = time.monotonic() - begun
        return self._book(result)

    def table(self, result: StageResult) -> list[Any]:
        """Book the result of a table stage and hand its rows on, sorted.

        Raises:
            BuildError: too many rejections.
            StopBuildError: the stage before was the last one asked for.
        """
        self._stop_if_done()
        return self._book(result)

    @property
    def done(self) -> bool:
        """Whether the last stage that was asked for has run."""
        return bool(self.results) and self.results[-1].stage == self.until

    def _stop_if_done(self) -> None:
        if self.done:
            raise StopBuildError(self.until)

    def _book(self, result: StageResult) -> list[Any]:
        result.rows.sort(key=record_key)
        result.rejections.sort(key=record_key)
        self.results.append(result)
        self.reporter.finished(result)
        if self.log is not None:
            self.log.write(
                "stage",
                stage=result.stage,
                items=result.items,
                rows=len(result.rows),
                cached=result.cached,
                rejected=count_reasons(result.rejections),
                faults=[{"item": name, "traceback": trace} for name, trace in result.faults],
                seconds=round(result.seconds, 3),
                cpu_s=round(sum(item.cost.cpu_s for item in result.costs if not item.cached), 3),
                peak_rss_bytes=max((item.cost.peak_rss_bytes for item in result.costs), default=0),
            )
        self._check(result)
        return result.rows

    def _lookup(self, cache: StageCache, stage: MapStage[Any], key: str, named: Named[Any]) -> Outcome | None:
        plain = cache.get(key)
        if plain is None:
            return None
        outcome = outcome_from_plain(plain, stage.name, stage.kind, named.item_id, named.name)
        if not all(self.workspace.store.has(blob) for blob in blobs_of(outcome.rows)):
            return None
        return outcome

    def _compute(
        self,
        executor: Executor,
        cache: StageCache,
        stage: MapStage[Any],
        todo: Sequence[Named[Any]],
        keys: dict[str, str],
        result: StageResult,
    ) -> None:
        try:
            for named, outcome in executor.map(stage, todo):
                if outcome.halt:
                    raise DiskFullError(f"stage {stage.name}, {named.name}: {outcome.halt}; {FREE_AND_GO_ON}")
                if _lasts(outcome):
                    cache.add(keys[named.item_id], outcome)
                _count(result, named, outcome, cached=False)
                self.reporter.advanced(stage.name)
                if outcome.fault:
                    self._check_faults(result)
        finally:
            cache.close()
        cache.compact()

    def _check_faults(self, result: StageResult) -> None:
        """Give up as soon as there are more faults than a finished stage may have: the rest would be for nothing."""
        if len(result.faults) / result.items > self.bounds.max_fault_share:
            name, trace = result.faults[0]
            raise BuildError(
                f"stage {result.stage}: {len(result.faults)} of {result.items} rows failed with a fault, which is a "
                f"defect and not bad input. The first, {name}:\n{trace}"
            )

    def _check(self, result: StageResult) -> None:
        if result.items == 0:
            return
        self._check_faults(result)
        limit = self.bounds.max_reject.get(result.stage)
        # What people rejected tells of no setting that went wrong.
        share = sum(not row.reason.startswith(PREFIX) for row in result.rejections) / result.items
        if limit is not None and share > limit:
            reasons = ", ".join(f"{count} {reason}" for reason, count in count_reasons(result.rejections).items())
            raise BuildError(
                f"stage {result.stage} rejected {share:.0%} of its {result.items} rows ({reasons}), more than "
                f"max_reject.{result.stage} = {limit:g} allows"
            )


def _lasts(outcome: Outcome) -> bool:
    """Whether the same item would come out the same another time."""
    if outcome.rejection is not None:
        return outcome.rejection.reason not in PASSING_REASONS
    return not outcome.fault


def _count(result: StageResult, named: Named[Any], outcome: Outcome, cached: bool) -> None:
    if outcome.fault:
        result.faults.append((named.name, outcome.fault))
    elif outcome.rejection is not None:
        result.rejections.append(outcome.rejection)
    else:
        result.rows.extend(outcome.rows)
    if outcome.cost is not None:
        result.costs.append(ItemCost(named.name, outcome.cost, cached, stored_bytes(outcome)))
