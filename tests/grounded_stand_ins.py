"""Grounded SAM 2 without its weights, its libraries or a GPU: what is around it can be tested anywhere."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pvtt_data.errors import InputError
from pvtt_data.gpu import Gpu
from pvtt_data.model_list import GROUPS, MODELS
from pvtt_data.models import ModelRegistry
from pvtt_data.segmenters.base import Job, Progress, Segmentation, Target, one_by_one
from pvtt_data.segmenters.box_prompt import BoxPrompt

H100 = Gpu("", "a GPU", "sm_90", 80 * 10**9, has_bfloat16=True)
NO_GPU = Gpu("no GPU answers")


def registry_with(folder: Path, names: Sequence[str]) -> ModelRegistry:
    """A registry of stand-ins for all models, of which the named ones are here; offline."""
    models = []
    for model in MODELS:
        data = f"stand-in for {model.name}".encode()
        models.append(
            dataclasses.replace(model, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data), mirrors=())
        )
        if model.name in names:
            path = folder / "shelf" / model.name / model.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return ModelRegistry(folder / "cache", models, [folder / "shelf"], offline=True, groups=GROUPS)


def pretend(monkeypatch: pytest.MonkeyPatch, gpu: Gpu, missing: Sequence[str] = ()) -> None:
    """Let all libraries but those missing be installed, and a GPU be there or not."""
    monkeypatch.setattr("pvtt_data.grounded_backend.find_gpu", lambda: gpu)
    monkeypatch.setattr("pvtt_data.grounded_backend.find_spec", lambda name: None if name in missing else object())
    monkeypatch.setattr("pvtt_data.grounded_backend._version", lambda name: (99, 0))


class ToldSegmenter:
    """Marks the left part of each frame, and remembers what it was told and shown."""

    name = "grounded-sam2"
    version = "1"
    takes_target = True
    weights: Mapping[str, str] = {}

    def __init__(self) -> None:
        self.told: list[Target | None] = []
        self.boxes: list[BoxPrompt | None] = []

    def segment_image(self, image: NDArray[np.uint8], target: Target | None = None) -> NDArray[np.float32]:
        self.told.append(target)
        probability = np.zeros(image.shape[:2], np.float32)
        probability[image.shape[0] // 4 :, : image.shape[1] // 2] = 1
        return probability

    def segment_video(
        self,
        frames: NDArray[np.uint8],
        target: Target | None = None,
        on_progress: Progress | None = None,
        box: BoxPrompt | None = None,
    ) -> Segmentation:
        self.boxes.append(box)
        masks = np.stack([self.segment_image(frame, target) > 0.5 for frame in frames])
        if on_progress is not None:
            on_progress(len(frames), len(frames))
        return Segmentation(masks, np.linspace(0.5, 1, len(frames), dtype=np.float32), {"reprompts": 1.0})

    def segment_videos(
        self, jobs: Sequence[Job], on_progress: Progress | None = None
    ) -> list[Segmentation | InputError]:
        return one_by_one(self, jobs)
