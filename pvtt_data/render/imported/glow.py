"""Which faces of a mesh give off light."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pvtt_data.render.material import Texture
from pvtt_data.render.meshes import Mesh

_DARK = 3
"""Display values up to this are compression's, not light."""
_MARGIN_PX = 1


def glowing_faces(mesh: Mesh, emission: Texture) -> npt.NDArray[np.bool_]:
    """``(M,)``: whether any light lies in the box around a face's texture coordinates.

    A renderer picks points on lamps at random: where the dark faces are no lamps, none are wasted on them.
    """
    lit = (emission.pixels > _DARK).any(axis=-1)
    height, width = lit.shape
    # Twice the picture in both directions: boxes may cross its edges.
    sums = np.zeros((2 * height + 1, 2 * width + 1), np.int64)
    sums[1:, 1:] = np.tile(lit, (2, 2)).cumsum(axis=0).cumsum(axis=1)
    corners = mesh.uv[mesh.faces] * np.array(emission.repeat) * [width, height]
    low = np.floor(corners.min(axis=1)) - _MARGIN_PX
    high = np.ceil(corners.max(axis=1)) + _MARGIN_PX
    size = np.array([width, height])
    spans = np.minimum(high - low, size).astype(np.int64)
    left, top = np.mod(low, size).astype(np.int64).T
    right, bottom = left + spans[:, 0], top + spans[:, 1]
    count = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    return np.asarray(count > 0)
