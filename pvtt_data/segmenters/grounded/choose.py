"""Which of the boxes in a clip's keyframes are the product: good in themselves, and the same thing over time.

A detector's best box of a single frame is often a hand, a box in the background or the whole picture. So each box gets
a weight (score, usual size, nearness to the middle), boxes of different keyframes are linked by place, size and colour,
and the chain of boxes with the largest sum is the product; dynamic programming finds it. Further instances (the other
earring) are further chains of boxes of like size.

A box that a person drew weighs more than all others together: the product is the chain that goes through it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.errors import InputError
from pvtt_data.segmenters.base import Target
from pvtt_data.segmenters.grounded.detection import Box, Detection, area, box_iou, suppress_overlaps
from pvtt_data.segmenters.grounded.settings import FindSettings

_PRIOR_SLOPE = 1.0
"""How fast a box loses weight outside the usual sizes: weight × (ratio ** slope)."""
_EDGE_WEIGHT = 0.6
"""Weight of a box whose middle lies in a corner of the frame; 1 in the middle."""
_PLACE_SIGMA = 1.2
"""Movement between neighbouring keyframes, in units of √area, at which a link has lost 40 %."""
_SIZE_SIGMA = 0.5
"""The same for the natural logarithm of the ratio of areas."""
_COLOUR_BINS = (12, 4, 4)
_FURTHER_SHARE = 0.5
"""Weight of a further instance's chain, as a share of the first one's, from which it counts."""
_LIKE_SIZE = 3.0
"""Largest ratio of the areas of two instances."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A box that a person drew around the product.

    Attributes:
        frame: number in the clip.
        box: in pixels.
    """

    frame: int
    box: Box


@dataclass(frozen=True, slots=True)
class Seen:
    """A box of one keyframe with what it weighs.

    Attributes:
        frame: number in the clip.
        weight: score times priors, (0, 1].
        colours: normalised histogram of what the box shows, hue × saturation × value.
    """

    frame: int
    detection: Detection
    weight: float
    colours: NDArray[np.float32]

    @property
    def box(self) -> Box:
        return self.detection.box


@dataclass(frozen=True, slots=True)
class Chain:
    """One and the same thing in several keyframes.

    Attributes:
        seen: its boxes in the order of time, at most one a keyframe.
        worth: sum of weights and links.
    """

    seen: tuple[Seen, ...]
    worth: float

    @property
    def boxes(self) -> Mapping[int, Box]:
        """Keyframe → box."""
        return {one.frame: one.box for one in self.seen}

    @property
    def best(self) -> Seen:
        """The keyframe to begin with: the heaviest box."""
        return max(self.seen, key=lambda one: (one.weight, -one.frame))


@dataclass(frozen=True, slots=True)
class Choice:
    """The product's chains, and figures behind the choice.

    Attributes:
        chains: one an instance, the heaviest first.
        numbers: ``detector_score`` (median score of the first chain), ``detector_keyframe_share`` (share of keyframes
            with a box of it), ``detector_runner_up`` (worth of the best other chain as a share of the first one's; near
            1, another thing fits the words as well; not there where a person drew a box), ``instances``.
        phrase: the words that fitted most of its boxes; empty where none were asked for.
    """

    chains: tuple[Chain, ...]
    numbers: Mapping[str, float]
    phrase: str


def choose_product(
    frames: NDArray[np.uint8],
    found: Mapping[int, Sequence[Detection]],
    target: Target,
    settings: FindSettings,
    drawn: Drawn | None = None,
) -> Choice:
    """The chains of boxes that are the product.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        found: keyframe → its boxes; none where no words were looked for.
        target: what was looked for.
        settings: thresholds.
        drawn: a person's box, through which the first chain goes; it needs no other box.

    Raises:
        InputError: ``no-product``, the words fit nothing in enough keyframes.
    """
    size = (frames.shape[1], frames.shape[2])
    of_frame = {
        t: [
            Seen(t, d, d.score * _prior(d.box, size, target), _colours(frames[t], d.box))
            for d in suppress_overlaps(found[t], settings.nms_iou)
        ]
        for t in sorted(found)
    }
    extra = 0.0
    if drawn is not None:
        # Weights and links are at most 1, so no chain without it can be worth more.
        extra = 2.0 * len(found) + 1.0
        sure = Detection(drawn.box, 1.0, "")
        of_frame[drawn.frame] = [Seen(drawn.frame, sure, 1.0 + extra, _colours(frames[drawn.frame], drawn.box))]
    layers = [of_frame[t] for t in sorted(of_frame)]
    chains: list[Chain] = []
    least = max(1, math.ceil(settings.min_keyframe_share * len(layers)))
    runner_up = 0.0
    while len(chains) <= target.instances:
        chain = _heaviest_chain(layers)
        if chain is None:
            break
        layers = [_without(layer, chain, settings.nms_iou) for layer in layers]
        if not chains:
            if drawn is None and len(chain.seen) < least:
                raise _not_found(target, found, chain)
            chains.append(Chain(chain.seen, chain.worth - extra))
            continue
        share = chain.worth / chains[0].worth
        if len(chains) < target.instances and share >= _FURTHER_SHARE and len(chain.seen) >= least:
            if _like_size(chain, chains[0]):
                chains.append(chain)
            continue
        runner_up = share
        break
    if not chains:
        raise _not_found(target, found, None)
    detected = [one.detection for one in chains[0].seen if drawn is None or one.frame != drawn.frame]
    fitted = [detection.phrase for detection in detected]
    numbers = {"instances": float(len(chains))}
    if found:
        numbers["detector_keyframe_share"] = len(detected) / len(found)
    if detected:
        numbers["detector_score"] = float(np.median([detection.score for detection in detected]))
    if drawn is None:
        numbers["detector_runner_up"] = min(runner_up, 1.0)
    return Choice(tuple(chains), numbers, max(target.phrases, key=fitted.count, default=""))


def _not_found(target: Target, found: Mapping[int, Sequence[Detection]], chain: Chain | None) -> InputError:
    seen = 0 if chain is None else len(chain.seen)
    best = max((d.score for detections in found.values() for d in detections), default=0.0)
    numbers = {"keyframes": float(len(found)), "keyframes_with_product": float(seen), "detector_score_max": best}
    words = " / ".join(target.phrases)
    return InputError("no-product", f"“{words}” is found in {seen} of {len(found)} keyframes", numbers)


def _prior(box: Box, size: tuple[int, int], target: Target) -> float:
    """In (0, 1]: how usual a box of that size and place is for a product."""
    height, width = size
    share = area(box) / (height * width)
    small, large = target.area_share
    usual = min(1.0, (share / small) ** _PRIOR_SLOPE if share < small else (large / share) ** _PRIOR_SLOPE)
    off = math.hypot((box[0] + box[2]) / width - 1.0, (box[1] + box[3]) / height - 1.0) / math.sqrt(2.0)
    return float(usual * (1.0 - (1.0 - _EDGE_WEIGHT) * off))


def _colours(frame: NDArray[np.uint8], box: Box) -> NDArray[np.float32]:
    """Histogram of the middle of a box, sum 1: its corners are mostly background."""
    left, top, right, bottom = box
    inset_x, inset_y = (right - left) * 0.15, (bottom - top) * 0.15
    rows = slice(int(top + inset_y), max(int(bottom - inset_y), int(top + inset_y) + 1))
    columns = slice(int(left + inset_x), max(int(right - inset_x), int(left + inset_x) + 1))
    patch = cv2.cvtColor(np.ascontiguousarray(frame[rows, columns]), cv2.COLOR_RGB2HSV)
    histogram = cv2.calcHist([patch], [0, 1, 2], None, list(_COLOUR_BINS), [0, 180, 0, 256, 0, 256]).ravel()
    return np.asarray(histogram / max(float(histogram.sum()), 1.0), np.float32)


def _link(one: Seen, other: Seen, steps: int) -> float:
    """In [0, 1]: whether two boxes, so many keyframes apart, show the same thing."""
    side = math.sqrt(math.sqrt(area(one.box) * area(other.box)))
    moved = math.hypot(
        (one.box[0] + one.box[2] - other.box[0] - other.box[2]) / 2,
        (one.box[1] + one.box[3] - other.box[1] - other.box[3]) / 2,
    )
    place = moved / side / _PLACE_SIGMA
    grown = math.log(area(other.box) / area(one.box)) / _SIZE_SIGMA
    alike = float(np.minimum(one.colours, other.colours).sum())
    return math.exp(-(place * place + grown * grown) / (2 * steps)) * alike


def _heaviest_chain(layers: Sequence[Sequence[Seen]]) -> Chain | None:
    """The chain with the largest sum of weights and links; a keyframe may be passed over."""
    worth: dict[tuple[int, int], float] = {}
    before: dict[tuple[int, int], tuple[int, int] | None] = {}
    for k, layer in enumerate(layers):
        for i, seen in enumerate(layer):
            best, origin = 0.0, None
            for earlier in range(k):
                for j, other in enumerate(layers[earlier]):
                    link = _link(other, seen, k - earlier)
                    gain = worth[earlier, j] + link * min(seen.weight, other.weight)
                    # A chain may not swallow boxes of something else: an unlikely link is worth less than a new start.
                    if link >= 0.05 and gain > best:
                        best, origin = gain, (earlier, j)
            worth[k, i] = seen.weight + best
            before[k, i] = origin
    if not worth:
        return None
    last = max(worth, key=lambda place: (worth[place], -place[0], -place[1]))
    at: tuple[int, int] | None = last
    seen_there = []
    while at is not None:
        seen_there.append(layers[at[0]][at[1]])
        at = before[at]
    return Chain(tuple(reversed(seen_there)), worth[last])


def _without(layer: Sequence[Seen], chain: Chain, most_iou: float) -> list[Seen]:
    """A keyframe's boxes less those that a chain has taken or that mostly show the same."""
    taken = [one.box for one in chain.seen if layer and one.frame == layer[0].frame]
    return [one for one in layer if all(box_iou(one.box, box) <= most_iou and one.box != box for box in taken)]


def _like_size(one: Chain, other: Chain) -> bool:
    mine = float(np.median([area(seen.box) for seen in one.seen]))
    theirs = float(np.median([area(seen.box) for seen in other.seen]))
    return max(mine / theirs, theirs / mine) <= _LIKE_SIZE
