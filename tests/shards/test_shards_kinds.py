"""Samples of all engines and kinds in one dataset: what each kind promises, and numbers that an engine lacks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from shard_samples import MakeSample

from pvtt_data.shards import DatasetSettings, ShardDataset, ShardSample, describe, verify, write_dataset
from pvtt_data.shards.format import NOT_MEASURED


def written(folder: Path, settings: DatasetSettings, *samples: ShardSample) -> Path:
    write_dataset(folder / "made", list(samples), replace(settings, shard_count=1))
    return folder / "made"


def reconstruction(make_sample: MakeSample, number: int = 1) -> ShardSample:
    """A sample whose source is its target."""
    sample = make_sample(
        number, meta={"engine": "crosspair", "kind": "reconstruct", "product_a": "vase", "product_b": "vase"}
    )
    members = dict(sample.members)
    members |= {"source.mp4": members["target.mp4"], "source_mask.mp4": members["target_mask.mp4"]}
    return replace(sample, members=members)


def test_a_reconstruction_whose_source_is_its_target_verifies(
    make_sample: MakeSample, settings: DatasetSettings, tmp_path: Path
) -> None:
    dataset = written(tmp_path, settings, make_sample(0), reconstruction(make_sample))
    assert verify(dataset).ok, verify(dataset).text()


def test_a_reconstruction_with_another_source_is_found(
    make_sample: MakeSample, settings: DatasetSettings, tmp_path: Path
) -> None:
    sample = reconstruction(make_sample)
    members = dict(sample.members) | {"source.mp4": make_sample(2).members["source.mp4"]}
    report = verify(written(tmp_path, settings, replace(sample, members=members)))
    assert not report.ok
    assert "kind is reconstruct, but it differs from target.mp4" in report.text()


@pytest.mark.parametrize(("kind", "product_a"), [("swap", "vase"), ("noop", "mug"), ("reconstruct", "mug")])
def test_a_kind_that_its_products_deny_is_found(
    kind: str, product_a: str, make_sample: MakeSample, settings: DatasetSettings, tmp_path: Path
) -> None:
    sample = make_sample(1, meta={"kind": kind, "product_a": product_a, "product_b": "vase"})
    report = verify(written(tmp_path, settings, sample))
    assert f"kind is {kind}, product_a {product_a} and product_b vase" in report.text()


def test_numbers_that_an_engine_does_not_have_are_told_from_measured_ones(
    make_sample: MakeSample, settings: DatasetSettings, tmp_path: Path
) -> None:
    here = make_sample(0, meta={"engine": "panzoom", "numbers": {"zoom": 1.2, "residue": 0.0}})
    there = make_sample(1, meta={"numbers": {"zoom": NOT_MEASURED, "residue": 0.25}})
    dataset = written(tmp_path, settings, here, there)
    assert verify(dataset).ok
    metas = {sample.meta.engine: sample.meta for sample in ShardDataset(dataset)}
    assert metas["composite"].measured == {"residue": 0.25}
    assert metas["panzoom"].measured == {"zoom": 1.2, "residue": 0.0}
    assert metas["panzoom"].is_pseudo_video and not metas["composite"].is_pseudo_video
    zoom = next(line for line in describe(dataset).splitlines() if line.startswith("zoom"))
    assert zoom.split() == ["zoom", "1.2", "1.2", "1.2"]
