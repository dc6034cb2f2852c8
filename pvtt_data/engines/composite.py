"""Reverse pairs from real video: the clip with B is the target, a fake clip with A is made from it.

The old product's region is tracked, a cut-out of the new product stands where it stood and moves along, what it does
not cover is replaced by the background. So the target, which a model learns to make, is always real.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.engines.base import SwapResult
from pvtt_data.engines.colour import add_grain, noise_level
from pvtt_data.engines.cutout import prepare_cutout
from pvtt_data.engines.gate import check_clip
from pvtt_data.engines.layer import over, window_of
from pvtt_data.engines.moving import moving_cutouts
from pvtt_data.engines.numbers import complete
from pvtt_data.engines.placement import Style
from pvtt_data.engines.shadow import grow
from pvtt_data.engines.swap import Job, Settings, swap
from pvtt_data.inpaint import Filler
from pvtt_data.tracking import TrackConfig, settle_rotation, track_plane

Frames = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]


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
        find_occluders: look for what is in front of the old product where the request does not say it.
        track: what counts as a good track.
    """

    min_area: float = 0.01
    max_area: float = 0.5
    min_ratio: float = 0.7
    max_ratio: float = 1.4
    free_share: float = 0.5
    colour_strength: float = 0.25
    max_untracked_fill: float = 0.1
    find_occluders: bool = True
    track: TrackConfig = field(default_factory=TrackConfig)


@dataclass(frozen=True, slots=True)
class CompositeRequest:
    """What a composite is made from.

    Attributes:
        frames: ``(T, H, W, 3) uint8`` RGB, the real clip with B, at least five frames.
        masks: ``(T, H, W) bool``, B.
        product: ``(h, w, 4) uint8`` RGBA with straight alpha, a cut-out of A; ``(S, h, w, 4)``, a moving one (see
            `pvtt_data.engines.moving.steady_cutout`), which is retimed to the clip; None for a no-op.
        seed: of every random choice.
        kind: ``swap``, or ``noop``: B's own pixels go through the same processing and back to their place, which
            teaches that a pasted look alone means nothing.
        placement: ``cover`` or ``free``; None draws it.
        distractor: ``(h, w, 4) uint8`` RGBA, a thing pasted beside the product into source *and* target, which has
            to survive.
        occluders: ``(T, H, W) bool``, what is in front of the product, such as hands: stays on top. None looks for it.
    """

    frames: Frames
    masks: Masks
    product: npt.NDArray[np.uint8] | None
    seed: int
    kind: Literal["swap", "noop"] = "swap"
    placement: Style | None = None
    distractor: npt.NDArray[np.uint8] | None = None
    occluders: Masks | None = None


class CompositeEngine:
    """Makes the source of a pair by pasting; the target is the clip itself (plus a distractor, if asked for).

    Args:
        config: settings.
        filler: fills what no frame shows; texture from the surroundings if None.
    """

    name = "composite"
    version = 4

    def __init__(self, config: CompositeConfig = CompositeConfig(), filler: Filler | None = None) -> None:
        self.config = config
        self.filler = filler

    def make(self, request: CompositeRequest) -> SwapResult:
        """Make one pair; about five CPU-seconds for 49 frames of 480x848.

        Raises:
            InputError: from the gate (``too-few-frames``, ``blank-frames``, ``cut-inside``, ``mask-missing``,
                ``mask-too-small``, ``mask-too-large``), the tracker (``untrackable-...``), the cut-out
                (``cutout-...``), the placement (``no-room``, ``covers-too-little``), or ``background-untrackable``
                when too much textured background would have to be made up without knowing its motion.
        """
        check_clip(request.frames, request.masks, self.config.min_area, self.config.max_area)
        if request.kind == "noop":
            return self._paste_back(request)
        if request.product is None:
            raise ValueError("a swap needs a product")
        if request.product.ndim == 4:
            dice = np.random.default_rng([request.seed, 1])
            cutouts = moving_cutouts(request.product, len(request.frames), dice)
        else:
            cutouts = (prepare_cutout(request.product),)
        rng = np.random.default_rng(request.seed)
        style: Style = "free" if rng.random() < self.config.free_share else "cover"
        track = track_plane(request.frames, request.masks, self.config.track)
        standing, rotation = settle_rotation(track, request.masks)
        settings = Settings(
            self.config.min_ratio,
            self.config.max_ratio,
            self.config.colour_strength,
            self.config.max_untracked_fill,
            self.config.find_occluders,
        )
        job = Job(
            frames=request.frames,
            masks=request.masks,
            cutouts=cutouts,
            track=track,
            standing=standing,
            rotation=rotation,
            distractor=request.distractor,
            occluders=request.occluders,
            seed=request.seed,
        )
        return swap(job, request.placement or style, settings, self.filler, rng)

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
            numbers=complete({"noise_level": noise, "extent_ratio": 1.0, "outside_share": 0.0}),
            flags=("noop",),
        )
