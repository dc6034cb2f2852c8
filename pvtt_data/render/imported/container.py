"""A glTF file taken apart: its description, checked, and the binary block of a GLB."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from pvtt_data.errors import InputError
from pvtt_data.render.imported.limits import ModelLimits
from pvtt_data.render.imported.resources import Resources, read_bounded
from pvtt_data.render.imported.schema import Document

_MAGIC = b"glTF"
_JSON_CHUNK, _BINARY_CHUNK = 0x4E4F534A, 0x004E4942
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

SUPPORTED_EXTENSIONS = frozenset(
    {
        "EXT_texture_webp",
        "KHR_draco_mesh_compression",
        "KHR_materials_clearcoat",
        "KHR_materials_emissive_strength",
        "KHR_materials_ior",
        "KHR_materials_sheen",
        "KHR_materials_specular",
        "KHR_materials_transmission",
        "KHR_materials_unlit",
        "KHR_materials_volume",
        "KHR_mesh_quantization",
        "KHR_texture_transform",
    }
)
"""Extensions whose meaning is kept."""

_HARMLESS_EXTENSIONS = frozenset({"KHR_lights_punctual", "KHR_materials_variants", "KHR_xmp_json_ld"})
"""Extensions that may be required though they are skipped: our own lamps light the product in its default variant."""


@dataclass(frozen=True, slots=True)
class Container:
    """A glTF file taken apart.

    Attributes:
        document: the description.
        binary: the binary block of a GLB, empty if it has none.
        resources: what else the model may read.
    """

    document: Document
    binary: memoryview
    resources: Resources


def read_container(path: Path, limits: ModelLimits) -> Container:
    """Read and check a .glb or .gltf file, without what it refers to.

    Raises:
        InputError: ``missing-file``, ``too-large``, ``not-a-model``, ``broken-model``, ``unsupported-model``,
            ``unsupported-extension`` or ``too-complex``.
    """
    data = read_bounded(path, limits.max_file_bytes)
    text, binary = _chunks(data) if data.startswith(_MAGIC) else (_bare(data), memoryview(b""))
    document = _parsed(text, limits)
    _check_versions(document)
    _check_counts(document, limits)
    return Container(document, binary, Resources(path.parent, limits.max_file_bytes))


def _bare(data: bytes) -> bytes:
    text = data.removeprefix(_BYTE_ORDER_MARK)
    if not text[:4096].lstrip(b" \t\r\n").startswith(b"{"):
        raise InputError("not-a-model", "the file is neither GLB nor glTF")
    return text


def _chunks(data: bytes) -> tuple[bytes, memoryview]:
    if len(data) < 20:
        raise InputError("broken-model", "the GLB ends within its header")
    version, length = struct.unpack_from("<II", data, 4)
    if version != 2:
        raise InputError("unsupported-model", f"the GLB is of version {version}, not 2")
    if length > len(data):
        raise InputError("broken-model", f"the GLB is cut off: {len(data)} of {length} bytes are there")
    chunks: list[tuple[int, int, int]] = []
    start = 12
    # Only the first two chunks mean anything.
    while start + 8 <= length and len(chunks) < 2:
        size, kind = struct.unpack_from("<II", data, start)
        start += 8
        if start + size > length:
            raise InputError("broken-model", "a chunk of the GLB is longer than the file")
        chunks.append((kind, start, size))
        start += size
    if not chunks or chunks[0][0] != _JSON_CHUNK:
        raise InputError("broken-model", "the GLB does not start with its description")
    _, begin, size = chunks[0]
    binary = memoryview(b"")
    if len(chunks) == 2 and chunks[1][0] == _BINARY_CHUNK:
        binary = memoryview(data)[chunks[1][1] : chunks[1][1] + chunks[1][2]]
    return data[begin : begin + size], binary


def _parsed(text: bytes, limits: ModelLimits) -> Document:
    values = sum(text.count(mark) for mark in (b",", b"[", b"{"))
    if values > limits.max_json_values:
        raise InputError("too-complex", f"the description has more than {limits.max_json_values} values")
    try:
        return Document.model_validate_json(text.rstrip(b"\0"))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(step) for step in first["loc"]) or "the description"
        raise InputError("broken-model", f"{where}: {first['msg']}"[:300]) from error
    except (RecursionError, UnicodeError, ValueError) as error:
        raise InputError("broken-model", "the description cannot be read") from error


def _check_versions(document: Document) -> None:
    asset = document.asset
    if not asset.version.startswith("2.") or (asset.min_version or "2.0") != "2.0":
        raise InputError("unsupported-model", f"the model is glTF {asset.min_version or asset.version}, not 2.0"[:200])
    wanting = sorted(set(document.extensions_required) - SUPPORTED_EXTENSIONS - _HARMLESS_EXTENSIONS)
    if wanting:
        raise InputError("unsupported-extension", f"the model requires {', '.join(wanting)}"[:300])


def _check_counts(document: Document, limits: ModelLimits) -> None:
    counts = (
        ("accessors", len(document.accessors), limits.max_accessors),
        ("buffer views", len(document.buffer_views), limits.max_accessors),
        ("buffers", len(document.buffers), limits.max_accessors),
        ("nodes", len(document.nodes), limits.max_nodes),
        ("meshes", len(document.meshes), limits.max_nodes),
        ("primitives", sum(len(mesh.primitives) for mesh in document.meshes), limits.max_primitives),
        ("materials", len(document.materials), limits.max_materials),
        ("pictures", len(document.images), limits.max_pictures),
    )
    for name, count, most in counts:
        if count > most:
            raise InputError("too-complex", f"the model has {count} {name}, more than {most}", {"count": count})
