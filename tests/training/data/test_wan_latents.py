"""With DiffSynth's own autoencoder, random weights: a clip's latents depend on the clip alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mixed_triples import CONDITIONING, data_of, write_mixed_dataset
from pvtt_train.data.latents import LatentExamples
from pvtt_train.data.pieces import latents_piece
from pvtt_train.data.pixels import PixelExamples
from pvtt_train.data.precompute import PrecomputeSettings, precompute
from tiny_encoders import WordEncoder

pytestmark = pytest.mark.usefixtures("diffsynth")
CPU = torch.device("cpu")


def videos(count: int, frames: int, side: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(4)
    return torch.rand(count, 3, frames, side, side, generator=generator) * 2 - 1


def test_lessons_hold_the_latents_that_diffsynth_gives(tmp_path: Path) -> None:
    from pvtt_train.wan.vae import WanVae, random_vae

    from pvtt_data.shards import ShardDataset
    from pvtt_data.vace.context import to_unit

    vae = random_vae("tiny", 0)
    codec = WanVae(vae, CPU, "random")
    dataset = write_mixed_dataset(tmp_path / "v1", tmp_path / "media", [0, 3, 4])
    data = data_of(dataset, precompute={"variants": 1})
    report = precompute(
        dataset, data.latents_folder, PrecomputeSettings.of(data, CONDITIONING), codec, WordEncoder(), CPU
    )
    assert report.folder == tmp_path / "v1.latents" and data.from_latents
    stored = LatentExamples(data, CONDITIONING, text_tokens=8)
    online = PixelExamples(data, CONDITIONING, codec, WordEncoder(), CPU, text_tokens=8)
    for number, sample in enumerate(ShardDataset(dataset, "train")):
        lesson = stored.example(number, 0)
        assert torch.equal(lesson.context, online.example(number, 0).context)
        references = stored.bucket(number, 0).references
        with torch.no_grad():
            stock = vae.encode([to_unit(sample.target)], CPU)
        # fp16 keeps 11 bits of a value.
        assert torch.allclose(lesson.clean[:, :, references:].float(), stock, rtol=2**-11, atol=1e-6)


@pytest.mark.slow
def test_a_batch_of_the_real_size_equals_its_clips_one_by_one() -> None:
    """And nothing of one clip is left for the next; no tiles, of which a small clip would show the seams."""
    from pvtt_train.wan.vae import WanVae, random_vae

    vae = random_vae("wan2.1-vace-1.3b", 0)
    codec = WanVae(vae, CPU, "random")
    clips = videos(2, 5, 32)
    together = codec.encode(clips)
    alone = [latents_piece(clip, codec, "fp32").tensors["latents"] for clip in clips]
    assert torch.allclose(torch.stack(alone), together, atol=1e-4)
    assert torch.equal(latents_piece(clips[0], codec, "fp32").tensors["latents"], alone[0])
    with torch.no_grad():
        assert torch.allclose(vae.encode(list(clips), CPU), together, atol=1e-4)
