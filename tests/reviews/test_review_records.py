"""What a verdict may say, and the keys that subjects have."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reviews_said import key, reviews, said

from pvtt_data.errors import InputError
from pvtt_data.records import from_arrow, to_arrow, to_plain
from pvtt_data.reviews.records import (
    Review,
    check_reviewer,
    clip_key,
    mask_key,
    review_from_plain,
    review_line,
    triple_key,
)

WHENEVER = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
MEMBERS = {
    name: key(name)
    for name in ("source.mp4", "source_mask.mp4", "target.mp4", "target_mask.mp4", "effect_mask.mp4", "reference_0.png")
}


@WHENEVER
@given(reviews())
def test_a_verdict_comes_back_from_its_line_as_it_was(review: Review) -> None:
    assert review_from_plain(json.loads(review_line(review))) == review
    assert review_line(review).count(b"\n") == 1


@WHENEVER
@given(reviews())
def test_a_verdict_comes_back_from_a_table_as_it_was(review: Review) -> None:
    assert from_arrow(Review, to_arrow(Review, [review])) == [review]


@WHENEVER
@given(reviews(), st.data())
def test_a_changed_character_of_a_verdict_is_noticed(review: Review, data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(["reviewer", "comment", "name", "at", "key"]))
    changed = to_plain(review) | {field: data.draw(st.text("0123456789abcdefZ:-", min_size=1, max_size=64))}
    if changed[field] != getattr(review, field):
        with pytest.raises(InputError):
            review_from_plain(changed)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"action": "reject", "reason": ""}, "a reject has one of the reasons wrong-object"),
        ({"action": "reject", "reason": "ugly"}, "a reject has one of the reasons wrong-object"),
        ({"action": "flag", "reason": "other"}, "other needs a comment"),
        ({"action": "accept", "reason": "drift"}, "an? accept has no reason"),
        ({"action": "relabel", "kind": "mask", "category": "cups"}, "of a mask one says accept, reject, flag, undo"),
        ({"action": "relabel", "kind": "source"}, "a relabel, and nothing else, gives a category or a product id"),
        ({"action": "accept", "product_id": "mug"}, "a relabel, and nothing else"),
        ({"action": "resegment"}, "a resegment needs a prompt or a box"),
        ({"action": "resegment", "box": (0, 0, 1, 1)}, "a box needs the frame"),
        ({"action": "resegment", "box": (0.5, 0, 0.5, 1), "box_frame": 0}, "0 ≤ x0 < x1 ≤ 1"),
        ({"action": "resegment", "box": (0, 0, float("nan"), 1), "box_frame": 0}, "a box is four shares"),
        ({"action": "resegment", "box": (0, 0, 1), "box_frame": 0}, "a box is four shares"),
        ({"action": "resegment", "box": (0, 0, 1, 1), "box_frame": -1}, "frames are counted from 0"),
        ({"action": "accept", "prompt": "mug."}, "a prompt or a box goes with a resegment only"),
        ({"action": "undo"}, "names the verdict that it takes back"),
        ({"action": "undo", "undoes": "the last one"}, "undoes must be the 16 hex digits"),
        ({"action": "accept", "at": "2026-02-30T10:00:00Z"}, "at must be a UTC time"),
        ({"action": "accept", "at": "2026-11-26 10:00"}, "at must be a UTC time"),
        ({"action": "accept", "comment": "x" * 2001}, "comment is longer than 2000 characters"),
        ({"action": "accept", "comment": "\ud800"}, "comment holds half a surrogate pair"),
    ],
)
def test_what_cannot_be_followed_is_refused_with_the_reason(facts: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        said(str(facts["action"]), **{name: value for name, value in facts.items() if name != "action"})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "a/b", "../anna", ".hidden", "anna\n", "a" * 49, "an na", "e\u0301va", "-x"])
def test_a_name_that_could_not_name_a_file_is_no_reviewers(name: str) -> None:
    with pytest.raises(InputError):
        check_reviewer(name)


@pytest.mark.parametrize("name", ["anna", "张伟", "évа", "a.b-c_d+e@example.org"])
def test_names_of_people_are_taken(name: str) -> None:
    assert check_reviewer(name) == name


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"box": [True, 0, 1, 1]}, "box has another type"),
        ({"comment": 3}, "comment has another type"),
        ({"box_frame": 1.5}, "box_frame has another type"),
        ({"colour": "red"}, "no field colour"),
        ({"kind": "picture"}, "kind must be one of source, clip, mask, triple"),
        ({"key": "AB" * 32}, "key must have 64 hex digits"),
    ],
)
def test_a_line_of_another_shape_is_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        review_from_plain(to_plain(said("accept")) | change)


def test_a_line_without_its_subject_is_refused() -> None:
    row = to_plain(said("accept"))
    del row["key"]
    with pytest.raises(InputError, match="key is missing"):
        review_from_plain(row)


def test_a_mask_has_another_key_over_another_clip_and_never_the_key_of_the_clip() -> None:
    one, other, mask = key("one"), key("other"), key("mask")
    assert len({clip_key(one), mask_key(one, mask), mask_key(other, mask), mask_key(mask, one)}) == 4


def test_a_triple_has_one_key_in_a_build_and_in_a_dataset_that_repeats_its_last_picture() -> None:
    repeated = {f"reference_{number}.png": MEMBERS["reference_0.png"] for number in range(4)}
    others = {"heldout_0.png": key("heldout"), "json": key("json")}
    assert triple_key(MEMBERS) == triple_key(MEMBERS | repeated | others)
    assert triple_key(MEMBERS) != triple_key(MEMBERS | {"reference_1.png": key("another")})


@pytest.mark.parametrize("name", MEMBERS)
def test_every_member_takes_part_in_the_key_of_a_triple(name: str) -> None:
    assert triple_key(MEMBERS | {name: key("other bytes")}) != triple_key(MEMBERS)
    with pytest.raises(InputError):
        triple_key({other: sha256 for other, sha256 in MEMBERS.items() if other != name})


def test_the_identifier_is_that_of_the_content() -> None:
    review = said("accept")
    later = dataclasses.replace(review, at="2026-11-26T11:00:00Z").named_by_content()
    assert later.review_id != review.review_id
    assert later.subject == review.subject
