"""The same scenes by our engine and by Blender Cycles: cost and noise, each against its own reference."""

from __future__ import annotations

import dataclasses
import json
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import render_scenes as scenes
from PIL import Image
from render_scenes import Case, Setting

from pvtt_data.render import meshes
from pvtt_data.render.camera import CameraMove, Lens
from pvtt_data.render.look import Floats, Look, develop
from pvtt_data.render.material import Material, Part, Texture, linear_rgb
from pvtt_data.render.motion import ProductMotion
from pvtt_data.render.presets import PRESETS
from pvtt_data.render.product import Product
from pvtt_data.render.scene import Scene
from pvtt_data.render.stage_set import Environment, Softbox, StageSet
from pvtt_data.render.tracer import Depth

SCRIPT = Path(__file__).parent / "cycles_peer.py"
_DEPTH = Depth(12, 3)
_SAME_BRIGHTNESS = 0.05


@dataclass(frozen=True)
class Row:
    """One renderer with so many paths in a scene; see `render_quality.Row`.

    ``tracing_cpu_s`` is the part of ``cpu_s`` that is not the denoiser's; Cycles' is from a render without one.
    """

    scene: str
    renderer: str
    samples: int
    cpu_s: float
    wall_s: float
    tracing_cpu_s: float
    psnr_raw: float
    psnr_clean: float
    noise_db: float


class Export:
    """A case as files that `cycles_peer.py` reads.

    Args:
        folder: an empty one.
        case: everything stands where it does in the case's frame.
    """

    def __init__(self, folder: Path, case: Case) -> None:
        self._folder = folder
        self._pictures: dict[int, str] = {}
        scene = case.scene
        height = float(case.product.bounds()[1][2])
        exposure = scene.exposure(case.frame, 0, height)
        placed = [Part(exposure.product[0].apply(part.mesh), part.material) for part in case.product.parts]
        parts = [self._part(number, part) for number, part in enumerate([*scene.stage_set.parts, *placed])]
        view, lens, sky = exposure.opens, scene.lens, scene.stage_set.environment
        np.save(folder / "sky.npy", np.asarray(sky.radiance, np.float32))
        spec = {
            "width_px": lens.width_px,
            "height_px": lens.height_px,
            "tan_half_fov": lens.tan_half_fov,
            "aperture": lens.aperture,
            "focus": view.focus,
            **{axis: getattr(view, axis).tolist() for axis in ("origin", "forward", "right", "up")},
            "lamps": [dataclasses.asdict(lamp) for lamp in scene.stage_set.lamps],
            "sky": {"picture": "sky.npy", "yaw_deg": sky.yaw_deg, "scale": sky.scale},
            "parts": parts,
        }
        (folder / "scene.json").write_text(json.dumps(spec))

    def _part(self, number: int, part: Part) -> dict[str, Any]:
        mesh, name = part.mesh, f"mesh{number}.npz"
        np.savez(self._folder / name, vertices=mesh.vertices, normals=mesh.normals, uv=mesh.uv, faces=mesh.faces)
        return {"mesh": name, "material": self._material(part.material)}

    def _material(self, material: Material) -> dict[str, Any]:
        emission = material.emission
        made = {field.name: self._value(getattr(material, field.name)) for field in dataclasses.fields(Material)}
        return {**made, "glows": isinstance(emission, Texture) or max(emission) > 0}

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return list(linear_rgb(value))
        if not isinstance(value, Texture):
            return list(value) if isinstance(value, tuple) else value
        key = id(value.pixels)
        if key not in self._pictures:
            self._pictures[key] = f"picture{len(self._pictures)}.png"
            pixels = value.pixels[..., 0] if value.pixels.shape[-1] == 1 else value.pixels
            Image.fromarray(pixels).save(self._folder / self._pictures[key])
        return {"picture": self._pictures[key], "srgb": value.srgb, "repeat": list(value.repeat)}


def read_layers(path: Path) -> dict[str, Floats]:
    """Name of each layer of an OpenEXR file → ``(H, W, 3) float32``.

    Reads what Blender writes uncompressed and in one part: Mitsuba's reader waits for ever where Dr.Jit has one thread,
    and OpenCV's is switched off in its wheels. (OpenEXR file layout: attributes, a table of offsets, rows; in each row
    one channel after the other.)
    """
    data = path.read_bytes()
    position, attributes = 8, {}
    while data[position]:
        title, kind, _ = data[position : position + 512].split(b"\0", 2)
        position += len(title) + len(kind) + 2
        (size,) = struct.unpack_from("<i", data, position)
        attributes[title.decode()] = data[position + 4 : position + 4 + size]
        position += 4 + size
    left, top, right, bottom = struct.unpack("<4i", attributes["dataWindow"])
    width, height = right - left + 1, bottom - top + 1
    listed, channels = attributes["channels"], []
    while listed[0]:
        title, rest = listed.split(b"\0", 1)
        kind, listed = rest[:4], rest[16:]
        channels.append(title.decode().removeprefix("ViewLayer."))
        if kind != b"\2\0\0\0":
            raise RuntimeError(f"{path}: channel {channels[-1]} is not of 32-bit floats")
    if attributes["compression"] != b"\0" or struct.unpack_from("<i", data, 4)[0] & 0x1000:
        raise RuntimeError(f"{path} is compressed or of several parts")
    rows = np.frombuffer(data, np.uint8, offset=position + 1 + 8 * height).reshape(height, -1)[:, 8:]
    values = np.ascontiguousarray(rows).view("<f4").reshape(height, len(channels), width)
    layers: dict[str, list[int]] = {}
    for number, name in enumerate(channels):
        layer, _, letter = name.rpartition(".")
        if letter in "RGBXYZ":
            layers.setdefault(layer, []).append(number)
    # Channels are in order of the alphabet: B, G, R but X, Y, Z.
    return {
        layer: np.ascontiguousarray(
            values[:, sorted(which, key=lambda n: "RGBXYZ".index(channels[n][-1]))].swapaxes(1, 2)
        )
        for layer, which in layers.items()
        if len(which) == 3
    }


@dataclass(frozen=True, slots=True)
class Blender:
    """An interpreter that has bpy, and the prefilter of Cycles' denoiser: "ACCURATE" as shipped, "FAST" or "NONE"."""

    python: Path
    prefilter: str


def run_cycles(
    blender: Blender, folder: Path, tasks: Sequence[dict[str, Any]], threads: int
) -> dict[str, dict[str, float]]:
    """Render tasks in a process of their own; name → seconds."""
    work = folder / "tasks.json"
    work.write_text(json.dumps({"threads": threads, "prefilter": blender.prefilter, "tasks": list(tasks)}))
    command = [str(blender.python), str(SCRIPT), str(folder), str(work)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not (folder / "times.json").is_file():
        raise RuntimeError(f"Cycles failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    times: dict[str, dict[str, float]] = json.loads((folder / "times.json").read_text())
    return times


def task(name: str, samples: int, bounces: int, seed: int, denoise: bool) -> dict[str, Any]:
    """One render of Cycles. Its bounces come after the first hit and before the lamp: two less than segments."""
    return {
        "name": name,
        "samples": samples,
        "bounces": bounces - 2,
        "seed": seed,
        "denoise": denoise,
        "layers": not denoise,
    }


@dataclass(frozen=True, eq=False)
class Shots:
    """Pictures of one renderer in a scene: its reference, and display values by paths a pixel."""

    raw: Floats
    clean: Floats
    noise_db: float
    mean_light: float
    pictures: dict[int, Floats]
    seconds: dict[int, tuple[float, float, float]]


def by_cycles(case: Case, setting: Setting, blender: Blender, samples: Sequence[int], reference_samples: int) -> Shots:
    """Cycles' pictures; its references are denoised as ours are, by OIDN at "high" with its own layers."""
    look = case.scene.look
    tasks = [
        task(f"half{n}", reference_samples // 2, scenes.REFERENCE_BOUNCES, 500 + n, denoise=False) for n in range(2)
    ]
    tasks += [task(f"samples{count}", count, _DEPTH.bounces, 7, denoise=True) for count in samples]
    tasks += [{**task(f"bare{count}", count, _DEPTH.bounces, 7, denoise=False), "layers": False} for count in samples]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Export(folder, case)
        times = run_cycles(blender, folder, tasks, setting.threads)
        halves = [read_layers(folder / f"half{n}.exr") for n in range(2)]
        pictures = {count: develop(read_layers(folder / f"samples{count}.exr")["Combined"], look) for count in samples}
    mean = {layer: np.asarray((halves[0][layer] + halves[1][layer]) / 2, np.float32) for layer in halves[0]}
    clean = setting.denoiser()(mean["Combined"], np.clip(mean["Denoising Albedo"], 0, 1), mean["Denoising Normal"])
    noise = scenes.noise_of_mean_db(*(develop(half["Combined"], look) for half in halves))
    seconds = {
        count: (times[f"samples{count}"]["cpu_s"], times[f"samples{count}"]["wall_s"], times[f"bare{count}"]["cpu_s"])
        for count in samples
    }
    light = mean["Combined"]
    return Shots(develop(light, look), develop(clean, look), noise, float(light.mean()), pictures, seconds)


def by_us(case: Case, setting: Setting, samples: Sequence[int], reference_samples: int) -> Shots:
    """Our pictures, denoised at "high"; scene and kernels are made before the clock runs."""
    high = PRESETS["high"]
    denoiser = setting.denoiser()
    full = dataclasses.replace(high, depth=dataclasses.replace(_DEPTH, bounces=scenes.REFERENCE_BOUNCES))
    true = scenes.reference(case, full, reference_samples, denoiser)
    pictures, seconds = {}, {}
    for count in samples:
        preset = dataclasses.replace(PRESETS["standard"], samples=count, depth=_DEPTH)
        shoot = scenes.open_shoot(case, preset, denoiser)
        scenes.whole_frame(shoot, case.frame - 1)
        took = scenes.whole_frame(shoot, case.frame)
        pictures[count], seconds[count] = took.display, (took.cpu_s, took.wall_s, took.tracing_cpu_s)
        del shoot
    return Shots(true.raw, true.clean, true.noise_db, true.mean_light, pictures, seconds)


def plain_case(setting: Setting) -> Case:
    """A matt block on a matt floor under one lamp and an even sky: both renderers must agree on its brightness.

    At a roughness of a half, Burley's diffuse term, which is ours, is about Lambert's, which is Cycles'.
    """
    floor = Part(meshes.floor(12, -6, 6), Material((0.5, 0.5, 0.5), roughness=0.5, specular=0.0))
    block = Part(meshes.block(0.6, 0.6, 0.9), Material((0.6, 0.3, 0.2), roughness=0.5, specular=0.0))
    lamp = Softbox((1.8, -1.6, 2.6), (0, 0, 0.4), (0.8, 1.2), (9.0, 9.0, 8.0))
    stage_set = StageSet("plain", (floor,), (lamp,), Environment(np.full((1, 1, 3), 0.25, np.float32)))
    move = CameraMove("static", (12.0, 12.0), (18.0, 18.0), (4.0, 4.0))
    lens = Lens(*setting.size, aperture=0.0, shutter=0.0)
    scene = Scene(5, stage_set, lens, move, ProductMotion(), Look(grain=0.0), 3, 16.0, (0.9, 0.9), (0.0, 0.0))
    return Case("plain", scene, Product("block", "block", "blocks", "Apache-2.0", (block,)))


def compare_with_cycles(
    setting: Setting, blender: Blender, samples: Sequence[int], reference_samples: int, pictures: Path | None
) -> list[dict[str, object]]:
    """Print the brightness of both, then cost and noise; the rows as plain values."""
    if setting.variant != "llvm_ad_rgb":
        print("Cycles renders on the processor: seconds of another variant than llvm_ad_rgb are not comparable.\n")
    print(
        f"{reference_samples} paths a pixel make the reference of each renderer, which only its own pictures are "
        f"measured against. Up to\n{_DEPTH.bounces} segments a path, {scenes.REFERENCE_BOUNCES} in references; "
        f"{setting.threads} threads; the shutter opens for no time. Scene, BVH and kernels are\nmade before the clock "
        "runs; tracing and denoising count, of ours also mask, tone curve and print. Cycles' denoiser\n"
        f"prefilters albedo and normals: {blender.prefilter}.\n"
    )
    plain = plain_case(setting)
    ours, peer = by_us(plain, setting, [4], 64), by_cycles(plain, setting, blender, [4], 64)
    ratio = peer.mean_light / ours.mean_light
    verdict = "within 5 %" if abs(ratio - 1) <= _SAME_BRIGHTNESS else "NOT within 5 %: the export is wrong"
    print(f"plain scene: Cycles' mean light is {ratio:.4f} of ours, {verdict}\n", flush=True)
    _show(pictures, plain.name, ours, peer)
    head = [
        "scene",
        "renderer",
        "paths",
        "CPU s",
        "wall s",
        "tracing CPU s",
        "PSNR raw",
        "PSNR clean",
        "noise of reference",
    ]
    print(scenes.table(head, []), flush=True)
    rows: list[Row] = []
    notes: list[str] = []
    for case in map(scenes.instant, scenes.cases(setting)):
        ours = by_us(case, setting, samples, reference_samples)
        peer = by_cycles(case, setting, blender, samples, reference_samples)
        for renderer, shots in (("pvtt", ours), ("Cycles", peer)):
            found = [_row(case.name, renderer, shots, count) for count in samples]
            rows += found
            for row in found:
                print(_line(row), flush=True)
        notes.append(f"{case.name}: Cycles' mean light is {peer.mean_light / ours.mean_light:.3f} of ours")
        notes += [_at_equal_cost(ours, peer, count) for count in samples]
        _show(pictures, case.name, ours, peer)
    print("\n" + "\n".join(notes))
    return [dataclasses.asdict(row) for row in rows]


def _row(scene: str, renderer: str, shots: Shots, count: int) -> Row:
    picture = shots.pictures[count]
    raw, clean = scenes.psnr(picture, shots.raw), scenes.psnr(picture, shots.clean)
    return Row(scene, renderer, count, *shots.seconds[count], raw, clean, shots.noise_db)


def _line(row: Row) -> str:
    seconds = [f"{value:.2f}" for value in (row.cpu_s, row.wall_s, row.tracing_cpu_s)]
    decibels = [f"{value:.1f} dB" for value in (row.psnr_raw, row.psnr_clean, row.noise_db)]
    cells = [row.scene, row.renderer, str(row.samples), *seconds, *decibels]
    return f"| {' | '.join(cells)} |"


def _at_equal_cost(ours: Shots, peer: Shots, count: int) -> str:
    """What Cycles reaches in our processor time, between its own numbers of paths on a logarithmic scale."""
    spent = ours.seconds[count][0]
    reached = scenes.psnr(ours.pictures[count], ours.clean)
    points = sorted((peer.seconds[n][0], scenes.psnr(peer.pictures[n], peer.clean)) for n in peer.pictures)
    costs, quality = zip(*points, strict=True)
    at = f"  at our {count} paths, {spent:.2f} CPU s: ours {reached:.1f} dB (clean)"
    ratio = peer.seconds[count][0] / spent
    same = f"Cycles takes {ratio:.2f} times our CPU s for as many paths"
    if not min(costs) <= spent <= max(costs):
        return f"{at}, beyond what was rendered by Cycles ({min(costs):.2f} to {max(costs):.2f} CPU s); {same}"
    between = float(np.interp(np.log(spent), np.log(costs), quality))
    return f"{at}, Cycles {between:.1f} dB for the same (interpolated); {same}"


def _show(folder: Path | None, name: str, ours: Shots, peer: Shots) -> None:
    """Both references and both pictures of fewest paths, side by side: ours left, Cycles right."""
    if folder is None:
        return
    fewest = min(ours.pictures)
    shown = [ours.clean, peer.clean, ours.pictures[fewest], peer.pictures[fewest]]
    sheet = np.concatenate([scenes.as_bytes(picture) for picture in shown], axis=1)
    Image.fromarray(sheet).save(folder / f"peer-{name.replace(', ', '-')}.png")
