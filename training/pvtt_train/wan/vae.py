"""Wan's video autoencoder as a codec: DiffSynth's `WanVideoVAE`, whole batches, on a device of its own."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping

import torch
from torch import Tensor

from pvtt_train.wan.weights import WeightsConfig, find_files, identity, say_random

WIDTHS: Mapping[str, int] = {"tiny": 8}
"""Channels of the first layer by size of the model; 96 for published ones."""


class WanVae:
    """Videos to normalised latents and back, one at a time, whichever thread asks.

    Args:
        vae: DiffSynth's ``WanVideoVAE``.
        device: where it works.
        name: of its weights.

    Attributes:
        name: of its weights, whatever the precision.
        channels: of a latent.
        digest: of weights and precision; what has another one gives other latents.
    """

    def __init__(self, vae: torch.nn.Module, device: torch.device, name: str) -> None:
        self.vae = vae
        self.device = device
        self.name = name
        # It keeps what it saw of earlier frames in itself, and forgets both halves' when either begins.
        self._at_work = threading.Lock()
        self.channels: int = vae.z_dim
        self.dtype: torch.dtype = next(vae.parameters()).dtype
        self.digest = hashlib.sha256(f"{name}:{self.dtype}".encode()).hexdigest()

    @torch.no_grad()
    def encode(self, video: Tensor) -> Tensor:
        """Latents ``(B, C, T', H/8, W/8)`` float32 of videos ``(B, 3, T, H, W)`` in [−1, 1], T = 4n+1, T' = n+1.

        The mean of the posterior, as DiffSynth takes it: nothing is random.
        """
        moved = video.to(self.device, self.dtype)
        with self._at_work:
            latents: Tensor = self.vae.model.encode(moved, self.vae.scale)
            self.vae.model.clear_cache()
        return latents.float()

    @torch.no_grad()
    def decode(self, latents: Tensor, *, tiled: bool = False) -> Tensor:
        """Videos ``(B, 3, T, H, W)`` float32 in [−1, 1] of latents ``(B, C, T', h, w)``.

        Args:
            latents: as `encode` gives them.
            tiled: decode in overlapping tiles of 272 × 272 pixels: slower, little memory, seams all but invisible.
        """
        moved = latents.to(self.device, self.dtype)
        with self._at_work:
            if tiled:
                videos = [self.vae.tiled_decode(one[None], self.device, (34, 34), (18, 16)) for one in moved]
                video = torch.cat(videos).to(self.device)
            else:
                video = self.vae.model.decode(moved, self.vae.scale).clamp_(-1, 1)
            self.vae.model.clear_cache()
        return video.float()


def new_vae(size: str) -> torch.nn.Module:
    """An untrained ``WanVideoVAE`` whose parameters lie on the meta device, small where the model is."""
    from diffsynth.core.vram.initialization import skip_model_initialization
    from diffsynth.models.wan_video_vae import VideoVAE_, WanVideoVAE

    # Means and deviations of latents are plain tensors, which `torch.device("meta")` would lose.
    with skip_model_initialization():
        vae = WanVideoVAE(z_dim=16)
        if size in WIDTHS:
            vae.model = VideoVAE_(dim=WIDTHS[size], z_dim=16)
    return vae.eval().requires_grad_(False)


def random_vae(size: str, seed: int) -> torch.nn.Module:
    """The same with random weights, on the processor."""
    vae = new_vae(size).to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in vae.named_parameters():
        if parameter.ndim > 1 and not name.endswith("gamma"):
            fan_in = parameter[0].numel()
            parameter.normal_(0, fan_in**-0.5, generator=generator)
        else:
            parameter.fill_(1.0 if name.endswith("gamma") else 0.0)
    return vae


def load(config: WeightsConfig, device: torch.device, dtype: torch.dtype) -> WanVae:
    """As `pvtt_train.wan.weights.load_vae`."""
    if config.weights == "random":
        say_random("the video autoencoder")
        vae = random_vae(config.size, config.seed).to(device, dtype)
        return WanVae(vae, device, identity(config, "vae"))
    from diffsynth.utils.state_dict_converters.wan_video_vae import WanVideoVAEStateDictConverter

    from pvtt_train.wan.tensor_files import TensorFiles, fill

    vae = new_vae(config.size)
    with TensorFiles([file.path for file in find_files(config, "vae")], pth=True) as files:
        renamed = WanVideoVAEStateDictConverter({name: name for name in files.names})
        fill(vae, files, renamed, device, dtype, "Wan2.1's autoencoder")
    return WanVae(vae, device, identity(config, "vae"))
