"""Meshes compressed with Draco, through the package DracoPy."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from pvtt_data.errors import InputError, PreflightError
from pvtt_data.render.imported.limits import ModelLimits

_MAGIC = b"DRACO"
_TRIANGLES = 1
_SEQUENTIAL, _EDGEBREAKER = 0, 1
_HAS_METADATA = 0x8000


class DracoMesh:
    """One decoded stream."""

    def __init__(self, data: bytes, limits: ModelLimits) -> None:
        """Decode a stream.

        Raises:
            InputError: ``broken-model`` or ``too-complex``.
            PreflightError: DracoPy is not installed.
        """
        _check_header(data, limits)
        try:
            decoder: Any = import_module("DracoPy")
        except ImportError as error:
            raise PreflightError("Draco needs DracoPy, not installed: pip install 'pvtt[render]'") from error
        try:
            self._mesh = decoder.decode(data)
            faces = np.asarray(self._mesh.faces)
        except Exception as error:  # The decoder raises bare exceptions for damaged streams.
            raise InputError("broken-model", "a Draco stream is damaged") from error
        if faces.ndim != 2 or faces.shape[1] != 3 or len(faces) > limits.max_triangles:
            raise InputError("broken-model", "a Draco stream holds no triangles")
        self.faces: npt.NDArray[np.int64] = faces.astype(np.int64)

    def attribute(self, number: int) -> npt.NDArray[Any]:
        """The values ``(N, width)`` of an attribute by its number in the stream.

        Raises:
            InputError: ``broken-model``: there is none.
        """
        found = next((entry for entry in self._mesh.attributes if entry["unique_id"] == number), None)
        if found is None:
            raise InputError("broken-model", f"a Draco stream has no attribute {number}")
        values = np.asarray(found["data"])
        return values[:, None] if values.ndim == 1 else values


def _check_header(data: bytes, limits: ModelLimits) -> None:
    """Refuse streams that announce more than may be decoded: the decoder allocates first and checks later.

    Source: the Draco bitstream specification, version 2.2, "Header" and "Connectivity".
    """
    if len(data) < 16 or data[:5] != _MAGIC:
        raise InputError("broken-model", "a Draco stream does not start like one")
    kind, method, flags = data[7], data[8], int.from_bytes(data[9:11], "little")
    if data[5] != 2 or data[6] != 2 or kind != _TRIANGLES or flags & _HAS_METADATA:
        raise InputError("broken-model", "a Draco stream is not a plain mesh of version 2.2, as glTF asks")
    if method == _EDGEBREAKER:
        vertices, start = _varint(data, 12)
        faces, _ = _varint(data, start)
    elif method == _SEQUENTIAL:
        faces, start = _varint(data, 11)
        vertices, _ = _varint(data, start)
    else:
        raise InputError("broken-model", f"a Draco stream has the unknown method {method}")
    if faces > limits.max_triangles or vertices > limits.max_vertices:
        raise InputError("too-complex", f"a Draco stream announces {vertices} vertices and {faces} triangles")


def _varint(data: bytes, start: int) -> tuple[int, int]:
    value = 0
    for place in range(5):
        if start + place >= len(data):
            break
        byte = data[start + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, start + place + 1
    raise InputError("broken-model", "a Draco stream is damaged")
