"""A stage: a set with or without a product on it, ready to be looked at through a lens and a shutter.

Rays are made here and not by a film plugin: each sample has its own moment within the open shutter, any list of pixels
can be traced, all layers come from the same rays, and sums are taken in a fixed order, so that the same variant gives
the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from pvtt_data.render.bodies import PRODUCT, Cast
from pvtt_data.render.camera import Lens, View
from pvtt_data.render.material import Material, Part, Texture
from pvtt_data.render.mitsuba_scene import lamp, owned, sky
from pvtt_data.render.motion import Pose, as_matrix
from pvtt_data.render.stage_set import Environment, Softbox, StageSet

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint32]
Points = npt.NDArray[np.float64]
Box = tuple[tuple[float, float, float], tuple[float, float, float]]

NOWHERE = 255
MOVING = [r".*_instance\.to_world", r".*\.vertex_positions"]
"""Parameters of a scene that poses change; an update of few parameters is quick."""
_MOST_SHAPES = 8192
_RECORDINGS = 64
SUBFRAMES = 4
_ENDLESS = 1e9
GLARE = 12.0
"""Brightest a single path may be, in multiples of what the display shows as white: keeps rare paths from being seen."""


@dataclass(frozen=True, slots=True)
class Layers:
    """What is seen in a list of N pixels.

    Attributes:
        light: ``(N, 3) float32`` linear RGB.
        albedo: ``(N, 3) float32`` of what is hit first, 0 to 1.
        normal: ``(N, 3) float32`` of what is hit first, world coordinates.
        product: ``(N,) float32`` share of the pixel in which the product is hit first.
    """

    light: Floats
    albedo: Floats
    normal: Floats
    product: Floats


@dataclass(frozen=True, slots=True)
class Sight:
    """What lies behind the middle of each pixel, with a pinhole in the place of the lens, at one moment.

    Attributes:
        point: ``(N, 3) float64`` scene units; infinite where nothing is hit.
        group: ``(N,) uint8``: SET, PRODUCT, OCCLUDER, or 255 for the sky.
    """

    point: Points
    group: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Exposure:
    """What happens while the shutter is open.

    Attributes:
        opens, closes: the camera at both ends.
        product: poses of the product at both ends.
        occluders: poses of each occluder at both ends.
        actor: which of the stage's products is on the set; None for the bare set.
        cleared: lowest and highest corner of a box: what stands between the lens and it is not seen, and goes on to
            cast light and shadow; None leaves everything to be seen.
    """

    opens: View
    closes: View
    product: tuple[Pose, Pose] = (Pose(), Pose())
    occluders: tuple[tuple[Pose, Pose], ...] = ()
    actor: int | None = None
    cleared: Box | None = None

    @property
    def still(self) -> bool:
        """Whether only the camera moves."""
        pairs = [self.product] if self.actor is not None else []
        return all(np.allclose(as_matrix(a), as_matrix(b), atol=1e-7) for a, b in [*pairs, *self.occluders])

    def part(self, first: float, last: float) -> Exposure:
        """The exposure between two shares of itself, with what moves held in its middle."""
        middle = (first + last) / 2
        return Exposure(
            between(self.opens, self.closes, first),
            between(self.opens, self.closes, last),
            _held(self.product, middle),
            tuple(_held(pair, middle) for pair in self.occluders),
            self.actor,
            self.cleared,
        )


def _held(pair: tuple[Pose, Pose], share: float) -> tuple[Pose, Pose]:
    pose = pair[0].towards(pair[1], share)
    return pose, pose


def between(first: View, last: View, share: float) -> View:
    """A view part of the way from one to another, for views that are close."""
    one, other = 1 - share, share
    forward = one * first.forward + other * last.forward
    forward = forward / np.linalg.norm(forward)
    right = one * first.right + other * last.right
    right = right - forward * (right @ forward)
    right = right / np.linalg.norm(right)
    return View(
        one * first.origin + other * last.origin,
        forward,
        right,
        np.cross(right, forward),
        one * first.focus + other * last.focus,
    )


class Stage(Protocol):
    """What both kinds of variants offer; see `open_stage`."""

    def trace(self, lens: Lens, exposure: Exposure, pixels: Pixels, samples: int, seed: int) -> Layers:
        """Path-traced light and first-hit layers of pixels.

        Args:
            pixels: ``(N,) uint32``, row-major indices.
            samples: paths a pixel.
            seed: of the random numbers; equal seeds give equal random numbers in equal places of ``pixels``.
        """
        ...

    def coverage(self, lens: Lens, exposure: Exposure, pixels: Pixels, samples: int, seed: int) -> Floats:
        """Share of each pixel in which the product is hit first, ``(N,) float32``."""
        ...

    def sight(self, lens: Lens, exposure: Exposure, pixels: Pixels) -> Sight:
        """What lies behind the middle of each pixel when the shutter opens."""
        ...


@dataclass(frozen=True, slots=True)
class Depth:
    """How far light is followed.

    Attributes:
        bounces: most segments of a path from lens to lamp.
        roulette: segments after which a path may end by chance.
    """

    bounces: int = 8
    roulette: int = 3


def open_stage(stage_set: StageSet, actors: Sequence[Sequence[Part]], depth: Depth) -> Stage:
    """A stage in the variant that was started: `pvtt_data.render.variant.start`.

    Args:
        stage_set: the set; its occluders' parts are placed by the exposures.
        actors: the parts of each product about the product's own foot; an exposure says which one is on the set.
        depth: how far light is followed.
    """
    import mitsuba as mi

    if mi.variant() == "scalar_rgb":
        from pvtt_data.render.scalar_tracer import ScalarStage

        return ScalarStage(stage_set, actors, depth)
    return VectorStage(stage_set, actors, depth)


def holes(parts: Sequence[Part]) -> bool:
    """Whether some surface lets rays through where its picture says so."""
    return any(isinstance(part.material.opacity, Texture) or part.material.opacity < 1 for part in parts)


def importance(source: Softbox | Environment, stand_z: float) -> float:
    """About how much light a lamp or sky sends to the product's place: how often paths should ask for it."""
    if isinstance(source, Environment):
        return float(np.pi * np.mean(source.radiance) * source.scale)
    place = np.array([0.0, 0.0, stand_z + 0.4])
    way = place - np.array(source.position)
    facing = np.array(source.aim) - np.array(source.position)
    distance = float(np.linalg.norm(way))
    slant = max(0.1, float(facing @ way) / (distance * float(np.linalg.norm(facing))))
    return float(np.mean(source.radiance)) * source.size[0] * source.size[1] * slant / distance**2


def lights(stage_set: StageSet) -> dict[str, Any]:
    """Sky and lamps with their sampling weights, as dictionaries for `mitsuba.load_dict`."""
    made: dict[str, Any] = {"sky": sky(stage_set.environment)}
    made["sky"]["sampling_weight"] = max(importance(stage_set.environment, stage_set.stand_z), 1e-3)
    for number, softbox in enumerate(stage_set.lamps):
        made[f"lamp{number}"] = lamp(softbox)
        made[f"lamp{number}"]["emitter"]["sampling_weight"] = importance(softbox, stage_set.stand_z)
    return made


class VectorStage:
    """A stage in a Dr.Jit variant (LLVM or CUDA).

    What a kernel needs is recorded at its first call and replayed (`drjit.freeze`): tracing it afresh takes longer than
    a GPU takes to run it.
    """

    def __init__(self, stage_set: StageSet, actors: Sequence[Sequence[Part]], depth: Depth) -> None:
        import drjit as dr
        import mitsuba as mi

        self._cast = Cast(stage_set, actors)
        entries, meshes = self._cast.describe()
        # Mitsuba's optimisation puts shapes in an order that is not always the same; lamps are drawn by their number.
        self._scene = mi.load_dict({"type": "scene", **lights(stage_set), **entries}, optimize=False)
        self._values = mi.traverse(self._scene)
        self._values.keep(MOVING)
        table = np.zeros(_MOST_SHAPES, np.uint32)
        for mesh, group in meshes:
            table[int(np.asarray(dr.reinterpret_array(mi.UInt32, mi.ShapePtr(mesh)))[0])] = group
        self._table = owned(table)
        self._path = mi.load_dict({"type": "path", "max_depth": depth.bounces, "rr_depth": depth.roulette})
        self._glare = mi.Float(GLARE / stage_set.exposure)
        dr.make_opaque(self._table, self._glare)
        self._holes = holes([*stage_set.parts, *(part for parts in actors for part in parts)])
        self._look = dr.freeze(_look, limit=_RECORDINGS)
        self._cover = dr.freeze(_cover, limit=_RECORDINGS)
        self._see = dr.freeze(_see, limit=_RECORDINGS)

    def trace(self, lens: Lens, exposure: Exposure, pixels: Pixels, samples: int, seed: int) -> Layers:
        """Path-traced light and first-hit layers of pixels."""
        import drjit as dr
        import mitsuba as mi

        sums: list[Any] = []
        for number, (part, count) in enumerate(_split(exposure, samples)):
            self._place(part)
            sampler, place = _sampler(count, len(pixels), seed, number), _places(pixels, count)
            values = self._look(
                self._holes, self._scene, self._path, sampler, self._table, place, _camera(lens, part), self._glare
            )
            more = [dr.block_sum(value, count) for value in values]
            sums = [one + other for one, other in zip(sums, more, strict=True)] if sums else more
        share = 1.0 / samples
        light = dr.ravel(mi.Color3f(*sums[:3]) * share)
        albedo = dr.ravel(dr.clip(mi.Color3f(*sums[3:6]) * share, 0.0, 1.0))
        normal = dr.ravel(mi.Color3f(*sums[6:9]) * share)
        product = dr.clip(sums[9] * share, 0.0, 1.0)
        dr.eval(light, albedo, normal, product)
        return Layers(_rows(light), _rows(albedo), _rows(normal), np.asarray(product, np.float32))

    def coverage(self, lens: Lens, exposure: Exposure, pixels: Pixels, samples: int, seed: int) -> Floats:
        """Share of each pixel in which the product is hit first, ``(N,) float32``."""
        import drjit as dr

        total = np.zeros(len(pixels), np.float32)
        for number, (part, count) in enumerate(_split(exposure, samples)):
            self._place(part)
            sampler, place = _sampler(count, len(pixels), seed, number), _places(pixels, count)
            product = self._cover(self._holes, self._scene, sampler, self._table, place, _camera(lens, part))
            total += np.asarray(dr.block_sum(product, count))
        share: Floats = total / np.float32(samples)
        return share

    def sight(self, lens: Lens, exposure: Exposure, pixels: Pixels) -> Sight:
        """What lies behind the middle of each pixel when the shutter opens."""
        self._place(exposure)
        group, *numbers = self._see(self._holes, self._scene, self._table, _places(pixels, 1), _camera(lens, exposure))
        distance, *axes = (np.asarray(value, np.float64) for value in numbers)
        with np.errstate(invalid="ignore"):
            points = np.stack(axes[:3], -1) + np.stack(axes[3:], -1) * distance[:, None]
        return Sight(points, np.asarray(group).astype(np.uint8))

    def _place(self, exposure: Exposure) -> None:
        """Put everything where it is when the exposure begins."""
        occluders = [pair[0] for pair in exposure.occluders]
        self._cast.place(self._values, exposure.actor, exposure.product[0], occluders)


def _rows(flat: Any) -> Floats:
    return np.asarray(flat, np.float32).reshape(-1, 3)


def _group_of(table: Any, hit: Any) -> Any:
    import drjit as dr
    import mitsuba as mi

    shape: Any = dr.reinterpret_array(mi.UInt32, hit.shape)
    return dr.gather(mi.UInt32, table, shape)


def _first_hit(holes: bool, scene: Any, ray: Any) -> Any:
    """The surface interaction that is seen: through holes, where there are any."""
    import drjit as dr

    hit = scene.ray_intersect(ray)
    for _ in range(3 if holes else 0):
        gap = hit.is_valid() & (hit.bsdf().eval_null_transmission(hit, hit.is_valid()).x > 0.5)
        ray = dr.select(gap, hit.spawn_ray(ray.d), ray)
        hit = dr.select(gap, scene.ray_intersect(ray, gap), hit)
    return hit


def _product(table: Any, hit: Any) -> Any:
    """1.0 where the product is seen."""
    import drjit as dr
    import mitsuba as mi

    seen = hit.is_valid() & (_group_of(table, hit) == PRODUCT)
    return dr.select(seen, mi.Float(1.0), mi.Float(0.0))


def _look(
    holes: bool, scene: Any, path: Any, sampler: Any, table: Any, place: Any, camera: Any, glare: Any
) -> tuple[Any, ...]:
    """Of each sample: light, albedo, normal (three values each), product."""
    import drjit as dr
    import mitsuba as mi

    ray = _rays(camera, place, sampler)
    hit = _first_hit(holes, scene, ray)
    light, _, _ = path.sample(scene, sampler, mi.RayDifferential3f(ray), None, mi.Bool(True))
    brightest = dr.maximum(dr.maximum(light.x, light.y), light.z)
    light *= dr.minimum(1.0, glare / dr.maximum(brightest, 1e-9))
    surface = hit.bsdf()
    albedo = surface.eval_diffuse_reflectance(hit, hit.is_valid())
    clear = mi.has_flag(surface.flags(), mi.BSDFFlags.Transmission) & hit.is_valid()
    albedo = dr.select(clear, mi.Color3f(1.0), albedo)
    normal = dr.select(hit.is_valid(), hit.sh_frame.n, mi.Normal3f(0.0))
    numbers = (*light, *albedo, *normal)
    # One path in millions ends in a division by zero; left in, it would blacken what the denoiser sees around it.
    return (*[dr.select(dr.isfinite(number), number, 0.0) for number in numbers], _product(table, hit))


def _cover(holes: bool, scene: Any, sampler: Any, table: Any, place: Any, camera: Any) -> Any:
    return _product(table, _first_hit(holes, scene, _rays(camera, place, sampler)))


def _see(holes: bool, scene: Any, table: Any, place: Any, camera: Any) -> tuple[Any, ...]:
    """Of the middle of each pixel: group, distance, origin, direction."""
    import drjit as dr
    import mitsuba as mi

    ray = _rays(camera, place, None)
    hit = _first_hit(holes, scene, ray)
    group = dr.select(hit.is_valid(), _group_of(table, hit), mi.UInt32(NOWHERE))
    return (group, hit.t, *ray.o, *ray.d)


def _split(exposure: Exposure, samples: int) -> list[tuple[Exposure, int]]:
    """The exposure in pieces within which only the camera moves, with the samples of each."""
    if exposure.still:
        return [(exposure, samples)]
    count = min(SUBFRAMES, samples)
    shares = [samples * (i + 1) // count - samples * i // count for i in range(count)]
    return [(exposure.part(i / count, (i + 1) / count), shares[i]) for i in range(count)]


def _sampler(samples: int, pixels: int, seed: int, piece: int) -> Any:
    import mitsuba as mi

    sampler = mi.load_dict({"type": "independent", "sample_count": samples})
    sampler.seed((seed * 8 + piece) % 2**32, samples * pixels)
    return sampler


def _places(pixels: Pixels, samples: int) -> Any:
    """Index of the pixel of each sample; samples of a pixel lie side by side."""
    import drjit as dr
    import mitsuba as mi

    chosen, per_pixel = owned(pixels), mi.UInt32(samples)
    dr.make_opaque(chosen, per_pixel)
    place = dr.gather(mi.UInt32, chosen, dr.arange(mi.UInt32, len(pixels) * samples) // per_pixel)
    dr.make_opaque(place)
    return place


def _camera(lens: Lens, exposure: Exposure) -> Any:
    """Lens, views and box as one array: data, and no part of the compiled kernel."""
    import drjit as dr

    opens, closes = exposure.opens, exposure.closes
    numbers = [lens.width_px, lens.height_px, lens.tan_half_fov, lens.aperture, opens.focus, closes.focus]
    for axis in ("origin", "forward", "right", "up"):
        numbers += [*getattr(opens, axis), *getattr(closes, axis)]
    low, high = exposure.cleared or ((-_ENDLESS,) * 3, (_ENDLESS,) * 3)
    numbers += [*low, *high]
    packed = owned(np.array(numbers, np.float32))
    dr.make_opaque(packed)
    return packed


def _rays(camera: Any, index: Any, sampler: Any) -> Any:
    """Rays through pixels: random within pixel, lens and shutter, or through the middles where there is no sampler."""
    import drjit as dr
    import mitsuba as mi

    def number(position: int) -> Any:
        return dr.gather(mi.Float, camera, mi.UInt32(position))

    def axis(position: int, moment: Any) -> Any:
        one, other = (
            mi.Vector3f(number(at), number(at + 1), number(at + 2)) for at in (6 + 6 * position, 9 + 6 * position)
        )
        return dr.lerp(one, other, moment)

    width, height, slope, aperture = (number(position) for position in range(4))
    row = dr.floor((mi.Float(index) + 0.5) / width)
    column = mi.Float(index) - row * width
    if sampler is None:
        place, moment, bend = mi.Point2f(0.5), mi.Float(0.0), mi.Point2f(0.0)
    else:
        place, moment = sampler.next_2d(), sampler.next_1d()
        bend = mi.warp.square_to_uniform_disk_concentric(sampler.next_2d()) * aperture
    origin, forward, right, up = (axis(position, moment) for position in range(4))
    focus = dr.lerp(number(4), number(5), moment)
    x = (2 * (column + place.x) / width - 1) * slope * width / height
    y = (1 - 2 * (row + place.y) / height) * slope
    sharp = (forward + x * right + y * up) * focus
    offset = bend.x * right + bend.y * up
    start, way = mi.Vector3f(origin + offset), dr.normalize(mi.Vector3f(sharp - offset))
    # A ray begins where it enters the cleared box. Without one the box holds the lens, and it begins there.
    low, high = (mi.Vector3f(number(at), number(at + 1), number(at + 2)) for at in (30, 33))
    one: Any = (low - start) / way
    other: Any = (high - start) / way
    enters, leaves = dr.max(dr.minimum(one, other)), dr.min(dr.maximum(one, other))
    skipped = dr.select((enters > 0) & (enters < leaves), enters, 0.0)
    return mi.Ray3f(mi.Point3f(start + skipped * way), way)


def plain(part: Part, reflectance: float) -> Part:
    """A part with a matt surface in place of its own, for drawing coverage; holes stay."""
    return Part(part.mesh, Material((reflectance,) * 3, roughness=1.0, specular=0.0, opacity=part.material.opacity))
