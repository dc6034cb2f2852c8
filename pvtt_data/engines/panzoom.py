"""Pairs from listing pictures: a still photo of B, its double with A in B's place, and one camera path over both.

The target is the real photo of B. The source is the same photo with B and its shadow taken out and a cut-out of A,
from a listing picture of comparable framing, standing there at about the same size. One window with sub-pixel places
moves over both, so light, background and camera agree to the pixel outside the effect mask. Masks are the alphas of
both cut-outs, seen through the same window.

Such a video shows no parallax, no light that changes and nothing that moves by itself. It says what B looks like and
that B's outline is not A's; trainers may want to limit it to the steps that decide about appearance, and tell it by the
sample's engine (`SampleMeta.is_pseudo_video`).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from pvtt_data.engines.base import SwapResult
from pvtt_data.engines.camera_window import Box, CameraPath, draw_path, through_window
from pvtt_data.engines.cutout import Cutout, foot, prepare_cutout
from pvtt_data.engines.layer import over
from pvtt_data.engines.shadow import draw_shadow, find_shadow, grow
from pvtt_data.errors import InputError
from pvtt_data.inpaint import fill_smoothly

Frames = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Reals = npt.NDArray[np.float32]

NUMBERS = (
    "background_texture",
    "canvas_extended_share",
    "cutout_scale",
    "extent_ratio",
    "made_up_share",
    "outside_share",
    "pan",
    "photo_scale",
    "shadow_darkness",
    "zoom",
)
"""What every result states."""
_TRIES = 12
_HALO_PX = 3
"""Around B that still carries its light, at the size of the clip."""
_TEXTURE_PX = 24
_KERNEL_PX = 4
"""How far outside a window its resampling looks."""


@dataclass(frozen=True, slots=True)
class PanzoomConfig:
    """Settings of the panzoom engine.

    Attributes:
        min_zoom, max_zoom: of the camera path, widest over narrowest window.
        max_pan: how far from the products' middle the window's may be, over the window's sides.
        min_fill, max_fill: how much of the narrowest window the products fill, along the side where they fill more.
        min_ratio, max_ratio: extent of A relative to B.
        max_upscale: how much larger than in its photo a product may be shown.
        plain: spread along a side of the photo, grey levels, up to which the photo is continued beyond that side.
        smooth: contrast of fine detail around B, grey levels, up to which a background is made up from around it.
        max_made_up: visible background that is made up, over the area of B; where there is detail, a tenth of it.
    """

    min_zoom: float = 1.08
    max_zoom: float = 1.35
    max_pan: float = 0.12
    min_fill: float = 0.5
    max_fill: float = 0.8
    min_ratio: float = 0.85
    max_ratio: float = 1.2
    max_upscale: float = 1.5
    plain: float = 8.0
    smooth: float = 4.0
    max_made_up: float = 0.6


@dataclass(frozen=True, slots=True)
class PanzoomRequest:
    """What a pair is made from.

    Attributes:
        photo: ``(H, W, 3) uint8`` RGB, a listing picture of B.
        alpha: ``(H, W) float32`` in 0..1, B in it.
        product: ``(h, w, 4) uint8`` RGBA with straight alpha, A cut out of a listing picture.
        size: width and height of the video in pixels.
        frames: T.
        seed: of every random choice.
    """

    photo: Frames
    alpha: Reals
    product: npt.NDArray[np.uint8]
    size: tuple[int, int]
    frames: int
    seed: int


class PanzoomEngine:
    """Makes both halves of a pair from stills."""

    name = "panzoom"
    version = 1

    def __init__(self, config: PanzoomConfig = PanzoomConfig()) -> None:
        self.config = config

    def make(self, request: PanzoomRequest) -> SwapResult:
        """Make one pair; about three CPU-seconds for 49 frames of 480x848.

        Raises:
            InputError: ``photo-without-product``; ``photo-too-small``, B would have to be shown too large or too small;
                ``photo-too-tight``, no path stays in the photo and its border cannot be continued;
                ``photo-background-busy``, what is behind B cannot be made up; or the cut-out's (``cutout-...``).
        """
        rng = np.random.default_rng(request.seed)
        mask = request.alpha > 0.5
        if not mask.any():
            raise InputError("photo-without-product", "the photo shows no product")
        cutout = prepare_cutout(request.product)
        ratio = float(np.exp(rng.uniform(np.log(self.config.min_ratio), np.log(self.config.max_ratio))))
        scale, left, top = _stand(cutout, mask, ratio)
        height, width = cutout.alpha.shape
        subject = _union(_box_of(mask), (left, top, left + scale * width, top + scale * height))
        window = self._window(subject, request.size, rng)
        path = self._path(subject, window, request, rng)
        canvas = _Canvas.of(request.photo, request.alpha, path, window[0] / request.size[0])
        half = self._double(canvas, cutout, scale, (left, top))
        return _filmed(canvas, half, path, request, cutout, ratio)

    def _window(self, subject: Box, size: tuple[int, int], rng: np.random.Generator) -> tuple[float, float]:
        """Width and height of the narrowest window, in pixels of the photo."""
        wide, high = (subject[2] - subject[0]) / size[0], (subject[3] - subject[1]) / size[1]
        fill = float(rng.uniform(self.config.min_fill, self.config.max_fill))
        scale = max(max(wide, high) / fill, 1.0 / self.config.max_upscale)
        shown = max(wide, high) / scale
        if shown < 0.6 * self.config.min_fill:
            raise InputError(
                "photo-too-small",
                f"the product would fill {shown:.0%} of the picture at {self.config.max_upscale:g} times its size",
                {"fill": shown, "threshold": 0.6 * self.config.min_fill},
            )
        return scale * size[0], scale * size[1]

    def _path(
        self, subject: Box, window: tuple[float, float], request: PanzoomRequest, rng: np.random.Generator
    ) -> CameraPath:
        """The first path of some that the photo, continued where it is plain, can show."""
        height, width = request.photo.shape[:2]
        spreads = _spreads(request.photo, request.alpha > 0.5)
        config = self.config
        for _ in range(_TRIES):
            path = draw_path(subject, window, request.frames, (config.min_zoom, config.max_zoom), config.max_pan, rng)
            left, top, right, bottom = path.reach
            beyond = (left < 0, top < 0, right > width, bottom > height)
            if all(spread <= config.plain for spread, needed in zip(spreads, beyond, strict=True) if needed):
                return path
        worst = max(spread for spread, needed in zip(spreads, beyond, strict=True) if needed)
        raise InputError(
            "photo-too-tight",
            "the camera would leave the photo, whose border is no plain colour that could be continued",
            {"border_spread": worst, "threshold": config.plain},
        )

    def _double(self, canvas: _Canvas, cutout: Cutout, scale: float, corner: tuple[float, float]) -> _Double:
        """The canvas with A in the place of B."""
        mask = canvas.alpha > 0.5
        grown = grow(mask, _HALO_PX)
        shadow, brightness = find_shadow(canvas.photo, grown)
        hole = grown | grow(shadow, 2)
        plate = fill_smoothly(canvas.photo, hole)
        darkness = float(np.clip(1.0 - brightness, 0.0, 0.6)) if shadow.any() else 0.0
        shrunk = cutout.scaled(scale * canvas.scale)
        ratio = cutout.alpha.shape[1] / shrunk.alpha.shape[1]
        place = scale * canvas.scale * ratio
        x, y = canvas.at(corner)
        moved = np.array([[place, 0.0, x], [0.0, place, y]])
        size = (canvas.photo.shape[1], canvas.photo.shape[0])
        picture = plate
        if darkness > 0.0:
            shade, margin = draw_shadow(shrunk, darkness)
            under = moved @ np.array([[1.0, 0.0, -margin], [0.0, 1.0, -margin], [0.0, 0.0, 1.0]])
            lost = cv2.warpAffine(shade, under, size, flags=cv2.INTER_LINEAR)
            picture = np.clip(np.rint(plate * (1.0 - lost)[:, :, None]), 0, 255).astype(np.uint8)
        alpha = cv2.warpAffine(shrunk.alpha, moved, size, flags=cv2.INTER_LINEAR)
        premultiplied = cv2.warpAffine(shrunk.colour * shrunk.alpha[:, :, None], moved, size, flags=cv2.INTER_LINEAR)
        colour = premultiplied / np.maximum(alpha, 1e-4)[:, :, None]
        alpha = np.clip(alpha, 0.0, 1.0).astype(np.float32)
        double = _Double(over(picture, np.clip(colour, 0.0, 255.0).astype(np.float32), alpha), alpha, {}, set())
        own = alpha > 0.5
        texture = _texture(canvas.photo, hole)
        made_up = float((hole & ~own).sum() / mask.sum())
        limit = self.config.max_made_up * (0.1 if texture > self.config.smooth else 1.0)
        double.numbers.update(
            background_texture=texture,
            made_up_share=made_up,
            outside_share=float((mask & ~own).sum() / mask.sum()),
            shadow_darkness=darkness,
            cutout_scale=scale * canvas.scale,
        )
        if made_up > limit:
            raise InputError(
                "photo-background-busy",
                f"background of {made_up:.2f} times the product's area would have to be made up behind it",
                {"made_up_share": made_up, "background_texture": texture, "threshold": limit},
            )
        if scale * canvas.scale > self.config.max_upscale:
            double.flags.add("cutout-upscaled")
        return double


@dataclass(frozen=True, slots=True)
class _Canvas:
    """The part of the photo that the path sees, at the size of the clip where the window is narrowest.

    Attributes:
        photo: ``(h, w, 3) uint8`` RGB.
        alpha: ``(h, w) float32``, B.
        scale: pixels of the canvas for one of the photo.
        origin: left and top of the canvas in the photo.
        extended_share: share of it that lies outside the photo.
    """

    photo: Frames
    alpha: Reals
    scale: float
    origin: tuple[float, float]
    extended_share: float

    @classmethod
    def of(cls, photo: Frames, alpha: Reals, path: CameraPath, photo_per_clip: float) -> _Canvas:
        height, width = alpha.shape
        margin = _KERNEL_PX * photo_per_clip + 2.0
        reach = path.reach
        left, top = int(np.floor(reach[0] - margin)), int(np.floor(reach[1] - margin))
        right, bottom = int(np.ceil(reach[2] + margin)), int(np.ceil(reach[3] + margin))
        whole = _extended(photo, left, top, right, bottom)
        inside = (min(right, width) - max(left, 0)) * (min(bottom, height) - max(top, 0))
        flat = np.zeros((bottom - top, right - left), np.float32)
        rows, columns = slice(max(top, 0), min(bottom, height)), slice(max(left, 0), min(right, width))
        flat[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = alpha[rows, columns]
        size = (round((right - left) / photo_per_clip), round((bottom - top) / photo_per_clip))
        scaled = Image.fromarray(whole).resize(size, Image.Resampling.LANCZOS)
        seen = Image.fromarray(np.rint(flat * 255).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
        return cls(
            np.asarray(scaled, np.uint8),
            np.asarray(seen, np.float32) / np.float32(255.0),
            size[0] / (right - left),
            (float(left), float(top)),
            1.0 - inside / ((right - left) * (bottom - top)),
        )

    def at(self, point: tuple[float, float]) -> tuple[float, float]:
        """A point of the photo on the canvas."""
        return (point[0] - self.origin[0]) * self.scale, (point[1] - self.origin[1]) * self.scale

    def window(self, box: npt.NDArray[np.float64]) -> Box:
        """A window over the photo as one over the canvas."""
        left, top = self.at((float(box[0]), float(box[1])))
        right, bottom = self.at((float(box[2]), float(box[3])))
        height, width = self.alpha.shape
        return max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height))


@dataclass(frozen=True, slots=True)
class _Double:
    """The canvas with A: its picture, A's alpha, and what was measured."""

    picture: Frames
    alpha: Reals
    numbers: dict[str, float]
    flags: set[str]


def _filmed(
    canvas: _Canvas, double: _Double, path: CameraPath, request: PanzoomRequest, cutout: Cutout, ratio: float
) -> SwapResult:
    """Both pictures through the moving window."""
    width, height = request.size
    shape = (request.frames, height, width)
    source, target = np.empty((*shape, 3), np.uint8), np.empty((*shape, 3), np.uint8)
    masks = {name: np.empty(shape, np.bool_) for name in ("source", "target", "effect")}
    alphas = {
        name: np.rint(alpha * 255).astype(np.uint8)
        for name, alpha in (("source", double.alpha), ("target", canvas.alpha))
    }
    for number, photo_box in enumerate(path.boxes):
        box = canvas.window(photo_box)
        source[number] = through_window(double.picture, box, request.size)
        target[number] = through_window(canvas.photo, box, request.size)
        for name, alpha in alphas.items():
            masks[name][number] = through_window(alpha, box, request.size) > 127
        changed = (source[number] != target[number]).any(axis=2)
        masks["effect"][number] = grow(changed | masks["source"][number] | masks["target"][number], 3)
    flags = set(double.flags)
    if cutout.cropped:
        flags.add("cutout-cropped")
    numbers = {
        **double.numbers,
        "canvas_extended_share": canvas.extended_share,
        "extent_ratio": ratio,
        "pan": path.pan,
        "photo_scale": canvas.scale,
        "zoom": path.zoom,
    }
    return SwapResult(source, masks["source"], target, masks["target"], masks["effect"], numbers, tuple(sorted(flags)))


def _stand(cutout: Cutout, mask: Mask, ratio: float) -> tuple[float, float, float]:
    """Scale, left and top that put A on B's ground, in pixels of the photo; extents are in a ratio."""
    left, top, right, bottom = _box_of(mask)
    own = _box_of(cutout.solid)
    extents = ((right - left) * (bottom - top)) / ((own[2] - own[0]) * (own[3] - own[1]))
    scale = ratio * float(np.sqrt(extents))
    x = 0.5 * (foot(mask)[0] + (left + right) / 2)
    own_x = 0.5 * (cutout.base_x + (own[0] + own[2]) / 2)
    return scale, x - scale * own_x, bottom - scale * own[3]


def _box_of(mask: Mask) -> Box:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def _union(one: Box, other: Box) -> Box:
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


def _strips(photo: Frames) -> tuple[Frames, Frames, Frames, Frames]:
    """The outermost rows or columns at the left, top, right and bottom, each as ``(length, depth, 3)``."""
    depth = max(4, round(0.015 * min(photo.shape[:2])))
    turned = photo.swapaxes(0, 1)
    return photo[:, :depth], turned[:, :depth], photo[:, -depth:][:, ::-1], turned[:, -depth:][:, ::-1]


def _spreads(photo: Frames, mask: Mask) -> tuple[float, float, float, float]:
    """How much the photo varies along its sides, grey levels; a side that the product touches is never plain.

    The 5th to 95th percentile of the mean over the strip, largest channel.
    """
    stacked = np.dstack([photo, np.where(mask, 255, 0).astype(np.uint8)])
    spreads = []
    for strip in _strips(stacked):
        if (strip[:, 0, 3] > 0).any():
            spreads.append(float("inf"))
            continue
        means = strip[..., :3].astype(np.float32).mean(axis=1)
        low, high = np.percentile(means, [5, 95], axis=0)
        spreads.append(float((high - low).max()))
    return spreads[0], spreads[1], spreads[2], spreads[3]


def _extended(photo: Frames, left: int, top: int, right: int, bottom: int) -> Frames:
    """A part of the photo, continued beyond its sides by their own smooth colours."""
    height, width = photo.shape[:2]
    pads = (max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0))
    if not any(pads):
        return photo[top:bottom, left:right]
    result = cv2.copyMakeBorder(photo, *pads, cv2.BORDER_REPLICATE)
    # What continues a side is its mean colour, smoothed along it: single rows would be drawn out into streaks.
    smooth = {
        name: cv2.GaussianBlur(strip.astype(np.float32).mean(axis=1, keepdims=True), (1, 0), sigmaX=0.1, sigmaY=24.0)
        for name, strip in zip(("left", "top", "right", "bottom"), _strips(photo), strict=True)
    }
    rows, columns = slice(pads[0], pads[0] + height), slice(pads[2], pads[2] + width)
    if pads[2]:
        result[rows, : pads[2]] = np.rint(smooth["left"])
    if pads[3]:
        result[rows, columns.stop :] = np.rint(smooth["right"])
    if pads[0]:
        result[: pads[0], columns] = np.rint(smooth["top"]).swapaxes(0, 1)
        result[: pads[0], : pads[2]] = result[: pads[0], columns.start : columns.start + 1]
        result[: pads[0], columns.stop :] = result[: pads[0], columns.stop - 1 : columns.stop]
    if pads[1]:
        result[rows.stop :, columns] = np.rint(smooth["bottom"]).swapaxes(0, 1)
        result[rows.stop :, : pads[2]] = result[rows.stop :, columns.start : columns.start + 1]
        result[rows.stop :, columns.stop :] = result[rows.stop :, columns.stop - 1 : columns.stop]
    return np.ascontiguousarray(result[pads[0] + top : pads[0] + bottom, pads[2] + left : pads[2] + right])


def _texture(photo: Frames, hole: Mask) -> float:
    """Contrast of fine detail around a hole, grey levels: standard deviation of what a blur takes away."""
    ring = grow(hole, 12 + _TEXTURE_PX) & ~grow(hole, 12)  # what the blur reaches of the product does not count
    if ring.sum() < 64:
        return 0.0
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail = cv2.GaussianBlur(grey, (0, 0), 1.0) - cv2.blur(grey, (17, 17))
    return float(detail[ring].std())
