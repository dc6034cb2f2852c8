"""What each preset costs a frame and how near it comes to the truth."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import render_scenes as scenes
from render_scenes import Case, Reference, Setting

from pvtt_data.render.presets import PRESETS, PresetName
from pvtt_data.render.tracer import Depth


@dataclass(frozen=True)
class Row:
    """A preset in a scene.

    Attributes:
        first_s: wall seconds of the first frame: scene, kernels and all; of the first preset only also those kernels
            that later presets share.
        cpu_s, wall_s: of a frame, medians.
        psnr_raw, psnr_clean, ssim_raw, ssim_clean: against the reference as traced and as denoised.
    """

    scene: str
    preset: str
    first_s: float
    cpu_s: float
    wall_s: float
    psnr_raw: float
    psnr_clean: float
    ssim_raw: float
    ssim_clean: float
    noise_db: float


def measure(case: Case, name: PresetName, true: Reference, setting: Setting, repeats: int) -> Row:
    """One preset in one scene. Repeats render neighbouring frames, because equal work might be cached."""
    preset = PRESETS[name]
    denoiser = setting.denoiser(preset.denoise)
    begun = time.perf_counter()
    shoot = scenes.open_shoot(case, preset, denoiser)
    scenes.whole_frame(shoot, max(case.frame - 1, 0))
    first_s = time.perf_counter() - begun
    middle = scenes.whole_frame(shoot, case.frame)
    timed = [middle]
    timed += [scenes.whole_frame(shoot, min(case.frame + n, case.scene.frames - 1)) for n in range(1, repeats)]
    return Row(
        case.name,
        name,
        first_s,
        statistics.median(took.cpu_s for took in timed),
        statistics.median(took.wall_s for took in timed),
        scenes.psnr(middle.display, true.raw),
        scenes.psnr(middle.display, true.clean),
        scenes.ssim(middle.display, true.raw),
        scenes.ssim(middle.display, true.clean),
        true.noise_db,
    )


def compare_presets(
    setting: Setting, names: Sequence[PresetName], reference_samples: int, repeats: int
) -> list[dict[str, object]]:
    """Print the table, scene by scene, then medians; the rows as plain values."""
    full = dataclasses.replace(PRESETS["high"], depth=Depth(scenes.REFERENCE_BOUNCES, PRESETS["high"].depth.roulette))
    print(
        f"References: {reference_samples} paths a pixel, up to {scenes.REFERENCE_BOUNCES} segments. Their own noise "
        "bounds what can be seen against\nthem (its PSNR is told), so each figure is told twice: against the reference "
        "as traced and as denoised at “high”.\nThe denoised one has next to no noise left, but shares the denoiser's "
        "habits with what is measured.\nDisplay values before vignette and grain. A frame is paths in all pixels, the "
        "mask, the denoiser and the print.\n"
    )
    head = ["scene", "preset", "first s", "CPU s", "wall s", "frames/s", "PSNR raw", "PSNR clean", "SSIM raw",
            "SSIM clean", "noise of reference"]  # fmt: skip
    print(scenes.table(head, []), flush=True)
    rows: list[Row] = []
    for case in scenes.cases(setting):
        true = scenes.reference(case, full, reference_samples, setting.denoiser())
        for name in names:
            rows.append(measure(case, name, true, setting, repeats))
            print(_line(rows[-1]), flush=True)
    for name in names:
        print(_line(_median([row for row in rows if row.preset == name])))
    return [dataclasses.asdict(row) for row in rows]


def _median(rows: Sequence[Row]) -> Row:
    numbers = {
        field.name: statistics.median(getattr(row, field.name) for row in rows)
        for field in dataclasses.fields(Row)
        if field.name not in ("scene", "preset")
    }
    return Row(scene="median", preset=rows[0].preset, **numbers)


def _line(row: Row) -> str:
    cells = [
        row.scene, row.preset, f"{row.first_s:.1f}", f"{row.cpu_s:.2f}", f"{row.wall_s:.3f}", f"{1 / row.wall_s:.2f}",
        f"{row.psnr_raw:.1f} dB", f"{row.psnr_clean:.1f} dB", f"{row.ssim_raw:.4f}", f"{row.ssim_clean:.4f}",
        f"{row.noise_db:.1f} dB",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"
