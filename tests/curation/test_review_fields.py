"""What people said, and what is reviewed, as fields of the app's samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from review_toys import toy_reviewed

if find_spec("bson") is None:
    pytest.skip("FiftyOne is not installed: pip install 'pvtt[app]'", allow_module_level=True)

import numpy as np
from bson import ObjectId
from pvtt_curation.app.context import ReviewContext
from pvtt_curation.app.documents import documents, leak
from pvtt_curation.app.looks_map import looks_of_samples, plane
from pvtt_curation.app.shelf import MediaShelf
from pvtt_curation.app.standing import VerdictFolder, standing_fields
from pvtt_curation.app.views import view_slug
from pvtt_curation.media import MediaCache
from pvtt_curation.subjects import Reviewed, Subject

from pvtt_data.reviews.effective import standings
from pvtt_data.reviews.log import ReviewLog
from pvtt_data.reviews.records import Review
from pvtt_data.thresholds import Rule


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Reviewed:
    return toy_reviewed(tmp_path_factory.mktemp("toys"), 2)


def first(reviewed: Reviewed, kind: str) -> Subject:
    return next(subject for subject in reviewed.subjects if subject.kind == kind)


def said(subject: Subject, *words: tuple[str, str, str], reviewers: str = "ann") -> Iterator[Review]:
    """Verdicts on parts of a subject: part, action, reason."""
    for number, (part, action, reason) in enumerate(words):
        made: Any = Review.made
        at = f"2026-11-26T09:00:{number:02}Z"
        yield made(part, subject.parts[part], action, reviewers, reason=reason, at=at)


def fields(subject: Subject, *words: tuple[str, str, str]) -> dict[str, Any]:
    return standing_fields(subject, standings(said(subject, *words)))


def test_a_rejected_mask_takes_its_triple_along(reviewed: Reviewed) -> None:
    triple = first(reviewed, "triple")
    found = fields(triple, ("triple", "accept", ""), ("mask", "reject", "drift"))
    assert (found["review"], found["review_of"], found["review_reasons"]) == ("reject", ["mask"], ["drift"])
    assert found["reviewers"] == ["ann"]


def test_an_accepted_mask_does_not_accept_its_triple_and_an_accepted_triple_has_no_flag(reviewed: Reviewed) -> None:
    triple = first(reviewed, "triple")
    assert fields(triple, ("mask", "accept", ""))["review"] is None
    assert fields(triple, ("mask", "flag", "drift"))["review"] == "flag"
    accepted = fields(triple, ("triple", "accept", ""), ("mask", "flag", "drift"))
    assert (accepted["review"], accepted["review_reasons"]) == ("accept", [])
    mask = first(reviewed, "mask")
    assert standing_fields(mask, standings(said(triple, ("triple", "reject", "drift"))))["review"] is None


def test_reviewers_who_disagree_are_a_conflict(reviewed: Reviewed) -> None:
    mask = first(reviewed, "mask")
    words = [*said(mask, ("mask", "accept", "")), *said(mask, ("mask", "reject", "drift"), reviewers="bob")]
    found = standing_fields(mask, standings(words))
    assert (found["conflict"], found["review"], found["reviewers"]) == (True, "reject", ["ann", "bob"])
    decided = standing_fields(mask, standings(words, "ann"))
    assert (decided["conflict"], decided["review"]) == (False, "accept")


def test_verdicts_of_any_file_are_seen_when_they_come(reviewed: Reviewed, tmp_path: Path) -> None:
    folder, mask = VerdictFolder(tmp_path, None), first(reviewed, "mask")
    assert folder.read() == ({}, [])
    for name, action in (("ann", "accept"), ("bob", "reject"), ("ann", "flag")):
        reason = "" if action == "accept" else "drift"
        ReviewLog(tmp_path, name).append(Review.made("mask", mask.key, action, name, reason=reason))  # type: ignore[arg-type]
    (standing,), bad = folder.read()[0].values(), folder.read()[1]
    assert (standing.verdict, standing.reviewers, bad) == ("reject", ("ann", "bob"), [])


def context_of(reviewed: Reviewed, cache: Path) -> ReviewContext:
    shelf = MediaShelf(MediaCache(cache), reviewed.subjects)
    return ReviewContext("toys", reviewed, cache / "verdicts", "ann", shelf)


def test_samples_keep_their_ids_and_name_only_what_is_served(reviewed: Reviewed, tmp_path: Path) -> None:
    context = context_of(reviewed, tmp_path)
    made = list(documents(ObjectId(), context, {}))
    turned = replace(reviewed, subjects=reviewed.subjects[::-1])
    again = list(documents(ObjectId(), context_of(turned, tmp_path), {}))
    assert {row["_id"]: row["filepath"] for row in made} == {row["_id"]: row["filepath"] for row in again}
    assert len({row["_id"] for row in made}) == len(made)
    assert all(context.shelf.find(row["filepath"]) is not None for row in made)
    assert str(tmp_path) not in str(made)


def test_every_subject_is_a_group_with_an_overlay_and_all_that_players_need(reviewed: Reviewed, tmp_path: Path) -> None:
    groups: dict[Any, dict[str, dict[str, Any]]] = {}
    for row in documents(ObjectId(), context_of(reviewed, tmp_path), {}):
        groups.setdefault(row["group"]["_id"], {})[row["group"]["name"]] = row
    assert len(groups) == len(reviewed.subjects)
    assert all({"overlay", "target"} <= set(group) for group in groups.values())
    triple = next(group for group in groups.values() if group["overlay"]["kind"] == "triple")
    assert list(triple) == ["overlay", "target", "source", "overlay_a", "reference_0"]
    size = triple["reference_0"]["metadata"]
    assert (size["width"], size["height"]) == (48, 64)
    for group in groups.values():
        for name, row in group.items():
            if not name.startswith("reference_"):
                assert all(row["metadata"][part] for part in ("frame_width", "frame_height", "frame_rate"))
    assert triple["overlay"]["numbers"]["edge"] == 0.75


def test_a_leak_is_measured_by_its_threshold(reviewed: Reviewed) -> None:
    triple = first(reviewed, "triple")
    rules = (Rule("reference-leak", "likeness", 0.8, "above"), Rule("reference-leak", "bits", 6, "below"))
    assert leak(replace(triple, rules=rules, numbers={"likeness": 0.4})) == 0.5
    assert leak(replace(triple, rules=rules, numbers={"likeness": 0.4, "bits": 6})) == 1
    assert leak(replace(triple, rules=rules, numbers={"edge": 1.0})) is None
    assert leak(replace(triple, numbers={}, reasons=("residue",))) == 1


def test_what_looks_the_same_lies_at_one_place_of_the_map(reviewed: Reviewed, tmp_path: Path) -> None:
    masks = [subject for subject in reviewed.subjects if subject.kind == "mask"]
    looks = {mask.row_id: np.eye(2, dtype=np.float32)[number] for number, mask in enumerate(masks)}
    found = looks_of_samples(context_of(replace(reviewed, looks=looks), tmp_path))
    assert len(found) == 4  # two masks, and the triples that are made of them
    vectors = np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32)
    vectors[7] = vectors[3]
    points = plane(vectors)
    assert points.shape == (30, 2)
    assert np.array_equal(points[7], points[3])
    assert np.array_equal(points, plane(vectors))
    assert plane(vectors[:2]).shape == (2, 2)


def test_views_are_found_by_the_name_that_fiftyone_gives_them() -> None:
    assert view_slug("flagged first") == "flagged-first"
    assert view_slug("category: Tea & Pots_1") == "category-tea-pots-1"
