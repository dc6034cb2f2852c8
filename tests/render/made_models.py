"""Tiny glTF models, made for tests."""

from __future__ import annotations

import base64
import copy
import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

_COMPONENTS = {"i1": 5120, "u1": 5121, "i2": 5122, "u2": 5123, "u4": 5125, "f4": 5126}
_TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """A PNG of ``(H, W)``, ``(H, W, 3)`` or ``(H, W, 4)`` uint8."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def cube() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint16]]:
    """The corners (8, 3) of a box of 1×2×3 around the origin, and its faces (12, 3) outwards."""
    corners = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-1, 1) for z in (-1.5, 1.5)], "f4")
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = [face for a, b, c, d in quads for face in ((a, b, c), (a, c, d))]
    return corners, np.array(faces, "u2")


class ModelMaker:
    """Builds a description and its binary block piece by piece."""

    def __init__(self) -> None:
        self.description: dict[str, Any] = {"asset": {"version": "2.0"}}
        self.binary = bytearray()

    def add(self, kind: str, item: dict[str, Any]) -> int:
        """Append an item to one of the description's lists; its number."""
        items = self.description.setdefault(kind, [])
        items.append(item)
        return len(items) - 1

    def view(self, data: bytes, **more: Any) -> int:
        """A buffer view of new bytes."""
        self.binary += b"\0" * (-len(self.binary) % 4)
        start = len(self.binary)
        self.binary += data
        return self.add("bufferViews", {"buffer": 0, "byteOffset": start, "byteLength": len(data), **more})

    def accessor(self, values: npt.NDArray[Any], **more: Any) -> int:
        """An accessor of new values (N,) or (N, width)."""
        table = values.reshape(len(values), -1)
        described = {"componentType": _COMPONENTS[values.dtype.str[1:]], "type": _TYPES[table.shape[1]]}
        return self.add(
            "accessors", {"bufferView": self.view(values.tobytes()), "count": len(values), **described, **more}
        )

    def picture(self, pixels: npt.NDArray[np.uint8]) -> int:
        """A texture with an embedded PNG."""
        image = self.add("images", {"bufferView": self.view(png(pixels)), "mimeType": "image/png"})
        return self.add("textures", {"source": image})

    def box(self, node: dict[str, Any] | None = None, material: dict[str, Any] | None = None) -> dict[str, Any]:
        """A box of 1×2×3 in the scene; its primitive, to be changed."""
        corners, faces = cube()
        return self.surface({"POSITION": corners}, faces.ravel(), node, material)

    def surface(
        self,
        attributes: dict[str, npt.NDArray[Any]],
        indices: npt.NDArray[Any] | None,
        node: dict[str, Any] | None = None,
        material: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """A mesh with one primitive in the scene; the primitive, to be changed."""
        numbers = {name: self.accessor(np.asarray(values)) for name, values in attributes.items()}
        primitive: dict[str, Any] = {"attributes": numbers}
        if indices is not None:
            primitive["indices"] = self.accessor(indices)
        if material is not None:
            primitive["material"] = self.add("materials", material)
        self.add("nodes", {"mesh": self.add("meshes", {"primitives": [primitive]}), **(node or {})})
        return primitive

    def whole(self) -> dict[str, Any]:
        """The description with its buffer."""
        return {"buffers": [{"byteLength": len(self.binary)}], **copy.deepcopy(self.description)}

    def glb(self) -> bytes:
        """The model as a GLB."""
        return glb(self.whole(), bytes(self.binary))

    def save(self, path: Path) -> Path:
        """Write the model: a .gltf gets its buffer embedded."""
        if path.suffix == ".gltf":
            description = self.whole()
            embedded = base64.b64encode(bytes(self.binary)).decode()
            description["buffers"][0].setdefault("uri", f"data:application/octet-stream;base64,{embedded}")
            path.write_text(json.dumps(description))
        else:
            path.write_bytes(self.glb())
        return path


def glb(description: dict[str, Any] | bytes, binary: bytes) -> bytes:
    """A GLB of a description and a binary block."""
    text = description if isinstance(description, bytes) else json.dumps(description).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
    if binary:
        chunks += struct.pack("<II", len(binary), 0x004E4942) + binary
    return b"glTF" + struct.pack("<II", 2, 12 + len(chunks)) + chunks
