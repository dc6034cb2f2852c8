"""Samples that must not be shared: what is published in their place, and the very same bytes from the originals."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pvtt_data.build import portable_recipe
from pvtt_data.errors import DatasetError, PreflightError
from pvtt_data.provenance import pairs_of
from pvtt_data.publish.config import PublishConfig
from pvtt_data.publish.needs import needs_of, read_tables
from pvtt_data.publish.rebuild import RebuildRequest, find_originals, missing_text, rebuild, recipe_of
from pvtt_data.publish.remote import Target
from pvtt_data.publish.run import PublishRequest, publish_version
from pvtt_data.publish.withhold import Withheld, read_withheld, settings_of, shard_sample_of, write_published
from pvtt_data.recipe import Recipe
from pvtt_data.records import Blob, Triple, to_arrow
from pvtt_data.reviews.applied import AppliedVerdict
from pvtt_data.segmenters.box_prompt import BoxPrompt
from pvtt_data.shards import ShardDataset, publish, read_manifest, verify, write_dataset
from pvtt_data.shards.index import read_index
from pvtt_data.shards.manifest import build_manifest, manifest_bytes
from pvtt_data.stages.segment import SegmentConfig, SegmentItem
from pvtt_data.stages.synthesise import CompositeSettings
from pvtt_data.store import original_sha256

if TYPE_CHECKING:
    from catalogue_builds import Builder
    from hub_server import HubServer

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

    # What needs none of the missing originals is written where that is asked for.
    part = rebuild(replace(request, out=tmp_path / "part", partial=True))
    assert part.remade and set(part.failed) == set(keys) - set(part.remade) != set()
    assert part.publication is not None and verify(part.publication.path).ok and not part.same_root
    assert digests(part.publication.path) == {place: s for place, s in whole.items() if place[0] not in part.failed}
    assert {row.key for row in read_withheld(part.publication.path)[0]} == set(part.failed)

    # With the missing one the rest follows, and the whole is what it was.
    (tmp_path / "gone").rename(gone)
    outcome = rebuild(replace(request, version=part.publication.path))
    assert not outcome.failed and set(outcome.remade) == set(part.failed)
    assert outcome.publication is not None and digests(outcome.publication.path) == whole
    assert outcome.same_root and verify(outcome.publication.path).ok


@pytest.mark.slow
def test_what_must_not_be_shared_does_not_reach_the_hub_and_comes_back_from_originals(
    built: Built, hub: HubServer, api: Any, tmp_path: Path
) -> None:
    from huggingface_hub import snapshot_download

    key = next(t.triple_id[:16] for t in read_tables(built.version).triples if t.engine == "composite")
    samples = [shard_sample_of(sample) for sample in ShardDataset(built.version)]
    samples = [replace(one, meta={**one.meta, "licences": [LICENCE]}) if one.key == key else one for one in samples]
    stated = read_manifest(built.version)
    tables = {Path(name).stem: built.version / name for name in stated.tables}
    write_dataset(tmp_path / "own" / "half", samples, settings_of(built.version, stated), tables)
    own = publish(tmp_path / "own" / "half", tmp_path / "own").path
    pixels = {sha256 for (of, name), sha256 in digests(own).items() if of == key and name != "json"}
    pixels -= {sha256 for (of, _), sha256 in digests(own).items() if of != key}

    config = PublishConfig(faces="allow", flagged="allow")
    request = PublishRequest(own, Target("shop/mugs", tag="v1"), config, withhold=True, decode=1, reload=False)
    refused = publish_version(replace(request, withhold=False), api)
    assert [one.check for one in refused.obstacles] == ["licence"] and "does not allow" in refused.obstacles[0].message
    outcome = publish_version(request, api)
    assert not outcome.obstacles and list(outcome.withheld) == [key]
    again = publish_version(request, api)
    assert again.upload is not None and again.upload.status == "up-to-date"
    assert sorted(entry.name for entry in own.parent.iterdir()) == ["v1"], "nothing is left beside the version"

    folder = Path(snapshot_download("shop/mugs", repo_type="dataset", local_dir=tmp_path / "copy", endpoint=hub.url))
    assert pixels and not pixels & set(digests(folder).values())
    back = rebuild(RebuildRequest(folder, built.feed, built.work, tmp_path / "out", workers=1))
    assert back.remade == [key] and back.same_root


class Stages:
    """In the place of a `Runner`: keeps what each stage is handed, and returns clips with other bytes, or no rows."""

    other: ClassVar[bool] = False
    clips: ClassVar[list[Any]] = []
    handed: ClassVar[dict[str, list[Any]]] = {}

    def __init__(self, *_: object, **__: object) -> None:
        self.results: list[Any] = []
        self.handed.clear()

    def note(self, text: str) -> None:
        """Nobody reads it."""

    def map(self, stage: Any, items: list[Any]) -> list[Any]:
        """What a stage would make."""
        self.handed[stage.name] = [named.item for named in items]
        if stage.name != "cut_again":
            return []
        made = []
        for item in self.handed["cut_again"]:
            video = next(clip.video for clip in self.clips if clip.clip_id == item.clip_id)
            made.append(SimpleNamespace(clip_id=item.clip_id, video=Blob("0" * 64, 1, "mp4") if self.other else video))
        return made


def withheld_version(built: Built, folder: Path, engine: str) -> tuple[RebuildRequest, Triple]:
    """The build's version without one sample of an engine, and what made that."""
    tables = read_tables(built.version)
    triple = next(triple for triple in tables.triples if triple.engine == engine)
    published = folder / "published"
    write_published(built.version, published, {triple.triple_id[:16]: LICENCE})
    return RebuildRequest(published, built.feed, folder / "fresh", folder / "out", workers=1), triple


@pytest.mark.slow
def test_a_clip_that_comes_out_otherwise_takes_its_samples_along(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, triple = withheld_version(built, tmp_path, "composite")
    Stages.clips = read_tables(built.version).clips
    monkeypatch.setattr("pvtt_data.publish.rebuild.Runner", Stages)
    monkeypatch.setattr(Stages, "other", True)
    outcome = rebuild(request)
    assert outcome.publication is None and not outcome.remade and not (tmp_path / "out").exists()
    assert list(outcome.failed) == [triple.triple_id[:16]]
    assert f"clip {triple.clip_id} came out with other bytes" in outcome.failed[triple.triple_id[:16]]
    assert "segment" not in Stages.handed, "nothing is made of a clip that is another one"


@pytest.mark.slow
def test_masks_come_from_the_backend_that_made_them_whatever_auto_takes_here(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, _ = withheld_version(built, tmp_path, "composite")
    assert recipe_of(request.version).segment.backend == "auto"
    asked = []

    def stop(config: SegmentConfig, *_: object) -> None:
        asked.append(config.backend)
        raise PreflightError("far enough")

    monkeypatch.setattr("pvtt_data.publish.rebuild.backend_for", stop)
    tables = read_tables(request.version)
    on_a_gpu = [replace(track, backend="grounded-sam2 detector@0123456789ab") for track in tables.tracks]
    pictures = [replace(picture, backend="grounded-sam2 detector@0123456789ab") for picture in tables.pictures]
    for found in (tables, replace(tables, tracks=on_a_gpu, pictures=pictures)):
        monkeypatch.setattr("pvtt_data.publish.rebuild.read_tables", lambda version, found=found: found)
        with pytest.raises(PreflightError, match="far enough"):
            rebuild(request)
    assert asked == ["u2net", "grounded-sam2"]


@pytest.mark.slow
def test_a_clip_that_people_had_segmented_again_is_segmented_as_they_said(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = read_tables(built.version)
    Stages.clips = tables.clips
    triple = next(triple for triple in tables.triples if triple.engine == "composite")
    said = AppliedVerdict(
        *("ab" * 16, "clip", "cd" * 32, triple.clip_id, "a clip", "", (), "", (0.1, 0.2, 0.8, 0.9), 3, "", ""),
        *(1, False, False, ("resegmented",)),
    )
    pq.write_table(to_arrow(AppliedVerdict, [said]), built.version / "tables" / "verdicts.parquet")
    monkeypatch.setattr("pvtt_data.publish.rebuild.read_tables", lambda version: read_tables(built.version))
    monkeypatch.setattr("pvtt_data.publish.rebuild.Runner", Stages)
    request, _ = withheld_version(built, tmp_path, "composite")
    rebuild(request)
    items = {item.clip_id: item for item in Stages.handed["segment"]}
    assert items[triple.clip_id].box == BoxPrompt(3, 0.1, 0.2, 0.8, 0.9)
    assert all(type(item) is SegmentItem for name, item in items.items() if name != triple.clip_id)


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


@pytest.mark.slow
def test_what_is_withheld_once_stays_withheld(built: Built, tmp_path: Path) -> None:
    first, second = of_each_engine(built.version)[:2]
    write_published(built.version, tmp_path / "one", {first: LICENCE})
    write_published(tmp_path / "one", tmp_path / "both", {second: "CC-BY-NC-ND-4.0"})
    rows, root = read_withheld(tmp_path / "both")
    write_published(built.version, tmp_path / "at once", {first: LICENCE, second: "CC-BY-NC-ND-4.0"})
    assert (rows, root) == read_withheld(tmp_path / "at once") and root == read_manifest(built.version).root
    assert read_manifest(tmp_path / "both").root == read_manifest(tmp_path / "at once").root


def damaged(table: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the rows of a Parquet file as a stranger might."""
    stored = pq.read_table(table)
    rows = stored.to_pylist()
    for row in rows:
        change(row)
    table.chmod(0o644)
    pq.write_table(pa.Table.from_pylist(rows, schema=stored.schema), table)


def change_member(row: dict[str, Any]) -> None:
    row["members"][0]["sha256"] = "../../../etc/passwd"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "change", "said"),
    [
        ("withheld", change_member, "none of a withheld sample"),
        ("withheld", lambda row: row.update(shard="data/../../train-00000-of-00001.tar"), "none of a withheld sample"),
        ("withheld", lambda row: row.update(key="\x1b[2J"), "none of a withheld sample"),
        ("pairs", lambda row: row.update(cutout_id="nowhere", reference_ids=["nowhere"]), "fit together"),
        ("clips", lambda row: row.update(source_id="nowhere"), "do not fit together"),
    ],
)
def test_tables_that_no_build_wrote_are_refused(
    built: Built, tmp_path: Path, table: str, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    request, _ = withheld_version(built, tmp_path, "composite")
    damaged(request.version / "tables" / f"{table}.parquet", change)
    with pytest.raises(DatasetError, match=said) as raised:
        rebuild(request)
    assert str(raised.value).isprintable()


@pytest.mark.slow
def test_no_program_and_no_file_that_a_version_names_is_used(built: Built, tmp_path: Path) -> None:
    request, _ = withheld_version(built, tmp_path, "composite")
    stated = read_manifest(request.version)
    trap = ["touch", str(tmp_path / "run"), "{frames}", "{masks}", "{output}"]
    recipe = json.loads(json.dumps(stated.recipe))
    recipe["synthesise"]["composite"] |= {"fill_command": trap}
    recipe["segment"] |= {"vocabulary": "/etc/hostname"}
    recipe["segment"]["grounded"] |= {"tracker_folder": str(tmp_path)}
    fields = {name: getattr(stated, name) for name in type(stated).model_fields}
    for name in ("schema_version", "root", "manifest_sha256"):
        del fields[name]
    (request.version / "manifest.json").chmod(0o644)
    (request.version / "manifest.json").write_bytes(manifest_bytes(build_manifest(**{**fields, "recipe": recipe})))
    understood = recipe_of(request.version)
    assert understood.synthesise.composite.fill_command == () and understood.segment.vocabulary is None
    assert understood.segment.grounded.tracker_folder is None
    with pytest.raises(PreflightError, match="was filled by a fill_command of the recipe's"):
        rebuild(request)
    assert not (tmp_path / "run").exists()


def test_a_dataset_names_neither_the_network_nor_the_program_that_filled_backgrounds(tmp_path: Path) -> None:
    network, feed = tmp_path / "lama.onnx", {"folder": tmp_path}
    network.write_bytes(b"a network")
    for fill in (
        {"fill_model": network},
        {"fill_command": (str(tmp_path / "fill"), "{frames}", "{masks}", "{output}")},
    ):
        said = portable_recipe(Recipe.model_validate({"name": "x", "synthesise": {"composite": fill}, "mine": feed}))
        assert str(tmp_path) not in json.dumps(said)
        assert said["synthesise"]["composite"] != CompositeSettings().model_dump(mode="json")


@pytest.mark.slow
def test_a_rebuild_is_written_where_it_belongs_or_not_at_all(built: Built, tmp_path: Path) -> None:
    request, _ = withheld_version(built, tmp_path, "composite")
    with pytest.raises(PreflightError, match="no folder with originals"):
        rebuild(replace(request, originals=tmp_path / "nowhere"))
    with pytest.raises(PreflightError, match="--out lies in the published version"):
        rebuild(replace(request, out=request.version / "shards"))
    with pytest.raises(PreflightError, match="--work lies in the published version"):
        rebuild(replace(request, work=request.version))
    (tmp_path / "file").touch()
    with pytest.raises(PreflightError, match="file cannot be written"):
        rebuild(replace(request, out=tmp_path / "file" / "shards"))
    other = tmp_path / "other"
    samples = [shard_sample_of(sample) for sample in ShardDataset(request.version)]
    settings = settings_of(request.version, read_manifest(request.version))
    write_dataset(other / "half", samples, replace(settings, name="vases"))
    publish(other / "half", other)
    with pytest.raises(PreflightError, match="holds versions of vases, and this is"):
        rebuild(replace(request, out=other))


def test_originals_are_found_by_their_bytes_behind_links_and_beside_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "originals" / "frames").mkdir(parents=True)
    (tmp_path / "elsewhere.mp4").write_bytes(b"a video")
    (tmp_path / "originals" / "frames" / "1.png").write_bytes(b"a frame")
    (tmp_path / "originals" / "link\n.mp4").symlink_to(tmp_path / "elsewhere.mp4")
    (tmp_path / "originals" / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    (tmp_path / "originals" / "round").symlink_to(tmp_path / "originals")
    os.mkfifo(tmp_path / "originals" / "pipe")
    wanted = {original_sha256(tmp_path / "elsewhere.mp4"), original_sha256(tmp_path / "originals" / "frames")}
    found = find_originals(tmp_path / "originals", {*wanted, "ab" * 32})
    assert set(found) == wanted
