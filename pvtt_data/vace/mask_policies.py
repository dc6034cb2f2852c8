"""Where the model works: masks made from A's mask alone, as at inference, or from A's and B's.

Whoever edits a video has the mask of the old product and nothing of the new one. *Deployable* policies see no more than
that, so they are what evaluation uses and what training mostly uses. The *oracle* is A ∪ B.

Masks are ``(T, H, W)`` bool. Every policy gives a mask that contains A's. What is random is drawn once a clip, never
once a frame. Frames are joined before shapes are drawn (see `steady`), so masks do not flicker.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from pvtt_data.errors import InputError
from pvtt_data.stage import StageConfig
from pvtt_data.vace.dice import dice

Masks = NDArray[np.bool_]
Deployable = Literal["bbox", "bbox_margin", "hull", "grown", "blocks"]
Policy = Literal["bbox", "bbox_margin", "hull", "grown", "blocks", "oracle"]
DEPLOYABLE: tuple[Deployable, ...] = get_args(Deployable)

GROWTH_LADDER = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.45, 0.6)
"""How much further each try of `training_mask` grows a mask that does not hold B, as shares of A's size."""


class MaskSettings(StageConfig):
    """How masks are made. Shares of A's size are shares of the square root of its largest area in a frame."""

    margin: tuple[float, float] = (0.05, 0.3)
    """`bbox_margin`: range of the margin, drawn for each side, as a share of A's size."""
    grow: tuple[float, float] = (0.05, 0.2)
    """`grown`, `blocks` and `oracle`: range of the dilation, as a share of A's size."""
    block_px: int = Field(default=32, ge=1)
    """`blocks`: side of the blocks."""
    steady_frames: int = Field(default=2, ge=0)
    """What is in the mask stays at least twice that and one frames; gaps of up to four times that are closed."""
    box_frames: int = Field(default=4, ge=0)
    """A box's sides are smoothed over so many frames before and after."""
    whole_clip_share: float = Field(default=0.15, ge=0, le=1)
    """How often one mask, the union over all frames, serves the whole clip. Training only."""
    whole_clip_most_area: float = Field(default=0.4, gt=0, le=1)
    """That union is not used where it would cover more of the frame."""
    contained: float = Field(default=0.995, gt=0, le=1)
    """Share of B's pixels that a mask must hold to count as holding B."""

    @model_validator(mode="after")
    def _ranges_rise(self) -> MaskSettings:
        for name, (low, high) in (("margin", self.margin), ("grow", self.grow)):
            if not 0 <= low <= high <= 2:
                raise ValueError(f"{name} must be two numbers from 0 to 2, the smaller first")
        return self


class PolicyWeights(StageConfig):
    """How often training draws each policy; they need not sum to 1. The oracle's share is at most 20 %."""

    bbox: float = Field(default=0.2, ge=0)
    bbox_margin: float = Field(default=0.25, ge=0)
    hull: float = Field(default=0.15, ge=0)
    grown: float = Field(default=0.15, ge=0)
    blocks: float = Field(default=0.15, ge=0)
    oracle: float = Field(default=0.1, ge=0)

    @model_validator(mode="after")
    def _mostly_deployable(self) -> PolicyWeights:
        deployable = sum(getattr(self, policy) for policy in DEPLOYABLE)
        if deployable <= 0 or self.oracle > 0.2 / 0.8 * deployable * (1 + 1e-9):
            raise ValueError("deployable policies must be at least 80 % of all")
        return self


@dataclass(frozen=True, slots=True, eq=False)
class TrainingMask:
    """A mask, and how it came about.

    Attributes:
        mask: ``(T, H, W)`` bool.
        policy: the one that made it.
        drawn: the one that was drawn first; another than ``policy`` where that could not hold B.
        growth: the step of `GROWTH_LADDER` that was needed, 0 for none.
    """

    mask: Masks
    policy: Policy
    drawn: Policy
    growth: int


def binary(mask: NDArray[np.bool_] | NDArray[np.uint8] | NDArray[np.float32] | NDArray[np.float64]) -> Masks:
    """A mask as bool: true above one half, which is 127.5 for uint8 and 0.5 for floats in [0, 1].

    Raises:
        InputError: ``mask-type``, neither bool, uint8 nor float.
    """
    if mask.dtype == np.bool_:
        return mask.astype(np.bool_)
    if mask.dtype == np.uint8:
        return np.asarray(mask > 127)
    if np.issubdtype(mask.dtype, np.floating):
        return np.asarray(mask > 0.5)
    raise InputError("mask-type", f"a mask is bool, uint8 or float in [0, 1], not {mask.dtype}")


def evaluation_mask(policy: Deployable, mask_a: Masks, settings: MaskSettings | None = None) -> Masks:
    """The mask for generation and evaluation: nothing of B enters, and nothing is random.

    Margins and dilations are the middle of their ranges.

    Args:
        policy: a deployable one.
        mask_a: ``(T, H, W)`` bool, where A is.
        settings: defaults if not given.

    Returns:
        ``(T, H, W)`` bool, contains ``mask_a``; empty if that is.

    Raises:
        InputError: ``mask-policy``, no deployable policy.
    """
    settings = settings or MaskSettings()
    middle = _Dice(margins=(sum(settings.margin) / 2,) * 4, grow=sum(settings.grow) / 2, whole_clip=False)
    return _grower(policy, mask_a, settings, middle)(0.0)


def deployable(
    policy: Deployable, mask_a: Masks, seed: int, settings: MaskSettings | None = None, growth: float = 0.0
) -> Masks:
    """A mask for training, from A's mask alone.

    Args:
        policy: ``bbox``: A's box; ``bbox_margin``: with a margin on each side; ``hull``: the convex hull; ``grown``:
            dilated; ``blocks``: the blocks that the dilated mask touches.
        mask_a: ``(T, H, W)`` bool, where A is.
        seed: of what is random; equal seeds give equal masks on every machine.
        settings: defaults if not given.
        growth: how much larger, as a share of A's size.

    Returns:
        ``(T, H, W)`` bool, contains ``mask_a``; empty if that is.

    Raises:
        InputError: ``mask-policy``, no deployable policy.
    """
    settings = settings or MaskSettings()
    return _grower(policy, mask_a, settings, _Dice.draw(seed, settings))(growth)


def oracle(mask_a: Masks, mask_b: Masks, seed: int, settings: MaskSettings | None = None) -> Masks:
    """A ∪ B, steady and dilated by a share of its size drawn once a clip. Training only.

    Returns:
        ``(T, H, W)`` bool, contains both masks.
    """
    settings = settings or MaskSettings()
    union = mask_a | mask_b
    radius_px = _Dice.draw(seed, settings).grow * _size_px(union)
    return np.asarray(_distances(steady(union, settings.steady_frames)) <= round(radius_px), np.bool_)


def policy_order(weights: PolicyWeights, seed: int) -> tuple[Policy, ...]:
    """The policies in the order in which a step tries them: drawn by weight, without those of weight 0."""
    given: dict[Policy, float] = {policy: getattr(weights, policy) for policy in get_args(Policy)}
    possible = [policy for policy, weight in given.items() if weight > 0]
    shares = np.asarray([given[policy] for policy in possible])
    numbers = dice(seed, "policy").choice(len(possible), len(possible), replace=False, p=shares / shares.sum())
    return tuple(possible[number] for number in numbers)


def training_mask(
    mask_a: Masks, mask_b: Masks, order: Sequence[Policy], seed: int, settings: MaskSettings | None = None
) -> TrainingMask:
    """The mask for one training step.

    The first policy of ``order`` is the one that was drawn. A deployable mask that does not hold B is grown by the
    steps of `GROWTH_LADDER`, which depend on A's size alone. If the last step does not hold B either, the next
    deployable policy is tried, and when none is left, the oracle is used: such a swap cannot be learnt with a mask of
    A, and a mask that cuts B off would teach the model to paint where it is told to keep. Of B nothing but that yes or
    no is used, so the mask tells the model at most which step was enough. `TrainingMask` says what happened. The
    oracle's default weight is 10 %, so that these cases stay within its 20 %.

    Args:
        mask_a, mask_b: ``(T, H, W)`` bool, where A is in the source and B in the target.
        order: of `policy_order`.
        seed: of margins, dilations and the rest.
        settings: defaults if not given.

    Raises:
        InputError: ``mask-policy``, an unknown policy.
    """
    settings = settings or MaskSettings()
    tried = () if order[0] == "oracle" else (policy for policy in order if policy != "oracle")
    for policy in tried:
        grown = _grower(policy, mask_a, settings, _Dice.draw(seed, settings))
        for step, growth in enumerate(GROWTH_LADDER):
            mask = grown(growth)
            if contained_share(mask_b, mask) >= settings.contained:
                return TrainingMask(mask, policy, order[0], step)
    return TrainingMask(oracle(mask_a, mask_b, seed, settings), "oracle", order[0], 0)


def contained_share(inner: Masks, outer: Masks) -> float:
    """Share of the pixels of ``inner`` that lie in ``outer``, over all frames; 1 if ``inner`` is empty."""
    count = int(inner.sum())
    return int((inner & outer).sum()) / count if count else 1.0


def steady(masks: Masks, frames: int) -> Masks:
    """Masks that do not flicker: dilated in time by twice ``frames``, then eroded by ``frames``.

    Contains every mask from ``frames`` before to ``frames`` after. A pixel that comes in stays for at least
    2 · ``frames`` + 1 frames; one that goes out stays out for as many, unless the clip begins or ends.
    """
    return ~_any_near(~_any_near(masks, 2 * frames), frames)


@dataclass(frozen=True, slots=True)
class _Dice:
    """What is random in a mask."""

    margins: tuple[float, float, float, float]
    """Left, top, right, bottom, as shares of A's size."""
    grow: float
    whole_clip: bool

    @classmethod
    def draw(cls, seed: int, settings: MaskSettings) -> _Dice:
        generator = dice(seed, "mask")
        left, top, right, bottom = generator.uniform(*settings.margin, 4).tolist()
        grow = float(generator.uniform(*settings.grow))
        return cls((left, top, right, bottom), grow, bool(generator.random() < settings.whole_clip_share))


def _grower(policy: Deployable, mask_a: Masks, settings: MaskSettings, dice: _Dice) -> Callable[[float], Masks]:
    """Makes the policy's mask for any growth; what does not depend on the growth is done once."""
    size_px = _size_px(mask_a)
    masks = steady(mask_a, settings.steady_frames)
    whole = mask_a.any(axis=0)
    if dice.whole_clip and whole.mean() <= settings.whole_clip_most_area:
        masks = np.broadcast_to(whole, mask_a.shape)
    if policy in ("bbox", "bbox_margin"):
        margins = dice.margins if policy == "bbox_margin" else (0.0, 0.0, 0.0, 0.0)
        return lambda growth: _boxes(masks, settings.box_frames, [(margin + growth) * size_px for margin in margins])
    if policy not in DEPLOYABLE:
        known = ", ".join(DEPLOYABLE)
        raise InputError("mask-policy", f"{policy!r} is no policy that works without B; those are {known}")
    distances = _distances(_hulls(masks) if policy == "hull" else masks)
    least = 0.0 if policy == "hull" else dice.grow
    side_px = settings.block_px if policy == "blocks" else 1
    return lambda growth: _blocks(np.asarray(distances <= round((least + growth) * size_px), np.bool_), side_px)


def _size_px(masks: Masks) -> float:
    """Square root of the largest area in a frame."""
    return float(np.sqrt(masks.sum(axis=(1, 2)).max(initial=0)))


def _any(values: Masks, axis: int | tuple[int, ...]) -> Masks:
    return np.asarray(np.any(values, axis=axis), np.bool_)


def _any_near(masks: Masks, frames: int) -> Masks:
    """Whether a pixel is in the mask at most ``frames`` away."""
    result = masks.copy()
    for distance in range(1, min(frames, len(masks) - 1) + 1):
        result[distance:] |= masks[:-distance]
        result[:-distance] |= masks[distance:]
    return result


def _distances(masks: Masks) -> NDArray[np.float32]:
    """Of each pixel to the mask of its frame; infinite where that is empty."""
    result = np.full(masks.shape, np.inf, np.float32)
    for distances, mask in zip(result, masks, strict=True):
        if mask.any():
            distances[:] = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return result


def _hulls(masks: Masks) -> Masks:
    """The convex hull of each frame."""
    result = np.zeros(masks.shape, np.uint8)
    for frame, mask in zip(result, masks, strict=True):
        points = cv2.findNonZero(mask.astype(np.uint8))
        if points is not None:
            cv2.fillConvexPoly(frame, cv2.convexHull(points), 1)
    return result.astype(np.bool_) | masks


def _blocks(masks: Masks, side_px: int) -> Masks:
    """The blocks of a grid, from the top left corner, that a mask touches."""
    if side_px == 1:
        return masks
    _, height, width = masks.shape
    padded = np.pad(masks, ((0, 0), (0, -height % side_px), (0, -width % side_px)))
    cells = padded.reshape(len(masks), padded.shape[1] // side_px, side_px, padded.shape[2] // side_px, side_px)
    touched = _any(cells, (2, 4))
    return touched.repeat(side_px, axis=1).repeat(side_px, axis=2)[:, :height, :width]


def _boxes(masks: Masks, frames: int, margins_px: Sequence[float]) -> Masks:
    """Boxes around the masks whose sides move smoothly; frames without a mask get none.

    A side is the outermost within ``frames`` before and after, then the mean of as many: each of those holds the frame
    itself, so the box does, too.
    """
    _, height, width = masks.shape
    rows, columns = _any(masks, 2), _any(masks, 1)
    filled = _any(rows, 1)
    # Sides as distances that grow outwards, so that the outermost is the maximum.
    sides = np.stack(
        [
            -columns.argmax(axis=1),
            -rows.argmax(axis=1),
            width - columns[:, ::-1].argmax(axis=1),
            height - rows[:, ::-1].argmax(axis=1),
        ]
    ).astype(np.float64)
    outermost = _over_window(np.where(filled, sides, -np.inf), frames).max(axis=2)
    near = _over_window(outermost, frames)
    known = np.isfinite(near)
    means = np.where(known, near, 0).sum(axis=2) / np.maximum(known.sum(axis=2), 1)
    left, top, right, bottom = means + np.asarray(margins_px)[:, None]
    across, down = np.arange(width), np.arange(height)
    inside_x: Masks = (across >= np.floor(-left)[:, None]) & (across < np.ceil(right)[:, None])
    inside_y: Masks = (down >= np.floor(-top)[:, None]) & (down < np.ceil(bottom)[:, None])
    return np.asarray(inside_y[:, :, None] & inside_x[:, None, :] & filled[:, None, None], np.bool_)


def _over_window(values: NDArray[np.float64], frames: int) -> NDArray[np.float64]:
    """``(N, T)`` to ``(N, T, 2 · frames + 1)``, with −∞ beyond the clip."""
    padded = np.pad(values, ((0, 0), (frames, frames)), constant_values=-np.inf)
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * frames + 1, axis=1)
