"""Subjects: what a person is shown of a build and of the version that it published."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pvtt_curation.neighbours import alike_tracks, clips_sharing_footage, mean_looks
from pvtt_curation.subjects import (
    Reviewed,
    Subject,
    flagged_first,
    part_kind,
    read_reviewed,
    subjects_of_version,
    subjects_of_work,
)
from review_toys import toy_reviewed

from pvtt_data.errors import PreflightError
from pvtt_data.looks import packed_embedding
from pvtt_data.records import Blob as StoredBlob
from pvtt_data.records import Clip, Cut, Link, Look, Rectangle, View
from pvtt_data.shards import ShardDataset

if TYPE_CHECKING:
    from catalogue_builds import Builder

    from pvtt_data.build import BuildOutcome


@pytest.fixture(scope="module")
def of_build(catalogue_build: tuple[Builder, BuildOutcome]) -> list[Subject]:
    builder, _ = catalogue_build
    return subjects_of_work(builder.recipe(), builder.folder / "work")


@pytest.fixture(scope="module")
def of_version(catalogue_build: tuple[Builder, BuildOutcome]) -> list[Subject]:
    return subjects_of_version(catalogue_build[0].folder / "shards" / "v1")


def kinds(subjects: list[Subject], verdict: str = "") -> dict[str, set[str]]:
    found: dict[str, set[str]] = {"clip": set(), "mask": set(), "triple": set()}
    for subject in subjects:
        if verdict in ("", subject.verdict):
            found[subject.kind].add(subject.key)
    return found


def test_a_version_and_its_build_give_the_same_pixels_the_same_key(
    of_build: list[Subject], of_version: list[Subject]
) -> None:
    built, published = kinds(of_build), kinds(of_version)
    assert published["triple"]
    for kind, keys in published.items():
        assert keys <= built[kind], kind
    verdicts = {subject.key: subject.verdict for subject in of_build}
    assert all(verdicts[subject.key] == subject.verdict for subject in of_version)


def test_a_build_shows_what_it_rejected_and_says_why(
    of_build: list[Subject], catalogue_build: tuple[Builder, BuildOutcome]
) -> None:
    rejections = catalogue_build[1].tables.rejections
    for kind, stage in (("mask", "mask_qc"), ("triple", "triple_qc")):
        shown = [subject for subject in of_build if subject.kind == kind and subject.stage == stage]
        dropped = [row for row in rejections if row.stage == stage]
        assert len(shown) == len(dropped)
        assert {(s.reasons, s.message) for s in shown} == {((row.reason,), row.message) for row in dropped}
    assert any(subject.verdict == "reject" for subject in of_build)


def test_bytes_are_where_a_subject_says(of_build: list[Subject], of_version: list[Subject]) -> None:
    for subject in (of_build[0], of_build[-1], of_version[0], of_version[-1]):
        for ref in subject.media.values():
            assert hashlib.sha256(ref.read()).hexdigest() == ref.sha256


def test_a_triple_knows_its_mask_clip_and_source(of_build: list[Subject], of_version: list[Subject]) -> None:
    masks = {subject.key: subject for subject in of_build if subject.kind == "mask"}
    for triple in (s for s in (*of_build, *of_version) if s.kind == "triple"):
        if triple.engine in ("panzoom", "render"):
            assert list(triple.parts) == ["triple"]
            continue
        mask = masks[triple.parts["mask"]]
        assert mask.media["video"].sha256 == triple.media["target"].sha256 == triple.parts["clip"]
        assert mask.parts["source"] == triple.parts["source"]
        assert set(triple.overlays) == {"overlay", "overlay_a"}


def test_a_moving_a_brings_its_own_mask_and_clip(of_build: list[Subject], of_version: list[Subject]) -> None:
    moving = [s for s in of_build if "mask_a" in s.parts]
    masks = kinds(of_build)["mask"]
    assert all(subject.parts["mask_a"] in masks for subject in moving)
    published = {s.key: s.parts for s in of_version}
    assert all(published[s.key] == s.parts for s in moving if s.key in published)


def test_numbers_come_with_the_thresholds_that_they_are_judged_by(of_build: list[Subject]) -> None:
    flagged = [s for s in of_build if s.kind == "mask" and s.verdict == "flag"]
    for subject in flagged:
        broken = {rule.reason for rule in subject.rules if rule.verdict == "flag" and rule.is_broken(subject.numbers)}
        assert set(subject.reasons) <= broken


def test_flagged_ones_come_first_then_rejected_ones(of_build: list[Subject]) -> None:
    verdicts = [subject.verdict for subject in of_build]
    assert verdicts == sorted(verdicts, key=["flag", "reject", "accept"].index)
    assert flagged_first(reversed(of_build)) == of_build


def test_a_version_is_shown_with_the_bytes_in_its_tars(of_version: list[Subject]) -> None:
    assert all(ref.path.suffix == ".tar" for subject in of_version for ref in subject.media.values())


def test_what_has_lost_its_pixels_is_left_out_and_counted(
    catalogue_build: tuple[Builder, BuildOutcome], tmp_path: Path
) -> None:
    builder, _ = catalogue_build
    shutil.copytree(builder.folder / "work", tmp_path / "work")
    recipe = Path(__file__).resolve().parents[2] / "recipes" / "ecommerce.yaml"
    whole = read_reviewed(recipe, tmp_path / "work", ("render=null",))
    lost = next(subject for subject in whole.subjects if subject.kind == "mask")
    lost.media["mask"].path.unlink()
    rest = read_reviewed(recipe, tmp_path / "work", ("render=null",))
    assert lost.key not in {subject.key for subject in rest.subjects}
    assert len(rest.subjects) < len(whole.subjects)
    assert "pixels are gone" in rest.notes[0]


def test_without_a_build_there_is_nothing_to_review(tmp_path: Path) -> None:
    recipe = Path(__file__).resolve().parents[2] / "recipes" / "ecommerce.yaml"
    with pytest.raises(PreflightError, match="holds no build yet"):
        read_reviewed(recipe, tmp_path)


def test_a_version_has_another_identity_than_its_build(catalogue_build: tuple[Builder, BuildOutcome]) -> None:
    version = read_reviewed(catalogue_build[0].folder / "shards" / "v1", Path("none"))
    assert version.name == f"{ShardDataset(version.version or Path()).manifest.name} v1"
    assert version.identity != Reviewed("x", "", ()).identity


def test_parts_of_both_products_have_the_kind_that_verdicts_are_given_on(tmp_path: Path) -> None:
    assert [part_kind(part) for part in ("mask", "mask_a", "clip_a", "source_a", "triple")] == [
        "mask", "mask", "clip", "source", "triple",
    ]  # fmt: skip
    assert len({s.key for s in toy_reviewed(tmp_path, 2).subjects}) == 6


def look(name: str, *vector: float) -> Look:
    return Look(name, (View(8, 8, 0, packed_embedding(np.array(vector, np.float32)), "", ""),))


def test_the_tracks_that_look_most_alike_are_those_of_other_clips() -> None:
    looks = [look("a", 1, 0, 0), look("same-clip", 1, 0, 0), look("near", 1, 0.2, 0), look("far", 0, 0.1, 1)]
    clip_of = {"a": "1", "same-clip": "1", "near": "2", "far": "3"}
    found = alike_tracks(mean_looks(looks), clip_of)
    assert [neighbour.row_id for neighbour in found["a"]] == ["near"]
    assert found["a"][0].likeness == pytest.approx(1 / np.hypot(1, 0.2), abs=0.01)
    assert found["far"][0].row_id == "near"
    assert alike_tracks(mean_looks(looks[:1]), clip_of) == {}


def test_clips_of_sources_that_share_footage_are_neighbours() -> None:
    whole = Rectangle(0, 0, 8, 8)
    clips = [
        Clip(name, source, "", None, 8, 8, 0.0, Cut(0, 9, whole, whole, 8, 8, 9, 8.0), StoredBlob("", 0, "mp4"), {})
        for name, source in (("one", "s1"), ("two", "s2"), ("three", "s3"))
    ]
    links = [Link("l", "s1", "s2", {"agreeing": 0.8})]
    found = clips_sharing_footage(clips, links)
    assert [(n.row_id, n.likeness, n.why) for n in found["one"]] == [("two", 0.8, "footage")]
    assert "three" not in found
