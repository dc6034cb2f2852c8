"""From a triple to inputs: deterministic, and with nothing of the target in them."""

from __future__ import annotations

import inspect
from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pvtt_data.errors import InputError
from pvtt_data.vace.latents import widen
from pvtt_data.vace.mask_policies import DEPLOYABLE, Deployable, PolicyWeights, evaluation_mask

torch = pytest.importorskip("torch", reason="torch is not installed")

from pvtt_data.vace.conditioning import (  # noqa: E402
    Choice,
    Conditioning,
    ConditioningConfig,
    condition,
    condition_for_evaluation,
    draw,
)
from pvtt_data.vace.context import from_unit  # noqa: E402
from pvtt_data.vace.reactive import CONTENTS_BY_ENGINE  # noqa: E402

FRAMES, HEIGHT, WIDTH = 9, 64, 96
SWAPPED = ("render", "composite", "generate")
RECONSTRUCTED = ("crosspair", "panzoom")
CONFIG = ConditioningConfig()


def ellipse(x: float, across: float, down: float) -> np.ndarray:
    t, rows, columns = np.mgrid[0:FRAMES, 0:HEIGHT, 0:WIDTH]
    return ((columns - x - t) / across) ** 2 + ((rows - 32) / down) ** 2 <= 1


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@dataclass(frozen=True)
class MadeTriple:
    """A swap of a wide product for a tall one."""

    source: np.ndarray = field(default_factory=lambda: noise(0, FRAMES, HEIGHT, WIDTH, 3))
    source_mask: np.ndarray = field(default_factory=lambda: ellipse(40, 16, 10))
    target: np.ndarray = field(default_factory=lambda: noise(1, FRAMES, HEIGHT, WIDTH, 3))
    target_mask: np.ndarray = field(default_factory=lambda: ellipse(40, 10, 14))
    effect_mask: np.ndarray = field(default_factory=lambda: ellipse(40, 18, 20))
    references: list[np.ndarray] = field(default_factory=lambda: [noise(2 + i, 50, 40, 4) for i in range(3)])


TRIPLE = MadeTriple()


def inputs(made: Conditioning) -> bytes:
    parts = (made.inactive, made.reactive, made.mask, *made.references)
    return b"".join(part.numpy().tobytes() for part in parts)


def choices(engine: str) -> list[Choice]:
    """Every content that the engine may show, each with another mask, and the oracle."""
    drawn = [
        replace(draw(CONFIG, engine, "0123456789abcdef", step, available=3), content=content, policies=(policy,))
        for step, (content, policy) in enumerate(zip(CONTENTS_BY_ENGINE[engine], DEPLOYABLE, strict=False))
    ]
    return [*drawn, replace(drawn[0], policies=("oracle",))]


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(SWAPPED + RECONSTRUCTED), st.text("0123456789abcdef", min_size=16, max_size=16), st.integers(0))
def test_equal_arguments_give_equal_choices(engine: str, key: str, step: int) -> None:
    assert draw(CONFIG, engine, key, step, available=3) == draw(CONFIG, engine, key, step, available=3)


def test_this_choice_is_the_same_on_every_machine() -> None:
    """Golden: a change of the drawing silently gives a resumed or precomputed run other data."""
    assert draw(CONFIG, "render", "0123456789abcdef", 5, available=3) == Choice(
        policies=("oracle", "grown", "bbox_margin", "blocks", "hull", "bbox"),
        content="source",
        references=(2, 0),
        seed=201302805853998723,
    )


def test_steps_keys_and_seeds_all_matter() -> None:
    base = draw(CONFIG, "render", "0" * 16, 0)
    assert draw(CONFIG, "render", "0" * 16, 1).seed != base.seed
    assert draw(CONFIG, "render", "1" * 16, 0).seed != base.seed
    assert draw(ConditioningConfig(seed=1), "render", "0" * 16, 0).seed != base.seed


def test_contents_are_drawn_by_engine() -> None:
    def shares(engine: str, **more: str) -> dict[str, float]:
        drawn = Counter(draw(CONFIG, engine, "0" * 16, step, **more).content for step in range(800))
        return {content: count / 800 for content, count in drawn.items()}

    for engine in SWAPPED:
        assert shares(engine) == pytest.approx({"source": 0.45, "grey": 0.3, "blurred": 0.15, "edges": 0.1}, abs=0.06)
    for engine in RECONSTRUCTED:
        assert shares(engine) == pytest.approx({"grey": 0.5, "noise": 0.5}, abs=0.06)
    assert shares("composite", kind="noop") == {"source": 1}


def test_the_content_says_nothing_about_the_policy() -> None:
    drawn = [draw(CONFIG, "render", "0" * 16, step) for step in range(3000)]
    of_boxes = [choice.content == "source" for choice in drawn if choice.policies[0] == "bbox"]
    assert abs(np.mean(of_boxes) - 0.45) < 0.06


def test_an_unknown_engine_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="render, composite, generate, crosspair, panzoom"):
        draw(CONFIG, "collage", "0" * 16, 0)


def test_settings_that_show_the_answer_are_refused() -> None:
    with pytest.raises(ValidationError, match="source would show the model the answer"):
        ConditioningConfig(contents={"crosspair": {"source": 0.5, "grey": 0.5}})
    with pytest.raises(ValidationError, match="must not be negative"):
        ConditioningConfig(contents={"render": {"source": -1, "grey": 2}})
    mine = ConditioningConfig(contents={"render": {"source": 1}})
    assert draw(mine, "render", "0" * 16, 0).content == "source"
    assert draw(mine, "panzoom", "0" * 16, 0).content in ("grey", "noise")


def test_settings_survive_json() -> None:
    config = ConditioningConfig(seed=3, policies=PolicyWeights(hull=0), contents={"mine": {"grey": 1}})
    assert ConditioningConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize("engine", SWAPPED + RECONSTRUCTED)
def test_the_targets_pixels_change_no_byte_of_the_inputs(engine: str) -> None:
    other = replace(TRIPLE, target=noise(99, FRAMES, HEIGHT, WIDTH, 3))
    for choice in choices(engine):
        made, again = condition(TRIPLE, choice, CONFIG), condition(other, choice, CONFIG)
        assert inputs(made) == inputs(again)
        assert not torch.equal(made.target, again.target)


@pytest.mark.parametrize("engine", SWAPPED)
@pytest.mark.parametrize("policy", DEPLOYABLE)
def test_another_b_that_the_same_mask_holds_changes_no_byte_of_the_inputs(engine: str, policy: Deployable) -> None:
    """A smaller B, and one that is gone: under deployable policies the mask must not follow B."""
    smaller = replace(TRIPLE, target=noise(99, FRAMES, HEIGHT, WIDTH, 3), target_mask=ellipse(38, 5, 5))
    gone = replace(smaller, target_mask=np.zeros_like(TRIPLE.target_mask), effect_mask=TRIPLE.source_mask)
    for step in range(2):
        choice = replace(draw(CONFIG, engine, "0" * 16, step, available=3), policies=(policy,))
        made = condition(smaller, choice, CONFIG)
        assert made.policy == policy
        assert inputs(made) == inputs(condition(gone, choice, CONFIG))


@pytest.mark.parametrize("engine", RECONSTRUCTED)
def test_reconstruction_does_not_depend_on_the_pixels_inside_the_mask(engine: str) -> None:
    """There the source is the target: what is inside the mask is the answer."""
    same = replace(TRIPLE, target=TRIPLE.source, target_mask=TRIPLE.source_mask)
    for choice in choices(engine):
        made = condition(same, choice, CONFIG)
        inside = made.mask[0].numpy().astype(bool)
        changed = np.where(inside[..., None], noise(77, FRAMES, HEIGHT, WIDTH, 3), TRIPLE.source)
        again = condition(replace(same, source=changed, target=changed), choice, CONFIG)
        assert inputs(made) == inputs(again)
        assert not torch.equal(made.target, again.target)


def test_the_sources_pixels_are_shown_when_they_should_be() -> None:
    """The core lesson: A's own pixels in the reactive stream, B in the target."""
    choice = Choice(("bbox_margin",), "source", (0,), 1)
    made = condition(TRIPLE, choice, CONFIG)
    assert (from_unit(made.video).numpy() == TRIPLE.source).all()
    assert (from_unit(made.target).numpy() == TRIPLE.target).all()
    inside = made.mask.bool().expand_as(made.reactive)
    assert (made.inactive[inside] == 0).all()
    assert (made.reactive[~inside] == 0).all()


def test_shapes_types_and_weights() -> None:
    made = condition(TRIPLE, Choice(("grown",), "grey", (2, 0), 1), CONFIG)
    assert made.inactive.shape == made.reactive.shape == made.target.shape == (3, FRAMES, HEIGHT, WIDTH)
    assert made.mask.shape == (1, FRAMES, HEIGHT, WIDTH)
    assert [tuple(reference.shape) for reference in made.references] == [(3, 1, HEIGHT, WIDTH)] * 2
    assert made.weights.shape == (1, 2 + 3, HEIGHT // 8, WIDTH // 8)
    tensors = (made.inactive, made.reactive, made.mask, made.target, made.weights, *made.references)
    assert all(tensor.dtype == torch.float32 for tensor in tensors)
    assert (made.weights[:, :2] == 0).all()
    ratios = sorted({round(float(value / made.weights.max()), 4) for value in made.weights[:, 2:].flatten()})
    assert ratios == [0.5, 0.75, 1.0]
    assert (widen(made.mask[0].numpy().astype(bool)) == made.mask[0].numpy().astype(bool)).all()


def test_references_are_those_of_the_choice_in_its_order() -> None:
    first, second, third = (condition(TRIPLE, Choice(("hull",), "grey", (n,), 1), CONFIG) for n in range(3))
    made = condition(TRIPLE, Choice(("hull",), "grey", (2, 0), 1), CONFIG)
    assert torch.equal(made.references[0], third.references[0])
    assert torch.equal(made.references[1], first.references[0])
    assert not torch.equal(second.references[0], first.references[0])


def test_the_context_is_that_of_one_sample() -> None:
    class Pool:
        def encode(self, video: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.avg_pool3d(video, (1, 8, 8))[:, :, ::4]

    made = condition(TRIPLE, Choice(("hull",), "source", (0, 1), 1), CONFIG)
    context = made.context(Pool())
    assert context.shape == (3 + 3 + 64, 2 + 3, HEIGHT // 8, WIDTH // 8)
    assert (context[3:, :2] == 0).all()


@pytest.mark.parametrize("policy", DEPLOYABLE)
def test_evaluation_is_a_function_of_source_mask_and_references(policy: Deployable) -> None:
    parameters = inspect.signature(condition_for_evaluation).parameters
    assert not [name for name in parameters if "target" in name or name.endswith("_b")]
    made = condition_for_evaluation(TRIPLE.source, TRIPLE.source_mask, TRIPLE.references, CONFIG, policy=policy)
    again = condition_for_evaluation(TRIPLE.source, TRIPLE.source_mask, TRIPLE.references, CONFIG, policy=policy)
    assert inputs(made) == inputs(again)
    expected = widen(evaluation_mask(policy, TRIPLE.source_mask))
    assert (made.mask[0].numpy().astype(bool) == expected).all()
    assert len(made.references) == 3


def test_evaluation_does_not_depend_on_how_training_draws() -> None:
    other = ConditioningConfig(seed=9, policies=PolicyWeights(hull=1), contents={"render": {"grey": 1}})
    arguments = (TRIPLE.source, TRIPLE.source_mask, TRIPLE.references)
    assert inputs(condition_for_evaluation(*arguments, CONFIG)) == inputs(condition_for_evaluation(*arguments, other))


def test_clips_that_do_not_fit_are_refused() -> None:
    short = {name: getattr(TRIPLE, name)[:8] for name in ("source", "source_mask", "target", "target_mask")}
    choice = Choice(("hull",), "grey", (0,), 1)
    with pytest.raises(InputError, match="4n\\+1"):
        condition(replace(TRIPLE, **short, effect_mask=TRIPLE.effect_mask[:8]), choice, CONFIG)
    with pytest.raises(InputError, match="divisible by 16"):
        condition_for_evaluation(TRIPLE.source[:, :56], TRIPLE.source_mask[:, :56], TRIPLE.references, CONFIG)
    with pytest.raises(InputError, match="another member"):
        condition(replace(TRIPLE, target=TRIPLE.target[:5]), choice, CONFIG)
    with pytest.raises(InputError, match="needs a depth map"):
        condition(TRIPLE, replace(choice, content="depth"), CONFIG)


def test_depth_is_taken_from_the_map_that_is_given() -> None:
    depth = np.ones((FRAMES, HEIGHT, WIDTH), np.float32)
    made = condition(TRIPLE, Choice(("hull",), "depth", (0,), 1), CONFIG, depth=depth)
    assert torch.equal(made.reactive, made.mask.expand_as(made.reactive))


def test_a_reconstruction_is_never_shown_whatever_its_engine() -> None:
    for engine in ("composite", "crosspair", "render"):
        drawn = {draw(CONFIG, engine, "0" * 16, step, kind="reconstruct").content for step in range(200)}
        assert drawn == {"grey", "noise"}
