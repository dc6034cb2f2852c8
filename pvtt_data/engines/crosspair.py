"""Reconstruction of a real clip from pictures of its product that were taken elsewhere.

Source and target are both the clip itself. A model that is shown nothing of the product inside the mask has to take it
from the references, and keeps everything else as it is: background, motion, hands, light are real on both sides. It
never sees another product in the source, so these pairs alone do not teach to replace one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.embedders.base import Embedder
from pvtt_data.engines.base import SwapResult
from pvtt_data.engines.gate import check_clip
from pvtt_data.errors import InputError
from pvtt_data.looks import embeddings, likeness, view_distance, view_of_cutout, views_of

Frames = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]

NUMBERS = ("reference_likeness_min", "view_distance_max", "view_distance_min")
"""What every result states: the look and the view of the references beside those of the clip."""
_FRAMES = 9


@dataclass(frozen=True, slots=True)
class CrosspairConfig:
    """Settings of the crosspair engine.

    Attributes:
        min_area: smallest share of the frame that the product may take, in any frame.
        max_area: largest share.
        min_view_distance: how far the view of every reference must be from every view in the clip.
    """

    min_area: float = 0.01
    max_area: float = 0.5
    min_view_distance: float = 0.1


@dataclass(frozen=True, slots=True)
class CrosspairRequest:
    """What a reconstruction is made from.

    Attributes:
        frames: ``(T, H, W, 3) uint8`` RGB, the real clip with B, at least five frames.
        masks: ``(T, H, W) bool``, B.
        references: cut-outs of B, ``(h, w, 4) uint8`` RGBA, one at least; none from this moment of its footage.
    """

    frames: Frames
    masks: Masks
    references: Sequence[npt.NDArray[np.uint8]]


class CrosspairEngine:
    """Pairs a clip with itself, if the references show its product and not its view.

    Args:
        config: settings.
        embedder: says how alike references and product look.
    """

    name = "crosspair"
    version = 2

    def __init__(self, config: CrosspairConfig, embedder: Embedder) -> None:
        self.config = config
        self.embedder = embedder

    def make(self, request: CrosspairRequest) -> SwapResult:
        """The clip as its own source; the effect mask is the mask.

        Raises:
            InputError: from the gate (``too-few-frames``, ``blank-frames``, ``cut-inside``, ``mask-missing``,
                ``mask-too-small``, ``mask-too-large``), or ``no-other-view`` when a reference shows the clip's view.
        """
        if not request.references:
            raise ValueError("a reconstruction needs a reference")
        frames, masks = request.frames, request.masks
        check_clip(frames, masks, self.config.min_area, self.config.max_area)
        chosen = sorted({round(share * (len(frames) - 1)) for share in np.linspace(0.0, 1.0, _FRAMES)})
        kernel = np.ones((3, 3), np.uint8)
        inner = [cv2.erode(masks[i].astype(np.uint8), kernel).astype(bool) for i in chosen]
        seen = [mask if mask.any() else masks[i] for mask, i in zip(inner, chosen, strict=True)]
        views = views_of([frames[i] for i in chosen], seen, self.embedder)
        shown = [view_of_cutout(picture, self.embedder) for picture in request.references]
        distances = [min(view_distance(reference, view) for view in views) for reference in shown]
        looks = embeddings(views)
        numbers = {
            "reference_likeness_min": min(likeness(embeddings([reference]), looks) for reference in shown),
            "view_distance_max": max(distances),
            "view_distance_min": min(distances),
        }
        if min(distances) < self.config.min_view_distance:
            raise InputError(
                "no-other-view",
                f"a reference shows the view of the clip: distance {min(distances):.2f}, below "
                f"{self.config.min_view_distance:g}",
                numbers,
            )
        return SwapResult(frames, masks, frames, masks, masks, numbers)
