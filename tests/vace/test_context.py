"""The split at the mask, and the tensor that the VACE blocks take."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pvtt_data.errors import InputError

torch = pytest.importorskip("torch", reason="torch is not installed")

from pvtt_data.vace.context import assemble, from_unit, pack_mask, split, to_unit, vace_context  # noqa: E402
from pvtt_data.vace.latents import sampled_frames  # noqa: E402


class MeanCodec:
    """Two channels a latent: the mean of its pixels and a constant; first frame alone, then four at a time."""

    def encode(self, video: torch.Tensor) -> torch.Tensor:
        pooled = torch.nn.functional.avg_pool3d(video[:, :1], (1, 8, 8))
        first, later = pooled[:, :, :1], pooled[:, :, 1:]
        means = torch.cat([first, later.unflatten(2, (-1, 4)).mean(3)], 2) if later.shape[2] else first
        return torch.cat([means, torch.full_like(means, 7.0)], dim=1)


def random_mask(frames: int = 9, height: int = 32, width: int = 48, batch: int = 2) -> torch.Tensor:
    return torch.randint(0, 2, (batch, 1, frames, height, width), generator=torch.Generator().manual_seed(1)).float()


def random_video(frames: int = 9, height: int = 32, width: int = 48, batch: int = 2, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand((batch, 3, frames, height, width), generator=generator) * 2 - 1


def test_every_byte_survives_the_way_there_and_back() -> None:
    frames = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    unit = to_unit(frames)
    assert unit.shape == (3, 1, 16, 16)
    assert unit.min() == -1
    assert unit.max() == pytest.approx(1, abs=1e-6)
    assert (from_unit(unit).numpy() == frames).all()


def test_to_unit_takes_batches_and_tensors() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, 5, 8, 16, 3), np.uint8)
    unit = to_unit(frames)
    assert unit.shape == (2, 3, 5, 8, 16)
    assert torch.equal(unit, to_unit(torch.from_numpy(frames)))
    assert torch.equal(unit[1], to_unit(frames[1]))


def test_the_mask_cuts_the_video_out_of_one_stream_and_lets_it_into_the_other() -> None:
    video, mask = random_video(), random_mask()
    inactive, reactive = split(video, mask)
    inside = mask.bool().expand_as(video)
    assert (inactive[inside] == 0).all()
    assert not torch.signbit(inactive[inside]).any(), "−0.0 tells the sign of what was cut out"
    assert torch.equal(inactive[~inside], video[~inside])
    assert (reactive[~inside] == 0).all()
    assert torch.equal(reactive[inside], video[inside])


def test_content_takes_the_place_of_the_video_inside_the_mask() -> None:
    video, mask, content = random_video(), random_mask(), random_video(seed=5)
    inactive, reactive = split(video, mask, content)
    inside = mask.bool().expand_as(video)
    assert torch.equal(reactive[inside], content[inside])
    assert torch.equal(inactive, split(video, mask)[0])


def test_soft_or_misshapen_masks_are_refused() -> None:
    video = random_video()
    with pytest.raises(InputError, match="0 or 1 everywhere"):
        split(video, random_mask() * 0.5)
    with pytest.raises(InputError, match="needs a mask"):
        split(video, random_mask(frames=5))
    with pytest.raises(InputError, match="needs a mask"):
        split(video, random_mask().expand_as(video))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 7), st.integers(1, 4), st.integers(1, 4))
def test_packed_masks_hold_the_pixels_of_the_sampled_frames(latents: int, rows: int, columns: int) -> None:
    frames = 4 * latents - 3
    mask = random_mask(frames, 8 * rows, 8 * columns)
    packed = pack_mask(mask)
    assert packed.shape == (2, 64, latents, rows, columns)
    for number, frame in enumerate(sampled_frames(frames)):
        for p, q in ((0, 0), (3, 5), (7, 7)):
            assert torch.equal(packed[:, 8 * p + q, number], mask[:, 0, frame, p::8, q::8])


def test_masks_that_do_not_fit_latents_are_refused() -> None:
    with pytest.raises(InputError, match="divisible by 8"):
        pack_mask(random_mask(width=44))
    with pytest.raises(InputError, match="4n\\+1"):
        pack_mask(random_mask(frames=8))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_references_come_first_with_nothing_reactive_and_no_mask(count: int) -> None:
    inactive, reactive = split(random_video(), random_mask())
    references = [random_video(frames=1, seed=10 + number) for number in range(count)]
    context = vace_context(inactive, reactive, random_mask(), references, MeanCodec())
    assert context.shape == (2, 2 * 2 + 64, count + 3, 4, 6)
    for number, reference in enumerate(references):
        assert torch.equal(context[:, :2, number], MeanCodec().encode(reference)[:, :, 0])
        assert (context[:, 2:, number] == 0).all()
    assert torch.equal(context[:, :2, count:], MeanCodec().encode(inactive))
    assert torch.equal(context[:, 2:4, count:], MeanCodec().encode(reactive))
    assert torch.equal(context[:, 4:, count:], pack_mask(random_mask()))


def test_the_context_has_the_latents_type() -> None:
    latents = torch.zeros(1, 2, 3, 4, 6, dtype=torch.bfloat16)
    context = assemble(latents, latents, pack_mask(random_mask(batch=1)), [latents[:, :, :1]])
    assert context.dtype == torch.bfloat16
