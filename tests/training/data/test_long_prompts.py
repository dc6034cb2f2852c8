"""A prompt of more tokens than the model takes is not cut: its sample counts as one that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mixed_triples import CONDITIONING, data_of, key_of, write_mixed_dataset
from pvtt_train.assemble import Embedded
from pvtt_train.data.config import LatentSettings
from pvtt_train.data.examples import CorruptSampleError
from pvtt_train.data.loader import Loader
from pvtt_train.data.pixels import PixelExamples
from pvtt_train.data.precompute import PrecomputeReport, PrecomputeSettings, precompute
from pvtt_train.wan.text import StandInText
from tiny_encoders import CountingCodec

from pvtt_data.errors import BuildError

CPU = torch.device("cpu")
TOKENS = 6
LONG = 2
SAID = "the prompt has 7 tokens; the model takes 6"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prompts of five words, one of six; the end of the sentence counts, too."""
    folder = tmp_path_factory.mktemp("long")
    return write_mixed_dataset(
        folder / "v1",
        folder / "media",
        list(range(7)),
        prompt=lambda number: "a box on this ground" + " indeed" * (number == LONG),
    )


@pytest.mark.parametrize("allowed", [0, 1])
def test_precompute_names_the_sample_and_leaves_it_out_where_allowed(
    allowed: int, dataset: Path, tmp_path: Path
) -> None:
    def made() -> PrecomputeReport:
        latents = LatentSettings(variants=1, allow_skipped=allowed)
        settings = PrecomputeSettings(latents=latents, conditioning=CONDITIONING)
        return precompute(dataset, tmp_path / "set", settings, CountingCodec(), StandInText(8, TOKENS), CPU)

    if not allowed:
        with pytest.raises(BuildError, match=f"{key_of(LONG)}: text-long: {SAID}"):
            made()
        return
    report = made()
    assert [(sample.key, sample.reason, sample.message) for sample in report.skipped] == [
        (key_of(LONG), "text-long", SAID)
    ]
    assert report.samples == 5 and report.made["text"] == 2, "the others' prompt, and the empty one"


@pytest.mark.parametrize("at_once", [True, False])
def test_training_from_pixels_takes_it_for_one_that_cannot_be_read(at_once: bool, dataset: Path) -> None:
    """Whether prompts are embedded when they are asked for, or all before."""
    text = StandInText(8, TOKENS)
    prompts = ["", "a box on this ground", "a box on this ground indeed"]
    encoder = Embedded.of(text, prompts) if at_once else text
    data = data_of(dataset, text={"dropout": 0}, allow_corrupt=1)
    examples = PixelExamples(data, CONDITIONING, CountingCodec(), encoder, CPU, text_tokens=TOKENS)
    with pytest.raises(CorruptSampleError, match=f"sample {key_of(LONG)}: {SAID}"):
        examples.example(LONG, 0)
    with Loader(examples, data, device=CPU, dtype=torch.float32) as loader:
        for _ in range(8):
            next(loader)
        assert loader.corrupt == {key_of(LONG): SAID}
