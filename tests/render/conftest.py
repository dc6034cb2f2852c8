"""Fixtures of tests that really render."""

from __future__ import annotations

import pytest

from pvtt_data.render.variant import ChosenVariant, start


@pytest.fixture(scope="session")
def render_variant(fast_variant: ChosenVariant) -> ChosenVariant:
    """The fast variant of this machine, started; a process can use one only."""
    start(fast_variant)
    return fast_variant
