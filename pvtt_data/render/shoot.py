"""Shooting a scene: the frames of A, of B and of the bare set, and the masks.

The bare set is traced whole. A and B are traced only where they have an effect; all other pixels are the bare set's, so
that A and B agree there by construction. Where a change ends it fades out, so that no edge is seen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.render.denoise import Denoiser
from pvtt_data.render.effect import Probe, difference, effect_weight, neighbours, take_probe
from pvtt_data.render.look import Floats, Frame, develop, grain, lens_falloff, print_frame
from pvtt_data.render.presets import Preset
from pvtt_data.render.product import Product
from pvtt_data.render.scene import Scene
from pvtt_data.render.tracer import Exposure, Layers, open_stage

Mask = npt.NDArray[np.bool_]

_MARGIN_PX = 48
"""What the denoiser sees around the part of a frame that it cleans."""
_ROUGH_COVERAGE_SAMPLES = 4


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """One product in one frame.

    Attributes:
        picture: ``(H, W, 3) uint8`` RGB.
        cover: ``(H, W) float32``, the product's share of each pixel.
        effect: ``(H, W) bool``, pixels that it changes.
    """

    picture: Frame
    cover: Floats
    effect: Mask

    @property
    def mask(self) -> Mask:
        """``(H, W) bool``, pixels of which the product covers at least half."""
        covered: Mask = self.cover >= 0.5
        return covered

    def shadowless(self, bare: Frame) -> Frame:
        """The product on the bare set as if it cast no shadow, reflection or glow, ``(H, W, 3) uint8`` RGB.

        Shares of pixels are mixed as they are displayed; the product's own part of a pixel on its outline is taken to
        look like the whole pixel.
        """
        own = self.cover[..., None]
        mixed = bare + own * (self.picture.astype(np.float32) - bare)
        return np.rint(mixed).astype(np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One frame of a scene with each of its products, and without any: ``(H, W, 3) uint8`` RGB."""

    bare: Frame
    shown: tuple[Shown, ...]

    @property
    def effect(self) -> Mask:
        """Where any two of the pictures may differ, ``(H, W) bool``."""
        union: Mask = np.logical_or.reduce([one.effect for one in self.shown])
        return union


@dataclass(frozen=True, slots=True, eq=False)
class _Act:
    """What the rays told of one product in one frame: its cover, its weight, and the layers of the weighted pixels."""

    cover: Floats
    weight: Floats
    pixels: npt.NDArray[np.uint32]
    found: Layers | None


@dataclass(frozen=True, slots=True, eq=False)
class _Take:
    """What the rays told of one frame."""

    frame: int
    bare: Layers
    acts: list[_Act]


def frame_seed(scene: Scene, frame: int, purpose: int) -> int:
    """Seed of the paths of a frame; equal for A, B and the bare set."""
    return (scene.seed * 1_000_003 + frame * 31 + purpose) % 2**28


class Shoot:
    """A scene with its stages built, ready for frames.

    Args:
        scene: what to shoot.
        products: what stands there, one after the other, as `pvtt_data.render.scene.headed` sizes and turns them.
        preset: how well.
        denoiser: shared between shoots.
        helpers: threads that develop frames while rays are traced; 0 does one after the other.
    """

    def __init__(
        self, scene: Scene, products: Sequence[Product], preset: Preset, denoiser: Denoiser, helpers: int = 0
    ) -> None:
        self.scene, self.preset, self.denoiser, self.helpers = scene, preset, denoiser, helpers
        self.stage = open_stage(scene.stage_set, [product.parts for product in products], preset.depth)
        self.heights = [float(product.bounds()[1][2]) for product in products]
        lens = scene.lens
        self._all = np.arange(lens.width_px * lens.height_px, dtype=np.uint32)
        self._falloff = lens_falloff(lens.height_px, lens.width_px, scene.look)

    def moments(self, frames: Sequence[int]) -> Iterator[Moment]:
        """Frames, one after the other; with helpers, later ones are traced while earlier ones are developed."""
        changes = self._changes(frames)
        traced = (self._trace(frame, [change[frame] for change in changes]) for frame in frames)
        if not self.helpers:
            yield from map(self._develop, traced)
            return
        with ThreadPoolExecutor(self.helpers) as pool:
            pending: deque[Future[Moment]] = deque()
            for take in traced:
                pending.append(pool.submit(self._develop, take))
                if len(pending) > 2 * self.helpers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()

    def exposure(self, frame: int, actor: int | None) -> Exposure:
        """What happens in a frame with one of the products, or with none."""
        return self.scene.exposure(frame, actor, 0.0 if actor is None else self.heights[actor])

    def _changes(self, frames: Sequence[int]) -> list[dict[int, Floats]]:
        """For each product, how clearly it changes each of the frames in small."""
        scene = self.scene
        near = {other for frame in frames for other in neighbours(frame)}

        def probes(actor: int | None) -> dict[int, Probe]:
            return {
                frame: take_probe(
                    self.stage,
                    scene.lens,
                    self.exposure(frame, actor),
                    self.preset.probe_samples,
                    frame_seed(scene, frame, 7),
                )
                for frame in sorted(near & set(range(scene.frames)))
            }

        bare = probes(None)
        actors = [probes(actor) for actor in range(len(self.heights))]
        return [{frame: difference(shown, bare, frame, scene.look) for frame in frames} for shown in actors]

    def _trace(self, frame: int, changes: Sequence[Floats]) -> _Take:
        """What only one thread may do: all that needs rays."""
        lens, samples, seed = self.scene.lens, self.preset.samples, frame_seed(self.scene, frame, 0)
        bare = self.stage.trace(lens, self.exposure(frame, None), self._all, samples, seed)
        acts = []
        for actor, change in enumerate(changes):
            exposure = self.exposure(frame, actor)
            covered = self.covered(exposure, seed)
            weight = effect_weight(change, lens, covered > 0)
            pixels = np.flatnonzero(weight).astype(np.uint32)
            found = self.stage.trace(lens, exposure, pixels, samples, seed) if len(pixels) else None
            acts.append(_Act(covered, weight, pixels, found))
        return _Take(frame, bare, acts)

    def _develop(self, take: _Take) -> Moment:
        scene = self.scene
        height, width = scene.lens.height_px, scene.lens.width_px
        noise = grain(height, width, scene.look, take.frame)
        bare = develop(self._clean(take.bare, (0, 0, height, width)), scene.look)
        shown = []
        for act in take.acts:
            effect, display = act.weight > 0, bare
            if act.found is not None:
                top, left, bottom, right = _around(effect, _MARGIN_PX)
                part = np.s_[top:bottom, left:right]
                both = _overlaid(take.bare, act.found, act.pixels)
                clean = develop(self._clean(both, (top, left, bottom, right)), scene.look)
                display, inside = bare.copy(), effect[part]
                share = act.weight[part][inside][:, None]
                display[part][inside] += share * (clean[inside] - bare[part][inside])
            shown.append(Shown(print_frame(display, self._falloff, noise), act.cover, effect))
        return Moment(print_frame(bare, self._falloff, noise), tuple(shown))

    def covered(self, exposure: Exposure, seed: int) -> Floats:
        """The product's share of each pixel, ``(H, W) float32``: few rays everywhere, many along its outline."""
        lens = self.scene.lens
        shape = (lens.height_px, lens.width_px)
        rough = self.stage.coverage(lens, exposure, self._all, _ROUGH_COVERAGE_SAMPLES, seed + 3).reshape(shape)
        kernel = np.ones((3, 3), np.uint8)
        outline = cv2.dilate(rough, kernel) - cv2.erode(rough, kernel) > 0
        pixels = np.flatnonzero(outline).astype(np.uint32)
        if len(pixels):
            rough[outline] = self.stage.coverage(lens, exposure, pixels, self.preset.edge_samples, seed + 4)
        return rough

    def _clean(self, layers: Layers, rect: tuple[int, int, int, int]) -> Floats:
        """Denoised light of a part of the frame: (top, left, bottom, right)."""
        top, left, bottom, right = rect
        shape = (self.scene.lens.height_px, self.scene.lens.width_px, 3)
        light, albedo, normal = (
            layer.reshape(shape)[top:bottom, left:right] for layer in (layers.light, layers.albedo, layers.normal)
        )
        return self.denoiser(light, albedo, normal)


def _overlaid(under: Layers, over: Layers, pixels: npt.NDArray[np.uint32]) -> Layers:
    def laid(one: Floats, other: Floats) -> Floats:
        layer = one.copy()
        layer[pixels] = other
        return layer

    return Layers(
        laid(under.light, over.light),
        laid(under.albedo, over.albedo),
        laid(under.normal, over.normal),
        laid(under.product, over.product),
    )


def _around(mask: Mask, margin: int) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) of a mask with a margin, in steps of 64 pixels so that few sizes occur."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    height, width = mask.shape
    top, left = max(0, int(rows[0]) - margin) // 64 * 64, max(0, int(columns[0]) - margin) // 64 * 64
    bottom = min(height, -(-(int(rows[-1]) + 1 + margin) // 64) * 64)
    right = min(width, -(-(int(columns[-1]) + 1 + margin) // 64) * 64)
    return top, left, bottom, right
