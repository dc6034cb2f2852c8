"""Path tracing with Mitsuba 3 and Open Image Denoise.

The LLVM variant is used where a fit libLLVM is named by DRJIT_LIBLLVM_PATH or found under its usual Debian
path (LLVM 14 to 16 crash on AVX-512 machines), else the slower scalar one. Different variants, and different
processors, give slightly different pictures; the same ones give the same bytes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samples.render.camera import Vector
from samples.render.meshes import Mesh
from samples.render.products import Part
from samples.render.sets import Set
from samples.render.surfaces import Material, linear

_LIBLLVM = Path("/usr/lib/x86_64-linux-gnu/libLLVM.so.19.1")
_MAX_DEPTH = 4

Floats = NDArray[np.float32]


def start(threads: int) -> None:
    """Choose the variant and the number of threads of this process; to be called once, before any `Stage`."""
    if "DRJIT_LIBLLVM_PATH" not in os.environ and _LIBLLVM.is_file():
        os.environ["DRJIT_LIBLLVM_PATH"] = str(_LIBLLVM)
    import drjit
    import mitsuba

    mitsuba.set_variant("llvm_ad_rgb" if "DRJIT_LIBLLVM_PATH" in os.environ else "scalar_rgb")
    drjit.set_thread_count(threads)


def _bsdf(material: Material) -> dict[str, Any]:
    import mitsuba as mi

    if isinstance(material.colour, str):
        colour: dict[str, Any] = {"type": "rgb", "value": list(linear(material.colour))}
    else:
        colour = {"type": "bitmap", "bitmap": mi.Bitmap(np.array(material.colour, order="C")), "raw": False}
    principled = {
        "type": "principled",
        "base_color": colour,
        "roughness": material.roughness,
        "metallic": material.metallic,
        "specular": material.specular,
    }
    if material.clearcoat:
        principled |= {"clearcoat": material.clearcoat, "clearcoat_gloss": 0.92}
    return {"type": "twosided", "bsdf": principled}


def _shape(name: str, mesh: Mesh, bsdf: dict[str, Any]) -> Any:
    import mitsuba as mi

    properties = mi.Properties()
    properties["mesh_bsdf"] = mi.load_dict(bsdf)
    shape = mi.Mesh(
        name,
        vertex_count=len(mesh.vertices),
        face_count=len(mesh.faces),
        has_vertex_normals=True,
        has_vertex_texcoords=True,
        props=properties,
    )
    values = mi.traverse(shape)
    values["vertex_positions"] = mesh.vertices.astype(np.float32).ravel()
    values["vertex_normals"] = mesh.normals.astype(np.float32).ravel()
    values["vertex_texcoords"] = mesh.uv.astype(np.float32).ravel()
    values["faces"] = mesh.faces.astype(np.uint32).ravel()
    values.update()
    return shape


class Stage:
    """A set with or without a product on it, ready to be looked at.

    `radiance` gives the picture's linear light, `coverage` how much of each pixel the product covers, through
    the same lens. Poses are in world coordinates.
    """

    def __init__(
        self, stage_set: Set, product: Sequence[Part], width_px: int, height_px: int, fov_y_deg: float, aperture: float
    ) -> None:
        import mitsuba as mi

        self._size = (width_px, height_px)
        self._fov_y_deg = fov_y_deg
        self._aperture = aperture
        placed = [Part(part.mesh.moved(z=stage_set.stand_z), part.material) for part in product]
        lit: dict[str, Any] = {
            "type": "scene",
            "ambient": {"type": "constant", "radiance": {"type": "rgb", "value": list(stage_set.ambient)}},
        }
        for index, lamp in enumerate(stage_set.lamps):
            pose = mi.ScalarTransform4f().look_at(origin=list(lamp.position), target=list(lamp.aim), up=[0, 0, 1])
            lit[f"lamp{index}"] = {
                "type": "rectangle",
                "to_world": pose.scale([lamp.size[0] / 2, lamp.size[1] / 2, 1]),
                "emitter": {"type": "area", "radiance": {"type": "rgb", "value": list(lamp.radiance)}},
            }
        flat: dict[str, Any] = {"type": "scene"}
        for group, parts, reflectance in (("set", stage_set.parts, 0.0), ("product", placed, 1.0)):
            tint = {
                "type": "twosided",
                "bsdf": {"type": "diffuse", "reflectance": {"type": "rgb", "value": [reflectance] * 3}},
            }
            for index, part in enumerate(parts):
                name = f"{group}{index}"
                lit[name] = _shape(name, part.mesh, _bsdf(part.material))
                flat[name] = _shape(name, part.mesh, tint)
        self._lit = mi.load_dict(lit)
        self._flat = mi.load_dict(flat)
        self._path = mi.load_dict({"type": "path", "max_depth": _MAX_DEPTH, "rr_depth": _MAX_DEPTH + 1})
        self._features = mi.load_dict({"type": "aov", "aovs": "albedo:albedo,normal:sh_normal"})
        self._albedo = mi.load_dict({"type": "aov", "aovs": "albedo:albedo"})
        self._sensor: Any = None

    def _look(self, origin: Vector, aim: Vector) -> Any:
        """The camera in this pose; values are kept opaque, so that a move does not compile kernels anew."""
        import drjit as dr
        import mitsuba as mi

        look = mi.ScalarTransform4f().look_at(origin=origin.tolist(), target=aim.tolist(), up=[0, 0, 1])
        focus = float(np.linalg.norm(origin - aim)) - 0.12
        if self._sensor is None:
            lens = {"type": "thinlens", "aperture_radius": self._aperture, "focus_distance": focus}
            self._sensor = mi.load_dict(
                {
                    **(lens if self._aperture > 0 else {"type": "perspective"}),
                    "fov": self._fov_y_deg,
                    "fov_axis": "y",
                    "to_world": look,
                    "film": {
                        "type": "hdrfilm",
                        "width": self._size[0],
                        "height": self._size[1],
                        "rfilter": {"type": "box"},
                        "pixel_format": "rgb",
                        "component_format": "float32",
                    },
                    "sampler": {"type": "independent"},
                }
            )
        values = mi.traverse(self._sensor)
        pose, distance = mi.Transform4f(np.array(look.matrix)), mi.Float(focus)
        if dr.is_jit_v(mi.Float):
            dr.make_opaque(pose, distance)
        values["to_world"] = pose
        if self._aperture > 0:
            values["focus_distance"] = distance
        values.update()
        return self._sensor

    def radiance(self, origin: Vector, aim: Vector, samples: int, seed: int) -> Floats:
        """Denoised linear RGB, (H, W, 3) float32, not negative."""
        import mitsuba as mi
        import pyoidn

        sensor = self._look(origin, aim)
        light = np.array(mi.render(self._lit, integrator=self._path, sensor=sensor, spp=samples, seed=seed))
        features = np.array(mi.render(self._lit, integrator=self._features, sensor=sensor, spp=samples, seed=seed))
        albedo, normal = features[..., -6:-3].clip(0, 1), features[..., -3:]
        denoised: Floats = pyoidn.denoise(
            np.ascontiguousarray(light[..., :3], np.float32),
            albedo=np.ascontiguousarray(albedo, np.float32),
            normal=np.ascontiguousarray(normal, np.float32),
            hdr=True,
        )
        return np.maximum(denoised, 0)

    def coverage(self, origin: Vector, aim: Vector, samples: int, seed: int) -> Floats:
        """Share of each pixel that shows the product, (H, W) float32, 0 to 1."""
        import mitsuba as mi

        sensor = self._look(origin, aim)
        image = np.array(mi.render(self._flat, integrator=self._albedo, sensor=sensor, spp=samples, seed=seed))
        share: Floats = image[..., -3].clip(0, 1)
        return share
