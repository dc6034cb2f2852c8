"""One swap, step by step: remove B, stand A in its place, make A look as if the clip's camera had seen it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.engines.base import SwapResult
from pvtt_data.engines.beside import put_beside
from pvtt_data.engines.colour import (
    add_grain,
    blur_sigma,
    compressed,
    compression,
    light_path,
    match_colour,
    noise_level,
    sharpness,
    wiped_share,
)
from pvtt_data.engines.cutout import Cutout, prepare_cutout
from pvtt_data.engines.layer import Layer, Window, into_window, over, size_of, window_of
from pvtt_data.engines.numbers import complete
from pvtt_data.engines.occlusion import find_occluders
from pvtt_data.engines.placement import Placement, Style, place
from pvtt_data.engines.reflection import draw_reflection
from pvtt_data.engines.removal import Removal, plan_removal
from pvtt_data.engines.shadow import draw_shadow, grow, relative_brightness
from pvtt_data.errors import InputError
from pvtt_data.inpaint import Filler, Plate, fill_clip, make_plate, track_background
from pvtt_data.tracking import Track, scale_of

Frames = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]
Mask = npt.NDArray[np.bool_]
Reals = npt.NDArray[np.float32]

_SMOOTH = 4.0
"""Contrast of fine detail, grey levels, up to which a background can be made up from its surroundings."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a swap is told; see `pvtt_data.engines.composite.CompositeConfig`."""

    min_ratio: float
    max_ratio: float
    colour_strength: float
    max_untracked_fill: float
    find_occluders: bool


@dataclass(frozen=True, slots=True)
class Job:
    """What a swap works on.

    Attributes:
        frames: ``(T, H, W, 3) uint8`` RGB.
        masks: ``(T, H, W) bool``, B.
        cutouts: A, one for all frames or one a frame.
        track: how B moves.
        standing: how something that stands in B's place moves: `pvtt_data.tracking.settle_rotation`.
        rotation: share of B's rotation in it.
        distractor: ``(h, w, 4) uint8`` RGBA, or None.
        occluders: ``(T, H, W) bool``, or None where nobody says.
        seed: of grain and texture.
    """

    frames: Frames
    masks: Masks
    cutouts: tuple[Cutout, ...]
    track: Track
    standing: Track
    rotation: float
    distractor: npt.NDArray[np.uint8] | None
    occluders: Masks | None
    seed: int

    @property
    def key(self) -> int:
        """The keyframe."""
        return self.track.keyframe

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of a frame."""
        return self.masks.shape[1], self.masks.shape[2]


def swap(job: Job, style: Style, settings: Settings, filler: Filler | None, rng: np.random.Generator) -> SwapResult:
    """Carry out one swap.

    Args:
        style: how A should stand.
        filler: fills what no frame shows; texture from the surroundings if None.
        rng: draws where there is a choice.

    Raises:
        InputError: ``no-room``, ``covers-too-little``, ``background-untrackable``, or what the distractor's cut-out is
            refused for.
    """
    return _Swap(job, settings).run(style, filler, rng)


class _Swap:
    """One swap at work: what the steps share."""

    def __init__(self, job: Job, settings: Settings) -> None:
        self.job = job
        self.settings = settings
        self.flags: set[str] = set()
        self.numbers: dict[str, float] = {
            **job.track.numbers(),
            "rotation_kept": job.rotation,
            "cutout_frames": float(len(job.cutouts)),
        }
        if any(cutout.cropped for cutout in job.cutouts):
            self.flags.add("cutout-cropped")
        if job.track.model == "mask":
            self.flags.add("track-model-mask")

    def run(self, style: Style, filler: Filler | None, rng: np.random.Generator) -> SwapResult:
        job, key = self.job, self.job.key
        occluders = self._occluders()
        removal = plan_removal(job.frames, job.masks, job.standing, occluders)
        self.numbers.update(removal.numbers)
        self.flags.update(removal.flags)
        background = track_background(job.frames, removal.holes, key)
        bare = self._relit(job.frames, removal)
        plate = self._plate(bare, removal.holes, background, filler)
        layer = Layer.of(job.cutouts, self._placed(style, plate, rng).to_keyframe, job.standing.transforms)
        target = job.frames
        if job.distractor is not None:
            target = self._with_distractor(removal.holes, layer, background, rng)
            bare = self._relit(target, removal) if target is not job.frames else bare
        empty = fill_clip(bare, removal.holes, plate, filler)
        layer = self._coloured(layer, removal.holes[key])
        gains = light_path(job.frames, removal.holes, key, None if background is None else background.transforms)
        look = _Look.of(self, layer, gains, empty[key], removal)
        source, source_masks, effects = empty, np.zeros_like(job.masks), np.zeros_like(job.masks)
        visible = []
        for index, mask in enumerate(job.masks):
            hole = removal.holes[index]
            window = window_of(layer.box(index, job.shape, look.margin) | hole, 12)
            front = None if occluders is None else occluders[index][window]
            alpha = look.render(index, window, source[index], target[index], hole, front)
            source_masks[index][window] = alpha > 0.5
            near = window_of(_any_change(source[index], target[index]) | mask, 4)
            changed = (source[index][near] != target[index][near]).any(axis=2)
            effects[index][near] = changed | mask[near]
            effects[index] = grow(effects[index] | source_masks[index], 3)
            visible.append(float((hole & ~source_masks[index]).sum() / mask.sum()))
        self._judge(empty_key=look.empty_key, hole=removal.holes[key], source_masks=source_masks, visible=visible)
        self.numbers.update(look.numbers())
        return SwapResult(
            source=source,
            source_mask=source_masks,
            target=target,
            target_mask=job.masks,
            effect_mask=effects,
            numbers=complete(self.numbers),
            flags=tuple(sorted(self.flags)),
        )

    def _occluders(self) -> Masks | None:
        job = self.job
        if job.occluders is not None or not self.settings.find_occluders:
            return job.occluders
        found = find_occluders(job.frames, job.masks, job.track)
        if found is not None:
            self.flags.add("occluded")
            self.numbers["occluded_share"] = float(found.any(axis=(1, 2)).mean())
        return found

    def _relit(self, frames: Frames, removal: Removal) -> Frames:
        if removal.light is None:
            return frames
        return np.stack([removal.relit(frame, index) for index, frame in enumerate(frames)])

    def _plate(self, frames: Frames, holes: Masks, background: Track | None, filler: Filler | None) -> Plate | None:
        if background is not None:
            try:
                plate = make_plate(frames, holes, background, self.job.seed, filler)
            except InputError as error:
                if error.reason != "background-too-wide":
                    raise
            else:
                self.numbers["fill_synthesised_share"] = plate.synthesised_share()
                return plate
        self.numbers["background_texture"] = _texture(frames[self.job.key], _ring(holes[self.job.key]))
        self.flags.add("background-untracked")
        return None

    def _placed(self, style: Style, plate: Plate | None, rng: np.random.Generator) -> Placement:
        """Where A stands: over nearly all of B where nothing is known of a textured background behind it."""
        unknown = plate is None and self.numbers["background_texture"] > _SMOOTH
        max_outside = self.settings.max_untracked_fill if unknown else 1.0
        ratios = (self.settings.min_ratio, self.settings.max_ratio)
        mask = self.job.masks[self.job.key]
        made_up = mask if plate is None else mask & ~plate.seen_in_reference(mask.shape)
        placement = place(
            self.job.cutouts[self.job.key if len(self.job.cutouts) > 1 else 0],
            mask,
            self.job.standing.transforms,
            style,
            ratios,
            rng,
            max_outside,
            made_up,
        )
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

    def _with_distractor(
        self, holes: Masks, layer: Layer, background: Track | None, rng: np.random.Generator
    ) -> Frames:
        job = self.job
        assert job.distractor is not None
        if background is not None:
            busy = np.stack([hole | layer.box(i, job.shape, 8.0) for i, hole in enumerate(holes)])
            size = float(np.sqrt(job.masks[job.key].sum()))
            made = put_beside(job.frames, prepare_cutout(job.distractor), busy, size, background, rng)
            if made is not None:
                self.flags.add("distractor")
                return made
        self.flags.add("no-room-for-distractor")
        return job.frames

    def _coloured(self, layer: Layer, hole: Mask) -> Layer:
        shown = layer.cutout(self.job.key)
        frame = self.job.frames[self.job.key]
        change = match_colour(shown.colour, shown.solid, frame, _ring(hole), self.settings.colour_strength)
        if change is None:
            return layer
        return replace(layer, cutouts=tuple(replace(c, colour=change.of(c.colour)) for c in layer.cutouts))

    def _judge(self, empty_key: Frames, hole: Mask, source_masks: Masks, visible: Sequence[float]) -> None:
        """Flags that need the finished frames."""
        masks = self.job.masks
        shown = float(np.median(visible))
        self.numbers["visible_fill_share"] = shown
        self.numbers["made_up_share"] = shown * self.numbers.get("fill_synthesised_share", 1.0)
        self.numbers["b_shadow_left"] = _shadow_left(empty_key, masks[self.job.key], hole)
        if self.numbers["b_shadow_left"] > 0.35:
            self.flags.add("b-shadow-visible")
        if masks[:, 0].any() or masks[:, -1].any() or masks[:, :, 0].any() or masks[:, :, -1].any():
            self.flags.add("b-cut-by-frame")
        if any(not mask.any() for mask in source_masks):
            raise InputError("no-room", "the cut-out leaves the frame")


class _Look:
    """How A is drawn: everything that the clip's camera and light do to it."""

    def __init__(
        self,
        job: Job,
        layer: Layer,
        gains: npt.NDArray[np.float64],
        sigmas: npt.NDArray[np.float64],
        quality: int,
        removal: Removal,
        empty_key: Frames,
        sharp: tuple[float, float],
    ) -> None:
        self.job = job
        self.layer = layer
        self.gains = gains
        self.sigmas = sigmas
        self.quality = quality
        self.removal = removal
        self.empty_key = empty_key
        self.sharp = sharp
        self.noise = noise_level(job.frames[job.key])
        own = noise_level(layer.cutout(job.key).colour)
        self.grain = float(np.sqrt(max(self.noise**2 - own**2, 0.0)))
        self.shade, self.margin = draw_shadow(layer.cutout(job.key), removal.darkness)

    @classmethod
    def of(
        cls, at_work: _Swap, layer: Layer, gains: npt.NDArray[np.float64], empty_key: Frames, removal: Removal
    ) -> _Look:
        """Measures B and the scene, and finds the blur and compression that make A like them."""
        job = at_work.job
        window = window_of(layer.box(job.key, job.shape) | removal.holes[job.key], 8)
        under = empty_key[window]
        measured: list[tuple[float, float]] = []
        for sigma in (0.0, 0.6, 0.9, 1.3, 1.9, 3.0):
            colour, alpha = layer.render(job.key, window, sigma)
            measured.append((sigma, sharpness(over(under, colour, alpha), alpha > 0.3)))
        wanted = []
        for index, mask in enumerate(job.masks):
            box = window_of(mask, 12)
            wanted.append(sharpness(job.frames[index][box], mask[box]))
        found = np.array([blur_sigma(value, measured) for value in wanted])
        padded = np.pad(found, 2, mode="edge")
        sigmas = np.median(np.stack([padded[i : i + len(found)] for i in range(5)]), axis=0)
        colour, alpha = layer.render(job.key, window, float(sigmas[job.key]))
        real = job.frames[job.key][window]
        wiped = wiped_share(real, grow(removal.holes[job.key], 24)[window])
        quality = compression(over(under, colour, alpha), alpha > 0.5, wiped)
        sharp = (measured[0][1], float(np.median(wanted)))
        return cls(job, layer, gains, sigmas, quality, removal, empty_key.copy(), sharp)

    def render(
        self, index: int, window: Window, source: Frames, target: Frames, hole: Mask, front: Mask | None
    ) -> Reals:
        """Draw A into a frame that B has been taken out of, in place.

        Args:
            index: of the frame.
            window: what changes.
            source: ``(H, W, 3) uint8``, the emptied frame.
            target: ``(H, W, 3) uint8``, the frame with B.
            hole: ``(H, W) bool``, what was filled.
            front: the window's ``bool``, what is in front; None if nothing is.

        Returns:
            Alpha of A in the window, ``float32`` 0..1.
        """
        part = self._shadowed(source[window], index, window)
        colour, alpha = self.layer.render(index, window, float(self.sigmas[index]))
        if self.removal.reflection is not None:
            below = self.layer.mirrored(index, window, float(self.sigmas[index]) + 1.0)
            part = draw_reflection(part, *below, self.removal.reflection.strength)
        gain = (self.gains[index] ** (1.0 / 2.2)).astype(np.float32)
        colour = np.minimum(colour * gain, np.float32(255.0))
        if self.quality < 100:
            colour = compressed(np.rint(colour).astype(np.uint8), self.quality).astype(np.float32)
        ahead = None if front is None else cv2.GaussianBlur(front.astype(np.float32), (0, 0), 1.0)
        if ahead is not None:
            alpha = alpha * (1.0 - ahead)
        part = over(part, colour, alpha)
        made = np.maximum(cv2.GaussianBlur(hole[window].astype(np.float32), (0, 0), 1.0), alpha)
        part = add_grain(part, made, self.grain, np.random.default_rng([self.job.seed, index]))
        if ahead is not None:
            part = over(part, target[window], ahead)
        source[window] = part
        return alpha

    def _shadowed(self, part: Frames, index: int, window: Window) -> Frames:
        back = np.array([[1.0, 0.0, -self.margin], [0.0, 1.0, -self.margin], [0.0, 0.0, 1.0]])
        move = into_window(window) @ self.layer.transforms[index] @ back
        lost = cv2.warpPerspective(self.shade, move, size_of(window))
        result: Frames = np.clip(np.rint(part * (1.0 - lost)[:, :, None]), 0, 255).astype(np.uint8)
        return result

    def numbers(self) -> dict[str, float]:
        """What was measured and chosen, for the sample's record."""
        level = self.gains.mean(axis=1)
        return {
            "noise_level": self.noise,
            "grain_added": self.grain,
            "blur_sigma": float(np.median(self.sigmas)),
            "compression_quality": float(self.quality),
            "sharpness_a": self.sharp[0],
            "sharpness_b": self.sharp[1],
            "shadow_darkness": self.removal.darkness,
            "exposure_min": float(level.min()),
            "exposure_max": float(level.max()),
        }


def _any_change(first: Frames, second: Frames) -> Mask:
    """``(H, W) bool``: where two frames differ."""
    difference = cv2.absdiff(first, second)
    result: Mask = cv2.max(cv2.max(difference[:, :, 0], difference[:, :, 1]), difference[:, :, 2]) > 0
    return result


def _shadow_left(empty: Frames, mask: Mask, hole: Mask) -> float:
    """Share of the ground along the product's lower part that is still dark when the product is gone, 0..1."""
    size = float(np.sqrt(mask.sum()))
    window = window_of(hole, int(0.7 * size) + 8)
    hole, rows = hole[window], np.flatnonzero(mask[window].any(axis=1))
    brightness = relative_brightness(empty[window], hole, 0.6 * size)
    lower = np.zeros_like(hole)
    lower[int(rows[0] + 0.6 * (rows[-1] - rows[0])) :] = True
    rim = grow(hole, max(4, int(0.08 * size))) & ~hole & lower
    return float((brightness[rim] < 0.75).mean()) if rim.any() else 0.0


def _ring(hole: Mask) -> Mask:
    """The scene within 24 px of a hole."""
    return np.asarray(cv2.dilate(hole.astype(np.uint8), np.ones((49, 49), np.uint8)), np.bool_) & ~hole


def _texture(frame: Frames, where: Mask) -> float:
    """Contrast of fine detail, grey levels."""
    if not where.any():
        return 0.0
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail = cv2.GaussianBlur(grey, (0, 0), 1.0) - cv2.GaussianBlur(grey, (0, 0), 6.0)
    return float(detail[where].std())
