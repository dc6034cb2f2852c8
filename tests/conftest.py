"""Fixtures that more than one test module needs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pvtt_data.errors import PreflightError
from pvtt_data.render.variant import ChosenVariant, choose_variant

if TYPE_CHECKING:
    from catalogue_builds import Builder

    from pvtt_data.build import BuildOutcome


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of this project's tests."""
    parser.addoption("--kills", type=int, default=14, help="How often test_kills kills a build (default 14).")


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder of real clips, masks and models, given by PVTT_TEST_DATA."""
    folder = os.environ.get("PVTT_TEST_DATA")
    if not folder:
        pytest.skip("PVTT_TEST_DATA is not set: the real clips and masks are not on this machine")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"PVTT_TEST_DATA={folder} is not a folder")
    return path


@pytest.fixture(scope="session")
def u2net_path() -> Path:
    """The verified U²-Net weights, pulled once into the user's model cache."""
    from pvtt_data.models import ModelRegistry

    return ModelRegistry.default().pull("u2net")


@pytest.fixture(scope="session")
def answers(tmp_path_factory: pytest.TempPathFactory, u2net_path: Path) -> Path:
    """What U²-Net said in this test run."""
    from catalogue_builds import folder_of_the_run

    return folder_of_the_run(tmp_path_factory) / "answers"


@pytest.fixture(scope="session")
def catalogue_build(tmp_path_factory: pytest.TempPathFactory, answers: Path) -> tuple[Builder, BuildOutcome]:
    """One build of the sample catalogue in small, with two workers, for all tests that look at it or copy it."""
    from catalogue_builds import CATALOGUE, Builder, made_once

    def make(folder: Path) -> tuple[Builder, BuildOutcome]:
        builder = Builder(folder, CATALOGUE, answers)
        return builder, builder.run(workers=2)

    return made_once(tmp_path_factory, "catalogue", make)


@pytest.fixture(scope="session")
def text_detector_path() -> Path:
    """The verified weights of the text detector, pulled once into the user's model cache."""
    from pvtt_data.models import ModelRegistry

    try:
        return ModelRegistry.default().pull("ppocrv4-det")
    except PreflightError as error:
        pytest.skip(f"the text detector's weights are not here: {error}")


@pytest.fixture(scope="session")
def fast_variant() -> ChosenVariant:
    """The variant that renders here, not started."""
    try:
        chosen = choose_variant("auto")
    except PreflightError as error:
        pytest.skip(f"nothing renders here: {error}")
    if chosen.name == "scalar_rgb":
        pytest.skip(f"only scalar_rgb renders here, {chosen.why}")
    return chosen
