"""Asking: the questions that are not answered yet, one after the other, each answer kept as soon as it is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pvtt_data.records import Answer
from pvtt_data.vlm.answerer import Answerer
from pvtt_data.vlm.answers import AnswerBook, answer_id, made_answer
from pvtt_data.vlm.errors import AskingError, UnansweredError

_MOST_FAILURES = 3
"""So many questions in a row without an answer, and the server counts as gone."""

Reader = Callable[[str], Mapping[str, str] | None]
"""From an answer's text to what it says; None if it is not what was asked for."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question about one thing.

    Attributes:
        inputs: what the answer depends on besides prompt and model.
        pictures: draws the JPEG files; called when the question is sent.
        picture_count: how many it will be.
    """

    task: str
    subject_id: str
    prompt: str
    inputs: tuple[str, ...]
    system: str
    text: str
    pictures: Callable[[], list[bytes]]
    picture_count: int

    def id_for(self, model: str) -> str:
        """What a model's answer is kept under."""
        return answer_id(self.task, self.prompt, model, self.inputs)


@dataclass(slots=True)
class Asked:
    """What came of asking.

    Attributes:
        understood, malformed: new answers of either sort; both are kept and not asked for again.
        unanswered: subject → why there is no answer.
    """

    understood: int
    malformed: int
    unanswered: dict[str, str]


def unasked(questions: Sequence[Question], model: str, known: Mapping[str, Answer]) -> list[Question]:
    """The questions without an answer of the model; those about the same content once."""
    left: dict[str, Question] = {}
    for question in questions:
        name = question.id_for(model)
        if name not in known:
            left.setdefault(name, question)
    return list(left.values())


def ask_all(
    questions: Sequence[Question],
    model: Answerer,
    book: AnswerBook,
    read: Reader,
    on_answer: Callable[[Answer], None] = lambda answer: None,
) -> Asked:
    """Ask, and keep each answer at once; the table is written at the end, however it ends.

    Raises:
        AskingError: the model answers nobody, or three questions in a row were not answered; what was is kept.
    """
    asked = Asked(0, 0, {})
    failures = 0
    try:
        for question in questions:
            try:
                text = model.ask(question.system, question.text, question.pictures())
            except UnansweredError as error:
                asked.unanswered[question.subject_id] = str(error)
                failures += 1
                if failures >= _MOST_FAILURES:
                    raise AskingError(f"{failures} questions in a row were not answered; the last: {error}") from error
                continue
            failures = 0
            values = read(text)
            answer = made_answer(
                question.task, question.prompt, model.name, question.subject_id, question.inputs, text, values
            )
            book.add(answer)
            asked.understood += answer.understood
            asked.malformed += not answer.understood
            on_answer(answer)
    finally:
        if asked.understood or asked.malformed:
            book.write_table()
    return asked
