"""Validation: what a user could have made himself, scored, shown and told; and nothing of the training is changed."""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pvtt_eval.case import RenderedCase
from pvtt_train.flow import Flow, FlowConfig
from pvtt_train.validation.cases import PreparedCase, choose, prepare
from pvtt_train.validation.config import ValidationConfig
from pvtt_train.validation.make import make_validator
from pvtt_train.validation.outlook import outlook, require_trackers
from pvtt_train.validation.pictures import PANELS, contact_sheet, side_by_side
from pvtt_train.validation.sampling import level_errors, sample, starting_noise
from pvtt_train.validation.scoring import Scorer, means, score
from pvtt_train.validation.state import untouched
from pvtt_train.validation.trackers import Findings, Journal, require_libraries
from pvtt_train.validation.validator import Validator
from pvtt_train.wan.lora import LoraConfig, add_lora, lora_parameters
from pvtt_train.wan.text import StandInText, WanText
from pvtt_train.wan.vae import WanVae, random_vae
from pvtt_train.wan.weights import WeightsConfig
from torch import Tensor
from toy_triples import FRAMES, HEIGHT, WIDTH, write_toy_dataset
from wan_files import CPU, lively_model, write_text

from pvtt_data.errors import InputError, PreflightError
from pvtt_data.media import decode_video
from pvtt_data.shards import Sample, ShardDataset
from pvtt_data.vace.conditioning import ConditioningConfig

pytestmark = pytest.mark.usefixtures("diffsynth")
CONFIG = ValidationConfig(
    every=2, split="test", samples=1, loss_samples=2, steps=2, loss_levels=2, gate_samples=0, workers=0
)
CONDITIONING = ConditioningConfig()


@pytest.fixture(scope="module")
def held_out(tmp_path_factory: pytest.TempPathFactory) -> ShardDataset:
    folder = tmp_path_factory.mktemp("toys")
    return ShardDataset(write_toy_dataset(folder / "v1", folder / "media", train=1, test=3), "test")


@pytest.fixture(scope="module")
def codec(diffsynth: object) -> WanVae:
    return WanVae(random_vae("tiny", seed=1), CPU, "test")


@pytest.fixture(scope="module")
def cases(held_out: ShardDataset, codec: WanVae) -> list[PreparedCase]:
    return list(prepare(CONFIG, CONDITIONING, held_out, codec, StandInText(32, 16), 16))


def validator_of(model: Any, cases: Sequence[PreparedCase], codec: Any, folder: Path, **more: Any) -> Validator:
    config = more.pop("config", CONFIG)
    return Validator(config, cases, model, model, codec, folder, device=CPU, dtype=torch.float32, **more)


def given(case: PreparedCase) -> RenderedCase:
    assert case.case is not None
    return case.case


# What is asked


def test_a_second_case_of_a_product_comes_after_the_first_of_every_other() -> None:
    products = {"a": "cup", "b": "cup", "c": "pot", "d": "pot", "e": "tin", "f": "cup"}
    samples = {
        key: SimpleNamespace(meta=SimpleNamespace(kind="swap", engine="render", product_b=product))
        for key, product in products.items()
    }
    samples["x"] = SimpleNamespace(meta=SimpleNamespace(kind="reconstruct", engine="render", product_b="box"))
    samples["y"] = SimpleNamespace(meta=SimpleNamespace(kind="swap", engine="crosspair", product_b="bag"))
    dataset: Any = type("Set", (), {"keys": lambda _: tuple(samples), "__getitem__": lambda _, key: samples[key]})()
    chosen = choose(dataset, 10, seed=0)
    assert {products[key] for key in chosen[:3]} == {"cup", "pot", "tin"}
    assert sorted(chosen) == sorted(products)
    assert choose(dataset, 2, seed=0) == chosen[:2]
    assert choose(dataset, 10, seed=1) != chosen
    assert choose(dataset, 0, seed=0) == []


def test_neither_the_target_nor_bs_mask_enters_what_the_model_is_given(
    held_out: ShardDataset, codec: WanVae, cases: list[PreparedCase]
) -> None:
    class Altered(ShardDataset):
        def __getitem__(self, item: int | str) -> Sample:
            sample = super().__getitem__(item)
            # What is read first is kept.
            sample.__dict__["target"] = 255 - sample.target
            sample.__dict__["target_mask"] = ~sample.target_mask
            return sample

    for one, other in zip(
        cases,
        prepare(CONFIG, CONDITIONING, Altered(held_out.path, "test"), codec, StandInText(32, 16), 16),
        strict=True,
    ):
        assert torch.equal(one.context, other.context)
        assert torch.equal(one.text, other.text)
        assert not torch.equal(one.clean[:, :, one.references :], other.clean[:, :, one.references :])
        assert torch.equal(one.clean[:, :, : one.references], other.clean[:, :, : one.references])


def test_the_mask_holds_a_and_leaves_background(cases: list[PreparedCase]) -> None:
    case = given(cases[0])
    assert not (case.source_mask & ~case.conditioning_mask).any()
    assert 0.1 < case.conditioning_mask.mean() < 0.9
    assert [one.case is None for one in cases] == [False, True]


def test_the_trigger_goes_before_the_prompt(held_out: ShardDataset, codec: WanVae) -> None:
    text = StandInText(32, 16)
    [case] = prepare(
        CONFIG.model_copy(update={"loss_samples": 1}), CONDITIONING, held_out, codec, text, 16, trigger="pvtt"
    )
    assert case.prompt == "pvtt a box"
    assert torch.equal(case.text[0, :4], text.embed(["pvtt a box"])[0])
    assert not case.text[0, 4:].any()


def test_a_prompt_that_is_too_long_names_its_case(held_out: ShardDataset, codec: WanVae) -> None:
    with pytest.raises(InputError, match=r"held-out sample \w{16}: the prompt has 3 tokens; the model takes 2"):
        list(prepare(CONFIG, CONDITIONING, held_out, codec, StandInText(32, 2), 2))


def test_a_split_without_swapped_pairs_is_refused(held_out: ShardDataset, codec: WanVae) -> None:
    class Empty(ShardDataset):
        def keys(self) -> tuple[str, ...]:
            return ()

    with pytest.raises(InputError, match="no swapped pair in its test split") as told:
        list(prepare(CONFIG, CONDITIONING, Empty(held_out.path, "test"), codec, StandInText(32, 16), 16))
    assert told.value.reason == "no-cases"


def test_settings_know_no_content_that_samples_do_not_have() -> None:
    with pytest.raises(ValueError, match="'source', 'grey', 'blurred', 'edges', 'noise' or 'black'"):
        ValidationConfig.model_validate({"content": "depth"})


# Sampling


def test_a_sample_is_that_of_diffsynths_pipeline(tmp_path: Path, held_out: ShardDataset, codec: WanVae) -> None:
    """Mask, references, noise, guidance, steps and decoding, all at once, from the same seed."""
    from diffsynth.models.wan_video_text_encoder import HuggingfaceTokenizer
    from diffsynth.pipelines.wan_video import WanVideoPipeline

    encoder = write_text(tmp_path)
    tokenizer = HuggingfaceTokenizer(name=str(tmp_path / "google" / "umt5-xxl"), seq_len=16, clean="whitespace")
    model = lively_model()
    config = CONFIG.model_copy(update={"loss_samples": 0, "negative_prompt": "a table"})
    [case] = prepare(config, CONDITIONING, held_out, codec, WanText(encoder, tokenizer, 16, "test"), 16, trigger="red")
    latents = sample(model, case, steps=3, shift=5.0, cfg=3.0, seed=4, device=CPU, dtype=torch.float32)
    ours = codec.decode(latents)

    pipe = WanVideoPipeline(device="cpu", torch_dtype=torch.float32)
    pipe.dit, pipe.vace, pipe.vae = model.dit, model.vace, codec.vae
    pipe.text_encoder, pipe.tokenizer = encoder, tokenizer
    shown = given(case)
    settings = CONDITIONING.references
    from pvtt_data.vace.references import prepare_reference

    pictures = [prepare_reference(picture, HEIGHT, WIDTH, settings.margin) for picture in shown.references]
    stock = pipe(
        prompt=case.prompt,
        negative_prompt="a table",
        vace_video=[Image.fromarray(frame) for frame in shown.source],
        vace_video_mask=[
            Image.fromarray(mask.astype(np.uint8) * 255).convert("RGB") for mask in shown.conditioning_mask
        ],
        vace_reference_image=[Image.fromarray(picture) for picture in pictures],
        seed=4,
        height=HEIGHT,
        width=WIDTH,
        num_frames=FRAMES,
        cfg_scale=3.0,
        num_inference_steps=3,
        sigma_shift=5.0,
        tiled=False,
        progress_bar_cmd=iter,
        output_type="floatpoint",
    )
    assert ours.shape == stock.shape == (1, 3, FRAMES, HEIGHT, WIDTH)
    assert torch.allclose(ours, stock, atol=2e-4)
    assert ours.std() > 0.01


def test_a_straight_path_ends_where_it_leads(cases: list[PreparedCase]) -> None:
    case = cases[0]

    def perfect(latents: Tensor, timestep: Tensor, _text: Tensor, _context: Tensor) -> Tensor:
        return (latents - case.clean) / (timestep / 1000)

    latents = sample(perfect, case, steps=4, shift=5.0, cfg=1.0, seed=0, device=CPU, dtype=torch.float32)
    assert torch.allclose(latents, case.clean[:, :, case.references :], atol=1e-5)


def test_noise_follows_from_the_seed_and_puts_references_first() -> None:
    noise = starting_noise((1, 16, 4, 2, 2), 1, 3)
    drawn = torch.randn(1, 16, 4, 2, 2, generator=torch.Generator().manual_seed(3))
    assert torch.equal(noise[:, :, 1:], drawn[:, :, :3]) and torch.equal(noise[:, :, :1], drawn[:, :, 3:])
    assert torch.equal(starting_noise((1, 16, 4, 2, 2), 0, 3), drawn)


# The loss


def test_the_loss_is_nothing_for_the_right_velocity_and_counts_no_reference(cases: list[PreparedCase]) -> None:
    case = cases[0]

    def right(latents: Tensor, timestep: Tensor, _text: Tensor, _context: Tensor) -> Tensor:
        velocity = (latents - case.clean) / (timestep / 1000)
        velocity[:, :, : case.references] += 5
        return velocity

    flow = Flow(CPU)
    settings: dict[str, Any] = {"flow": flow, "levels": 3, "seed": 0, "device": CPU, "dtype": torch.float32}
    found = level_errors(right, case, **settings)
    assert [sigma for sigma, _ in found] == sorted((sigma for sigma, _ in found), reverse=True)
    assert all(error < 1e-8 for _, error in found)
    wrong = level_errors(lambda *args: right(*args) + 2, case, **settings)
    assert all(error == pytest.approx(4, rel=1e-4) for _, error in wrong)


@pytest.mark.parametrize(("first", "last"), [(0.0, 0.358), (0.358, 1.0), (0.5, 0.503)])
def test_the_loss_is_measured_at_levels_that_are_trained(first: float, last: float, cases: list[PreparedCase]) -> None:
    flow = Flow(CPU, FlowConfig(first=first, last=last))
    asked: list[float] = []

    def model(latents: Tensor, timestep: Tensor, _text: Tensor, _context: Tensor) -> Tensor:
        asked.append(float(timestep))
        return latents

    found = level_errors(model, cases[0], flow=flow, levels=3, seed=0, device=CPU, dtype=torch.float32)
    trained = {float(flow.timesteps[place]) for place in range(round(first * 1000), round(last * 1000))}
    assert set(asked) <= trained and len(set(asked)) == 3
    assert asked == pytest.approx([1000 * sigma for sigma, _ in found])


def test_the_loss_counts_levels_as_training_does(cases: list[PreparedCase]) -> None:
    def model(latents: Tensor, *_: Tensor) -> Tensor:
        return torch.zeros_like(latents)

    plain, bell = Flow(CPU), Flow(CPU, FlowConfig(weighting="scheduler"))
    settings: dict[str, Any] = {"levels": 3, "seed": 0, "device": CPU, "dtype": torch.float32}
    for place, (_, one), (_, other) in zip(
        bell.middles(3),
        level_errors(model, cases[0], flow=plain, **settings),
        level_errors(model, cases[0], flow=bell, **settings),
        strict=True,
    ):
        assert other == pytest.approx(one * float(bell.counts[place]), rel=1e-5) and other != pytest.approx(one)


def test_the_loss_is_the_same_each_time(cases: list[PreparedCase], codec: WanVae, tmp_path: Path) -> None:
    model = lively_model()
    look = validator_of(model, cases, codec, tmp_path, config=CONFIG.model_copy(update={"samples": 0}))
    first = look(2)
    random.seed(9)
    torch.manual_seed(9)
    assert look(4) == first
    assert set(first) >= {"loss"} and sum(name.startswith("loss_at_") for name in first) == 2
    with torch.no_grad():
        model.dit.head.head.weight.mul_(1.5)
    assert look(6)["loss"] != first["loss"]


def test_a_model_that_broke_is_told_of_and_breaks_nothing(
    cases: list[PreparedCase], codec: WanVae, tmp_path: Path
) -> None:
    model = lively_model()
    with torch.no_grad():
        model.dit.head.head.weight.fill_(float("nan"))
    look = validator_of(model, cases, codec, tmp_path)
    assert "loss" not in look(2)
    look.close()
    line = json.loads((tmp_path / "validation.jsonl").read_text())
    assert line["scalars"]["loss"] is None and len(line["cases"]) == 1


# Leaving no trace


def losses_of(cases: Sequence[PreparedCase], look: Any, model: Any) -> list[float]:
    """A short training that throws the process's own dice, has dropout, and may be looked at after each step."""
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)
    model.train()
    optimiser = torch.optim.AdamW(list(lora_parameters(model).values()), lr=1e-2)
    case, found = cases[0], []
    for step in range(4):
        sigma = torch.rand(()) * (0.5 + random.random() / 2) * (0.5 + float(np.random.random()) / 2)
        noise = torch.randn_like(case.clean)
        noisy = (1 - sigma) * case.clean + sigma * noise
        said = model(noisy, (sigma * 1000).view(1), case.text, case.context)
        loss = ((said - (noise - case.clean)) ** 2 * case.weights).mean()
        loss.backward()
        if look is not None:
            before = [value.grad.clone() for value in lora_parameters(model).values() if value.grad is not None]
            look(step)
            after = [value.grad for value in lora_parameters(model).values() if value.grad is not None]
            assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
        optimiser.step()
        optimiser.zero_grad()
        found.append(float(loss.detach()))
    return found


def adapted() -> Any:
    model = lively_model()
    add_lora(model, LoraConfig(rank=4, dropout=0.3))
    return model


def test_the_loss_curve_is_the_same_with_and_without_validation(
    cases: list[PreparedCase], codec: WanVae, tmp_path: Path
) -> None:
    without = losses_of(cases, None, adapted())
    model = adapted()
    look = validator_of(model, cases, codec, tmp_path)
    assert losses_of(cases, look, model) == without
    assert len(set(without)) == 4
    look.close()


def test_modes_and_dice_are_put_back_after_an_error_too() -> None:
    model = adapted()
    model.train()
    model.dit.eval()
    state, modes = torch.get_rng_state(), [module.training for module in model.modules()]
    with pytest.raises(RuntimeError, match="lost"), untouched(model):
        assert not any(module.training for module in model.modules())
        assert not torch.is_grad_enabled()
        torch.rand(3)
        raise RuntimeError("lost")
    assert torch.equal(torch.get_rng_state(), state)
    assert [module.training for module in model.modules()] == modes
    assert torch.is_grad_enabled()


# Scores


def test_the_target_scores_as_b_and_the_source_as_a(cases: list[PreparedCase]) -> None:
    case = given(cases[0])
    as_b, as_a = score(case, case.target, 60.0, None), score(case, case.source, 60.0, None)
    assert float(as_b["rsd_px"]) > 0.9 and float(as_a["rsd_px"]) < -0.9
    assert float(as_a["background_psnr_db"]) == 100
    assert float(as_b["background_below_ceiling_db"]) == pytest.approx(60 - float(as_b["background_psnr_db"]))
    assert as_b["unscored"] == ""


def test_what_cannot_be_scored_says_why_and_gets_what_can_be_had(cases: list[PreparedCase]) -> None:
    case = given(cases[0])
    opaque = replace(case, references=tuple(picture[..., :3] for picture in case.references))
    row = score(opaque, case.source, 60.0, None)
    assert "cut the product out first" in str(row["unscored"])
    assert row["background_psnr_db"] == 100
    assert means([row]) == {
        "testable": 0.0,
        "background_psnr_db": 100.0,
        "background_ssim": pytest.approx(1),
        "background_below_ceiling_db": -40.0,
    }


def test_a_mask_over_everything_leaves_no_background_to_score(cases: list[PreparedCase]) -> None:
    case = given(cases[0])
    whole = replace(case, conditioning_mask=np.ones_like(case.conditioning_mask))
    row = score(whole, case.source, 60.0, None)
    assert "no background is left" in str(row["unscored"])
    assert means([row]) == {"testable": 0.0}


def test_means_leave_out_what_is_no_number() -> None:
    rows = [{"rsd": 0.5, "testable": True}, {"rsd": float("nan"), "testable": False}, {"testable": False}]
    assert means(rows) == {"testable": 1.0, "rsd": 0.5}  # type: ignore[arg-type]


def test_few_training_cases_make_no_gate(held_out: ShardDataset) -> None:
    with Scorer(0, held_out, 24) as scorer:
        assert scorer.gate is None


def test_a_gate_is_measured_on_training_cases(tmp_path: Path) -> None:
    training = ShardDataset(write_toy_dataset(tmp_path / "v1", tmp_path / "media", train=21, test=0), "train")
    with Scorer(0, training, 21) as scorer:
        gate = scorer.gate
    # Boxes of other colours are less alike than a box is to its own reference.
    assert gate is not None and gate.same_products == 21 and gate.different_refused < 0.5
    with Scorer(0, training, 19) as scorer:
        assert scorer.gate is None


def test_scores_in_other_processes_are_the_same(cases: list[PreparedCase]) -> None:
    case = given(cases[0])
    with Scorer(1, None, 0) as scorer:
        found = scorer.score(case, case.target, 60.0).result()
    here = score(case, case.target, 60.0, None)
    assert list(found) == list(here)
    for name, value in here.items():
        # The other process works with one thread, so that sums come out in another order.
        same = pytest.approx(value, rel=1e-5, nan_ok=True) if isinstance(value, float) else value
        assert found[name] == same, name


# What is shown and told


@pytest.fixture(scope="module")
def looked_at(
    tmp_path_factory: pytest.TempPathFactory, cases: list[PreparedCase], codec: WanVae
) -> Iterator[tuple[Path, dict[str, float]]]:
    folder = tmp_path_factory.mktemp("run") / "samples"
    look = validator_of(adapted(), cases, codec, folder)
    yield folder, dict(look(2))
    look.close()


def test_a_validation_leaves_videos_sheets_and_a_line(
    looked_at: tuple[Path, dict[str, float]], cases: list[PreparedCase]
) -> None:
    folder, scalars = looked_at
    case = given(cases[0])
    [line] = [json.loads(text) for text in (folder / "validation.jsonl").read_text().splitlines()]
    assert line["step"] == 2 and line["scalars"] == scalars and line["gate"] is None
    assert all(np.isfinite(value) for value in scalars.values())
    assert {"loss", "rsd_px", "background_psnr_db", "background_below_ceiling_db"} <= set(scalars)
    [told] = line["cases"]
    assert told["key"] == case.case_id and told["prompt"] == "a box" and told["unscored"] == ""
    [files] = line["files"]
    assert files["result"] == f"step-000002/{case.case_id}.mp4"
    result = decode_video((folder / files["result"]).read_bytes())
    assert result.shape == (FRAMES, HEIGHT, WIDTH, 3)
    panels = decode_video((folder / files["panels"]).read_bytes())
    assert panels.shape[0] == FRAMES and panels.shape[2] >= len(PANELS) * WIDTH
    with Image.open(folder / files["animation"]) as gif, Image.open(folder / files["sheet"]) as sheet:
        assert gif.n_frames > 1
        assert sheet.size == (panels.shape[2], FRAMES * panels.shape[1])


def test_tensorboard_shows_scalars_and_moving_pictures(
    looked_at: tuple[Path, dict[str, float]], cases: list[PreparedCase]
) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder, scalars = looked_at
    events = EventAccumulator(str(folder / "tensorboard"), size_guidance={"images": 0})
    events.Reload()
    for name, value in scalars.items():
        [event] = events.Scalars(f"validation/{name}")
        assert event.step == 2 and event.value == pytest.approx(value, rel=1e-6, abs=1e-9)
    [video] = events.Images(f"validation/video/{given(cases[0]).case_id}")
    assert video.encoded_image_string.startswith(b"GIF89a")


def test_panels_show_what_they_say(cases: list[PreparedCase]) -> None:
    case = given(cases[0])
    result = np.full_like(case.source, 7)
    panels = side_by_side(case, result)
    cell = WIDTH + 4
    bar = panels.shape[1] - HEIGHT
    assert np.array_equal(panels[:, bar:, :WIDTH], case.source)
    assert (panels[:, bar:, 2 * cell : 2 * cell + WIDTH] == 7).all()
    assert np.array_equal(panels[:, bar:, 3 * cell : 3 * cell + WIDTH], case.target)
    masked = panels[:, bar:, cell : cell + WIDTH]
    assert np.array_equal((masked != case.source).any(-1), case.conditioning_mask)
    assert np.array_equal(contact_sheet(panels, 2), np.concatenate([panels[0], panels[-1]]))


def test_going_on_forgets_what_was_told_of_later_steps(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for step in (0, 2, 4):
        journal.tell(Findings(step, {"loss": float("nan") if step == 4 else 1.0}))
    assert json.loads(journal.path.read_text().splitlines()[2])["scalars"] == {"loss": None}
    with journal.path.open("a") as file:
        file.write('{"step": 2, "torn')
    Journal(tmp_path, step=2)
    assert [json.loads(line)["step"] for line in journal.path.read_text().splitlines()] == [0, 2]


def test_validations_come_when_they_are_due(cases: list[PreparedCase], codec: WanVae, tmp_path: Path) -> None:
    look = validator_of(lively_model(), cases, codec, tmp_path)
    assert [step for step in range(6) if look.due(step)] == [0, 2, 4]
    look.config = CONFIG.model_copy(update={"at_start": False})
    assert [step for step in range(6) if look.due(step)] == [2, 4]
    look.config = CONFIG.model_copy(update={"every": 0})
    assert not any(look.due(step) for step in range(6))


class FakeRun:
    def __init__(self) -> None:
        self.logged: list[tuple[int, dict[str, Any]]] = []
        self.ended = False

    def log(self, told: dict[str, Any], step: int) -> None:
        self.logged.append((step, told))

    def finish(self) -> None:
        self.ended = True


@pytest.mark.parametrize("name", ["wandb", "swanlab"])
def test_other_trackers_are_told_when_they_are_asked_for(
    name: str, monkeypatch: pytest.MonkeyPatch, cases: list[PreparedCase], codec: WanVae, tmp_path: Path
) -> None:
    run, library = FakeRun(), ModuleType(name)
    begun: dict[str, Any] = {}

    def init(**settings: Any) -> FakeRun:
        begun.update(settings)
        return run

    for word, value in {"init": init, "log": run.log, "finish": run.finish}.items():
        setattr(library, word, value)
    library.Video = library.Image = lambda path, **_: Path(path).suffix  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, name, library)
    config = CONFIG.model_copy(update={"trackers": (name,), "project": "cups"})
    look = validator_of(lively_model(), cases, codec, tmp_path / "r7" / "samples", config=config, settings={"a": 1})
    scalars = look(2)
    look.close()
    [(step, told)] = run.logged
    assert step == 2 and run.ended and begun["project"] == "cups" and begun["config"] == {"a": 1}
    assert begun.get("name", begun.get("experiment_name")) == "r7"
    key = given(cases[0]).case_id
    assert told["validation/loss"] == scalars["loss"] and told[f"validation/sheet/{key}"] == ".png"
    assert told[f"validation/video/{key}"] == {"wandb": ".mp4", "swanlab": ".gif"}[name]


def test_a_tracker_that_is_not_installed_is_said_before_training(
    monkeypatch: pytest.MonkeyPatch, cases: list[PreparedCase], codec: WanVae, tmp_path: Path
) -> None:
    monkeypatch.setattr("pvtt_train.validation.trackers.find_spec", lambda name: None)
    with pytest.raises(PreflightError, match="asks for wandb, which is not installed: `pip install wandb`"):
        validator_of(lively_model(), cases, codec, tmp_path, config=CONFIG.model_copy(update={"trackers": ("wandb",)}))
    require_libraries(["tensorboard"])
    assert "wandb" not in sys.modules


# From settings


def made(folder: Path, shards: Path, flow: FlowConfig | None = None, end: int | None = None, **changes: Any) -> Any:
    model = lively_model()
    weights = WeightsConfig(size="tiny", weights="random")
    return make_validator(
        CONFIG.model_copy(update=changes),
        CONDITIONING,
        shards,
        weights,
        model,
        model,
        folder,
        device=CPU,
        dtype=torch.float32,
        flow=flow,
        end=end,
    )


@pytest.mark.filterwarnings("ignore:RANDOM WEIGHTS")
def test_a_validator_is_made_from_settings(tmp_path: Path, held_out: ShardDataset) -> None:
    look = made(tmp_path, held_out.path)
    assert look(2)["background_psnr_db"] > 0
    assert len(list((tmp_path / "step-000002").glob("*.mp4"))) == 2
    look.close()


@pytest.mark.filterwarnings("ignore:RANDOM WEIGHTS")
def test_what_a_run_ends_with_is_validated_too(tmp_path: Path, held_out: ShardDataset) -> None:
    look = made(tmp_path, held_out.path, end=5)
    assert [step for step in range(6) if look.due(step)] == [0, 2, 4, 5]
    look.close()


@pytest.mark.filterwarnings("ignore:RANDOM WEIGHTS")
def test_of_an_expert_no_videos_are_made_and_the_loss_is_at_its_levels(tmp_path: Path, held_out: ShardDataset) -> None:
    look = made(tmp_path, held_out.path, flow=FlowConfig(first=0.358))
    scalars = look(2)
    assert set(scalars) == {"loss", *(name for name in scalars if name.startswith("loss_at_"))}
    assert max(float(name.removeprefix("loss_at_")) for name in scalars if name != "loss") < 0.9
    assert not list(tmp_path.rglob("*.mp4"))
    look.close()


def test_nothing_is_loaded_where_nothing_can_be_validated(tmp_path: Path, held_out: ShardDataset) -> None:
    assert made(tmp_path, held_out.path, split="validation") is None
    assert made(tmp_path, held_out.path, every=0) is None
    assert made(tmp_path, held_out.path, flow=FlowConfig(last=0.358), loss_samples=0) is None


@pytest.mark.parametrize(
    ("changes", "flow", "lines"),
    [
        (
            {},
            {},
            [r"^before the first step, every 2 steps, and after the last: 2 cases of the test .*, videos of 1 and"],
        ),
        ({"samples": 9, "at_start": False}, {}, [r"^every 2 steps, .*: 3 cases of .*, videos of 3 and the loss of 2$"]),
        ({"loss_samples": 0}, {}, [r": 1 case of the test split, videos of 1$"]),
        (
            {},
            {"first": 0.358},
            [r": 2 cases of the test split, the loss of 2$", r"^NO SAMPLES: .*flow\.first=0\.358, flow\.last=1"],
        ),
        ({"loss_samples": 0}, {"last": 0.358}, [r"^NO SAMPLES: ", r"^NO VALIDATION: no case"]),
        ({"every": 0}, {}, [r"^off: validation\.every is 0$"]),
        ({"samples": 0, "loss_samples": 0}, {}, [r"^NO VALIDATION: no case is wanted"]),
        ({"split": "validation"}, {}, [r"^NO VALIDATION: .*assign_split\.validation_share=0.*validation\.split=test"]),
    ],
)
def test_what_will_be_validated_is_told_from_settings_and_dataset_alone(
    held_out: ShardDataset, changes: dict[str, Any], flow: dict[str, Any], lines: list[str]
) -> None:
    told = outlook(CONFIG.model_copy(update=changes), held_out.path, FlowConfig(**flow))
    assert len(told) == len(lines)
    for line, wanted in zip(told, lines, strict=True):
        assert re.search(wanted, line), line


def test_a_dataset_without_a_test_split_is_not_told_to_use_it(tmp_path: Path) -> None:
    shards = write_toy_dataset(tmp_path / "v1", tmp_path / "media", train=1, test=0)
    [line] = outlook(CONFIG.model_copy(update={"split": "validation"}), shards, FlowConfig())
    assert "assign_split.validation_share" in line and "split=test" not in line


def test_trackers_are_asked_for_where_there_is_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pvtt_train.validation.trackers.find_spec", lambda name: None)
    config = CONFIG.model_copy(update={"trackers": ("wandb",)})
    with pytest.raises(PreflightError, match="pip install wandb"):
        require_trackers(config)
    require_trackers(config.model_copy(update={"every": 0}))
