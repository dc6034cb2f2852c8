"""What a user sets about data."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from pvtt_data.records import Split
from pvtt_data.stage import StageConfig

Precision = Literal["fp16", "bf16", "fp32"]


class TextConfig(StageConfig):
    """The words that a sample is trained with: its ``prompt``, which describes the target."""

    trigger: str = Field(default="", max_length=200)
    """Word that stands for the adapter; put before every prompt, with a space."""
    dropout: float = Field(default=0.1, ge=0, le=1)
    """How often training shows the empty prompt instead, without the trigger, as guidance without a prompt needs."""


class LatentSettings(StageConfig):
    """How `precompute` works, but for the conditioning. Another setting remakes only what depends on it."""

    splits: tuple[Split, ...] = Field(default=("train",), min_length=1)
    """Which samples."""
    variants: int = Field(default=4, ge=1, le=1000)
    """K, conditionings of each sample; epoch e trains with variant e modulo K."""
    precision: Precision = "fp16"
    """How latents and embeddings are stored. fp16 holds what a VAE gives in bf16 (to 3e-8), and rounds what it gives
    in fp32 eight times finer than bf16 would, in the same space; a value beyond its range is an error."""
    allow_skipped: int = Field(default=0, ge=0)
    """So many samples may turn out to be unusable before the set is refused."""
    check_stored: bool = False
    """Hash again what is stored already, and make anew what is damaged."""
    prune: bool = False
    """Give back the space of what the set no longer uses."""


class DataConfig(StageConfig):
    """What is trained on, and how it is fed."""

    shards: Path
    """Folder of the dataset version, such as ``shards/v3``."""
    split: Split = "train"
    """Which samples."""
    source: Literal["auto", "latents", "pixels"] = "auto"
    """``latents``: what `precompute` stored; ``pixels``: VAE and text encoder work beside the training; ``auto``:
    latents if their folder is there."""
    latents: Path | None = None
    """Folder of the latents; ``<shards>.latents`` beside the shards by default."""
    precompute: LatentSettings = LatentSettings()
    """How latents are made. Its ``variants`` also says how many of those that are stored training uses, and pixels are
    rounded to its ``precision``, so that both ways give the same lessons."""
    text: TextConfig = TextConfig()
    """Words."""
    seed: int = 0
    """Of the order and of what prompts are dropped."""
    batch: int = Field(default=1, ge=1)
    """Samples that go through the model together on one GPU."""
    global_batch: int = Field(default=1, ge=1)
    """Samples of one step of the optimiser, over all GPUs and accumulated batches; all of one size and number of
    references. The order of samples depends on it and on no other number of these."""
    threads: int = Field(default=2, ge=1, le=64)
    """That prepare batches. Encoding from pixels is one at a time, however many there are."""
    prefetch: int = Field(default=4, ge=1, le=256)
    """Batches that are ready or in the making while the model works on another."""
    check_sha256: bool = True
    """Check every member and every latent that is read against its index."""
    allow_corrupt: int = Field(default=0, ge=0)
    """So many samples may turn out to be unreadable, on each GPU, before training stops. A sample that cannot be read
    is replaced by the next one of its size, or else by another; one whose metadata cannot be read is left out."""

    @model_validator(mode="after")
    def _whole_batches(self) -> DataConfig:
        if self.global_batch % self.batch:
            raise ValueError(f"global_batch ({self.global_batch}) must be divisible by batch ({self.batch})")
        return self

    @property
    def latents_folder(self) -> Path:
        """Where the latents lie or will lie."""
        return self.latents or self.shards.with_name(f"{self.shards.name}.latents")

    @property
    def from_latents(self) -> bool:
        """Whether training reads latents."""
        return self.source == "latents" or (self.source == "auto" and self.latents_folder.is_dir())
