"""The same frames, masks and references give DiffSynth's own context: stock tools see what our models were taught."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="torch is not installed")

from pvtt_data.vace.context import split, to_unit, vace_context  # noqa: E402
from pvtt_data.vace.latents import widen  # noqa: E402

pytestmark = pytest.mark.slow

HEIGHT, WIDTH = 32, 48


class StockCodec:
    """DiffSynth's VAE as it is called in the stock unit."""

    def __init__(self, vae: Any) -> None:
        self.vae = vae

    def encode(self, video: torch.Tensor) -> torch.Tensor:
        return self.vae.encode(video, device="cpu")


@pytest.fixture(scope="module")
def pipe() -> Any:
    """A pipeline with nothing but a tiny VAE of random weights."""
    # Not at the top: it takes seconds, and every run of the tests would pay for it.
    reason = "diffsynth is not installed: pip install diffsynth==2.1.12"
    vae = pytest.importorskip("diffsynth.models.wan_video_vae", reason=reason)
    wan_video = pytest.importorskip("diffsynth.pipelines.wan_video", reason=reason)
    torch.manual_seed(0)
    pipeline = wan_video.WanVideoPipeline(device="cpu", torch_dtype=torch.float32)
    pipeline.vae = vae.WanVideoVAE(z_dim=16)
    pipeline.vae.model = vae.VideoVAE_(dim=8, z_dim=16).eval().requires_grad_(False)
    return pipeline


def moving_masks(frames: int) -> np.ndarray:
    t, rows, columns = np.mgrid[0:frames, 0:HEIGHT, 0:WIDTH]
    return (columns - 10 - 2 * t) ** 2 + (rows - 15) ** 2 <= 49


def stock_context(pipe: Any, video: np.ndarray, masks: np.ndarray, references: Sequence[np.ndarray]) -> torch.Tensor:
    from diffsynth.pipelines.wan_video import WanVideoUnit_VACE

    made = WanVideoUnit_VACE().process(
        pipe,
        vace_video=[Image.fromarray(frame) for frame in video],
        vace_video_mask=[Image.fromarray(mask.astype(np.uint8) * 255).convert("RGB") for mask in masks],
        vace_reference_image=[Image.fromarray(reference) for reference in references] or None,
        vace_scale=1.0,
        height=HEIGHT,
        width=WIDTH,
        num_frames=len(video),
        tiled=False,
        tile_size=(30, 52),
        tile_stride=(15, 26),
    )
    return made["vace_context"]


def our_context(pipe: Any, video: np.ndarray, masks: np.ndarray, references: Sequence[np.ndarray]) -> torch.Tensor:
    mask = torch.from_numpy(masks).float()[None, None]
    inactive, reactive = split(to_unit(video)[None], mask)
    pictures = [to_unit(reference[None])[None] for reference in references]
    return vace_context(inactive, reactive, mask, pictures, StockCodec(pipe.vae))


@pytest.mark.parametrize(
    ("frames", "count", "wide"), [(1, 1, False), (9, 0, True), (9, 1, False), (9, 1, True), (17, 2, True)]
)
def test_our_context_is_the_stock_one(pipe: Any, frames: int, count: int, wide: bool) -> None:
    rng = np.random.default_rng(frames + count)
    video = rng.integers(0, 256, (frames, HEIGHT, WIDTH, 3), np.uint8)
    references = list(rng.integers(0, 256, (count, HEIGHT, WIDTH, 3), np.uint8))
    masks = widen(moving_masks(frames)) if wide else moving_masks(frames)
    stock = stock_context(pipe, video, masks, references)
    ours = our_context(pipe, video, masks, references)
    assert ours.shape == stock.shape == (1, 96, count + (frames + 3) // 4, HEIGHT // 8, WIDTH // 8)
    assert torch.equal(ours, stock)


def test_widening_is_what_makes_stock_masks_cover_the_windows(pipe: Any) -> None:
    """Seen from the stock context alone: where latent 1 is kept, nothing is cut out of its frames. Not so without."""
    masks = moving_masks(17)
    video = np.full((17, HEIGHT, WIDTH, 3), 200, np.uint8)

    def pixels_cut_but_kept(shown: np.ndarray) -> int:
        kept = stock_context(pipe, video, shown, [])[0, 32:, 1].reshape(8, 8, HEIGHT // 8, WIDTH // 8) == 0
        pixels = kept.permute(2, 0, 3, 1).reshape(HEIGHT, WIDTH).numpy()
        return int((shown[1:5].any(axis=0) & pixels).sum())

    assert pixels_cut_but_kept(masks) > 0
    assert pixels_cut_but_kept(widen(masks)) == 0
