"""A product: what is swapped. Procedural ones and imported ones come out alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pvtt_data.render.material import Part

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """An article in its own coordinates: it rests on z = 0, is centred on the z axis, and shows its front to -y.

    The largest side of its bounding box is 1.

    Attributes:
        product_id: unique within the library it is from, safe as a file name.
        title: as a shop would list it.
        category: as a shop would file it, for example "bottles" or "bracelets".
        licence: SPDX identifier of the model's licence.
        parts: meshes with materials; transmitting ones are closed.
    """

    product_id: str
    title: str
    category: str
    licence: str
    parts: tuple[Part, ...]

    def bounds(self) -> tuple[Vector, Vector]:
        """The lowest and the highest corner of the bounding box, each ``(3,)``."""
        vertices = np.concatenate([part.mesh.vertices for part in self.parts])
        return vertices.min(axis=0), vertices.max(axis=0)

    def radius(self) -> float:
        """Of the upright cylinder about the z axis that holds the bounding box."""
        low, high = self.bounds()
        return float(np.hypot(*np.maximum(np.abs(low[:2]), np.abs(high[:2]))))


def at_rest(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Parts scaled and shifted as `Product` wants them: largest side 1, lowest point on z = 0, centred in x and y."""
    vertices = np.concatenate([part.mesh.vertices for part in parts])
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    centre = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    scale = 1.0 / float((high - low).max())
    return tuple(Part(part.mesh.shifted(-centre).scaled(scale), part.material) for part in parts)
