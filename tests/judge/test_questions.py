"""What the judge is asked, and how strictly its answers are read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvtt_data.judge.questions import REASONS, Opinion, read_opinion, triple_prompt

GOOD = dict.fromkeys(REASONS, "no") | {"target_shows_b": "yes", "source_shows_other": "unsure"}


def changed(**values: object) -> str:
    return json.dumps(GOOD | values)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(GOOD),
        f"\n  {json.dumps(GOOD, indent=2)}\n",
        f"```json\n{json.dumps(GOOD)}\n```",
        f"```\n{json.dumps(GOOD)}\n```",
        changed(note="a thin shadow on the left"),
    ],
)
def test_the_object_that_was_asked_for_is_read(text: str) -> None:
    assert read_opinion(text) == GOOD


@pytest.mark.parametrize(
    "text",
    [
        "", "yes", "null", "[]", "{}", "All is well.",
        f"Sure! {json.dumps(GOOD)}",
        f"{json.dumps(GOOD)} I hope this helps.",
        f"{json.dumps(GOOD)}{json.dumps(GOOD)}",
        json.dumps({name: value for name, value in GOOD.items() if name != "cut"}),
        changed(verdict="accept"),
        changed(target_shows_b="Yes"),
        changed(target_shows_b=True),
        changed(target_shows_b=None),
        changed(target_shows_b=["yes"]),
        changed(note="x" * 1001),
        changed(note=7),
        json.dumps(GOOD)[:-1],
        json.dumps(GOOD)[:-1] + ', "cut": "no"}',
        '{"target_shows_b": NaN}',
        "[" * 100_000,
        "\ud800",
    ],
)  # fmt: skip
def test_anything_else_is_no_answer(text: str) -> None:
    assert read_opinion(text) is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.text() | st.floats(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_no_json_passes_by_accident(value: object) -> None:
    assert read_opinion(json.dumps(value)) is None


def test_the_prompt_asks_every_question_that_answers_are_read_for() -> None:
    prompt = triple_prompt()
    form = json.loads(prompt.question.splitlines()[-1])
    assert set(form) == set(Opinion.model_fields)
    for question in REASONS:
        assert f'"{question}": ' in prompt.question
    assert prompt.name.startswith("triple-1@")


@given(st.text(max_size=200), st.text(max_size=200))
def test_titles_are_quoted_so_that_they_cannot_become_instructions(a: str, b: str) -> None:
    prompt = triple_prompt()
    text = prompt.filled({"product A": a, "product B": b})
    before, _, after = prompt.question.partition("{{data}}")
    assert text.startswith(before) and text.endswith(after)
    quoted = text[len(before) : len(text) - len(after)]
    assert json.loads(quoted) == {"product A": a, "product B": b}
    assert "\n" not in quoted and "<" not in quoted and "`" not in quoted
