"""Grounding DINO (Liu et al., "Grounding DINO: Marrying DINO with Grounded Pre-Training for Open-Set Object Detection",
2023) through transformers. The `groundingdino` package of older recipes breaks with transformers 5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from pvtt_data.segmenters.grounded.detection import Detection, detections_of
from pvtt_data.segmenters.grounded.inference import inference
from pvtt_data.segmenters.grounded.loading import load_exactly

_SWIN_BASE: Mapping[str, Any] = {
    "window_size": 12,
    "image_size": 384,
    "embed_dim": 128,
    "depths": [2, 2, 18, 2],
    "num_heads": [4, 8, 16, 32],
    "out_indices": [2, 3, 4],
}


def grounding_dino_config(name: str) -> Any:
    """Configuration of the published model: the library's default is "tiny", "base" has a larger backbone."""
    from transformers import GroundingDinoConfig, SwinConfig

    if name == "grounding-dino-tiny":
        return GroundingDinoConfig()
    return GroundingDinoConfig(backbone_config=SwinConfig(**_SWIN_BASE))


def load_grounding_dino(name: str, weights: Path) -> torch.nn.Module:
    """The published model.

    Raises:
        ValueError: the file does not hold exactly this model's weights.
    """
    from transformers import GroundingDinoForObjectDetection

    return load_exactly(GroundingDinoForObjectDetection, grounding_dino_config(name), load_file(weights), weights.name)


class GroundingDino:
    """Boxes for phrases.

    All phrases go in as one caption, "gold bracelet. bracelet."; a phrase's score for a box is the largest of its
    words', as the model's authors threshold it.

    Args:
        name: slug, as provenance has it.
        model: a `GroundingDinoForObjectDetection`.
        vocabulary: ``vocab.txt`` of BERT, uncased.
        device: where it runs.
        precision: torch.float32 or torch.bfloat16, of matrix products.
        batch: most pictures at a time.
        shortest_px, longest_px: the picture is scaled to the first, unless its longer side would pass the second.
    """

    def __init__(
        self,
        name: str,
        model: torch.nn.Module,
        vocabulary: Path,
        device: str = "cpu",
        precision: torch.dtype = torch.float32,
        batch: int = 8,
        shortest_px: int = 800,
        longest_px: int = 1333,
    ) -> None:
        from transformers import BertTokenizer, GroundingDinoImageProcessor

        self.name = name
        self._device = torch.device(device)
        self._precision = precision
        self._batch = batch
        self._model: Any = model.to(self._device).eval()
        self._tokenizer = BertTokenizer(vocab=str(vocabulary), model_max_length=512)
        self._pictures = GroundingDinoImageProcessor(size={"shortest_edge": shortest_px, "longest_edge": longest_px})

    def detect(
        self, pictures: Sequence[NDArray[np.uint8]], phrases: Sequence[str], min_score: float
    ) -> list[list[Detection]]:
        """See `Detector.detect`."""
        caption, words = caption_of(phrases)
        text = self._tokenizer(caption, return_tensors="pt", return_offsets_mapping=True)
        tokens = tokens_of(words, [(int(a), int(b)) for a, b in text.pop("offset_mapping")[0]])
        found: list[list[Detection]] = []
        for start in range(0, len(pictures), self._batch):
            some = [np.ascontiguousarray(picture) for picture in pictures[start : start + self._batch]]
            seen = self._pictures(images=some, return_tensors="pt").to(self._device)
            asked = {key: value.expand(len(some), -1).to(self._device) for key, value in text.items()}
            with inference(self._device, self._precision):
                out = self._model(**seen, **asked)
            by_token = out.logits.float().sigmoid().cpu().numpy().astype(np.float64)
            boxes = out.pred_boxes.float().cpu().numpy().astype(np.float64)
            for picture, scores, box in zip(some, by_token, boxes, strict=True):
                by_phrase = np.stack([scores[:, list(of_phrase)].max(axis=1) for of_phrase in tokens], axis=1)
                height, width = picture.shape[:2]
                corners = corners_of(box) * np.array([width, height, width, height], np.float64)
                found.append(detections_of(corners, by_phrase, phrases, (height, width), min_score))
        return found


def caption_of(phrases: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """The caption for phrases, and where each phrase stands in it: (first character, one past the last)."""
    caption, places = "", []
    for phrase in phrases:
        places.append((len(caption), len(caption) + len(phrase)))
        caption += f"{phrase}. "
    return caption.strip(), places


def tokens_of(places: Sequence[tuple[int, int]], offsets: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Numbers of the tokens of each phrase.

    Args:
        places: (first, one past last) character of each phrase.
        offsets: the same of each token; an empty one is a special token.

    Raises:
        ValueError: a phrase has no token, because the tokenizer cuts long captions off or knows none of its letters.
    """
    numbers = [
        [n for n, (first, end) in enumerate(offsets) if first < end and first >= start and end <= stop]
        for start, stop in places
    ]
    if not all(numbers):
        raise ValueError("a phrase has no token: the caption is too long, or empty")
    return numbers


def corners_of(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 4) left, top, right, bottom of (N, 4) centre x, centre y, width, height."""
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)
