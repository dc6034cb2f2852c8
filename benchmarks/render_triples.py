"""Whole triples as a build makes them: videos, masks, references, encoded."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import render_scenes as scenes
from render_scenes import FPS, Setting

from pvtt_data.images import write_png
from pvtt_data.media import encode_clip, encode_masks
from pvtt_data.records import Article, Difficulty, RenderPlan
from pvtt_data.render.casting import Casting, cast, procedural_articles, spec_of
from pvtt_data.render.presets import PRESETS, PresetName
from pvtt_data.render.product import Product
from pvtt_data.render.products.library import build_product
from pvtt_data.render.scene import SceneOptions
from pvtt_data.render.triple import RenderedTriple, Wanted, render_triple

FRAMES_A_SECOND, SECONDS_A_TRIPLE = 12.0, 15.0
"""Targets on one H100 with the preset "standard"."""
_IDENTITIES = 400
_REFERENCES = 4
_CRF = 14
_PASSES = 3
"""The bare set, A and B."""


def plans(setting: Setting, seed: int = 0) -> Iterator[RenderPlan]:
    """Pairs as a build casts them."""
    articles = procedural_articles(seed, _IDENTITIES)
    shares: dict[Difficulty, float] = {"easy": 0.25, "medium": 0.25, "hard": 0.3, "expert": 0.2}
    casting = Casting(seed, shares, 0.12, (setting.size,))
    number = 0
    while True:
        plan = cast(number, articles, {article.product_id: "train" for article in articles}, casting)
        number += 1
        if plan is not None:
            yield plan


def product_of(article: Article) -> Product:
    """The product of a procedural article."""
    return build_product(spec_of(article))


def scene_options(setting: Setting) -> SceneOptions:
    """What a build draws scenes from by default."""
    return SceneOptions(*setting.size, setting.frames, FPS)


def time_triples(setting: Setting, name: PresetName, count: int) -> list[dict[str, object]]:
    """Print seconds of each triple, of whole frames, and whether targets are met; the rows as plain values."""
    denoiser = setting.denoiser(PRESETS[name].denoise)
    print(
        "| triple | set, camera, product | products s | shoot s | references s | encode s | all s | passes·frames/s |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    rows: list[dict[str, object]] = []
    for number, plan in zip(range(count), plans(setting), strict=False):
        begun = time.perf_counter()
        products = product_of(plan.a), product_of(plan.b)
        built = time.perf_counter()
        ends: list[float] = []
        made = render_triple(
            plan.seed,
            products,
            scene_options(setting),
            PRESETS[name],
            denoiser,
            Wanted(references=_REFERENCES),
            on_frame=_clock(ends),
        )
        rendered = time.perf_counter()
        encode(made)
        ended = time.perf_counter()
        rows.append(
            {
                "triple": number,
                "scene": f"{made.scene.stage_set.style}, {made.scene.move.kind}, {made.scene.motion.kind}",
                "products_s": built - begun,
                "shoot_s": ends[-1] - built,
                "references_s": rendered - ends[-1],
                "encode_s": ended - rendered,
                "all_s": ended - begun,
                "passes_frames_per_s": _PASSES * setting.frames / (ended - begun),
                "reference_pictures": len(made.references),
            }
        )
        print(_line(rows[-1]), flush=True)
    later = rows[1:] or rows
    typical = statistics.median(float(str(row["all_s"])) for row in later)
    print(f"\nmedian after the first triple, which compiles kernels: {typical:.1f} s a triple, preset {name}", end="")
    print(f" (target on an H100, standard: {SECONDS_A_TRIPLE:g} s)")
    rate = whole_frames(setting, name)
    print(f"whole frames of one pass: {rate:.2f} a second, median of scenes (target on an H100: {FRAMES_A_SECOND:g})")
    return [*rows, {"whole_frames_per_s": rate, "median_all_s": typical}]


def _clock(ends: list[float]) -> Callable[[], None]:
    return lambda: ends.append(time.perf_counter())


def encode(made: RenderedTriple) -> None:
    """Both videos, three masks and the pictures, as a build keeps them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for member, frames in (("source", made.source), ("target", made.target)):
            encode_clip(frames, FPS, folder / f"{member}.mp4", crf=_CRF)
        masks = {"source_mask": made.source_mask, "target_mask": made.target_mask, "effect_mask": made.effect_mask}
        for member, mask in masks.items():
            encode_masks(mask, FPS, folder / f"{member}.mp4")
        for view in made.references:
            write_png(view.picture)


def whole_frames(setting: Setting, name: PresetName, frames: int = 4) -> float:
    """Whole frames a second of one pass: paths in all pixels, mask, denoiser, print; median over scenes."""
    rates = []
    for case in scenes.cases(setting):
        shoot = scenes.open_shoot(case, PRESETS[name], setting.denoiser(PRESETS[name].denoise))
        scenes.whole_frame(shoot, 0)
        begun = time.perf_counter()
        for number in range(frames):
            scenes.whole_frame(shoot, (1 + number) % case.scene.frames)
        rates.append(frames / (time.perf_counter() - begun))
        del shoot
    return statistics.median(rates)


def _line(row: dict[str, object]) -> str:
    numbers = [f"{row[key]:.1f}" for key in ("products_s", "shoot_s", "references_s", "encode_s", "all_s")]
    return f"| {row['triple']} | {row['scene']} | {' | '.join(numbers)} | {row['passes_frames_per_s']:.2f} |"
