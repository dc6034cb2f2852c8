"""Format ``diffsynth``: what DiffSynth's own dataset class loads to train Wan VACE.

A row of ``metadata.csv`` is what `pvtt-train` would be shown of a sample at one step: the same mask, content and first
reference are drawn (`pvtt_data.vace.conditioning.draw`), the mask is widened, and the reference is brought to the
clip's shape. Two things differ, because files must hold them: stock code takes one reference, and noise is grey.

The background is kept to the bit. Where the content is the source itself, ``vace_video`` is ``source.mp4`` as it is;
else only the planes inside the mask are replaced and the result is stored losslessly, so that no second encoding tells
the model what it has to keep.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from pvtt_data.errors import InputError, PreflightError
from pvtt_data.exports.folder import Files
from pvtt_data.exports.formats import Format, Row, encoded, sizes_of
from pvtt_data.exports.tables import csv_bytes, csv_text
from pvtt_data.images import write_png
from pvtt_data.media import clip_planes, encode_masks, encode_planes
from pvtt_data.records import Split
from pvtt_data.shards.format import SampleMeta
from pvtt_data.shards.reader import Sample
from pvtt_data.vace.latents import latent_count, widen
from pvtt_data.vace.mask_policies import TrainingMask, training_mask
from pvtt_data.vace.references import prepare_reference

if TYPE_CHECKING:
    from pvtt_data.vace.conditioning import Choice, ConditioningConfig
    from pvtt_data.vace.reactive import Content

FILE_COLUMNS = ("video", "vace_video", "vace_video_mask", "vace_reference_image")
COLUMNS = ("video", "prompt", *FILE_COLUMNS[1:], "engine", "kind", "policy", "content")
_SIZE_STEP_PX = 16


class DiffsynthExport(Format):
    """``{split}/metadata.csv`` with videos, masks (white is where the model works) and references."""

    name: ClassVar[str] = "diffsynth"

    seed: int = 0
    """Of what is drawn, as ``conditioning.seed`` of a training."""
    variants: int = Field(default=1, ge=1, le=1000)
    """Rows of a sample: what is drawn for its steps 0, 1, 2, …"""

    def prepare(self, metas: Sequence[SampleMeta]) -> None:
        """See `Format.prepare`."""
        try:
            import torch  # noqa: F401
        except ImportError as error:
            raise PreflightError(
                "format diffsynth draws masks and contents as training does, which needs torch: pip install 'pvtt[gpu]'"
            ) from error

    def make(self, sample: Sample, files: Files) -> Row:
        """See `Format.make`."""
        from pvtt_data.vace.conditioning import ConditioningConfig, draw

        meta = sample.meta
        prompt = csv_text(meta.prompt, "prompt")
        latent_count(meta.frames)
        if meta.height % _SIZE_STEP_PX or meta.width % _SIZE_STEP_PX:
            raise InputError(
                "size-not-16n",
                f"the clip is {meta.width}×{meta.height}; DiffSynth would cut it to multiples of {_SIZE_STEP_PX}",
            )
        config = ConditioningConfig(seed=self.seed)
        home = sample.split
        video = files.write(f"{home}/videos/{sample.key}.mp4", sample.read("target.mp4"))
        rows = []
        for step in range(self.variants):
            choice = draw(config, meta.engine, sample.key, step, kind=meta.kind, available=meta.reference_count)
            if choice.content == "noise":
                choice = dataclasses.replace(choice, content="grey")
            made = training_mask(sample.source_mask, sample.target_mask, choice.policies, choice.seed, config.masks)
            mask = widen(made.mask)
            if not mask.any():
                raise InputError("mask-empty", "the source shows no A, so there is no mask")
            name = f"{sample.key}-{step}"
            rows.append(
                {
                    "video": video,
                    "prompt": prompt,
                    "vace_video": files.write(f"{home}/vace_videos/{name}.mp4", _vace_video(sample, mask, choice)),
                    "vace_video_mask": files.write(f"{home}/vace_masks/{name}.mp4", _mask_video(mask, meta.fps)),
                    "vace_reference_image": files.write(
                        f"{home}/references/{name}.png", _reference(sample, choice, config)
                    ),
                    **_facts(meta, made, choice.content),
                }
            )
        return {"rows": [{name: _inside(value, name, home) for name, value in row.items()} for row in rows]}

    def finish(self, made: Mapping[Split, Sequence[tuple[SampleMeta, Row]]], files: Files) -> None:
        """See `Format.finish`."""
        for split, samples in made.items():
            rows = [[row[name] for name in COLUMNS] for _, sample in samples for row in sample["rows"]]
            files.write(f"{split}/metadata.csv", csv_bytes(COLUMNS, rows))

    def how_to_load(self, out: Path, made: Mapping[Split, Sequence[tuple[SampleMeta, Row]]]) -> str:
        """See `Format.how_to_load`."""
        split = next(iter(made))
        sizes = sizes_of([meta for meta, _ in made[split]])
        lines = [
            "add to DiffSynth's examples/wanvideo/model_training/train.py; --height and --width of the clips, or none:",
            f"  --dataset_base_path {quote(f'{out / split}')} "
            f"--dataset_metadata_path {quote(f'{out / split}/metadata.csv')}",
            f"  --data_file_keys {','.join(FILE_COLUMNS)} --extra_inputs {','.join(FILE_COLUMNS[1:])}",
        ]
        if len(sizes) > 1:
            lines.append(
                f"clips differ ({'; '.join(sizes)}): with --height and --width DiffSynth scales and crops all of them "
                'to one size; export sizes apart, such as with --where "width = 480"'
            )
        return "\n".join(lines)


def _facts(meta: SampleMeta, made: TrainingMask, content: Content) -> dict[str, str]:
    return {"engine": meta.engine, "kind": meta.kind, "policy": made.policy, "content": content}


def _inside(value: str, column: str, home: str) -> str:
    """A path relative to the split's folder, which is DiffSynth's base path."""
    return value.removeprefix(f"{home}/") if column in FILE_COLUMNS else value


def _mask_video(mask: npt.NDArray[np.bool_], fps: float) -> bytes:
    return encoded(lambda path: encode_masks(mask, fps, path))


def _reference(sample: Sample, choice: Choice, config: ConditioningConfig) -> bytes:
    picture = sample.references[choice.references[0]]
    prepared = prepare_reference(picture, sample.meta.height, sample.meta.width, config.references.margin)
    return write_png(prepared)


def _vace_video(sample: Sample, mask: npt.NDArray[np.bool_], choice: Choice) -> bytes:
    """The source with the content inside the mask; outside it is the source, plane for plane.

    A chroma sample stands for four pixels and is replaced if the mask touches one of them.
    """
    if choice.content == "source":
        return sample.read("source.mp4")
    inside = (mask, _half(mask), _half(mask))
    content = clip_planes(_content(sample.source, choice))
    y, u, v = (
        np.where(where, new, old) for where, new, old in zip(inside, content, sample.source_planes(), strict=True)
    )
    return encoded(lambda path: encode_planes((y, u, v), sample.meta.fps, path))


def _content(source: npt.NDArray[np.uint8], choice: Choice) -> npt.NDArray[np.uint8]:
    """Whole frames of the content, ``(T, H, W, 3)`` uint8 RGB."""
    from pvtt_data.vace.context import from_unit, to_unit
    from pvtt_data.vace.reactive import reactive_content

    made: npt.NDArray[np.uint8] = from_unit(reactive_content(choice.content, to_unit(source), seed=choice.seed)).numpy()
    return made


def _half(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """``(T, H, W)`` to ``(T, H/2, W/2)``: true where any of the four pixels is."""
    frames, height, width = mask.shape
    return np.asarray(mask.reshape(frames, height // 2, 2, width // 2, 2).any(axis=(2, 4)), np.bool_)
