"""Renders what `render_peer.py` exported by Blender Cycles; run by an interpreter that has bpy, not by pvtt's.

    VENV/bin/python benchmarks/cycles_peer.py FOLDER TASKS.json

FOLDER holds scene.json, meshes as npz, pictures as png, the sky as npy. TASKS.json: `{"threads": n, "prefilter":
"ACCURATE", "tasks": [{"name", "samples", "bounces", "seed", "denoise", "layers"}]}`. Writes NAME.exr a task and
times.json: NAME → processor and wall seconds of the render. The scene is built and synchronised, its BVH built and
Cycles' kernels loaded by a render of one path a pixel that is not timed; data stay in memory between renders. Writing
the file is not timed.

Cycles is as it is shipped, but for: paths a pixel; one bound of bounces for all kinds; no adaptive sampling; a box
filter of one pixel, as ours; its own denoiser on (OIDN, with the prefilter named; it ships "ACCURATE"). Lamps are area
lights, and one of radiance L and area A is given L·π·A watts.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

Spec = dict[str, Any]
_SENSOR_MM = 24.0


def build(folder: Path, spec: Spec) -> None:
    """The scene in an empty file."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    for number, part in enumerate(spec["parts"]):
        add_mesh(f"part{number}", np.load(folder / part["mesh"]), Surface(folder, part["material"]).made)
    for number, lamp in enumerate(spec["lamps"]):
        add_lamp(f"lamp{number}", lamp)
    add_sky(spec["sky"], np.load(folder / spec["sky"]["picture"]))
    add_camera(spec)


def add_mesh(name: str, arrays: Any, material: bpy.types.Material) -> None:
    """Triangles with smooth normals of their own; v, which ran down, runs up."""
    vertices, faces, uv = arrays["vertices"], arrays["faces"], arrays["uv"]
    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add(len(vertices))
    mesh.vertices.foreach_set("co", vertices.astype(np.float32).ravel())
    mesh.loops.add(faces.size)
    mesh.loops.foreach_set("vertex_index", faces.astype(np.int32).ravel())
    mesh.polygons.add(len(faces))
    mesh.polygons.foreach_set("loop_start", np.arange(0, faces.size, 3, dtype=np.int32))
    mesh.update(calc_edges=True)
    corners = uv[faces.ravel()].astype(np.float32)
    corners[:, 1] = 1 - corners[:, 1]
    mesh.uv_layers.new(name="uv").data.foreach_set("uv", corners.ravel())
    mesh.polygons.foreach_set("use_smooth", np.ones(len(faces), bool))
    mesh.normals_split_custom_set_from_vertices(arrays["normals"].astype(np.float32))
    mesh.materials.append(material)
    bpy.context.scene.collection.objects.link(bpy.data.objects.new(name, mesh))


class Surface:
    """A material as nodes: Principled BSDF; a sheet without thickness as a mixture of mirror and transparency."""

    def __init__(self, folder: Path, spec: Spec) -> None:
        self._folder = folder
        self.made = bpy.data.materials.new("surface")
        self.made.use_nodes = True
        self._tree = self.made.node_tree
        self._tree.nodes.clear()
        out = self._node("ShaderNodeOutputMaterial")
        glass = spec["transmission"] >= 0.5
        surface = self._thin(spec) if glass and spec["thin"] else self._principled(spec, glass)
        self._link(surface, out.inputs["Surface"])

    def _principled(self, spec: Spec, glass: bool) -> Any:
        node = self._node("ShaderNodeBsdfPrincipled")
        inputs = node.inputs
        if glass:
            # Principled takes the root of the base colour at each surface that light goes through.
            inputs["Base Color"].default_value = (*(float(c) ** 2 for c in spec["tint"]), 1.0)
            inputs["Transmission Weight"].default_value = 1.0
            inputs["IOR"].default_value = spec["ior"]
            roughness = spec["roughness"]
            smooth = isinstance(roughness, float) and roughness <= 0.04
            inputs["Roughness"].default_value = 0.0 if smooth else roughness if isinstance(roughness, float) else 0.1
        else:
            self._set(inputs["Base Color"], spec["colour"])
            self._set(inputs["Roughness"], spec["roughness"])
            self._set(inputs["Metallic"], spec["metallic"])
            inputs["Specular IOR Level"].default_value = spec["specular"]
            inputs["Coat Weight"].default_value = spec["clearcoat"]
            inputs["Coat Roughness"].default_value = spec["clearcoat_roughness"]
            inputs["Sheen Weight"].default_value = spec["sheen"]
            if spec["normal_map"]:
                bent = self._node("ShaderNodeNormalMap")
                self._set(bent.inputs["Color"], spec["normal_map"])
                self._link(bent.outputs["Normal"], inputs["Normal"])
        self._set(inputs["Alpha"], spec["opacity"])
        if spec["glows"]:
            self._set(inputs["Emission Color"], spec["emission"])
            # Light leaves the front only.
            self._link(self._math("SUBTRACT", 1.0, self._backfacing()), inputs["Emission Strength"])
        return node.outputs["BSDF"]

    def _thin(self, spec: Spec) -> Any:
        """Both surfaces of the sheet together reflect 2R/(1 + R)."""
        fresnel = self._node("ShaderNodeFresnel")
        # The node takes the reciprocal at back faces; both sides of a sheet are alike.
        inverse = 1 / spec["ior"] - spec["ior"]
        index = self._math("ADD", self._math("MULTIPLY", self._backfacing(), inverse), spec["ior"])
        self._link(index, fresnel.inputs["IOR"])
        once = fresnel.outputs[0]
        share = self._math("DIVIDE", self._math("MULTIPLY", once, 2.0), self._math("ADD", once, 1.0))
        clear, mirror = self._node("ShaderNodeBsdfTransparent"), self._node("ShaderNodeBsdfAnisotropic")
        clear.inputs["Color"].default_value = (*spec["tint"], 1.0)
        mirror.inputs["Color"].default_value = (1.0, 1.0, 1.0, 1.0)
        mirror.inputs["Roughness"].default_value = 0.0
        mix = self._node("ShaderNodeMixShader")
        self._link(share, mix.inputs[0])
        self._link(clear.outputs[0], mix.inputs[1])
        self._link(mirror.outputs[0], mix.inputs[2])
        return mix.outputs[0]

    def _set(self, socket: Any, value: Any) -> None:
        """A number, a linear colour or a picture."""
        if isinstance(value, dict):
            self._link(self._picture(value), socket)
        elif isinstance(value, list):
            socket.default_value = (*value, 1.0)
        else:
            socket.default_value = value

    def _picture(self, spec: Spec) -> Any:
        node = self._node("ShaderNodeTexImage")
        node.image = bpy.data.images.load(str(self._folder / spec["picture"]), check_existing=True)
        node.image.colorspace_settings.name = "sRGB" if spec["srgb"] else "Non-Color"
        across, down = spec["repeat"]
        if (across, down) != (1, 1):
            place, scale = self._node("ShaderNodeTexCoord"), self._node("ShaderNodeMapping")
            scale.inputs["Scale"].default_value = (across, down, 1.0)
            scale.inputs["Location"].default_value = (0.0, 1.0 - down, 0.0)
            self._link(place.outputs["UV"], scale.inputs["Vector"])
            self._link(scale.outputs["Vector"], node.inputs["Vector"])
        return node.outputs["Color"]

    def _backfacing(self) -> Any:
        return self._node("ShaderNodeNewGeometry").outputs["Backfacing"]

    def _math(self, operation: str, first: Any, second: Any) -> Any:
        node = self._node("ShaderNodeMath")
        node.operation = operation
        for socket, value in zip(node.inputs, (first, second), strict=False):
            if isinstance(value, float):
                socket.default_value = value
            else:
                self._link(value, socket)
        return node.outputs[0]

    def _node(self, kind: str) -> Any:
        return self._tree.nodes.new(kind)

    def _link(self, source: Any, target: Any) -> None:
        self._tree.links.new(source, target)


def add_lamp(name: str, spec: Spec) -> None:
    """A rectangle that shines to one side with an even radiance."""
    brightest = max(max(spec["radiance"]), 1e-9)
    light = bpy.data.lights.new(name, "AREA")
    light.shape, (light.size, light.size_y) = "RECTANGLE", spec["size"]
    light.color = [value / brightest for value in spec["radiance"]]
    light.energy = brightest * np.pi * spec["size"][0] * spec["size"][1]
    position, aim = np.array(spec["position"]), np.array(spec["aim"])
    forward = (aim - position) / np.linalg.norm(aim - position)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    lamp = bpy.data.objects.new(name, light)
    lamp.matrix_world = matrix(right, np.cross(right, forward), -forward, position)
    lamp.visible_camera = True
    bpy.context.scene.collection.objects.link(lamp)


def matrix(x: Any, y: Any, z: Any, origin: Any) -> Matrix:
    """From three axes and a place."""
    made = np.eye(4)
    made[:3] = np.stack([x, y, z, origin], -1)
    return Matrix(made.tolist())


def add_sky(spec: Spec, radiance: Any) -> None:
    """A latitude-longitude picture with its middle column on +y, turned by the yaw."""
    world = bpy.data.worlds.new("sky")
    bpy.context.scene.world = world
    world.use_nodes = True
    tree = world.node_tree
    background = tree.nodes["Background"]
    background.inputs["Strength"].default_value = spec["scale"]
    height, width, _ = radiance.shape
    if (height, width) == (1, 1):
        background.inputs["Color"].default_value = (*radiance[0, 0].tolist(), 1.0)
        return
    image = bpy.data.images.new("sky", width, height, float_buffer=True, is_data=True)
    pixels = np.concatenate([radiance[::-1], np.ones((height, width, 1))], axis=-1)
    image.pixels.foreach_set(pixels.astype(np.float32).ravel())
    place, turn = tree.nodes.new("ShaderNodeTexCoord"), tree.nodes.new("ShaderNodeMapping")
    # The middle column of Blender's pictures lies on +x.
    turn.inputs["Rotation"].default_value = (0.0, 0.0, np.radians(-90.0 - spec["yaw_deg"]))
    picture = tree.nodes.new("ShaderNodeTexEnvironment")
    picture.image = image
    tree.links.new(place.outputs["Generated"], turn.inputs["Vector"])
    tree.links.new(turn.outputs["Vector"], picture.inputs["Vector"])
    tree.links.new(picture.outputs["Color"], background.inputs["Color"])


def add_camera(spec: Spec) -> None:
    """A thin lens."""
    camera = bpy.data.cameras.new("camera")
    camera.sensor_fit, camera.sensor_height = "VERTICAL", _SENSOR_MM
    camera.lens = _SENSOR_MM / 2 / spec["tan_half_fov"]
    camera.clip_start, camera.clip_end = 0.001, 1000.0
    if spec["aperture"] > 0:
        camera.dof.use_dof = True
        camera.dof.focus_distance = spec["focus"]
        camera.dof.aperture_fstop = camera.lens / 1000 / (2 * spec["aperture"])
    placed = bpy.data.objects.new("camera", camera)
    placed.matrix_world = matrix(spec["right"], spec["up"], -np.array(spec["forward"]), spec["origin"])
    scene = bpy.context.scene
    scene.collection.objects.link(placed)
    scene.camera = placed
    scene.render.resolution_x, scene.render.resolution_y = spec["width_px"], spec["height_px"]
    scene.render.resolution_percentage = 100


def set_up(threads: int, prefilter: str) -> None:
    """What all renders share."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.threads_mode, scene.render.threads = "FIXED", threads
    scene.render.use_persistent_data = True
    scene.cycles.device = "CPU"
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.denoising_prefilter = prefilter
    scene.cycles.pixel_filter_type, scene.cycles.filter_width = "BOX", 1.0
    settings = scene.render.image_settings
    settings.media_type = "MULTI_LAYER_IMAGE"
    settings.color_depth, settings.exr_codec, settings.use_exr_interleave = "32", "NONE", True


def render(task: Spec, path: Path) -> tuple[float, float]:
    """Processor and wall seconds of one render, which is then written."""
    scene = bpy.context.scene
    scene.cycles.samples, scene.cycles.seed = task["samples"], task["seed"]
    scene.cycles.use_denoising = task["denoise"]
    scene.view_layers[0].cycles.denoising_store_passes = task["layers"]
    for kind in ("max", "diffuse", "glossy", "transmission"):
        setattr(scene.cycles, f"{kind}_bounces", task["bounces"])
    wall, cpu = time.perf_counter(), time.process_time()
    bpy.ops.render.render()
    took = time.process_time() - cpu, time.perf_counter() - wall
    bpy.data.images["Render Result"].save_render(str(path))
    return took


def main() -> None:
    """Build, then render all tasks."""
    folder, work = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    build(folder, json.loads((folder / "scene.json").read_text()))
    set_up(work["threads"], work["prefilter"])
    times = {}
    for task in work["tasks"]:
        # Bounds of bounces and passes are part of what is synchronised: each task is warmed up with its own.
        render({**task, "samples": 1, "seed": 1}, folder / "warm.exr")
        cpu_s, wall_s = render(task, folder / f"{task['name']}.exr")
        times[task["name"]] = {"cpu_s": cpu_s, "wall_s": wall_s}
    (folder / "times.json").write_text(json.dumps(times))


if __name__ == "__main__":
    main()
