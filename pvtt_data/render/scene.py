"""A scene: the typed description of one clip, drawn from a seed; the same for product A, product B and nobody."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pvtt_data.render.camera import MOVES, CameraMove, Lens, MoveKind, Range, Vector
from pvtt_data.render.look import Look
from pvtt_data.render.meshes import Mesh
from pvtt_data.render.motion import MotionKind, Pose, ProductMotion
from pvtt_data.render.product import Product
from pvtt_data.render.sets.library import STYLES, build_set, draw_style
from pvtt_data.render.sets.occluders import draw_occluder
from pvtt_data.render.stage_set import StageSet
from pvtt_data.render.tracer import Exposure

Dice = np.random.Generator

_SIZE = (0.78, 1.0)
"""Largest side of B in scene units."""
_MOTIONS: dict[MotionKind, float] = {
    "rest": 0.56, "turntable": 0.18, "spin": 0.08, "tumble": 0.04, "lift": 0.08, "slide": 0.06,
}  # fmt: skip
_MOVE_WEIGHTS: dict[MoveKind, float] = {
    "static": 0.12, "orbit": 0.24, "push-in": 0.18, "pull-out": 0.08, "dolly": 0.12, "crane": 0.12, "arc-push": 0.14,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SceneOptions:
    """What scenes are drawn from.

    Attributes:
        width_px, height_px, frames, fps: of the clip.
        styles: set styles, all if empty.
        hdris: environment maps that may light a set.
        min_ratio, max_ratio: bounds of A's size over B's, largest sides.
        occluder_share: share of scenes in which something passes in front.
        earlier_generation_share: share of clips that look encoded once before.
    """

    width_px: int
    height_px: int
    frames: int
    fps: float
    styles: tuple[str, ...] = ()
    hdris: tuple[Path, ...] = ()
    min_ratio: float = 0.7
    max_ratio: float = 1.4
    occluder_share: float = 0.15
    earlier_generation_share: float = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One clip but for the product.

    Attributes:
        seed: what it was drawn from; also seeds the paths.
        stage_set: set, lamps, sky and occluders.
        lens, move, motion, look: camera, its way, the product's way, and how light becomes pixels.
        frames, fps: of the clip.
        sizes: largest side of A and of B, scene units.
        headings_deg: turn of A and of B about the vertical at rest.
    """

    seed: int
    stage_set: StageSet
    lens: Lens
    move: CameraMove
    motion: ProductMotion
    look: Look
    frames: int
    fps: float
    sizes: tuple[float, float]
    headings_deg: tuple[float, float]

    def progress(self, frame: float) -> float:
        """Share of the clip that has passed at a frame."""
        return frame / max(1, self.frames - 1)

    def product_pose(self, frame: float, height: float) -> Pose:
        """Pose of a product that is ``height`` tall."""
        return self.motion.pose(self.progress(frame), self.stage_set.stand_z, height / 2)

    def exposure(self, frame: int, actor: int | None = None, height: float = 0.0) -> Exposure:
        """What happens while the shutter is open for a frame.

        Args:
            frame: 0 is the first.
            actor: which product is on the set; None for the bare set.
            height: of that product.
        """
        opens, closes = float(frame), frame + self.lens.shutter
        views = [self.move.view(self.progress(f), f / self.fps, self.stage_set.stand_z) for f in (opens, closes)]
        return Exposure(
            views[0],
            views[1],
            (self.product_pose(opens, height), self.product_pose(closes, height)),
            tuple(zip(self.occluder_poses(opens), self.occluder_poses(closes), strict=True)),
            actor,
        )

    def occluder_poses(self, frame: float) -> list[Pose]:
        """Pose of every occluder: they move in the coordinates of the view."""
        progress = self.progress(frame)
        view = self.move.view(progress, frame / self.fps, self.stage_set.stand_z)
        middle = np.array([0.0, 0.0, self.stage_set.stand_z + 0.4])
        to_product = float((middle - view.origin) @ view.forward)
        poses = []
        for occluder in self.stage_set.occluders:
            share = np.clip((progress - occluder.begin) / max(occluder.finish - occluder.begin, 1e-6), 0, 1)
            x, y, roll = (
                first + (last - first) * float(share)
                for first, last in (
                    (occluder.start[0], occluder.end[0]), (occluder.start[1], occluder.end[1]), occluder.roll_deg,
                )
            )  # fmt: skip
            depth = to_product * occluder.depth
            half = depth * self.lens.tan_half_fov
            place = view.origin + depth * view.forward + half * (x * view.right + y * view.up)
            basis = (view.right, view.up, -view.forward)
            poses.append(
                Pose(
                    (float(place[0]), float(place[1]), float(place[2])),
                    roll_deg=roll,
                    basis=tuple((float(axis[0]), float(axis[1]), float(axis[2])) for axis in basis),
                    scale=half,
                )
            )
        return poses


def dice_for(seed: int, purpose: str) -> Dice:
    """Dice of their own for each purpose, so that one more throw in one place changes nothing elsewhere."""
    return np.random.default_rng((seed, int(hashlib.sha256(purpose.encode()).hexdigest()[:8], 16)))


def draw_scene(seed: int, options: SceneOptions, a: Product, b: Product) -> Scene:
    """A scene in which both products are wholly in view from the first frame to the last.

    Args:
        seed: everything follows from it.
        a, b: the products, whose proportions decide how far away the camera stays.
    """
    dice = dice_for(seed, "scene")
    styles = options.styles or tuple(STYLES)
    style = draw_style(dice)
    while style not in styles:
        style = str(dice.choice(styles))
    stage_set = build_set(style, int(dice.integers(2**31)), options.hdris)
    aspect = options.width_px / options.height_px
    if dice.random() < options.occluder_share:
        stage_set = dataclasses.replace(stage_set, occluders=(draw_occluder(dice_for(seed, "occluder"), aspect),))
    sizes = _sizes(dice, options, a, b, stage_set.room)
    motion = dataclasses.replace(
        _motion(dice), hover=max(_clearance(p, size) for p, size in zip((a, b), sizes, strict=True))
    )
    headings = (float(dice.uniform(-28, 28)), float(dice.uniform(-28, 28)))
    lens = Lens(
        options.width_px,
        options.height_px,
        fov_y_deg=float(dice.uniform(17, 30)) * (1.0 if options.height_px > options.width_px else 0.75),
        aperture=float(np.exp(dice.uniform(np.log(0.008), np.log(0.05)))),
        shutter=float(dice.uniform(0.35, 0.6)),
    )
    tallest = max(size * _height(p) for size, p in zip(sizes, (a, b), strict=True))
    move = _move(dice, stage_set, tallest, motion)
    look = _look(dice, stage_set, options)
    scene = Scene(seed, stage_set, lens, move, motion, look, options.frames, options.fps, sizes, headings)
    return _framed(scene, float(dice.uniform(0.6, 0.9)), (a, b))


def _height(product: Product) -> float:
    low, high = product.bounds()
    return float(high[2] - low[2])


def _clearance(product: Product, size: float) -> float:
    """How high a product must float so that it can turn about its middle in any way."""
    low, high = product.bounds()
    return size * float(np.linalg.norm(high - low) - (high[2] - low[2])) / 2 + 0.05


def _sizes(dice: Dice, options: SceneOptions, a: Product, b: Product, room: float) -> tuple[float, float]:
    """Largest sides of A and B within the bounds of their ratio; both fit into the set's room."""
    ratio = float(np.exp(dice.uniform(np.log(options.min_ratio), np.log(options.max_ratio))))
    size_b = float(dice.uniform(*_SIZE))
    size_a = size_b * ratio
    too_wide = max(size_a * a.radius() / room, size_b * b.radius() / room, 1.0)
    too_tall = max(size_a / 1.15, 1.0)
    shrink = max(too_wide, too_tall)
    return size_a / shrink, size_b / shrink


def _motion(dice: Dice) -> ProductMotion:
    kinds = list(_MOTIONS)
    kind = kinds[int(dice.choice(len(kinds), p=np.array(list(_MOTIONS.values())) / sum(_MOTIONS.values())))]
    side = float(dice.choice([-1.0, 1.0]))
    turn = {
        "rest": (0.0, 0.0),
        "turntable": (-side * dice.uniform(20, 60), side * dice.uniform(20, 60)),
        "spin": (-side * dice.uniform(30, 80), side * dice.uniform(30, 80)),
        "tumble": (-side * 15.0, side * dice.uniform(15, 50)),
        "lift": (0.0, side * dice.uniform(0, 40)),
        "slide": (0.0, 0.0),
    }[kind]
    amount = {"tumble": dice.uniform(20, 50), "lift": dice.uniform(0.15, 0.35), "slide": dice.uniform(0.15, 0.4)}
    return ProductMotion(kind, (float(turn[0]), float(turn[1])), float(amount.get(kind, 0.0)), side)


def _move(dice: Dice, stage_set: StageSet, tallest: float, motion: ProductMotion) -> CameraMove:
    kind = MOVES[int(dice.choice(len(MOVES), p=np.array([_MOVE_WEIGHTS[name] for name in MOVES])))]
    if motion.kind in ("turntable", "spin", "tumble") and dice.random() < 0.7:
        kind = "static"
    low, high = stage_set.azimuth_deg
    azimuth = float(dice.uniform(low, high))
    sweep = float(dice.uniform(10, 32))
    other = float(np.clip(azimuth + (sweep if azimuth < (low + high) / 2 else -sweep), low, high))
    bottom, top = stage_set.elevation_deg
    elevation = bottom + (top - bottom) * float(dice.beta(1.4, 2.4))
    raised = float(np.clip(elevation + dice.choice([-1, 1]) * dice.uniform(5, 14), bottom, top))
    pushed = float(dice.uniform(0.72, 0.88))
    azimuths: Range = (azimuth, azimuth)
    elevations: Range = (elevation, elevation)
    distance: Range = (1.0, 1.0)
    aim_x: Range = (0.0, 0.0)
    aim = tallest * float(dice.uniform(0.44, 0.56))
    aim_z: Range = (aim, aim)
    if kind == "orbit":
        azimuths = (azimuth, other)
    elif kind == "push-in":
        distance = (1.0, pushed)
    elif kind == "pull-out":
        distance = (pushed, 1.0)
    elif kind == "dolly":
        reach = float(dice.uniform(0.12, 0.3)) * float(dice.choice([-1, 1]))
        aim_x = (reach, -reach)
    elif kind == "crane":
        elevations = (elevation, raised)
        aim_z = (aim, aim + 0.04 * float(np.sign(elevation - raised)))
    elif kind == "arc-push":
        azimuths, distance = (azimuth, azimuth + 0.6 * (other - azimuth)), (1.0, pushed)
    near = float(dice.uniform(-0.22, -0.05))
    focus: Range = (near, near)
    if dice.random() < 0.08:
        far = float(dice.uniform(0.7, 1.6))
        focus = (far, near) if dice.random() < 0.6 else (near, far)
    handheld = dice.random() < 0.38
    shake = float(dice.uniform(0.12, 0.4)) if handheld else float(dice.choice([0.0, 0.03, 0.06]))
    return CameraMove(
        kind, azimuths, elevations, distance, aim_x, aim_z, focus, shake, int(dice.integers(2**31)),
        float(dice.uniform(0.3, 1.0)),
    )  # fmt: skip


def _look(dice: Dice, stage_set: StageSet, options: SceneOptions) -> Look:
    warmth, tint = float(dice.normal(0, 0.03)), float(dice.normal(0, 0.012))
    return Look(
        exposure=stage_set.exposure * float(np.exp(dice.normal(0, 0.07))),
        white_balance=(1 + warmth, 1 + tint, 1 - warmth),
        contrast=float(dice.uniform(0.0, 0.25)),
        saturation=float(dice.uniform(0.92, 1.12)),
        vignette=float(dice.uniform(0.0, 0.25)),
        grain=float(dice.uniform(0.4, 2.6)),
        grain_seed=int(dice.integers(2**31)),
        crf=int(dice.integers(19, 30)) if dice.random() < options.earlier_generation_share else None,
    )


def _framed(scene: Scene, fill: float, products: Sequence[Product]) -> Scene:
    """The scene with the camera at the distance from which the larger product fills that share of the frame.

    Where the set ends before that distance is reached, the lens is changed for a wider one.
    """
    boxes = [_box(p, size, heading) for p, size, heading in zip(products, scene.sizes, scene.headings_deg, strict=True)]
    near = scene.stage_set.room + 0.5
    for _ in range(8):
        reach = max(_reach(scene, box, frame) for box in boxes for frame in _some_frames(scene.frames))
        scene = _further(scene, reach / fill)
    if min(scene.move.distance) < near:
        scene = _further(scene, near / min(scene.move.distance))
    over = max(scene.move.distance) / scene.stage_set.max_distance
    if over > 1:
        scene = _further(scene, 1 / over)
        for _ in range(8):
            reach = max(_reach(scene, box, frame) for box in boxes for frame in _some_frames(scene.frames))
            wider = scene.lens.tan_half_fov * reach / fill
            scene = dataclasses.replace(
                scene, lens=dataclasses.replace(scene.lens, fov_y_deg=float(2 * np.degrees(np.arctan(wider))))
            )
    return scene


def _some_frames(frames: int) -> list[int]:
    return sorted({round(share * (frames - 1)) for share in np.linspace(0, 1, 9)})


def _further(scene: Scene, factor: float) -> Scene:
    first, last = scene.move.distance
    return dataclasses.replace(scene, move=dataclasses.replace(scene.move, distance=(first * factor, last * factor)))


def _box(product: Product, size: float, heading_deg: float) -> Mesh:
    """The corners of a product's bounding box about its own foot."""
    low, high = product.bounds()
    corners = np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
    empty = np.zeros((0, 3), np.int64)
    return Mesh(corners * size, np.zeros_like(corners), np.zeros((8, 2)), empty).moved(yaw_deg=heading_deg)


def _reach(scene: Scene, box: Mesh, frame: int) -> float:
    """How far from the picture's middle a box reaches: 1 is the nearer edge of the frame on that axis."""
    height = float(box.vertices[:, 2].max())
    view = scene.move.view(scene.progress(frame), frame / scene.fps, scene.stage_set.stand_z)
    place, depth = scene.lens.project(view, scene.product_pose(frame, height).apply(box).vertices)
    if (depth < 0.05).any():
        return 50.0
    half = np.array([scene.lens.width_px / 2, scene.lens.height_px / 2])
    return float((np.abs(place - half) / half).max())


def headed(product: Product, size: float, heading_deg: float) -> Product:
    """A product at its size and heading in a scene, about its own foot."""
    parts = tuple(
        dataclasses.replace(part, mesh=part.mesh.scaled(size).moved(yaw_deg=heading_deg)) for part in product.parts
    )
    return dataclasses.replace(product, parts=parts)


def viewing_directions(scene: Scene, heading_deg: float) -> Vector:
    """From where the camera sees a product, ``(T, 2)``: azimuth and elevation in degrees in the product's own frame."""
    seen = []
    for frame in range(scene.frames):
        view = scene.move.view(scene.progress(frame), frame / scene.fps, scene.stage_set.stand_z)
        pose = scene.product_pose(frame, 0.6)
        away = (view.origin - np.array(pose.shift) - [0, 0, 0.3]) @ pose.rotation()
        azimuth = np.degrees(np.arctan2(away[0], -away[1])) - heading_deg
        elevation = np.degrees(np.arctan2(away[2], np.hypot(away[0], away[1])))
        seen.append((azimuth, elevation))
    return np.array(seen)
