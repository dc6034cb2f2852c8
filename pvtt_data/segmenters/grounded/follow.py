"""Follow one thing through a clip: forwards and backwards from its best keyframe, again where that is in doubt.

Long clips are followed in windows, so that only one window's features are held at a time. The first one is begun where
the product's best box lies; each next one is prompted with a mask of its neighbour, and on the frames that both know
they must agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pvtt_data.errors import InputError
from pvtt_data.masks import iou
from pvtt_data.segmenters.grounded.detection import Box, box_iou, box_of
from pvtt_data.segmenters.grounded.holes import hole_points
from pvtt_data.segmenters.grounded.lanes import Course, EmbeddedClip, Lane, Prompt, Run, VideoTracker
from pvtt_data.segmenters.grounded.settings import FollowSettings

_SAME = 0.7
"""IoU from which two masks of a frame say the same."""
_QUALITY_LOST = 0.1
"""Points in holes are kept unless they cost more than this of the tracker's own estimate."""


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """Where a thing was found in keyframes.

    Attributes:
        boxes: keyframe → box.
        trust: keyframe → weight of that box; prompts begin with the largest.
        holed: whether background may be seen through the thing.
        drawn: the keyframe whose box a person drew; where it is, it is the first one, and never in doubt.
    """

    boxes: Mapping[int, Box]
    trust: Mapping[int, float]
    holed: bool = False
    drawn: int | None = None

    @property
    def best(self) -> int:
        """The keyframe to begin with."""
        return max(self.boxes, key=lambda t: (t == self.drawn, self.trust[t], -t))

    def within(self, start: int, stop: int) -> Sighting:
        """Those keyframes of a window, counted from its first frame."""
        kept = [t for t in self.boxes if start <= t < stop]
        drawn = self.drawn - start if self.drawn in kept else None
        boxes = {t - start: self.boxes[t] for t in kept}
        return Sighting(boxes, {t - start: self.trust[t] for t in kept}, self.holed, drawn)


@dataclass(slots=True, eq=False)
class Track:
    """One thing in every frame of a clip.

    Attributes:
        masks: (T, H, W) bool.
        quality: (T,) float32 in [0, 1], the tracker's estimate of each mask's IoU.
        presence: (T,) float32 in [0, 1], the tracker's estimate that the thing is in the frame.
        agreement: (T,) float32 in [0, 1], IoU with the pass that came back; 1 where none did.
        box_ious: keyframe → IoU of the mask's box and the detector's.
        reprompts: how often it was prompted again.
        window_agreement: smallest mean IoU of two windows on the frames that both know; 1 for a single window.
        holes: points that were set into holes.
    """

    masks: NDArray[np.bool_]
    quality: NDArray[np.float32]
    presence: NDArray[np.float32]
    agreement: NDArray[np.float32]
    box_ious: dict[int, float]
    reprompts: int = 0
    window_agreement: float = 1.0
    holes: int = 0

    @classmethod
    def empty(cls, count: int, size: tuple[int, int]) -> Track:
        """Of a clip about which nothing is known yet."""
        height, width = size
        zeros = np.zeros(count, np.float32)
        return cls(np.zeros((count, height, width), np.bool_), zeros, zeros.copy(), np.ones(count, np.float32), {})

    def put(self, start: int, other: Track, frames: range) -> None:
        """Take frames (counted in this clip) from the track of a window that begins at ``start``."""
        here, there = slice(frames.start, frames.stop), slice(frames.start - start, frames.stop - start)
        for mine, theirs in (
            (self.masks, other.masks),
            (self.quality, other.quality),
            (self.presence, other.presence),
            (self.agreement, other.agreement),
        ):
            mine[here] = theirs[there]
        self.box_ious |= {t + start: value for t, value in other.box_ious.items() if t + start in frames}


def windows_of(count: int, window: int, overlap: int) -> list[range]:
    """Frames 0 … count - 1 in windows that share ``overlap`` frames; the last one reaches back to be as long.

    Raises:
        ValueError: windows would not move on.
    """
    if not 0 < overlap < window:
        raise ValueError(f"windows of {window} frames cannot share {overlap}")
    if count <= window:
        return [range(count)]
    starts = list(range(0, count - window, window - overlap))
    return [range(start, start + window) for start in [*starts, count - window]]


def follow(
    tracker: VideoTracker,
    frames: NDArray[np.uint8],
    sighting: Sighting,
    settings: FollowSettings,
    entry: Prompt | None = None,
) -> Course[Track]:
    """The thing in every frame.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        sighting: where it was found; at least one keyframe.
        settings: windows and thresholds.
        entry: begins at the best keyframe in place of its box.

    Raises:
        InputError: ``track-lost``, a window shows nothing to go on with.
    """
    count, size = len(frames), (int(frames.shape[1]), int(frames.shape[2]))
    windows = windows_of(count, settings.window, min(settings.overlap, settings.window - 1))
    # The window in which the best keyframe lies deepest.
    best = sighting.best
    first = max(
        (n for n, window in enumerate(windows) if best in window),
        key=lambda n: (min(best - windows[n].start, windows[n].stop - 1 - best), -n),
    )
    track = Track.empty(count, size)
    for n in [first, *range(first + 1, len(windows)), *range(first - 1, -1, -1)]:
        window = windows[n]
        near = sighting.within(window.start, window.stop)
        if n == first:
            start, prompt, known = best - window.start, entry, range(0)
        else:
            neighbour = windows[n - 1] if n > first else windows[n + 1]
            known = range(max(window.start, neighbour.start), min(window.stop, neighbour.stop))
            start, prompt = _handed_over(track, known, window, near, forwards=n > first)
        clip = tracker.embed(frames[window.start : window.stop])
        part = yield from _through_window(clip, frames[window.start : window.stop], near, start, prompt, settings)
        if len(known):
            track.window_agreement = min(track.window_agreement, _mean_iou(track, part, known, window.start, start))
        new = [t for t in window if t not in known] if len(known) else list(window)
        track.put(window.start, part, range(new[0], new[-1] + 1))
        track.reprompts += part.reprompts
        track.holes += part.holes
    return track


def _handed_over(
    track: Track, known: range, window: range, near: Sighting, forwards: bool
) -> tuple[int, Prompt | None]:
    """With which frame of a window to begin, and a mask as its prompt; None is for the detector's box there."""
    # The frame nearest to the neighbour's side, so that the other shared frames are followed anew and can be compared.
    for t in known if forwards else reversed(known):
        if track.masks[t].any() and track.presence[t] > 0.5:
            return t - window.start, Prompt(mask=track.masks[t])
    if near.boxes:
        return near.best, None
    raise InputError(
        "track-lost",
        "the product is out of sight between two windows",
        {"frame": float(window.start), "threshold": 0.5},
    )


def _mean_iou(track: Track, part: Track, known: range, offset: int, prompted: int) -> float:
    shared = [t for t in known if t - offset != prompted]
    ious = [_agree(track.masks[t], part.masks[t - offset]) for t in shared]
    return float(np.mean(ious)) if ious else 1.0


def _agree(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """IoU; two empty masks agree."""
    return 1.0 if not one.any() and not other.any() else iou(one, other)


def _through_window(
    clip: EmbeddedClip,
    frames: NDArray[np.uint8],
    near: Sighting,
    start: int,
    prompt: Prompt | None,
    settings: FollowSettings,
) -> Course[Track]:
    """The thing in a window whose features are held."""
    last = clip.count - 1
    track = Track.empty(clip.count, clip.size)
    if prompt is None:
        prompt = yield from _box_prompt(clip, frames, near, start)
        track.holes = len(prompt.outside)
    lanes = _both_ways(clip, start, prompt, 0, last)
    for lane, run in zip(lanes, (yield lanes), strict=True):
        _write(track, lane, run)
    yield from _prompt_again(track, clip, frames, near, settings)
    if settings.check:
        yield from _check(track, clip, start)
    track.box_ious = {t: _box_agreement(track.masks[t], box) for t, box in near.boxes.items()}
    return track


def _box_prompt(clip: EmbeddedClip, frames: NDArray[np.uint8], near: Sighting, t: int) -> Course[Prompt]:
    """The box of a keyframe, with points in the holes of what it holds."""
    prompt = Prompt(box=near.boxes[t])
    if not near.holed:
        return prompt
    (plain,) = yield [Lane(clip, (t,), prompt)]
    points = hole_points(frames[t], plain.mask(0))
    if not points:
        return prompt
    pierced = Prompt(box=near.boxes[t], outside=points)
    (run,) = yield [Lane(clip, (t,), pierced)]
    mask = run.mask(0)
    obeyed = mask.any() and not any(mask[int(y), int(x)] for x, y in points)
    return pierced if obeyed and run.quality[0] >= plain.quality[0] - _QUALITY_LOST else prompt


def _both_ways(clip: EmbeddedClip, start: int, prompt: Prompt, low: int, high: int) -> list[Lane]:
    """Lanes from a frame up to ``high`` and down to ``low``; one of a single frame where there is no way to go."""
    ways = [range(start, high + 1), range(start, low - 1, -1)]
    going = [way for way in ways if len(way) > 1] or ways[:1]
    return [Lane(clip, tuple(way), prompt) for way in going]


def _write(track: Track, lane: Lane, run: Run) -> None:
    for step, t in enumerate(lane.order):
        track.masks[t] = run.mask(step)
        track.quality[t], track.presence[t] = run.quality[step], run.presence[step]


def _prompt_again(
    track: Track, clip: EmbeddedClip, frames: NDArray[np.uint8], near: Sighting, settings: FollowSettings
) -> Course[None]:
    """Begin anew at doubtful keyframes, the best box first, as far as the sound keyframes on either side."""
    tried: set[int] = set()
    while track.reprompts < settings.max_reprompts:
        doubtful = {
            t for t in near.boxes if t not in tried and t != near.drawn and _in_doubt(track, t, near.boxes[t], settings)
        }
        if not doubtful:
            return
        t = max(doubtful, key=lambda t: (near.trust[t], -t))
        tried.add(t)
        track.reprompts += 1
        sound = [k for k in near.boxes if k not in doubtful and k not in tried]
        low = max((k + 1 for k in sound if k < t), default=0)
        high = min((k - 1 for k in sound if k > t), default=clip.count - 1)
        prompt = yield from _box_prompt(clip, frames, near, t)
        lanes = _both_ways(clip, t, prompt, low, high)
        for lane, run in zip(lanes, (yield lanes), strict=True):
            _replace(track, lane, run, t)


def _in_doubt(track: Track, t: int, box: Box, settings: FollowSettings) -> bool:
    return (
        track.quality[t] < settings.min_quality
        or track.presence[t] <= 0.5
        or _box_agreement(track.masks[t], box) < settings.min_box_iou
    )


def _box_agreement(mask: NDArray[np.bool_], box: Box) -> float:
    around = box_of(mask)
    return 0.0 if around is None else box_iou(around, box)


def _replace(track: Track, lane: Lane, run: Run, prompted: int) -> None:
    """Take over what a new lane says, unless the old one says the same or believes more in itself."""
    for step, t in enumerate(lane.order):
        new = run.mask(step)
        if t != prompted:
            same = _agree(track.masks[t], new) >= _SAME
            surer = track.quality[t] * track.presence[t] > run.quality[step] * run.presence[step]
            if same or surer:
                continue
        track.masks[t] = new
        track.quality[t], track.presence[t] = run.quality[step], run.presence[step]


def _check(track: Track, clip: EmbeddedClip, start: int) -> Course[None]:
    """Come back from both ends to where it all began, and compare frame by frame."""
    lanes: list[Lane] = []
    for way in (range(clip.count - 1, start - 1, -1), range(start + 1)):
        # Where the thing has left the picture there is nothing to come back with.
        order = _from_first_sight(track, way)
        if len(order) > 1:
            lanes.append(Lane(clip, tuple(order), Prompt(mask=track.masks[order[0]])))
    if not lanes:
        return
    for lane, run in zip(lanes, (yield lanes), strict=True):
        for step, t in enumerate(lane.order):
            if step:
                track.agreement[t] = min(track.agreement[t], _agree(track.masks[t], run.mask(step)))


def _from_first_sight(track: Track, order: Sequence[int]) -> Sequence[int]:
    for step, t in enumerate(order):
        if track.masks[t].any():
            return order[step:]
    return ()
