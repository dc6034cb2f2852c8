"""Scenes, references and measures that all parts of `benchmarks/render.py` share."""

from __future__ import annotations

import dataclasses
import os
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.render.denoise import Denoiser
from pvtt_data.render.look import Floats, Frame, develop, grain, lens_falloff, print_frame
from pvtt_data.render.presets import Preset
from pvtt_data.render.product import Product
from pvtt_data.render.products.library import build_product, draw_spec
from pvtt_data.render.scene import Scene, SceneOptions, draw_scene, headed
from pvtt_data.render.shoot import Shoot, frame_seed
from pvtt_data.render.tracer import Layers
from pvtt_data.stage import library_version

LIBRARIES = ("mitsuba", "drjit", "pyoidn", "numpy", "opencv-python-headless")
FPS = 16.0
REFERENCE_BOUNCES = 16
SCENES = (
    ("paper", "bottle", 4),
    ("tabletop", "watch", 6),
    ("gloss", "perfume", 2),
    ("podium", "handbag", 1),
    ("shelf", "jar", 2),
    ("window", "carton", 4),
)
"""Style of the set, family of the product, seed of both. The third is of clear glass and throws caustics; in the fourth
the product spins."""

_CHUNK = 32
_REFERENCE_SEED = 90_001
_WINDOW_PX, _SIGMA_PX = 11, 1.5
_C1, _C2 = 0.01**2, 0.03**2


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A scene with one product, which is sized and headed; its frame in the middle is measured."""

    name: str
    scene: Scene
    product: Product

    @property
    def frame(self) -> int:
        return self.scene.frames // 2


@dataclass(frozen=True, slots=True)
class Setting:
    """What holds for all parts.

    Attributes:
        cuda: whether the GPU renders and denoises.
        threads: of the renderer and of the denoiser on the processor.
        size: (width, height) of frames.
        frames: of a clip.
        scenes: how many of `SCENES`.
    """

    variant: str
    threads: int
    size: tuple[int, int]
    frames: int
    scenes: int

    @property
    def cuda(self) -> bool:
        return self.variant == "cuda_ad_rgb"

    def denoiser(self, quality: str = "high") -> Denoiser:
        """A denoiser where the pictures are rendered."""
        return Denoiser(quality, self.cuda, self.threads)  # type: ignore[arg-type]

    def conditions(self) -> str:
        """The machine and the versions."""
        versions = ", ".join(f"{library} {library_version(library)}" for library in LIBRARIES)
        machine = f"{platform.machine()}, {os.cpu_count()} processors, {self.threads} threads used, {self.variant}"
        return f"{machine}; {self.size[0]}x{self.size[1]}; Python {platform.python_version()}, {versions}"


def draw_case(setting: Setting, style: str, family: str, seed: int) -> Case:
    """A scene in which nothing passes in front."""
    width, height = setting.size
    options = SceneOptions(width, height, setting.frames, FPS, (style,), occluder_share=0.0)
    product = build_product(draw_spec(seed, (family,)))
    scene = draw_scene(seed, options, product, product)
    return Case(f"{style}, {family}", scene, headed(product, scene.sizes[1], scene.headings_deg[1]))


def cases(setting: Setting) -> list[Case]:
    """The first scenes of the list."""
    return [draw_case(setting, *facts) for facts in SCENES[: setting.scenes]]


def open_shoot(case: Case, preset: Preset, denoiser: Denoiser) -> Shoot:
    """The case's stage; free it before the next one is made."""
    return Shoot(case.scene, [case.product], preset, denoiser)


def all_pixels(scene: Scene) -> npt.NDArray[np.uint32]:
    """Row-major indices of a frame's pixels."""
    return np.arange(scene.lens.width_px * scene.lens.height_px, dtype=np.uint32)


def as_pictures(layers: Layers, scene: Scene) -> tuple[Floats, Floats, Floats]:
    """Light, albedo and normal, each ``(H, W, 3) float32``."""
    shape = (scene.lens.height_px, scene.lens.width_px, 3)
    return layers.light.reshape(shape), layers.albedo.reshape(shape), layers.normal.reshape(shape)


@dataclass(frozen=True, slots=True, eq=False)
class Took:
    """A whole frame: display values ``(H, W, 3) float32`` before vignette and grain, and what it took."""

    display: Floats
    printed: Frame
    cpu_s: float
    wall_s: float
    tracing_cpu_s: float


def whole_frame(shoot: Shoot, frame: int) -> Took:
    """All that a frame with the product on it takes: paths in all pixels, the mask, the denoiser, the print."""
    scene = shoot.scene
    wall, cpu = time.perf_counter(), time.process_time()
    exposure, seed = shoot.exposure(frame, 0), frame_seed(scene, frame, 0)
    layers = shoot.stage.trace(scene.lens, exposure, all_pixels(scene), shoot.preset.samples, seed)
    shoot.covered(exposure, seed)
    tracing_cpu_s = time.process_time() - cpu
    display = develop(shoot.denoiser(*as_pictures(layers, scene)), scene.look)
    height, width = scene.lens.height_px, scene.lens.width_px
    falloff = lens_falloff(height, width, scene.look)
    printed = print_frame(display, falloff, grain(height, width, scene.look, frame))
    return Took(display, printed, time.process_time() - cpu, time.perf_counter() - wall, tracing_cpu_s)


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Many paths a pixel.

    Attributes:
        raw, clean: display values ``(H, W, 3) float32``, as traced and denoised at "high".
        noise_db: PSNR of the raw picture against what it would converge to, from how far its two halves are apart.
        mean_light: mean of the linear light.
        cpu_s: processor time.
    """

    raw: Floats
    clean: Floats
    noise_db: float
    mean_light: float
    cpu_s: float


def chunks(
    shoot: Shoot, frame: int, actor: int | None, samples: int, seed: int, size: int = _CHUNK
) -> Iterator[tuple[Layers, int]]:
    """Layers of all pixels in pieces of some samples, each with a seed of its own, and the samples of each."""
    number = 0
    while samples > 0:
        count = min(size, samples)
        exposure = shoot.exposure(frame, actor)
        yield shoot.stage.trace(shoot.scene.lens, exposure, all_pixels(shoot.scene), count, seed + number), count
        samples -= count
        number += 1


def reference(case: Case, preset: Preset, samples: int, denoiser: Denoiser) -> Reference:
    """The reference of a case; chunks go to two halves in turn, which are compared. At least two samples."""
    cpu = time.process_time()
    shoot = open_shoot(case, preset, denoiser)
    sums = np.zeros((2, 3, case.scene.lens.height_px, case.scene.lens.width_px, 3))
    counts = [0, 0]
    size = min(_CHUNK, samples // 2)
    for number, (layers, count) in enumerate(chunks(shoot, case.frame, 0, samples, _REFERENCE_SEED, size)):
        sums[number % 2] += np.stack(as_pictures(layers, case.scene)).astype(np.float64) * count
        counts[number % 2] += count
    del shoot
    mean = (sums.sum(axis=0) / samples).astype(np.float32)
    halves = [
        develop((part[0] / count).astype(np.float32), case.scene.look) for part, count in zip(sums, counts, strict=True)
    ]
    clean = denoiser(mean[0], np.clip(mean[1], 0, 1), mean[2])
    return Reference(
        develop(mean[0], case.scene.look),
        develop(clean, case.scene.look),
        noise_of_mean_db(halves[0], halves[1]),
        float(mean[0].mean()),
        time.process_time() - cpu,
    )


def noise_of_mean_db(one: Floats, other: Floats) -> float:
    """PSNR of the mean of two pictures of equal, independent noise against what both converge to."""
    return psnr(one, other) + 20 * float(np.log10(2))


def psnr(one: Floats, other: Floats, where: npt.NDArray[np.bool_] | None = None) -> float:
    """Peak signal-to-noise ratio of display values 0 to 1, over all pixels or some, dB."""
    difference = np.asarray(one, np.float64) - other
    error = float(np.mean((difference if where is None else difference[where]) ** 2))
    return float(-10 * np.log10(max(error, 1e-12)))


def ssim(one: Floats, other: Floats) -> float:
    """Mean structural similarity of the luma (Wang et al. 2004: Gaussian of 11 pixels, sigma 1.5), without borders."""
    x, y = (
        np.asarray(picture @ np.array([0.2126, 0.7152, 0.0722], np.float32), np.float64) for picture in (one, other)
    )

    def blurred(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        edge = _WINDOW_PX // 2
        soft = cv2.GaussianBlur(values, (_WINDOW_PX, _WINDOW_PX), _SIGMA_PX)
        return np.asarray(soft[edge:-edge, edge:-edge], np.float64)

    mean_x, mean_y = blurred(x), blurred(y)
    var_x, var_y = blurred(x * x) - mean_x**2, blurred(y * y) - mean_y**2
    shared = blurred(x * y) - mean_x * mean_y
    likeness = (2 * mean_x * mean_y + _C1) * (2 * shared + _C2)
    return float((likeness / ((mean_x**2 + mean_y**2 + _C1) * (var_x + var_y + _C2))).mean())


def instant(case: Case) -> Case:
    """The case with a shutter that opens for no time, so that nothing is blurred by motion."""
    lens = dataclasses.replace(case.scene.lens, shutter=0.0)
    return dataclasses.replace(case, scene=dataclasses.replace(case.scene, lens=lens))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows as Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def as_bytes(picture: Floats) -> Frame:
    """Display values as 8-bit pixels."""
    pixels: Frame = (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
    return pixels
