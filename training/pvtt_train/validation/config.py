"""What is looked at while a model trains."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pvtt_data.stage import StageConfig
from pvtt_data.vace.mask_policies import Deployable

Tracker = Literal["tensorboard", "wandb", "swanlab"]
Shown = Literal["source", "grey", "blurred", "edges", "noise", "black"]
"""Reactive contents but depth, which samples have no map of."""


class ValidationConfig(StageConfig):
    """Samples and scores of held-out products during training.

    Masks are those that a user can make: from the mask of A alone.
    """

    every: int = Field(default=500, ge=0)
    """Steps from one validation to the next; there is one after the last step, too. 0 for none at all."""
    at_start: bool = True
    """Validate before the first step, too: what the adapters change is only seen beside it."""
    split: Literal["validation", "test"] = "validation"
    """Of the shards, where the cases come from."""
    samples: int = Field(default=2, ge=0)
    """Cases that a video is made of, at most; each of another product B where there are so many."""
    steps: int = Field(default=30, ge=1)
    """Of sampling."""
    cfg: float = Field(default=1.0, ge=1)
    """Weight of the prompt against the negative prompt (classifier-free guidance); 1 for none, at half the cost."""
    negative_prompt: str = ""
    """For guidance."""
    shift: float = Field(default=5.0, gt=0)
    """How far the noise levels of sampling are moved towards noise; 5 is DiffSynth's."""
    seed: int = 0
    """Of the noise, here and in the loss."""
    policy: Deployable = "bbox_margin"
    """Of the mask."""
    content: Shown = "source"
    """Of the reactive stream: what the model sees of A."""
    tiled: bool = False
    """Decode in tiles, where the autoencoder has little memory beside the training."""
    gate_samples: int = Field(default=24, ge=0)
    """Training cases on which it is measured, once, how alike two pictures of one product are to the embedder; pairs
    as alike as that have no RSD. Under 20 there is no gate, and alike pairs are scored, too."""
    workers: int = Field(default=1, ge=0, le=16)
    """Processes that score while the next sample is made; 0 to score in this one."""
    loss_samples: int = Field(default=8, ge=0)
    """Cases whose loss is measured, at most."""
    loss_levels: int = Field(default=4, ge=1)
    """Noise levels at which each is measured; the same ones every time."""
    shown_frames: int = Field(default=5, ge=1)
    """Frames of each case in the contact sheet."""
    trackers: tuple[Tracker, ...] = ("tensorboard",)
    """Who else is told; a JSONL file is always written. W&B and SwanLab must be installed."""
    project: str = "pvtt"
    """At W&B and SwanLab."""
