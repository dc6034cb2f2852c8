"""The nodes of a glTF file: which surface stands where."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pvtt_data.errors import InputError
from pvtt_data.render.imported.accessors import pick
from pvtt_data.render.imported.geometry import Floats
from pvtt_data.render.imported.limits import ModelLimits
from pvtt_data.render.imported.schema import Document, Node


def placed_nodes(document: Document, limits: ModelLimits) -> Iterator[tuple[Node, Floats]]:
    """Nodes with a mesh, each with its map ``(4, 4)`` to the scene.

    Raises:
        InputError: ``broken-model``: the nodes are no forest; ``too-complex``: they are nested too deeply.
    """
    seen: set[int] = set()
    waiting = [(root, np.eye(4), 1) for root in reversed(_roots(document))]
    while waiting:
        index, outer, depth = waiting.pop()
        if index in seen:
            raise InputError("broken-model", f"node {index} is its own ancestor or has two parents")
        if depth > limits.max_depth:
            raise InputError("too-complex", f"nodes are nested more than {limits.max_depth} deep")
        seen.add(index)
        node = pick(document.nodes, index, "node")
        # Overflow shows as infinite coordinates, which are refused later.
        with np.errstate(over="ignore", invalid="ignore"):
            inner = outer @ _own_map(node)
        if node.mesh is not None:
            yield node, inner
        waiting += [(child, inner, depth + 1) for child in reversed(node.children)]


def _roots(document: Document) -> list[int]:
    if document.scenes:
        return pick(document.scenes, document.scene or 0, "scene").nodes
    children = {child for node in document.nodes for child in node.children}
    return [index for index in range(len(document.nodes)) if index not in children]


def _own_map(node: Node) -> Floats:
    if node.matrix is not None:
        return np.array(node.matrix).reshape(4, 4).T
    x, y, z, w = node.rotation
    length = float(np.linalg.norm(node.rotation))
    if length == 0.0:
        raise InputError("broken-model", "a node's rotation is no quaternion")
    x, y, z, w = x / length, y / length, z / length, w / length
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    own = np.eye(4)
    own[:3, :3] = turn * np.array(node.scale)
    own[:3, 3] = node.translation
    return own
