"""What operators of the app work out before and after a form: what is meant, what is said, what the panel tells."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pvtt_curation.operators.plain_text import plain
from pvtt_curation.operators.saying import last_action, latest_about, own_words, say, take_back
from pvtt_curation.operators.targets import ITSELF, Target, counted, keys_of, parts_for, targets
from pvtt_curation.subjects import Subject
from review_toys import toy_subjects

from pvtt_data.errors import InputError
from pvtt_data.reviews.effective import standings
from pvtt_data.reviews.log import read_folder


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Subject]:
    found = toy_subjects(tmp_path_factory.mktemp("toys"), 0)
    return {subject.kind: subject for subject in found}


def nothing(kind: str, key: str) -> None:
    return None


def test_of_a_triple_its_mask_and_clip_may_be_meant_too(subjects: dict[str, Subject]) -> None:
    names = [part.name for part in parts_for([subjects["triple"]], "reject")]
    assert names[:3] == [ITSELF, "mask", "clip"]
    assert ITSELF not in [part.name for part in parts_for([subjects["triple"]], "resegment")]


def test_a_mask_that_two_triples_share_is_judged_once(subjects: dict[str, Subject]) -> None:
    triple = subjects["triple"]
    other = replace(triple, key="c" * 64, parts={**triple.parts, "triple": "c" * 64})
    assert len(targets([triple, other], "mask", "reject", nothing)) == 1
    assert len(targets([triple, other], ITSELF, "reject", nothing)) == 2


def test_what_has_no_such_part_is_left_out_and_counted(subjects: dict[str, Subject]) -> None:
    made = replace(subjects["triple"], key="d" * 64, parts={"triple": "d" * 64})
    both = [subjects["triple"], made]
    assert {part.name: part.count for part in parts_for(both, "reject")}["mask"] == 1
    assert counted(targets(both, "mask", "reject", nothing)) == "1 mask"
    with pytest.raises(InputError, match="no part"):
        targets(both, "background", "reject", nothing)


def test_what_is_said_is_in_the_file_and_can_be_taken_back(tmp_path: Path) -> None:
    about = [Target("mask", "a" * 64, "one"), Target("mask", "b" * 64, "two")]
    say(tmp_path, "ann", "v1", about, "flag", reason="drift")
    say(tmp_path, "ann", "v1", about[:1], "reject", reason="bad-edges")
    say(tmp_path, "bob", "v1", about[1:], "accept")
    words = own_words(tmp_path, "ann")
    assert [(word.action, word.name) for word in last_action(words)] == [("reject", "one")]
    latest = latest_about(words, {("mask", "a" * 64)})
    assert latest is not None and latest.action == "reject"
    take_back(tmp_path, "ann", "v1", [latest])
    assert standings(read_folder(tmp_path))["mask", "a" * 64].verdict == "flag"
    together = last_action(own_words(tmp_path, "ann"))
    assert {word.name for word in together} == {"one", "two"}
    take_back(tmp_path, "ann", "v1", together)
    assert own_words(tmp_path, "ann") == []
    assert len(own_words(tmp_path, "bob")) == 1


def test_nothing_is_written_if_one_of_many_cannot_be_said(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        say(tmp_path, "ann", "v1", [Target("mask", "a" * 64, "one"), Target("mask", "bad", "two")], "accept")
    with pytest.raises(InputError, match="comment"):
        say(tmp_path, "ann", "v1", [Target("mask", "a" * 64, "one")], "reject", reason="other")
    with pytest.raises(InputError, match="nothing here"):
        say(tmp_path, "ann", "v1", [], "accept")
    assert read_folder(tmp_path) == []


def test_a_title_with_markup_in_it_is_shown_as_text() -> None:
    assert plain("![x](http://a.example/p.png)\n<b>") == r"\!\[x\]\(http\:\/\/a\.example\/p\.png\) \<b\>"


@given(st.text())
def test_markup_of_any_text_is_escaped(text: str) -> None:
    shown = plain(text)
    bare = shown.replace("\\\\", "")
    assert not any(bare[i - 1 : i] != "\\" for i, letter in enumerate(bare) if letter in "[]()<>!*_`#")


def test_all_parts_have_keys(subjects: dict[str, Subject]) -> None:
    triple = subjects["triple"]
    assert ("triple", triple.key) in keys_of(triple) and ("mask", triple.parts["mask"]) in keys_of(triple)
