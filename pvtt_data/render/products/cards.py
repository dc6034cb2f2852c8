"""Printed cards on which small things are shown."""

from __future__ import annotations

import numpy as np

from pvtt_data.render.material import Material, Part, Texture
from pvtt_data.render.meshes import Mesh
from pvtt_data.render.products.canvas import Canvas, Gap, Item, Line, Rule, Type, pixels, stack
from pvtt_data.render.products.dice import pick
from pvtt_data.render.products.family import Dice
from pvtt_data.render.products.plates import face, plate
from pvtt_data.render.products.sweeps import flat_section, turned_x

_PAPERS = (
    ("#f4f1ea", "#2b2622"), ("#1c1c1e", "#d9c28c"), ("#e6d5c9", "#5b3a2e"), ("#20382f", "#e2d3a8"),
    ("#d7dde2", "#22313f"), ("#f2dcdc", "#7a2f3d"), ("#c9b79c", "#2d2419"), ("#243050", "#e8e4d8"),
)  # fmt: skip
_FACES = ("serif", "serif-italic", "slab", "geometric-light", "grotesque", "sans-semibold", "hand")
_WORDS = ("fine jewellery", "hand finished", "made to be worn", "atelier", "since 1987", "925", "14k filled")
_PX = 420


def card(width: float, height: float, maker: str, finish: Dice, label: Dice, text_top: float = 0.62) -> list[Part]:
    """An upright card whose foot is at the origin, its front to -y: a sheet with a printed face.

    Args:
        text_top: where the print begins, as a share of the height from the top.
    """
    paper, ink = pick(finish, _PAPERS)
    face_name, words = pick(label, _FACES), pick(label, _WORDS)
    canvas = Canvas(_PX, round(_PX * height / width), paper)
    box = (0.12 * canvas.width, text_top * canvas.height, 0.88 * canvas.width, 0.94 * canvas.height)
    lines: list[Item] = [
        Line(maker, Type(face_name, ink, 0.08), 0.34),
        Gap(0.10),
        Rule(ink, 0.22, 0.012),
        Gap(0.10),
        Line(words, Type("sans", ink, 0.10), 0.12),
    ]
    stack(canvas, box, lines)
    outline = flat_section(width, height, 2.0, 5)
    printed = Material(Texture(pixels(canvas.finished())), roughness=0.75, specular=0.3)
    body = plate(outline, 1.3, 0.35)
    return [
        Part(_stood(body, height), Material(paper, roughness=0.75, specular=0.3)),
        Part(_stood(face(outline * (1 - 0.6 / height), 1.32), height), printed),
    ]


def _stood(mesh: Mesh, height: float) -> Mesh:
    """A mesh that lay face up, standing on the floor with its back in the plane y = 0 and its front to -y."""
    return turned_x(mesh, 90).moved(z=height / 2)


def easel(width: float, height: float, paper: Material, lean_deg: float) -> Part:
    """The strut behind a card that leans back by an angle, for the card's own coordinates before it leans."""
    foot = float(np.tan(np.radians(2 * lean_deg))) * height * 0.7
    strut = plate(flat_section(width * 0.4, height * 0.7, 1.0), 1.2, 0.3)
    turned = turned_x(strut.moved(y=height * 0.35), 90)
    angle = float(np.degrees(np.arctan2(foot, height * 0.7)))
    hinged = turned_x(turned.moved(z=-height * 0.7), angle).moved(z=height * 0.7, y=1.3)
    return Part(hinged, paper)
