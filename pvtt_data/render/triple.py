"""A rendered triple: the two videos, the masks, the references of B, ready to be stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from pvtt_data.media import decode_video, encode_clip
from pvtt_data.render.denoise import Denoiser
from pvtt_data.render.flow import Geometry, geometry
from pvtt_data.render.presets import Preset
from pvtt_data.render.product import Product
from pvtt_data.render.references import (
    SIZE_PX,
    Cutout,
    Direction,
    choose_directions,
    directions_of,
    photograph,
    reference_dice,
    white_studio,
)
from pvtt_data.render.scene import Scene, SceneOptions, draw_scene, headed, viewing_directions
from pvtt_data.render.sets.library import build_set, draw_style
from pvtt_data.render.shoot import Shoot

Frames = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]

_LIFESTYLE_SHARE = 0.3
_LEAST_REFERENCES = 3
_HELPERS = 4
"""Threads that develop frames beside a GPU; on processors each worker keeps to one."""


@dataclass(frozen=True, slots=True)
class View:
    """A picture of B with the direction that it was taken from."""

    picture: Cutout
    direction: Direction


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is made of a scene.

    Attributes:
        references, heldout: how many pictures of B; from 3 to that many references are made, as the seed decides.
        shown: the frames that are rendered; all if empty.
        geometry: whether depth and flow are computed.
        reference_px: height and width of the pictures before they are cropped to the product.
        shadowless: whether the target is also made without B's shadow.
    """

    references: int = 4
    heldout: int = 0
    shown: tuple[int, ...] = ()
    geometry: bool = False
    reference_px: int = SIZE_PX
    shadowless: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class RenderedTriple:
    """A pair whose truth is exact.

    Attributes:
        scene: what was shot.
        source, target: ``(T, H, W, 3) uint8`` RGB with A and with B; equal outside ``effect_mask``.
        source_mask, target_mask: ``(T, H, W) bool``, where A and B are visible.
        effect_mask: ``(T, H, W) bool``, where the videos may differ.
        references, heldout: pictures of B.
        geometry: depth and flow of A's and of B's frames; empty if not wanted.
        numbers: what was measured on the way, finite.
        shadowless: ``(T, H, W, 3) uint8`` RGB, the target as if B cast no shadow, reflection or glow: B's pixels over
            the bare set; equal to the source outside ``effect_mask``. None if not wanted.
    """

    scene: Scene
    source: Frames
    source_mask: Masks
    target: Frames
    target_mask: Masks
    effect_mask: Masks
    references: tuple[View, ...]
    heldout: tuple[View, ...]
    geometry: tuple[list[Geometry], ...]
    numbers: dict[str, float]
    shadowless: Frames | None = None


def render_triple(
    seed: int,
    products: tuple[Product, Product],
    options: SceneOptions,
    preset: Preset,
    denoiser: Denoiser,
    wanted: Wanted,
    on_frame: Callable[[], None] = lambda: None,
) -> RenderedTriple:
    """Draw a scene, shoot it with A and with B, and photograph B.

    Args:
        seed: everything follows from it.
        products: A and B, largest side 1.
        on_frame: called after each frame.
    """
    scene = draw_scene(seed, options, *products)
    cast = [headed(p, size, head) for p, size, head in zip(products, scene.sizes, scene.headings_deg, strict=True)]
    shoot = Shoot(scene, cast, preset, denoiser, helpers=_HELPERS if denoiser.cuda else 0)
    frames = wanted.shown or tuple(range(scene.frames))
    shape = (len(frames), scene.lens.height_px, scene.lens.width_px)
    videos = [np.empty((*shape, 3), np.uint8) for _ in (*cast, *([None] if wanted.shadowless else []))]
    masks = [np.empty(shape, np.bool_) for _ in cast]
    effect = np.empty(shape, np.bool_)
    for number, moment in enumerate(shoot.moments(frames)):
        for which, shown in enumerate(moment.shown):
            videos[which][number], masks[which][number] = shown.picture, shown.mask
        if wanted.shadowless:
            videos[-1][number] = moment.shown[1].shadowless(moment.bare)
        effect[number] = moment.effect
        on_frame()
    depths = tuple(
        [geometry(scene, shoot.stage, frame, actor, shoot.heights[actor]) for frame in frames]
        for actor in (range(len(cast)) if wanted.geometry else ())
    )
    del shoot  # kernels are compiled over all scenes that are alive
    source, *targets = _aged(videos, effect, scene)
    for target in targets:
        _check_equal_outside(source, target, effect)
    views = _views(seed, scene, products[1], options, preset, denoiser, wanted)
    numbers = {
        "effect_share": float(effect.mean()),
        "size_ratio": scene.sizes[0] / scene.sizes[1],
        "least_reference_angle_deg": _least_angle(scene, [view.direction for view in views]),
    }
    count = len(views) - wanted.heldout
    return RenderedTriple(
        scene,
        source,
        masks[0],
        targets[0],
        masks[1],
        effect,
        tuple(views[:count]),
        tuple(views[count:]),
        depths,
        numbers,
        targets[1] if wanted.shadowless else None,
    )


def _aged(videos: Sequence[Frames], effect: Masks, scene: Scene) -> list[Frames]:
    """The source and its targets after one more generation of compression, where the look asks for one.

    Encoders treat pictures apart, so what is equal before comes out unequal; outside the effect mask the source's
    pixels are put back into the targets.
    """
    if scene.look.crf is None:
        return list(videos)
    with TemporaryDirectory() as name, ThreadPoolExecutor(len(videos)) as pool:
        paths = [Path(name) / f"{number}.mp4" for number in range(len(videos))]
        crf = float(scene.look.crf)

        def generation(frames: Frames, path: Path) -> Frames:
            encode_clip(frames, scene.fps, path, crf=crf)
            return decode_video(path)

        source, *targets = pool.map(generation, videos, paths)
    return [source, *(np.where(effect[..., None], target, source) for target in targets)]


def _check_equal_outside(source: Frames, target: Frames, effect: Masks) -> None:
    for one, other, may_differ in zip(source, target, effect, strict=True):
        if (one != other).any(axis=-1)[~may_differ].any():
            raise RuntimeError("source and target differ outside the effect mask: a defect of the render engine")


def _views(
    seed: int,
    scene: Scene,
    b: Product,
    options: SceneOptions,
    preset: Preset,
    denoiser: Denoiser,
    wanted: Wanted,
) -> list[View]:
    dice = reference_dice(seed)
    least = min(_LEAST_REFERENCES, wanted.references)
    count = int(dice.integers(least, wanted.references + 1)) + wanted.heldout
    seen = directions_of(viewing_directions(scene, scene.headings_deg[1]))
    directions = choose_directions(dice, seen, count)
    if dice.random() < _LIFESTYLE_SHARE:
        stage_set = build_set(draw_style(dice), int(dice.integers(2**31)), options.hdris)
    else:
        stage_set = white_studio(dice)
    product = headed(b, min(scene.sizes[1], stage_set.room / max(b.radius(), 1e-6)), 0.0)
    pictures = photograph(product, directions, stage_set, preset, denoiser, seed + 1, wanted.reference_px)
    return [View(picture, direction) for picture, direction in zip(pictures, directions, strict=True)]


def _least_angle(scene: Scene, views: Sequence[Direction]) -> float:
    """Smallest angle between a picture of B and a frame of the clip, degrees."""
    trail = np.array(
        [Direction(float(az), float(el)).vector() for az, el in viewing_directions(scene, scene.headings_deg[1])]
    )
    closest = max(float((trail @ view.vector()).max()) for view in views)
    return float(np.degrees(np.arccos(np.clip(closest, -1, 1))))
