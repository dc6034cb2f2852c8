"""`python -m samples.render --out samples/catalogue --teapot samples/teapot`: render everything and write it."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from pvtt_data.render.denoise import Denoiser
from pvtt_data.render.filming import Quality
from pvtt_data.render.presets import PRESETS
from pvtt_data.render.variant import choose_variant, start
from samples.render import catalogue
from samples.render.preview import preview
from samples.render.teapot import write_teapot


def main() -> None:
    """Parse the command line and render."""
    parser = argparse.ArgumentParser(prog="python -m samples.render", description="Render the samples.")
    parser.add_argument("--out", type=Path, help="folder of the catalogue")
    parser.add_argument("--truth", type=Path, help="folder of the truth; default: 'truth' beside the catalogue")
    parser.add_argument("--teapot", type=Path, help="folder of the clip in frames")
    parser.add_argument("--preset", choices=sorted(PRESETS), help="default: standard, of previews draft")
    parser.add_argument("--preview", type=Path, metavar="SHEET", help="draw a contact sheet of a few frames instead")
    parser.add_argument("--only", nargs="*", default=(), metavar="ID", help="products of the preview")
    arguments = parser.parse_args()
    if not (arguments.out or arguments.teapot or arguments.preview):
        parser.error("give --out, --teapot or --preview")

    variant = choose_variant()
    print(f"{variant.name}: {variant.why}", flush=True)
    threads = os.cpu_count() or 1
    start(variant, threads)
    preset = PRESETS[arguments.preset or ("draft" if arguments.preview else "standard")]
    quality = Quality(preset, Denoiser(preset.denoise, variant.name == "cuda_ad_rgb", threads))
    if arguments.preview:
        preview(arguments.preview, quality, arguments.only)
        return
    if arguments.teapot:
        write_teapot(arguments.teapot, quality)
        print("teapot", flush=True)
    if arguments.out:
        catalogue.write(arguments.out, arguments.truth or arguments.out.parent / "truth", quality)


if __name__ == "__main__":
    main()
