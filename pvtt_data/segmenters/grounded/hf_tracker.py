"""Video trackers of transformers: SAM 2.1, and SAM 3's tracker for those who have its weights.

One lane at a time, one object, frame after frame: slower than `Sam2Tracker`, but another implementation of the same
model, and the only one here for SAM 3.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from pvtt_data.segmenters.grounded.inference import inference
from pvtt_data.segmenters.grounded.lanes import EmbeddedClip, Lane, Run
from pvtt_data.segmenters.grounded.loading import load_exactly

_HIERA: Mapping[str, Mapping[str, Any]] = {
    "sam2.1-tiny": {},
    "sam2.1-small": {"blocks_per_stage": [1, 2, 11, 2], "global_attention_blocks": [7, 10, 13]},
    "sam2.1-base-plus": {
        "hidden_size": 112,
        "embed_dim_per_stage": [112, 224, 448, 896],
        "num_attention_heads_per_stage": [2, 4, 8, 16],
        "blocks_per_stage": [2, 3, 16, 3],
        "global_attention_blocks": [12, 16, 20],
        "window_positional_embedding_background_size": [14, 14],
    },
    "sam2.1-large": {
        "hidden_size": 144,
        "embed_dim_per_stage": [144, 288, 576, 1152],
        "num_attention_heads_per_stage": [2, 4, 8, 16],
        "blocks_per_stage": [2, 6, 36, 4],
        "global_attention_blocks": [23, 33, 43],
        "window_positional_embedding_background_size": [7, 7],
        "window_size_per_stage": [8, 4, 16, 8],
    },
}
"""Where the sizes differ from the smallest one, from the package's own configurations (facebookresearch/sam2)."""

FOLDER_CLASSES: Mapping[str, tuple[str, str]] = {
    "sam2_video": ("Sam2VideoModel", "Sam2VideoProcessor"),
    "sam3_tracker_video": ("Sam3TrackerVideoModel", "Sam3TrackerVideoProcessor"),
}
"""Kind of model in a folder's config.json → classes of transformers."""


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """A clip, prepared; features of a frame are computed when a lane comes to it, and kept."""

    state: Any
    count: int
    size: tuple[int, int]


def sam2_config(name: str) -> Any:
    """Configuration of a size of SAM 2.1 in transformers."""
    from transformers import Sam2HieraDetConfig, Sam2VideoConfig, Sam2VisionConfig

    hiera = Sam2HieraDetConfig(**_HIERA[name])
    vision = Sam2VisionConfig(backbone_config=hiera, backbone_channel_list=list(reversed(hiera.embed_dim_per_stage)))
    return Sam2VideoConfig(vision_config=vision)


def load_sam2_of_transformers(name: str, weights: Path) -> tuple[torch.nn.Module, Any]:
    """SAM 2.1 of that size with published weights, and its processor.

    Raises:
        ValueError: the file does not hold exactly this model's weights.
    """
    from transformers import Sam2VideoModel

    model = load_exactly(Sam2VideoModel, sam2_config(name), load_file(weights), weights.name)
    return model, sam2_processor(int(model.config.image_size))


def sam2_processor(side_px: int) -> Any:
    """Processor of SAM 2 for a square of that side; nothing is read from a hub."""
    from transformers import Sam2ImageProcessor, Sam2VideoProcessor, Sam2VideoVideoProcessor

    size = {"height": side_px, "width": side_px}
    return Sam2VideoProcessor(Sam2ImageProcessor(size=size), Sam2VideoVideoProcessor(size=size), target_size=side_px)


def load_folder(folder: Path) -> tuple[torch.nn.Module, Any]:
    """A video tracker and its processor from a folder in the format of transformers.

    Raises:
        ValueError: it is no video tracker, or the weights do not fit the configuration.
    """
    import transformers

    kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type", "")
    if kind not in FOLDER_CLASSES:
        raise ValueError(f"{folder}: model_type {kind!r} is no video tracker; known are {', '.join(FOLDER_CLASSES)}")
    model_class, processor_class = (getattr(transformers, name) for name in FOLDER_CLASSES[kind])
    config = model_class.config_class.from_pretrained(str(folder), local_files_only=True)
    model = load_exactly(model_class, config, load_file(folder / "model.safetensors"), str(folder))
    return model, processor_class.from_pretrained(str(folder), local_files_only=True)


class TransformersTracker:
    """Runs lanes with a video tracker of transformers.

    Args:
        name: slug, as provenance has it.
        model: a `Sam2VideoModel` or `Sam3TrackerVideoModel`.
        processor: prepares pictures and prompts for it.
        device: where it runs.
        precision: torch.float32 or torch.bfloat16, of matrix products.
    """

    def __init__(
        self,
        name: str,
        model: torch.nn.Module,
        processor: Any,
        device: str = "cpu",
        precision: torch.dtype = torch.float32,
    ) -> None:
        self.name = name
        self._device = torch.device(device)
        self._precision = precision
        self._model: Any = model.to(self._device).eval()
        self._processor = processor
        self._quality: list[float] = []
        _listen(self._model, self._quality)

    def embed(self, frames: NDArray[np.uint8]) -> Session:
        """See `VideoTracker.embed`."""
        state = self._processor.init_video_session(
            video=[np.ascontiguousarray(frame) for frame in frames],
            inference_device=self._device,
            max_vision_features_cache_size=len(frames),
        )
        return Session(state, len(frames), (int(frames.shape[1]), int(frames.shape[2])))

    def run(self, lanes: Sequence[Lane]) -> list[Run]:
        """See `VideoTracker.run`."""
        with inference(self._device, self._precision):
            return [self._run(lane) for lane in lanes]

    def _run(self, lane: Lane) -> Run:
        session = _session(lane.clip)
        state = session.state
        state.reset_tracking_data()
        reverse = len(lane.order) > 1 and lane.order[1] < lane.order[0]
        self._processor.add_inputs_to_inference_session(
            state, frame_idx=lane.order[0], obj_ids=1, **_inputs(lane, session.size)
        )
        logits, quality, presence = [], [], []
        for t in lane.order:
            out = self._model(inference_session=state, frame_idx=t, reverse=reverse and t != lane.order[0])
            logits.append(out.pred_masks[0, 0].float().cpu().numpy().astype(np.float16))
            presence.append(float(out.object_score_logits.float().sigmoid().reshape(-1)[0]))
            quality.append(min(max(self._quality[-1], 0.0), 1.0) if self._quality else 1.0)
            self._quality.clear()
        return Run(np.stack(logits), np.array(quality, np.float32), np.array(presence, np.float32), session.size)


def _inputs(lane: Lane, size: tuple[int, int]) -> dict[str, Any]:
    prompt = lane.prompt
    if prompt.mask is not None:
        return {"input_masks": prompt.mask}
    inputs: dict[str, Any] = {}
    if prompt.box is not None:
        inputs["input_boxes"] = [[list(prompt.box)]]
    points = [*prompt.inside, *prompt.outside]
    if points:
        labels = [1] * len(prompt.inside) + [0] * len(prompt.outside)
        inputs |= {"input_points": [[[list(point) for point in points]]], "input_labels": [[labels]]}
    return inputs


def _session(clip: EmbeddedClip) -> Session:
    if not isinstance(clip, Session):
        raise TypeError("the clip was embedded by another tracker")
    return clip


def _listen(model: Any, heard: list[float]) -> None:
    """Write down the mask decoder's estimate of the IoU, which the model itself does not hand out."""
    original = model._single_frame_forward

    def listening(*args: Any, **kwargs: Any) -> Any:
        out = original(*args, **kwargs)
        heard.append(float(out.iou_scores.float().max()))
        return out

    model._single_frame_forward = listening
