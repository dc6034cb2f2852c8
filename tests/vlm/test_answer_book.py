"""Stored answers: on the disk at once, whole or not at all, and never asked for twice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvtt_data.errors import PreflightError
from pvtt_data.records import Answer, from_arrow
from pvtt_data.vlm.answers import MAX_TEXT_CHARS, AnswerBook, answer_id, made_answer
from pvtt_data.vlm.asking import Question, ask_all, unasked
from pvtt_data.vlm.errors import AskingError, UnansweredError


def question(name: str, *inputs: str) -> Question:
    return Question("judge", name, "p-1@0", inputs or (name,), "", f"about {name}", list, 0)


class Parrot:
    """Says what it is told to say, one by one; an error is raised."""

    name = "parrot"
    place = "a cage"

    def __init__(self, *said: str | Exception) -> None:
        self.said = list(said)
        self.asked: list[str] = []

    def ask(self, system: str, text: str, pictures: Sequence[bytes]) -> str:
        self.asked.append(text)
        said = self.said.pop(0)
        if isinstance(said, Exception):
            raise said
        return said


def read(text: str) -> dict[str, str] | None:
    return {"says": text} if text.isalpha() else None


def test_answers_are_kept_and_not_asked_for_again(tmp_path: Path) -> None:
    book = AnswerBook(tmp_path, "judge")
    questions = [question("a"), question("b"), question("twin of a", "a")]
    assert [q.subject_id for q in unasked(questions, "parrot", book.read())] == ["a", "b"]
    asked = ask_all(unasked(questions, "parrot", {}), Parrot("yes", "12"), book, read)
    assert (asked.understood, asked.malformed, asked.unanswered) == (1, 1, {})
    assert unasked(questions, "parrot", book.read()) == []
    assert len(unasked(questions, "another model", book.read())) == 2
    kept = {answer.subject_id: answer for answer in book.read().values()}
    assert kept["a"].understood and kept["a"].values == {"says": "yes"}
    assert not kept["b"].understood and kept["b"].values == {} and kept["b"].text == "12"
    assert from_arrow(Answer, pq.read_table(book.table)) == sorted(kept.values(), key=lambda row: row.answer_id)


def test_a_question_without_an_answer_leaves_nothing_behind(tmp_path: Path) -> None:
    book = AnswerBook(tmp_path, "judge")
    asked = ask_all([question("a"), question("b")], Parrot(UnansweredError("busy"), "yes"), book, read)
    assert asked.unanswered == {"a": "busy"}
    assert [answer.subject_id for answer in book.read().values()] == ["b"]


def test_a_server_that_is_gone_ends_the_asking_and_what_was_said_stays(tmp_path: Path) -> None:
    book = AnswerBook(tmp_path, "judge")
    parrot = Parrot("yes", *[UnansweredError("busy")] * 5)
    with pytest.raises(AskingError, match="3 questions in a row were not answered; the last: busy"):
        ask_all([question(name) for name in "abcdef"], parrot, book, read)
    assert len(parrot.asked) == 4
    assert [answer.subject_id for answer in book.read().values()] == ["a"]
    assert book.table.exists()


def test_a_torn_last_line_is_passed_over_and_takes_nothing_along(tmp_path: Path) -> None:
    book = AnswerBook(tmp_path, "judge")
    ask_all([question("a"), question("b")], Parrot("yes", "no"), book, read)
    book.path.write_bytes(book.path.read_bytes()[:-20])
    assert [answer.subject_id for answer in book.read().values()] == ["a"]
    ask_all([question("b")], Parrot("no"), book, read)
    assert sorted(answer.subject_id for answer in book.read().values()) == ["a", "b"]
    book.path.write_bytes(b"{}\n" + book.path.read_bytes())
    with pytest.raises(PreflightError, match=r"judge\.jsonl:1 is no answer"):
        book.read()


@given(st.text(max_size=50), st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3))
def test_any_text_can_be_kept(tmp_path_factory: pytest.TempPathFactory, text: str, values: dict[str, str]) -> None:
    book = AnswerBook(tmp_path_factory.mktemp("book"), "judge")
    answer = made_answer("judge", "p", "m", "s", ("i",), text, values)
    book.add(answer)
    assert list(book.read().values()) == [answer]


def test_long_texts_are_cut_and_half_letters_written_out() -> None:
    assert len(made_answer("judge", "p", "m", "s", (), "x" * 99_999, None).text) == MAX_TEXT_CHARS
    assert made_answer("judge", "p", "m", "s", (), "\ud800", None).text == "\\ud800"


def test_an_answer_belongs_to_its_question_its_model_and_all_that_was_shown() -> None:
    names = {
        answer_id("judge", "p", "m", ("a", "b")),
        answer_id("caption", "p", "m", ("a", "b")),
        answer_id("judge", "p2", "m", ("a", "b")),
        answer_id("judge", "p", "m2", ("a", "b")),
        answer_id("judge", "p", "m", ("b", "a")),
        answer_id("judge", "p", "m", ("ab",)),
    }
    assert len(names) == 6
