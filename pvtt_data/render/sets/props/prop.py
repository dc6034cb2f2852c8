"""A prop, and how props are placed around the product."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from pvtt_data.render.material import Part
from pvtt_data.render.meshes import merged

Builder = Callable[[np.random.Generator], "Prop"]
_TRIES = 60


@dataclass(frozen=True, slots=True, eq=False)
class Prop:
    """Parts that stand on z = 0, within `radius` of the z axis."""

    parts: tuple[Part, ...]
    radius: float

    def at(self, x: float, y: float, z: float = 0.0, yaw_deg: float = 0.0) -> tuple[Part, ...]:
        """The parts, put somewhere."""
        return tuple(Part(part.mesh.moved(x, y, z, yaw_deg), part.material) for part in self.parts)


def prop(parts: Sequence[Part]) -> Prop:
    """A prop of parts; its radius is measured."""
    reach = max(float(np.hypot(part.mesh.vertices[:, 0], part.mesh.vertices[:, 1]).max()) for part in parts)
    return Prop(tuple(parts), reach)


def joined(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Parts of the same material as one part, in order of appearance."""
    groups: dict[int, list[Part]] = {}
    for part in parts:
        groups.setdefault(id(part.material), []).append(part)
    return tuple(
        Part(merged([part.mesh for part in group]), group[0].material) if len(group) > 1 else group[0]
        for group in groups.values()
    )


@dataclass(frozen=True, slots=True)
class Zone:
    """Where props may stand: ranges of x and y."""

    x: tuple[float, float]
    y: tuple[float, float]


BACK = Zone((-0.85, 0.85), (0.7, 1.3))
LEFT = Zone((-0.95, -0.3), (-0.2, 0.85))
RIGHT = Zone((0.3, 0.95), (-0.2, 0.85))


class Arrangement:
    """Props that overlap neither each other, nor the product's room, nor the view to it."""

    def __init__(self, rng: np.random.Generator, room: float, azimuth_deg: float = 25.0) -> None:
        self._rng = rng
        self._room = room
        self._slope = float(np.tan(np.radians(azimuth_deg)))
        self._taken: list[tuple[float, float, float]] = []
        self.parts: list[Part] = []

    def put(self, thing: Prop, zone: Zone, z: float = 0.0, yaw_deg: float | None = None) -> bool:
        """Put a prop somewhere in a zone; says whether there was a place for it."""
        for _ in range(_TRIES):
            x, y = self._rng.uniform(*zone.x), self._rng.uniform(*zone.y)
            if self.fits(x, y, thing.radius):
                self.hold(x, y, thing.radius)
                turn = self._rng.uniform(-180, 180) if yaw_deg is None else yaw_deg
                self.parts += thing.at(x, y, z, turn)
                return True
        return False

    def hold(self, x: float, y: float, radius: float) -> None:
        """Keep a place free of further props."""
        self._taken.append((x, y, radius))

    def fits(self, x: float, y: float, radius: float) -> bool:
        """Whether a round thing may stand there."""
        if np.hypot(x, y) < self._room + radius + 0.02:
            return False
        if y - radius < 0 and abs(x) < self._room + radius + self._slope * max(-y, 0.0):
            return False
        return all(np.hypot(x - ox, y - oy) > radius + other + 0.01 for ox, oy, other in self._taken)
