"""Parts, lamps and skies as Mitsuba plugins.

Every opaque surface becomes the same plugin with the same kinds of inputs, because Dr.Jit compiles one kernel for a set
of kinds: scenes of the same kinds share compiled kernels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pvtt_data.render.material import Colour, Material, Part, Texture, linear_rgb
from pvtt_data.render.stage_set import Environment, Softbox

_SMOOTH = 0.04
"""Roughness below which glass is perfectly smooth."""


def _bitmap(texture: Texture) -> dict[str, Any]:
    import mitsuba as mi

    plugin: dict[str, Any] = {
        "type": "bitmap",
        "bitmap": mi.Bitmap(np.array(texture.pixels, order="C")),
        "raw": not texture.srgb,
    }
    if texture.repeat != (1.0, 1.0):
        plugin["to_uv"] = mi.ScalarTransform3f().scale([*texture.repeat])
    return plugin


def _colour(colour: Colour) -> dict[str, Any]:
    if isinstance(colour, Texture):
        return _bitmap(colour)
    values = linear_rgb(colour) if isinstance(colour, str) else colour
    return {"type": "rgb", "value": [float(v) for v in values]}


def _share(value: float | Texture) -> Any:
    return _bitmap(value) if isinstance(value, Texture) else float(value)


def bsdf(material: Material) -> dict[str, Any]:
    """A material as a dictionary for `mitsuba.load_dict`."""
    if material.transmission >= 0.5:
        return _with_holes(_glass(material), material)
    plugin: dict[str, Any] = {
        "type": "principled",
        "base_color": _colour(material.colour),
        "roughness": _share(material.roughness),
        "metallic": _share(material.metallic),
        "specular": material.specular,
    }
    if material.clearcoat:
        plugin |= {"clearcoat": material.clearcoat, "clearcoat_gloss": 1.0 - material.clearcoat_roughness}
    if material.sheen:
        plugin |= {"sheen": material.sheen}
    if material.normal_map is not None:
        plugin = {"type": "normalmap", "normalmap": _bitmap(material.normal_map), "bsdf": plugin}
    return _with_holes({"type": "twosided", "bsdf": plugin}, material)


def _glass(material: Material) -> dict[str, Any]:
    tint = {"type": "rgb", "value": [float(v) for v in material.tint]}
    if material.thin:
        return {"type": "thindielectric", "int_ior": material.ior, "specular_transmittance": tint}
    roughness = material.roughness if isinstance(material.roughness, float) else 0.1
    plugin = {"type": "dielectric", "int_ior": material.ior, "specular_transmittance": tint}
    if roughness > _SMOOTH:
        plugin |= {"type": "roughdielectric", "alpha": roughness * roughness, "distribution": "ggx"}
    return plugin


def _with_holes(plugin: dict[str, Any], material: Material) -> dict[str, Any]:
    if isinstance(material.opacity, float) and material.opacity >= 1.0:
        return plugin
    return {"type": "mask", "opacity": _share(material.opacity), "bsdf": plugin}


def shape(name: str, part: Part, surface: Any = None) -> Any:
    """One part as a `mitsuba.Mesh`.

    Args:
        name: identifier of the shape.
        surface: a loaded BSDF in place of one made from the part's material; shapes may share it.
    """
    import mitsuba as mi

    mesh, material = part.mesh, part.material
    properties = mi.Properties()
    properties["mesh_bsdf"] = surface if surface is not None else mi.load_dict(bsdf(material))
    if isinstance(material.emission, Texture) or max(material.emission) > 0:
        properties["emitter"] = mi.load_dict({"type": "area", "radiance": _colour(material.emission)})
    made = mi.Mesh(
        name,
        vertex_count=len(mesh.vertices),
        face_count=len(mesh.faces),
        has_vertex_normals=True,
        has_vertex_texcoords=True,
        props=properties,
    )
    values = mi.traverse(made)
    values["vertex_positions"] = owned(mesh.vertices)
    values["vertex_normals"] = owned(mesh.normals)
    values["vertex_texcoords"] = owned(mesh.uv)
    values["faces"] = owned(mesh.faces)
    values.update()
    return made


def owned(values: npt.NDArray[Any]) -> Any:
    """Numbers as a flat Dr.Jit array in memory of its own: float32, or uint32 for whole numbers.

    The LLVM variant would use NumPy's memory in place, wherever it begins and for as long as it lasts.
    """
    import drjit as dr
    import mitsuba as mi

    whole = np.issubdtype(values.dtype, np.integer)
    flat = np.ascontiguousarray(values, np.uint32 if whole else np.float32).ravel()
    if not dr.is_jit_v(mi.Float):
        return flat
    kind = mi.UInt32 if whole else mi.Float
    copy = dr.gather(kind, kind(flat), dr.arange(mi.UInt32, len(flat)))
    dr.eval(copy)
    dr.sync_thread()
    return copy


def lamp(softbox: Softbox) -> dict[str, Any]:
    """A softbox as a dictionary for `mitsuba.load_dict`."""
    import mitsuba as mi

    pose = mi.ScalarTransform4f().look_at(origin=list(softbox.position), target=list(softbox.aim), up=[0, 0, 1])
    return {
        "type": "rectangle",
        "to_world": pose.scale([softbox.size[0] / 2, softbox.size[1] / 2, 1]),
        "emitter": {"type": "area", "radiance": {"type": "rgb", "value": list(softbox.radiance)}},
    }


def sky(environment: Environment) -> dict[str, Any]:
    """Light from all around as a dictionary for `mitsuba.load_dict`; the picture's middle column lies on +y."""
    import mitsuba as mi

    radiance = np.ascontiguousarray(environment.radiance, np.float32)
    if radiance.shape[:2] == (1, 1):
        value = [float(v) * environment.scale for v in radiance[0, 0]]
        return {"type": "constant", "radiance": {"type": "rgb", "value": value}}
    turn = mi.ScalarTransform4f().rotate([0, 0, 1], environment.yaw_deg + 180.0).rotate([1, 0, 0], 90)
    return {"type": "envmap", "bitmap": mi.Bitmap(radiance), "scale": environment.scale, "to_world": turn}
