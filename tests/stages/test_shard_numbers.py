"""Numbers of engines that measure different things, in the samples of one dataset."""

from __future__ import annotations

from pathlib import Path

from pvtt_data.line import declared_numbers
from pvtt_data.recipe import Recipe, read_recipe


def recipe(folder: Path, *overrides: str) -> Recipe:
    path = folder / "r.yaml"
    path.write_text(f"name: r\nmine: {{folder: {folder}}}\n")
    return read_recipe(path, overrides)


def test_the_names_of_small_engines_follow_from_the_recipe_and_not_from_what_they_made(tmp_path: Path) -> None:
    both = declared_numbers(recipe(tmp_path))
    assert {"zoom", "view_distance_min"} <= set(both)
    only = declared_numbers(recipe(tmp_path, "engines.panzoom=0"))
    assert "view_distance_min" in only and "zoom" not in only
    rendered = tmp_path / "rendered.yaml"
    rendered.write_text("name: r\nrender: {count: 1}\n")
    assert declared_numbers(read_recipe(rendered)) == []
