"""Renders every frame once and keeps it as PNG, so that encoding again needs no rendering.

The cache folder of a shot is named by a digest of everything that its pixels depend on: the shot, the picture's
size and the source text of the modules that draw. A changed shot is rendered anew; nothing is ever overwritten.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from samples.render import grade, renderer
from samples.render.camera import Vector
from samples.render.meshes import sweep
from samples.render.products import PRODUCTS, Part
from samples.render.sets import SETS, Set, Softbox
from samples.render.surfaces import Material
from samples.render.timeline import LISTING_SIZE_PX, LISTING_VIEWS, Advert

Frame = NDArray[np.uint8]

_DRAWING_MODULES = ("camera", "frames", "grade", "labels", "meshes", "products", "renderer", "sets", "surfaces")
_CHUNK_FRAMES = 43


@dataclass(frozen=True, slots=True)
class Quality:
    """Paths traced for each pixel of an advert, of its mask, of a listing picture and of its empty white."""

    advert_samples: int = 4
    mask_samples: int = 16
    listing_samples: int = 24
    empty_samples: int = 6


@dataclass(frozen=True, slots=True)
class Job:
    """Frames first to last (exclusive) of one shot of an advert."""

    advert: Advert
    shot_index: int
    first: int
    last: int


def jobs(adverts: tuple[Advert, ...]) -> list[Job]:
    """All advert frames, cut into pieces that keep several processes equally busy."""
    return [
        Job(advert, index, first, min(first + _CHUNK_FRAMES, shot.frames))
        for advert in adverts
        for index, shot in enumerate(advert.shots)
        for first in range(0, shot.frames, _CHUNK_FRAMES)
    ]


def _digest(*parts: object) -> str:
    digest = hashlib.sha256()
    for module in _DRAWING_MODULES:
        digest.update((Path(__file__).with_name(f"{module}.py")).read_bytes())
    digest.update(repr(parts).encode())
    return digest.hexdigest()[:16]


def _keep(array: Frame, path: Path) -> None:
    """Write a PNG so that a broken-off run leaves no half file under the final name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    Image.fromarray(array).save(partial, format="PNG", compress_level=1)
    partial.rename(path)


def _load(path: Path) -> Frame:
    with Image.open(path) as image:
        return np.asarray(image)


def _shot_folder(advert: Advert, shot_index: int, quality: Quality, cache: Path) -> Path:
    shot = advert.shots[shot_index]
    size = advert.picture_rect[2:]
    return cache / f"{advert.name}_{shot_index}_{_digest(advert.product_id, shot, advert.fps, size, quality)}"


def render_job(job: Job, quality: Quality, cache: Path) -> int:
    """Render the job's frames that the cache lacks; returns how many those were."""
    shot = job.advert.shots[job.shot_index]
    folder = _shot_folder(job.advert, job.shot_index, quality, cache)
    missing = [i for i in range(job.first, job.last) if not (folder / f"{i:04d}_mask.png").is_file()]
    if not missing:
        return 0
    stage_set = SETS[shot.set_name]()
    product = [
        Part(part.mesh.moved(yaw_deg=shot.product_yaw_deg), part.material)
        for part in PRODUCTS[job.advert.product_id].build()
    ]
    _, _, width_px, height_px = job.advert.picture_rect
    stage = renderer.Stage(stage_set, product, width_px, height_px, shot.camera.fov_y_deg, shot.camera.aperture)
    foot = np.array([0.0, 0.0, stage_set.stand_z])
    for index in missing:
        origin, aim = shot.camera.pose(index / (shot.frames - 1), index / job.advert.fps)
        light = stage.radiance(origin + foot, aim + foot, quality.advert_samples, seed=index)
        covered = stage.coverage(origin + foot, aim + foot, quality.mask_samples, seed=index)
        _keep(grade.advert(light, stage_set.exposure), folder / f"{index:04d}.png")
        _keep((covered * 255 + 0.5).astype(np.uint8), folder / f"{index:04d}_mask.png")
    return len(missing)


def advert_frames(advert: Advert, quality: Quality, cache: Path) -> Iterator[tuple[Frame, Frame]]:
    """The finished frames: (H, W, 3) uint8 RGB and the product's mask (H, W) uint8 0 or 255.

    The fade multiplies display values by 0, 1/n, 2/n, ... and leaves the mask alone.
    """
    x, y, width, height = advert.picture_rect
    position = itertools.count()
    for shot_index, shot in enumerate(advert.shots):
        folder = _shot_folder(advert, shot_index, quality, cache)
        for index in range(shot.frames):
            frame = np.zeros((advert.height_px, advert.width_px, 3), np.uint8)
            mask = np.zeros((advert.height_px, advert.width_px), np.uint8)
            frame[y : y + height, x : x + width] = _load(folder / f"{index:04d}.png")
            covered = _load(folder / f"{index:04d}_mask.png") >= 128
            mask[y : y + height, x : x + width] = np.where(covered, 255, 0)
            overall = next(position)
            if overall < advert.fade_in_frames:
                frame = (frame * (overall / advert.fade_in_frames) + 0.5).astype(np.uint8)
            yield frame, mask


def _white_sweep() -> Set:
    paper = Part(sweep(12, -8, 3, 8, 1.2), Material("#f4f4f4", roughness=0.9, specular=0.1))
    lamps = [
        Softbox((-2.4, -2.4, 3.6), (0, 0, 0.4), (1.6, 1.6), (17.0, 17.0, 17.0)),
        Softbox((3.0, -2.6, 2.0), (0, 0, 0.4), (2.0, 2.0), (4.5, 4.5, 4.5)),
        Softbox((0.4, 1.5, 3.8), (0, 0, 0.4), (1.6, 1.0), (7.0, 7.0, 7.0)),
    ]
    return Set([paper], lamps, (0.55, 0.55, 0.55), exposure=0.8)


def listing_pictures(product_id: str, quality: Quality, cache: Path) -> list[Frame]:
    """The listing's pictures, each (H, W, 3) uint8 RGB on true white, rendered where the cache lacks them."""
    product = PRODUCTS[product_id]
    folder = cache / f"{product_id}_listing_{_digest(product_id, LISTING_VIEWS, LISTING_SIZE_PX, quality)}"
    paths = [folder / f"{index}.png" for index in range(len(LISTING_VIEWS))]
    if not all(path.is_file() for path in paths):
        white = _white_sweep()
        parts = product.build()
        size, fov = LISTING_SIZE_PX, LISTING_VIEWS[0].fov_y_deg
        stage = renderer.Stage(white, parts, size, size, fov, 0.0)
        empty_stage = renderer.Stage(white, [], size, size, fov, 0.0)
        middle: Vector = np.array([0.0, 0.0, product.height * 0.49])
        for index, view in enumerate(LISTING_VIEWS):
            origin, aim = view.pose(0.0, 0.0)
            pose = (origin * (0.25 + 0.75 * product.height) + middle, aim + middle)
            light = stage.radiance(*pose, quality.listing_samples, seed=index)
            empty = empty_stage.radiance(*pose, quality.empty_samples, seed=index)
            covered = stage.coverage(*pose, quality.listing_samples, seed=index)
            _keep(grade.packshot(light, empty, covered, white.exposure), paths[index])
    return [_load(path) for path in paths]
