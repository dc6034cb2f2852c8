"""Builds of the sample catalogue in small, and how the processes of one test run share what takes long to make."""

from __future__ import annotations

import fcntl
import os
import pickle
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from remembered_answers import remembering

from pvtt_data.build import BuildOutcome, BuildRequest, build
from pvtt_data.recipe import Recipe, read_recipe

ROOT = Path(__file__).resolve().parents[1]
CATALOGUE = ROOT / "samples" / "catalogue"
SMALL = (
    "render=null",
    "normalise.sizes=256x448",
    "normalise.frames=17",
    "normalise.fps=8",
    "split.max_windows=1",
    "pair.products_per_clip=1",
    "pictures.min_side_px=48",
    "filter.min_side_px=200",
    "triple_qc.embedder=colour-shape",
    "looks.embedder=colour-shape",
)
"""The shipped recipe in small, so that a build takes seconds instead of minutes."""

T = TypeVar("T")


@dataclass(frozen=True)
class Builder:
    """Builds a feed in small, in a folder of its own.

    Attributes:
        answers: what U²-Net said in this test run.
    """

    folder: Path
    feed: Path
    answers: Path

    def recipe(self, *overrides: str) -> Recipe:
        return read_recipe(ROOT / "recipes" / "ecommerce.yaml", [*SMALL, f"mine.folder={self.feed}", *overrides])

    def run(self, *overrides: str, workers: int = 1, **changes: Any) -> BuildOutcome:
        request = BuildRequest(
            self.recipe(*overrides), self.folder / "work", self.folder / "shards", workers=workers, **changes
        )
        with pytest.MonkeyPatch.context() as patch:
            for name, value in remembering(self.answers).items():
                patch.setenv(name, value)
            return build(request)

    def copied(self, folder: Path, feed: Path | None = None, versions: bool = True) -> Builder:
        """The same in another folder, with all that was computed and, unless told otherwise, the versions."""
        shutil.copytree(self.folder / "work", folder / "work")
        if versions:
            shutil.copytree(self.folder / "shards", folder / "shards")
        return Builder(folder, feed or self.feed, self.answers)


def copy_products(names: Collection[str], feed: Path) -> None:
    """Make a feed of some products of the catalogue: their listings, videos and images."""
    for name in names:
        for path in CATALOGUE.rglob(f"{name}*"):
            if path.is_file():
                copy = feed / path.relative_to(CATALOGUE)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)


def folder_of_the_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of a test run share."""
    root = tmp_path_factory.getbasetemp()
    return root.parent if "PYTEST_XDIST_WORKER" in os.environ else root


def made_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], T]) -> T:
    """What ``make`` returns for a new folder; of all processes of a test run one makes it and the others wait.

    Tests look at the folder and copy it, and never change it.
    """
    root = folder_of_the_run(tmp_path_factory)
    made, folder = root / f"{name}.pickle", root / name
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of a process that failed
            folder.mkdir()
            made.write_bytes(pickle.dumps(make(folder)))
    loaded: T = pickle.loads(made.read_bytes())
    return loaded
