"""Adverts of one product: a few shots, each on a set of its own, and listing pictures.

They are raw material as a feed has it, and not pairs: cut hard or by dissolves, with close views that cut the product
off and shots too short to use. What is known of them is exact all the same.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pvtt_data.render.cutting import Timeline, join
from pvtt_data.render.filming import Footage, Quality, record
from pvtt_data.render.packshots import Picture, packshots
from pvtt_data.render.product import Product
from pvtt_data.render.references import SIZE_PX, Direction
from pvtt_data.render.scene import Dice, Scene, SceneOptions, dice_for, draw_scene, headed
from pvtt_data.render.sets.library import STYLES

_RATES = (24, 25, 30)
_SHOTS = (2, 4)
_LONG = (1.15, 1.5)
"""Length of a shot that clips can be cut out of, in lengths of a clip."""
_SHORT = (0.3, 0.6)
"""Length of a close view."""
_CLOSE_SHARE = 0.35
_ZOOM = (1.5, 2.1)
_DISSOLVE_SHARE = 0.25
_DISSOLVE_S = (0.3, 0.6)
_CRF = (18, 26)
_LISTING = (((-32.0, -14.0), (6.0, 16.0)), ((22.0, 44.0), (6.0, 16.0)), ((-12.0, 12.0), (30.0, 44.0)))
"""Of the listing pictures: azimuths and elevations in degrees, from the left, from the right, from above."""


@dataclass(frozen=True, slots=True)
class AdvertOptions:
    """What adverts are drawn from.

    Attributes:
        width_px, height_px: of the video.
        clip_s: seconds of the clips that shall be cut out of it: every advert has a shot that is longer.
        styles: set styles, all if empty.
        hdris: environment maps that may light a set.
        occluder_share: share of shots in which something passes in front.
    """

    width_px: int
    height_px: int
    clip_s: float
    styles: tuple[str, ...] = ()
    hdris: tuple[Path, ...] = ()
    occluder_share: float = 0.15


@dataclass(frozen=True, slots=True)
class Take:
    """How long a shot is, and how it begins.

    Attributes:
        frames: those in dissolves counted in.
        dissolve: over how many frames it comes out of the shot before; 0 is a hard cut.
        zoom: how much longer the lens is than one that shows the whole product; 1 shows it.
    """

    frames: int
    dissolve: int
    zoom: float


@dataclass(frozen=True, slots=True, eq=False)
class Advert:
    """What is filmed.

    Attributes:
        fps: rate of the video.
        crf: x264's quality.
        takes: length and beginning of every shot.
        scenes: every shot's set, camera and motion.
        products: the product as it stands there.
    """

    fps: int
    crf: int
    takes: tuple[Take, ...]
    scenes: tuple[Scene, ...]
    products: tuple[Product, ...]

    @property
    def timeline(self) -> Timeline:
        """How the shots follow each other."""
        return Timeline(tuple(take.frames for take in self.takes), tuple(take.dissolve for take in self.takes))


def draw_advert(seed: int, product: Product, options: AdvertOptions) -> Advert:
    """An advert of a product; no set comes twice while there are other styles.

    Args:
        seed: everything follows from it.
        product: largest side 1.
    """
    dice = dice_for(seed, "advert")
    fps = int(dice.choice(_RATES))
    takes = draw_takes(dice, fps, options.clip_s)
    styles = options.styles or tuple(STYLES)
    left: tuple[str, ...] = ()
    scenes, products = [], []
    for take in takes:
        left = left or styles
        scene_options = SceneOptions(
            options.width_px,
            options.height_px,
            take.frames,
            fps,
            left,
            options.hdris,
            min_ratio=1.0,
            max_ratio=1.0,
            occluder_share=options.occluder_share,
            earlier_generation_share=0.0,
        )
        scene = draw_scene(int(dice.integers(2**31)), scene_options, product, product)
        left = tuple(style for style in left if style != scene.stage_set.style)
        scenes.append(_zoomed(scene, take.zoom))
        products.append(headed(product, scene.sizes[1], scene.headings_deg[1]))
    return Advert(fps, int(dice.integers(*_CRF)), takes, tuple(scenes), tuple(products))


def draw_takes(dice: Dice, fps: int, clip_s: float) -> tuple[Take, ...]:
    """Two to four shots, one of them at least long enough for a clip of ``clip_s`` seconds beside its dissolves."""
    count = int(dice.integers(_SHOTS[0], _SHOTS[1] + 1))
    always_long = int(dice.integers(count))
    close = [number != always_long and dice.random() < _CLOSE_SHARE for number in range(count)]
    alone = [max(2, round(fps * clip_s * float(dice.uniform(*(_SHORT if near else _LONG))))) for near in close]
    zooms = [float(dice.uniform(*_ZOOM)) if near else 1.0 for near in close]
    slowly = [number > 0 and dice.random() < _DISSOLVE_SHARE for number in range(count)]
    longest = max(2, round(fps * clip_s / 4))
    dissolves = [min(longest, round(fps * float(dice.uniform(*_DISSOLVE_S)))) if slow else 0 for slow in slowly]
    after = [*dissolves[1:], 0]
    return tuple(
        Take(frames + before + behind, before, zoom)
        for frames, before, behind, zoom in zip(alone, dissolves, after, zooms, strict=True)
    )


def _zoomed(scene: Scene, zoom: float) -> Scene:
    """The scene through a longer lens from the same place."""
    fov = float(2 * np.degrees(np.arctan(scene.lens.tan_half_fov / zoom)))
    return dataclasses.replace(scene, lens=dataclasses.replace(scene.lens, fov_y_deg=fov))


def film(advert: Advert, quality: Quality, *, preview: bool = False) -> tuple[Timeline, Footage]:
    """The finished advert and where its shots are.

    Args:
        preview: the first, the middle and the last frame of every shot are enough, cut hard.
    """
    timeline = advert.timeline
    wanted: list[list[int] | None] = [None] * len(advert.scenes)
    if preview:
        wanted = [[0, (scene.frames - 1) // 2, scene.frames - 1] for scene in advert.scenes]
        timeline = Timeline((3,) * len(wanted), (0,) * len(wanted))
    casts = zip(advert.scenes, advert.products, wanted, strict=True)
    return timeline, join(timeline, [record(scene, product, quality, numbers) for scene, product, numbers in casts])


def listing_pictures(seed: int, product: Product, quality: Quality, shot_px: int = SIZE_PX) -> list[Picture]:
    """Two or three pictures of a product on white, ``(S, S, 3) uint8`` RGB; see `packshots`."""
    dice = dice_for(seed, "listing")
    directions = [Direction(float(dice.uniform(*turn)), float(dice.uniform(*height))) for turn, height in _LISTING]
    return packshots(product, directions[: int(dice.integers(2, 4))], quality, seed, shot_px)
