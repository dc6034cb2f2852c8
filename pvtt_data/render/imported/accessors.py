"""Arrays in the buffers of a glTF file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from pvtt_data.errors import InputError
from pvtt_data.render.imported.container import Container
from pvtt_data.render.imported.limits import ModelLimits
from pvtt_data.render.imported.schema import Accessor, Sparse

_Item = TypeVar("_Item")
_Array = npt.NDArray[Any]

_DTYPES: dict[int, np.dtype[Any]] = {
    5120: np.dtype("<i1"),
    5121: np.dtype("<u1"),
    5122: np.dtype("<i2"),
    5123: np.dtype("<u2"),
    5125: np.dtype("<u4"),
    5126: np.dtype("<f4"),
}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}


def pick(items: Sequence[_Item], index: int, name: str) -> _Item:
    """The item with a number.

    Raises:
        InputError: ``broken-model``: there is none.
    """
    if index >= len(items):
        raise InputError("broken-model", f"{name} {index} is named, but there are only {len(items)}")
    return items[index]


def as_floats(values: _Array, normalised: bool) -> npt.NDArray[np.float64]:
    """Numbers as floats; normalised integers are mapped to 0..1, signed ones to -1..1."""
    # Some NaNs signal; they are refused by those who look at the values.
    with np.errstate(invalid="ignore"):
        floats = values.astype(np.float64)
    if normalised and values.dtype.kind in "iu":
        return np.maximum(floats / np.iinfo(values.dtype).max, -1.0)
    return floats


class Buffers:
    """The buffers of one file, each read when it is first needed."""

    def __init__(self, container: Container, limits: ModelLimits) -> None:
        self._container = container
        self._document = container.document
        self._limits = limits
        self._loaded: dict[int, memoryview] = {}
        self._bytes = 0

    def view(self, index: int) -> memoryview:
        """The bytes of a buffer view.

        Raises:
            InputError: it reaches beyond its buffer, or the buffer cannot be read.
        """
        view = pick(self._document.buffer_views, index, "buffer view")
        data = self._buffer(view.buffer)
        if view.byte_offset + view.byte_length > len(data):
            raise InputError("broken-model", f"buffer view {index} reaches beyond its buffer")
        return data[view.byte_offset : view.byte_offset + view.byte_length]

    def floats(self, index: int, widths: tuple[int, ...]) -> npt.NDArray[np.float64]:
        """An accessor as ``(count, width)`` floats; its width is one of those given.

        Raises:
            InputError: ``broken-model``, or ``bad-geometry`` for NaN and infinite values.
        """
        accessor = self.accessor(index)
        values = as_floats(self._array(index, accessor, widths), accessor.normalized)
        if not np.isfinite(values).all():
            raise InputError("bad-geometry", f"accessor {index} has values that are not finite")
        return values

    def indices(self, index: int) -> npt.NDArray[np.int64]:
        """An accessor as ``(count,)`` vertex numbers.

        Raises:
            InputError: ``broken-model`` or ``too-complex``.
        """
        accessor = self.accessor(index)
        if accessor.component_type not in (5121, 5123, 5125):
            raise InputError("broken-model", f"accessor {index} is not of unsigned integers")
        return self._array(index, accessor, (1,)).astype(np.int64).ravel()

    def accessor(self, index: int) -> Accessor:
        """The description of an accessor, checked for its size.

        Raises:
            InputError: ``broken-model`` or ``too-complex``.
        """
        accessor = pick(self._document.accessors, index, "accessor")
        if accessor.count > 3 * self._limits.max_triangles:
            raise InputError("too-complex", f"accessor {index} has {accessor.count} elements")
        return accessor

    def _buffer(self, index: int) -> memoryview:
        if index not in self._loaded:
            buffer = pick(self._document.buffers, index, "buffer")
            self._bytes += buffer.byte_length
            if self._bytes > self._limits.max_buffer_bytes:
                raise InputError("too-large", f"the buffers have more than {self._limits.max_buffer_bytes} bytes")
            if buffer.uri is not None:
                data = memoryview(self._container.resources.read(buffer.uri))
            elif index == 0:
                data = self._container.binary
            else:
                raise InputError("broken-model", f"buffer {index} has no data")
            if len(data) < buffer.byte_length:
                raise InputError("broken-model", f"buffer {index} is cut off")
            self._loaded[index] = data[: buffer.byte_length]
        return self._loaded[index]

    def _array(self, index: int, accessor: Accessor, widths: tuple[int, ...]) -> _Array:
        width = _WIDTHS.get(accessor.type)
        if width not in widths:
            raise InputError("broken-model", f"accessor {index} has type {accessor.type}, which does not fit its use")
        dtype = _DTYPES[accessor.component_type]
        if accessor.buffer_view is None:
            values: _Array = np.zeros((accessor.count, width), dtype)
        else:
            stride = pick(self._document.buffer_views, accessor.buffer_view, "buffer view").byte_stride
            data = self.view(accessor.buffer_view)
            values = _strided(data, accessor.byte_offset, accessor.count, width, dtype, stride)
        return values if accessor.sparse is None else self._with_sparse(values.copy(), accessor.sparse)

    def _with_sparse(self, values: _Array, sparse: Sparse) -> _Array:
        if sparse.count > len(values):
            raise InputError("broken-model", "a sparse accessor replaces more elements than there are")
        places, new = sparse.indices, sparse.values
        kind = _DTYPES[places.component_type]
        at = _strided(self.view(places.buffer_view), places.byte_offset, sparse.count, 1, kind, None).ravel()
        if int(at.max()) >= len(values):
            raise InputError("broken-model", "a sparse accessor replaces elements that do not exist")
        view = self.view(new.buffer_view)
        values[at] = _strided(view, new.byte_offset, sparse.count, values.shape[1], values.dtype, None)
        return values


def _strided(data: memoryview, offset: int, count: int, width: int, dtype: np.dtype[Any], stride: int | None) -> _Array:
    size = width * dtype.itemsize
    step = size if stride is None else stride
    if step < size or offset + (count - 1) * step + size > len(data):
        raise InputError("broken-model", "an accessor reaches beyond its buffer view")
    return np.ndarray((count, width), dtype, buffer=data, offset=offset, strides=(step, dtype.itemsize))
