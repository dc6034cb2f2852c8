"""Judge: what a vision-language model said about the triples, if the recipe wants one. Reads stored answers only."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from pvtt_data.judge.config import JudgeConfig, Rulings
from pvtt_data.judge.questions import REASONS, triple_prompt
from pvtt_data.judge.show import TASK, judge_inputs
from pvtt_data.records import Answer, Triple
from pvtt_data.reviews.book import ReviewBook, key_of_triple
from pvtt_data.stage import StageResult, reject
from pvtt_data.vlm.answers import answer_id

NAME = "judge"
NOT_JUDGED = "not-judged"
"""Reason of a triple that was not asked about."""
SWAPS_ONLY = "source_shows_other"
"""The question whose answer does not count where source and target are meant to show the same product."""
NO_ANSWER = "judge-no-answer"
"""Reason of one whose answer could not be understood."""


def judge_triples(
    triples: Sequence[Triple],
    names: Mapping[str, str],
    answers: Mapping[str, Answer],
    config: JudgeConfig,
    model: str,
    weights: str = "",
    reviews: ReviewBook | None = None,
) -> StageResult:
    """Triples with the judge's reasons; rejected ones leave the line. An answer never makes a triple better.

    What a person accepted stays as it is, whatever the judge says.

    Args:
        names: product → what it is called.
        answers: by id.
        model: what its answers are kept under.
        weights: SHA-256 of a local model; then the triples name it among their models.
        reviews: what people say of the triples.
    """
    result = StageResult(NAME, items=len(triples), table=True)
    prompt = triple_prompt().name
    for triple in triples:
        said = None if reviews is None else reviews.accepts(key_of_triple(triple))
        answer = answers.get(answer_id(TASK, prompt, model, judge_inputs(triple, names, config)))
        if answer is None or not answer.understood:
            unanswered = _unanswered(triple, config, answer is None, model)
            if said is not None and reviews is not None and unanswered.verdict != triple.verdict:
                reviews.note_rows(said, "cleared")
                unanswered = dataclasses.replace(triple, judge=unanswered.judge)
            result.rows.append(unanswered)
            continue
        values = dict(answer.values)
        if triple.product_a == triple.product_b:
            del values[SWAPS_ONLY]
        against, doubts = broken(values, config.reject), tuple(broken(values, config.flag).values())
        if said is not None and reviews is not None and (against or doubts):
            reviews.note_rows(said, "passed" if against else "cleared")
            against, doubts = {}, ()
        if against:
            question = next(iter(against))
            message = f"the judge ({model}) answered {question}: {values[question]}"
            result.rejections.append(
                reject(NAME, "triple", triple.triple_id, "", against[question], message, linked_to=triple.clip_id)
            )
            continue
        result.rows.append(_judged(triple, doubts, model, weights))
    return result


def broken(values: Mapping[str, str], rulings: Rulings) -> dict[str, str]:
    """Question → reason, for the questions whose answer counts against a triple, in the order of the questions."""
    return {
        question: reason if values.get(question) != "unsure" else f"{reason}-unsure"
        for question, reason in REASONS.items()
        if values.get(question) in getattr(rulings, question)
    }


def _judged(triple: Triple, doubts: tuple[str, ...], model: str, weights: str) -> Triple:
    models = (*triple.models, f"judge@{weights[:12]}") if weights else triple.models
    return dataclasses.replace(
        triple,
        judge=model,
        models=tuple(sorted(set(models))),
        verdict="flag" if doubts else triple.verdict,
        reasons=tuple(dict.fromkeys((*triple.reasons, *doubts))),
    )


def _unanswered(triple: Triple, config: JudgeConfig, never_asked: bool, model: str) -> Triple:
    judge = "" if never_asked else model
    if config.unanswered == "keep":
        return dataclasses.replace(triple, judge=judge)
    reason = NOT_JUDGED if never_asked else NO_ANSWER
    return dataclasses.replace(
        triple, judge=judge, verdict="flag", reasons=tuple(dict.fromkeys((*triple.reasons, reason)))
    )
