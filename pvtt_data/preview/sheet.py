"""One picture of what the model will see of a sample, drawn from the very tensors that it gets."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pvtt_data.preview.findings import Finding
from pvtt_data.shards import Sample
from pvtt_data.vace.conditioning import Choice, ConditioningConfig, TrainingConditioning, condition, draw
from pvtt_data.vace.context import from_unit
from pvtt_data.vace.latents import latent_windows, sampled_frames
from pvtt_data.vace.mask_policies import GROWTH_LADDER
from pvtt_data.vace.reactive import Content

UInt8 = NDArray[np.uint8]
Masks = NDArray[np.bool_]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Colour = tuple[int, int, int]

A_COLOUR, B_COLOUR, MASK_COLOUR = (225, 45, 45), (20, 110, 240), (245, 170, 0)
_INK, _FAINT, _PAPER, _ALARM, _GOOD = (20, 20, 20), (110, 110, 110), (255, 255, 255), (190, 20, 20), (20, 120, 40)
_COLUMNS = 5
_CELL_AREA_PX = 30_000
_LABEL_PX = 210
_LEAST_WIDTH_PX = 900
_GAP_PX = 6
_TITLE_PX, _TEXT_PX, _SMALL_PX = 20, 14, 12
_CONTENT_TEXT: dict[Content, str] = {
    "source": "A's own pixels",
    "grey": "nothing of A (grey)",
    "blurred": "A, blurred",
    "edges": "the edges of A",
    "depth": "the depth of A",
    "noise": "noise, nothing of the video",
    "black": "nothing of A (black)",
}


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    says: str
    pictures: list[UInt8]
    captions: list[str]


def conditioned(sample: Sample, config: ConditioningConfig, step: int) -> tuple[Choice, TrainingConditioning]:
    """A sample's inputs at a step, as the trainer makes them.

    Raises:
        InputError: as `draw` and `condition`.
    """
    meta = sample.meta
    choice = draw(config, meta.engine, sample.key, step, kind=meta.kind, available=meta.reference_count)
    return choice, condition(sample, choice, config)


def sheet(sample: Sample, choice: Choice, made: TrainingConditioning, found: Sequence[Finding]) -> Image.Image:
    """One picture: source, mask, both streams, target and loss weights at some frames, references, and findings.

    Frames are those whose mask the model is told (see `pvtt_data.vace.latents.sampled_frames`), the outlines of A red,
    of B blue, of the mask yellow.

    Args:
        sample: from a dataset.
        choice: what was drawn for it.
        made: its inputs.
        found: what looks wrong.
    """
    meta = sample.meta
    scale = math.sqrt(_CELL_AREA_PX / (meta.width * meta.height))
    cell = (max(48, round(meta.width * scale)), max(48, round(meta.height * scale)))
    rows = _rows(sample, choice, made)
    columns = max(len(row.pictures) for row in rows)
    width = max(_LEAST_WIDTH_PX, _LABEL_PX + columns * (cell[0] + _GAP_PX) + _GAP_PX)
    title = f"{sample.key}   {meta.engine}/{meta.kind}   mask: {_mask_text(made)}   reactive: {made.content}"
    parts = [_text(title, width, _TITLE_PX, _INK), _text(_facts(sample, made), width, _SMALL_PX, _FAINT)]
    parts += [_strip(row, cell, width) for row in rows]
    if found:
        parts += [_text(f"LOOK: {finding.message}", width, _TEXT_PX, _ALARM) for finding in found]
    else:
        parts.append(_text("nothing looks wrong in numbers", width, _TEXT_PX, _GOOD))
    return stacked(parts)


def stacked(pictures: Sequence[Image.Image], gap_px: int = 2) -> Image.Image:
    """Pictures below each other, on white."""
    width = max(picture.width for picture in pictures)
    result = Image.new("RGB", (width, sum(picture.height + gap_px for picture in pictures)), _PAPER)
    top = 0
    for picture in pictures:
        result.paste(picture, (0, top))
        top += picture.height + gap_px
    return result


def _rows(sample: Sample, choice: Choice, made: TrainingConditioning) -> list[_Row]:
    sampled = sampled_frames(sample.meta.frames)
    shown = np.unique(np.linspace(0, len(sampled) - 1, min(_COLUMNS, len(sampled))).round().astype(int)).tolist()
    frames = [sampled[latent] for latent in shown]
    mask = made.mask[0, frames].bool().cpu().numpy()
    a, b = sample.source_mask[frames], sample.target_mask[frames]
    windows = latent_windows(sample.meta.frames)
    times = [f"frame {frame}" for frame in frames]
    spans = [f"frames {windows[k].start} to {windows[k].stop - 1}" if k else "frame 0" for k in shown]
    values = ", ".join(f"{value:.2f}" for value in np.unique(made.weights[:, len(made.references) :].cpu().numpy()))
    inactive, reactive, target = (
        np.asarray(from_unit(stream[:, frames]).cpu().numpy(), np.uint8)
        for stream in (made.inactive, made.reactive, made.target)
    )
    source = sample.source[frames]
    weights = made.weights[0, len(made.references) :].cpu().numpy()
    references = [np.asarray(from_unit(picture)[0].cpu().numpy(), np.uint8) for picture in made.references]
    white_on_black = mask[..., None].repeat(3, axis=3).astype(np.uint8) * 255
    return [
        _Row(
            "source",
            "the target itself; B outlined in red"
            if sample.meta.kind == "reconstruct"
            else "the template video; A outlined in red",
            _outlined(source, (a, A_COLOUR)),
            times,
        ),
        _Row(
            "mask",
            "white: the model works here; black: it keeps. A red, B blue",
            _outlined(white_on_black, (a, A_COLOUR), (b, B_COLOUR)),
            [f"{name}, {share:.0%}" for name, share in zip(times, mask.mean(axis=(1, 2)), strict=True)],
        ),
        _Row("inactive", "what the model is told to keep; grey is cut out", list(inactive), times),
        _Row("reactive", f"what it sees inside the mask: {_CONTENT_TEXT[made.content]}", list(reactive), times),
        _Row(
            "references",
            f"B, as the model sees it; {len(references)} of {sample.meta.reference_count}",
            references,
            [sample.meta.reference_source[number] for number in choice.references],
        ),
        _Row(
            "target",
            "what it must make; B blue, mask yellow",
            _outlined(target, (b, B_COLOUR), (mask, MASK_COLOUR)),
            times,
        ),
        _Row(
            "loss weights",
            f"of latent positions, mean 1; bright counts more: {values}",
            [_heat(weights[k], float(weights.max()), (sample.meta.width, sample.meta.height)) for k in shown],
            spans,
        ),
    ]


def _mask_text(made: TrainingConditioning) -> str:
    text: str = made.policy
    if made.policy != made.drawn:
        text += f" (drawn: {made.drawn}, cannot hold B)"
    if made.growth:
        text += f", grown by {GROWTH_LADDER[made.growth]:.0%} to hold B"
    return text


def _facts(sample: Sample, made: TrainingConditioning) -> str:
    meta = sample.meta
    reasons = f" ({', '.join(meta.reasons)})" if meta.reasons else ""
    return (
        f"{meta.split}   {meta.width}x{meta.height}, {meta.frames} frames at {meta.fps:g} fps   "
        f"A: {meta.product_a}   B: {meta.product_b}   verdict: {meta.verdict}{reasons}   "
        f"mask covers {float(made.mask.mean()):.0%} of the frames   prompt: {meta.prompt}   "
        f"prompt of the source: {meta.source_prompt}"
    )


def _heat(weights: NDArray[np.float32], largest: float, size: tuple[int, int]) -> UInt8:
    levels = (weights / max(largest, 1e-9) * 255).astype(np.uint8)
    coloured = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    return np.asarray(cv2.resize(coloured, size, interpolation=cv2.INTER_NEAREST), np.uint8)


def _outlined(frames: UInt8, *layers: tuple[Masks, Colour]) -> list[UInt8]:
    """Frames with the outlines of masks, thick enough to be seen when the frames are made small."""
    thick = max(1, round(2 * math.sqrt(frames.shape[1] * frames.shape[2] / _CELL_AREA_PX)))
    results = []
    for number, frame in enumerate(frames):
        picture = np.ascontiguousarray(frame)
        for masks, colour in layers:
            outlines, _ = cv2.findContours(masks[number].astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(picture, outlines, -1, colour, thick)
        results.append(picture)
    return results


def _strip(row: _Row, cell: tuple[int, int], width: int) -> Image.Image:
    """A row: its name and meaning at the left, pictures with captions."""
    name, small = _font(_TEXT_PX + 2), _font(_SMALL_PX)
    caption_px = _SMALL_PX + 6
    strip = Image.new("RGB", (width, cell[1] + caption_px + _GAP_PX), _PAPER)
    pen = ImageDraw.Draw(strip)
    pen.text((_GAP_PX, cell[1] // 2 - 28), row.name, fill=_INK, font=name)
    meaning = "\n".join(textwrap.wrap(row.says, 30))
    pen.multiline_text((_GAP_PX, cell[1] // 2 - 6), meaning, fill=_FAINT, font=small)
    for number, (pixels, caption) in enumerate(zip(row.pictures, row.captions, strict=True)):
        left = _LABEL_PX + number * (cell[0] + _GAP_PX)
        strip.paste(Image.fromarray(pixels).resize(cell, Image.Resampling.BOX), (left, 0))
        pen.rectangle((left, 0, left + cell[0] - 1, cell[1] - 1), outline=_FAINT)
        pen.text((left, cell[1] + 2), _latin(caption), fill=_FAINT, font=small)
    return strip


def _text(text: str, width: int, size_px: int, colour: Colour) -> Image.Image:
    """A paragraph as wide as the sheet."""
    face = _font(size_px)
    letters = max(20, int((width - 2 * _GAP_PX) / (face.getlength("abcdefghij 0123") / 15)))
    lines = textwrap.wrap(_latin(text), letters) or [""]
    block = Image.new("RGB", (width, len(lines) * (size_px + 5) + 4), _PAPER)
    ImageDraw.Draw(block).multiline_text((_GAP_PX, 2), "\n".join(lines), fill=colour, font=face, spacing=4)
    return block


def _font(size_px: int) -> Font:
    return ImageFont.load_default(size_px)


def _latin(text: str) -> str:
    """The built-in font has no other letters."""
    return text.encode("latin-1", "replace").decode("latin-1")
