"""How much of a clip is covered by text that was laid over it: subtitles, prices, banners.

Text is looked for in a few frames. What stands on the product (see `product_region`) is its own. Any other text
is followed from frame to frame: an overlay stays on the same pixels until it vanishes or the next one takes its place,
text in the scene moves along with the scene. Three cases stay open and are decided so. Text in a scene that does not
move at all counts as an overlay: nothing tells it from one. Text that keeps moving over the screen, as a ticker does,
does not count. Text laid over the product does not count either.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.masks import Mask
from pvtt_data.text_detection import Boxes, TextDetector, rectangle_around

SAMPLED_FRAMES = 5
_MASK_MARGIN = 0.03
"""Dilation of the product's mask, in short sides of the frame."""
_TEXT_BORDER = 0.25
"""What is taken off the mask around a line of text, in heights of the line."""
_MIN_BARE_SHARE = 0.2
"""Share of a part of the mask that lies outside the text, below which the part is taken for text."""
_STEP_S = 0.1
_MIN_HELD_S = 0.3
"""How long a text must stay, when it vanishes afterwards, to count."""
_LONG_HELD_S = 1.0
"""How long a text must stay to count whatever it does before and after: overlays glide in."""
_SEARCH = 1 / 48
"""How far a text is looked for between two looks, in short sides of the frame."""
_MIN_CORRELATION = 0.6
_SLACK = 0.02
"""A text has stayed where it was if it correlates there nearly as well as anywhere around."""


@dataclass(frozen=True, slots=True)
class OverlayFrame:
    """Text in one sampled frame.

    Attributes:
        frame: index in the clip.
        overlays: boxes of text laid over the picture.
        others: boxes of text that moves with the scene or stands on the product.
        area: (H, W) bool, pixels of the overlays outside the product's region.
    """

    frame: int
    overlays: Boxes
    others: Boxes
    area: Mask


def find_overlays(frames: npt.NDArray[np.uint8], masks: Mask, fps: float, detector: TextDetector) -> list[OverlayFrame]:
    """Overlay text in `SAMPLED_FRAMES` frames spread over a clip.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        masks: (T, H, W) bool, the product.
        fps: rate of the clip.

    Raises:
        ValueError: frames and masks do not belong together.
    """
    if frames.shape[:3] != masks.shape or not len(masks):
        raise ValueError(f"frames {frames.shape} and masks {masks.shape} do not belong together")
    luma = [np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8) for frame in frames]
    return [_look_at(frame, frames, luma, masks, fps, detector) for frame in frames_to_look_at(len(frames))]


def overlay_numbers(found: Sequence[OverlayFrame]) -> dict[str, float]:
    """Numbers that quality control compares with its thresholds.

    Returns:
        ``text_overlay_share``: share of the picture that overlay text covers, mean over the sampled frames, [0, 1];
        ``text_overlay_share_max``: the largest of them;
        ``text_overlay_boxes_max``: most lines of overlay text in one of them.
    """
    shares = [float(frame.area.mean()) for frame in found]
    return {
        "text_overlay_share": math.fsum(shares) / len(shares),
        "text_overlay_share_max": max(shares),
        "text_overlay_boxes_max": float(max(len(frame.overlays) for frame in found)),
    }


def frames_to_look_at(count: int) -> list[int]:
    """Up to `SAMPLED_FRAMES` frames, evenly spread, away from both ends where the clip is long enough."""
    places = np.linspace(0, count - 1, SAMPLED_FRAMES + 2)[1:-1]
    return sorted({round(float(place)) for place in places})


def stays_on_screen(
    luma: Sequence[npt.NDArray[np.uint8]], frame: int, box: npt.NDArray[np.float32], fps: float
) -> bool:
    """Whether the text in a box of one frame is laid over the picture, by how it goes on in the frames around.

    Args:
        luma: T pictures (H, W) uint8.
        frame: index of the picture that the box was found in.
        box: (4, 2) float32 corners in pixels.
        fps: rate of the pictures.
    """
    height, width = luma[0].shape
    rectangle = rectangle_around(box, height, width)
    step = max(1, round(_STEP_S * fps))
    held_frames, moved, to_both_ends = 0, False, True
    for looks in (range(frame + step, len(luma), step), range(frame - step, -1, -step)):
        for other in looks:
            fate = _fate(luma[frame], luma[other], rectangle)
            if fate != "stays":
                moved, to_both_ends = moved or fate == "moves", False
                break
            held_frames += step
    if to_both_ends or held_frames >= _LONG_HELD_S * fps:
        return True
    return not moved and held_frames >= _MIN_HELD_S * fps


def product_region(mask: Mask, boxes: Boxes) -> Mask:
    """Where text is the product's own: its mask with a margin, without text beside it that the mask took along.

    Segmentation by salience takes a subtitle or a price for a part of the product. Such a part of the mask is hardly
    more than the text itself, while a product shows around what is printed on it. So connected parts of the mask that
    are nearly all text do not count, unless there is no other.

    Args:
        mask: (H, W) bool.
        boxes: the text in the same frame.
    """
    height, width = mask.shape
    text = np.zeros_like(mask)
    for box in boxes:
        text |= _filled(_grown(box), height, width)
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    areas = np.bincount(labels.ravel(), minlength=count)
    bare = np.bincount(labels[~text], minlength=count)
    counts = bare >= _MIN_BARE_SHARE * areas
    counts[0] = False
    return _dilated(np.asarray(counts[labels], np.bool_) if counts.any() else mask)


def _fate(
    luma: npt.NDArray[np.uint8], later: npt.NDArray[np.uint8], rectangle: tuple[int, int, int, int]
) -> Literal["stays", "moves", "gone"]:
    """What became of the picture inside a rectangle (left, top, right, bottom) in another frame."""
    left, top, right, bottom = rectangle
    if right - left < 2 or bottom - top < 2:
        return "gone"
    reach = max(2, round(_SEARCH * min(luma.shape)))
    x0, y0 = max(0, left - reach), max(0, top - reach)
    around = later[y0 : bottom + reach, x0 : right + reach]
    likeness = cv2.matchTemplate(around, luma[top:bottom, left:right], cv2.TM_CCOEFF_NORMED)
    best, here = float(likeness.max()), float(likeness[top - y0, left - x0])
    if best < _MIN_CORRELATION:
        return "gone"
    return "stays" if here >= best - _SLACK else "moves"


def _look_at(
    index: int,
    frames: npt.NDArray[np.uint8],
    luma: Sequence[npt.NDArray[np.uint8]],
    masks: Mask,
    fps: float,
    detector: TextDetector,
) -> OverlayFrame:
    height, width = luma[index].shape
    boxes = detector.boxes(frames[index])
    product = product_region(masks[index], boxes)
    overlays, others = [], []
    area = np.zeros((height, width), np.bool_)
    for box in boxes:
        covered = _filled(box, height, width)
        if _belongs_to(covered, product) or not stays_on_screen(luma, index, box, fps):
            others.append(box)
        else:
            overlays.append(box)
            area |= covered & ~product
    return OverlayFrame(index, _boxes(overlays), _boxes(others), area)


def _belongs_to(covered: Mask, product: Mask) -> bool:
    """Whether a box lies mostly on the product, or around it: the network takes some products for a character."""
    shared = int((covered & product).sum())
    return 2 * shared > min(int(covered.sum()), int(product.sum()))


def _dilated(mask: Mask) -> Mask:
    margin = max(1, round(_MASK_MARGIN * min(mask.shape)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1, 2 * margin + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disc) > 0, np.bool_)


def _grown(box: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A box with a border all around, for the plate or the outline of its text."""
    across, down = box[1] - box[0], box[3] - box[0]
    border = _TEXT_BORDER * min(np.linalg.norm(across), np.linalg.norm(down))
    x = border * across / max(float(np.linalg.norm(across)), 1e-6)
    y = border * down / max(float(np.linalg.norm(down)), 1e-6)
    return np.asarray(box + np.array([-x - y, x - y, x + y, y - x]), np.float32)


def _filled(box: npt.NDArray[np.float32], height_px: int, width_px: int) -> Mask:
    """(H, W) bool: the pixels whose centres lie in a rectangle of any direction."""
    x = np.arange(width_px) + 0.5 - box[0, 0]
    y = (np.arange(height_px) + 0.5 - box[0, 1])[:, None]
    inside = np.ones((height_px, width_px), np.bool_)
    for side in (box[1] - box[0], box[3] - box[0]):
        along = x * side[0] + y * side[1]
        inside &= (along >= 0) & (along <= float(side @ side))
    return inside


def _boxes(found: Sequence[npt.NDArray[np.float32]]) -> Boxes:
    return np.array(found, np.float32).reshape(-1, 4, 2)
