"""Latents are made once; training from them equals training from pixels; a change remakes only what it touches."""

from __future__ import annotations

import multiprocessing
import os
import random
import re
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from mixed_triples import CONDITIONING, MASKS, VIDEOS, data_of, key_of, write_mixed_dataset
from pvtt_train.cli import precompute as command
from pvtt_train.data import latents as latents_module
from pvtt_train.data import pieces
from pvtt_train.data import precompute as precomputing
from pvtt_train.data.config import LatentSettings, TextConfig
from pvtt_train.data.examples import CorruptSampleError
from pvtt_train.data.latent_shards import LatentSet, pack_path
from pvtt_train.data.latents import LatentExamples
from pvtt_train.data.pieces import Kind, is_dropped
from pvtt_train.data.pixels import PixelExamples
from pvtt_train.data.precompute import PrecomputeReport, PrecomputeSettings, Silent, precompute
from pvtt_train.guards import OutOfMemoryError
from pvtt_train.lesson import Lesson
from tiny_encoders import CountingCodec, WordEncoder
from toy_triples import ToyTriple

from pvtt_data.errors import BuildError, DatasetError, InputError, PreflightError
from pvtt_data.shards import ShardDataset
from pvtt_data.vace.conditioning import condition, draw
from pvtt_data.vace.loss_weights import LossWeights, touched
from pvtt_data.vace.mask_policies import MaskSettings

CPU = torch.device("cpu")
NUMBERS = list(range(7))
TOKENS = 8
SETTINGS = PrecomputeSettings(latents=LatentSettings(variants=3), conditioning=CONDITIONING)
NOTHING: dict[Kind, int] = {"target": 0, "reference": 0, "variant": 0, "effect": 0, "text": 0}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mixed")
    return write_mixed_dataset(folder / "v1", folder / "media", NUMBERS)


@pytest.fixture(scope="module")
def latents(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished set; tests copy it before they change it."""
    folder = tmp_path_factory.mktemp("latents") / "set"
    made(dataset, folder)
    return folder


@pytest.fixture
def copied(latents: Path, tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "copied"
    for path in latents.rglob("*"):
        if path.is_file():
            place = folder / path.relative_to(latents)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
    yield folder


def made(
    dataset: Path, folder: Path, settings: PrecomputeSettings = SETTINGS, codec: CountingCodec | None = None
) -> PrecomputeReport:
    return precompute(dataset, folder, settings, codec or CountingCodec(), WordEncoder(), CPU)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_equal(one: Lesson, other: Lesson) -> None:
    assert one.keys == other.keys and one.contents == other.contents
    for name in ("clean", "context", "weights", "text"):
        found, expected = getattr(one, name), getattr(other, name)
        assert found.dtype == expected.dtype and torch.equal(found, expected), name


@pytest.mark.parametrize("precision", ["fp16", "bf16", "fp32"])
def test_lessons_from_latents_equal_those_from_pixels(precision: str, dataset: Path, tmp_path: Path) -> None:
    """All sizes, numbers of references, contents, dropped prompts; epochs beyond the variants show these again."""
    data = data_of(
        dataset,
        latents=tmp_path / "set",
        precompute={"variants": 3, "precision": precision},
        text={"trigger": "pvtt", "dropout": 0.4},
    )
    report = made(dataset, tmp_path / "set", PrecomputeSettings.of(data, CONDITIONING))
    stored = LatentExamples(data, CONDITIONING, text_tokens=TOKENS)
    online = PixelExamples(data, CONDITIONING, CountingCodec(), WordEncoder(), CPU, text_tokens=TOKENS)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    assert stored.keys() == online.keys() and len(stored) == len(NUMBERS) - 1
    for number in range(len(stored)):
        assert stored.shape(number).references == max(stored.bucket(number, e).references for e in range(3))
        assert stored.shape(number).references <= online.shape(number).references
        for epoch in range(3):
            lesson = stored.example(number, epoch)
            assert_equal(lesson, online.example(number, epoch))
            bucket = stored.bucket(number, epoch)
            assert bucket == online.bucket(number, epoch)
            frames = bucket.references + (bucket.frames + 3) // 4
            assert lesson.clean.shape == (1, 4, frames, bucket.height // 8, bucket.width // 8)
            assert_equal(replace(stored.example(number, epoch + 3), text=lesson.text, keys=lesson.keys), lesson)
    # No chance but that of the seeds.
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1].tolist(), random.getstate()) == before[1:]
    assert (report.manifest.rounding == 0) == (precision == "fp32")
    assert report.manifest.rounding < {"fp16": 5e-4, "bf16": 4e-3, "fp32": 1e-9}[precision]


def test_a_lesson_is_what_conditioning_makes_of_a_triple(dataset: Path, latents: Path) -> None:
    """Not by way of pieces: `condition`, its context and its weights, as the rest of the project makes them."""
    codec = CountingCodec()
    examples = LatentExamples(
        data_of(dataset, latents=latents, precompute={"variants": 3}, text={"dropout": 0}),
        CONDITIONING,
        text_tokens=TOKENS,
    )
    samples = ShardDataset(dataset, "train")
    for number in (0, 2, 3):
        sample, epoch = samples[number], number % 3
        choice = draw(CONDITIONING, "render", sample.key, epoch, available=sample.meta.reference_count)
        shown = condition(sample, choice, CONDITIONING)
        lesson = examples.example(number, epoch)
        with torch.no_grad():
            clean = torch.cat([codec.encode(video.unsqueeze(0)) for video in (*shown.references, shown.target)], dim=2)
            assert torch.allclose(lesson.clean.float(), clean, rtol=1e-3, atol=1e-4)
            assert torch.allclose(lesson.context[0].float(), shown.context(codec), rtol=1e-3, atol=1e-4)
        assert torch.equal(lesson.weights[0], shown.weights)
        words = WordEncoder().embed([sample.meta.prompt])[0]
        assert torch.allclose(lesson.text[0, : len(words)].float(), words, atol=1e-3)
        assert not lesson.text[0, len(words) :].any()


def test_variant_k_is_what_is_drawn_for_step_k(dataset: Path, tmp_path: Path) -> None:
    """So contents, masks and references are distributed as they are online, draw by draw."""
    variants, codec = 8, CountingCodec()
    settings = SETTINGS.model_copy(update={"latents": LatentSettings(variants=variants)})
    report = made(dataset, tmp_path, settings)
    found = LatentSet(tmp_path)
    samples = ShardDataset(dataset, "train")
    contents: Counter[str] = Counter()
    for number, row in enumerate(found.samples):
        sample = samples[row.key]
        available = sample.meta.reference_count
        choices = [draw(CONDITIONING, "render", row.key, step, available=available) for step in range(variants)]
        contents.update(choice.content for choice in choices)
        assert [variant.content for variant in row.variants] == [choice.content for choice in choices]
        # Every showing is another one.
        assert len({variant.piece for variant in row.variants}) == variants
        step = number % variants
        shown = condition(sample, choices[step], CONDITIONING)
        piece = found.read(row.variants[step].piece)
        assert torch.equal(piece["inside"], touched(shown.mask))
        with torch.no_grad():
            pictures = [codec.encode(picture.unsqueeze(0)).squeeze(0) for picture in shown.references]
            inactive = codec.encode(shown.inactive.unsqueeze(0)).squeeze(0)
        stored = [found.read(digest)["latents"] for digest in row.variants[step].references]
        for one, other in zip([*stored, piece["inactive"]], [*pictures, inactive], strict=True):
            assert torch.allclose(one.float(), other, rtol=1e-3, atol=1e-4)
    assert dict(report.contents) == contents
    assert sum(report.policies.values()) == variants * len(found)


def test_nothing_is_made_twice(dataset: Path, latents: Path, copied: Path) -> None:
    before = contents(copied)
    codec = CountingCodec()
    report = made(dataset, copied, codec=codec)
    assert codec.encoded == 0 and report.made == NOTHING and not report.changed
    assert report.reused["variant"] == 18 and report.reused["target"] == 6
    # The first reference is the same for every three triples.
    samples = LatentSet(copied).samples
    shown = [{reference for variant in row.variants for reference in variant.references} for row in samples]
    assert report.reused["reference"] == len(set.union(*shown)) < sum(map(len, shown))
    assert contents(copied) == before


@pytest.mark.parametrize(
    ("settings", "remade", "said"),
    [
        ({"latents": LatentSettings(variants=5)}, {"variant": 12}, "variants: 3 → 5"),
        ({"latents": LatentSettings(variants=2)}, {}, "variants: 3 → 2"),
        ({"conditioning": CONDITIONING.model_copy(update={"loss": LossWeights(inside=9)})}, {}, ""),
        ({"text": TextConfig(dropout=0.9)}, {}, ""),
        ({"text": TextConfig(trigger="pvtt")}, {"text": 3}, "trigger:  → pvtt"),
        ({"conditioning": CONDITIONING.model_copy(update={"masks": MaskSettings(block_px=16)})}, {"variant": 18}, "16"),
        ({"conditioning": CONDITIONING.model_copy(update={"seed": 1})}, {"variant": 18}, "seed: 0 → 1"),
    ],
)
def test_a_changed_setting_remakes_only_what_depends_on_it(
    settings: dict[str, object], remade: dict[Kind, int], said: str, dataset: Path, copied: Path
) -> None:
    codec = CountingCodec()
    report = made(dataset, copied, SETTINGS.model_copy(update=settings), codec)
    changed = {kind: count for kind, count in report.made.items() if count and kind != "reference"}
    assert changed == remade
    most = 2 * report.made["variant"] + report.made["target"] + report.made["reference"]
    assert (most > 0) == (codec.encoded > 0) and codec.encoded <= most
    assert said in "; ".join(report.changed) and bool(report.changed) == bool(said)


def test_grey_is_encoded_once_for_each_size(dataset: Path, tmp_path: Path) -> None:
    grey = CONDITIONING.model_copy(update={"contents": {"render": {"grey": 1.0}}})
    codec = CountingCodec()
    report = made(dataset, tmp_path, SETTINGS.model_copy(update={"conditioning": grey}), codec)
    assert report.contents == {"grey": 18}
    assert codec.grey == {(1, 3, 5, 64, 96): 1, (1, 3, 5, 64, 80): 1}


def test_another_codec_remakes_latents_and_another_text_encoder_embeddings(dataset: Path, copied: Path) -> None:
    report = made(dataset, copied, codec=CountingCodec(seed=1))
    assert report.made["target"] == 6 and report.made["variant"] == 18 and report.made["reference"]
    assert report.made["text"] == report.made["effect"] == 0
    report = precompute(dataset, copied, SETTINGS, CountingCodec(seed=1), WordEncoder(seed=1), CPU)
    assert report.made == NOTHING | {"text": 4}
    assert report.manifest.unused_bytes > 0
    pruned = SETTINGS.model_copy(update={"latents": LatentSettings(variants=3, prune=True)})
    report = precompute(dataset, copied, pruned, CountingCodec(seed=1), WordEncoder(seed=1), CPU)
    assert report.made == NOTHING and report.manifest.unused_bytes == 0


def test_other_code_of_the_encoders_remakes_what_they_made(
    dataset: Path, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkout of DiffSynth that precedes the installed package, say."""
    before = LatentSet(copied).manifest.versions["diffsynth"]
    monkeypatch.setattr(pieces, "encoders_identity", lambda: "source 0123456789abcdef")
    monkeypatch.setattr(precomputing, "encoders_version", lambda: "v2-dirty (source 0123456789abcdef)")
    report = made(dataset, copied)
    assert report.made["effect"] == 0 and not any(report.reused[kind] for kind in NOTHING if kind != "effect")
    assert f"versions.diffsynth: {before} → v2-dirty (source 0123456789abcdef)" in report.changed


def test_pieces_of_older_code_are_not_trained_on(dataset: Path, copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = data_of(dataset, latents=copied, precompute={"variants": 3})
    newer = {**pieces.PIECE_VERSIONS, "effect": 7}
    for module in (pieces, latents_module):
        monkeypatch.setattr(module, "PIECE_VERSIONS", newer)
    with pytest.raises(DatasetError, match=r"pieces\.effect: 1 → 7\): run `pvtt-train precompute"):
        LatentExamples(data, CONDITIONING, text_tokens=TOKENS)
    assert made(dataset, copied).made == NOTHING | {"effect": 6}
    assert len(LatentExamples(data, CONDITIONING, text_tokens=TOKENS)) == 6


def test_a_set_that_tells_no_versions_is_of_the_first(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its embeddings were cut and spelt otherwise; the rest is as it would be made now."""

    def silent(*given: Any) -> dict[str, Any]:
        return {name: value for name, value in stated(*given).items() if name != "pieces"}

    stated = precomputing._stated
    monkeypatch.setattr(precomputing, "_stated", silent)
    made(dataset, tmp_path)
    with pytest.raises(DatasetError, match=r"\(pieces\.text: 1 → 2\)"):
        LatentExamples(data_of(dataset, latents=tmp_path, precompute={"variants": 3}), CONDITIONING, text_tokens=TOKENS)


def test_a_changed_sample_remakes_what_shows_it_and_a_new_version_needs_a_new_set(
    dataset: Path, copied: Path, tmp_path: Path
) -> None:
    def change(number: int, triple: ToyTriple) -> ToyTriple:
        if number == 1:
            return replace(triple, target=np.flip(triple.target, axis=0))
        if number == 2:
            return replace(triple, effect_mask=np.ones_like(triple.effect_mask))
        return triple

    other = write_mixed_dataset(tmp_path / "v2", tmp_path / "media", [0, 1, 2, 3, 4, 8, 6], change)
    data = data_of(other, latents=copied, precompute={"variants": 3})
    with pytest.raises(DatasetError, match=r"root .*precompute"):
        LatentExamples(data, CONDITIONING, text_tokens=TOKENS)
    report = made(other, copied)
    assert report.made["target"] == 2 and report.made["variant"] == 3 and report.made["effect"] == 2
    assert any(line.startswith("root: ") for line in report.changed)
    examples = LatentExamples(data, CONDITIONING, text_tokens=TOKENS)
    assert set(examples.keys()) == {key_of(number) for number in (0, 1, 2, 3, 4, 8)}


class _Killer(Silent):
    """Kills the process when so many pieces are stored."""

    def __init__(self, after: int) -> None:
        self._left = after

    def made(self, kind: Kind, size_bytes: int) -> None:
        self._left -= 1
        if self._left < 0:
            os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_run_goes_on_where_it_was(dataset: Path, latents: Path, tmp_path: Path) -> None:
    def run(after: int) -> None:
        precompute(dataset, tmp_path, SETTINGS, CountingCodec(), WordEncoder(), CPU, _Killer(after))

    for after in (2, 0, 9, 15):
        process = multiprocessing.get_context("fork").Process(target=run, args=(after,))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        with pytest.raises(DatasetError, match="no finished set"):
            LatentSet(tmp_path)
    codec = CountingCodec()
    report = made(dataset, tmp_path, codec=codec)
    # What was stored before each kill, and the piece that the kill followed, is not made again.
    assert sum(report.reused.values()) == 2 + 0 + 9 + 15 + 4
    whole, again = (
        {p.name: p.read_bytes() for p in folder.rglob("*") if p.is_file()} for folder in (latents, tmp_path)
    )
    assert again == whole


def test_unusable_samples_are_named_and_stop_the_set_unless_allowed(tmp_path: Path) -> None:
    def change(number: int, triple: ToyTriple) -> ToyTriple:
        if number != 1:
            return triple
        short = {name: getattr(triple, name)[:4] for name in (*VIDEOS, *MASKS)}
        return replace(triple, **short)

    dataset = write_mixed_dataset(tmp_path / "v1", tmp_path / "media", NUMBERS, change)
    with pytest.raises(BuildError, match=rf"1 samples.*{key_of(1)}: frames-not-4n\+1"):
        made(dataset, tmp_path / "set")
    with pytest.raises(DatasetError, match="no finished set"):
        LatentSet(tmp_path / "set")
    codec = CountingCodec()
    allowed = SETTINGS.model_copy(update={"latents": LatentSettings(variants=3, allow_skipped=1)})
    report = made(dataset, tmp_path / "set", allowed, codec)
    assert [(sample.key, sample.reason) for sample in report.skipped] == [(key_of(1), "frames-not-4n+1")]
    assert report.samples == 5 and report.made["variant"] == 0
    assert any("frames-not-4n+1" in line for line in report.lines())
    data = data_of(dataset, latents=tmp_path / "set", precompute={"variants": 3})
    examples = LatentExamples(data, CONDITIONING, text_tokens=TOKENS)
    assert len(examples) == 5 and [sample.key for sample in examples.skipped] == [key_of(1)]


def test_values_that_are_no_numbers_are_not_stored(dataset: Path, tmp_path: Path) -> None:
    class Broken(CountingCodec):
        def encode(self, video: torch.Tensor) -> torch.Tensor:
            return super().encode(video) * float("inf")

    with pytest.raises(BuildError, match="latents-not-finite"):
        made(dataset, tmp_path, codec=Broken())

    class Large(CountingCodec):
        def encode(self, video: torch.Tensor) -> torch.Tensor:
            return super().encode(video) * 1e8

    with pytest.raises(BuildError, match=r"latents-overflow.*fp16; store bf16"):
        made(dataset, tmp_path, codec=Large())


def test_memory_that_is_not_enough_names_the_video_and_what_takes_less(dataset: Path, tmp_path: Path) -> None:
    class Small(CountingCodec):
        def encode(self, video: torch.Tensor) -> torch.Tensor:
            if self.encoded > 3 and video.shape[2] > 1:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3 GiB\nand more words")
            return super().encode(video)

    with pytest.raises(OutOfMemoryError) as found:
        made(dataset, tmp_path, codec=Small())
    first, *advice = str(found.value).splitlines()
    assert re.fullmatch(
        r"while the (target|variant) of sample \w{16}, \d frames of \d+×\d+, was encoded: "
        r"CUDA out of memory\. Tried to allocate 3 GiB",
        first,
    )
    assert any("normalise.frames" in line for line in advice) and any("run.device=cpu" in line for line in advice)
    assert made(dataset, tmp_path).reused["target"] > 0, "what was stored is kept, as it says"


def test_other_errors_of_an_encoder_are_not_taken_for_memory(dataset: Path, tmp_path: Path) -> None:
    class Broken(CountingCodec):
        def encode(self, video: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("no kernel image is available")

    with pytest.raises(RuntimeError, match=r"^no kernel image"):
        made(dataset, tmp_path, codec=Broken())


@pytest.mark.usefixtures("diffsynth")
def test_encoders_that_do_not_fit_are_told(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(command, "load_text_encoder", too_large)
    words = ["--shards", str(dataset), "--preset", "tiny-cpu", "--out", str(tmp_path)]
    error = CliRunner().invoke(command.precompute_command, words).exception
    assert isinstance(error, OutOfMemoryError) and "while text encoder and VAE were loaded: CUDA" in str(error)
    assert "run.device=cpu" in str(error)


def test_depth_is_refused_before_work_begins(dataset: Path, tmp_path: Path) -> None:
    shown = CONDITIONING.model_copy(update={"contents": {"render": {"depth": 1.0}}})
    with pytest.raises(InputError, match=r"contents\.render\.depth"):
        made(dataset, tmp_path / "set", SETTINGS.model_copy(update={"conditioning": shown}))
    assert not (tmp_path / "set").exists()
    with pytest.raises(InputError, match=r"contents\.render\.depth"):
        PixelExamples(data_of(dataset), shown, CountingCodec(), WordEncoder(), CPU, text_tokens=TOKENS)


def test_a_dataset_version_is_no_place_for_latents(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither its own nor another one; what is there is as it was, and no encoder was loaded for it."""
    monkeypatch.setattr(command, "load_text_encoder", lambda *_: pytest.fail("loaded"))
    other = shutil.copytree(dataset, tmp_path / "v9")
    for out in (dataset, other):
        before = contents(out)
        error = CliRunner().invoke(
            command.precompute_command, ["--shards", str(dataset), "--preset", "tiny-cpu", "--out", str(out)]
        )
        assert isinstance(error.exception, PreflightError)
        with pytest.raises(
            PreflightError, match=rf"{out.name} is a dataset version.*{out.name}\.latents: name another"
        ):
            made(dataset, out)
        assert contents(out) == before


@pytest.mark.parametrize(
    ("changes", "conditioning", "said"),
    [
        ({"precompute": {"variants": 4}}, CONDITIONING, "have 3 variants"),
        ({"precompute": {"variants": 3, "precision": "bf16"}}, CONDITIONING, "precompute.precision: fp16 → bf16"),
        ({"text": {"trigger": "pvtt"}}, CONDITIONING, "text.trigger:  → pvtt"),
        ({}, CONDITIONING.model_copy(update={"seed": 2}), "conditioning.seed: 0 → 2"),
        ({"split": "test"}, CONDITIONING, "no sample of the split test"),
    ],
)
def test_training_that_asks_for_other_latents_is_refused(
    changes: dict[str, object], conditioning: object, said: str, dataset: Path, latents: Path
) -> None:
    data = data_of(dataset, latents=latents, **{"precompute": {"variants": 3}, **changes})
    with pytest.raises(DatasetError, match=said.replace(".", r"\.")):
        LatentExamples(data, conditioning, text_tokens=TOKENS)  # type: ignore[arg-type]


def test_a_damaged_piece_names_its_sample_and_is_made_anew_on_request(dataset: Path, copied: Path) -> None:
    found = LatentSet(copied)
    place = found.stored(found.samples[2].target)
    with pack_path(copied, place.pack).open("r+b") as file:
        file.seek(place.offset + place.length - 3)
        file.write(b"???")
    data = data_of(dataset, latents=copied, precompute={"variants": 3})
    examples = LatentExamples(data, CONDITIONING, text_tokens=TOKENS)
    with pytest.raises(CorruptSampleError, match=f"{found.samples[2].key}.*SHA-256"):
        examples.example(2, 0)
    examples.example(1, 0)
    checked = SETTINGS.model_copy(update={"latents": LatentSettings(variants=3, check_stored=True)})
    report = made(dataset, copied, checked)
    assert report.damaged == 1 and report.made == NOTHING | {"target": 1}
    LatentExamples(data, CONDITIONING, text_tokens=TOKENS).example(2, 0)


def test_a_set_that_is_trained_on_is_not_pruned_and_nothing_is_made_before_that_is_said(
    dataset: Path, copied: Path
) -> None:
    data = data_of(dataset, latents=copied, precompute={"variants": 3})
    training = LatentExamples(data, CONDITIONING, text_tokens=TOKENS)
    fewer = SETTINGS.model_copy(update={"latents": LatentSettings(variants=1, prune=True)})
    codec = CountingCodec(seed=1)
    with pytest.raises(PreflightError, match=f"reads {copied}"):
        made(dataset, copied, fewer, codec)
    assert codec.encoded == 0
    training.example(0, 2)
    del training
    assert made(dataset, copied, fewer).manifest.unused_bytes == 0


def test_prompts_are_dropped_as_often_as_asked() -> None:
    dropped = [is_dropped(0, key_of(number), epoch, 0.3) for number in range(60) for epoch in range(40)]
    # 2400 draws of 0.3: the standard deviation of their mean is 0.0094.
    assert abs(np.mean(dropped) - 0.3) < 0.04
    assert not any(is_dropped(0, key_of(number), 0, 0.0) for number in range(50))
    assert all(is_dropped(0, key_of(number), 0, 1.0) for number in range(50))


def test_a_prompt_that_is_too_long_names_its_sample(dataset: Path, latents: Path) -> None:
    data = data_of(dataset, latents=latents, precompute={"variants": 3}, text={"dropout": 0})
    with pytest.raises(CorruptSampleError, match="6 tokens; the model takes 4"):
        LatentExamples(data, CONDITIONING, text_tokens=4).example(0, 0)
