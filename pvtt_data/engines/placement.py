"""Where and how large a cut-out stands in the keyframe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.engines.cutout import Cutout, foot
from pvtt_data.errors import InputError
from pvtt_data.tracking import Matrix, apply_transform

Mask = npt.NDArray[np.bool_]
Style = Literal["cover", "free"]

_COVERED = 0.02
"""Share of the old product left outside up to which it counts as covered."""
_FREE = 0.06
"""Share that must stay outside in a free placement: else shapes would only ever shrink."""
_MOSTLY_COVERED = 0.45
"""Share that may stay outside: more would make up more background than it shows product."""
_HARDLY_COVERED = 0.6
_BARE = 0.2
"""Share of the old product that lies outside and behind which nothing is known, up to which that is little."""
_MIN_INSIDE = 0.6
_WHOLE = 0.97
"""Share of the cut-out's box inside the frame from which it is wholly in view."""
_MAX_AREA = 0.6


@dataclass(frozen=True, slots=True)
class Placement:
    """A cut-out in the keyframe.

    Attributes:
        to_keyframe: ``(3, 3) float64``, cut-out pixels to keyframe pixels: a scale and a shift, so it stands upright.
        style: ``cover`` when it hides the old product, ``free`` when parts of that lie outside.
        extent_ratio: its extent over the old product's; extent is the geometric mean of the bounding box's sides.
        outside_share: share of the old product that lies outside, 0..1, in the keyframe.
        inside_frame_min: smallest share of the cut-out's box that is inside the frame, over all frames, 0..1.
    """

    to_keyframe: Matrix
    style: Style
    extent_ratio: float
    outside_share: float
    inside_frame_min: float

    @property
    def cut_by_frame(self) -> bool:
        """Whether the frame cuts the cut-out off somewhere."""
        return self.inside_frame_min < _WHOLE


def place(
    cutout: Cutout,
    key_mask: Mask,
    transforms: Matrix,
    style: Style,
    ratios: tuple[float, float],
    rng: np.random.Generator,
    max_outside: float = 1.0,
    made_up: Mask | None = None,
) -> Placement:
    """Stand a cut-out on the old product's ground contact.

    What matters most goes first: to leave no more of the old product uncovered than allowed, to be wholly in view, the
    style that was asked for, then to show little background that nobody has seen.

    Args:
        cutout: the new product.
        key_mask: ``(H, W) bool``, the old product in the keyframe.
        transforms: ``(T, 3, 3)``, the old product's motion from the keyframe.
        style: wanted; a cut-out that cannot cover within the ratios is placed freely, and the other way round.
        ratios: smallest and largest extent ratio.
        rng: draws the ratio.
        max_outside: share of the old product that may stay outside, 0..1; above it only where no ratio does better.
        made_up: ``(H, W) bool``, pixels of the old product behind which nothing is known of the background. Little of
            that is left in view where there is a choice.

    Raises:
        InputError: ``no-room`` when no ratio keeps the cut-out inside the frame, ``covers-too-little`` when more than
            six tenths of the old product lie outside at every ratio that does.
    """
    choices = np.geomspace(ratios[0], ratios[1], 13)
    tried = []
    for ratio in choices:
        matrix = _stand(cutout, key_mask, float(ratio))
        inside = _inside_frame(cutout, matrix, key_mask, transforms)
        if inside >= _MIN_INSIDE:
            outside = _outside(cutout, matrix, key_mask)
            got: Style = "cover" if outside <= _COVERED else "free"
            bare = _outside(cutout, matrix, key_mask, made_up) if made_up is not None else outside
            tried.append((Placement(matrix, got, float(ratio), outside, inside), bare))
    if not tried:
        raise InputError(
            "no-room", "the cut-out does not fit into the frame on this track", {"min_ratio": float(ratios[0])}
        )
    limit = min(max_outside, _MOSTLY_COVERED)
    allowed = [entry for entry in tried if entry[0].outside_share <= limit]
    if not allowed:
        least = min((choice for choice, _ in tried), key=lambda choice: choice.outside_share)
        if least.outside_share > _HARDLY_COVERED:
            raise InputError(
                "covers-too-little",
                "the new product hides too little of the old one at any size: the shapes differ too much",
                {"outside_share": least.outside_share, "max_outside_share": _HARDLY_COVERED},
            )
        return least
    whole = [entry for entry in allowed if not entry[0].cut_by_frame]
    sparing = [entry for entry in whole or allowed if entry[1] <= _BARE]
    choices_left = sparing or whole or allowed
    covering = [choice for choice, _ in choices_left if choice.style == "cover"]
    leaving = [choice for choice, _ in choices_left if choice.outside_share >= _FREE]
    if style == "cover" and covering:
        return covering[int(rng.integers(min(len(covering), 3)))]
    if style == "free" and not leaving:  # what was asked for matters more than sparing
        leaving = [choice for choice, _ in whole or allowed if choice.outside_share >= _FREE]
    if leaving:
        return leaving[int(rng.integers(len(leaving)))]
    wanted = _FREE if style == "free" else _COVERED
    return min((choice for choice, _ in choices_left), key=lambda choice: abs(choice.outside_share - wanted))


def _stand(cutout: Cutout, key_mask: Mask, ratio: float) -> Matrix:
    """Scale and shift that put the cut-out's foot where the old product stands."""
    ys, xs = np.nonzero(key_mask)
    height, width = float(np.ptp(ys)) + 1.0, float(np.ptp(xs)) + 1.0
    own_ys, own_xs = np.nonzero(cutout.solid)
    own_height, own_width = float(np.ptp(own_ys)) + 1.0, float(np.ptp(own_xs)) + 1.0
    scale = ratio * float(np.sqrt(height * width / (own_height * own_width)))
    old_x = 0.5 * (foot(key_mask)[0] + float(xs.min() + xs.max()) / 2.0)
    own_x = 0.5 * (cutout.base_x + float(own_xs.min() + own_xs.max()) / 2.0)
    left = old_x - scale * own_x
    top = float(ys.max()) - scale * float(own_ys.max())
    return np.array([[scale, 0.0, left], [0.0, scale, top], [0.0, 0.0, 1.0]])


def _corners(cutout: Cutout) -> npt.NDArray[np.float64]:
    height, width = cutout.alpha.shape
    return np.array([[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]])


def _inside_frame(cutout: Cutout, matrix: Matrix, key_mask: Mask, transforms: Matrix) -> float:
    """Smallest share of the bounding box inside the frame; 0 where it takes too much of the frame."""
    height, width = key_mask.shape
    frame = np.array([[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]], np.float32)
    smallest = 1.0
    for transform in transforms:
        quad = apply_transform(transform @ matrix, _corners(cutout)).astype(np.float32)
        area = float(cv2.contourArea(quad))
        shared, _ = cv2.intersectConvexConvex(quad, frame)
        if area <= 1.0 or shared > _MAX_AREA * height * width:
            return 0.0
        smallest = min(smallest, float(shared) / area)
    return smallest


def _outside(cutout: Cutout, matrix: Matrix, key_mask: Mask, part: Mask | None = None) -> float:
    """Share of the old product that the cut-out does not hide, at a quarter of the resolution or so; of a part of it
    only, if one is given."""
    height, width = key_mask.shape
    step = min(1.0, 160.0 / float(np.sqrt(key_mask.sum())))
    small = np.diag([step, step, 1.0])
    size = (max(round(width * step), 1), max(round(height * step), 1))
    old = cv2.resize(key_mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
    own = cv2.warpPerspective(cutout.solid.astype(np.float32), small @ matrix, size) > 0.5
    bare = old & ~own
    if part is not None:
        bare &= cv2.resize(part.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
    return float(bare.sum() / max(int(old.sum()), 1))
