"""Format ``ffgo``: videos that begin with a collage of what they are made from.

An image-to-video model that is given the collage as its first frame learns to leave it at once and to show the product
in the scene. A sample is one video: frame 0 is the collage (a third is the product, two thirds are the empty scene, on
white), the other frames are the target's first ones. Its prompt begins with a trigger.

After Chen et al., "First Frame Is the Place to Go for Video Content Customization" (arXiv 2511.15700) and its code,
https://github.com/zli12321/FFGO-Video-Customization; `docs/export.md` says what is the same and what is not.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from shlex import quote
from typing import Any, ClassVar

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator, model_validator

from pvtt_data.errors import InputError
from pvtt_data.exports.collage import Window, collage, empty_scene
from pvtt_data.exports.folder import Files
from pvtt_data.exports.formats import Format, Row, encoded
from pvtt_data.exports.tables import csv_bytes, csv_text
from pvtt_data.files import sha256_file
from pvtt_data.fillers import OnnxFiller
from pvtt_data.images import write_png
from pvtt_data.media import encode_clip
from pvtt_data.records import Split
from pvtt_data.shards.format import SampleMeta
from pvtt_data.shards.reader import Sample

TRIGGER = "ad23r2 the camera view suddenly changes."
"""FFGO's transition phrase; its weights were trained with it, and with a space before the prompt."""
COLUMNS = ("video", "prompt", "collage", "engine", "kind")
_MOST_CUT = 0.1
"""Share of the frame that may be cut off to reach the size."""
_MOST_PRODUCT_CUT = 0.02
"""Share of B's pixels that may lie in what is cut off."""
_SHADOW_PX = 3
"""How far around the products the scene is made anew: their light reaches that far."""


class FfgoExport(Format):
    """``{split}/metadata.csv``, ``videos/``, and the collages and empty scenes as pictures."""

    name: ClassVar[str] = "ffgo"

    width: int = Field(default=832, ge=16, le=4096, multiple_of=16)
    """Of the videos, in pixels."""
    height: int = Field(default=480, ge=16, le=4096, multiple_of=16)
    """Of the videos, in pixels."""
    frames: int = Field(default=81, ge=5, le=1001)
    """Of a video with its collage: 4n+1. A clip gives all but the first."""
    references: int = Field(default=3, ge=1, le=8)
    """Pictures of the product in a collage, at most."""
    product_share: float = Field(default=1 / 3, ge=0.1, le=0.9)
    """Share of the collage that is for the product: a third, or 0.5 as in FFGO's own."""
    trigger: str = Field(default=TRIGGER, max_length=500)
    """What every prompt begins with."""
    crf: float = Field(default=14.0, ge=0, le=51)
    """Quality of the videos."""
    seed: int = 0
    """Of the texture that fills the empty scene."""
    fill_model: Path | None = Field(default=None, exclude=True)
    """An inpainting network (`pvtt_data.fillers.OnnxFiller`) that fills the empty scene in the place of texture."""
    fill_model_sha256: str = ""
    """Follows from the file; an export names the network by this, not by its path."""

    @model_validator(mode="before")
    @classmethod
    def _hashed(cls, settings: Any) -> Any:
        model = settings.get("fill_model")
        if model is None:
            return settings
        if not Path(model).is_file():
            raise ValueError(f"{model} is not a file")
        return {**settings, "fill_model_sha256": sha256_file(Path(model))}

    @field_validator("frames", mode="after")
    @classmethod
    def _whole_latents(cls, frames: int) -> int:
        if frames % 4 != 1:
            raise ValueError(f"must be 4n+1, such as {frames // 4 * 4 + 1}")
        return frames

    @field_validator("trigger", mode="after")
    @classmethod
    def _plain(cls, trigger: str) -> str:
        return " ".join(trigger.split())

    def prepare(self, metas: Sequence[SampleMeta]) -> None:
        """See `Format.prepare`."""
        if self.fill_model is not None:
            _filler(self.fill_model)

    def make(self, sample: Sample, files: Files) -> Row:
        """See `Format.make`."""
        meta = sample.meta
        prompt = csv_text(f"{self.trigger} {csv_text(meta.prompt, 'prompt')}".strip(), "prompt")
        window = self._window(sample)
        scene, unseen = empty_scene(
            sample.source, _holes(sample), self.seed, _filler(self.fill_model) if self.fill_model else None
        )
        seen = window.view(scene)
        products = sample.references[: min(self.references, meta.reference_count)]
        first = collage(products, seen, self.width, self.height, self.product_share)
        shown = sample.target[: self.frames - 1]
        video = encoded(
            lambda path: encode_clip(itertools.chain([first], map(window.view, shown)), meta.fps, path, crf=self.crf)
        )
        home = f"{sample.split}/"
        files.write(f"{home}scenes/{sample.key}.png", write_png(seen))
        return {
            "collage": files.write(f"{home}collages/{sample.key}.png", write_png(first)).removeprefix(home),
            "video": files.write(f"{home}videos/{sample.key}.mp4", video).removeprefix(home),
            "prompt": prompt,
            "engine": meta.engine,
            "kind": meta.kind,
            "products": len(products),
            "scene_unseen_share": round(unseen, 4),
            "cut_share": round(window.cut_share, 4),
        }

    def _window(self, sample: Sample) -> Window:
        """How the clip is brought to the size; refuses clips that would lose what matters."""
        meta = sample.meta
        if meta.frames < self.frames - 1:
            raise InputError(
                "too-short",
                f"the clip has {meta.frames} frames; a video of {self.frames} needs {self.frames - 1} beside its"
                f" collage: build with normalise.frames, or take --frames {max(5, meta.frames // 4 * 4 + 1)}",
                {"frames": meta.frames, "needed": self.frames - 1},
            )
        window = Window.of(meta.width, meta.height, self.width, self.height)
        if window.cut_share > _MOST_CUT:
            size = (self.height, self.width) if (meta.width > meta.height) != (self.width > self.height) else None
            advice = f"; it fits --size {size[0]}x{size[1]} better" if size else ""
            raise InputError(
                "other-shape",
                f"{meta.width}×{meta.height} would lose {window.cut_share:.0%} at {self.width}×{self.height}{advice}",
                {"cut_share": window.cut_share, "max_cut_share": _MOST_CUT},
            )
        lost = 1 - window.kept_share(sample.target_mask[: self.frames - 1])
        if lost > _MOST_PRODUCT_CUT:
            raise InputError(
                "product-cut",
                f"{lost:.0%} of B would be cut off at {self.width}×{self.height}",
                {"lost_share": lost, "max_lost_share": _MOST_PRODUCT_CUT},
            )
        return window

    def finish(self, made: Mapping[Split, Sequence[tuple[SampleMeta, Row]]], files: Files) -> None:
        """See `Format.finish`."""
        for split, samples in made.items():
            rows = [[row[name] for name in COLUMNS] for _, row in samples]
            files.write(f"{split}/metadata.csv", csv_bytes(COLUMNS, rows))

    def how_to_load(self, out: Path, made: Mapping[Split, Sequence[tuple[SampleMeta, Row]]]) -> str:
        """See `Format.how_to_load`."""
        split = next(iter(made))
        return "\n".join(
            [
                "add to DiffSynth's examples/wanvideo/model_training/train.py, for an image-to-video model:",
                f"  --dataset_base_path {quote(f'{out / split}')} "
                f"--dataset_metadata_path {quote(f'{out / split}/metadata.csv')}",
                f"  --data_file_keys video --extra_inputs input_image --height {self.height} --width {self.width} "
                f"--num_frames {self.frames}",
            ]
        )


@cache
def _filler(path: Path) -> OnnxFiller:
    """Loaded once in each process."""
    return OnnxFiller(path)


def _holes(sample: Sample) -> npt.NDArray[np.bool_]:
    """What the empty scene must not show: A, its shadow, and what B would change, a little wider."""
    changed = sample.source_mask | sample.effect_mask
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _SHADOW_PX + 1, 2 * _SHADOW_PX + 1))
    return np.stack([cv2.dilate(mask.astype(np.uint8), disc) > 0 for mask in changed])
