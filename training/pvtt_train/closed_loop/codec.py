"""A small autoencoder with the strides of Wan's: the first frame alone, then four frames to a latent, 8×8 pixels.

Every group of frames is coded by itself, so that a latent depends on the frames of its window only.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle, silu

from pvtt_data.vace.latents import SPATIAL, TEMPORAL

_FOLD = 4


class _Block(nn.Module):
    """A residual block of two 3×3 convolutions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.GroupNorm(8, width), nn.GroupNorm(8, width)])
        self.convs = nn.ModuleList([nn.Conv2d(width, width, 3, padding=1) for _ in range(2)])
        nn.init.zeros_(self.convs[1].weight)
        nn.init.zeros_(self.convs[1].bias)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for norm, conv in zip(self.norms, self.convs, strict=True):
            y = conv(silu(norm(y)))
        return x + y


class TinyCodec(nn.Module):
    """Video to latents and back.

    Args:
        channels: of a latent.
        width: of the convolutions at a stride of 4; twice that at a stride of 8.
        blocks: residual blocks at each of the two strides.

    `calibrate` makes latents of unit variance; until then they come as the encoder gives them.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, channels: int = 48, width: int = 128, blocks: int = 2) -> None:
        super().__init__()
        self.channels = channels
        folded = 3 * TEMPORAL * _FOLD * _FOLD

        def stack(size: int) -> nn.Sequential:
            return nn.Sequential(*[_Block(size) for _ in range(blocks)])

        self.encoder = nn.Sequential(
            nn.Conv2d(folded, width, 3, padding=1),
            stack(width),
            nn.Conv2d(width, 2 * width, 2, stride=2),
            stack(2 * width),
            nn.Conv2d(2 * width, channels, 1),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(channels, 2 * width, 3, padding=1),
            stack(2 * width),
            nn.Conv2d(2 * width, 4 * width, 1),
            nn.PixelShuffle(2),
            stack(width),
            nn.Conv2d(width, folded, 3, padding=1),
        )
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))

    def encode(self, video: Tensor) -> Tensor:
        """Latents ``(B, C, 1 + (T - 1) / 4, H / 8, W / 8)`` of a video ``(B, 3, T, H, W)`` in [-1, 1].

        Raises:
            ValueError: T is not 4n + 1, or a side is not divisible by 8.
        """
        batch, _, frames, height, width = video.shape
        if frames % TEMPORAL != 1 or height % SPATIAL or width % SPATIAL:
            raise ValueError(f"a video of 4n + 1 frames and sides divisible by 8 is needed, not {tuple(video.shape)}")
        padded = torch.cat([video[:, :, :1].expand(-1, -1, TEMPORAL - 1, -1, -1), video], dim=2)
        groups = padded.unflatten(2, (-1, TEMPORAL)).transpose(1, 2).reshape(-1, 3 * TEMPORAL, height, width)
        raw = self.encoder(pixel_unshuffle(groups, _FOLD))
        latents = raw.unflatten(0, (batch, -1)).transpose(1, 2)
        shape = (1, -1, 1, 1, 1)
        return (latents - self.mean.view(shape)) / self.deviation.view(shape)

    def decode(self, latents: Tensor) -> Tensor:
        """The video ``(B, 3, T, H, W)`` of latents, about [-1, 1], not clamped."""
        shape = (1, -1, 1, 1, 1)
        raw = latents * self.deviation.view(shape) + self.mean.view(shape)
        groups = pixel_shuffle(self.decoder(raw.transpose(1, 2).flatten(0, 1)), _FOLD)
        padded = groups.unflatten(1, (3, TEMPORAL)).unflatten(0, (latents.shape[0], -1)).transpose(1, 2).flatten(2, 3)
        first = padded[:, :, :TEMPORAL].mean(dim=2, keepdim=True)
        return torch.cat([first, padded[:, :, TEMPORAL:]], dim=2)

    @torch.no_grad()
    def calibrate(self, video: Tensor) -> None:
        """Take mean and deviation of each channel from the latents of a video ``(B, 3, T, H, W)``."""
        self.mean.zero_()
        self.deviation.fill_(1.0)
        latents = self.encode(video).float()
        self.mean.copy_(latents.mean(dim=(0, 2, 3, 4)))
        self.deviation.copy_(latents.std(dim=(0, 2, 3, 4)).clamp(min=1e-4))


def codec_loss(codec: TinyCodec, video: Tensor, noise: float) -> Tensor:
    """Mean absolute error of values and of their differences along both axes, with noise on the latents.

    Noise of so many deviations of a channel keeps latents from hiding detail in values that a model cannot hit.
    """
    latents = codec.encode(video)
    spread = latents.std(dim=(0, 2, 3, 4), keepdim=True).detach()
    back = codec.decode(latents + noise * spread * torch.randn_like(latents)).float()
    wrong = back - video
    edges = wrong.diff(dim=-1).abs().mean() + wrong.diff(dim=-2).abs().mean()
    # Latents grow without bound where noise is relative; a weak pull keeps them near 1.
    return wrong.abs().mean() + 0.5 * edges + 1e-4 * latents.float().square().mean()
