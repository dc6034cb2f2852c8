"""From a shot to a scene: the camera stands where the product fills the wanted share of the picture."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from pvtt_data.render.camera import Lens
from pvtt_data.render.look import Look
from pvtt_data.render.product import Product
from pvtt_data.render.scene import Scene, dice_for, headed
from pvtt_data.render.sets.library import build_set
from pvtt_data.render.sets.occluders import reaching_hand
from pvtt_data.render.stage_set import Occluder
from samples.render.adverts import Shot
from samples.render.articles import Article

_SHUTTER = 0.5
_STEPS = 8
_NEAREST = 1.0
"""Between the lens and the product's axis, scene units."""


class StagingError(ValueError):
    """A shot that its set does not allow."""


def stage_shot(
    shot: Shot, article: Article, width_px: int, height_px: int, fps: float, seed: int
) -> tuple[Scene, Product]:
    """The scene of a shot, and the product as it stands there.

    Args:
        shot: what is wanted.
        article: what is shown.
        width_px, height_px: of the picture.
        seed: of paths and grain.

    Raises:
        StagingError: the set does not look complete from there, or the product does not fit into it.
    """
    product = headed(article.build(), article.size, shot.heading_deg)
    stage_set = build_set(shot.style, shot.set_seed)
    if shot.hand is not None:
        stage_set = dataclasses.replace(stage_set, occluders=(_leaving_hand(shot.hand, width_px / height_px),))
    lens = Lens(width_px, height_px, shot.fov_y_deg, shot.aperture, _SHUTTER)
    look = Look(stage_set.exposure, contrast=0.12, vignette=0.12, grain=0.6, grain_seed=seed, saturation=1.04)
    scene = Scene(
        seed,
        stage_set,
        lens,
        shot.move,
        shot.motion,
        look,
        shot.frames,
        fps,
        (article.size, article.size),
        (shot.heading_deg, shot.heading_deg),
    )
    for _ in range(_STEPS):
        factor = _reach(scene, product) / shot.fill
        first, last = scene.move.distance
        move = dataclasses.replace(scene.move, distance=(first * factor, last * factor))
        scene = dataclasses.replace(scene, move=move)
    _check(scene, product)
    return scene, product


def _leaving_hand(seed: int, aspect: float) -> Occluder:
    """A hand that has just put the product down and draws back."""
    hand = reaching_hand(dice_for(seed, "hand"), aspect)
    inside, outside = sorted((hand.start, hand.end), key=lambda place: math.hypot(*place))
    return dataclasses.replace(hand, start=inside, end=outside, begin=0.02, finish=0.2)


def _reach(scene: Scene, product: Product) -> float:
    """How far from the picture's middle the product reaches; 1 is the nearer edge of the frame on that axis."""
    lens, height = scene.lens, float(product.bounds()[1][2])
    points = np.concatenate([part.mesh.vertices for part in product.parts])
    half = np.array([lens.width_px / 2, lens.height_px / 2])
    farthest = 0.0
    for frame in np.linspace(0, scene.frames - 1, 7):
        pose = scene.product_pose(float(frame), height)
        pivot = np.array([0.0, 0.0, pose.pivot_z])
        placed = (points - pivot) @ pose.rotation().T + pivot + np.array(pose.shift)
        view = scene.move.view(scene.progress(float(frame)), float(frame) / scene.fps, scene.stage_set.stand_z)
        place, depth = lens.project(view, placed)
        if depth.min() < 0.05:
            return 8.0
        farthest = max(farthest, float((np.abs(place - half) / half).max()))
    return farthest


def _check(scene: Scene, product: Product) -> None:
    stage_set, move = scene.stage_set, scene.move
    low, high = product.bounds()
    radius = float(np.hypot(*np.maximum(np.abs(low[:2]), np.abs(high[:2]))))
    limits = (
        ("the product's radius", (radius,), 0.0, stage_set.room),
        ("distance", move.distance, _NEAREST, stage_set.max_distance),
        ("azimuth", move.azimuth_deg, *stage_set.azimuth_deg),
        ("elevation", move.elevation_deg, *stage_set.elevation_deg),
    )
    wrong = [
        f"{what} {', '.join(f'{v:.2f}' for v in values)} is not within {least:.2f} to {most:.2f}"
        for what, values, least, most in limits
        if min(values) < least or max(values) > most
    ]
    if wrong:
        raise StagingError(f"set {stage_set.style}: {'; '.join(wrong)}")
