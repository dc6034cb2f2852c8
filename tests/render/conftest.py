"""Fixtures of tests that really render."""

from __future__ import annotations

import pytest

from pvtt_data.errors import PreflightError
from pvtt_data.render.variant import ChosenVariant, choose_variant, start


@pytest.fixture(scope="session")
def render_variant() -> ChosenVariant:
    """The fast variant of this machine, started; a process can use one only."""
    try:
        chosen = choose_variant("auto")
    except PreflightError as error:
        pytest.skip(f"nothing renders here: {error}")
    if chosen.name == "scalar_rgb":
        pytest.skip(f"only scalar_rgb renders here, {chosen.why}")
    start(chosen)
    return chosen
