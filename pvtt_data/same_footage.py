"""Do two sources share footage? Finds the stretches, however cropped, shifted, sped up or covered, and measures them.

First the line of time: pictures of one source, seen through 36 views (crops of up to 10 %), against the whole pictures
of the other, both ways round, vote for a speed and an offset, and the best run along such a line is a candidate. Then
the pictures: both are laid on each other and compared block by block over the whole run, each block where it fits best
within two pixels. What is measured tells copies from look-alikes: the share of blocks that agree, and whether what
moves moves alike.

All decisions follow from integers; see `pvtt_data.footage`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pvtt_data.footage import PERIOD_MS, PICTURE_PX, UNIT, WHOLE, Footage, Span, gradients, products, resampled
from pvtt_data.records import Stretch

MIN_PICTURES = 10
"""Shorter runs, of less than 2.5 s, are not looked at: locked-off shots of one scene agree by chance for as long."""
MOST_STRETCHES = 8
"""Stretches looked at in a pair of sources."""

_CELLS = 16
_SPANS: tuple[Span, ...] = (WHOLE, (0.0, 0.9), (0.1, 1.0), (0.05, 0.95), (0.0, 0.95), (0.05, 1.0))
_SPEEDS_PERMILLE = (950, 1000, 1050)
_OFFSET_STEP_MS = 125
# How far outside the other's pictures a picture may lie while lines are coarse.
_END_MS = 63
# What of the other source is looked at, beyond the ends of a run, while its line is refined.
_AROUND_MS = 2000
_FINE_SPEEDS_PERMILLE = (0, -25, 25, -50, 50)
_FINE_OFFSETS_MS = tuple(sorted(range(-250, 251, 50), key=abs))
# Cosines, in units of UNIT²: pictures from which on a pair votes, and what a run gains or loses its score against.
_ALIKE = round(0.45 * UNIT**2)
_NEVER = -(2**30)
# Neighbours in time that are less alike belong to different shots.
_CUT = round(0.3 * UNIT**2)
_CANDIDATES_OF_A_VIEW = 4
_CANDIDATES = 16
_FINALISTS = 3
_ROWS_AT_ONCE = 512

_BLOCK_PX = 8
_BLOCKS = PICTURE_PX // _BLOCK_PX
_REACH_PX = 2
_MOST_COMPARED = 24
# A block with a standard deviation below this, in grey levels, shows nothing; one whose pixels change by less, rests.
_FLAT = 4.0
_STILL = 3.0
_GAIN = 16
_MIN_BLOCKS = 6
_BLOCK_AGREES = 0.7
_MOTION_AGREES = 0.5

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, order=True)
class _Line:
    """Times of the viewed source as a line over those of the whole one: ``speed · t / 1000 + offset``."""

    view: int
    speed_permille: int
    offset_ms: int

    def __call__(self, time_ms: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return self.speed_permille * time_ms // 1000 + self.offset_ms


@dataclass(frozen=True, slots=True)
class _Run:
    """Pictures ``[first, last)`` of the whole source along a line, and how much more alike than needed they are."""

    score: int
    line: _Line
    first: int
    last: int


class _Way:
    """One source seen through views against the whole pictures of the other."""

    def __init__(self, viewed: Footage, whole: Footage, apart_ms: int) -> None:
        self.viewed = viewed
        self.whole = whole
        self.apart_ms = apart_ms
        self.views = gradients(viewed.pictures, _CELLS, _SPANS)
        self.target = gradients(whole.pictures, _CELLS)[0]
        self.viewed_free = np.ones(len(viewed), bool)
        self.whole_free = np.ones(len(whole), bool)

    def best(self) -> _Run | None:
        """The best run of pictures that are free; ties go to the first line in the order of their settings."""
        votes = sorted(self._votes(), key=lambda vote: (-vote[0], vote[1]))
        runs = [run for _, line in votes[:_CANDIDATES] if (run := self._run(line)) is not None]
        finalists: list[_Run] = []
        for run in sorted(runs, key=lambda run: (-run.score, run.line)):
            if all(abs(run.line.offset_ms - other.line.offset_ms) > PERIOD_MS for other in finalists):
                finalists.append(run)
        refined = [self._refined(run) for run in finalists[:_FINALISTS]]
        return min(refined, key=lambda run: (-run.score, run.line), default=None)

    def _votes(self) -> Iterator[tuple[int, _Line]]:
        """How alike pictures are along lines; the best few of each view."""
        times, whole_times = self.viewed.time_ms, self.whole.time_ms
        shortest = -(_SPEEDS_PERMILLE[-1] * int(whole_times[-1]) // 1000) // _OFFSET_STEP_MS - 1
        bins = int(times[-1]) // _OFFSET_STEP_MS - shortest + 2
        target = self.target * self.whole_free[:, None]
        for number, descriptors in enumerate(self.views):
            counts = np.zeros((len(_SPEEDS_PERMILLE), bins))
            free = descriptors * self.viewed_free[:, None]
            for start in range(0, len(target), _ROWS_AT_ONCE):
                alike = products(free, target[start : start + _ROWS_AT_ONCE])
                i, j = np.nonzero(alike > _ALIKE)
                apart = np.abs(times[i] - whole_times[start + j]) >= self.apart_ms
                i, j = i[apart], j[apart]
                if not len(i):
                    continue
                gain = alike[i, j].astype(np.float64) - _ALIKE
                for row, speed in enumerate(_SPEEDS_PERMILLE):
                    offset = times[i] - speed * whole_times[start + j] // 1000
                    counts[row] += np.bincount(offset // _OFFSET_STEP_MS - shortest, gain, bins)
            for row, speed in enumerate(_SPEEDS_PERMILLE):
                for place in np.argsort(-counts[row], kind="stable")[:_CANDIDATES_OF_A_VIEW]:
                    if counts[row, place] > 0:
                        offset_ms = (int(place) + shortest) * _OFFSET_STEP_MS + _OFFSET_STEP_MS // 2
                        yield int(counts[row, place]), _Line(number, speed, offset_ms)

    def _run(self, line: _Line) -> _Run | None:
        """The run along a line with the largest sum of what its pictures are more alike than `_ALIKE`."""
        wanted = line(self.whole.time_ms)
        near = _nearest(self.viewed.time_ms, wanted)
        usable = np.abs(self.viewed.time_ms[near] - wanted) <= PERIOD_MS
        usable &= (wanted >= -_END_MS) & (wanted <= self.viewed.time_ms[-1] + _END_MS)
        usable &= self.viewed_free[near] & self.whole_free
        usable &= np.abs(wanted - self.whole.time_ms) >= self.apart_ms
        product = (self.views[line.view][near].astype(np.int64) * self.target).sum(axis=1)
        total = np.concatenate([[0], np.cumsum(np.where(usable, product - _ALIKE, _NEVER))])
        lowest = np.minimum.accumulate(total)
        last = int(np.argmax(total - lowest))
        first = int(np.argmax(total[: last + 1] == lowest[last]))
        if last - first < MIN_PICTURES:
            return None
        return _Run(int(total[last] - lowest[last]), line, first, last)

    def _refined(self, run: _Run) -> _Run:
        """The run on the finer line near its own along which pictures, blended between neighbours, are most alike."""
        rows = np.arange(run.first, run.last)
        times = self.whole.time_ms[rows]
        middle = int(times[len(times) // 2])
        anchor = int(run.line(np.array([middle]))[0])
        begin, end = run.line(times[[0, -1]])
        span = slice(*np.searchsorted(self.viewed.time_ms, [begin - _AROUND_MS, end + _AROUND_MS]))
        known = self.viewed.time_ms[span]
        descriptors = self.views[run.line.view][span]
        alike = products(descriptors, self.target[rows]).astype(np.int64)
        wide = descriptors.astype(np.int64)
        power, neighbours = (wide * wide).sum(axis=1), (wide[1:] * wide[:-1]).sum(axis=1)
        best = (-1, run)
        for change in _FINE_SPEEDS_PERMILLE:
            speed = run.line.speed_permille + change
            if not _SPEEDS_PERMILLE[0] <= speed <= _SPEEDS_PERMILLE[-1]:
                continue
            for shift in _FINE_OFFSETS_MS:
                line = _Line(run.line.view, speed, anchor + shift - speed * middle // 1000)
                wanted = line(times)
                inside = np.flatnonzero((wanted >= known[0]) & (wanted <= known[-1]))
                if len(inside) < MIN_PICTURES:
                    continue
                after = np.clip(np.searchsorted(known, wanted[inside]), 1, len(known) - 1)
                late = wanted[inside] - known[after - 1]
                early = known[after] - wanted[inside]
                common = early * alike[after - 1, inside] + late * alike[after, inside]
                length = early**2 * power[after - 1] + late**2 * power[after] + 2 * early * late * neighbours[after - 1]
                cosines = np.rint(UNIT * common / np.sqrt(np.maximum(length, 1))).astype(np.int64)
                mean = int(cosines.sum()) // len(inside)
                if mean > best[0]:
                    first, last = run.first + int(inside[0]), run.first + int(inside[-1]) + 1
                    best = (mean, _Run((mean - _ALIKE) * (last - first), line, first, last))
        return best[1]

    def take(self, run: _Run) -> None:
        """Mark the pictures of a run as used."""
        self.whole_free[run.first : run.last] = False
        wanted = run.line(self.whole.time_ms[run.first : run.last])
        self.viewed_free[(self.viewed.time_ms >= wanted[0]) & (self.viewed.time_ms <= wanted[-1])] = False

    def stretch(self, run: _Run) -> Stretch:
        """What a run shows, measured on its pictures; the viewed source is "one"."""
        chosen = np.unique(
            np.linspace(run.first, run.last - 1, min(_MOST_COMPARED, run.last - run.first)).round()
        ).astype(int)
        wanted = run.line(self.whole.time_ms[chosen])
        pictures = _at(self.viewed, wanted, run.line.view)
        shots = self._shots(run)[chosen - run.first]
        blocks, agreeing, moving, moving_alike = _blocks_alike(
            pictures, self.whole.pictures[chosen].astype(np.float64), shots
        )
        start, end = (int(t) for t in run.line(self.whole.time_ms[[run.first, run.last - 1]]))
        count = run.last - run.first
        return Stretch(
            one_start_ms=max(0, start),
            one_end_ms=end + PERIOD_MS,
            other_start_ms=int(self.whole.time_ms[run.first]),
            other_end_ms=int(self.whole.time_ms[run.last - 1]) + PERIOD_MS,
            pictures=count,
            alike=(run.score / count + _ALIKE) / UNIT**2,
            blocks=blocks,
            agreeing=agreeing,
            moving=moving,
            moving_alike=moving_alike,
        )

    def _shots(self, run: _Run) -> npt.NDArray[np.int64]:
        """Number of the shot, within the run, of each of its pictures; −1 beside cuts: those may be blends."""
        descriptors = self.target[run.first : run.last].astype(np.int64)
        cuts = (descriptors[1:] * descriptors[:-1]).sum(axis=1) < _CUT
        beside = np.concatenate([[False], cuts]) | np.concatenate([cuts, [False]])
        return np.where(beside, -1, np.concatenate([[0], np.cumsum(cuts)]))


def compare(one: Footage, other: Footage) -> list[Stretch]:
    """Stretches in which two sources may share footage, the surest first; exchanged sources give mirrored stretches.

    Footage compared with itself is compared at times 2.5 s apart or more; a repetition may be told both ways.
    """
    if min(len(one), len(other)) < MIN_PICTURES:
        return []
    if _order(one) > _order(other):
        return [mirrored(stretch) for stretch in compare(other, one)]
    apart_ms = MIN_PICTURES * PERIOD_MS if _order(one) == _order(other) else 0
    there, back = _Way(one, other, apart_ms), _Way(other, one, apart_ms)
    found: list[Stretch] = []
    while len(found) < MOST_STRETCHES and min(there.viewed_free.sum(), there.whole_free.sum()) >= MIN_PICTURES:
        run, run_back = there.best(), back.best()
        if run is not None and (run_back is None or run.score >= run_back.score):
            found.append(there.stretch(run))
            there.take(run)
            back.viewed_free, back.whole_free = there.whole_free, there.viewed_free
        elif run_back is not None:
            found.append(mirrored(back.stretch(run_back)))
            back.take(run_back)
            there.viewed_free, there.whole_free = back.whole_free, back.viewed_free
        else:
            break
    return found


def mirrored(stretch: Stretch) -> Stretch:
    """The same stretch with the sources exchanged."""
    return dataclasses.replace(
        stretch,
        one_start_ms=stretch.other_start_ms,
        one_end_ms=stretch.other_end_ms,
        other_start_ms=stretch.one_start_ms,
        other_end_ms=stretch.one_end_ms,
    )


def _order(one: Footage) -> tuple[bytes, bytes]:
    return one.time_ms.tobytes(), one.pictures.tobytes()


def _nearest(times: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    after = np.clip(np.searchsorted(times, wanted), 1, len(times) - 1)
    return np.where(wanted - times[after - 1] <= times[after] - wanted, after - 1, after)


def _at(source: Footage, wanted_ms: npt.NDArray[np.int64], view: int) -> Floats:
    """``(len(wanted_ms), 64, 64)`` whole grey levels: a view at some times, blended from the pictures around."""
    after = np.clip(np.searchsorted(source.time_ms, wanted_ms), 1, len(source) - 1)
    before = after - 1
    gap = np.maximum(source.time_ms[after] - source.time_ms[before], 1)
    weight = np.clip((wanted_ms - source.time_ms[before]) / gap, 0.0, 1.0)[:, None, None]
    across, down = (_SPANS[view // len(_SPANS)],), (_SPANS[view % len(_SPANS)],)
    early, late = (resampled(source.pictures[rows], across, down, PICTURE_PX)[:, 0, :, 0] for rows in (before, after))
    return np.asarray(np.rint(early * (1 - weight) + late * weight))


def _blocks_alike(a: Floats, b: Floats, shots: npt.NDArray[np.int64]) -> tuple[int, float, int, float]:
    """Blocks that show something, the share that agrees, agreeing blocks that move, and the share that moves alike.

    Args:
        a: ``(T, 64, 64)`` whole grey levels.
        b: the same of the other source.
        shots: ``(T,)`` number of the shot of each picture, −1 for pictures to leave out of motion; what differs from
            shot to shot is no motion.

    All sums are integers below 2^53.
    """
    a, b = _smooth(a), _smooth(b)
    padded = np.pad(a, ((0, 0), (_REACH_PX, _REACH_PX), (_REACH_PX, _REACH_PX)), mode="edge")
    b_blocks = _blocks(b)
    b_level = b_blocks.sum(axis=2)
    b_power = (_BLOCK_PX**2 * (b_blocks**2).sum(axis=2) - b_level**2).sum(axis=1)
    best = np.full(_BLOCKS**2, -2.0)
    a_blocks = np.zeros_like(b_blocks)
    a_best_power = np.zeros(_BLOCKS**2)
    for y in range(2 * _REACH_PX + 1):
        for x in range(2 * _REACH_PX + 1):
            moved = _blocks(padded[:, y : y + PICTURE_PX, x : x + PICTURE_PX])
            level = moved.sum(axis=2)
            power = (_BLOCK_PX**2 * (moved**2).sum(axis=2) - level**2).sum(axis=1)
            common = (_BLOCK_PX**2 * (moved * b_blocks).sum(axis=2) - level * b_level).sum(axis=1)
            correlation = common / np.sqrt(np.maximum(power * b_power, 1.0))
            better = correlation > best
            best[better], a_best_power[better] = correlation[better], power[better]
            a_blocks[better] = moved[better]
    flat = (_GAIN * _FLAT * _BLOCK_PX**2) ** 2 * len(a)
    shows = np.maximum(a_best_power, b_power) > flat
    agrees = shows & (best > _BLOCK_AGREES)
    a_change, b_change = _changes(a_blocks, shots), _changes(b_blocks, shots)
    a_motion, b_motion = (a_change**2).sum(axis=(1, 2)), (b_change**2).sum(axis=(1, 2))
    still = (_GAIN * _STILL * _BLOCK_PX) ** 2 * len(a)
    moves = agrees & (np.maximum(a_motion, b_motion) > still)
    alike = (a_change * b_change).sum(axis=(1, 2)) / np.sqrt(np.maximum(a_motion * b_motion, 1.0)) > _MOTION_AGREES
    shown, moving = int(shows.sum()), int(moves.sum())
    return (
        shown,
        float(agrees.sum() / shown) if shown >= _MIN_BLOCKS else 0.0,
        moving,
        float((moves & alike).sum() / moving) if moving else 1.0,
    )


def _changes(blocks: Floats, shots: npt.NDArray[np.int64]) -> Floats:
    """``(64, T, 64)`` whole numbers: how pixels differ from their mean, rounded, over the shot; 0 outside of shots."""
    changes = np.zeros_like(blocks)
    for shot in np.unique(shots[shots >= 0]):
        inside = shots == shot
        part = blocks[:, inside]
        changes[:, inside] = part - np.rint(part.sum(axis=1, keepdims=True) / part.shape[1])
    return changes


def _smooth(pictures: Floats) -> Floats:
    """16 times the pictures, smoothed by (1, 2, 1) both ways: still whole numbers."""
    padded = np.pad(pictures, ((0, 0), (1, 1), (1, 1)), mode="edge")
    down = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    return np.asarray(down[:, :, :-2] + 2 * down[:, :, 1:-1] + down[:, :, 2:])


def _blocks(pictures: Floats) -> Floats:
    """``(64, T, 64)``: blocks, times, pixels of a block."""
    count = len(pictures)
    parts = pictures.reshape(count, _BLOCKS, _BLOCK_PX, _BLOCKS, _BLOCK_PX)
    return np.ascontiguousarray(parts.transpose(1, 3, 0, 2, 4)).reshape(_BLOCKS**2, count, _BLOCK_PX**2)
