"""What is printed on an article: words, colours, typefaces, layout. And how large the printed surface is."""

from __future__ import annotations

from dataclasses import dataclass

from pvtt_data.render.products.canvas import Gap, Line, Type
from pvtt_data.render.products.colours import Palette
from pvtt_data.render.products.names import Wording


@dataclass(frozen=True, slots=True)
class PrintArea:
    """A surface to print on, in scene units, so that nothing is stretched.

    Attributes:
        around: its length from seam to seam, or the width of a label that does not go around.
        height: from its lower to its upper edge.
        front: how wide the part that faces the camera is.
        side: width of the side faces of a box; 0 where the surface is round.
        above: height at the upper edge that words keep clear of, as where a label is cut round.
        below: the same at the lower edge.
        apart: width that stays plain on either side of the front; 0 for a usual one.
    """

    around: float
    height: float
    front: float
    side: float = 0.0
    above: float = 0.0
    below: float = 0.0
    apart: float = 0.0


@dataclass(frozen=True, slots=True)
class FaceSet:
    """Typefaces that go together: one for the brand, with its tracking and case, two for the rest."""

    display: str
    tracking: float
    capitals: bool
    text: str
    strong: str


FACE_SETS = (
    FaceSet("serif-semibold", 0.14, True, "sans", "sans-semibold"),
    FaceSet("serif-black", 0.0, False, "sans", "sans-bold"),
    FaceSet("sans-black", 0.03, True, "sans", "sans-bold"),
    FaceSet("geometric-bold", 0.0, False, "geometric", "geometric-bold"),
    FaceSet("geometric-light", 0.30, True, "geometric-light", "geometric"),
    FaceSet("grotesque-bold", 0.0, False, "grotesque", "grotesque-bold"),
    FaceSet("grotesque-light", 0.26, True, "grotesque-light", "grotesque"),
    FaceSet("grotesque", 0.08, False, "grotesque", "grotesque-bold"),
    FaceSet("slab-bold", 0.06, True, "slab", "slab-bold"),
    FaceSet("slab-italic", 0.0, False, "sans", "sans-semibold"),
    FaceSet("hand", 0.08, True, "slab", "slab-bold"),
    FaceSet("round", 0.0, False, "geometric", "geometric-bold"),
    FaceSet("serif-italic", 0.0, False, "serif", "serif-semibold"),
    FaceSet("serif-light", 0.34, True, "serif-light", "serif"),
)


@dataclass(frozen=True, slots=True)
class Design:
    """A print, before it is fitted to a surface.

    Attributes:
        layout: key of `layouts.LAYOUTS`.
        pattern: key of `patterns.PATTERNS`.
        logo: form of the mark.
        number: EAN-13.
        seed: for the small choices of layout and drawing.
    """

    wording: Wording
    palette: Palette
    faces: FaceSet
    layout: str
    pattern: str
    logo: int
    number: str
    seed: int

    def brand(self, size: float, colour: str, fills: bool = False) -> Line:
        """The brand as a line of a stack."""
        text = self.wording.brand.upper() if self.faces.capitals else self.wording.brand
        return Line(text, Type(self.faces.display, colour, self.faces.tracking), size, fills=fills)

    def line(self, size: float, colour: str, capitals: bool = True) -> Line:
        """What the article is."""
        text = self.wording.line.upper() if capitals else self.wording.line
        return Line(text, Type(self.faces.strong, colour, 0.12 if capitals else 0.0), size)

    def variant(self, size: float, colour: str, display: bool = False) -> Line:
        """Scent or taste."""
        name = self.wording.variant.name
        if display:
            return Line(
                name.upper() if self.faces.capitals else name,
                Type(self.faces.display, colour, self.faces.tracking * 0.6),
                size,
            )
        return Line(name, Type(self.faces.text, colour), size)

    def quantity(self, size: float, colour: str) -> Line:
        return Line(self.wording.quantity, Type(self.faces.text, colour, 0.06), size, wraps=False)

    def claim(self, index: int, size: float, colour: str) -> Line:
        return Line(self.wording.claims[index], Type(self.faces.text, colour, 0.04), size)


SPACE = Gap(0.03)
SPRING = Gap(0.02, flex=1.0)
