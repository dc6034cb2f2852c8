"""The whole line on the sample catalogue: what a user gets, twice the same, and only what changed again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from catalogue_builds import CATALOGUE, ROOT, SMALL, Builder, copy_products, made_once
from dataset_digests import dataset_digest
from remembered_answers import remembering

from pvtt_data.build import BuildOutcome
from pvtt_data.errors import BuildError, PreflightError
from pvtt_data.media import decode_masks, open_media, read_clip
from pvtt_data.series import from_parquet
from pvtt_data.shards import ShardDataset, read_manifest, verify
from pvtt_data.shots import hard_cuts
from pvtt_data.workspace import Workspace

FEW = ("P1001", "P2002", "P3001", "P4002")
"""One product of each category; among them all frame rates, a repost, a letterbox, a dissolve, upright and wide."""

pytestmark = pytest.mark.slow


def computed(outcome: BuildOutcome) -> dict[str, int]:
    """Map stage → rows that were computed, not taken from the cache."""
    return {
        result.stage: result.items - result.cached
        for result in outcome.results
        if not result.table and result.items > result.cached
    }


ENGINES = frozenset({"synthesise", "crosspair", "panzoom"})
"""Stages that make pairs."""


@pytest.fixture
def first(catalogue_build: tuple[Builder, BuildOutcome]) -> tuple[Builder, BuildOutcome]:
    """One build with two workers, shared by the tests that only look."""
    return catalogue_build


@pytest.fixture(scope="session")
def few(
    tmp_path_factory: pytest.TempPathFactory, catalogue_build: tuple[Builder, BuildOutcome]
) -> tuple[Builder, dict[str, str]]:
    """A build of a few products out of the rows of the whole catalogue's, and the digest of its dataset.

    A build of this feed that computes everything anew has to come to the same bytes.
    """

    def make(folder: Path) -> tuple[Builder, dict[str, str]]:
        copy_products(FEW, folder / "feed")
        builder = catalogue_build[0].copied(folder, folder / "feed", versions=False)
        outcome = builder.run()
        assert set(computed(outcome)) <= {*ENGINES, "triple_numbers"}
        assert outcome.publication is not None and len(outcome.tables.triples) >= 2
        return builder, dataset_digest(outcome.publication.path)

    return made_once(tmp_path_factory, "few", make)


def test_the_sample_catalogue_becomes_a_verified_dataset(first: tuple[Builder, BuildOutcome]) -> None:
    _, outcome = first
    assert outcome.publication is not None
    assert outcome.publication.version == 1
    report = verify(outcome.publication.path)
    assert report.ok, report.text()
    dataset = ShardDataset(outcome.publication.path)
    assert len(dataset) == len(outcome.tables.triples) >= 4
    sample = dataset[0]
    assert sample.source.shape == sample.target.shape == (17, 448, 256, 3)
    assert (sample.source != sample.target).any()


WITHOUT_VECTORS = """
import ctypes
from pathlib import Path
import av
import pvtt_data.media.encode

libraries = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "libavutil" in line}
libavutil = ctypes.CDLL(libraries.pop())
libavutil.av_force_cpu_flags(0)
assert libavutil.av_get_cpu_flags() == 0
pvtt_data.media.encode._X264_PARAMS += ":asm=0"

import remembered_answers
remembered_answers.remember()
"""
"""Python runs a module `sitecustomize` when it starts: in the command, and in every worker."""


def test_a_build_elsewhere_with_another_worker_count_and_without_vector_instructions_is_byte_identical(
    few: tuple[Builder, dict[str, str]], tmp_path: Path
) -> None:
    builder, digest = few
    moved = tmp_path / "elsewhere" / "feed"
    shutil.copytree(builder.feed, moved)
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_VECTORS, encoding="utf-8")
    environment = os.environ | remembering(builder.answers)
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), environment["PYTHONPATH"]])
    done = subprocess.run(
        command(moved, tmp_path / "second", workers=1),
        capture_output=True, text=True, cwd=ROOT, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert dataset_digest(tmp_path / "second" / "shards" / "v1") == digest


def command(feed: Path, folder: Path, workers: int = 2) -> list[str]:
    """A build in small on the command line."""
    overrides = [f"--set={text}" for text in (*SMALL, f"mine.folder={feed}")]
    return [
        sys.executable, "-m", "pvtt_data.cli", "build", str(ROOT / "recipes" / "ecommerce.yaml"), *overrides,
        "--work", str(folder / "work"), "--out", str(folder / "shards"), "--workers", str(workers),
    ]  # fmt: skip


def test_an_unchanged_build_computes_nothing_and_makes_no_version(
    first: tuple[Builder, BuildOutcome], tmp_path: Path
) -> None:
    builder = first[0].copied(tmp_path)
    again = builder.run()
    assert computed(again) == {}
    assert again.publication is not None
    assert again.publication.status == "up-to-date"
    assert [path.name for path in sorted((builder.folder / "shards").iterdir())] == ["v1"]


@pytest.mark.parametrize(
    ("override", "stages", "perhaps"),
    [
        ("filter.max_luma=250", set(), set()),
        ("mask_qc.max_boundary_flicker=0.05", set(), set()),
        ("triple_qc.max_residue=0.5", set(), set()),
        ("synthesise.composite.colour_strength=0.4", {"synthesise", "triple_numbers"}, set()),
        ("synthesise.panzoom.max_pan=0.05", set(), {"panzoom", "triple_numbers"}),
        ("pair.seed=5", {"synthesise", "triple_numbers"}, {"crosspair", "panzoom"}),
    ],
)
def test_a_changed_setting_reruns_only_what_depends_on_it(
    few: tuple[Builder, dict[str, str]], tmp_path: Path, override: str, stages: set[str], perhaps: set[str]
) -> None:
    """Few products may give an engine with a small share no pair."""
    changed = few[0].copied(tmp_path).run(override)
    assert stages <= set(computed(changed)) <= stages | perhaps


def test_looking_for_overlay_text_runs_that_stage_alone_and_names_its_weights(
    first: tuple[Builder, BuildOutcome], tmp_path: Path, text_detector_path: Path
) -> None:
    builder, one = first
    looked = builder.copied(tmp_path).run("mask_qc.max_text_overlay_share=0.5")
    ran = computed(looked)
    photos = [picture for picture in looked.tables.pictures if picture.origin == "listing"]
    assert ran.pop("text_overlay") == computed(one)["mask_numbers"]
    assert 0 < ran.pop("photo_text") <= len(photos) and not ran
    clips = {clip.clip_id for clip in looked.tables.clips if clip.source_id in filmed(looked)}
    shares = [track.numbers["text_overlay_share"] for track in looked.tables.tracks if track.clip_id in clips]
    assert len(shares) >= 8 and max(shares) < 0.01
    assert one.publication is not None and looked.publication is not None
    assert set(read_manifest(one.publication.path).weights) == {"u2net", "colour-shape@1"}
    assert set(read_manifest(looked.publication.path).weights) == {"u2net", "colour-shape@1", "ppocrv4-det"}
    assert "ppocrv4-det" in (looked.run_folder / "report.html").read_text()


def test_a_broken_file_is_rejected_and_changes_no_sample(first: tuple[Builder, BuildOutcome], tmp_path: Path) -> None:
    builder, one = first
    feed = tmp_path / "feed"
    shutil.copytree(CATALOGUE, feed)
    (feed / "broken").mkdir()
    (feed / "broken" / "empty.mp4").write_bytes(b"")
    (feed / "broken" / "text.mp4").write_text("no video")
    (feed / "broken" / "torn.mp4").write_bytes(next(CATALOGUE.rglob("*_ad.mp4")).read_bytes()[:3000])
    outcome = builder.copied(tmp_path, feed).run()
    assert one.publication is not None and outcome.publication is not None
    reasons = {r.subject: r.reason for r in outcome.tables.rejections if r.subject.startswith("broken/")}
    assert set(reasons) == {"broken/empty.mp4", "broken/text.mp4", "broken/torn.mp4"}
    before, after = ShardDataset(one.publication.path), ShardDataset(outcome.publication.path)
    assert set(before.keys()) == set(after.keys())
    for name, digest in dataset_digest(one.publication.path / "data").items():
        assert dataset_digest(outcome.publication.path / "data")[name] == digest


def test_splits_are_leak_free_and_duplicates_stay_together(first: tuple[Builder, BuildOutcome], tmp_path: Path) -> None:
    outcome = (
        first[0]
        .copied(tmp_path)
        .run("assign_split.test_share=0.4", "assign_split.validation_share=0.2", "shards.count=2")
    )
    split_of: dict[str, set[str]] = {}
    for triple in outcome.tables.triples:
        for product in (triple.product_a, triple.product_b):
            split_of.setdefault(product, set()).add(triple.split)
    assert all(len(splits) == 1 for splits in split_of.values())
    assigned = {row.source_id: row.split for row in outcome.tables.assignments}
    path_of = {row.path: row.source_id for row in outcome.tables.sources}
    for path, facts in truth()["videos"].items():
        if facts["duplicate_of"]:
            assert assigned[path_of[path]] == assigned[path_of[facts["duplicate_of"]]]


def test_a_missing_folder_is_said_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match=r"mine\.folder = .*nowhere is not a folder"):
        Builder(tmp_path, tmp_path / "nowhere", tmp_path / "answers").run()
    assert not (tmp_path / "work").exists()


def test_an_empty_feed_is_a_failure_not_an_empty_dataset(tmp_path: Path, answers: Path) -> None:
    (tmp_path / "feed").mkdir()
    with pytest.raises(BuildError, match="no usable video"):
        Builder(tmp_path, tmp_path / "feed", answers).run()
    assert not list((tmp_path / "shards").glob("v*")) if (tmp_path / "shards").exists() else True


def test_until_stops_after_the_stage_and_writes_no_version(first: tuple[Builder, BuildOutcome], tmp_path: Path) -> None:
    outcome = first[0].copied(tmp_path).run(until="filter")
    assert outcome.publication is None
    assert [result.stage for result in outcome.results] == ["mine", "measure", "split", "filter"]


def test_nothing_in_a_dataset_names_this_machine(first: tuple[Builder, BuildOutcome]) -> None:
    builder, outcome = first
    assert outcome.publication is not None
    for path in outcome.publication.path.rglob("*"):
        if path.is_file() and path.suffix in {".json", ".md"}:
            text = path.read_text()
            assert str(builder.folder) not in text
            assert str(ROOT) not in text
            assert os.uname().nodename not in text or len(os.uname().nodename) < 4


def truth() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / "samples" / "truth" / "truth.json").read_text())
    return loaded


def filmed(outcome: BuildOutcome) -> dict[str, str]:
    """Source id → path of the videos; photos that were filmed are sources, too."""
    return {source.source_id: source.path for source in outcome.tables.sources if source.kind != "photo"}


def test_no_clip_crosses_a_cut_or_holds_a_fade(first: tuple[Builder, BuildOutcome]) -> None:
    _, outcome = first
    path_of = filmed(outcome)
    clips = [clip for clip in outcome.tables.clips if clip.source_id in path_of]
    assert clips
    for clip in clips:
        facts = truth()["videos"][path_of[clip.source_id]]
        for cut in facts["cuts"]:
            assert not clip.cut.first_frame < cut < clip.cut.last_frame
        for fade in [*facts["fades"], *facts["dissolves"]]:
            assert clip.cut.last_frame <= fade["first"] or clip.cut.first_frame >= fade["last"]


def test_shots_of_the_samples_begin_exactly_at_their_cuts(first: tuple[Builder, BuildOutcome]) -> None:
    builder, outcome = first
    store = Workspace(builder.folder / "work").store
    series_of = {m.sha256: m.series for m in outcome.tables.measurements}
    for source in outcome.tables.sources:
        if source.source_id not in filmed(outcome):
            continue
        series = from_parquet(store.read(series_of[source.sha256]))
        assert hard_cuts(series) == truth()["videos"][source.path]["cuts"], source.path


def test_letterbox_is_cropped_and_nothing_else_is(first: tuple[Builder, BuildOutcome]) -> None:
    _, outcome = first
    path_of = {source.source_id: source.path for source in outcome.tables.sources}
    boxes = {path_of[shot.source_id]: shot.letterbox for shot in outcome.tables.shots}
    for path, box in boxes.items():
        x, y, width, height = truth()["videos"][path]["letterbox"]
        assert abs(box.x - x) <= 2 and abs(box.y - y) <= 2, path
        assert abs(box.width - width) <= 4 and abs(box.height - height) <= 4, path


def test_the_reposted_ad_is_found_and_linked(first: tuple[Builder, BuildOutcome]) -> None:
    _, outcome = first
    duplicates = [r for r in outcome.tables.rejections if r.reason == "near-duplicate"]
    copies = {path: facts["duplicate_of"] for path, facts in truth()["videos"].items() if facts["duplicate_of"]}
    path_of = {source.source_id: source.path for source in outcome.tables.sources}
    kept = {shot.shot_id: path_of[shot.source_id] for shot in outcome.tables.shots}
    assert duplicates
    for rejection in duplicates:
        copy = rejection.subject.split(" [")[0]
        assert kept[rejection.linked_to] == copies[copy]
    assert not set(copies) & set(kept.values())


def test_masks_agree_with_the_truth(first: tuple[Builder, BuildOutcome]) -> None:
    builder, outcome = first
    store = Workspace(builder.folder / "work").store
    path_of = filmed(outcome)
    clip_of = {clip.clip_id: clip for clip in outcome.tables.clips if clip.source_id in path_of}
    overlaps = {}
    for track in outcome.tables.tracks:
        if track.clip_id not in clip_of:
            continue
        cut = clip_of[track.clip_id].cut
        path = path_of[clip_of[track.clip_id].source_id]
        media = open_media(ROOT / "samples" / "truth" / truth()["videos"][path]["mask"])
        size = (cut.width_px, cut.height_px)
        true = read_clip(media, cut.first_frame, cut.last_frame, cut.fps, cut.frames, cut.crop, size)[..., 1] > 127
        found = decode_masks(store.path(track.mask))
        union = (true | found).sum(axis=(1, 2))
        overlaps[f"{path} [{cut.first_frame}"] = float(((true & found).sum(axis=(1, 2)) / union).mean())
    assert len(overlaps) >= 8
    assert min(overlaps.values()) > 0.85, overlaps
    assert sum(overlaps.values()) / len(overlaps) > 0.93, overlaps
