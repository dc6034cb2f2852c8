"""What encoding takes is what is alive while the autoencoder and the loader's threads work."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fast_models import Clip
from live_bytes import LiveBytes
from pvtt_train.wan.encode_memory import CHANNELS, PARAMETERS, encoding_bytes, vae_bytes
from pvtt_train.wan.vae import WIDTHS, WanVae, new_vae

from pvtt_data.vace.conditioning import Choice, ConditioningConfig, condition
from pvtt_data.vace.context import to_unit
from pvtt_data.vace.reactive import Content

pytestmark = pytest.mark.usefixtures("diffsynth")
META = torch.device("meta")


def test_the_published_autoencoder_has_as_many_parameters_and_channels() -> None:
    model = new_vae("wan2.1-vace-1.3b").model
    assert sum(part.numel() for part in model.parameters()) == PARAMETERS
    assert model.encoder.conv1.out_channels == CHANNELS


@pytest.mark.parametrize(
    ("size", "frames"), [("tiny", 9), ("tiny", 49), ("wan2.1-vace-1.3b", 9), ("wan2.1-vace-1.3b", 49)]
)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_the_rule_is_within_3_per_cent_of_what_is_alive(size: str, frames: int, dtype: torch.dtype) -> None:
    clip = Clip(frames, 240, 432)
    vae = new_vae(size).to(dtype)
    video = torch.empty(1, 3, frames, clip.height, clip.width, device=META)
    with LiveBytes([*vae.parameters(), video]) as live:
        WanVae(vae, META, "any").encode(video)
    parameters = sum(part.numel() for part in vae.parameters())
    told = vae_bytes(clip, dtype.itemsize, parameters, WIDTHS.get(size, CHANNELS))
    assert told + video.nbytes == pytest.approx(live.peak, rel=0.03)


@pytest.mark.parametrize("content", ["source", "grey", "blurred", "edges", "noise"])
def test_a_thread_holds_and_makes_as_many_clips_as_is_told(content: Content) -> None:
    shape = frames, height, width = 17, 96, 160
    dice = np.random.default_rng(0)
    mask = np.zeros(shape, bool)
    mask[:, 20:60, 40:90] = True
    source, target = (dice.integers(0, 256, (*shape, 3), dtype=np.uint8) for _ in range(2))
    triple = SimpleNamespace(
        source=source, target=target, source_mask=mask, target_mask=mask, effect_mask=mask, references=[]
    )
    with LiveBytes() as live:
        made = condition(triple, Choice(("bbox_margin",), content, (), 3), ConditioningConfig())
        held = [made.inactive, made.reactive, made.mask]
        del made
        held.append(to_unit(torch.from_numpy(target)))
        left = live.now
    clip = Clip(frames, height, width)
    alone, with_another = encoding_bytes(clip, 1), encoding_bytes(clip, 2)
    assert left == pytest.approx(alone - vae_bytes(clip), rel=0.02)
    assert live.peak <= with_another - alone < 1.25 * live.peak


def test_more_frames_and_threads_take_more_and_all_of_it_is_more_than_one_clip_by_itself() -> None:
    short, long = Clip(49, 480, 848), Clip(81, 480, 848)
    assert vae_bytes(short) / 1e9 == pytest.approx(3.27, abs=0.01)
    assert encoding_bytes(short, 2) / 1e9 == pytest.approx(5.26, abs=0.01)
    assert encoding_bytes(long, 2) / 1e9 == pytest.approx(6.64, abs=0.02)
