"""The whole experiment on a folder of triples: train what is missing, ask every model the same, score the answers."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from pvtt_eval.bootstrap import Interval, bootstrap_mean
from pvtt_eval.case import RenderedCase, Row

from pvtt_data.embedders.likeness import Gate
from pvtt_data.process_pool import single_threaded_pool
from pvtt_data.shards import Sample
from pvtt_train.closed_loop.codec import TinyCodec
from pvtt_train.closed_loop.judge import Question, Scorer, Videos, as_asked, generate, round_trip
from pvtt_train.closed_loop.loop import Loop, Stage, Told
from pvtt_train.closed_loop.model import TinyVace
from pvtt_train.closed_loop.near import displaced
from pvtt_train.closed_loop.pool import Entry, Shown, make_entry, make_pool, partner
from pvtt_train.closed_loop.setup import ARMS, TEACHING, Arm, Setup

COMBINED = Question()
GREYED = Question(content="grey")
HIDDEN = Question(mask="hiding")
HIDDEN_GREYED = Question(mask="hiding", content="grey")
OWN_GREYED = Question(content="grey", own=True)

_GATE_CASES = 48
BASE = "pretrained"
TRUTH, COPY = "truth", "source"
"""The true target, and the unchanged source, both through the codec and back: the ends of the scale."""
INSIDE = "inside"
"""The true target inside the mask and the source outside, through the codec: the most that a model can score that keeps
what it is to keep."""
SMALLER, BESIDE = "smaller", "beside"
"""As `INSIDE`, with the truth a fifth smaller, or a tenth of B's height to the right and below: B as it is, in a size
or place that cannot be told from A's box and pictures of B."""
STILL = "still"
"""As `INSIDE`, with the middle frame of the truth throughout: B as it is, at rest."""
SEEN: Mapping[str, Question] = {BASE: GREYED, "swapped": COMBINED}
"""What is also asked of products that were trained on: what lacks on others is a matter of more products."""
ASKED: Mapping[str, tuple[Question, ...]] = {
    BASE: (COMBINED, GREYED, HIDDEN, HIDDEN_GREYED, OWN_GREYED),
    **dict.fromkeys((*ARMS, *TEACHING), (COMBINED, HIDDEN, OWN_GREYED)),
    **dict.fromkeys((TRUTH, COPY), (COMBINED,)),
    **dict.fromkeys((INSIDE, SMALLER, BESIDE, STILL), (COMBINED, HIDDEN)),
}


@dataclass(frozen=True, eq=False)
class Answers:
    """What one model made of one question.

    Attributes:
        model: `BASE`, an arm, or one of `TRUTH`, `INSIDE`, `SMALLER`, `BESIDE`, `STILL` and `COPY`.
        question: how the cases were put.
        seen: whether the cases are of products that were trained on.
        pending: scores of each case, when they are done.
        results: ``(N, T, H, W, 3) uint8``.
    """

    model: str
    question: Question
    pending: list[Future[Row]] = field(repr=False)
    results: Videos = field(repr=False)
    seen: bool = False

    @cached_property
    def rows(self) -> list[Row]:
        """Scores of each case; waits for them."""
        return [row.result() for row in self.pending]

    def mean(self, key: str, *, testable: bool = False) -> Interval | None:
        """Mean of a number with its interval over products of B; None where no case has one.

        Args:
            testable: of those cases only in which A and B differ enough.
        """
        kept = [row for row in self.rows if row["testable"] or not testable]
        values = [float(row[key]) for row in kept]
        if all(math.isnan(value) for value in values):
            return None
        return bootstrap_mean(values, [str(row["product_b"]) for row in kept])


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """All that was found.

    Attributes:
        cases: the held-out cases.
        answers: of every model to every question.
        stages: what was trained.
        triples: how many trained.
        composites: how many of them got a composited source.
        reasons: why others got none.
        parameters: of the DiT and of the VACE blocks.
        gate: fitted on training products; None for too few of them.
        guided: mean RSD of the pretrained model, greyed, on products of the training, by guidance.
    """

    cases: list[RenderedCase]
    answers: list[Answers]
    stages: list[Stage]
    triples: int
    composites: int
    reasons: Mapping[str, int]
    parameters: tuple[int, int]
    gate: Gate | None
    guided: dict[float, float] = field(default_factory=dict)

    @property
    def guidance(self) -> float:
        """That which scores best; the least of equals, 1 where nothing could be scored."""
        return max(sorted(self.guided), key=lambda tried: self.guided[tried], default=1.0)

    def of(self, model: str, question: Question = COMBINED, *, seen: bool = False) -> Answers:
        """The answers of a model to a question, on held-out products or on those of the training.

        Raises:
            KeyError: it was not asked.
        """
        for answers in self.answers:
            if (answers.model, answers.question, answers.seen) == (model, question, seen):
                return answers
        raise KeyError(f"{model} was not asked {question.name}")


def run(
    setup: Setup,
    training: Sequence[Sample],
    heldout: Sequence[Sample],
    folder: Path,
    device: torch.device,
    *,
    arms: Sequence[Arm] = ARMS,
    seed: int = 0,
    workers: int = 1,
    told: Told = lambda stage, done, steps, loss: None,
) -> Outcome:
    """Do what has not been done, and score everything.

    Args:
        setup: sizes.
        training, heldout: triples; no product of one may be in the other, which splits see to.
        folder: where weights are kept.
        device: where to train.
        arms: which to train.
        seed: of weights, batches and noise.
        workers: processes that score; 0 to score in this one.
        told: called with progress.

    Raises:
        InputError: the triples do not fit together.
    """
    with single_threaded_pool(workers) as processes:
        entries = _entries(training, setup, "composite" in arms, processes, told)
        pool, places, reasons = make_pool(entries)
        identity = hashlib.sha256("".join(sample.key for sample in training).encode()).hexdigest()
        loop = Loop(setup, pool.to(device), len(training), places, identity, folder, seed, told)
        cases = [_case(sample, setup) for sample in _spread(heldout, setup.cases)]
        known = [_case(sample, setup) for sample in _spread(training, setup.cases)]
        scorer = Scorer(processes)
        scorer.fit_gate([_case(sample, setup) for sample in _spread(training, _GATE_CASES)])
        codec = loop.codec()
        base = loop.pretrained(codec)
        dit, vace = (sum(p.numel() for p in part.parameters()) for part in (base.dit, base.vace))
        outcome = Outcome(cases, [], loop.stages, len(training), len(places), reasons, (dit, vace), scorer.gate)
        _ends(outcome, codec, device, scorer)
        _try_guidances(outcome, base, loop, codec, scorer, known)
        _ask(outcome, BASE, base, loop, codec, scorer, known)
        for arm in arms:
            _ask(outcome, arm, loop.adapted(arm, codec, base), loop, codec, scorer, known)
        for number, answers in enumerate(outcome.answers):
            told("scores", number, len(outcome.answers), float("nan"))
            assert len(answers.rows) == len(known if answers.seen else cases)
        told("scores", len(outcome.answers), len(outcome.answers), float("nan"))
    return outcome


def _spread(samples: Sequence[Sample], count: int) -> list[Sample]:
    """At most so many, one of each product B before any gets a second one, in the order of their keys."""
    seen: dict[str, int] = {}
    ranked = []
    for sample in samples:
        turn = seen.get(sample.meta.product_b, 0)
        seen[sample.meta.product_b] = turn + 1
        ranked.append((turn, sample.key, sample))
    chosen = sorted(ranked, key=lambda row: row[:2])[:count]
    return [sample for _, _, sample in sorted(chosen, key=lambda row: row[1])]


def _entries(
    training: Sequence[Sample], setup: Setup, composites: bool, processes: Executor, told: Told
) -> list[Entry]:
    """Prepare all triples in other processes; the order is theirs."""
    keys = [sample.key for sample in training]
    by_key = {sample.key: sample for sample in training}
    jobs = [
        (sample, by_key[partner(sample.key, keys)] if composites and len(keys) > 1 else None, setup.shown)
        for sample in training
    ]
    made = []
    for entry in processes.map(_entry, jobs, chunksize=2):
        made.append(entry)
        told("triples", len(made), len(jobs), float("nan"))
    return made


def _entry(job: tuple[Sample, Sample | None, Shown]) -> Entry:
    sample, other, shown = job
    return make_entry(sample.key, sample, other.references[0] if other else None, shown)


def _case(sample: Sample, setup: Setup) -> RenderedCase:
    shown = setup.shown
    case = RenderedCase.of(sample, sample.source_mask)
    mask_a = shown.mask(case.source_mask)
    return replace(
        case,
        source=shown.video(case.source),
        target=shown.video(case.target),
        source_mask=mask_a,
        target_mask=shown.mask(case.target_mask),
        conditioning_mask=mask_a,
    )


def _ends(outcome: Outcome, codec: TinyCodec, device: torch.device, scorer: Scorer) -> None:
    """The ends of the scale and the truths that are a little off, through the codec."""
    made: dict[str, list[Videos]] = {
        TRUTH: [case.target for case in outcome.cases],
        SMALLER: [displaced(case.target, case.target_mask, scale=0.8) for case in outcome.cases],
        BESIDE: [displaced(case.target, case.target_mask, shift=(0.1, 0.1)) for case in outcome.cases],
        STILL: [np.repeat(case.target[len(case.target) // 2][None], len(case.target), 0) for case in outcome.cases],
        COPY: [case.source for case in outcome.cases],
    }
    made[INSIDE] = made[TRUTH]
    for name in (TRUTH, INSIDE, SMALLER, BESIDE, STILL, COPY):
        for question in ASKED[name]:
            cases = [as_asked(case, question) for case in outcome.cases]
            shown = [
                video if name in (TRUTH, COPY) else _inside(case, video)
                for case, video in zip(cases, made[name], strict=True)
            ]
            results = round_trip(codec, shown, device)
            outcome.answers.append(Answers(name, question, scorer.score(cases, results), results))


def _inside(case: RenderedCase, video: Videos) -> Videos:
    return np.where(case.conditioning_mask[..., None], video, case.source)


def _try_guidances(
    outcome: Outcome,
    base: TinyVace,
    loop: Loop,
    codec: TinyCodec,
    scorer: Scorer,
    known: Sequence[RenderedCase],
) -> None:
    """Score guidances on products of the training, where the model has to follow references."""
    cases = [as_asked(case, GREYED) for case in known]
    tried = {}
    for number, guidance in enumerate(loop.setup.guidances):
        results = _made(base, loop, codec, cases, GREYED, guidance)
        tried[guidance] = Answers(BASE, GREYED, scorer.score(cases, results), results, seen=True)
        loop.told("guidance", number + 1, len(loop.setup.guidances), float("nan"))
    for guidance, answers in tried.items():
        mean = answers.mean("rsd", testable=True)
        if mean is not None:
            outcome.guided[guidance] = mean.estimate


def _made(
    model: TinyVace,
    loop: Loop,
    codec: TinyCodec,
    cases: Sequence[RenderedCase],
    question: Question,
    guidance: float,
) -> Videos:
    setup = loop.setup
    return generate(
        loop.velocity(model),
        codec,
        loop.flow,
        cases,
        question,
        setup.shown.pictures,
        setup.sample_steps,
        seed=loop.seed + 5,
        guidance=guidance,
    )


def _ask(
    outcome: Outcome,
    name: str,
    model: TinyVace,
    loop: Loop,
    codec: TinyCodec,
    scorer: Scorer,
    known: Sequence[RenderedCase],
) -> None:
    asked = [(question, False) for question in ASKED[name]] + ([(SEEN[name], True)] if name in SEEN else [])
    for number, (question, seen) in enumerate(asked):
        cases = [as_asked(case, question) for case in (known if seen else outcome.cases)]
        results = _made(model, loop, codec, cases, question, outcome.guidance)
        outcome.answers.append(Answers(name, question, scorer.score(cases, results), results, seen))
        loop.told(f"judge {name}", number + 1, len(asked), float("nan"))
