"""Samples that must not be shared: what is published in their place, and the very same bytes from the originals."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pvtt_data.errors import DatasetError
from pvtt_data.provenance import pairs_of
from pvtt_data.publish.needs import needs_of, read_tables
from pvtt_data.publish.rebuild import RebuildRequest, find_originals, missing_text, rebuild, recipe_of
from pvtt_data.publish.withhold import Withheld, read_withheld, write_published
from pvtt_data.shards import ShardDataset, read_manifest, verify
from pvtt_data.shards.index import read_index
from pvtt_data.store import original_sha256

if TYPE_CHECKING:
    from catalogue_builds import Builder

    from pvtt_data.build import BuildOutcome

LICENCE = "CC-BY-ND-4.0"


@dataclass(frozen=True)
class Built:
    """A build: its work directory, its version, and the feed that it was made from."""

    work: Path
    version: Path
    feed: Path


@pytest.fixture
def built(catalogue_build: tuple[Builder, BuildOutcome], tmp_path: Path) -> Built:
    """A copy of the build that tests share."""
    builder, outcome = catalogue_build
    assert outcome.publication is not None
    shutil.copytree(builder.folder / "work", tmp_path / "work")
    shutil.copytree(outcome.publication.path, tmp_path / "shards" / "v1")
    return Built(tmp_path / "work", tmp_path / "shards" / "v1", builder.feed)


def of_each_engine(version: Path) -> list[str]:
    """One sample of each engine."""
    dataset = ShardDataset(version)
    metas = [dataset[number].meta for number in range(len(dataset))]
    return [next(m.key for m in metas if m.engine == engine) for engine in sorted({m.engine for m in metas})]


def digests(version: Path) -> dict[tuple[str, str], str]:
    rows = read_index(version / "index.parquet").to_pylist()
    return {(row["key"], row["member"]): row["sha256"] for row in rows}


def forget(built: Built, withheld: list[Withheld]) -> None:
    """Take the videos of samples out of the work directory, but for masks, which take a model minutes."""
    masks = {track.mask.sha256 for track in read_tables(built.version).tracks}
    videos = {sha256 for row in withheld for name, (_, sha256) in row.members.items() if name.endswith(".mp4")}
    for sha256 in videos - masks:
        for blob in (built.work / "blobs").rglob(f"{sha256}.*"):
            blob.unlink()


@pytest.mark.slow
def test_withheld_samples_are_made_again_from_originals_to_the_same_bytes(built: Built, tmp_path: Path) -> None:
    keys = of_each_engine(built.version)
    published = tmp_path / "published"
    write_published(built.version, published, dict.fromkeys(keys, LICENCE))
    whole, shown = digests(built.version), digests(published)
    assert verify(published).ok
    assert shown == {place: sha256 for place, sha256 in whole.items() if place[0] not in keys}

    withheld, root = read_withheld(published)
    assert sorted(row.key for row in withheld) == sorted(keys) and root == read_manifest(built.version).root
    assert all(row.reason == LICENCE and row.originals for row in withheld)
    for row in withheld:
        assert {(row.key, name): sha256 for name, (_, sha256) in row.members.items()} == {
            place: sha256 for place, sha256 in whole.items() if place[0] == row.key
        }

    # Originals under other names, among other files; the samples' own pixels are gone from the work directory.
    wanted = {one.sha256 for row in withheld for one in row.originals}
    places = find_originals(built.feed, wanted)
    assert set(places) == wanted
    originals = tmp_path / "originals"
    originals.mkdir()
    for number, path in enumerate(places.values()):
        (shutil.copytree if path.is_dir() else shutil.copyfile)(path, originals / f"{number}")
    (originals / "other.txt").write_text("not asked for")
    forget(built, withheld)

    request = RebuildRequest(published, originals, built.work, tmp_path / "out", workers=1)
    gone = originals / "0"
    gone.rename(tmp_path / "gone")
    less = rebuild(request)
    assert [one.sha256 for one in less.missing] == [original_sha256(tmp_path / "gone")]
    assert less.missing[0].name in missing_text(less.missing) and less.publication is None and not less.remade
    assert not (tmp_path / "out").exists()

    (tmp_path / "gone").rename(gone)
    outcome = rebuild(request)
    assert not outcome.failed and sorted(outcome.remade) == sorted(keys)
    assert outcome.publication is not None and digests(outcome.publication.path) == whole
    assert outcome.same_root and verify(outcome.publication.path).ok

    # Clips that come out otherwise take their samples along; what needs no clip is written where that is asked for.
    forget(built, withheld)
    recipe = recipe_of(published)
    coarser = recipe.model_copy(update={"normalise": recipe.normalise.model_copy(update={"crf": 30})})
    other = rebuild(replace(request, out=tmp_path / "part", recipe=coarser, partial=True))
    assert any("came out with other bytes" in why for why in other.failed.values())
    assert set(other.remade) | set(other.failed) == set(keys)
    if other.remade:
        assert other.publication is not None and verify(other.publication.path).ok
        assert digests(other.publication.path) == {p: s for p, s in whole.items() if p[0] not in other.failed}
    else:
        assert not (tmp_path / "part").exists()


@pytest.mark.slow
def test_the_tables_say_what_every_sample_was_made_of(built: Built) -> None:
    tables = read_tables(built.version)
    assert set(pairs_of(tables.triples, tables.pairs)) == {triple.triple_id for triple in tables.triples}
    needs = needs_of(tables, [triple.triple_id[:16] for triple in tables.triples], 0.1)
    assert not needs.problems
    known = {source.sha256 for source in tables.sources} | {i.sha256 for s in tables.sources for i in s.images}
    assert all(used and used <= known for used in needs.of_sample.values())


def test_a_version_that_does_not_say_how_a_sample_was_made_cannot_withhold_it(
    make_version: object, tmp_path: Path
) -> None:
    version = make_version([1, 2])  # type: ignore[operator]
    key = ShardDataset(version)[0].key
    with pytest.raises(DatasetError, match="has no table"):
        write_published(version, tmp_path / "published", {key: LICENCE})
    with pytest.raises(DatasetError, match="withholds no sample"):
        read_withheld(version)
