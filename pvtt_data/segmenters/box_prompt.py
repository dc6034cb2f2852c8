"""A box that a person drew around the product in one frame of a clip."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pvtt_data.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class BoxPrompt:
    """Where the product is in one frame; nothing outside the box belongs to it there.

    Attributes:
        frame: number of the frame in the clip, from 0.
        x0, y0, x1, y1: left, top, right and bottom edge, in shares of the frame's width and height, [0, 1].

    Raises:
        InputError: ``bad-box``, it is no box inside a frame.
    """

    frame: int
    x0: float
    y0: float
    x1: float
    y1: float

    def __post_init__(self) -> None:
        edges = (self.x0, self.y0, self.x1, self.y1)
        if not all(math.isfinite(edge) and 0.0 <= edge <= 1.0 for edge in edges):
            raise InputError("bad-box", f"the edges of a box are shares of width and height, 0 to 1, not {self.words}")
        if not (self.x0 < self.x1 and self.y0 < self.y1):
            raise InputError(
                "bad-box", f"a box is left, top, right, bottom with something in between, not {self.words}"
            )
        if self.frame < 0:
            raise InputError("bad-box", f"frames are counted from 0, and there is no frame {self.frame}")

    @classmethod
    def of(cls, edges: Sequence[float], frame: int) -> BoxPrompt:
        """From four shares and a frame's number.

        Raises:
            InputError: ``bad-box``, see the class.
        """
        if len(edges) != 4:
            raise InputError("bad-box", f"a box has four edges, left, top, right, bottom, not {len(edges)}")
        x0, y0, x1, y1 = (float(edge) for edge in edges)
        return cls(frame, x0, y0, x1, y1)

    @property
    def words(self) -> str:
        """As people read it: "0.1,0.2,0.5,0.6"."""
        return ",".join(f"{edge:.4g}" for edge in (self.x0, self.y0, self.x1, self.y1))

    def within(self, count: int, height: int, width: int) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) in pixels of the box's frame, right and bottom exclusive.

        Args:
            count: how many frames the clip has.
            height, width: of its frames, in pixels.

        Raises:
            InputError: ``bad-box``, the clip has no such frame, or the box is less than a pixel wide or high.
        """
        if self.frame >= count:
            raise InputError(
                "bad-box",
                f"the box is of frame {self.frame}, and the clip's frames are 0 to {count - 1}",
                {"box_frame": float(self.frame), "frames": float(count)},
            )
        left, top, right, bottom = self.x0 * width, self.y0 * height, self.x1 * width, self.y1 * height
        if right - left < 1.0 or bottom - top < 1.0:
            raise InputError(
                "bad-box",
                f"a box of {right - left:.2g}×{bottom - top:.2g} pixels holds nothing",
                {"box_width_px": right - left, "box_height_px": bottom - top},
            )
        return left, top, right, bottom
