"""SAM 2.1 by the `sam2` package (Ravi et al., "SAM 2: Segment Anything in Images and Videos", 2024), lanes in batches.

The package's own video predictor works on one video, one object and one frame at a time. Here

- frames are embedded many at a time, once, whatever is asked of them later;
- lanes of one length or another run in lockstep, as one batch: step s of each lane is frame ``order[s]`` of its clip.
  What SAM 2 knows of time is the distance to earlier frames, so a lane that runs backwards is the clip played
  backwards, as it is in the package.

Each lane is begun on its own, because prompts differ in kind. Numerically this is the package's predictor: the same
modules are called in the same order, and a test compares both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from pvtt_data.segmenters.grounded.inference import inference
from pvtt_data.segmenters.grounded.lanes import EmbeddedClip, Lane, Prompt, Run

_MEAN_RGB = (0.485, 0.456, 0.406)
_DEVIATION_RGB = (0.229, 0.224, 0.225)

_OLDEST = 16
"""SAM 2 looks at no step that lies so far back, the prompted one apart."""

CONFIGS: Mapping[str, str] = {
    "sam2.1-tiny": "configs/sam2.1/sam2.1_hiera_t.yaml",
    "sam2.1-small": "configs/sam2.1/sam2.1_hiera_s.yaml",
    "sam2.1-base-plus": "configs/sam2.1/sam2.1_hiera_b+.yaml",
    "sam2.1-large": "configs/sam2.1/sam2.1_hiera_l.yaml",
}
"""Name → the package's own configuration."""


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """A clip as SAM 2 sees it: for each level (T, C, h, w), the coarsest last."""

    levels: tuple[torch.Tensor, ...]
    positions: tuple[torch.Tensor, ...]
    """(1, C, h, w) a level, the same for all frames."""
    size: tuple[int, int]

    @property
    def count(self) -> int:
        return int(self.levels[0].shape[0])

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """(h, w) a level."""
        return [(int(level.shape[-2]), int(level.shape[-1])) for level in self.levels]


def build_sam2(config: str, overrides: Sequence[str] = ()) -> torch.nn.Module:
    """SAM 2 with random weights, with the package's post-processing of single masks, ready for inference on the CPU.

    Args:
        config: the package's name of the configuration.
        overrides: further settings in the notation of Hydra.
    """
    from sam2.build_sam import build_sam2_video_predictor

    model: torch.nn.Module = build_sam2_video_predictor(
        config,
        ckpt_path=None,
        device="cpu",
        # Filling holes needs a compiled extension of the package, and would fill bracelets: this is done later, and
        # only for products that have none.
        hydra_overrides_extra=["++model.fill_hole_area=0", *overrides],
    )
    return model


def load_sam2(name: str, weights: Path) -> torch.nn.Module:
    """SAM 2.1 of that size with published weights.

    Raises:
        ValueError: the file does not hold exactly this model's weights.
    """
    model = build_sam2(CONFIGS[name])
    try:
        state = torch.load(weights, map_location="cpu", weights_only=True)["model"]
        model.load_state_dict(state)
    except (RuntimeError, KeyError) as error:
        raise ValueError(f"{weights.name} does not hold the weights of {name}: {error}") from None
    return model


class Sam2Tracker:
    """Runs lanes with a SAM 2 model of the `sam2` package.

    Args:
        name: slug, as provenance has it.
        model: a `SAM2VideoPredictor`.
        device: where it runs.
        precision: torch.float32 or torch.bfloat16, of matrix products.
        batch: most frames embedded and most lanes run at a time.
        compiled: whether torch.compile is used.
    """

    def __init__(
        self,
        name: str,
        model: torch.nn.Module,
        device: str = "cpu",
        precision: torch.dtype = torch.float32,
        batch: int = 8,
        compiled: bool = False,
    ) -> None:
        self.name = name
        self._device = torch.device(device)
        self._precision = precision
        self._batch = batch
        self._model: Any = model.to(self._device).eval()
        if compiled:
            _compile(self._model)

    def embed(self, frames: NDArray[np.uint8]) -> Features:
        """See `VideoTracker.embed`."""
        height, width = frames.shape[1:3]
        parts: list[Sequence[torch.Tensor]] = []
        positions: Sequence[torch.Tensor] = ()
        with inference(self._device, self._precision):
            for start in range(0, len(frames), self._batch):
                seen = self._model.forward_image(self._prepared(frames[start : start + self._batch]))
                levels = seen["backbone_fpn"][-self._model.num_feature_levels :]
                parts.append([level.to(self._precision) for level in levels])
                positions = [p[:1] for p in seen["vision_pos_enc"][-self._model.num_feature_levels :]]
        joined = tuple(torch.cat(level) for level in zip(*parts, strict=True))
        return Features(joined, tuple(positions), (int(height), int(width)))

    def _prepared(self, frames: NDArray[np.uint8]) -> torch.Tensor:
        """(N, 3, side, side) float32, normalised; the picture is squeezed into a square as SAM 2 expects."""
        side = int(self._model.image_size)
        pixels = torch.from_numpy(np.ascontiguousarray(frames)).to(self._device).permute(0, 3, 1, 2).float()
        small = interpolate(pixels, (side, side), mode="bicubic", antialias=True).round_().clamp_(0, 255) / 255
        mean = torch.tensor(_MEAN_RGB, device=self._device)[:, None, None]
        deviation = torch.tensor(_DEVIATION_RGB, device=self._device)[:, None, None]
        return (small - mean) / deviation

    def run(self, lanes: Sequence[Lane]) -> list[Run]:
        """See `VideoTracker.run`; lanes of like length share a batch."""
        runs: dict[int, Run] = {}
        with inference(self._device, self._precision):
            for alike in _alike(lanes):
                for start in range(0, len(alike), self._batch):
                    some = alike[start : start + self._batch]
                    runs.update(zip(some, self._run_batch([lanes[index] for index in some]), strict=True))
        return [runs[index] for index in range(len(lanes))]

    def _run_batch(self, lanes: Sequence[Lane]) -> list[Run]:
        """Lanes in lockstep, the longest first; shorter ones leave the batch as they end."""
        steps = [_Step.of([self._begin(lane) for lane in lanes])]
        memory = _Memory(steps[0].memory)
        for s in range(1, len(lanes[0].order)):
            still = sum(len(lane.order) > s for lane in lanes)
            memory.keep(still)
            step = self._step([(lane, lane.order[s]) for lane in lanes[:still]], s, memory)
            memory.add(s, step.memory)
            steps.append(step)
        return [_run_of(lane, n, steps) for n, lane in enumerate(lanes)]

    def _begin(self, lane: Lane) -> _Step:
        """The prompted frame of one lane."""
        clip = _features(lane.clip)
        prompt = lane.prompt
        points = None if prompt.mask is not None else self._points(prompt, clip.size)
        mask = None if prompt.mask is None else self._mask(prompt.mask)
        return self._track(
            [(lane, lane.order[0])], 0, _Memory(None), points=points, mask=mask, begins=True, count=clip.count
        )

    def _step(self, at: Sequence[tuple[Lane, int]], s: int, memory: _Memory) -> _Step:
        count = max(_features(lane.clip).count for lane, _ in at)
        return self._track(at, s, memory, points=None, mask=None, begins=False, count=count)

    def _track(
        self,
        at: Sequence[tuple[Lane, int]],
        s: int,
        memory: _Memory,
        *,
        points: Mapping[str, torch.Tensor] | None,
        mask: torch.Tensor | None,
        begins: bool,
        count: int,
    ) -> _Step:
        """One step of SAM 2 for a frame of each lane, and what it remembers of it."""
        model = self._model
        clips = [_features(lane.clip) for lane, _ in at]
        shapes = clips[0].shapes
        features = [
            torch.stack([clip.levels[level][t] for clip, (_, t) in zip(clips, at, strict=True)])
            .flatten(2)
            .permute(2, 0, 1)
            for level in range(len(shapes))
        ]
        positions = [
            p.expand(len(at), -1, -1, -1).flatten(2).permute(2, 0, 1).to(self._precision) for p in clips[0].positions
        ]
        out, heads, _, _ = model._track_step(
            frame_idx=s,
            is_init_cond_frame=begins,
            current_vision_feats=features,
            current_vision_pos_embeds=positions,
            feat_sizes=shapes,
            point_inputs=points,
            mask_inputs=mask,
            output_dict=memory.as_sam2_has_it(),
            num_frames=count,
            track_in_reverse=False,
            prev_sam_mask_logits=None,
        )
        _, _, quality, low, high, pointer, present = heads
        model._encode_memory_in_output(
            current_vision_feats=features,
            feat_sizes=shapes,
            point_inputs=points,
            run_mem_encoder=True,
            high_res_masks=high,
            object_score_logits=present,
            current_out=out,
        )
        return _Step(
            logits=low[:, 0].float(),
            quality=quality.float().amax(dim=1).clamp(0, 1),
            presence=present.float().sigmoid()[:, 0],
            memory={
                "maskmem_features": out["maskmem_features"].to(torch.bfloat16),
                "maskmem_pos_enc": out["maskmem_pos_enc"],
                "obj_ptr": pointer,
            },
        )

    def _points(self, prompt: Prompt, size: tuple[int, int]) -> dict[str, torch.Tensor]:
        """Box corners and points in the model's square, with SAM 2's labels: 2, 3 corners, 1 inside, 0 outside."""
        height, width = size
        where: list[tuple[float, float]] = []
        labels: list[int] = []
        if prompt.box is not None:
            left, top, right, bottom = prompt.box
            where += [(left, top), (right, bottom)]
            labels += [2, 3]
        where += [*prompt.inside, *prompt.outside]
        labels += [1] * len(prompt.inside) + [0] * len(prompt.outside)
        scale = torch.tensor([self._model.image_size / width, self._model.image_size / height])
        return {
            "point_coords": (torch.tensor(where, dtype=torch.float32) * scale)[None].to(self._device),
            "point_labels": torch.tensor(labels, dtype=torch.int32)[None].to(self._device),
        }

    def _mask(self, mask: NDArray[np.bool_]) -> torch.Tensor:
        side = int(self._model.image_size)
        whole = torch.from_numpy(np.ascontiguousarray(mask))[None, None].float().to(self._device)
        return (interpolate(whole, (side, side), mode="bilinear", antialias=True) >= 0.5).float()


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """One step of a batch of B lanes; only the last few memories are kept."""

    logits: torch.Tensor
    """(B, h, w)"""
    quality: torch.Tensor
    presence: torch.Tensor
    memory: dict[str, Any]

    @classmethod
    def of(cls, steps: Sequence[_Step]) -> _Step:
        """Several steps as one batch."""
        encodings = [
            torch.cat([step.memory["maskmem_pos_enc"][level] for step in steps])
            for level in range(len(steps[0].memory["maskmem_pos_enc"]))
        ]
        return cls(
            torch.cat([step.logits for step in steps]),
            torch.cat([step.quality for step in steps]),
            torch.cat([step.presence for step in steps]),
            {
                "maskmem_features": torch.cat([step.memory["maskmem_features"] for step in steps]),
                "maskmem_pos_enc": encodings,
                "obj_ptr": torch.cat([step.memory["obj_ptr"] for step in steps]),
            },
        )


class _Memory:
    """What a batch remembers of earlier steps: the prompted one, and as many others as SAM 2 ever looks at."""

    def __init__(self, first: dict[str, Any] | None) -> None:
        self._first = first
        self._later: dict[int, dict[str, Any]] = {}

    def add(self, s: int, memory: dict[str, Any]) -> None:
        self._later[s] = memory
        self._later.pop(s - _OLDEST, None)

    def keep(self, lanes: int) -> None:
        """Forget all but the first lanes of the batch."""
        if self._first is not None and len(self._first["obj_ptr"]) > lanes:
            self._first = _cut(self._first, lanes)
            self._later = {s: _cut(memory, lanes) for s, memory in self._later.items()}

    def as_sam2_has_it(self) -> dict[str, dict[int, dict[str, Any]]]:
        return {
            "cond_frame_outputs": {} if self._first is None else {0: self._first},
            "non_cond_frame_outputs": self._later,
        }


def _cut(memory: Mapping[str, Any], lanes: int) -> dict[str, Any]:
    return {
        "maskmem_features": memory["maskmem_features"][:lanes],
        "maskmem_pos_enc": [encoding[:lanes] for encoding in memory["maskmem_pos_enc"]],
        "obj_ptr": memory["obj_ptr"][:lanes],
    }


def _features(clip: EmbeddedClip) -> Features:
    if not isinstance(clip, Features):
        raise TypeError("the clip was embedded by another tracker")
    return clip


def _run_of(lane: Lane, n: int, steps: Sequence[_Step]) -> Run:
    mine = steps[: len(lane.order)]
    return Run(
        logits=torch.stack([step.logits[n] for step in mine]).half().cpu().numpy(),
        quality=torch.stack([step.quality[n] for step in mine]).cpu().numpy(),
        presence=torch.stack([step.presence[n] for step in mine]).cpu().numpy(),
        size=_features(lane.clip).size,
    )


def _alike(lanes: Sequence[Lane]) -> list[list[int]]:
    """Lanes that may share a batch, the longest first: SAM 2 scales distances in time by the length of short clips."""
    groups: dict[int, list[int]] = {}
    for index in sorted(range(len(lanes)), key=lambda index: (-len(lanes[index].order), index)):
        groups.setdefault(min(_features(lanes[index].clip).count, _OLDEST), []).append(index)
    return list(groups.values())


def _compile(model: Any) -> None:
    """Compile what takes the time, as the package's own fast predictor does; memory grows, so it is dynamic."""
    model.image_encoder.forward = torch.compile(model.image_encoder.forward, fullgraph=True, dynamic=False)
    model.memory_encoder.forward = torch.compile(model.memory_encoder.forward, fullgraph=True, dynamic=None)
    model.memory_attention.forward = torch.compile(model.memory_attention.forward, fullgraph=True, dynamic=True)
    model.sam_mask_decoder.forward = torch.compile(model.sam_mask_decoder.forward, fullgraph=True, dynamic=None)
