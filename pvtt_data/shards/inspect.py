"""Looking at a dataset version: a contact sheet of one sample, and a summary in words."""

from __future__ import annotations

import textwrap
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from pvtt_data.captions.counts import count_prompts
from pvtt_data.shards.format import SPLITS
from pvtt_data.shards.manifest import read_lineage
from pvtt_data.shards.reader import Sample, ShardDataset

UInt8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_MASK_COLOURS = {"source": (255, 64, 64), "target": (64, 160, 255), "effect": (255, 200, 0)}
_INK = (20, 20, 20)
_PAPER = (250, 250, 250)
_CHECKER = (225, 200)
_GAP_PX = 6
_LABEL_PX = 120
_TEXT_LINE_PX = 18
_FONT_PX = 14


def contact_sheet(
    sample: Sample, *, columns: int = 7, cell_width_px: int = 200, font: Path | None = None
) -> Image.Image:
    """One picture of a whole sample.

    Rows: source, source with A's mask, target, target with B's mask, target with the effect mask, at evenly spaced
    frames; then the references, the held-out views, and the sample's facts and numbers as text.

    Args:
        sample: from a `ShardDataset`.
        columns: frames shown.
        cell_width_px: width of each frame.
        font: a TrueType font, for texts outside Latin-1; without it their characters show as ``?``.
    """
    meta = sample.meta
    face = ImageFont.truetype(str(font), _FONT_PX) if font else ImageFont.load_default(_FONT_PX)
    shown = np.unique(np.linspace(0, meta.frames - 1, min(columns, meta.frames)).round().astype(int))
    cell = (cell_width_px, max(1, round(cell_width_px * meta.height / meta.width)))
    source, target = sample.source[shown], sample.target[shown]
    rows: list[tuple[str, list[Image.Image]]] = [
        ("source", [_frame(f, cell) for f in source]),
        ("source mask", _overlays(source, sample.source_mask[shown], "source", cell)),
        ("target", [_frame(f, cell) for f in target]),
        ("target mask", _overlays(target, sample.target_mask[shown], "target", cell)),
        ("effect mask", _overlays(target, sample.effect_mask[shown], "effect", cell)),
        ("references", [_picture(p, cell) for p in sample.references[: meta.reference_count]]),
    ]
    if meta.heldout_count:
        rows.append(("held out", [_picture(p, cell) for p in sample.heldout[: meta.heldout_count]]))
    text = _sheet_text(sample, [int(frame) for frame in shown], latin_only=font is None)
    return _lay_out(rows, text, cell, max(columns, len(shown)), face)


def describe(path: Path | str) -> str:
    """What a dataset version holds, in a few lines: counts, shards, sizes, engines, verdicts, numbers, changes."""
    dataset = ShardDataset(path)
    manifest = dataset.manifest
    lineage = read_lineage(dataset.path)
    lines = [
        f"{manifest.name}, format version {manifest.schema_version}, root {manifest.root}",
        f"{'split':<12}{'samples':>9}{'shards':>8}{'MiB':>10}",
    ]
    for split in (s for s in SPLITS if s in manifest.counts):
        counts = manifest.counts[split]
        lines.append(f"{split:<12}{counts.samples:>9}{counts.shards:>8}{counts.bytes / 2**20:>10.1f}")
    counters: dict[str, Counter[str]] = {}
    prompts: Counter[str] = Counter()
    numbers: dict[str, list[float]] = {name: [] for name in manifest.number_names}
    for sample in dataset:
        meta = sample.meta
        prompts[meta.prompt] += 1
        for name in ("engine", "kind", "difficulty", "verdict", "segmenter", "captioner", "judge"):
            counters.setdefault(name, Counter())[getattr(meta, name) or "none"] += 1
        counters.setdefault("size", Counter())[f"{meta.width}x{meta.height}x{meta.frames}@{meta.fps:g}"] += 1
        counters.setdefault("reason", Counter()).update(meta.reasons)
        counters.setdefault("licence", Counter()).update(set(meta.licences))
        for name, value in meta.measured.items():
            numbers[name].append(value)
    for name, counter in counters.items():
        if counter:
            ranked = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
            lines.append(f"{name}: " + ", ".join(f"{value} {count}" for value, count in ranked))
    lines.append(f"prompts: {count_prompts(prompts).text()}")
    lines.append(f"{'number':<40}{'5 %':>12}{'median':>12}{'95 %':>12}")
    for name, values in numbers.items():
        if not values:
            continue
        low, middle, high = np.percentile(values, [5, 50, 95])
        lines.append(f"{name:<40}{low:>12.4g}{middle:>12.4g}{high:>12.4g}")
    since = f"since {lineage.parent.version}" if lineage.parent else "no version before"
    lines.append(f"{since}: {len(lineage.added)} added, {len(lineage.removed)} removed, {len(lineage.changed)} changed")
    return "\n".join(lines)


def _frame(frame: UInt8, cell: tuple[int, int]) -> Image.Image:
    return Image.fromarray(frame).resize(cell, Image.Resampling.LANCZOS)


def _overlays(frames: UInt8, masks: Bool, kind: str, cell: tuple[int, int]) -> list[Image.Image]:
    """Frames with the mask tinted and everything else greyed and darkened, so that a wrong edge shows."""
    tint = np.asarray(_MASK_COLOURS[kind], np.float32)
    pictures = []
    for frame, mask in zip(frames, masks, strict=True):
        grey = frame.mean(axis=2, keepdims=True, dtype=np.float32).repeat(3, axis=2) * 0.6
        mixed = np.where(mask[..., None], 0.55 * frame + 0.45 * tint, grey)
        pictures.append(_frame(mixed.round().astype(np.uint8), cell))
    return pictures


def _picture(pixels: UInt8, cell: tuple[int, int]) -> Image.Image:
    """A reference fitted into a cell; a checkerboard shows through where it is transparent."""
    picture = Image.fromarray(pixels)
    picture.thumbnail(cell, Image.Resampling.LANCZOS)
    board = (np.add.outer(np.arange(cell[1]) // 8, np.arange(cell[0]) // 8) % 2).astype(np.uint8)
    backdrop = Image.fromarray(np.where(board, *_CHECKER).astype(np.uint8)).convert("RGB")
    corner = ((cell[0] - picture.width) // 2, (cell[1] - picture.height) // 2)
    backdrop.paste(picture, corner, picture if picture.mode == "RGBA" else None)
    return backdrop


def _sheet_text(sample: Sample, shown: list[int], *, latin_only: bool) -> list[str]:
    meta = sample.meta
    reasons = f": {', '.join(meta.reasons)}" if meta.reasons else ""
    lines = [
        f"{sample.key}   {meta.split}   {meta.engine}/{meta.kind}   {meta.difficulty}   {meta.verdict}{reasons}",
        f"A: {meta.product_a} ({meta.category_a}) {meta.title_a}{', in motion' if meta.clip_id_a else ''}",
        f"B: {meta.product_b} ({meta.category_b}) {meta.title_b}",
        f"prompt: {meta.prompt}",
        f"prompt of the source: {meta.source_prompt}",
        f"worded by {meta.captioner or 'unknown'}; judged by {meta.judge or 'nobody'}",
        f"{meta.width}x{meta.height}, {meta.frames} frames at {meta.fps:g} fps; shown: {', '.join(map(str, shown))}",
        f"references: {', '.join(meta.reference_source[: meta.reference_count])}; licences: {', '.join(meta.licences)}",
        "   ".join(f"{name} {value:.4g}" for name, value in sorted(meta.measured.items())),
    ]
    if latin_only:
        lines = [line.encode("latin-1", "replace").decode("latin-1") for line in lines]
    return lines


def _lay_out(
    rows: list[tuple[str, list[Image.Image]]], text: list[str], cell: tuple[int, int], columns: int, face: Font
) -> Image.Image:
    width = _LABEL_PX + columns * (cell[0] + _GAP_PX) + _GAP_PX
    letters = max(20, (width - 2 * _GAP_PX) // (_FONT_PX // 2))
    wrapped = [part for line in text for part in textwrap.wrap(line, letters) or [""]]
    strips = [(label, cells[at : at + columns]) for label, cells in rows for at in range(0, len(cells), columns)]
    height = _GAP_PX + len(strips) * (cell[1] + _GAP_PX) + len(wrapped) * _TEXT_LINE_PX + _GAP_PX
    sheet = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    top = _GAP_PX
    for label, cells in strips:
        draw.text((_GAP_PX, top + cell[1] // 2 - _FONT_PX // 2), label, fill=_INK, font=face)
        for number, picture in enumerate(cells):
            sheet.paste(picture, (_LABEL_PX + number * (cell[0] + _GAP_PX), top))
        top += cell[1] + _GAP_PX
    for line in wrapped:
        draw.text((_GAP_PX, top), line, fill=_INK, font=face)
        top += _TEXT_LINE_PX
    return sheet
