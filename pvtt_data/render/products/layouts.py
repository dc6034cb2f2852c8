"""How the front of a label is laid out, by name.

A layout is given the canvas, the design, and the box of the front, whose middle faces the camera. It paints the whole
wrap's ground and then the front.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from pvtt_data.render.products.canvas import Box, Canvas
from pvtt_data.render.products.design import Design
from pvtt_data.render.products.layouts_graphic import allover, badge, band, picture, split
from pvtt_data.render.products.layouts_type import apothecary, big_type, classic, minimal, vertical

Layout = Callable[[Canvas, Design, Box], None]
LAYOUTS: MappingProxyType[str, Layout] = MappingProxyType(
    {
        "classic": classic,
        "big-type": big_type,
        "apothecary": apothecary,
        "minimal": minimal,
        "band": band,
        "vertical": vertical,
        "badge": badge,
        "allover": allover,
        "picture": picture,
        "split": split,
    }
)
"""Layouts by name."""
BUSY = frozenset({"allover", "badge", "split", "picture", "band"})
"""Layouts whose ground is not of one colour, so that the back needs panels of its own."""
INK_ONLY = ("classic", "apothecary", "minimal", "big-type")
"""Layouts that can be printed on glass without a ground."""
