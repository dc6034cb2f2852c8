"""Does the data teach? A tiny VACE model, five ways to train an adapter, and what each makes of held-out products.

    pip install -e ".[gpu,render]"
    pvtt-data build recipes/closed_loop.yaml                       # the triples
    python benchmarks/closed_loop.py --shards shards/v1            # one GPU, under 25 minutes
    python benchmarks/closed_loop.py --shards shards/v1 --size cpu # signs only, a quarter of an hour
    python benchmarks/closed_loop.py --shards shards/v1 --seed 1   # another seed; what is done is not done again
    python benchmarks/closed_loop.py --shards shards/v1 --arms swapped,motion  # can A's motion be learnt?

The model is pretrained to rebuild its reactive stream and to follow references where that is grey, never on a conflict
of the two. Then adapters are trained on equally many steps of: swapped pairs; self-reconstruction with the same mix of
reactive contents and masks; self-reconstruction in grey; swapped pairs with shuffled references; composited sources.
A sixth, `motion`, is apart: swapped pairs with A's pixels throughout, six tenths of the masks one for the whole clip,
four times the steps, adapters on the DiT too.

Targets, written down before the first run; dominance is pixel RSD divided by what the codec's round trip of the truth
scores, on held-out products and scenes, with masks that were made without looking at B, intervals over products:

- pretrained at most -0.7; swapped pairs at least +0.5; self-reconstruction, grey and shuffled at most 0;
- (written down before the third run on a GPU, because the truth itself, a fifth smaller, scores 0.24 in pixels) swapped
  pairs at least +0.5 by embeddings, too;
- swapped pairs lose at most 3 dB of background against the pretrained model;
- with masks that hide the pose, swapped pairs follow A's motion with at most half of the error of greying at inference
  (since the fourth run on a GPU by `pvtt_eval.motion`, which forgives a constant wrong size, place and colour of B);
  `motion` likewise (written down before it was run).

Weights, scores, pictures and an experiment log are written below --out; a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from pvtt_eval.bootstrap import Interval
from pvtt_eval.case import Row
from pvtt_eval.dominance import normalised
from pvtt_train.closed_loop.experiment import (
    ASKED,
    BASE,
    BESIDE,
    COMBINED,
    COPY,
    GREYED,
    HIDDEN,
    HIDDEN_GREYED,
    INSIDE,
    OWN_GREYED,
    SEEN,
    SMALLER,
    STILL,
    TRUTH,
    Outcome,
    run,
)
from pvtt_train.closed_loop.judge import Question
from pvtt_train.closed_loop.pictures import sheet
from pvtt_train.closed_loop.pool import read_samples
from pvtt_train.closed_loop.setup import ARMS, SETUPS, TEACHING, TOLD
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pvtt_data.experiment_log import Experiment, ExperimentLog, Input, Output, Picture, Remark, Step, Table
from pvtt_data.experiment_log.markdown import table
from pvtt_data.shards import read_manifest
from pvtt_data.stage import library_version

ALL_ARMS = (*ARMS, *TEACHING)

COLUMNS = [
    "model",
    "RSD px",
    "95 %",
    "RSD",
    "95 %",
    "background dB",
    "inside dB",
    "hidden motion: frames",
    "own, grey: dB",
]

LABELS = {
    **TOLD,
    TRUTH: "truth through the codec",
    INSIDE: "truth inside the mask, through the codec",
    SMALLER: "the same, a fifth smaller",
    BESIDE: "the same, a tenth of B's height aside",
    STILL: "the same, its middle frame throughout",
    COPY: "source through the codec",
}


def main() -> None:
    """Print the table of arms as Markdown, and write all there is to know below --out."""
    parser = argparse.ArgumentParser(description="Train a tiny VACE model five ways and judge it on held-out products.")
    parser.add_argument(
        "--shards", nargs="+", type=Path, required=True, help="dataset versions of recipes/closed_loop.yaml"
    )
    parser.add_argument("--out", type=Path, default=Path("experiments"), help="logs, pictures and weights")
    parser.add_argument("--size", choices=sorted(SETUPS), help="gpu where there is one, else cpu")
    parser.add_argument("--arms", default=",".join(ARMS), help="by commas; none of them: pretrain only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scale", type=float, default=1.0, help="share of all steps, for a shorter run")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that score")
    parser.add_argument("--language", choices=["en", "zh"], default="en", help="of the log's headings")
    chosen = parser.parse_args()
    size = chosen.size or ("gpu" if chosen.device.startswith("cuda") else "cpu")
    arms = [arm for arm in ALL_ARMS if arm in chosen.arms.split(",")]
    unknown = set(filter(None, chosen.arms.split(","))) - set(ALL_ARMS)
    if unknown:
        parser.error(f"there is no arm {', '.join(sorted(unknown))}; there are: {', '.join(ALL_ARMS)}")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True

    training = read_samples(chosen.shards, ["train"])
    heldout = read_samples(chosen.shards, ["validation", "test"])
    setup = SETUPS[size].scaled(chosen.scale)
    experiment = Experiment(
        model="tiny-vace",
        task=f"closed-loop-{size}",
        title=f"Closed loop in small, size {size}, seed {chosen.seed}",
        subject="Does swapped data teach a VACE model to show the product of its references?",
        test_case=f"{len(training)} training triples, {len(heldout)} held out (products and scenes)",
        background=(__doc__ or "").split("\n\n", 2)[2],
        settings={"seed": chosen.seed, "arms": ", ".join(arms), **_flat(setup)},
        language=chosen.language,
    )
    begun = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the log says how it ended
    with (
        ExperimentLog(experiment, chosen.out) as log,
        Progress(
            TextColumn("{task.description:<22}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[loss]}"),
        ) as progress,
    ):
        bars: dict[str, int] = {}
        since: dict[str, float] = {}

        def told(stage: str, done: int, steps: int, loss: float) -> None:
            if stage not in bars:
                bars[stage] = progress.add_task(stage, total=steps, loss="")
                since[stage] = time.monotonic()
            if done == steps and not math.isnan(loss):
                log.add(Step(f"{stage}, from its first tenth on (loss {loss:.4f})", time.monotonic() - since[stage]))
            progress.update(bars[stage], completed=done, loss="" if math.isnan(loss) else f"loss {loss:.4f}")
            if not progress.console.is_terminal and not math.isnan(loss):
                progress.console.print(f"[{time.monotonic() - begun:6.1f} s] {stage} {done}/{steps} loss {loss:.4f}")

        for folder in chosen.shards:
            root = read_manifest(folder).root
            log.add(Input(f"{folder.parent.name}/{folder.name}", f"triples, root {root[:16]}", folder))
        log.add(Input("a training source", picture=training[0].source), Input("its target", picture=training[0].target))
        outcome = run(
            setup,
            training,
            heldout,
            chosen.out / "results" / "tiny-vace" / "weights",
            torch.device(chosen.device),
            arms=arms,
            seed=chosen.seed,
            workers=chosen.workers,
            told=told,
        )
        scores = log.result_path(f"closed-loop-{size}-seed{chosen.seed}", ".json")
        scores.write_text(json.dumps(_record(outcome), indent=1), encoding="utf-8")
        log.add(
            Table("Arms", COLUMNS, _rows(outcome), _note(outcome)),
            Table("Targets", ["target", "found", "met"], _targets(outcome)),
            Table(
                "Training",
                ["stage", "seconds", "loss, first tenth", "loss, last tenth", "taken from an earlier run"],
                [[s.name, s.seconds, s.losses[0], s.losses[-1], s.kept] for s in outcome.stages],
            ),
            Picture(
                f"closed loop {size} seed {chosen.seed}, held-out cases",
                sheet(outcome, COMBINED, enlarge=setup.shown.shrink),
            ),
            Picture(
                f"closed loop {size} seed {chosen.seed}, masks that hide the pose",
                sheet(outcome, HIDDEN, enlarge=setup.shown.shrink),
            ),
            Remark(f"{_where(chosen.device)}; {time.monotonic() - begun:.0f} s in this run."),
            Output(scores, "every score of every case"),
        )
    print(table(COLUMNS, _rows(outcome)), "", _note(outcome), "", sep="\n")
    for target, found, met in _targets(outcome):
        print(f"{'met   ' if met else 'MISSED'} {target}: {found}")
    print(f"\n{_where(chosen.device)}; {time.monotonic() - begun:.0f} s; log: {log.path}")


def _flat(setup: object) -> dict[str, str]:
    return {name: str(getattr(setup, name)) for name in setup.__slots__}  # type: ignore[attr-defined]


def _where(device: str) -> str:
    versions = ", ".join(f"{name} {library_version(name)}" for name in ("torch", "diffsynth", "peft", "numpy"))
    return f"{torch.cuda.get_device_name() if device.startswith('cuda') else 'processor'}; {versions}"


def _models(outcome: Outcome) -> list[str]:
    asked = {answers.model for answers in outcome.answers}
    return [name for name in (TRUTH, INSIDE, SMALLER, BESIDE, STILL, COPY, BASE, *ALL_ARMS) if name in asked]


def _scaled(outcome: Outcome, model: str, question: Question, key: str, *, seen: bool = False) -> Interval | None:
    """Mean of a dominance score as a share of what the truth scores through the codec, with its interval."""
    answers = outcome.of(model, question, seen=seen)
    found = answers.mean(key, testable=key == "rsd")
    ceiling = outcome.of(TRUTH).mean(key, testable=key == "rsd")
    if found is None or ceiling is None or ceiling.estimate < 0.05:
        return None
    estimate, low, high = (normalised(value, ceiling.estimate) for value in (found.estimate, found.low, found.high))
    return Interval(estimate, low, high, found.level, found.cases, found.products, found.missing)


def _cell(interval: Interval | None, digits: int = 2) -> str:
    return "–" if interval is None else f"{interval.estimate:.{digits}f}"


def _span(interval: Interval | None, digits: int = 2) -> str:
    return "–" if interval is None else f"{interval.low:.{digits}f} to {interval.high:.{digits}f}"


def _rows(outcome: Outcome) -> list[list[str]]:
    rows = []
    for model in _models(outcome):
        asked = ASKED[model]
        hidden = HIDDEN if HIDDEN in asked else None
        own = outcome.of(model, OWN_GREYED).mean("inside_psnr_db") if OWN_GREYED in asked else None
        rows.append([*_row(outcome, LABELS[model], model, COMBINED, hidden), _cell(own, 1)])
        if model == BASE:
            rows.append([*_row(outcome, "pretrained, greyed at inference", model, GREYED, HIDDEN_GREYED), ""])
        if model in SEEN:
            greyed = ", greyed" if SEEN[model] == GREYED else ""
            label = f"{LABELS[model]}{greyed}, on products of the training"
            rows.append([*_row(outcome, label, model, SEEN[model], None, seen=True), ""])
    return rows


def _row(
    outcome: Outcome, label: str, model: str, question: Question, hidden: Question | None, *, seen: bool = False
) -> list[str]:
    """Cells of one model and question, all but the last."""
    pixel, embedded = (_scaled(outcome, model, question, key, seen=seen) for key in ("rsd_px", "rsd"))
    answers = outcome.of(model, question, seen=seen)
    return [
        label,
        *(_cell(pixel), _span(pixel), _cell(embedded), _span(embedded)),
        _cell(answers.mean("background_truth_psnr_db"), 1),
        _cell(answers.mean("inside_psnr_db"), 1),
        _cell(outcome.of(model, hidden).mean("motion_error_frames") if hidden else None),
    ]


def _note(outcome: Outcome) -> str:
    usual = outcome.of(TRUTH)
    gate = f"{outcome.gate.most_alike:.2f}" if outcome.gate else "any"
    testable = sum(bool(row["testable"]) for row in usual.rows)
    pixel, embedded = usual.mean("rsd_px"), usual.mean("rsd", testable=True)
    moving = sum(not math.isnan(float(row["motion_error_frames"])) for row in usual.rows)
    still, chance = usual.mean("still_error_frames"), usual.mean("chance_error_frames")
    tried = ", ".join(f"{guidance:g} ({score:.2f})" for guidance, score in outcome.guided.items()) or "none"
    return (
        f"{len(outcome.cases)} held-out cases of {len({case.product_b for case in outcome.cases})} products; RSD is of "
        f"the {testable} in which A and B differ enough for the embedder (s ≤ {gate}, fitted on training products). "
        f"Both are shares of what the truth scores through the codec (RSD px {_cell(pixel)}, RSD {_cell(embedded)}). "
        f"Inside: PSNR to the true target within B's mask. Hidden motion: error of B's motion in frames with masks "
        f"that hide the pose, of the {moving} cases whose truth tells its moments; {_cell(still)} at rest, "
        f"{_cell(chance)} by chance. Own, grey: B's own clip greyed. Guidance {outcome.guidance:g}: of {tried} it "
        f"scores best with the pretrained model, greyed, on products of the training (RSD). {outcome.triples} training "
        f"triples, {outcome.composites} with a composited source; DiT {outcome.parameters[0] / 1e6:.1f} M parameters, "
        f"VACE {outcome.parameters[1] / 1e6:.1f} M."
    )


def _targets(outcome: Outcome) -> list[list[str | bool]]:
    """Each target of this file's head, what was found, and whether it is met; of the models that were asked."""
    found: list[list[str | bool]] = []

    def dominance(model: str, wanted: str, met: Callable[[float], bool], key: str = "rsd_px") -> None:
        score = _scaled(outcome, model, COMBINED, key)
        told = f"{_cell(score)} ({_span(score)})"
        name = "RSD px" if key == "rsd_px" else "RSD"
        found.append([f"{TOLD[model]}: {name} {wanted}", told, score is not None and met(score.estimate)])

    models = _models(outcome)
    dominance(BASE, "≤ −0.7", lambda score: score <= -0.7)
    for model in ("self", "grey", "shuffled"):
        if model in models:
            dominance(model, "≤ 0", lambda score: score <= 0)
    if "swapped" in models:
        dominance("swapped", "≥ +0.5", lambda score: score >= 0.5)
        dominance("swapped", "≥ +0.5", lambda score: score >= 0.5, "rsd")
        before, after = (outcome.of(model).mean("background_truth_psnr_db") for model in (BASE, "swapped"))
        if before and after:
            lost = before.estimate - after.estimate
            found.append(["swapped pairs: background loss ≤ 3 dB", f"{lost:.1f} dB", lost <= 3])
    for model in ("swapped", "motion"):
        if model not in models:
            continue
        grey, followed = (
            outcome.of(*asked).mean("motion_error_frames") for asked in ((BASE, HIDDEN_GREYED), (model, HIDDEN))
        )
        if grey and followed:
            share = followed.estimate / grey.estimate if grey.estimate else math.inf
            text = f"{_cell(followed)} ({_span(followed)}) against {_cell(grey)} ({_span(grey)}) frames: {share:.2f}"
            found.append([f"{TOLD[model]}: error of hidden motion ≤ half of greying's", text, share <= 0.5])
    return found


def _record(outcome: Outcome) -> dict[str, object]:
    return {
        "triples": outcome.triples,
        "composites": outcome.composites,
        "no_composite": dict(outcome.reasons),
        "parameters": outcome.parameters,
        "gate": asdict(outcome.gate) if outcome.gate else None,
        "guided": outcome.guided,
        "stages": [[s.name, s.seconds, list(s.losses), s.kept] for s in outcome.stages],
        "answers": [
            {"model": a.model, "question": a.question.name, "seen": a.seen, "rows": [_plain(row) for row in a.rows]}
            for a in outcome.answers
        ],
    }


def _plain(row: Row) -> dict[str, object]:
    """As JSON knows it: Python's own types, None for NaN."""

    def plain(value: object) -> object:
        value = value.item() if isinstance(value, np.generic) else value
        return None if isinstance(value, float) and math.isnan(value) else value

    return {key: plain(value) for key, value in row.items()}


if __name__ == "__main__":
    main()
