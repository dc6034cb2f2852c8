"""Pictures of a product away from the clip: references for the model, and held-out views for the metrics.

No view comes nearer than 20 degrees to the directions from which the clip shows the product, and the light is another,
so that no reference is a frame in disguise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.errors import InputError
from pvtt_data.render import meshes
from pvtt_data.render.camera import Lens, Vector, look_at
from pvtt_data.render.denoise import Denoiser
from pvtt_data.render.look import Floats, Look, develop
from pvtt_data.render.material import Material, Part, Rgb
from pvtt_data.render.motion import Pose
from pvtt_data.render.presets import Preset
from pvtt_data.render.product import Product
from pvtt_data.render.scene import Dice, dice_for
from pvtt_data.render.stage_set import Environment, Softbox, StageSet
from pvtt_data.render.tracer import Box, Exposure, Stage, open_stage

Cutout = npt.NDArray[np.uint8]

LEAST_ANGLE_DEG = 20.0
"""Between a view of a reference and any view of the clip."""
_BETWEEN_DEG = 14.0
"""Wished for between two reference views."""
SIZE_PX = 512
"""Height and width of a picture before it is cropped to its product, where nothing else is asked for."""
_MARGIN = 0.04
_CANDIDATES = 400
_SAFE = 0.98
_LOOSE = 0.01


@dataclass(frozen=True, slots=True)
class Direction:
    """From where a product is seen, degrees in its own frame: azimuth 0 is its front, positive to its right."""

    azimuth_deg: float
    elevation_deg: float

    def vector(self) -> Vector:
        """Unit vector from the product to the camera, ``(3,)``."""
        azimuth, elevation = np.radians(self.azimuth_deg), np.radians(self.elevation_deg)
        return np.array([np.sin(azimuth) * np.cos(elevation), -np.cos(azimuth) * np.cos(elevation), np.sin(elevation)])


def angle_deg(one: Direction, other: Direction) -> float:
    """Angle between two directions."""
    return float(np.degrees(np.arccos(np.clip(one.vector() @ other.vector(), -1, 1))))


def choose_directions(dice: Dice, seen: Sequence[Direction], count: int) -> list[Direction]:
    """Directions for pictures of a product, each at least `LEAST_ANGLE_DEG` from all that the clip shows.

    Shops show the front half and a little from above, so candidates come from there first; they keep apart from each
    other as far as there is room.
    """
    trail = np.array([direction.vector() for direction in seen])
    chosen: list[Direction] = []
    for spread in (75.0, 120.0, 180.0):
        candidates = [
            Direction(float(dice.uniform(-spread, spread)), float(dice.uniform(2, 48))) for _ in range(_CANDIDATES)
        ]
        apart = np.cos(np.radians(LEAST_ANGLE_DEG))
        free = [c for c in candidates if (trail @ c.vector()).max() < apart]
        for wish in (_BETWEEN_DEG * 2, _BETWEEN_DEG):
            for candidate in free:
                if len(chosen) < count and all(angle_deg(candidate, other) >= wish for other in chosen):
                    chosen.append(candidate)
        if len(chosen) == count:
            break
    return chosen


def white_studio(dice: Dice) -> StageSet:
    """A seamless white sweep under large softboxes, its light from another side each time."""
    side = float(dice.choice([-1.0, 1.0]))
    warmth = float(dice.normal(0, 0.02))
    white: Rgb = (1 + warmth, 1.0, 1 - warmth)

    def light(strength: float) -> Rgb:
        return (white[0] * strength, white[1] * strength, white[2] * strength)

    paper = Part(meshes.sweep(16, -10, 4, 9, 1.4), Material("#f4f4f4", roughness=0.9, specular=0.1))
    key = Softbox((side * 2.4, -2.2, 3.4), (0, 0, 0.4), (1.7, 1.7), light(float(dice.uniform(11, 17))))
    fill = Softbox((-side * 3.0, -2.4, 2.0), (0, 0, 0.4), (2.2, 2.2), light(float(dice.uniform(3, 6))))
    top = Softbox((0.3 * side, 1.3, 3.8), (0, 0, 0.4), (1.8, 1.2), light(float(dice.uniform(4, 8))))
    sky = Environment(np.full((1, 1, 3), 0.55, np.float32))
    return StageSet("white-studio", (paper,), (key, fill, top), sky, exposure=0.8, max_distance=9.0)


def photograph(
    product: Product,
    directions: Sequence[Direction],
    stage_set: StageSet,
    preset: Preset,
    denoiser: Denoiser,
    seed: int,
    size_px: int = SIZE_PX,
) -> list[Cutout]:
    """Pictures of a product, cut out: each ``(h, w, 4) uint8`` RGBA with straight alpha, cropped with a margin.

    Args:
        product: at any size, about its own foot.
        directions: from where.
        stage_set: what it stands in; only its light is seen: walls, props and lamps before the product hide nothing.
        seed: of the paths.
        size_px: height and width before cropping.

    Raises:
        InputError: nothing of the product can be seen from somewhere.
    """
    stage = open_stage(stage_set, [product.parts], preset.depth)
    low, high = product.bounds()
    middle = np.array([0.0, 0.0, stage_set.stand_z + (low[2] + high[2]) / 2])
    radius = float(np.linalg.norm(high - low)) / 2
    lens = Lens(size_px, size_px, fov_y_deg=22.0, aperture=0.0, shutter=0.0)
    distance = radius / np.sin(np.radians(lens.fov_y_deg / 2)) * 1.02
    look = Look(exposure=stage_set.exposure, contrast=0.1, vignette=0.0, grain=0.0)
    pose = Pose((0.0, 0.0, stage_set.stand_z))
    cleared = _box(low, high, stage_set.stand_z, _LOOSE * radius)
    pictures = []
    for number, direction in enumerate(directions):
        view = look_at(middle + distance * direction.vector(), middle, distance)
        exposure = Exposure(view, view, (pose, pose), actor=0, cleared=cleared)
        pictures.append(_cut_out(stage, lens, exposure, look, preset, denoiser, seed * 16 + number))
    return pictures


def _box(low: Vector, high: Vector, stand_z: float, margin: float) -> Box:
    """The box of a product that stands at that height, a little larger, so that its faces lie inside."""
    first, last = low - margin, high + margin
    return (first[0], first[1], first[2] + stand_z), (last[0], last[1], last[2] + stand_z)


def _cut_out(
    stage: Stage, lens: Lens, exposure: Exposure, look: Look, preset: Preset, denoiser: Denoiser, seed: int
) -> Cutout:
    shape = (lens.height_px, lens.width_px)
    everything = np.arange(shape[0] * shape[1], dtype=np.uint32)
    layers = stage.trace(lens, exposure, everything, preset.reference_samples, seed)
    alpha = stage.coverage(lens, exposure, everything, preset.edge_samples, seed + 1).reshape(shape)
    if not alpha.any():
        raise InputError("invisible", "nothing of the product can be seen: it is too thin, or wholly transparent")
    clean = denoiser(*(layer.reshape(*shape, 3) for layer in (layers.light, layers.albedo, layers.normal)))
    colour = _without_background(develop(clean, look), alpha)
    rgba = np.concatenate([colour, alpha[..., None]], axis=-1)
    top, left, bottom, right = _crop(alpha > 0)
    pixels: Cutout = (np.clip(rgba[top:bottom, left:right], 0, 1) * 255 + 0.5).astype(np.uint8)
    return pixels


def _without_background(colour: Floats, alpha: Floats) -> Floats:
    """Colours in which pixels that the product covers only partly take those of the nearest that it covers wholly."""
    whole = alpha >= _SAFE
    if not whole.any():
        return colour
    _, labels = cv2.distanceTransformWithLabels(
        (~whole).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    # Labels number the covered pixels; the label of a pixel is that of the nearest of them.
    order = np.zeros(labels.max() + 1, np.int64)
    order[labels[whole]] = np.flatnonzero(whole)
    nearest = colour.reshape(-1, 3)[order[labels]]
    clear: Floats = np.where(whole[..., None], colour, nearest)
    return clear


def _crop(seen: npt.NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    margin = round(_MARGIN * max(rows[-1] - rows[0], columns[-1] - columns[0]))
    return (
        max(0, int(rows[0]) - margin),
        max(0, int(columns[0]) - margin),
        min(seen.shape[0], int(rows[-1]) + margin + 1),
        min(seen.shape[1], int(columns[-1]) + margin + 1),
    )


def directions_of(rows: Vector) -> list[Direction]:
    """Directions from ``(T, 2)`` azimuths and elevations in degrees, every fourth and the last."""
    kept = [*range(0, len(rows), 4), len(rows) - 1]
    return [Direction(float(rows[i, 0]), float(rows[i, 1])) for i in kept]


def reference_dice(seed: int) -> Dice:
    """Dice for references, apart from those of the scene."""
    return dice_for(seed, "references")
