"""Numbers of engines that measure different things, in the samples of one dataset."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from fake_build import FakeBuild

from pvtt_data.line import declared_numbers
from pvtt_data.recipe import Recipe, read_recipe
from pvtt_data.shards import ShardDataset, read_manifest
from pvtt_data.shards.format import CARD_FILE
from pvtt_data.stages.shard import ShardConfig, write_version
from pvtt_data.stages.triple_qc import Shelf


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


def test_triples_of_engines_that_measure_different_things_make_one_dataset(tmp_path: Path) -> None:
    build = FakeBuild(tmp_path)
    triples = [
        dataclasses.replace(build.triples[0], engine="render", numbers={"residue": 0.1, "effect_share": 0.3}),
        dataclasses.replace(build.triples[1], numbers={"residue": 0.2, "made_up_share": 0.0}),
    ]
    shelf = Shelf.of(build.sources, build.clips, build.tracks, build.pictures, build.pairs)
    settings = {"name": "mixed", "recipe": {}, "reference_count": 1, "heldout_count": 0, "tools": {}, "weights": {}}
    made = write_version(
        triples, shelf, build.workspace.store, ShardConfig(count=1), settings, {}, tmp_path / "shards",
        number_names=["zoom"],
    )  # fmt: skip
    measured = {sample.meta.engine: sample.meta.measured for sample in ShardDataset(made.path)}
    assert measured == {"render": dict(triples[0].numbers), "composite": dict(triples[1].numbers)}
    assert read_manifest(made.path).number_names == ["effect_share", "made_up_share", "residue", "zoom"]


def test_a_clip_that_a_was_cut_out_of_gives_its_source_and_its_licence(tmp_path: Path) -> None:
    build = FakeBuild(tmp_path)
    still, triple = build.triples[0], build.triples[1]
    track = next(track for track in build.tracks if track.track_id != triple.track_id)
    own_clip = next(clip for clip in build.clips if clip.clip_id == track.clip_id)
    told = {"licence": "CC-BY-SA-4.0", "url": "https://example.org/a"}
    sources = [dataclasses.replace(s, **told) if s.source_id == own_clip.source_id else s for s in build.sources]
    shelf = Shelf.of(sources, build.clips, build.tracks, build.pictures, build.pairs)
    settings = {"name": "m", "recipe": {}, "reference_count": 1, "heldout_count": 0, "tools": {}, "weights": {}}
    moving = dataclasses.replace(triple, product_a=triple.product_b, kind="noop", track_id_a=track.track_id)
    made = write_version(
        [still, moving], shelf, build.workspace.store, ShardConfig(count=1), settings, {}, tmp_path / "shards"
    )
    metas = {sample.meta.triple_id: sample.meta for sample in ShardDataset(made.path)}
    meta = metas[moving.triple_id]
    assert (meta.source_id_a, meta.clip_id_a) == (own_clip.source_id, own_clip.clip_id)
    assert meta.source_url_a == "https://example.org/a"
    assert "CC-BY-SA-4.0" in meta.licences
    assert metas[still.triple_id].source_id_a == metas[still.triple_id].clip_id_a == ""


def test_the_licences_of_the_clip_and_of_a_third_product_count_and_the_card_names_the_strictest(tmp_path: Path) -> None:
    build = FakeBuild(tmp_path)
    triple = build.triples[0]
    parts = {triple.product_a, triple.product_b}
    third = next(source for source in build.sources if source.product_id not in parts)
    told = {third.source_id: "CC-BY-NC-4.0"}
    sources = [dataclasses.replace(s, licence=told.get(s.source_id, "CC-BY-4.0")) for s in build.sources]
    shelf = Shelf.of(sources, build.clips, build.tracks, build.pictures, build.pairs)
    settings = {"name": "m", "recipe": {}, "reference_count": 1, "heldout_count": 0, "tools": {}, "weights": {}}

    def written(name: str, config: ShardConfig, shown: dict[str, str]) -> tuple[list[str], str]:
        made = write_version(
            [dataclasses.replace(triple, models=())], shelf, build.workspace.store, config, settings, {},
            tmp_path / name, third_products=shown,
        )  # fmt: skip
        return ShardDataset(made.path)[0].meta.licences, (made.path / CARD_FILE).read_text()

    licences, card = written("a", ShardConfig(count=1), {})
    assert licences == ["CC-BY-4.0"] and "\nlicense: cc-by-4.0\n" in card
    licences, card = written("b", ShardConfig(count=1), {triple.triple_id: third.product_id})
    assert licences == ["CC-BY-4.0", "CC-BY-NC-4.0"] and "\nlicense: cc-by-nc-4.0\n" in card
    _, card = written("c", ShardConfig(count=1, card_licence="other"), {})
    assert "\nlicense: other\n" in card
