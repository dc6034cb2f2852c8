"""The parts of a glTF 2.0 description that matter here, typed and bounded.

Source: the Khronos glTF 2.0 specification and its registered extensions. What is not listed is skipped by the parser.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Index = Annotated[int, Field(ge=0, lt=2**31)]
Size = Annotated[int, Field(ge=0, lt=2**40)]
Count = Annotated[int, Field(ge=1, lt=2**31)]
Number = Annotated[float, Field(ge=-1e30, le=1e30)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(ge=0.0, le=1e30)]
Pair = tuple[Number, Number]
Triple = tuple[Number, Number, Number]
Quadruple = tuple[Number, Number, Number, Number]
ShareTriple = tuple[Share, Share, Share]
ShareQuadruple = tuple[Share, Share, Share, Share]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False, alias_generator=to_camel)


class Asset(_Part):
    """Version and copyright."""

    version: str = Field(max_length=16)
    min_version: str | None = Field(default=None, max_length=16)
    copyright: str = Field(default="", max_length=10_000)


class Buffer(_Part):
    """A block of bytes."""

    byte_length: Size
    uri: str | None = None


class BufferView(_Part):
    """A range of a buffer."""

    buffer: Index
    byte_offset: Size = 0
    byte_length: Size
    byte_stride: Annotated[int, Field(ge=1, le=252)] | None = None


class SparseIndices(_Part):
    """Which elements are replaced."""

    buffer_view: Index
    byte_offset: Size = 0
    component_type: Literal[5121, 5123, 5125]


class SparseValues(_Part):
    """What replaces them."""

    buffer_view: Index
    byte_offset: Size = 0


class Sparse(_Part):
    """Elements that differ from the accessor's base."""

    count: Count
    indices: SparseIndices
    values: SparseValues


class Accessor(_Part):
    """A typed array in a buffer view."""

    buffer_view: Index | None = None
    byte_offset: Size = 0
    component_type: Literal[5120, 5121, 5122, 5123, 5125, 5126]
    normalized: bool = False
    count: Count
    type: Literal["SCALAR", "VEC2", "VEC3", "VEC4", "MAT2", "MAT3", "MAT4"]
    sparse: Sparse | None = None


class Image(_Part):
    """A picture, embedded or beside the model."""

    uri: str | None = None
    buffer_view: Index | None = None


class Sampler(_Part):
    """How a picture goes on beyond its edges."""

    wrap_s: int = 10497
    wrap_t: int = 10497


class WebpSource(_Part):
    """EXT_texture_webp."""

    source: Index


class TextureExtensions(_Part):
    """Extensions of textures."""

    webp: WebpSource | None = Field(default=None, validation_alias="EXT_texture_webp")


class Texture(_Part):
    """A picture with a sampler."""

    source: Index | None = None
    sampler: Index | None = None
    extensions: TextureExtensions = TextureExtensions()


class TextureTransform(_Part):
    """KHR_texture_transform."""

    offset: Pair = (0.0, 0.0)
    rotation: Number = 0.0
    scale: Pair = (1.0, 1.0)
    tex_coord: Index | None = None


class TextureInfoExtensions(_Part):
    """Extensions of a use of a texture."""

    transform: TextureTransform | None = Field(default=None, validation_alias="KHR_texture_transform")


class TextureInfo(_Part):
    """A use of a texture; ``scale`` is that of normal maps."""

    index: Index
    tex_coord: Index = 0
    scale: Number = 1.0
    extensions: TextureInfoExtensions = TextureInfoExtensions()


class MetallicRoughness(_Part):
    """The base of every material; None where the file is silent."""

    base_color_factor: ShareQuadruple = (1.0, 1.0, 1.0, 1.0)
    base_color_texture: TextureInfo | None = None
    metallic_factor: Share | None = None
    roughness_factor: Share | None = None
    metallic_roughness_texture: TextureInfo | None = None


class Transmission(_Part):
    """KHR_materials_transmission."""

    transmission_factor: Share = 0.0
    transmission_texture: TextureInfo | None = None


class Volume(_Part):
    """KHR_materials_volume."""

    thickness_factor: Positive = 0.0
    attenuation_distance: Annotated[float, Field(gt=0.0)] | None = None
    attenuation_color: ShareTriple = (1.0, 1.0, 1.0)


class Ior(_Part):
    """KHR_materials_ior; 0 stands for infinity there."""

    ior: Annotated[float, Field(ge=0.0, le=1000.0)] = 1.5


class Clearcoat(_Part):
    """KHR_materials_clearcoat."""

    clearcoat_factor: Share = 0.0
    clearcoat_roughness_factor: Share = 0.0


class Sheen(_Part):
    """KHR_materials_sheen."""

    sheen_color_factor: ShareTriple = (0.0, 0.0, 0.0)


class Specular(_Part):
    """KHR_materials_specular."""

    specular_factor: Share = 1.0
    specular_color_factor: tuple[Positive, Positive, Positive] = (1.0, 1.0, 1.0)


class EmissiveStrength(_Part):
    """KHR_materials_emissive_strength."""

    emissive_strength: Positive = 1.0


class Unlit(_Part):
    """KHR_materials_unlit."""


class MaterialExtensions(_Part):
    """Extensions of materials."""

    transmission: Transmission | None = Field(default=None, validation_alias="KHR_materials_transmission")
    volume: Volume | None = Field(default=None, validation_alias="KHR_materials_volume")
    ior: Ior = Field(default=Ior(), validation_alias="KHR_materials_ior")
    clearcoat: Clearcoat = Field(default=Clearcoat(), validation_alias="KHR_materials_clearcoat")
    sheen: Sheen = Field(default=Sheen(), validation_alias="KHR_materials_sheen")
    specular: Specular = Field(default=Specular(), validation_alias="KHR_materials_specular")
    emissive_strength: EmissiveStrength = Field(
        default=EmissiveStrength(), validation_alias="KHR_materials_emissive_strength"
    )
    unlit: Unlit | None = Field(default=None, validation_alias="KHR_materials_unlit")


class Material(_Part):
    """A surface's look."""

    pbr_metallic_roughness: MetallicRoughness = MetallicRoughness()
    normal_texture: TextureInfo | None = None
    emissive_texture: TextureInfo | None = None
    emissive_factor: ShareTriple = (0.0, 0.0, 0.0)
    alpha_mode: Literal["OPAQUE", "MASK", "BLEND"] = "OPAQUE"
    alpha_cutoff: Positive = 0.5
    extensions: MaterialExtensions = MaterialExtensions()


class Draco(_Part):
    """KHR_draco_mesh_compression: a buffer view and the stream's numbers of the attributes."""

    buffer_view: Index
    attributes: dict[str, Index] = Field(max_length=64)


class PrimitiveExtensions(_Part):
    """Extensions of primitives."""

    draco: Draco | None = Field(default=None, validation_alias="KHR_draco_mesh_compression")


class Primitive(_Part):
    """One surface with one material."""

    attributes: dict[str, Index] = Field(max_length=64)
    indices: Index | None = None
    material: Index | None = None
    mode: Annotated[int, Field(ge=0, le=6)] = 4
    extensions: PrimitiveExtensions = PrimitiveExtensions()


class Mesh(_Part):
    """Surfaces that move together."""

    primitives: list[Primitive] = Field(min_length=1)


class Node(_Part):
    """A place in the scene."""

    children: list[Index] = []
    mesh: Index | None = None
    skin: Index | None = None
    matrix: Annotated[list[Number], Field(min_length=16, max_length=16)] | None = None
    translation: Triple = (0.0, 0.0, 0.0)
    rotation: Quadruple = (0.0, 0.0, 0.0, 1.0)
    scale: Triple = (1.0, 1.0, 1.0)


class Scene(_Part):
    """The nodes to show."""

    nodes: list[Index] = []


class Document(_Part):
    """A whole description."""

    asset: Asset
    extensions_used: list[str] = []
    extensions_required: list[str] = []
    scene: Index | None = None
    scenes: list[Scene] = []
    nodes: list[Node] = []
    meshes: list[Mesh] = []
    materials: list[Material] = []
    textures: list[Texture] = []
    images: list[Image] = []
    samplers: list[Sampler] = []
    accessors: list[Accessor] = []
    buffer_views: list[BufferView] = []
    buffers: list[Buffer] = []
