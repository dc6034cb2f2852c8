"""When each frame of a medium is on display, in exact numbers."""

from __future__ import annotations

import bisect
import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

# A container that counts time in ticks much finer than frames rounds each time stamp to a tick.
_FINE_TICKS_PER_FRAME = 8


@dataclass(frozen=True)
class Timeline:
    """Time stamps of all frames of a medium, in the order in which they are shown.

    Attributes:
        stamps: strictly increasing ticks; the index of a stamp is the index of its frame.
        tick_s: duration of a tick in seconds.
        nominal_interval_s: time from frame to frame as announced; used when there is only one frame.
    """

    stamps: Sequence[int]
    tick_s: Fraction
    nominal_interval_s: Fraction

    def __len__(self) -> int:
        return len(self.stamps)

    def time_s(self, frame: int) -> Fraction:
        """Seconds from the display of frame 0 to the display of ``frame``; ``len`` gives the end of the last."""
        if frame == len(self.stamps):
            return self.time_s(frame - 1) + self.interval_s
        return (self.stamps[frame] - self.stamps[0]) * self.tick_s

    @cached_property
    def interval_s(self) -> Fraction:
        """Median time from frame to frame."""
        if len(self.stamps) < 2:
            return self.nominal_interval_s
        gaps = [later - earlier for earlier, later in itertools.pairwise(self.stamps)]
        return statistics.median_low(gaps) * self.tick_s

    @property
    def duration_s(self) -> Fraction:
        """From the display of the first frame to the end of the last."""
        return self.time_s(len(self.stamps))

    def frame_at(self, time_s: Fraction) -> int:
        """The frame on display at a time; 0 before the first, the last one after the end.

        Where time stamps were rounded to ticks much shorter than a frame, a frame may be shown one tick early:
        otherwise 30 fps in milliseconds (0, 33, 67, 100 …) sampled at 30 fps would repeat and drop frames.
        """
        fine = self.tick_s * _FINE_TICKS_PER_FRAME <= self.interval_s
        stamp = math.floor(time_s / self.tick_s) + self.stamps[0] + (1 if fine else 0)
        return max(0, bisect.bisect_right(self.stamps, stamp) - 1)
