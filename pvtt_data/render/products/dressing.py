"""Labels on walls: printed on the body, wrapped around it, or stuck on its front."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pvtt_data.render.material import Material, Part
from pvtt_data.render.meshes import Floats
from pvtt_data.render.products import finishes
from pvtt_data.render.products.design import Design, PrintArea
from pvtt_data.render.products.family import Dice
from pvtt_data.render.products.forms import Cut, length_of, patch
from pvtt_data.render.products.labels import draw_design, draw_ink_design, print_ink, print_label
from pvtt_data.render.products.layouts import INK_ONLY
from pvtt_data.render.products.letters import ink_mesh


@dataclass(frozen=True, slots=True, eq=False)
class Wall:
    """The upright part of a body that can bear a label.

    Attributes:
        outline: (K, 2), as `forms.section` gives it.
        bottom: lowest edge of the room for a label.
        top: highest edge.
        front: width along the wall of what the camera sees well.
        scale: size of the outline at a height, for walls that lean.
    """

    outline: Floats
    bottom: float
    top: float
    front: float
    scale: Callable[[float], float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Dressed:
    """A design and the parts that carry it."""

    design: Design
    parts: tuple[Part, ...]


def wrap(dice: Dice, kind: str, wall: Wall, ground: str | None, surface: Material, share: float = 1.0) -> Dressed:
    """A print all around.

    Args:
        ground: colour of what is printed on; None for paper of the label's own colour.
        surface: everything but the colour.
        share: height of the print as a share of the room.
    """
    design = draw_design(dice, kind, ground)
    spare = (wall.top - wall.bottom) * (1 - share) / 2
    bottom, top = wall.bottom + spare, wall.top - spare
    size = wall.scale((bottom + top) / 2) if wall.scale else 1.0
    around = length_of(wall.outline)
    picture = print_label(design, PrintArea(around * size, top - bottom, wall.front * size))
    mesh = patch(wall.outline, bottom, top, around, scale=wall.scale)
    return Dressed(design, (Part(mesh, replace(surface, colour=picture)),))


def sticker(dice: Dice, kind: str, wall: Wall, see_through: bool, ground: str | None = None) -> Dressed:
    """A label on the front, die-cut; behind glass one sees its white back."""
    form, narrow, low, gloss = (float(dice.uniform()) for _ in range(4))
    layouts: tuple[str, ...] | None = None
    high = wall.top - wall.bottom
    wide = wall.front * (0.78 + 0.2 * narrow)
    tall = high * (0.66 + 0.3 * low)
    cut: Cut = "square"
    if form < 0.45:
        cut, corner = "round", 0.07 * min(wide, tall)
    elif form < 0.6 and tall > 0.8 * wide:
        cut, corner = "arch", 0.0
        layouts = ("apothecary", "big-type", "minimal")
    elif form < 0.7 and tall < 1.7 * wide:
        cut, corner = "oval", 0.0
        layouts = ("minimal",)
    else:
        corner = 0.0
    design = draw_design(dice, kind, ground, layouts)
    middle = (wall.bottom + wall.top) / 2
    size = wall.scale(middle) if wall.scale else 1.0
    picture = print_label(design, _inside(cut, wide * size, tall))
    bottom, top = middle - tall / 2, middle + tall / 2
    parts = [
        Part(
            patch(wall.outline, bottom, top, wide, cut, corner, scale=wall.scale),
            finishes.paper(picture, gloss),
        )
    ]
    if see_through:
        back = patch(wall.outline, bottom, top, wide, cut, corner, out=0.002, scale=wall.scale)
        parts.append(Part(back, finishes.paper("#f2f0ea", 0.2)))
    return Dressed(design, tuple(parts))


def _inside(cut: Cut, wide: float, tall: float) -> PrintArea:
    """Where text fits in a die-cut label: rounder cuts leave less room at their sides."""
    if cut == "arch":
        return PrintArea(wide, tall, wide * 0.9, above=0.17 * wide)
    if cut == "oval":
        return PrintArea(wide, tall, wide * 0.74, above=0.13 * tall, below=0.13 * tall)
    return PrintArea(wide, tall, wide)


def inked(dice: Dice, kind: str, wall: Wall, ink: str, surface: Material, layouts: Sequence[str] = INK_ONLY) -> Dressed:
    """Letters alone on the front, as screen-printed on glass or embossed in foil."""
    design = draw_ink_design(dice, kind, ink, layouts)
    wide, high = wall.front, (wall.top - wall.bottom)
    size = wall.scale((wall.bottom + wall.top) / 2) if wall.scale else 1.0
    mask = print_ink(design, PrintArea(wide * size, high, wide * size))
    mesh = ink_mesh(mask, wall.outline, wall.bottom, wall.top, wide, scale=wall.scale)
    return Dressed(design, (Part(mesh, replace(surface, colour=ink)),))


def dress(dice: Dice, kind: str, wall: Wall, ground: str | None, surface: Material) -> Dressed:
    """One of the ways to label a body.

    Args:
        ground: the body's colour; None if one sees through it.
        surface: the body's surface, for prints on it.
    """
    way, share = float(dice.uniform()), float(dice.uniform(0.72, 1.0))
    if ground is not None and way < 0.42:
        return wrap(dice, kind, wall, ground, surface)
    if way < 0.72:
        return sticker(dice, kind, wall, see_through=ground is None)
    return wrap(dice, kind, wall, None, finishes.paper("#ffffff", float(dice.uniform())), share)
