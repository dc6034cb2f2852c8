"""OWLv2 (Minderer et al., "Scaling Open-Vocabulary Object Detection", 2023) through transformers: a second opinion."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from pvtt_data.segmenters.grounded.detection import Detection, detections_of
from pvtt_data.segmenters.grounded.grounding_dino import corners_of
from pvtt_data.segmenters.grounded.inference import inference
from pvtt_data.segmenters.grounded.loading import load_exactly

_TEXT_LENGTH = 16
"""Tokens that the model's text side takes."""


def owlv2_config() -> Any:
    """Configuration of the published base model, patches of 16 px on 960 px."""
    from transformers import Owlv2Config

    return Owlv2Config(vision_config={"image_size": 960, "patch_size": 16}, text_config={}, projection_dim=512)


def load_owlv2(weights: Path) -> torch.nn.Module:
    """The published base model.

    Raises:
        ValueError: the file does not hold exactly this model's weights.
    """
    from transformers import Owlv2ForObjectDetection

    return load_exactly(Owlv2ForObjectDetection, owlv2_config(), load_file(weights), weights.name)


class Owlv2:
    """Boxes for phrases; each phrase is asked for by itself, as "a photo of a gold bracelet".

    Args:
        name: slug, as provenance has it.
        model: an `Owlv2ForObjectDetection`.
        vocabulary: ``vocab.json`` of CLIP.
        merges: ``merges.txt`` of CLIP.
        device: where it runs.
        precision: torch.float32 or torch.bfloat16, of matrix products.
        batch: most pictures at a time.
    """

    def __init__(
        self,
        name: str,
        model: torch.nn.Module,
        vocabulary: Path,
        merges: Path,
        device: str = "cpu",
        precision: torch.dtype = torch.float32,
        batch: int = 8,
    ) -> None:
        from transformers import CLIPTokenizer, Owlv2ImageProcessor

        self.name = name
        self._device = torch.device(device)
        self._precision = precision
        self._batch = batch
        self._model: Any = model.to(self._device).eval()
        # The model was trained with "!", token 0, as padding.
        self._tokenizer = CLIPTokenizer(vocab=str(vocabulary), merges=str(merges), pad_token="!")  # noqa: S106
        side = int(self._model.config.vision_config.image_size)
        self._pictures = Owlv2ImageProcessor(size={"height": side, "width": side})

    def detect(
        self, pictures: Sequence[NDArray[np.uint8]], phrases: Sequence[str], min_score: float
    ) -> list[list[Detection]]:
        """See `Detector.detect`."""
        text = self._tokenizer(
            [f"a photo of a {phrase}" for phrase in phrases],
            padding="max_length",
            truncation=True,
            max_length=_TEXT_LENGTH,
            return_tensors="pt",
        )
        found: list[list[Detection]] = []
        for start in range(0, len(pictures), self._batch):
            some = [np.ascontiguousarray(picture) for picture in pictures[start : start + self._batch]]
            seen = self._pictures(images=some, return_tensors="pt").to(self._device)
            # The model wants its questions once a picture.
            asked = {key: value.repeat(len(some), 1).to(self._device) for key, value in text.items()}
            with inference(self._device, self._precision):
                out = self._model(**seen, **asked)
            scores = out.logits.float().sigmoid().cpu().numpy().astype(np.float64)
            boxes = out.pred_boxes.float().cpu().numpy().astype(np.float64)
            for picture, by_phrase, box in zip(some, scores, boxes, strict=True):
                height, width = picture.shape[:2]
                # The picture was padded to a square at the bottom or on the right; boxes are shares of the square.
                corners = corners_of(box) * max(height, width)
                found.append(detections_of(corners, by_phrase, phrases, (height, width), min_score))
        return found
