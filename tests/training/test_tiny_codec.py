"""The small autoencoder has Wan's windows: each latent knows its own frames and no others."""

from __future__ import annotations

import pytest
import torch
from pvtt_train.closed_loop.codec import TinyCodec, codec_loss
from pvtt_train.closed_loop.fit import Course, fit

from pvtt_data.vace.latents import latent_windows


@pytest.fixture(scope="module")
def codec() -> TinyCodec:
    torch.manual_seed(0)
    return TinyCodec(channels=6, width=8)


def test_shapes_are_wans(codec: TinyCodec) -> None:
    video = torch.rand(2, 3, 9, 32, 48)
    latents = codec.encode(video)
    assert latents.shape == (2, 6, 3, 4, 6)
    assert codec.decode(latents).shape == video.shape
    assert codec.encode(video[:, :, :1]).shape == (2, 6, 1, 4, 6)


@torch.no_grad()
def test_a_latent_depends_on_the_frames_of_its_window_alone(codec: TinyCodec) -> None:
    video = torch.rand(1, 3, 9, 16, 16)
    whole = codec.encode(video)
    for number, window in enumerate(latent_windows(9)):
        for frame in range(9):
            other = video.clone()
            other[:, :, frame] = torch.rand(3, 16, 16)
            changed = (codec.encode(other) - whole).abs().amax(dim=(0, 1, 3, 4)) > 1e-6
            assert changed[number] == (frame in window)


@pytest.mark.parametrize("shape", [(1, 3, 8, 16, 16), (1, 3, 5, 20, 16), (1, 3, 5, 16, 12)])
def test_other_sizes_are_refused(codec: TinyCodec, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="4n \\+ 1 frames"):
        codec.encode(torch.zeros(shape))


def test_calibrated_latents_have_unit_variance_and_decode_as_before() -> None:
    torch.manual_seed(1)
    codec = TinyCodec(channels=6, width=8)
    video = torch.rand(4, 3, 5, 32, 32) * 2 - 1
    with torch.no_grad():
        before = codec.decode(codec.encode(video))
        codec.calibrate(video)
        latents = codec.encode(video)
        assert latents.mean(dim=(0, 2, 3, 4)).abs().max() < 1e-4
        assert (latents.std(dim=(0, 2, 3, 4)) - 1).abs().max() < 1e-4
        assert torch.allclose(codec.decode(latents), before, atol=1e-4)


def test_training_brings_the_video_back_better() -> None:
    torch.manual_seed(2)
    codec = TinyCodec(channels=12, width=16, blocks=1)
    video = torch.nn.functional.interpolate(torch.rand(4, 3, 5, 4, 4), size=(5, 32, 32), mode="trilinear") * 2 - 1

    def wrong() -> float:
        with torch.no_grad():
            return float((codec.decode(codec.encode(video)) - video).abs().mean())

    before = wrong()
    fit(lambda: (video,), lambda clip: codec_loss(codec, clip, 0.05), list(codec.parameters()), Course(120, 5e-3))
    assert wrong() < 0.6 * before
