"""Rendering outside a build: what a person asks for, and what is set up for it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pvtt_data.errors import PreflightError
from pvtt_data.executor import LocalExecutor
from pvtt_data.preflight import preflight
from pvtt_data.progress import Reporter
from pvtt_data.recipe import Recipe, read_recipe
from pvtt_data.records import Article
from pvtt_data.render.variant import ChosenVariant
from pvtt_data.runner import Runner
from pvtt_data.stage import StageResult
from pvtt_data.stages.render import RenderConfig, collect_articles, collect_hdris, variant_for
from pvtt_data.store import BlobStore
from pvtt_data.workspace import Workspace


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """What a person asks for.

    Attributes:
        recipe: with a part ``render``.
        work: the work directory, which keeps what was rendered.
        out: folder for what is made.
        preview: whether a few frames are enough.
        geometry: whether depth and flow are wanted; of pairs only.
        workers: worker processes; None takes one per processor.
    """

    recipe: Recipe
    work: Path
    out: Path
    preview: bool = False
    geometry: bool = False
    workers: int | None = None


@dataclass(frozen=True, slots=True)
class Studio:
    """What is set up for rendering.

    Attributes:
        config, count: the recipe's part ``render``, and how much of it.
        variant: to render with.
        articles: all products.
        casting: result of the casting stage, which holds the rejected models.
        hdris: SHA-256 of the environment maps.
        runner: takes stages through.
        store: where results are.
    """

    config: RenderConfig
    count: int
    variant: ChosenVariant
    articles: list[Article]
    casting: StageResult
    hdris: tuple[str, ...]
    runner: Runner
    store: BlobStore

    @property
    def rejected(self) -> int:
        """How much was rejected so far."""
        return sum(len(done.rejections) for done in self.runner.results)


def render_recipe(overrides: Sequence[str]) -> Recipe:
    """A recipe of renders alone.

    Raises:
        RecipeError: all that is wrong with the overrides.
    """
    with TemporaryDirectory() as name:
        path = Path(name) / "render.yaml"
        path.write_text("name: render\nrender: {count: 1}\n", encoding="utf-8")
        return read_recipe(path, overrides)


@contextlib.contextmanager
def open_studio(request: RenderRequest, reporter: Reporter) -> Iterator[Studio]:
    """Check what rendering needs, hold the work directory and start workers.

    Raises:
        PreflightError: something that rendering needs is missing.
    """
    config = request.recipe.render
    if config is None or config.count is None:
        raise PreflightError("a number is needed: render.count")
    preflight(request.recipe, request.work, request.out)
    variant, why = variant_for(config)
    if variant is None:
        raise PreflightError(why)
    workspace = Workspace(request.work)
    workspace.acquire()
    executor = LocalExecutor(request.workers or os.cpu_count() or 1, workspace.store)
    try:
        runner = Runner(workspace, executor, reporter, recipe="render")
        runner.note(why)
        articles, casting = collect_articles(config, workspace.store)
        hdris = collect_hdris(config, workspace.store)
        yield Studio(config, config.count, variant, articles, casting, hdris, runner, workspace.store)
    finally:
        executor.close()
        workspace.release()
