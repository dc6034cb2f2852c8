"""How large a model that nobody vouches for may be."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 2**20


@dataclass(frozen=True, slots=True)
class ModelLimits:
    """Bounds beyond which a model is refused instead of loaded.

    Attributes:
        max_file_bytes: of the model file, and of each file that it names.
        max_json_values: of the description; commas and brackets are counted before it is parsed.
        max_buffer_bytes: of all buffers of a model together.
        max_accessors: also of buffer views.
        max_nodes: also of meshes.
        max_depth: how deep nodes may be nested.
        max_primitives: surfaces placed in the scene; one that is placed twice counts twice.
        max_vertices: of all surfaces placed in the scene.
        max_triangles: likewise.
        max_pictures: of a model.
        max_picture_pixels: of one picture before it is made smaller.
        max_decoded_pixels: of all pictures of a model together.
        picture_side_px: pictures are made smaller until no side is longer.
        max_aspect: how many times longer the longest side may be than the shortest.
    """

    max_file_bytes: int = 512 * _MIB
    max_json_values: int = 1_000_000
    max_buffer_bytes: int = 512 * _MIB
    max_accessors: int = 65_536
    max_nodes: int = 20_000
    max_depth: int = 128
    max_primitives: int = 20_000
    max_materials: int = 1024
    max_vertices: int = 2_000_000
    max_triangles: int = 4_000_000
    max_pictures: int = 128
    max_picture_pixels: int = 8192 * 8192
    max_decoded_pixels: int = 512 * 1024 * 1024
    picture_side_px: int = 1024
    max_aspect: float = 200.0


DEFAULT_MODEL_LIMITS = ModelLimits()
