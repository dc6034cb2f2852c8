"""The judge in a build: what follows from which answer, and that no answer is never a pass."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from record_samples import blob, source

from pvtt_data.judge.config import JudgeConfig
from pvtt_data.judge.questions import REASONS, triple_prompt
from pvtt_data.judge.show import TASK, judge_inputs, product_names
from pvtt_data.records import Answer, Triple
from pvtt_data.stages.judge import judge_triples
from pvtt_data.vlm.answers import made_answer

MODEL = "endpoint:eye"
ENDPOINT = {"endpoint": {"base_url": "http://127.0.0.1:1/v1", "model": "eye"}}
GOOD = dict.fromkeys(REASONS, "no") | {"target_shows_b": "yes", "source_shows_other": "yes"}
NAMES = {"a": "A mug", "b": "A vase"}


def config(**settings: Any) -> JudgeConfig:
    return JudgeConfig.model_validate({**ENDPOINT, **settings})


def triple(verdict: str = "accept", reasons: tuple[str, ...] = ()) -> Triple:
    made = Triple(
        triple_id="0" * 16, engine="composite", kind="swap", split="train", difficulty="easy", product_a="a",
        product_b="b", source_id="s", clip_id="c", track_id="t", source=blob("s"), source_mask=blob("sm"),
        target=blob("t"), target_mask=blob("tm"), effect_mask=blob("e"), references=(blob("r", "png"),),
        reference_source=("listing",), heldout=(), prompt="p", source_prompt="q", captioner="template", judge="",
        frames=9, fps=8.0, width_px=64, height_px=48, segmenter="u2net", models=("u2net@0123456789ab",),
        verdict="accept", reasons=(), numbers={"n": 1.0},
    )  # fmt: skip
    return dataclasses.replace(made, verdict=verdict, reasons=reasons)  # type: ignore[arg-type]


def answers(values: dict[str, str] | None, settings: JudgeConfig, of: Triple) -> dict[str, Answer]:
    inputs = judge_inputs(of, NAMES, settings)
    row = made_answer(TASK, triple_prompt().name, MODEL, of.triple_id, inputs, "said", values)
    return {row.answer_id: row}


def judged(
    values: dict[str, str] | None, settings: JudgeConfig | None = None, of: Triple | None = None
) -> Triple | str:
    """The triple that stays, or the reason of its rejection."""
    settings, of = settings or config(), of or triple()
    result = judge_triples([of], NAMES, answers(values, settings, of), settings, MODEL)
    if result.rejections:
        (rejection,) = result.rejections
        assert (rejection.stage, rejection.kind, rejection.linked_to) == ("judge", "triple", "c")
        assert result.rows == []
        return rejection.reason
    (row,) = result.rows
    return row


@pytest.mark.parametrize(
    ("question", "value", "outcome"),
    [
        ("target_shows_b", "no", "judge-wrong-product"),
        ("target_shows_b", "unsure", ("judge-wrong-product-unsure",)),
        ("source_shows_other", "no", ("judge-same-product",)),
        ("source_shows_other", "unsure", ()),
        ("leftovers", "yes", ("judge-leftovers",)),
        ("floating", "yes", ("judge-floating",)),
        ("wrong_scale", "yes", ("judge-wrong-scale",)),
        ("cut", "yes", ("judge-cut",)),
        ("hands_wrong", "yes", ("judge-hands-wrong",)),
        ("hands_wrong", "unsure", ()),
        ("text_overlay", "yes", ("judge-text-overlay",)),
    ],
)
def test_each_answer_has_its_consequence(question: str, value: str, outcome: str | tuple[str, ...]) -> None:
    got = judged(GOOD | {question: value})
    if isinstance(outcome, str):
        assert got == outcome
    else:
        assert isinstance(got, Triple)
        assert (got.verdict, got.reasons, got.judge) == ("flag" if outcome else "accept", outcome, MODEL)


def test_a_recipe_may_say_what_follows_from_which_answer() -> None:
    strict = config(reject={"leftovers": ["yes", "unsure"]}, flag={})
    assert judged(GOOD | {"leftovers": "unsure"}, strict) == "judge-leftovers-unsure"
    kept = judged(GOOD | {"target_shows_b": "no", "cut": "yes"}, strict)
    assert isinstance(kept, Triple) and kept.verdict == "accept"


def test_a_noop_may_show_the_same_product() -> None:
    noop = dataclasses.replace(triple(), kind="noop", product_a="b")
    kept = judged(GOOD | {"source_shows_other": "no"}, of=noop)
    assert isinstance(kept, Triple) and kept.verdict == "accept"


def test_a_good_answer_makes_no_triple_better() -> None:
    got = judged(GOOD, of=triple("flag", ("large-inpaint",)))
    assert isinstance(got, Triple)
    assert (got.verdict, got.reasons) == ("flag", ("large-inpaint",))


def test_an_answer_that_is_none_is_never_a_pass() -> None:
    garbled = judged(None)
    assert isinstance(garbled, Triple)
    assert (garbled.verdict, garbled.reasons, garbled.judge) == ("flag", ("judge-no-answer",), MODEL)
    (unasked,) = judge_triples([triple()], NAMES, {}, config(), MODEL).rows
    assert (unasked.verdict, unasked.reasons, unasked.judge) == ("flag", ("not-judged",), "")
    (kept,) = judge_triples([triple()], NAMES, {}, config(unanswered="keep"), MODEL).rows
    assert (kept.verdict, kept.judge) == ("accept", "")


def test_an_answer_about_other_bytes_another_title_or_by_another_model_does_not_count() -> None:
    of, settings = triple(), config()
    known = answers(GOOD, settings, of)
    assert judge_triples([of], NAMES, known, settings, MODEL).rows[0].judge == MODEL
    for names, model, other in (
        (NAMES | {"b": "Another vase"}, MODEL, settings),
        (NAMES, "endpoint:another", settings),
        (NAMES, MODEL, config(frames=3)),
    ):
        assert judge_triples([of], names, known, other, model).rows[0].reasons == ("not-judged",)


def test_a_local_judge_is_named_among_the_models() -> None:
    of, settings = triple(), config()
    (row,) = judge_triples([of], NAMES, answers(GOOD, settings, of), settings, MODEL, "ab" * 32).rows
    assert row.models == ("judge@abababababab", "u2net@0123456789ab")


def test_every_triple_is_kept_or_rejected() -> None:
    settings = config()
    said = [GOOD, None, GOOD | {"target_shows_b": "no"}, GOOD | {"cut": "yes"}]
    shown = [
        dataclasses.replace(triple(), triple_id=f"{number:016x}", target=blob(number))
        for number in range(len(said) + 1)
    ]
    known: dict[str, Answer] = {}
    for one, values in zip(shown, said, strict=False):
        known |= answers(values, settings, one)
    result = judge_triples(shown, NAMES, known, settings, MODEL)
    assert [row.triple_id for row in result.rows] == [shown[number].triple_id for number in (0, 1, 3, 4)]
    assert [rejection.subject_id for rejection in result.rejections] == [shown[2].triple_id]
    assert result.items == 5


def test_products_are_called_by_their_cleaned_titles() -> None:
    shop = [source("x", "p1", title="🔥 MUG &amp; CUP $9"), source("y", "p2", category="bottles")]
    assert product_names({row.source_id: row for row in shop}) == {"p1": "MUG & CUP", "p2": "bottles"}
