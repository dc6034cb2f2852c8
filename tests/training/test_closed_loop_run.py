"""The whole experiment in small: every arm, every question, and going on where a run was stopped."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pvtt_train.closed_loop.experiment import (
    ASKED,
    BASE,
    BESIDE,
    COMBINED,
    COPY,
    HIDDEN,
    INSIDE,
    OWN_GREYED,
    SEEN,
    SMALLER,
    STILL,
    TRUTH,
    Outcome,
    run,
)
from pvtt_train.closed_loop.fit import Course, fit
from pvtt_train.closed_loop.judge import Question, as_asked, conditioning_mask, guided
from pvtt_train.closed_loop.pictures import sheet
from pvtt_train.closed_loop.pool import Shown, read_samples
from pvtt_train.closed_loop.setup import ARMS, SETUPS, TEACHING, Setup
from pvtt_train.guards import NotFiniteError
from toy_triples import write_toy_dataset

from pvtt_data.errors import InputError

pytestmark = [pytest.mark.usefixtures("diffsynth"), pytest.mark.slow]
TINY: Setup = replace(SETUPS["smoke"], shown=Shown(variants=2))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toys")
    return write_toy_dataset(folder / "v1", folder / "media")


def outcome_of(dataset: Path, folder: Path, arms: tuple[str, ...] = (*ARMS, *TEACHING), **how: Any) -> Outcome:
    """In this process, unless ``how`` says otherwise: another one has to import torch first."""
    training, heldout = (read_samples([dataset], [split]) for split in ("train", "test"))
    chosen = [arm for arm in (*ARMS, *TEACHING) if arm in arms]
    return run(TINY, training, heldout, folder, torch.device("cpu"), arms=chosen, **{"workers": 0} | how)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("weights")


@pytest.fixture(scope="module")
def outcome(dataset: Path, weights: Path) -> Outcome:
    return outcome_of(dataset, weights, ("swapped", "self", "grey", "shuffled"), workers=1)


def test_every_model_answers_every_question(outcome: Outcome) -> None:
    assert outcome.triples == 4 and len(outcome.cases) == 2
    for model in (BASE, "swapped", "self", "grey", "shuffled"):
        for question in ASKED[model]:
            answers = outcome.of(model, question)
            assert answers.results.shape == (2, 5, 64, 96, 3) and len(answers.rows) == 2
    assert [stage.name for stage in outcome.stages][:2] == ["codec", "pretrained"]
    assert not any(stage.kept for stage in outcome.stages)
    with pytest.raises(KeyError, match="was not asked"):
        outcome.of(TRUTH, HIDDEN)


def test_the_ends_of_the_scale_are_scored(outcome: Outcome) -> None:
    for end in (TRUTH, INSIDE, SMALLER, BESIDE, STILL, COPY):
        found = outcome.of(end).mean("rsd_px")
        assert found is not None and math.isfinite(found.estimate) and found.cases == 2


def test_the_truth_a_little_off_and_at_rest_are_asked_under_masks_that_hide_the_pose(outcome: Outcome) -> None:
    for end in (INSIDE, SMALLER, BESIDE, STILL):
        answers = outcome.of(end, HIDDEN)
        assert answers.results.shape == outcome.of(end).results.shape
        assert all("motion_error_frames" in row for row in answers.rows)


def test_products_of_the_training_are_asked_too(outcome: Outcome) -> None:
    for model, question in SEEN.items():
        answers = outcome.of(model, question, seen=True)
        assert {row["product_b"] for row in answers.rows} < {f"box-{number}" for number in range(4)}
        assert {row["product_b"] for row in outcome.of(model, question).rows} == {"box-4", "box-5"}


def test_the_guidance_that_scores_best_is_taken(outcome: Outcome) -> None:
    assert replace(outcome, guided={1.0: 0.2, 3.0: 0.5, 2.0: 0.5}).guidance == 2.0
    assert replace(outcome, guided={}).guidance == 1.0, "nothing could be scored: the toys are too alike"


def test_guidance_leads_away_from_what_is_said_without_references() -> None:
    def says(latents: torch.Tensor, timestep: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        return latents + context[:, :1] * timestep.view(-1, 1, 1, 1, 1)

    torch.manual_seed(0)
    latents, shown, blank = torch.randn(3, 2, 4, 3, 4, 4).unbind()
    moment = torch.tensor([0.5, 2.0])
    found = guided(says, blank, 3.0)(latents, moment, shown)
    alone, beside = says(latents, moment, blank), says(latents, moment, shown)
    torch.testing.assert_close(found, alone + 3 * (beside - alone))


def test_a_picture_shows_all_rows(outcome: Outcome) -> None:
    picture = sheet(outcome, COMBINED, cases=2)
    assert picture.dtype == np.uint8
    rows = 4 + 2 + 4
    assert picture.shape == (rows * (64 + 4), 150 + 4 * (96 + 4), 3)
    assert sheet(outcome, HIDDEN, cases=2).shape == picture.shape


def test_what_was_trained_is_not_trained_again(dataset: Path, weights: Path, outcome: Outcome) -> None:
    again = outcome_of(dataset, weights, ("swapped",))
    assert [stage.kept for stage in again.stages] == [True] * 3
    assert (again.of("swapped").results == outcome.of("swapped").results).all()
    assert (again.of(BASE, OWN_GREYED).results == outcome.of(BASE, OWN_GREYED).results).all()


def test_a_stopped_run_goes_on_with_the_same_result(dataset: Path, outcome: Outcome, tmp_path: Path) -> None:
    """A run that was stopped before its arms, in another folder, ends at the very same results."""

    def stop(stage: str, done: int, steps: int, loss: float) -> None:
        if stage == "guidance":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        outcome_of(dataset, tmp_path, ("self",), told=stop)
    later = outcome_of(dataset, tmp_path, ("self",))
    assert [stage.kept for stage in later.stages] == [True, True, False]
    assert (later.of("self").results == outcome.of("self").results).all()


def test_foreign_weights_are_refused(dataset: Path, weights: Path, outcome: Outcome, tmp_path: Path) -> None:
    folder = shutil.copytree(weights, tmp_path / "weights")
    codec, base = (next(folder.glob(f"*-{name}.safetensors")) for name in ("codec", "pretrained"))
    codec.write_bytes(base.read_bytes())
    with pytest.raises(InputError, match="other weights"):
        outcome_of(dataset, folder, ())


def test_the_deployable_mask_looks_at_a_alone_and_the_hiding_one_is_still(outcome: Outcome) -> None:
    case = outcome.cases[0]
    elsewhere = replace(case, target=255 - case.target, target_mask=~case.target_mask)
    for question in (COMBINED, HIDDEN):
        mask = as_asked(case, question).conditioning_mask
        assert (mask == as_asked(elsewhere, question).conditioning_mask).all()
        assert not (case.source_mask & ~mask).any()
    hiding = conditioning_mask(HIDDEN, case.source_mask)
    assert (hiding == hiding[0]).all()
    own = as_asked(case, Question(content="grey", own=True))
    assert (own.source == case.target).all() and (own.source_mask == case.target_mask).all()


def test_a_loss_that_is_no_number_stops_the_training() -> None:
    parameter = torch.nn.Parameter(torch.ones(1))
    with pytest.raises(NotFiniteError, match="the loss is nan after 1 steps"):
        fit(lambda: (), lambda: parameter.sum() * float("nan"), [parameter], Course(10, 1e-3))


def test_no_triples_are_told(dataset: Path) -> None:
    with pytest.raises(InputError, match="validation"):
        read_samples([dataset], ["validation"])
