"""What of a stage has a shape: the set, which rests, and products and occluders, which follow poses.

Each of them is one instance of a group of meshes, so that a move changes a matrix and rebuilds no geometry. Meshes that
give off light cannot be in groups; their vertices are written anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pvtt_data.render.material import Part, Texture
from pvtt_data.render.mitsuba_scene import owned, shape
from pvtt_data.render.motion import Pose, as_matrix
from pvtt_data.render.stage_set import StageSet

SET, PRODUCT, OCCLUDER = 0, 1, 2
"""Groups of bodies, as `pvtt_data.render.tracer.Sight` tells them."""

BELOW = Pose((0.0, 0.0, -60.0))
"""Where products wait that are not on the set: no light and no lens reaches them there.

They stay in the scene, because then one scene serves all, and random numbers stay the same.
"""


class Body:
    """Meshes that move together.

    Args:
        name: stem of their names.
        parts: the meshes with their materials.
        group: SET, PRODUCT or OCCLUDER.
    """

    def __init__(self, name: str, parts: Sequence[Part], group: int) -> None:
        self.name, self.group = name, group
        named = [(f"{name}_{i}", part) for i, part in enumerate(parts)]
        self._calm = [(name, part) for name, part in named if not _glows(part)]
        self._glowing = [(name, part) for name, part in named if _glows(part)]
        self._at: Pose | None = None

    def describe(self) -> tuple[dict[str, Any], list[Any]]:
        """Entries of a scene's dictionary, and the meshes in them."""
        import mitsuba as mi

        glowing = {name: shape(name, part) for name, part in self._glowing}
        calm = {name: shape(name, part) for name, part in self._calm}
        entries: dict[str, Any] = dict(glowing)
        if calm:
            entries[f"{self.name}_group"] = {"type": "shapegroup", **calm}
            entries[f"{self.name}_instance"] = {
                "type": "instance",
                "to_world": mi.ScalarTransform4f(),
                "group": {"type": "ref", "id": f"{self.name}_group"},
            }
        return entries, [*glowing.values(), *calm.values()]

    def place(self, values: Any, pose: Pose) -> bool:
        """Write a pose into the scene's parameters where it is new; whether it was."""
        import drjit as dr
        import mitsuba as mi

        if self._at == pose:
            return False
        self._at = pose
        if self._calm:
            matrix = mi.Transform4f(as_matrix(pose).tolist())
            if dr.is_jit_v(mi.Float):
                dr.make_opaque(matrix)
            values[f"{self.name}_instance.to_world"] = matrix
        for name, part in self._glowing:
            values[f"{name}.vertex_positions"] = owned(pose.apply(part.mesh).vertices)
        return True


def _glows(part: Part) -> bool:
    emission = part.material.emission
    return isinstance(emission, Texture) or max(emission) > 0


class Cast:
    """All bodies of a stage.

    Args:
        stage_set: the set with its occluders.
        actors: the parts of each product about the product's own foot.
        dress: what each part wears; its own material by default.
    """

    def __init__(
        self,
        stage_set: StageSet,
        actors: Sequence[Sequence[Part]],
        dress: Callable[[Part, int], Part] = lambda part, group: part,
    ) -> None:
        def body(name: str, parts: Sequence[Part], group: int) -> Body:
            return Body(name, [dress(part, group) for part in parts], group)

        self._set = body("set", stage_set.parts, SET)
        self._actors = [body(f"actor{n}", parts, PRODUCT) for n, parts in enumerate(actors)]
        self._occluders = [
            body(f"occluder{n}", occluder.parts, OCCLUDER) for n, occluder in enumerate(stage_set.occluders)
        ]

    def describe(self) -> tuple[dict[str, Any], list[tuple[Any, int]]]:
        """Entries of a scene's dictionary, and each mesh with its group."""
        entries: dict[str, Any] = {}
        meshes: list[tuple[Any, int]] = []
        for body in (self._set, *self._actors, *self._occluders):
            more, made = body.describe()
            entries |= more
            meshes += [(mesh, body.group) for mesh in made]
        return entries, meshes

    def place(self, values: Any, actor: int | None, product: Pose, occluders: Sequence[Pose]) -> None:
        """Put everything in its place; ``values`` are the scene's parameters.

        Args:
            actor: which product is on the set; None for the bare set.
            product: its pose.
            occluders: their poses.
        """
        changed = self._set.place(values, Pose())
        for number, body in enumerate(self._actors):
            changed |= body.place(values, product if number == actor else BELOW)
        for body, pose in zip(self._occluders, occluders, strict=True):
            changed |= body.place(values, pose)
        if changed:
            values.update()
