"""Reverse pairs from real video: the clip with B is the target, a fake clip with A is made from it.

The old product's region is tracked, a cut-out of the new product stands where it stood and moves along, what it does
not cover is replaced by the background. So the target, which a model learns to make, is always real.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.engines.base import SwapResult
from pvtt_data.engines.colour import (
    add_grain,
    blur_sigma,
    exposure_path,
    match_colour,
    noise_level,
    sharpness,
)
from pvtt_data.engines.cutout import Cutout, prepare_cutout
from pvtt_data.engines.gate import check_clip
from pvtt_data.engines.layer import Layer, into_window, over, paste, size_of, window_of
from pvtt_data.engines.placement import Placement, Style, place
from pvtt_data.engines.shadow import draw_shadow, find_shadow, grow, relative_brightness
from pvtt_data.errors import InputError
from pvtt_data.inpaint import Plate, fill_frame, fill_smoothly, make_plate, track_background
from pvtt_data.tracking import Matrix, Track, TrackConfig, apply_transform, scale_of, settle_rotation, track_plane

Frames = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]
Mask = npt.NDArray[np.bool_]
Reals = npt.NDArray[np.float32]

Window = tuple[slice, slice]


@dataclass(frozen=True, slots=True)
class CompositeConfig:
    """Settings of the composite engine.

    Attributes:
        min_area: smallest share of the frame that the old product may take, in any frame.
        max_area: largest share.
        min_ratio: smallest extent of the new product relative to the old one.
        max_ratio: largest extent.
        free_share: share of pairs in which part of the old product is meant to lie outside the new one.
        colour_strength: how far colours move towards the scene's, 0..1.
        max_untracked_fill: share of it filled without any texture above which a pair is rejected.
        track: what counts as a good track.
    """

    min_area: float = 0.01
    max_area: float = 0.5
    min_ratio: float = 0.7
    max_ratio: float = 1.4
    free_share: float = 0.5
    colour_strength: float = 0.25
    max_untracked_fill: float = 0.1
    track: TrackConfig = field(default_factory=TrackConfig)


@dataclass(frozen=True, slots=True)
class CompositeRequest:
    """What a composite is made from.

    Attributes:
        frames: ``(T, H, W, 3) uint8`` RGB, the real clip with B, at least five frames.
        masks: ``(T, H, W) bool``, B.
        product: ``(h, w, 4) uint8`` RGBA with straight alpha, a cut-out of A; None for a no-op.
        seed: of every random choice.
        kind: ``swap``, or ``noop``: B's own pixels go through the same processing and back to their place, which
            teaches that a pasted look alone means nothing.
        placement: ``cover`` or ``free``; None draws it.
        distractor: ``(h, w, 4) uint8`` RGBA, a thing pasted beside the product into source *and* target, which has
            to survive.
        occluders: ``(T, H, W) bool``, what is in front of the product, such as hands: stays on top.
    """

    frames: Frames
    masks: Masks
    product: npt.NDArray[np.uint8] | None
    seed: int
    kind: Literal["swap", "noop"] = "swap"
    placement: Style | None = None
    distractor: npt.NDArray[np.uint8] | None = None
    occluders: Masks | None = None


_SMOOTH = 4.0
"""Contrast of fine detail, grey levels, up to which a background can be made up from its surroundings."""

NUMBERS = (
    "b_shadow_left",
    "b_shadow_share",
    "background_texture",
    "blur_sigma",
    "cutout_scale",
    "exposure_max",
    "exposure_min",
    "extent_ratio",
    "fill_synthesised_share",
    "grain_added",
    "inside_frame_min",
    "made_up_share",
    "noise_level",
    "outside_share",
    "placement_free",
    "rotation_kept",
    "shadow_darkness",
    "sharpness_a",
    "sharpness_b",
    "track_anchors",
    "track_degrees",
    "track_drift",
    "track_features_median",
    "track_inlier_ratio_median",
    "track_inlier_ratio_min",
    "track_keyframe",
    "track_residual_px",
    "visible_fill_share",
)
"""What every result states; 0 where a step was not needed, as for no-ops and for fills without a tracked background."""


def _complete(numbers: dict[str, float]) -> dict[str, float]:
    """All of `NUMBERS`, because every sample of a dataset has the same ones."""
    unknown = set(numbers) - set(NUMBERS)
    if unknown:
        raise ValueError(f"numbers that are not declared: {', '.join(sorted(unknown))}")
    return {name: numbers.get(name, 0.0) for name in NUMBERS}


class CompositeEngine:
    """Makes the source of a pair by pasting; the target is the clip itself (plus a distractor, if asked for)."""

    name = "composite"
    version = 3

    def __init__(self, config: CompositeConfig = CompositeConfig()) -> None:
        self.config = config

    def make(self, request: CompositeRequest) -> SwapResult:
        """Make one pair; about ten CPU-seconds for 49 frames of 480x848.

        Raises:
            InputError: from the gate (``too-few-frames``, ``blank-frames``, ``cut-inside``, ``mask-missing``,
                ``mask-too-small``, ``mask-too-large``), the tracker (``untrackable-...``), the cut-out
                (``cutout-...``), the placement (``no-room``), or ``background-untrackable`` when too much textured
                background would have to be made up without knowing its motion.
        """
        check_clip(request.frames, request.masks, self.config.min_area, self.config.max_area)
        if request.kind == "noop":
            return self._paste_back(request)
        if request.product is None:
            raise ValueError("a swap needs a product")
        cutout = prepare_cutout(request.product)
        rng = np.random.default_rng(request.seed)
        style: Style = "free" if rng.random() < self.config.free_share else "cover"
        style = request.placement or style
        track = track_plane(request.frames, request.masks, self.config.track)
        track, rotation = settle_rotation(track, request.masks)
        return _Swap(self.config, request, cutout, track, rotation).run(style, rng)

    def _paste_back(self, request: CompositeRequest) -> SwapResult:
        """B over itself: resampled, feathered and grained like any paste, in its own place."""
        source = request.frames.copy()
        noise = noise_level(request.frames[len(request.frames) // 2])
        for index, mask in enumerate(request.masks):
            window = window_of(mask, 8)
            part = request.frames[index][window]
            height, width = part.shape[:2]
            there = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]])
            back = np.array([[1.0, 0.0, -0.5], [0.0, 1.0, -0.5]])
            soft = part
            for shift in (there, back):
                soft = cv2.warpAffine(soft, shift, (width, height), borderMode=cv2.BORDER_REPLICATE)
            alpha = cv2.GaussianBlur(mask[window].astype(np.float32), (0, 0), 1.0)
            pasted = over(part, soft, alpha)
            grain = np.random.default_rng([request.seed, index])
            source[index][window] = add_grain(pasted, alpha, noise, grain)
        effect = np.stack(
            [
                grow((a != b).any(axis=2) | mask, 3)
                for a, b, mask in zip(source, request.frames, request.masks, strict=True)
            ]
        )
        return SwapResult(
            source=source,
            source_mask=request.masks.copy(),
            target=request.frames,
            target_mask=request.masks,
            effect_mask=effect,
            numbers=_complete({"noise_level": noise, "extent_ratio": 1.0, "outside_share": 0.0}),
            flags=("noop",),
        )


class _Swap:
    """One swap at work: what the steps share."""

    def __init__(
        self,
        config: CompositeConfig,
        request: CompositeRequest,
        cutout: Cutout,
        track: Track,
        rotation: float,
    ) -> None:
        self.config = config
        self.request = request
        self.track = track
        self.key = track.keyframe
        self.shape: tuple[int, int] = (request.masks.shape[1], request.masks.shape[2])
        self.flags: set[str] = set()
        self.numbers: dict[str, float] = {
            **track.numbers(),
            "rotation_kept": rotation,
        }
        if cutout.cropped:
            self.flags.add("cutout-cropped")
        if track.model == "mask":
            self.flags.add("track-model-mask")
        self.cutout = cutout

    def run(self, style: Style, rng: np.random.Generator) -> SwapResult:
        frames, masks = self.request.frames, self.request.masks
        holes, darkness = self._holes()
        background = track_background(frames, holes, self.key)
        plate = self._plate(frames, holes, background)
        placement = self._placed(style, plate, rng)
        layer = Layer.of(self.cutout, placement.to_keyframe, self.track.transforms)
        target = frames
        if self.request.distractor is not None:
            target = self._with_distractor(frames, holes, layer, background, rng)
        rings = [_ring(hole) for hole in holes]
        layer = self._coloured(layer, frames[self.key], rings[self.key])
        gains = exposure_path(frames, rings, self.key)
        empty_key = self._filled(target, holes, plate, self.key)
        sigmas = self._sigmas(layer, frames, holes, empty_key)
        noise = noise_level(frames[self.key])
        own_noise = noise_level(self.cutout.colour)
        grain = float(np.sqrt(max(noise**2 - own_noise**2, 0.0)))
        shade, margin = draw_shadow(layer.cutout, darkness)
        source = target.copy()
        source_masks, effects = np.zeros_like(masks), np.zeros_like(masks)
        outside = []
        for index, mask in enumerate(masks):
            empty = self._filled(target, holes, plate, index)
            window = window_of(layer.box(index, self.shape, margin) | holes[index], 12)
            part = empty[window]
            lost = cv2.warpPerspective(
                shade,
                into_window(window)
                @ layer.transforms[index]
                @ np.array([[1, 0, -margin], [0, 1, -margin], [0, 0, 1.0]]),
                size_of(window),
            )
            part = np.clip(np.rint(part * (1.0 - lost)[:, :, None]), 0, 255).astype(np.uint8)
            colour, alpha = layer.render(index, window, float(sigmas[index]))
            colour = np.minimum(colour * np.float32(gains[index] ** (1.0 / 2.2)), np.float32(255.0))
            if self.request.occluders is not None:
                front = self.request.occluders[index][window].astype(np.float32)
                alpha *= 1.0 - cv2.GaussianBlur(front, (0, 0), 1.0)
            part = over(part, colour, alpha)
            made = np.maximum(cv2.GaussianBlur(holes[index][window].astype(np.float32), (0, 0), 1.0), alpha)
            part = add_grain(part, made, grain, np.random.default_rng([self.request.seed, index]))
            if self.request.occluders is not None:
                part = over(part, target[index][window], cv2.GaussianBlur(front, (0, 0), 1.0))
            source[index][window] = part
            source_masks[index][window] = alpha > 0.5
            changed = (part != target[index][window]).any(axis=2) | (alpha > 0.5) | mask[window]
            effects[index][window] = grow(changed, 3)
            visible_fill = holes[index] & ~source_masks[index]
            outside.append(float(visible_fill.sum() / mask.sum()))
        self._judge(masks, holes, source_masks, outside)
        self.numbers.update(
            {
                "noise_level": noise,
                "grain_added": grain,
                "blur_sigma": float(np.median(sigmas)),
                "shadow_darkness": darkness,
                "exposure_min": float(gains.min()),
                "exposure_max": float(gains.max()),
            }
        )
        return SwapResult(
            source=source,
            source_mask=source_masks,
            target=target,
            target_mask=masks,
            effect_mask=effects,
            numbers=_complete(self.numbers),
            flags=tuple(sorted(self.flags)),
        )

    def _holes(self) -> tuple[Masks, float]:
        """What has to vanish: B, its halo, its contact shadow; and how dark the new shadow should be."""
        masks = self.request.masks
        grown = np.stack([grow(mask, _halo_px(mask)) for mask in masks])
        shadow, brightness = find_shadow(self.request.frames[self.key], grown[self.key])
        size = float(masks[self.key].sum())
        self.numbers["b_shadow_share"] = float(shadow.sum() / size)
        if shadow.sum() > 0.7 * size:
            self.flags.add("b-shadow-visible")  # a dark ground or a long shadow: too much to make up
            shadow &= grow(grown[self.key], int(0.12 * np.sqrt(size)))
        if shadow.any():
            shadow = grow(shadow, max(2, int(0.04 * np.sqrt(size))))
            width_height = (self.shape[1], self.shape[0])
            for index, transform in enumerate(self.track.transforms):
                moved = cv2.warpPerspective(shadow.astype(np.uint8) * 255, transform, width_height) > 80
                grown[index] |= moved
        if self.request.occluders is not None:
            grown &= ~self.request.occluders
            grown |= masks
        return grown, float(np.clip(1.0 - brightness, 0.3, 0.6))

    def _plate(self, frames: Frames, holes: Masks, background: Track | None) -> Plate | None:
        if background is not None:
            try:
                plate = make_plate(frames, holes, background, self.request.seed)
            except InputError as error:
                if error.reason != "background-too-wide":
                    raise
            else:
                self.numbers["fill_synthesised_share"] = plate.synthesised_share()
                return plate
        self.numbers["background_texture"] = _texture(frames[self.key], _ring(holes[self.key]))
        self.flags.add("background-untracked")
        return None

    def _placed(self, style: Style, plate: Plate | None, rng: np.random.Generator) -> Placement:
        """Where A stands: over nearly all of B where nothing is known of a textured background behind it."""
        unknown = plate is None and self.numbers["background_texture"] > _SMOOTH
        max_outside = self.config.max_untracked_fill if unknown else 1.0
        ratios = (self.config.min_ratio, self.config.max_ratio)
        mask = self.request.masks[self.key]
        placement = place(self.cutout, mask, self.track.transforms, style, ratios, rng, max_outside)
        if placement.outside_share > max_outside:
            raise InputError(
                "background-untrackable",
                "the background is textured and its motion cannot be followed",
                {
                    "background_texture": self.numbers["background_texture"],
                    "outside_share": placement.outside_share,
                    "max_untracked_fill": max_outside,
                },
            )
        if placement.cut_by_frame:
            self.flags.add("a-cut-by-frame")
        scale = scale_of(placement.to_keyframe, np.zeros(2))
        if scale > 1.5:
            self.flags.add("cutout-upscaled")
        self.numbers.update(
            {
                "cutout_scale": scale,
                "extent_ratio": placement.extent_ratio,
                "outside_share": placement.outside_share,
                "placement_free": float(placement.style == "free"),
                "inside_frame_min": placement.inside_frame_min,
            }
        )
        return placement

    def _filled(self, frames: Frames, holes: Masks, plate: Plate | None, index: int) -> Frames:
        if plate is None:
            return fill_smoothly(frames[index], holes[index])
        return fill_frame(frames[index], holes[index], plate, index)

    def _coloured(self, layer: Layer, key_frame: Frames, ring: Mask) -> Layer:
        colour = match_colour(layer.cutout.colour, layer.cutout.solid, key_frame, ring, self.config.colour_strength)
        cutout = Cutout(colour, layer.cutout.alpha, layer.cutout.base_x, layer.cutout.base_width, layer.cutout.cropped)
        return Layer(cutout, layer.transforms)

    def _sigmas(self, layer: Layer, frames: Frames, holes: Masks, empty_key: Frames) -> npt.NDArray[np.float64]:
        """Blur per frame that makes the new product as sharp as the old one was there."""
        window = window_of(layer.box(self.key, self.shape) | holes[self.key], 8)
        under = empty_key[window]
        measured: list[tuple[float, float]] = []
        for sigma in (0.0, 0.6, 0.8, 1.0, 1.3, 1.7, 2.2, 3.0):
            colour, alpha = layer.render(self.key, window, sigma)
            measured.append((sigma, sharpness(over(under, colour, alpha), alpha > 0.3)))
        wanted = []
        for index, mask in enumerate(self.request.masks):
            box = window_of(mask, 12)
            wanted.append(sharpness(frames[index][box], mask[box]))
        found = np.array([blur_sigma(value, measured) for value in wanted])
        padded = np.pad(found, 2, mode="edge")
        smooth = np.median(np.stack([padded[i : i + len(found)] for i in range(5)]), axis=0)
        self.numbers["sharpness_b"] = float(np.median(wanted))
        self.numbers["sharpness_a"] = measured[0][1]
        result: npt.NDArray[np.float64] = smooth
        return result

    def _with_distractor(
        self,
        frames: Frames,
        holes: Masks,
        layer: Layer,
        background: Track | None,
        rng: np.random.Generator,
    ) -> Frames:
        """The clip with another thing beside the product, moving with the background, never near the product."""
        assert self.request.distractor is not None
        if background is None:
            self.flags.add("no-room-for-distractor")
            return frames
        cutout = prepare_cutout(self.request.distractor)
        busy = [hole | layer.box(i, self.shape, 8.0) for i, hole in enumerate(holes)]
        size = float(np.sqrt(self.request.masks[self.key].sum()))
        own = float(np.sqrt(cutout.solid.sum()))
        height, width = self.shape
        for _ in range(60):
            scale = size * float(rng.uniform(0.4, 0.8)) / own
            x, y = rng.uniform(0, width), rng.uniform(0.2 * height, height)
            to_key = np.array(
                [
                    [scale, 0.0, x - scale * cutout.base_x],
                    [0.0, scale, y - scale * cutout.alpha.shape[0]],
                    [0.0, 0.0, 1.0],
                ]
            )
            # a thing that stands upright takes the ground's motion at its foot, not the ground's perspective
            upright = _similar(background.transforms, np.array([x, y]), scale * cutout.alpha.shape[0])
            thing = Layer.of(cutout, to_key, upright)
            boxes = [thing.box(i, self.shape, 4.0) for i in range(len(frames))]
            if not (boxes[self.key].sum() >= 0.9 * (scale**2) * cutout.alpha.size):
                continue
            if any((box & full).any() for box, full in zip(boxes, busy, strict=True)):
                continue
            self.flags.add("distractor")
            return paste(frames, thing)
        self.flags.add("no-room-for-distractor")
        return frames

    def _judge(self, masks: Masks, holes: Masks, source_masks: Masks, outside: Sequence[float]) -> None:
        """Flags that need the finished frames."""
        visible = float(np.median(outside))
        self.numbers["visible_fill_share"] = visible
        self.numbers["made_up_share"] = visible * self.numbers.get("fill_synthesised_share", 1.0)
        size = float(np.sqrt(masks[self.key].sum()))
        brightness = relative_brightness(self.request.frames[self.key], holes[self.key], 0.6 * size)
        lower = np.zeros(self.shape, np.bool_)
        rows = np.flatnonzero(masks[self.key].any(axis=1))
        lower[int(rows[0] + 0.6 * (rows[-1] - rows[0])) :] = True
        rim = grow(holes[self.key], max(4, int(0.08 * size))) & ~holes[self.key] & lower
        left_over = float((brightness[rim] < 0.75).mean()) if rim.any() else 0.0
        self.numbers["b_shadow_left"] = left_over
        if left_over > 0.35:
            self.flags.add("b-shadow-visible")
        if masks[:, 0].any() or masks[:, -1].any() or masks[:, :, 0].any() or masks[:, :, -1].any():
            self.flags.add("b-cut-by-frame")
        if any(not mask.any() for mask in source_masks):
            raise InputError("no-room", "the cut-out leaves the frame")


def _ring(hole: Mask) -> Mask:
    """The scene within 24 px of a hole."""
    return np.asarray(cv2.dilate(hole.astype(np.uint8), np.ones((49, 49), np.uint8)), np.bool_) & ~hole


def _halo_px(mask: Mask) -> int:
    """How far past its edge a mask of a product still shows it: blur and the segmenter's own resolution."""
    return int(np.clip(round(0.035 * float(np.sqrt(mask.sum()))), 4, 14))


def _texture(frame: Frames, where: Mask) -> float:
    """Contrast of fine detail, grey levels."""
    if not where.any():
        return 0.0
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail = cv2.GaussianBlur(grey, (0, 0), 1.0) - cv2.GaussianBlur(grey, (0, 0), 6.0)
    return float(detail[where].std())


def _similar(transforms: Matrix, point: npt.NDArray[np.float64], reach: float) -> Matrix:
    """The similarity that does to a point and its neighbours on the left and right what the transforms do."""
    sideways = np.array([reach, 0.0])
    base = np.array([point, point + sideways, point - sideways])
    result = []
    for transform in transforms:
        foot_point, right, left = apply_transform(transform, base)
        a, b = (right - left) / (2.0 * reach)
        turn = np.array([[a, -b], [b, a]])
        move = np.eye(3)
        move[:2, :2] = turn
        move[:2, 2] = foot_point - turn @ point
        result.append(move)
    return np.stack(result)
