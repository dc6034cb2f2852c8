"""Fixtures: one small version for all tests of exports, and a place to export into."""

from __future__ import annotations

from pathlib import Path

import pytest
from export_samples import write_version


@pytest.fixture(scope="session")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version with samples 0 to 5 of `export_samples.FACTS`; only to be read."""
    folder = tmp_path_factory.mktemp("exports")
    return write_version(folder / "v1", folder / "media")
