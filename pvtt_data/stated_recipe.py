"""The recipe that a dataset's manifest states: what of it may be used by who did not build the dataset.

A dataset may be a stranger's. Nothing that its recipe names on a machine is opened or run: no file, no folder, no
program.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

_OF_ONE_MACHINE = (
    ("segment", "vocabulary"),
    ("segment", "device"),
    ("segment", "grounded", "tracker_folder"),
    ("synthesise", "composite", "fill_model"),
    ("synthesise", "composite", "fill_command"),
)


def stated_section(recipe: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """A section, or a section of a section; empty if there is none."""
    section: Any = recipe
    for name in names:
        section = section.get(name) if isinstance(section, Mapping) else None
    return section if isinstance(section, dict) else {}


def without_machine(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the sections from originals to samples without settings that name files, programs or devices."""
    kept = ("name", "normalise", "segment", "pictures", "synthesise")
    plain = {name: copy.deepcopy(recipe[name]) for name in kept if name in recipe}
    for *sections, setting in _OF_ONE_MACHINE:
        stated_section(plain, *sections).pop(setting, None)
    return plain
