"""A dataset of renders alone: built, verified, and the same bytes on another day in another place."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from dataset_digests import dataset_digest

from pvtt_data.build import BuildOutcome, BuildRequest, build
from pvtt_data.calibration.make_triples import shadowless_targets
from pvtt_data.media import decode_video
from pvtt_data.recipe import read_recipe
from pvtt_data.shards import ShardDataset, read_manifest, verify

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("fast_variant")]

RECIPE = """
name: renders
normalise: {sizes: 96x160, frames: 5, fps: 8}
pair: {references: 1}
assign_split: {validation_share: 0.0, test_share: 0.0}
render:
  count: 2
  preset: draft
  reference_px: 96
  identities: 60
  families: [soap, carton]
  styles: [paper]
"""


def built(folder: Path, workers: int, *overrides: str) -> BuildOutcome:
    folder.mkdir(parents=True)
    path = folder / "renders.yaml"
    path.write_text(RECIPE)
    return build(BuildRequest(read_recipe(path, overrides), folder / "work", folder / "shards", workers=workers))


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> BuildOutcome:
    return built(tmp_path_factory.mktemp("first") / "here", 2)


def test_a_recipe_of_renders_alone_becomes_a_verified_dataset(first: BuildOutcome) -> None:
    assert first.publication is not None
    report = verify(first.publication.path)
    assert report.ok, report.text()
    dataset = ShardDataset(first.publication.path)
    assert 1 <= len(dataset) <= 2
    assert len(dataset) + len(first.tables.rejections) >= 2, "what is missing has a reason"
    for sample in dataset:
        assert sample.meta.engine == "render"
        assert sample.source.shape == sample.target.shape == (5, 160, 96, 3)
        assert (sample.source != sample.target).any()
        assert (sample.target_mask > 0).any()
        assert sample.meta.prompt and sample.meta.source_prompt != sample.meta.prompt
        assert sample.meta.captioner == "template"


def test_the_manifest_names_the_versions_of_the_renderer(first: BuildOutcome) -> None:
    assert first.publication is not None
    tools = read_manifest(first.publication.path).tools
    for name in ("mitsuba", "drjit", "pyoidn", "av", "numpy"):
        assert tools[name] == metadata.version(name)
    assert "absent" not in tools.values()


def test_two_builds_elsewhere_with_another_worker_count_are_byte_identical(first: BuildOutcome, tmp_path: Path) -> None:
    other = built(tmp_path / "elsewhere" / "there", 1)
    assert first.publication is not None and other.publication is not None
    assert dataset_digest(first.publication.path) == dataset_digest(other.publication.path)


def test_targets_without_shadows_are_kept_beside_the_dataset_and_change_nothing_in_it(
    first: BuildOutcome, tmp_path: Path
) -> None:
    other = built(tmp_path / "shadowless", 1, "render.shadowless=true")
    assert first.publication is not None and other.publication is not None
    assert dataset_digest(first.publication.path) == dataset_digest(other.publication.path)
    videos = shadowless_targets([tmp_path / "nowhere", tmp_path / "shadowless" / "work"])
    dataset = ShardDataset(other.publication.path)
    assert {sample.meta.clip_id for sample in dataset} <= set(videos)
    for sample in dataset:
        alone = decode_video(videos[sample.meta.clip_id])
        assert alone.shape == sample.target.shape
        outside = ~sample.effect_mask
        assert np.abs(alone.astype(int) - sample.source)[outside].mean() < 2
        assert alone[~outside & ~sample.target_mask].mean() > sample.target[~outside & ~sample.target_mask].mean()
    assert not shadowless_targets([first.run_folder.parents[1]])
